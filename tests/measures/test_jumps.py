"""Jumps: what an event changes, and when it is taken back."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
from event_tables import at, in_days, table

from loyaltylab.measures.jumps import forget_after, jump
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
