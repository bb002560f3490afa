"""Likelihood of accelerated failure times: exact, right- and interval-censored, entering late.

A row adds the logarithm of its density, retention, or difference of retentions, less that of
retention at its entry. Each is a function of z = (log time - location) / scale at one or two
times; derivatives by location and log scale follow by the chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.failure_time_families import ErrorDistribution
from loyaltylab.survival.newton_steps import is_positive_definite, solve_damped

MAX_ITERATIONS = 100
MAX_HALVINGS = 40
# Squared distance to the optimum in standard errors; see cox_newton for these four.
DECREMENT_TOLERANCE = 1e-12
FLAT_DECREMENT = 1e-6
RUNAWAY_STEP = 0.05
N_RUNAWAY_STEPS = 3
# A time of 0 on the log scale: nothing has happened yet.
LOG_OF_ZERO = -690.0
# A residual spread this small, relative to that of log time, is an exact fit.
SMALLEST_SCALE = 1e-6


@dataclass(frozen=True, eq=False)
class FailureTimes:
    """Rows of a failure-time model; n rows, q = p + 1 columns.

    Attributes
    ----------
    x : ndarray of float, shape (n, q)
        A column of ones, then covariates, centred and scaled.
    log_entry, log_seen, log_stop : ndarray of float, shape (n,)
        Logarithms of the entry, of the last time seen before the exit, and of the end.
    has_entry : ndarray of bool, shape (n,)
        Whether the row enters after 0.
    kind : ndarray of int, shape (n,)
        0 right-censored at the end, 1 exit at the end, 2 exit between last seen and end.
    weights : ndarray of float, shape (n,)
    """

    x: FloatArray
    log_entry: FloatArray
    log_seen: FloatArray
    log_stop: FloatArray
    has_entry: BoolArray
    kind: IntArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class FailureTimeMaximum:
    """Estimate (location coefficients, then log scale), score by row, observed information."""

    theta: FloatArray
    log_likelihood: float
    scores: FloatArray
    information: FloatArray
    iterations: int


@dataclass(frozen=True, eq=False)
class _Derivatives:
    """Of each row's log likelihood by location (m) and log scale (s)."""

    value: FloatArray
    m: FloatArray
    s: FloatArray
    mm: FloatArray
    ms: FloatArray
    ss: FloatArray


def maximise_failure_times(
    rows: FailureTimes, distribution: ErrorDistribution, names: Sequence[str]
) -> FailureTimeMaximum:
    """Maximise the likelihood by Newton's method, or say why one cannot.

    Raises
    ------
    EstimationError
        If the likelihood has no maximum, or the search does not end.
    """
    spread = np.append(np.ptp(rows.x, axis=0), 0.0)
    theta = np.zeros(rows.x.shape[1] + 1)
    theta[0] = np.average(rows.log_stop, weights=rows.weights)
    theta[-1] = np.log(max(float(np.std(rows.log_stop)), SMALLEST_SCALE))
    lowest_scale = theta[-1] + np.log(SMALLEST_SCALE)
    n_runaway, step = 0, np.zeros_like(theta)
    for iteration in range(1, MAX_ITERATIONS + 1):
        here = _evaluate(rows, distribution, theta, iteration)
        if not np.all(np.isfinite(here.information)):
            break
        score = here.scores.sum(axis=0)
        step = solve_damped(here.information, score)
        decrement = float(score @ step)
        if decrement < DECREMENT_TOLERANCE and is_positive_definite(here.information):
            return here
        runs_away = bool(
            decrement < FLAT_DECREMENT
            and np.any(np.abs(step) * spread > RUNAWAY_STEP * np.exp(theta[-1]))
        )
        n_runaway = n_runaway + 1 if runs_away else 0
        theta = _advance(rows, distribution, here, step)
        if n_runaway >= N_RUNAWAY_STEPS or theta[-1] < lowest_scale:
            break
    reach = (step if n_runaway else theta) * spread
    j = int(np.argmax(np.abs(reach)))
    raise EstimationError(
        "The failure-time model has no maximum, or the search did not reach it.",
        [
            f"furthest out is {['the intercept', *names, 'the scale'][j]!r}; rule: exits on both "
            "sides of every covariate, and times that the covariates do not tell exactly; fix: "
            "merge categories, leave a covariate out, or use a Cox model"
        ],
    )


def _advance(
    rows: FailureTimes,
    distribution: ErrorDistribution,
    here: FailureTimeMaximum,
    step: FloatArray,
) -> FloatArray:
    """Halve the step until the likelihood does not fall (rounding apart)."""
    lowest = here.log_likelihood - 1e-12 * max(1.0, abs(here.log_likelihood))
    size = min(1.0, 1.0 / max(abs(float(step[-1])), 1e-12))  # Scale by at most e at a time.
    for _ in range(MAX_HALVINGS):
        there = here.theta + size * step
        with np.errstate(all="ignore"):  # Far out a row's likelihood may underflow.
            value = float(rows.weights @ _differentiate(rows, distribution, there).value)
        if value >= lowest:
            break
        size /= 2.0
    return np.asarray(here.theta + size * step)


def _evaluate(
    rows: FailureTimes, distribution: ErrorDistribution, theta: FloatArray, iteration: int
) -> FailureTimeMaximum:
    w, q = rows.weights, rows.x.shape[1]
    information = np.empty((q + 1, q + 1))
    with np.errstate(all="ignore"):  # What is not finite ends the search.
        d = _differentiate(rows, distribution, theta)
        information[:q, :q] = -rows.x.T @ ((w * d.mm)[:, None] * rows.x)
        information[:q, q] = information[q, :q] = -rows.x.T @ (w * d.ms)
        information[q, q] = -w @ d.ss
        scores = w[:, None] * np.column_stack([d.m[:, None] * rows.x, d.s])
    return FailureTimeMaximum(theta, float(w @ d.value), scores, information, iteration)


def _differentiate(
    rows: FailureTimes, distribution: ErrorDistribution, theta: FloatArray
) -> _Derivatives:
    location, scale = rows.x @ theta[:-1], float(np.exp(theta[-1]))
    z = (rows.log_stop - location) / scale
    value, first, second = distribution.log_retention(z)
    exact = rows.kind == 1
    dense = distribution.log_density(z[exact])
    value[exact] = dense[0] - theta[-1] - rows.log_stop[exact]
    first[exact], second[exact] = dense[1], dense[2]
    total = _chain(value, first, second, z, scale)
    total.s[exact] -= 1.0
    between = np.flatnonzero(rows.kind == 2)
    if len(between):
        _set_rows(total, between, _interval(rows, distribution, location, scale, between))
    late = np.flatnonzero(rows.has_entry)
    if len(late):
        z = (rows.log_entry[late] - location[late]) / scale
        _add_rows(total, late, _chain(*distribution.log_retention(z), z, scale))
    return total


def _chain(
    value: FloatArray, first: FloatArray, second: FloatArray, z: FloatArray, scale: float
) -> _Derivatives:
    """From derivatives by z to those by location and log scale."""
    return _Derivatives(
        value=value,
        m=-first / scale,
        s=-z * first,
        mm=second / scale**2,
        ms=(z * second + first) / scale,
        ss=z**2 * second + z * first,
    )


def _interval(
    rows: FailureTimes,
    distribution: ErrorDistribution,
    location: FloatArray,
    scale: float,
    part: IntArray,
) -> _Derivatives:
    """Of log(retention(a) - retention(b)), the exit being between a and b."""
    ends = [(log[part] - location[part]) / scale for log in (rows.log_seen, rows.log_stop)]
    share = distribution.retention(ends[0]) - distribution.retention(ends[1])
    m = s = mm = ms = ss = np.zeros(len(part))
    for sign, z in zip((-1.0, 1.0), ends, strict=True):
        log_density, slope, _ = distribution.log_density(z)
        first = sign * np.exp(log_density) / share
        piece = _chain(np.zeros_like(z), first, first * slope, z, scale)
        m, s = m + piece.m, s + piece.s
        mm, ms, ss = mm + piece.mm, ms + piece.ms, ss + piece.ss
    return _Derivatives(np.log(share), m, s, mm - m**2, ms - m * s, ss - s**2)


def _set_rows(total: _Derivatives, part: IntArray, piece: _Derivatives) -> None:
    for name in ("value", "m", "s", "mm", "ms", "ss"):
        getattr(total, name)[part] = getattr(piece, name)


def _add_rows(total: _Derivatives, part: IntArray, piece: _Derivatives) -> None:
    """Condition on being there at entry."""
    for name in ("value", "m", "s", "mm", "ms", "ss"):
        getattr(total, name)[part] -= getattr(piece, name)
