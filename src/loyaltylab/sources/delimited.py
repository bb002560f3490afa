"""Delimited files through a declared mapping."""

from __future__ import annotations

from pathlib import Path

from loyaltylab.sources.mapped import read_mapped
from loyaltylab.tables.delivery import Delivery


def read_delimited(mapping_path: Path, *, root: Path) -> Delivery:
    """Read the delimited files a mapping names; see ``mapped.read_mapped``.

    An attribute whose mapping leaves out ``known`` is described as "known at an undeclared time".
    """
    return read_mapped(mapping_path, root=root, kind="delimited")
