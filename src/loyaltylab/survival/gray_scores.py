"""Scores of Gray's test in one stratum, their covariance, and their derivative by weights.

A group's score adds up, over the exits by the cause, those in the group less those expected if
all groups had one incidence. A group is present at a time with those at risk, each standing for
(1 - F) / S customers: itself, and those who have left by other causes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.cluster_sums import sum_by_cluster
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.risk_sets import sum_at_risk


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups at the times of exits, m times by g groups.

    A group counts until its retention is 0; who enters it after that is left out.

    Attributes
    ----------
    row : ndarray of int, shape (n,)
        Rows of the stratum.
    label : ndarray of int, shape (n,)
    first, last : ndarray of int, shape (n,)
        At risk at ``time[first] ... time[last]``.
    is_own : ndarray of bool, shape (n,)
        Whether the row ends by the cause.
    time : ndarray of float, shape (m,)
    at_risk, own, other : ndarray of float, shape (m, g)
        Weights at risk, leaving by the cause, and by others.
    retention, retention_before, incidence_before : ndarray of float, shape (m, g)
    scale : ndarray of float, shape (m,)
        Weight of each time, (1 - pooled incidence before it) to the power rho.
    share, share_before : ndarray of float, shape (m,)
        Pooled incidence.
    n_left_out : int
        Exits after the retention of their group had come to 0.
    """

    row: IntArray
    label: IntArray
    first: IntArray
    last: IntArray
    is_own: BoolArray
    time: FloatArray
    at_risk: FloatArray
    own: FloatArray
    other: FloatArray
    retention: FloatArray
    retention_before: FloatArray
    incidence_before: FloatArray
    scale: FloatArray
    share: FloatArray
    share_before: FloatArray
    n_left_out: int

    @property
    def standing(self) -> FloatArray:
        """Customers that each one at risk stands for, (1 - F) / S; 0 where nobody is."""
        stands = divide(1.0 - self.incidence_before, self.retention_before)
        return np.where(self.at_risk > 0, stands, 0.0)


def prepare_groups(
    process: CountingProcess, here: BoolArray, own: BoolArray, label: IntArray, g: int, rho: float
) -> Groups:
    """Count weights by time and group, and estimate retention and incidence in each group."""
    row = np.flatnonzero(here)
    weights, group, event = process.weights[row], label[row], process.event[row]
    time = np.unique(process.stop[row][event])
    m = len(time)
    first = np.searchsorted(time, process.start[row], side="right")
    last = np.searchsorted(time, process.stop[row], side="right") - 1
    tables = []
    for rows in (event & own[row], event & ~own[row]):
        cell = last[rows] * g + group[rows]
        sums = np.bincount(cell, weights=weights[rows], minlength=m * g)
        tables.append(sums.reshape(m, g).astype(np.float64))
    n_leaving = np.bincount(last[event] * g + group[event], minlength=m * g).reshape(m, g)
    n_at_risk, at_risk = np.empty((m, g)), np.empty((m, g))
    for j in range(g):
        spell = (first[group == j], last[group == j], m)
        n_at_risk[:, j] = np.rint(sum_at_risk(np.ones(np.count_nonzero(group == j)), *spell))
        at_risk[:, j] = sum_at_risk(weights[group == j], *spell)
    at_risk = np.where(n_at_risk > 0, at_risk, 0.0)
    staying = np.where(n_at_risk > 0, 1.0 - divide(tables[0] + tables[1], at_risk), 1.0)
    staying[(n_leaving == n_at_risk) & (n_at_risk > 0)] = 0.0
    retention = np.asarray(np.cumprod(staying, axis=0), dtype=np.float64)
    before = _shift(retention, 1.0)
    at_risk, by_own, other = (np.where(before > 0, x, 0.0) for x in (at_risk, *tables))
    incidence_before = _shift(np.cumsum(before * divide(by_own, at_risk), axis=0), 0.0)
    share = np.cumsum(divide(by_own.sum(axis=1), divide(at_risk, before).sum(axis=1)))
    share_before = _shift(share, 0.0)
    return Groups(
        row, group, first, last, own[row], time, at_risk, by_own, other, retention, before,
        incidence_before, np.maximum(1.0 - share_before, 0.0) ** rho, share, share_before,
        int(n_leaving[before == 0].sum()),
    )  # fmt: skip


def compute_score(groups: Groups) -> FloatArray:
    """Scaled exits by the cause less those expected, by group, shape (g,)."""
    present = groups.at_risk * groups.standing
    rate = divide(groups.own.sum(axis=1), present.sum(axis=1))
    return np.asarray(groups.scale @ (groups.own - rate[:, None] * present))


def compute_covariance(groups: Groups) -> FloatArray:
    """Gray's covariance of the scores of independent rows of weight one, shape (g, g).

    Under the null all groups share one incidence F. Each exit moves the scores directly (a) and,
    through the group's retention S, by what is still to come of F (the rest of c).
    """
    at_risk, own, other = groups.at_risk, groups.own, groups.other
    before, retention = groups.retention_before, groups.retention
    presence = divide(at_risk, before)
    total, n_own = presence.sum(axis=1), own.sum(axis=1)
    own_part = presence[:, :, None] * np.eye(at_risk.shape[1])
    shared = presence[:, :, None] * divide(presence, total[:, None])[:, None, :]
    a = groups.scale[:, None, None] * (own_part - shared)
    hazard = divide(n_own, total * (1.0 - groups.share_before))
    c = np.cumsum(a * hazard[:, None, None], axis=0)
    rest = c[-1] - c
    left = divide((1.0 - groups.share)[:, None], retention)
    ties = divide((n_own - 1.0)[:, None], total[:, None] * before - 1.0)
    ties = np.where((n_own > 1)[:, None] & (at_risk > 0), 1.0 - ties, 1.0)
    by_own = ties * before * divide(divide(n_own, total)[:, None], at_risk)
    ties = np.where(other > 1, 1.0 - divide(other - 1.0, at_risk - 1.0), 1.0)
    by_other = np.where(retention > 0, ties * divide(before**2 * other, at_risk**2), 0.0)
    direct = a + (1.0 - left)[:, None, :] * rest
    through = left[:, None, :] * rest
    covariance = np.einsum("tik,tjk,tk->ij", direct, direct, by_own)
    covariance += np.einsum("tik,tjk,tk->ij", through, through, by_other)
    return np.asarray(covariance)


def compute_influence(process: CountingProcess, groups: Groups) -> FloatArray:
    """Derivative of the scores by the weight of each cluster, shape (clusters, g).

    The scale of the times is taken as known: under the null what it multiplies has mean 0.
    """
    at_risk, own, before = groups.at_risk, groups.own, groups.retention_before
    g, exits = at_risk.shape[1], own + groups.other
    present = at_risk * groups.standing
    total, n_own = present.sum(axis=1), own.sum(axis=1)
    part = divide(present, total[:, None])  # expected part of each group in an exit
    rate = groups.scale * divide(n_own, total)
    # [t, i, k]: fall of score i when those at risk of group k stand for one customer more.
    pull = rate[:, None, None] * (np.eye(g)[None] - part[:, :, None])
    later = pull * at_risk[:, None, :]
    by_incidence = _sum_after(later * divide(np.ones_like(before), before)[:, None, :])
    by_retention = _sum_after(later * groups.standing[:, None, :])
    steps = before * divide(own, at_risk)
    by_retention = by_retention + _sum_after(by_incidence * steps[:, None, :])
    per_own = by_incidence * divide(before, at_risk)[:, None, :]
    staying = np.where(groups.retention > 0, at_risk - exits, 0.0)
    per_exit = by_retention * divide(np.ones_like(staying), staying)[:, None, :]
    drift = pull * groups.standing[:, None, :]
    drift = (
        drift
        + (per_own * own[:, None, :] - per_exit * exits[:, None, :])
        * divide(np.ones_like(at_risk), at_risk)[:, None, :]
    )
    total_drift = np.concatenate([np.zeros((1, g, g)), np.cumsum(drift, axis=0)])
    k = groups.label
    values = total_drift[groups.first, :, k] - total_drift[groups.last + 1, :, k]
    leaves = np.flatnonzero(process.event[groups.row])
    t, j = groups.last[leaves], k[leaves]
    counts = (at_risk[t, j] > 0)[:, None]
    is_own = groups.is_own[leaves][:, None]
    direct = groups.scale[t, None] * (np.eye(g)[j] - part[t]) + per_own[t, :, j]
    values[leaves] += counts * (is_own * direct - per_exit[t, :, j])
    values *= process.weights[groups.row][:, None]
    return sum_by_cluster(process.cluster[groups.row], values, process.n_clusters)


def divide(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Quotient, 0 where nothing is there to divide by."""
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    return np.divide(top, bottom, out=np.zeros(shape), where=np.broadcast_to(bottom > 0, shape))


def _shift(values: FloatArray, initial: float) -> FloatArray:
    """Value just before each time."""
    return np.concatenate([np.full((1, *values.shape[1:]), initial), values[:-1]])


def _sum_after(values: FloatArray) -> FloatArray:
    """Sum over all later times."""
    total = np.cumsum(values[::-1], axis=0)[::-1]
    return np.concatenate([total[1:], np.zeros((1, *values.shape[1:]))])
