"""The same rows on another clock: since sign-up, in calendar time, or since an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import (
    MICROSECONDS_PER_DAY,
    microseconds_of,
    to_microseconds,
    total_days,
)
from loyaltylab.timeline.row_cuts import origins_of, to_whole_microseconds

CLOCKS = ("tenure", "calendar", "since")
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClockedRows:
    """Rows on another clock, with the audit of what lies before its zero.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows in their order, with ``start`` and ``stop`` in days of the new clock, none
        before 0.
    audit : dict
        Rows by fate (``rows_kept``, ``rows_cut_at_zero``, ``rows_before_zero`` and
        ``rows_without_zero`` add up to ``rows``), ``days_at_risk`` and ``days_dropped``,
        ``events`` and ``events_dropped``. What is kept and what is dropped add up to the whole.
    """

    frame: pd.DataFrame
    audit: dict[str, int | float]


def change_clock(
    rows: pd.DataFrame,
    spells: pd.DataFrame,
    *,
    clock: str,
    since: pd.Timestamp | pd.DataFrame | None = None,
) -> ClockedRows:
    """Express rows in days of another clock; whoever enters late still does.

    Two customers are compared at equal times of the clock: at the same tenure, on the same day,
    or as long after the event.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`split_at_jumps`.
    spells : pandas.DataFrame
        As from :func:`build_spells`: every spell of the rows, with its ``origin_at``.
    clock : {"tenure", "calendar", "since"}
        Days since the spell's time zero (as the rows are); since the moment ``since``, such as
        the start of the window; or since an event of each customer.
    since : pandas.Timestamp or pandas.DataFrame, optional
        For "calendar" a UTC moment. For "since" ``customer_id`` and ``index_at``, one line per
        customer. Rows before the event are dropped, a row in which it falls is cut, and those of
        customers without one are dropped; later lives of a customer stay, entering late.

    Returns
    -------
    ClockedRows

    Raises
    ------
    TableError
        If the clock is unknown or ``since`` is not what it needs, a customer has several events
        or one without a time, or a row belongs to no spell given.

    Source
    ------
    Time scales of R ``Epi::Lexis``.

    Examples
    --------
    >>> day = pd.Timestamp("2024-01-01", tz="UTC")
    >>> spells = pd.DataFrame({"customer_id": ["a"], "spell_number": [1], "origin_at": [day]})
    >>> rows = pd.DataFrame({"customer_id": ["a"], "spell_number": [1], "start": [0.0],
    ...                      "stop": [50.0], "event": [True]})
    >>> moved = change_clock(rows, spells, clock="calendar", since=day + pd.Timedelta(days=20))
    >>> moved.frame[["start", "stop"]].to_numpy().tolist()
    [[0.0, 30.0]]
    >>> moved.audit["days_dropped"]
    20.0
    """
    origin = origins_of(rows, spells)
    zero, is_known = _zeros(rows, origin, clock, since)
    start, stop = (
        origin + to_whole_microseconds(rows[name].to_numpy(np.float64)) - zero
        for name in ("start", "stop")
    )
    is_kept = is_known & (stop > 0)
    begin = np.maximum(start, 0)
    frame = rows[is_kept].assign(
        start=begin[is_kept] / MICROSECONDS_PER_DAY, stop=stop[is_kept] / MICROSECONDS_PER_DAY
    )
    event = rows["event"].to_numpy(dtype=bool)
    days = total_days(stop - start)
    audit: dict[str, int | float] = {
        "rows": len(rows),
        "rows_kept": int((is_kept & (start >= 0)).sum()),
        "rows_cut_at_zero": int((is_kept & (start < 0)).sum()),
        "rows_before_zero": int((is_known & ~is_kept).sum()),
        "rows_without_zero": int((~is_known).sum()),
        "days_at_risk": days,
        "days_dropped": days - total_days((stop - begin)[is_kept]),
        "events": int(event.sum()),
        "events_dropped": int((event & ~is_kept).sum()),
    }
    return ClockedRows(frame.reset_index(drop=True), audit)


def _zeros(
    rows: pd.DataFrame, origin: Whole, clock: str, since: pd.Timestamp | pd.DataFrame | None
) -> tuple[Whole, npt.NDArray[np.bool_]]:
    """Zero of the clock for each row, in microseconds since 1970, and whether it has one."""
    everybody = np.ones(len(rows), dtype=bool)
    if clock == "tenure" and since is None:
        return origin, everybody
    if clock == "calendar" and _is_utc_moment(since):
        return np.full(len(rows), microseconds_of(since), dtype=np.int64), everybody
    if clock == "since" and isinstance(since, pd.DataFrame):
        _check_events(since)
        line = pd.Index(since["customer_id"]).get_indexer(pd.Index(rows["customer_id"]))
        moments = np.append(to_microseconds(since["index_at"]), 0)  # line -1: no event
        return np.where(line < 0, origin, moments[line]), line >= 0
    raise TableError(
        f"No clock '{clock}' with since={type(since).__name__}: give 'tenure' and nothing, "
        "'calendar' and a UTC moment, or 'since' and a table of customer_id and index_at."
    )


def _is_utc_moment(since: object) -> bool:
    return isinstance(since, pd.Timestamp) and since.tz is not None


def _check_events(since: pd.DataFrame) -> None:
    absent = [name for name in ("customer_id", "index_at") if name not in since]
    if absent:
        raise TableError(f"The events of the clock lack the column {', '.join(absent)}.")
    problems = []
    n_repeated = int(since["customer_id"].duplicated().sum())
    if n_repeated:
        problems.append(f"customer_id: {n_repeated} repeated; a clock starts once per customer")
    n_missing = int(since["index_at"].isna().sum())
    if n_missing:
        problems.append(f"index_at: {n_missing} missing; leave out customers without the event")
    if problems:
        raise TableError("The events do not start one clock per customer:", problems)
