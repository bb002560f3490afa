"""Dirt at random: the tables of the clean files, to the last bit, or one error; nothing between."""

from __future__ import annotations

import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_files import (
    as_csv,
    assert_same_tables,
    clean_cells,
    clean_mapping,
    clean_study,
    read_study,
    typed_columns,
    write_csv,
)

from loyaltylab.errors import LoyaltyLabError
from loyaltylab.tables.validation import ValidTables

RANDOM = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
CELLS = clean_cells()
with tempfile.TemporaryDirectory() as _folder:
    CLEAN: ValidTables = clean_study(Path(_folder))
# Cells whose every change is one of meaning: a time, a number, or whom a row is about. What is free
# text, or may be empty, may change without a trace in any file, and is left alone here.
CHECKED = [
    (file, row, at)
    for file, columns in {
        "people": [0],
        "contracts": [1, 2, 4],
        "tickets": [1, 2, 4, 5, 6],
    }.items()
    for row in range(1, len(CELLS[file]))
    for at in columns
]
# What leaves the meaning of a cell, and what takes it away.
HARMLESS = st.sampled_from(["{} ", "  {}", "\t{}\u00a0", "{}\n", "\r\n{}"])
HARMFUL = st.sampled_from(
    ["?{}", "{}€", "{}x", "'{}", "{},", "{};", '{}"', "NULL", "n/a", "#REF!", "-", "inf",
     "1e999", "{}\0", "\ufeff{}", "={}", "{}%", "~{}", "nan", "(none)", "{} Uhr", "\u200b{}"]
)  # fmt: skip
BREAKS = st.sampled_from(
    ["drop a cell", "add a cell", "drop a header", "double a header", "repeat the header",
     "repeat a row", "open a quote", "blank line"]
)  # fmt: skip


def same_or_error(folder: Path, mapping: dict[str, Any]) -> bool:
    """Whether it is the clean study; any other exception or table fails the test."""
    try:
        found = read_study(folder, mapping)
    except LoyaltyLabError as error:
        assert error.problems or error.summary
        assert str(folder) not in str(error)
        return False
    assert_same_tables(found, CLEAN)
    return True


@RANDOM
@given(
    dirt=st.lists(st.tuples(st.sampled_from(CHECKED), HARMLESS | HARMFUL), min_size=1, max_size=4),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    is_declared=st.booleans(),
)
def test_cells(
    dirt: list[tuple[tuple[str, int, int], str]], encoding: str, delimiter: str, is_declared: bool
) -> None:
    cells = clean_cells()
    harmless = {"{} ", "  {}", "\t{}\u00a0", "{}\n", "\r\n{}"}
    for (file, row, at), how in dirt:
        cells[file][row][at] = how.format(cells[file][row][at])
        if any(mark in cells[file][row][at] for mark in "€\u200b\ufeff") and encoding == "latin-1":
            cells[file][row][at] = "?"
    mapping = clean_mapping()
    if is_declared:
        for table in mapping["tables"].values():
            table |= {"encoding": encoding, "delimiter": delimiter}
    with tempfile.TemporaryDirectory() as name:
        write_csv(Path(name), cells, encoding=encoding, delimiter=delimiter)
        is_same = same_or_error(Path(name), mapping)
    is_plain = is_declared or (encoding.startswith("utf-8") and delimiter == ",")
    assert is_same == (is_plain and all(how in harmless for _, how in dirt))


@RANDOM
@given(
    file=st.sampled_from(sorted(CELLS)),
    break_=BREAKS,
    row=st.integers(1, 8),
    at=st.integers(0, 4),
)
def test_forms(file: str, break_: str, row: int, at: int) -> None:
    cells = clean_cells()
    rows = cells[file]
    at = min(at, len(rows[0]) - 1)
    if break_ == "drop a cell":
        del rows[row][at]
    elif break_ == "add a cell":
        rows[row].insert(at, "more")
    elif break_ == "drop a header":
        del rows[0][at]
    elif break_ == "double a header":
        rows[0][at] = rows[0][(at + 1) % len(rows[0])]
    elif break_ == "repeat the header":
        rows.insert(row, list(rows[0]))
    elif break_ == "repeat a row":
        rows.append(list(rows[row]))
    elif break_ == "blank line":
        rows.insert(row, [])
    with tempfile.TemporaryDirectory() as name:
        write_csv(Path(name), cells)
        if break_ == "open a quote":
            lines = as_csv(rows).split("\n")
            lines[row] = '"' + lines[row]
            (Path(name) / f"{file}.csv").write_text("\n".join(lines), encoding="utf-8")
        assert same_or_error(Path(name), clean_mapping()) == (break_ == "blank line")


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(CELLS["contracts"][0])
    for row in zip(*typed_columns(CELLS["contracts"]).values(), strict=True):
        book.active.append(list(row))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


PACKED = {
    "gz": gzip.compress(as_csv(CELLS["contracts"]).encode(), mtime=0),
    "xlsx": workbook(),
}


@RANDOM
@given(
    kind=st.sampled_from(sorted(PACKED)),
    place=st.floats(0, 1, exclude_max=True),
    flip=st.integers(0, 255),
    is_cut=st.booleans(),
)
def test_bytes_of_packed_files(kind: str, place: float, flip: int, is_cut: bool) -> None:
    # Both formats hold a checksum of what they packed, so no change of a byte can pass as data.
    data = bytearray(PACKED[kind])
    at = int(place * len(data))
    data[at] ^= flip
    mapping = clean_mapping()
    mapping["tables"]["contracts"] |= {
        "file": f"contracts.{kind}",
        "kind": "excel" if kind == "xlsx" else "delimited",
    }
    with tempfile.TemporaryDirectory() as name:
        write_csv(Path(name), CELLS)
        (Path(name) / f"contracts.{kind}").write_bytes(data[:at] if is_cut else data)
        is_same = same_or_error(Path(name), mapping)
    assert is_same or is_cut or flip
