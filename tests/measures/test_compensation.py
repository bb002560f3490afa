"""Vouchers: held, lost, and how they ended."""

from __future__ import annotations

import pandas as pd
import pandas.testing as pdt
import pytest
from event_tables import MEMORY_DAYS, at, in_days, table

from loyaltylab.measures.compensation import (
    compensation_jumps,
    compensation_offers,
    voucher_fates,
)


def vouchers(*lines: tuple[float, object, float | None, float | None]) -> pd.DataFrame:
    """Lines of issued, expires, used, paid out."""
    return table(
        "vouchers",
        [
            {
                "voucher_id": f"v{i}",
                "customer_id": "a",
                "compensation_id": f"p{i}",
                "issued_at": issued,
                "expires_at": expires,
                "redeemed_at": used,
                "refunded_at": paid,
            }
            for i, (issued, expires, used, paid) in enumerate(lines)
        ],
    )


def jumps_of(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(compensation_jumps({"vouchers": frame}, memory_days=MEMORY_DAYS))


@pytest.mark.parametrize(
    ("used", "paid", "ends", "is_lost"),
    [
        (None, None, 50, True),  # ran out
        (20, None, 20, False),  # used
        (None, 30, 30, False),  # paid out
        (20, 30, 20, False),
        (50, None, 50, False),  # used on its last day
        # Honoured after it had run out: on day 50 nobody knew that, it was lost.
        (60, None, 50, True),
        (None, 60, 50, True),
    ],
)
def test_a_voucher_is_held_until_it_ends(
    used: float | None, paid: float | None, ends: float, is_lost: bool
) -> None:
    jumps = jumps_of(vouchers((10, 50, used, paid)))
    assert in_days(jumps, "vouchers_held") == [("a", 10, 10, 1), ("a", ends, 10, -1)]
    lost = [("a", 50, 10, 1), ("a", 80, 10, -1)]
    assert in_days(jumps, "vouchers_recently_lost") == (lost if is_lost else [])


def test_a_voucher_that_never_expires() -> None:
    never = pd.Timestamp("9999-12-31", tz="UTC")
    jumps = jumps_of(vouchers((10, never, None, None)))
    assert in_days(jumps, "vouchers_held")[0] == ("a", 10, 10, 1)
    assert jumps["at"].max() > never  # taken back when nobody will look


def test_no_vouchers() -> None:
    assert compensation_jumps({}, memory_days=MEMORY_DAYS) == []
    assert len(jumps_of(vouchers())) == 0


def test_voucher_fates_add_up() -> None:
    frame = vouchers(
        (0, 50, 20, None),  # used
        (0, 50, 20, 30),  # used, whatever followed
        (0, 50, None, 30),  # paid out
        (0, 50, None, None),  # ran out
        (0, 100, None, None),  # ran out at the very end of the window
        (0, 100.5, None, None),  # still held
    )
    copy = frame.copy(deep=True)
    fates = voucher_fates(frame, at(100))
    assert fates == {
        "used": 2,
        "paid out": 1,
        "expired unused": 2,
        "still held": 1,
        "total": 6,
    }
    pdt.assert_frame_equal(frame, copy)
    assert set(voucher_fates(vouchers(), at(100)).values()) == {0}


def test_offers_as_index_events() -> None:
    compensations = table(
        "compensations",
        [
            {"compensation_id": "p1", "customer_id": "a", "offered_at": 3, "offered": "voucher"},
            {"compensation_id": "p2", "customer_id": "b", "offered_at": 4, "offered": "none"},
        ],
    )
    offers = compensation_offers(compensations)
    expected = pd.DataFrame(
        {
            "customer_id": pd.Series(["a", "b"], dtype="string"),
            "index_at": pd.Series([at(3), at(4)], dtype="datetime64[us, UTC]"),
            "offered": pd.Series(["voucher", "none"], dtype="string"),
        }
    )
    pdt.assert_frame_equal(offers, expected)
