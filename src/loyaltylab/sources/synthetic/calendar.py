"""Days and instants: the simulated day 0 starts at the study window's start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loyaltylab.params import SyntheticParameters

DAYS_PER_MONTH = 30.4375
DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
NOT_A_TIME = np.iinfo(np.int64).min
BURN_IN_DAYS = 365  # the unrecorded year that brings the stock's feelings to a steady state

Instants = NDArray[np.int64]  # microseconds since 1970-01-01 UTC


@dataclass(frozen=True)
class Calendar:
    """The dates of a world, as day numbers counted from the window's start."""

    window_start_us: int
    n_days: int
    shock_start: int
    shock_end: int
    reform: int
    reform_announced: int
    rival_promotions: tuple[tuple[int, int], ...]

    def instant(self, day: ArrayLike) -> Instants:
        """Microseconds since 1970 of a (fractional) day number."""
        since_start = np.floor(np.asarray(day, dtype=np.float64) * DAY_US)
        return np.asarray(self.window_start_us + since_start.astype(np.int64))

    @property
    def window_end_us(self) -> int:
        """The instant at which everyone still a customer is censored."""
        return self.window_start_us + self.n_days * DAY_US

    def in_shock(self, day: int) -> bool:
        """Whether the provider is in its shock on that day."""
        return self.shock_start <= day < self.shock_end

    def in_rival_promotion(self, day: int) -> bool:
        """Whether a rival is courting everybody's customers on that day."""
        return any(start <= day < end for start, end in self.rival_promotions)


def make_calendar(parameters: SyntheticParameters) -> Calendar:
    """Day numbers of the parameters' dates."""

    def day_of(moment: date) -> int:
        return (moment - parameters.window_start).days

    epoch_day = (parameters.window_start - date(1970, 1, 1)).days
    return Calendar(
        window_start_us=epoch_day * DAY_US,
        n_days=day_of(parameters.window_end),
        shock_start=day_of(parameters.shock_start),
        shock_end=day_of(parameters.shock_end),
        reform=day_of(parameters.reform_date),
        reform_announced=day_of(parameters.reform_announced),
        rival_promotions=tuple(
            (day_of(date(year, 11, 1)), day_of(date(year, 12, 1)))
            for year in range(parameters.window_start.year - 1, parameters.window_end.year + 1)
        ),
    )


def probability(rate_pm: float | NDArray[np.float64], *, days: float = 1) -> NDArray[np.float64]:
    """Probability of at least one event in so many days, from a rate per month."""
    return np.asarray(-np.expm1(np.asarray(rate_pm) * (-days / DAYS_PER_MONTH)))
