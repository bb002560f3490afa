"""Checks on the covariates of a hazard model, before any fit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.collinearity import find_collinear_columns
from loyaltylab.survival.cox_kernels import weighted_gram
from loyaltylab.survival.row_checks import describe_rows

# What is left of a standardised column after the others, squared, above which no column can be
# a combination of others; and the spread, relative to the size, above which none is constant.
CLEARLY_FREE = 1e-10
CLEARLY_VARYING = 1e-8
N_ROWS_TRIED = 20_000


def find_covariate_problems(covariates: pd.DataFrame, n: int) -> list[str]:
    """List what is wrong with the covariates of n rows."""
    problems = []
    if len(covariates) != n:
        problems.append(
            f"covariates have {len(covariates)} rows, stop has {n}; rule: one row each, in the "
            "same order; fix: take both from one frame"
        )
    if covariates.shape[1] == 0:
        problems.append("no covariates; rule: at least one; fix: use kaplan_meier instead")
    if not covariates.columns.is_unique:
        problems.append("covariate names repeat; rule: unique names; fix: rename the columns")
        return problems
    if _are_plain_and_finite(covariates):
        return problems
    for name in covariates.columns:
        column = covariates[name]
        if not pd.api.types.is_numeric_dtype(column.dtype):
            problems.append(
                f"covariate {name!r} has type {column.dtype}; rule: numbers or booleans; "
                "fix: make dummies of categories, leaving one out as the reference"
            )
            continue
        bad = ~np.isfinite(column.to_numpy(dtype=np.float64, na_value=np.nan))
        if bad.any():
            problems.append(
                f"covariate {name!r} is missing or infinite in {describe_rows(bad)}; rule: "
                "finite numbers; fix: decide upstream what a missing value means"
            )
    return problems


def _are_plain_and_finite(covariates: pd.DataFrame) -> bool:
    """Whether all are ordinary floats with a finite sum, so that no column needs a closer look."""
    if not all(dtype == np.float64 for dtype in covariates.dtypes):
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(covariates.to_numpy().ravel(order="K").sum()))


def may_repeat_each_other(x: FloatArray, centre: FloatArray, scale: FloatArray) -> bool:
    """Whether columns could be constant or collinear; False only where they surely are not.

    ``x`` (n, p) are the covariates minus their centre, over their scale. Every row adds to
    what a combination of columns leaves, so that a part of the rows can prove them free.
    """
    n = len(x)
    if np.any(scale <= CLEARLY_VARYING * (np.abs(centre) + scale * n**0.5)):
        return True
    tried = np.ascontiguousarray(x[:: max(1, n // N_ROWS_TRIED)])
    gram = weighted_gram(tried, np.ones(len(tried)))
    try:
        np.linalg.cholesky(gram - CLEARLY_FREE * n * np.eye(len(gram)))
    except np.linalg.LinAlgError:
        return True
    return False


def refuse_collinear(covariates: pd.DataFrame) -> None:
    """Raise with every group of columns that repeat each other."""
    problems = []
    for group in find_collinear_columns(covariates):
        listed = ", ".join(repr(name) for name in group)
        if len(group) == 1:
            problems.append(f"{listed} is constant; fix: leave it out")
        else:
            problems.append(
                f"{listed} are exactly collinear; rule: no column is a combination of the "
                "others; fix: leave one of them out, or keep one for each repeated category"
            )
    if problems:
        raise EstimationError("Some covariates repeat each other.", problems)
