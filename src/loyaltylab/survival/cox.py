"""Cox proportional hazards on (start, stop] rows: Efron ties, strata, weights, clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.covariate_checks import (
    find_covariate_problems,
    find_sample_caveats,
    may_repeat_each_other,
    read_offset,
    read_ridge,
    refuse_collinear,
)
from loyaltylab.survival.cox_design import CoxDesign, build_scaled_design
from loyaltylab.survival.cox_fit import CoxFit, describe_method
from loyaltylab.survival.cox_newton import Maximum, maximise, solve_information
from loyaltylab.survival.cox_state import CoxState, sum_coefficient_influence
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.wald import describe_zero_errors, summarise_coefficients

RIDGE_CAVEAT = "A ridge penalty pulls hazard ratios towards 1: intervals leave that bias out."

__all__ = ["CoxFit", "CoxState", "fit_cox"]


def fit_cox(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    ridge: npt.ArrayLike = 0.0,
    confidence_level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model by Efron's partial likelihood.

    A ridge penalty shrinks coefficients towards 0 and makes separation estimable; the error is
    then the inverse of the penalised information (R's ``se(coef)``), in clusters the sandwich
    with that inverse. It describes the spread around the shrunken value: the interval is too
    short by the bias the penalty brings, and a caveat says so.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]: at risk at t if and only if start < t <= stop.
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
        Numbers or booleans, matched to the rows by position.
    cluster : array-like, shape (n,), optional
        Independent unit of each row, usually the customer.
    strata : array-like, shape (n,), optional
        Each stratum has a baseline hazard of its own.
    weights : array-like of float, shape (n,), optional
        Not negative. With weights the error is robust.
    offset : array-like of float, shape (n,), optional
        Known part of the log risk of each row, added to the linear predictor.
    ridge : float or array-like of float, shape (p,)
        Penalty theta: theta times half the squared coefficient, in the covariate's own unit, is
        taken off the log likelihood.
    confidence_level : float

    Returns
    -------
    CoxFit

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows and covariates; if columns are collinear or
        carry no information; if the likelihood has no maximum.

    Source
    ------
    Efron (1977); Lin and Wei (1989); Gray (1992); ``coxph(..., ties = "efron", cluster=)`` and
    ``ridge(..., scale = FALSE)`` of R survival.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1], x)
    >>> fit.hazard_ratio.shape
    (1,)
    """
    normal_quantile(confidence_level)
    n = len(pd.Series(stop))
    problems = find_covariate_problems(covariates, n)
    known = read_offset(offset, n, problems)
    theta = read_ridge(ridge, covariates.shape[1], problems)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        strata=strata,
        requires_events=True,
        further_problems=problems,
    )
    kept = covariates.loc[process.kept] if not process.kept.all() else covariates
    design, centre, scale = build_scaled_design(process, kept.to_numpy(dtype=np.float64))
    if may_repeat_each_other(design.x, centre, scale):
        refuse_collinear(kept)
    known = known[process.kept]
    design = replace(design, offset=(known - known.mean())[design.row])
    names = tuple(str(name) for name in covariates.columns)
    maximum = maximise(design, names, penalty=theta / scale**2)
    information = maximum.information + np.diag(theta / scale**2)
    state = CoxState(
        process=process,
        design=design,
        moments=maximum.moments,
        information=information,
        beta=maximum.beta,
        centre=centre,
        scale=scale,
        offset_centre=float(known.mean()),
        covariance=_choose_covariance(process, design, maximum, information),
    )
    return _summarise(names, state, maximum, theta, confidence_level)


def _choose_covariance(
    process: CountingProcess, design: CoxDesign, maximum: Maximum, information: FloatArray
) -> FloatArray:
    """Of the scaled coefficients: Lin and Wei's sandwich, or the inverse information."""
    if not process.is_robust:
        return solve_information(information, np.eye(len(information)))
    by_cluster = sum_coefficient_influence(process, design, maximum.moments, information)
    return np.asarray(by_cluster.T @ by_cluster)


def _summarise(
    names: tuple[str, ...],
    state: CoxState,
    maximum: Maximum,
    ridge: FloatArray,
    confidence_level: float,
) -> CoxFit:
    process, unscale = state.process, np.outer(state.scale, state.scale)
    coefficients = maximum.beta / state.scale
    inverse = solve_information(state.information, np.eye(len(names)))
    naive_error = np.sqrt(np.diag(inverse)) / state.scale
    covariance = state.covariance / unscale
    error = np.sqrt(np.diag(covariance))
    likelihood = maximum.moments.log_likelihood
    return CoxFit(
        names=names,
        confidence_level=confidence_level,
        covariance=as_read_only(covariance),
        log_likelihood=likelihood,
        log_likelihood_null=maximum.log_likelihood_null,
        ridge=as_read_only(ridge),
        log_likelihood_penalised=likelihood - float(ridge @ coefficients**2) / 2.0,
        effective_df=float(np.sum(inverse * maximum.information)),
        n_rows=process.n_rows,
        n_events=process.n_events,
        n_clusters=process.n_clusters,
        iterations=maximum.iterations,
        error_unit=process.error_unit,
        method=describe_method(process.error_unit, is_penalised=bool(np.any(ridge > 0))),
        caveats=(
            *find_sample_caveats(process, len(names)),
            *((RIDGE_CAVEAT,) if np.any(ridge > 0) else ()),
            *describe_zero_errors(names, error, naive_error),
        ),
        state=state,
        **summarise_coefficients(
            coefficients,
            error,
            naive_error,
            ratio="hazard_ratio",
            confidence_level=confidence_level,
        ),
    )
