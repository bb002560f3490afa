"""Written tables come back as they were, in the same bytes, swapped in whole or not at all."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from provider_tables import DESCRIPTION, make_delivery

from loyaltylab.tables.storage import (
    ROW_LEVEL,
    csv_text,
    read_description,
    read_tables,
    replace_folder,
    write_json,
    write_tables,
    write_text,
)
from loyaltylab.tables.validation import validate


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return validate(make_delivery()).tables


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(text: str) -> Any:
    return lambda folder: write_text(folder / "file.txt", text)


def test_round_trip(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    write_tables(tables, DESCRIPTION, tmp_path / "tables")
    back = read_tables(tmp_path / "tables")
    assert set(back) == set(tables)
    for name, frame in tables.items():
        pd.testing.assert_frame_equal(back[name], frame)


def test_files_about_single_customers_say_so(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write_tables(tables, DESCRIPTION, tmp_path / "tables")
    assert ROW_LEVEL in (tmp_path / "tables" / "README.md").read_text("utf-8")
    for path in (tmp_path / "tables").glob("*.parquet"):
        assert pq.read_schema(path).metadata[b"loyaltylab"].decode() == ROW_LEVEL


def test_no_cell_of_a_csv_is_a_formula() -> None:
    hostile = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", "\uff1d1"]
    harmless = ["north", "-0.5", "+12", "-1.5e-3", "a=b", "", " =1"]
    frame = pd.DataFrame({"=label": [*hostile, *harmless], "n": range(-3, 12)})
    back = pd.read_csv(io.StringIO(csv_text(frame)), keep_default_na=False, dtype=str)
    assert list(back) == ["'=label", "n"]
    assert back["'=label"].tolist() == [
        *(f"'{text}".replace("\r", "\n") for text in hostile),
        *harmless,
    ]
    assert back["n"].tolist() == [str(n) for n in range(-3, 12)]
    assert frame["=label"].iloc[0] == hostile[0]


def test_the_description_comes_back_equal(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    write_tables(tables, DESCRIPTION, tmp_path / "tables")
    back = read_description(tmp_path / "tables")
    assert back == DESCRIPTION
    assert back.window_end_at.unit == "us"
    assert str(back.window_end_at.tz) == "UTC"


def test_the_same_tables_are_the_same_bytes(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    copies = {name: frame.copy(deep=True) for name, frame in reversed(tables.items())}
    write_tables(tables, DESCRIPTION, tmp_path / "one")
    write_tables(copies, DESCRIPTION, tmp_path / "elsewhere" / "two")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "elsewhere" / "two")
    assert one == two
    assert len(one) == len(tables) + 2  # with the description and the mark
    assert not [name for name, content in one.items() if str(tmp_path).encode() in content]


def test_a_table_no_longer_delivered_is_gone(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write_tables(tables, DESCRIPTION, tmp_path / "tables")
    fewer = {name: tables[name] for name in ("customers", "contracts")}
    write_tables(fewer, DESCRIPTION, tmp_path / "tables")
    assert set(read_tables(tmp_path / "tables")) == set(fewer)


class TestReplaceFolder:
    def test_new_content_replaces_all_of_the_old(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "folder"
        replace_folder(folder, lambda new: write_text(new / "old.txt", "old"))
        replace_folder(folder, put("new"))
        assert contents(folder) == {"file.txt": b"new"}
        assert [path.name for path in folder.parent.iterdir()] == ["folder"]

    @pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
    def test_a_failure_while_writing_leaves_the_old(
        self, tmp_path: Path, failure: type[BaseException]
    ) -> None:
        def fail(new: Path) -> None:
            write_text(new / "half.txt", "rows about customers")
            raise failure

        replace_folder(tmp_path / "folder", put("old"))
        with pytest.raises(failure):
            replace_folder(tmp_path / "folder", fail)
        assert contents(tmp_path / "folder") == {"file.txt": b"old"}
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]

    def test_a_failure_between_the_two_renames_leaves_the_old(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_folder(tmp_path / "folder", put("old"))
        rename = Path.rename

        def fail(self: Path, target: Path) -> Path:
            if self.name.endswith(".new"):
                raise OSError("disk is gone")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="disk is gone"):
            replace_folder(tmp_path / "folder", put("new"))
        assert contents(tmp_path / "folder") == {"file.txt": b"old"}

    def test_a_run_killed_between_the_two_renames_is_mended(self, tmp_path: Path) -> None:
        def fail(_: Path) -> None:
            raise RuntimeError("again")

        replace_folder(tmp_path / ".folder.old", put("old"))
        with pytest.raises(RuntimeError, match="again"):
            replace_folder(tmp_path / "folder", fail)
        assert contents(tmp_path / "folder") == {"file.txt": b"old"}


class TestJson:
    def test_sorted_rounded_and_ending_in_a_newline(self, tmp_path: Path) -> None:
        write_json(
            tmp_path / "x.json",
            {"b": 0.1 + 0.2, "a": (1, -0.0), "c": {"é": True, "d": None, "e": 1 / 3}},
        )
        text = (tmp_path / "x.json").read_bytes().decode()
        assert json.loads(text) == {
            "a": [1, 0.0],
            "b": 0.3,
            "c": {"d": None, "e": 0.3333333333, "é": True},
        }
        assert list(json.loads(text)) == ["a", "b", "c"]
        assert text.endswith("}\n")
        assert "-0.0" not in text
        assert "é" in text

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_no_number_is_refused_and_changes_nothing(
        self, tmp_path: Path, value: float
    ) -> None:
        write_json(tmp_path / "x.json", {"a": 1})
        with pytest.raises(ValueError, match="JSON compliant"):
            write_json(tmp_path / "x.json", {"a": [value]})
        assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}

    def test_text_that_cannot_be_written_leaves_the_old(self, tmp_path: Path) -> None:
        write_text(tmp_path / "x.txt", "old")
        with pytest.raises(UnicodeEncodeError):
            write_text(tmp_path / "x.txt", "\ud800")
        assert contents(tmp_path) == {"x.txt": b"old"}
