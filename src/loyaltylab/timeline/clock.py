"""Time as whole microseconds, so that equal times stay equal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError

MICROSECONDS_PER_DAY = 86_400_000_000


def to_microseconds(times: pd.Series, *, missing: int | None = None) -> npt.NDArray[np.int64]:
    """Microseconds since 1970 (UTC).

    Parameters
    ----------
    times : pandas.Series, shape (n,)
        UTC times.
    missing : int, optional
        What stands for a missing time.

    Raises
    ------
    TableError
        If a time is missing and nothing stands for it.
    """
    absent = times.isna().to_numpy()
    if missing is None:
        if absent.any():
            raise TableError(
                f"{times.name}: {int(absent.sum())} missing times where every row needs one; "
                "validated tables have none."
            )
        missing = 0
    whole = times.dt.as_unit("us").astype("int64").to_numpy()
    return np.where(absent, np.int64(missing), whole) if absent.any() else whole


def microseconds_of(moment: pd.Timestamp) -> int:
    """Microseconds since 1970 (UTC) of one moment."""
    return int(moment.as_unit("us").asm8.astype(np.int64))


def from_microseconds(times: pd.Series) -> pd.Series:
    """UTC timestamps from microseconds since 1970."""
    return pd.to_datetime(times, unit="us", utc=True).dt.as_unit("us")


def total_days(durations: npt.NDArray[np.int64]) -> float:
    """Sum of durations in microseconds, as days: exact in any order, and without overflow."""
    whole, rest = np.divmod(durations, MICROSECONDS_PER_DAY)
    return int(whole.sum()) + int(rest.sum()) / MICROSECONDS_PER_DAY
