"""Estimates as tables to show: scaled, rounded, guarded for small cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import pandas as pd

from loyaltylab.findings.disclosure import guard_estimate, is_suppressed
from loyaltylab.findings.linked_counts import NOT_SHOWN
from loyaltylab.findings.wording import DAYS_PER_MONTH, count, p_value
from loyaltylab.survival import Estimate

Scale = Literal["percent", "points", "months", "ratio", "rate"]
_SCALES: dict[str, tuple[float, int, str]] = {
    "percent": (100.0, 1, " %"),
    "points": (100.0, 1, ""),
    "months": (1 / DAYS_PER_MONTH, 2, ""),
    "ratio": (1.0, 2, ""),
    "rate": (1.0, 2, ""),
}


def estimates_table(
    estimates: Mapping[str, Estimate],
    *,
    scale: Scale,
    min_cell: int,
    label: str = "estimate",
    with_p: bool = False,
) -> pd.DataFrame:
    """A table of estimates with intervals.

    Parameters
    ----------
    estimates : mapping of str to Estimate
        Row label -> estimate.
    scale : {"percent", "points", "months", "ratio", "rate"}
        How to show the values; "months" turns days into months of 30.4375 days.
    min_cell : int
        Estimates that rest on fewer customers or events are not shown.
    label : str
        Heading of the first column.
    with_p : bool
        Whether to show the p-value.

    Returns
    -------
    pandas.DataFrame
        ``label``, value, interval, events (and p): texts.
    """
    lines = []
    for name, estimate in estimates.items():
        guarded = guard_estimate(estimate, min_cell=min_cell)
        line = {
            label: name,
            "value": _number(guarded.value, scale),
            f"{100 * estimate.confidence_level:g} % interval": _interval(guarded, scale),
            "events": _events(estimate, guarded, min_cell),
        }
        lines.append(line | ({"p": p_value(guarded.p_value)} if with_p else {}))
    return pd.DataFrame(lines)


def forest_frame(
    groups: Mapping[str, Mapping[str, Estimate]], *, min_cell: int = 1
) -> pd.DataFrame:
    """Estimates laid out for :func:`loyaltylab.figures.estimates_forest`.

    Parameters
    ----------
    groups : mapping of str to mapping of str to Estimate
        Heading -> label -> estimate; a single group with an empty heading has none. A heading
        says how many events its estimates rest on when they all rest on the same.
    min_cell : int
        A smaller number of events is written "<min_cell".
    """
    lines = [
        {
            "group": _heading(group, estimates, min_cell),
            "label": label,
            "value": estimate.value,
            "ci_lower": estimate.ci_lower,
            "ci_upper": estimate.ci_upper,
        }
        for group, estimates in groups.items()
        for label, estimate in estimates.items()
    ]
    frame = pd.DataFrame(lines)
    return frame.drop(columns="group") if list(groups) == [""] else frame


def _heading(group: str, estimates: Mapping[str, Estimate], min_cell: int) -> str:
    counts = {estimate.n_events for estimate in estimates.values()}
    if any(is_suppressed(estimate) for estimate in estimates.values()):
        return group
    return (
        f"{group}: {count(counts.pop(), min_cell=min_cell)} events" if len(counts) == 1 else group
    )


def _events(estimate: Estimate, guarded: Estimate, min_cell: int) -> str:
    """What rests on too few has no number of events either, which would tell how many did not."""
    is_hidden = is_suppressed(guarded) and not 0 < estimate.n_events < min_cell
    return NOT_SHOWN if is_hidden else count(estimate.n_events, min_cell=min_cell)


def _number(value: float, scale: Scale) -> str:
    if not math.isfinite(value):
        return NOT_SHOWN
    factor, digits, unit = _SCALES[scale]
    return f"{value * factor:.{digits}f}{unit}".replace("-", "−")


def _interval(estimate: Estimate, scale: Scale) -> str:
    if not (math.isfinite(estimate.ci_lower) and math.isfinite(estimate.ci_upper)):
        return ""
    return f"{_number(estimate.ci_lower, scale)} to {_number(estimate.ci_upper, scale)}"
