"""Handoffs of first contacts: who is compared, from when, and what is counted, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.handled_contacts import (
    FEW,
    HANDLED,
    MANY,
    OPEN,
    TWO,
    classify,
    handled_contacts,
    handoff_cohort,
    merge_rare,
    requests_to_cancel,
)
from loyaltylab.analyses.handoffs import (
    ASKED,
    REQUEST_DAYS,
    analyse_handoffs,
    naive_handoffs,
    repeat_rows,
    request_outcomes,
    vary_handoffs,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.errors import EstimationError, NotEstimableError

LEVEL = 0.95
MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")


def at(days: list[float]) -> pd.Series:
    return MIDNIGHT + pd.Series(pd.to_timedelta(days, unit="D"))


@pytest.fixture(scope="module")
def cohort() -> pd.DataFrame:
    """Two customers 72 hours after the opening: a asks on day 40 and leaves on 70, b stays."""
    return pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "index_at": at([3, 3]),
            "start": 0.0,
            "stop": [70.0, 400.0],
            "event": [True, False],
            "exit_cause": ["service", ""],
            "asked_day": [40.0, np.nan],
            HANDLED: [MANY, FEW],
            "weight": [1.0, 2.0],
        }
    )


def test_groups_follow_the_number_known() -> None:
    told = classify(pd.Series([0.0, 1.0, 2.0, 3.0, 5.0, np.nan]))
    assert told.tolist() == [FEW, FEW, TWO, MANY, MANY, OPEN]


def test_rare_topics_count_as_the_usual_one() -> None:
    # Ten of each topic in each group are enough; the single letter of group b is not.
    values = pd.Series(["call"] * 22 + ["chat"] * 20 + ["letter"])
    groups = pd.Series([*"ab" * 21, "b"])
    merged = merge_rare(values, groups)
    assert merged.tolist() == ["call"] * 22 + ["chat"] * 20 + ["call"]


def test_a_request_comes_before_the_exit_it_leads_to(cohort: pd.DataFrame) -> None:
    found = request_outcomes(cohort)
    assert found["stop"].tolist() == [40.0, 400.0]
    assert found["event"].tolist() == [True, False]
    assert found["exit_cause"].tolist() == [ASKED, ""]
    left = request_outcomes(cohort.assign(asked_day=np.nan))
    assert left["exit_cause"].tolist() == ["other exit", ""]
    assert left["stop"].tolist() == [70.0, 400.0]


def test_rows_end_at_further_contacts_and_at_ninety_days(cohort: pd.DataFrame) -> None:
    # Contacts of a on days 1 (before the landmark on day 3), 13 and 80 (after its exit on 73);
    # of b on days 23 and 103, which is past the 90 days.
    contacts = pd.DataFrame({"customer_id": list("aaabb"), "opened_at": at([1, 13, 80, 23, 103])})
    rows = repeat_rows(cohort, contacts)
    told = rows[["customer_id", "start", "stop", "event", "is_exit", "weight"]]
    assert list(told.itertuples(index=False, name=None)) == [
        ("a", 0.0, 10.0, True, False, 1.0),
        ("a", 10.0, 70.0, False, True, 1.0),
        ("b", 0.0, 20.0, True, False, 2.0),
        ("b", 20.0, REQUEST_DAYS, False, False, 2.0),
    ]


def test_requests_come_from_the_journey_and_from_the_lives() -> None:
    lives = pd.DataFrame({"customer_id": ["a", "b"], "requested_at": at([5, 5])})
    lives.loc[1, "requested_at"] = pd.NaT
    journey = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "step": ["requested", "contacted", "requested"],
            "stepped_at": at([5, 4, 9]),
        }
    )
    study = StudyData({"cancellation_journey": journey}, lives, lives, MIDNIGHT, MIDNIGHT)
    found = requests_to_cancel(study)
    # The request of a is in both, and counts once.
    assert sorted(zip(found["customer_id"], found["requested_at"], strict=True)) == [
        ("a", MIDNIGHT + pd.Timedelta(days=5)),
        ("b", MIDNIGHT + pd.Timedelta(days=9)),
    ]
    assert len(requests_to_cancel(replace(study, tables={}))) == 1


def test_the_cohort_knows_nothing_of_what_comes_later(small_study: StudyData) -> None:
    opened = handled_contacts(small_study)
    cohort = handoff_cohort(small_study, opened)
    assert sum(cohort.audit.values()) == 2 * cohort.audit["total"]
    later = opened.frame["known_day"].isna()
    assert opened.frame.loc[later, "handoffs_then"].isna().all()
    assert (cohort.frame.loc[cohort.frame[HANDLED] == OPEN, "handoffs_then"].isna()).all()
    assert not (opened.frame["channel"] == "bot").any()
    assert (cohort.frame["asked_day"].dropna() > 0).all()


def test_a_provider_that_hands_on_by_luck_is_analysed(small_study: StudyData) -> None:
    """Handoffs drawn by lot after the fact do nothing, and the intervals say so."""
    contacts = small_study.tables["contacts"]
    drawn = np.random.default_rng(3).choice([0, 1, 3], size=len(contacts), p=[0.5, 0.2, 0.3])
    tables = {**small_study.tables, "contacts": contacts.assign(handoffs=drawn)}
    study = replace(small_study, tables=tables)
    opened = handled_contacts(study)
    cohort = handoff_cohort(study, opened)
    found = analyse_handoffs(study, cohort.frame, confidence_level=LEVEL)
    for gap in (found.request_difference, found.repeat_difference):
        assert gap.ci_lower < 0 < gap.ci_upper
    known = cohort.frame[HANDLED].value_counts()
    for name in (MANY, FEW):
        assert 0.5 * known[name] < found.effective_sizes[name] <= known[name]
    variants = vary_handoffs(opened.frame, found.exits, covariates=found.requests.covariates)
    assert len(variants) == 4
    assert all(gap.unit == "days" for gap in variants.values())


def test_the_naive_contrast_rewards_staying(small_study: StudyData) -> None:
    contacts = small_study.tables["contacts"]
    drawn = np.random.default_rng(3).choice([0, 3], size=len(contacts), p=[0.9, 0.1])
    tables = {**small_study.tables, "contacts": contacts.assign(handoffs=drawn)}
    assert naive_handoffs(replace(small_study, tables=tables)).ci_lower > 0


def test_without_contacts_or_handoffs_it_is_not_estimable(small_study: StudyData) -> None:
    with pytest.raises(NotEstimableError, match="needs the tables contacts"):
        handled_contacts(replace(small_study, tables={}))
    contacts = small_study.tables["contacts"]
    unknown = contacts.assign(handoffs=pd.array([pd.NA] * len(contacts), dtype="Int64"))
    tables = {**small_study.tables, "contacts": unknown}
    with pytest.raises(NotEstimableError, match="number of handoffs"):
        handled_contacts(replace(small_study, tables=tables))


def test_nobody_handed_on_is_an_error(small_study: StudyData) -> None:
    contacts = small_study.tables["contacts"]
    tables = {**small_study.tables, "contacts": contacts.assign(handoffs=0)}
    study = replace(small_study, tables=tables)
    cohort = handoff_cohort(study, handled_contacts(study))
    with pytest.raises(EstimationError, match="Nobody is in the group 'three handoffs or more'"):
        analyse_handoffs(study, cohort.frame)
