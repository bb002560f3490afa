"""One gate for recurrent events: rows of customers who may have the event again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.row_checks import describe_rows, read_labels, read_outcome


@dataclass(frozen=True, eq=False)
class RecurrentRows:
    """Checked rows of recurrent events.

    Attributes
    ----------
    process : CountingProcess
        The clusters are customers unless others were given.
    customer : ndarray of int, shape (n,)
        Codes from 0.
    order : ndarray of int, shape (n,)
        Rows by customer and time.
    is_exit : ndarray of bool, shape (n,)
        The customer leaves for good at ``stop``.
    is_continued : ndarray of bool, shape (n,)
        The customer is observed on from ``stop``.
    is_first : ndarray of bool, shape (n,)
        First row of the customer.
    n_gaps : int
        Rows that begin after a time without observation of the same customer.
    """

    process: CountingProcess
    customer: IntArray
    order: IntArray
    is_exit: BoolArray
    is_continued: BoolArray
    is_first: BoolArray
    n_gaps: int


def build_recurrent_rows(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    terminal: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    further_problems: Sequence[str] = (),
) -> RecurrentRows:
    """Check rows that each end in an event or not, the last perhaps in the customer's exit.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]; those of a customer do not overlap.
    event : array-like of bool or 0/1, shape (n,)
        Whether the event happened at ``stop``; it may happen again.
    customer : array-like, shape (n,)
    terminal : array-like of bool or 0/1, shape (n,), optional
        Whether the customer leaves for good at ``stop``, after the event if there is one.
    weights, cluster, strata : array-like, shape (n,), optional
    further_problems : sequence of str

    Returns
    -------
    RecurrentRows

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows.
    """
    problems = list(further_problems)
    n = len(pd.Series(stop))
    person, _ = read_labels("customer", customer, np.arange(n), problems)
    leaves = np.zeros(n, dtype=bool)
    if terminal is not None:
        leaves = _read_terminal(terminal, n, problems)
    process = build_counting_process(
        start, stop, event=event, weights=weights,
        cluster=customer if cluster is None else cluster, strata=strata, requires_events=True,
        further_problems=problems,
    )  # fmt: skip
    return _chain_rows(process, person[process.kept], leaves[process.kept])


def _chain_rows(process: CountingProcess, person: IntArray, leaves: BoolArray) -> RecurrentRows:
    """Order the rows of each customer; raise where they overlap or follow the exit."""
    order = np.lexsort((process.start, person))
    is_same = person[order][1:] == person[order][:-1]
    space = process.start[order][1:] - process.stop[order][:-1]
    is_continued, is_first = np.zeros(len(order), dtype=bool), np.ones(len(order), dtype=bool)
    is_continued[order[:-1]], is_first[order[1:]] = is_same & (space == 0), ~is_same
    overlaps, returns = np.zeros(len(order), dtype=bool), np.zeros(len(order), dtype=bool)
    overlaps[order[1:]] = is_same & (space < 0)
    returns[order[1:]] = is_same & leaves[order][:-1]
    problems = []
    if overlaps.any():
        problems.append(
            f"a customer's rows overlap at {describe_rows(overlaps)}; rule: a customer is at risk "
            "once at a time; fix: end each row where the next begins"
        )
    if returns.any():
        problems.append(
            f"a customer has rows after the exit, at {describe_rows(returns)}; rule: the exit is "
            "final; fix: start customers who come back as new ones"
        )
    if problems:
        raise EstimationError("These rows cannot be analysed.", problems)
    return RecurrentRows(
        process=process,
        customer=person,
        order=order,
        is_exit=leaves,
        is_continued=is_continued,
        is_first=is_first,
        n_gaps=int(np.sum(is_same & (space > 0))),
    )


def _read_terminal(terminal: npt.ArrayLike, n: int, problems: list[str]) -> BoolArray:
    found: list[str] = []
    code, _ = read_outcome(terminal, None, None, found)
    problems += [text.replace("event", "terminal", 1) for text in found]
    if len(code) != n:
        problems.append(f"terminal has {len(code)} values, stop has {n}; rule: one per row")
        return np.zeros(n, dtype=bool)
    return np.asarray(code > 0)
