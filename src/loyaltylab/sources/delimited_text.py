"""A delimited file as text columns, read strictly: every row has a cell for every column."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.raw_tables import RawTable, hash_file
from loyaltylab.sources.table_mapping import FileLayout

FIRST_ROWS = 5


def read_cells(layout: FileLayout, *, place: str, root: Path, wanted: Sequence[str]) -> RawTable:
    """Read one delimited file; none of its cells has a type."""
    cells = read_text_columns(
        root / place, delimiter=layout.delimiter, encoding=layout.encoding, wanted=wanted
    )
    typed = pd.DataFrame(False, index=cells.index, columns=cells.columns)
    return RawTable(cells, typed, hash_file(root / place))


def read_text_columns(
    path: Path, *, delimiter: str, encoding: str, wanted: Sequence[str]
) -> pd.DataFrame:
    """Read some columns of a delimited file (RFC 4180) as text.

    Parameters
    ----------
    path : Path
        The file; its first row names the columns.
    delimiter : str
        One character.
    encoding : str
        A text encoding; a byte-order mark is dropped.
    wanted : sequence of str
        The columns to read.

    Returns
    -------
    pandas.DataFrame
        One text column per wanted one, without surrounding blanks. The index is the row number
        as a spreadsheet shows it: the header is row 1; blank lines count, but are no rows.

    Raises
    ------
    TableError
        With every problem of the file's form, and no cell's content.
    """
    encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        with path.open(encoding=encoding, newline="") as file:
            return _read(csv.reader(file, delimiter=delimiter, strict=True), delimiter, wanted)
    except LookupError as error:
        raise TableError("", [f"encoding '{encoding}' is unknown"]) from error
    except UnicodeError:
        hint = f"is not text in the encoding {encoding}; name the right one, such as latin-1 or"
        raise TableError("", [f"{hint} utf-16, under 'encoding' in the mapping"]) from None
    except csv.Error as error:
        raise TableError("", [f"cannot be read as delimited text ({error})"]) from None


def _read(rows: Iterator[list[str]], delimiter: str, wanted: Sequence[str]) -> pd.DataFrame:
    header = [name.strip() for name in next(rows, [])]
    problems = list(find_header_problems(header, wanted, delimiter=delimiter))
    if problems:
        raise TableError("", problems)
    columns: list[tuple[int, list[str]]] = [(header.index(name), []) for name in wanted]
    numbers: list[int] = []
    ragged: list[int] = []
    seen: dict[str, str] = {}  # one copy of each distinct cell: a tenth of the memory
    for number, row in enumerate(rows, start=2):
        if len(row) == len(header):
            numbers.append(number)
            for place, cells in columns:
                cell = row[place].strip()
                cells.append(seen.setdefault(cell, cell))
        elif row:
            ragged.append(number)
    if ragged:
        raise TableError("", [_ragged(ragged, len(header))])
    return pd.DataFrame(
        {
            name: pd.Series(cells, index=numbers, dtype="string")
            for name, (_, cells) in zip(wanted, columns, strict=True)
        },
        index=pd.Index(numbers, dtype="int64"),
    )


def find_header_problems(
    header: Sequence[str], wanted: Sequence[str], *, delimiter: str = ""
) -> Iterator[str]:
    """A header that is missing, or lacks a wanted column, or has it twice."""
    if not any(header):
        yield "has no header: its first row must name the columns"
        return
    for name in wanted:
        if name not in header:
            hint = did_you_mean(name, list(header))
            if len(header) == 1 and delimiter:
                hint = f"; it has one column only, so is '{delimiter}' its delimiter?"
            yield f"has no column '{name}'{hint}"
        elif header.count(name) > 1:
            yield f"has {header.count(name)} columns '{name}'; rename all but one"


def _ragged(rows: list[int], n_columns: int) -> str:
    shown = ", ".join(str(row) for row in rows[:FIRST_ROWS])
    more = ", …" if len(rows) > FIRST_ROWS else ""
    return (
        f"has {len(rows):,} row{'s' if len(rows) > 1 else ''} (row {shown}{more}) without exactly "
        f"{n_columns} cells, as many as the header; put cells that hold the delimiter in quotes"
    )
