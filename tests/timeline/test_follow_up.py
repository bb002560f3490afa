"""Follow-up from an index event: nobody before time zero, each customer once."""

from __future__ import annotations

import itertools

import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import at, make_customers, make_exits, spells_of, text, times
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import follow_up_from
from loyaltylab.timeline.follow_up import COLUMNS


def index_events(lines: list[tuple[str, float | None, str]]) -> pd.DataFrame:
    """Lines of customer, day, kind."""
    customer, day, kind = zip(*lines, strict=True) if lines else [()] * 3
    return pd.DataFrame({"customer_id": text(customer), "index_at": times(day), "kind": text(kind)})


def test_every_fate_by_hand() -> None:
    # a: on since -30, watched from 0, left at 60. b: lives (10, 40] and (70, 100]. c: over before.
    exits = make_exits([("k1", None, 60, "service", None), ("k2", None, 40, "life_event", None)])
    spells = spells_of(
        [("k1", "a", -30, 60), ("k2", "b", 10, 40), ("k3", "b", 70, None), ("k4", "c", -9, -1)],
        exits=exits,
        customers=make_customers("abc", segment=["consumer", "business", None]),
    ).frame
    events = index_events(
        [
            ("b", 95, "later"),
            ("b", 80, "first"),  # b's first while at risk, in the second life
            ("b", 40, "at exit"),
            ("b", 50, "between"),
            ("b", 5, "before"),
            ("a", -10, "unwatched"),
            ("a", 0, "at entry"),  # followed: at risk from here on
            ("a", 60, "at exit"),
            ("c", -5, "over"),
            ("d", 20, "nobody"),
            ("a", None, "without time"),
        ]
    )
    followed = follow_up_from(spells, events)
    assert followed.audit == {
        "followed": 2,
        "later_event_of_the_same_customer": 1,
        "not_under_observation": 6,
        "customer_never_at_risk": 2,
        "total": 11,
    }
    expected = pd.DataFrame(
        {
            "customer_id": text(["a", "b"]),
            "index_at": times([0, 80]),
            "start": [0.0, 0.0],
            "stop": [60.0, 20.0],  # 60 - 0, 100 - 80
            "event": [True, False],
            "exit_cause": text(["service", ""]),
            "tenure_days": [30.0, 10.0],  # 0 - (-30), 80 - 70
            "segment": text(["consumer", "business"]),
            "site": text(["north", "north"]),
            "kind": text(["at entry", "first"]),
        }
    )
    pdt.assert_frame_equal(followed.frame, expected)


def test_types_do_not_depend_on_the_data() -> None:
    spells = spells_of([("k", "a", 0, 60)]).frame
    some = follow_up_from(spells, index_events([("a", 10, "x"), ("nobody", 10, "x")])).frame
    none = follow_up_from(spells, index_events([("a", 60, "x"), ("nobody", 10, "x")])).frame
    empty = follow_up_from(spells, index_events([])).frame
    assert str(some.dtypes["event"]) == "bool"
    assert some.dtypes.to_dict() == none.dtypes.to_dict() == empty.dtypes.to_dict()
    assert (len(some), len(none), len(empty)) == (1, 0, 0)


def test_nobody_to_follow() -> None:
    nobody = spells_of([("k", "a", -9, -1)]).frame
    audit = follow_up_from(nobody, index_events([("a", 10, "x")])).audit
    assert (audit["customer_never_at_risk"], audit["total"]) == (1, 1)


def test_ties_do_not_depend_on_the_order_of_rows() -> None:
    spells = spells_of([("k", "a", 0, 60), ("l", "b", 0, 60)]).frame
    lines = [("a", 10, "granted"), ("a", 10, "denied"), ("b", 10, "denied"), ("a", 9.5, "granted")]
    frames = [
        follow_up_from(spells, index_events(list(order))).frame
        for order in itertools.permutations(lines)
    ]
    assert frames[0][["customer_id", "kind"]].to_numpy().tolist() == [
        ["a", "granted"],  # the earlier one
        ["b", "denied"],
    ]
    tied = [
        follow_up_from(spells, index_events(list(order))).frame["kind"].tolist()
        for order in itertools.permutations(lines[:2])
    ]
    assert tied == [["denied"], ["denied"]]
    for frame in frames[1:]:
        pdt.assert_frame_equal(frame, frames[0])


@pytest.mark.parametrize("name", COLUMNS[2:])
def test_a_column_that_bears_the_name_of_a_result_is_an_error(name: str) -> None:
    # "event" or "exit_cause" of the index event must never pass for the outcome.
    spells = spells_of([("k", "a", 0, 60)]).frame
    events = index_events([("a", 10, "x")]).rename(columns={"kind": name})
    with pytest.raises(TableError, match=rf"names of the result: {name}"):
        follow_up_from(spells, events)


def test_columns_named_like_those_of_spells_stay_the_events() -> None:
    spells = spells_of([("k", "a", 0, 60)]).frame
    events = index_events([("a", 10, "mine")]).rename(columns={"kind": "requested_at"})
    assert follow_up_from(spells, events).frame["requested_at"].tolist() == ["mine"]


def test_inputs_are_left_alone_whatever_their_index() -> None:
    spells = spells_of([("k", "a", 0, 60), ("l", "b", 0, 70)]).frame.set_axis([7, 7])
    events = index_events([("b", 20, "x"), ("a", 10, "y")]).set_axis([3, 3])
    copies = spells.copy(deep=True), events.copy(deep=True)
    frame = follow_up_from(spells, events).frame
    assert frame[["customer_id", "stop", "kind"]].to_numpy().tolist() == [
        ["a", 50, "y"],
        ["b", 50, "x"],
    ]
    pdt.assert_frame_equal(spells, copies[0])
    pdt.assert_frame_equal(events, copies[1])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    contracts=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(-20, 90), st.integers(1, 60)),
        min_size=1,
        max_size=5,
    ),
    drawn=st.lists(st.tuples(st.sampled_from("abx"), st.integers(-25, 105)), max_size=10),
)
def test_first_event_at_risk_by_brute_force(contracts, drawn) -> None:
    lines = [(f"k{i}", who, start, start + n) for i, (who, start, n) in enumerate(contracts)]
    spells = spells_of(lines, customers=make_customers("ab")).frame
    followed = follow_up_from(spells, index_events([(*line, "x") for line in drawn]))
    expected = {}
    for who, day in sorted(drawn, key=lambda line: line[1]):
        for spell in spells[spells["customer_id"] == who].itertuples(index=False):
            if spell.entry_at <= at(day) < spell.stop_at and who not in expected:
                expected[who] = (day, (spell.stop_at - at(day)) / pd.Timedelta(days=1), spell.event)
    frame = followed.frame
    got = {
        line.customer_id: ((line.index_at - at(0)) / pd.Timedelta(days=1), line.stop, line.event)
        for line in frame.itertuples(index=False)
    }
    assert got == expected
    assert frame["customer_id"].is_unique
    assert frame["index_at"].is_monotonic_increasing
    assert (frame["start"] == 0).all()
    assert (frame["stop"] > 0).all()
    *fates, total = followed.audit.values()
    assert sum(fates) == total == len(drawn)
