"""Step curves as drawn: cut at the horizon, stopped where too few are at risk, thinned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

MAX_STEPS = 400
MAX_STEPS_PER_SHEET = 600


@dataclass(frozen=True)
class DrawnSteps:
    """One curve as it appears in the picture.

    Parameters
    ----------
    points : pandas.DataFrame
        Columns time (days), value, ci_lower, ci_upper; each value holds from its time to the
        next; the first row is time 0, the last repeats the final value where the curve ends.
    end : float
        Time in days at which the curve ends.
    is_stopped : bool
        Whether it ends early because fewer than `min_cell` are at risk.
    """

    points: pd.DataFrame
    end: float
    is_stopped: bool

    def at(self, time: float) -> tuple[float, float, float] | None:
        """Value and interval at `time`, or None where nothing is drawn."""
        if time > self.end:
            return None
        row = self.points.loc[self.points["time"] <= time].iloc[-1]
        return float(row["value"]), float(row["ci_lower"]), float(row["ci_upper"])


def draw_steps(
    curve: pd.DataFrame,
    *,
    value: str,
    start: float,
    horizon: float,
    min_cell: int,
    at_risk: pd.DataFrame | None,
    keep: Iterable[float],
    max_steps: int = MAX_STEPS,
) -> DrawnSteps:
    """Turn an estimated step function into the points that are drawn.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns time (days), `value`, ci_lower, ci_upper and, optionally, n_at_risk, the number
        at risk just before time.
    value : str
        Name of the column with the estimate.
    start : float
        Value at time 0: 1 for retention, 0 for incidence.
    horizon : float
        Last day drawn.
    min_cell : int
        The curve stops before the first time with fewer than this at risk, and does not resume
        if late entries raise the number again: every later value is a product over that time.
    at_risk : pandas.DataFrame or None
        Columns time, n_at_risk at further times.
    keep : iterable of float
        Days at which the value in force must survive thinning.
    max_steps : int
        Most steps kept: the last one in each of this many equal periods, at its exact time.
    """
    later = curve.loc[curve["time"] > 0].sort_values("time", ignore_index=True)
    stop = _first_too_few([later, at_risk], min_cell)
    end = min(_last_known([later, at_risk], stop), horizon)
    drawn = later.loc[later["time"] <= end]
    drawn = _thin(drawn, horizon=horizon, keep=keep, max_steps=max_steps)
    columns = ["time", value, "ci_lower", "ci_upper"]
    numbers = np.vstack([[0.0, start, start, start], drawn[columns].to_numpy(dtype=float)])
    if end > numbers[-1, 0]:
        numbers = np.vstack([numbers, [end, *numbers[-1, 1:]]])
    points = pd.DataFrame(numbers, columns=["time", "value", "ci_lower", "ci_upper"])
    return DrawnSteps(points, end, is_stopped=bool(end < horizon and np.isfinite(stop)))


def note_stops(curves: Iterable[DrawnSteps], *, min_cell: int) -> str:
    """Say why curves end early, if any does because of `min_cell`."""
    if min_cell > 1 and any(curve.is_stopped for curve in curves):
        return f"Curves end before fewer than {min_cell} customers are at risk."
    return ""


def _counts(frames: Iterable[pd.DataFrame | None]) -> Iterable[pd.DataFrame]:
    # At time 0 nobody has left yet, and under late entry nobody may have come: no reason to stop.
    return (
        frame.loc[frame["time"] > 0]
        for frame in frames
        if frame is not None and "n_at_risk" in frame.columns
    )


def _first_too_few(frames: Iterable[pd.DataFrame | None], min_cell: int) -> float:
    """First time with fewer than `min_cell` at risk; infinity where there is none."""
    times = [float(frame.loc[frame["n_at_risk"] < min_cell, "time"].min())
             for frame in _counts(frames)]  # fmt: skip
    return min((time for time in times if np.isfinite(time)), default=float("inf"))


def _last_known(frames: Iterable[pd.DataFrame | None], stop: float) -> float:
    """Last time before `stop` at which somebody is known to have been followed."""
    times = [float(frame.loc[(frame["time"] > 0) & (frame["time"] < stop), "time"].max())
             for frame in frames if frame is not None]  # fmt: skip
    return max((time for time in times if np.isfinite(time)), default=0.0)


def _thin(
    rows: pd.DataFrame, *, horizon: float, keep: Iterable[float], max_steps: int
) -> pd.DataFrame:
    """Keep the last step of each of `max_steps` equal periods and those in force at `keep`."""
    if len(rows) <= max_steps:
        return rows
    times = rows["time"].to_numpy(dtype=float)
    period = np.ceil(times / horizon * max_steps - 1e-9)
    is_kept = np.append(period[1:] != period[:-1], True)
    in_force = np.searchsorted(times, np.asarray(list(keep), dtype=float), side="right") - 1
    is_kept[in_force[in_force >= 0]] = True
    return rows.loc[is_kept]
