"""From contracts to spells: joined, cut to the time under observation, with their exit."""

from __future__ import annotations

import itertools

import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import (
    at,
    make_contracts,
    make_customers,
    make_exits,
    spells_of,
    times,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import build_spells

SPELL = ["spell_number", "origin_at", "entry_at", "stop_at", "event"]


def rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    """Spell number, days of origin, entry and stop, event, cause."""
    day = {name: (frame[name] - at(0)).dt.total_seconds() / 86_400 for name in SPELL[1:4]}
    columns = [frame["spell_number"], *day.values(), frame["event"], frame["exit_cause"]]
    return list(zip(*columns, strict=True))


def test_one_contract_of_each_kind() -> None:
    # Window (0, 100]. Entry is the latest of start, first day observed and 0; exit at the end.
    spells = spells_of(
        [
            ("running", "a", 10, None),
            ("ended", "b", 10, 60),
            ("before the window", "c", -30, 60),
            ("watched late", "d", -30, 60),
            ("over before watched", "e", -30, 20),
            ("watched early", "f", 10, 20),
        ],
        customers=make_customers("abcdefg", observed_from=[None, None, -99, 40, 40, -99, None]),
    )
    assert rows(spells.frame) == [
        (1, 10, 10, 100, False, ""),
        (1, 10, 10, 60, True, "unknown"),
        (1, -30, 0, 60, True, "unknown"),
        (1, -30, 40, 60, True, "unknown"),
        (1, 10, 10, 20, True, "unknown"),
    ]
    assert spells.frame["customer_id"].tolist() == list("abcdf")
    assert spells.frame["entry_days"].tolist() == [0, 0, 30, 70, 0]
    assert spells.frame["stop_days"].tolist() == [90, 50, 90, 90, 10]
    assert spells.audit == {
        "customers": 7,
        "customers_without_contract": 1,
        "customers_under_observation": 5,
        "customers_never_under_observation": 1,
        "spells": 6,
        "spells_under_observation": 5,
        "spells_ended_before_observation": 1,
        "spells_begun_after_observation": 0,
        "spells_with_delayed_entry": 2,
        "contracts": 6,
        "contracts_overlapping": 0,
        "days_between_joined_contracts": 0,
        "endings": 5,
        "endings_used": 4,
        "endings_before_observation": 1,
        "endings_followed_by_another_contract": 0,
        "endings_too_recent_to_tell": 0,
        "endings_of_unknown_cause": 4,
        "person_days_at_risk": 90 + 50 + 60 + 20 + 10,
    }


def test_the_edges_of_the_window() -> None:
    # (0, 100]: an ending at 0 was not at risk, one at 100 is an exit, one after it is not seen.
    spells = spells_of(
        [
            ("ends at its start", "a", -10, 0),
            ("ends at its end", "b", 0, 100),
            ("ends after it", "c", 0, 101),
            ("starts at its end", "d", 100, None),
        ]
    )
    assert rows(spells.frame) == [(1, 0, 0, 100, True, "unknown"), (1, 0, 0, 100, False, "")]
    audit = spells.audit
    assert (audit["endings"], audit["endings_used"], audit["endings_before_observation"]) == (
        2,
        1,
        1,
    )
    assert audit["spells_ended_before_observation"] == 1
    assert audit["spells_begun_after_observation"] == 1


def test_contracts_that_touch_or_overlap_are_one_spell() -> None:
    # Touching (20 = 20), overlapping (25 < 30), held inside (26 to 28), then a gap of 5 days.
    spells = spells_of(
        [
            ("second life", "a", 45, None),
            ("first", "a", 10, 20),
            ("touches", "a", 20, 30),
            ("overlaps", "a", 25, 40),
            ("inside", "a", 26, 28),
        ]
    )
    assert rows(spells.frame) == [(1, 10, 10, 40, True, "unknown"), (2, 45, 45, 100, False, "")]
    assert spells.audit["contracts_overlapping"] == 2
    # Four endings: one is the exit at 40, three were followed by more of the same life.
    assert spells.audit["endings"] == 4
    assert spells.audit["endings_followed_by_another_contract"] == 3


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(4.999, [(10, 40), (45, 90)]), (5, [(10, 90)]), (6, [(10, 90)])],
)
def test_merge_gap(gap: float, expected: list[tuple[float, float]]) -> None:
    spells = spells_of([("x", "a", 10, 40), ("y", "a", 45, 90)], merge_gap_days=gap)
    assert [(row[1], row[3]) for row in rows(spells.frame)] == expected
    is_joined = len(expected) == 1
    assert spells.audit["days_between_joined_contracts"] == (5 if is_joined else 0)
    assert spells.audit["endings"] == 2
    assert spells.audit["endings_followed_by_another_contract"] == int(is_joined)


def test_endings_close_to_the_end_may_yet_be_followed_by_a_return() -> None:
    # With a gap of 10 days, exits after day 90 cannot be told from a pause.
    contracts = [("x", "a", 0, 90), ("y", "b", 0, 91), ("z", "c", 0, 100)]
    assert spells_of(contracts, merge_gap_days=10).audit["endings_too_recent_to_tell"] == 2
    assert spells_of(contracts).audit["endings_too_recent_to_tell"] == 0


def test_a_contract_still_running_swallows_later_ones() -> None:
    # The latest representable end must not overflow when a later start is compared with it.
    spells = spells_of([("x", "a", 10, None), ("y", "a", 20, 30), ("z", "a", 99, None)])
    assert rows(spells.frame) == [(1, 10, 10, 100, False, "")]
    assert spells.audit["contracts_overlapping"] == 2


def test_spell_numbers_count_lives_before_observation() -> None:
    spells = spells_of([("x", "a", -50, -20), ("y", "a", 10, 20), ("z", "a", 30, None)])
    assert spells.frame["spell_number"].tolist() == [2, 3]


def test_the_verified_cause_goes_before_the_stated_one() -> None:
    ids = "abcdef"
    spells = spells_of(
        [(f"k{name}", name, 0, 50) for name in ids[:5]] + [("kf", "f", 0, None)],
        exits=make_exits(
            [
                ("ka", 40, 50, "life_event", "service"),
                ("kb", None, 50, "price_competitor", None),
                ("kc", 50, 50, "service", "unknown"),  # Checked, and found to be unclear.
                ("kd", 30, 50, "unknown", "life_event"),
            ]
        ),
    ).frame
    assert spells["exit_cause"].tolist() == [
        "service",
        "price_competitor",
        "unknown",
        "life_event",
        "unknown",  # No exit row.
        "",  # No exit.
    ]
    expected = times([40, None, 50, 30, None, None]).rename("requested_at")
    pdt.assert_series_equal(spells["requested_at"], expected)


def test_only_the_contract_that_ends_the_spell_tells_its_cause() -> None:
    # k1 ended for its price, but the customer had moved to k2, which ended over service. k3 is
    # cut off by the window: its exit lies beyond, and is not known.
    contracts = [("k1", "a", 0, 30), ("k2", "a", 30, 60), ("k3", "b", 0, 110)]
    exits = make_exits(
        [
            ("k1", 20, 30, "price_competitor", "price_competitor"),
            ("k2", 50, 60, "service", None),
            ("k3", 90, 110, "service", "service"),
        ]
    )
    spells = spells_of(contracts, exits=exits).frame
    assert spells["exit_cause"].tolist() == ["service", ""]
    pdt.assert_series_equal(spells["requested_at"], times([50, None]).rename("requested_at"))


def test_contracts_that_end_together_tell_the_best_known_cause_in_any_order() -> None:
    lines = [("k1", "a", 0, 60), ("k2", "a", 0, 60), ("k3", "a", 40, 60), ("k4", "a", 40, 60)]
    exits = make_exits(
        [
            ("k1", 55, 60, "price_competitor", None),
            ("k2", 52, 60, "life_event", "service"),
            ("k3", 54, 60, "unknown", "unknown"),
        ]
    )
    for order in itertools.permutations(range(4)):
        spells = spells_of([lines[i] for i in order], exits=exits.iloc[[i for i in order if i < 3]])
        assert spells.frame["exit_cause"].tolist() == ["service"]
        assert spells.frame["requested_at"].tolist() == [at(52)]


@pytest.mark.parametrize(
    "exits", [None, make_exits([]), make_exits([("k9", 1, 2, "service", None)])]
)
def test_types_do_not_depend_on_the_data(exits: pd.DataFrame | None) -> None:
    frame = spells_of([("k", "a", 0, 50)], exits=exits).frame
    empty = spells_of([("k", "a", -9, -1)], exits=exits).frame
    assert len(empty) == 0
    for table in (frame, empty):
        assert table.dtypes.astype(str).to_dict() == {
            "customer_id": "string",
            "spell_number": "int64",
            "origin_at": "datetime64[us, UTC]",
            "entry_at": "datetime64[us, UTC]",
            "stop_at": "datetime64[us, UTC]",
            "entry_days": "float64",
            "stop_days": "float64",
            "event": "bool",
            "exit_cause": "string",
            "requested_at": "datetime64[us, UTC]",
            "segment": "string",
            "site": "string",
        }


def test_segment_and_site_are_the_customers() -> None:
    customers = make_customers(["z", "a"], segment=[None, "business"])
    frame = spells_of([("k1", "a", 0, 9), ("k2", "z", 0, 9)], customers=customers).frame
    assert frame["customer_id"].tolist() == ["z", "a"]  # In the order of customers.
    assert frame["segment"].isna().tolist() == [True, False]
    assert frame["segment"].tolist()[1] == "business"


def test_a_contract_of_nobody_is_an_error() -> None:
    with pytest.raises(TableError, match="1 contracts belong to nobody"):
        spells_of([("k", "a", 0, 9), ("l", "b", 0, 9)], customers=make_customers(["a"]))


CONTRACTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(-20, 99),
        st.one_of(st.none(), st.integers(1, 60)),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    drawn=CONTRACTS,
    observed=st.lists(st.one_of(st.none(), st.integers(-30, 100)), min_size=3, max_size=3),
    gap=st.sampled_from([0, 3]),
    data=st.data(),
)
def test_spells_equal_a_simulator_that_walks_day_by_day(drawn, observed, gap, data) -> None:
    # Day d stands for the time (d - 1, d]. A customer is served on it if a contract covers it, or
    # it lies in a pause of at most `gap` days; and watched from the later of 0 and their first day.
    lines = [
        (f"k{i}", name, start, None if length is None else start + length)
        for i, (name, start, length) in enumerate(drawn)
    ]
    customers = make_customers("abc", observed_from=observed)
    spells = spells_of(lines, customers=customers, merge_gap_days=gap)
    expected = []
    for name, first in zip("abc", observed, strict=True):
        served = {
            day
            for _, who, start, end in lines
            if who == name
            for day in range(start + 1, (300 if end is None else end) + 1)
        }
        pauses = [d for d in range(-20, 300) if d not in served and d - 1 in served]
        for day in pauses:
            end = next((d for d in range(day, 300) if d in served), 301)
            if end - day <= gap:
                served |= set(range(day, end))
        starts = [d for d in sorted(served) if d - 1 not in served]
        for number, begin in enumerate(starts, start=1):
            end = next(d for d in itertools.count(begin) if d not in served) - 1
            origin = begin - 1
            at_risk = [d for d in range(begin, min(end, 100) + 1) if d > max(0, first or 0)]
            if at_risk:
                line = (name, number, origin, at_risk[0] - 1, at_risk[-1], end <= 100)
                expected.append(line)
    got = [
        (who, *row[:5])
        for who, row in zip(spells.frame["customer_id"], rows(spells.frame), strict=True)
    ]
    assert got == expected
    audit = spells.audit
    assert audit["person_days_at_risk"] == sum(line[4] - line[3] for line in expected)
    assert audit["endings_used"] == sum(line[5] for line in expected)
    assert audit["endings"] == (
        audit["endings_used"]
        + audit["endings_before_observation"]
        + audit["endings_followed_by_another_contract"]
    )
    assert audit["spells"] == (
        audit["spells_under_observation"]
        + audit["spells_ended_before_observation"]
        + audit["spells_begun_after_observation"]
    )
    assert audit["customers"] == (
        audit["customers_without_contract"]
        + audit["customers_under_observation"]
        + audit["customers_never_under_observation"]
    )
    shuffled = data.draw(st.permutations(lines))
    again = spells_of(shuffled, customers=customers, merge_gap_days=gap)
    pdt.assert_frame_equal(again.frame, spells.frame)
    assert again.audit == audit


def test_inputs_are_left_alone() -> None:
    customers = make_customers(["a"], observed_from=[None])
    contracts = make_contracts([("k2", "a", 30, None), ("k1", "a", 0, 20)])
    exits = make_exits([("k1", None, 20, "service", None)])
    copies = [table.copy(deep=True) for table in (customers, contracts, exits)]
    build_spells(customers, contracts, exits, window_start_at=at(0), window_end_at=at(100))
    for table, copy in zip((customers, contracts, exits), copies, strict=True):
        pdt.assert_frame_equal(table, copy)
