"""What every format is read into: cells as text, and which of them the format itself typed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Protocol
from uuid import UUID

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.sources.table_mapping import FileLayout

# A new format is one module with a ``read_cells``, one line here, and one test.
READERS = {
    "delimited": "loyaltylab.sources.delimited",
    "excel": "loyaltylab.sources.excel",
    "parquet": "loyaltylab.sources.parquet",
    "sql": "loyaltylab.sources.sql",
    "zendesk": "loyaltylab.sources.zendesk",
}
LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class RawTable:
    """Cells of some columns, before the mapping says what they mean.

    Attributes
    ----------
    cells : pandas.DataFrame
        Text without surrounding blanks; the index is the row number in the file.
    typed : pandas.DataFrame
        Same shape: True where the format says what a cell is (a number, a time). Its text is
        then ISO 8601 or has a decimal point, whatever marks and formats the mapping declares.
    digest : bytes
        SHA-256 of what was read.
    notes : tuple of str
        What a reader of the results must know about the reading.
    """

    cells: pd.DataFrame
    typed: pd.DataFrame
    digest: bytes
    notes: tuple[str, ...] = ()


class TableReader(Protocol):
    """One format: from a place to raw cells.

    ``place`` is one file, named from the study's folder, or the layout's query or table. Every
    problem is a TableError that starts with a verb and shows no cell.
    """

    def __call__(
        self, layout: FileLayout, *, place: str, root: Path, wanted: Sequence[str]
    ) -> RawTable:
        """Read the wanted columns."""


def find_reader(kind: str) -> TableReader:
    """The reader of a format; its library is imported only then."""
    reader: TableReader = import_module(READERS[kind]).read_cells
    return reader


def cell_text(value: object) -> tuple[str, bool]:
    """A cell as text, and whether its type is known.

    Raises
    ------
    TypeError
        For a value that is no cell, such as a list or bytes.

    Examples
    --------
    >>> cell_text(" 1,5 "), cell_text(7.0), cell_text(None), cell_text(date(2020, 2, 1))
    (('1,5', False), ('7', True), ('', False), ('2020-02-01', True))
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return "", False
    if isinstance(value, str | UUID):
        return str(value).strip(), False
    if isinstance(value, bool):
        return str(value).lower(), True
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) <= LARGEST_EXACT
        return str(int(value)) if whole else repr(value), True
    if isinstance(value, int):
        return str(value), True
    if isinstance(value, Decimal):
        return f"{value:f}", True
    if isinstance(value, date | datetime):
        return value.isoformat(), True
    raise TypeError(type(value).__name__)


def make_raw_table(
    columns: Mapping[str, Iterable[object]], *, rows: Sequence[int], digest: bytes
) -> RawTable:
    """Raw cells from columns of Python values.

    Raises
    ------
    TableError
        Naming every column that holds something other than text, numbers and times.
    """
    index = pd.Index(rows, dtype="int64")
    cells, typed, problems = {}, {}, []
    for name, values in columns.items():
        try:
            pairs = [cell_text(value) for value in values]
        except TypeError as error:
            problems.append(
                f"has a column '{name}' with values of type {error}; write them as text"
            )
            continue
        cells[name] = pd.Series([text for text, _ in pairs], index=index, dtype="string")
        typed[name] = pd.Series([known for _, known in pairs], index=index, dtype=bool)
    if problems:
        raise TableError("", problems)
    return RawTable(pd.DataFrame(cells, index=index), pd.DataFrame(typed, index=index), digest)


def hash_file(path: Path) -> bytes:
    """SHA-256 of a file, in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
