"""From text cells to values: what cannot be read is named, never guessed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyaltylab.sources.mapping import MOST_MONTHS, ColumnMapping
from loyaltylab.tables.schemas import COUNT, FLAG, NUMBER, TIMESTAMP

MONTH_SECONDS = 2_629_800  # 30.4375 days
TRUE_WORDS, FALSE_WORDS = ("true", "yes", "1"), ("false", "no", "0")
# Whole numbers up to here are exact in a float.
LARGEST_COUNT = 2**53
# pandas alone would also take 'now', 'today', a bare year, and 2020-1-5.
ISO_TIME = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?"


def read_values(
    text: pd.Series,
    how: ColumnMapping,
    *,
    dtype: str,
    decimal: str,
    missing: Sequence[str],
    snapshot_at: pd.Timestamp,
) -> tuple[pd.Series, pd.Series]:
    """Values of one column, and which rows could not be read.

    Parameters
    ----------
    text : pandas.Series of string
        Cells without surrounding blanks; not changed.
    how : ColumnMapping
        What they mean.
    dtype : str
        The type of the values: one of ``tables.schemas.TYPE_WORDS``.
    decimal : {".", ","}
        The decimal mark.
    missing : sequence of str
        What an empty cell is written as, besides nothing.
    snapshot_at : pandas.Timestamp
        The snapshot (UTC), from which months are counted back.

    Returns
    -------
    values : pandas.Series
        Of type ``dtype``; missing where the cell is empty or could not be read.
    unread : pandas.Series of bool
        True where a cell holds something that could not be read.
    """
    text = text.mask(text.isin(["", *missing]))
    if how.snapshot_when is not None:
        holds = text.eq(how.snapshot_when.equals).fillna(False)
        snapshot = pd.Series(snapshot_at, index=text.index).astype(TIMESTAMP)
        known = (how.snapshot_when.equals, how.snapshot_when.otherwise)
        return snapshot.where(holds), ~text.isin(known)
    unread = pd.Series(False, index=text.index)
    if how.values is not None:
        text = text.fillna("") if "" in how.values else text
        unread = text.notna() & ~text.isin(list(how.values))
        text = text.map(how.values).astype("string")
        text = text.mask(text == "")
    if how.months_before_snapshot is not None:
        values = _months_before(_numbers(text, decimal), snapshot_at)
    else:
        values = _parse(text, dtype=dtype, form=how.format, decimal=decimal)
    return values, (unread | (text.notna() & values.isna())).astype(bool)


def _parse(text: pd.Series, *, dtype: str, form: str | None, decimal: str) -> pd.Series:
    if dtype == TIMESTAMP:
        return _times(text, form)
    if dtype == NUMBER:
        return _numbers(text, decimal)
    if dtype == COUNT:
        numbers = _numbers(text, decimal)
        return numbers.where((numbers % 1 == 0) & (numbers.abs() <= LARGEST_COUNT)).astype(COUNT)
    if dtype == FLAG:
        words = dict.fromkeys(TRUE_WORDS, True) | dict.fromkeys(FALSE_WORDS, False)
        return text.str.lower().map(words).astype(FLAG)
    return text


def _numbers(text: pd.Series, decimal: str) -> pd.Series:
    # A thousands mark, inf or a hexadecimal number does not match: 1.234 is not 1.234 where the
    # decimal mark is a comma.
    mark = "\\" + decimal
    pattern = rf"[+-]?(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    plain = text.where(text.str.fullmatch(pattern).fillna(False))
    numbers = plain.str.replace(decimal, ".", regex=False).astype(NUMBER)
    return numbers.where(np.isfinite(numbers))


def _times(text: pd.Series, form: str | None) -> pd.Series:
    if form is None:
        readable, form = text.str.fullmatch(ISO_TIME), "ISO8601"
    else:
        readable = text.str.contains(r"\d", regex=True)
    plain = text.where(readable.fillna(False))
    return pd.to_datetime(plain, format=form, utc=True, errors="coerce").astype(TIMESTAMP)


def _months_before(months: pd.Series, snapshot_at: pd.Timestamp) -> pd.Series:
    # Whole microseconds, so that equal months are equal times.
    months = months.where(months.abs() <= MOST_MONTHS)
    back = np.rint(months.fillna(0).to_numpy() * (MONTH_SECONDS * 1e6)).astype("int64")
    end = np.datetime64(snapshot_at.tz_localize(None), "us")
    stamps = pd.Series(end - back.astype("timedelta64[us]"), index=months.index)
    return stamps.dt.tz_localize("UTC").mask(months.isna())
