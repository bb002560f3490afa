"""How columns and tables are described: type, meaning, unit, rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandera.pandas as pa

TIMESTAMP = "datetime64[us, UTC]"
TEXT = "string"
NUMBER = "float64"
COUNT = "Int64"
FLAG = "boolean"
TYPE_WORDS = {
    TIMESTAMP: "time",
    TEXT: "text",
    NUMBER: "number",
    COUNT: "whole number",
    FLAG: "yes/no",
}

EXIT_CAUSES = ("service", "price_competitor", "life_event", "payment_failure", "unknown")
VOLUNTARY_CAUSES = ("service", "price_competitor")
CHANNELS = ("web", "phone", "email", "chat", "post", "shop", "bot", "other")
ATTRIBUTE_PREFIX = "attribute_"


@dataclass(frozen=True)
class TableSchema:
    """One table: what a row is, its key, its columns, and the table its rows point to.

    Attributes
    ----------
    name : str
        Table name, also the name of its Parquet file.
    row_is : str
        What one row stands for.
    key : tuple of str
        Columns that together identify a row.
    schema : pandera.DataFrameSchema
        Columns with type, meaning, unit and rules.
    is_required : bool
        True for the two tables without which there is no study.
    """

    name: str
    row_is: str
    key: tuple[str, ...]
    schema: pa.DataFrameSchema
    is_required: bool = False


def column(
    dtype: str,
    meaning: str,
    *checks: pa.Check,
    unit: str = "",
    nullable: bool = False,
    required: bool = True,
) -> pa.Column:
    """A column that must be there, with its meaning, unit and rules."""
    return pa.Column(
        dtype,
        checks=list(checks),
        nullable=nullable,
        required=required,
        description=meaning,
        metadata={"unit": unit, "dtype": dtype},
    )


def id_column(meaning: str) -> pa.Column:
    """A pseudonym."""
    return column(TEXT, meaning, unit="pseudonym")


def time_column(meaning: str, *, nullable: bool = False, required: bool = True) -> pa.Column:
    """A UTC time."""
    return column(TIMESTAMP, meaning, unit="UTC time", nullable=nullable, required=required)


def category_column(values: tuple[str, ...], meaning: str, *, nullable: bool = False) -> pa.Column:
    """One of a few words; a column that may be empty may also be missing."""
    rule = pa.Check.isin(values, error=f"must be one of {', '.join(values)}")
    return column(TEXT, meaning, rule, unit="category", nullable=nullable, required=not nullable)


def optional_column(
    dtype: str, meaning: str, *checks: pa.Check, unit: str = "", nullable: bool = True
) -> pa.Column:
    """A column that a source need not have."""
    return column(dtype, meaning, *checks, unit=unit, nullable=nullable, required=False)


NOT_NEGATIVE = pa.Check.ge(0, error="must not be negative")
SHARE = pa.Check.in_range(0, 1, error="must lie between 0 and 1")


def describe_table(
    name: str,
    row_is: str,
    columns: dict[str, Any],
    *,
    key: tuple[str, ...] | None = None,
    is_required: bool = False,
) -> TableSchema:
    """A table; its key is its first column unless another is named."""
    key = key or (next(iter(columns)),)
    schema = pa.DataFrameSchema(
        columns, name=name, strict=True, ordered=False, description=row_is, unique=list(key)
    )
    return TableSchema(name, row_is, key, schema, is_required)
