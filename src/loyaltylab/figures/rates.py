"""Rates over calendar time, with the days on which a rule or a design changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.figures import wording
from loyaltylab.figures.checks import (
    check_estimates,
    check_frame,
    check_min_cell,
    check_unique,
)
from loyaltylab.figures.figure import Figure, FigureError
from loyaltylab.figures.incidence import choose_share_ticks
from loyaltylab.figures.sheet import LEADING, MARGIN, SHEET_WIDTH, Sheet
from loyaltylab.figures.style import SMALL_SIZE, assign_styles, house_style
from loyaltylab.figures.suppression import hide_counts, hide_rates

_COLUMNS = ("period_start", "rate", "ci_lower", "ci_upper")
_LEFT = 50.0
_RIGHT = 24.0
_PLOT_HEIGHT = 205.0
_MOST_TICKS = 7
_EPOCH = pd.Timestamp("1970-01-01")


def rates_over_time(
    frame: pd.DataFrame,
    *,
    stamp: str | None,
    caption: str,
    rate_label: str = "Share of customers leaving per month",
    min_cell: int = 1,
    confidence_level: float = 0.95,
    title: str | None = None,
    mark_dates: Mapping[str, dt.date] | None = None,
) -> Figure:
    """Draw rates by calendar period, one line per group, with intervals.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns period_start (date), rate, ci_lower, ci_upper (shares); optionally group,
        n_events and n_at_risk. A missing rate leaves a gap.
    stamp, caption, title : str or None
        Source of the data, message and heading.
    rate_label : str
        What the rate is, with its period.
    min_cell : int
        A rate from fewer events or customers than this leaves a gap, as the count could be
        worked out from it.
    confidence_level : float
        Level of the intervals given.
    mark_dates : mapping of str to datetime.date, optional
        Label -> date of a vertical mark, such as the day a law came into force.

    Returns
    -------
    Figure
        Its data have element "rate" (with why a rate is missing in the column shown) and "mark".

    Raises
    ------
    FigureError
        If the frame is empty, lacks a column, holds impossible values, or a mark lies outside.

    Examples
    --------
    >>> frame = pd.DataFrame({"period_start": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                       "rate": [0.02, 0.03], "ci_lower": [0.01, 0.02],
    ...                       "ci_upper": [0.03, 0.04]})
    >>> rates_over_time(frame, stamp=None, caption="More leave.").alt
    'Share of customers leaving per month with 95 % confidence intervals, January 2024 to \
February 2024. Lowest 2.0 % (1.0 to 3.0) in January 2024, highest 3.0 % (2.0 to 4.0) in \
February 2024, last 3.0 % (2.0 to 4.0) in February 2024.'
    """
    check_min_cell(min_cell)
    data = _prepare(frame, what=rate_label, min_cell=min_cell)
    marks = {label: _naive(date) for label, date in (mark_dates or {}).items()}
    _refuse_outside(marks, data["period_start"])
    svg = _draw(data, marks, rate_label=rate_label, title=title, stamp=stamp)
    alt = wording.sentences(
        _describe(data, rate_label=rate_label, level=wording.level(confidence_level)),
        wording.marks({label: wording.day(date) for label, date in marks.items()}),
        stamp,
    )
    tidy = data.assign(element="rate")[["element", *data.columns]]
    if marks:
        lines = pd.DataFrame({"element": "mark", "group": list(marks),
                              "period_start": list(marks.values())})  # fmt: skip
        lines = lines.reindex(columns=tidy.columns).astype(tidy.dtypes.to_dict())
        tidy = pd.concat([tidy, lines], ignore_index=True)
    return Figure(svg, alt, caption, tidy)


def _prepare(frame: pd.DataFrame, *, what: str, min_cell: int) -> pd.DataFrame:
    """Return the checked rows in order of time, with group and without what must be hidden."""
    check_frame(frame, _COLUMNS, what=what)
    check_estimates(frame, "rate", what=what, share=True, may_be_missing=True)
    starts = [_naive(start) for start in frame["period_start"]]
    if any(pd.isna(start) for start in starts):
        raise FigureError(f"{what} cannot be drawn: 'period_start' is missing in "
                          f"{sum(pd.isna(start) for start in starts)} rows.")  # fmt: skip
    groups = frame["group"].astype(str) if "group" in frame.columns else ""
    data = frame.assign(period_start=pd.DatetimeIndex(starts), group=groups)
    check_unique(data, ["group", "period_start"], what=what)
    counts = ["n_events", "n_at_risk"]
    data = hide_counts(data, counts, min_cell=min_cell, what=what)
    data = hide_rates(data, min_cell=min_cell)
    columns = ["group", "period_start", "rate", "ci_lower", "ci_upper", "shown",
               *(name for count in counts for name in (count, f"shown_{count}"))]  # fmt: skip
    data = data[[column for column in columns if column in data.columns]]
    order = {group: place for place, group in enumerate(dict.fromkeys(data["group"]))}
    place = data["group"].map(order)
    return data.assign(_place=place).sort_values(["_place", "period_start"]).drop(
        columns="_place").reset_index(drop=True)  # fmt: skip


def _naive(at: Any) -> pd.Timestamp:
    """A date, or a timestamp in UTC, as a timestamp without time zone."""
    stamp = pd.Timestamp(at)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp


def _refuse_outside(marks: Mapping[str, pd.Timestamp], starts: pd.Series) -> None:
    first, last = starts.min(), starts.max() + _typical_period(starts)
    outside = [f"{label!r} on {wording.day(date)}" for label, date in marks.items()
               if not first <= date <= last]  # fmt: skip
    if outside:
        raise FigureError(
            f"Marks outside the time drawn, {wording.day(first)} to {wording.day(last)}.", outside
        )


def _typical_period(starts: pd.Series) -> pd.Timedelta:
    gaps = starts.drop_duplicates().sort_values().diff().dropna()
    return gaps.median() if len(gaps) else pd.Timedelta(days=30)


def _days(at: pd.Timestamp) -> float:
    return float((at - _EPOCH) / pd.Timedelta(days=1))


def _draw(
    data: pd.DataFrame,
    marks: Mapping[str, pd.Timestamp],
    *,
    rate_label: str,
    title: str | None,
    stamp: str | None,
) -> str:
    styles = assign_styles(data["group"])
    period = _typical_period(data["period_start"]) / pd.Timedelta(days=1)
    first, last = _days(data["period_start"].min()), _days(data["period_start"].max())
    first, last = first - period / 2, last + period
    width = SHEET_WIDTH - _LEFT - _RIGHT
    places = [(_LEFT + width * (_days(date) - first) / (last - first), label)
              for label, date in marks.items()]  # fmt: skip
    with house_style():
        sheet = Sheet()
        sheet.add_heading(title, rate_label)
        if len(styles) > 1:
            sheet.add_legend(styles, marker=True)
        sheet.add_marks(places, left=_LEFT, right=SHEET_WIDTH - MARGIN, height=_PLOT_HEIGHT)
        axes = sheet.add_axes(left=_LEFT, top=sheet.y, width=width, height=_PLOT_HEIGHT)
        for place, (group, style) in enumerate(styles.items()):
            rows = data.loc[data["group"] == group]
            # Side by side within the period, so that no interval hides another.
            shift = (place - (len(styles) - 1) / 2) * period * 0.14
            x = np.array([_days(start) + shift for start in rows["period_start"]])
            axes.plot(x, rows["rate"], color=style.color, linestyle=style.dashes, linewidth=1.4)
            axes.vlines(x, rows["ci_lower"], rows["ci_upper"], color=style.color, linewidth=1.1)
            axes.plot(x, rows["rate"], color=style.color, linestyle="none",
                      marker=style.marker, markersize=4.2)  # fmt: skip
        axes.set_xlim(first, last)
        _dress(axes, data)
        sheet.y += _PLOT_HEIGHT + 8 + 2 * SMALL_SIZE * LEADING
        reasons = [reason for reason in dict.fromkeys(data["shown"]) if reason]
        return sheet.to_svg(stamp, note=f"Gaps: {', '.join(reasons)}." if reasons else "")


def _dress(axes: Any, data: pd.DataFrame) -> None:
    highest = data[["rate", "ci_upper"]].max().max()
    ticks = choose_share_ticks(0.05 if np.isnan(highest) else float(highest))
    axes.set_ylim(0, ticks[-1])
    axes.set_yticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
    axes.grid(axis="y")
    dates, labels = choose_date_ticks(sorted(set(data["period_start"])))
    axes.set_xticks([_days(date) for date in dates], labels)


def choose_date_ticks(starts: Sequence[pd.Timestamp]) -> tuple[list[pd.Timestamp], list[str]]:
    """At most seven firsts of a month, or where these are fewer than two, some of `starts`."""
    first, last = starts[0].to_period("M"), starts[-1].to_period("M")
    for step in (1, 2, 3, 6, 12, 24, 60, 120):
        months = [at for at in pd.period_range(first, last, freq="M")
                  if (at.year * 12 + at.month - 1) % step == 0
                  and at.start_time >= starts[0]]  # fmt: skip
        if len(months) <= _MOST_TICKS:
            break
    dates = [at.start_time for at in months]
    if len(dates) < 2:
        dates = list(starts[:: -(-len(starts) // _MOST_TICKS)])
        return dates, [f"{date.day} {wording.month(date)[:3]}\n{date.year}" for date in dates]
    if step >= 12:
        return dates, [str(date.year) for date in dates]
    return dates, [f"{wording.month(date)[:3]}\n{date.year}" for date in dates]


def _describe(data: pd.DataFrame, *, rate_label: str, level: str) -> str:
    starts = data["period_start"]
    groups = list(dict.fromkeys(data["group"]))
    parts = [
        f"{rate_label} with {level} confidence intervals{wording.groups(groups)}, "
        f"{wording.month(starts.min())} to {wording.month(starts.max())}"
    ]
    for group in groups:
        rows = data.loc[data["group"] == group]
        parts.append(_describe_group(group, rows))
    return ". ".join(parts)


def _describe_group(group: str, rows: pd.DataFrame) -> str:
    known = rows.loc[rows["rate"].notna()]
    begin = f"{group}: " if group else ""
    hidden = rows.loc[rows["rate"].isna(), "shown"].value_counts(sort=False)
    gaps = [f"{number} not shown ({reason})" for reason, number in hidden.items()]
    said = []
    if len(known):
        chosen = {"lowest": known["rate"].idxmin(), "highest": known["rate"].idxmax(),
                  "last": known.index[-1]}  # fmt: skip
        for name, row in chosen.items():
            numbers = known.loc[row, ["rate", "ci_lower", "ci_upper"]].astype(float)
            said.append(f"{name} {wording.percent_interval(*numbers)} in "
                        f"{wording.month(known.loc[row, 'period_start'])}")  # fmt: skip
    text = begin + ", ".join([*said, *gaps])
    return text[:1].upper() + text[1:] if not begin else text
