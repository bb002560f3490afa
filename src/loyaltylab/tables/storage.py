"""Tables on disk: Parquet in a fixed layout, the same bytes for the same tables."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.writing import explain_failure, write_text

DESCRIPTION_FILE = "source.json"
SIGNIFICANT_DIGITS = 10


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with sorted keys, no NaN, and numbers to ten significant digits.

    Ten digits are more than any estimate carries, and few enough that the last bits of a
    processor's arithmetic do not show.
    """
    text = json.dumps(
        _rounded(content), sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False
    )
    write_text(path, text + "\n")


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


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write one Parquet file; the same frame gives the same bytes."""
    with explain_failure(path):
        frame.to_parquet(path, engine="pyarrow", index=False, compression="zstd")


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
