"""One gate for multi-state rows: each customer in one state at a time, moves that chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.row_checks import describe_rows, read_labels, read_times

NO_MOVE = -1


@dataclass(frozen=True, eq=False)
class TransitionRows:
    """Checked rows (start, stop] spent in a state, each ending in a move or without one.

    Attributes
    ----------
    start, stop : ndarray of float, shape (n,)
    from_state, to_state : ndarray of int, shape (n,)
        Positions in ``states``; ``to_state`` is -1 where the row ends without a move.
    states : tuple of str, length k
    transitions : tuple of (int, int), length q
        Moves observed, from and to, in the order of ``states``.
    transition : ndarray of int, shape (n,)
        Position in ``transitions`` of the move a row ends in; -1 without one.
    weights : ndarray of float, shape (n,)
        All positive: rows of weight zero are left out.
    customer, cluster : ndarray of int, shape (n,)
        Codes from 0. The cluster is the customer unless another was given.
    n_clusters : int
    is_continued : ndarray of bool, shape (n,)
        The customer's next row goes on in the same state at ``stop``: a stay cut in pieces.
    n_jumps : int
        Times a customer comes back from a gap in another state than the one last seen.
    kept : ndarray of bool, shape (rows given,)
        False for rows left out because their weight is zero.
    """

    start: FloatArray
    stop: FloatArray
    from_state: IntArray
    to_state: IntArray
    states: tuple[str, ...]
    transitions: tuple[tuple[int, int], ...]
    transition: IntArray
    weights: FloatArray
    customer: IntArray
    cluster: IntArray
    n_clusters: int
    is_continued: BoolArray
    n_jumps: int
    kept: BoolArray

    @property
    def n_rows(self) -> int:
        """Number of rows that carry weight."""
        return len(self.stop)

    def name_transition(self, number: int) -> str:
        """Write a move as "from -> to"."""
        origin, target = self.transitions[number]
        return f"{self.states[origin]} -> {self.states[target]}"


def build_transition_rows(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    from_state: Sequence[object] | npt.ArrayLike,
    to_state: Sequence[object] | npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    states: Sequence[str] | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    further_problems: Sequence[str] = (),
) -> TransitionRows:
    """Check multi-state rows and code them, or list everything that is wrong.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Time (start, stop] under observation in one state.
    from_state : array-like of str, shape (n,)
        State the customer is in.
    to_state : array-like of str, shape (n,)
        State moved to at ``stop``; "" or missing where the row ends without a move.
    customer : array-like, shape (n,)
        Whose row it is. Rows of a customer do not overlap; a row that begins when another
        ends begins in the state that one led to. Time between rows is not observed.
    states : sequence of str, optional
        All states, in the order wanted; default the observed ones, sorted.
    weights : array-like of float, shape (n,), optional
    cluster : array-like, shape (n,), optional
        Independent unit of each row, where it is larger than the customer.
    further_problems : sequence of str
        Problems the caller found already, reported together with these.

    Returns
    -------
    TransitionRows

    Raises
    ------
    EstimationError
        With every problem found.

    Source
    ------
    ``survcheck`` of R survival asks the same of rows (overlap, teleport, gap, jump).
    """
    given: dict[str, object] = {"from_state": from_state, "to_state": to_state}
    given |= {"customer": customer, "stop": stop}
    _refuse_unequal_lengths(given)
    problems = list(further_problems)
    names, origin, target = _read_states(from_state, to_state, states, problems)
    person, _ = read_labels("customer", customer, np.arange(len(origin)), problems)
    chain = _order_rows(*read_times(start, stop, []), person)
    n_jumps = _check_chain(chain, origin, target, problems)
    problems += _find_split_customers(person, cluster)
    process = build_counting_process(
        start,
        stop,
        event=target != NO_MOVE,
        weights=weights,
        cluster=customer if cluster is None else cluster,
        further_problems=problems,
    )
    kept = process.kept
    moves, transition = _number_moves(origin[kept], target[kept], len(names))
    return TransitionRows(
        start=process.start,
        stop=process.stop,
        from_state=origin[kept],
        to_state=target[kept],
        states=names,
        transitions=moves,
        transition=transition,
        weights=process.weights,
        customer=person[kept],
        cluster=process.cluster,
        n_clusters=process.n_clusters,
        is_continued=(chain.is_joined & (target == NO_MOVE))[kept],
        n_jumps=n_jumps,
        kept=kept,
    )


@dataclass(frozen=True, eq=False)
class _Chain:
    """Rows in the order of customer and time; the next row of the same customer."""

    order: IntArray
    is_same: BoolArray  # the next row in order belongs to the same customer
    is_overlapping: BoolArray  # ... and begins before this one, or an earlier one, ends
    is_touching: BoolArray  # ... and begins exactly where this one ends
    is_joined: BoolArray  # by row position: some row of the customer goes on at stop


def _order_rows(start: FloatArray, stop: FloatArray, customer: IntArray) -> _Chain:
    order = np.lexsort((stop, start, customer))
    person, begin = customer[order], start[order]
    reach = pd.Series(stop[order]).groupby(person).cummax().to_numpy()
    is_same = person[1:] == person[:-1]
    is_touching = is_same & (begin[1:] == stop[order][:-1])
    is_joined = np.zeros(len(order), dtype=bool)
    is_joined[order[:-1]] = is_touching
    return _Chain(order, is_same, is_same & (begin[1:] < reach[:-1]), is_touching, is_joined)


def _check_chain(chain: _Chain, origin: IntArray, target: IntArray, problems: list[str]) -> int:
    """List overlaps and broken chains; count state changes across gaps."""
    n = len(origin)
    is_still = np.zeros(n, dtype=bool)
    is_still[(target == origin) & (origin != NO_MOVE)] = True
    if is_still.any():
        problems.append(
            f"to_state is from_state in {describe_rows(is_still)}; rule: a move changes the "
            'state; fix: write "" for a row that ends without a move'
        )
    earlier, later = chain.order[:-1], chain.order[1:]
    overlaps = np.zeros(n, dtype=bool)
    overlaps[later[chain.is_overlapping]] = True
    if overlaps.any():
        problems.append(
            f"a customer's rows overlap at {describe_rows(overlaps)}; rule: one state at a "
            "time; fix: end each row where the next begins"
        )
    last_seen = np.where(target == NO_MOVE, origin, target)[earlier]
    differs = chain.is_same & (last_seen != origin[later])
    breaks = np.zeros(n, dtype=bool)
    breaks[later[differs & chain.is_touching]] = True
    if breaks.any():
        problems.append(
            f"the chain of states breaks at {describe_rows(breaks)}; rule: a row that begins "
            "where the customer's last one ends begins in the state that one led to; fix: name "
            "the move in to_state of the earlier row"
        )
    return int(np.sum(differs & ~chain.is_touching & ~chain.is_overlapping))


def _read_states(
    from_state: Sequence[object] | npt.ArrayLike,
    to_state: Sequence[object] | npt.ArrayLike,
    states: Sequence[str] | None,
    problems: list[str],
) -> tuple[tuple[str, ...], IntArray, IntArray]:
    """Code both columns of states by their position in the list of states."""
    # Each distinct entry is looked at once.
    origin, origin_names = pd.factorize(pd.Series(from_state, dtype=object))
    target, target_names = pd.factorize(pd.Series(to_state, dtype=object))
    is_name = [
        np.array([isinstance(entry, str) and entry != "" for entry in entries] + [False])
        for entries in (origin_names, target_names)
    ]
    is_end = np.append(np.array([entry == "" for entry in target_names], dtype=bool), True)
    bad = [~is_name[0][origin], ~is_name[1][target] & ~is_end[target]]
    for name, is_bad in zip(("from_state", "to_state"), bad, strict=True):
        if is_bad.any():
            problems.append(
                f"{name} is no name in {describe_rows(is_bad)}; rule: text, and only to_state "
                "may be empty (no move); fix: map codes to names"
            )
    entries = [*origin_names[is_name[0][:-1]], *target_names[is_name[1][:-1]]]
    observed = sorted(set(entries))
    names = tuple(observed) if states is None else tuple(states)
    if set(observed) - set(names) or len(set(names)) != len(names) or "" in names:
        problems.append(
            f"states {list(names)} do not cover the observed {observed}; rule: every observed "
            "state is listed once, none empty; fix: list all"
        )
    code = {name: position for position, name in enumerate(names)}
    codes = [
        np.array([*(code.get(entry, NO_MOVE) for entry in entries), NO_MOVE], dtype=np.int64)[rows]
        for entries, rows in ((origin_names, origin), (target_names, target))
    ]
    return names, codes[0], codes[1]


def _number_moves(
    origin: IntArray, target: IntArray, k: int
) -> tuple[tuple[tuple[int, int], ...], IntArray]:
    """List the moves made, and the position in the list of each row's move."""
    moved = target != NO_MOVE
    distinct, position = np.unique(origin[moved] * k + target[moved], return_inverse=True)
    transition = np.full(len(origin), NO_MOVE)
    transition[moved] = position
    return tuple((int(cell) // k, int(cell) % k) for cell in distinct), transition


def _find_split_customers(customer: IntArray, cluster: npt.ArrayLike | None) -> list[str]:
    if cluster is None or len(pd.Series(cluster)) != len(customer):
        return []
    codes = pd.factorize(pd.Series(cluster).reset_index(drop=True))[0]
    first = pd.Series(codes).groupby(customer).transform("first").to_numpy()
    is_other = codes != first
    if not is_other.any():
        return []
    return [
        f"a customer has rows in several clusters, first at {describe_rows(is_other)}; rule: "
        "clusters hold whole customers; fix: check the cluster labels"
    ]


def _refuse_unequal_lengths(given: dict[str, object]) -> None:
    lengths = {name: len(pd.Series(column, dtype=object)) for name, column in given.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise EstimationError(
            "These rows cannot be analysed.",
            [f"lengths differ ({listed}); rule: one value per row; fix: pass equal rows"],
        )
