"""The provider's records: what happened, in the order it happened."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Column = NDArray[Any]


class Journal:
    """Rows by table, appended in blocks; a row's number is its place in the table."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[dict[str, Column]]] = defaultdict(list)
        self._amendments: dict[str, list[tuple[Column, str, Column]]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)

    def record(self, table: str, **columns: ArrayLike) -> NDArray[np.int64]:
        """Append one row per element and return the rows' numbers; scalars are repeated."""
        arrays = np.broadcast_arrays(*columns.values())
        self._blocks[table].append(dict(zip(columns, arrays, strict=True)))
        first = self._counts[table]
        self._counts[table] += arrays[0].size
        return np.arange(first, self._counts[table], dtype=np.int64)

    def amend(self, table: str, rows: NDArray[np.int64], **columns: ArrayLike) -> None:
        """Fill in what became known later about earlier rows."""
        for name, values in columns.items():
            self._amendments[table].append((rows, name, np.broadcast_to(values, rows.shape)))

    def columns(self, table: str) -> dict[str, Column]:
        """Every column of a table, amendments applied in the order they were made."""
        blocks = self._blocks[table]
        names = list(blocks[0]) if blocks else []
        whole = {name: np.concatenate([block[name] for block in blocks]) for name in names}
        for rows, name, values in self._amendments[table]:
            whole[name][rows] = values
        return whole
