"""From raw cells to values: what cannot be read is named, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.sources.local_times import to_utc
from loyaltylab.sources.table_mapping import MOST_MONTHS, ColumnMapping, TableMapping
from loyaltylab.tables.schemas import COUNT, FLAG, NUMBER, TEXT, TIMESTAMP

MONTH_SECONDS = 2_629_800  # 30.4375 days
TRUE_WORDS, FALSE_WORDS = ("true", "yes", "1"), ("false", "no", "0")
# Whole numbers up to here are exact in a float.
LARGEST_COUNT = 2**53
# pandas alone would also take 'now', 'today', a bare year, and 2020-1-5.
ISO_TIME = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?"
OFFSET = r".*\d{2}:\d{2}.*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)"
# How many of a table's unit one of the file's unit is.
UNITS = {
    "minutes": {"seconds": 1 / 60, "minutes": 1.0, "hours": 60.0, "days": 1440.0},
    "days": {"hours": 1 / 24, "days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25},
    "euro": {"cents": 0.01, "euro": 1.0},
    "share": {"percent": 0.01, "share": 1.0},
}
DURATION_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


@dataclass(frozen=True)
class ReadColumn:
    """One column as values.

    Attributes
    ----------
    values : pandas.Series
        In the column's type; missing where the cell is empty or could not be read.
    unread : pandas.Series of bool
        Where a cell holds something that could not be read.
    mixed_order : pandas.Series of bool
        In a column whose dates are written day first in some cells and month first in others:
        where a date is in the undeclared order, or could be in either.
    unclear_time : pandas.Series of bool
        Where a local time was skipped or shown twice by the clocks.
    """

    values: pd.Series
    unread: pd.Series
    mixed_order: pd.Series
    unclear_time: pd.Series


def read_values(
    text: pd.Series,
    how: ColumnMapping,
    *,
    dtype: str,
    layout: TableMapping,
    snapshot_at: pd.Timestamp,
    typed: pd.Series | None = None,
    plus: tuple[pd.Series, pd.Series] | None = None,
    target_unit: str = "",
) -> ReadColumn:
    """Values of one column, and which rows could not be read.

    Parameters
    ----------
    text : pandas.Series of string
        Cells without surrounding blanks; not changed.
    how : ColumnMapping
        What they mean.
    dtype : str
        The type of the values: one of ``tables.schemas.TYPE_WORDS``.
    layout : TableMapping
        How numbers, times and empty cells are written in the table.
    snapshot_at : pandas.Timestamp
        The snapshot (UTC), from which months are counted back.
    typed : pandas.Series of bool, optional
        Where the format itself typed the cell; by default nowhere.
    plus : pair of pandas.Series, optional
        Cells, and where they are typed, of the duration to add.
    target_unit : str
        The table's unit of the column.

    Returns
    -------
    ReadColumn
    """
    typed = pd.Series(False, index=text.index) if typed is None else typed
    never = pd.Series(False, index=text.index)
    text = text.mask(text.isin(["", *layout.missing]))
    if how.snapshot_when is not None:
        holds = text.eq(how.snapshot_when.equals).fillna(False)
        snapshot = pd.Series(snapshot_at, index=text.index).astype(TIMESTAMP)
        known = (how.snapshot_when.equals, how.snapshot_when.otherwise)
        return ReadColumn(snapshot.where(holds), ~text.isin(known), never, never)
    unread = never
    if how.values is not None:
        text = text.fillna("") if "" in how.values else text
        unread = text.notna() & ~text.isin(list(how.values))
        text = text.map(how.values).astype("string")
        text, typed = text.mask(text == ""), never
    mixed = unclear = never
    if how.months_before_snapshot is not None:
        values = _months_before(_numbers(text, typed, layout), snapshot_at)
    elif dtype == TIMESTAMP:
        values, unclear = _times(text, typed, how, layout)
        mixed = _mixed_order(text, typed, how, values)
    else:
        values = _parse(text, typed, dtype=dtype, layout=layout, factor=_factor(how, target_unit))
    unread = unread | (text.notna() & values.isna() & ~unclear)
    if plus is not None:
        values, wrong = _add(values, plus, how, layout)
        unread = unread | wrong
    return ReadColumn(values, (unread & ~mixed).astype(bool), mixed, unclear.astype(bool))


def read_distinct_values(text: pd.Series, how: ColumnMapping, **given: Any) -> ReadColumn:
    """The same as :func:`read_values` of cells without a type, each distinct cell read once.

    Parameters
    ----------
    text : pandas.Series of string
        Cells; none is missing.
    how, **given
        As for ``read_values``, without ``typed`` and ``plus``.

    Returns
    -------
    ReadColumn
        Equal cells are one object in memory.
    """
    codes, cells = pd.factorize(text)
    read = read_values(pd.Series(cells.astype(TEXT)), how, **given)
    del cells

    def spread(values: pd.Series) -> pd.Series:
        return pd.Series(values.array.take(codes), index=text.index)

    return ReadColumn(
        spread(read.values),
        spread(read.unread),
        spread(read.mixed_order),
        spread(read.unclear_time),
    )


def _factor(how: ColumnMapping, target_unit: str) -> float:
    return 1.0 if how.unit is None else UNITS[target_unit][how.unit]


def _parse(
    text: pd.Series, typed: pd.Series, *, dtype: str, layout: TableMapping, factor: float
) -> pd.Series:
    if dtype == NUMBER:
        numbers = _numbers(text, typed, layout)
        return numbers if factor == 1 else numbers * factor
    if dtype == COUNT:
        numbers = _numbers(text, typed, layout) * factor
        return numbers.where((numbers % 1 == 0) & (numbers.abs() <= LARGEST_COUNT)).astype(COUNT)
    if dtype == FLAG:
        words = dict.fromkeys(TRUE_WORDS, True) | dict.fromkeys(FALSE_WORDS, False)
        return text.str.lower().map(words).astype(FLAG)
    return text


def _numbers(text: pd.Series, typed: pd.Series, layout: TableMapping) -> pd.Series:
    written = _plain_numbers(text, layout.decimal, layout.thousands)
    return written.where(~typed, _plain_numbers(text, ".", None)) if typed.any() else written


def _plain_numbers(text: pd.Series, decimal: str, thousands: str | None) -> pd.Series:
    # A mark that is not declared, inf or a hexadecimal number does not match: 1.234 is not 1.234
    # where the decimal mark is a comma.
    mark, whole = "\\" + decimal, "[0-9]+"
    if thousands is not None:
        group = r"[ \u00a0\u202f]" if thousands == " " else "\\" + thousands
        whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)"
    pattern = rf"[+-]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    plain = text.where(text.str.fullmatch(pattern).fillna(False))
    if thousands is not None:
        plain = plain.str.replace(group, "", regex=True)
    numbers = plain.str.replace(decimal, ".", regex=False).astype(NUMBER)
    return numbers.where(np.isfinite(numbers))


def _times(
    text: pd.Series, typed: pd.Series, how: ColumnMapping, layout: TableMapping
) -> tuple[pd.Series, pd.Series]:
    """Times in UTC, and where a local time is unclear."""
    iso = text.str.fullmatch(ISO_TIME).fillna(False).astype(bool)
    values = _stamps(text.where(iso), None)
    has_offset = text.str.fullmatch(OFFSET).fillna(False).astype(bool)
    if how.format is not None:
        declared = ~(typed & iso)
        digits = text.str.contains(r"\d", regex=True).fillna(False)
        values = values.where(~declared, _stamps(text.where(digits & declared), how.format))
        has_offset = (has_offset & ~declared) | (declared & ("%z" in how.format.lower()))
    zone = how.time_zone or layout.time_zone
    unclear = pd.Series(False, index=text.index)
    if zone != "UTC":
        local = values.dt.tz_localize(None).mask(has_offset)
        rule = how.clock_changes or layout.clock_changes
        read, unclear = to_utc(local, time_zone=zone, clock_changes=rule)
        values = values.where(has_offset, read)
    return values, unclear


def _stamps(text: pd.Series, form: str | None) -> pd.Series:
    how = "ISO8601" if form is None else form
    return pd.to_datetime(text, format=how, utc=True, errors="coerce").astype(TIMESTAMP)


def _mixed_order(
    text: pd.Series, typed: pd.Series, how: ColumnMapping, values: pd.Series
) -> pd.Series:
    """Dates that only the other order of day and month can read, and those either can."""
    never = pd.Series(False, index=text.index)
    if how.format is None or "%d" not in how.format or "%m" not in how.format:
        return never
    other = how.format.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")
    digits = text.str.contains(r"\d", regex=True).fillna(False)  # pandas reads 'now' in any format
    swapped = _stamps(text.where(digits & ~typed), other).notna()
    only_swapped = swapped & values.isna()
    return swapped if only_swapped.any() else never


def _add(
    values: pd.Series,
    plus: tuple[pd.Series, pd.Series],
    how: ColumnMapping,
    layout: TableMapping,
) -> tuple[pd.Series, pd.Series]:
    assert how.plus is not None
    cells = plus[0].mask(plus[0].isin(["", *layout.missing]))
    seconds = _numbers(cells, plus[1], layout) * DURATION_SECONDS[how.plus.unit]
    seconds = seconds.where((seconds >= 0) & (seconds <= MOST_MONTHS * MONTH_SECONDS))
    whole = np.rint(seconds.fillna(0).to_numpy() * 1e6).astype("int64").astype("timedelta64[us]")
    added = (values + pd.Series(whole, index=values.index)).astype(TIMESTAMP)
    return added.mask(seconds.isna()), cells.notna() & seconds.isna()


def _months_before(months: pd.Series, snapshot_at: pd.Timestamp) -> pd.Series:
    # Whole microseconds, so that equal months are equal times.
    months = months.where(months.abs() <= MOST_MONTHS)
    back = np.rint(months.fillna(0).to_numpy() * (MONTH_SECONDS * 1e6)).astype("int64")
    end = np.datetime64(snapshot_at.tz_localize(None), "us")
    stamps = pd.Series(end - back.astype("timedelta64[us]"), index=months.index)
    return stamps.dt.tz_localize("UTC").mask(months.isna())
