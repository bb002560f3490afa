"""Cumulative hazard of each move between states, by Nelson and Aalen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.cluster_sums import RiskSpells, compute_rate_variance
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.log_intervals import log_interval
from loyaltylab.survival.state_process import StateProcess, build_state_process
from loyaltylab.survival.step_functions import check_times, read_count_at, read_step
from loyaltylab.survival.transition_rows import TransitionRows, build_transition_rows
from loyaltylab.survival.unit_caveats import describe_few_units


@dataclass(frozen=True, eq=False)
class TransitionHazards:
    """Cumulative hazards of all observed moves, as step functions of time.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of moves and of ends of observation, increasing.
    transitions : tuple of (str, str), length q
        From and to.
    cumulative_hazard : ndarray of float, shape (m, q)
    standard_error : ndarray of float, shape (m, q)
        Infinitesimal jackknife, summed within customers, or within clusters when given.
    ci_lower, ci_upper : ndarray of float, shape (m, q)
        Log interval; NaN before the first move.
    n_at_risk : ndarray of int, shape (m, q)
        Customers observed in the state left, just before each time.
    n_events : ndarray of int, shape (m, q)
    confidence_level : float
    n_rows, n_clusters : int
    last_follow_up : float
    method : str
    caveats : tuple of str
    """

    time: FloatArray
    transitions: tuple[tuple[str, str], ...]
    cumulative_hazard: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    n_at_risk: IntArray
    n_events: IntArray
    confidence_level: float
    n_rows: int
    n_clusters: int
    last_follow_up: float
    method: str
    caveats: tuple[str, ...]

    def at(self, times: npt.ArrayLike, from_state: str, to_state: str) -> pd.DataFrame:
        """Read the cumulative hazard of one move at given times.

        Parameters
        ----------
        times : array-like of float, shape (r,)
        from_state, to_state : str

        Returns
        -------
        DataFrame
            Columns time, n_at_risk, cumulative_hazard, standard_error, ci_lower, ci_upper; NaN
            past the last follow-up.

        Raises
        ------
        EstimationError
            If nobody makes the move.
        """
        if (from_state, to_state) not in self.transitions:
            listed = ", ".join(f"{origin} -> {target}" for origin, target in self.transitions)
            raise EstimationError(
                f"nobody moves {from_state} -> {to_state}; the moves are {listed}"
            )
        column = self.transitions.index((from_state, to_state))
        asked = check_times(times)
        past = asked > self.last_follow_up
        n_at_risk = read_count_at(self.n_at_risk[:, column], self.time, asked)
        frame = {"time": asked, "n_at_risk": n_at_risk}
        initial = {"cumulative_hazard": 0.0, "standard_error": 0.0}
        for name in ("cumulative_hazard", "standard_error", "ci_lower", "ci_upper"):
            values = getattr(self, name)[:, column]
            frame[name] = read_step(values, self.time, asked, initial.get(name, np.nan), past)
        return pd.DataFrame(frame)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the hazards, one line per move and time."""
        names = ["n_at_risk", "n_events", "cumulative_hazard", "standard_error"]
        names += ["ci_lower", "ci_upper"]
        frames = [
            pd.DataFrame(
                {"from_state": origin, "to_state": target, "time": np.array(self.time)}
                | {name: getattr(self, name)[:, column].copy() for name in names}
            )
            for column, (origin, target) in enumerate(self.transitions)
        ]
        return pd.concat(frames, ignore_index=True)


def transition_hazards(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    from_state: Sequence[object] | npt.ArrayLike,
    to_state: Sequence[object] | npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    states: Sequence[str] | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> TransitionHazards:
    """Estimate the cumulative hazard of every observed move between states.

    Parameters
    ----------
    start, stop, from_state, to_state, customer, states, weights, cluster, confidence_level
        As in :func:`state_occupation`.

    Returns
    -------
    TransitionHazards

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if no move is observed.

    Source
    ------
    Aalen (1978); ``cumhaz`` of ``survfit(Surv(start, stop, factor) ~ 1, id=, istate=)`` of R
    survival, errors as ``std.chaz`` of one move at a time.

    Examples
    --------
    >>> moves = ["active"] * 2, ["left"] * 2
    >>> found = transition_hazards([0, 0], [1, 2], *moves, customer=[1, 2])
    >>> found.cumulative_hazard[:, 0].tolist()
    [0.5, 1.5]
    """
    normal_quantile(confidence_level)
    rows = build_transition_rows(
        start, stop, from_state, to_state, customer=customer, states=states, weights=weights,
        cluster=cluster,
    )  # fmt: skip
    if not rows.transitions:
        raise EstimationError(
            f"no move in {rows.n_rows} rows; rule: some customer must change state; fix: check "
            "to_state, or observe for longer"
        )
    grid = build_state_process(rows)
    increments = grid.hazards(rows)
    hazard, error = np.cumsum(increments, axis=0), _find_errors(rows, grid, increments)
    lower, upper = log_interval(hazard, error, confidence_level)
    origins = [origin for origin, _ in rows.transitions]
    return TransitionHazards(
        time=as_read_only(grid.time),
        transitions=tuple((rows.states[i], rows.states[j]) for i, j in rows.transitions),
        cumulative_hazard=as_read_only(hazard),
        standard_error=as_read_only(error),
        ci_lower=as_read_only(lower),
        ci_upper=as_read_only(upper),
        n_at_risk=as_read_only_counts(grid.n_at_risk[:, origins]),
        n_events=as_read_only_counts(grid.n_moves),
        confidence_level=confidence_level,
        n_rows=rows.n_rows,
        n_clusters=rows.n_clusters,
        last_follow_up=float(grid.time[-1]),
        method="Nelson-Aalen, infinitesimal jackknife by "
        + ("customer" if cluster is None else "cluster"),
        caveats=_find_caveats(rows),
    )


def _find_errors(rows: TransitionRows, grid: StateProcess, increments: FloatArray) -> FloatArray:
    error = np.empty_like(increments)
    for number, (origin, _) in enumerate(rows.transitions):
        here = rows.from_state == origin
        spells = RiskSpells(
            grid.first[here], grid.last[here], rows.weights[here], rows.cluster[here],
            len(grid.time),
        )  # fmt: skip
        own = (rows.transition[here] == number).astype(np.float64)
        variance = compute_rate_variance(
            spells, own, increments[:, number], grid.weight_at_risk[:, origin]
        )
        error[:, number] = np.sqrt(variance)
    return error


def _find_caveats(rows: TransitionRows) -> tuple[str, ...]:
    caveats = []
    if rows.n_jumps > 0:
        caveats.append(
            f"{rows.n_jumps} times a customer comes back from a gap in another state: moves in "
            "gaps are not counted."
        )
    return (*caveats, *describe_few_units(rows.n_clusters))
