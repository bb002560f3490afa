"""Tables on disk: Parquet in a fixed layout, the same bytes for the same tables."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.writing import explain_failure, write_text

DESCRIPTION_FILE = "source.json"
SIGNIFICANT_DIGITS = 10
ROW_LEVEL = "one row per customer or event, pseudonymous: not anonymous, not to be passed on"
ROW_LEVEL_FILE = "README.md"
ROW_GROUP = 2**20  # rows that pyarrow writes together by itself, so that bytes stay the same
# A spreadsheet takes a cell that begins so for a formula; the wide forms are read as the plain.
FORMULA = re.compile(r"[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
PLAIN_NUMBER = re.compile(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?")


def json_text(content: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no NaN, and numbers to ten significant digits.

    Ten digits are more than any estimate carries, and few enough that the last bits of a
    processor's arithmetic do not show.
    """
    text = json.dumps(
        _rounded(content), sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False
    )
    return text + "\n"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write :func:`json_text`."""
    write_text(path, json_text(content))


def finite_or_none(value: Any) -> Any:
    """The value, or None for a float that is not finite: JSON has no NaN.

    Examples
    --------
    >>> finite_or_none(float("nan")) is None, finite_or_none(0.5), finite_or_none("text")
    (True, 0.5, 'text')
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0  # -0.0 becomes 0.0
    return value


def csv_text(frame: pd.DataFrame, *, float_format: str | None = None) -> str:
    """A frame as CSV that is safe to open: a text that a spreadsheet would run is quoted.

    Examples
    --------
    >>> csv_text(pd.DataFrame({"what": ["=1+1", "-0.5", "north"], "n": [-1, 2, 3]}))
    "what,n\\n'=1+1,-1\\n-0.5,2\\nnorth,3\\n"
    """
    safe = frame.rename(columns=_plain_cell)
    for place, column in enumerate(frame):
        values = frame[column]
        if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(
            values
        ):
            safe.isetitem(place, values.astype(object).map(_plain_cell))
    return safe.to_csv(index=False, float_format=float_format, lineterminator="\n")


def _plain_cell(value: Any) -> Any:
    """The text behind an apostrophe, which makes a spreadsheet take it for text."""
    if not isinstance(value, str) or PLAIN_NUMBER.fullmatch(value):
        return value
    plain = value.replace("\r", "\n")  # a bare carriage return would end the line unquoted
    return f"'{plain}" if FORMULA.match(plain) else plain


def mark_row_level(folder: Path, *, what: str) -> None:
    """Say in the folder itself that its files are about single customers."""
    text = (
        f"# {what}\n\n"
        f"Row-level data: {ROW_LEVEL}. Made by the pipeline, not in git, not pushed by DVC.\n"
        "docs/privacy.md says who may see it.\n"
    )
    write_text(folder / ROW_LEVEL_FILE, text)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write one Parquet file, marked as row-level; the same frame gives the same bytes."""
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    schema = schema.with_metadata({**(schema.metadata or {}), b"loyaltylab": ROW_LEVEL.encode()})
    # A group of rows at a time: a whole table would be in memory twice.
    with explain_failure(path), pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, max(len(frame), 1), ROW_GROUP):
            group = frame.iloc[start : start + ROW_GROUP]
            table = pa.Table.from_pandas(group, schema=schema, preserve_index=False)
            writer.write_table(table, row_group_size=ROW_GROUP)


def write_tables(
    tables: Mapping[str, pd.DataFrame], description: SourceDescription, folder: Path
) -> None:
    """Write tables and their description into a folder that is new and empty."""
    for name, frame in tables.items():
        write_frame(frame, folder / f"{name}.parquet")
    content = asdict(description)
    for key in ("window_start_at", "window_end_at"):
        content[key] = content[key].isoformat()
    write_json(folder / DESCRIPTION_FILE, content)
    mark_row_level(folder, what="Valid tables")


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Every table in the folder, by name, with the types it was written with."""
    return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def read_description(folder: Path) -> SourceDescription:
    """What the tables in the folder are; equal to the description they were written with."""
    content = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    for key in ("window_start_at", "window_end_at"):
        content[key] = pd.Timestamp(content[key]).tz_convert("UTC").as_unit("us")
    for key in ("notes", "attributes_not_for_models"):
        content[key] = tuple(content[key])
    return SourceDescription(**content)
