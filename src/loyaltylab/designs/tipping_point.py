"""How differently censored customers would have to behave for a conclusion to change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate, difference
from loyaltylab.survival.arrays import BoolArray, FloatArray
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.restricted_mean import check_horizon

DELTAS = (0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0)


@dataclass(frozen=True, eq=False)
class TippingPoint:
    """The contrast as the hazard of censored customers in one arm is multiplied.

    Attributes
    ----------
    path : pandas.DataFrame
        delta, value, standard_error, ci_lower, ci_upper: exposed minus reference.
    delta_of_value : float or None
        Multiplier at which the difference is ``margin``; None if there is none in range.
    delta_of_interval : float or None
        Multiplier nearest 1 at which the interval first includes ``margin``; 1 if it does so
        without any adjustment; None if there is none in range.
    adjusted : str
        The arm whose censored customers are adjusted.
    margin : float
    """

    path: pd.DataFrame
    delta_of_value: float | None
    delta_of_interval: float | None
    adjusted: str
    margin: float


def delta_adjusted_restricted_mean(
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    horizon: float,
    delta: float,
    is_suspect: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    unit: str = "days",
) -> Estimate:
    """Restricted mean if censored customers had delta times the hazard of those who stayed on.

    Each customer counts with the time seen, and a censored one also with the time expected after
    it: the area under (S(t) / S(c))^delta from censoring at c to the horizon, S being the
    Kaplan-Meier curve. With delta 1 that is Kaplan-Meier's own mean; nothing is drawn.

    Parameters
    ----------
    stop : array-like of float, shape (n,)
        Time of exit or censoring since time zero, one row per customer.
    event : array-like of bool, shape (n,)
    horizon : float
        Not past the last follow-up.
    delta : float
        Above 0.
    is_suspect : array-like of bool, shape (n,), optional
        Censored customers to adjust; the others keep a delta of 1. Default all.
    confidence_level : float
    unit : str

    Returns
    -------
    Estimate
        With the infinitesimal jackknife.

    Raises
    ------
    EstimationError
        If rows, horizon or delta are wrong.

    Source
    ------
    Delta adjustment of Ratitch, O'Kelly and Tosiello (2013), Pharmaceutical Statistics
    12:337-347, in expectation in place of imputation.

    Examples
    --------
    >>> mean = delta_adjusted_restricted_mean([1, 3, 4], [0, 1, 0], horizon=4, delta=1.0)
    >>> round(mean.value, 12)
    3.5
    """
    times, exits, suspect = _read(stop, event, is_suspect)
    check_horizon(horizon, float(times.max()))
    if not 0 < delta < math.inf:
        raise EstimationError(f"delta is {delta!r}; rule: a multiplier of a hazard, above 0")
    contributions = _contribute(times, exits, suspect, horizon, delta)
    value = float(contributions.mean())
    error = math.sqrt(float(((contributions - value) ** 2).sum())) / len(times)
    half_width = normal_quantile(confidence_level) * error
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - half_width,
        ci_upper=value + half_width,
        confidence_level=confidence_level,
        n=len(times),
        n_events=int((exits & (times <= horizon)).sum()),
        unit=unit,
        method=f"restricted mean retention time to {horizon:g}, censored hazards adjusted, "
        "infinitesimal jackknife",
    )


def find_tipping_point(
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    exposed: str,
    reference: str,
    adjusted: str,
    horizon: float,
    margin: float = 0.0,
    deltas: Sequence[float] = DELTAS,
    is_suspect: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    unit: str = "days",
) -> TippingPoint:
    """Find the multiplier of censored customers' hazard in one arm at which a difference tips.

    Parameters
    ----------
    stop, event, horizon, is_suspect, confidence_level, unit
        As in :func:`delta_adjusted_restricted_mean`.
    group : array-like of str, shape (n,)
    exposed, reference : str
        The difference is exposed minus reference; other groups are left out.
    adjusted : str
        Which of the two is adjusted; the other keeps a delta of 1.
    margin : float
        Difference at which the conclusion changes.
    deltas : sequence of float
        Points of the path; the search runs between the least and the greatest.

    Returns
    -------
    TippingPoint

    Raises
    ------
    EstimationError
        If a group is empty or not followed to the horizon, or deltas do not surround 1.
    """
    times, exits, suspect = _read(stop, event, is_suspect)
    labels = np.asarray(group, dtype=object)
    _check_arms(labels, len(times), exposed, reference, adjusted, deltas)

    def estimate(arm: str, delta: float) -> Estimate:
        own = labels == arm
        return delta_adjusted_restricted_mean(
            times[own],
            exits[own],
            horizon=horizon,
            delta=delta,
            is_suspect=suspect[own],
            confidence_level=confidence_level,
            unit=unit,
        )

    unadjusted = {arm: estimate(arm, 1.0) for arm in (exposed, reference)}

    def contrast(delta: float) -> Estimate:
        arms = unadjusted | {adjusted: estimate(adjusted, delta)}
        return difference(arms[exposed], arms[reference])

    names = ("value", "standard_error", "ci_lower", "ci_upper")
    grid = sorted(set(map(float, deltas)))
    found = [contrast(delta) for delta in grid]
    path = pd.DataFrame([[getattr(part, name) for name in names] for part in found], columns=names)
    path.insert(0, "delta", grid)
    side = 1 if contrast(1.0).value > margin else -1
    limit = "ci_lower" if side > 0 else "ci_upper"
    return TippingPoint(
        path=path,
        delta_of_value=_solve(lambda delta: side * (contrast(delta).value - margin), grid),
        delta_of_interval=_solve(
            lambda delta: side * (getattr(contrast(delta), limit) - margin), grid
        ),
        adjusted=adjusted,
        margin=margin,
    )


def _read(
    stop: npt.ArrayLike, event: npt.ArrayLike, is_suspect: npt.ArrayLike | None
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Rows through the common gate; who of them is censored and to be adjusted."""
    start = np.zeros(len(np.atleast_1d(np.asarray(stop))))
    process = build_counting_process(start, stop, event=event)
    if not process.kept.all():
        raise EstimationError("Rows without follow-up have nothing to adjust; fix: drop them.")
    suspect = np.ones(process.n_rows, bool) if is_suspect is None else np.asarray(is_suspect, bool)
    if suspect.shape != (process.n_rows,):
        raise EstimationError("is_suspect needs one value per row.")
    return process.stop, process.event, suspect & ~process.event


def _contribute(
    times: FloatArray, exits: BoolArray, suspect: BoolArray, horizon: float, delta: float
) -> FloatArray:
    """Value of each customer plus n times the influence on the curve, shape (n,)."""
    grid = np.unique(np.append(times[exits & (times < horizon)], 0.0))
    is_counted = exits & (times < horizon)
    left = np.bincount(np.searchsorted(grid, times[is_counted]), minlength=len(grid))
    at_risk = len(times) - np.searchsorted(np.sort(times), grid, side="left")
    hazard = left / at_risk
    with np.errstate(divide="ignore"):
        log_curve = np.cumsum(np.log1p(-hazard))
    widths = np.diff(np.append(grid, horizon))
    seen = np.minimum(times, horizon)
    is_open = ~exits & (times < horizon)
    place = np.searchsorted(grid, times, side="right") - 1
    slope = np.zeros(len(grid))
    expected = np.zeros(len(times))
    for who, power in ((is_open & suspect, delta), (is_open & ~suspect, 1.0)):
        curve = np.exp(power * log_curve)
        after = np.append(np.cumsum((curve * widths)[::-1])[::-1], 0.0)
        here, until = place[who], times[who]
        rest = after[here] - curve[here] * (until - grid[here])
        expected[who] = rest / curve[here]
        waiting = np.bincount(here, weights=1 / curve[here], minlength=len(grid))
        before = np.append(0.0, np.cumsum(waiting)[:-1])
        slope += power * before * after[:-1]
    per_jump = np.divide(slope, (1 - hazard) * at_risk, out=np.zeros_like(slope), where=hazard < 1)
    compensator = np.cumsum(per_jump * hazard)
    last = np.searchsorted(grid, times, side="right") - 1
    martingale = np.where(is_counted, per_jump[place], 0.0) - compensator[last]
    return np.asarray(seen + expected - martingale, dtype=np.float64)


def _check_arms(
    labels: npt.NDArray[np.object_],
    n: int,
    exposed: str,
    reference: str,
    adjusted: str,
    deltas: Sequence[float],
) -> None:
    problems = []
    if len(labels) != n:
        problems.append(f"group has {len(labels)} values for {n} rows")
    problems += [
        f"group '{arm}' has no customers" for arm in (exposed, reference) if arm not in labels
    ]
    if adjusted not in (exposed, reference) or exposed == reference:
        problems.append(f"adjusted is '{adjusted}'; rule: one of two groups compared")
    if not deltas or not 0 < min(deltas) < 1 < max(deltas):
        problems.append(f"deltas are {list(deltas)}; rule: on both sides of 1, above 0")
    if problems:
        raise EstimationError("No tipping point can be sought:", problems)


def _solve(distance: Callable[[float], float], grid: Sequence[float]) -> float | None:
    """The root nearest 1 on the log scale; 1 if there is nothing to tip."""
    if distance(1.0) <= 0:
        return 1.0
    found = []
    for edge in (grid[0], grid[-1]):
        if distance(edge) <= 0:
            root = brentq(lambda log_delta: distance(math.exp(log_delta)), 0.0, math.log(edge))
            found.append(math.exp(float(root)))
    return min(found, key=lambda delta: abs(math.log(delta))) if found else None
