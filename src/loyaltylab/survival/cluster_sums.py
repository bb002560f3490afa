"""Variances of step functions by cluster, from sums over the times clusters change.

The influence of a cluster on an estimate at time t is a sum of few known functions of t, with
coefficients that change only where the cluster's rows begin and end. Sums over clusters of
products of coefficients are then cumulated differences: one sort, linear passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray


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
    m = spells.m
    index = np.maximum(np.concatenate([spells.first, spells.last]), 0)
    cluster = np.concatenate([spells.cluster, spells.cluster])
    order = np.argsort(cluster * (m + 1) + index, kind="stable")
    index, cluster = index[order], cluster[order]
    is_first = np.concatenate([[True], cluster[1:] != cluster[:-1]])
    opening = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    after = []
    for changes in zip(at_entry, at_exit, strict=True):
        running = np.concatenate([[0.0], np.cumsum(np.concatenate(changes)[order])])
        after.append(running[1:] - running[opening])
    q = len(after)
    sums = np.empty((q, q, m))
    for i in range(q):
        for j in range(i, q):
            product = after[i] * after[j]
            step = np.diff(product, prepend=0.0)
            step[is_first] = product[is_first]
            per_time = np.bincount(index, weights=step, minlength=m)
            sums[i, j] = sums[j, i] = np.cumsum(per_time[:m])
    return sums


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
