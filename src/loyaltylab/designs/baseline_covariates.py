"""Baseline covariates of customers, as the columns a model needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.covariate_checks import refuse_collinear
from loyaltylab.survival.row_checks import describe_rows


def expand_covariates(frame: pd.DataFrame, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Turn numbers, flags and categories into columns of numbers.

    Parameters
    ----------
    frame : DataFrame, shape (n, ...)
        One row per customer.
    names : sequence of str, optional
        Columns to use; default all.

    Returns
    -------
    DataFrame, shape (n, p)
        Numbers and flags as they are; of a category one 0/1 column per level, named
        ``name=level``, the first level in sorted order left out. Rows are numbered from 0.

    Raises
    ------
    EstimationError
        If a column is absent, has missing values, is constant or repeats others.

    Examples
    --------
    >>> expand_covariates(pd.DataFrame({"segment": ["b", "a", "b"], "age": [1, 2, 4]})).columns
    Index(['segment=b', 'age'], dtype='object')
    """
    columns, problems = split_levels(frame, names, has_reference=False)
    if problems:
        raise EstimationError("These covariates cannot be used.", problems)
    expanded = pd.DataFrame(columns, index=range(len(frame)))
    refuse_collinear(expanded)
    return expanded


def split_levels(
    frame: pd.DataFrame, names: Sequence[str] | None, *, has_reference: bool
) -> tuple[dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]], list[str]]:
    """Columns of numbers by name, and what is wrong; with the first level of each, or without."""
    wanted = list(frame.columns) if names is None else list(names)
    problems: list[str] = []
    if not wanted:
        problems.append("no covariates; rule: at least one; fix: compare the groups as they are")
    columns = {}
    for name in wanted:
        if name not in frame:
            problems.append(f"{name!r} is no column; fix: choose among {list(frame.columns)}")
            continue
        column = frame[name].reset_index(drop=True)
        is_number = pd.api.types.is_numeric_dtype(column.dtype)
        if is_number:
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
            bad = ~np.isfinite(numbers)
        else:
            bad = column.isna().to_numpy()
        if bad.any():
            problems.append(
                f"covariate {name!r} is missing or infinite in {describe_rows(bad)}; rule: known "
                "for every customer; fix: give unknown values a level of their own, or leave "
                "those customers out beforehand"
            )
        elif is_number:
            columns[str(name)] = numbers
        else:
            text = column.astype(str)
            levels = sorted(set(text))
            skipped = 0 if has_reference or len(levels) == 1 else 1
            for level in levels[skipped:]:
                columns[f"{name}={level}"] = (text == level).to_numpy(dtype=np.float64)
    return columns, problems
