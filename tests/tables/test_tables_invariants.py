"""Random small providers: whole ones pass, broken ones lose rows but none is lost track of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_tables import WINDOW_END, WINDOW_START, make_delivery

from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.rules import RULES
from loyaltylab.tables.validation import validate

DAYS = (WINDOW_END - WINDOW_START).days
EXAMPLES = 60


def on(day: int) -> pd.Timestamp:
    return WINDOW_START + pd.Timedelta(days=day)


@st.composite
def providers(draw: st.DrawFn) -> Delivery:
    """Customers, contracts, the exits of those that ended, and contacts; all rules kept."""
    owners = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    starts = [draw(st.integers(0, DAYS - 1)) for _ in owners]
    ends = [draw(st.none() | st.integers(start + 1, DAYS)) for start in starts]
    ended = [number for number, end in enumerate(ends) if end is not None]
    contacts = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, DAYS)), max_size=5))
    cells: dict[str, dict[str, list[Any]]] = {
        "customers": {"customer_id": [f"C{number}" for number in range(5)]},
        "contracts": {
            "contract_id": [f"K{number}" for number in range(len(owners))],
            "customer_id": [f"C{owner}" for owner in owners],
            "started_at": [on(start) for start in starts],
            "ended_at": [None if end is None else on(end) for end in ends],
            "price_eur": [draw(st.none() | st.floats(0, 1e6)) for _ in owners],
        },
        "exits": {
            "contract_id": [f"K{number}" for number in ended],
            "customer_id": [f"C{owners[number]}" for number in ended],
            "requested_at": [None for _ in ended],
            "service_end_at": [on(int(ends[number] or 0)) for number in ended],
            "cause_stated": ["service" for _ in ended],
        },
        "contacts": {
            "contact_id": [f"T{number}" for number in range(len(contacts))],
            "customer_id": [f"C{owner}" for owner, _ in contacts],
            "opened_at": [on(day) for _, day in contacts],
        },
    }
    return make_delivery(cells)


@st.composite
def broken_providers(draw: st.DrawFn) -> Delivery:
    """A whole provider in which some cells were overwritten; one contract stays whole."""
    delivery = draw(providers())
    frames = dict(delivery.frames)
    places = {
        "customers": {"customer_id": ["C1", None, "C2"]},
        "contracts": {
            "contract_id": ["K0", None],
            "customer_id": ["C9", "C1"],
            "started_at": [on(DAYS + 9), on(0), None],
            "ended_at": [on(-9), on(DAYS + 9)],
            "price_eur": [-1.0],
        },
        "exits": {"contract_id": ["K9", "K1"], "cause_stated": ["boredom", None]},
        "contacts": {"customer_id": ["C9"], "opened_at": [on(DAYS + 1), None]},
    }
    for table, columns in places.items():
        frame = frames[table].copy()
        for column, values in columns.items():
            # The last row of customers and contracts stays, so that a study is left.
            rows = frame.index[:-1] if table in ("customers", "contracts") else frame.index
            for row in rows:
                if draw(st.integers(0, 5)) == 0:
                    frame.loc[row, column] = draw(st.sampled_from(values))
        frames[table] = frame
    last = frames["contracts"].index[-1]
    frames["contracts"].loc[last, ["contract_id", "customer_id"]] = ["K-last", "C4"]
    return replace(delivery, frames=frames, set_aside=tuple(RULES))


@settings(max_examples=EXAMPLES, deadline=None)
@given(providers())
def test_whole_providers_pass_as_they_are(delivery: Delivery) -> None:
    valid = validate(delivery)
    assert valid.rejects.empty
    for name, frame in delivery.frames.items():
        kept = valid.tables[name][list(frame)]
        pd.testing.assert_frame_equal(kept, frame.reset_index(drop=True))


@settings(max_examples=EXAMPLES, deadline=None)
@given(broken_providers())
def test_no_row_is_lost_track_of(delivery: Delivery) -> None:
    valid = validate(delivery)
    for name, frame in delivery.frames.items():
        line = valid.audit[name]
        aside = set(valid.rejects.loc[valid.rejects["table"] == name, "row"])
        kept = frame.drop(index=list(aside)).reset_index(drop=True)
        pd.testing.assert_frame_equal(valid.tables[name][list(frame)], kept)
        assert line["rows_delivered"] == len(frame)
        assert line["rows_kept"] + line["rows_set_aside"] == line["rows_delivered"]
        assert line["rows_set_aside"] == len(aside) <= sum(line["set_aside_by_rule"].values())


@settings(max_examples=EXAMPLES, deadline=None)
@given(broken_providers())
def test_what_was_kept_keeps_every_rule(delivery: Delivery) -> None:
    once = validate(delivery)
    again = validate(replace(delivery, frames=once.tables, set_aside=()))
    assert again.rejects.empty
    for name, frame in once.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame)
