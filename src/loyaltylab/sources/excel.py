"""Workbooks: the values Excel last computed, with every cell it could not vouch for refused."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.exceptions import InvalidFileException

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.delimited_text import find_header_problems
from loyaltylab.sources.raw_tables import RawTable, hash_file, make_raw_table
from loyaltylab.sources.table_mapping import FileLayout, TableMapping

SERIAL = "excel_serial"
FIRST_ROWS = 5
FIRST_ROUNDED = 10**15  # Excel keeps 15 digits
# What a damaged archive, or damaged XML inside it, can raise on its way through the libraries.
BROKEN = (
    BadZipFile,
    InvalidFileException,
    ElementTree.ParseError,
    zlib.error,
    struct.error,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
MERGE_TAG = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}mergeCell"


def read_cells(layout: FileLayout, *, place: str, root: Path, wanted: Sequence[str]) -> RawTable:
    """Read one sheet of a workbook (.xlsx, .xlsm).

    Dates are cells that Excel formats as dates; plain day numbers are dates where the mapping's
    ``format`` is ``excel_serial``, from the epoch of the workbook.

    Raises
    ------
    TableError
        Naming a broken file, an unclear sheet, blank or merged cells in the header, merged cells
        below it, formulas that were never computed, and error values.
    """
    path = root / place
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and validation that are not read
            values = load_workbook(path, read_only=True, data_only=True)
            formulas = load_workbook(path, read_only=True, data_only=False)
            try:
                name = _sheet(values.sheetnames, layout.sheet)
                table = _read(values[name], formulas[name], layout, wanted)
                merged = _merged(path, values[name]._worksheet_path)  # type: ignore[attr-defined]
            finally:
                values.close()
                formulas.close()
    except BROKEN:
        raise TableError(
            "", ["is no whole Excel workbook (.xlsx); export it again, or copy it anew"]
        ) from None
    header, rows, numbers, problems = table
    if merged:
        problems.append(
            f"has {len(merged)} merged areas ({_first(merged)}) in the sheet '{name}': all but "
            "the first cell of each are empty; unmerge them and fill each cell"
        )
    if problems:
        raise TableError("", problems)
    serial = _serial_columns(layout)
    epoch = values.epoch
    columns = {
        column: [
            _serial(cell, epoch) if column in serial else cell
            for cell in (row[header.index(column)] for row in rows)
        ]
        for column in wanted
    }
    return make_raw_table(columns, rows=numbers, digest=hash_file(path))


def _sheet(names: list[str], chosen: str | None) -> str:
    if chosen is None and len(names) > 1:
        raise TableError("", [f"has {len(names)} sheets ({', '.join(names)}); choose one: sheet"])
    if chosen is not None and chosen not in names:
        raise TableError("", [f"has no sheet '{chosen}'{did_you_mean(chosen, names)}"])
    return chosen or names[0]


def _read(
    values: Any, formulas: Any, layout: FileLayout, wanted: Sequence[str]
) -> tuple[list[str], list[list[Any]], list[int], list[str]]:
    header: list[str] = []
    rows, numbers, problems = [], [], []
    uncached: list[str] = []
    broken: list[str] = []
    rounded: list[str] = []
    pairs = zip(values.iter_rows(), formulas.iter_rows(), strict=True)
    for number, (cells, written) in enumerate(pairs, start=1):
        if number < layout.header_row:
            continue
        if number == layout.header_row:
            header = [str(cell.value or "").strip() for cell in cells]
            problems = list(_header_problems(header, number, wanted))
            places = [at for at, column in enumerate(header) if column in wanted]
            continue
        row = [cell.value for cell in cells]
        for at in places:
            place = f"{get_column_letter(at + 1)}{number}"
            if written[at].data_type == "f" and row[at] is None:
                uncached.append(place)
            elif cells[at].data_type == "e":
                broken.append(place)
            elif _is_number(row[at]) and abs(row[at]) >= FIRST_ROUNDED:
                rounded.append(place)
        if any(value is not None for value in row):
            rows.append(row)
            numbers.append(number)
    if uncached:
        problems.append(
            f"has {len(uncached):,} formulas without a computed value ({_first(uncached)}); open "
            "the file in Excel, let it calculate, and save it"
        )
    if broken:
        problems.append(
            f"has {len(broken):,} cells with an Excel error such as #N/A ({_first(broken)}); "
            "correct or empty them"
        )
    if rounded:
        problems.append(
            f"has {len(rounded):,} number{'s' if len(rounded) > 1 else ''} of more than 15 digits "
            f"({_first(rounded)}), which Excel rounds; export them as text"
        )
    return header, rows, numbers, problems or ([] if header else ["has no header"])


def _header_problems(header: list[str], number: int, wanted: Sequence[str]) -> Iterator[str]:
    filled = [at for at, name in enumerate(header) if name]
    if not filled:
        yield f"has a blank row {number} where its header should be; set header_row in the mapping"
        return
    blank = [f"{get_column_letter(at + 1)}{number}" for at in range(filled[-1]) if not header[at]]
    if blank:
        yield (
            f"has blank or merged cells in its header ({_first(blank)}); give each column one "
            "name in one row, or set header_row to the row that has them"
        )
    yield from find_header_problems(header, wanted)


def _merged(path: Path, sheet: str) -> list[str]:
    with ZipFile(path) as archive, archive.open(sheet.lstrip("/")) as file:
        found = []
        for _, element in ElementTree.iterparse(file):
            if element.tag == MERGE_TAG:
                found.append(str(element.get("ref")))
            elif element.tag.endswith("}row"):
                element.clear()
        return found


def _serial_columns(layout: FileLayout) -> set[str | None]:
    if not isinstance(layout, TableMapping):
        return set()
    return {how.source for how in layout.columns.values() if how.format == SERIAL}


def _serial(value: Any, epoch: datetime) -> Any:
    return from_excel(value, epoch) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _first(places: Sequence[str]) -> str:
    return ", ".join(places[:FIRST_ROWS]) + (", …" if len(places) > FIRST_ROWS else "")
