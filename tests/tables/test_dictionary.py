"""The data dictionary names every table, column, category and rule, and is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from loyaltylab.tables.dictionary import write_dictionary
from loyaltylab.tables.rules import RULES
from loyaltylab.tables.schemas import TABLES, TYPE_WORDS

README = Path(__file__).parents[2] / "data" / "README.md"


@pytest.mark.parametrize("table", list(TABLES))
def test_every_column_has_a_line_with_type_and_meaning(table: str) -> None:
    section = write_dictionary().split(f"\n## {table}\n")[1].split("\n## ")[0]
    for column, spec in TABLES[table].schema.columns.items():
        shown = "attribute_…" if spec.regex else column
        [line] = [text for text in section.splitlines() if text.startswith(f"| `{shown}` |")]
        assert spec.description in line
        assert TYPE_WORDS.get(spec.metadata["dtype"], "text or number") in line
        for check in spec.checks:
            for value in check.statistics.get("allowed_values", ()):
                assert f"`{value}`" in line


def test_every_rule_is_named() -> None:
    for rule in RULES:
        assert f"- `{rule}`: " in write_dictionary()


def test_every_column_has_a_meaning_and_an_id_a_unit() -> None:
    for table in TABLES.values():
        for column, spec in table.schema.columns.items():
            assert spec.description.endswith("."), (table.name, column)
            if column.endswith("_id"):
                assert spec.metadata["unit"] == "pseudonym"
            if column.endswith("_at"):
                assert spec.metadata["unit"] == "UTC time"


def test_the_readme_in_the_data_folder_is_up_to_date() -> None:
    assert README.read_text(encoding="utf-8") == write_dictionary(), "run `loyaltylab dictionary`"
