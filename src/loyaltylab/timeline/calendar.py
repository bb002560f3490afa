"""Person-time and endings by calendar month."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.tables.schemas import TIMESTAMP
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds, total_days


def count_by_month(
    spells: pd.DataFrame,
    *,
    causes: tuple[str, ...] | None = None,
    by: str = "segment",
    from_tenure_days: float = 0.0,
) -> pd.DataFrame:
    """Person-days at risk and endings in every calendar month.

    Parameters
    ----------
    spells : pandas.DataFrame
        As from :func:`build_spells`.
    causes : tuple of str, optional
        Endings to count; every cause by default.
    by : str
        Column of ``spells`` to split by.
    from_tenure_days : float
        Count time and endings only from this tenure on, e.g. past the first term.

    Returns
    -------
    pandas.DataFrame
        ``month_start`` (UTC), ``by``, ``person_days``, ``n_events``, for months with anybody at
        risk. An ending at midnight on the first of a month belongs to the month before. Spells
        without a value in ``by`` are "unknown", or "all" if no spell has one.
    """
    entry = np.maximum(
        to_microseconds(spells["entry_at"]),
        to_microseconds(spells["origin_at"]) + round(from_tenure_days * MICROSECONDS_PER_DAY),
    )
    stop = to_microseconds(spells["stop_at"])
    is_counted = spells["event"].to_numpy(dtype=bool) & (stop > entry)
    if causes is not None:
        is_counted &= spells["exit_cause"].isin(causes).to_numpy()
    months, bounds = _months(spells)
    groups = spells[by].astype("string")
    groups = groups.fillna("all" if groups.isna().all() else "unknown")
    names, codes = np.unique(groups.to_numpy(dtype=object).astype(str), return_inverse=True)
    # (start, stop]: an ending at the very start of a month closed the month before.
    n_events = np.zeros((len(names), len(months)), dtype=np.int64)
    ends_in = np.searchsorted(bounds, stop[is_counted], side="left") - 1
    np.add.at(n_events, (codes[is_counted], ends_in), 1)
    lines = []
    for group, name in enumerate(names):
        mine_entry, mine_stop = entry[codes == group], stop[codes == group]
        for i, month in enumerate(months):
            overlap = np.minimum(mine_stop, bounds[i + 1]) - np.maximum(mine_entry, bounds[i])
            days = total_days(np.maximum(overlap, 0))
            lines.append((month, str(name), days, int(n_events[group, i])))
    frame = pd.DataFrame(lines, columns=["month_start", by, "person_days", "n_events"])
    frame = frame.astype({"month_start": TIMESTAMP, "person_days": float, "n_events": "int64"})
    return frame[frame["person_days"] > 0].reset_index(drop=True)


def _months(spells: pd.DataFrame) -> tuple[pd.DatetimeIndex, npt.NDArray[np.int64]]:
    """First moments of the months with spells, and their bounds in microseconds."""
    if spells.empty:
        return pd.DatetimeIndex([], tz="UTC"), np.zeros(1, dtype=np.int64)
    first, last = spells["entry_at"].min(), spells["stop_at"].max()
    begin = pd.Timestamp(year=first.year, month=first.month, day=1, tz="UTC")
    edges = pd.date_range(begin, last + pd.DateOffset(months=1), freq="MS", unit="us")
    return edges[:-1], edges.astype("int64").to_numpy()
