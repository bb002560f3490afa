"""What a mapping says that cannot be meant: found before any file is opened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pandas as pd

from loyaltylab.params import did_you_mean
from loyaltylab.sources.cell_values import UNITS
from loyaltylab.tables.layout import is_attribute
from loyaltylab.tables.schemas import ID_COLUMNS, NUMBER, TABLES, TEXT, TIMESTAMP

if TYPE_CHECKING:
    from loyaltylab.sources.mapping import Mapping
    from loyaltylab.sources.table_mapping import ColumnMapping, TableMapping

# Identifiers of what is public, a rule or a rival's campaign, not of anybody.
PUBLIC_IDS = ("policy_id", "promotion_id")


def column_type(table: str, column: str, how: ColumnMapping) -> str:
    """The type a column must have: its schema's, or the declared one of an attribute."""
    schema = TABLES[table].schema.columns
    if column in schema:
        return str(schema[column].metadata["dtype"])
    return NUMBER if how.type == "number" else TEXT


def column_unit(table: str, column: str) -> str:
    """The unit of a column; a further attribute has none."""
    schema = TABLES[table].schema.columns
    return str(schema[column].metadata["unit"]) if column in schema else ""


def utc_time(text: str) -> pd.Timestamp:
    """An ISO 8601 time as a UTC timestamp in microseconds; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return pd.Timestamp(moment).tz_convert("UTC").as_unit("us")


def find_mapping_problems(mapping: Mapping) -> list[str]:
    """Every contradiction in a mapping whose keys are right.

    Parameters
    ----------
    mapping : Mapping
        Its tables and columns may still be unknown; those are passed over here.

    Returns
    -------
    list of str
        One sentence per problem, naming its place.
    """
    problems = []
    window = mapping.window
    if window is not None and utc_time(window.end) <= utc_time(window.start):
        problems.append("window: the end is not after the start")
    identifiers = _identifier_columns(mapping)
    for table, layout in mapping.tables.items():
        if table not in TABLES:
            continue
        for column, how in layout.columns.items():
            place = f"tables.{table}.columns.{column}"
            problems += [f"{place}: {text}" for text in _column_problems(table, column, how)]
            if (how.months_before_snapshot or how.snapshot_when) and mapping.snapshot is None:
                problems.append(f"{place}: there is no snapshot to count from")
            problems += [f"{place}: {text}" for text in _join_problems(how, layout)]
            for name in _used_identifiers(how, layout, identifiers):
                if column not in ID_COLUMNS:
                    problems.append(
                        f"{place}: the file's column '{name}' is an identifier here, so it "
                        "may only fill identifiers, which are pseudonymised"
                    )
    return problems


def _identifier_columns(mapping: Mapping) -> set[tuple[str, str]]:
    found = set()
    for layout in mapping.tables.values():
        for column, how in layout.columns.items():
            if column in ID_COLUMNS and column not in PUBLIC_IDS:
                found |= _file_columns(how, layout)
        # A key that is matched with an identifier is one too.
        for join in layout.joins.values():
            own = {(place, join.matches) for place in layout.places}
            if own & found:
                found |= {(place, join.key) for place in join.places}
    return found


def _file_columns(how: ColumnMapping, layout: TableMapping) -> set[tuple[str, str]]:
    joined = layout.joins.get(how.join) if how.join is not None else None
    places = joined.places if joined is not None else layout.places
    return {(place, name) for place in places for name in how.file_columns}


def _used_identifiers(
    how: ColumnMapping, layout: TableMapping, identifiers: set[tuple[str, str]]
) -> list[str]:
    """The identifiers a column reads; a pattern stands for every file it may match."""
    return sorted(
        {
            name
            for place, name in _file_columns(how, layout)
            for other, identifier in identifiers
            if name == identifier and (fnmatch(place, other) or fnmatch(other, place))
        }
    )


def _join_problems(how: ColumnMapping, layout: TableMapping) -> Iterator[str]:
    if how.join is None:
        return
    if how.join not in layout.joins:
        yield f"join '{how.join}' is unknown{did_you_mean(how.join, list(layout.joins))}"
    if how.source is None or how.plus is not None:
        yield "a joined column is read with 'from', and without 'plus'"


def _column_problems(table: str, column: str, how: ColumnMapping) -> Iterator[str]:
    is_time = column_type(table, column, how) == TIMESTAMP
    if (how.months_before_snapshot or how.snapshot_when) and not is_time:
        yield "months_before_snapshot and snapshot_when give times, and this column is no time"
    if how.snapshot_when and how.values is not None:
        yield "snapshot_when already says what each value means; leave out values"
    if how.plus is not None and (not is_time or how.source is None):
        yield "plus adds a duration to a time that is read with 'from'"
    if (how.time_zone or how.clock_changes) and not is_time:
        yield "time_zone and clock_changes are for times"
    units = UNITS.get(column_unit(table, column), {})
    if how.unit is not None and how.unit not in units:
        known = f"; known are {', '.join(units)}" if units else ": this column has none to convert"
        yield f"unit '{how.unit}' is unknown{known}"
    if how.format is not None:
        if not is_time or how.file_column != how.source:
            yield "a format is for times that are read from the file"
        try:
            pd.to_datetime(pd.Series(["-"], dtype="string"), format=how.format, errors="coerce")
        except ValueError as error:
            yield f"the format is not one of strptime ({error})"
    said = how.type or how.meaning or how.known
    if said and not is_attribute(table, column):
        yield "type, meaning and known are for further attributes; data/README.md has this column's"
