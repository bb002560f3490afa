"""Jumps: what an event changes, and when it is taken back."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
from event_tables import at, in_days, table

from loyaltylab.measures.jumps import forget_after, jump, value_jumps
from loyaltylab.tables.schemas import TIMESTAMP


def contacts() -> pd.DataFrame:
    return table(
        "contacts",
        [
            {
                "contact_id": "t1",
                "customer_id": "a",
                "opened_at": 1,
                "resolved_at": 4,
                "handoffs": 2,
            },
            {"contact_id": "t2", "customer_id": "b", "opened_at": 2, "handoffs": 0},
            {"contact_id": "t3", "customer_id": "a", "opened_at": 3, "resolved_at": 9},
        ],
    )


def test_an_event_without_a_time_makes_no_jump_and_one_without_end_is_not_taken_back() -> None:
    opened = jump(contacts(), covariate="x", at="opened_at", until=contacts()["resolved_at"])
    assert in_days(opened, "x") == [
        ("a", 1, 1, 1),
        ("a", 3, 3, 1),
        ("a", 4, 1, -1),
        ("a", 9, 3, -1),
        ("b", 2, 2, 1),
    ]
    solved = jump(contacts(), covariate="x", at="resolved_at", since="opened_at")
    assert in_days(solved, "x") == [("a", 4, 1, 1), ("a", 9, 3, 1)]


def test_the_size_may_be_a_column_and_zero_or_missing_sizes_make_no_jump() -> None:
    sized = jump(contacts(), covariate="x", at="opened_at", change="handoffs")
    assert in_days(sized, "x") == [("a", 1, 1, 2)]
    kept = jump(contacts(), covariate="x", at="opened_at", change="handoffs", keep_zeros=True)
    assert in_days(kept, "x") == [("a", 1, 1, 2), ("b", 2, 2, 0)]


def ratings(*lines: tuple[float | None, float | None, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": "a",
            "rated_at": pd.Series([at(day) for day, *_ in lines], dtype=TIMESTAMP),
            "mark": pd.Series([mark for _, mark, _ in lines], dtype="Float64"),
            "place": [place for *_, place in lines],
        }
    )


def test_a_value_in_force_jumps_from_one_to_the_next() -> None:
    # 0.5 at 1, then 0.75 at 4 (+0.25), the same again at 6 (0), and 0 at 9 (-0.75). What has no
    # value or no time says nothing.
    marks = ratings(
        (9, 0, 0), (1, 0.5, 0), (4, 0.75, 0), (6, 0.75, 0), (5, None, 0), (None, 0.1, 0)
    )
    found = value_jumps(marks, covariate="x", at="rated_at", value="mark")
    expected = [("a", 1, 1, 0.5), ("a", 4, 4, 0.25), ("a", 6, 6, 0), ("a", 9, 9, -0.75)]
    assert in_days(found, "x") == expected


def test_of_several_values_at_one_moment_the_last_in_order_is_in_force() -> None:
    marks = ratings((3, 0.9, 1), (3, 0.2, 2), (3, 0.4, 2))
    for rows in (marks, marks.iloc[::-1]):
        by_place = value_jumps(
            rows, covariate="x", at="rated_at", value="mark", tie_order=("place",)
        )
        assert in_days(by_place, "x") == [("a", 3, 3, 0.4)]  # of the last place the largest
        by_size = value_jumps(rows, covariate="x", at="rated_at", value="mark")
        assert in_days(by_size, "x") == [("a", 3, 3, 0.9)]


def test_types_do_not_depend_on_the_data() -> None:
    some = jump(contacts(), covariate="x", at="opened_at")
    none = jump(contacts().head(0), covariate="x", at="opened_at")
    never = jump(
        contacts().assign(resolved_at=pd.Series(pd.NaT, index=range(3), dtype=TIMESTAMP)),
        covariate="x",
        at="resolved_at",
        until=contacts()["resolved_at"].head(0),
    )
    assert (len(some), len(none)) == (3, 0)
    for frame in (none, never):
        assert list(frame) == list(some)
        assert (
            frame.dtypes[["at", "since_at"]].to_dict() == some.dtypes[["at", "since_at"]].to_dict()
        )


def test_a_far_date_that_stands_for_never_does_not_overflow() -> None:
    # 31 December 9999 lies far beyond what 64 bits of nanoseconds hold.
    far = pd.Series([pd.Timestamp("9999-12-31", tz="UTC").as_unit("us"), at(0)], dtype=TIMESTAMP)
    later = forget_after(far, 1.5)
    assert later.dtype == far.dtype
    assert ((later - far) == pd.Timedelta(days=1.5)).all()


def test_the_events_are_left_alone() -> None:
    events, copy = contacts(), contacts()
    jump(events, covariate="x", at="opened_at", until=events["resolved_at"], change="handoffs")
    pdt.assert_frame_equal(events, copy)
