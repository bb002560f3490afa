"""Cumulative hazard of a Cox model along a covariate path, and its variance.

Along a path with log relative risk eta(t) the hazard grows by exp(eta) times the baseline
increment at each event time it covers. Its variance is Tsiatis' for independent rows; for
clusters or weights it is the sum over clusters of the squared influence, in which a row counts
through the increments (while it is at risk) and through the coefficients. The first part is
linear in the running sum A(t) with coefficients that change only when a row enters or leaves,
so no matrix of rows by times is formed.

Source: Tsiatis (1981), with Efron's increments as in ``survfit(coxph)`` of R survival; Reid and
Crepeau (1985) for the influence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.cluster_sums import ClusterBreaks, sort_breaks
from loyaltylab.survival.cox_state import CoxState, sum_coefficient_influence


@dataclass(frozen=True, eq=False)
class HazardPath:
    """Where a path meets the event times of one stratum; K times.

    Attributes
    ----------
    index : ndarray of int, shape (K,)
        Positions in ``design.time``, increasing.
    x : ndarray of float, shape (K, p)
        Covariates there, centred and scaled as in the fit.
    offset : ndarray of float, shape (K,)
        Centred as in the fit.
    """

    index: IntArray
    x: FloatArray
    offset: FloatArray


def trace_hazards(
    state: CoxState, paths: Iterable[HazardPath]
) -> list[tuple[FloatArray, FloatArray]]:
    """Cumulative hazard after each time of each path, and its variance, each of shape (K,)."""
    variance = _model_variance
    if state.is_robust:
        by_cluster = sum_coefficient_influence(
            state.process, state.design, state.moments, state.information
        )
        variance = partial(_robust_variance, by_cluster=by_cluster)
    traced = []
    for path in paths:
        if len(path.index) == 0:
            traced.append((np.empty(0), np.empty(0)))
            continue
        risk = np.exp(path.x @ state.beta + path.offset)
        hazard = np.cumsum(risk * state.moments.inverse[0][path.index])
        traced.append((hazard, variance(state, path, risk)))
    return traced


def _coefficient_gradient(state: CoxState, path: HazardPath, risk: FloatArray) -> FloatArray:
    """Derivative of the cumulative hazard by the coefficients, shape (K, p)."""
    moments, k = state.moments, path.index
    c0, c1 = (square[k, None] for square in moments.square[:2])
    pull = c0 * moments.s1[k] - c1 * moments.e1[k]
    steps = risk[:, None] * (path.x * moments.inverse[0][k, None] - pull)
    return np.asarray(np.cumsum(steps, axis=0))


def _model_variance(state: CoxState, path: HazardPath, risk: FloatArray) -> FloatArray:
    gradient = _coefficient_gradient(state, path, risk)
    own = np.cumsum(risk**2 * state.moments.square[0][path.index])
    return np.asarray(own + np.sum((gradient @ state.covariance) * gradient, axis=1))


def _robust_variance(
    state: CoxState, path: HazardPath, risk: FloatArray, by_cluster: FloatArray
) -> FloatArray:
    gradient = _coefficient_gradient(state, path, risk)
    total = np.cumsum(risk * state.moments.square[0][path.index])
    breaks, changes = _collect_moves(state, path, risk, total)
    squares = breaks.sum_products(changes)
    variance = squares[0, 0] + 2.0 * total * squares[0, 1] + total**2 * squares[1, 1]
    constant = by_cluster[breaks.cluster].T
    a, b = (
        np.column_stack([breaks.sum_over_clusters(change[breaks.order] * own) for own in constant])
        for change in changes
    )
    mixed = a + total[:, None] * b
    variance += 2.0 * np.sum(gradient * mixed, axis=1)
    variance += np.sum((gradient @ (by_cluster.T @ by_cluster)) * gradient, axis=1)
    return np.maximum(variance, 0.0)


def _collect_moves(
    state: CoxState, path: HazardPath, risk: FloatArray, total: FloatArray
) -> tuple[ClusterBreaks, list[FloatArray]]:
    """Where clusters change while the path runs, and the changes of (a, b) in a + b A(t).

    A row at risk from the path's position ``low`` to ``high`` moves the hazard by
    -r (A(t) - A(low - 1)) up to ``high`` and by a constant after; its event adds a jump.
    """
    design, moments = state.design, state.moments
    low = np.searchsorted(path.index, design.first)
    high = np.searchsorted(path.index, design.last, side="right") - 1
    seen = np.flatnonzero(high >= low)
    low, high, r = low[seen], high[seen], moments.risk[seen]
    before = np.concatenate([[0.0], total])
    cluster = state.process.cluster[design.row]
    jump_row, jump_at, jump = _event_jumps(state, path, risk)
    clusters = np.concatenate([cluster[seen], cluster[seen], cluster[jump_row]])
    positions = np.concatenate([low, high, jump_at])
    a = np.concatenate([r * before[low], -r * before[high + 1], jump])
    b = np.concatenate([-r, r, np.zeros(len(jump))])
    return sort_breaks(clusters, positions, len(path.index)), [a, b]


def _event_jumps(
    state: CoxState, path: HazardPath, risk: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows with an event on the path, where, and what their weight adds to the hazard.

    An event raises the mean event weight, and carries a share 1 - f of its risk at Efron's
    step f: the share f is given back here.
    """
    design, moments = state.design, state.moments
    k = design.event_index
    position = np.searchsorted(path.index, k)
    on_path = position < len(path.index)
    on_path[on_path] = path.index[position[on_path]] == k[on_path]
    k, position, row = k[on_path], position[on_path], design.event_row[on_path]
    steps = design.n_tied[k] * design.mean_event_weight[k]
    jump = design.weights[row] * moments.inverse[0][k] / steps
    jump += moments.risk[row] * moments.square[1][k]
    return row, position, risk[position] * jump
