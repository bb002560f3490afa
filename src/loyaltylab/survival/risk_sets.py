"""Who is at risk when: rows turned into counts and weights per distinct exit time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.row_kernels import find_pieces, find_times_at_risk

# Loading the compiled loops takes longer than searching fewer rows than this.
MANY_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Counts and sums of weights at the distinct times at which a row leaves.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of events and censorings, increasing.
    first, last : ndarray of int, shape (n,)
        A row is at risk at ``time[first] ... time[last]`` (none when last < first).
    n_at_risk, n_censored, n_entered : ndarray of int, shape (m,)
        Rows. ``n_entered[j]`` enter after ``time[j - 1]`` and are first at risk at ``time[j]``:
        n_at_risk[j] = n_at_risk[j-1] - exits[j-1] + n_entered[j].
    n_events : ndarray of int, shape (m, k)
        Rows, by cause.
    weight_at_risk : ndarray of float, shape (m,)
    weight_of_events : ndarray of float, shape (m, k)
    """

    time: FloatArray
    first: IntArray
    last: IntArray
    n_at_risk: IntArray
    n_events: IntArray
    n_censored: IntArray
    n_entered: IntArray
    weight_at_risk: FloatArray
    weight_of_events: FloatArray


def build_risk_sets(process: CountingProcess) -> RiskSets:
    """Count rows and weights at every distinct exit time: one sort, then linear passes."""
    has_earlier_piece, has_later_piece = find_split_pieces(process)
    is_exit = ~has_later_piece
    time = np.unique(process.stop[is_exit])
    m, k = len(time), len(process.causes)
    first, last = _find_times_at_risk(time, process)
    # One table for "any event": column 0 is censored, column j is cause j.
    cell = last[is_exit] * (k + 1) + process.code[is_exit]
    counts = np.bincount(cell, minlength=m * (k + 1)).reshape(m, k + 1)
    masses = np.bincount(cell, weights=process.weights[is_exit], minlength=m * (k + 1))
    n_at_risk = sum_at_risk(np.ones(process.n_rows), first, last, m)
    return RiskSets(
        time=time,
        first=first,
        last=last,
        n_at_risk=np.rint(n_at_risk).astype(np.int64),
        n_events=counts[:, 1:],
        n_censored=counts[:, 0],
        n_entered=np.bincount(first[~has_earlier_piece], minlength=m)[:m],
        weight_at_risk=sum_at_risk(process.weights, first, last, m),
        weight_of_events=masses.reshape(m, k + 1)[:, 1:].astype(np.float64),
    )


def sum_at_risk(values: FloatArray, first: IntArray, last: IntArray, m: int) -> FloatArray:
    """Sum values over the rows at risk at each of m times.

    Summed from the last time backwards, so that without delayed entry late sums are built
    by additions alone and lose no digits to the large early ones.
    """
    change: FloatArray = np.bincount(last + 1, weights=values, minlength=m + 1).astype(np.float64)
    change -= np.bincount(first, weights=values, minlength=m + 1)
    return np.cumsum(change[:0:-1])[::-1]


def find_split_pieces(process: CountingProcess) -> tuple[BoolArray, BoolArray]:
    """Find rows that continue, or are continued by, another row of the same cluster.

    A stay split at the days something changed is one stay: it neither leaves nor enters at
    the cuts. Without clusters nothing says which rows belong together, and none are joined.
    """
    has_earlier, has_later = np.zeros((2, process.n_rows), dtype=bool)
    if not process.is_clustered or process.n_clusters == process.n_rows:
        return has_earlier, has_later
    by_start = np.argsort(process.start)
    find_pieces(
        process.cluster,
        process.start,
        process.stop,
        ~process.event,
        by_start,
        has_earlier,
        has_later,
    )
    return has_earlier, has_later


def _find_times_at_risk(time: FloatArray, process: CountingProcess) -> tuple[IntArray, IntArray]:
    """First and last time at risk; the loops pay from some thousand rows on."""
    if process.n_rows < MANY_ROWS:
        first = np.searchsorted(time, process.start, side="right")
        return first, np.searchsorted(time, process.stop, side="right") - 1
    first, last = np.empty((2, process.n_rows), dtype=np.int64)
    find_times_at_risk(time, process.start, process.stop, first, last)
    return first, last
