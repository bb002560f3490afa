"""Measures of service from the logs, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.service_measures import (
    estimate_mean,
    estimate_ratings,
    read_tickets,
    score_unit,
    score_units,
    service_shares,
    waiting_medians,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.errors import EstimationError, NotEstimableError

LEVEL = 0.95
MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")


def minutes(values: list[float | None]) -> pd.Series:
    return MIDNIGHT + pd.Series(pd.to_timedelta(values, unit="min"))


def tickets() -> pd.DataFrame:
    """Six contacts at midnight; the last one with a bot."""
    return pd.DataFrame(
        {
            "customer_id": list("aabbcc"),
            "opened_at": minutes([0] * 6),
            "first_replied_at": minutes([1, 2, 3, 4, None, None]),
            "resolved_at": minutes([10, 20, 30, None, None, 1]),
            "is_person": [True] * 5 + [False],
            "is_settled": pd.array([True, False, True, None, True, True], dtype="boolean"),
            "is_settled_and_stayed": pd.array([True, False, False, None, True, True], "boolean"),
            "is_kept": pd.array([None] * 6, dtype="boolean"),
            "satisfaction_share": [1.0, 0.0, 1.0, np.nan, np.nan, 1.0],
        }
    )


def study() -> StudyData:
    lives = pd.DataFrame({"customer_id": list("abc"), "stop_at": minutes([1e6, 1e6, 25])})
    return StudyData({}, lives, lives, MIDNIGHT, MIDNIGHT + pd.Timedelta(days=9))


def test_a_mean_and_its_error_by_customer() -> None:
    # Deviations 0.25, 0.25, 0.25, -0.75; of customers a 0.5 and b -0.5: root of 0.5 over 4.
    found = estimate_mean(pd.Series([1, 1, 1, 0]), cluster=pd.Series(list("aabb")))
    assert (found.value, found.n, found.n_events) == (0.75, 4, 3)
    assert found.standard_error == pytest.approx(np.sqrt(0.5) / 4)
    weighted = estimate_mean(
        pd.Series([1, 0]), cluster=pd.Series(["a", "b"]), weights=pd.Series([3, 1])
    )
    twice = estimate_mean(pd.Series([1, 1, 1, 0]), cluster=pd.Series(list("aaab")))
    assert weighted.value == twice.value == 0.75
    assert weighted.standard_error == pytest.approx(twice.standard_error)
    with pytest.raises(EstimationError, match="nothing to take the mean of"):
        estimate_mean(pd.Series([], dtype=float), cluster=pd.Series([], dtype=str))


def test_shares_leave_out_what_is_not_known_and_bots() -> None:
    found = service_shares(study(), tickets(), confidence_level=LEVEL)
    assert found["settled at first contact"].value == 0.75  # three of four people known
    assert found["the same, leaving within the days counts as not settled"].value == 0.5
    assert len(found) == 2  # no promise due, no requests


def test_medians_count_open_contacts_as_open() -> None:
    found = waiting_medians(tickets(), study(), confidence_level=LEVEL)
    # Replies after 1, 2, 3, 4 and one never, censored at 25 when the customer left: half of five
    # have one by the third. Solutions after 10, 20, then c censored at 25, then 30:
    # 0.8, 0.6, and of the two still at risk one: 0.3.
    assert found["minutes to the first reply, median"].value == pytest.approx(3)
    assert found["minutes to the solution, median"].value == pytest.approx(30)


def test_ratings_are_bounded_by_those_who_keep_silent(small_study: StudyData) -> None:
    # Three of five people rated, two of them good: 2/5 at the least, (2 + 2)/5 at the most.
    few = tickets().assign(
        topic="query", channel="phone", handoffs=0, wait_minutes=1.0, site_has_team=0.0
    )
    found = estimate_ratings(few, confidence_level=LEVEL)
    assert (found.response.value, found.rated.value) == (0.6, pytest.approx(2 / 3))
    assert (found.lowest, found.highest) == (pytest.approx(0.4), pytest.approx(0.8))
    many = estimate_ratings(read_tickets(small_study), confidence_level=LEVEL)
    assert many.weighted is not None
    assert many.lowest < many.weighted.value < many.highest
    with pytest.raises(EstimationError, match="Nobody rated"):
        estimate_ratings(few.assign(satisfaction_share=np.nan), confidence_level=LEVEL)


def test_weights_undo_who_rates() -> None:
    """Where the topic alone decides who rates, the weighted mean is that of everybody."""
    rng = np.random.default_rng(8)
    n = 20_000
    is_hard = rng.random(n) < 0.5
    good = rng.random(n) < np.where(is_hard, 0.4, 0.8)  # 60 % of all
    rates = rng.random(n) < np.where(is_hard, 0.5, 0.1)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "opened_at": MIDNIGHT,
            "resolved_at": MIDNIGHT,
            "topic": np.where(is_hard, "incident", "query"),
            "channel": "phone",
            "handoffs": 0,
            "wait_minutes": 1.0,
            "site_has_team": 0.0,
            "is_person": True,
            "satisfaction_share": np.where(rates, good.astype(float), np.nan),
        }
    )
    found = estimate_ratings(frame, confidence_level=LEVEL)
    assert found.rated.ci_upper < 0.6
    assert found.weighted is not None
    assert found.weighted.ci_lower < 0.6 < found.weighted.ci_upper


def test_scores_of_units() -> None:
    score = np.array([1.0, 2.0, 5.0, 6.0, 9.0, 10.0])
    found = score_unit(score, np.array(list("aabbcc"), dtype=object), names=("score", "agent"))
    # As in the test of the correlation: 63/65, so a single ticket is enough.
    assert found.tickets_needed == 1
    assert found.halves is not None
    assert found.spread[1] - found.spread[0] > found.shrunken_spread[1] - found.shrunken_spread[0]
    alike = score_unit(
        np.array([1.0, 3.0] * 3), np.array(list("aabbcc"), dtype=object), names=("s", "agent")
    )
    assert alike.tickets_needed is None
    assert alike.halves is None  # halves that do not differ between agents


def test_every_score_that_the_tickets_allow(small_study: StudyData) -> None:
    known = read_tickets(small_study)
    names = [(one.score, one.unit) for one in score_units(known, confidence_level=LEVEL)]
    assert ("settled at first contact", "agent") in names
    assert ("handoffs", "site") in names
    nobody = known.assign(agent=pd.NA)
    assert {one.unit for one in score_units(nobody, confidence_level=LEVEL)} == {"site"}


def test_without_contacts_there_is_nothing_to_measure(small_study: StudyData) -> None:
    with pytest.raises(NotEstimableError, match="needs the tables contacts"):
        read_tickets(replace(small_study, tables={}))
