"""The same study as CSV, Excel, Parquet or several files is the same tables, to the last bit."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from study_files import (
    IDS,
    assert_same_tables,
    clean_cells,
    clean_mapping,
    clean_study,
    deliver,
    read_study,
    typed_columns,
    with_files,
    write_csv,
)

from loyaltylab.errors import TableError


def write_workbooks(folder: Path, *, shift: int = 0) -> None:
    """One workbook per file; ``shift`` blank rows above the header."""
    for name, rows in clean_cells().items():
        book = openpyxl.Workbook()
        for _ in range(shift):
            book.active.append(["exported on a Monday"])
        book.active.append(rows[0])
        for row in zip(*typed_columns(rows).values(), strict=True):
            book.active.append(list(row))
        book.save(folder / f"{name}.xlsx")


def change_workbook(folder: Path, name: str, cells: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(folder / f"{name}.xlsx")
    for place, value in cells.items():
        book.active[place] = value
    book.save(folder / f"{name}.xlsx")


def problems(folder: Path, mapping: dict[str, Any], kind: str) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        read_study(folder, mapping, kind=kind)
    return caught.value.problems


def test_excel_gives_the_tables_of_the_csv(tmp_path: Path) -> None:
    write_workbooks(tmp_path)
    found = read_study(tmp_path, with_files(clean_mapping(), ".xlsx"), kind="excel")
    assert_same_tables(found, clean_study(tmp_path))


def test_a_workbook_whose_header_is_further_down(tmp_path: Path) -> None:
    write_workbooks(tmp_path, shift=2)
    mapping = with_files(clean_mapping(), ".xlsx", header_row="3")
    assert_same_tables(read_study(tmp_path, mapping, kind="excel"), clean_study(tmp_path))
    found = problems(tmp_path, clean_mapping() | {}, "delimited")
    assert all("is not there" in text for text in found)


def test_days_that_excel_holds_as_numbers(tmp_path: Path) -> None:
    write_workbooks(tmp_path)
    book = openpyxl.load_workbook(tmp_path / "contracts.xlsx")
    origin = datetime(1899, 12, 30)
    for row in book.active.iter_rows(min_row=2, min_col=3, max_col=3):
        past = row[0].value - origin
        row[0].value = past.total_seconds() / 86400
        row[0].number_format = "General"
    book.save(tmp_path / "contracts.xlsx")
    mapping = with_files(clean_mapping(), ".xlsx")
    # A number is no time until the mapping says so.
    [problem] = problems(tmp_path, mapping, "excel")
    assert "rule unreadable_value, 8 rows" in problem
    columns = mapping["tables"]["contracts"]["columns"]
    columns["started_at"] = {"from": "start", "format": "excel_serial"}
    assert_same_tables(read_study(tmp_path, mapping, kind="excel"), clean_study(tmp_path))


def test_a_workbook_that_excel_itself_would_not_vouch_for(tmp_path: Path) -> None:
    write_workbooks(tmp_path)
    change_workbook(tmp_path, "contracts", {"E2": "=1+1", "E3": "#N/A"})
    change_workbook(tmp_path, "people", {"A3": 9007199254740993})
    book = openpyxl.load_workbook(tmp_path / "tickets.xlsx")
    book.active.merge_cells("E3:E4")
    book.create_sheet("more")
    book.save(tmp_path / "tickets.xlsx")
    mapping = with_files(clean_mapping(), ".xlsx")
    mapping["tables"]["contacts"]["sheet"] = "Sheet"
    found = problems(tmp_path, mapping, "excel")
    expected = [
        "customers: people.xlsx has 1 number of more than 15 digits (A3), which Excel rounds",
        "contracts: contracts.xlsx has 1 formulas without a computed value (E2)",
        "contracts: contracts.xlsx has 1 cells with an Excel error such as #N/A (E3)",
        "contacts: tickets.xlsx has 1 merged areas (E3:E4) in the sheet 'Sheet'",
    ]
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found
    del mapping["tables"]["contacts"]["sheet"]
    found = problems(tmp_path, mapping, "excel")
    assert "contacts: tickets.xlsx has 2 sheets (Sheet, more); choose one: sheet" in found


def test_identifiers_that_excel_made_numbers_or_days_do_not_pass(tmp_path: Path) -> None:
    write_workbooks(tmp_path)
    # 007 typed by hand is 7, which is another customer.
    change_workbook(tmp_path, "people", {"A2": 7})
    found = problems(tmp_path, with_files(clean_mapping(), ".xlsx"), "excel")
    assert any("customers" in text and "rule duplicate_key, 2 rows" in text for text in found)
    change_workbook(tmp_path, "people", {"A2": datetime(2020, 7, 1)})
    found = problems(tmp_path, with_files(clean_mapping(), ".xlsx"), "excel")
    assert any("customers" in text and "rule unreadable_value, 1 row" in text for text in found)


def write_parquet(folder: Path, *, change: dict[str, Any] | None = None) -> None:
    for name, rows in clean_cells().items():
        columns = typed_columns(rows) | (change or {}).get(name, {})
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def test_parquet_gives_the_tables_of_the_csv(tmp_path: Path) -> None:
    write_parquet(tmp_path)
    found = read_study(tmp_path, with_files(clean_mapping(), ".parquet"), kind="parquet")
    # Rows count from 1, since there is no header; the tables are the same.
    assert_same_tables(found, clean_study(tmp_path))


def test_parquet_identifiers_as_floats_are_refused_once_rounded(tmp_path: Path) -> None:
    ids = [*map(float, range(1, 7)), 2.0**53 + 2, 0.5]
    write_parquet(tmp_path, change={"people": {"id": ids}})
    found = problems(tmp_path, with_files(clean_mapping(), ".parquet"), "parquet")
    assert any("rule unreadable_value, 2 rows (row 7, 8)" in text for text in found)


def test_parquet_with_lists_is_named(tmp_path: Path) -> None:
    write_parquet(tmp_path, change={"people": {"segment": [["a"]] * len(IDS)}})
    [problem] = problems(tmp_path, with_files(clean_mapping(), ".parquet"), "parquet")
    assert "people.parquet has a column 'segment' with values of type list" in problem


def write_parts(folder: Path) -> dict[str, Any]:
    """Tickets in three files, and what is known of people in two joined by a key."""
    cells = clean_cells()
    header, *rows = cells["tickets"]
    parts = {f"tickets-{at}": [header, *rows[at * 3 : at * 3 + 3]] for at in range(3)}
    people = {
        "people": [row[:1] for row in cells["people"]],
        "crm": [[row[0], row[1]] for row in reversed(cells["people"][1:])],
        "size": [row[::2] for row in cells["people"]],
    }
    people["crm"].insert(0, ["person", "group"])
    write_csv(folder, {"contracts": cells["contracts"]} | parts | people)
    mapping = clean_mapping()
    mapping["tables"]["contacts"]["file"] = "tickets-*.csv"
    customers = mapping["tables"]["customers"]
    customers["joins"] = {
        "crm": {"file": "crm.csv", "key": "person", "matches": "id"},
        "size": {"file": "size.csv", "key": "id", "matches": "id"},
    }
    customers["columns"]["segment"] = {"from": "group", "join": "crm"}
    customers["columns"]["attribute_size"] = {"from": "size", "join": "size", "known": "at sign-up"}
    return mapping


def test_several_files_give_the_tables_of_one(tmp_path: Path) -> None:
    mapping = write_parts(tmp_path)
    expected = clean_study(tmp_path)
    assert_same_tables(read_study(tmp_path, mapping), expected)
    mapping["tables"]["contacts"]["file"] = [f"tickets-{at}.csv" for at in range(3)]
    assert_same_tables(read_study(tmp_path, mapping), expected)


def test_rows_are_numbered_on_through_the_files(tmp_path: Path) -> None:
    mapping = write_parts(tmp_path)
    path = tmp_path / "tickets-1.csv"
    path.write_text(path.read_text("utf-8").replace("2020-02-16", "soon"), "utf-8")
    [problem] = problems(tmp_path, mapping, "delimited")
    assert "tickets-0.csv, tickets-1.csv after row 4, tickets-2.csv after row 8" in problem
    assert "rule unreadable_value, 1 row (row 6)" in problem


def test_a_join_that_would_multiply_or_lose_rows_is_refused(tmp_path: Path) -> None:
    mapping = write_parts(tmp_path)
    path = tmp_path / "crm.csv"
    rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*rows, rows[1]]), "utf-8")
    [problem] = problems(tmp_path, mapping, "delimited")
    assert "1 keys stand more than once in 'person' of crm.csv (row 2, 10)" in problem
    assert "would multiply 1 rows of customers" in problem
    path.write_text("\n".join(rows[:-1]), "utf-8")
    [problem] = problems(tmp_path, mapping, "delimited")
    assert "rule unmatched_key, 1 row (row 2)" in problem
    mapping["tables"]["customers"]["joins"]["crm"]["unmatched"] = "empty"
    assert read_study(tmp_path, mapping).tables["customers"]["segment"].isna().tolist() == [
        True, *[False] * 7
    ]  # fmt: skip


def test_formats_may_be_mixed_in_one_study(tmp_path: Path) -> None:
    write_workbooks(tmp_path)
    write_parquet(tmp_path)
    write_csv(tmp_path, clean_cells())
    mapping = clean_mapping()
    mapping["tables"]["customers"] |= {"kind": "excel", "file": "people.xlsx"}
    mapping["tables"]["contacts"] |= {"kind": "parquet", "file": "tickets.parquet"}
    assert_same_tables(read_study(tmp_path, mapping), clean_study(tmp_path))


def test_gzip_gives_the_tables_of_the_csv_and_the_hash_sees_every_file(tmp_path: Path) -> None:
    write_csv(tmp_path, clean_cells())
    for name in clean_cells():
        data = (tmp_path / f"{name}.csv").read_bytes()
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(data, mtime=0))
    mapping = with_files(clean_mapping(), ".csv.gz")
    assert_same_tables(read_study(tmp_path, mapping), clean_study(tmp_path))
    first = deliver(tmp_path, mapping).description.data_hash
    (tmp_path / "tickets.csv.gz").write_bytes(gzip.compress(data + b"\n", mtime=0))
    assert deliver(tmp_path, mapping).description.data_hash != first
