"""One table from several files, and columns from another file by a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.raw_tables import RawTable, find_reader
from loyaltylab.sources.table_mapping import FileLayout, JoinMapping, TableMapping
from loyaltylab.tables.rules import REPEATED_ROW, UNMATCHED_KEY, Violation

FIRST_ROWS = 5


@dataclass(frozen=True)
class ReadTable:
    """All rows of one table, numbered through its files.

    Attributes
    ----------
    cells, typed : pandas.DataFrame
        As in RawTable. A column of a joined file is named ``join: column``.
    label : str
        The files, as messages name them.
    digests : dict of str to bytes
        SHA-256 by place.
    violations : tuple of Violation
        Rows that repeat one of an earlier file, and rows without a match.
    notes : tuple of str
        What a reader of the results must know.
    """

    cells: pd.DataFrame
    typed: pd.DataFrame
    label: str
    digests: dict[str, bytes]
    violations: tuple[Violation, ...]
    notes: tuple[str, ...]


def read_files(name: str, layout: TableMapping, *, root: Path, kind: str) -> ReadTable:
    """Read every file of a table, then join what the mapping joins.

    Parameters
    ----------
    name : str
        The table.
    layout : TableMapping
        Its mapping.
    root : Path
        The study's folder.
    kind : str
        The format of files that name none.

    Returns
    -------
    ReadTable

    Raises
    ------
    TableError
        With every missing or malformed file, and every join that would multiply rows.
    """
    own = [c for how in layout.columns.values() if how.join is None for c in how.file_columns]
    plus = [how.plus.column for how in layout.columns.values() if how.plus is not None]
    keys = [join.matches for join in layout.joins.values()]
    parts = read_parts(layout, root=root, kind=kind, wanted=list(dict.fromkeys(own + plus + keys)))
    cells, typed, label = _stack(parts)
    violations = list(_repeated(name, parts, cells))
    digests = {place: part.digest for place, part in parts.items()}
    notes = [note for part in parts.values() for note in part.notes]
    problems = []
    for join_name, join in layout.joins.items():
        columns = [
            how.source
            for how in layout.columns.values()
            if how.join == join_name and how.source is not None
        ]
        wanted = list(dict.fromkeys([join.key, *columns]))
        try:
            more = read_parts(join, root=root, kind=kind, wanted=wanted)
            joined, found = _join(name, (cells, typed), join_name, join, more)
        except TableError as error:
            problems += [f"joins.{join_name}: {text}" for text in error.problems]
            continue
        cells, typed = joined
        violations += found
        digests |= {f"{join_name}: {place}": part.digest for place, part in more.items()}
    if problems:
        raise TableError("", problems)
    return ReadTable(cells, typed, label, digests, tuple(violations), tuple(notes))


def read_parts(
    layout: FileLayout, *, root: Path, kind: str, wanted: Sequence[str]
) -> dict[str, RawTable]:
    """Every file of a layout in its order: the list's, then by name within a pattern."""
    reader = find_reader(layout.kind or kind)
    places, problems = find_places(layout, root)
    parts = {}
    for place in places:
        try:
            parts[place] = reader(layout, place=place, root=root, wanted=wanted)
        except TableError as error:
            problems += [f"{place} {text}" for text in error.problems]
    if problems:
        raise TableError("", problems)
    return parts


def find_places(layout: FileLayout, root: Path) -> tuple[list[str], list[str]]:
    """The files that a layout names, and what is wrong with their names."""
    if not layout.file:
        return ["the query" if layout.query else str(layout.table)], []
    return match_files(layout.file, root)


def match_files(patterns: Sequence[str], root: Path) -> tuple[list[str], list[str]]:
    """The files of some patterns, named from the folder, and what is wrong with the patterns."""
    found, problems = [], []
    for pattern in patterns:
        if any(mark in pattern for mark in "*?["):
            matches = sorted(
                path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file()
            )
            found += matches
            if not matches:
                problems.append(f"{pattern} matches no file; correct the pattern in the mapping")
        elif (root / pattern).is_file():
            found.append(pattern)
        else:
            problems.append(f"{pattern} is not there; {_other_files(root / pattern)}")
    problems += [
        f"{place} is named {found.count(place)} times; name each file once"
        for place in dict.fromkeys(found)
        if found.count(place) > 1
    ]
    return found, problems


def _other_files(path: Path) -> str:
    folder = path.parent
    there = {other.name for other in folder.iterdir() if other.is_file()} if folder.is_dir() else ()
    return (
        f"copy it there, or correct its name in the mapping{did_you_mean(path.name, sorted(there))}"
    )


def _stack(parts: dict[str, RawTable]) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Rows of all files, numbered on from one file to the next, and how messages say so."""
    cells, typed, names, above = [], [], [], 0
    for place, part in parts.items():
        index = part.cells.index + above
        cells.append(part.cells.set_axis(index))
        typed.append(part.typed.set_axis(index))
        names.append(Path(place).name + (f" after row {above:,}" if above else ""))
        above = int(index.max()) if len(index) else above
    return pd.concat(cells), pd.concat(typed), ", ".join(names)


def _repeated(name: str, parts: dict[str, RawTable], cells: pd.DataFrame) -> list[Violation]:
    """Rows that stand, cell for cell, in an earlier file: an export that overlaps another."""
    if len(parts) == 1:
        return []
    hashes = pd.util.hash_pandas_object(cells, index=False).to_numpy()
    rows: list[int] = []
    seen: set[int] = set()
    start = 0
    for part in parts.values():
        own = hashes[start : start + len(part.cells)]
        numbers = cells.index[start : start + len(part.cells)]
        rows += [int(row) for row, key in zip(numbers, own, strict=True) if key in seen]
        seen |= set(own.tolist())
        start += len(part.cells)
    if not rows:
        return []
    return [
        Violation(
            name,
            REPEATED_ROW,
            "",
            tuple(rows),
            "no row stands, cell for cell, in an earlier file of the table too",
            "leave out the file that repeats another",
        )
    ]


def _join(
    name: str,
    own: tuple[pd.DataFrame, pd.DataFrame],
    join_name: str,
    join: JoinMapping,
    parts: dict[str, RawTable],
) -> tuple[tuple[pd.DataFrame, pd.DataFrame], list[Violation]]:
    cells, typed = own
    more, more_typed, label = _stack(parts)
    keys = more[join.key].where(more[join.key] != "")
    repeated = keys.notna() & keys.duplicated(keep=False)
    if repeated.any():
        shown = ", ".join(str(row) for row in keys.index[repeated][:FIRST_ROWS])
        n_hit = int(cells[join.matches].isin(keys[repeated]).sum())
        raise TableError(
            "",
            [
                f"{keys[repeated].nunique():,} keys stand more than once in '{join.key}' of "
                f"{label} (row {shown}{', …' if repeated.sum() > FIRST_ROWS else ''}) and would "
                f"multiply {n_hit:,} rows of {name}, which multiplies person-time; keep one row "
                "per key, or make it a table of its own"
            ],
        )
    known = keys.notna()
    lookup = pd.Series(more.index[known], index=keys[known])
    at = cells[join.matches].map(lookup)
    is_lost = (cells[join.matches] != "") & at.isna()
    for column in more:
        new = f"{join_name}: {column}"
        cells = cells.assign(**{new: at.map(more[column]).fillna("").astype("string")})
        typed = typed.assign(**{new: at.map(more_typed[column]).eq(True)})
    rows = tuple(int(row) for row in cells.index[is_lost])
    must = f"every '{join.matches}' stands in '{join.key}' of {label}"
    fix = f"add the missing keys there, or say 'unmatched: empty' under joins.{join_name}"
    refused = rows and join.unmatched == "refuse"
    found = [Violation(name, UNMATCHED_KEY, join.matches, rows, must, fix)] if refused else []
    return (cells, typed), found
