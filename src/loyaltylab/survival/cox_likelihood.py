"""Efron's partial likelihood on (start, stop] rows: value, score, information, row scores.

Every row is at risk at a run of event times, so (start, stop] becomes two indices into the
distinct event times of its stratum. Sums over risk sets are differences cumulated over that
index. The sum over times of S2 / S0 equals X' diag(r_i (A(stop_i) - A(start_i))) X with A the
baseline hazard: one weighted Gram product instead of a matrix per time. Efron's correction
touches only the rows with an event. Sums over rows are compiled loops of ``cox_kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.cox_kernels import (
    add_lines,
    add_scores_at_risk,
    add_while_at_risk,
    combine_columns,
    combine_rows,
    find_ranges,
    shift_and_stretch,
    sum_powers,
    sum_risks,
    sum_risky_rows,
    take_rows,
    turn_columns,
    weighted_gram,
    weighted_product,
)
from loyaltylab.survival.row_kernels import find_times_at_risk

# Log risks of at most this size keep risks, their sums and squares inside double precision.
LARGEST_LOG_RISK = 300.0
# Rows that give a first guess of the centre of each covariate.
N_ROWS_GLANCED_AT = 1000


@dataclass(frozen=True, eq=False)
class _Risks:
    """Log risk and risk of every row, and Efron's sum of risks for each event, at one beta."""

    beta: FloatArray
    eta: FloatArray
    risk: FloatArray
    denominator: FloatArray
    rounding: float
    log_likelihood: float


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
        Covariates, centred and scaled, row by row in memory.
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
    _latest: list[_Risks] = field(default_factory=list, repr=False)

    @cached_property
    def x_of_events(self) -> FloatArray:
        """Covariates of the events, shape (d, p)."""
        return self.x[self.event_row]

    @cached_property
    def tied_share(self) -> FloatArray:
        """Efron's l / d of each event among those tied with it, shape (d,)."""
        opening = np.cumsum(self.n_tied) - self.n_tied
        order = np.arange(len(self.event_index)) - opening[self.event_index]
        return np.asarray(order / self.n_tied[self.event_index])

    @cached_property
    def mean_event_weight(self) -> FloatArray:
        """Average weight of the events at each time, shape (m,)."""
        return self.sum_events(self.weights[self.event_row]) / self.n_tied

    def sum_events(self, values: FloatArray) -> FloatArray:
        """Sum values of events, shape (d,), within event times, shape (m,)."""
        sums = np.bincount(self.event_index, weights=values, minlength=len(self.time))
        return sums.astype(np.float64)

    @cached_property
    def ranges(self) -> FloatArray:
        """Largest minus smallest value of each covariate, shape (p,)."""
        return find_ranges(self.x)

    def log_risk(self, beta: FloatArray) -> FloatArray:
        """Log risk of each row, shape (n,)."""
        latest = [risks.eta for risks in self._latest if np.array_equal(risks.beta, beta)]
        if latest:
            return latest[0]
        eta = np.empty(len(self.x))
        combine_columns(self.x, beta, eta)
        eta += self.offset
        return eta

    def risks(self, beta: FloatArray, eta: FloatArray) -> _Risks:
        """Risks at one beta with log risks eta; the latest are kept, and not to be changed."""
        if not self._latest or not np.array_equal(self._latest[0].beta, beta):
            risk = self.weights * np.exp(eta)
            denominator, rounding = _sum_risks_of_events(self, risk)
            value = _compute_value(self, eta, denominator)
            self._latest[:] = [_Risks(beta.copy(), eta, risk, denominator, rounding, value)]
        return self._latest[0]


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
    """Replace times by indices into the event times of each stratum; covariates as they are."""
    return _arrange(process, x, np.zeros(x.shape[1]))


def build_scaled_design(
    process: CountingProcess, values: FloatArray
) -> tuple[CoxDesign, FloatArray, FloatArray]:
    """Replace times by indices, and covariates by (value - centre) / scale.

    Returns
    -------
    CoxDesign
    centre, scale : ndarray of float, shape (p,)
        Mean and spread over the rows of the design; the scale of a constant is 1.
    """
    # Squares about a rough centre lose no digits to a large mean.
    step = max(1, len(values) // N_ROWS_GLANCED_AT)
    rough = np.ascontiguousarray(values[::step]).mean(axis=0)
    design = _arrange(process, values, rough)
    total, square = sum_powers(design.x)
    offset = total / len(design.x)
    spread = np.sqrt(np.maximum(square / len(design.x) - offset**2, 0.0))
    scale = np.where(spread > 0, spread, 1.0)
    shift_and_stretch(design.x, offset, 1.0 / scale)
    return design, rough + offset, scale


def _arrange(process: CountingProcess, values: FloatArray, origin: FloatArray) -> CoxDesign:
    event_rows = np.flatnonzero(process.code)
    stops, strata = process.stop[event_rows], process.stratum[event_rows]
    is_stratified = len(process.strata) > 1
    keys = (stops, strata) if is_stratified else (stops,)
    order = np.lexsort(keys)  # stable: tied events stay in the order of rows
    event_rows, stops, strata = event_rows[order], stops[order], strata[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (stops[1:] != stops[:-1]) | (strata[1:] != strata[:-1])
    time, stratum = stops[is_new], strata[is_new]
    event_index = np.cumsum(is_new) - 1
    first, last = np.empty((2, process.n_rows), dtype=np.int64)
    distinct = np.unique(time) if is_stratified else time
    find_times_at_risk(distinct, process.start, process.stop, first, last)
    if is_stratified:
        width = len(distinct) + 1
        table = stratum * width + np.searchsorted(distinct, time)
        first = np.searchsorted(table, process.stratum * width + first)
        last = np.searchsorted(table, process.stratum * width + last + 1) - 1
    is_at_risk = last >= first
    row = np.flatnonzero(is_at_risk)
    place = np.cumsum(is_at_risk) - 1
    x = np.empty((len(row), values.shape[1]))
    take = take_rows if values.flags.c_contiguous else turn_columns
    take(values, row, origin, x)
    return CoxDesign(
        row=row,
        x=x,
        weights=process.weights[row],
        first=first[row],
        last=last[row],
        time=time,
        stratum=stratum,
        event_row=place[event_rows],
        event_index=event_index,
        n_tied=np.bincount(event_index, minlength=len(time)),
    )


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


def _compute_value(design: CoxDesign, eta: FloatArray, denominator: FloatArray) -> float:
    own = design.weights[design.event_row] * eta[design.event_row]
    shared = design.mean_event_weight[design.event_index] * np.log(denominator)
    return float(np.sum(own) - np.sum(shared))


def _sum_risks_of_events(design: CoxDesign, risk: FloatArray) -> tuple[FloatArray, float]:
    """Efron's sum of risks for each event, shape (d,), and the largest rounding error in one.

    A sum is what the running total leaves after later, larger ones: it is never taken to be
    smaller than the rounding error of those, so that it stays positive.
    """
    k = design.event_index
    s0 = sum_risks(risk, design.first, design.last, len(design.time))
    e0 = design.sum_events(risk[design.event_row])
    noise = np.finfo(np.float64).eps * np.maximum.accumulate(np.abs(s0[::-1]))[::-1][k]
    sums = np.maximum(s0[k] - design.tied_share * e0[k], noise)
    return sums, float(np.max(noise / sums))


def _cumulate(increments: FloatArray) -> FloatArray:
    """Sum of the increments before each time and after the last, shape (m + 1, ...)."""
    cumulative = np.zeros((len(increments) + 1, *increments.shape[1:]))
    np.cumsum(increments, axis=0, out=cumulative[1:])
    return cumulative
