"""Checks on the covariates of a hazard model, before any fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.collinearity import find_collinear_columns
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.cox_kernels import weighted_gram
from loyaltylab.survival.row_checks import describe_rows, read_numbers
from loyaltylab.survival.unit_caveats import find_unit_caveats

EVENTS_PER_COVARIATE = 10
# Offsets further than this from their mean leave no room for the covariates in a double.
LARGEST_OFFSET = 50.0

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


def read_offset(offset: npt.ArrayLike | None, n: int, problems: list[str]) -> FloatArray:
    """Read the known part of the log risk of n rows; zeros when none is given."""
    if offset is None:
        return np.zeros(n)
    values = read_numbers("offset", offset, problems)
    if len(values) != n:
        problems.append(
            f"offset has {len(values)} values, stop has {n}; rule: one per row, in the same "
            "order; fix: take both from one frame"
        )
        return np.zeros(n)
    with np.errstate(invalid="ignore"):  # Infinite values are named above.
        is_far = np.abs(values - np.mean(values)) > LARGEST_OFFSET
    if is_far.any():
        problems.append(
            f"offset is more than {LARGEST_OFFSET:g} from its mean in {describe_rows(is_far)}; "
            "rule: an offset is on the log scale; fix: pass the logarithm of the known risk"
        )
    return values


def read_ridge(ridge: npt.ArrayLike, p: int, problems: list[str]) -> FloatArray:
    """Read the ridge penalty of p covariates; one number serves all."""
    try:
        values = np.asarray(ridge, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    is_shape = values.shape in ((), (p,))
    if not is_shape or not np.all(np.isfinite(values)) or np.any(values < 0):
        problems.append(
            f"ridge is {ridge!r}; rule: one number, or one for each of the {p} covariates, finite "
            "and not negative; fix: 0 for a covariate that is not penalised"
        )
        return np.zeros(p)
    return np.broadcast_to(values, (p,)).copy()


def read_reference(names: Sequence[str], reference: Mapping[str, float] | None) -> dict[str, float]:
    """Value of every covariate of a customer, in order; default all 0."""
    given = dict.fromkeys(names, 0.0) if reference is None else dict(reference)
    if set(given) != set(names):
        raise EstimationError(
            f"reference names {sorted(given)}; rule: exactly the covariates {sorted(names)}; "
            "fix: give each a value"
        )
    return {name: float(given[name]) for name in names}


def find_sample_caveats(process: CountingProcess, p: int) -> tuple[str, ...]:
    """Say where there are few events or clusters for p covariates, or weights without clusters."""
    caveats = []
    if process.n_events < EVENTS_PER_COVARIATE * p:
        caveats.append(
            f"{process.n_events} events for {p} covariates: below {EVENTS_PER_COVARIATE} events "
            "per covariate hazard ratios are biased away from 1 and intervals too short."
        )
    return (*caveats, *find_unit_caveats(process))
