"""Efron's partial likelihood on (start, stop] rows: value, score, information, row scores.

Sums over risk sets are differences cumulated over the index of event times. The sum over times
of S2 / S0 equals X' diag(r_i (A(stop_i) - A(start_i))) X with A the baseline hazard: one weighted
Gram product instead of a matrix per time. Efron's correction touches only the rows with an event.
Sums over rows are compiled loops of ``cox_kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.cox_design import CoxDesign
from loyaltylab.survival.cox_kernels import (
    add_lines,
    add_scores_at_risk,
    add_while_at_risk,
    combine_rows,
    sum_risky_rows,
    weighted_gram,
    weighted_product,
)

# Log risks of at most this size keep risks, their sums and squares inside double precision.
LARGEST_LOG_RISK = 300.0


@dataclass(frozen=True, eq=False)
class RiskMoments:
    """Sums over risk sets at one coefficient vector.

    ``inverse[i]`` and ``square[i]`` hold, per event time, the mean event weight times the sum
    over Efron's steps f = l / d of f**i / S(f) and of f**i / S(f)**2, S(f) = s0 - f e0.

    Attributes
    ----------
    risk : ndarray of float, shape (n,)
        Weight times exp(x beta).
    log_likelihood : float
    s1, e1 : ndarray of float, shape (m, p)
        Risk-weighted covariate sums over those at risk, and over those with the event.
    inverse : list of 2 ndarrays, shape (m,)
    square : list of 3 ndarrays, shape (m,)
    rounding : float
        Largest relative rounding error of a risk sum. With delayed entry or strata a small sum
        is what remains of larger ones, and keeps only the digits they left.
    """

    risk: FloatArray
    log_likelihood: float
    s1: FloatArray
    e1: FloatArray
    inverse: list[FloatArray]
    square: list[FloatArray]
    rounding: float


def compute_moments(design: CoxDesign, beta: FloatArray) -> RiskMoments:
    """Sum risks and covariates over every risk set."""
    m, rows, k = len(design.time), design.event_row, design.event_index
    risks = design.risks(beta, design.log_risk(beta))
    share, mean_weight = design.tied_share, design.mean_event_weight
    powers = [np.ones_like(share), share, share**2]
    inverse = 1.0 / risks.denominator
    s1, e1 = np.zeros((m + 1, len(beta))), np.zeros((m, len(beta)))
    sum_risky_rows(risks.risk, design.x, design.first, design.last, s1)
    add_lines(e1, k, risks.risk[rows, None] * design.x_of_events)
    return RiskMoments(
        risk=risks.risk,
        log_likelihood=risks.log_likelihood,
        s1=s1[1:],
        e1=e1,
        inverse=[mean_weight * design.sum_events(f * inverse) for f in powers[:2]],
        square=[mean_weight * design.sum_events(f * inverse**2) for f in powers],
        rounding=risks.rounding,
    )


def compute_log_likelihood(design: CoxDesign, beta: FloatArray) -> float:
    """Log partial likelihood alone; -inf where log risks are too large to add up."""
    eta = design.log_risk(beta)
    if max(eta.max(), -eta.min()) > LARGEST_LOG_RISK:
        return -np.inf
    return design.risks(beta, eta).log_likelihood


def compute_score(design: CoxDesign, moments: RiskMoments, scale: FloatArray) -> FloatArray:
    """Score, each event time multiplied by ``scale`` (m,); ones give the ordinary score (p,)."""
    rows, k = design.event_row, design.event_index
    a, b = moments.inverse
    observed = combine_rows(design.weights[rows] * scale[k], design.x_of_events)
    return observed - combine_rows(scale * a, moments.s1) + combine_rows(scale * b, moments.e1)


def compute_information(design: CoxDesign, moments: RiskMoments, scale: FloatArray) -> FloatArray:
    """Information, each event time multiplied by ``scale`` (m,), shape (p, p)."""
    a, b = scale * moments.inverse[0], scale * moments.inverse[1]
    exposure = np.empty(len(design.x))
    add_while_at_risk(moments.risk, _cumulate(a), design.first, design.last, exposure)
    c0, c1, c2 = (scale * square for square in moments.square)
    total = weighted_gram(design.x, exposure) - weighted_gram(moments.s1, c0)
    if np.any(design.n_tied > 1):
        correction = moments.risk[design.event_row] * b[design.event_index]
        cross = weighted_product(moments.s1, c1, moments.e1)
        total -= weighted_gram(design.x_of_events, correction)
        total += cross + cross.T - weighted_gram(moments.e1, c2)
    return np.asarray(total)


def compute_row_scores(design: CoxDesign, moments: RiskMoments) -> FloatArray:
    """Score residuals by row under Efron's ties, unweighted, shape (n, p).

    A row with an event at a tied time carries, at Efron's step f, the risk share 1 - f.
    """
    n = len(design.row)
    return _sum_scores(design, moments, np.arange(n), np.ones(n), n)


def sum_row_scores(
    design: CoxDesign, moments: RiskMoments, unit: IntArray, n_units: int
) -> FloatArray:
    """Weighted score residuals summed within units, shape (n_units, p).

    ``unit`` (n,) is the unit of each row of the design.
    """
    return _sum_scores(design, moments, unit, design.weights, n_units)


def compute_event_means(design: CoxDesign, moments: RiskMoments) -> FloatArray:
    """Mean covariates expected of an event at each time, over Efron's steps, shape (m, p)."""
    steps = (design.n_tied * design.mean_event_weight)[:, None]
    a, b = (inverse[:, None] for inverse in moments.inverse)
    return np.asarray((a * moments.s1 - b * moments.e1) / steps)


def _sum_scores(
    design: CoxDesign, moments: RiskMoments, unit: IntArray, weights: FloatArray, n_units: int
) -> FloatArray:
    rows, k = design.event_row, design.event_index
    a, b = moments.inverse
    c0, c1, c2 = (square[:, None] for square in moments.square)
    relative_risk = moments.risk / design.weights
    sums = np.zeros((n_units, design.x.shape[1]))
    drift = _cumulate(c0 * moments.s1 - c1 * moments.e1)
    parts = (weights, relative_risk, _cumulate(a), drift)
    add_scores_at_risk(sums, unit, design.x, parts, design.first, design.last)
    own = design.x_of_events - compute_event_means(design, moments)[k]
    eased = design.x_of_events * b[k, None] - (c1 * moments.s1 - c2 * moments.e1)[k]
    own += relative_risk[rows, None] * eased
    add_lines(sums, unit[rows], weights[rows, None] * own)
    return sums


def _cumulate(increments: FloatArray) -> FloatArray:
    """Sum of the increments before each time and after the last, shape (m + 1, ...)."""
    cumulative = np.zeros((len(increments) + 1, *increments.shape[1:]))
    np.cumsum(increments, axis=0, out=cumulative[1:])
    return cumulative
