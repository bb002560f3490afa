"""What holds those who try to leave, on attempts made by hand and on a simulated provider."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.exit_reform import reform_of
from loyaltylab.analyses.leaving_process import (
    GIVEN_UP,
    LONG,
    REQUESTED,
    SHORT,
    access_effect,
    completion_of,
    process_cohort,
    tell_part,
    try_access_placebo,
    wait_contrast,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.measures.cancellation_friction import Reform
from loyaltylab.survival import Estimate

LEVEL = 0.95
DAYS = 30.0
REFORM = Reform(
    effective_at=pd.Timestamp("2020-01-01", tz="UTC"),
    covered="consumer",
    exempt="business",
    friction_before=0.7,
    friction_after=0.15,
    announced_at=pd.Timestamp("2019-10-01", tz="UTC"),
)


def make_attempts(completed: dict[tuple[str, str], int]) -> pd.DataFrame:
    """A hundred attempts in each segment on each day, so many of them completed."""
    lines = []
    for (segment, day), n_completed in completed.items():
        causes = [REQUESTED] * n_completed + [GIVEN_UP] * (100 - n_completed)
        lines += [(segment, pd.Timestamp(day, tz="UTC"), cause) for cause in causes]
    return pd.DataFrame(lines, columns=["segment", "index_at", "exit_cause"])


def test_access_is_the_change_of_the_covered_minus_that_of_the_exempt() -> None:
    """40 to 80 % against 50 to 45 %: 40 + 5 points; the variance is that of four shares."""
    frame = make_attempts(
        {
            ("consumer", "2019-05-01"): 40,
            ("consumer", "2020-05-01"): 80,
            ("business", "2019-05-01"): 50,
            ("business", "2020-05-01"): 45,
        }
    )
    found = access_effect(frame, REFORM, confidence_level=LEVEL)
    assert found.covered_change.value == pytest.approx(0.40)
    assert found.exempt_change.value == pytest.approx(-0.05)
    assert found.effect.value == pytest.approx(0.45)
    variance = (0.4 * 0.6 + 0.8 * 0.2 + 0.5 * 0.5 + 0.45 * 0.55) / 100
    assert found.effect.standard_error == pytest.approx(variance**0.5)
    with pytest.raises(EstimationError, match="0 of 0"):
        access_effect(frame[frame["segment"] == "consumer"], REFORM, confidence_level=LEVEL)


@pytest.mark.parametrize(("late", "status"), [(50, "passed"), (95, "failed")])
def test_the_placebo_lies_before_the_announcement(late: int, status: str) -> None:
    """15 months before October 2019 is July 2018."""
    frame = make_attempts(
        {
            ("consumer", "2018-01-01"): 50,
            ("consumer", "2019-01-01"): late,
            ("business", "2018-01-01"): 50,
            ("business", "2019-01-01"): 50,
            ("consumer", "2020-05-01"): 99,
        }
    )
    check = try_access_placebo(frame, REFORM, confidence_level=LEVEL)
    assert check.status == status
    assert f"changed by {late - 50:.1f} points" in check.shows
    few = frame[frame["index_at"] > pd.Timestamp("2018-06-01", tz="UTC")]
    assert try_access_placebo(few, REFORM, confidence_level=LEVEL).status == "not run"


def make_estimate(value: float, half: float) -> Estimate:
    return Estimate(value, half / 2, value - half, value + half, LEVEL, 900, 400, "share", "m")


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (make_estimate(0.001, 0.01), "does not hang on it"),
        (make_estimate(0.40, 0.05), ": completion hangs on it"),
        (make_estimate(-0.40, 0.05), "\N{MINUS SIGN}40.0 points"),
        (make_estimate(0.01, 0.04), "cannot tell"),
        (make_estimate(float("nan"), 0.04), "too few"),
    ],
)
def test_a_part_is_told_by_its_interval(estimate: Estimate, words: str) -> None:
    assert words in tell_part("Waiting", estimate, smallest_effect=0.02)


def test_what_comes_first_counts_and_attempts_under_way_do_not(small_study: StudyData) -> None:
    """Of four customers: a request, one given up, one neither, and one without an attempt."""
    life = small_study.lives[small_study.lives["event"]].iloc[:4]
    ids = life["customer_id"].tolist()
    begun = (life["entry_at"] + pd.Timedelta(days=1)).tolist()
    steps = [
        (1, 0, 1, 0, "looked_up", "web", None, False),
        (1, 0, 2, 5, "waited", "phone", 10.0, False),
        (1, 0, 3, 15, "requested", "phone", None, False),
        (2, 1, 1, 0, "looked_up", "web", None, False),
        (2, 1, 2, 3, "abandoned", "web", None, True),
        (3, 2, 1, 0, "looked_up", "web", None, False),
    ]
    journey = pd.DataFrame(
        [
            (str(attempt), ids[who], number, begun[who] + pd.Timedelta(minutes=minutes), *rest)
            for attempt, who, number, minutes, *rest in steps
        ],
        columns=[
            "attempt_id", "customer_id", "step_number", "stepped_at", "step", "channel",
            "wait_minutes", "is_abandoned",
        ],
    ).assign(desk=pd.NA)  # fmt: skip
    journey["stepped_at"] = journey["stepped_at"].dt.as_unit("us")
    long = small_study.lives.assign(
        stop_at=small_study.lives["entry_at"] + pd.Timedelta(days=900), event=False
    )
    tables = {**small_study.tables, "cancellation_journey": journey}
    cohort = process_cohort(replace(small_study, tables=tables, lives=long), completion_days=DAYS)
    assert cohort.audit["still_under_way"] == 1
    assert cohort.audit["followed"] == 2
    assert sum(n for name, n in cohort.audit.items() if name != "total") == 3
    found = cohort.frame.set_index("attempt_id")
    assert found["exit_cause"].to_dict() == {"1": REQUESTED, "2": GIVEN_UP}
    assert found["stop"].to_dict() == pytest.approx({"1": 15 / 1440, "2": 3 / 1440})
    assert found["way"].to_dict() == {"1": "phone", "2": "web"}


def test_waits_are_compared_within_the_simulated_provider(small_study: StudyData) -> None:
    """There, waiting changes nothing: the interval holds no difference; the reform does."""
    cohort = process_cohort(small_study, completion_days=DAYS)
    frame = cohort.frame
    contrast = wait_contrast(frame, completion_days=DAYS, confidence_level=LEVEL)
    assert (contrast.exposed, contrast.reference) == (LONG, SHORT)
    found = completion_of(contrast, completion_days=DAYS)
    assert found.ci_lower < 0 < found.ci_upper
    # A quarter of those who waited on either side, and ties.
    assert found.n == pytest.approx(0.5 * frame["wait_minutes"].notna().sum(), rel=0.03)
    assert access_effect(frame, reform_of(small_study)).effect.ci_lower > 0.1
    load = frame["load"]
    contacts = small_study.tables["contacts"]["opened_at"]
    first = frame.iloc[0]
    is_recent = (contacts < first["index_at"]) & (
        contacts >= first["index_at"] - pd.Timedelta(days=7)
    )
    assert load.iloc[0] == is_recent.sum()


def test_waits_that_bind_are_found(small_study: StudyData) -> None:
    """Whoever waited longest gives up: completion falls by about the share they had."""
    frame = process_cohort(small_study, completion_days=DAYS).frame
    high = frame["wait_minutes"].quantile(0.75)
    random = np.random.default_rng(1)
    gives_up = (frame["wait_minutes"] >= high) & (random.random(len(frame)) < 0.8)
    bound = frame.assign(exit_cause=frame["exit_cause"].where(~gives_up, GIVEN_UP))
    contrast = wait_contrast(bound, completion_days=DAYS)
    assert completion_of(contrast, completion_days=DAYS).ci_upper < -0.1


def test_without_waits_or_steps_it_says_so(small_study: StudyData) -> None:
    frame = process_cohort(small_study, completion_days=DAYS).frame
    with pytest.raises(EstimationError, match="two different waits"):
        wait_contrast(frame.assign(wait_minutes=np.nan), completion_days=DAYS)
    bare = replace(small_study, tables={})
    with pytest.raises(NotEstimableError, match="cancellation_journey"):
        process_cohort(bare, completion_days=DAYS)
