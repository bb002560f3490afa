"""Where multi-state curves start, and what a reader must know before using them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.curve_caveats import SMALL_RISK_SET
from loyaltylab.survival.state_process import StateProcess
from loyaltylab.survival.transition_rows import TransitionRows
from loyaltylab.survival.unit_caveats import describe_few_units

# Shares that sum to 1 but for rounding.
SUM_TOLERANCE = 1e-8


def read_start_distribution(
    rows: TransitionRows, given: Mapping[str, float] | None
) -> tuple[FloatArray, FloatArray]:
    """Shares at the origin, and their derivative by the weight of each row (times the weight).

    The rows are already cut at the origin, so those observed there start first of all.
    """
    k = len(rows.states)
    influence = np.zeros((rows.n_rows, k))
    if given is not None:
        return _check_distribution(rows.states, given), influence
    origin = float(rows.start.min())
    there = np.flatnonzero(rows.start == origin)
    weights, state = rows.weights[there], rows.from_state[there]
    total = float(weights.sum())
    shares = np.bincount(state, weights=weights, minlength=k) / total
    is_in = np.eye(k)[state]
    influence[there] = (weights / total)[:, None] * (is_in - shares)
    return shares.astype(np.float64), influence


def find_state_caveats(
    rows: TransitionRows, grid: StateProcess, occupation: FloatArray, is_start_given: bool
) -> tuple[str, ...]:
    """List what stands out; empty when nothing does."""
    caveats = [] if is_start_given else _describe_start(rows)
    if rows.n_jumps > 0:
        caveats.append(
            f"{rows.n_jumps} times a customer comes back from a gap in another state: moves in "
            "gaps are not seen, and the curves are right only if the gaps do not depend on them."
        )
    caveats += _describe_empty_states(rows, grid, occupation)
    return (*caveats, *describe_few_units(rows.n_clusters))


def _describe_start(rows: TransitionRows) -> list[str]:
    origin = float(rows.start.min())
    n_there = int(np.sum(rows.start == origin))
    if n_there >= SMALL_RISK_SET:
        return []
    return [
        f"Only {n_there} customers are observed at the origin {origin:g}, and the start "
        "distribution rests on them; start later, or give start_distribution."
    ]


def _describe_empty_states(
    rows: TransitionRows, grid: StateProcess, occupation: FloatArray
) -> list[str]:
    """Name states that hold a share while nobody in them is observed, though they can be left."""
    before = occupation[:-1]
    caveats = []
    for state in sorted({origin for origin, _ in rows.transitions}):
        is_empty = (grid.n_at_risk[1:, state] == 0) & (before[:, state] > SUM_TOLERANCE)
        if not is_empty.any():
            continue
        first = int(np.flatnonzero(is_empty)[0])
        caveats.append(
            f"At {int(is_empty.sum())} times, first {grid.time[first + 1]:g}, nobody in "
            f"{rows.states[state]!r} is observed, though a share of {before[first, state]:.3g} is "
            "there: nobody is taken to leave it then, for want of data."
        )
    return caveats


def _check_distribution(states: tuple[str, ...], given: Mapping[str, float]) -> FloatArray:
    shares = np.array([float(given.get(state, 0.0)) for state in states])
    problems = []
    unknown = sorted(set(given) - set(states))
    if unknown:
        problems.append(f"start_distribution names {unknown}; the states are {list(states)}")
    if not np.all(np.isfinite(shares)) or np.any(shares < 0):
        problems.append("start_distribution holds shares that are negative or not finite")
    elif abs(shares.sum() - 1.0) > SUM_TOLERANCE and not unknown:
        problems.append(f"start_distribution sums to {shares.sum():g}; rule: to 1")
    if problems:
        raise EstimationError("The start distribution cannot be used.", problems)
    return shares
