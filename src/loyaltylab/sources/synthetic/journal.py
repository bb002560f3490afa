"""The provider's records: what happened, in the order it happened."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Column = NDArray[Any]


class Journal:
    """Rows by table, appended in blocks; a row's number is its place in the table.

    Parameters
    ----------
    is_kept : bool
        False keeps no rows, only their numbers: for worlds of which only outcomes matter.
    """

    def __init__(self, *, is_kept: bool = True) -> None:
        self.is_kept = is_kept
        self._blocks: dict[str, list[dict[str, Column]]] = defaultdict(list)
        self._amendments: dict[str, list[tuple[Column, dict[str, Column]]]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)

    def record(self, table: str, **columns: ArrayLike) -> NDArray[np.int64]:
        """Append one row per element and return the rows' numbers; scalars are repeated.

        The first column given must be as long as there are rows.
        """
        rows = np.asarray(next(iter(columns.values()))).size
        first = self._counts[table]
        self._counts[table] += rows
        if self.is_kept:
            self._blocks[table].append({name: np.asarray(col) for name, col in columns.items()})
        return np.arange(first, first + rows, dtype=np.int64)

    def amend(self, table: str, rows: NDArray[np.int64], **columns: ArrayLike) -> None:
        """Fill in what became known later about earlier rows."""
        if self.is_kept and rows.size:
            changes = {name: np.asarray(values) for name, values in columns.items()}
            self._amendments[table].append((rows, changes))

    def columns(self, table: str) -> dict[str, Column]:
        """Every column of a table, amendments applied in the order they were made."""
        blocks = self._blocks[table]
        whole = {name: _join(blocks, name) for name in (blocks[0] if blocks else ())}
        for rows, changes in self._amendments[table]:
            for name, values in changes.items():
                whole[name][rows] = values
        return whole


def _join(blocks: list[dict[str, Column]], name: str) -> Column:
    lengths = [next(iter(block.values())).size for block in blocks]
    return np.concatenate(
        [np.broadcast_to(block[name], (n,)) for block, n in zip(blocks, lengths, strict=True)]
    )
