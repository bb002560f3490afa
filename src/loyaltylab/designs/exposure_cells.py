"""Exits and time at risk by unit, calendar month and tenure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, IntArray
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds

REQUIRED = ("entry_at", "stop_at", "event", "exit_cause")


def exposure_cells(
    spells: pd.DataFrame,
    *,
    unit: str,
    month_cuts: pd.DatetimeIndex,
    causes: Sequence[str] | None = None,
    tenure_cuts_days: Sequence[float] = (),
    at_risk_at: pd.Series | None = None,
) -> pd.DataFrame:
    """Cut spells into cells of unit x month x tenure, and count exits and days at risk.

    Parameters
    ----------
    spells : pandas.DataFrame
        As from :func:`loyaltylab.timeline.build_spells`: ``entry_at``, ``stop_at``, ``event``,
        ``exit_cause``, the unit and, for tenure, ``origin_at``. At risk in (entry, stop].
    unit : str
        Column with the unit: site or segment.
    month_cuts : pandas.DatetimeIndex, length k + 1
        Increasing UTC edges of the months; time outside is left out.
    causes : sequence of str, optional
        Exits to count; every cause by default. Other exits end the time at risk.
    tenure_cuts_days : sequence of float
        Increasing inner edges of bands of tenure.
    at_risk_at : pandas.Series, optional
        Moment by unit. Only customers at risk just after it are kept, from it on: a closed
        cohort. Units without a moment are left out.

    Returns
    -------
    pandas.DataFrame
        Every combination of ``unit``, ``tenure_from_days`` and ``month_start`` with
        ``month_stop``, ``person_days`` and ``n_events``, both 0 where nobody was at risk. An
        exit at the very edge of two months belongs to the earlier one.

    Raises
    ------
    EstimationError
        If columns are missing, edges do not increase, or a spell has no unit.

    Source
    ------
    R ``survival::pyears`` with ``tcut``; (start, stop] as in ``survSplit``.

    Examples
    --------
    >>> at = lambda days: pd.to_datetime(days, unit="D", utc=True)
    >>> spells = pd.DataFrame({"entry_at": at([0, 10]), "stop_at": at([40, 60]),
    ...     "event": [True, False], "exit_cause": ["price", ""], "site": ["a", "a"]})
    >>> cells = exposure_cells(spells, unit="site", month_cuts=at([0, 30, 60]))
    >>> cells[["person_days", "n_events"]].values.tolist()
    [[50.0, 0.0], [40.0, 1.0]]
    """
    edges, bands = _check(spells, unit, month_cuts, tenure_cuts_days)
    codes, names = pd.factorize(spells[unit], sort=True)
    entry, stop = to_microseconds(spells["entry_at"]), to_microseconds(spells["stop_at"])
    counts = spells["event"].to_numpy(dtype=bool)
    if causes is not None:
        counts = counts & spells["exit_cause"].isin(list(causes)).to_numpy()
    if at_risk_at is not None:
        moment = to_microseconds(
            spells[unit].map(at_risk_at).rename("at_risk_at"), missing=np.iinfo(np.int64).max
        )
        kept = (entry <= moment) & (stop > moment)
        codes, stop, counts = codes[kept], stop[kept], counts[kept]
        entry = np.maximum(entry, moment)[kept]
    else:
        kept = np.ones(len(spells), dtype=bool)
    shape = (len(names), len(bands), len(edges) - 1)
    days, exits = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    for band, (lower, upper) in enumerate(bands):
        begins, ends, is_exit = entry, stop, counts
        if len(bands) > 1:
            origin = to_microseconds(spells["origin_at"])[kept]
            begins = np.maximum(entry, origin + lower)
            ends = np.minimum(stop, origin + upper) if upper else stop
            is_exit = counts & (ends == stop)
        days[:, band], exits[:, band] = _count(codes, begins, ends, is_exit, edges, len(names))
    grid = pd.MultiIndex.from_product(
        [names, [lower / MICROSECONDS_PER_DAY for lower, _ in bands], month_cuts[:-1]],
        names=["unit", "tenure_from_days", "month_start"],
    )
    frame = grid.to_frame(index=False)
    frame["month_stop"] = np.tile(month_cuts[1:], len(names) * len(bands))
    return frame.assign(person_days=days.ravel(), n_events=exits.ravel())


def _check(
    spells: pd.DataFrame,
    unit: str,
    month_cuts: pd.DatetimeIndex,
    tenure_cuts_days: Sequence[float],
) -> tuple[IntArray, list[tuple[int, int]]]:
    tenure = [round(days * MICROSECONDS_PER_DAY) for days in tenure_cuts_days]
    needed = [*REQUIRED, unit, *(["origin_at"] if tenure else [])]
    missing = [name for name in needed if name not in spells]
    problems = [f"column {name!r} is missing" for name in missing]
    if unit in spells and spells[unit].isna().any():
        problems.append(
            f"{int(spells[unit].isna().sum())} spells have no {unit!r}; rule: every spell belongs "
            "to one unit; fix: name the unknown unit, or leave them out"
        )
    edges = to_microseconds(pd.Series(month_cuts, name="month_cuts"))
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        problems.append("month_cuts do not increase; rule: at least two increasing edges")
    if np.any(np.diff([0, *tenure]) <= 0):
        problems.append("tenure_cuts_days do not increase; rule: increasing and above 0")
    if problems:
        raise EstimationError("The spells cannot be cut into cells:", problems)
    return edges, list(zip([0, *tenure], [*tenure, 0], strict=True))


def _count(
    codes: IntArray,
    entry: IntArray,
    stop: IntArray,
    is_exit: BoolArray,
    edges: IntArray,
    n_units: int,
) -> tuple[np.ndarray, IntArray]:
    """Days at risk and exits by unit and month, shapes (n_units, k), from whole microseconds."""
    k = len(edges) - 1
    begins, ends = np.maximum(entry, edges[0]), np.minimum(stop, edges[-1])
    rows = ends > begins
    inside = rows & is_exit & (stop <= edges[-1])
    unit, begins, ends = codes[rows], begins[rows], ends[rows]
    first = np.searchsorted(edges, begins, side="right") - 1
    last = np.searchsorted(edges, ends, side="left") - 1
    is_within = first == last
    head = np.where(is_within, ends, edges[first + 1]) - begins
    tail = np.where(is_within, 0, ends - edges[last])
    # Whole months between the first and the last, as a count that opens and closes.
    opened = np.zeros((n_units, k + 1), dtype=np.int64)
    np.add.at(opened, (unit, np.minimum(first + 1, k)), 1)
    np.add.at(opened, (unit, np.maximum(last, np.minimum(first + 1, k))), -1)
    full = np.cumsum(opened, axis=1)[:, :k]
    whole, rest = np.divmod(np.diff(edges), MICROSECONDS_PER_DAY)
    whole, rest = full * whole, full * rest
    for at, piece in ((first, head), (last, tail)):
        days, left = np.divmod(piece, MICROSECONDS_PER_DAY)
        np.add.at(whole, (unit, at), days)
        np.add.at(rest, (unit, at), left)
    exits = np.zeros((n_units, k), dtype=np.int64)
    np.add.at(exits, (codes[inside], np.searchsorted(edges, stop[inside], side="left") - 1), 1)
    return whole + rest / MICROSECONDS_PER_DAY, exits
