"""Rows arranged for a Cox model's partial likelihood, and their risks at one coefficient vector.

Every row is at risk at a run of event times, so (start, stop] becomes two indices into the
distinct event times of its stratum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.cox_kernels import (
    combine_columns,
    find_ranges,
    shift_and_stretch,
    sum_powers,
    sum_risks,
    take_rows,
    turn_columns,
)
from loyaltylab.survival.row_kernels import find_times_at_risk

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
