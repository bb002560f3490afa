"""Sensitivity analyses against R, by hand, and loud where they cannot be made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyaltylab.designs import (
    benchmark_confounders,
    bounding_factor,
    e_value_of_ratio,
    e_value_of_restricted_means,
    e_value_of_risks,
    find_e_value,
    judge_negative_control,
    ratio_to_control,
    run_specifications,
    tost,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "sensitivity.json").read_text("utf-8")
)
CLOSED_FORM = 1e-9  # relative: closed forms in double precision
PUBLISHED = 0.005  # half of the last digit printed in the paper
Z = 1.959963984540054


def around(value: float, error: float, unit: str = "days") -> Estimate:
    """An estimate with the normal interval of its error."""
    return Estimate(
        value, error, value - Z * error, value + Z * error, 0.95, 100, 40, unit, "by hand"
    )


def ratio(value: float, error: float) -> Estimate:
    """A ratio with an error on the log scale."""
    limits = value * math.exp(-Z * error), value * math.exp(Z * error)
    return Estimate(value, error, *limits, 0.95, 100, 40, "ratio", "by hand")


# Two one-sided tests.


def test_tost_matches_one_sided_normal_tests() -> None:
    case = ORACLE["one_sided"]
    test = tost(
        around(case["value"], case["error"]),
        lower_margin=-case["margin"],
        upper_margin=case["margin"],
    )
    assert test.p_value == pytest.approx(case["p"], rel=CLOSED_FORM)


def test_tost_on_the_log_scale_is_the_linear_one_of_logarithms() -> None:
    on_logs = tost(
        around(math.log(1.05), 0.06), lower_margin=-math.log(1.25), upper_margin=math.log(1.25)
    )
    test = tost(ratio(1.05, 0.06), lower_margin=0.8, upper_margin=1.25, scale="log")
    assert test.p_value == pytest.approx(on_logs.p_value, rel=CLOSED_FORM)
    assert test.ci_upper == pytest.approx(math.exp(on_logs.ci_upper), rel=CLOSED_FORM)


@given(st.floats(-3, 3), st.floats(0.01, 3))
def test_equivalence_is_an_interval_at_90_percent_within_the_margins(
    value: float, error: float
) -> None:
    test = tost(around(value, error), lower_margin=-1, upper_margin=1)
    if abs(test.p_value - test.alpha) > CLOSED_FORM:
        assert test.is_equivalent == (test.ci_lower > -1 and test.ci_upper < 1)


def test_tost_refuses_margins_on_one_side_and_estimates_without_interval() -> None:
    with pytest.raises(EstimationError, match="do not surround 0"):
        tost(around(0, 1), lower_margin=1, upper_margin=2)
    with pytest.raises(EstimationError, match="do not surround 1"):
        tost(ratio(1, 0.1), lower_margin=-0.8, upper_margin=1.25, scale="log")
    with pytest.raises(EstimationError, match="finite"):
        tost(around(0, math.nan), lower_margin=-1, upper_margin=1)
    with pytest.raises(EstimationError, match="no logarithm"):
        tost(around(0, 1), lower_margin=0.8, upper_margin=1.25, scale="log")
    with pytest.raises(EstimationError, match="strictly between"):
        tost(around(0, 0), lower_margin=-1, upper_margin=1)
    with pytest.raises(EstimationError, match="alpha"):
        tost(around(0, 1), lower_margin=-1, upper_margin=1, alpha=0.5)


# E-values.


def test_e_values_match_the_formulas() -> None:
    case = ORACLE["e_values"]
    found = [find_e_value(value) for value in case["rr"]]
    np.testing.assert_allclose(found, case["e"], rtol=CLOSED_FORM)
    for hazard, risk, expected in zip(case["hr"], case["rr_of_hr"], case["e_of_hr"], strict=True):
        value = e_value_of_ratio(ratio(hazard, 0.1), is_hazard_of_common_outcome=True)
        assert value.risk_ratio == pytest.approx(risk, rel=CLOSED_FORM)
        assert value.value == pytest.approx(expected, rel=CLOSED_FORM)


def test_e_value_of_the_papers_example() -> None:
    """VanderWeele and Ding (2017): risk ratio 3.9 (1.8 to 8.7) has 7.26, its limit 3.0."""
    found = e_value_of_ratio(Estimate(3.9, 0.4, 1.8, 8.7, 0.95, 1, 1, "ratio", "as printed"))
    assert found.value == pytest.approx(7.26, abs=PUBLISHED)
    assert found.of_limit == pytest.approx(3.0, abs=PUBLISHED)


def test_e_value_of_an_interval_that_includes_none_is_one() -> None:
    assert e_value_of_ratio(ratio(1.1, 0.2)).of_limit == 1.0


@given(st.floats(1.01, 20))
def test_a_confounder_of_the_e_value_moves_the_ratio_just_to_none(risk_ratio: float) -> None:
    strength = find_e_value(risk_ratio)
    assert bounding_factor(strength, strength) == pytest.approx(risk_ratio, rel=CLOSED_FORM)
    assert find_e_value(1 / risk_ratio) == pytest.approx(strength, rel=CLOSED_FORM)


def test_e_value_of_risks_by_hand() -> None:
    """.3 / .2 = 1.5; relative errors .1 and .1 make .1414; 1.5 + sqrt(1.5 x .5) = 2.366."""
    found = e_value_of_risks(around(0.3, 0.03, "share"), around(0.2, 0.02, "share"))
    assert found.value == pytest.approx(1.5 + math.sqrt(0.75), rel=CLOSED_FORM)
    assert found.ci_lower == pytest.approx(1.5 * math.exp(-Z * math.hypot(0.1, 0.1)), rel=1e-9)


def test_e_value_of_restricted_means_is_that_of_the_time_lost() -> None:
    """Of 30 days 10 and 5 are lost: a ratio of 2, so 2 + sqrt(2)."""
    found = e_value_of_restricted_means(around(20, 1), around(25, 1), horizon=30)
    assert found.risk_ratio == pytest.approx(2.0, rel=CLOSED_FORM)
    assert found.value == pytest.approx(2 + math.sqrt(2), rel=CLOSED_FORM)
    assert found.ci_lower == pytest.approx(2 * math.exp(-Z * math.hypot(0.1, 0.2)), rel=1e-9)


def test_benchmarks_list_the_strongest_covariate_first() -> None:
    """Without price 2.0 turns into 3.0, a factor of 1.5; without site into 1.9, of 1.0526."""
    full = e_value_of_ratio(ratio(2.0, 0.1))
    left_out = {
        "site": e_value_of_ratio(ratio(1.9, 0.1)),
        "price": e_value_of_ratio(ratio(3.0, 0.1)),
    }
    table = benchmark_confounders(full, left_out)
    assert table["covariate"].tolist() == ["price", "site"]
    np.testing.assert_allclose(table["bias_factor"], [1.5, 2 / 1.9], rtol=CLOSED_FORM)
    assert table["strength"][0] == pytest.approx(find_e_value(1.5), rel=CLOSED_FORM)
    assert table["is_beyond_limit"].tolist() == [False, False]
    weak = e_value_of_ratio(ratio(2.0, 0.3))
    assert benchmark_confounders(weak, left_out)["is_beyond_limit"].tolist() == [True, False]


def test_e_values_refuse_what_is_no_ratio() -> None:
    with pytest.raises(EstimationError, match="above 0"):
        find_e_value(0.0)
    with pytest.raises(EstimationError, match="at least 1"):
        bounding_factor(0.9, 2)
    with pytest.raises(EstimationError, match="no ratio with limits"):
        e_value_of_ratio(around(1, 2))
    with pytest.raises(EstimationError, match=r"rule: in \(0, 1\)"):
        e_value_of_risks(around(0, 0.1), around(0.1, 0.1))
    with pytest.raises(EstimationError, match="no time lost"):
        e_value_of_restricted_means(around(30, 1), around(20, 1), horizon=30)
    with pytest.raises(EstimationError, match="error of both"):
        e_value_of_risks(around(0.2, math.nan), around(0.1, 0.1))
    with pytest.raises(EstimationError, match="confidence levels"):
        e_value_of_risks(around(0.2, 0.1), replace(around(0.1, 0.1), confidence_level=0.9))


# Negative controls.


@pytest.mark.parametrize(
    ("value", "error", "margin", "status"),
    [
        (0.1, 0.2, None, "passed"),  # -0.29 to 0.49
        (0.5, 0.2, None, "failed"),  # 0.11 to 0.89
        (0.1, 0.2, 1.0, "passed"),  # 90 %: -0.23 to 0.43
        (0.5, 0.2, 1.0, "passed"),  # real, and too small to matter
        (0.1, 0.8, 1.0, "open"),  # 90 %: -1.2 to 1.4
        (0.9, 0.2, 1.0, "failed"),  # 90 %: 0.57 to 1.23
    ],
)
def test_negative_controls(value: float, error: float, margin: float | None, status: str) -> None:
    assert judge_negative_control(around(value, error), margin=margin).status == status
    logged = None if margin is None else math.exp(margin)
    as_ratio = ratio(math.exp(value), error)
    assert judge_negative_control(as_ratio, margin=logged, scale="log").status == status


def test_a_negative_control_needs_an_interval_and_a_margin_that_is_one() -> None:
    with pytest.raises(EstimationError, match="finite"):
        judge_negative_control(around(0, math.nan))
    with pytest.raises(EstimationError, match="do not surround"):
        judge_negative_control(around(0, 1), margin=-1)
    with pytest.raises(EstimationError, match="do not surround"):
        judge_negative_control(ratio(1, 0.1), margin=0.9, scale="log")


def test_ratio_to_control_by_hand() -> None:
    """1.5 / 1.2 = 1.25; errors .3 and .4 make .5 on the log scale."""
    found = ratio_to_control(ratio(1.5, 0.3), ratio(1.2, 0.4))
    assert found.value == pytest.approx(1.25, rel=CLOSED_FORM)
    assert found.standard_error == pytest.approx(0.5, rel=CLOSED_FORM)
    assert found.ci_upper == pytest.approx(1.25 * math.exp(Z * 0.5), rel=CLOSED_FORM)
    assert found.n_events == 80
    with pytest.raises(EstimationError, match="confidence levels"):
        ratio_to_control(ratio(1.5, 0.3), replace(ratio(1.2, 0.4), confidence_level=0.9))


# Specification curves.

CHOICES = pd.DataFrame({"horizon": [6, 12, 24, 36], "adjusted": [True, True, False, True]})


def estimate_by_choice(choice: Mapping[str, Any]) -> Estimate:
    if choice["horizon"] == 36:
        raise EstimationError("Nobody is followed for 36 months.")
    return around({6: 1.0, 12: 4.0, 24: -1.0}[choice["horizon"]], 1.0)


def test_specification_curve_by_hand() -> None:
    """Values 1, 4 and -1: median 1, two of three on its side, one interval (2.04 to 5.96)."""
    before = CHOICES.copy()
    curve = run_specifications(CHOICES, estimate_by_choice)
    pd.testing.assert_frame_equal(CHOICES, before)
    assert curve.estimates["horizon"].tolist() == [24, 6, 12]
    assert (curve.median, curve.lowest, curve.highest) == (1.0, -1.0, 4.0)
    assert curve.same_sign_share == pytest.approx(2 / 3)
    assert curve.one_sided_share == pytest.approx(1 / 3)
    assert curve.n_specifications == 4
    assert curve.failures["reason"].tolist() == ["Nobody is followed for 36 months."]


def test_specification_curve_does_not_depend_on_the_order_of_choices() -> None:
    one = run_specifications(CHOICES, estimate_by_choice)
    other = run_specifications(CHOICES[::-1], estimate_by_choice)
    pd.testing.assert_frame_equal(one.estimates, other.estimates)


def test_specification_curve_refuses_empty_and_doubled_choices() -> None:
    with pytest.raises(EstimationError, match="there is no specification"):
        run_specifications(CHOICES[:0], estimate_by_choice)
    with pytest.raises(EstimationError, match="stands twice"):
        run_specifications(pd.concat([CHOICES, CHOICES]), estimate_by_choice)
    with pytest.raises(EstimationError, match="names of results"):
        run_specifications(CHOICES.assign(value=1), estimate_by_choice)
    with pytest.raises(EstimationError, match="None of 1"):
        run_specifications(CHOICES[3:], estimate_by_choice)
    with pytest.raises(EstimationError, match="not finite"):
        run_specifications(CHOICES[:1], lambda _: around(math.nan, 1.0))
