"""Multi-state models: share of customers in each state over time, by Aalen and Johansen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.intervals import log_log_interval, normal_quantile
from loyaltylab.survival.multi_state_checks import find_state_caveats, read_start_distribution
from loyaltylab.survival.state_influence import (
    Occupation,
    compute_occupation,
    compute_occupation_variance,
)
from loyaltylab.survival.state_process import StateProcess, build_state_process, count_states
from loyaltylab.survival.step_functions import check_times, read_count_at, read_step
from loyaltylab.survival.transition_rows import NO_MOVE, TransitionRows, build_transition_rows


@dataclass(frozen=True, eq=False)
class StateOccupation:
    """Share of customers in each state, as step functions of time; they sum to one.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of moves and of ends of observation, increasing.
    states : tuple of str, length k
    occupation : ndarray of float, shape (m, k)
        Share in each state just after each time, in [0, 1].
    standard_error : ndarray of float, shape (m, k)
        Infinitesimal jackknife, summed within customers, or within clusters when given.
    ci_lower, ci_upper : ndarray of float, shape (m, k)
        Log-log interval; NaN where the share is 0 or 1.
    n_at_risk : ndarray of int, shape (m, k)
        Customers observed in each state just before each time.
    transitions : tuple of (str, str), length q
        Moves observed.
    n_moves : ndarray of int, shape (m, q)
        Rows that move at each time.
    origin : float
        Time at which the curves start.
    start_distribution, start_standard_error : ndarray of float, shape (k,)
        Share in each state at the origin, and its error (0 where it was given).
    confidence_level : float
    n_rows, n_clusters : int
    last_follow_up : float
    method : str
    caveats : tuple of str
    """

    time: FloatArray
    states: tuple[str, ...]
    occupation: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    n_at_risk: IntArray
    transitions: tuple[tuple[str, str], ...]
    n_moves: IntArray
    origin: float
    start_distribution: FloatArray
    start_standard_error: FloatArray
    confidence_level: float
    n_rows: int
    n_clusters: int
    last_follow_up: float
    method: str
    caveats: tuple[str, ...]

    def at(self, times: npt.ArrayLike, state: str) -> pd.DataFrame:
        """Read the share in one state at given times.

        Parameters
        ----------
        times : array-like of float, shape (q,)
        state : str

        Returns
        -------
        DataFrame
            Columns time, n_at_risk, occupation, standard_error, ci_lower, ci_upper; NaN before
            the origin and past the last follow-up.

        Raises
        ------
        EstimationError
            If the state is not one of ``states``.
        """
        column = self._find_state(state)
        asked = check_times(times)
        outside = (asked < self.origin) | (asked > self.last_follow_up)
        initial = {
            "occupation": float(self.start_distribution[column]),
            "standard_error": float(self.start_standard_error[column]),
        }
        initial["ci_lower"], initial["ci_upper"] = self._start_interval(column)
        n_at_risk = read_count_at(self.n_at_risk[:, column], self.time, asked)
        frame = {"time": asked, "n_at_risk": np.where(outside, 0, n_at_risk)}
        for name, value in initial.items():
            frame[name] = read_step(
                getattr(self, name)[:, column], self.time, asked, value, outside
            )
        return pd.DataFrame(frame)

    def occupation_at(self, time: float, state: str) -> Estimate:
        """Share in one state at one time, as an estimate."""
        if not self.origin <= time <= self.last_follow_up:
            raise EstimationError(
                f"time {time:g} is outside {self.origin:g} (the origin) to "
                f"{self.last_follow_up:g} (the last follow-up); rule: no extrapolation; fix: ask "
                "for a time in between"
            )
        row = self.at([time], state).iloc[0]
        return Estimate(
            value=float(row["occupation"]),
            standard_error=float(row["standard_error"]),
            ci_lower=float(row["ci_lower"]),
            ci_upper=float(row["ci_upper"]),
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=int(self.n_moves[self.time <= time].sum()),
            unit="share",
            method=f"share in {state} at {time:g}, {self.method}",
            caveats=self.caveats,
        )

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the curves, one line per state and time."""
        names = ["n_at_risk", "occupation", "standard_error", "ci_lower", "ci_upper"]
        frames = [
            pd.DataFrame(
                {"state": state, "time": np.array(self.time)}
                | {name: getattr(self, name)[:, column].copy() for name in names}
            )
            for column, state in enumerate(self.states)
        ]
        return pd.concat(frames, ignore_index=True)

    def _find_state(self, state: str) -> int:
        if state not in self.states:
            raise EstimationError(f"unknown state {state!r}; the states are {list(self.states)}")
        return self.states.index(state)

    def _start_interval(self, column: int) -> tuple[float, float]:
        one = slice(column, column + 1)
        share, error = self.start_distribution[one], self.start_standard_error[one]
        lower, upper = log_log_interval(share, error, self.confidence_level)
        return float(lower[0]), float(upper[0])


def state_occupation(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    from_state: Sequence[object] | npt.ArrayLike,
    to_state: Sequence[object] | npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    states: Sequence[str] | None = None,
    origin: float | None = None,
    start_distribution: Mapping[str, float] | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> StateOccupation:
    """Estimate the share of customers in each state over time.

    Any states and moves will do, returns included. Customers may come under observation late
    and in any state; those who do count from then on. Ties are exact. The shares are right
    without the Markov property too, as long as censoring and late entry do not depend on the
    states (Datta and Satten 2001).

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Time (start, stop] under observation in one state, from one origin (clock forward).
    from_state : array-like of str, shape (n,)
        State the customer is in.
    to_state : array-like of str, shape (n,)
        State moved to at ``stop``; "" or missing where the row ends without a move.
    customer : array-like, shape (n,)
        Whose row it is; also the independent unit unless ``cluster`` is given.
    states : sequence of str, optional
        All states, in the order wanted; default the observed ones, sorted.
    origin : float, optional
        Time the curves start at, a landmark; default the earliest start. What lies before is
        left out.
    start_distribution : mapping of str to float, optional
        Share in each state at the origin, taken as known; states not named have 0. Default the
        shares among those under observation just after the origin, whose error is counted.
    weights : array-like of float, shape (n,), optional
    cluster : array-like, shape (n,), optional
        Independent unit larger than the customer, a household say.
    confidence_level : float

    Returns
    -------
    StateOccupation

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if nobody is observed at the origin, or no
        move is.

    Source
    ------
    Aalen and Johansen (1978); ``survfit(Surv(start, stop, factor) ~ 1, id=, istate=)`` of R
    survival, with ``influence = TRUE`` where the start distribution is estimated.

    Examples
    --------
    >>> found = state_occupation([0, 0], [1, 2], ["active"] * 2, ["left", ""], customer=[1, 2])
    >>> found.occupation[-1].tolist()
    [0.5, 0.5]
    """
    normal_quantile(confidence_level)
    rows, moves, shares = prepare_occupation(
        build_transition_rows(
            start, stop, from_state, to_state, customer=customer, states=states, weights=weights,
            cluster=cluster,
        ),
        origin,
        start_distribution,
    )  # fmt: skip
    grid = build_state_process(rows)
    error = np.sqrt(compute_occupation_variance(rows, moves, shares))
    done = np.searchsorted(moves.time, grid.time, side="right")
    occupation = np.vstack([shares.initial, np.clip(shares.share, 0.0, 1.0)])[done]
    lower, upper = log_log_interval(occupation, error[done], confidence_level)
    return StateOccupation(
        time=as_read_only(grid.time),
        states=rows.states,
        occupation=as_read_only(occupation),
        standard_error=as_read_only(error[done]),
        ci_lower=as_read_only(lower),
        ci_upper=as_read_only(upper),
        n_at_risk=as_read_only_counts(grid.n_at_risk),
        transitions=tuple((rows.states[i], rows.states[j]) for i, j in rows.transitions),
        n_moves=as_read_only_counts(grid.n_moves),
        origin=float(rows.start.min()) if origin is None else float(origin),
        start_distribution=as_read_only(shares.initial),
        start_standard_error=as_read_only(error[0]),
        confidence_level=confidence_level,
        n_rows=rows.n_rows,
        n_clusters=rows.n_clusters,
        last_follow_up=float(grid.time[-1]),
        method="Aalen-Johansen, infinitesimal jackknife by "
        + ("customer" if cluster is None else "cluster"),
        caveats=find_state_caveats(rows, grid, occupation, start_distribution is not None),
    )


def prepare_occupation(
    rows: TransitionRows, origin: float | None, start_distribution: Mapping[str, float] | None
) -> tuple[TransitionRows, StateProcess, Occupation]:
    """Cut the rows at the origin and multiply the transition matrices from there."""
    rows = _start_at(rows, origin)
    initial, influence = read_start_distribution(rows, start_distribution)
    times = np.unique(rows.stop[rows.to_state != NO_MOVE])
    moves = count_states(rows, times)
    return rows, moves, compute_occupation(rows, moves, initial, influence)


def _start_at(rows: TransitionRows, origin: float | None) -> TransitionRows:
    """Leave out what lies before the origin."""
    if origin is None:
        origin = float(rows.start.min())
    if not np.isfinite(origin) or origin < 0:
        raise EstimationError(f"origin is {origin!r}; rule: finite and not negative")
    later = rows.stop > origin
    if not np.any(rows.to_state[later] != NO_MOVE):
        raise EstimationError(
            f"no move after time {origin:g}; rule: some customer must change state; fix: check "
            "to_state, or start earlier"
        )
    clusters, code = np.unique(rows.cluster[later], return_inverse=True)
    return replace(
        rows,
        start=np.maximum(rows.start[later], origin),
        stop=rows.stop[later],
        from_state=rows.from_state[later],
        to_state=rows.to_state[later],
        transition=rows.transition[later],
        weights=rows.weights[later],
        customer=rows.customer[later],
        cluster=code,
        n_clusters=len(clusters),
        is_continued=rows.is_continued[later],
    )
