"""Delimited files through a declared mapping: no code, nothing guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.delimited_text import read_text_columns
from loyaltylab.sources.delimited_values import MONTH_SECONDS, read_values
from loyaltylab.sources.mapping import ColumnMapping, Mapping, TableMapping, read_mapping
from loyaltylab.sources.mapping_checks import column_type, utc_time
from loyaltylab.tables.delivery import Delivery, SourceDescription
from loyaltylab.tables.layout import is_attribute
from loyaltylab.tables.rules import Violation
from loyaltylab.tables.schemas import TYPE_WORDS


@dataclass(frozen=True)
class _Clock:
    window_start_at: pd.Timestamp
    window_end_at: pd.Timestamp


def read_delimited(mapping_path: Path, *, root: Path) -> Delivery:
    """Read the files a mapping names into tables.

    Parameters
    ----------
    mapping_path : Path
        The YAML mapping.
    root : Path
        The study's folder; file names in the mapping are relative to it.

    Returns
    -------
    Delivery
        Frames indexed by row number in their file (the header is row 1). Values that cannot be
        read are empty there and named among ``violations``.

    Raises
    ------
    TableError
        If the mapping, a file or a column is missing; every one is named.
    """
    mapping = read_mapping(mapping_path)
    clock = _read_clock(mapping)
    raw = _read_files(mapping, root)
    frames, violations = {}, []
    for name, table in mapping.tables.items():
        columns = {}
        for column, how in table.columns.items():
            columns[column], found = _read_column(name, column, how, table, raw[name], clock)
            violations += found
        frames[name] = pd.DataFrame(columns, index=raw[name].index)
    description = SourceDescription(
        kind="delimited",
        label=mapping.label,
        is_synthetic=False,
        window_start_at=clock.window_start_at,
        window_end_at=clock.window_end_at,
        data_hash=_hash_files([mapping_path, *(root / t.file for t in mapping.tables.values())]),
        is_sample=mapping.is_sample,
        attributes=_attributes(mapping),
        attributes_not_for_models=_not_for_models(mapping),
        notes=(*_snapshot_note(mapping), *mapping.notes),
    )
    files = {name: Path(table.file).name for name, table in mapping.tables.items()}
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


def _read_files(mapping: Mapping, root: Path) -> dict[str, pd.DataFrame]:
    raw, problems = {}, []
    for name, table in mapping.tables.items():
        if not (root / table.file).is_file():
            problems.append(f"{name}: {table.file} is not there; {_other_files(root, table)}")
            continue
        wanted = (how.file_column for how in table.columns.values())
        try:
            raw[name] = read_text_columns(
                root / table.file,
                delimiter=table.delimiter,
                encoding=table.encoding,
                wanted=list(dict.fromkeys(column for column in wanted if column is not None)),
            )
        except TableError as error:
            problems += [f"{name}: {table.file} {problem}" for problem in error.problems]
    if problems:
        raise TableError("The source does not have what its mapping names:", problems)
    return raw


def _other_files(root: Path, table: TableMapping) -> str:
    folder = (root / table.file).parent
    there = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    hint = did_you_mean(Path(table.file).name, sorted(there))
    return f"copy it there, or correct its name in the mapping{hint}"


def _read_column(
    table: str,
    column: str,
    how: ColumnMapping,
    layout: TableMapping,
    raw: pd.DataFrame,
    clock: _Clock,
) -> tuple[pd.Series, list[Violation]]:
    """One column in its schema's type, and the rows whose value could not be read."""
    dtype = column_type(table, column, how)
    if how.file_column is None:
        text = pd.Series(str(how.constant), index=raw.index, dtype="string")
    else:
        text = raw[how.file_column]
    values, unread = read_values(
        text,
        how,
        dtype=dtype,
        decimal=layout.decimal,
        missing=layout.missing,
        snapshot_at=clock.window_end_at,
    )
    rows = tuple(int(row) for row in raw.index[unread.to_numpy(dtype=bool)])
    found = Violation(
        table,
        "unreadable_value",
        column,
        rows,
        f"{column} can be read as {TYPE_WORDS[dtype]} from {_origin(how)}",
        "correct these values, or say in the mapping how they are written "
        "(values, format, decimal, missing)",
    )
    return values, [found] if rows else []


def _origin(how: ColumnMapping) -> str:
    if how.snapshot_when is not None:
        when = how.snapshot_when
        return f"'{when.column}', which is '{when.equals}' or '{when.otherwise}'"
    if how.file_column is None:
        return "the constant"
    return f"'{how.file_column}'" + (", by the values listed" if how.values else "")


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


def _hash_files(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in dict.fromkeys(paths):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
