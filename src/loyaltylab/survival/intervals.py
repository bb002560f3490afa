"""Confidence intervals and two-sided p-values from a standard error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, ndtr, ndtri

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

# A sum of shares this close to 1 is 1 but for rounding.
NEARLY_ONE = 1e-12


def normal_quantile(confidence_level: float) -> float:
    """Two-sided standard normal quantile, 1.96 at 0.95."""
    if not 0.0 < confidence_level < 1.0:
        raise EstimationError(
            f"confidence_level is {confidence_level!r}; rule: strictly between 0 and 1; "
            "fix: pass a share such as 0.95"
        )
    return float(-ndtri((1.0 - confidence_level) / 2.0))


def two_sided_p_value(z: FloatArray | float) -> FloatArray:
    """Probability that a standard normal is further from 0 than z."""
    return np.asarray(2.0 * ndtr(-np.abs(z)), dtype=np.float64)


def chi_square_p_value(
    statistic: FloatArray | float, degrees_of_freedom: npt.ArrayLike
) -> FloatArray:
    """Probability that a chi-square of these degrees of freedom is larger."""
    half = np.asarray(degrees_of_freedom) / 2.0
    return np.asarray(gammaincc(half, np.asarray(statistic) / 2.0), dtype=np.float64)


def log_log_interval(
    probability: FloatArray, standard_error: FloatArray, confidence_level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval from log(-log p), which stays inside (0, 1).

    NaN where p is 0 or 1: the scale has no such point, and data with no event so far (or with
    nobody left) carry no first-order information on the error.

    Source: ``conf.type = "log-log"`` of R survival.
    """
    quantile = normal_quantile(confidence_level)
    is_inside = (probability > 0) & (probability < 1 - NEARLY_ONE)
    inside = np.where(is_inside, probability, np.nan)
    log_p = np.log(inside)
    half_width = quantile * standard_error / (inside * np.abs(log_p))
    lower = np.exp(log_p * np.exp(half_width))
    upper = np.exp(log_p * np.exp(-half_width))
    return lower, upper
