"""Hazards per period: pooled regression of person-period rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.cell_regression import CellRows
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.covariate_checks import (
    find_covariate_problems,
    read_offset,
    refuse_collinear,
)
from loyaltylab.survival.hazard_families import CLOGLOG, LOGIT
from loyaltylab.survival.hazard_regression import HazardRegression, fit_hazard_regression
from loyaltylab.survival.row_checks import read_numbers

LINKS = {"logit": LOGIT, "cloglog": CLOGLOG}


def fit_discrete_hazard(
    period: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    link: str = "logit",
    baseline: str = "period",
    cluster: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> HazardRegression:
    """Fit the hazard per period by pooled regression of person-period rows.

    A row is one customer through one whole period at whose start it was under observation. A
    customer that enters late has no rows before, one that is lost within a period none for it.

    Parameters
    ----------
    period : array-like of float, shape (n,)
        Month number, say.
    event : array-like of bool or 0/1, shape (n,)
        Whether the customer left in that period.
    covariates : DataFrame, shape (n, p)
        As known at the start of the period.
    link : {"logit", "cloglog"}
        The second gives the hazard ratio of a Cox model whose times are grouped in periods.
    baseline : {"period", "constant"}
        An intercept for each period, or one; with one, put functions of the period among the
        covariates.
    cluster, weights, offset, confidence_level
        As in :func:`fit_cox`.

    Returns
    -------
    HazardRegression

    Raises
    ------
    EstimationError
        With everything wrong with the rows; for periods in which nobody or everybody leaves;
        for separation.

    Source
    ------
    Cox (1972); Prentice and Gloeckler (1978); ``glm(event ~ factor(period) + x, binomial)`` of
    R, with ``sandwich::vcovCL(type = "HC0", cadjust = FALSE)``.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [0, 1, 0, 1, 0, 1]})
    >>> fit_discrete_hazard([1, 1, 1, 1, 2, 2], [0, 1, 1, 0, 0, 1], x).ratio_kind
    'odds ratio'
    """
    n = len(pd.Series(event))
    problems = find_covariate_problems(covariates, n)
    known = read_offset(offset, n, problems)
    periods = read_numbers("period", period, problems)
    if len(periods) != n:
        problems.append(f"period has {len(periods)} values, event has {n}; rule: one per row")
    if link not in LINKS:
        problems.append(f"link is {link!r}; rule: one of {list(LINKS)}")
    if baseline not in ("period", "constant"):
        problems.append(f"baseline is {baseline!r}; rule: 'period' or 'constant'")
    process = build_counting_process(
        np.zeros(n),
        np.ones(n),
        event=event,
        weights=weights,
        cluster=cluster,
        requires_events=True,
        further_problems=problems,
    )
    labels, cell = np.unique(periods[process.kept], return_inverse=True)
    names = tuple(f"{label:g}" for label in labels)
    if baseline == "constant":
        names, cell = ("all",), np.zeros(process.n_rows, dtype=np.int64)
    rows = CellRows(
        x=covariates.loc[process.kept].to_numpy(dtype=np.float64),
        cell=cell.astype(np.int64),
        n_cells=len(names),
        event=process.event,
        exposure=np.ones(process.n_rows),
        weights=process.weights,
        offset=known[process.kept],
        unit=process.cluster,
    )
    refuse_collinear(covariates.loc[process.kept])
    columns = tuple(str(name) for name in covariates.columns)
    return fit_hazard_regression(process, rows, LINKS[link], columns, names, confidence_level)
