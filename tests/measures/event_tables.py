"""Tables of events written in days since one midnight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from pandas.api.types import pandas_dtype

from loyaltylab.tables.schemas import TABLES

MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")
MEMORY_DAYS = 30


def at(day: float | None) -> pd.Timestamp:
    return pd.NaT if day is None else MIDNIGHT + pd.Timedelta(days=day).as_unit("us")


def table(name: str, lines: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """A valid table: columns ``*_at`` in days; what a line does not name is missing."""
    lines = list(lines)
    columns = {}
    for column, spec in TABLES[name].schema.columns.items():
        if spec.regex:
            continue
        values = [line.get(column) for line in lines]
        if column.endswith("_at"):
            values = [value if isinstance(value, pd.Timestamp) else at(value) for value in values]
        columns[column] = pd.Series(values, dtype=pandas_dtype(str(spec.dtype)))
    return pd.DataFrame(columns)


def in_days(jumps: pd.DataFrame, covariate: str) -> list[tuple[str, float, float, float]]:
    """Customer, day it acts, day of its event, change; in order of time."""
    mine = jumps[jumps["covariate"] == covariate]
    day = {
        name: (mine[name] - MIDNIGHT) / pd.Timedelta(days=1).as_unit("us")
        for name in ("at", "since_at")
    }
    return sorted(zip(mine["customer_id"], day["at"], day["since_at"], mine["change"], strict=True))
