"""Numbers at risk: found at the ticks, hidden where too small, written under the curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from loyaltylab.figures.checks import check_counts, check_frame, check_times
from loyaltylab.figures.figure import FigureError
from loyaltylab.figures.sheet import LEADING, MARGIN, Sheet
from loyaltylab.figures.style import GREY, SMALL_SIZE, SeriesStyle
from loyaltylab.figures.wording import count

_SAME_DAY = 1e-6
CLOSE = "≈"  # about as many as at the time before


def check_at_risk(frame: pd.DataFrame, *, what: str) -> None:
    """Refuse a table of numbers at risk without columns time and n_at_risk, or with bad values.

    Raises
    ------
    FigureError
        Naming the columns at fault.
    """
    check_frame(frame, ["time", "n_at_risk"], what=what)
    check_times(frame["time"], what=what)
    check_counts(frame, ["n_at_risk"], what=what)


def count_at(table: pd.DataFrame, times: Sequence[float], *, what: str) -> list[int | None]:
    """Numbers at risk just before each of `times`, from a table that has exactly these times.

    Raises
    ------
    FigureError
        Naming the days that the table lacks.
    """
    known = table["time"].to_numpy(dtype=float)
    counts = table["n_at_risk"].to_numpy(dtype=float)
    nearest = [int(np.abs(known - time).argmin()) for time in times]
    absent = [time for time, row in zip(times, nearest, strict=True)
              if abs(known[row] - time) > _SAME_DAY]  # fmt: skip
    if absent:
        raise FigureError(
            f"{what} lack the days {', '.join(f'{day:g}' for day in absent)}; count them there "
            "(choose_tick_times lists the days labelled) or give at_risk_times."
        )
    return [int(counts[row]) for row in nearest]


def look_up_at(curve: pd.DataFrame, times: Sequence[float], *, what: str) -> list[int | None]:
    """Numbers at risk at `times` read off a curve, which is right only without late entry.

    A count after the last row is known only if the curve has n_events and n_censored.

    Raises
    ------
    FigureError
        If the number at risk rises along the curve, so that customers enter late.
    """
    rows = curve.sort_values("time")
    rows = rows.loc[(rows["time"] > 0) | (rows["n_at_risk"] > 0)]
    counts = rows["n_at_risk"].to_numpy(dtype=float)
    leaving = np.zeros(len(rows))
    final: int | None = None
    if {"n_events", "n_censored"} <= set(rows.columns):
        leaving = (rows["n_events"] + rows["n_censored"]).to_numpy(dtype=float)
        final = max(int(counts[-1] - leaving[-1]), 0) if len(rows) else 0
    if (counts[1:] > counts[:-1] - leaving[:-1]).any():
        raise FigureError(
            f"{what} enter late: the number at risk rises along the curve, so its rows do not "
            "say how many are at risk at the ticks. Give at_risk, counted at the ticks."
        )
    first_at_or_after = np.searchsorted(rows["time"].to_numpy(dtype=float), times, side="left")
    return [int(counts[row]) if row < len(rows) else final for row in first_at_or_after]


def tidy_at_risk(
    counts: Mapping[str, Sequence[int | None]], times: Sequence[float], *, min_cell: int
) -> pd.DataFrame:
    """The table as printed: group, time, n_at_risk (missing where hidden) and its text.

    A number that differs by fewer than `min_cell` from the last one shown is hidden too: the
    difference is of so few customers, who came or left in between.
    """
    rows = []
    for group, numbers in counts.items():
        last = None
        for time, number in zip(times, numbers, strict=True):
            is_close = last is not None and number is not None and 0 < abs(number - last) < min_cell
            is_hidden = number is not None and min_cell > 1 and (number < min_cell or is_close)
            text = count(number, min_cell=min_cell)
            text = CLOSE if is_hidden and text == f"{number:,}" else text
            rows.append(("at_risk", group, time, None if is_hidden else number, text))
            last = last if number is None or is_hidden else number
    frame = pd.DataFrame(rows, columns=["element", "group", "time", "n_at_risk", "shown"])
    return frame.astype({"n_at_risk": "Int64", "time": float})


def write_at_risk(
    sheet: Sheet,
    table: pd.DataFrame,
    *,
    positions: Sequence[float],
    styles: Mapping[str, SeriesStyle],
) -> None:
    """Write each group's name over its numbers, centred under their ticks (`positions`, in points).

    The name has a line of its own, so that a long one cannot push the plot aside.
    """
    height = SMALL_SIZE * LEADING
    heading = "Number at risk"
    if (table["shown"] == CLOSE).any():
        heading += f" ({CLOSE} about as many as before)"
    sheet.write(MARGIN, sheet.y + height / 2, heading, color=GREY)
    sheet.y += height + 2
    for group, style in styles.items():
        if len(styles) > 1:
            sheet.add_legend({group: style}, gap=0)
        shown = table.loc[table["group"] == group, "shown"]
        for x, words in zip(positions, shown, strict=True):
            sheet.write(x, sheet.y + height / 2, words, ha="center")
        sheet.y += height + 3
