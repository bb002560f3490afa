"""Checks on single columns of (start, stop] rows; each adds what it finds to one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray

N_POSITIONS_SHOWN = 5
# Labels of one kind that differ also read differently.
ONE_KIND = ("string", "integer", "floating", "boolean")


def describe_rows(is_bad: BoolArray) -> str:
    """Say how many rows are bad and where the first ones are (positions from 0)."""
    positions = np.flatnonzero(is_bad)
    shown = ", ".join(str(position) for position in positions[:N_POSITIONS_SHOWN])
    more = ", ..." if len(positions) > N_POSITIONS_SHOWN else ""
    return f"{len(positions)} of {len(is_bad)} rows (positions from 0: {shown}{more})"


def read_numbers(name: str, values: npt.ArrayLike, problems: list[str]) -> FloatArray:
    """Read a column of finite numbers; a column that is not numeric comes back as NaN."""
    series = pd.Series(values).reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(series.dtype):
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        bad = ~np.isfinite(numbers)
        if bad.any():
            problems.append(
                f"{name} is missing or infinite in {describe_rows(bad)}; rule: finite numbers; "
                "fix: decide upstream what a missing value means"
            )
        return np.asarray(numbers)
    problems.append(
        f"{name} has type {series.dtype}; rule: plain numbers in one time unit; "
        "fix: convert dates and durations to a number of days first"
    )
    return np.full(len(series), np.nan)


def read_times(
    start: npt.ArrayLike, stop: npt.ArrayLike, problems: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Read start and stop: not negative, and every interval of positive length."""
    starts = read_numbers("start", start, problems)
    stops = read_numbers("stop", stop, problems)
    is_negative = starts < 0
    if is_negative.any():
        problems.append(
            f"start is negative in {describe_rows(is_negative)}; rule: time runs from 0 at the "
            "origin; fix: measure start and stop from the same origin"
        )
    is_empty = stops <= starts
    if is_empty.any():
        problems.append(
            f"stop <= start in {describe_rows(is_empty)}; rule: (start, stop] must have positive "
            "length; fix: leave out rows of no length, or give same-day exits half a day"
        )
    return starts, stops


def read_outcome(
    event: npt.ArrayLike | None,
    exit_cause: Sequence[object] | npt.ArrayLike | None,
    causes: Sequence[str] | None,
    problems: list[str],
) -> tuple[IntArray, tuple[str, ...]]:
    """Code the outcome: 0 censored, j the j-th cause."""
    if exit_cause is not None:
        return _read_causes(exit_cause, causes, problems)
    return _read_event(event, problems), ("event",)


def _read_event(event: npt.ArrayLike | None, problems: list[str]) -> IntArray:
    series = pd.Series(event).reset_index(drop=True)
    rule = (
        "rule: event is True/False or 1/0; fix: causes of exit go through cumulative_incidence, "
        "or are recoded to one event (event = exit_cause == 'the one in question')"
    )
    if not pd.api.types.is_numeric_dtype(series.dtype):
        problems.append(f"event has type {series.dtype}; {rule}")
        return np.zeros(len(series), dtype=np.int64)
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    is_missing = np.isnan(values)
    if is_missing.any():
        problems.append(f"event is missing in {describe_rows(is_missing)}; {rule}")
    is_code = ~np.isin(values, (0.0, 1.0)) & ~is_missing
    if is_code.any():
        others = ", ".join(f"{value:g}" for value in np.unique(values[is_code])[:5])
        problems.append(
            f"event holds codes other than 0 and 1 ({others}) in {describe_rows(is_code)}; {rule}"
        )
    return np.asarray(values == 1.0, dtype=np.int64)


def _read_causes(
    exit_cause: Sequence[object] | npt.ArrayLike,
    causes: Sequence[str] | None,
    problems: list[str],
) -> tuple[IntArray, tuple[str, ...]]:
    series = pd.Series(exit_cause, dtype=object).reset_index(drop=True)
    try:
        place, found = pd.factorize(series)
    except TypeError:  # lists and the like, which are no names either
        place, found = pd.factorize(series.map(type))
    values = [*found, ""]  # A missing value has place -1, the last.
    is_other = np.array([not isinstance(value, str) for value in values])[place]
    if is_other.any():
        problems.append(
            f"exit_cause is not text in {describe_rows(is_other)}; rule: the cause's name, or "
            "empty text for a censored row; fix: map codes to names"
        )
        return np.zeros(len(series), dtype=np.int64), ()
    observed = sorted(set(values) - {""})
    names = tuple(causes) if causes is not None else tuple(observed)
    unknown = [name for name in observed if name not in names]
    if unknown or len(set(names)) != len(names) or "" in names:
        problems.append(
            f"causes {list(names)} do not cover the observed {observed}; rule: every observed "
            "cause is listed once, none empty; fix: list all, since leaving one out would "
            "count its exits as censored"
        )
        return np.zeros(len(series), dtype=np.int64), names
    number = {name: code for code, name in enumerate(names, start=1)}
    return np.array([number.get(value, 0) for value in values], dtype=np.int64)[place], names


def read_weights(weights: npt.ArrayLike | None, n: int, problems: list[str]) -> FloatArray:
    """Read weights: finite, not negative, some positive; ones when none are given."""
    if weights is None:
        return np.ones(n)
    values = read_numbers("weights", weights, problems)
    is_negative = values < 0
    if is_negative.any():
        problems.append(
            f"weights are negative in {describe_rows(is_negative)}; rule: not negative; "
            "fix: check the model that made the weights"
        )
    if not np.any(values > 0):
        problems.append("no weight is positive; rule: some row must count; fix: check the weights")
    return values


def read_units(name: str, labels: npt.ArrayLike | None, n: int, problems: list[str]) -> IntArray:
    """Code labels in the order in which they come; every row its own when there are none."""
    if labels is None:
        return np.arange(n)
    codes, distinct = pd.factorize(pd.Series(labels).reset_index(drop=True))
    if (codes < 0).any():
        _refuse_missing(name, codes < 0, problems)
        return np.arange(n)
    _refuse_look_alikes(name, distinct, problems)
    return codes.astype(np.int64, copy=False)


def read_labels(
    name: str, labels: npt.ArrayLike | None, default: IntArray, problems: list[str]
) -> tuple[IntArray, tuple[str, ...]]:
    """Code labels as positions in their sorted list, one for each default code.

    Without labels, or where they are wrong, the default codes.
    """
    if labels is None:
        return default, ("",)
    codes, distinct = pd.factorize(pd.Series(labels).reset_index(drop=True))
    if len(codes) != len(default):
        problems.append(
            f"{name} has {len(codes)} values, stop has {len(default)}; rule: one per row; fix: "
            "take both from one frame"
        )
        return default, ("",)
    if (codes < 0).any():
        _refuse_missing(name, codes < 0, problems)
        return default, ("",)
    _refuse_look_alikes(name, distinct, problems)
    names = np.array([str(label) for label in distinct])
    order = np.argsort(names, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], tuple(names[order].tolist())


def read_groups(
    group: npt.ArrayLike, n: int, problems: list[str]
) -> tuple[IntArray, tuple[str, ...]]:
    """Code the groups of a comparison as positions in their sorted list, of two or more."""
    found: list[str] = []
    codes, groups = read_labels("group", group, np.zeros(n, dtype=np.int64), found)
    if len(groups) < 2 and not found:
        found.append(
            f"all rows belong to group {groups[0]!r}; rule: at least two groups; fix: check the "
            "filter that made the rows"
        )
    problems += found
    return codes, groups


def _refuse_look_alikes(name: str, distinct: Iterable[object], problems: list[str]) -> None:
    """Refuse labels that differ but print alike, such as 1 and "1": results name the text."""
    if pd.api.types.infer_dtype(distinct, skipna=False) in ONE_KIND:
        return
    seen = pd.Series([str(label) for label in distinct], dtype=object)
    alike = seen[seen.duplicated()].unique()
    if len(alike):
        shown = ", ".join(repr(text) for text in alike[:N_POSITIONS_SHOWN])
        problems.append(
            f"{name} has labels that differ in type but read alike ({shown}); rule: a label is "
            "its text; fix: give the column one type"
        )


def _refuse_missing(name: str, is_missing: BoolArray, problems: list[str]) -> None:
    problems.append(
        f"{name} is missing in {describe_rows(is_missing)}; rule: every row has a label; "
        "fix: give unknown units labels of their own, or leave them out"
    )
