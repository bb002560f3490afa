"""A fitted failure-time model: its numbers, and the retention it implies within the follow-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.failure_time_families import ErrorDistribution
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.parametric_curves import (
    integrate_retention,
    read_reference,
    tabulate_retention,
)
from loyaltylab.survival.restricted_mean import check_horizon


@dataclass(frozen=True, eq=False)
class FailureTimeFit:
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
        columns = ["coefficients", "standard_error", "naive_standard_error", "time_ratio"]
        columns += ["ci_lower", "ci_upper", "z", "p_value"]
        frame = pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})
        frame = frame.rename(columns={"coefficients": "coefficient"})
        return frame.set_axis(pd.Index(self.names, name="covariate"), axis="index")

    def retention_at(
        self, times: npt.ArrayLike, reference: Mapping[str, float] | None = None
    ) -> pd.DataFrame:
        """Retention of a customer with given covariates.

        Parameters
        ----------
        times : array-like of float, shape (q,)
            Not past the last follow-up.
        reference : mapping of str to float, optional
            Value of every covariate; default all 0.

        Returns
        -------
        DataFrame
            Columns time, retention, standard_error, ci_lower, ci_upper (log-log).
        """
        return tabulate_retention(
            self._retention,
            read_reference(self.names, reference),
            times,
            covariance=self.covariance,
            last_follow_up=self.last_follow_up,
            confidence_level=self.confidence_level,
        )

    def restricted_mean(
        self,
        reference: Mapping[str, float] | None = None,
        *,
        horizon: float,
        unit: str = "days",
    ) -> Estimate:
        """Mean time retained up to a horizon within the follow-up, for given covariates.

        Returns
        -------
        Estimate
            In time units; error by the delta method, normal interval.
        """
        check_horizon(horizon, self.last_follow_up)
        x = read_reference(self.names, reference)
        value, error = integrate_retention(self._retention, x, horizon, self.covariance)
        half_width = normal_quantile(self.confidence_level) * error
        return Estimate(
            value=value,
            standard_error=error,
            ci_lower=value - half_width,
            ci_upper=value + half_width,
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=self.n_events,
            unit=unit,
            method=f"restricted mean retention time to {horizon:g}, {self.method}",
            caveats=self.caveats,
        )

    def _retention(self, times: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Retention and its derivatives by intercept, coefficients and log scale."""
        location = float(x @ np.concatenate([[self.intercept], self.coefficients]))
        scale = np.exp(self.log_scale)
        z = (np.log(np.maximum(times, np.finfo(np.float64).tiny)) - location) / scale
        retention = np.where(times > 0, self.error.retention(z), 1.0)
        slope = retention * self.error.log_retention(z)[1]
        by_location = (-slope / scale)[:, None] * x
        return retention, np.column_stack([by_location, -z * slope])
