"""Columns that repeat each other exactly, named in groups."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray

# A column is taken as a combination of others when what is left of it, relative to its own
# length, is below this. Rounding leaves about 1e-13; a real covariate leaves far more.
COLLINEARITY_TOLERANCE = 1e-9


def find_collinear_columns(covariates: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Find the groups of columns of which one or more must go.

    Parameters
    ----------
    covariates : DataFrame, shape (n, p)
        Finite numbers. Constants count as known: a full set of dummies is a group, because its
        columns sum to one, and a constant column is a group of its own.

    Returns
    -------
    tuple of tuple of str
        Each group in column order: within it some column is an exact linear combination of
        the others. Groups share no column and do not depend on the order of the columns.

    Raises
    ------
    EstimationError
        If a value is missing or infinite.

    Examples
    --------
    >>> frame = pd.DataFrame({"no_internet": [0, 1, 0], "no_backup": [0, 1, 0], "age": [3, 1, 2]})
    >>> find_collinear_columns(frame)
    (('no_internet', 'no_backup'),)
    """
    values = covariates.to_numpy(dtype=np.float64)
    names = [str(name) for name in covariates.columns]
    unread = [name for name, column in zip(names, values.T, strict=True) if not _is_finite(column)]
    if unread:
        raise EstimationError(f"columns {unread} have missing or infinite values; fix: fill them")
    if len(values) == 0 or not names:
        return ()
    size = np.abs(values).max(axis=0)
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    is_constant = length <= COLLINEARITY_TOLERANCE * np.maximum(size, 1e-300) * len(values) ** 0.5
    varying = np.flatnonzero(~is_constant)
    groups = [[column] for column in np.flatnonzero(is_constant)]
    if len(varying):
        triangle = np.asarray(np.linalg.qr(centred[:, varying] / length[varying], mode="r"))
        if len(triangle) == len(varying) and _has_full_rank(triangle):
            return tuple((names[group[0]],) for group in groups)
        groups += [varying[group].tolist() for group in group_dependent_columns(triangle)]
    return tuple(tuple(names[column] for column in sorted(group)) for group in sorted(groups))


def _is_finite(column: FloatArray) -> bool:
    return bool(np.isfinite(column).all())


def _has_full_rank(triangle: FloatArray) -> bool:
    return bool(np.abs(np.diag(triangle)).min() > COLLINEARITY_TOLERANCE)


def group_dependent_columns(matrix: FloatArray) -> list[IntArray]:
    """Group the columns of a matrix of unit columns that depend on each other linearly.

    Two columns are together when some minimal dependency holds both; taken over all
    dependencies, this does not hang on the order of elimination.
    """
    p = matrix.shape[1]
    independent: list[int] = []
    group_of = np.arange(p)
    is_grouped: BoolArray = np.zeros(p, dtype=bool)
    for column in range(p):
        basis = matrix[:, independent]
        solution = np.linalg.lstsq(basis, matrix[:, column], rcond=None)[0]
        left = matrix[:, column] - basis @ solution
        if independent and np.sqrt(left @ left) <= COLLINEARITY_TOLERANCE:
            used = np.array(independent)[np.abs(solution) > np.sqrt(COLLINEARITY_TOLERANCE)]
            members = np.append(used, column)
            is_grouped[members] = True
            group_of[np.isin(group_of, group_of[members])] = group_of[members].min()
        else:
            independent.append(column)
    return [np.flatnonzero(group_of == label) for label in np.unique(group_of[is_grouped])]
