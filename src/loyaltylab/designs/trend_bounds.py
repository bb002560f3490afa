"""What is left of an effect if trends were not parallel: intervals that allow for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats
from scipy.optimize import brentq, linprog

from loyaltylab.designs.event_path import (
    EventPath,
    bias_per_bend,
    error_of,
    trade_bias_for_error,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray

LARGEST_DOUBLINGS = 40
BREAKDOWN_STEPS = 40


@dataclass(frozen=True)
class TrendBounds:
    """An effect when trends may have differed by so much.

    Attributes
    ----------
    violation : float
        How much: the largest second difference, or the ratio to the largest step before.
    value : float
        Centre of the interval: the effect less what the times before say of the trend.
    identified_lower, identified_upper : float
        All effects that fit the estimates as if these had no error; NaN if none fits, as when
        the times before bend more than is allowed.
    ci_lower, ci_upper : float
        Hold the effect with at least the confidence level whatever the violation allowed.
    largest_bias : float
        That the violation can still make in ``value``.
    standard_error : float
    confidence_level : float
    """

    violation: float
    value: float
    identified_lower: float
    identified_upper: float
    ci_lower: float
    ci_upper: float
    largest_bias: float
    standard_error: float
    confidence_level: float


def bound_by_smoothness(
    path: EventPath,
    *,
    weights: Sequence[float],
    largest_bend: float,
    confidence_level: float = 0.95,
    working_covariance: FloatArray | None = None,
) -> TrendBounds:
    """Interval of a weighted effect when the trend's slope changes by so much at each time.

    The estimate is linear in the effects: their weighted sum from the start, less a weighted
    sum of those before that takes away any straight trend. Among such sums the one with the
    shortest interval is taken, and the interval allows for its largest bias.

    Parameters
    ----------
    path : EventPath
    weights : sequence of float
        Of the effects from the start.
    largest_bend : float
        Largest second difference of the trend; 0 for a straight line that goes on.
    confidence_level : float
    working_covariance : ndarray, shape (k, k), optional
        By which the sum is chosen; ``path.covariance`` by default. That of few units, were it to
        choose, would find a sum whose error it understates; pass one that is not estimated then.

    Returns
    -------
    TrendBounds

    Raises
    ------
    EstimationError
        If weights do not fit the path, the violation is negative, or nothing has an error.

    Source
    ------
    Rambachan and Roth (2023), Review of Economic Studies 90:2555-2591, section 3.2; Armstrong
    and Kolesar (2018), Econometrica 86:655-683: intervals of fixed length. R ``HonestDiD``.

    Examples
    --------
    A trend of 1 at each time goes on; nothing else happens.

    >>> path = EventPath(np.arange(-3, 1), np.array([-2.0, -1, 0, 1]), np.diag([1.0, 1, 0, 1]))
    >>> abs(round(bound_by_smoothness(path, weights=[1], largest_bend=0).value, 6))
    0.0
    """
    target = _check(path, weights, largest_bend, confidence_level)
    chooser = path.covariance if working_covariance is None else working_covariance
    if chooser.shape != path.covariance.shape:
        raise EstimationError(f"The working covariance is {chooser.shape}; rule: as the path.")
    find = partial(_critical_value, level=confidence_level, freedom=path.degrees_of_freedom)
    best, best_half = None, math.inf
    for trade in trade_bias_for_error(path, target, chooser):
        error = error_of(trade, chooser)
        bias = largest_bend * bias_per_bend(path, trade)
        half = find(bias, error)
        if half < best_half:
            best, best_half = trade, half
    if best is None:
        raise EstimationError("No estimate has a finite interval; rule: some effect has an error.")
    bias, error = largest_bend * bias_per_bend(path, best), error_of(best, path.covariance)
    value, half = float(best @ path.effects), find(bias, error)
    lower, upper = _identified(path, target, bend=largest_bend)
    return TrendBounds(
        largest_bend, value, lower, upper, value - half, value + half, bias, error,
        confidence_level,
    )  # fmt: skip


def bound_by_relative_steps(
    path: EventPath,
    *,
    weights: Sequence[float],
    largest_ratio: float,
    confidence_level: float = 0.95,
) -> TrendBounds:
    """Interval of a weighted effect when the trend's steps are at most so many times those before.

    From the last time before the start on, each step of the trend is at most ``largest_ratio``
    times the largest step before. Conservative: half of the error probability goes to an upper
    limit of that largest step, half to the effect. The limit of the largest step is the largest
    of the one-sided limits of all steps, which covers because it covers the step that is
    largest in truth.

    Parameters
    ----------
    path : EventPath
    weights : sequence of float
        Of the effects from the start.
    largest_ratio : float
    confidence_level : float

    Returns
    -------
    TrendBounds

    Raises
    ------
    EstimationError
        If weights do not fit the path, or the violation is negative.

    Source
    ------
    The restriction: Rambachan and Roth (2023), section 2.4.1. Their interval is shorter.

    Examples
    --------
    Without error, a step of 1 before allows for one of 1 after.

    >>> path = EventPath(np.arange(-3, 1), np.array([1.0, 0, 0, 5]), np.zeros((4, 4)))
    >>> bounds = bound_by_relative_steps(path, weights=[1], largest_ratio=1)
    >>> bounds.ci_lower, bounds.ci_upper
    (4.0, 6.0)
    """
    target = _check(path, weights, largest_ratio, confidence_level)
    n, tail = path.n_before, (1 - confidence_level) / 2
    target[n - 1] = -sum(weights)
    reach = _reach(weights)
    steps = np.diff(np.eye(n, len(path.times)), axis=0)
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", steps, path.covariance, steps), 0))
    found = np.abs(steps @ path.effects)
    one_sided = float(stats.t.isf(tail, path.degrees_of_freedom))
    two_sided = float(stats.t.isf(tail / 2, path.degrees_of_freedom))
    bias = largest_ratio * float((found + one_sided * errors).max()) * reach
    error, value = error_of(target, path.covariance), float(target @ path.effects)
    half = two_sided * error + bias
    lower, upper = _identified(path, target, step=largest_ratio * float(found.max()))
    return TrendBounds(
        largest_ratio, value, lower, upper, value - half, value + half, bias, error,
        confidence_level,
    )  # fmt: skip


def find_breakdown(
    path: EventPath,
    *,
    weights: Sequence[float],
    rule: str,
    confidence_level: float = 0.95,
    working_covariance: FloatArray | None = None,
    margin: float | None = None,
) -> float:
    """Smallest violation at which the interval holds no effect, or leaves a margin.

    Parameters
    ----------
    path : EventPath
    weights : sequence of float
    rule : {"smoothness", "relative steps"}
    confidence_level, working_covariance
        As in :func:`bound_by_smoothness`.
    margin : float, optional
        What was concluded is then that the effect is smaller than this in size, and the interval
        is no longer inside the margin; otherwise that there is an effect.

    Returns
    -------
    float
        0 if nothing can be concluded without any violation; infinite if no violation tried does so.

    Raises
    ------
    EstimationError
        If the rule is neither of the two, or as the bounds.
    """
    if rule not in ("smoothness", "relative steps"):
        raise EstimationError(f"rule is {rule!r}; rule: 'smoothness' or 'relative steps'.")

    def still_holds(violation: float) -> bool:
        if rule == "smoothness":
            found = bound_by_smoothness(
                path, weights=weights, largest_bend=violation, confidence_level=confidence_level,
                working_covariance=working_covariance,
            )  # fmt: skip
        else:
            found = bound_by_relative_steps(
                path, weights=weights, largest_ratio=violation, confidence_level=confidence_level
            )
        if margin is not None:
            return -margin < found.ci_lower and found.ci_upper < margin
        return found.ci_lower > 0 or found.ci_upper < 0

    if not still_holds(0.0):
        return 0.0
    low, high = 0.0, 1e-3 * max(float(np.abs(path.effects).max()), 1e-12)
    for _ in range(LARGEST_DOUBLINGS):
        if not still_holds(high):
            break
        low, high = high, 2 * high
    else:
        return math.inf
    for _ in range(BREAKDOWN_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if still_holds(middle) else (low, middle)
    return high


def _check(
    path: EventPath, weights: Sequence[float], violation: float, confidence_level: float
) -> FloatArray:
    """Weights of all times: 0 before the start."""
    problems = []
    n_after = len(path.times) - path.n_before
    if len(weights) != n_after or not np.isfinite(weights).all() or not np.any(weights):
        problems.append(f"{len(weights)} weights; rule: {n_after} finite ones, not all of them 0")
    if not 0 <= violation < math.inf:
        problems.append(f"the violation is {violation!r}; rule: 0 or more")
    if not 0 < confidence_level < 1:
        problems.append(f"confidence_level is {confidence_level!r}; rule: between 0 and 1")
    if problems:
        raise EstimationError("No bounds follow:", problems)
    return np.concatenate([np.zeros(path.n_before), np.asarray(weights, dtype=np.float64)])


def _reach(weights: Sequence[float]) -> float:
    """Bias that steps of 1 can add up to: each step shifts all times from its own on."""
    return float(np.abs(np.cumsum(np.asarray(weights, dtype=np.float64)[::-1])).sum())


def _critical_value(bias: float, error: float, *, level: float, freedom: float) -> float:
    """Half the length that covers with a bias of at most so much."""
    if error == 0:
        return bias
    shift = bias / error
    tail = stats.t(freedom) if math.isfinite(freedom) else stats.norm

    def shortfall(limit: float) -> float:
        return float(tail.cdf(limit - shift) - tail.cdf(-limit - shift)) - level

    # One tail alone bounds it below, both tails with the full shift above.
    highest = shift + float(tail.isf((1 - level) / 2)) + 1e-9
    return float(brentq(shortfall, 0.0, highest, xtol=1e-12)) * error


def _identified(
    path: EventPath, target: FloatArray, *, bend: float | None = None, step: float | None = None
) -> tuple[float, float]:
    """Lowest and highest effect over all trends allowed that fit the effects before exactly."""
    n, k = path.n_before, len(path.times)
    if bend is not None:
        rows, most = np.diff(np.eye(k), n=2, axis=0), bend
    else:
        rows, most = np.diff(np.eye(k), axis=0)[n - 1 :], float(step or 0.0)
    slack = 1e-9 * max(1.0, float(np.abs(path.effects).max()))
    limits = np.full(2 * len(rows), most + slack)
    aims = np.concatenate([np.zeros(n), target[n:]])
    bounds = [(effect, effect) for effect in path.effects[:n]] + [(None, None)] * (k - n)
    ends = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * aims, A_ub=np.vstack([rows, -rows]), b_ub=limits, bounds=bounds)
        if not solved.success:
            return math.nan, math.nan
        ends.append(float(sign * solved.fun))
    without_trend = float(aims @ path.effects)
    return without_trend - ends[1], without_trend - ends[0]
