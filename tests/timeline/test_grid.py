"""Rows on a regular grid of tenure."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import make_exits, make_jumps, spells_of
from drawn_rows import days_at_risk, drawn_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import TableError
from loyaltylab.timeline import grid, split_at_jumps, to_grid

# Sums of a few quotients of whole microseconds and days.
DAYS = 1e-9


def make_rows() -> pd.DataFrame:
    """On (-5, 70], watched from 0, left for the price; contacts at 0, 10, 20, 25 and 55."""
    exits = make_exits([("k", None, 70, "price", None)])
    spells = spells_of([("k", "a", -5, 70)], exits=exits).frame
    days = (0, 10, 20, 25, 55)
    return split_at_jumps(spells, make_jumps([("a", day, day, "n", 1) for day in days])).frame


def lines(rows: pd.DataFrame) -> list[list[object]]:
    return rows[["start", "stop", "event", "exit_cause", "n"]].to_numpy().tolist()


def test_a_grid_by_hand() -> None:
    # By tenure (calendar + 5): rows (5, 15] n=1, (15, 25] 2, (25, 30] 3, (30, 60] 4, (60, 75] 5.
    # Grid of 20: entered at 5 with 1; at 20 it is 2; at 40 it is 4; at 60 it is 5: the contact at
    # tenure 60 acts on (60, …].
    assert lines(to_grid(make_rows(), 20)) == [
        [5, 20, False, "", 1],
        [20, 40, False, "", 2],
        [40, 60, False, "", 4],
        [60, 75, True, "price", 5],
    ]


def test_a_grid_on_which_everything_falls_changes_nothing_but_cuts() -> None:
    rows = make_rows()
    fine = to_grid(rows, 5)
    assert len(fine) == 14  # (5, 75] in fives
    values = [
        rows.loc[(rows["start"] <= t) & (t < rows["stop"]), "n"].item() for t in fine["start"]
    ]
    assert fine["n"].tolist() == values


def test_a_grid_wider_than_the_spell_keeps_the_first_values() -> None:
    assert lines(to_grid(make_rows(), 1000)) == [[5, 75, True, "price", 1]]


def test_time_not_at_risk_stays_out() -> None:
    # (15, 25] taken out: the interval (0, 40] has two stretches, each with its values as of entry.
    rows = make_rows().drop(index=1)
    assert lines(to_grid(rows, 40)) == [
        [5, 15, False, "", 1],
        [25, 40, False, "", 3],
        [40, 75, True, "price", 4],
    ]


def test_repeated_events_stay_apart() -> None:
    rows = make_rows()
    rows["event"] = [True, True, False, False, True]
    got = to_grid(rows, 1000)
    assert got[["start", "stop", "event", "n"]].to_numpy().tolist() == [
        [5, 15, True, 1],
        [15, 25, True, 2],
        [25, 75, True, 3],
    ]


def by_hand(rows: pd.DataFrame, width: int) -> list[tuple[Any, ...]]:
    """Spell by spell and interval by interval."""
    found = []
    for key, mine in rows.groupby(["customer_id", "spell_number"], sort=False):
        entry, exit_at = mine["start"].min(), mine["stop"].max()
        low = 0
        while low < exit_at:
            start, stop = max(low, entry), min(low + width, exit_at)
            if start < stop:
                then = mine[(mine["start"] <= start) & (start < mine["stop"])].iloc[0]
                left = bool(stop == exit_at and mine["event"].any())
                values = (then[name] for name in rows.columns[6:])
                found.append((*key, start, stop, left, *values))
            low += width
    return found


@settings(max_examples=40, deadline=None)
@given(drawn_rows(), st.integers(1, 60), st.integers(0, 9))
def test_a_grid_equals_the_splitting_by_hand_and_conserves(
    drawn: tuple[pd.DataFrame, pd.DataFrame], width: int, seed: int
) -> None:
    rows = drawn[1]
    before = rows.copy()
    got = to_grid(rows, width)
    columns = [name for name in rows if name != "exit_cause"]
    assert [tuple(line) for line in got[columns].itertuples(index=False)] == by_hand(rows, width)
    assert abs(days_at_risk(got) - days_at_risk(rows)) < DAYS
    assert got["event"].sum() == rows["event"].sum()
    assert (got["exit_cause"] != "").tolist() == got["event"].tolist()
    pdt.assert_frame_equal(rows, before)
    pdt.assert_frame_equal(to_grid(got, width), got)  # a second time changes nothing
    shuffled = to_grid(rows.sample(frac=1, random_state=seed), width)
    key = ["customer_id", "spell_number", "start"]
    pdt.assert_frame_equal(*(f.sort_values(key, ignore_index=True) for f in (shuffled, got)))


def test_nobody() -> None:
    nobody, somebody = to_grid(make_rows().head(0), 30), to_grid(make_rows(), 30)
    assert nobody.empty
    assert nobody.dtypes.equals(somebody.dtypes)


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf"), 1e-12])
def test_a_grid_needs_a_width(width: float) -> None:
    with pytest.raises(TableError, match="finite width of a microsecond or more"):
        to_grid(make_rows(), width)


def test_rows_that_overlap_or_run_backwards_are_errors() -> None:
    rows = make_rows()
    rows.loc[2, "start"] = 20.0
    rows.loc[4, "stop"] = 60.0
    with pytest.raises(TableError) as raised:
        to_grid(rows, 30)
    assert "1 rows overlap the row before" in str(raised.value)
    assert "1 rows do not start before they stop" in str(raised.value)


def test_a_grid_too_fine_is_refused_before_it_is_made(monkeypatch) -> None:
    rows = make_rows()
    # Rows end at 10, 20, 25, 55 and 70: lines 4, 8; 12, 16; 24; 28, ... 52; 56, ... 68 lie inside.
    n_pieces = len(rows) + 2 + 2 + 1 + 7 + 4
    monkeypatch.setattr(grid, "MOST_GRID_ROWS", n_pieces)
    assert len(to_grid(rows, 4)) <= n_pieces
    monkeypatch.setattr(grid, "MOST_GRID_ROWS", n_pieces - 1)
    with pytest.raises(TableError, match=f"rows into some {n_pieces}; rule: at most"):
        to_grid(rows, 4)
