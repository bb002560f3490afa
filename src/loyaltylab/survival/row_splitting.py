"""(start, stop] rows cut at given times, so that effects and hazards may differ between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.row_checks import read_times


def split_at_times(
    rows: pd.DataFrame,
    cuts: npt.ArrayLike,
    *,
    start: str = "start",
    stop: str = "stop",
    event: str = "event",
    interval: str = "interval",
) -> pd.DataFrame:
    """Cut rows (start, stop] at given times; what happened stays with the last piece.

    Parameters
    ----------
    rows : DataFrame
    cuts : array-like of float, shape (c,)
        Finite, increasing; unit of start and stop. A row is cut where start < cut < stop.
    start, stop, event : str
        Columns. The event may be True/False, 1/0, or the text of a cause; pieces before the
        last get False, 0 or "".
    interval : str
        Column to add: 0 up to the first cut, 1 up to the second, ...

    Returns
    -------
    DataFrame
        The pieces of each row in order; the index of the row is repeated.

    Raises
    ------
    EstimationError
        If columns are missing or taken, rows are not intervals, or cuts do not increase.

    Source
    ------
    ``survSplit(..., episode =)`` of R survival.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0], "stop": [5.0], "event": [True]})
    >>> split_at_times(rows, [2, 5])[["start", "stop", "event", "interval"]].values.tolist()
    [[0.0, 2.0, False, 0], [2.0, 5.0, True, 1]]
    """
    problems = []
    missing = [name for name in (start, stop, event) if name not in rows]
    if missing:
        problems.append(f"columns {missing} are missing; fix: name them by start, stop, event")
    if interval in rows:
        problems.append(f"column {interval!r} exists already; fix: name another by interval=")
    edges = read_cuts(cuts, problems)
    if not missing:
        starts, stops = read_times(rows[start], rows[stop], problems)
    if problems:
        raise EstimationError("These rows cannot be split.", problems)
    row, piece_start, piece_stop, cell = cut_intervals(starts, stops, edges)
    pieces = rows.iloc[row].copy()
    is_last = piece_stop == stops[row]
    pieces[start], pieces[stop] = piece_start, piece_stop
    pieces[event] = pieces[event].where(is_last, _no_event(rows[event]))
    pieces[event] = pieces[event].astype(rows[event].dtype)
    pieces[interval] = cell
    return pieces


def read_cuts(cuts: npt.ArrayLike, problems: list[str]) -> FloatArray:
    """Read cut points: at least one, finite, increasing."""
    edges = np.atleast_1d(np.asarray(cuts, dtype=np.float64))
    is_fine = edges.ndim == 1 and len(edges) > 0 and bool(np.all(np.isfinite(edges)))
    if not is_fine or bool(np.any(np.diff(edges) <= 0)):
        problems.append(
            f"cuts are {edges.tolist()}; rule: at least one, finite and increasing; fix: sort "
            "them and leave out repeats"
        )
    return edges


def find_interval_problems(cuts: Sequence[float]) -> list[str]:
    """Say what is wrong with the ends of intervals (cut, next cut]."""
    edges = np.asarray(cuts, dtype=np.float64)
    is_right = edges.ndim == 1 and len(edges) >= 2 and bool(np.all(np.isfinite(edges)))
    if is_right and edges[0] >= 0 and np.all(np.diff(edges) > 0):
        return []
    return [
        "cuts must be at least two, finite, not negative and must increase; fix: "
        "cuts=range(0, 13) for twelve months"
    ]


def cut_intervals(
    start: FloatArray, stop: FloatArray, cuts: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    """Cut intervals (start, stop] at increasing times: row, start, stop and cell of each piece."""
    first = np.searchsorted(cuts, start, side="right")
    last = np.searchsorted(cuts, stop, side="left")
    n_pieces = last - first + 1
    row = np.repeat(np.arange(len(start)), n_pieces)
    opening = np.cumsum(n_pieces) - n_pieces
    cell = first[row] + np.arange(len(row)) - opening[row]
    lower, upper = np.append(-np.inf, cuts), np.append(cuts, np.inf)
    return row, np.maximum(start[row], lower[cell]), np.minimum(stop[row], upper[cell]), cell


def _no_event(event: pd.Series) -> object:
    if pd.api.types.is_bool_dtype(event.dtype):
        return False
    return 0 if pd.api.types.is_numeric_dtype(event.dtype) else ""
