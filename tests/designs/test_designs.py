"""Contrasts, rates and shares against R, by hand, and loud where they cannot be made."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loyaltylab.designs import (
    assign_period,
    contrast_groups,
    contrast_reform,
    estimate_share,
    hazard_ratios,
    ratio_of_rate_ratios,
    reform_rate_ratio,
    standardised_difference,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import event_rate, fit_cox, rates_by_interval

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "designs.json").read_text("utf-8")
)
CLOSED_FORM = 1e-9  # relative: closed forms in double precision; R's own quantiles differ less
ITERATED = 1e-6  # relative: Newton fits, R stops at 1e-9 of the log-likelihood


def close(value: float, expected: float, tolerance: float = CLOSED_FORM) -> bool:
    return math.isclose(value, expected, rel_tol=tolerance, abs_tol=tolerance)


@pytest.mark.parametrize("case", ORACLE["poisson"], ids=lambda case: str(case["n_events"]))
def test_event_rate_has_exact_poisson_limits(case: dict[str, Any]) -> None:
    rate = event_rate(case["n_events"], case["person_time"], n_customers=50)
    assert close(rate.value, case["rate"])
    assert close(rate.ci_lower, case["limits"][0])
    assert close(rate.ci_upper, case["limits"][1])


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_event_rate_refuses_a_level_that_is_no_share(level: float) -> None:
    with pytest.raises(EstimationError, match="confidence_level"):
        event_rate(3, 10.0, n_customers=5, confidence_level=level)


def test_event_rate_refuses_no_time_at_risk() -> None:
    with pytest.raises(EstimationError, match="person-time above 0"):
        event_rate(3, 0.0, n_customers=5)


def test_rates_by_interval_match_pyears() -> None:
    rows = ORACLE["intervals"]
    start = np.zeros(len(rows["time"]))
    rates = rates_by_interval(start, rows["time"], rows["status"], cuts=rows["cuts"])
    np.testing.assert_allclose(rates["person_time"], rows["person_time"], rtol=CLOSED_FORM)
    assert rates["n_events"].tolist() == rows["n_events"]


def test_rates_by_interval_by_hand() -> None:
    # Rows (0, 4] with an exit and (1, 3] without. Interval (0, 2]: 2 + 1 = 3 days, no exit.
    # Interval (2, 4]: 2 + 1 = 3 days, one exit at 4, which belongs to (2, 4].
    rates = rates_by_interval([0, 1], [4, 3], [1, 0], cuts=[0, 2, 4], time_unit=2.0)
    assert rates["person_time"].tolist() == [1.5, 1.5]
    assert rates["n_events"].tolist() == [0, 1]
    assert rates["n_at_risk"].tolist() == [2, 2]
    assert rates["rate"].tolist() == [0.0, 1 / 1.5]


def test_rates_need_increasing_cuts_and_time_at_risk() -> None:
    with pytest.raises(EstimationError, match="must increase"):
        rates_by_interval([0], [4], [1], cuts=[0, 2, 2])
    with pytest.raises(EstimationError, match="person-time above 0"):
        rates_by_interval([0], [4], [1], cuts=[0, 4, 8])


@pytest.mark.parametrize("case", ORACLE["share"], ids=lambda case: f"{case['n_with']}/{case['n']}")
def test_share_has_wilson_limits(case: dict[str, Any]) -> None:
    share = estimate_share(case["n_with"], case["n"])
    assert close(share.ci_lower, case["limits"][0])
    assert close(share.ci_upper, case["limits"][1])


def test_share_of_nobody_is_refused() -> None:
    with pytest.raises(EstimationError, match="no share"):
        estimate_share(0, 0)


def test_ratio_of_rate_ratios_is_the_interaction_of_a_poisson_regression() -> None:
    cells = [(cell["events"], cell["time"]) for cell in ORACLE["ratio"]["cells"]]
    ratio = ratio_of_rate_ratios(
        affected_before=cells[0],
        affected_after=cells[1],
        exempt_before=cells[2],
        exempt_after=cells[3],
        n_customers=500,
    )
    assert ratio.n == 500
    assert close(math.log(ratio.value), ORACLE["ratio"]["log_ratio"], ITERATED)
    assert close(ratio.standard_error, ORACLE["ratio"]["standard_error"], ITERATED)
    assert ratio.p_value is not None
    assert close(ratio.p_value, ORACLE["ratio"]["p_value"], ITERATED)


def test_ratio_of_rate_ratios_names_every_empty_cell() -> None:
    with pytest.raises(EstimationError) as caught:
        ratio_of_rate_ratios(
            affected_before=(0, 5.0),
            affected_after=(1, 5.0),
            exempt_before=(1, 0.0),
            exempt_after=(1, 5.0),
            n_customers=9,
        )
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "affected before",
        "exempt before",
    ]


@pytest.fixture
def veterans() -> pd.DataFrame:
    time = np.array(ORACLE["intervals"]["time"], dtype=float)
    event = np.array(ORACLE["intervals"]["status"], dtype=bool)
    treatment = np.array(ORACLE["contrast"]["trt"])
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(len(time))],
            "start": 0.0,
            "stop": time,
            "event": event,
            "exit_cause": np.where(event, "service", ""),
            "group": np.where(treatment == 2, "test", "standard"),
        }
    )


def contrast_veterans(frame: pd.DataFrame, **changed: Any) -> Any:
    options = {
        "group": "group",
        "exposed": "test",
        "reference": "standard",
        "horizon_days": 365.0,
        "times_days": [30.0, 180.0, 365.0],
        "hazard_causes": ["service"],
    }
    return contrast_groups(frame, **(options | changed))


def test_contrast_of_groups_matches_r(veterans: pd.DataFrame) -> None:
    expected = ORACLE["contrast"]
    contrast = contrast_veterans(veterans)
    for position, name in enumerate(("standard", "test")):
        mean = contrast.restricted_mean[name]
        assert close(mean.value, expected["rmean"][position])
        assert close(mean.standard_error, expected["rmean_error"][position])
    retention = np.array(expected["retention"]).reshape(2, 3)
    error = np.array(expected["std_err"]).reshape(2, 3)
    for position, time in enumerate((30.0, 180.0, 365.0)):
        difference = contrast.retention_differences[time]
        assert close(difference.value, retention[1, position] - retention[0, position])
        assert close(difference.standard_error, math.hypot(*error[:, position]))
    assert close(math.log(contrast.hazard_ratio.value), expected["coefficient"], ITERATED)
    assert close(contrast.hazard_ratio.standard_error, expected["robust_error"], ITERATED)
    assert close(contrast.proportional_hazards_p, expected["zph_p"], ITERATED)
    assert close(contrast.logrank_p, expected["logrank_p"], ITERATED)


def test_a_hazard_ratio_says_that_its_errors_are_clustered_with_one_row_each_too(
    veterans: pd.DataFrame,
) -> None:
    ratio = contrast_veterans(veterans).hazard_ratio
    assert "errors clustered by customer" in ratio.method
    rows = veterans["start"], veterans["stop"], veterans["event"]
    covariates = pd.DataFrame({"test": (veterans["group"] == "test").astype(float)})
    assert "clustered" not in hazard_ratios(fit_cox(*rows, covariates))["test"].method


def test_the_log_rank_test_counts_time_at_risk_from_the_start_and_customers_once(
    veterans: pd.DataFrame,
) -> None:
    whole = contrast_veterans(veterans).logrank_p
    # A stay cut in two is the same stay: the first piece has no exit.
    cut = veterans["stop"] > 50
    first = veterans[cut].assign(stop=50.0, event=False, exit_cause="")
    rest = veterans.assign(start=np.where(cut, 50.0, 0.0))
    pieces = pd.concat([first, rest], ignore_index=True)
    assert close(contrast_veterans(pieces).logrank_p, whole, ITERATED)


def test_the_horizon_is_always_compared(veterans: pd.DataFrame) -> None:
    contrast = contrast_veterans(veterans, times_days=[30.0])
    assert list(contrast.retention_differences) == [30.0, 365.0]


def test_the_control_is_cause_specific_and_absent_without_exits(veterans: pd.DataFrame) -> None:
    assert contrast_veterans(veterans).control_hazard_ratio is None
    assert contrast_veterans(veterans, control_causes=["life_event"]).control_hazard_ratio is None
    swapped = contrast_veterans(veterans, control_causes=["service"])
    assert swapped.control_hazard_ratio == swapped.hazard_ratio


def test_a_time_before_any_exit_has_a_difference_without_an_interval(
    veterans: pd.DataFrame,
) -> None:
    contrast = contrast_veterans(veterans, times_days=[0.5])
    for early in (
        contrast.retention_differences[0.5],
        contrast.incidence_differences[("service", 0.5)],
    ):
        assert early.value == 0.0
        assert math.isnan(early.ci_lower)
        assert early.p_value is None


def test_contrast_leaves_out_other_groups_and_its_input(veterans: pd.DataFrame) -> None:
    more = pd.concat([veterans, veterans.assign(group="other")], ignore_index=True)
    before = more.copy(deep=True)
    assert contrast_veterans(more).hazard_ratio == contrast_veterans(veterans).hazard_ratio
    pd.testing.assert_frame_equal(more, before)


def test_contrast_refuses_an_empty_group_and_a_horizon_past_follow_up(
    veterans: pd.DataFrame,
) -> None:
    with pytest.raises(EstimationError, match="group 'absent' has no customers"):
        contrast_veterans(veterans, exposed="absent")
    watched = veterans.assign(event=veterans["event"] & (veterans["stop"] < 300))
    with pytest.raises(EstimationError, match="less than the horizon"):
        contrast_veterans(watched, horizon_days=5000.0)


def test_a_group_is_known_for_ever_once_everybody_has_left() -> None:
    """Exits on days 1 and 3; those who stayed longest in the other group are only censored."""
    frame = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "start": 0.0,
            "stop": [1.0, 3.0, 2.0, 9.0],
            "event": [True, True, True, False],
            "exit_cause": ["service", "service", "service", ""],
            "group": ["x", "x", "y", "y"],
        }
    )
    found = contrast_groups(
        frame, group="group", exposed="x", reference="y", horizon_days=8.0, times_days=[5.0],
        hazard_causes=["service"],
    )  # fmt: skip
    assert close(found.restricted_mean["x"].value, 2.0)
    assert close(found.restricted_mean_difference.value, 2.0 - 5.0)
    assert close(found.retention_differences[5.0].value, -0.5)
    assert math.isnan(found.retention_differences[5.0].standard_error)


REFORM_AT = pd.Timestamp("2021-07-01", tz="UTC")


def test_period_is_before_only_when_the_whole_follow_up_is() -> None:
    index_at = pd.Series(
        pd.to_datetime(["2021-06-21", "2021-06-22", "2021-06-30", "2021-07-01"], utc=True)
    )
    period = assign_period(index_at, REFORM_AT, horizon_days=10)
    assert period.tolist() == ["before", "between", "between", "after"]


def make_attempts() -> pd.DataFrame:
    """Four cells of 4 customers; who leaves at day 5 in each: 1, 3, 1, 2."""
    lines = []
    for segment, month, left in (
        ("consumer", "2021-01-01", 1),
        ("consumer", "2021-07-01", 3),
        ("business", "2021-01-01", 1),
        ("business", "2021-07-01", 2),
    ):
        for number in range(4):
            lines.append((segment, pd.Timestamp(month, tz="UTC"), 5.0, number < left))
            if number >= left:
                lines[-1] = (segment, pd.Timestamp(month, tz="UTC"), 10.0, False)
    frame = pd.DataFrame(lines, columns=["segment", "index_at", "stop", "event"])
    return frame.assign(start=0.0)


def test_difference_in_differences_by_hand() -> None:
    contrast = contrast_reform(
        make_attempts(),
        reform_at=REFORM_AT,
        covered="consumer",
        exempt="business",
        horizon_days=10.0,
        times_days=[6.0],
    )
    # Retention at 6: consumer 3/4 -> 1/4, business 3/4 -> 2/4; changes -1/2 and -1/4.
    effect = contrast.retention[6.0]
    assert close(effect.covered_change.value, -0.5)
    assert close(effect.exempt_change.value, -0.25)
    assert close(effect.effect.value, -0.25)
    # Binomial variances 3/64, 3/64, 3/64 and 4/64 add up to 13/64.
    assert close(effect.effect.standard_error, math.sqrt(13 / 64))
    # Restricted mean to 10: each who leaves loses 5 of 10 days. 8.75 -> 6.25, 8.75 -> 7.5.
    assert close(contrast.restricted_mean.effect.value, -2.5 + 1.25)
    assert contrast.n_customers[("consumer", "after")] == 4


def test_reform_contrast_names_every_cell_it_cannot_fill() -> None:
    attempts = make_attempts()
    with pytest.raises(EstimationError) as caught:
        contrast_reform(
            attempts[attempts["segment"] == "consumer"],
            reform_at=REFORM_AT,
            covered="consumer",
            exempt="business",
            horizon_days=10.0,
            times_days=[6.0],
        )
    assert caught.value.problems == ("business, before: nobody", "business, after: nobody")


def test_standardised_difference_by_hand() -> None:
    # Means 3 and 2, variances 1 and 1 (ddof 1): (3 - 2) / sqrt((1 + 1) / 2) = 1.
    assert close(standardised_difference([2, 3, 4], [1, 2, 3]), 1.0)
    # Variances 4 and 1: 1 / sqrt(2.5).
    assert close(standardised_difference([1, 3, 5], [1, 2, 3]), 1 / math.sqrt(2.5))


def test_standardised_difference_needs_values_that_vary() -> None:
    with pytest.raises(EstimationError, match="two values"):
        standardised_difference([1], [1, 2])
    with pytest.raises(EstimationError, match="does not vary"):
        standardised_difference([1, 1], [1, 1])


def test_reform_rate_ratio_sums_months_on_either_side() -> None:
    months = pd.to_datetime(["2021-05-01", "2021-06-01", "2021-07-01", "2021-08-01"], utc=True)
    counts = pd.DataFrame(
        {
            "month_start": [*months, *months],
            "segment": ["consumer"] * 4 + ["business"] * 4,
            "person_days": [100.0] * 8,
            "n_events": [1, 3, 6, 6, 2, 2, 1, 3],
        }
    )
    ratio = reform_rate_ratio(
        counts, reform_at=REFORM_AT, covered="consumer", exempt="business", n_customers=90
    )
    # Consumer (12 / 200) / (4 / 200) = 3, business (4 / 200) / (4 / 200) = 1.
    assert close(ratio.value, 3.0)
    assert (ratio.n, ratio.n_events) == (90, 24)
