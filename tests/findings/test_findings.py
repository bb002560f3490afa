"""Findings: guarded, worded from estimates, and tied to declared questions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.designs import DifferenceInDifferences
from loyaltylab.findings import (
    estimates_table,
    forest_frame,
    guard_all,
    guard_counts,
    guard_estimate,
    load_questions,
    make_finding,
)
from loyaltylab.findings.wording import (
    DAYS_PER_MONTH,
    months,
    months_difference,
    months_with_interval,
    p_value,
    percent,
    points_difference,
    ratio_with_interval,
    settles_direction,
    share_with_interval,
    step_caveats,
)
from loyaltylab.survival import Estimate, kaplan_meier
from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.schemas import TABLES

ESTIMAND_PARTS = ("population", "time_zero", "contrast", "outcome", "horizon", "measure")
SHARE = Estimate(0.8211, 0.01, 0.79, 0.8449, 0.95, 200, 40, "share", "by hand")
SOURCE = SourceDescription(
    kind="delimited",
    label="a test",
    is_synthetic=False,
    window_start_at=pd.Timestamp("2020-01-01", tz="UTC"),
    window_end_at=pd.Timestamp("2021-01-01", tz="UTC"),
    data_hash="0" * 64,
)


def test_every_question_declares_its_whole_estimand_and_known_tables() -> None:
    for question in load_questions().values():
        assert tuple(question.estimand) == (ESTIMAND_PARTS if question.hypotheses else ())
        assert set(question.needs) <= set(TABLES)
        assert question.title.endswith("?")


def test_true_values_are_declared_for_the_parameters_they_belong_to() -> None:
    question = load_questions()["compensation"]
    run = {"exposed": "voucher", "reference": "refund", "horizon_months": 12}
    name = "H17.compensation_voucher_forfeited.direct.restricted_mean_12"
    assert question.truths_for(run)["restricted_mean_difference"] == name
    assert question.truths_for(run | {"reference": "choice"}) == {}


def test_words_are_made_from_the_estimate() -> None:
    assert share_with_interval(SHARE) == "82.1 % (95 % CI 79.0 to 84.5)"
    days = replace(SHARE, value=-DAYS_PER_MONTH, ci_lower=-2 * DAYS_PER_MONTH, ci_upper=3.04375)
    assert months_with_interval(days) == "−1.00 months (95 % CI −2.00 to 0.10)"
    assert months_difference(days) == "1.00 months less (95 % CI 2.00 less to 0.10 more)"
    assert settles_direction(days) == (
        " The interval of the months includes 0, so the direction is open."
    )
    assert settles_direction(replace(days, ci_upper=-1.0)) == ""
    points = replace(SHARE, value=0.025, ci_lower=-0.039, ci_upper=0.088, confidence_level=0.9)
    assert points_difference(points) == (
        "2.5 percentage points higher (90 % CI 3.9 lower to 8.8 higher)"
    )
    ratio = replace(SHARE, value=1.254, ci_lower=1.1, ci_upper=1.42)
    assert ratio_with_interval(ratio) == "1.25 (95 % CI 1.10 to 1.42)"
    assert (percent(0.5), months(365.25), p_value(0.0), p_value(0.04567), p_value(None)) == (
        "50.0 %",
        "12",
        "< 0.001",
        "0.046",
        "not available",
    )


def test_what_is_not_estimable_is_said_in_words() -> None:
    nothing = replace(SHARE, value=math.nan)
    open_ended = replace(SHARE, ci_upper=math.nan)
    assert share_with_interval(nothing) == "not estimable"
    assert share_with_interval(open_ended) == "82.1 % (95 % CI not estimable)"
    assert percent(math.nan) == "not estimable"


def test_a_reading_on_a_step_is_named() -> None:
    # 100 customers; 30 leave on day 365, one on day 100: only the reading at 365 sits on a step.
    stop = np.array([365.0] * 30 + [100.0] + [500.0] * 69)
    curve = kaplan_meier(np.zeros(100), stop, stop < 500)
    (caveat,) = step_caveats(curve, [100.0, 365.25], min_cell=5)
    assert step_caveats(curve, [365.25], min_cell=31) == ()
    assert caveat.startswith("Retention falls from 99.0 % to 69.0 % within 7 days")
    assert "12 months" in caveat


def test_estimates_on_too_few_customers_or_events_are_suppressed() -> None:
    for few in (replace(SHARE, n=4), replace(SHARE, n_events=3)):
        guarded = guard_estimate(few, min_cell=5)
        assert math.isnan(guarded.value)
        assert (guarded.n, guarded.n_events) == (0, 0)
    assert guard_estimate(SHARE, min_cell=5) is SHARE
    assert guard_estimate(replace(SHARE, n_events=0), min_cell=5).value == SHARE.value


def test_a_share_is_suppressed_when_its_complement_is_small() -> None:
    assert math.isnan(guard_estimate(replace(SHARE, n_events=197), min_cell=5).value)
    days = replace(SHARE, unit="days", n_events=197)
    assert guard_estimate(days, min_cell=5) is days


def test_guarding_reaches_every_estimate_of_a_result() -> None:
    few = replace(SHARE, n_events=2)
    changes = DifferenceInDifferences(covered_change=SHARE, exempt_change=few, effect=few)
    guarded = guard_all({"a": [changes], "b": (few, "text"), "c": None}, min_cell=5)
    assert guarded["a"][0].covered_change == SHARE
    assert math.isnan(guarded["a"][0].exempt_change.value)
    assert math.isnan(guarded["b"][0].value)
    assert (guarded["b"][1], guarded["c"]) == ("text", None)
    assert changes.exempt_change is few


def test_counts_below_the_smallest_cell_are_not_shown() -> None:
    frame = pd.DataFrame({"what": ["a", "b", "c", "d", "e"], "count": [0, 4, 5, 2, 12345]})
    guarded = guard_counts(frame, counts=["count"], min_cell=5)
    assert guarded["count"].tolist() == ["0", "<5", "5", "<5", "12,345"]
    assert frame["count"].tolist() == [0, 4, 5, 2, 12345]


def test_tables_show_scaled_guarded_values() -> None:
    table = estimates_table(
        {"all": SHARE, "few": replace(SHARE, n_events=2)}, scale="percent", min_cell=5
    )
    assert table["value"].tolist() == ["82.1 %", "not shown"]
    assert table["95 % interval"].tolist() == ["79.0 % to 84.5 %", ""]
    assert table["events"].tolist() == ["40", "<5"]


def test_forest_frame_keeps_order_and_groups() -> None:
    few = replace(SHARE, n_events=3)
    groups = {
        "first": {"b": SHARE, "a": SHARE},
        "second": {"c": few},
        "third": {"d": few, "e": SHARE},
    }
    frame = forest_frame(groups, min_cell=5)
    assert frame["label"].tolist() == ["b", "a", "c", "d", "e"]
    assert frame["group"].tolist() == [
        "first: 40 events",
        "first: 40 events",
        "second: <5 events",
        "third",
        "third",
    ]
    assert "group" not in forest_frame({"": {"a": SHARE}})


def test_a_finding_fills_in_the_estimand_and_guards_its_numbers() -> None:
    question = load_questions()["retention"]
    finding = make_finding(
        question,
        verdict="described",
        answer="82.1 % stay.",
        headline="share",
        estimates={
            "share": replace(SHARE, caveats=("few at first",)),
            "few": replace(SHARE, n=2),
        },
        source=SOURCE,
        parameters={"horizon_months": 18},
        provenance={},
        min_cell=5,
        checks={"p": math.nan, "few": 4, "enough": 5, "none": 0, "known": True},
        caveats=("a note", "few at first"),
    )
    assert finding.estimand["horizon"] == "18 months of tenure."
    assert finding.estimates["few"]["value"] is None
    assert finding.checks == {"p": None, "few": None, "enough": 5, "none": 0, "known": True}
    assert finding.caveats == ("a note", "few at first")


def test_a_headline_must_be_one_of_the_estimates() -> None:
    with pytest.raises(KeyError, match="headline 'absent'"):
        make_finding(
            load_questions()["retention"],
            verdict="described",
            answer="",
            headline="absent",
            estimates={"share": SHARE},
            source=SOURCE,
            parameters={"horizon_months": 18},
            provenance={},
            min_cell=5,
        )
