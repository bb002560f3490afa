"""Local times to UTC: hours that the clocks skip or show twice are found, never guessed."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pandas as pd

from loyaltylab.tables.schemas import TIMESTAMP


def to_utc(local: pd.Series, *, time_zone: str, clock_changes: str) -> tuple[pd.Series, pd.Series]:
    """Read wall-clock times in a time zone.

    Parameters
    ----------
    local : pandas.Series of datetime64
        Times without a zone.
    time_zone : str
        IANA name.
    clock_changes : {"refuse", "before", "after"}
        The offset for times that the clocks skip or show twice: none (the time is missing), or
        the one in force before or after the change.

    Returns
    -------
    values : pandas.Series
        UTC.
    is_unclear : pandas.Series of bool
        Where the clocks skip the time or show it twice.

    Source
    ------
    PEP 495 (``fold``): one choice of offset answers for both kinds of change.

    Examples
    --------
    >>> local = pd.Series(pd.to_datetime(["2021-10-31 02:30", "2021-03-28 02:30"]))
    >>> times, _ = to_utc(local, time_zone="Europe/Amsterdam", clock_changes="before")
    >>> times.dt.strftime("%H:%M").tolist()
    ['00:30', '01:30']
    """
    clear = local.dt.tz_localize(time_zone, ambiguous="NaT", nonexistent="NaT")
    is_unclear = local.notna() & clear.isna()
    values = clear.dt.tz_convert("UTC").astype(TIMESTAMP)
    if clock_changes != "refuse" and is_unclear.any():
        zone, fold = ZoneInfo(time_zone), int(clock_changes == "after")
        values = values.copy()
        values[is_unclear] = [
            pd.Timestamp(
                time.to_pydatetime(warn=False).replace(tzinfo=zone, fold=fold).astimezone(UTC)
            )
            for time in local[is_unclear]
        ]
    return values.astype(TIMESTAMP), is_unclear
