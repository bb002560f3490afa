"""Person-days and endings by month: whole, and each in its month."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import at, make_customers, make_exits, spells_of
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.timeline import count_by_month

# 2024: January has 31 days, February 29, March 31. Day 0 is 1 January, 31 is 1 February, 60 is
# 1 March.
JANUARY, FEBRUARY, MARCH = (pd.Timestamp(2024, month, 1, tz="UTC") for month in (1, 2, 3))
# Sums of whole days, counted exactly and divided once.
DAYS = {"rtol": 1e-12}


def lines(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(line) for line in frame.itertuples(index=False)]


def test_by_hand() -> None:
    # a: (10, 40], leaves: 21 days of January, 9 of February. b: (0, 60], leaves at midnight
    # before 1 March, so in February. c: (60, 100], stays: 31 days of March, 9 of April.
    spells = spells_of(
        [("k1", "a", 10, 40), ("k2", "b", 0, 60), ("k3", "c", 60, None)],
        customers=make_customers("abc", segment=["consumer", "business", "consumer"]),
    ).frame
    assert lines(count_by_month(spells)) == [
        (JANUARY, "business", 31, 0),
        (FEBRUARY, "business", 29, 1),
        (JANUARY, "consumer", 21, 0),
        (FEBRUARY, "consumer", 9, 1),
        (MARCH, "consumer", 31, 0),
        (pd.Timestamp(2024, 4, 1, tz="UTC"), "consumer", 9, 0),
    ]


def test_causes_and_a_later_start() -> None:
    # Counting from a tenure of 20 days: a enters at 30, b (on since -30) at 0, c at 80 but has
    # left at 50. Only exits over service count.
    spells = spells_of(
        [("k1", "a", 10, 40), ("k2", "b", -30, 40), ("k3", "c", 60, 70)],
        exits=make_exits(
            [
                ("k1", None, 40, "service", None),
                ("k2", None, 40, "life_event", None),
                ("k3", None, 70, "service", None),
            ]
        ),
    ).frame
    counts = count_by_month(spells, causes=("service",), from_tenure_days=20)
    assert lines(counts) == [
        (JANUARY, "consumer", 1 + 31, 0),
        (FEBRUARY, "consumer", 9 + 9, 1),
    ]
    every = count_by_month(spells)
    assert (every["n_events"].sum(), every["person_days"].sum()) == (3, 30 + 40 + 10)


def test_an_exit_at_the_tenure_itself_is_not_past_it() -> None:
    # At risk on (start, stop]: a left at tenure 20 sharp, so never was at risk past it.
    spells = spells_of([("k1", "a", 0, 20), ("k2", "b", 0, 20.5)]).frame
    counts = count_by_month(spells, from_tenure_days=20)
    assert lines(counts) == [(JANUARY, "consumer", 0.5, 1)]


@pytest.mark.parametrize(
    ("segment", "expected"),
    [(["consumer", None], ["consumer", "unknown"]), ([None, None], ["all"])],
)
def test_customers_without_a_segment(segment: list[str | None], expected: list[str]) -> None:
    customers = make_customers("ab", segment=segment)
    counts = count_by_month(
        spells_of([("k", "a", 0, 9), ("l", "b", 0, 9)], customers=customers).frame
    )
    assert counts["segment"].tolist() == expected
    assert counts["person_days"].sum() == 18


def test_by_another_column() -> None:
    spells = spells_of([("k1", "a", 0, 10), ("k2", "a", 20, None)]).frame
    counts = count_by_month(spells, by="spell_number")
    assert counts.groupby("spell_number")["person_days"].sum().to_dict() == {"1": 10, "2": 80}


def test_nobody() -> None:
    empty = count_by_month(spells_of([("k", "a", -9, -1)]).frame)
    some = count_by_month(spells_of([("k", "a", 0, 9)]).frame)
    assert len(empty) == 0
    assert empty.dtypes.astype(str).to_dict() == some.dtypes.astype(str).to_dict()
    assert some.dtypes.astype(str).to_dict()["month_start"] == "datetime64[us, UTC]"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.integers(-40, 99), st.one_of(st.none(), st.integers(1, 80))
        ),
        min_size=1,
        max_size=6,
    ),
    tenure=st.sampled_from([0, 25]),
    data=st.data(),
)
def test_months_equal_counting_day_by_day(drawn, tenure, data) -> None:
    contracts = [
        (f"k{i}", who, start, None if n is None else start + n)
        for i, (who, start, n) in enumerate(drawn)
    ]
    spells = spells_of(
        contracts, customers=make_customers("abcd", segment=["x", "y", "x", None])
    ).frame
    counts = count_by_month(spells, from_tenure_days=tenure)
    days: Counter[tuple[pd.Timestamp, str]] = Counter()
    exits: Counter[tuple[pd.Timestamp, str]] = Counter()
    has_segment = spells["segment"].notna().any()
    for spell in spells.itertuples(index=False):
        group = ("unknown" if has_segment else "all") if pd.isna(spell.segment) else spell.segment
        for day in range(-40, 100):  # the time (day, day + 1], in the month of its noon
            begins, ends = at(day), at(day + 1)
            past = begins >= spell.origin_at + pd.Timedelta(days=tenure)
            if past and spell.entry_at <= begins and ends <= spell.stop_at:
                month = pd.Timestamp(begins.year, begins.month, 1, tz="UTC")
                days[month, group] += 1
                exits[month, group] += int(spell.event and ends == spell.stop_at)
    got = {(month, group): (d, n) for month, group, d, n in lines(counts)}
    assert got.keys() == days.keys()
    for key in days:
        np.testing.assert_allclose(got[key][0], days[key], **DAYS)
        assert got[key][1] == exits[key]
    if tenure == 0:
        whole = (spells["stop_days"] - spells["entry_days"]).sum()
        np.testing.assert_allclose(counts["person_days"].sum(), whole, **DAYS)
        assert counts["n_events"].sum() == spells["event"].sum()
    order = data.draw(st.permutations(range(len(spells))))
    pdt.assert_frame_equal(count_by_month(spells.iloc[order], from_tenure_days=tenure), counts)
