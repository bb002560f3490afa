"""Spells split at jumps: every fate by hand."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import MIDNIGHT, UTC, at, make_exits, make_jumps, spells_of

from loyaltylab.errors import TableError
from loyaltylab.timeline import CountingRows, split_at_jumps
from loyaltylab.timeline.rows import FATES

NO_FATE = dict.fromkeys([*FATES, "tied", "total"], 0)
# 10,000 customers with 100 jumps each take about 1.5 s on one core of 2020; row-by-row work
# takes minutes.
LARGE_CASE_SECONDS = 15


def rows(result: CountingRows, *covariates: str) -> list[tuple[object, ...]]:
    names = ["customer_id", "start", "stop", "event", *covariates]
    return [tuple(line) for line in result.frame[names].itertuples(index=False)]


def fates(result: CountingRows, covariate: str) -> dict[str, int]:
    return {name: int(n) for name, n in result.audit.loc[covariate].items() if n}


def test_every_fate_by_hand() -> None:
    # Customer a: lives (10, 40] and (60, 90]; customer b: on since -30, watched from 0.
    spells = spells_of([("k1", "a", 10, 40), ("k2", "a", 60, 90), ("k3", "b", -30, None)]).frame
    lines = [
        ("a", 5, 5, "n", 1),  # before the first spell
        ("a", 10, 10, "n", 1),  # at entry: acts from the first row on
        ("a", 20, 20, "n", 1),  # within
        ("a", 40, 40, "n", 1),  # at exit: acts on (40, …], when the customer has left
        ("a", 50, 50, "n", 1),  # between the spells
        ("a", 70, 70, "n", 1),  # within, second spell
        ("a", 90, 90, "n", 1),  # at the last exit
        ("a", 95, 95, "n", 1),  # after it
        ("b", -40, -40, "n", 1),  # before the first spell
        ("b", -10, -10, "n", 1),  # in the spell, before it was watched
        ("b", 0, 0, "n", 1),  # at entry
        ("b", 100, 100, "n", 1),  # at the end of the window
        ("c", 20, 20, "n", 1),  # nobody
    ]
    result = split_at_jumps(spells, make_jumps(lines))
    # Days since each spell's own time zero: a from 10, then from 60; b from -30.
    assert rows(result, "n") == [
        ("a", 0, 10, False, 1),
        ("a", 10, 30, True, 2),
        ("a", 0, 10, False, 0),
        ("a", 10, 30, True, 1),
        ("b", 30, 130, False, 2),
    ]
    assert result.frame["spell_number"].tolist() == [1, 1, 2, 2, 1]
    assert result.audit.loc["n"].to_dict() == {
        "within": 2,
        "before_entry": 3,
        "after_exit": 3,
        "between_spells": 2,
        "before_first_spell": 2,
        "customer_never_at_risk": 1,
        "tied": 0,
        "total": 13,
    }


def test_a_memory_window_takes_jumps_back() -> None:
    # Events at 10 and 25 count for 20 days: 1 on (10, 25], 2 on (25, 30], 1 on (30, 45], then 0.
    lines = [
        ("a", 10, 10, "recent", 1),
        ("a", 30, 10, "recent", -1),
        ("a", 25, 25, "recent", 1),
        ("a", 45, 25, "recent", -1),
    ]
    result = split_at_jumps(spells_of([("k", "a", 0, 50)]).frame, make_jumps(lines))
    assert rows(result, "recent") == [
        ("a", 0, 10, False, 0),
        ("a", 10, 25, False, 1),
        ("a", 25, 30, False, 2),
        ("a", 30, 45, False, 1),
        ("a", 45, 50, True, 0),
    ]


def test_a_memory_window_may_open_and_close_before_entry() -> None:
    # Watched from 0: the event at -30 is forgotten at -10, the one at -5 at 15.
    lines = [
        ("a", -30, -30, "recent", 1),
        ("a", -10, -30, "recent", -1),
        ("a", -5, -5, "recent", 1),
        ("a", 15, -5, "recent", -1),
    ]
    result = split_at_jumps(spells_of([("k", "a", -40, 50)]).frame, make_jumps(lines))
    assert rows(result, "recent") == [("a", 40, 55, False, 1), ("a", 55, 90, True, 0)]
    assert fates(result, "recent") == {"before_entry": 3, "within": 1, "total": 4}


def test_taking_back_follows_the_event_not_the_calendar() -> None:
    # The event of the first life is forgotten at 65, in the second one: it must not go to -1.
    spells = spells_of([("k1", "a", 0, 40), ("k2", "a", 60, 90)]).frame
    lines = [("a", 35, 35, "recent", 1), ("a", 65, 35, "recent", -1)]
    result = split_at_jumps(spells, make_jumps(lines))
    assert rows(result, "recent") == [
        ("a", 0, 35, False, 0),
        ("a", 35, 40, True, 1),
        ("a", 0, 30, True, 0),
    ]
    assert fates(result, "recent") == {"within": 1, "after_exit": 1, "total": 2}


def test_what_becomes_known_later_acts_later() -> None:
    # Opened at 10, solved at 30: three handoffs, known at 30 only. A second case is opened at 35
    # and solved after the exit at 40: its handoffs never act.
    lines = [("a", 30, 10, "handoffs", 3), ("a", 45, 35, "handoffs", 9)]
    result = split_at_jumps(spells_of([("k", "a", 0, 40)]).frame, make_jumps(lines))
    assert rows(result, "handoffs") == [("a", 0, 30, False, 0), ("a", 30, 40, True, 3)]
    assert fates(result, "handoffs") == {"within": 1, "after_exit": 1, "total": 2}


def test_ties_add_up_and_split_once() -> None:
    # Two of n at 20 and one of m: one cut, at 20. The opposite changes of m at 30 leave no trace
    # in its value.
    lines = [
        ("a", 20, 20, "n", 1),
        ("a", 20, 20, "n", 2),
        ("a", 20, 20, "m", 1),
        ("a", 30, 30, "m", 4),
        ("a", 30, 30, "m", -4),
    ]
    result = split_at_jumps(spells_of([("k", "a", 0, 50)]).frame, make_jumps(lines))
    assert rows(result, "m", "n") == [
        ("a", 0, 20, False, 0, 0),
        ("a", 20, 30, False, 1, 3),
        ("a", 30, 50, True, 1, 3),
    ]
    assert result.audit["tied"].to_dict() == {"m": 2, "n": 2}
    assert result.audit["total"].to_dict() == {"m": 3, "n": 2}


def test_times_one_microsecond_apart_stay_apart() -> None:
    tick = pd.Timedelta(1, unit="us").as_unit("us")
    jumps = make_jumps([("a", 20, 20, "n", 1), ("a", 20, 20, "n", 1), ("a", 20, 20, "n", 1)])
    jumps["at"] = pd.Series([at(20), at(20) + tick, at(50)], dtype=UTC)
    result = split_at_jumps(spells_of([("k", "a", 0, 50)]).frame, jumps)
    assert result.frame["n"].tolist() == [0, 1, 2]
    assert (result.frame["stop"] > result.frame["start"]).all()
    assert fates(result, "n") == {"within": 2, "after_exit": 1, "total": 3}


def test_changes_may_be_negative_or_fractions() -> None:
    lines = [("a", 10, 10, "x", -0.3), ("a", 20, 20, "x", 0.1), ("a", 30, 30, "x", 0.2)]
    result = split_at_jumps(spells_of([("k", "a", 0, 50)]).frame, make_jumps(lines))
    # -0.3 + 0.1 + 0.2 is 0, not 2.8e-17 and not a negative zero.
    assert result.frame["x"].tolist() == [0, -0.3, -0.2, 0]
    assert not np.signbit(result.frame["x"].to_numpy()[-1])


def test_carried_covariates_cross_spells() -> None:
    # A rule of 0.8 from day -5 and 0.2 from day 50 (jump -0.6), for lives (10, 40] and (60, 90]:
    # the second life starts under the second rule. Each jump counts once, by its first fate: the
    # first acts before entry (twice); the second before entry of the second life.
    spells = spells_of([("k1", "a", 10, 40), ("k2", "a", 60, 90)]).frame
    lines = [("a", -5, -5, "rule", 0.8), ("a", 50, 50, "rule", -0.6), ("a", 70, 70, "rule", 0.1)]
    result = split_at_jumps(spells, make_jumps(lines), carried=("rule", "another"))
    assert rows(result, "rule") == [
        ("a", 0, 30, True, 0.8),
        ("a", 0, 10, False, 0.2),
        ("a", 10, 30, True, 0.3),
    ]
    assert fates(result, "rule") == {"before_entry": 2, "within": 1, "total": 3}


def test_a_carried_covariate_is_unknown_until_stated() -> None:
    # For a the rule is first stated at 30, as 0; for b never. Neither was 0 before.
    lines = [("a", 30, 30, "rule", 0.0), ("a", 40, 40, "rule", 0.5)]
    spells = spells_of([("k1", "a", 0, 50), ("k2", "b", 0, 50)]).frame
    result = split_at_jumps(spells, make_jumps(lines), carried=("rule",))
    expected = [np.nan, 0, 0.5, np.nan]
    np.testing.assert_array_equal(result.frame["rule"], expected)
    assert split_at_jumps(spells, make_jumps(lines)).frame["rule"].tolist() == [0, 0, 0.5, 0]


def test_a_customer_whose_life_was_never_watched() -> None:
    spells = spells_of([("k1", "a", -50, -10), ("k2", "b", 0, 50)]).frame
    result = split_at_jumps(spells, make_jumps([("a", -20, -20, "n", 1), ("b", 10, 10, "n", 1)]))
    assert fates(result, "n") == {"customer_never_at_risk": 1, "within": 1, "total": 2}


def test_exits_and_causes_stand_in_the_last_row() -> None:
    exits = make_exits([("k", None, 50, "service", None)])
    spells = spells_of([("k", "a", 0, 50)], exits=exits).frame
    result = split_at_jumps(spells, make_jumps([("a", 20, 20, "n", 1)]))
    assert result.frame["event"].tolist() == [False, True]
    assert result.frame["exit_cause"].tolist() == ["", "service"]


def test_no_jumps() -> None:
    spells = spells_of([("k1", "a", -10, 50), ("k2", "b", 20, None)]).frame
    result = split_at_jumps(spells, make_jumps([]))
    assert rows(result) == [("a", 10, 60, True), ("b", 0, 80, False)]
    assert list(result.frame) == [
        "customer_id",
        "spell_number",
        "start",
        "stop",
        "event",
        "exit_cause",
    ]
    assert list(result.audit) == list(NO_FATE)
    assert len(result.audit) == 0


@pytest.mark.parametrize("carried", [(), ("n",)])
def test_no_spells(carried: tuple[str, ...]) -> None:
    nobody = spells_of([("k", "a", -20, -10)]).frame
    jumps = make_jumps([("a", -15, -15, "n", 1)])
    result = split_at_jumps(nobody, jumps, carried=carried)
    somebody = split_at_jumps(spells_of([("k", "a", -20, 10)]).frame, jumps, carried=carried)
    assert len(result.frame) == 0
    assert result.frame.dtypes.to_dict() == somebody.frame.dtypes.to_dict()
    assert fates(result, "n") == {"customer_never_at_risk": 1, "total": 1}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("at", pd.NaT, "at: 1 missing values"),
        ("since_at", pd.NaT, "since_at: 1 missing values"),
        ("change", np.nan, "change: 1 missing values"),
        ("change", np.inf, "change: 1 infinite values"),
        ("customer_id", pd.NA, "customer_id: 1 missing values"),
    ],
)
def test_a_jump_that_lacks_something_is_an_error(column: str, value: object, message: str) -> None:
    jumps = make_jumps([("a", 20, 20, "n", 1), ("a", 30, 30, "n", 1)])
    jumps[column] = jumps[column].where([True, False], value)
    with pytest.raises(TableError, match=message):
        split_at_jumps(spells_of([("k", "a", 0, 50)]).frame, jumps)


def test_ten_thousand_customers_with_a_hundred_jumps_each() -> None:
    n, each = 10_000, 100
    rng = np.random.default_rng(1)
    ids = pd.Series([f"C{i:05d}" for i in range(n)], dtype="string")
    spells = pd.DataFrame(
        {
            "customer_id": ids,
            "spell_number": 1,
            "origin_at": pd.Series([MIDNIGHT] * n, dtype=UTC),
            "entry_at": pd.Series([MIDNIGHT] * n, dtype=UTC),
            "stop_at": pd.Series([at(1000)] * n, dtype=UTC),
            "event": True,
            "exit_cause": pd.Series("service", index=ids.index, dtype="string"),
        }
    )
    seconds = pd.to_timedelta(rng.integers(0, 1000 * 86_400, n * each), unit="s").as_unit("us")
    moments = pd.Series(MIDNIGHT + seconds)
    jumps = pd.DataFrame(
        {
            "customer_id": ids.to_numpy()[rng.integers(0, n, n * each)],
            "at": moments,
            "since_at": moments,
            "covariate": np.array(["a", "b", "c", "d"])[rng.integers(0, 4, n * each)],
            "change": 1.0,
        }
    )
    began = time.process_time()
    result = split_at_jumps(spells, jumps)
    assert time.process_time() - began < LARGE_CASE_SECONDS
    assert int(result.frame["event"].sum()) == n
    last = result.frame[result.frame["event"]]
    used = result.audit[["within", "before_entry"]].sum(axis="columns")
    pdt.assert_series_equal(
        last[["a", "b", "c", "d"]].sum(), used, check_names=False, check_dtype=False
    )
