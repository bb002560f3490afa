"""How a delimited file is written, guessed from the file: encoding, delimiter, columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.sources.delimited_text import read_text_columns

Kind = Literal["date", "number", "text", "empty"]
DELIMITERS = (",", ";", "\t", "|")
FIRST_LINES = 50
MOSTLY = 0.95
MOST_CODES = 12
FEWEST_ROWS_OF_A_CODE = 5  # a code of fewer customers is not written into a draft
# Written for an empty cell; a fixed list, so that no value of the file slips through.
EMPTY_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "9999-12-31")
ISO = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?"
DAY_PATTERN = r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?: (\d{2}:\d{2})(:\d{2})?)?"
POINT_NUMBER = r"[+-]?\d+(?:\.\d+)?"
COMMA_NUMBER = r"[+-]?\d+(?:,\d+)?"
NO_NAME = f"{ISO}|{DAY_PATTERN}|{POINT_NUMBER}|{COMMA_NUMBER}"


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a file.

    Attributes
    ----------
    name : str
        As in the header.
    kind : {"date", "number", "text", "empty"}
    n_rows, n_known, n_distinct : int
        Rows, rows that hold something, different values.
    form : str, optional
        strptime format of dates; None for ISO 8601 and for what is no date.
    is_order_sure : bool
        Whether some date tells day from month.
    is_whole : bool
        Whether every number is a whole one.
    codes : tuple of str
        The different values, if they are at most 12 and each stands in 5 rows or more.
    """

    name: str
    kind: Kind
    n_rows: int
    n_known: int
    n_distinct: int
    form: str | None = None
    is_order_sure: bool = True
    is_whole: bool = False
    codes: tuple[str, ...] = ()

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.n_known == self.n_rows == self.n_distinct


@dataclass(frozen=True)
class FileProfile:
    """One file: how it is written, and its columns.

    Attributes
    ----------
    path : Path
    encoding, delimiter, decimal : str
    missing : tuple of str
        Words found for an empty cell, of a fixed list.
    columns : tuple of ColumnProfile
    """

    path: Path
    encoding: str
    delimiter: str
    decimal: str
    missing: tuple[str, ...]
    columns: tuple[ColumnProfile, ...]


def profile_file(path: Path) -> FileProfile:
    """Look at a file.

    Raises
    ------
    TableError
        If it is not there, not text, or not a table.
    """
    if not path.is_file():
        raise TableError(f"There is no file '{path}'.")
    encoding = _find_encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        lines = [line for _, line in zip(range(FIRST_LINES), file, strict=False)]
    header = lines[0].rstrip("\r\n") if lines else ""
    delimiter = max(DELIMITERS, key=lambda mark: (_is_steady(lines, mark), header.count(mark)))
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    if any(re.fullmatch(NO_NAME, name) for name in names):
        raise TableError(
            f"The first row of {path.name} holds numbers or dates, so it seems to be a customer "
            "and not the names of the columns. Put a row of names on top of the file."
        )
    try:
        frame = read_text_columns(path, delimiter=delimiter, encoding=encoding, wanted=names)
    except TableError as error:
        problems = [f"{path.name} {problem}" for problem in error.problems]
        raise TableError("The file cannot be read as a table:", problems) from error
    found = {word for word in EMPTY_WORDS for name in names if frame[name].eq(word).any()}
    missing = tuple(word for word in EMPTY_WORDS if word in found)
    cleaned = frame.mask(frame.isin(["", *missing]))
    decimal = "," if any(_needs_comma(cleaned[name].dropna()) for name in names) else "."
    columns = tuple(_profile(cleaned[name], decimal) for name in names)
    return FileProfile(path, encoding, delimiter, decimal, missing, columns)


def _find_encoding(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _is_steady(lines: list[str], mark: str) -> bool:
    """Whether the mark stands as often in most lines as in the first."""
    counts = [line.count(mark) for line in lines if line.strip()]
    if not counts or counts[0] == 0:
        return False
    return sum(count >= counts[0] for count in counts) >= MOSTLY * len(counts)


def _share(text: pd.Series, pattern: str) -> float:
    return float(text.str.fullmatch(pattern).mean()) if len(text) else 0.0


def _needs_comma(text: pd.Series) -> bool:
    return _share(text, COMMA_NUMBER) == 1.0 and _share(text, POINT_NUMBER) < 1.0


def _profile(text: pd.Series, decimal: str) -> ColumnProfile:
    known = text.dropna()
    counts = known.value_counts()
    size = (len(text), len(known), len(counts))
    name = str(text.name)
    if known.empty:
        return ColumnProfile(name, "empty", *size)
    if _share(known, ISO) >= MOSTLY:
        return ColumnProfile(name, "date", *size)
    if _share(known, DAY_PATTERN) >= MOSTLY:
        form, is_sure = _day_format(known)
        return ColumnProfile(name, "date", *size, form=form, is_order_sure=is_sure)
    is_shown = len(counts) <= MOST_CODES and counts.min() >= FEWEST_ROWS_OF_A_CODE
    codes = tuple(sorted(str(code) for code in counts.index)) if is_shown else ()
    if _share(known, COMMA_NUMBER if decimal == "," else POINT_NUMBER) >= MOSTLY:
        is_whole = _share(known, r"[+-]?\d+") == 1.0
        return ColumnProfile(name, "number", *size, is_whole=is_whole, codes=codes)
    return ColumnProfile(name, "text", *size, codes=codes)


def _day_format(known: pd.Series) -> tuple[str, bool]:
    """Format of dates such as 31.12.2020, and whether any of them tells day from month."""
    parts = known.str.extract(DAY_PATTERN)
    first, second = parts[0].astype("float64").max(), parts[2].astype("float64").max()
    mark = str(parts[1].dropna().iloc[0])
    is_day_first = first > 12 or (second <= 12 and mark == ".")
    day = f"%d{mark}%m{mark}%Y" if is_day_first else f"%m{mark}%d{mark}%Y"
    clock = "" if parts[4].isna().all() else " %H:%M" + ("" if parts[5].isna().all() else ":%S")
    return day + clock, bool(first > 12 or second > 12 or mark == ".")


def words_of(name: str) -> Iterator[str]:
    """The words of a column or file name, in small letters.

    Example
    -------
    >>> list(words_of("customerID")), list(words_of("End_Date"))
    (['customer', 'id'], ['end', 'date'])
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    yield from (word.lower() for word in re.split(r"[^A-Za-zÀ-ÿ]+", split) if word)
