"""Endings that service neither causes nor prevents, and misstated reasons, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.competing_endings import (
    compare_life_events,
    mark_service,
    measure_damper,
    rate_ratio,
    service_rows,
)
from loyaltylab.analyses.exit_reasons import (
    OTHER,
    ReasonCheck,
    check_reasons,
    cohen_kappa,
    correct_reason,
    stated_causes,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.designs import estimate_share, read_reason_matrix
from loyaltylab.errors import EstimationError, NotEstimableError

LEVEL = 0.95
MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")


def at(days: list[float]) -> pd.Series:
    return MIDNIGHT + pd.Series(pd.to_timedelta(days, unit="D"))


def rows(*, is_bad: list[bool], stop: list[float], event: list[bool]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(len(stop))],
            "start": 0.0,
            "stop": stop,
            "event": event,
            "is_bad": is_bad,
            "stratum": "one",
        }
    )


def wrong_share(n_wrong: int, n: int) -> ReasonCheck:
    table = pd.DataFrame([[90, n_wrong], [10, n - n_wrong]], ["x", OTHER], ["x", OTHER])
    matrix = read_reason_matrix(table, is_counts=True)
    return ReasonCheck(
        "x", matrix, estimate_share(90, 100), estimate_share(n_wrong, n), kappa=0.8, checked_share=1
    )


def test_a_ratio_of_rates_by_hand() -> None:
    # Bad: 2 exits in 100 days; good: 1 exit in 100 days. One stratum: ratio 2.
    found = rate_ratio(
        rows(is_bad=[True, True, False, False], stop=[50.0] * 4, event=[True, True, True, False]),
        pd.Series([True, True, True, False]),
    )
    assert found.value == pytest.approx(2)
    assert found.n_events == 3
    # Influences 1/2, 1/2 and -1: the error of the logarithm is the root of 1.5.
    assert math.log(found.ci_upper / found.value) == pytest.approx(1.96 * math.sqrt(1.5), rel=1e-4)


def test_strata_are_compared_within() -> None:
    # Stratum one has all the exits and most of the bad days; within strata the rates are alike.
    frame = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "start": 0.0,
            "stop": [90.0, 10.0, 10.0, 90.0],
            "event": True,
            "is_bad": [True, False, True, False],
            "stratum": ["one", "one", "two", "two"],
        }
    )
    weights = [9, 1]  # exits in stratum one: 9 after bad service, 1 after good
    many = pd.concat([frame.iloc[[0]]] * weights[0] + [frame.iloc[[1]]] * weights[1])
    many = many.assign(customer_id=[f"c{k}" for k in range(10)], stop=10.0).reset_index(drop=True)
    assert rate_ratio(many, many["event"]).value == pytest.approx(1)
    assert rate_ratio(frame, frame["event"]).value == pytest.approx(
        (1 * 10 / 100 + 1 * 90 / 100) / (1 * 90 / 100 + 1 * 10 / 100)
    )


def test_wrongly_stated_exits_are_taken_out() -> None:
    # Bad: 10 exits, of which 6 stated; good: 10 exits, 4 stated; equal days. A fifth of all
    # exits by others are stated so: (6 - 2) / (4 - 2) = 2 instead of 1.5.
    n = 20
    frame = rows(is_bad=[True] * 10 + [False] * 10, stop=[1.0] * n, event=[True] * n)
    is_stated = pd.Series([True] * 6 + [False] * 4 + [True] * 4 + [False] * 6)
    assert rate_ratio(frame, is_stated).value == pytest.approx(1.5)
    found = rate_ratio(frame, is_stated, wrongly=wrong_share(20, 100))
    assert found.value == pytest.approx(2)
    # The error of the fifth widens it: few checked endings more than many.
    precise = rate_ratio(frame, is_stated, wrongly=wrong_share(20_000, 100_000))
    assert precise.value == pytest.approx(2)
    assert found.ci_upper > precise.ci_upper
    with pytest.raises(EstimationError, match="No such exit is left"):
        rate_ratio(frame, is_stated, wrongly=wrong_share(50, 100))


def test_rows_cut_in_two_change_nothing() -> None:
    whole = rows(is_bad=[True, True, False], stop=[50.0, 30.0, 90.0], event=[True] * 3)
    first = whole.assign(stop=whole["stop"] / 2, event=False)
    second = whole.assign(start=whole["stop"] / 2)
    cut = pd.concat([first, second], ignore_index=True)
    before, after = rate_ratio(whole, whole["event"]), rate_ratio(cut, cut["event"])
    assert after.value == pytest.approx(before.value)
    assert after.standard_error == pytest.approx(before.standard_error)


def test_what_counts_as_bad() -> None:
    frame = pd.DataFrame({"recent_denials": [0, 1, 0], "recent_handoffs": [1, 0, 2]})
    assert mark_service(frame).tolist() == [False, True, True]
    with pytest.raises(NotEstimableError, match="needs contacts or requests"):
        mark_service(frame[[]])


def test_life_events_of_a_provider(small_study: StudyData) -> None:
    found = compare_life_events(small_study, memory_days=180.0, confidence_level=LEVEL)
    # Nothing ties life events to service, so every reading holds 1.
    for ratio in (found.as_recorded, found.corrected):
        assert ratio.ci_lower < 1 < ratio.ci_upper
    assert 0 < found.n_bad_days_share < 0.5
    assert found.agreement.status == "passed"
    assert found.test.upper_margin == pytest.approx(1 / found.test.lower_margin)
    kept = service_rows(small_study, memory_days=180.0)
    assert {"is_bad", "stratum"} <= set(kept)


def test_the_damper_by_hand() -> None:
    # Two leave, over service on day 1 and by life event on day 2, of two; up to day 4.
    # As it is: 1 + 1/2 x 1 + 0 = 1.5. Service halved: 1 + 3/4 + 0 = 1.75, a gain of 1/4.
    # Without the life event: 1 + 1/2 x 3 = 2.5, halved 1 + 3/4 x 3 = 3.25, a gain of 3/4.
    lives = pd.DataFrame(
        {
            "entry_days": 0.0,
            "stop_days": [1.0, 2.0] * 30,
            "event": True,
            "exit_cause": ["service", "life_event"] * 30,
        }
    )
    found = measure_damper(lives, horizon_days=4, n_replicates=40, seed=3)
    assert found.gain.value == pytest.approx(0.25)
    assert found.gain_without.value == pytest.approx(0.75)
    assert found.ratio.value == pytest.approx(1 / 3)
    again = measure_damper(lives, horizon_days=4, n_replicates=40, seed=3)
    assert again.ratio == found.ratio


def test_late_entrants_are_not_at_risk_before() -> None:
    # The third comes on day 1.5: day 1 has two at risk, day 2 two.
    lives = pd.DataFrame(
        {
            "entry_days": [0.0, 0.0, 1.5] * 20,
            "stop_days": [1.0, 2.0, 4.0] * 20,
            "event": [True, True, False] * 20,
            "exit_cause": ["service", "life_event", ""] * 20,
        }
    )
    found = measure_damper(lives, horizon_days=4, n_replicates=40, seed=3)
    # 1 + 1/2 + 1/4 x 2 = 2; halved 1 + 3/4 + 3/8 x 2 = 2.5.
    assert found.gain.value == pytest.approx(0.5)
    with pytest.raises(EstimationError, match="Nobody left over service"):
        measure_damper(lives, horizon_days=0.5, n_replicates=40, seed=3)


def exits() -> pd.DataFrame:
    """40 who left over service, 30 of whom say so; 60 over other things, 6 of whom name service."""
    true = ["service"] * 40 + ["price_competitor"] * 60
    said = ["service"] * 30 + ["price_competitor"] * 10 + ["service"] * 6 + ["unknown"] * 54
    return pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(100)],
            "service_end_at": at([float(10 + k) for k in range(100)]),
            "cause_stated": said,
            "cause_verified": true,
        }
    )


def test_reasons_against_verified_ones_by_hand() -> None:
    found = check_reasons(exits(), cause="service")
    assert found.stated_if_true.value == 0.75
    assert found.stated_if_other.value == pytest.approx(0.1)
    # Agreement 84 %; by chance 0.4 x 0.36 + 0.6 x 0.64 = 52.8 %.
    assert found.kappa == pytest.approx((0.84 - 0.528) / (1 - 0.528))
    assert cohen_kappa(np.array([[5.0, 0.0], [0.0, 5.0]])) == 1
    few = exits().assign(cause_verified=[None] * 90 + ["price_competitor"] * 10)
    with pytest.raises(NotEstimableError, match="needs 20 endings with a verified reason"):
        check_reasons(few, cause="service")


def study(exits_: pd.DataFrame) -> StudyData:
    lives = pd.DataFrame(
        {"customer_id": exits_["customer_id"], "stop_at": exits_["service_end_at"], "event": True}
    )
    return StudyData({"exits": exits_}, lives, lives, MIDNIGHT, MIDNIGHT)


def test_the_stated_reason_is_that_of_the_ending_itself() -> None:
    told = exits()
    other = told.iloc[[0]].assign(service_end_at=MIDNIGHT, cause_stated="price_competitor")
    found = stated_causes(study(told))
    again = stated_causes(replace(study(told), tables={"exits": pd.concat([told, other])}))
    assert found["c0"] == again["c0"] == "service"
    assert found["c99"] == "unknown"


def test_a_difference_is_freed_of_misstated_reasons() -> None:
    # Everybody left by day 110. Exposed, c0 to c39 and c80 to c99: 40 of 60 over service, 30 say
    # so. Reference, c40 to c79: none of 40, 6 say so.
    told = exits()
    frame = pd.DataFrame(
        {
            "customer_id": told["customer_id"],
            "start": 0.0,
            "stop": [float(10 + k) for k in range(100)],
            "event": True,
            "exit_cause": told["cause_verified"],
            "denied": ["yes"] * 40 + ["no"] * 40 + ["yes"] * 20,
        }
    )
    found = correct_reason(
        study(told), frame, group="denied", exposed="yes", reference="no", cause="service",
        horizon_days=200, seed=1,
    )  # fmt: skip
    stated = found.differences["as stated"].value
    assert stated == pytest.approx(30 / 60 - 6 / 40)
    # Stated = 0.75 true + 0.1 (1 - true), so differences shrink by 0.65.
    assert found.differences["as stated, corrected"].value == pytest.approx(stated / 0.65)
    recorded = found.differences["as recorded (verified where it was)"].value
    assert recorded == pytest.approx(40 / 60)
    assert set(found.drawn) == {"yes", "no"}


def test_without_the_exits_there_are_no_reasons(small_study: StudyData) -> None:
    without = replace(small_study, tables={})
    with pytest.raises(NotEstimableError, match="needs the tables exits"):
        compare_life_events(without, memory_days=180.0)
    with pytest.raises(NotEstimableError, match="needs the tables exits"):
        stated_causes(without)
