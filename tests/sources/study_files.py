"""A study as files: one provider's export as text cells, written in any format, read and judged."""

from __future__ import annotations

import copy
import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from loyaltylab.sources.mapped import read_mapped
from loyaltylab.tables.validation import ValidTables, validate

Cells = dict[str, list[list[str]]]

# Identifiers that only text keeps apart: 7 and 007, and two that are one as a float.
IDS = ["007", "7", "9007199254740993", "9007199254740992", "A-10", "A-11", "Zoë", "A-13"]
TIMES = ("start", "end", "opened", "replied")
NUMBERS = ("price", "wait", "moved")


def clean_cells() -> Cells:
    """Header and rows of each file; the first row of a list is the header."""
    people = [["id", "segment", "size"]]
    contracts = [["number", "id", "start", "end", "price"]]
    tickets = [["ticket", "id", "opened", "replied", "wait", "moved", "rating"]]
    for at, person in enumerate(IDS):
        people.append([person, ("consumer", "business", "Geschäft")[at % 3], ("", "large")[at % 2]])
        left = f"2020-{at + 4:02d}-15 18:00" if at % 2 else ""
        contracts.append([f"K{at}", person, f"2019-0{at + 1}-21 09:30", left, f"{10 + at}.25"])
        opened = f"2020-02-{at + 13:02d} 10:15"
        replied = f"2020-02-{at + 14:02d} 10:15" if at % 3 else ""
        tickets.append(
            [f"T{at}", person, opened, replied, str(30 * at), str(at % 4), str(at % 5 + 1)]
        )
    return {"people": people, "contracts": contracts, "tickets": tickets}


def clean_mapping() -> dict[str, Any]:
    """The mapping of those files as CSV."""
    shares = {str(stars): str((stars - 1) / 4) for stars in range(1, 6)}
    return {
        "label": "a study",
        "window": {"start": "2020-01-01", "end": "2021-01-01"},
        "tables": {
            "customers": {
                "file": "people.csv",
                "columns": {
                    "customer_id": "id",
                    "segment": "segment",
                    "attribute_size": {"from": "size", "known": "at sign-up"},
                },
            },
            "contracts": {
                "file": "contracts.csv",
                "columns": {
                    "contract_id": "number",
                    "customer_id": "id",
                    "started_at": "start",
                    "ended_at": "end",
                    "price_eur": "price",
                },
            },
            "contacts": {
                "file": "tickets.csv",
                "columns": {
                    "contact_id": "ticket",
                    "customer_id": "id",
                    "opened_at": "opened",
                    "first_replied_at": "replied",
                    "wait_minutes": "wait",
                    "handoffs": "moved",
                    "satisfaction_share": {"from": "rating", "values": shares},
                },
            },
        },
    }


def with_files(mapping: dict[str, Any], suffix: str, **keys: Any) -> dict[str, Any]:
    """The same mapping for files of another suffix, with further keys for every table."""
    mapping = copy.deepcopy(mapping)
    for table in mapping["tables"].values():
        table["file"] = table["file"].replace(".csv", suffix)
        table.update(keys)
    return mapping


def as_csv(rows: list[list[str]], *, delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(folder: Path, cells: Cells, *, encoding: str = "utf-8", delimiter: str = ",") -> None:
    for name, rows in cells.items():
        data = as_csv(rows, delimiter=delimiter).encode(encoding)
        (folder / f"{name}.csv").write_bytes(data)


def typed(name: str, cell: str) -> Any:
    """A cell as a format with types holds it."""
    if cell == "":
        return None
    if name in TIMES:
        return datetime.fromisoformat(cell)
    return float(cell) if name in NUMBERS else cell


def typed_columns(rows: list[list[str]]) -> dict[str, list[Any]]:
    header, *body = rows
    return {name: [typed(name, row[at]) for row in body] for at, name in enumerate(header)}


def read_study(folder: Path, mapping: dict[str, Any], *, kind: str = "delimited") -> ValidTables:
    """Read and validate; what a mapping lists under set_aside is set aside."""
    return validate(deliver(folder, mapping, kind=kind))


def deliver(folder: Path, mapping: dict[str, Any], *, kind: str = "delimited") -> Any:
    path = folder / "study.yaml"
    path.write_text(json.dumps(mapping, ensure_ascii=False), encoding="utf-8")
    return read_mapped(path, root=folder, kind=kind)


def clean_study(folder: Path) -> ValidTables:
    """The tables of the clean files, which lie in a folder of their own."""
    folder = folder / "clean"
    folder.mkdir()
    write_csv(folder, clean_cells())
    return read_study(folder, clean_mapping())


def assert_same_tables(found: ValidTables, expected: ValidTables) -> None:
    """Equal to the last bit, in row order and type too."""
    assert list(found.tables) == list(expected.tables)
    for name, frame in expected.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], frame, check_exact=True)
