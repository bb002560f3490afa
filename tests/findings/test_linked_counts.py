"""Counts that add up: nothing hidden can be worked out from what is shown."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.findings.linked_counts import (
    NOT_SHOWN,
    TOTAL,
    Sum,
    find_feasible_ranges,
    sums_that_hold,
    suppress_counts,
    write_counts,
)

MIN_CELL = 5


def one_way(**parts: int) -> tuple[dict[str, int], list[Sum]]:
    return parts | {TOTAL: sum(parts.values())}, [Sum(tuple(parts), TOTAL)]


def two_way(cells: Sequence[Sequence[int]]) -> tuple[dict[tuple[str, str], int], tuple[Sum, ...]]:
    table = np.array(cells)
    table = np.vstack([table, table.sum(axis=0)])
    table = np.hstack([table, table.sum(axis=1, keepdims=True)])
    rows = [f"r{n}" for n in range(len(cells))]
    columns = [f"c{n}" for n in range(len(cells[0]))]
    counts = {
        (row, column): int(table[i, j])
        for i, row in enumerate([*rows, TOTAL])
        for j, column in enumerate([*columns, TOTAL])
    }
    down, across = [*rows, TOTAL], [*columns, TOTAL]
    sums = (
        *(Sum(tuple((row, column) for column in columns), (row, TOTAL)) for row in down),
        *(Sum(tuple((row, column) for row in rows), (TOTAL, column)) for column in across),
    )
    return counts, sums


class TestAListWithATotal:
    def test_the_smallest_further_count_goes_with_a_single_small_one(self) -> None:
        # 100 - 90 - 7 = 3 would give the hidden one back, so the 7 goes too: then 10 = x + y
        # with x from 1 to 4 leaves y from 6 to 9.
        counts, sums = one_way(followed=90, left_out=7, unknown=3)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert written == {
            "followed": "90", "left_out": NOT_SHOWN, "unknown": "<5", "total": "100",
        }  # fmt: skip
        standing = suppress_counts(counts, sums=sums, min_cell=MIN_CELL)
        ranges = find_feasible_ranges(counts, standing, sums=sums, min_cell=MIN_CELL)
        assert ranges == {"left_out": (6.0, 9.0), "unknown": (1.0, 4.0)}

    def test_two_small_ones_protect_each_other(self) -> None:
        # 2 + 3 = 5 could be 1 + 4, 2 + 3, 3 + 2 or 4 + 1.
        counts, sums = one_way(a=2, b=3, c=40)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert written == {"a": "<5", "b": "<5", "c": "40", "total": "45"}

    def test_two_small_ones_at_their_limit_do_not(self) -> None:
        # 1 + 1 = 2 and 4 + 4 = 8 have one solution each when both lie between 1 and 4.
        for number in (1, 4):
            counts, sums = one_way(a=number, b=number, c=40)
            assert write_counts(counts, sums=sums, min_cell=MIN_CELL)["c"] == NOT_SHOWN

    def test_what_protects_must_itself_leave_room(self) -> None:
        # Hidden 1 + 5 = 6: since what protects is at least 5, the small one would be 1.
        counts, sums = one_way(a=1, b=5, c=6, d=90)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert [written[key] for key in "abcd"] == ["<5", NOT_SHOWN, NOT_SHOWN, "90"]

    def test_a_zero_protects_nothing_and_is_shown(self) -> None:
        counts, sums = one_way(a=3, b=0, c=50)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert written == {"a": "<5", "b": "0", "c": NOT_SHOWN, "total": "53"}

    def test_a_small_total_goes_with_its_parts(self) -> None:
        counts, sums = one_way(a=3, b=0)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert written == {"a": "<5", "b": "0", "total": "<5"}

    def test_marks_that_leave_one_solution_say_less(self) -> None:
        # Four parts of at least 1 that add up to at most 4 are 1 each.
        counts, sums = one_way(a=1, b=1, c=1, d=1)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert written == {"a": NOT_SHOWN, "b": "<5", "c": "<5", "d": "<5", "total": "<5"}

    def test_zeros_go_where_only_they_are_left(self) -> None:
        # The reader knows the sum of 3 from elsewhere: beside a zero it would be the other one.
        written = write_counts({"a": 3, "b": 0}, sums=[Sum(("a", "b"))], min_cell=MIN_CELL)
        assert written == {"a": NOT_SHOWN, "b": NOT_SHOWN}

    def test_a_total_known_from_elsewhere_counts_as_seen(self) -> None:
        written = write_counts({"a": 2, "b": 30, "c": 9}, sums=[Sum(tuple("abc"))], min_cell=5)
        assert written == {"a": "<5", "b": "30", "c": NOT_SHOWN}

    def test_nothing_small_hides_nothing(self) -> None:
        counts, sums = one_way(a=5, b=0, c=12_345)
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert written == {"a": "5", "b": "0", "c": "12,345", "total": "12,350"}


class TestATableWithMargins:
    def test_a_single_small_cell_takes_three_others_along(self) -> None:
        # The 2 follows from its row and from its column. With 12 and 11 hidden beside it these
        # would follow from their column and row, so the 40 is hidden as well: a rectangle.
        counts, sums = two_way([[2, 12, 30], [11, 40, 50], [60, 70, 80]])
        written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
        hidden = {key: text for key, text in written.items() if text in ("<5", NOT_SHOWN)}
        assert hidden == {
            ("r0", "c0"): "<5",
            ("r0", "c1"): NOT_SHOWN,
            ("r1", "c0"): NOT_SHOWN,
            ("r1", "c1"): NOT_SHOWN,
        }

    def test_four_small_ones_in_a_rectangle_stand_alone(self) -> None:
        counts, sums = two_way([[2, 3, 30], [3, 2, 50], [60, 70, 80]])
        standing = suppress_counts(counts, sums=sums, min_cell=MIN_CELL)
        assert sorted(set(standing.values())) == ["shown", "small"]


def test_a_part_can_be_the_total_of_others() -> None:
    # used = known + unknown: with unknown hidden, known must go; known is not among the endings.
    counts = {"endings": 60, "used": 50, "too recent": 10, "known": 49, "unknown": 1}
    sums = [Sum(("used", "too recent"), "endings"), Sum(("known", "unknown"), "used")]
    written = write_counts(counts, sums=sums, min_cell=MIN_CELL)
    assert written == {
        "endings": "60", "used": "50", "too recent": "10", "known": NOT_SHOWN, "unknown": "<5",
    }  # fmt: skip


def test_sums_that_do_not_hold_are_refused() -> None:
    counts = {"a": 1, "b": 2, TOTAL: 4}
    wrong, absent = Sum(("a", "b"), TOTAL), Sum(("a", "z"), TOTAL)
    assert sums_that_hold(counts, [wrong, absent, Sum(("a", "b"))]) == [Sum(("a", "b"))]
    with pytest.raises(ValueError, match="1 of 1 sums"):
        suppress_counts(counts, sums=[wrong], min_cell=MIN_CELL)


def could_differ(
    counts: Mapping[tuple[str, str], int],
    hidden: Mapping[tuple[str, str], tuple[int, int]],
    sums: Sequence[Sum],
) -> set[tuple[str, str]]:
    """Hidden counts that another table with the same shown ones has otherwise, by trying.

    Neighbours that differ by at most one everywhere are enough: in a table with margins, any two
    solutions differ by steps of one along closed paths.
    """
    differ: set[tuple[str, str]] = set()
    for steps in itertools.product((0, 1, -1), repeat=len(hidden)):
        tried = dict(counts)
        for (key, (low, high)), step in zip(hidden.items(), steps, strict=True):
            tried[key] += step
            if not low <= tried[key] <= high:
                break
        else:
            if len(sums_that_hold(tried, sums)) == len(sums):
                differ |= {key for key, step in zip(hidden, steps, strict=True) if step}
    return differ


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=2, max_size=3),
    st.integers(3, 5),
)
def test_who_knows_the_margins_cannot_recover_any_hidden_count(
    cells: list[list[int]], min_cell: int
) -> None:
    counts, sums = two_way(cells)
    standing = suppress_counts(counts, sums=sums, min_cell=min_cell)
    assert all(standing[key] != "shown" for key, n in counts.items() if 0 < n < min_cell)
    limits = {"small": (1, min_cell - 1), "protecting": (min_cell, 10**9), "withheld": (0, 10**9)}
    hidden = {key: limits[one] for key, one in standing.items() if one != "shown"}
    if len(hidden) <= 8:  # 3^8 tables to try
        assert could_differ(counts, hidden, sums) == set(hidden)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=6),
    st.integers(3, 7),
)
def test_who_knows_the_total_cannot_recover_any_hidden_count(
    numbers: list[int], min_cell: int
) -> None:
    counts, sums = one_way(**{f"part{n}": number for n, number in enumerate(numbers)})
    standing = suppress_counts(counts, sums=sums, min_cell=min_cell)
    ranges = find_feasible_ranges(counts, standing, sums=sums, min_cell=min_cell)
    assert set(ranges) == {key for key, one in standing.items() if one != "shown"}
    for key, (low, high) in ranges.items():
        assert low <= counts[key] <= high
        assert high - low >= 1
