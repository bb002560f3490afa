"""Nothing about too few customers leaves: one rule for estimates and tables.

What is hidden must not follow from what is shown either: see
:mod:`loyaltylab.findings.linked_counts`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import pandas as pd

from loyaltylab.findings.linked_counts import (
    Sum,
    sums_that_hold,
    suppress_counts,
    write_counts,
)
from loyaltylab.survival import Estimate
from loyaltylab.tables.columns import EXIT_CAUSES, TEXT
from loyaltylab.tables.schemas import ID_COLUMNS

T = TypeVar("T")
SUPPRESSED = "suppressed: rests on too few customers"
# Difference -> what it is the difference of: beside it and one of them, the other would follow.
DIFFERENCES = {
    "effect": ("covered_change", "exempt_change"),
    "restricted_mean_difference": ("restricted_mean",),
    "restricted_mean_differences": ("restricted_mean",),
}


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
    return _suppress(estimate)


def is_suppressed(estimate: Estimate) -> bool:
    """Whether an estimate was suppressed, rather than not estimable."""
    return estimate.method == SUPPRESSED


def guard_all(content: T, *, min_cell: int) -> T:
    """Guard every estimate in a mapping, a sequence, or a result dataclass.

    Parameters
    ----------
    content : Estimate, dict, list, tuple, dataclass or anything else
        Not changed. What holds no estimate is returned as it is. Shares in a dict whose keys are
        numbers are taken to be up to these times: one that rests on a few events more than the
        one before is suppressed too. Estimates in a dict whose keys are exit causes are taken to
        add up: if one is suppressed, the next smallest is too, unless two are.
    min_cell : int
        As in :func:`guard_estimate`.
    """
    guarded: Any = content
    if isinstance(content, Estimate):
        guarded = guard_estimate(content, min_cell=min_cell)
    elif isinstance(content, dict):
        guarded = {key: guard_all(item, min_cell=min_cell) for key, item in content.items()}
        guarded = _guard_linked(content, guarded, min_cell)
    elif isinstance(content, list | tuple):
        guarded = type(content)(guard_all(item, min_cell=min_cell) for item in content)
    elif is_dataclass(content) and not isinstance(content, type):
        parts = {part.name: getattr(content, part.name) for part in fields(content)}
        guarded = replace(content, **_guard_differences(guard_all(parts, min_cell=min_cell)))
    return cast(T, guarded)


def guard_counts(
    frame: pd.DataFrame,
    *,
    counts: Sequence[str],
    min_cell: int,
    sums: Sequence[Sum] = (),
) -> pd.DataFrame:
    """A table in which counts between 1 and ``min_cell`` - 1 read "<min_cell".

    Counts from which a hidden one would follow read "not shown".

    Parameters
    ----------
    frame : pandas.DataFrame
        Not changed.
    counts : sequence of str
        Columns that count customers or events.
    min_cell : int
        Smallest count shown.
    sums : sequence of Sum
        Which of these columns add up, row by row (where they do). Without any, the counts down
        each column are taken to add up to a number that is known from elsewhere.

    Returns
    -------
    pandas.DataFrame
        The counts as text, with thousands separators.
    """
    known = frame[list(counts)].notna()
    numbers = {
        (row, column): int(frame[column].iat[row])
        for column in counts
        for row in range(len(frame))
        if known[column].iat[row]
    }
    written = write_counts(
        numbers,
        sums=sums_that_hold(numbers, _by_row(sums, len(frame)))
        if sums
        else _by_column(numbers, counts),
        min_cell=min_cell,
    )
    texts = {
        column: [written.get((row, column), "") for row in range(len(frame))] for column in counts
    }
    return frame.assign(**{column: pd.Series(texts[column], frame.index) for column in counts})


def hide_rare_values(customers: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """Customers without the texts that fewer than ``min_cell`` of them have.

    Parameters
    ----------
    customers : pandas.DataFrame
        One row per customer; not changed. Identifiers stay.
    min_cell : int
        Smallest group shown.

    Examples
    --------
    >>> frame = pd.DataFrame({"site": ["north"] * 5 + ["Ann's"]}, dtype="string")
    >>> hide_rare_values(frame, min_cell=5)["site"].isna().tolist().count(True)
    1
    """
    kept = {}
    for column in customers.select_dtypes(TEXT):
        if column not in ID_COLUMNS:
            texts = customers[column]
            kept[column] = texts.mask(texts.map(texts.value_counts()) < min_cell)
    return customers.assign(**kept)


def _by_row(sums: Sequence[Sum], n_rows: int) -> list[Sum]:
    return [
        Sum(
            tuple((row, part) for part in one.parts),
            None if one.total is None else (row, one.total),
        )
        for row in range(n_rows)
        for one in sums
    ]


def _by_column(numbers: Mapping[tuple[int, str], int], counts: Sequence[str]) -> list[Sum]:
    return [Sum(tuple(key for key in numbers if key[1] == column)) for column in counts]


def _guard_linked(
    content: Mapping[Any, Any], guarded: dict[Any, Any], min_cell: int
) -> dict[Any, Any]:
    """Suppress what a suppressed estimate beside it would follow from."""
    if not content or not all(isinstance(item, Estimate) for item in content.values()):
        return guarded
    if set(content) <= set(EXIT_CAUSES):
        counts = {cause: estimate.n_events for cause, estimate in content.items()}
        standing = suppress_counts(counts, sums=[Sum(tuple(counts))], min_cell=min_cell)
        hidden = {cause for cause, one in standing.items() if one != "shown" and counts[cause]}
    elif all(isinstance(key, int | float) for key in content):
        hidden = _close_to_the_one_before(guarded, min_cell)
    else:
        return guarded
    return {key: _suppress(one) if key in hidden else one for key, one in guarded.items()}


def _guard_differences(parts: dict[str, Any]) -> dict[str, Any]:
    """Fields of a result, without differences from something suppressed."""
    guarded = dict(parts)
    for name, terms in DIFFERENCES.items():
        if name in parts and any(_has_suppressed(parts.get(term)) for term in terms):
            guarded[name] = _suppress_each(parts[name])
    return guarded


def _has_suppressed(content: Any) -> bool:
    if isinstance(content, Mapping):
        return any(_has_suppressed(item) for item in content.values())
    return isinstance(content, Estimate) and is_suppressed(content)


def _suppress_each(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _suppress_each(item) for key, item in content.items()}
    return _suppress(content) if isinstance(content, Estimate) else content


def _close_to_the_one_before(estimates: Mapping[float, Estimate], min_cell: int) -> set[float]:
    """Times up to which only a few events more were counted than up to the last one shown."""
    hidden: set[float] = set()
    last = 0
    for time in sorted(estimates):
        estimate = estimates[time]
        if estimate.unit != "share" or is_suppressed(estimate):
            continue
        if 0 < abs(estimate.n_events - last) < min_cell:
            hidden.add(time)
        else:
            last = estimate.n_events
    return hidden


def _suppress(estimate: Estimate) -> Estimate:
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
