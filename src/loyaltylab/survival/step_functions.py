"""Reading right-continuous step functions at given times and levels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray

# A curve that meets a level but for rounding meets it; R survival uses the same tolerance.
LEVEL_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))


def check_times(times: npt.ArrayLike) -> FloatArray:
    """Read the times at which a curve is asked for."""
    asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if not np.all(np.isfinite(asked)) or np.any(asked < 0):
        raise EstimationError("times must be finite and not negative; fix: check the times asked")
    return asked


def check_within_follow_up(time: float, last_follow_up: float) -> None:
    """Refuse a time at which nobody is followed any more."""
    if time > last_follow_up:
        raise EstimationError(
            f"time {time:g} is past the last follow-up {last_follow_up:g}; rule: no "
            "extrapolation; fix: ask for an earlier time"
        )


def known_until(last_follow_up: float, retention: FloatArray) -> float:
    """Time up to which a curve is known: for ever once everybody has left."""
    return float("inf") if retention[-1] == 0.0 else last_follow_up


def read_step(
    values: FloatArray, time: FloatArray, asked: FloatArray, initial: float, past: npt.ArrayLike
) -> FloatArray:
    """Read a right-continuous step function; NaN past the follow-up."""
    index = np.searchsorted(time, asked, side="right")
    read = np.concatenate([[initial], values])[index]
    return np.where(past, np.nan, read)


def read_count_at(counts: IntArray, time: FloatArray, asked: FloatArray) -> IntArray:
    """Number at risk at the first time at or after each time asked for; 0 past the last."""
    index = np.searchsorted(time, asked, side="left")
    return np.concatenate([counts, [0]])[index]


def first_time_at_or_below(time: FloatArray, curve: FloatArray, level: float) -> float:
    """First time a falling curve is at or below a level; NaN if never.

    The midpoint of the flat stretch where the curve lies exactly on the level.
    """
    known = ~np.isnan(curve)
    times, values = time[known], curve[known]
    reached = np.flatnonzero(values < level + LEVEL_TOLERANCE)
    if len(reached) == 0:
        return float("nan")
    first = reached[0]
    below = np.flatnonzero(values < level - LEVEL_TOLERANCE)
    if abs(values[first] - level) < LEVEL_TOLERANCE and len(below) > 0:
        return float((times[first] + times[below[0]]) / 2.0)
    return float(times[first])
