"""First requests around a reform, on lives made by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from loyaltylab.analyses.stock_release import (
    count_by_period,
    estimate_transient_share,
    first_requests,
    split_requests,
    tell_stock_from_flow,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.designs import StockAndFlow, split_stock_and_flow
from loyaltylab.errors import NotEstimableError
from loyaltylab.measures.cancellation_friction import Reform

LEVEL = 0.95
FIRST, LAST = pd.Timestamp("2018-01-01", tz="UTC"), pd.Timestamp("2021-07-01", tz="UTC")
REFORM = Reform(
    effective_at=pd.Timestamp("2020-01-01", tz="UTC"),
    covered="consumer",
    exempt="business",
    friction_before=0.7,
    friction_after=0.15,
    announced_at=pd.Timestamp("2019-10-01", tz="UTC"),
)


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def make_data(lines: list[tuple[str, str, pd.Timestamp | None]]) -> StudyData:
    """Lives over the whole window: customer, segment, and a request made then, if any."""
    lives = pd.DataFrame(lines, columns=["customer_id", "segment", "asked_at"])
    asked = lives.dropna(subset=["asked_at"])
    journey = pd.DataFrame(
        {
            "customer_id": asked["customer_id"],
            "step": "requested",
            "stepped_at": pd.to_datetime(asked["asked_at"], utc=True).dt.as_unit("us"),
        }
    )
    lives = lives.assign(entry_at=FIRST.as_unit("us"), stop_at=LAST.as_unit("us"))
    return StudyData({"cancellation_journey": journey}, lives, pd.DataFrame(), FIRST, LAST)


def make_months(early: int, late: int) -> StudyData:
    """Ten ask in every month and segment; of consumers `early` or `late` once it is eased."""
    lines: list[tuple[str, str, pd.Timestamp | None]] = []
    for month in pd.date_range(FIRST, LAST, freq="MS", inclusive="left"):
        for segment in ("business", "consumer"):
            n = 10
            if segment == "consumer" and month >= REFORM.effective_at:
                n = early if month < at("2020-07-01") else late
            lines += [(f"{segment} {month:%Y-%m} {i}", segment, month + pd.Timedelta(days=10))
                      for i in range(n)]  # fmt: skip
        lines += [(f"{segment} stays {month:%Y-%m} {i}", segment, None)
                  for segment in ("business", "consumer") for i in range(500)]  # fmt: skip
    return make_data(lines)


def test_the_first_request_ends_the_time_at_risk() -> None:
    data = make_data([("a", "consumer", at("2018-02-01")), ("b", "business", None)])
    journey = data.tables["cancellation_journey"]
    again = journey.assign(stepped_at=journey["stepped_at"] + pd.Timedelta(days=30))
    given_up = journey.assign(step="abandoned", stepped_at=FIRST + pd.Timedelta(days=1))
    later = replace(data, tables={"cancellation_journey": pd.concat([again, journey, given_up])})
    frame = first_requests(later)
    assert frame["is_request"].tolist() == [True, False]
    assert frame["stop_at"].tolist() == [at("2018-02-01"), LAST]


def test_days_and_requests_are_counted_by_period() -> None:
    """Before: 638 days to the announcement, of one consumer 31; nothing of the quiet months."""
    lines = [
        ("a", "consumer", at("2018-02-01")),
        ("b", "consumer", at("2019-11-01")),
        ("c", "consumer", at("2020-02-01")),
        ("d", "business", None),
    ]
    counts = count_by_period(
        first_requests(make_data(lines)), REFORM, first_at=FIRST, last_at=LAST
    ).set_index("period")
    assert list(counts.index) == [
        "before", "0 to 3 months", "3 to 6 months", "6 to 12 months", "12 to 18 months",
    ]  # fmt: skip
    assert counts["is_late"].tolist() == [False, False, False, True, True]
    assert counts["covered_events"].tolist() == [1, 1, 0, 0, 0]
    assert counts.loc["before", "covered_days"] == pytest.approx(31 + 2 * 638)
    assert counts.loc["0 to 3 months", "covered_days"] == pytest.approx(31)
    assert counts.loc["before", "exempt_days"] == pytest.approx(638)


def test_periods_end_with_the_window() -> None:
    short = count_by_period(
        first_requests(make_data([("a", "business", None)])),
        REFORM,
        first_at=FIRST,
        last_at=at("2020-05-01"),
    ).set_index("period")
    assert list(short.index) == ["before", "0 to 3 months", "3 to 6 months"]
    assert short["exempt_days"].sum() == pytest.approx(638 + 121)


@pytest.mark.parametrize(
    ("early", "late", "share", "words"),
    [
        (60, 60, 0.0, "less than half: a lasting flow"),
        (90, 10, 1.0, "more than half: a release that passes"),
        (20, 15, 0.25, "not told apart"),
    ],
)
def test_a_release_is_told_from_a_flow(early: int, late: int, share: float, words: str) -> None:
    """Six months of `early` and twelve of `late`: of 20 and 15 against 10, 120 beyond, 30 stock.

    Roughly: who has asked is no longer at risk, so later rates are of fewer customers.
    """
    split = split_requests(make_months(early, late), REFORM, confidence_level=LEVEL)
    assert split is not None
    assert split.transient_share is not None
    assert split.transient_share.value == pytest.approx(share, abs=0.1)
    assert words in tell_stock_from_flow(split)


def test_too_few_requests_are_said_so() -> None:
    data = make_data([("a", "consumer", None), ("b", "business", None)])
    assert split_requests(data, REFORM, confidence_level=LEVEL) is None
    assert "Too few requests" in tell_stock_from_flow(None)


def make_split(covered: list[int]) -> StockAndFlow:
    counts = pd.DataFrame(
        {
            "period": ["before", "0 to 6 months", "6 to 18 months"],
            "is_late": [False, False, True],
            "covered_events": covered,
            "covered_days": 100.0,
            "exempt_events": 100,
            "exempt_days": 100.0,
        }
    )
    return split_stock_and_flow(counts, n_customers=100)


def test_no_excess_has_no_share() -> None:
    assert "no share to give" in tell_stock_from_flow(make_split([100, 100, 100]))


def test_the_share_needs_a_reform_and_an_excess() -> None:
    policies = pd.DataFrame(
        {
            "policy": "cancellation_friction",
            "segment": ["consumer", "business", "consumer"],
            "site": pd.NA,
            "value": [0.7, 0.7, 0.15],
            "effective_at": [FIRST, FIRST, REFORM.effective_at],
            "announced_at": [pd.NaT, pd.NaT, REFORM.announced_at],
        }
    )

    def with_policies(data: StudyData) -> StudyData:
        customers = data.lives[["customer_id", "segment"]].astype({"segment": "string"})
        return replace(data, tables={**data.tables, "policies": policies, "customers": customers})

    found = estimate_transient_share(with_policies(make_months(90, 10)), confidence_level=LEVEL)
    assert found.unit == "share"
    with pytest.raises(NotEstimableError, match="does not differ from none"):
        estimate_transient_share(with_policies(make_months(10, 10)), confidence_level=LEVEL)
    few = with_policies(make_data([("a", "consumer", None), ("b", "business", None)]))
    with pytest.raises(NotEstimableError, match="in every period"):
        estimate_transient_share(few, confidence_level=LEVEL)
