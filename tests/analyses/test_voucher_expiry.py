"""The day vouchers run out: who is followed, how long, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.study_data import StudyData
from loyaltylab.analyses.voucher_expiry import (
    EXITS,
    HAS_MONEY,
    HAS_VOUCHER,
    HOLDING,
    REQUESTS,
    analyse_expiry,
    expiry_cohort,
    expiry_cuts,
    follow_outcome,
    require_common_life,
)
from loyaltylab.errors import EstimationError, NotEstimableError

MIDNIGHT = pd.Timestamp("2020-01-01", tz="UTC").as_unit("us")
PAIR = {"exposed": "voucher", "reference": "refund"}
LIFE = 100.0


def at(days: object) -> pd.Series:
    return MIDNIGHT + pd.to_timedelta(pd.Series(days, dtype="float64"), unit="D").astype(
        "timedelta64[us]"
    )


def study_of(
    stops: list[float],
    causes: list[str | None],
    offers: list[str],
    *,
    asked: dict[int, float] | None = None,
    used: dict[int, float] | None = None,
    paid: dict[int, float] | None = None,
) -> StudyData:
    """Everybody signed up on day -10 and was offered a compensation on day 0."""
    n = len(stops)
    ids = [f"c{row}" for row in range(n)]
    lives = pd.DataFrame(
        {
            "customer_id": ids,
            "spell_number": 1,
            "origin_at": at([-10] * n),
            "entry_at": at([-10] * n),
            "stop_at": at(stops),
            "segment": pd.array([None] * n, dtype="string"),
            "site": pd.array([None] * n, dtype="string"),
            "event": [cause is not None for cause in causes],
            "exit_cause": pd.array(causes, dtype="string"),
            "requested_at": at([np.nan] * n),
        }
    )
    compensations = pd.DataFrame(
        {
            "compensation_id": [f"o{row}" for row in range(n)],
            "customer_id": ids,
            "offered_at": at([0] * n),
            "offered": pd.array(offers, dtype="string"),
            "received": pd.array(offers, dtype="string"),
        }
    )
    held = [row for row in range(n) if offers[row] == "voucher"]
    vouchers = pd.DataFrame(
        {
            "voucher_id": [f"v{row}" for row in held],
            "compensation_id": [f"o{row}" for row in held],
            "customer_id": [ids[row] for row in held],
            "issued_at": at([0] * len(held)),
            "expires_at": at([LIFE] * len(held)),
            "redeemed_at": at([(used or {}).get(row, np.nan) for row in held]),
            "refunded_at": at([(paid or {}).get(row, np.nan) for row in held]),
        }
    )
    asked = asked or {}
    journey = pd.DataFrame(
        {
            "customer_id": [ids[row] for row in asked],
            "step": pd.array(["requested"] * len(asked), dtype="string"),
            "stepped_at": at(list(asked.values())),
        }
    )
    tables = {
        "compensations": compensations,
        "vouchers": vouchers,
        "cancellation_journey": journey,
    }
    return StudyData(tables, lives, lives, MIDNIGHT, MIDNIGHT + pd.Timedelta(days=400))


def few() -> StudyData:
    """Four with a voucher: one used it, one had it paid out, two left."""
    return study_of(
        [400, 400, 120, 50, 130, 400],
        [None, None, "service", "life_event", "price_competitor", None],
        ["voucher"] * 4 + ["refund"] * 2,
        asked={2: 110.0, 4: 90.0},
        used={0: 30.0},
        paid={1: 100.0},
    )


def cohort_of(data: StudyData) -> pd.DataFrame:
    return expiry_cohort(data).frame.sort_values("customer_id")


def test_days_to_the_request_the_use_and_the_end_of_the_voucher() -> None:
    frame = cohort_of(few()).set_index("customer_id")
    assert frame["asked_day"].dropna().to_dict() == {"c2": 110.0, "c4": 90.0}
    assert frame["used_day"].dropna().to_dict() == {"c0": 30.0}
    assert frame["lapse_day"].dropna().to_dict() == dict.fromkeys(("c0", "c1", "c2", "c3"), LIFE)
    assert frame[HOLDING].tolist() == [HAS_VOUCHER] * 4 + [HAS_MONEY] * 2


def test_requests_and_voluntary_exits_are_followed_to_the_first() -> None:
    frame = cohort_of(few())
    asked = follow_outcome(frame, outcome=REQUESTS)
    assert asked["stop"].tolist() == [400, 400, 110, 50, 90, 400]
    assert asked["event"].tolist() == [False, False, True, False, True, False]
    left = follow_outcome(frame, outcome=EXITS)
    assert left["stop"].tolist() == [400, 400, 120, 50, 130, 400]
    assert left["event"].tolist() == [False, False, True, False, True, False]  # no life event


def test_a_used_voucher_is_held_no_longer() -> None:
    held = follow_outcome(cohort_of(few()), outcome=EXITS, is_holding=True)
    assert held["stop"].tolist() == [30, 400, 120, 50, 130, 400]


def test_who_asked_before_the_offer_is_counted_and_left_out() -> None:
    data = few()
    lives = data.lives.assign(requested_at=at([-1, *[np.nan] * 5]))
    cohort = expiry_cohort(replace(data, lives=lives))
    assert "c0" not in set(cohort.frame["customer_id"])
    assert cohort.audit["had_asked_to_leave"] == 1
    assert cohort.audit["followed"] == 5


def many() -> StudyData:
    """Of 200 each, 10 with a voucher leave in the 20 days before day 100 and 30 in those after."""
    stops, causes = [], []
    for n_before, n_after in ((10, 30), (10, 10)):
        stops += [90.0] * n_before + [110.0] * n_after + [400.0] * (200 - n_before - n_after)
        causes += ["service"] * (n_before + n_after) + [None] * (200 - n_before - n_after)
    return study_of(stops, causes, ["voucher"] * 200 + ["refund"] * 200, used={150: 5.0})


def test_a_jump_at_expiry_is_found_and_worked_by_hand() -> None:
    expiry = analyse_expiry(
        many(), **PAIR, window_days=20, horizon_months=12, confidence_level=0.95, n_permutations=99
    )
    jump = expiry.by_lot[EXITS]
    # Days at risk: 200 x 20 less 10 x 10 before; 190 x 20 less 10 a leaver after.
    before, after, other = 10 / 3_900, 30 / (190 * 20 - 300), 10 / (190 * 20 - 100)
    assert jump.jump.value == pytest.approx(after / before)
    assert jump.jump_reference.value == pytest.approx(other / before)
    assert jump.relative_jump.value == pytest.approx(after / other)
    assert jump.relative_jump.ci_lower > 1
    assert expiry.hazard_ratios[EXITS]["months 3.3 to 3.9"].value == pytest.approx(after / other)
    # Holders lack the one who had used it, who stays throughout: 20 days in each period.
    held = expiry.holders[EXITS].jump.value
    assert held == pytest.approx((30 / (190 * 20 - 300 - 20)) / (10 / (3_900 - 20)))
    assert (expiry.n_lapsed, expiry.n_paid_out) == (200 - 10 - 1, 0)
    assert expiry.failures == {REQUESTS: "no requests to cancel are recorded"}
    assert set(expiry.rates) == {"lot", "holders"}


def test_vouchers_of_several_lengths_have_no_such_day() -> None:
    data = few()
    vouchers = data.tables["vouchers"].assign(expires_at=at([100, 100, 200, 200]))
    with pytest.raises(NotEstimableError, match="all run equally long"):
        require_common_life(replace(data, tables=data.tables | {"vouchers": vouchers}))


def test_without_vouchers_it_cannot_be_asked() -> None:
    data = few()
    rest = {name: table for name, table in data.tables.items() if name != "vouchers"}
    with pytest.raises(NotEstimableError, match="vouchers"):
        expiry_cohort(replace(data, tables=rest))


def test_periods_around_expiry_must_fit() -> None:
    assert expiry_cuts(100, window_days=20, horizon_months=12)[:4] == [0, 80, 100, 120]
    with pytest.raises(EstimationError, match="a shorter window_days"):
        expiry_cuts(100, window_days=100, horizon_months=12)
