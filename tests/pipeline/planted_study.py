"""A small study of delivered files in which every text and every identifier is marked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml
from study_folder import StudyFolder

from loyaltylab.params import load_parameters
from loyaltylab.sources.synthetic import simulate_provider
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.schemas import FLAG, ID_COLUMNS, TABLES, TEXT

MARK = "Zq7mark"  # in every identifier and every free text
PERSONAL = ("zq7.mark@example.org", "+49 170 7654321", "DE89 3704 0044 0532 0130 00")
SCRIPT = "<script>alert('Zq8')</script>"
FORMULA = "=cmd|' /C calc'!A0"
CATEGORIES = ("policy", "segment", "site")  # texts with which tables are tied together


def plant(study: StudyFolder) -> None:
    """Write the study's own synthetic provider as files, marked, with their mapping."""
    parameters = load_parameters(study.path)
    delivery = simulate_provider(parameters.synthetic, seed=parameters.study.seed)
    frames = {name: _mark(name, frame) for name, frame in delivery.frames.items()}
    frames["customers"] = _mark_customers(frames["customers"])
    raw = study.path / "data" / "raw"
    for name, frame in frames.items():
        frame.to_csv(raw / f"{name}.csv", index=False)
    write_mapping(study, delivery, frames, set_aside=["personal_value"])
    study.change("source", kind="delimited", mapping="data/mappings/planted.yaml")


def write_mapping(
    study: StudyFolder, delivery: Delivery, frames: dict[str, pd.DataFrame], *, set_aside: list[str]
) -> None:
    content = {
        "label": "a planted study",
        "set_aside": set_aside,
        "window": {
            "start": f"{delivery.description.window_start_at:%Y-%m-%d}",
            "end": f"{delivery.description.window_end_at:%Y-%m-%d}",
        },
        "tables": {
            name: {
                "file": f"data/raw/{name}.csv",
                "columns": {
                    column: (
                        {"from": column, "type": "text", "known": "at sign-up"}
                        if column.startswith("attribute_")
                        else column
                    )
                    for column in frame
                },
            }
            for name, frame in frames.items()
        },
    }
    path = study.path / "data" / "mappings" / "planted.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def change_cell(path: Path, *, row: int, column: str, value: str) -> str:
    """Change one cell of a file; returns the whole file as it was."""
    whole = path.read_text("utf-8")
    frame = pd.read_csv(path, dtype="string", keep_default_na=False)
    frame.loc[row, column] = value
    frame.to_csv(path, index=False)
    return whole


def _mark(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    columns = TABLES[name].schema.columns
    marked = {}
    for column in frame:
        values = frame[column]
        if column in ID_COLUMNS:
            marked[column] = f"{MARK}-" + values.astype("string")
        elif column not in columns or columns[column].metadata["dtype"] == FLAG:
            marked[column] = values.astype("string").str.lower()
        elif columns[column].metadata["dtype"] == TEXT and not columns[column].checks:
            marked[column] = values if column in CATEGORIES else _free_texts(values, name, column)
        else:
            marked[column] = values
        if column == "site":
            marked[column] = f"{FORMULA} {SCRIPT} " + values.astype("string")
    return pd.DataFrame(marked).dropna(axis="columns", how="all")


def _free_texts(values: pd.Series, name: str, column: str) -> pd.Series:
    """A text of its own in every row; some hostile, and in some rows a way to reach somebody."""
    kinds = (f"{MARK} by hand", f"{FORMULA} {MARK}", f"{SCRIPT} {MARK}", f"{MARK}\tx")
    texts = [f"{kinds[row % 4]} {name} {column} {row}" for row in range(len(values))]
    for place, personal in enumerate(PERSONAL):
        texts[10 + place] = f"{MARK} write to {personal}"
    return pd.Series(texts, index=values.index, dtype="string").where(values.notna())


def _mark_customers(customers: pd.DataFrame) -> pd.DataFrame:
    few = customers["segment"].mask(customers.index == customers.index[3], f"{MARK} alone")
    rows = range(len(customers))
    return customers.assign(
        segment=few,
        attribute_note=[f"{MARK} note {row}" for row in rows],
        attribute_kind=[f"{FORMULA} {'ab'[row % 2]}" for row in rows],
        attribute_few=[f"{MARK} few" if row < 3 else f"many {'cd'[row % 2]}" for row in rows],
    )
