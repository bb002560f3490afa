"""The reform's checks and its months, on lives made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.exit_reform import (
    abandoned_shares,
    check_pre_trend,
    reform_months,
    reform_rates,
    try_placebo,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.measures.cancellation_friction import Reform

FIRST, LAST = pd.Timestamp("2018-01-01", tz="UTC"), pd.Timestamp("2021-01-01", tz="UTC")
REFORM = Reform(
    effective_at=pd.Timestamp("2020-01-01", tz="UTC"),
    covered="consumer",
    exempt="business",
    friction_before=0.7,
    friction_after=0.15,
    announced_at=pd.Timestamp("2019-10-01", tz="UTC"),
)
LEVEL = 0.95


def make_data(*, extra: int = 0, cause: str = "service") -> StudyData:
    """In each of 36 months four leave each segment; `extra` more consumers after the reform."""
    lines = []
    for month in pd.date_range(FIRST, LAST, freq="MS", inclusive="left"):
        for segment in ("business", "consumer"):
            more = extra if segment == "consumer" and month >= REFORM.effective_at else 0
            lines += [(segment, month + pd.Timedelta(days=10), True, cause)] * (4 + more)
    lines += [(segment, LAST, False, "") for segment in ("business", "consumer")] * 200
    lives = pd.DataFrame(lines, columns=["segment", "stop_at", "event", "exit_cause"])
    lives["stop_at"] = lives["stop_at"].dt.as_unit("us")
    lives = lives.assign(
        entry_at=FIRST.as_unit("us"),
        origin_at=FIRST.as_unit("us"),
        entry_days=0.0,
        stop_days=(lives["stop_at"] - FIRST) / pd.Timedelta(days=1),
    )
    return StudyData({}, lives, pd.DataFrame(), FIRST, LAST)


def make_attempts(gain: float = 0.0) -> pd.DataFrame:
    """Attempts every 5 days, everybody gone after 20 to 320 days; consumers later gain."""
    index_at = pd.date_range(FIRST, LAST, freq="5D")
    stop = 20.0 + 30 * np.arange(len(index_at)) % 300
    parts = []
    for segment in ("business", "consumer"):
        is_late = (index_at >= pd.Timestamp("2019-04-01", tz="UTC")) & (segment == "consumer")
        parts.append(
            pd.DataFrame(
                {
                    "segment": segment,
                    "index_at": index_at,
                    "start": 0.0,
                    "stop": stop + gain * is_late,
                    "event": True,
                    "exit_cause": "service",
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_shares_given_up_are_counted_by_segment_and_period() -> None:
    """Consumers: one of two before; none of one after. Business: both before."""
    frame = pd.DataFrame(
        {
            "segment": ["consumer", "consumer", "consumer", "business", "business"],
            "index_at": pd.to_datetime(
                ["2019-01-01", "2019-02-01", "2020-02-01", "2019-01-01", "2019-03-01"], utc=True
            ),
            "is_abandoned": [True, False, False, True, True],
        }
    )
    found = abandoned_shares(frame, REFORM, confidence_level=LEVEL)
    assert {name: (share.value, share.n) for name, share in found.items()} == {
        "business, before the reform": (1.0, 2),
        "consumer, after the reform": (0.0, 1),
        "consumer, before the reform": (0.5, 2),
    }


def test_the_level_before_is_that_of_a_year_before_the_announcement() -> None:
    """Announced three months earlier: months -15 to -4."""
    study = reform_months(make_data(), REFORM, scale="additive", confidence_level=LEVEL)
    reference = study.by_month.index[study.by_month["is_reference"]]
    assert list(reference) == list(range(-15, -3))


def test_segments_that_move_alike_pass_the_trend() -> None:
    """Equal counts every month: the slope is 0; how wide its interval is decides."""
    wide = check_pre_trend(make_data(), REFORM, confidence_level=LEVEL)
    assert wide.status == "failed"
    assert "24 months" in wide.shows
    many = make_data()
    lives = pd.concat([many.lives] * 40, ignore_index=True)
    assert (
        check_pre_trend(replace(many, lives=lives), REFORM, confidence_level=LEVEL).status
        == "passed"
    )


def test_months_without_exits_leave_the_trend_untested() -> None:
    data = make_data(cause="life_event")
    assert check_pre_trend(data, REFORM, confidence_level=LEVEL).status == "not run"


def test_rates_of_equal_segments_have_ratio_one() -> None:
    rates = reform_rates(
        make_data(), REFORM, from_tenure_months=0, fewest_control=1, confidence_level=LEVEL
    )
    assert rates.voluntary.value == pytest.approx(1.0)
    assert rates.placebo.value == pytest.approx(1.0)
    assert rates.control is None
    assert rates.placebo_at == pd.Timestamp("2018-09-01", tz="UTC")


def test_a_control_needs_enough_exits_by_life_event() -> None:
    data = make_data(cause="life_event")
    lives = data.lives.assign(
        exit_cause=data.lives["exit_cause"].where(data.lives.index % 2 == 0, "service")
    )
    options = {"from_tenure_months": 0, "confidence_level": LEVEL}
    mixed = replace(data, lives=lives)
    enough = reform_rates(mixed, REFORM, fewest_control=10, **options)
    assert enough.control is not None
    assert reform_rates(mixed, REFORM, fewest_control=10**6, **options).control is None


@pytest.mark.parametrize(("gain", "status"), [(0.0, "passed"), (60.0, "failed")])
def test_a_placebo_passes_only_if_it_finds_nothing(gain: float, status: str) -> None:
    """Announced in July 2020, so the placebo falls in April 2019, when consumers may gain."""
    later = replace(
        REFORM,
        announced_at=pd.Timestamp("2020-07-01", tz="UTC"),
        effective_at=pd.Timestamp("2020-10-01", tz="UTC"),
    )
    estimate, check = try_placebo(
        make_attempts(gain), later, horizon_months=3, confidence_level=LEVEL
    )
    assert estimate is not None
    assert estimate.unit == "days"
    assert check.status == status


def test_a_placebo_without_attempts_before_is_not_run() -> None:
    none = make_attempts().iloc[:0]
    estimate, check = try_placebo(none, REFORM, horizon_months=12, confidence_level=LEVEL)
    assert estimate is None
    assert check.status == "not run"
