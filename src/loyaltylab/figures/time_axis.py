"""Time since an origin, in days below and in months (or another unit) to the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from loyaltylab.figures.figure import FigureError
from loyaltylab.figures.wording import plain

MONTH_DAYS = 30.4375
_MONTH_STEPS = (0.25, 0.5, 1, 2, 3, 6, 12, 24, 36, 60, 120)
_OTHER_STEPS = tuple(n * 10.0**power for power in range(-1, 5) for n in (1, 2, 5))


def choose_tick_times(*, horizon: float, time_unit_days: float = MONTH_DAYS) -> list[float]:
    """Days at which a time axis is labelled and, by default, numbers at risk are counted.

    Parameters
    ----------
    horizon : float
        Last day drawn.
    time_unit_days : float
        Days in one unit of the axis; the mean month unless told.

    Returns
    -------
    list of float
        At most six days, from 0 in whole steps of the unit.

    Raises
    ------
    FigureError
        If `horizon` or `time_unit_days` is not positive.

    Examples
    --------
    >>> [day / 30.4375 for day in choose_tick_times(horizon=730.5)]
    [0.0, 6.0, 12.0, 18.0, 24.0]
    """
    if not (horizon > 0 and time_unit_days > 0):
        raise FigureError(f"horizon {horizon} and time_unit_days {time_unit_days} must be positive")
    length = horizon / time_unit_days
    steps = _MONTH_STEPS if 28 <= time_unit_days <= 31 else _OTHER_STEPS
    step = next((step for step in steps if length / step < 5 + 1e-6), length / 5)
    return [n * step * time_unit_days for n in range(int(length / step + 1e-6) + 1)]


@dataclass(frozen=True)
class TimeAxis:
    """The horizontal axis that curves share.

    Parameters
    ----------
    horizon : float
        Last day drawn.
    unit_days : float
        Days in one unit.
    label : str
        Such as "Months since sign-up"; its first word names the unit.
    ticks : sequence of float
        Days that are labelled.
    marks : mapping of str to float
        Days that are marked, by label.
    """

    horizon: float
    unit_days: float
    label: str
    ticks: Sequence[float]
    marks: Mapping[str, float]

    def __post_init__(self) -> None:
        outside = [f"{label!r} at day {day:g}" for label, day in self.marks.items()
                   if not 0 <= day <= self.horizon]  # fmt: skip
        outside += [f"tick at day {day:g}" for day in self.ticks if not 0 <= day <= self.horizon]
        if outside:
            raise FigureError(f"Outside the axis from day 0 to {self.horizon:g}.", outside)

    @property
    def unit(self) -> str:
        """Name of the unit, "months"."""
        return (self.label.split() or ["units"])[0].lower()

    @property
    def words(self) -> str:
        """The label inside a sentence, "months since sign-up"."""
        return self.label[:1].lower() + self.label[1:]

    def units(self, time: float) -> str:
        """A time in days written in units, "12"."""
        return plain(time / self.unit_days)

    def duration(self, time: float) -> str:
        """A time in days with its unit, "12 months" or "1 month"."""
        number = self.units(time)
        unit = self.unit.removesuffix("s") if number == "1" else self.unit
        return f"{number} {unit}"

    def summary_times(self) -> list[float]:
        """Up to three ticks for the text: whole years of months, else the middle and the last."""
        ticks = [tick for tick in self.ticks if tick > 0]
        years = [tick for tick in ticks
                 if abs((tick / self.unit_days + 6) % 12 - 6) < 1e-6]  # fmt: skip
        if self.unit != "months" or not years:
            chosen = [ticks[(len(ticks) - 1) // 2], ticks[-1]] if ticks else []
        else:
            chosen = [years[0], years[(len(years) - 1) // 2], years[-1]]
        return sorted(set(chosen))

    def fraction(self, time: float) -> float:
        """Where on the axis a time lies, from 0 to 1."""
        return time / self.horizon

    def dress(self, axes: Axes) -> None:
        """Give `axes` this time axis."""
        axes.set_xlim(0, self.horizon)
        axes.set_xticks(list(self.ticks), [self.units(tick) for tick in self.ticks])

    def describe_marks(self) -> dict[str, str]:
        """Each mark's label and its place in words."""
        return {label: f"at {self.duration(day)}" for label, day in self.marks.items()}
