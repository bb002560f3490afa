"""Where the times of jumps fall, counted as R survival::tmerge counts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import UTC, make_jumps, spells_of, text, times
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import CountingRows, split_at_jumps
from loyaltylab.timeline.rows import PLACES

ORACLE = Path(__file__).parents[1] / "oracles" / "tmerge.json"
Event = tuple[str, float, str]


def case(name: str) -> dict[str, pd.DataFrame]:
    content: dict[str, Any] = json.loads(ORACLE.read_text("utf-8"))[name]
    return {part: pd.DataFrame(columns) for part, columns in content.items()}


def split(stretches: list[tuple[str, float, float]], events: list[Event]) -> CountingRows:
    """Split spells watched from their own beginning."""
    ids, start, stop = zip(*stretches, strict=True)
    names = pd.Series(ids)
    spells = pd.DataFrame(
        {
            "customer_id": text(ids),
            "spell_number": names.groupby(names).cumcount() + 1,
            "origin_at": times(start),
            "entry_at": times(start),
            "stop_at": times(stop),
            "event": True,
            "exit_cause": text(["unknown"] * len(ids)),
        }
    )
    return split_at_jumps(
        spells, make_jumps([(who, day, day, kind, 1) for who, day, kind in events])
    )


def split_case(name: str) -> CountingRows:
    parts = case(name)
    stretches = parts["stretches"].astype({"id": str})[["id", "start", "stop"]]
    events = parts["events"].astype({"id": str})[["id", "day", "kind"]]
    return split(
        list(stretches.itertuples(index=False, name=None)),
        list(events.itertuples(index=False, name=None)),
    )


@pytest.mark.parametrize("name", ["places_small", "places_random"])
def test_places_equal_r(name: str) -> None:
    got, expected = split_case(name).places, case(name)["counts"].set_index("kind")
    assert list(got) == [*expected, "total"]
    assert list(expected) == list(PLACES)
    pdt.assert_frame_equal(got[list(PLACES)], expected, check_names=False)
    assert (expected.sum() > 0).all()  # no place is left unvisited


def test_the_comparison_can_fail() -> None:
    expected = case("places_random")["counts"].set_index("kind")
    got = split_case("places_random").places[list(PLACES)]
    with pytest.raises(AssertionError):
        pdt.assert_frame_equal(got, expected.assign(gap=expected["gap"] + 1), check_names=False)


def test_every_place_by_hand() -> None:
    # a is at risk on (10, 40] and (60, 90], b on (0, 20] and on (20, 50].
    stretches = [("a", 10, 40), ("a", 60, 90), ("b", 0, 20), ("b", 20, 50)]
    days = {
        "early": [("a", 5)],
        "leading": [("a", 10), ("a", 60), ("b", 0)],
        "within": [("a", 20), ("a", 39)],
        "trailing": [("a", 40), ("a", 90), ("b", 50)],
        "gap": [("a", 50)],
        "late": [("a", 95), ("b", 51), ("b", 51)],
        "boundary": [("b", 20), ("b", 20), ("b", 20)],
        "missid": [("c", 7), ("c", 7)],
    }
    events = [(who, day, "n") for found in days.values() for who, day in found]
    got = split(stretches, events).places.loc["n"].to_dict()
    # Repetitions: one at 51, two at 20; nobody's do not count.
    assert got == {**{place: len(found) for place, found in days.items()}, "tied": 3, "total": 18}


def test_places_go_by_the_time_and_fates_by_the_event() -> None:
    # Forgotten at 65, in the second life: within it by time, but it belongs to the first.
    spells = spells_of([("k1", "a", 0, 40), ("k2", "a", 60, 90)]).frame
    result = split_at_jumps(spells, make_jumps([("a", 65, 35, "recent", -1)]))
    assert result.places.loc["recent", ["within", "total"]].tolist() == [1, 1]
    assert result.audit.loc["recent", ["within", "after_exit"]].tolist() == [0, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abx"), st.integers(-5, 60), st.sampled_from("mn"))),
    st.randoms(use_true_random=False),
)
def test_places_add_up_correspond_and_ignore_the_order_of_rows(
    events: list[Event], random: Any
) -> None:
    stretches = [("a", 0, 20), ("b", 10, 50)]  # one spell each
    result = split(stretches, events)
    places, audit = result.places, result.audit
    assert (places.drop(columns=["tied", "total"]).sum(axis=1) == places["total"]).all()
    pdt.assert_series_equal(places["total"], audit["total"])
    pairs = {
        ("within",): ["within"],
        ("leading",): ["before_entry"],
        ("early",): ["before_first_spell"],
        ("late", "trailing"): ["after_exit"],
        ("missid",): ["customer_never_at_risk"],
    }
    for these, those in pairs.items():
        left = places[list(these)].sum(axis=1)
        pdt.assert_series_equal(left, audit[those].sum(axis=1), check_names=False)
    assert (places[["gap", "boundary"]] == 0).all(axis=None)
    random.shuffle(events)
    pdt.assert_frame_equal(split(stretches, events).places, places)


def test_a_jump_without_a_time_falls_nowhere() -> None:
    jumps = make_jumps([("a", 20, 20, "n", 1)]).assign(at=pd.Series([pd.NaT], dtype=UTC))
    with pytest.raises(TableError, match="at: 1 missing values"):
        split_at_jumps(spells_of([("k", "a", 0, 50)]).frame, jumps)
