"""A fitted failure-time model: its numbers, and the retention it implies within the follow-up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.failure_time_families import ErrorDistribution
from loyaltylab.survival.parametric_curves import ParametricRetention
from loyaltylab.survival.wald import tabulate_coefficients


@dataclass(frozen=True, eq=False)
class FailureTimeFit(ParametricRetention):
    """A fitted accelerated failure-time model; p covariates.

    log T = intercept + x coefficients + scale * error.

    Attributes
    ----------
    distribution : str
        Of the time, given the covariates.
    names : tuple of str, length p
    coefficients, standard_error, naive_standard_error : ndarray of float, shape (p,)
        Log time ratios; errors robust by cluster (by row when only weights are given), else
        from the observed information.
    time_ratio, ci_lower, ci_upper : ndarray of float, shape (p,)
        By what factor one unit of a covariate stretches the time until exit.
    z, p_value : ndarray of float, shape (p,)
        Wald test that the time ratio is 1.
    intercept, intercept_error : float
        Location where every covariate is 0, in log time units.
    log_scale, log_scale_error : float
    covariance : ndarray of float, shape (p + 2, p + 2)
        Of intercept, coefficients, log scale.
    confidence_level : float
    log_likelihood : float
        Of the times themselves.
    last_follow_up : float
        Nothing is said past it.
    n_rows, n_events, n_interval_censored, n_clusters : int
    iterations : int
    method : str
    caveats : tuple of str
    """

    distribution: str
    names: tuple[str, ...]
    coefficients: FloatArray
    standard_error: FloatArray
    naive_standard_error: FloatArray
    time_ratio: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    z: FloatArray
    p_value: FloatArray
    intercept: float
    intercept_error: float
    log_scale: float
    log_scale_error: float
    covariance: FloatArray
    confidence_level: float
    log_likelihood: float
    last_follow_up: float
    n_rows: int
    n_events: int
    n_interval_censored: int
    n_clusters: int
    iterations: int
    method: str
    caveats: tuple[str, ...]
    error: ErrorDistribution = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the coefficients, one line per covariate (the index)."""
        return tabulate_coefficients(self, self.names, ratio="time_ratio")

    def _retention(self, times: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Retention and its derivatives by intercept, coefficients and log scale."""
        location = float(x @ np.concatenate([[self.intercept], self.coefficients]))
        scale = np.exp(self.log_scale)
        z = (np.log(np.maximum(times, np.finfo(np.float64).tiny)) - location) / scale
        retention = np.where(times > 0, self.error.retention(z), 1.0)
        slope = retention * self.error.log_retention(z)[1]
        by_location = (-slope / scale)[:, None] * x
        return retention, np.column_stack([by_location, -z * slope])
