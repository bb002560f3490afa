"""A Zendesk export by hand: every number of the tables is counted from the lines below."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from study_files import deliver, read_study

from loyaltylab.errors import TableError
from loyaltylab.sources.zendesk_audits import read_group_changes

DESK, BILLING, LEGAL = 11, 22, 33


def ticket(number: int, requester: int, opened: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "requester_id": requester,
        "created_at": opened,
        "updated_at": "2020-06-01T00:00:00Z",
        "via": {"channel": "email", "source": {}},
        "custom_fields": [{"id": 360, "value": "invoice"}, {"id": 361, "value": None}],
        "subject": "MARKER",
        "tags": ["a", "b"],
    } | more


def metrics(number: int, reply: int | None, solved: int | None, stations: int) -> dict[str, Any]:
    return {
        "id": 900 + number,
        "ticket_id": number,
        "updated_at": "2020-06-01T00:00:00Z",
        "reply_time_in_minutes": {"calendar": reply, "business": 1},
        "full_resolution_time_in_minutes": {"calendar": solved, "business": 2},
        "reopens": number - 1,
        "replies": 3,
        "group_stations": stations,
        "assignee_stations": 2,
    }


def audit(number: int, at: str, *moves: tuple[int | None, int | None], id: int) -> dict[str, Any]:
    events: list[dict[str, Any]] = [{"type": "Comment", "body": "MARKER"}]
    for before, after in moves:
        # Zendesk writes groups as text, and the first one in an event without previous_value.
        event = {"type": "Change", "field_name": "group_id", "value": after and str(after)}
        if before == 0:
            event["type"] = "Create"
        else:
            event["previous_value"] = before and str(before)
        events.append(event)
    return {"id": id, "ticket_id": number, "created_at": at, "events": events}


def rating(number: int, score: str, at: str) -> dict[str, Any]:
    return {"id": at, "ticket_id": number, "score": score, "created_at": at, "updated_at": at}


TICKETS = [
    ticket(1, 7, "2020-03-01T10:00:00Z"),
    ticket(2, 8, "2020-03-02T10:00:00Z", via={"channel": "chat"}),
    ticket(3, 7, "2020-03-03T10:00:00Z"),
]
METRICS = [metrics(1, 30, 600, 3), metrics(2, 45, None, 1), metrics(3, None, None, 0)]
AUDITS = [
    # Ticket 1: desk, after an hour billing, after four days legal: two changes, one in 72 hours.
    audit(1, "2020-03-01T10:00:00Z", (0, DESK), id=1),
    audit(1, "2020-03-05T10:00:00Z", (BILLING, LEGAL), id=5),
    audit(1, "2020-03-01T11:00:00Z", (DESK, BILLING), id=2),
    # Ticket 2: no group, then its first; taken off, and given back to the same: no change.
    audit(2, "2020-03-02T10:00:00Z", id=3),
    audit(2, "2020-03-02T10:05:00Z", (None, DESK), id=4),
    audit(2, "2020-03-02T11:05:00Z", (DESK, None), id=6),
    audit(2, "2020-03-02T12:05:00Z", (None, DESK), id=7),
    # Ticket 3: the desk, nobody, billing: one change, 72 hours after the opening to the second.
    audit(3, "2020-03-03T10:00:00Z", (0, DESK), id=8),
    audit(3, "2020-03-04T10:00:00Z", (DESK, None), id=9),
    audit(3, "2020-03-06T10:00:00Z", (None, BILLING), id=10),
]
RATINGS = [
    rating(1, "offered", "2020-03-06T00:00:00Z"),
    rating(1, "bad", "2020-03-07T00:00:00Z"),
    rating(1, "good", "2020-03-08T00:00:00Z"),
    rating(2, "offered", "2020-03-09T00:00:00Z"),
]
MAPPING: dict[str, Any] = {
    "label": "a help desk",
    "window": {"start": "2020-01-01", "end": "2021-01-01"},
    "tables": {
        "customers": {"file": "people.csv", "kind": "delimited", "columns": {"customer_id": "id"}},
        "contracts": {
            "file": "people.csv",
            "kind": "delimited",
            "columns": {
                "contract_id": "id",
                "customer_id": "id",
                "started_at": {"constant": "2019-01-01"},
                "ended_at": {"constant": ""},
            },
        },
        "contacts": {
            "file": "tickets.jsonl",
            "metrics": "metrics.jsonl",
            "audits": "audits.jsonl",
            "ratings": "ratings.jsonl",
            "columns": {
                "contact_id": "id",
                "customer_id": "requester_id",
                "opened_at": "created_at",
                "first_replied_at": {
                    "from": "created_at",
                    "plus": {"column": "metrics.reply_time_in_minutes.calendar", "unit": "minutes"},
                },
                "resolved_at": {
                    "from": "created_at",
                    "plus": {
                        "column": "metrics.full_resolution_time_in_minutes.calendar",
                        "unit": "minutes",
                    },
                },
                "channel": "via.channel",
                "topic": "custom_fields.360",
                "wait_minutes": "metrics.reply_time_in_minutes.calendar",
                "handoffs": "audits.group_changes",
                "reopens": "metrics.reopens",
                "satisfaction_share": {
                    "from": "ratings.score",
                    "values": {"good": "1", "bad": "0"},
                },
                "rated_at": "ratings.created_at",
            },
        },
    },
}


def write(folder: Path, **files: list[dict[str, Any]]) -> None:
    (folder / "people.csv").write_text("id\n7\n8\n")
    everything = {"tickets": TICKETS, "metrics": METRICS, "audits": AUDITS, "ratings": RATINGS}
    for name, items in (everything | files).items():
        text = "".join(json.dumps(item) + "\n" for item in items)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def with_columns(**columns: Any) -> dict[str, Any]:
    mapping: dict[str, Any] = json.loads(json.dumps(MAPPING))
    mapping["tables"]["contacts"]["columns"] |= columns
    return mapping


def problems(folder: Path, mapping: dict[str, Any] = MAPPING) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        read_study(folder, mapping, kind="zendesk")
    assert "MARKER" not in str(caught.value)
    return caught.value.problems


def test_tickets_with_metrics_audits_and_ratings(tmp_path: Path) -> None:
    write(tmp_path)
    found = read_study(tmp_path, MAPPING, kind="zendesk").tables["contacts"]
    assert found["contact_id"].tolist() == ["1", "2", "3"]
    assert found["customer_id"].tolist() == ["7", "8", "7"]
    assert found["channel"].tolist() == ["email", "chat", "email"]
    assert found["topic"].tolist() == ["invoice"] * 3
    assert found["wait_minutes"].fillna(-1).tolist() == [30, 45, -1]
    assert found["reopens"].tolist() == [0, 1, 2]
    assert found["handoffs"].tolist() == [2, 0, 1]
    # Ticket 1: 10:00 plus 30 and 600 minutes; ticket 2 is not solved; the newest rating counts.
    assert found["first_replied_at"].dt.strftime("%H:%M").tolist()[:2] == ["10:30", "10:45"]
    assert found["resolved_at"].dt.strftime("%H:%M").fillna("").tolist() == ["20:00", "", ""]
    assert found["satisfaction_share"].fillna(-1).tolist() == [1.0, -1, -1]
    assert found["rated_at"].dt.strftime("%m-%d").fillna("").tolist() == ["03-08", "", ""]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Up to three days after the opening, that moment included: 1 of 2, 0, 1 of 1.
        ("audits.group_changes_by_landmark", [1, 0, 1]),
        # Stations 3, 1 and 0: two handoffs, none, none.
        ("metrics.handoffs", [2, 0, 0]),
        ("metrics.group_stations", [3, 1, 0]),
        ("metrics.assignee_stations", [2, 2, 2]),
    ],
)
def test_ways_to_count_handoffs(tmp_path: Path, source: str, expected: list[int]) -> None:
    write(tmp_path)
    found = read_study(tmp_path, with_columns(handoffs=source), kind="zendesk").tables["contacts"]
    assert found["handoffs"].tolist() == expected


def test_the_landmark_can_be_moved(tmp_path: Path) -> None:
    write(tmp_path)
    mapping = with_columns(handoffs="audits.group_changes_by_landmark")
    mapping["tables"]["contacts"]["landmark_hours"] = "0.5"
    found = read_study(tmp_path, mapping, kind="zendesk").tables["contacts"]
    assert found["handoffs"].tolist() == [0, 0, 0]


def test_the_time_of_each_group_change(tmp_path: Path) -> None:
    write(tmp_path, audits=[*AUDITS, AUDITS[1]])
    changes = read_group_changes([tmp_path / "audits.jsonl"])
    times = {key: [f"{time:%d %H:%M}" for time in found.times] for key, found in changes.items()}
    assert times == {"1": ["01 11:00", "05 10:00"], "2": [], "3": ["06 10:00"]}
    mapping = with_columns(promise_due_at="audits.last_group_change_at")
    found = read_study(tmp_path, mapping, kind="zendesk").tables["contacts"]["promise_due_at"]
    assert found.dt.strftime("%d").fillna("").tolist() == ["05", "", "06"]


def test_audits_in_any_order_and_several_files_say_the_same(tmp_path: Path) -> None:
    write(tmp_path)
    expected = read_study(tmp_path, MAPPING, kind="zendesk").tables["contacts"]
    write(tmp_path, **{"audits": AUDITS[::-1][:4], "audits-2": AUDITS[::-1][4:]})
    mapping = with_columns()
    mapping["tables"]["contacts"]["audits"] = "audits*.jsonl"
    found = read_study(tmp_path, mapping, kind="zendesk").tables["contacts"]
    assert found.equals(expected)


def test_gzip_is_read_and_a_cut_one_named(tmp_path: Path) -> None:
    write(tmp_path)
    expected = read_study(tmp_path, MAPPING, kind="zendesk").tables["contacts"]
    path = tmp_path / "audits.jsonl"
    data = gzip.compress(path.read_bytes())
    path.write_bytes(data)
    assert read_study(tmp_path, MAPPING, kind="zendesk").tables["contacts"].equals(expected)
    path.write_bytes(data[:-9])
    [problem] = problems(tmp_path)
    assert "and its ticket audits: is no whole gzip file" in problem


def test_the_newest_version_of_a_ticket_counts_and_the_others_are_noted(tmp_path: Path) -> None:
    newer = TICKETS[0] | {"updated_at": "2020-07-01T00:00:00Z", "via": {"channel": "web"}}
    write(tmp_path, tickets=[newer, *TICKETS, TICKETS[1]], metrics=[*METRICS, metrics(9, 1, 1, 1)])
    found = read_study(tmp_path, MAPPING, kind="zendesk").tables["contacts"]
    assert found["channel"].tolist() == ["web", "chat", "email"]
    notes = deliver(tmp_path, MAPPING, kind="zendesk").description.notes
    assert notes == (
        "tickets.jsonl holds 2 older versions of its objects; the newest count.",
        "The ticket metrics of 1 tickets that are not in tickets.jsonl are left out.",
        "1 older satisfaction ratings of the same tickets are left out.",
    )
    # Two versions of one moment: none is chosen.
    write(tmp_path, tickets=[*TICKETS, TICKETS[0] | {"requester_id": 8}])
    [problem] = problems(tmp_path)
    assert "tickets.jsonl has 1 row (row 4) that differ from an earlier line" in problem


def test_tickets_without_metrics_are_empty_and_noted(tmp_path: Path) -> None:
    write(tmp_path, metrics=METRICS[:1], audits=AUDITS[:3])
    delivery = deliver(tmp_path, MAPPING, kind="zendesk")
    assert delivery.frames["contacts"]["handoffs"].isna().tolist() == [False, True, True]
    assert delivery.description.notes[:2] == (
        "2 of the 3 tickets in tickets.jsonl have no ticket metrics.",
        "2 of the 3 tickets in tickets.jsonl have no ticket audits.",
    )


def test_everything_wrong_with_the_files_is_one_report(tmp_path: Path) -> None:
    write(tmp_path, audits=[*AUDITS, {"id": 1, "MARKER": 2}])
    with (tmp_path / "tickets.jsonl").open("a") as file:
        file.write('{"id": 4, "requester_id": 7, "MARK\n[1]\nNaN\n\n{"id": NaN}\n')
    (tmp_path / "metrics.jsonl").unlink()
    mapping = with_columns(topic="custom_fields.999", agent="audits.group_change")
    del mapping["tables"]["contacts"]["ratings"]
    assert problems(tmp_path, mapping) == (
        "contacts: tickets.jsonl has 4 rows (row 4, 5, 6, 8) that are no JSON object: the file has "
        "one object per line, each whole; export it again",
        "contacts: tickets.jsonl and its ticket metrics: metrics.jsonl is not there; copy it "
        "there, or correct its name in the mapping (did you mean 'tickets.jsonl'?)",
        "contacts: tickets.jsonl and its ticket audits: has no 'audits.group_change' (did you "
        "mean 'group_changes'?); it has audits.group_changes, audits.group_changes_by_landmark, "
        "audits.first_group_change_at, audits.last_group_change_at",
        "contacts: tickets.jsonl and its satisfaction ratings: needs the file of satisfaction "
        "ratings; name it under 'ratings' in the mapping",
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"topic": "custom_fields.999"}, "tickets.jsonl has no 'custom_fields.999' in any object"),
        ({"topic": "requestor_id"}, "any object (did you mean 'requester_id'?)"),
        ({"topic": "tags"}, "tickets.jsonl has a column 'tags' with values of type list"),
        ({"reopens": "metrics.reopen"}, "metrics: has no 'reopen' in any object (did you mean 're"),
        ({"topic": "requester_id"}, "the file's column 'requester_id' is an identifier here"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, columns: dict[str, str], expected: str) -> None:
    write(tmp_path)
    assert any(expected in text for text in problems(tmp_path, with_columns(**columns)))


def test_an_audit_that_is_none_is_named(tmp_path: Path) -> None:
    write(tmp_path, audits=[*AUDITS, AUDITS[0] | {"created_at": "yesterday"}])
    [problem] = problems(tmp_path)
    assert "ticket audits: has 1 row (row 11) without ticket_id, created_at" in problem


def test_ratings_can_be_the_surveys(tmp_path: Path) -> None:
    ratings = [item | {"requester_id": 7} for item in RATINGS[1:3]]
    write(tmp_path, ratings=ratings)
    mapping = with_columns()
    mapping["tables"]["surveys"] = {
        "file": "ratings.jsonl",
        "columns": {
            "survey_id": "id",
            "customer_id": "requester_id",
            "invited_at": "created_at",
            "answered_at": "updated_at",
            "satisfaction_score": {"from": "score", "values": {"good": "7", "bad": "1"}},
        },
    }
    found = read_study(tmp_path, mapping, kind="zendesk").tables["surveys"]
    assert found["satisfaction_score"].tolist() == [1.0, 7.0]


def test_a_large_export_is_read_line_by_line(tmp_path: Path) -> None:
    # 20,000 audits with long comments: what is kept of each is a few dozen bytes.
    import tracemalloc

    write(tmp_path)
    body = "x" * 2_000
    with (tmp_path / "audits.jsonl").open("w") as file:
        for number in range(20_000):
            event = {"type": "Comment", "body": body}
            item = {"id": number, "ticket_id": number % 3 + 1, "created_at": "2020-03-04T00:00:00Z"}
            file.write(json.dumps(item | {"events": [event]}) + "\n")
    size = (tmp_path / "audits.jsonl").stat().st_size
    tracemalloc.start()
    changes = read_group_changes([tmp_path / "audits.jsonl"])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {key: found.times for key, found in changes.items()} == {"1": (), "2": (), "3": ()}
    assert most < size / 20
