"""Proportional hazards with a smooth baseline: a spline of the log cumulative hazard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.covariate_checks import (
    find_covariate_problems,
    find_sample_caveats,
    refuse_collinear,
)
from loyaltylab.survival.flexible_likelihood import (
    FlexibleMaximum,
    FlexibleRows,
    maximise_flexible,
    place_log_knots,
    spline_and_slope,
)
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.parametric_curves import ParametricRetention
from loyaltylab.survival.wald import (
    compute_sandwich,
    describe_zero_errors,
    name_error,
    summarise_coefficients,
    tabulate_coefficients,
)


@dataclass(frozen=True, eq=False)
class FlexibleHazardFit(ParametricRetention):
    """A fitted proportional-hazards model with a spline baseline; p covariates, k knots.

    log H(t) = g0 + g1 log t + g2 b2(log t) + ... + x coefficients, with H the cumulative hazard
    and b2 ... a restricted cubic spline; with two knots a Weibull model.

    Attributes
    ----------
    names : tuple of str, length p
    coefficients, standard_error, naive_standard_error : ndarray of float, shape (p,)
        Log hazard ratios; errors robust by cluster (by row when only weights are given), else
        from the observed information.
    hazard_ratio, ci_lower, ci_upper, z, p_value : ndarray of float, shape (p,)
    knots : ndarray of float, shape (k,)
        In time units.
    spline : ndarray of float, shape (k,)
        g0 ... of the log cumulative hazard where every covariate is 0.
    covariance : ndarray of float, shape (k + p, k + p)
        Of the spline, then the coefficients.
    confidence_level, log_likelihood, last_follow_up : float
    n_rows, n_events, n_clusters, iterations : int
    method : str
    caveats : tuple of str
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    standard_error: FloatArray
    naive_standard_error: FloatArray
    hazard_ratio: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    z: FloatArray
    p_value: FloatArray
    knots: FloatArray
    spline: FloatArray
    covariance: FloatArray
    confidence_level: float
    log_likelihood: float
    last_follow_up: float
    n_rows: int
    n_events: int
    n_clusters: int
    iterations: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the coefficients, one line per covariate (the index)."""
        return tabulate_coefficients(self, self.names, ratio="hazard_ratio")

    def _retention(self, times: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Retention and its derivatives by spline and coefficients."""
        log_time = np.log(np.maximum(times, np.finfo(np.float64).tiny))
        basis = spline_and_slope(log_time, np.log(self.knots))[0]
        design = np.column_stack([basis, np.tile(x[1:], (len(times), 1))])
        eta = design @ np.concatenate([self.spline, self.coefficients])
        hazard = np.where(times > 0, np.exp(eta), 0.0)
        retention = np.exp(-hazard)
        return retention, -(hazard * retention)[:, None] * design


def fit_flexible_hazard(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    knots: int | Sequence[float] = 4,
    cluster: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> FlexibleHazardFit:
    """Fit proportional hazards with a spline of the log cumulative hazard in log time.

    The hazard ratios are nearly those of a Cox model; what is gained is a smooth curve with
    delayed entry, read at any time within the follow-up.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop], from the customer's origin.
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
        May change between the rows of a customer.
    knots : int or sequence of float
        2 to 5 knots at quantiles of the log event times, or their places in time units.
    cluster, weights, confidence_level
        As in :func:`fit_cox`. Rows of one stay, cut where a covariate changes, need clusters
        only for what else they share.

    Returns
    -------
    FlexibleHazardFit

    Raises
    ------
    EstimationError
        With everything wrong with the rows; if the likelihood has no maximum, or the fitted
        hazard is negative somewhere within the follow-up.

    Source
    ------
    Royston and Parmar (2002); ``flexsurvspline(..., scale = "hazard")`` of R flexsurv.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1]})
    >>> rows = [0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1]
    >>> fit_flexible_hazard(*rows, x, knots=2).knots.tolist()
    [1.0, 6.0]
    """
    problems = find_covariate_problems(covariates, len(pd.Series(stop)))
    normal_quantile(confidence_level)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        requires_events=True,
        further_problems=problems,
    )
    kept = covariates.loc[process.kept]
    refuse_collinear(kept)
    values = kept.to_numpy(dtype=np.float64)
    centre, scale = values.mean(axis=0), values.std(axis=0)
    log_knots = place_log_knots(np.log(process.stop[process.event]), knots)
    rows = _arrange(process, (values - centre) / scale, log_knots)
    names = tuple(str(name) for name in covariates.columns)
    found = maximise_flexible(rows, names)
    return _summarise(process, found, names, log_knots, (centre, scale), confidence_level)


def _summarise(
    process: CountingProcess,
    found: FlexibleMaximum,
    names: tuple[str, ...],
    log_knots: FloatArray,
    scaling: tuple[FloatArray, FloatArray],
    confidence_level: float,
) -> FlexibleHazardFit:
    k, (centre, scale) = len(log_knots), scaling
    back = np.eye(len(found.theta))
    back[0, k:] = -centre / scale
    back[k:, k:] = np.diag(1.0 / scale)
    theta, naive = back @ found.theta, back @ np.linalg.inv(found.information) @ back.T
    covariance = naive
    if process.is_robust:
        covariance = compute_sandwich(process, found.scores, found.information, back)
    error, naive_error = (np.sqrt(np.diag(matrix))[k:] for matrix in (covariance, naive))
    return FlexibleHazardFit(
        names=names,
        knots=as_read_only(np.exp(log_knots)),
        spline=as_read_only(theta[:k]),
        covariance=as_read_only(covariance),
        confidence_level=confidence_level,
        log_likelihood=found.log_likelihood,
        last_follow_up=float(process.stop.max()),
        n_rows=process.n_rows,
        n_events=process.n_events,
        n_clusters=process.n_clusters,
        iterations=found.iterations,
        method=f"proportional hazards, spline with {k} knots, {name_error(process.error_unit)}",
        caveats=(
            *find_sample_caveats(process, len(names)),
            *describe_zero_errors(names, error, naive_error),
        ),
        **summarise_coefficients(
            theta[k:],
            error,
            naive_error,
            ratio="hazard_ratio",
            confidence_level=confidence_level,
        ),
    )


def _arrange(process: CountingProcess, x: FloatArray, log_knots: FloatArray) -> FlexibleRows:
    has_entry = process.start > 0
    at_stop, slope = spline_and_slope(np.log(process.stop), log_knots)
    at_start, _ = spline_and_slope(np.log(process.start[has_entry]), log_knots)
    first = process.start[has_entry].min(initial=np.inf)
    earliest = min(first, process.stop.min())
    grid = np.linspace(np.log(earliest), np.log(process.stop.max()), 200)
    return FlexibleRows(
        at_stop=np.column_stack([at_stop, x]),
        slope=slope[process.event],
        at_start=np.column_stack([at_start, x[has_entry]]),
        has_entry=has_entry,
        event=process.event,
        log_stop=np.log(process.stop),
        weights=process.weights,
        slope_on_grid=spline_and_slope(grid, log_knots)[1],
        n_covariates=x.shape[1],
    )
