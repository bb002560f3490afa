"""Likelihoods of hazard regressions, row by row, as functions of the linear predictor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from loyaltylab.survival.arrays import BoolArray, FloatArray

Triple = tuple[FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True)
class HazardFamily:
    """One kind of hazard regression.

    Attributes
    ----------
    name, ratio : str
        In words; what the exponential of a coefficient is.
    log_likelihood : callable
        (event, exposure, eta) -> log likelihood of each row.
    derivatives : callable
        (event, exposure, eta) -> score, expected and observed information of each row, by eta.
    baseline : callable
        eta -> hazard per period, or rate per time unit.
    is_probability : bool
        Whether the hazard cannot pass 1.
    """

    name: str
    ratio: str
    log_likelihood: Callable[[BoolArray, FloatArray, FloatArray], FloatArray]
    derivatives: Callable[[BoolArray, FloatArray, FloatArray], Triple]
    baseline: Callable[[FloatArray], FloatArray]
    is_probability: bool


def _logit_likelihood(event: BoolArray, _exposure: FloatArray, eta: FloatArray) -> FloatArray:
    return np.asarray(log_expit(np.where(event, eta, -eta)))


def _logit_derivatives(event: BoolArray, _exposure: FloatArray, eta: FloatArray) -> Triple:
    p = expit(eta)
    information = p * expit(-eta)
    return event - p, information, information


def _cloglog_likelihood(event: BoolArray, _exposure: FloatArray, eta: FloatArray) -> FloatArray:
    hazard = np.exp(eta)
    return np.where(event, np.log(-np.expm1(-hazard)), -hazard)


def _cloglog_derivatives(event: BoolArray, _exposure: FloatArray, eta: FloatArray) -> Triple:
    hazard = np.exp(eta)
    p = -np.expm1(-hazard)
    staying = np.exp(-hazard)
    observed = np.where(event, hazard * staying * (hazard - p) / p**2, hazard)
    return hazard * (event - p) / p, hazard**2 * staying / p, observed


def _poisson_likelihood(event: BoolArray, exposure: FloatArray, eta: FloatArray) -> FloatArray:
    return event * eta - exposure * np.exp(eta)


def _poisson_derivatives(event: BoolArray, exposure: FloatArray, eta: FloatArray) -> Triple:
    expected = exposure * np.exp(eta)
    return event - expected, expected, expected


def _cloglog_baseline(eta: FloatArray) -> FloatArray:
    return -np.expm1(-np.exp(eta))


LOGIT = HazardFamily(
    "pooled logistic regression", "odds ratio", _logit_likelihood, _logit_derivatives, expit, True
)
CLOGLOG = HazardFamily(
    "pooled complementary log-log regression",
    "hazard ratio",
    _cloglog_likelihood,
    _cloglog_derivatives,
    _cloglog_baseline,
    True,
)
PIECEWISE = HazardFamily(
    "piecewise exponential model",
    "hazard ratio",
    _poisson_likelihood,
    _poisson_derivatives,
    np.exp,
    False,
)
