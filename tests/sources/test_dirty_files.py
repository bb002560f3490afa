"""Dirt of real exports, file by file: the clean file's tables and a count, or one clear error.

What is wrong between rows that can be read (overlaps, second lives, order of times, ratings out of
scale, dates after the extract) is tested in tests/tables/test_dirty_meaning.py.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from study_files import (
    Cells,
    as_csv,
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

COLUMNS = {name: rows[0] for name, rows in clean_cells().items()}


class Study:
    """Files that a test makes dirty, beside the clean ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells: Cells = clean_cells()
        self.mapping = clean_mapping()
        self.clean = clean_study(folder)

    def change(self, file: str, column: str, how: Callable[[str], str]) -> None:
        at = COLUMNS[file].index(column)
        for row in self.cells[file][1:]:
            row[at] = how(row[at])

    def put(self, file: str, row: int, column: str, cell: str) -> None:
        """A cell by its row as a spreadsheet numbers it."""
        self.cells[file][row - 1][COLUMNS[file].index(column)] = cell

    def table(self, name: str, **keys: Any) -> None:
        self.mapping["tables"][name].update(keys)

    def column(self, table: str, column: str, how: Any) -> None:
        self.mapping["tables"][table]["columns"][column] = how

    def assert_clean(self, *, write: bool = True, encoding: str = "utf-8") -> None:
        if write:
            write_csv(self.folder, self.cells, encoding=encoding)
        assert_same_tables(read_study(self.folder, self.mapping), self.clean)

    def problems(self, *, write: bool = True) -> list[str]:
        if write:
            write_csv(self.folder, self.cells)
        with pytest.raises(TableError) as caught:
            read_study(self.folder, self.mapping)
        assert str(self.folder) not in str(caught.value)
        return list(caught.value.problems)

    def notes(self) -> tuple[str, ...]:
        notes: tuple[str, ...] = deliver(self.folder, self.mapping).description.notes
        return notes


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def test_duplicate_ids_are_named_and_none_is_chosen(study: Study) -> None:
    study.cells["people"].append(["7", "business", ""])
    [problem] = study.problems()
    assert "customers (people.csv): rule duplicate_key, 2 rows (row 3, 10)" in problem


def test_orphan_ids_are_named_or_counted(study: Study) -> None:
    study.cells["tickets"].append(["T9", "nobody", "2020-05-01", "", "", "", ""])
    [problem] = study.problems()
    assert "contacts (tickets.csv): rule orphan, 1 row (row 10)" in problem
    study.mapping["set_aside"] = ["orphan"]
    study.assert_clean()
    found = read_study(study.folder, study.mapping)
    assert found.audit["contacts"]["set_aside_by_rule"] == {"orphan": 1}


def test_leading_zeros_tell_customers_apart(study: Study) -> None:
    study.assert_clean()
    ids = read_study(study.folder, study.mapping).tables["customers"]["customer_id"].tolist()
    assert ids[:2] == ["007", "7"]
    # Lost in one file only, they point to somebody else or to nobody: both are named.
    study.put("contracts", 2, "id", "0007")
    assert "rule orphan, 1 row (row 2)" in study.problems()[0]


def test_ids_beyond_the_exact_floats_stay_apart(study: Study) -> None:
    study.assert_clean()
    ids = read_study(study.folder, study.mapping).tables["contracts"]["customer_id"].tolist()
    assert float(ids[2]) == float(ids[3])
    assert ids[2] != ids[3]
    rows = study.cells["people"][:5]
    columns = typed_columns(rows) | {"id": pa.array([7, 8, 2**53 + 1, 2**53], pa.int64())}
    pq.write_table(pa.table(columns), study.folder / "people.parquet")
    study.table("customers", kind="parquet", file="people.parquet")
    found = deliver(study.folder, study.mapping).frames["customers"]["customer_id"]
    assert found.tolist() == ["7", "8", str(2**53 + 1), str(2**53)]
    columns["id"] = pa.array([7.0, 8.0, 2.0**53 + 2, 2.0**53], pa.float64())
    pq.write_table(pa.table(columns), study.folder / "people.parquet")
    found = deliver(study.folder, study.mapping).violations
    assert [(item.rule, item.rows) for item in found] == [("unreadable_value", (3,))]


def test_one_order_of_day_and_month_is_read_and_two_are_not(study: Study) -> None:
    def american(cell: str) -> str:
        return f"{cell[5:7]}/{cell[8:10]}/{cell[:4]}{cell[10:]}"

    study.change("contracts", "start", american)
    study.column("contracts", "started_at", {"from": "start", "format": "%m/%d/%Y %H:%M"})
    study.assert_clean()
    # 21/08 can only be the 21st of August; 05/08 in another row could be either.
    study.put("contracts", 9, "start", "21/08/2019 09:30")
    study.put("contracts", 2, "start", "05/08/2019 09:30")
    [problem] = study.problems()
    assert "rule mixed_date_order, 2 rows (row 2, 9)" in problem
    assert "first in row 9" in problem


def test_the_wrong_order_declared_is_never_read_by_halves(study: Study) -> None:
    study.change("contracts", "start", lambda cell: f"{cell[8:10]}/{cell[5:7]}/{cell[:4]} 09:30")
    study.put("contracts", 2, "start", "05/08/2019 09:30")
    study.column("contracts", "started_at", {"from": "start", "format": "%m/%d/%Y %H:%M"})
    assert "rule mixed_date_order, 8 rows" in study.problems()[0]


def test_times_in_several_zones_are_one_moment(study: Study) -> None:
    study.change("contracts", "start", lambda cell: cell.replace(" 09:30", "T09:30Z"))
    study.put("contracts", 2, "start", "2019-01-21T10:30+01:00")
    study.put("contracts", 3, "start", "2019-02-21 04:30:00-0500")
    study.put("contracts", 4, "start", "2019-03-21T09:30:00.000000+00:00")
    study.assert_clean()
    # The name of a zone is not guessed: IST is Irish, Indian and Israeli.
    study.put("contracts", 5, "start", "2019-04-21 09:30 IST")
    assert "rule unreadable_value, 1 row (row 5)" in study.problems()[0]


def test_hours_that_the_clocks_skip_or_repeat_are_named_or_noted(study: Study) -> None:
    zone = {"from": "start", "time_zone": "Europe/Amsterdam"}
    study.column("contracts", "started_at", zone)
    study.put("contracts", 2, "start", "2019-03-31 02:30")
    study.put("contracts", 3, "start", "2019-10-27 02:30")
    [problem] = study.problems()
    assert "rule unclear_local_time, 2 rows (row 2, 3)" in problem
    study.column("contracts", "started_at", zone | {"clock_changes": "before"})
    found = read_study(study.folder, study.mapping).tables["contracts"]["started_at"]
    # Winter time (+1) holds before the spring change, summer time (+2) before the autumn one.
    assert found.dt.strftime("%m-%d %H:%M").tolist()[:2] == ["03-31 01:30", "10-27 00:30"]
    assert any("In contracts, 2 values of started_at are local times" in n for n in study.notes())


def test_decimal_commas_are_declared_or_named(study: Study) -> None:
    study.change("contracts", "price", lambda cell: cell.replace(".", ","))
    [problem] = study.problems()
    assert "rule unreadable_value, 8 rows (row 2, 3, 4, 5, 6, …): price_eur" in problem
    study.table("contracts", decimal=",")
    study.assert_clean()
    # One cell in the other style: a thousand or a bit more than one, so neither.
    study.put("contracts", 2, "price", "1.234")
    assert "rule unreadable_value, 1 row (row 2)" in study.problems()[0]


def test_semicolons_are_declared_or_named(study: Study) -> None:
    write_csv(study.folder, study.cells, delimiter=";")
    problems = study.problems(write=False)
    assert sum("so is ',' its delimiter?" in text for text in problems) == len(problems)
    for name in study.mapping["tables"]:
        study.table(name, delimiter=";")
    study.assert_clean(write=False)


def test_byte_order_marks_are_no_part_of_a_name(study: Study) -> None:
    study.assert_clean(encoding="utf-8-sig")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_other_encodings_are_declared_or_named(study: Study, encoding: str) -> None:
    write_csv(study.folder, study.cells, encoding=encoding)
    problems = study.problems(write=False)
    assert all("encoding" in text for text in problems), problems
    for name in study.mapping["tables"]:
        study.table(name, encoding=encoding)
    study.assert_clean(write=False)


def test_utf_8_declared_as_one_byte_per_character_is_named(study: Study) -> None:
    # Every byte is some Latin-1 character, so Zoë would be ZoÃ« without a word.
    study.table("customers", encoding="latin-1")
    [problem] = study.problems()
    assert problem.startswith("customers: people.csv is UTF-8, not latin-1")


def test_a_truncated_gzip_is_named_wherever_it_ends(study: Study) -> None:
    data = gzip.compress(as_csv(study.cells["contracts"]).encode(), mtime=0)
    write_csv(study.folder, study.cells)
    study.table("contracts", file="contracts.csv.gz")
    for length in range(2, len(data)):
        (study.folder / "contracts.csv.gz").write_bytes(data[:length])
        [problem] = study.problems(write=False)
        assert "contracts.csv.gz is no whole gzip file" in problem
    (study.folder / "contracts.csv.gz").write_bytes(data)
    study.assert_clean(write=False)


def test_a_truncated_parquet_is_named_wherever_it_ends(study: Study) -> None:
    write_csv(study.folder, study.cells)
    path = study.folder / "contracts.parquet"
    pq.write_table(pa.table(typed_columns(study.cells["contracts"])), path)
    study.table("contracts", kind="parquet", file="contracts.parquet")
    study.assert_clean(write=False)
    data = path.read_bytes()
    for length in range(0, len(data), 17):
        path.write_bytes(data[:length])
        [problem] = study.problems(write=False)
        assert "contracts.parquet is no whole Parquet file" in problem


@pytest.mark.parametrize("column", ["id", "segment"])
def test_nul_bytes_are_named(study: Study, column: str) -> None:
    study.put("people", 4, column, "a\0b")
    [problem] = study.problems()
    assert (
        "people.csv has NUL characters or byte-order marks inside cells in 1 row (row 4)" in problem
    )


def test_ragged_rows_are_named_and_nothing_shifts(study: Study) -> None:
    study.cells["contracts"][2].insert(1, "more")
    study.cells["contracts"][5].pop()
    [problem] = study.problems()
    assert "contracts.csv has 2 rows (row 3, 6) without exactly 5 cells" in problem


def test_a_file_with_its_header_only_is_named_or_noted(study: Study) -> None:
    del study.cells["tickets"][1:]
    write_csv(study.folder, study.cells)
    assert "tickets.csv has no rows, so the table contacts is empty." in study.notes()
    assert len(read_study(study.folder, study.mapping).tables["contacts"]) == 0
    del study.cells["contracts"][1:]
    assert any("contracts (contracts.csv): has no rows" in text for text in study.problems())


def test_renamed_and_missing_columns_are_named_all_at_once(study: Study) -> None:
    study.cells["contracts"][0] = ["number", "id", "Start", "end", "fee"]
    study.cells["people"][0][0] = "customer"
    assert study.problems() == [
        "customers: people.csv has no column 'id'",
        "contracts: contracts.csv has no column 'start' (did you mean 'Start'?)",
        "contracts: contracts.csv has no column 'price'",
    ]


def test_negative_durations_are_named(study: Study) -> None:
    study.put("tickets", 3, "wait", "-30")
    [problem] = study.problems()
    assert "rule invalid_value, 1 row (row 3): wait_minutes must not be negative" in problem
    # As a reply so long after the opening, it would come before it.
    study.column("contacts", "wait_minutes", {"constant": ""})
    plus = {"from": "opened", "plus": {"column": "wait", "unit": "minutes"}}
    study.column("contacts", "first_replied_at", plus)
    [problem] = study.problems()
    assert "rule unreadable_value, 1 row (row 3): first_replied_at" in problem


def test_amounts_with_currency_signs_are_named(study: Study) -> None:
    signs = iter(["€ {}", "{} EUR", "${}", "£{}", "{} €", "EUR{}", "{}€", "€{}"])
    study.change("contracts", "price", lambda cell: next(signs).format(cell))
    [problem] = study.problems()
    assert "rule unreadable_value, 8 rows" in problem
    assert "€" not in problem


def test_a_changed_scale_of_ratings_is_named(study: Study) -> None:
    # Five stars became ten points: 8 is not listed, and no 2 of the new scale passes with it.
    study.put("tickets", 9, "rating", "8")
    [problem] = study.problems()
    assert "rule unreadable_value, 1 row (row 9): satisfaction_share" in problem
    assert "by the values listed" in problem


def test_the_same_export_in_two_files_is_named_or_counted(study: Study) -> None:
    write_csv(study.folder, study.cells | {"tickets-2": study.cells["tickets"]})
    study.table("contacts", file=["tickets.csv", "tickets-2.csv"])
    [problem] = study.problems(write=False)
    assert "rule repeated_row, 8 rows (row 11, 12, 13, 14, 15, …)" in problem
    study.mapping["set_aside"] = ["repeated_row"]
    study.assert_clean(write=False)
    found = read_study(study.folder, study.mapping)
    assert found.audit["contacts"]["set_aside_by_rule"] == {"repeated_row": 8}


def test_the_same_export_appended_with_its_header_is_named(study: Study) -> None:
    study.cells["tickets"] += study.cells["tickets"]
    [problem] = study.problems()
    assert "tickets.csv has its header again in 1 row (row 10)" in problem


def test_dates_of_another_age_are_named(study: Study) -> None:
    study.put("contracts", 3, "end", "9999-12-31")
    assert "rule unreadable_value, 1 row (row 3): ended_at" in study.problems()[0]
    study.put("contracts", 3, "end", "2200-01-01")
    assert "rule after_window, 1 row (row 3): ended_at" in study.problems()[0]
    study.put("contracts", 3, "end", "")
    study.clean = read_study_of(study)
    study.put("contracts", 3, "end", "9999-12-31")
    study.table("contracts", missing=["9999-12-31"])
    study.assert_clean()


def read_study_of(study: Study) -> Any:
    write_csv(study.folder, study.cells)
    return read_study(study.folder, study.mapping)


def test_cells_of_a_hundred_thousand_characters(study: Study) -> None:
    long = "x" * 100_000
    study.cells["people"] = [[*row, long] for row in study.cells["people"]]
    study.assert_clean()
    study.put("contracts", 2, "price", long)
    [problem] = study.problems()
    assert "rule unreadable_value, 1 row (row 2)" in problem
    assert len(problem) < 500
    study.put("contracts", 2, "price", long * 2)
    [problem] = study.problems()
    assert "contracts.csv cannot be read as delimited text (field larger than" in problem


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "+1+1", "@SUM(A1)", "'; DROP TABLE"]
)
def test_formulas_and_scripts_are_text_and_stay_out_of_messages(study: Study, text: str) -> None:
    study.put("people", 2, "segment", text)
    write_csv(study.folder, study.cells)
    found = read_study(study.folder, study.mapping).tables["customers"]["segment"]
    assert found.iloc[0] == text
    study.put("contracts", 2, "price", text)
    study.put("contracts", 3, "id", text)
    assert not any(text in problem for problem in study.problems())


def test_everything_wrong_is_one_report(study: Study) -> None:
    study.put("contracts", 2, "price", "free")
    study.put("contracts", 3, "start", "2019-02-30")
    study.put("tickets", 2, "id", "nobody")
    study.put("tickets", 3, "wait", "-1")
    study.cells["people"].append(study.cells["people"][1])
    rules = [problem.split("rule ")[1].split(",")[0] for problem in study.problems()]
    assert sorted(rules) == [
        "duplicate_key",
        "invalid_value",
        "orphan",
        "unreadable_value",
        "unreadable_value",
    ]


def test_with_files_changes_nothing_of_the_mapping() -> None:
    assert with_files(clean_mapping(), ".csv") == clean_mapping()
