"""Delimited files: what is written is read exactly or named, row by row; nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loyaltylab.errors import TableError
from loyaltylab.sources.cell_values import LARGEST_COUNT, MONTH_SECONDS
from loyaltylab.sources.delimited import read_delimited
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.validation import validate

SNAPSHOT = "snapshot: {at: 2021-01-01, observed_months: 3}"
WINDOW = "window: {start: 2020-01-01, end: 2021-01-01}"
SNAPSHOT_AT = pd.Timestamp("2021-01-01", tz="UTC")


def read(
    folder: Path,
    content: str | bytes,
    columns: str,
    *,
    layout: str = "",
    clock: str = WINDOW,
    set_aside: str = "",
) -> Delivery:
    """Read people.csv as customers and contracts; ``columns`` are further ones of contracts."""
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "people.csv").write_bytes(data)
    mapping = f"""
label: people
{clock}
set_aside: [{set_aside}]
tables:
  customers:
    file: people.csv
    {layout}
    columns: {{customer_id: id}}
  contracts:
    file: people.csv
    {layout}
    columns:
      contract_id: id
      customer_id: id
      {columns}
"""
    for required in ("started_at", "ended_at"):
        if required not in columns:
            mapping += f"      {required}: {{constant: '2020-02-01'}}\n"
    (folder / "people.yaml").write_text(mapping, encoding="utf-8")
    return read_delimited(folder / "people.yaml", root=folder)


def column(folder: Path, cells: list[str], how: str, **options: Any) -> tuple[pd.Series, list[int]]:
    """One column of contracts, and the rows that could not be read; the delimiter is ';'."""
    content = "id;x\n" + "".join(f"{number};{cell}\n" for number, cell in enumerate(cells))
    options.setdefault("layout", "delimiter: ';'")
    delivery = read(folder, content, how, **options)
    rows = [row for item in delivery.violations for row in item.rows]
    return delivery.frames["contracts"][how.split(":")[0]], rows


def refuse(folder: Path, content: str | bytes, **options: Any) -> TableError:
    with pytest.raises(TableError) as caught:
        read(folder, content, "price_eur: {from: x}", **options)
    return caught.value


class TestNumbers:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [("1", 1.0), ("-0.5", -0.5), ("+2.", 2.0), (".5", 0.5), ("1e3", 1000.0), (" 7 ", 7.0)],
    )
    def test_read(self, tmp_path: Path, cell: str, expected: float) -> None:
        values, unread = column(tmp_path, [cell], "price_eur: x")
        assert values.tolist() == [expected]
        assert unread == []

    @pytest.mark.parametrize(
        "cell", ["inf", "nan", "NA", "1,5", "1 000", "1_000", "0x1A", "€5", "--1", "1e999", "True"]
    )
    def test_not_read(self, tmp_path: Path, cell: str) -> None:
        values, unread = column(tmp_path, ["1", cell, ""], "price_eur: x")
        assert values.isna().tolist() == [False, True, True]
        assert unread == [3]

    def test_decimal_comma(self, tmp_path: Path) -> None:
        # Read with a point, 1.234 would be a thousandth of what was meant.
        values, unread = column(
            tmp_path,
            ["29,85", "3", "1.234", "1.234,56"],
            "price_eur: x",
            layout="delimiter: ';'\n    decimal: ','",
        )
        assert values.tolist()[:2] == [29.85, 3.0]
        assert unread == [4, 5]

    def test_many_digits_are_read_to_the_nearest_float(self, tmp_path: Path) -> None:
        cells = ["0.1", "123456789.123456789", "99999999999999999999", "2.2250738585072014e-308"]
        values, _ = column(tmp_path, cells, "price_eur: x")
        assert values.tolist() == [float(cell) for cell in cells]


def contacts(folder: Path, cells: list[str], name: str) -> tuple[pd.Series, list[int]]:
    content = "id;x\n" + "".join(f"{number};{cell}\n" for number, cell in enumerate(cells))
    (folder / "people.csv").write_text(content)
    common = "file: people.csv\n    delimiter: ';'\n    columns"
    (folder / "people.yaml").write_text(
        f"""
label: people
{WINDOW}
tables:
  customers:
    {common}: {{customer_id: id}}
  contracts:
    {common}: {{contract_id: id, customer_id: id, started_at: {{constant: 2020-01-01}},
      ended_at: {{constant: ''}}}}
  contacts:
    {common}: {{contact_id: id, customer_id: id, opened_at: {{constant: 2020-01-01}}, {name}: x}}
"""
    )
    delivery = read_delimited(folder / "people.yaml", root=folder)
    return delivery.frames["contacts"][name], [r for item in delivery.violations for r in item.rows]


def test_counts_are_whole(tmp_path: Path) -> None:
    cells = ["3", "2.0", "2.5", "", "1e30", str(LARGEST_COUNT)]
    values, unread = contacts(tmp_path, cells, "handoffs")
    assert str(values.dtype) == "Int64"
    assert values.fillna(-1).tolist() == [3, 2, -1, -1, -1, LARGEST_COUNT]
    assert unread == [4, 6]


def test_flags_are_yes_or_no(tmp_path: Path) -> None:
    cells = ["Yes", "no", "TRUE", "False", "1", "0", "", "maybe"]
    values, unread = contacts(tmp_path, cells, "is_promise_kept")
    assert values.tolist()[:6] == [True, False, True, False, True, False]
    assert values.isna().tolist()[6:] == [True, True]
    assert unread == [9]


class TestTimes:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("2020-03-01", "2020-03-01T00:00:00+00:00"),
            ("2020-03-01 10:30", "2020-03-01T10:30:00+00:00"),
            ("2020-03-01T10:30:00.123456Z", "2020-03-01T10:30:00.123456+00:00"),
            ("2020-03-01T00:30:00+02:00", "2020-02-29T22:30:00+00:00"),
        ],
    )
    def test_iso(self, tmp_path: Path, cell: str, expected: str) -> None:
        values, unread = column(tmp_path, [cell, ""], "started_at: x")
        assert values.iloc[0].isoformat() == expected
        assert str(values.dtype) == "datetime64[us, UTC]"
        assert unread == []

    @pytest.mark.parametrize(
        "cell",
        # pandas alone takes 'now' for the clock's time and 2020 for its first day.
        [
            "now",
            "today",
            "2020",
            "2020-03",
            "2020-3-1",
            "20200301",
            "01.03.2020",
            "2020-02-30",
            "x",
            "9999-12-31",
            "2020-03-01T25:00",
            "2020-03-01T",
            "soon",
        ],
    )
    def test_not_iso(self, tmp_path: Path, cell: str) -> None:
        values, unread = column(tmp_path, ["2020-01-01", cell], "started_at: x")
        assert values.isna().tolist() == [False, True]
        assert unread == [3]

    def test_a_declared_format(self, tmp_path: Path) -> None:
        values, unread = column(
            tmp_path,
            ["01.02.2020 13:05", "2020-02-01", "31.02.2020 00:00", "now", "today"],
            "started_at: {from: x, format: '%d.%m.%Y %H:%M'}",
        )
        assert values.iloc[0].isoformat() == "2020-02-01T13:05:00+00:00"
        assert unread == [3, 4, 5, 6]

    def test_what_stands_for_empty_is_declared(self, tmp_path: Path) -> None:
        values, unread = column(
            tmp_path,
            ["2020-03-01", "9999-12-31", "NULL", "", "-"],
            "ended_at: x",
            layout="delimiter: ';'\n    missing: [9999-12-31, 'NULL']",
        )
        assert values.isna().tolist() == [False, True, True, True, True]
        assert unread == [6]


class TestSnapshot:
    def test_months_are_exact_and_whole_months_tied(self, tmp_path: Path) -> None:
        # 72 months of 30.4375 days are 2191.5 days, six years of 365.25.
        cells = [str(month) for month in range(73)] * 2
        values, unread = column(
            tmp_path, cells, "started_at: {months_before_snapshot: x}", clock=SNAPSHOT
        )
        back = SNAPSHOT_AT - values
        expected = [pd.Timedelta(seconds=MONTH_SECONDS * month) for month in range(73)] * 2
        assert back.tolist() == expected
        assert back.iloc[72] == pd.Timedelta(days=2191.5)
        assert pd.Timedelta(days=30.4375) == pd.Timedelta(seconds=MONTH_SECONDS)
        assert values.nunique() == 73
        assert unread == []

    def test_months_that_are_none_are_named(self, tmp_path: Path) -> None:
        values, unread = column(
            tmp_path,
            ["1.5", "", "soon", "1e9", "-1e300", "1e999"],
            "started_at: {months_before_snapshot: x}",
            clock=SNAPSHOT,
        )
        assert SNAPSHOT_AT - values.iloc[0] == pd.Timedelta(days=45.65625)
        assert unread == [4, 5, 6, 7]

    def test_a_condition_holds_does_not_hold_or_is_named(self, tmp_path: Path) -> None:
        values, unread = column(
            tmp_path,
            ["Yes", "No", "", "yes", "Y"],
            'ended_at: {snapshot_when: {column: x, equals: "Yes", otherwise: "No"}}',
            clock=SNAPSHOT,
        )
        assert values.isna().tolist() == [False, True, True, True, True]
        assert values.iloc[0] == SNAPSHOT_AT
        assert unread == [4, 5, 6]

    def test_the_window_and_the_note(self, tmp_path: Path) -> None:
        description = read(tmp_path, "id\n1\n", "", clock=SNAPSHOT).description
        assert description.window_end_at == SNAPSHOT_AT
        assert SNAPSHOT_AT - description.window_start_at == pd.Timedelta(days=91.3125)
        assert description.window_start_at.unit == "us"
        assert "last 3 months" in description.notes[0]


class TestRecoding:
    def test_listed_values_are_recoded_and_others_named(self, tmp_path: Path) -> None:
        values, unread = column(
            tmp_path,
            ["Internet", "no", "", "Fax", "none"],
            "signup_channel: {from: x, values: {Internet: web, no: shop, none: ''}}",
        )
        assert values.fillna("missing").tolist() == ["web", "shop"] + ["missing"] * 3
        assert unread == [5]

    def test_an_empty_cell_can_be_given_a_meaning(self, tmp_path: Path) -> None:
        values, unread = column(
            tmp_path, ["", "N"], "price_eur: {from: x, values: {'': 0, N: 1.5}}"
        )
        assert values.tolist() == [0.0, 1.5]
        assert unread == []

    def test_a_recoded_value_is_read_like_any_other(self, tmp_path: Path) -> None:
        _, unread = column(tmp_path, ["a"], "price_eur: {from: x, values: {a: many}}")
        assert unread == [2]

    def test_constants(self, tmp_path: Path) -> None:
        values, _ = column(tmp_path, ["a", "b"], "signup_channel: {constant: web}")
        assert values.tolist() == ["web", "web"]
        values, _ = column(tmp_path, ["a", "b"], "price_eur: {constant: '2.5'}")
        assert values.tolist() == [2.5, 2.5]
        values, unread = column(tmp_path, ["a", "b"], "signup_channel: {constant: ''}")
        assert values.isna().all()
        assert unread == []


class TestFiles:
    def test_latin_1_and_bom_and_blanks(self, tmp_path: Path) -> None:
        frame = read(
            tmp_path, "id;x\nM\xfcller;1\n".encode("latin-1"), "price_eur: x",
            layout="delimiter: ';'\n    encoding: latin-1",
        ).frames["customers"]  # fmt: skip
        assert frame["customer_id"].tolist() == ["Müller"]
        for encoding in ("utf-8-sig", "utf-8", "UTF8"):
            frame = read(
                tmp_path, b'\xef\xbb\xbf" id ",x\r\n  A 1 ,\r\n', "price_eur: x",
                layout=f"encoding: {encoding}",
            ).frames["customers"]  # fmt: skip
            assert frame["customer_id"].tolist() == ["A 1"]

    def test_identifiers_stay_text(self, tmp_path: Path) -> None:
        frame = read(tmp_path, "id\n007\n7\n1e3\nNA\nnull\n", "").frames["customers"]
        assert frame["customer_id"].tolist() == ["007", "7", "1e3", "NA", "null"]

    def test_rows_are_numbered_as_a_spreadsheet_numbers_them(self, tmp_path: Path) -> None:
        content = 'id,x\n1,"a ""b"",\nc"\n\n2,d\n'
        frame = read(tmp_path, content, "signup_channel: x").frames["contracts"]
        assert frame.index.tolist() == [2, 4]
        assert frame["signup_channel"].tolist() == ['a "b",\nc', "d"]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("", "has no header"),
            ("\n\n", "has no header"),
            ("id,y\n1,2\n", "has no column 'x'"),
            ("id,X\n1,2\n", "has no column 'x' (did you mean 'X'?)"),
            ("id;x\n1;2\n", "has no column 'x'; it has one column only, so is ',' its delimiter?"),
            ("id,x,x\n1,2,3\n", "has 2 columns 'x'; rename all but one"),
            ("id,x\n1,2\nM3,4,MARKER\n5\n", "has 2 rows (row 3, 4) without exactly 2 cells"),
            # With one more cell in every row, a lenient reader shifts all columns by one.
            ("id,x\n1,2,3\n4,5,6\n", "has 2 rows (row 2, 3) without exactly 2 cells"),
            ("id,x\n1,2,\n", "has 1 row (row 2) without exactly 2 cells"),
            ('id,x\n1,"MARKER\n', "cannot be read as delimited text"),
            ('id,x\n1,"a"MARKER\n', "cannot be read as delimited text"),
            (b"id,x\nMARKER\xfc,1\n", "is not text in the encoding utf-8-sig"),
        ],
    )
    def test_a_malformed_file_is_named(
        self, tmp_path: Path, content: str | bytes, expected: str
    ) -> None:
        error = refuse(tmp_path, content)
        assert any(f"contracts: people.csv {expected}" in text for text in error.problems)
        assert "MARKER" not in f"{error} {error.__cause__}"

    def test_columns_not_mapped_may_stand_twice(self, tmp_path: Path) -> None:
        assert len(read(tmp_path, "id,y,y,\n1,2,3,4\n", "").frames["customers"]) == 1

    def test_unknown_encodings_are_named(self, tmp_path: Path) -> None:
        for encoding in ("utf-nine", "hex"):
            error = refuse(tmp_path, "id,x\n1,2\n", layout=f"encoding: {encoding}")
            assert f"encoding '{encoding}' is unknown" in str(error)

    def test_a_missing_file_is_named_with_its_likeness(self, tmp_path: Path) -> None:
        read(tmp_path, "id\n1\n", "")
        (tmp_path / "people.csv").rename(tmp_path / "People.csv")
        with pytest.raises(TableError) as caught:
            read_delimited(tmp_path / "people.yaml", root=tmp_path)
        assert len(caught.value.problems) == 2
        assert "people.csv is not there" in caught.value.problems[0]
        assert "(did you mean 'People.csv'?)" in caught.value.problems[0]
        assert str(tmp_path) not in str(caught.value)

    def test_a_file_with_a_header_only_has_no_rows(self, tmp_path: Path) -> None:
        delivery = read(tmp_path, "id,x\n", "price_eur: x\n      notice_days: x")
        with pytest.raises(TableError, match="has no rows"):
            validate(delivery)


class TestWholeWay:
    CONTENT = "id,x\nMARKER-1,MARKER-x\nMARKER-2,12\nMARKER-2,13\n,14\nMARKER-3,15\n"

    def test_unreadable_values_stop_the_study_with_all_else(self, tmp_path: Path) -> None:
        delivery = read(tmp_path, self.CONTENT, "price_eur: x")
        with pytest.raises(TableError) as caught:
            validate(delivery)
        rules = [text.split("rule ")[1].split(":")[0] for text in caught.value.problems]
        assert rules == [
            "unreadable_value, 1 row (row 2)",
            "missing_value, 1 row (row 5)",
            "missing_value, 1 row (row 5)",
            "missing_value, 1 row (row 5)",
            "duplicate_key, 2 rows (row 3, 4)",
            "duplicate_key, 2 rows (row 3, 4)",
            "no_time_at_risk, 5 rows (row 2, 3, 4, 5, 6)",
        ]
        assert "price_eur can be read as number from 'x'" in caught.value.problems[0]
        assert "MARKER" not in str(caught.value)

    def test_set_aside(self, tmp_path: Path) -> None:
        delivery = read(
            tmp_path,
            self.CONTENT,
            "price_eur: x\n      ended_at: {constant: ''}",
            set_aside="unreadable_value, missing_value, duplicate_key",
        )
        valid = validate(delivery)
        assert valid.tables["customers"]["customer_id"].tolist() == ["MARKER-1", "MARKER-3"]
        assert valid.tables["contracts"]["customer_id"].tolist() == ["MARKER-3"]
        assert valid.tables["contracts"]["price_eur"].tolist() == [15.0]
        assert set(valid.rejects["file"]) == {"people.csv"}
        assert "MARKER" not in valid.rejects.to_csv() + str(valid.audit)

    def test_a_required_time_that_cannot_be_read_is_one_problem(self, tmp_path: Path) -> None:
        delivery = read(tmp_path, "id,x\n1,soon\n2,2020-01-01\n", "started_at: x")
        with pytest.raises(TableError) as caught:
            validate(delivery)
        assert len(caught.value.problems) == 1

    def test_the_same_files_give_the_same_delivery(self, tmp_path: Path) -> None:
        folders = [tmp_path / "a", tmp_path / "b"]
        for folder in folders:
            folder.mkdir()
        one, two = (read(folder, self.CONTENT, "price_eur: x") for folder in folders)
        assert one.description == two.description
        assert one.violations == two.violations
        for name, frame in one.frames.items():
            pd.testing.assert_frame_equal(frame, two.frames[name])
        changed = read(folders[1], self.CONTENT + "MARKER-4,1\n", "price_eur: x")
        assert changed.description.data_hash != one.description.data_hash
