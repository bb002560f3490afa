"""What a contact was like, and from when that is known, by hand."""

from __future__ import annotations

import pandas as pd
from event_tables import at, table

from loyaltylab.measures.service_index import component_events


def contacts() -> pd.DataFrame:
    """Four contacts with people and one with a bot, on days 1 to 5; all closed at once but t4."""
    lines = [
        {"contact_id": "t1", "wait_minutes": 1.0, "promise_due_at": 9, "is_promise_kept": True},
        {"contact_id": "t2", "wait_minutes": 2.0, "promise_due_at": 8, "is_promise_kept": False},
        {"contact_id": "t3", "wait_minutes": 3.0, "promise_due_at": 99, "is_promise_kept": False},
        {"contact_id": "t4", "wait_minutes": 4.0},
        {"contact_id": "t5", "channel": "bot", "wait_minutes": 0.1},
    ]
    whole = [
        {
            "customer_id": f"c{day}",
            "opened_at": day,
            "first_replied_at": day,
            "resolved_at": None if day == 4 else day,
            "reopens": 0,
            "handoffs": day,
            "topic": "query",
            "channel": "phone",
            **line,
        }
        for day, line in enumerate(lines, start=1)
    ]
    return table("contacts", whole)


def test_promises_are_known_when_due() -> None:
    found = component_events(contacts(), known_until=at(50))["promises kept"]
    assert found["service"].tolist() == ["good", "bad"]
    assert found["index_at"].tolist() == [at(9), at(8)]
    assert found["opened_at"].tolist() == [at(1), at(2)]


def test_speed_is_known_at_the_first_reply() -> None:
    # Waits 1 to 4: quartiles 1.75 and 3.25; the bot's plays no part.
    found = component_events(contacts(), known_until=at(50))["speed"]
    assert found["service"].tolist() == ["good", "between", "between", "bad"]
    assert found["index_at"].tolist() == [at(1), at(2), at(3), at(4)]
    assert "log_wait" not in found


def test_helpfulness_is_known_a_week_after_the_closing() -> None:
    found = component_events(contacts(), known_until=at(10.5))["helpfulness"]
    # t4 was never closed, and its 7 days run to day 11.
    assert found["service"].tolist() == ["good"] * 3
    assert found["index_at"].tolist() == [at(8), at(9), at(10)]
    later = component_events(contacts(), known_until=at(50))["helpfulness"]
    assert later["service"].tolist() == ["good"] * 3 + ["bad"]
    assert later["handoffs_then"].tolist() == [1, 2, 3, 4]


def test_a_component_that_nobody_has_is_left_out() -> None:
    whole = contacts()
    nothing = whole["promise_due_at"].where(whole["wait_minutes"] < 0)
    without = whole.assign(promise_due_at=nothing, wait_minutes=2.0)
    assert list(component_events(without, known_until=at(50))) == ["helpfulness"]
