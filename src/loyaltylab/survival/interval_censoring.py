"""Retention when an exit is only known to lie between two looks, such as two bills."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, as_read_only
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.row_checks import describe_rows, read_weights
from loyaltylab.survival.step_functions import check_times

# The log likelihood is this close to its maximum, by the bound its gradient gives.
LIKELIHOOD_TOLERANCE = 1e-7
# Mass this small is on its way out: it is dropped unless its gradient asks for more.
NEGLIGIBLE_MASS = 1e-9
MOST_STEPS = 500
MOST_HALVINGS = 40
FEWEST_REPLICATES = 100


@dataclass(frozen=True, eq=False)
class IntervalCensoredRetention:
    """Retention at given times, between bounds where the data leave it open.

    Attributes
    ----------
    time : ndarray of float, shape (q,)
        The times asked for.
    retention_lower, retention_upper : ndarray of float, shape (q,)
        Equal where retention is determined; inside an interval that holds mass only the bounds
        are.
    ci_lower, ci_upper : ndarray of float, shape (q,)
        Percentiles of the bounds over bootstrap samples of customers; NaN without replicates.
    mass_left, mass_right, mass : ndarray of float, shape (m,)
        Share that leaves in (mass_left, mass_right]; mass_right is infinite for those who may
        never leave.
    log_likelihood : float
    optimality_gap : float
        The maximum is at most this much higher.
    confidence_level : float
    n, n_events : int
        Customers, and those known to have left.
    n_replicates : int
    method : str
    caveats : tuple of str
    """

    time: FloatArray
    retention_lower: FloatArray
    retention_upper: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    mass_left: FloatArray
    mass_right: FloatArray
    mass: FloatArray
    log_likelihood: float
    optimality_gap: float
    confidence_level: float
    n: int
    n_events: int
    n_replicates: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate time, retention_lower, retention_upper, ci_lower and ci_upper."""
        columns = ["time", "retention_lower", "retention_upper", "ci_lower", "ci_upper"]
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})


@dataclass(frozen=True, eq=False)
class _Maximum:
    left: FloatArray
    right: FloatArray
    mass: FloatArray
    log_likelihood: float
    gap: float


def interval_censored_retention(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    times: npt.ArrayLike,
    start: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    n_replicates: int = 0,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> IntervalCensoredRetention:
    """Estimate retention from exits known to lie in (left, right].

    Parameters
    ----------
    left, right : array-like of float, shape (n,)
        Last time the customer was seen as such, and first time seen gone; ``right`` is infinite
        for customers not seen to leave. One row per customer, time from the customer's origin.
    times : array-like of float, shape (q,)
        Where to read retention; not past the last finite look.
    start : array-like of float, shape (n,), optional
        Start of observation. Only 0 for every customer is possible: the estimator knows no
        delayed entry.
    weights : array-like of float, shape (n,), optional
        Not negative; customers of weight zero are left out. A weight of 2 is a customer given
        twice; bootstrap samples draw customers, each with its weight.
    n_replicates : int
        Bootstrap samples of customers for the interval; 0 for none, else at least 100.
    seed : int, optional
        Needed with replicates.
    confidence_level : float

    Returns
    -------
    IntervalCensoredRetention
        The nonparametric maximum of the likelihood, found by Newton steps under the constraints
        and certified by its gradient.

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if there is delayed entry; if nobody is seen
        to leave; if the search does not converge.

    Source
    ------
    Turnbull (1976); Wang (2007), JRSS B 69:185-198, for the search;
    ``survfit(Surv(l, r, type = "interval2") ~ 1)`` of R survival.

    Examples
    --------
    >>> found = interval_censored_retention([0, 1, 2], [1, 2, np.inf], times=[1, 2])
    >>> found.retention_lower.round(3).tolist()
    [0.667, 0.333]
    """
    normal_quantile(confidence_level)
    lefts, rights = _read_looks(left, right, start, (n_replicates, seed))
    asked = check_times(times)
    shares = _read_shares(weights, rights)
    lefts, rights, shares = (part[shares > 0] for part in (lefts, rights, shares))
    looks = np.concatenate([lefts, rights[np.isfinite(rights)]])
    if asked.max() > looks.max():
        raise EstimationError(
            f"time {asked.max():g} is past the last look {looks.max():g}; rule: nothing is "
            "extrapolated; fix: ask for earlier times"
        )
    kinds, counts = np.unique(np.column_stack([lefts, rights, shares]), axis=0, return_counts=True)
    best = _maximise_weighted(kinds, counts)
    lower, upper = _read_bounds(best, asked)
    ci_lower, ci_upper = _resample(kinds, counts, asked, n_replicates, seed, confidence_level)
    return IntervalCensoredRetention(
        time=as_read_only(asked),
        retention_lower=as_read_only(lower),
        retention_upper=as_read_only(upper),
        ci_lower=as_read_only(ci_lower),
        ci_upper=as_read_only(ci_upper),
        mass_left=as_read_only(best.left),
        mass_right=as_read_only(best.right),
        mass=as_read_only(best.mass),
        log_likelihood=best.log_likelihood,
        optimality_gap=best.gap,
        confidence_level=confidence_level,
        n=len(lefts),
        n_events=int(np.isfinite(rights).sum()),
        n_replicates=n_replicates,
        method="Turnbull's nonparametric maximum likelihood"
        + (f", percentile interval of {n_replicates} replicates" if n_replicates else ""),
        caveats=() if n_replicates else ("No interval: pass n_replicates and a seed for one.",),
    )


def _read_looks(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    start: npt.ArrayLike | None,
    resampling: tuple[int, int | None],
) -> tuple[FloatArray, FloatArray]:
    lefts, rights = (
        np.array(pd.to_numeric(pd.Series(column), errors="coerce"), dtype=np.float64)
        for column in (left, right)
    )
    if len(lefts) != len(rights) or len(lefts) == 0:
        raise EstimationError(
            f"left has {len(lefts)} values, right {len(rights)}; rule: equally many, not none"
        )
    problems = _find_look_problems(lefts, rights)
    late = np.zeros(1) if start is None else np.asarray(start, dtype=np.float64)
    if np.any(late != 0):
        problems.append(
            f"start is not 0 in {describe_rows(late != 0)}; rule: interval-censored retention "
            "knows no delayed entry; fix: keep customers seen from their origin, or use "
            "kaplan_meier or life_table, which allow it"
        )
    n_replicates, seed = resampling
    if n_replicates and (seed is None or n_replicates < FEWEST_REPLICATES):
        problems.append(
            f"n_replicates is {n_replicates} and seed {seed}; rule: at least {FEWEST_REPLICATES} "
            "replicates and an explicit seed"
        )
    if problems:
        raise EstimationError("These looks cannot be analysed.", problems)
    return lefts, rights


def _read_shares(weights: npt.ArrayLike | None, right: FloatArray) -> FloatArray:
    problems: list[str] = []
    shares = read_weights(weights, len(right), problems)
    if len(shares) != len(right):
        problems.append(f"weights has {len(shares)} values, right {len(right)}; rule: one each")
    elif not problems and not np.isfinite(right[shares > 0]).any():
        problems.append("nobody of positive weight is seen to leave; rule: at least one")
    if problems:
        raise EstimationError("These weights cannot be used.", problems)
    return shares


def _find_look_problems(left: FloatArray, right: FloatArray) -> list[str]:
    problems = []
    bad = ~np.isfinite(left) | (left < 0) | np.isnan(right)
    if bad.any():
        problems.append(
            f"left is missing, infinite or negative, or right is missing, in {describe_rows(bad)}; "
            "rule: left finite, right a number or infinite for a customer not seen to leave"
        )
    empty = right <= left
    if empty.any():
        problems.append(
            f"right <= left in {describe_rows(empty)}; rule: the exit lies in (left, right]; fix: "
            "take the last look before it and the first one after it"
        )
    if not np.isfinite(right).any():
        problems.append("nobody is seen to leave; rule: at least one finite right; observe longer")
    return problems


def _find_mass_intervals(pairs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Innermost intervals: a left end followed at once by a right end; only they can hold mass."""
    begins, ends = np.unique(pairs[:, 0]), np.unique(pairs[:, 1])
    # The last beginning before each end is innermost if no other end lies between the two.
    before = begins[np.searchsorted(begins, ends, side="left") - 1]
    inner = before >= np.concatenate([[-np.inf], ends[:-1]])
    return before[inner], ends[inner]


def _maximise_weighted(kinds: FloatArray, counts: npt.NDArray[np.int64]) -> _Maximum:
    """Maximum for looks and weights (left, right, weight), each kind given so many times.

    The search runs with a mean weight of 1, so that its tolerance means the same for any weights.
    """
    total = counts * kinds[:, 2]
    pairs, place = np.unique(kinds[:, :2], axis=0, return_inverse=True)
    mean_weight = float(total.sum() / counts.sum())
    sums = np.bincount(place.ravel(), weights=total / mean_weight).astype(np.float64)
    best = _maximise(pairs, sums)
    return replace(
        best, log_likelihood=best.log_likelihood * mean_weight, gap=best.gap * mean_weight
    )


def _maximise(pairs: FloatArray, counts: FloatArray) -> _Maximum:
    left, right = _find_mass_intervals(pairs)
    holds = (pairs[:, :1] <= left) & (right <= pairs[:, 1:])
    covers = holds.astype(np.float64)
    n = counts.sum()
    mass = np.full(len(left), 1.0 / len(left))
    for _ in range(MOST_STEPS):
        likely = covers @ mass
        ratio = covers / likely[:, None]
        gap = float(n * np.log(max((counts @ ratio).max() / n, 1.0)))
        value = float(counts @ np.log(likely))
        if gap <= LIKELIHOOD_TOLERANCE:
            return _Maximum(left, right, mass, value, gap)
        useful = (mass > NEGLIGIBLE_MASS) | (counts @ ratio > n)
        target = np.zeros(len(mass))
        target[useful] = _newton_target(ratio[:, useful], counts)
        mass = _search(mass, target, covers, counts, value)
    raise EstimationError(
        f"The search for the masses did not converge in {MOST_STEPS} steps (the log likelihood "
        f"may rise by {gap:.2g}); fix: round the looks to a coarser grid, such as months"
    )


def _newton_target(ratio: FloatArray, counts: FloatArray) -> FloatArray:
    """Masses that maximise the quadratic approximation, by least squares without negatives."""
    rows = (ratio - 2.0) * np.sqrt(counts / counts.sum())[:, None]
    system = np.vstack([rows, np.ones(rows.shape[1])])
    try:
        target, _ = nnls(system, np.append(np.zeros(len(rows)), 1.0))
    except RuntimeError:
        raise EstimationError(
            "The least squares for the masses did not converge; fix: round the looks to a "
            "coarser grid, such as months"
        ) from None
    return np.asarray(target / target.sum())


def _search(
    mass: FloatArray, target: FloatArray, covers: FloatArray, counts: FloatArray, value: float
) -> FloatArray:
    """Halve the step until the likelihood rises; else one step of expectation-maximisation."""
    for halving in range(MOST_HALVINGS):
        new = mass + 0.5**halving * (target - mass)
        likely = covers @ new
        if likely.min() > 0 and float(counts @ np.log(likely)) > value:
            return np.asarray(new)
    return np.asarray(mass * (counts @ (covers / (covers @ mass)[:, None])) / counts.sum())


def _read_bounds(best: _Maximum, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    has_begun = best.left[None, :] < times[:, None]
    has_ended = best.right[None, :] <= times[:, None]
    bounds = [1.0 - np.where(gone, best.mass, 0.0).sum(axis=1) for gone in (has_begun, has_ended)]
    return np.clip(bounds[0], 0.0, 1.0), np.clip(bounds[1], 0.0, 1.0)


def _resample(
    kinds: FloatArray,
    counts: npt.NDArray[np.int64],
    times: FloatArray,
    n_replicates: int,
    seed: int | None,
    confidence_level: float,
) -> tuple[FloatArray, FloatArray]:
    if not n_replicates:
        return np.full(len(times), np.nan), np.full(len(times), np.nan)
    generator, n = np.random.default_rng(seed), int(counts.sum())
    curves = np.empty((2, n_replicates, len(times)))
    for replicate in range(n_replicates):
        drawn = generator.multinomial(n, counts / n)
        kept = drawn > 0
        best = _maximise_weighted(kinds[kept], drawn[kept])
        curves[:, replicate] = _read_bounds(best, times)
    tail = (1.0 - confidence_level) / 2.0
    return np.quantile(curves[0], tail, axis=0), np.quantile(curves[1], 1.0 - tail, axis=0)
