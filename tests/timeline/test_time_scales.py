"""Rows on other clocks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import at, make_exits, make_jumps, spells_of, text, times
from drawn_rows import IDS, days_at_risk, drawn_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import change_clock, split_at_jumps

# Sums of a few quotients of whole microseconds and days.
DAYS = 1e-9


def two_lives() -> tuple[pd.DataFrame, pd.DataFrame]:
    """a: (-10, 40] watched from 0, then (60, …]; b: (20, 80]. One contact of a at 30."""
    exits = make_exits([("k1", None, 40, "price", None), ("k3", None, 80, "service", None)])
    lines = [("k1", "a", -10, 40), ("k2", "a", 60, None), ("k3", "b", 20, 80)]
    spells = spells_of(lines, exits=exits).frame
    return spells, split_at_jumps(spells, make_jumps([("a", 30, 30, "n", 1)])).frame


def events_at(**days: float) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": text(days), "index_at": times(days.values())})


def lines(rows: pd.DataFrame) -> list[list[object]]:
    columns = ["customer_id", "spell_number", "start", "stop", "event", "n"]
    return rows[columns].to_numpy().tolist()


def test_tenure_is_the_clock_of_the_rows() -> None:
    spells, rows = two_lives()
    moved = change_clock(rows, spells, clock="tenure")
    pdt.assert_frame_equal(moved.frame, rows)
    assert moved.audit["rows"] == moved.audit["rows_kept"] == 4
    assert moved.audit["days_dropped"] == moved.audit["events_dropped"] == 0


def test_calendar_by_hand() -> None:
    # Since day 0 of the window: a from 0 to 30, 40, and again from 60; b enters late, at 20.
    spells, rows = two_lives()
    moved = change_clock(rows, spells, clock="calendar", since=at(0))
    assert lines(moved.frame) == [
        ["a", 1, 0, 30, False, 0],
        ["a", 1, 30, 40, True, 1],
        ["a", 2, 60, 100, False, 0],
        ["b", 1, 20, 80, True, 0],
    ]
    # Since day 35: five days of a's second row remain, its first row lies before.
    later = change_clock(rows, spells, clock="calendar", since=at(35))
    assert lines(later.frame) == [
        ["a", 1, 0, 5, True, 1],
        ["a", 2, 25, 65, False, 0],
        ["b", 1, 0, 45, True, 0],
    ]
    # At risk for 40 + 40 + 60 days; dropped are 30 + 5 of a and 15 of b.
    assert later.audit == {
        "rows": 4,
        "rows_kept": 1,
        "rows_cut_at_zero": 2,
        "rows_before_zero": 1,
        "rows_without_zero": 0,
        "days_at_risk": 140,
        "days_dropped": 50,
        "events": 2,
        "events_dropped": 0,
    }


def test_since_an_event_by_hand() -> None:
    # a's event at 30, where a row begins; b has none. a's second life enters 30 days after it.
    spells, rows = two_lives()
    moved = change_clock(rows, spells, clock="since", since=events_at(a=30, z=1))
    assert lines(moved.frame) == [["a", 1, 0, 10, True, 1], ["a", 2, 30, 70, False, 0]]
    assert moved.audit == {
        "rows": 4,
        "rows_kept": 2,
        "rows_cut_at_zero": 0,
        "rows_before_zero": 1,
        "rows_without_zero": 1,
        "days_at_risk": 140,
        "days_dropped": 90,
        "events": 2,
        "events_dropped": 1,
    }
    # An event at the very moment of leaving starts the clock for later lives alone.
    assert lines(change_clock(rows, spells, clock="since", since=events_at(a=40)).frame) == [
        ["a", 2, 20, 60, False, 0]
    ]
    # Before the first day at risk: everybody enters late.
    early = change_clock(rows, spells, clock="since", since=events_at(a=-5, b=10)).frame
    assert early["start"].tolist() == [5, 35, 65, 10]


def test_equal_moments_tie_on_the_calendar() -> None:
    # Two customers who signed up at odd moments leave at the same one.
    spells = spells_of([("k1", "a", 0.123456789, 50.7), ("k2", "b", 1.987654321, 50.7)]).frame
    rows = split_at_jumps(spells, make_jumps([])).frame
    moved = change_clock(rows, spells, clock="calendar", since=at(0.000001)).frame
    assert moved["stop"].nunique() == 1


@settings(max_examples=40, deadline=None)
@given(drawn_rows(), st.dictionaries(st.sampled_from(IDS), st.floats(-20, 100)), st.floats(-30, 90))
def test_lengths_events_and_order_are_conserved(
    drawn: tuple[pd.DataFrame, pd.DataFrame], days: dict[str, float], window: float
) -> None:
    spells, rows = drawn
    before = rows.copy()
    for since, clock in ((events_at(**days), "since"), (at(window), "calendar"), (None, "tenure")):
        moved = change_clock(rows, spells, clock=clock, since=since)
        audit, frame = moved.audit, moved.frame
        kept = audit["rows_kept"] + audit["rows_cut_at_zero"]
        assert kept == len(frame)
        assert kept + audit["rows_before_zero"] + audit["rows_without_zero"] == len(rows)
        assert abs(days_at_risk(frame) + audit["days_dropped"] - days_at_risk(rows)) < DAYS
        assert frame["event"].sum() + audit["events_dropped"] == rows["event"].sum()
        assert ((frame["start"] >= 0) & (frame["stop"] > frame["start"])).all()
        # No row moved against another of its spell: only their common zero did.
        for _, mine in frame.groupby(["customer_id", "spell_number"]):
            assert (mine["start"].iloc[1:].to_numpy() == mine["stop"].iloc[:-1].to_numpy()).all()
    pdt.assert_frame_equal(rows, before)


@pytest.mark.parametrize(
    ("clock", "since"),
    [
        ("age", None),
        ("tenure", at(0)),
        ("calendar", None),
        ("calendar", pd.Timestamp("2024-01-01")),
        ("calendar", pd.NaT),
        ("since", at(0)),
    ],
)
def test_a_clock_needs_its_zero(clock: str, since: Any) -> None:
    spells, rows = two_lives()
    with pytest.raises(TableError, match="'calendar' and a UTC moment"):
        change_clock(rows, spells, clock=clock, since=since)


def test_events_that_do_not_start_one_clock_are_errors() -> None:
    spells, rows = two_lives()
    twice = pd.concat([events_at(a=3, b=4), events_at(a=5), events_at(c=1)], ignore_index=True)
    twice["index_at"] = twice["index_at"].where([True, False, True, True])
    with pytest.raises(TableError) as raised:
        change_clock(rows, spells, clock="since", since=twice)
    assert "customer_id: 1 repeated" in str(raised.value)
    assert "index_at: 1 missing" in str(raised.value)
    with pytest.raises(TableError, match="lack the column index_at"):
        change_clock(rows, spells, clock="since", since=twice[["customer_id"]])
    with pytest.raises(TableError, match="4 of 4 rows belong to no spell"):
        change_clock(rows, spells.head(0), clock="tenure")
