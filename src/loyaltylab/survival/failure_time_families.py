"""Distributions of the error of log time: retention, density and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_ndtr, ndtr

from loyaltylab.survival.arrays import FloatArray

LOG_ROOT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))
# exp of more than this is no double; retention there is 0 all the same.
LARGEST_EXPONENT = 700.0

Triple = tuple[FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True)
class ErrorDistribution:
    """Distribution of z = (log time - location) / scale.

    Attributes
    ----------
    name : str
        Of the distribution of time.
    log_retention, log_density : callable
        z -> the function, its first and its second derivative by z.
    retention : callable
        z -> share above z.
    """

    name: str
    log_retention: Callable[[FloatArray], Triple]
    log_density: Callable[[FloatArray], Triple]
    retention: Callable[[FloatArray], FloatArray]


def _power(z: FloatArray) -> FloatArray:
    return np.exp(np.minimum(z, LARGEST_EXPONENT))


def _extreme_retention(z: FloatArray) -> Triple:
    power = _power(z)
    return -power, -power, -power


def _extreme_density(z: FloatArray) -> Triple:
    power = _power(z)
    return z - power, 1.0 - power, -power


def _logistic_retention(z: FloatArray) -> Triple:
    p = expit(z)
    return np.asarray(log_expit(-z)), -p, -p * expit(-z)


def _logistic_density(z: FloatArray) -> Triple:
    p = expit(z)
    return np.asarray(log_expit(z) + log_expit(-z)), 1.0 - 2.0 * p, -2.0 * p * expit(-z)


def _normal_retention(z: FloatArray) -> Triple:
    log_left = np.asarray(log_ndtr(-z))
    hazard = np.exp(-(z**2) / 2.0 - LOG_ROOT_TWO_PI - log_left)
    return log_left, -hazard, -hazard * (hazard - z)


def _normal_density(z: FloatArray) -> Triple:
    return -(z**2) / 2.0 - LOG_ROOT_TWO_PI, -z, -np.ones_like(z)


WEIBULL = ErrorDistribution(
    "Weibull", _extreme_retention, _extreme_density, lambda z: np.exp(-_power(z))
)
LOG_LOGISTIC = ErrorDistribution(
    "log-logistic", _logistic_retention, _logistic_density, lambda z: np.asarray(expit(-z))
)
LOG_NORMAL = ErrorDistribution(
    "log-normal", _normal_retention, _normal_density, lambda z: np.asarray(ndtr(-z))
)
