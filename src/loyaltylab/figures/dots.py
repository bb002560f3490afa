"""Estimates with their intervals, one below the other, their numbers printed beside them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from loyaltylab.figures import wording
from loyaltylab.figures.sheet import (
    LEADING,
    MARGIN,
    SHEET_WIDTH,
    Sheet,
    text_width,
    wrap_text,
)
from loyaltylab.figures.style import (
    GREY,
    RULE,
    SERIES,
    SMALL_SIZE,
    SeriesStyle,
    assign_styles,
    house_style,
)

_LINE = SMALL_SIZE * LEADING
_INDENT = 10.0
_MOST_LABEL_WIDTH = 145.0
# An interval that would stretch the scale beyond this many times the estimates is cut, with an
# arrow where it goes on: one wide interval must not flatten all others.
_LOG_STRETCH = 6.0
_LINEAR_STRETCH = 3.0


@dataclass(frozen=True)
class Row:
    """One line of the picture: a heading over rows, or an estimate with its words and look."""

    label: str
    is_heading: bool = False
    is_indented: bool = False
    numbers: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    words: str = ""
    note: str = ""
    style: SeriesStyle = SERIES[0]


@dataclass(frozen=True)
class Scale:
    """The value axis: its name, its reference line, and whether equal ratios are equally far."""

    label: str
    reference: float | None = None
    is_log: bool = False
    directions: tuple[str, str] | None = None


def make_rows(
    data: pd.DataFrame,
    *,
    heading: str | None,
    label: str,
    value: str,
    decimals: int,
    by_style: bool,
) -> list[Row]:
    """Turn a frame into rows, with a heading over each run of the column `heading`."""
    rows: list[Row] = []
    styles = assign_styles(data[label].astype(str)) if by_style else {}
    blocks = [("", data)] if heading is None else data.groupby(heading, sort=False)
    for name, block in blocks:
        if heading is not None:
            rows.append(Row(str(name), is_heading=True))
        for record in block.to_dict("records"):
            numbers = tuple(float(record[c]) for c in (value, "ci_lower", "ci_upper"))
            rows.append(Row(
                str(record[label]),
                is_indented=heading is not None,
                numbers=(numbers[0], numbers[1], numbers[2]),
                words=record.get("shown") or wording.number_interval(*numbers, decimals=decimals),
                note=_note(record),
                style=styles.get(str(record[label]), SERIES[0]),
            ))  # fmt: skip
    return rows


def _note(record: dict[Hashable, Any]) -> str:
    """The number of events in words, unless the row already says that it is too small."""
    events = record.get("shown_n_events", "")
    if not events or record.get("shown"):
        return ""
    return f"{events} event{'' if events == '1' else 's'}"


def describe_rows(rows: Sequence[Row]) -> str:
    """All rows in words: "label: value (lower to upper), 312 events"."""
    parts: list[str] = []
    under = ""
    for row in rows:
        if row.is_heading:
            under = f"{row.label}: "
            continue
        separator = " " if row.is_indented else ": "
        note = f", {row.note}" if row.note else ""
        parts.append(f"{under}{row.label}{separator}{row.words}{note}")
        under = ""
    return "; ".join(parts)


def draw_rows(rows: Sequence[Row], scale: Scale, *, title: str | None, stamp: str | None) -> str:
    """Draw the rows: labels left, intervals in the middle, numbers right."""
    indents = [_INDENT if row.is_indented else 0.0 for row in rows]
    widths = [text_width(row.label, SMALL_SIZE) + indent
              for row, indent in zip(rows, indents, strict=True) if not row.is_heading]  # fmt: skip
    notes = [text_width(row.note, SMALL_SIZE) + indent
             for row, indent in zip(rows, indents, strict=True)]  # fmt: skip
    label_width = max(min(max(widths), _MOST_LABEL_WIDTH), *notes)
    words_width = max(text_width(row.words, SMALL_SIZE) for row in rows)
    left = MARGIN + label_width + 14
    width = SHEET_WIDTH - MARGIN - words_width - 18 - left
    with house_style():
        sheet = Sheet()
        sheet.add_heading(title, scale.label)
        top = sheet.y
        middles = []
        for row, indent in zip(rows, indents, strict=True):
            middles.append(_write_row(sheet, row, x=MARGIN + indent, width=label_width - indent))
        height = sheet.y - top
        axes = sheet.add_axes(left=left, top=top, width=width, height=height)
        axes.set_ylim(height, 0)
        _dress(axes, rows, scale, width=width)
        for row, middle in zip(rows, middles, strict=True):
            _draw_interval(axes, row, middle - top)
        sheet.y += 8 + _LINE
        if scale.directions:
            _write_directions(sheet, scale.directions, left=left, right=left + width)
        return sheet.to_svg(stamp)


def _write_row(sheet: Sheet, row: Row, *, x: float, width: float) -> float:
    """Write label, note and numbers of one row; return the height at which its dot belongs."""
    weight = "bold" if row.is_heading else "normal"
    room = SHEET_WIDTH - 2 * MARGIN if row.is_heading else width
    lines = wrap_text(row.label, room, SMALL_SIZE, weight=weight)
    sheet.y += 5 if row.is_heading else 3
    begin = sheet.y
    for line in lines:
        sheet.write(x, sheet.y + _LINE / 2, line, weight=weight)
        sheet.y += _LINE
    if row.note:
        sheet.write(x, sheet.y + _LINE / 2, row.note, color=GREY)
        sheet.y += _LINE
    middle = (begin + sheet.y) / 2
    sheet.write(SHEET_WIDTH - MARGIN, middle, row.words, ha="right")
    sheet.y += 1 if row.is_heading else 4
    return middle


def _dress(axes: Axes, rows: Sequence[Row], scale: Scale, *, width: float) -> None:
    low, high = _limits(np.array([row.numbers for row in rows]), scale)
    if scale.is_log:
        axes.set_xscale("log")
    ticks = choose_log_ticks(low, high) if scale.is_log else _linear_ticks(low, high, width=width)
    if not scale.is_log:
        low, high = min(low, ticks[0]), max(high, ticks[-1])
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [wording.tick(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    if scale.reference is not None:
        axes.axvline(scale.reference, color=RULE, linewidth=1.3)


def _limits(numbers: np.ndarray, scale: Scale) -> tuple[float, float]:
    """Ends of the value axis: all intervals, as far as they do not flatten the rest."""
    values = numbers[np.isfinite(numbers[:, 0]), 0]
    ends = numbers[np.isfinite(numbers)]
    if scale.reference is not None:
        values, ends = np.append(values, scale.reference), np.append(ends, scale.reference)
    if not len(values):
        return (0.5, 2.0) if scale.is_log else (0.0, 1.0)
    if scale.is_log:
        low = max(ends.min(), values.min() / _LOG_STRETCH) / 1.08
        return low, min(ends.max(), values.max() * _LOG_STRETCH) * 1.08
    if scale.reference is None:
        values, ends = np.append(values, 0.0), np.append(ends, 0.0)
    spread = max(float(np.ptp(values)), 1e-12) * _LINEAR_STRETCH
    low, high = max(ends.min(), values.min() - spread), min(ends.max(), values.max() + spread)
    return (low, high) if high > low else (low - 1, low + 1)


def choose_log_ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers between `low` and `high` on a logarithmic scale.

    Examples
    --------
    >>> choose_log_ticks(0.4, 4.5)
    [0.5, 1.0, 2.0, 4.0]
    """
    fine = [n / 20 for n in range(1, 101)]
    families: list[list[float]] = [
        [10.0**n for n in range(-6, 7)],
        [4.0**n for n in range(-8, 9)],
        [2.0**n for n in range(-10, 11)],
        [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0],
        [0.25, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0],
        [n for n in fine if round(n * 10) % 2 == 0 and (n * 10).is_integer()],
        [n for n in fine if (n * 10).is_integer()],
        fine,
    ]
    for family in families:
        ticks = [tick for tick in family if low <= tick <= high]
        if 3 <= len(ticks) <= 6:
            return ticks
    inside = MaxNLocator(4).tick_values(low, high)
    return [float(tick) for tick in inside if low <= tick <= high]


def _linear_ticks(low: float, high: float, *, width: float) -> list[float]:
    n_ticks = max(int(width / 48), 2)
    ticks = MaxNLocator(n_ticks, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(round(tick, 10)) for tick in ticks]


def _draw_interval(axes: Axes, row: Row, y: float) -> None:
    value, lower, upper = row.numbers
    color = row.style.color
    low, high = axes.get_xlim()
    if not np.isnan([value, lower, upper]).any():
        ends = [max(lower, low), min(upper, high)]
        axes.plot(ends, [y, y], color=color, linewidth=1.9, solid_capstyle="butt")
        for end, is_cut, arrow in ((low, lower < low, "<"), (high, upper > high, ">")):
            if is_cut:
                axes.plot([end], [y], marker=arrow, color=color, markersize=6, clip_on=False)
    if not np.isnan(value):
        axes.plot([value], [y], marker=row.style.marker, color=color, markersize=6.5)


def _write_directions(
    sheet: Sheet, directions: tuple[str, str], *, left: float, right: float
) -> None:
    """Say under the axis what lower and higher values mean."""
    middle = (left + right) / 2
    below = wrap_text(f"← {directions[0]}", middle - 8 - MARGIN, SMALL_SIZE)
    above = wrap_text(f"{directions[1]} →", SHEET_WIDTH - MARGIN - middle - 8, SMALL_SIZE)
    for lines, side, x in ((below, "right", middle - 8), (above, "left", middle + 8)):
        longest = max(text_width(line, SMALL_SIZE) for line in lines)
        bound = MARGIN + longest if side == "right" else SHEET_WIDTH - MARGIN - longest
        x = max(x, bound) if side == "right" else min(x, bound)
        for place, line in enumerate(lines):
            sheet.write(x, sheet.y + (place + 0.5) * _LINE, line, ha=side, color=GREY)
    sheet.y += max(len(below), len(above)) * _LINE + 2
