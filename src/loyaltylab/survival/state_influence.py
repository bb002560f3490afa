"""Infinitesimal jackknife of state occupation, without a matrix of customers by times.

Let u be the derivative of the occupation by a cluster's weight (one number per state) and y the
cluster's weight in each state. Between the times a cluster's rows begin and end, (u, y) moves by
a linear map that is the same for all clusters, so the sums over clusters of u'u, u'y and y'y
move by it too; they change otherwise only where rows begin and end, and there u is found by one
range of maps from the row before. Time is of the order of (n + m) log m, memory of n + m.

Source: Andersen, Borgan, Gill and Keiding (1993), IV.4; ``survfit(Surv(start, stop, factor) ~ 1,
id=, influence = TRUE)`` of R survival, which carries every customer through every time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.cluster_sums import sum_by_cluster
from loyaltylab.survival.range_maps import Maps, compose_ranges
from loyaltylab.survival.state_process import StateProcess
from loyaltylab.survival.transition_rows import NO_MOVE, TransitionRows


@dataclass(frozen=True, eq=False)
class Occupation:
    """State occupation at the times of moves, and what its derivatives need.

    Attributes
    ----------
    initial : ndarray of float, shape (k,)
        Shares at the origin.
    initial_influence : ndarray of float, shape (n, k)
        Derivative of ``initial`` by the weight of each row, times the weight.
    share : ndarray of float, shape (e, k)
        Just after each time of a move.
    share_before : ndarray of float, shape (e, k)
    per_row : ndarray of float, shape (e, k)
        share_before / weight at risk: what one move of weight one shifts; 0 in empty states.
    steps : Maps, e of them
    """

    initial: FloatArray
    initial_influence: FloatArray
    share: FloatArray
    share_before: FloatArray
    per_row: FloatArray
    steps: Maps


def compute_occupation(
    rows: TransitionRows, moves: StateProcess, initial: FloatArray, influence: FloatArray
) -> Occupation:
    """Multiply the transition matrices of Aalen and Johansen; ``moves`` has times of moves only."""
    e, k = moves.weight_at_risk.shape
    carry = np.tile(np.eye(k), (e, 1, 1))
    hazards = moves.hazards(rows)
    for number, (origin, target) in enumerate(rows.transitions):
        carry[:, origin, target] = hazards[:, number]
        carry[:, origin, origin] -= hazards[:, number]
    for state in range(k):
        leaving = [number for number, (origin, _) in enumerate(rows.transitions) if origin == state]
        n_leaving = moves.n_moves[:, leaving].sum(axis=1)
        is_emptied = (n_leaving > 0) & (n_leaving == moves.n_at_risk[:, state])
        carry[is_emptied, state, state] = 0.0
    shares = np.empty((e + 1, k))
    shares[0] = initial
    for t in range(e):
        shares[t + 1] = shares[t] @ carry[t]
    is_used = moves.n_at_risk > 0
    per_row = np.divide(shares[:-1], moves.weight_at_risk, out=np.zeros((e, k)), where=is_used)
    drift = per_row[:, :, None] * (carry - np.eye(k))
    return Occupation(initial, influence, shares[1:], shares[:-1], per_row, Maps(carry, drift))


def compute_occupation_variance(
    rows: TransitionRows, moves: StateProcess, occupation: Occupation
) -> FloatArray:
    """Sum of squared cluster influences, before any move and after each, shape (e + 1, k)."""
    e, k = occupation.share.shape
    changes = _sum_changes(rows, moves, occupation)
    variance = np.empty((e + 1, k))
    sums = changes[0]
    variance[0] = np.diag(sums)[:k]
    full = np.tile(np.eye(2 * k), (e, 1, 1))  # (u, y) -> (u B - y D, y)
    full[:, :k, :k] = occupation.steps.carry
    full[:, k:, :k] = -occupation.steps.drift
    for t in range(e):
        sums = full[t].T @ sums @ full[t] + changes[t + 1]
        variance[t + 1] = np.diag(sums)[:k]
    return np.maximum(variance, 0.0)


def compute_area_influence(
    rows: TransitionRows,
    moves: StateProcess,
    occupation: Occupation,
    begin: float,
    horizon: float,
) -> FloatArray:
    """Derivative of the area under each share to the horizon, by cluster, (clusters, k)."""
    e, k = occupation.share.shape
    ends = np.clip(np.concatenate([[begin], moves.time, [np.inf]]), begin, horizon)
    length = np.diff(ends)
    # Time in each state from just after a step to the horizon, by state then; first the origin.
    ahead = np.zeros((e + 1, k, k))
    ahead[e] = length[e] * np.eye(k)
    for t in range(e - 1, -1, -1):
        ahead[t] = length[t] * np.eye(k) + occupation.steps.carry[t] @ ahead[t + 1]
    rest = ahead[1:]
    drift = occupation.steps.drift @ rest
    total = np.concatenate([np.zeros((1, k, k)), np.cumsum(drift, axis=0)])
    origin, leave = rows.from_state, moves.last + 1
    influence = -(total[leave, origin] - total[moves.first, origin])
    moved = rows.to_state != NO_MOVE
    shift = occupation.per_row[moves.last[moved], origin[moved]][:, None]
    step, target = moves.last[moved], rows.to_state[moved]
    influence[moved] += shift * (rest[step, target] - rest[step, origin[moved]])
    influence *= rows.weights[:, None]
    influence += occupation.initial_influence @ ahead[0]
    return sum_by_cluster(rows.cluster, influence, rows.n_clusters)


@dataclass(frozen=True, eq=False)
class _Breaks:
    """Where clusters change, ordered by cluster and time; ``index`` counts steps done by then."""

    cluster: IntArray
    index: IntArray
    shift: FloatArray  # added to u, shape (b, k)
    weight: FloatArray  # added to y, shape (b, k)
    is_first: BoolArray


def _sum_changes(rows: TransitionRows, moves: StateProcess, occupation: Occupation) -> FloatArray:
    """Changes of the sums over clusters of (u, y)'(u, y), by steps done, (e + 1, 2k, 2k)."""
    e, k = occupation.share.shape
    breaks = _find_breaks(rows, moves, occupation)
    y_after = _cumulate_within(breaks.weight, breaks.is_first)
    y_before = y_after - breaks.weight
    u_before = _carry_through(breaks, y_before, occupation)
    before = np.hstack([u_before, y_before])
    after = np.hstack([u_before + breaks.shift, y_after])
    changes = np.empty((e + 1, 2 * k, 2 * k))
    for i in range(2 * k):
        for j in range(i, 2 * k):
            change = after[:, i] * after[:, j] - before[:, i] * before[:, j]
            changes[:, i, j] = np.bincount(breaks.index, weights=change, minlength=e + 1)
            changes[:, j, i] = changes[:, i, j]
    return changes


def _find_breaks(rows: TransitionRows, moves: StateProcess, occupation: Occupation) -> _Breaks:
    """Entries and exits of rows, and the start, one line per cluster and number of steps done."""
    k = len(rows.states)
    is_used = moves.last >= moves.first
    starts = np.flatnonzero(np.any(occupation.initial_influence != 0.0, axis=1))
    used = np.flatnonzero(is_used)
    moved = np.flatnonzero(rows.to_state != NO_MOVE)
    row = np.concatenate([used, used, moved, starts])
    index = np.concatenate(
        [moves.first[used], moves.last[used] + 1, moves.last[moved] + 1, 0 * starts]
    )
    sizes = np.cumsum([0, len(used), len(used), len(moved), len(starts)])
    weight, shift = np.zeros((len(row), k)), np.zeros((len(row), k))
    weight[np.arange(sizes[1]), rows.from_state[used]] = rows.weights[used]
    weight[np.arange(sizes[1], sizes[2]), rows.from_state[used]] = -rows.weights[used]
    origin, step = rows.from_state[moved], moves.last[moved]
    size = rows.weights[moved] * occupation.per_row[step, origin]
    shift[np.arange(sizes[2], sizes[3]), rows.to_state[moved]] = size
    shift[np.arange(sizes[2], sizes[3]), origin] -= size
    shift[sizes[3] :] = occupation.initial_influence[starts]
    key = rows.cluster[row] * (len(occupation.share) + 1) + index
    distinct, group = np.unique(key, return_inverse=True)
    cluster, at = np.divmod(distinct, len(occupation.share) + 1)
    return _Breaks(
        cluster=cluster,
        index=at,
        shift=sum_by_cluster(group, shift, len(distinct)),
        weight=sum_by_cluster(group, weight, len(distinct)),
        is_first=np.concatenate([[True], cluster[1:] != cluster[:-1]]),
    )


def _cumulate_within(values: FloatArray, is_first: BoolArray) -> FloatArray:
    running = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    opening = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    return np.asarray(running[1:] - running[opening])


def _carry_through(breaks: _Breaks, y_before: FloatArray, occupation: Occupation) -> FloatArray:
    """Derivative u of each cluster just before each of its breaks, shape (b, k)."""
    count = np.diff(np.append(np.flatnonzero(breaks.is_first), len(breaks.index)))
    later = np.flatnonzero(~breaks.is_first)
    ranges = compose_ranges(occupation.steps, breaks.index[later - 1], breaks.index[later] - 1)
    carry = ranges.carry
    push = np.einsum("rk,rkj->rj", y_before[later], ranges.drift)
    place = np.empty(len(breaks.index), dtype=np.int64)
    place[later] = np.arange(len(later))
    opening = np.flatnonzero(breaks.is_first)
    u = np.zeros_like(breaks.shift)
    for number in range(1, int(count.max())):
        opening, count = opening[count > number], count[count > number]
        now = opening + number
        known = u[now - 1] + breaks.shift[now - 1]
        at = place[now]
        u[now] = np.einsum("rk,rkj->rj", known, carry[at]) - push[at]
    return u
