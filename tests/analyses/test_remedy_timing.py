"""An early remedy against a late one: who counts, and worked small cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.obstructive_script import Course, analyse_script, tell_course
from loyaltylab.analyses.remedy_cohort import remedy_cohort, remedy_rows, timing_protocol
from loyaltylab.analyses.remedy_timing import (
    EARLY,
    analyse_timing,
    contrast_timing,
    estimate_naive_remedy,
    estimate_remedy_timing,
)
from loyaltylab.analyses.study_data import StudyData, build_study_data
from loyaltylab.designs import protocol_table
from loyaltylab.errors import NotEstimableError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.survival import Estimate

DAY = pd.Timedelta(days=1)
MONTH = 30.4375
T0 = pd.Timestamp("2020-01-01", tz="UTC")


def provider(**changes: Any) -> StudyData:
    chosen = {
        "n_customers": 3000,
        "team_rollout": "staggered",
        "remedy_refusal_share": 0.4,
        "remedy_cancellation_share": 1.0,
    }
    run = live_through(SyntheticParameters(**{**chosen, **changes}), seed=4, step_days=7)
    delivery = deliver(run)
    return build_study_data(
        delivery.frames,
        window_start_at=delivery.description.window_start_at,
        window_end_at=delivery.description.window_end_at,
        memory_days=180.0,
    )


@pytest.fixture(scope="module")
def data() -> StudyData:
    return provider(desk_share=0.7, desk_obstructive_share=0.5)


def small(remedies: list[tuple[str, float]], asked: list[tuple[str, float]]) -> StudyData:
    """Three customers denied on day 100; a leaves on day 130, the others are there to day 400."""
    names = ["a", "b", "c"]
    lives = pd.DataFrame(
        {
            "customer_id": names,
            "spell_number": 1,
            "entry_days": 0.0,
            "stop_days": [130.0, 400.0, 400.0],
            "entry_at": T0,
            "stop_at": [T0 + 130 * DAY, T0 + 400 * DAY, T0 + 400 * DAY],
            "origin_at": T0,
            "event": [True, False, False],
            "exit_cause": ["service", "", ""],
            "segment": pd.Series([None] * 3, dtype="string"),
            "site": "site 01",
        }
    )
    tables = {
        "requests": pd.DataFrame(
            {"customer_id": names, "decided_at": T0 + 100 * DAY, "outcome": "denied"}
        ),
        "outreach": pd.DataFrame(
            [(name, "remedy", T0 + day * DAY) for name, day in remedies],
            columns=["customer_id", "kind", "sent_at"],
        ),
        "contacts": pd.DataFrame(
            {"customer_id": ["b", "b"], "opened_at": [T0 + 103 * DAY, T0 + 160 * DAY]}
        ),
        "contracts": pd.DataFrame({"customer_id": names, "started_at": T0}),
        "cancellation_journey": pd.DataFrame(
            [(name, "requested", T0 + day * DAY) for name, day in asked],
            columns=["customer_id", "step", "stepped_at"],
        ),
    }
    return StudyData(tables, lives, pd.DataFrame({"customer_id": []}), T0, T0 + 400 * DAY)


def first_remedies(data: StudyData) -> pd.DataFrame:
    """The cohort without its baseline, which small cases have no rows for."""
    return remedy_cohort(data).frame[["customer_id", "start", "stop", "event", "remedy_day"]]


def test_a_remedy_with_a_request_to_cancel_is_no_early_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "loyaltylab.analyses.remedy_cohort.add_baseline", lambda _, frame: frame.copy()
    )
    remedies = [("a", 110.0), ("b", 105.0), ("c", 90.0)]
    found = first_remedies(small(remedies, asked=[("a", 110.0)]))
    assert found["stop"].tolist() == [30.0, 300.0, 300.0]
    # a's came on asking, c's before the denial.
    assert found["remedy_day"].isna().tolist() == [True, False, True]
    assert found["remedy_day"].iloc[1] == 5.0


def test_rows_are_cut_at_contacts_in_the_grace_period_and_at_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "loyaltylab.analyses.remedy_cohort.add_baseline", lambda _, frame: frame.copy()
    )
    data = small([("b", 105.0)], asked=[])
    rows = remedy_rows(data, remedy_cohort(data).frame, grace_days=14.0)
    told = rows[["customer_id", "start", "stop", "remedies", "contacts_since", "exit_cause"]]
    assert told.to_numpy().tolist() == [
        ["a", 0.0, 30.0, 0.0, 0, "service"],
        ["b", 0.0, 3.0, 0.0, 0, ""],
        ["b", 3.0, 5.0, 0.0, 1, ""],
        ["b", 5.0, 300.0, 1.0, 1, ""],  # the contact 60 days on is past the grace period
        ["c", 0.0, 300.0, 0.0, 0, ""],
    ]


def test_nobody_helped_unasked_is_not_estimable() -> None:
    with pytest.raises(NotEstimableError, match="remedy"):
        remedy_cohort(small([("a", 110.0)], asked=[("a", 110.0)]))
    without = small([], asked=[])
    fewer = {name: table for name, table in without.tables.items() if name != "outreach"}
    with pytest.raises(NotEstimableError, match="outreach"):
        remedy_cohort(StudyData(fewer, without.lives, without.rows, T0, T0 + DAY))


def test_timing_matters_little_where_it_undoes_part_of_one_denial(data: StudyData) -> None:
    """The truth is +.06 month (data/truth); 3,000 customers tell it from a month either way."""
    cohort = remedy_cohort(data)
    found = analyse_timing(data, horizon_months=24, months=[12], confidence_level=0.95)
    gap = found.difference
    assert gap.ci_lower < 0.06 * MONTH < gap.ci_upper
    assert abs(gap.value) < 2 * MONTH
    assert found.audit == cohort.audit
    assert found.falsifications[0].status == "passed"
    assert found.diagnostics[0].status == "passed"
    # In weekly steps a remedy takes a week at least.
    assert set(found.other_graces) == {30.0}
    assert found.landmark is not None
    assert abs(found.landmark.value - gap.value) < gap.standard_error
    assert found.contrast.flow.loc[EARLY, "n_customers"] == len(cohort.frame)
    share = float((cohort.frame["remedy_day"] <= 14).mean())
    assert share == pytest.approx(0.4, abs=0.06)
    assert estimate_remedy_timing(data, confidence_level=0.95).value == pytest.approx(
        gap.value, rel=1e-9
    )


def test_the_naive_comparison_blames_the_remedy() -> None:
    """Here nearly all remedies come upon asking to leave, so those with one leave sooner."""
    data = provider(exit_hazard_service_pm=0.03, remedy_refusal_share=0.05)
    naive = estimate_naive_remedy(data, confidence_level=0.95)
    assert naive.ci_upper < 0


def test_a_remedy_that_undoes_everything_shows() -> None:
    """Denials that hurt ten times as much and are wholly undone: early customers stay longer."""
    strong = provider(
        denial_loss=3.0, denial_grievance=2.0, remedy_restore_refusal=1.0,
        satisfaction_half_life_d=720, exit_hazard_service_pm=0.012,
    )  # fmt: skip
    frame = remedy_cohort(strong).frame
    gap = contrast_timing(strong, frame, confidence_level=0.95).restricted_mean_differences[EARLY]
    assert gap.ci_lower > 0


def test_the_protocol_is_complete() -> None:
    table = protocol_table(timing_protocol(horizon_months=24))
    assert "14 days" in table.loc["Treatment strategies", "target_trial"]
    assert table.shape == (9, 3)


def gap_of(lower: float, upper: float) -> Estimate:
    return Estimate(
        value=(lower + upper) / 2, standard_error=(upper - lower) / 3.92, ci_lower=lower,
        ci_upper=upper, confidence_level=0.95, n=100, n_events=50, unit="share", method="by hand",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("early", "late", "course"),
    [
        ((0.01, 0.05), (-0.06, -0.01), Course.CROSSES),
        ((0.01, 0.05), (0.01, 0.06), Course.LASTS),
        ((0.01, 0.05), (-0.02, 0.03), Course.FADES),
        ((-0.01, 0.05), (-0.06, -0.01), Course.OPEN),
    ],
)
def test_how_two_curves_run(
    early: tuple[float, float], late: tuple[float, float], course: Course
) -> None:
    assert tell_course({3: gap_of(*early), 24: gap_of(*late)}) is course


def test_the_script_is_held_against_the_desk(data: StudyData) -> None:
    found = analyse_script(data, horizon_months=24, months=[3, 12], confidence_level=0.95)
    assert (found.contrast.exposed, found.contrast.reference) == ("obstructive", "reactive")
    assert np.isfinite(found.contrast.restricted_mean_difference.standard_error)


def test_without_a_script_there_is_nothing_to_compare() -> None:
    with pytest.raises(NotEstimableError, match="obstructive"):
        analyse_script(provider(), horizon_months=24, months=[3], confidence_level=0.95)
