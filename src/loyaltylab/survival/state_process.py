"""Who is in which state when: multi-state rows turned into counts per distinct time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.risk_sets import sum_at_risk
from loyaltylab.survival.transition_rows import NO_MOVE, TransitionRows


@dataclass(frozen=True, eq=False)
class StateProcess:
    """Counts and sums of weights at the distinct times at which a row leaves its state or ends.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
    first, last : ndarray of int, shape (n,)
        A row is in its state at ``time[first] ... time[last]`` (none when last < first).
    n_at_risk : ndarray of int, shape (m, k)
        Rows in each state just before each time.
    weight_at_risk : ndarray of float, shape (m, k)
    n_moves : ndarray of int, shape (m, q)
        Rows that move, by transition.
    weight_of_moves : ndarray of float, shape (m, q)
    """

    time: FloatArray
    first: IntArray
    last: IntArray
    n_at_risk: IntArray
    weight_at_risk: FloatArray
    n_moves: IntArray
    weight_of_moves: FloatArray

    def hazards(self, rows: TransitionRows) -> FloatArray:
        """Increments of the cumulative hazard of each transition, shape (m, q)."""
        at_risk = self.weight_at_risk[:, [origin for origin, _ in rows.transitions]]
        moved = self.n_moves > 0
        return np.divide(self.weight_of_moves, at_risk, out=np.zeros(moved.shape), where=moved)


def build_state_process(rows: TransitionRows) -> StateProcess:
    """Count rows and weights in every state: one sort, then linear passes."""
    time = np.unique(rows.stop[~rows.is_continued])
    return count_states(rows, time)


def count_states(rows: TransitionRows, time: FloatArray) -> StateProcess:
    """Count states and moves on given increasing times that hold every time of a move."""
    m, k, q = len(time), len(rows.states), len(rows.transitions)
    first = np.searchsorted(time, rows.start, side="right")
    last = np.searchsorted(time, rows.stop, side="right") - 1
    n_at_risk, weight = np.empty((m, k)), np.empty((m, k))
    for state in range(k):
        here = rows.from_state == state
        spell = (first[here], last[here], m)
        n_at_risk[:, state] = sum_at_risk(np.ones(np.count_nonzero(here)), *spell)
        weight[:, state] = sum_at_risk(rows.weights[here], *spell)
    moved = rows.to_state != NO_MOVE
    cell = last[moved] * q + rows.transition[moved]
    counts = np.bincount(cell, minlength=m * q)
    masses = np.bincount(cell, weights=rows.weights[moved], minlength=m * q)
    return StateProcess(
        time=time,
        first=first,
        last=last,
        n_at_risk=np.rint(n_at_risk).astype(np.int64),
        weight_at_risk=weight,
        n_moves=counts.reshape(m, q),
        weight_of_moves=masses.reshape(m, q).astype(np.float64),
    )
