"""Cumulative incidence of competing exits, side by side for each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.figures import wording
from loyaltylab.figures.at_risk import check_at_risk, count_at, tidy_at_risk
from loyaltylab.figures.checks import (
    check_counts,
    check_estimates,
    check_frame,
    check_min_cell,
    check_times,
)
from loyaltylab.figures.figure import Figure, FigureError
from loyaltylab.figures.retention import draw_band
from loyaltylab.figures.sheet import LEADING, MARGIN, SHEET_WIDTH, Sheet, wrap_text
from loyaltylab.figures.steps import (
    MAX_STEPS,
    MAX_STEPS_PER_SHEET,
    DrawnSteps,
    draw_steps,
    note_stops,
)
from loyaltylab.figures.style import (
    GREY,
    SMALL_SIZE,
    TEXT_SIZE,
    assign_styles,
    house_style,
)
from loyaltylab.figures.time_axis import MONTH_DAYS, TimeAxis, choose_tick_times

_COLUMNS = ("time", "cause", "incidence", "ci_lower", "ci_upper")
_WHAT = "Cumulative incidence"
_LEFT = 46.0
_GUTTER = 44.0
_RIGHT = 22.0
_LINE = SMALL_SIZE * LEADING

Panels = Mapping[str, Mapping[str, DrawnSteps]]


def cumulative_incidence_curves(
    frame: pd.DataFrame,
    *,
    horizon: float,
    stamp: str | None,
    caption: str,
    min_cell: int = 1,
    at_risk: pd.DataFrame | None = None,
    at_risk_times: Sequence[float] | None = None,
    cause_labels: Mapping[str, str] | None = None,
    time_unit_days: float = MONTH_DAYS,
    time_label: str = "Months since sign-up",
    value_label: str = "Customers who have left, by kind of exit",
    confidence_level: float = 0.95,
    title: str | None = None,
    mark_times: Mapping[str, float] | None = None,
) -> Figure:
    """Draw how many have left by each exit, one panel per group, all on one scale.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns time (days), cause, incidence, ci_lower, ci_upper (shares); optionally group
        (one panel each) and n_at_risk (just before time). Every curve starts at (0, 0).
    horizon : float
        Last day drawn.
    stamp, caption, title : str or None
        Source of the data, message and heading.
    min_cell : int
        Curves stop before fewer than this are at risk; above 1 it needs n_at_risk.
    at_risk : pandas.DataFrame, optional
        Columns time (days), n_at_risk and, with groups, group: written under each panel.
    at_risk_times : sequence of float, optional
        Days to label; `choose_tick_times` unless given.
    cause_labels : mapping of str to str, optional
        Cause -> its name in words.
    time_unit_days, time_label, value_label, confidence_level, mark_times
        As in `retention_curves`.

    Returns
    -------
    Figure
        Its data have element "curve", "at_risk" and "mark".

    Raises
    ------
    FigureError
        If the frame is empty, lacks a column, holds impossible values, or has no n_at_risk
        although `min_cell` asks for suppression.

    Examples
    --------
    >>> frame = pd.DataFrame({"time": [10.0, 20.0], "cause": ["price", "price"],
    ...                       "incidence": [0.1, 0.2], "ci_lower": [0.05, 0.1],
    ...                       "ci_upper": [0.2, 0.3]})
    >>> figure = cumulative_incidence_curves(frame, horizon=20, time_unit_days=1, stamp=None,
    ...                                      time_label="Days since sign-up", caption="Few leave.")
    >>> "After 20 days: price 20.0 % (10.0 to 30.0)" in figure.alt
    True
    """
    check_min_cell(min_cell)
    rows = _check(frame, at_risk, min_cell=min_cell, labels=dict(cause_labels or {}))
    names = list(dict.fromkeys(rows["group"]))
    ticks = at_risk_times
    if ticks is None:
        ticks = choose_tick_times(horizon=horizon, time_unit_days=time_unit_days)
        # Panels two abreast have room for five labels.
        ticks = ticks[:: 2 if len(names) > 1 and len(ticks) > 5 else 1]
    axis = TimeAxis(horizon, time_unit_days, time_label, sorted(ticks), dict(mark_times or {}))
    groups = _by_group(at_risk, names)
    panels = _draw_panels(rows, groups, axis=axis, min_cell=min_cell)
    table = None
    if groups:
        counts = {group: count_at(counted, axis.ticks, what=f"The numbers at risk of {group!r}")
                  for group, counted in groups.items()}  # fmt: skip
        table = tidy_at_risk(counts, axis.ticks, min_cell=min_cell)
    alt = wording.sentences(
        _describe(panels, axis=axis, level=wording.level(confidence_level), min_cell=min_cell),
        wording.marks(axis.describe_marks()),
        stamp,
    )
    drawn = [curve for curves in panels.values() for curve in curves.values()]
    svg = _Picture(panels, table, axis).draw(
        title=title,
        value_label=value_label,
        stamp=stamp,
        note=note_stops(drawn, min_cell=min_cell),
    )
    return Figure(svg, alt, caption, _tidy(panels, table, axis))


def _check(
    frame: pd.DataFrame, at_risk: pd.DataFrame | None, *, min_cell: int, labels: dict[str, str]
) -> pd.DataFrame:
    """Return the checked rows with a group, "" where there is none, and causes in words."""
    check_frame(frame, _COLUMNS, what=_WHAT)
    check_estimates(frame, "incidence", what=_WHAT, share=True)
    check_counts(frame, ["n_at_risk"], what=_WHAT)
    if min_cell > 1 and "n_at_risk" not in frame.columns:
        raise FigureError(f"{_WHAT} cannot be drawn: min_cell is {min_cell}, so that the column "
                          "'n_at_risk' is needed to know where to stop.")  # fmt: skip
    rows = frame if "group" in frame.columns else frame.assign(group="")
    rows = rows.assign(
        cause=[labels.get(str(cause), str(cause)) for cause in rows["cause"]],
        group=rows["group"].astype(str),
    )
    for (group, cause), part in rows.groupby(["group", "cause"], sort=False):
        check_times(part["time"], what=f"{_WHAT} of {cause!r} {group!r}")
    if at_risk is not None:
        needed = ["time", "n_at_risk", *(["group"] if "group" in frame.columns else [])]
        check_frame(at_risk, needed, what="The numbers at risk")
    return rows


def _by_group(at_risk: pd.DataFrame | None, groups: Sequence[str]) -> dict[str, pd.DataFrame]:
    if at_risk is None:
        return {}
    found = {group: at_risk if group == "" else at_risk.loc[at_risk["group"].astype(str) == group]
             for group in groups}  # fmt: skip
    for group, counted in found.items():
        check_at_risk(counted, what=f"The numbers at risk of {group!r}")
    return found


def _draw_panels(
    rows: pd.DataFrame,
    at_risk: Mapping[str, pd.DataFrame],
    *,
    axis: TimeAxis,
    min_cell: int,
) -> Panels:
    n_curves = len(rows[["group", "cause"]].drop_duplicates())
    panels: dict[str, dict[str, DrawnSteps]] = {}
    for (group, cause), curve in rows.groupby(["group", "cause"], sort=False):
        panels.setdefault(str(group), {})[str(cause)] = draw_steps(
            curve, value="incidence", start=0.0, horizon=axis.horizon, min_cell=min_cell,
            at_risk=at_risk.get(str(group)), keep=axis.ticks,
            max_steps=min(MAX_STEPS, max(MAX_STEPS_PER_SHEET // n_curves, 40)),
        )  # fmt: skip
    return panels


class _Picture:
    """Panels two abreast, on one scale, each with its own numbers at risk."""

    def __init__(self, panels: Panels, table: pd.DataFrame | None, axis: TimeAxis) -> None:
        self.panels, self.table, self.axis = panels, table, axis
        self.n_columns = min(len(panels), 2)
        room = SHEET_WIDTH - _LEFT - _RIGHT - _GUTTER * (self.n_columns - 1)
        self.width = room / self.n_columns
        self.height = 215.0 if self.n_columns == 1 else 165.0
        self.styles = assign_styles(cause for curves in panels.values() for cause in curves)
        highest = [curve.points[["value", "ci_upper"]].max().max()
                   for curves in panels.values() for curve in curves.values()]  # fmt: skip
        self.ticks = choose_share_ticks(float(np.nanmax(highest)))

    def draw(self, *, title: str | None, value_label: str, stamp: str | None, note: str) -> str:
        with house_style():
            sheet = Sheet()
            sheet.add_heading(title, value_label)
            sheet.add_legend(self.styles)
            names = list(self.panels)
            for first in range(0, len(names), self.n_columns):
                self._draw_row(sheet, names[first : first + self.n_columns])
            return sheet.to_svg(stamp, note=note)

    def _draw_row(self, sheet: Sheet, names: Sequence[str]) -> None:
        titles = {name: wrap_text(name, self.width, TEXT_SIZE, weight="bold") for name in names}
        rows = max(len(lines) for lines in titles.values()) if any(names) else 0
        top = sheet.y + rows * TEXT_SIZE * LEADING
        bottom = top
        for column, name in enumerate(names):
            left = _LEFT + column * (self.width + _GUTTER)
            for place, line in enumerate(titles[name] if name else []):
                middle = sheet.y + (place + 0.5) * TEXT_SIZE * LEADING
                sheet.write(left, middle, line, size=TEXT_SIZE, weight="bold")
            bottom = max(bottom, self._draw_panel(sheet, name, left=left, top=top))
        sheet.y = bottom + 6

    def _draw_panel(self, sheet: Sheet, name: str, *, left: float, top: float) -> float:
        before, sheet.y = sheet.y, top
        places = {label: left + self.width * self.axis.fraction(day)
                  for label, day in self.axis.marks.items()}  # fmt: skip
        sheet.add_marks([(x, label) for label, x in places.items()], left=left,
                        right=left + self.width + _RIGHT - MARGIN, height=self.height)  # fmt: skip
        top = sheet.y
        axes = sheet.add_axes(left=left, top=top, width=self.width, height=self.height)
        for cause, curve in self.panels[name].items():
            draw_band(axes, curve, self.styles[cause])
        axes.set_ylim(0, self.ticks[-1])
        axes.set_yticks(self.ticks, [f"{100 * tick:g} %" for tick in self.ticks])
        axes.grid(axis="y")
        self.axis.dress(axes)
        y = top + self.height + 8 + _LINE
        for line in wrap_text(self.axis.label, self.width + _RIGHT, SMALL_SIZE):
            sheet.write(left + self.width / 2, y + _LINE / 2, line, ha="center")
            y += _LINE
        sheet.y = before
        return self._write_counts(sheet, name, left=left, y=y)

    def _write_counts(self, sheet: Sheet, name: str, *, left: float, y: float) -> float:
        if self.table is None:
            return y
        sheet.write(left, y + 4 + _LINE / 2, "Number at risk", color=GREY)
        shown = self.table.loc[self.table["group"] == name, "shown"]
        for tick, words in zip(self.axis.ticks, shown, strict=True):
            x = left + self.width * self.axis.fraction(tick)
            sheet.write(x, y + 5 + 1.5 * _LINE, words, ha="center")
        return y + 5 + 2 * _LINE


def choose_share_ticks(highest: float) -> list[float]:
    """Ticks from 0 % to just above the highest share."""
    for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        if highest <= 5 * step + 1e-12:
            break
    n_steps = max(int(np.ceil(highest / step - 1e-9)), 1)
    return [round(n * step, 6) for n in range(n_steps + 1)]


def _describe(panels: Panels, *, axis: TimeAxis, level: str, min_cell: int) -> str:
    causes = dict.fromkeys(cause for curves in panels.values() for cause in curves)
    parts = [
        f"Cumulative incidence of {len(causes)} kind{'s' if len(causes) > 1 else ''} of exit with "
        f"{level} confidence bands{wording.groups(list(panels))}, by {axis.words}, from 0 to "
        f"{axis.units(axis.horizon)}"
    ]
    for time in axis.summary_times():
        said = []
        for group, curves in panels.items():
            values = [f"{cause} {_describe_value(curve, time, min_cell=min_cell)}"
                      for cause, curve in curves.items()]  # fmt: skip
            said.append((f"{group}: " if group else "") + ", ".join(values))
        parts.append(f"After {axis.duration(time)}: {'; '.join(said)}")
    return ". ".join(parts)


def _describe_value(curve: DrawnSteps, time: float, *, min_cell: int) -> str:
    value = curve.at(time)
    if value is not None:
        return wording.percent_interval(*value)
    few = f"fewer than {min_cell} at risk" if min_cell > 1 else "nobody at risk"
    return f"not shown ({few})" if curve.is_stopped else "not observed"


def _tidy(panels: Panels, table: pd.DataFrame | None, axis: TimeAxis) -> pd.DataFrame:
    types: dict[str, Any] = {"element": object, "group": object, "cause": object, "time": float,
             "incidence": float, "ci_lower": float, "ci_upper": float, "n_at_risk": "Int64",
             "shown": object}  # fmt: skip
    parts = [curve.points.rename(columns={"value": "incidence"})
             .assign(element="curve", group=group, cause=cause)
             for group, curves in panels.items() for cause, curve in curves.items()]  # fmt: skip
    if table is not None:
        parts.append(table)
    if axis.marks:
        parts.append(pd.DataFrame({"element": "mark", "group": list(axis.marks),
                                   "time": list(axis.marks.values())}))  # fmt: skip
    columns = list(types)
    frame = pd.concat([part.reindex(columns=columns).astype(types) for part in parts])
    return frame.reset_index(drop=True)
