"""A delimited file as text columns, read strictly: every row has a cell for every column."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean

FIRST_ROWS = 5
GZIP = b"\x1f\x8b"
BROKEN_GZIP = (gzip.BadGzipFile, zlib.error, EOFError)
GZIP_MESSAGE = "is no whole gzip file; it was cut short or damaged, so copy it anew"
PIECE = 2**20
MARKS = ("\0", "\ufeff")  # no exporter means either inside a cell


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
    encoding = without_mark(encoding)
    try:
        with open_text(path, encoding=encoding) as file:
            read = _read(csv.reader(file, delimiter=delimiter, strict=True), delimiter, wanted)
        if is_other_utf_8(path, encoding):
            raise TableError(
                "", [f"is UTF-8, not {encoding}; write 'encoding: utf-8' in the mapping"]
            )
        return read
    except BROKEN_GZIP:
        raise TableError("", [GZIP_MESSAGE]) from None
    except LookupError as error:
        raise TableError("", [f"encoding '{encoding}' is unknown"]) from error
    except UnicodeError:
        hint = f"is not text in the encoding {encoding}; name the right one, such as latin-1 or"
        raise TableError("", [f"{hint} utf-16, under 'encoding' in the mapping"]) from None
    except csv.Error as error:
        raise TableError("", [f"cannot be read as delimited text ({error})"]) from None


def without_mark(encoding: str) -> str:
    """The encoding that drops a byte-order mark, where it is UTF-8."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


@contextmanager
def open_text(path: Path, *, encoding: str) -> Iterator[TextIO]:
    """A text file, or one that gzip compressed, whatever its name."""
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == GZIP
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if is_gzip else raw
        with io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
            yield text


def is_other_utf_8(path: Path, encoding: str) -> bool:
    """Whether text declared as one byte per character is UTF-8: that changes names silently."""
    if len("é".encode(encoding, "replace")) != 1:
        return False
    try:
        with open_text(path, encoding="utf-8") as file:
            is_ascii = True
            while part := file.read(PIECE):  # to the end: one broken byte is no UTF-8
                is_ascii = is_ascii and part.isascii()
            return not is_ascii
    except UnicodeError:
        return False


def _read(rows: Iterator[list[str]], delimiter: str, wanted: Sequence[str]) -> pd.DataFrame:
    written = next(rows, [])
    header = [name.strip() for name in written]
    problems = list(find_header_problems(header, wanted, delimiter=delimiter))
    if problems:
        raise TableError("", problems)
    columns: list[tuple[int, list[str]]] = [(header.index(name), []) for name in wanted]
    numbers: list[int] = []
    ragged: list[int] = []
    repeated: list[int] = []
    seen: dict[str, str] = {}  # one copy of each distinct cell: a tenth of the memory
    for number, row in enumerate(rows, start=2):
        if len(row) == len(header):
            numbers.append(number)
            if row == written:
                repeated.append(number)
            for place, cells in columns:
                cell = row[place].strip()
                cells.append(seen.setdefault(cell, cell))
        elif row:
            ragged.append(number)
    problems = [_ragged(ragged, len(header))] if ragged else []
    if repeated:
        problems.append(
            f"has its header again in {name_rows(repeated)}; two files were joined, so take them "
            "apart"
        )
    marked = {cell for cell in seen if any(mark in cell for mark in MARKS)}
    if marked:
        hit = [at for at in range(len(numbers)) if any(cells[at] in marked for _, cells in columns)]
        problems.append(
            "has NUL characters or byte-order marks inside cells in "
            f"{name_rows([numbers[at] for at in hit])}; "
            "export it again, or name its encoding in the mapping"
        )
    if problems:
        raise TableError("", problems)
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
    return (
        f"has {name_rows(rows)} without exactly {n_columns} cells, as many as the header; put "
        "cells that hold the delimiter in quotes"
    )


def name_rows(rows: Sequence[int]) -> str:
    """How many rows, and the first of them."""
    shown = ", ".join(str(row) for row in rows[:FIRST_ROWS])
    more = ", …" if len(rows) > FIRST_ROWS else ""
    return f"{len(rows):,} row{'s' if len(rows) > 1 else ''} (row {shown}{more})"
