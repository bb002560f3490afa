"""Likelihood of a spline of the log cumulative hazard, with delayed entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray
from loyaltylab.survival.newton_steps import is_positive_definite, solve_damped

MAX_ITERATIONS = 100
MAX_HALVINGS = 40
# Squared distance to the optimum in standard errors; see cox_newton for these four.
DECREMENT_TOLERANCE = 1e-12
FLAT_DECREMENT = 1e-6
RUNAWAY_STEP = 0.05
N_RUNAWAY_STEPS = 3
# Where the knots stand among the log event times, by their number: ends, then quantiles.
LOG_KNOT_SHARES = {
    2: (0.0, 1.0),
    3: (0.0, 0.5, 1.0),
    4: (0.0, 1 / 3, 2 / 3, 1.0),
    5: (0.0, 0.25, 0.5, 0.75, 1.0),
}


@dataclass(frozen=True, eq=False)
class FlexibleRows:
    """Rows of the model; n rows, d events, l late entrants, k spline terms, p covariates.

    Attributes
    ----------
    at_stop : ndarray of float, shape (n, k + p)
        Spline terms and covariates at the end of each row.
    slope : ndarray of float, shape (d, k)
        Derivatives of the terms by log time, of the events.
    at_start : ndarray of float, shape (l, k + p)
    has_entry, event : ndarray of bool, shape (n,)
    log_stop, weights : ndarray of float, shape (n,)
    slope_on_grid : ndarray of float, shape (g, k)
        Where the hazard must be positive.
    n_covariates : int
    """

    at_stop: FloatArray
    slope: FloatArray
    at_start: FloatArray
    has_entry: BoolArray
    event: BoolArray
    log_stop: FloatArray
    weights: FloatArray
    slope_on_grid: FloatArray
    n_covariates: int


@dataclass(frozen=True, eq=False)
class FlexibleMaximum:
    """Estimate (spline, then scaled coefficients), weighted score by row, observed information."""

    theta: FloatArray
    log_likelihood: float
    scores: FloatArray
    information: FloatArray
    iterations: int


def place_log_knots(log_exits: FloatArray, knots: int | Sequence[float]) -> FloatArray:
    """Knots in log time: at quantiles of the log event times, or where they are asked for."""
    if isinstance(knots, int):
        if knots not in LOG_KNOT_SHARES:
            raise EstimationError(f"knots is {knots}; rule: one of {list(LOG_KNOT_SHARES)}")
        places = np.quantile(log_exits, LOG_KNOT_SHARES[knots])
    else:
        given = np.asarray(knots, dtype=np.float64)
        if given.ndim != 1 or len(given) < 2 or not np.all(given > 0):
            raise EstimationError(f"knots are {knots!r}; rule: two or more positive times")
        places = np.log(given)
    if not np.all(np.isfinite(places)) or np.any(np.diff(places) <= 0):
        raise EstimationError(
            f"knots fall on {np.exp(places).round(6).tolist()}; rule: they increase; fix: use "
            "fewer, since the events share too few times"
        )
    return np.asarray(places)


def spline_and_slope(log_time: FloatArray, knots: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Restricted cubic spline of log time and its derivative, each of shape (n, k).

    The first column is 1, the second log time, the others are straight outside the knots.
    """
    last, before = knots[-1], knots[-2]
    unit = (last - knots[0]) ** 2
    value = [np.ones_like(log_time), log_time]
    slope = [np.zeros_like(log_time), np.ones_like(log_time)]
    for knot in knots[:-2]:
        parts = [
            (1.0, knot),
            (-(last - knot) / (last - before), before),
            ((before - knot) / (last - before), last),
        ]
        above = [(share, np.maximum(log_time - at, 0.0)) for share, at in parts]
        value.append(sum(share * rest**3 for share, rest in above) / unit)
        slope.append(sum(3.0 * share * rest**2 for share, rest in above) / unit)
    return np.column_stack(value), np.column_stack(slope)


def maximise_flexible(rows: FlexibleRows, names: Sequence[str]) -> FlexibleMaximum:
    """Maximise the likelihood by Newton's method, or say why one cannot.

    Raises
    ------
    EstimationError
        If the likelihood has no maximum, or the fitted hazard is negative somewhere.
    """
    p, q = rows.n_covariates, rows.at_stop.shape[1]
    k = q - p
    spread = np.append(np.zeros(k), np.ptp(rows.at_stop[:, k:], axis=0))
    theta = np.zeros(q)
    theta[1] = 1.0
    exposure = rows.weights @ np.exp(rows.log_stop)
    if len(rows.at_start):
        exposure -= rows.weights[rows.has_entry] @ np.exp(rows.at_start[:, 1])
    theta[0] = np.log(rows.weights @ rows.event / exposure)
    n_runaway, step = 0, np.zeros_like(theta)
    for iteration in range(1, MAX_ITERATIONS + 1):
        with np.errstate(all="ignore"):  # What is not finite ends the search.
            value, scores, information = _differentiate(rows, theta)
        if not np.all(np.isfinite(information)):
            break
        score = scores.sum(axis=0)
        step = solve_damped(information, score)
        decrement = float(score @ step)
        if decrement < DECREMENT_TOLERANCE and is_positive_definite(information):
            _refuse_negative_hazard(rows, theta)
            return FlexibleMaximum(theta, value, scores, information, iteration)
        runs_away = decrement < FLAT_DECREMENT and bool(
            np.any(np.abs(step) * spread > RUNAWAY_STEP)
        )
        n_runaway = n_runaway + 1 if runs_away else 0
        if n_runaway >= N_RUNAWAY_STEPS:
            break
        theta = _advance(rows, theta, step, value)
    reach = np.abs((step if n_runaway else theta) * spread)
    raise EstimationError(
        "The hazard model has no maximum, or the search did not reach it.",
        [
            f"furthest out is {names[int(np.argmax(reach[k:]))]!r}; rule: exits on both sides of "
            "every covariate, and fewer knots than event times; fix: merge categories, leave a "
            "covariate out, or use fewer knots"
        ],
    )


def _advance(rows: FlexibleRows, theta: FloatArray, step: FloatArray, value: float) -> FloatArray:
    """Halve the step until hazards of events are positive and the likelihood does not fall."""
    lowest = value - 1e-12 * max(1.0, abs(value))
    for _ in range(MAX_HALVINGS):
        if _value(rows, theta + step) >= lowest:
            break
        step = step / 2.0
    return theta + step


def _value(rows: FlexibleRows, theta: FloatArray) -> float:
    slope = rows.slope @ theta[: rows.slope.shape[1]]
    if np.any(slope <= 0):
        return -np.inf
    eta = rows.at_stop @ theta
    with np.errstate(over="ignore", invalid="ignore"):  # Far out the hazard may overflow.
        own = rows.weights[rows.event] @ (np.log(slope) + (eta - rows.log_stop)[rows.event])
        value = own - rows.weights @ np.exp(eta)
        if len(rows.at_start):
            value += rows.weights[rows.has_entry] @ np.exp(rows.at_start @ theta)
    return float(value) if np.isfinite(value) else -np.inf


def _differentiate(rows: FlexibleRows, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Log likelihood, weighted score of each row, observed information."""
    k, w = rows.slope.shape[1], rows.weights
    hazard = np.exp(rows.at_stop @ theta)
    scores = (rows.event - hazard)[:, None] * rows.at_stop
    relative = rows.slope / (rows.slope @ theta[:k])[:, None]
    scores[rows.event, :k] += relative
    information = rows.at_stop.T @ ((w * hazard)[:, None] * rows.at_stop)
    information[:k, :k] += relative.T @ (w[rows.event, None] * relative)
    if len(rows.at_start):
        before = np.exp(rows.at_start @ theta)
        scores[rows.has_entry] += before[:, None] * rows.at_start
        known = w[rows.has_entry] * before
        information -= rows.at_start.T @ (known[:, None] * rows.at_start)
    return _value(rows, theta), w[:, None] * scores, information


def _refuse_negative_hazard(rows: FlexibleRows, theta: FloatArray) -> None:
    if np.any(rows.slope_on_grid @ theta[: rows.slope.shape[1]] <= 0):
        raise EstimationError(
            "The fitted hazard is negative within the follow-up; rule: a cumulative hazard rises; "
            "fix: use fewer knots"
        )
