"""The sums of a log-rank test: who is at risk by group at each event time of each stratum.

Event times of all strata stand in one list, ordered by stratum and time, so that one pass
serves any number of strata.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.risk_sets import sum_at_risk


@dataclass(frozen=True, eq=False)
class GroupRiskSets:
    """Weights at risk and of events by group, at the m event times of all strata.

    Attributes
    ----------
    stratum : ndarray of int, shape (m,)
    first, last : ndarray of int, shape (n,)
        A row is at risk at event times first ... last of its stratum (none when last < first).
    weight_at_risk, weight_of_events : ndarray of float, shape (m,)
    shares : ndarray of float, shape (m, k)
        Share of the weight at risk by group.
    events_by_group : ndarray of float, shape (m, k)
    """

    stratum: IntArray
    first: IntArray
    last: IntArray
    weight_at_risk: FloatArray
    weight_of_events: FloatArray
    shares: FloatArray
    events_by_group: FloatArray


def build_group_risk_sets(process: CountingProcess, group: IntArray, k: int) -> GroupRiskSets:
    """Sum the weights at risk and of events, by group, at every event time of every stratum."""
    distinct = np.unique(np.concatenate([process.start, process.stop]))
    shift = process.stratum * len(distinct)
    opens = shift + np.searchsorted(distinct, process.start)
    closes = shift + np.searchsorted(distinct, process.stop)
    cells = np.unique(closes[process.event])
    m = len(cells)
    first = np.searchsorted(cells, opens, side="right")
    last = np.searchsorted(cells, closes, side="right") - 1
    at_risk = np.column_stack(
        [sum_at_risk(process.weights * (group == code), first, last, m) for code in range(k)]
    )
    is_there = np.column_stack(
        [sum_at_risk((group == code).astype(np.float64), first, last, m) for code in range(k)]
    )
    at_risk = np.where(is_there > 0, at_risk, 0.0)  # Empty but for rounding is empty.
    own = process.event
    events = np.bincount(
        last[own] * k + group[own], weights=process.weights[own], minlength=m * k
    ).reshape(m, k)
    total = at_risk.sum(axis=1)
    return GroupRiskSets(
        stratum=cells // len(distinct),
        first=first,
        last=last,
        weight_at_risk=total,
        weight_of_events=events.sum(axis=1),
        shares=at_risk / total[:, None],
        events_by_group=events.astype(np.float64),
    )


def compute_time_weights(risk_sets: GroupRiskSets, rho: float, gamma: float) -> FloatArray:
    """Fleming and Harrington's weights by the pooled curve just before each time, shape (m,)."""
    staying = np.clip(1.0 - risk_sets.weight_of_events / risk_sets.weight_at_risk, 0.0, 1.0)
    by_stratum = pd.Series(staying).groupby(risk_sets.stratum)
    retention = pd.Series(by_stratum.cumprod())
    before = retention.groupby(risk_sets.stratum).shift(fill_value=1.0).to_numpy()
    return np.asarray(before**rho * (1.0 - before) ** gamma)


def compute_hypergeometric_covariance(
    risk_sets: GroupRiskSets, time_weights: FloatArray
) -> FloatArray:
    """Covariance of observed minus expected given the risk sets, ties included, shape (k, k)."""
    n, d, p = risk_sets.weight_at_risk, risk_sets.weight_of_events, risk_sets.shares
    # Alone at risk, a customer's exit tells nothing about groups.
    scale = time_weights**2 * d * np.where(n > 1, (n - d) / np.maximum(n - 1, 1), 0.0)
    return np.asarray(np.diag(scale @ p) - (p * scale[:, None]).T @ p)


def compute_cluster_scores(
    process: CountingProcess, group: IntArray, risk_sets: GroupRiskSets, time_weights: FloatArray
) -> FloatArray:
    """Score of each cluster, shape (n_clusters, k); over clusters, observed minus expected.

    A row's score is the sum over its event times of the time weight, times its membership of
    the group minus the group's share at risk, times its own event minus its hazard.
    """
    hazard = time_weights * risk_sets.weight_of_events / risk_sets.weight_at_risk
    total = np.concatenate([[0.0], np.cumsum(hazard)])
    leave, enter = risk_sets.last + 1, risk_sets.first
    exposure = total[leave] - total[enter]
    is_event = np.where(process.event, time_weights[risk_sets.last], 0.0)
    k = risk_sets.shares.shape[1]
    scores = np.empty((process.n_clusters, k))
    for code in range(k):
        share = risk_sets.shares[:, code]
        drift = np.concatenate([[0.0], np.cumsum(hazard * share)])
        member = group == code
        own = is_event * (member - share[risk_sets.last])
        row = own - (member * exposure - (drift[leave] - drift[enter]))
        scores[:, code] = np.bincount(
            process.cluster, weights=process.weights * row, minlength=process.n_clusters
        )
    return scores
