"""Weights that keep customers who left by other causes in the risk sets of Fine and Gray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.row_checks import describe_rows, read_labels

# Weighted rows that a fit with a few covariates holds in some 4 GB of memory.
MOST_CARRIED_ROWS = 20_000_000


@dataclass(frozen=True, eq=False)
class Stays:
    """Rows of the competing exits, with what marks the ends of each customer's observation.

    Attributes
    ----------
    process : CountingProcess
    customer : ndarray of int, shape (n,)
    is_entry, is_end : ndarray of bool, shape (n,)
        First and last row of the customer.
    """

    process: CountingProcess
    customer: IntArray
    is_entry: BoolArray
    is_end: BoolArray


@dataclass(frozen=True, eq=False)
class Extension:
    """Rows added after exits by other causes.

    Attributes
    ----------
    row : ndarray of int, shape (r,)
        Row that is carried on.
    start, stop : ndarray of float, shape (r,)
    share : ndarray of float, shape (r,)
        Chance of being still observed, given observed at the exit; in (0, 1].
    """

    row: IntArray
    start: FloatArray
    stop: FloatArray
    share: FloatArray


def build_stays(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
    further_problems: Sequence[str],
) -> Stays:
    """Check that each customer is observed without gaps, in one stratum, and leaves once."""
    problems = list(further_problems)
    n = len(pd.Series(stop))
    person, _ = read_labels("customer", customer, np.arange(n), problems)
    process = build_counting_process(
        start, stop, exit_cause=exit_cause, weights=weights,
        cluster=customer if cluster is None else cluster, strata=strata, requires_events=True,
        further_problems=problems,
    )  # fmt: skip
    person = person[process.kept]
    order = np.lexsort((process.start, person))
    is_same = person[order][1:] == person[order][:-1]
    is_entry, is_end = np.ones(len(order), dtype=bool), np.ones(len(order), dtype=bool)
    is_entry[order[1:]], is_end[order[:-1]] = ~is_same, ~is_same
    apart = np.zeros(len(order), dtype=bool)
    apart[order[1:]] = is_same & (process.start[order][1:] != process.stop[order][:-1])
    moved = np.zeros(len(order), dtype=bool)
    moved[order[1:]] = is_same & (process.stratum[order][1:] != process.stratum[order][:-1])
    for is_bad, what, rule, fix in (
        (process.event & ~is_end, "a customer has rows after the exit", "one exit, at the end",
         "start customers who come back as new ones, or use state_occupation"),
        (apart, "a customer's rows overlap or leave a gap before", "rows meet end to end",
         "close the gap, or use cause_specific_cox"),
        (moved, "a customer changes stratum", "one stratum each", "use the stratum at entry"),
    ):  # fmt: skip
        if is_bad.any():
            problems.append(f"{what} at {describe_rows(is_bad)}; rule: {rule}; fix: {fix}")
    if problems:
        raise EstimationError("These rows cannot be analysed.", problems)
    return Stays(process, person, is_entry, is_end)


def extend_stays(stays: Stays, code: int) -> Extension:
    """Carry exits by other causes on to the last exit by cause ``code``.

    A carried row is cut where its weight changes between exits by the cause, so the number of
    rows is at most that of other exits times that of distinct exit times.
    """
    parts = [
        _extend_stratum(stays, code, stays.process.stratum == stratum)
        for stratum in range(len(stays.process.strata))
    ]
    joined = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("row", "start", "stop", "share")
    ]
    return Extension(*joined)


def _extend_stratum(stays: Stays, code: int, here: BoolArray) -> Extension:
    process = stays.process
    times = np.unique(process.stop[here & (process.code == code)])
    other = np.flatnonzero(here & process.event & (process.code != code))
    observed = _find_observed_share(stays, here, times)
    # Exits by the cause between which nothing changes the weight share one piece.
    opens = np.concatenate([[True], observed[1:] != observed[:-1]]) if len(times) else times > 0
    piece_first = np.flatnonzero(opens)
    piece_last = np.append(piece_first[1:], len(times)) - 1
    piece = np.cumsum(opens) - 1
    next_time = np.searchsorted(times, process.stop[other], side="right")
    other, next_time = other[next_time < len(times)], next_time[next_time < len(times)]
    base = _find_observed_share(stays, here, process.stop[other])
    _refuse_unknown_shares(other[base <= 0.0], len(here))
    first_piece = piece[next_time]
    source, offset = _count_up(len(piece_first) - first_piece)
    number = first_piece[source] + offset
    earlier = times[np.maximum(piece_first[number] - 1, 0)]
    begin = np.where(offset == 0, process.stop[other][source], earlier)
    share = observed[piece_first[number]] / base[source]
    is_seen = share > 0.0
    return Extension(
        row=other[source][is_seen],
        start=begin[is_seen],
        stop=times[piece_last[number]][is_seen],
        share=share[is_seen],
    )


def _count_up(n_pieces: IntArray) -> tuple[IntArray, IntArray]:
    """Repeat each position as often as it has pieces, and number its pieces from 0."""
    total = int(n_pieces.sum())
    if total > MOST_CARRIED_ROWS:
        raise EstimationError(
            "Too many weighted rows.",
            [
                f"carrying {len(n_pieces)} exits by other causes takes {total} rows; rule: at "
                f"most {MOST_CARRIED_ROWS}, which fit in memory; fix: round times to coarser "
                "units (weeks, months), or sample customers"
            ],
        )
    source = np.repeat(np.arange(len(n_pieces)), n_pieces)
    return source, np.arange(total) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)


def _refuse_unknown_shares(rows: IntArray, n: int) -> None:
    if len(rows) == 0:
        return
    is_bad = np.zeros(n, dtype=bool)
    is_bad[rows] = True
    raise EstimationError(
        "The weights of carried exits cannot be estimated.",
        [
            f"after {describe_rows(is_bad)} everyone under observation at some later time had "
            "just entered; rule: some customers are observed throughout; fix: start at a later "
            "landmark"
        ],
    )


def _find_observed_share(stays: Stays, here: BoolArray, asked: FloatArray) -> FloatArray:
    """Chance of having entered and not been censored just before each time, to a constant.

    Product limits of censoring forwards (exits at a time go first) and of entry backwards.
    """
    process = stays.process
    start, stop, weights = process.start[here], process.stop[here], process.weights[here]
    event, is_end, is_entry = process.event[here], stays.is_end[here], stays.is_entry[here]

    censored, lost = _sum_at(stop[is_end & ~event], weights[is_end & ~event])
    at_risk = _sum_before(start, weights, censored) - _sum_before(stop, weights, censored)
    left, mass = _sum_at(stop[event], weights[event])
    at_risk = at_risk - _look_up(left, mass, censored)
    kept = _keep_share(lost, at_risk)
    observed = np.concatenate([[1.0], np.cumprod(kept)])
    after_censoring = observed[np.searchsorted(censored, asked, side="left")]

    entries, came = _sum_at(start[is_entry], weights[is_entry])
    present = _sum_upto(start, weights, entries) - _sum_upto(stop, weights, entries)
    entered = np.concatenate([np.cumprod(_keep_share(came, present)[::-1])[::-1], [1.0]])
    after_entry = entered[np.searchsorted(entries, asked, side="left")]
    return np.asarray(after_censoring * after_entry)


def _keep_share(leaving: FloatArray, at_risk: FloatArray) -> FloatArray:
    """1 - leaving / at risk, exactly 0 where all leave but for rounding."""
    share = 1.0 - leaving / at_risk
    return np.where(share < 1e-12, 0.0, share)


def _sum_at(time: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    distinct, position = np.unique(time, return_inverse=True)
    sums = np.bincount(position, weights=weights, minlength=len(distinct))
    return distinct, sums.astype(np.float64)


def _look_up(time: FloatArray, values: FloatArray, asked: FloatArray) -> FloatArray:
    if len(time) == 0:
        return np.zeros(len(asked))
    position = np.minimum(np.searchsorted(time, asked), len(time) - 1)
    return np.where(time[position] == asked, values[position], 0.0)


def _sum_before(time: FloatArray, weights: FloatArray, asked: FloatArray) -> FloatArray:
    """Sum of weights whose time is before each time asked for."""
    order = np.argsort(time, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.asarray(total[np.searchsorted(time[order], asked, side="left")])


def _sum_upto(time: FloatArray, weights: FloatArray, asked: FloatArray) -> FloatArray:
    """Sum of weights whose time is at or before each time asked for."""
    order = np.argsort(time, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.asarray(total[np.searchsorted(time[order], asked, side="right")])
