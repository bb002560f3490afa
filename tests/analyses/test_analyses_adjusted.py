"""The adjusted analysis: what it adjusts for, and what is held against it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.adjusted import analyse_adjusted, check_control, in_days
from loyaltylab.analyses.primary import HORIZON_MONTHS, NAIVE_REASONS, TRUTHS, estimate_primary
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate

MONTH = 30.4375
LEVEL = 0.95


@pytest.fixture(scope="module")
def cohort() -> pd.DataFrame:
    """Long tenures are exposed more often and stay longer; the exposure itself does nothing."""
    rng = np.random.default_rng(5)
    n = 3000
    tenure = rng.normal(size=n)
    is_exposed = rng.random(n) < 1 / (1 + np.exp(-tenure))
    time = rng.exponential(400 * np.exp(0.6 * tenure))
    control = rng.exponential(2000, n)
    stop = np.minimum(np.minimum(time, control), 900.0)
    event = stop < 900
    cause = np.where(control < time, "life_event", "service")
    return pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(n)],
            "index_at": pd.Timestamp("2020-01-01", tz="UTC"),
            "start": 0.0,
            "stop": stop,
            "event": event,
            "exit_cause": np.where(event, cause, ""),
            "tenure_months": tenure,
            "noise": rng.normal(size=n),
            "offer": np.where(is_exposed, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def analysis(cohort):
    return analyse_adjusted(
        cohort,
        group="offer",
        exposed="yes",
        reference="no",
        covariates=["tenure_months", "noise"],
        horizon_months=24,
        months=[12],
    )


def test_the_confounded_difference_is_adjusted_away(analysis) -> None:
    naive, adjusted = analysis.contrast.naive, analysis.contrast.restricted_mean_difference
    assert naive.ci_lower > MONTH
    assert adjusted.ci_lower < 0 < adjusted.ci_upper
    assert abs(adjusted.value) < 0.25 * naive.value


def test_what_is_held_against_it(analysis) -> None:
    assert [check.status for check in analysis.falsifications] == ["passed"]
    assert {check.name: check.status for check in analysis.diagnostics} == {
        "balance after weighting": "passed",
        "overlap": "passed",
    }
    assert analysis.confounders["covariate"].tolist() == ["tenure_months", "noise"]
    assert analysis.strongest_confounder > 1.3
    assert analysis.e_value.of_limit == 1.0
    estimators = analysis.specifications.estimates["estimator"]
    assert set(estimators) == {"doubly robust", "g-formula", "unadjusted"}


def test_a_control_that_moves_fails_and_none_is_not_run() -> None:
    def control(lower: float, upper: float) -> Estimate:
        return Estimate(1.5, 0.1, lower, upper, LEVEL, 100, 40, "ratio", "Cox")

    assert check_control(control(1.1, 2.0)).status == "failed"
    assert check_control(control(0.9, 2.0)).status == "passed"
    assert check_control(None).status == "not run"


def test_months_become_days() -> None:
    months = Estimate(2.0, 1.0, 0.0, 4.0, LEVEL, 9, 5, "months", "by hand")
    days = in_days(months)
    assert (days.value, days.standard_error, days.ci_upper) == (2 * MONTH, MONTH, 4 * MONTH)
    assert days.unit == "days"
    with pytest.raises(EstimationError, match="not in months"):
        in_days(days)


@pytest.mark.parametrize("name", list(HORIZON_MONTHS))
def test_every_primary_estimate_is_in_days_of_retention(small_study, name) -> None:
    found = estimate_primary(small_study, name, confidence_level=LEVEL)
    assert found.estimate.unit == "days"
    assert abs(found.estimate.value) < HORIZON_MONTHS[name] * MONTH
    assert TRUTHS[name].startswith(name)
    assert TRUTHS[name].endswith(f"restricted_mean_{HORIZON_MONTHS[name]}")
    assert NAIVE_REASONS[name]


def test_the_naive_desk_mistakes_the_outcome_for_the_exposure(small_study) -> None:
    found = estimate_primary(small_study, "H01", confidence_level=LEVEL)
    assert found.naive.ci_lower > found.estimate.ci_upper


def test_the_naive_denial_gives_time_to_those_who_stay(small_study) -> None:
    found = estimate_primary(small_study, "H04", confidence_level=LEVEL)
    assert found.naive.ci_lower > 0
