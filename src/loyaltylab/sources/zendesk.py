"""Zendesk exports (JSON lines): tickets, their metrics, audits and ratings, one line at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.files import match_files
from loyaltylab.sources.json_lines import Newest, Object, Version, read_newest
from loyaltylab.sources.raw_tables import RawTable, hash_file, make_raw_table
from loyaltylab.sources.table_mapping import FileLayout, TableMapping
from loyaltylab.sources.zendesk_audits import (
    GROUP_COLUMNS,
    GroupChanges,
    group_columns,
    read_group_changes,
    read_time,
)

# Key of the mapping, and prefix of its columns -> what messages call the file.
PARTS = {"metrics": "ticket metrics", "audits": "ticket audits", "ratings": "satisfaction ratings"}
HANDOFFS, STATIONS = "handoffs", "group_stations"
# A rating that was asked for and not given.
NOT_GIVEN = ("offered", "unoffered")


@dataclass
class _Export:
    """What was read of the further files, and of which files."""

    parts: dict[str, Newest] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    changes: dict[str, GroupChanges] | None = None
    paths: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_cells(layout: FileLayout, *, place: str, root: Path, wanted: Sequence[str]) -> RawTable:
    """Read tickets, or other Zendesk objects, with what further files say of them.

    A column is a key of the object, with dots for keys inside keys (``via.channel``,
    ``custom_fields.360001``), or starts with the file it is from:

    - ``metrics.``: a key of the ticket's metrics (``metrics.reply_time_in_minutes.calendar``), or
      ``metrics.handoffs``, which is ``group_stations`` minus one;
    - ``audits.``: ``group_changes``, ``group_changes_by_landmark`` (up to ``landmark_hours`` after
      the opening), ``first_group_change_at``, ``last_group_change_at``;
    - ``ratings.``: a key of the newest rating that was given.

    Exports that go on from the last one hold a ticket again each time it changed: the version
    updated last is read, and the number of the others is noted. Rows are numbered by line.

    Raises
    ------
    TableError
        Naming lines that are no JSON objects, keys that no object has, versions that contradict
        each other, and files that the mapping does not name.
    """
    own = [name for name in wanted if _part(name) is None]
    export = _read_parts(layout, root, wanted)
    objects = Newest({}, 0)
    try:
        needs_opening = any(name.startswith("audits.") for name in wanted)
        kept = [*own, *(["created_at"] if needs_opening else [])]
        objects = read_newest([root / place], key="id", columns=kept)
    except TableError as error:
        export.problems[:0] = error.problems
    if export.problems:
        raise TableError("", export.problems)
    hours = layout.landmark_hours if isinstance(layout, TableMapping) else 0.0
    lines = [
        _line(key, version, export, own, landmark_hours=hours)
        for key, version in objects.versions.items()
    ]
    digest = hashlib.sha256()
    for path in (root / place, *export.paths):
        digest.update(hash_file(path))
    table = make_raw_table(
        {name: [line[name] for line in lines] for name in wanted},
        rows=[version.number for version in objects.versions.values()],
        digest=digest.digest(),
    )
    notes = tuple(_notes(Path(place).name, objects, export))
    return RawTable(table.cells, table.typed, table.digest, notes)


def _part(column: str) -> str | None:
    start, dot, _ = column.partition(".")
    return start if dot and start in PARTS else None


def _read_parts(layout: FileLayout, root: Path, wanted: Sequence[str]) -> _Export:
    export = _Export()
    for part, title in PARTS.items():
        columns = [name.removeprefix(f"{part}.") for name in wanted if _part(name) == part]
        if not columns:
            continue
        places, problems = match_files(getattr(layout, part, []), root)
        if not places and not problems:
            problems = [f"needs the file of {title}; name it under '{part}' in the mapping"]
        paths = [root / one for one in places]
        export.paths += paths
        try:
            if problems:
                raise TableError("", problems)
            if part == "audits":
                _check_group_columns(columns)
                export.changes = read_group_changes(paths)
            else:
                _read_part(export, part, columns, paths)
        except TableError as error:
            export.problems += [f"and its {title}: {text}" for text in error.problems]
    return export


def _read_part(export: _Export, part: str, columns: list[str], paths: list[Path]) -> None:
    keys = [STATIONS if part == "metrics" and name == HANDOFFS else name for name in columns]
    skips = _is_not_given if part == "ratings" else None
    export.columns[part] = columns
    export.parts[part] = read_newest(paths, key="ticket_id", columns=keys, skips=skips)


def _is_not_given(rating: Object) -> bool:
    return rating.get("score") in NOT_GIVEN


def _check_group_columns(columns: Sequence[str]) -> None:
    problems = [
        f"has no 'audits.{name}'{did_you_mean(name, GROUP_COLUMNS)}; it has "
        f"{', '.join(f'audits.{known}' for known in GROUP_COLUMNS)}"
        for name in columns
        if name not in GROUP_COLUMNS
    ]
    if problems:
        raise TableError("", problems)


def _line(
    key: str, version: Version, export: _Export, own: Sequence[str], *, landmark_hours: float
) -> Mapping[str, object]:
    """All columns of one object."""
    line = dict(zip(own, version.cells, strict=False))
    for part, objects in export.parts.items():
        columns = export.columns[part]
        found = objects.versions.get(key)
        cells = (None,) * len(columns) if found is None else found.cells
        for name, cell in zip(columns, cells, strict=True):
            is_handoffs = part == "metrics" and name == HANDOFFS
            line[f"{part}.{name}"] = _before_last(cell) if is_handoffs else cell
    if export.changes is not None:
        groups = group_columns(
            export.changes.get(key),
            opened_at=read_time(version.cells[-1]),
            landmark_hours=landmark_hours,
        )
        line |= {f"audits.{name}": cell for name, cell in groups.items()}
    return line


def _before_last(stations: object) -> object:
    # A ticket that no group ever had was handed to none.
    return max(stations - 1, 0) if isinstance(stations, int) else stations


def _notes(place: str, objects: Newest, export: _Export) -> Iterator[str]:
    if objects.n_older:
        yield f"{place} holds {objects.n_older:,} older versions of its objects; the newest count."
    keys = set(objects.versions)
    there: dict[str, set[str]] = {part: set(read.versions) for part, read in export.parts.items()}
    if export.changes is not None:
        there["audits"] = set(export.changes)
    for part, found in there.items():
        n_lost, n_without = len(found - keys), len(keys - found)
        if n_lost:
            yield f"The {PARTS[part]} of {n_lost:,} tickets that are not in {place} are left out."
        if n_without and part != "ratings":  # most tickets are never rated
            yield f"{n_without:,} of the {len(keys):,} tickets in {place} have no {PARTS[part]}."
    for part, read in export.parts.items():
        if read.n_older:
            yield f"{read.n_older:,} older {PARTS[part]} of the same tickets are left out."
