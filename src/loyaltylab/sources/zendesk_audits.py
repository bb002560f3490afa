"""When Zendesk tickets changed group, from the audits of every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from loyaltylab.errors import TableError
from loyaltylab.sources.delimited_text import name_rows
from loyaltylab.sources.json_lines import read_objects

# (time, audit, place in the audit) -> (group before, group after)
Moves = dict[tuple[datetime, str, int], tuple[Any, Any]]


@dataclass(frozen=True)
class GroupChanges:
    """The group changes of one ticket.

    Attributes
    ----------
    times : tuple of datetime
        UTC; when the ticket went from one group to another, in order. The first assignment is no
        change, nor is a group given back after none.
    """

    times: tuple[datetime, ...]

    def n_until(self, moment: datetime) -> int:
        """How many there were up to a moment, that moment included."""
        return sum(time <= moment for time in self.times)


def read_group_changes(paths: Sequence[Path]) -> dict[str, GroupChanges]:
    """The group changes of every ticket that has an audit.

    Only events that set the group are kept, so the largest file of the export takes the least
    memory. An audit that stands twice counts once.

    Raises
    ------
    TableError
        Naming lines that are no audit.

    Source
    ------
    Ticket audits of the Zendesk API: ``Create`` and ``Change`` events with ``field_name``,
    ``value`` and ``previous_value``.
    """
    moves: dict[str, Moves] = {}
    wrong: list[int] = []
    for number, audit in (pair for path in paths for pair in read_objects(path)):
        at, events = read_time(audit.get("created_at")), audit.get("events")
        ticket = audit.get("ticket_id")
        if at is None or not isinstance(events, list) or not isinstance(ticket, int | str):
            wrong.append(number)
            continue
        mine = moves.setdefault(str(ticket), {})
        for place, event in enumerate(events):
            if _sets_group(event):
                key = (at, str(audit.get("id")).zfill(20), place)
                mine[key] = (event.get("previous_value"), event.get("value"))
    if wrong:
        raise TableError(
            "", [f"has {name_rows(wrong)} without ticket_id, created_at (a time) or events"]
        )
    return {ticket: GroupChanges(_change_times(mine)) for ticket, mine in moves.items()}


def read_time(value: object) -> datetime | None:
    """A time as Zendesk writes it; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def group_columns(
    changes: GroupChanges | None, *, opened_at: datetime | None, landmark_hours: float
) -> Mapping[str, object]:
    """What a table can ask of a ticket's group changes; all empty without audits."""
    if changes is None:
        return dict.fromkeys(GROUP_COLUMNS)
    until = None if opened_at is None else opened_at + timedelta(hours=landmark_hours)
    return {
        "group_changes": len(changes.times),
        "group_changes_by_landmark": None if until is None else changes.n_until(until),
        "first_group_change_at": changes.times[0] if changes.times else None,
        "last_group_change_at": changes.times[-1] if changes.times else None,
    }


GROUP_COLUMNS = (
    "group_changes",
    "group_changes_by_landmark",
    "first_group_change_at",
    "last_group_change_at",
)


def _sets_group(event: object) -> bool:
    return (
        isinstance(event, dict)
        and event.get("type") in ("Create", "Change")
        and event.get("field_name") == "group_id"
    )


def _change_times(moves: Moves) -> tuple[datetime, ...]:
    times = []
    last = None
    for (at, _, _), (before, after) in sorted(moves.items(), key=lambda pair: pair[0]):
        last = _text(before) or last
        now = _text(after)
        if now and last and now != last:
            times.append(at)
        last = now or last
    return tuple(times)


def _text(group: object) -> str:
    return "" if group is None else str(group)
