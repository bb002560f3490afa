"""Delimited files whose form leaves no doubt, read by Arrow: millions of rows in little memory.

Whether a file is one is looked up first, byte by byte. Any other file, with or without a fault, is
left to ``delimited_text``, which reads row by row and can name what is wrong where.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from loyaltylab.sources.delimited_text import (
    BROKEN_GZIP,
    MARKS,
    find_header_problems,
    is_other_utf_8,
    open_text,
    without_mark,
)

ARROW_TEXT = pd.StringDtype("pyarrow")
PIECE = 2**20
BLOCK = 2**24  # a row is shorter
QUOTE, NEWLINE, RETURN = b'"\n\r'
BLANKS = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())
REFUSED = (UnicodeError, LookupError, csv.Error, pa.ArrowException, *BROKEN_GZIP)


def read_well_formed(
    path: Path, *, delimiter: str, encoding: str, wanted: Sequence[str]
) -> pd.DataFrame | None:
    """The same cells as ``read_text_columns`` reads, or None where that has to judge.

    Parameters
    ----------
    path, delimiter, encoding, wanted
        As for :func:`loyaltylab.sources.delimited_text.read_text_columns`.

    Returns
    -------
    pandas.DataFrame or None
        Columns of Arrow text.
    """
    encoding = without_mark(encoding)
    if not wanted:
        return None
    try:
        if not _has_no_doubt(path, delimiter, encoding) or is_other_utf_8(path, encoding):
            return None
        with open_text(path, encoding=encoding) as file:
            header = [name.strip() for name in next(csv.reader(file, delimiter=delimiter), [])]
        if any(find_header_problems(header, wanted)):
            return None
        cells = _read(path, delimiter, encoding, header, wanted)
    except REFUSED:
        return None
    return None if _is_strange(cells) else _as_frame(cells)


def _has_no_doubt(path: Path, delimiter: str, encoding: str) -> bool:
    if not delimiter.isascii() or delimiter in '"\r\n':
        return False
    with open_text(path, encoding=encoding) as file:
        return is_well_formed(_utf_8_pieces(file), delimiter=delimiter)


def _utf_8_pieces(file: TextIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece.encode()


def is_well_formed(pieces: Iterable[bytes], *, delimiter: str) -> bool:
    """Whether quotes, line ends and marks stand only where all readers agree on them.

    Quotes open a cell right after a delimiter or line end and close it right before one, or stand
    as a pair inside; every carriage return has its line feed; no line is blank; no NUL, no
    byte-order mark.

    Parameters
    ----------
    pieces : iterable of bytes
        A text in UTF-8, cut anywhere.
    delimiter : str
        One ASCII character.

    Examples
    --------
    >>> is_well_formed([b'a,b\\n1,"2 ""', b'x"", 3"\\n'], delimiter=",")
    True
    >>> is_well_formed([b'a,b\\n1,2"\\n'], delimiter=",")
    False
    """
    is_open, before = False, b"\1\n"  # two bytes back are looked at, and one ahead
    for piece in _and_an_end(pieces):
        data = before + piece
        at = np.frombuffer(data, dtype=np.uint8)
        quotes = np.flatnonzero(at[2:-1] == QUOTE) + 2
        if any(mark.encode() in data for mark in MARKS) or not (
            _stand_at_edges(at, quotes, ord(delimiter), is_open=is_open)
            and _are_paired(at, data)
            and _leave_no_blank_line(at, data, quotes, is_open=is_open)
        ):
            return False
        is_open ^= bool(len(quotes) % 2)
        before = data[-3:]
    return not is_open


def _and_an_end(pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield from pieces
    yield b"\n"


def _stand_at_edges(
    at: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp], delimiter: int, *, is_open: bool
) -> bool:
    if not len(quotes):
        return True
    opening, closing = quotes[int(is_open) :: 2], quotes[1 - int(is_open) :: 2]
    before, after = at[opening - 1], at[closing + 1]
    return bool(
        np.isin(before, (delimiter, NEWLINE, QUOTE)).all()
        and np.isin(after, (delimiter, NEWLINE, RETURN, QUOTE)).all()
    )


def _are_paired(at: npt.NDArray[np.uint8], data: bytes) -> bool:
    """Whether a line feed follows every carriage return."""
    if b"\r" not in data:
        return True
    return bool((at[1:][at[:-1] == RETURN] == NEWLINE).all())


def _leave_no_blank_line(
    at: npt.NDArray[np.uint8], data: bytes, quotes: npt.NDArray[np.intp], *, is_open: bool
) -> bool:
    """Whether no line outside quotes is blank; such lines count in the numbers of rows."""
    if b"\n\n" not in data and b"\n\r\n" not in data:
        return True
    ends = np.flatnonzero(at[2:-1] == NEWLINE) + 2
    is_blank = (at[ends - 1] == NEWLINE) | ((at[ends - 1] == RETURN) & (at[ends - 2] == NEWLINE))
    n_quotes = np.searchsorted(quotes, ends[is_blank]) + int(is_open)
    return bool((n_quotes % 2 == 1).all())


def _read(
    path: Path, delimiter: str, encoding: str, header: Sequence[str], wanted: Sequence[str]
) -> dict[str, pa.ChunkedArray]:
    places = [str(place) for place in range(len(header))]  # names may stand twice
    own = [places[header.index(name)] for name in wanted]
    with open_text(path, encoding=encoding) as file:
        table = pa_csv.read_csv(
            io.BufferedReader(_Pieces(_utf_8_pieces(file)), BLOCK),
            read_options=pa_csv.ReadOptions(
                column_names=places, skip_rows_after_names=1, block_size=BLOCK
            ),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(own, pa.string()),
                include_columns=list(dict.fromkeys(own)),
                strings_can_be_null=False,
            ),
        )
    return {name: table.column(place) for name, place in zip(wanted, own, strict=True)}


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n


def _is_strange(cells: dict[str, pa.ChunkedArray]) -> bool:
    """Whether a cell is longer than any is, or a row may be the header again."""
    longest = (pc.max(pc.binary_length(column)).as_py() or 0 for column in cells.values())
    if max(longest, default=0) > csv.field_size_limit():
        return True
    is_header: Any = True
    for name, column in cells.items():
        is_header = pc.and_(is_header, pc.equal(pc.utf8_trim(column, characters=BLANKS), name))
        if not pc.any(is_header).as_py():
            return False
    return True


def _as_frame(cells: dict[str, pa.ChunkedArray]) -> pd.DataFrame:
    n = len(next(iter(cells.values())))
    index = pd.Index(np.arange(2, n + 2, dtype=np.int64))
    columns = {}
    for name in list(cells):
        trimmed = pc.utf8_trim(cells.pop(name), characters=BLANKS)  # its memory is free from here
        columns[name] = pd.Series(pd.arrays.ArrowStringArray(trimmed), index=index)
    return pd.DataFrame(columns, index=index, copy=False)
