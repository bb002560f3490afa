"""Nothing about too few customers leaves: one rule for estimates and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import pandas as pd

from loyaltylab.findings.wording import count
from loyaltylab.survival import Estimate

T = TypeVar("T")
SUPPRESSED = "suppressed: rests on too few customers"


def guard_estimate(estimate: Estimate, *, min_cell: int) -> Estimate:
    """Suppress an estimate that rests on fewer than ``min_cell`` customers or events.

    A share is suppressed too when fewer than ``min_cell`` are without the property: the
    complement says as much as the count.

    Returns
    -------
    Estimate
        The same, or with every number NaN and counts 0.
    """
    few = [estimate.n_events]
    if estimate.unit == "share":
        few.append(estimate.n - estimate.n_events)
    if estimate.n >= min_cell and not any(0 < number < min_cell for number in few):
        return estimate
    nothing = math.nan
    return replace(
        estimate,
        value=nothing,
        standard_error=nothing,
        ci_lower=nothing,
        ci_upper=nothing,
        p_value=None,
        n=0,
        n_events=0,
        method=SUPPRESSED,
    )


def guard_all(content: T, *, min_cell: int) -> T:
    """Guard every estimate in a mapping, a sequence, or a result dataclass.

    Parameters
    ----------
    content : Estimate, dict, list, tuple, dataclass or anything else
        Not changed. What holds no estimate is returned as it is.
    min_cell : int
        As in :func:`guard_estimate`.
    """
    guarded: Any = content
    if isinstance(content, Estimate):
        guarded = guard_estimate(content, min_cell=min_cell)
    elif isinstance(content, dict):
        guarded = {key: guard_all(item, min_cell=min_cell) for key, item in content.items()}
    elif isinstance(content, list | tuple):
        guarded = type(content)(guard_all(item, min_cell=min_cell) for item in content)
    elif is_dataclass(content) and not isinstance(content, type):
        parts = {part.name: getattr(content, part.name) for part in fields(content)}
        guarded = replace(content, **guard_all(parts, min_cell=min_cell))
    return cast(T, guarded)


def guard_counts(frame: pd.DataFrame, *, counts: Sequence[str], min_cell: int) -> pd.DataFrame:
    """A table in which counts between 1 and ``min_cell`` - 1 read "<min_cell".

    Parameters
    ----------
    frame : pandas.DataFrame
        Not changed.
    counts : sequence of str
        Columns that count customers or events.
    min_cell : int
        Smallest count shown.

    Returns
    -------
    pandas.DataFrame
        The counts as text, with thousands separators.
    """

    def show(number: float) -> str:
        return "" if pd.isna(number) else count(int(number), min_cell=min_cell)

    return frame.assign(**{column: frame[column].map(show) for column in counts})
