"""Efron's partial likelihood on (start, stop] rows: value, score, information, row scores.

Every row is at risk at a run of event times, so (start, stop] becomes two indices into the
distinct event times of its stratum. Sums over risk sets are differences cumulated over that
index. The sum over times of S2 / S0 equals X' diag(r_i (A(stop_i) - A(start_i))) X with A the
baseline hazard: one weighted Gram product instead of a matrix per time. Efron's correction
touches only the rows with an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.risk_sets import sum_at_risk

# Log risks of at most this size keep risks, their sums and squares inside double precision.
LARGEST_LOG_RISK = 300.0


@dataclass(frozen=True, eq=False)
class CoxDesign:
    """Rows arranged for the partial likelihood; n rows, p covariates, m event times, d events.

    Rows at risk at no event time are left out: they carry no information, and adding and
    subtracting their risk would only cost digits.

    Attributes
    ----------
    row : ndarray of int, shape (n,)
        Position of each row in the counting process.
    x : ndarray of float, shape (n, p)
        Covariates, centred and scaled.
    weights : ndarray of float, shape (n,)
    first, last : ndarray of int, shape (n,)
        At risk at event times ``first ... last``.
    time, stratum : ndarray, shape (m,)
        Distinct (stratum, event time) pairs, by stratum and then time.
    event_row, event_index : ndarray of int, shape (d,)
        Row and event time of each event, ordered by event time.
    n_tied : ndarray of int, shape (m,)
        Events at each time.
    offset : ndarray of float, shape (n,) or (1,)
        Known part of the log risk; 0 unless replaced.
    """

    row: IntArray
    x: FloatArray
    weights: FloatArray
    first: IntArray
    last: IntArray
    time: FloatArray
    stratum: IntArray
    event_row: IntArray
    event_index: IntArray
    n_tied: IntArray
    offset: FloatArray = field(default_factory=lambda: np.zeros(1))

    @property
    def tied_share(self) -> FloatArray:
        """Efron's l / d of each event among those tied with it, shape (d,)."""
        opening = np.cumsum(self.n_tied) - self.n_tied
        order = np.arange(len(self.event_index)) - opening[self.event_index]
        return order / self.n_tied[self.event_index]

    @property
    def mean_event_weight(self) -> FloatArray:
        """Average weight of the events at each time, shape (m,)."""
        return self.sum_events(self.weights[self.event_row]) / self.n_tied

    def sum_events(self, values: FloatArray) -> FloatArray:
        """Sum values of events, shape (d,), within event times, shape (m,)."""
        sums = np.bincount(self.event_index, weights=values, minlength=len(self.time))
        return sums.astype(np.float64)


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


def build_design(process: CountingProcess, x: FloatArray) -> CoxDesign:
    """Replace times by indices into the event times of each stratum."""
    event_rows = np.flatnonzero(process.event)
    distinct = np.unique(process.stop[event_rows])
    width = len(distinct) + 1
    offset = process.stratum * width
    key = offset[event_rows] + np.searchsorted(distinct, process.stop[event_rows])
    table, index = np.unique(key, return_inverse=True)
    order = np.argsort(index, kind="stable")
    after_start = np.searchsorted(distinct, process.start, side="right")
    after_stop = np.searchsorted(distinct, process.stop, side="right")
    first = np.searchsorted(table, offset + after_start)
    last = np.searchsorted(table, offset + after_stop) - 1
    row = np.flatnonzero(last >= first)
    return CoxDesign(
        row=row,
        x=np.asfortranarray(x[row]),
        weights=process.weights[row],
        first=first[row],
        last=last[row],
        time=distinct[table % width],
        stratum=table // width,
        event_row=np.searchsorted(row, event_rows[order]),
        event_index=index[order],
        n_tied=np.bincount(index, minlength=len(table)),
    )


def compute_moments(design: CoxDesign, beta: FloatArray) -> RiskMoments:
    """Sum risks and covariates over every risk set."""
    m, rows, k = len(design.time), design.event_row, design.event_index
    eta = design.x @ beta + design.offset
    risk = design.weights * np.exp(eta)
    share, mean_weight = design.tied_share, design.mean_event_weight
    denominator, rounding = _sum_risks_of_events(design, risk)
    value = np.sum(design.weights[rows] * eta[rows]) - np.sum(mean_weight[k] * np.log(denominator))
    powers = [np.ones_like(share), share, share**2]
    columns = range(design.x.shape[1])
    s1 = [sum_at_risk(risk * design.x[:, j], design.first, design.last, m) for j in columns]
    e1 = [design.sum_events(risk[rows] * design.x[rows, j]) for j in columns]
    return RiskMoments(
        risk=risk,
        log_likelihood=float(value),
        s1=np.array(s1).T,
        e1=np.array(e1).T,
        inverse=[mean_weight * design.sum_events(f / denominator) for f in powers[:2]],
        square=[mean_weight * design.sum_events(f / denominator**2) for f in powers],
        rounding=rounding,
    )


def compute_log_likelihood(design: CoxDesign, beta: FloatArray) -> float:
    """Log partial likelihood alone; -inf where log risks are too large to add up."""
    eta = design.x @ beta + design.offset
    if np.abs(eta).max() > LARGEST_LOG_RISK:
        return -np.inf
    k = design.event_index
    risk = design.weights * np.exp(eta)
    logs = np.log(_sum_risks_of_events(design, risk)[0])
    own = design.weights[design.event_row] * eta[design.event_row]
    return float(np.sum(own) - np.sum(design.mean_event_weight[k] * logs))


def compute_score(design: CoxDesign, moments: RiskMoments, scale: FloatArray) -> FloatArray:
    """Score, each event time multiplied by ``scale`` (m,); ones give the ordinary score (p,)."""
    rows, k = design.event_row, design.event_index
    observed = (design.weights[rows] * scale[k]) @ design.x[rows]
    expected = (scale * moments.inverse[0]) @ moments.s1 - (scale * moments.inverse[1]) @ moments.e1
    return np.asarray(observed - expected)


def compute_information(design: CoxDesign, moments: RiskMoments, scale: FloatArray) -> FloatArray:
    """Information, each event time multiplied by ``scale`` (m,), shape (p, p)."""
    a, b = scale * moments.inverse[0], scale * moments.inverse[1]
    exposure = moments.risk * _sum_while_at_risk(design, a)
    total = design.x.T @ (exposure[:, None] * design.x)
    c0, c1, c2 = (scale * square for square in moments.square)
    total -= moments.s1.T @ (c0[:, None] * moments.s1)
    if np.any(design.n_tied > 1):
        rows = design.event_row
        x_event = design.x[rows]
        correction = moments.risk[rows] * b[design.event_index]
        cross = moments.s1.T @ (c1[:, None] * moments.e1)
        total -= x_event.T @ (correction[:, None] * x_event)
        total += cross + cross.T - moments.e1.T @ (c2[:, None] * moments.e1)
    return np.asarray((total + total.T) / 2.0)


def compute_row_scores(design: CoxDesign, moments: RiskMoments) -> FloatArray:
    """Score residuals by row under Efron's ties, unweighted, shape (n, p).

    A row with an event at a tied time carries, at Efron's step f, the risk share 1 - f.
    """
    rows, k = design.event_row, design.event_index
    a, b = moments.inverse
    c0, c1, c2 = (square[:, None] for square in moments.square)
    relative_risk = moments.risk / design.weights
    scores = np.empty_like(design.x)
    pull = c0 * moments.s1 - c1 * moments.e1
    hazard = _sum_while_at_risk(design, a)
    for j in range(design.x.shape[1]):
        drift = _sum_while_at_risk(design, pull[:, j])
        scores[:, j] = -relative_risk * (design.x[:, j] * hazard - drift)
    eased = design.x[rows] * b[k, None] - (c1 * moments.s1 - c2 * moments.e1)[k]
    scores[rows] += relative_risk[rows, None] * eased
    scores[rows] += design.x[rows] - compute_event_means(design, moments)[k]
    return scores


def compute_event_means(design: CoxDesign, moments: RiskMoments) -> FloatArray:
    """Mean covariates expected of an event at each time, over Efron's steps, shape (m, p)."""
    steps = (design.n_tied * design.mean_event_weight)[:, None]
    a, b = (inverse[:, None] for inverse in moments.inverse)
    return np.asarray((a * moments.s1 - b * moments.e1) / steps)


def _sum_risks_of_events(design: CoxDesign, risk: FloatArray) -> tuple[FloatArray, float]:
    """Efron's sum of risks for each event, shape (d,), and the largest rounding error in one.

    A sum is what the running total leaves after later, larger ones: it is never taken to be
    smaller than the rounding error of those, so that it stays positive.
    """
    k = design.event_index
    s0 = sum_at_risk(risk, design.first, design.last, len(design.time))
    e0 = design.sum_events(risk[design.event_row])
    noise = np.finfo(np.float64).eps * np.maximum.accumulate(np.abs(s0[::-1]))[::-1][k]
    sums = np.maximum(s0[k] - design.tied_share * e0[k], noise)
    return sums, float(np.max(noise / sums))


def _sum_while_at_risk(design: CoxDesign, increments: FloatArray) -> FloatArray:
    """Sum of per-time increments over the times each row is at risk, shape (n,)."""
    cumulative = np.concatenate([[0.0], np.cumsum(increments)])
    return np.asarray(cumulative[design.last + 1] - cumulative[design.first])
