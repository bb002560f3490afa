"""Service quality: what each event changes, and only once it is known."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
from event_tables import MEMORY_DAYS, at, in_days, table

from loyaltylab.measures.service_quality import (
    MEANINGS,
    decided_requests,
    first_contact_resolution,
    promises_kept,
    service_quality_jumps,
)


def jumps_of(**tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(service_quality_jumps(tables, memory_days=MEMORY_DAYS), ignore_index=True)


def contact(**values: object) -> pd.DataFrame:
    return table("contacts", [{"contact_id": "t1", "customer_id": "a", **values}])


def test_a_contact_counts_while_recent_and_while_open() -> None:
    jumps = jumps_of(contacts=contact(opened_at=10, resolved_at=14))
    assert in_days(jumps, "recent_contacts") == [("a", 10, 10, 1), ("a", 40, 10, -1)]
    assert in_days(jumps, "open_contacts") == [("a", 10, 10, 1), ("a", 14, 10, -1)]


def test_a_contact_never_solved_stays_open() -> None:
    jumps = jumps_of(contacts=contact(opened_at=10, first_replied_at=11))
    assert in_days(jumps, "open_contacts") == [("a", 10, 10, 1)]


def test_handoffs_count_from_the_solution() -> None:
    # Three handoffs, known when the case is solved at 25, and recent for 30 days from then.
    jumps = jumps_of(
        contacts=contact(opened_at=10, first_replied_at=11, resolved_at=25, handoffs=3)
    )
    assert in_days(jumps, "recent_handoffs") == [("a", 25, 10, 3), ("a", 55, 10, -3)]


def test_handoffs_of_a_case_never_solved_count_nowhere() -> None:
    # Opened at 10 and answered at 11; reopened later, never solved. Its five handoffs stand in
    # the data as drawn at the end: on day 11 there may have been none.
    jumps = jumps_of(contacts=contact(opened_at=10, first_replied_at=11, handoffs=5, reopens=2))
    assert in_days(jumps, "recent_handoffs") == []


def test_handoffs_of_a_reopened_case_count_from_its_last_solution() -> None:
    jumps = jumps_of(
        contacts=contact(opened_at=10, first_replied_at=11, resolved_at=40, handoffs=4, reopens=1)
    )
    assert in_days(jumps, "recent_handoffs") == [("a", 40, 10, 4), ("a", 70, 10, -4)]
    assert in_days(jumps, "open_contacts") == [("a", 10, 10, 1), ("a", 40, 10, -1)]


def test_unknown_or_no_handoffs_change_nothing() -> None:
    for handoffs in (None, 0):
        jumps = jumps_of(contacts=contact(opened_at=10, resolved_at=25, handoffs=handoffs))
        assert in_days(jumps, "recent_handoffs") == []


def test_a_promise_is_broken_on_the_day_it_was_due() -> None:
    lines = [
        {"promise_due_at": 20, "is_promise_kept": False},
        {"promise_due_at": 21, "is_promise_kept": True},
        {"promise_due_at": 22, "is_promise_kept": None},  # Not known: not counted as broken.
        {"promise_due_at": None, "is_promise_kept": False},  # No day on which it was known.
    ]
    contacts = table(
        "contacts",
        [
            {"contact_id": f"t{i}", "customer_id": "a", "opened_at": 10, **line}
            for i, line in enumerate(lines)
        ],
    )
    assert in_days(jumps_of(contacts=contacts), "recent_broken_promises") == [
        ("a", 20, 10, 1),
        ("a", 50, 10, -1),
    ]


def requests() -> pd.DataFrame:
    lines = [
        ("a", 1, 5, "granted"),
        ("a", 2, 6, "denied"),
        ("b", 3, 7, "denied_with_alternative"),
        ("b", 4, None, "open"),
        ("b", 4, 8, "open"),  # Says both; an outcome that is not there decides nothing.
        ("c", 4, None, "denied"),  # Denied, no one knows when.
    ]
    return table(
        "requests",
        [
            {
                "request_id": f"r{i}",
                "customer_id": who,
                "requested_at": asked,
                "decided_at": decided,
                "outcome": outcome,
            }
            for i, (who, asked, decided, outcome) in enumerate(lines)
        ],
    )


def test_requests_count_from_their_decision() -> None:
    jumps = jumps_of(requests=requests())
    assert in_days(jumps, "recent_requests") == [
        ("a", 5, 5, 1),
        ("a", 6, 6, 1),
        ("a", 35, 5, -1),
        ("a", 36, 6, -1),
        ("b", 7, 7, 1),
        ("b", 37, 7, -1),
    ]
    assert in_days(jumps, "recent_denials") == [
        ("a", 6, 6, 1),
        ("a", 36, 6, -1),
        ("b", 7, 7, 1),
        ("b", 37, 7, -1),
    ]


def test_decided_requests_as_index_events() -> None:
    frame, original = requests(), requests()
    decided = decided_requests(frame)
    expected = pd.DataFrame(
        {
            "customer_id": pd.Series(["a", "a", "b"], dtype="string"),
            "index_at": pd.Series([at(5), at(6), at(7)], dtype="datetime64[us, UTC]"),
            "decision": pd.Series(["granted", "denied", "denied"], dtype="string"),
        }
    )
    pdt.assert_frame_equal(decided, expected)
    pdt.assert_frame_equal(frame, original)


def test_only_failures_of_the_service_are_incidents() -> None:
    incidents = table(
        "incidents",
        [
            {"incident_id": "i1", "customer_id": "a", "occurred_at": 3, "kind": "failure"},
            {
                "incident_id": "i2",
                "customer_id": "a",
                "occurred_at": 4,
                "kind": "provider_cancelled",
            },
        ],
    )
    jumps = jumps_of(incidents=incidents)
    assert in_days(jumps, "recent_incidents") == [("a", 3, 3, 1), ("a", 33, 3, -1)]


def test_every_covariate_has_a_meaning_and_no_table_makes_none() -> None:
    jumps = jumps_of(
        contacts=contact(
            opened_at=1, resolved_at=2, handoffs=1, promise_due_at=3, is_promise_kept=False
        ),
        requests=requests(),
        incidents=table(
            "incidents",
            [{"incident_id": "i1", "customer_id": "a", "occurred_at": 3, "kind": "failure"}],
        ),
    )
    assert set(jumps["covariate"]) == set(MEANINGS)
    assert service_quality_jumps({}, memory_days=MEMORY_DAYS) == []


def test_tables_without_rows() -> None:
    empty = {name: table(name, []) for name in ("contacts", "requests", "incidents")}
    assert all(len(part) == 0 for part in service_quality_jumps(empty, memory_days=MEMORY_DAYS))
    assert len(decided_requests(empty["requests"])) == 0


def tickets() -> pd.DataFrame:
    """a: closed on day 1 and back on day 5, back on day 30; b: reopened; c: never closed."""
    lines = [
        {"contact_id": "t1", "customer_id": "a", "opened_at": 1, "resolved_at": 1, "reopens": 0},
        {"contact_id": "t2", "customer_id": "a", "opened_at": 5, "resolved_at": 6, "reopens": 0},
        {"contact_id": "t3", "customer_id": "a", "opened_at": 30, "resolved_at": 30, "reopens": 0},
        {"contact_id": "t4", "customer_id": "b", "opened_at": 3, "resolved_at": 9, "reopens": 1},
        {"contact_id": "t5", "customer_id": "c", "opened_at": 3, "reopens": 0},
        {"contact_id": "t6", "customer_id": "c", "opened_at": 33, "reopens": 0},
    ]
    return table("contacts", [{**line, "topic": "query"} for line in lines])


def test_settled_means_closed_never_reopened_and_nobody_back_within_the_days() -> None:
    # t1: back after 4 days. t2: 24 days later is no return. t3: its 7 days run to day 37, past
    # the day the data were drawn, 36. t5 was open for 7 days; t6 may still be closed.
    found = first_contact_resolution(tickets(), known_until=at(36))
    assert found.tolist() == [False, True, pd.NA, False, False, pd.NA]
    assert first_contact_resolution(tickets(), known_until=at(40)).tolist()[2] is True


def test_another_topic_is_no_return_and_the_order_of_rows_plays_no_part() -> None:
    other = tickets().assign(topic=["query", "request", "query", "query", "query", "query"])
    assert first_contact_resolution(other, known_until=at(99)).tolist()[0] is True
    mixed = other.sample(frac=1, random_state=1)
    found = first_contact_resolution(mixed, known_until=at(99))
    pdt.assert_series_equal(found.sort_index(), first_contact_resolution(other, known_until=at(99)))


def test_leaving_within_the_days_can_count_against_it() -> None:
    left = pd.Series({"a": at(8)})
    found = first_contact_resolution(tickets(), known_until=at(99), left_at=left)
    # t2 was closed on day 6 and a left on day 8; t3 cannot be after it, and stays as it was.
    assert found.tolist()[:3] == [False, False, True]


def test_a_promise_counts_once_it_is_due() -> None:
    promised = table(
        "contacts",
        [
            {"contact_id": "t1", "promise_due_at": 5, "is_promise_kept": True},
            {"contact_id": "t2", "promise_due_at": 6, "is_promise_kept": False},
            {"contact_id": "t3", "promise_due_at": 50, "is_promise_kept": False},
            {"contact_id": "t4"},
        ],
    )
    found = promises_kept(promised, known_until=at(10))
    assert found.tolist() == [True, False, pd.NA, pd.NA]
