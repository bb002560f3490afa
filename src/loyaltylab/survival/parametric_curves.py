"""Retention curves and restricted means of parametric models, within the follow-up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.covariate_checks import read_reference
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.intervals import log_log_interval, normal_quantile
from loyaltylab.survival.restricted_mean import check_horizon
from loyaltylab.survival.step_functions import check_times

# Gauss-Legendre points per stretch and stretches of the integral, closer towards 0 where a
# density may be steep: exact to about 1e-10 for Weibull shapes from 0.3 to 10.
N_POINTS = 20
N_STRETCHES = 60

# (times, covariates with a leading 1) -> retention (q,), its gradient by the parameters (q, r).
Curve = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


class ParametricRetention(ABC):
    """What parametric fits share: the retention they imply, and its restricted mean.

    A fit names its covariates and gives its retention with the derivatives by its parameters.
    """

    names: tuple[str, ...]
    covariance: FloatArray
    confidence_level: float
    last_follow_up: float
    n_clusters: int
    n_events: int
    method: str
    caveats: tuple[str, ...]

    @abstractmethod
    def _retention(self, times: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Retention (q,), and its gradient by the r parameters (q, r); x leads with a 1."""

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
        asked = check_times(times)
        if np.any(asked > self.last_follow_up):
            raise EstimationError(
                f"times run to {asked.max():g}, past the last follow-up {self.last_follow_up:g}; "
                "rule: no extrapolation; fix: ask for earlier times"
            )
        retention, gradient = self._retention(asked, _read_x(self.names, reference))
        error = np.sqrt(np.sum((gradient @ self.covariance) * gradient, axis=1))
        lower, upper = log_log_interval(retention, error, self.confidence_level)
        return pd.DataFrame(
            {
                "time": asked,
                "retention": retention,
                "standard_error": error,
                "ci_lower": lower,
                "ci_upper": upper,
            }
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
        x = _read_x(self.names, reference)
        value, error = _integrate_retention(self._retention, x, horizon, self.covariance)
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


def _read_x(names: Sequence[str], reference: Mapping[str, float] | None) -> FloatArray:
    """Values of the covariates, in order, with a leading 1; default all 0."""
    return np.array([1.0, *read_reference(names, reference).values()])


def _integrate_retention(
    curve: Curve, x: FloatArray, horizon: float, covariance: FloatArray
) -> tuple[float, float]:
    """Area under the curve up to the horizon, and its error by the delta method."""
    edges = horizon * np.linspace(0.0, 1.0, N_STRETCHES + 1) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(N_POINTS)
    half = np.diff(edges) / 2.0
    times = (edges[:-1, None] + half[:, None] * (1.0 + nodes)).ravel()
    weight = (half[:, None] * weights).ravel()
    retention, gradient = curve(times, x)
    slope = weight @ gradient
    return float(weight @ retention), float(np.sqrt(slope @ covariance @ slope))
