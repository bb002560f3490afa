"""Infinitesimal jackknife of product-limit curves, without a matrix of rows by times.

A row that is at risk over (s, T] moves the curves at time t by a function that is linear in a
few basis functions of t (the Greenwood sum A, the incidence F, ...), with coefficients that
change only at s and at T. So the coefficients of a cluster are step functions, and the sum of
squares over clusters follows from cumulated differences of their products: one sort of the 2n
breakpoints, then linear passes. Memory is of the order of n + m.

Source: Efron B, Stein C (1981), The jackknife estimate of variance; the estimator equals
``survfit(..., robust = TRUE)`` of R survival, which forms the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.cluster_sums import ClusterBreaks, sort_breaks
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.risk_sets import RiskSets


@dataclass(frozen=True, eq=False)
class ProductLimit:
    """Product-limit retention and the sums its influence functions need.

    Attributes
    ----------
    retention, retention_before : ndarray of float, shape (m,)
        Just after and just before each time.
    greenwood : ndarray of float, shape (m,)
        Increments d / (n (n - d)); 0 where everyone at risk leaves (the curve ends there).
    event_effect : ndarray of float, shape (m,)
        1 / (n - d); 0 where everyone at risk leaves.
    incidence : ndarray of float, shape (m, k)
        Increments of the Aalen-Johansen incidence by cause.
    """

    retention: FloatArray
    retention_before: FloatArray
    greenwood: FloatArray
    event_effect: FloatArray
    incidence: FloatArray


def compute_product_limit(risk_sets: RiskSets) -> ProductLimit:
    """Multiply the conditional retentions; exactly 0 once everyone at risk leaves."""
    at_risk = risk_sets.weight_at_risk
    events = risk_sets.weight_of_events.sum(axis=1)
    everyone_leaves = risk_sets.n_events.sum(axis=1) == risk_sets.n_at_risk
    staying = np.where(everyone_leaves, 0.0, at_risk - events)
    retention = np.cumprod(staying / at_risk).astype(np.float64)
    before = np.concatenate([[1.0], retention[:-1]])
    effect = np.divide(1.0, staying, out=np.zeros_like(staying), where=staying > 0)
    shares = risk_sets.weight_of_events / at_risk[:, None]
    return ProductLimit(
        retention=retention,
        retention_before=before,
        greenwood=events / at_risk * effect,
        event_effect=effect,
        incidence=before[:, None] * shares,
    )


def compute_greenwood_variance(curve: ProductLimit) -> FloatArray:
    """Greenwood's variance of retention, shape (m,), for independent rows of weight one."""
    return np.asarray(curve.retention**2 * np.cumsum(curve.greenwood))


def compute_retention_variance(
    process: CountingProcess, risk_sets: RiskSets, curve: ProductLimit
) -> FloatArray:
    """Sum of squared cluster influences on retention, shape (m,)."""
    breaks = _sort_breakpoints(process, risk_sets)
    total = np.cumsum(curve.greenwood)
    exit_level, active = _retention_coefficients(process, risk_sets, curve, total)
    sums = breaks.sum_products([exit_level, active])
    squares = sums[0, 0] - 2 * total * sums[0, 1] + total**2 * sums[1, 1]
    return np.asarray(curve.retention**2 * np.maximum(squares, 0.0))


def compute_incidence_variance(
    process: CountingProcess, risk_sets: RiskSets, curve: ProductLimit
) -> FloatArray:
    """Sum of squared cluster influences on every incidence, shape (m, k)."""
    breaks = _sort_breakpoints(process, risk_sets)
    total = np.cumsum(curve.greenwood)
    exit_level, active = _retention_coefficients(process, risk_sets, curve, total)
    variance = np.empty_like(curve.incidence)
    for cause in range(curve.incidence.shape[1]):
        level, drift = _incidence_integrals(risk_sets, curve, cause)
        own = (process.code == cause + 1) * (curve.retention_before / risk_sets.weight_at_risk)[
            risk_sets.last
        ]
        shift = _incidence_coefficients(process, risk_sets, (level, drift, own), exit_level, active)
        sums = breaks.sum_products([shift, exit_level, active])
        variance[:, cause] = (
            sums[0, 0]
            + level**2 * sums[1, 1]
            + drift**2 * sums[2, 2]
            + 2 * (drift * sums[0, 2] - level * sums[0, 1] - level * drift * sums[1, 2])
        )
    return np.maximum(variance, 0.0)


def compute_sum_influence(
    process: CountingProcess,
    risk_sets: RiskSets,
    limit: ProductLimit,
    column: int,
    time_weight: FloatArray,
) -> tuple[float, FloatArray]:
    """Weighted sum of the jumps of one incidence, and each row's influence on it, shape (n,).

    With the time left as weight the sum is the area under the incidence. A row moves each later
    jump through the retention it is multiplied by, and, while at risk, the cause's hazard;
    ``level`` and ``drift`` cumulate the two. The influence is per unit of a row's weight.
    """
    total = np.concatenate([[0.0], np.cumsum(limit.greenwood)])
    jump = limit.incidence[:, column] * time_weight
    level = np.concatenate([[0.0], np.cumsum(jump)])
    drift = np.cumsum(jump * (total[:-1] - 1.0 / risk_sets.weight_at_risk))
    drift = np.concatenate([[0.0], drift])
    entry, leave = risk_sets.first, risk_sets.last + 1
    while_at_risk = drift[leave] - drift[entry] - total[entry] * (level[leave] - level[entry])
    own_jump = limit.retention_before / risk_sets.weight_at_risk * time_weight
    own = (process.code == column + 1) * own_jump[risk_sets.last]
    any_exit = process.event * limit.event_effect[risk_sets.last]
    after = (any_exit - (total[leave] - total[entry])) * (level[-1] - level[leave])
    return float(level[-1]), np.asarray(while_at_risk + own - after)


def _sort_breakpoints(process: CountingProcess, risk_sets: RiskSets) -> ClusterBreaks:
    """The 2n changes of coefficients: n entries, then n exits."""
    index = np.concatenate([risk_sets.first, risk_sets.last])
    cluster = np.concatenate([process.cluster, process.cluster])
    return sort_breaks(cluster, index, len(risk_sets.time))


def _at(cumulative: FloatArray, index: IntArray) -> FloatArray:
    """Value of a cumulative sum at an index, 0 before the first time (index -1)."""
    return np.concatenate([[0.0], cumulative])[index + 1]


def _retention_coefficients(
    process: CountingProcess, risk_sets: RiskSets, curve: ProductLimit, total: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Changes of (a, b), where -retention * (a - b * total) is the influence on retention."""
    weights = process.weights
    own = process.event * curve.event_effect[risk_sets.last]
    at_entry = weights * _at(total, risk_sets.first - 1)
    at_exit = weights * (own - _at(total, risk_sets.last))
    return np.concatenate([at_entry, at_exit]), np.concatenate([weights, -weights])


def _incidence_integrals(
    risk_sets: RiskSets, curve: ProductLimit, cause: int
) -> tuple[FloatArray, FloatArray]:
    """Incidence F, and the drift of a row at risk: integral of A(u-) dF(u) minus S dN / n^2."""
    total_before = np.concatenate([[0.0], np.cumsum(curve.greenwood)[:-1]])
    step = curve.incidence[:, cause]
    return np.cumsum(step), np.cumsum(step * (total_before - 1.0 / risk_sets.weight_at_risk))


def _incidence_coefficients(
    process: CountingProcess,
    risk_sets: RiskSets,
    parts: tuple[FloatArray, FloatArray, FloatArray],
    exit_level: FloatArray,
    active: FloatArray,
) -> FloatArray:
    """Changes of the constant that keep the influence on F continuous but for the own event.

    The influence is shift - a * level + b * drift.
    """
    level, drift, own = parts
    index = np.concatenate([risk_sets.first - 1, risk_sets.last])
    jump = np.concatenate([np.zeros(process.n_rows), process.weights * own])
    return jump + exit_level * _at(level, index) - active * _at(drift, index)
