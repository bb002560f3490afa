"""Tables through a declared mapping, from any format: no code, nothing guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.sources.cell_values import (
    MONTH_SECONDS,
    ReadColumn,
    read_distinct_values,
    read_values,
)
from loyaltylab.sources.files import ReadTable, read_files
from loyaltylab.sources.mapping import Mapping, read_mapping
from loyaltylab.sources.mapping_checks import column_type, column_unit, utc_time
from loyaltylab.sources.raw_tables import hash_file
from loyaltylab.sources.table_mapping import ColumnMapping, TableMapping
from loyaltylab.tables.delivery import Delivery, SourceDescription
from loyaltylab.tables.layout import is_attribute
from loyaltylab.tables.rules import MIXED_DATE_ORDER, UNCLEAR_LOCAL_TIME, Violation
from loyaltylab.tables.schemas import ID_COLUMNS, TEXT, TYPE_WORDS


@dataclass(frozen=True)
class _Clock:
    window_start_at: pd.Timestamp
    window_end_at: pd.Timestamp


def read_mapped(mapping_path: Path, *, root: Path, kind: str) -> Delivery:
    """Read what a mapping names into tables.

    Parameters
    ----------
    mapping_path : Path
        The YAML mapping.
    root : Path
        The study's folder; file names in the mapping are relative to it.
    kind : str
        The format of tables that name none: delimited, excel, parquet, sql or zendesk.

    Returns
    -------
    Delivery
        Frames indexed by row number in their file (a header is row 1), numbered on from one file
        to the next. Values that cannot be read are empty there and named among ``violations``.

    Raises
    ------
    TableError
        If the mapping, a file or a column is missing; every one is named.
    """
    mapping = read_mapping(mapping_path)
    clock = _read_clock(mapping)
    raw = _read_tables(mapping, root, kind)
    frames = {}
    violations: list[Violation] = []
    notes: list[str] = []
    for name, table in mapping.tables.items():
        columns = {}
        violations += raw[name].violations
        for column, how in table.columns.items():
            read = _read_column(name, column, how, table, raw[name], clock)
            columns[column] = read.values
            violations += _violations(name, column, how, table, read)
            notes += _clock_note(name, column, how, table, read)
            raw[name] = _without_read(raw[name], table, column)
        frames[name] = pd.DataFrame(columns, index=raw[name].cells.index, copy=False)
        if frames[name].empty:
            notes.append(f"{raw[name].label} has no rows, so the table {name} is empty.")
    description = SourceDescription(
        kind=kind,
        label=mapping.label,
        is_synthetic=False,
        window_start_at=clock.window_start_at,
        window_end_at=clock.window_end_at,
        data_hash=_hash(mapping_path, raw),
        is_sample=mapping.is_sample,
        attributes=_attributes(mapping),
        attributes_not_for_models=_not_for_models(mapping),
        notes=(
            *_snapshot_note(mapping),
            *mapping.notes,
            *(note for table in raw.values() for note in table.notes),
            *notes,
        ),
    )
    files = {name: table.label for name, table in raw.items()}
    return Delivery(description, frames, files, tuple(mapping.set_aside), tuple(violations))


def _read_clock(mapping: Mapping) -> _Clock:
    if mapping.snapshot is None:
        assert mapping.window is not None  # the mapping's own check
        return _Clock(utc_time(mapping.window.start), utc_time(mapping.window.end))
    end = utc_time(mapping.snapshot.at)
    watched = pd.Timedelta(seconds=mapping.snapshot.observed_months * MONTH_SECONDS)
    return _Clock((end - watched).as_unit("us"), end)


def _snapshot_note(mapping: Mapping) -> Iterator[str]:
    if mapping.snapshot is not None:
        yield (
            f"The file is a snapshot: it lists who was a customer during the last "
            f"{mapping.snapshot.observed_months:g} months. Customers who left earlier are not in "
            "it, so each customer counts as at risk only from the start of that period on."
        )


def _read_tables(mapping: Mapping, root: Path, kind: str) -> dict[str, ReadTable]:
    raw, problems = {}, []
    for name, table in mapping.tables.items():
        try:
            raw[name] = read_files(name, table, root=root, kind=kind)
        except TableError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if problems:
        raise TableError("The source does not have what its mapping names:", problems)
    return raw


def _without_read(raw: ReadTable, layout: TableMapping, last: str) -> ReadTable:
    """Cells that no column after the last one read needs; text is most of the memory."""
    columns = list(layout.columns)
    later = {
        place
        for column in columns[columns.index(last) + 1 :]
        for place in _places(layout.columns[column])
    }
    needed = [column for column in raw.cells if column in later]
    return replace(raw, cells=raw.cells[needed], typed=raw.typed[needed])


def _read_column(
    table: str,
    column: str,
    how: ColumnMapping,
    layout: TableMapping,
    raw: ReadTable,
    clock: _Clock,
) -> ReadColumn:
    """One column in its schema's type."""
    index = raw.cells.index
    text = pd.Series(str(how.constant), index=index, dtype=TEXT)
    typed = pd.Series(False, index=index)
    if how.file_column is not None:
        place = _places(how)[0]
        text, typed = raw.cells[place], raw.typed[place]
    given = {
        "dtype": column_type(table, column, how),
        "layout": layout,
        "snapshot_at": clock.window_end_at,
        "target_unit": column_unit(table, column),
    }
    if how.plus is None and not typed.any():
        return read_distinct_values(text, how, **given)
    text, plus = text.astype(TEXT), None
    if how.plus is not None:
        plus = (raw.cells[how.plus.column].astype(TEXT), raw.typed[how.plus.column])
    read = read_values(text, how, typed=typed, plus=plus, **given)
    if column not in ID_COLUMNS:
        return read
    # A rounded number or a day has stood for more than one identifier.
    doubtful = typed & ~text.str.fullmatch(r"-?\d+").fillna(False).astype(bool)
    return replace(read, values=read.values.mask(doubtful), unread=read.unread | doubtful)


def _places(how: ColumnMapping) -> list[str]:
    """The columns of the cells that a mapping reads; its own first, then the duration's."""
    own = [] if how.file_column is None else [how.file_column]
    joined = own if how.join is None else [f"{how.join}: {column}" for column in own]
    return joined + ([how.plus.column] if how.plus is not None else [])


def _violations(
    table: str, column: str, how: ColumnMapping, layout: TableMapping, read: ReadColumn
) -> Iterator[Violation]:
    index = read.values.index
    unread, mixed, unclear = (
        tuple(int(row) for row in index[mask.to_numpy(dtype=bool)])
        for mask in (read.unread, read.mixed_order, read.unclear_time)
    )
    origin = _origin(how)
    if unread:
        word = TYPE_WORDS[column_type(table, column, how)]
        must = f"{column} can be read as {word} from {origin}"
        fix = (
            "correct these values, or say in the mapping how they are written "
            "(values, format, decimal, missing)"
        )
        yield Violation(table, "unreadable_value", column, unread, must, fix)
    if mixed:
        n_other = int((read.mixed_order & read.values.isna()).sum())
        must = (
            f"{origin} has its days and months in one order: {n_other:,} of these dates fit only "
            f"the other order than '{how.format}' (first in row {_first_other(read)}), and the "
            "rest fit both"
        )
        fix = "write every date in one order, best YYYY-MM-DD"
        yield Violation(table, MIXED_DATE_ORDER, column, mixed, must, fix)
    if unclear and (how.clock_changes or layout.clock_changes) == "refuse":
        zone = how.time_zone or layout.time_zone
        must = (
            f"{origin} names one moment: the clocks of {zone} skip these times or show them twice"
        )
        fix = "write times with an offset, or choose 'clock_changes: before' or 'after'"
        yield Violation(table, UNCLEAR_LOCAL_TIME, column, unclear, must, fix)


def _first_other(read: ReadColumn) -> int:
    return int(read.values.index[(read.mixed_order & read.values.isna()).to_numpy(dtype=bool)][0])


def _clock_note(
    table: str, column: str, how: ColumnMapping, layout: TableMapping, read: ReadColumn
) -> Iterator[str]:
    rule = how.clock_changes or layout.clock_changes
    n_unclear = int(read.unclear_time.sum())
    if n_unclear and rule != "refuse":
        yield (
            f"In {table}, {n_unclear:,} values of {column} are local times that the clocks of "
            f"{how.time_zone or layout.time_zone} skip or show twice; they are read with the "
            f"offset in force {rule} the change."
        )


def _origin(how: ColumnMapping) -> str:
    if how.snapshot_when is not None:
        when = how.snapshot_when
        return f"'{when.column}', which is '{when.equals}' or '{when.otherwise}'"
    if how.file_column is None:
        return "the constant"
    joined = f" of the join '{how.join}'" if how.join else ""
    more = f" plus {how.plus.unit} of '{how.plus.column}'" if how.plus else ""
    listed = ", by the values listed" if how.values else ""
    return f"'{how.file_column}'{joined}{more}{listed}"


def _attributes(mapping: Mapping) -> dict[str, str]:
    return {
        column: f"{how.meaning or how.file_column or 'the same for all'}; "
        f"known {how.known or 'at an undeclared time'}"
        for column, how in mapping.tables["customers"].columns.items()
        if is_attribute("customers", column)
    }


def _not_for_models(mapping: Mapping) -> tuple[str, ...]:
    columns = mapping.tables["customers"].columns
    return tuple(column for column, how in columns.items() if not how.in_models)


def _hash(mapping_path: Path, raw: dict[str, ReadTable]) -> str:
    digest = hashlib.sha256(hash_file(mapping_path))
    # A file that fills several tables counts once; two queries are two, whatever their names.
    for _, one in dict.fromkeys(item for table in raw.values() for item in table.digests.items()):
        digest.update(one)
    return digest.hexdigest()
