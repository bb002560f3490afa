"""Accelerated failure-time models: Weibull, log-normal and log-logistic times until exit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, as_read_only
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.covariate_checks import (
    find_covariate_problems,
    find_sample_caveats,
    refuse_collinear,
)
from loyaltylab.survival.failure_time_families import LOG_LOGISTIC, LOG_NORMAL, WEIBULL
from loyaltylab.survival.failure_time_fit import FailureTimeFit
from loyaltylab.survival.failure_time_likelihood import (
    LOG_OF_ZERO,
    FailureTimeMaximum,
    FailureTimes,
    maximise_failure_times,
)
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.row_checks import describe_rows, read_numbers
from loyaltylab.survival.wald import (
    compute_sandwich,
    describe_zero_errors,
    name_error,
    summarise_coefficients,
)

DISTRIBUTIONS = {"weibull": WEIBULL, "log-normal": LOG_NORMAL, "log-logistic": LOG_LOGISTIC}


def fit_failure_time(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    distribution: str = "weibull",
    last_seen: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> FailureTimeFit:
    """Fit an accelerated failure-time model by maximum likelihood.

    A row counts given that the customer is there at ``start`` (delayed entry). Covariates are
    those of the whole stay: a stay may be cut into rows, but its covariates must not change.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop], from the customer's origin.
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
    distribution : {"weibull", "log-normal", "log-logistic"}
    last_seen : array-like of float, shape (n,), optional
        For an exit known only to lie between two looks: the last time the customer was seen,
        start <= last_seen < stop; equal to ``stop`` (the default) for an exit at ``stop``.
        Ignored for rows without an event.
    cluster, weights, confidence_level
        As in :func:`fit_cox`.

    Returns
    -------
    FailureTimeFit

    Raises
    ------
    EstimationError
        With everything wrong with the rows; if the likelihood has no maximum.

    Source
    ------
    Kalbfleisch and Prentice (2002), chapter 3; ``survreg(Surv(time, event) ~ x)`` and
    ``Surv(left, right, type = "interval2")`` of R survival, which has no delayed entry.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> rows = [0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1]
    >>> fit_failure_time(*rows, x, distribution="log-normal").distribution
    'log-normal'
    """
    normal_quantile(confidence_level)
    n = len(pd.Series(stop))
    problems = find_covariate_problems(covariates, n)
    if distribution not in DISTRIBUTIONS:
        problems.append(f"distribution is {distribution!r}; rule: one of {list(DISTRIBUTIONS)}")
    seen = read_numbers("last_seen", stop if last_seen is None else last_seen, problems)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        requires_events=True,
        further_problems=problems,
    )
    if len(seen) != n:
        raise EstimationError(f"last_seen has {len(seen)} values, stop has {n}; rule: one per row")
    seen = np.where(process.event, seen[process.kept], process.stop)
    _refuse_impossible_looks(process, seen)
    kept = covariates.loc[process.kept]
    refuse_collinear(kept)
    values = kept.to_numpy(dtype=np.float64)
    centre, scale = values.mean(axis=0), values.std(axis=0)
    is_between = process.event & (seen < process.stop)
    rows = FailureTimes(
        x=np.column_stack([np.ones(len(values)), (values - centre) / scale]),
        log_entry=_log(process.start),
        log_seen=_log(seen),
        log_stop=np.log(process.stop),
        has_entry=process.start > 0,
        kind=process.event.astype(np.int64) + is_between,
        weights=process.weights,
    )
    names = tuple(str(name) for name in covariates.columns)
    found = maximise_failure_times(rows, DISTRIBUTIONS[distribution], names)
    return _summarise(
        process, found, distribution, names, (centre, scale), confidence_level, is_between
    )


def _log(times: FloatArray) -> FloatArray:
    return np.where(times > 0, np.log(np.where(times > 0, times, 1.0)), LOG_OF_ZERO)


def _refuse_impossible_looks(process: CountingProcess, seen: FloatArray) -> None:
    is_bad = (seen > process.stop) | (seen < process.start)
    if is_bad.any():
        raise EstimationError(
            f"last_seen is outside [start, stop] in {describe_rows(is_bad)}; rule: the exit lies "
            "in (last_seen, stop]; fix: start <= last_seen, and last_seen = stop for an exact exit"
        )


def _summarise(
    process: CountingProcess,
    found: FailureTimeMaximum,
    distribution: str,
    names: tuple[str, ...],
    scaling: tuple[FloatArray, FloatArray],
    confidence_level: float,
    is_between: BoolArray,
) -> FailureTimeFit:
    back = _unscale(*scaling)
    theta = back @ found.theta
    naive = back @ np.linalg.inv(found.information) @ back.T
    covariance = naive
    if process.is_robust:
        covariance = compute_sandwich(process, found.scores, found.information, back)
    error, naive_error = np.sqrt(np.diag(covariance)), np.sqrt(np.diag(naive))
    family = DISTRIBUTIONS[distribution]
    return FailureTimeFit(
        distribution=distribution,
        names=names,
        intercept=float(theta[0]),
        intercept_error=float(error[0]),
        log_scale=float(theta[-1]),
        log_scale_error=float(error[-1]),
        covariance=as_read_only(covariance),
        confidence_level=confidence_level,
        log_likelihood=found.log_likelihood,
        last_follow_up=float(process.stop.max()),
        n_rows=process.n_rows,
        n_events=process.n_events,
        n_interval_censored=int(is_between.sum()),
        n_clusters=process.n_clusters,
        iterations=found.iterations,
        method=f"{family.name} failure-time model, {name_error(process.error_unit)}",
        caveats=(
            *find_sample_caveats(process, len(names)),
            *describe_zero_errors(names, error[1:-1], naive_error[1:-1]),
        ),
        error=family,
        **summarise_coefficients(
            theta[1:-1],
            error[1:-1],
            naive_error[1:-1],
            ratio="time_ratio",
            confidence_level=confidence_level,
        ),
    )


def _unscale(centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Matrix from (intercept, coefficients, log scale) of scaled covariates to the original."""
    p = len(centre)
    back = np.eye(p + 2)
    back[0, 1:-1] = -centre / scale
    back[1:-1, 1:-1] = np.diag(1.0 / scale)
    return back
