"""Retention curves and restricted means of parametric models, within the follow-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.intervals import log_log_interval
from loyaltylab.survival.step_functions import check_times

# Gauss-Legendre points per stretch and stretches of the integral, closer towards 0 where a
# density may be steep: exact to about 1e-10 for Weibull shapes from 0.3 to 10.
N_POINTS = 20
N_STRETCHES = 60

# (times, covariates with a leading 1) -> retention (q,), its gradient by the parameters (q, r).
Curve = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def read_reference(names: Sequence[str], reference: Mapping[str, float] | None) -> FloatArray:
    """Values of the covariates, in order, with a leading 1; default all 0."""
    given = dict.fromkeys(names, 0.0) if reference is None else dict(reference)
    if set(given) != set(names):
        raise EstimationError(
            f"reference names {sorted(given)}; rule: exactly the covariates {sorted(names)}; "
            "fix: give each a value"
        )
    return np.array([1.0, *(float(given[name]) for name in names)])


def tabulate_retention(
    curve: Curve,
    x: FloatArray,
    times: npt.ArrayLike,
    *,
    covariance: FloatArray,
    last_follow_up: float,
    confidence_level: float,
) -> pd.DataFrame:
    """Retention at given times with error and log-log interval; refuses to extrapolate."""
    asked = check_times(times)
    if np.any(asked > last_follow_up):
        raise EstimationError(
            f"times run to {asked.max():g}, past the last follow-up {last_follow_up:g}; rule: no "
            "extrapolation; fix: ask for earlier times"
        )
    retention, gradient = curve(asked, x)
    error = np.sqrt(np.sum((gradient @ covariance) * gradient, axis=1))
    lower, upper = log_log_interval(retention, error, confidence_level)
    return pd.DataFrame(
        {
            "time": asked,
            "retention": retention,
            "standard_error": error,
            "ci_lower": lower,
            "ci_upper": upper,
        }
    )


def integrate_retention(
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
