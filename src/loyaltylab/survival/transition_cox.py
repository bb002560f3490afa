"""Cox models of the moves between states: one baseline hazard per move, errors by customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import IntArray
from loyaltylab.survival.clock_reset import reset_clock
from loyaltylab.survival.covariate_checks import find_covariate_problems, read_reference
from loyaltylab.survival.cox import fit_cox
from loyaltylab.survival.cox_fit import CoxFit, name_error_unit
from loyaltylab.survival.stay_times import describe_late_stays, read_state_entry
from loyaltylab.survival.transition_rows import TransitionRows, build_transition_rows

CLOCKS = ("forward", "reset")


@dataclass(frozen=True, eq=False)
class TransitionCoxFit:
    """Cox models of several moves, fitted together.

    Attributes
    ----------
    fit : CoxFit
        Over stacked rows: one for every move a row's state allows. Covariates with an effect of
        their own on each move are named "covariate: from -> to".
    transitions : tuple of (str, str), length q
    covariates : tuple of str
        With an effect of their own on each move.
    shared : tuple of str
        With one effect on all moves.
    clock : str
        "forward" (time since the origin) or "reset" (time since the state was entered).
    n_events : tuple of int, length q
    left_out : tuple of (str, str)
        Moves observed but not modelled.
    caveats : tuple of str
    """

    fit: CoxFit
    transitions: tuple[tuple[str, str], ...]
    covariates: tuple[str, ...]
    shared: tuple[str, ...]
    clock: str
    n_events: tuple[int, ...]
    left_out: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the hazard ratios, one line per move and covariate.

        Returns
        -------
        DataFrame
            Columns from_state, to_state, covariate, is_shared, n_events, then those of
            :meth:`CoxFit.to_frame`.
        """
        table, parts = self.fit.to_frame(), []
        for (origin, target), n_events in zip(self.transitions, self.n_events, strict=True):
            for name in (*self.covariates, *self.shared):
                is_shared = name in self.shared
                column = name if is_shared else _own_name(name, origin, target)
                line: dict[str, object] = {"from_state": origin, "to_state": target}
                line["covariate"] = name
                line |= {"is_shared": is_shared, "n_events": n_events}
                parts.append(line | table.loc[column].to_dict())
        return pd.DataFrame(parts)

    def stacked_values(
        self, reference: Mapping[str, float] | None, number: int
    ) -> dict[str, float]:
        """Values of the stacked covariates on the rows of one move, by their stacked names."""
        names = (*self.covariates, *self.shared)
        given = read_reference(names, reference)
        values = dict.fromkeys(self.fit.names, 0.0) | {name: given[name] for name in self.shared}
        origin, target = self.transitions[number]
        return values | {_own_name(name, origin, target): given[name] for name in self.covariates}

    def cumulative_hazard(self, reference: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Cumulative hazard of every move for a customer with given, constant covariates.

        Parameters
        ----------
        reference : mapping of str to float, optional
            Value of every covariate, by its plain name; default all 0.

        Returns
        -------
        DataFrame
            Columns from_state, to_state, time, cumulative_hazard, by Efron.

        Raises
        ------
        EstimationError
            If ``reference`` does not name exactly the covariates.
        """
        parts = []
        for number, (origin, target) in enumerate(self.transitions):
            hazard = self.fit.cumulative_hazard(self.stacked_values(reference, number))
            own = hazard[hazard["stratum"] == f"{origin} -> {target}"].reset_index(drop=True)
            own = own[["time", "cumulative_hazard"]]
            parts.append(own.assign(from_state=origin, to_state=target))
        frame = pd.concat(parts, ignore_index=True)
        return frame[["from_state", "to_state", "time", "cumulative_hazard"]]


def fit_transition_cox(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    from_state: Sequence[object] | npt.ArrayLike,
    to_state: Sequence[object] | npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    customer: npt.ArrayLike,
    shared: Sequence[str] = (),
    transitions: Sequence[tuple[str, str]] | None = None,
    clock: str = "forward",
    state_entry: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> TransitionCoxFit:
    """Fit a Cox model to every move between states, all in one, with errors by customer.

    A row is at risk of every move its state allows; a move elsewhere ends it without the event.
    Each move has a baseline hazard of its own.

    Parameters
    ----------
    start, stop, from_state, to_state, customer, weights, cluster
        As in :func:`state_occupation`.
    covariates : DataFrame, shape (n, p)
        Numbers or booleans, matched to the rows by position.
    shared : sequence of str
        Covariates with one effect on all moves; the others have one for each move.
    transitions : sequence of (str, str), optional
        Moves to model; default all observed.
    clock : {"forward", "reset"}
        Time since the origin, or since the present state was entered.
    state_entry : array-like of float, shape (n,), optional
        For clock "reset": time at which the row's stay in its state began, at or before
        ``start``; default the start of the first row of the stay. Give it when customers come
        under observation in the middle of a stay.
    confidence_level : float

    Returns
    -------
    TransitionCoxFit

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows and covariates, or as :func:`fit_cox`.

    Source
    ------
    Andersen et al. (1993), VII.2; Putter, Fiocco and Geskus (2007); ``coxph(Surv(start, stop,
    factor) ~ x, id=, istate=)`` of R survival.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0, 2, 0, 0, 0], "stop": [2, 5, 3, 4, 6],
    ...     "now": ["active", "requested", "active", "active", "active"],
    ...     "then": ["requested", "", "requested", "requested", ""], "id": [1, 1, 2, 3, 4]})
    >>> x = pd.DataFrame({"price": [1, 1, 0, 1, 0]})
    >>> found = fit_transition_cox(*(rows[c] for c in ["start", "stop", "now", "then"]), x,
    ...     customer=rows["id"])
    >>> found.fit.names
    ('price: active -> requested',)
    """
    problems = find_covariate_problems(covariates, len(pd.Series(stop)))
    problems += _find_role_problems(covariates, shared, clock, state_entry)
    rows = build_transition_rows(
        start, stop, from_state, to_state, customer=customer, weights=weights, cluster=cluster,
        further_problems=problems,
    )  # fmt: skip
    numbers = _choose_moves(rows, transitions)
    kept = covariates.loc[rows.kept].reset_index(drop=True)
    begin, end = rows.start, rows.stop
    if clock == "reset":
        begin, end = reset_clock(begin, end, read_state_entry(rows, state_entry))
    row, move = _stack_rows(rows, numbers)
    event = rows.transition[row] == move
    labels = {number: rows.name_transition(number) for number in numbers}
    fit = fit_cox(
        begin[row],
        end[row],
        event,
        _stack_covariates(kept, row, move, labels, shared),
        strata=pd.Series(move).map(labels).to_numpy(),
        cluster=rows.cluster[row],
        weights=None if weights is None else rows.weights[row],
        confidence_level=confidence_level,
    )
    fit = name_error_unit(fit, "customer" if cluster is None else "cluster")
    caveats = list(fit.caveats)
    if clock == "reset" and state_entry is None:
        caveats += describe_late_stays(rows)
    moves = [(rows.states[i], rows.states[j]) for i, j in rows.transitions]
    return TransitionCoxFit(
        fit=fit,
        transitions=tuple(moves[number] for number in numbers),
        covariates=tuple(str(name) for name in kept.columns if name not in shared),
        shared=tuple(str(name) for name in kept.columns if name in shared),
        clock=clock,
        n_events=tuple(int(np.sum(event & (move == number))) for number in numbers),
        left_out=tuple(moves[number] for number in range(len(moves)) if number not in numbers),
        caveats=tuple(caveats),
    )


def _own_name(covariate: str, origin: str, target: str) -> str:
    return f"{covariate}: {origin} -> {target}"


def _find_role_problems(
    covariates: pd.DataFrame,
    shared: Sequence[str],
    clock: str,
    state_entry: npt.ArrayLike | None,
) -> list[str]:
    problems = []
    unknown = [name for name in shared if name not in covariates.columns]
    if unknown:
        problems.append(f"shared names {unknown}, which are not covariates; fix: check the names")
    if clock not in CLOCKS:
        problems.append(f"clock is {clock!r}; choose one of {list(CLOCKS)}")
    if clock == "forward" and state_entry is not None:
        problems.append('state_entry has no use on the forward clock; fix: clock="reset"')
    return problems


def _choose_moves(rows: TransitionRows, wanted: Sequence[tuple[str, str]] | None) -> list[int]:
    observed = [(rows.states[i], rows.states[j]) for i, j in rows.transitions]
    if wanted is None:
        wanted = observed
    missing = [
        f"{origin} -> {target}" for origin, target in wanted if (origin, target) not in observed
    ]
    if missing or not observed or not wanted:
        raise EstimationError(
            "These moves cannot be modelled.",
            [f"nobody moves {move}; fix: leave it out" for move in missing]
            or ["no move at all; rule: some customer must change state; fix: check to_state"],
        )
    return sorted({observed.index((origin, target)) for origin, target in wanted})


def _stack_rows(rows: TransitionRows, numbers: list[int]) -> tuple[IntArray, IntArray]:
    """Row and move of every stacked row: a row once for each move its state allows."""
    parts = [np.flatnonzero(rows.from_state == rows.transitions[number][0]) for number in numbers]
    return np.concatenate(parts), np.repeat(numbers, [len(part) for part in parts])


def _stack_covariates(
    covariates: pd.DataFrame,
    row: IntArray,
    move: IntArray,
    labels: Mapping[int, str],
    shared: Sequence[str],
) -> pd.DataFrame:
    """One column per covariate and move, 0 on the rows of other moves; shared ones as they are."""
    columns = {}
    for name in covariates.columns:
        values = covariates[name].to_numpy(dtype=np.float64)[row]
        if name in shared:
            columns[str(name)] = values
            continue
        for number, label in labels.items():
            columns[f"{name}: {label}"] = np.where(move == number, values, 0.0)
    return pd.DataFrame(columns)
