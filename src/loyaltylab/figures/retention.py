"""Retention curves with confidence bands and the numbers at risk under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from loyaltylab.figures import wording
from loyaltylab.figures.at_risk import (
    check_at_risk,
    count_at,
    look_up_at,
    tidy_at_risk,
    write_at_risk,
)
from loyaltylab.figures.checks import (
    check_counts,
    check_estimates,
    check_frame,
    check_min_cell,
    check_times,
)
from loyaltylab.figures.figure import Figure, FigureError
from loyaltylab.figures.sheet import LEADING, MARGIN, SHEET_WIDTH, Sheet
from loyaltylab.figures.steps import (
    MAX_STEPS,
    MAX_STEPS_PER_SHEET,
    DrawnSteps,
    draw_steps,
    note_stops,
)
from loyaltylab.figures.style import (
    BAND_ALPHA,
    SMALL_SIZE,
    SeriesStyle,
    assign_styles,
    house_style,
)
from loyaltylab.figures.time_axis import MONTH_DAYS, TimeAxis, choose_tick_times

_COLUMNS = ("time", "retention", "ci_lower", "ci_upper", "n_at_risk")
_PLOT_HEIGHT = 215.0
_LEFT = 48.0
_RIGHT = 22.0


def retention_curves(
    curves: Mapping[str, pd.DataFrame],
    *,
    horizon: float,
    stamp: str | None,
    caption: str,
    min_cell: int = 1,
    at_risk: Mapping[str, pd.DataFrame] | None = None,
    at_risk_times: Sequence[float] | None = None,
    time_unit_days: float = MONTH_DAYS,
    time_label: str = "Months since sign-up",
    value_label: str = "Customers retained",
    confidence_level: float = 0.95,
    title: str | None = None,
    mark_times: Mapping[str, float] | None = None,
) -> Figure:
    """Draw retention over time, one step curve with its band per group.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        Group -> columns time (days), retention, ci_lower, ci_upper (shares), n_at_risk (just
        before time) and optionally n_events, n_censored. Every curve starts at (0, 1).
    horizon : float
        Last day drawn.
    stamp : str or None
        Where the data come from, written small under the figure.
    caption : str
        What the reader should take from the figure.
    min_cell : int
        A smaller number at risk is written "<min_cell", and the curve stops before it.
    at_risk : mapping of str to pandas.DataFrame, optional
        Group -> columns time (days), n_at_risk, counted at the tick times. Needed when customers
        enter late; read off the curves otherwise, which is exact if their rows cover every exit
        and censoring.
    at_risk_times : sequence of float, optional
        Days to label and to count at; `choose_tick_times` unless given.
    time_unit_days, time_label : float, str
        Unit of the axis in days, and its name; the first word of the name is the unit.
    value_label : str
        What the vertical axis measures.
    confidence_level : float
        Level of the intervals given.
    title : str, optional
        Heading of the figure.
    mark_times : mapping of str to float, optional
        Label -> day of a vertical mark, such as the expiry of a voucher.

    Returns
    -------
    Figure
        Its data have element "curve" (retention with its interval from time on), "at_risk"
        (n_at_risk, shown) and "mark".

    Raises
    ------
    FigureError
        If a frame is empty, lacks a column or holds impossible values, or if customers enter
        late and `at_risk` is not given.

    Examples
    --------
    >>> curve = pd.DataFrame({"time": [10.0, 20.0], "retention": [0.9, 0.8],
    ...                       "ci_lower": [0.7, 0.6], "ci_upper": [0.97, 0.9],
    ...                       "n_at_risk": [20, 18]})
    >>> figure = retention_curves({"all": curve}, horizon=20, time_unit_days=1,
    ...                           time_label="Days since sign-up", at_risk_times=[0, 10, 20],
    ...                           stamp=None, caption="Few leave.")
    >>> figure.alt
    'Retention curve with 95 % confidence band, by days since sign-up, from 0 to 20. After 10 \
days: all 90.0 % (70.0 to 97.0). After 20 days: all 80.0 % (60.0 to 90.0). Number at risk at 0, \
10, 20 days: all 20, 20, 18.'
    """
    check_min_cell(min_cell)
    _check_curves(curves, at_risk)
    ticks = at_risk_times
    if ticks is None:
        ticks = choose_tick_times(horizon=horizon, time_unit_days=time_unit_days)
    axis = TimeAxis(horizon, time_unit_days, time_label, sorted(ticks), dict(mark_times or {}))
    table = _count_at_risk(curves, at_risk, times=axis.ticks, min_cell=min_cell)
    steps = {
        group: draw_steps(
            curve, value="retention", start=1.0, horizon=horizon, min_cell=min_cell,
            at_risk=(at_risk or {}).get(group), keep=axis.ticks,
            max_steps=min(MAX_STEPS, MAX_STEPS_PER_SHEET // len(curves)),
        )
        for group, curve in curves.items()
    }  # fmt: skip
    note = note_stops(steps.values(), min_cell=min_cell)
    svg = _draw(
        steps, table, axis=axis, title=title, value_label=value_label, stamp=stamp, note=note
    )
    alt = wording.sentences(
        _describe(steps, axis=axis, level=wording.level(confidence_level), min_cell=min_cell),
        _describe_at_risk(table, axis=axis),
        wording.marks(axis.describe_marks()),
        stamp,
    )
    return Figure(svg, alt, caption, _tidy(steps, table, axis=axis))


def _check_curves(
    curves: Mapping[str, pd.DataFrame], at_risk: Mapping[str, pd.DataFrame] | None
) -> None:
    if not curves:
        raise FigureError("Retention curves cannot be drawn: there is no group.")
    for group, curve in curves.items():
        what = f"The retention curve of {group!r}"
        check_frame(curve, _COLUMNS, what=what)
        check_times(curve["time"], what=what)
        check_estimates(curve, "retention", what=what, share=True)
        check_counts(curve, ["n_at_risk", "n_events", "n_censored"], what=what)
        if at_risk is not None:
            if group not in at_risk:
                raise FigureError(f"at_risk has no table for the group {group!r}.")
            check_at_risk(at_risk[group], what=f"The numbers at risk of {group!r}")


def _count_at_risk(
    curves: Mapping[str, pd.DataFrame],
    at_risk: Mapping[str, pd.DataFrame] | None,
    *,
    times: Sequence[float],
    min_cell: int,
) -> pd.DataFrame:
    counts = {
        group: count_at(at_risk[group], times, what=f"The numbers at risk of {group!r}")
        if at_risk is not None
        else look_up_at(curve, times, what=f"The customers of {group!r}")
        for group, curve in curves.items()
    }
    return tidy_at_risk(counts, times, min_cell=min_cell)


def draw_band(axes: Axes, steps: DrawnSteps, style: SeriesStyle) -> None:
    """Draw one step curve and, behind it, its confidence band."""
    points = steps.points
    time = points["time"].to_numpy()
    lower, upper = points["ci_lower"].to_numpy(), points["ci_upper"].to_numpy()
    axes.fill_between(time, lower, upper, step="post", color=style.color, alpha=BAND_ALPHA,
                      linewidth=0, where=~(np.isnan(lower) | np.isnan(upper)))  # fmt: skip
    axes.step(time, points["value"].to_numpy(), where="post", color=style.color,
              linestyle=style.dashes)  # fmt: skip


def _draw(
    steps: Mapping[str, DrawnSteps],
    table: pd.DataFrame,
    *,
    axis: TimeAxis,
    title: str | None,
    value_label: str,
    stamp: str | None,
    note: str,
) -> str:
    styles = assign_styles(steps)
    width = SHEET_WIDTH - _LEFT - _RIGHT
    positions = [_LEFT + width * axis.fraction(tick) for tick in axis.ticks]
    marks = [(_LEFT + width * axis.fraction(day), label) for label, day in axis.marks.items()]
    with house_style():
        sheet = Sheet()
        sheet.add_heading(title, value_label)
        if len(styles) > 1:
            sheet.add_legend(styles)
        sheet.add_marks(marks, left=_LEFT, right=SHEET_WIDTH - MARGIN, height=_PLOT_HEIGHT)
        axes = sheet.add_axes(left=_LEFT, top=sheet.y, width=width, height=_PLOT_HEIGHT)
        for group, curve in steps.items():
            draw_band(axes, curve, styles[group])
        axes.set_ylim(0, 1)
        axes.set_yticks(np.linspace(0, 1, 6), [f"{share} %" for share in range(0, 101, 20)])
        axes.grid(axis="y")
        axis.dress(axes)
        sheet.y += _PLOT_HEIGHT + 8 + 2 * SMALL_SIZE * LEADING
        sheet.write(_LEFT + width / 2, sheet.y - SMALL_SIZE * LEADING / 2, axis.label,
                    ha="center")  # fmt: skip
        sheet.y += 4
        write_at_risk(sheet, table, positions=positions, styles=styles)
        return sheet.to_svg(stamp, note=note)


def _describe(steps: Mapping[str, DrawnSteps], *, axis: TimeAxis, level: str, min_cell: int) -> str:
    plural = "s" if len(steps) > 1 else ""
    parts = [
        f"Retention curve{plural} with {level} confidence band{plural}"
        f"{wording.groups(list(steps))}, by {axis.words}, from 0 to {axis.units(axis.horizon)}"
    ]
    for time in axis.summary_times():
        values = [f"{group} {_describe_value(curve, time, min_cell=min_cell)}"
                  for group, curve in steps.items()]  # fmt: skip
        parts.append(f"After {axis.duration(time)}: {', '.join(values)}")
    return ". ".join(parts)


def _describe_value(curve: DrawnSteps, time: float, *, min_cell: int) -> str:
    value = curve.at(time)
    if value is not None:
        return wording.percent_interval(*value)
    few = f"fewer than {min_cell} at risk" if min_cell > 1 else "nobody at risk"
    return f"not shown ({few})" if curve.is_stopped else "not observed"


def _describe_at_risk(table: pd.DataFrame, *, axis: TimeAxis) -> str:
    times = [0.0, *axis.summary_times()] if 0.0 in axis.ticks else axis.summary_times()
    chosen = table.loc[table["time"].isin(times)]
    numbers = [f"{group} {', '.join(rows['shown'].replace('', 'unknown'))}"
               for group, rows in chosen.groupby("group", sort=False)]  # fmt: skip
    at = ", ".join(axis.units(time) for time in times)
    return f"Number at risk at {at} {axis.unit}: {'; '.join(numbers)}"


def _tidy(steps: Mapping[str, DrawnSteps], table: pd.DataFrame, *, axis: TimeAxis) -> pd.DataFrame:
    curves = [curve.points.rename(columns={"value": "retention"})
              .assign(element="curve", group=group) for group, curve in steps.items()]  # fmt: skip
    marks = [{"element": "mark", "group": label, "time": float(day)}
             for label, day in axis.marks.items()]  # fmt: skip
    columns = ["element", "group", "time", "retention", "ci_lower", "ci_upper", "n_at_risk",
               "shown"]  # fmt: skip
    parts = [*curves, table, *([pd.DataFrame(marks)] if marks else [])]
    frame = pd.concat([part.reindex(columns=columns).astype(_TYPES) for part in parts])
    return frame.reset_index(drop=True)


_TYPES = {"element": object, "group": object, "time": float, "retention": float,
          "ci_lower": float, "ci_upper": float, "n_at_risk": "Int64", "shown": object}  # fmt: skip
