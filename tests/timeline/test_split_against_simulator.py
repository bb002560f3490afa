"""Split rows against a simulator that knows nothing of splitting, and what must never change."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import at, make_customers, make_jumps, spells_of
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.timeline import CountingRows, Spells, split_at_jumps
from loyaltylab.timeline.rows import FATES

IDS = "abc"
STRANGER = "x"
# A value is rounded to nine decimals; changes below are sixteenths, exact in binary.
EXACT = {"rtol": 0, "atol": 0}
# Quotients of whole microseconds and days, then a sum of a few of them.
DAYS = {"rtol": 0, "atol": 1e-9}

CONTRACTS = st.lists(
    st.tuples(st.sampled_from(IDS), st.integers(-20, 60), st.one_of(st.none(), st.integers(1, 50))),
    min_size=1,
    max_size=5,
)
OBSERVED = st.lists(st.one_of(st.none(), st.integers(-10, 30)), min_size=3, max_size=3)
# Customer, day of the event, days until it acts, covariate, change in sixteenths.
JUMPS = st.lists(
    st.tuples(
        st.sampled_from(IDS + STRANGER),
        st.integers(-25, 105),
        st.integers(0, 40),
        st.sampled_from(["count", "stock", "rule"]),
        st.integers(-32, 32),
    ),
    max_size=14,
)
CARRIED = ("rule",)


def build(drawn: list[Any], observed: list[Any]) -> Spells:
    lines = [
        (f"k{i}", name, start, None if length is None else start + length)
        for i, (name, start, length) in enumerate(drawn)
    ]
    return spells_of(lines, customers=make_customers(IDS, observed_from=observed))


def jumps_from(drawn: list[Any]) -> pd.DataFrame:
    return make_jumps(
        [(who, day + wait, day, name, change / 16) for who, day, wait, name, change in drawn]
    )


def simulate(spells: pd.DataFrame, drawn: list[Any]) -> list[dict[str, Any]]:
    """One line per customer and day at risk: the value of each covariate during (d - 1, d]."""
    lines = []
    for spell in spells.itertuples(index=False):
        origin, entry, stop = (
            round((getattr(spell, name) - at(0)) / pd.Timedelta(days=1))
            for name in ("origin_at", "entry_at", "stop_at")
        )
        for day in range(entry + 1, stop + 1):
            line: dict[str, Any] = {
                "customer_id": spell.customer_id,
                "spell_number": spell.spell_number,
                "tenure": day - origin,
                "event": spell.event and day == stop,
            }
            for name in {name for *_, name, _ in drawn}:
                known = [
                    change
                    for who, since, wait, covariate, change in drawn
                    if (who, covariate) == (spell.customer_id, name)
                    and since + wait < day  # strictly before the end of the day: at <= d - 1
                    and (name in CARRIED or origin <= since < stop)
                ]
                is_unknown = name in CARRIED and not known
                line[name] = np.nan if is_unknown else float(Fraction(sum(known), 16))
            lines.append(line)
    return lines


@settings(max_examples=70, deadline=None, derandomize=True)
@given(contracts=CONTRACTS, observed=OBSERVED, drawn=JUMPS)
def test_rows_equal_the_simulator_on_every_day(contracts, observed, drawn) -> None:
    spells = build(contracts, observed)
    result = split_at_jumps(spells.frame, jumps_from(drawn), carried=CARRIED)
    frame = result.frame
    names = sorted({name for *_, name, _ in drawn})
    assert list(frame.columns[6:]) == names
    # Whole days throughout, so a row of n days is n days of the simulator.
    length = np.rint(frame["stop"] - frame["start"]).astype(int)
    np.testing.assert_allclose(frame["stop"] - frame["start"], length, **DAYS)
    by_day = frame.loc[frame.index.repeat(length)]
    nth = by_day.groupby(level=0).cumcount().to_numpy()
    is_last = nth + 1 == length.loc[by_day.index].to_numpy()
    got = by_day.reset_index(drop=True).assign(
        tenure=np.rint(by_day["start"]).to_numpy() + nth + 1,
        event=by_day["event"].to_numpy() & is_last,
    )
    expected = pd.DataFrame(
        simulate(spells.frame, drawn),
        columns=["customer_id", "spell_number", "tenure", "event", *names],
    )
    assert len(got) == len(expected)
    assert got["customer_id"].tolist() == expected["customer_id"].tolist()
    assert got["spell_number"].tolist() == expected["spell_number"].tolist()
    assert got["tenure"].tolist() == expected["tenure"].tolist()
    assert got["event"].tolist() == expected["event"].tolist()
    for name in names:
        np.testing.assert_allclose(got[name], expected[name].astype(float), **EXACT)


def by_hand(spells: pd.DataFrame, who: str, acts: int, since: int, *, is_carried: bool) -> str:
    """The fate of one jump, from its definition in words."""
    mine = [
        tuple(round((time - at(0)) / pd.Timedelta(days=1)) for time in times)
        for times in spells.loc[
            spells["customer_id"] == who, ["origin_at", "entry_at", "stop_at"]
        ].itertuples(index=False)
    ]
    if not mine:
        return "customer_never_at_risk"
    own = [life for life in mine if is_carried or life[0] <= since < life[2]]
    if any(entry < acts < stop for _, entry, stop in own):
        return "within"
    if any(acts <= entry for _, entry, _ in own):
        return "before_entry"
    if own or since >= mine[-1][2]:
        return "after_exit"
    return "before_first_spell" if since < mine[0][0] else "between_spells"


@settings(max_examples=70, deadline=None, derandomize=True)
@given(contracts=CONTRACTS, observed=OBSERVED, drawn=JUMPS)
def test_fates_of_all_jumps_add_up(contracts, observed, drawn) -> None:
    spells = build(contracts, observed).frame
    audit = split_at_jumps(spells, jumps_from(drawn), carried=CARRIED).audit
    assert audit["total"].sum() == len(drawn)
    assert (audit[list(FATES)].sum(axis="columns") == audit["total"]).all()
    expected = pd.DataFrame(0, index=audit.index, columns=list(FATES))
    for who, since, wait, name, _ in drawn:
        is_carried = name in CARRIED
        expected.loc[name, by_hand(spells, who, since + wait, since, is_carried=is_carried)] += 1
    pdt.assert_frame_equal(audit[list(FATES)], expected, check_dtype=False)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(contracts=CONTRACTS, observed=OBSERVED, drawn=JUMPS)
def test_person_time_and_events_are_conserved(contracts, observed, drawn) -> None:
    spells = build(contracts, observed)
    frame = split_at_jumps(spells.frame, jumps_from(drawn), carried=CARRIED).frame
    assert (frame["start"] < frame["stop"]).all()
    assert frame["event"].sum() == spells.frame["event"].sum() == spells.audit["endings_used"]
    assert frame["exit_cause"].ne("").sum() == frame["event"].sum()
    person_days = (frame["stop"] - frame["start"]).sum()
    np.testing.assert_allclose(person_days, spells.audit["person_days_at_risk"], **DAYS)
    # Rows of a spell follow each other without gap, from its entry to its stop, bit for bit.
    by_spell = frame.groupby(["customer_id", "spell_number"], sort=False)
    before = by_spell["stop"].shift()
    assert (frame["start"] == before)[before.notna()].all()
    assert by_spell["start"].first().tolist() == spells.frame["entry_days"].tolist()
    assert by_spell["stop"].last().tolist() == spells.frame["stop_days"].tolist()


def relabel(ids: pd.Series) -> pd.Series:
    labels = {"a": "zz", "b": "m", "c": "1", STRANGER: "stranger"}
    return ids.map(labels).astype("string")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(contracts=CONTRACTS, observed=OBSERVED, drawn=JUMPS, data=st.data())
def test_order_and_labels_of_inputs_are_irrelevant(contracts, observed, drawn, data) -> None:
    spells, jumps = build(contracts, observed).frame, jumps_from(drawn)
    result = split_at_jumps(spells, jumps, carried=CARRIED)
    order = data.draw(st.permutations(range(len(jumps))))
    again = split_at_jumps(spells, jumps.iloc[order], carried=CARRIED)
    pdt.assert_frame_equal(again.frame, result.frame)
    pdt.assert_frame_equal(again.audit, result.audit)
    others = spells.assign(customer_id=relabel(spells["customer_id"]))
    renamed = split_at_jumps(
        others, jumps.assign(customer_id=relabel(jumps["customer_id"])), carried=CARRIED
    )
    pdt.assert_frame_equal(
        renamed.frame,
        result.frame.assign(customer_id=relabel(result.frame["customer_id"])),
    )
    pdt.assert_frame_equal(renamed.audit, result.audit)
    key = ["customer_id", "spell_number", "start"]
    shuffled = split_at_jumps(spells.iloc[::-1], jumps, carried=CARRIED)
    pdt.assert_frame_equal(
        shuffled.frame.sort_values(key, ignore_index=True),
        result.frame.sort_values(key, ignore_index=True),
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(contracts=CONTRACTS, observed=OBSERVED, drawn=JUMPS, cut=st.integers(1, 99))
def test_what_comes_later_changes_nothing_before(contracts, observed, drawn, cut) -> None:
    # Dropping every jump that acts from day `cut` on leaves every row up to that day as it was.
    spells = build(contracts, observed).frame
    # A jump of 0 without effect makes both runs know every covariate.
    silent = [(STRANGER, 0, 0, name, 0) for name in ("count", "stock", "rule")]
    early = [line for line in drawn if line[1] + line[2] < cut]
    full, short = (
        values_until(split_at_jumps(spells, jumps_from(lines), carried=CARRIED), spells, cut)
        for lines in (drawn + silent, early + silent)
    )
    pdt.assert_frame_equal(full, short)


def values_until(result: CountingRows, spells: pd.DataFrame, cut: int) -> pd.DataFrame:
    """Values at the half of each day at risk before `cut`."""
    frame = result.frame.merge(spells[["customer_id", "spell_number", "origin_at"]])
    zero = (frame["origin_at"] - at(0)) / pd.Timedelta(days=1)
    frame = frame.assign(begin=frame["start"] + zero, end=frame["stop"] + zero)
    days = pd.DataFrame({"moment": np.arange(cut) + 0.5})
    pairs = frame.merge(days, how="cross")
    pairs = pairs[(pairs["begin"] < pairs["moment"]) & (pairs["moment"] <= pairs["end"])]
    names = ["customer_id", "spell_number", "moment", "count", "rule", "stock"]
    return pairs[names].sort_values(names[:3], ignore_index=True)


def test_inputs_are_left_alone() -> None:
    spells, jumps = build([("a", 0, 50)], [None] * 3).frame, jumps_from([("a", 9, 1, "rule", 4)])
    copies = spells.copy(deep=True), jumps.copy(deep=True)
    split_at_jumps(spells, jumps, carried=CARRIED)
    pdt.assert_frame_equal(spells, copies[0])
    pdt.assert_frame_equal(jumps, copies[1])


def test_the_simulator_can_disagree() -> None:
    # A day too early would be seen: the jump acts after day 10, not on it.
    spells = build([("a", 0, 50)], [None] * 3).frame
    lines = simulate(spells, [("a", 10, 0, "count", 16)])
    assert [line["count"] for line in lines[9:11]] == [0, 1]
    with pytest.raises(AssertionError):
        frame = split_at_jumps(spells, jumps_from([("a", 9, 0, "count", 16)])).frame
        assert frame["stop"].tolist()[0] == 10
