"""Variances of step functions by cluster, from sums over the times clusters change.

The influence of a cluster on an estimate at time t is a sum of few known functions of t, with
coefficients that change only where the cluster's rows begin and end. Sums over clusters of
products of coefficients are then cumulated differences: one sort, linear passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class RiskSpells:
    """Rows at risk at times ``first ... last`` of m times, with their weights and clusters.

    Attributes
    ----------
    first, last : ndarray of int, shape (n,)
    weights : ndarray of float, shape (n,)
    cluster : ndarray of int, shape (n,)
        Codes from 0.
    m : int
    """

    first: IntArray
    last: IntArray
    weights: FloatArray
    cluster: IntArray
    m: int


@dataclass(frozen=True, eq=False)
class ClusterBreaks:
    """Where coefficients of clusters change: b breaks, by cluster and then time.

    Attributes
    ----------
    order : ndarray of int, shape (b,)
        Positions of the sorted breaks in the order they were given.
    time_index, cluster : ndarray of int, shape (b,)
    is_first : ndarray of bool, shape (b,)
        Whether the break is its cluster's first.
    m : int
        Number of times.
    """

    order: IntArray
    time_index: IntArray
    cluster: IntArray
    is_first: BoolArray
    m: int

    def cumulate_changes(self, changes: FloatArray) -> FloatArray:
        """Coefficient of the cluster just after each break, from changes as given, shape (b,)."""
        opening = np.flatnonzero(self.is_first)[np.cumsum(self.is_first) - 1]
        running = np.concatenate([[0.0], np.cumsum(changes[self.order])])
        return np.asarray(running[1:] - running[opening])

    def sum_over_clusters(self, steps: FloatArray) -> FloatArray:
        """Sum over clusters, at every time, of what grows by a step at each break, shape (m,)."""
        per_time = np.bincount(self.time_index, weights=steps, minlength=self.m)
        return np.cumsum(per_time[: self.m])

    def sum_products(self, changes: Sequence[FloatArray]) -> FloatArray:
        """Cross products of q coefficients, summed over clusters, at every time (q, q, m)."""
        after = [self.cumulate_changes(change) for change in changes]
        q = len(after)
        sums = np.empty((q, q, self.m))
        for i in range(q):
            for j in range(i, q):
                product = after[i] * after[j]
                step = np.diff(product, prepend=0.0)
                step[self.is_first] = product[self.is_first]
                sums[i, j] = sums[j, i] = self.sum_over_clusters(step)
        return sums


def sort_breaks(cluster: IntArray, index: IntArray, m: int) -> ClusterBreaks:
    """Sort breaks by cluster and time; an index below 0 is the first time's."""
    index = np.maximum(index, 0)
    order = np.argsort(cluster * (m + 1) + index, kind="stable")
    cluster = cluster[order]
    is_first = np.concatenate([[True], cluster[1:] != cluster[:-1]])
    return ClusterBreaks(order, index[order], cluster, is_first, m)


def sum_cluster_products(
    spells: RiskSpells, at_entry: Sequence[FloatArray], at_exit: Sequence[FloatArray]
) -> FloatArray:
    """Cross products of cluster coefficients, summed over clusters, at every time.

    Parameters
    ----------
    spells : RiskSpells
    at_entry, at_exit : sequences of q ndarrays of float, shape (n,)
        Change of each coefficient from ``first`` on, and from ``last`` on.

    Returns
    -------
    ndarray of float, shape (q, q, m)
    """
    index = np.concatenate([spells.first, spells.last])
    breaks = sort_breaks(np.concatenate([spells.cluster, spells.cluster]), index, spells.m)
    changes = [np.concatenate(pair) for pair in zip(at_entry, at_exit, strict=True)]
    return breaks.sum_products(changes)


def sum_by_cluster(cluster: IntArray, values: FloatArray, n_clusters: int) -> FloatArray:
    """Sum the lines (n, q) of rows within clusters 0, 1, ..., shape (n_clusters, q)."""
    sums = [np.bincount(cluster, weights=column, minlength=n_clusters) for column in values.T]
    return np.array(sums, dtype=np.float64).reshape(values.shape[1], n_clusters).T


def value_before(cumulative: FloatArray, index: IntArray) -> FloatArray:
    """Value of a cumulative sum just before the time at an index; 0 before the first."""
    return np.concatenate([[0.0], cumulative])[index]


def compute_rate_variance(
    spells: RiskSpells, own: FloatArray, rate: FloatArray, weight_at_risk: FloatArray
) -> FloatArray:
    """Variance of a cumulative rate, the sum over times of events / weight at risk, shape (m,).

    The influence of a row is its own events less those expected of it while it is at risk, each
    divided by the weight at risk.

    Parameters
    ----------
    spells : RiskSpells
    own : ndarray of float, shape (n,)
        Events of each row at its last time.
    rate : ndarray of float, shape (m,)
        Increments; 0 where nobody is at risk.
    weight_at_risk : ndarray of float, shape (m,)

    Source
    ------
    Lawless and Nadeau (1995); ``std.chaz`` of ``survfit(..., id=, cluster=, robust = TRUE)`` of
    R survival.
    """
    is_used = rate > 0
    per_event = np.divide(1.0, weight_at_risk, out=np.zeros(spells.m), where=is_used)
    drift = np.cumsum(rate * per_event)
    weights = spells.weights
    effect = np.where(own > 0, own * per_event[np.maximum(spells.last, 0)], 0.0)
    entry = [weights * value_before(drift, spells.first), weights]
    leave = [weights * (effect - value_before(drift, spells.last + 1)), -weights]
    sums = sum_cluster_products(spells, entry, leave)
    return np.asarray(np.maximum(sums[0, 0] - 2 * drift * sums[0, 1] + drift**2 * sums[1, 1], 0.0))
