"""Parquet files: each column has a type, which is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from loyaltylab.errors import TableError
from loyaltylab.sources.delimited_text import find_header_problems
from loyaltylab.sources.raw_tables import RawTable, hash_file, make_raw_table
from loyaltylab.sources.table_mapping import FileLayout


def read_cells(
    layout: FileLayout,  # noqa: ARG001 - a Parquet file says itself how it is written
    *,
    place: str,
    root: Path,
    wanted: Sequence[str],
) -> RawTable:
    """Read one Parquet file; its rows count from 1.

    Raises
    ------
    TableError
        If it is truncated or no Parquet file, or lacks a column.
    """
    try:
        with pq.ParquetFile(root / place) as file:
            problems = list(find_header_problems(file.schema_arrow.names, wanted))
            table = None if problems else file.read(columns=list(wanted))
    except (pa.ArrowException, OSError):
        raise TableError(
            "", ["is no whole Parquet file; it was cut short or damaged, so copy it anew"]
        ) from None
    if table is None:
        raise TableError("", problems)
    columns = {name: _values(table.column(name)) for name in wanted}
    return make_raw_table(
        columns, rows=range(1, table.num_rows + 1), digest=hash_file(root / place)
    )


def _values(column: pa.ChunkedArray) -> list[object]:
    if pa.types.is_timestamp(column.type):
        # Python's times have microseconds, as ours do.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return list(column.to_pylist())
