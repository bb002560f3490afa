"""Delimited files through a declared mapping."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from loyaltylab.sources.delimited_text import read_text_columns
from loyaltylab.sources.mapped import read_mapped
from loyaltylab.sources.raw_tables import RawTable, hash_file
from loyaltylab.sources.table_mapping import FileLayout
from loyaltylab.sources.well_formed import ARROW_TEXT, read_well_formed
from loyaltylab.tables.delivery import Delivery


def read_delimited(mapping_path: Path, *, root: Path) -> Delivery:
    """Read the delimited files a mapping names; see ``mapped.read_mapped``.

    An attribute whose mapping leaves out ``known`` is described as "known at an undeclared time".
    """
    return read_mapped(mapping_path, root=root, kind="delimited")


def read_cells(layout: FileLayout, *, place: str, root: Path, wanted: Sequence[str]) -> RawTable:
    """Read one delimited file; none of its cells has a type."""
    path, delimiter, encoding = root / place, layout.delimiter, layout.encoding
    cells = read_well_formed(path, delimiter=delimiter, encoding=encoding, wanted=wanted)
    if cells is None:
        cells = read_text_columns(path, delimiter=delimiter, encoding=encoding, wanted=wanted)
        cells = cells.astype(ARROW_TEXT)  # files of one table may be read either way
    typed = pd.DataFrame(False, index=cells.index, columns=cells.columns)
    return RawTable(cells, typed, hash_file(path))
