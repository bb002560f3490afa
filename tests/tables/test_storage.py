"""Written tables come back as they were, in the same bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from provider_tables import DESCRIPTION, make_delivery

from loyaltylab.tables.storage import (
    ROW_LEVEL,
    csv_text,
    read_description,
    read_tables,
    write_json,
    write_tables,
)
from loyaltylab.tables.validation import validate


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return validate(make_delivery()).tables


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    folder.mkdir(parents=True)
    write_tables(tables, DESCRIPTION, folder)


def test_round_trip(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    write(tables, tmp_path / "tables")
    back = read_tables(tmp_path / "tables")
    assert set(back) == set(tables)
    for name, frame in tables.items():
        pd.testing.assert_frame_equal(back[name], frame)


def test_files_about_single_customers_say_so(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write(tables, tmp_path / "tables")
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
    write(tables, tmp_path / "tables")
    back = read_description(tmp_path / "tables")
    assert back == DESCRIPTION
    assert back.window_end_at.unit == "us"
    assert str(back.window_end_at.tz) == "UTC"


def test_the_same_tables_are_the_same_bytes(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    copies = {name: frame.copy(deep=True) for name, frame in reversed(tables.items())}
    write(tables, tmp_path / "one")
    write(copies, tmp_path / "elsewhere" / "two")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "elsewhere" / "two")
    assert one == two
    assert len(one) == len(tables) + 2  # with the description and the mark
    assert not [name for name, content in one.items() if str(tmp_path).encode() in content]


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
