"""Waiting for a remembered past: only the unseen one, and nothing else changes."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pytest
from drawn_rows import days_at_risk, drawn_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import await_memory

# Sums of a few quotients of whole microseconds and days.
DAYS = 1e-9


def make_rows(lines: list[tuple[str, int, float, float, bool]]) -> pd.DataFrame:
    columns = ["customer_id", "spell_number", "start", "stop", "event"]
    return pd.DataFrame(lines, columns=columns)


def test_only_those_who_entered_late_wait() -> None:
    rows = make_rows(
        [
            ("late", 1, 100.0, 130.0, False),  # ends at the wait's end, 130: gone
            ("late", 1, 130.0, 200.0, True),
            ("later", 1, 100.0, 120.0, True),  # leaves while waiting: neither time nor exit
            ("cut", 1, 100.0, 400.0, False),  # cut to (130, 400]
            ("new", 1, 0.0, 50.0, False),  # watched from sign-up
            ("late", 2, 0.0, 10.0, False),  # a second life, watched from its start
        ]
    )
    before = rows.copy(deep=True)
    kept = await_memory(rows, memory_days=30.0)
    assert kept.to_numpy().tolist() == [
        ["late", 1, 130.0, 200.0, True],
        ["cut", 1, 130.0, 400.0, False],
        ["new", 1, 0.0, 50.0, False],
        ["late", 2, 0.0, 10.0, False],
    ]
    pd.testing.assert_frame_equal(rows, before)


def test_no_memory_no_wait() -> None:
    rows = make_rows([("late", 1, 100.0, 130.0, True), ("new", 1, 0.0, 50.0, False)])
    pd.testing.assert_frame_equal(await_memory(rows, memory_days=0.0), rows)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(drawn_rows(), st.integers(0, 40), st.integers(0, 9))
def test_each_late_spell_loses_its_first_days_and_no_other_anything(
    drawn: tuple[pd.DataFrame, pd.DataFrame], memory: int, seed: int
) -> None:
    rows = drawn[1]
    before = rows.copy()
    kept = await_memory(rows, memory_days=memory)
    key = ["customer_id", "spell_number"]
    lost = n_events = 0
    for _, mine in rows.groupby(key):
        entry, end = mine["start"].min(), mine["stop"].max()
        begin = entry if entry == 0 else entry + memory
        lost += min(begin, end) - entry
        n_events += int(mine.loc[mine["stop"] > begin, "event"].sum())
    assert abs(days_at_risk(rows) - days_at_risk(kept) - lost) < DAYS
    assert kept["event"].sum() == n_events
    assert (kept["stop"] > kept["start"]).all()
    shuffled = await_memory(rows.sample(frac=1, random_state=seed), memory_days=memory)
    by = [*key, "start"]
    pdt.assert_frame_equal(*(f.sort_values(by, ignore_index=True) for f in (shuffled, kept)))
    pdt.assert_frame_equal(rows, before)


@pytest.mark.parametrize("memory", [-1.0, float("nan"), float("inf")])
def test_a_memory_has_a_length(memory: float) -> None:
    with pytest.raises(TableError, match="finite, and not negative"):
        await_memory(make_rows([("late", 1, 100.0, 130.0, True)]), memory_days=memory)
