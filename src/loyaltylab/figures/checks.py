"""Is the frame fit to be drawn? Every failure at once, each naming its column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from loyaltylab.figures.figure import FigureError

# Estimates and their limits come from different formulas; a rounding error is not a mistake.
_ROUNDING = 1e-9


def check_frame(frame: pd.DataFrame, columns: Sequence[str], *, what: str) -> None:
    """Refuse a frame that is empty or lacks a column.

    Raises
    ------
    FigureError
        Naming each missing column.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise FigureError(
            f"{what} cannot be drawn: {len(missing)} of its columns missing.",
            [f"missing column {column!r}; needed are {', '.join(columns)}" for column in missing],
        )
    if frame.empty:
        raise FigureError(f"{what} cannot be drawn: the frame has no rows.")


def check_estimates(
    frame: pd.DataFrame, value: str, *, what: str, share: bool, may_be_missing: bool = False
) -> None:
    """Refuse estimates outside their interval, shares outside [0, 1] and missing values.

    Raises
    ------
    FigureError
        Naming each column and the number of rows at fault.
    """
    estimate, lower, upper = (
        frame[column].to_numpy(dtype=float) for column in (value, "ci_lower", "ci_upper")
    )
    faults = {
        f"{value!r} is missing or infinite": np.isinf(estimate)
        | (np.isnan(estimate) & (not may_be_missing)),
        f"{value!r} lies outside 'ci_lower' to 'ci_upper'": (estimate < lower - _ROUNDING)
        | (estimate > upper + _ROUNDING),
    }
    if share:
        stacked = np.vstack([estimate, lower, upper])
        faults[f"{value!r} or its interval lies outside 0 to 1"] = (
            (stacked < -_ROUNDING) | (stacked > 1 + _ROUNDING)
        ).any(axis=0)
    _refuse_rows(faults, what=what)


def check_times(times: pd.Series, *, what: str) -> None:
    """Refuse missing, negative or repeated times.

    Raises
    ------
    FigureError
        Naming the number of rows at fault.
    """
    values = times.to_numpy(dtype=float)
    faults = {
        "'time' is missing, infinite or negative": ~np.isfinite(values) | (values < 0),
        "'time' occurs twice in one curve": times.duplicated().to_numpy(),
    }
    _refuse_rows(faults, what=what)


def check_unique(frame: pd.DataFrame, columns: Sequence[str], *, what: str) -> None:
    """Refuse two rows for one place in the picture.

    Raises
    ------
    FigureError
        Naming the columns and the number of repeated rows.
    """
    repeated = frame.duplicated(list(columns)).to_numpy()
    _refuse_rows({f"{' and '.join(map(repr, columns))} occurs twice": repeated}, what=what)


def check_counts(frame: pd.DataFrame, columns: Iterable[str], *, what: str) -> None:
    """Refuse counts that are missing, negative or not whole; absent columns are skipped.

    Raises
    ------
    FigureError
        Naming each column and the number of rows at fault.
    """
    faults = {}
    for column in columns:
        if column in frame.columns:
            values = pd.to_numeric(frame[column]).to_numpy(dtype=float, na_value=np.nan)
            faults[f"{column!r} is not a whole number of at least 0"] = ~(
                (values >= 0) & (values == np.floor(values))
            )
    _refuse_rows(faults, what=what)


def check_min_cell(min_cell: int) -> None:
    """Refuse a smallest cell below 1.

    Raises
    ------
    FigureError
        If `min_cell` is below 1.
    """
    if min_cell < 1:
        raise FigureError(f"min_cell is {min_cell}; it must be at least 1 (1 suppresses nothing).")


def _refuse_rows(faults: dict[str, np.ndarray], *, what: str) -> None:
    problems = [f"{text} ({rows.sum()} rows)" for text, rows in faults.items() if rows.any()]
    if problems:
        raise FigureError(f"{what} cannot be drawn.", problems)
