"""Cutting rows at times of a clock: bands of tenure, periods of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, microseconds_of, to_microseconds

Whole = npt.NDArray[np.int64]
SPELL = ["customer_id", "spell_number"]


def split_by_tenure(
    rows: pd.DataFrame, cuts_days: Sequence[float], *, column: str = "tenure_band"
) -> pd.DataFrame:
    """Cut rows where the spell grows past each tenure.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`split_at_jumps`.
    cuts_days : sequence of float, shape (k,)
        Days since the spell's time zero, increasing; each falls on a whole microsecond.
    column : str
        Name of the new column.

    Returns
    -------
    pandas.DataFrame
        The rows, cut, with an ordered category of k + 1 bands such as "0 to 90 days" and "over
        90 days". A cut closes its band: tenure 90 belongs to "0 to 90 days". Exits stay in the
        last piece of their row.

    Raises
    ------
    TableError
        If the cuts are not positive, finite and increasing, or the column is there already.

    Source
    ------
    ``survSplit`` of R survival.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a"], "spell_number": [1], "start": [0.0],
    ...                      "stop": [100.0], "event": [True], "exit_cause": ["price"]})
    >>> split_by_tenure(rows, [90])[["start", "stop", "event", "tenure_band"]].values.tolist()
    [[0.0, 90.0, False, '0 to 90 days'], [90.0, 100.0, True, 'over 90 days']]
    """
    cuts = np.asarray(cuts_days, dtype=np.float64)
    if not np.isfinite(cuts).all() or (np.diff(cuts, prepend=0.0) <= 0).any():
        raise TableError(
            f"Tenure cuts are {list(cuts_days)}; give finite positive days in increasing order."
        )
    check_new_column(rows, column)
    pieces, band = cut_rows(rows, to_whole_microseconds(cuts), origin=np.zeros(len(rows), np.int64))
    names = [f"{low:.12g} to {high:.12g} days" for low, high in pairwise([0.0, *cuts])]
    names.append(f"over {cuts[-1]:.12g} days" if len(cuts) else "any tenure")
    return pieces.assign(**{column: pd.Categorical.from_codes(band, names, ordered=True)})


def split_by_calendar(
    rows: pd.DataFrame,
    spells: pd.DataFrame,
    cuts_at: Sequence[pd.Timestamp],
    *,
    column: str = "calendar_period",
) -> pd.DataFrame:
    """Cut rows at moments of the calendar.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`split_at_jumps`.
    spells : pandas.DataFrame
        As from :func:`build_spells`: every spell of the rows, with its ``origin_at``.
    cuts_at : sequence of pandas.Timestamp, shape (k,)
        UTC moments, increasing.
    column : str
        Name of the new column.

    Returns
    -------
    pandas.DataFrame
        The rows, cut, with an ordered category of k + 1 periods such as "to 2024-03-01",
        "2024-03-01 to 2025-01-01" and "from 2025-01-01". What happens at the very moment of a
        cut belongs to the period before, as what is learnt at a moment acts after it.

    Raises
    ------
    TableError
        If the cuts are not increasing UTC moments, a spell is missing or stands there twice, or
        the column is there already.
    """
    moments = pd.DatetimeIndex(list(cuts_at) or pd.DatetimeIndex([], tz="UTC"))
    if moments.hasnans or moments.tz is None or not moments.is_monotonic_increasing:
        raise TableError("Calendar cuts must be UTC moments in increasing order, none missing.")
    if moments.has_duplicates:
        raise TableError("Calendar cuts stand there twice; name each once.")
    check_new_column(rows, column)
    cuts = np.array([microseconds_of(moment) for moment in moments], dtype=np.int64)
    pieces, band = cut_rows(rows, cuts, origin=origins_of(rows, spells))
    return pieces.assign(
        **{column: pd.Categorical.from_codes(band, _name_periods(moments), ordered=True)}
    )


def cut_rows(rows: pd.DataFrame, cuts: Whole, *, origin: Whole) -> tuple[pd.DataFrame, Whole]:
    """Cut rows at times of one clock.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``start`` and ``stop`` in days, ``event``, ``exit_cause``, and any other columns.
    cuts : ndarray of int, shape (k,)
        Increasing, in microseconds of that clock.
    origin : ndarray of int, shape (n,)
        Where each row's day 0 lies on that clock.

    Returns
    -------
    pieces : pandas.DataFrame
        In order of the rows and time.
    band : ndarray of int
        How many cuts each piece lies behind.
    """
    start, stop = (
        origin + to_whole_microseconds(rows[name].to_numpy(np.float64))
        for name in ("start", "stop")
    )
    first = np.searchsorted(cuts, start, side="right")
    n_cuts = np.searchsorted(cuts, stop, side="left") - first
    row = np.repeat(np.arange(len(rows)), n_cuts + 1)
    begins = np.cumsum(n_cuts + 1) - (n_cuts + 1)
    band = first[row] + np.arange(len(row)) - begins[row]
    is_first, is_last = band == first[row], band == (first + n_cuts)[row]
    if len(cuts):  # times not cut keep their very numbers
        opened = cuts[np.clip(band - 1, 0, None)] - origin[row]
        closed = cuts[np.clip(band, None, len(cuts) - 1)] - origin[row]
    else:
        opened = closed = np.zeros(len(row), dtype=np.int64)
    pieces = rows.iloc[row].reset_index(drop=True)
    return pieces.assign(
        start=np.where(is_first, pieces["start"], opened / MICROSECONDS_PER_DAY),
        stop=np.where(is_last, pieces["stop"], closed / MICROSECONDS_PER_DAY),
        event=pieces["event"].astype(bool) & is_last,
        exit_cause=pieces["exit_cause"].astype("string").where(is_last, ""),
    ), band.astype(np.int64)


def origins_of(rows: pd.DataFrame, spells: pd.DataFrame) -> Whole:
    """Time zero of the spell of each row, in microseconds since 1970.

    Raises
    ------
    TableError
        If a spell is missing or stands there twice.
    """
    known = pd.MultiIndex.from_frame(spells[SPELL])
    if known.has_duplicates:
        raise TableError(
            f"{int(known.duplicated().sum())} spells stand there twice; a customer_id and "
            "spell_number names one spell."
        )
    position = known.get_indexer(pd.MultiIndex.from_frame(rows[SPELL]))
    if (position < 0).any():
        raise TableError(
            f"{int((position < 0).sum())} of {len(rows)} rows belong to no spell given; give the "
            "spells from which the rows were made."
        )
    return to_microseconds(spells["origin_at"])[position]


def to_whole_microseconds(days: npt.NDArray[np.float64]) -> Whole:
    """Days as whole microseconds: undoes the division by which the days were made."""
    return np.rint(days * MICROSECONDS_PER_DAY).astype(np.int64)


def check_new_column(rows: pd.DataFrame, column: str) -> None:
    """Refuse to write over a column.

    Raises
    ------
    TableError
        If the rows have it.
    """
    if column in rows:
        raise TableError(f"The rows have a column {column} already; give another name.")


def _name_periods(moments: pd.DatetimeIndex) -> list[str]:
    is_midnight = bool((moments == moments.normalize()).all())
    texts = [str(moment.date()) if is_midnight else moment.isoformat() for moment in moments]
    if not texts:
        return ["any time"]
    between = [f"{one} to {other}" for one, other in pairwise(texts)]
    return [f"to {texts[0]}", *between, f"from {texts[-1]}"]
