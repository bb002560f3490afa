"""Fits that have no answer say so, and name the covariate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_cox

N = 120


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"age": rng.normal(40, 9, N), "calls": rng.poisson(2, N).astype(float)})
    return frame.assign(
        start=0.0, stop=rng.exponential(20, N), event=(rng.random(N) < 0.6).astype(int)
    )


def fit(rows: pd.DataFrame, covariates: pd.DataFrame, **roles):
    return fit_cox(rows["start"], rows["stop"], rows["event"], covariates, **roles)


def test_collinear_columns_are_named(rows) -> None:
    no_internet = (rows["calls"] > 2).astype(float)
    covariates = rows[["age"]].assign(
        no_backup=no_internet, no_support=no_internet, no_tv=no_internet, region=1.0
    )
    with pytest.raises(EstimationError) as caught:
        fit(rows, covariates)
    assert "'no_backup', 'no_support', 'no_tv' are exactly collinear" in str(caught.value)
    assert "'region' is constant" in str(caught.value)
    assert len(caught.value.problems) == 2


def test_separation_is_named_with_its_counts(rows) -> None:
    annual = (rows["event"] == 0) & (rows["age"] > 40)
    with pytest.raises(EstimationError) as caught:
        fit(rows, rows[["age"]].assign(annual=annual))
    n_events = rows["event"].sum()
    assert "no maximum (separation)" in caught.value.summary
    assert len(caught.value.problems) == 1
    assert "'annual': the coefficient runs to minus infinity" in caught.value.problems[0]
    assert f"of {n_events} events, 0 have the higher" in caught.value.problems[0]


def test_rare_category_without_events_is_separation() -> None:
    # One row in a thousand: the standardised column hides how far its coefficient runs.
    rng = np.random.default_rng(2)
    n = 5000
    rare = np.zeros(n)
    rare[:5] = 1.0
    event = rng.random(n) < 0.3
    event[:5] = False
    covariates = pd.DataFrame({"rare": rare, "x": rng.normal(size=n)})
    with pytest.raises(EstimationError, match="'rare': the coefficient runs to minus infinity"):
        fit_cox(np.zeros(n), rng.exponential(10, n), event, covariates)


def test_continuous_separation_is_found(rows) -> None:
    # Whoever leaves has the highest score among those still there.
    covariates = rows[["age"]].assign(
        score=-rows["stop"] * rows["event"] - 1000 * (1 - rows["event"])
    )
    with pytest.raises(EstimationError, match="'score': the coefficient runs to plus infinity"):
        fit(rows, covariates)


def test_a_rare_category_with_events_is_estimated() -> None:
    rng = np.random.default_rng(2)
    n = 5000
    rare = np.zeros(n)
    rare[:5] = 1.0
    event = rng.random(n) < 0.3
    event[:3] = True
    found = fit_cox(np.zeros(n), rng.exponential(10, n), event, pd.DataFrame({"rare": rare}))
    assert np.isfinite(found.standard_error).all()


def test_strong_effects_are_estimated() -> None:
    # A hazard ratio of about e^6 per unit is no separation.
    rng = np.random.default_rng(4)
    x = rng.normal(size=600)
    found = fit_cox(
        np.zeros(600), rng.exponential(np.exp(-6 * x)), np.ones(600), pd.DataFrame({"x": x})
    )
    assert abs(found.coefficients[0] - 6) < 4 * found.standard_error[0]


def test_no_variation_within_strata_is_named(rows) -> None:
    plan = np.where(rows["calls"] > 2, "pro", "basic")
    covariates = rows[["age"]].assign(is_pro=plan == "pro")
    with pytest.raises(EstimationError, match="'is_pro' does not vary among those at risk"):
        fit(rows, covariates, strata=plan)


def test_collinear_only_among_those_at_risk_is_named(rows) -> None:
    # The copy differs only in a row censored before the first event.
    first = rows["stop"].idxmin()
    rows.loc[first, "event"] = 0
    copy = rows["age"].mask(rows.index == first, 1.0)
    with pytest.raises(EstimationError, match="'age', 'copy' are collinear among those at risk"):
        fit(rows, rows[["age", "calls"]].assign(copy=copy))


def test_risks_too_far_apart_to_add_are_refused() -> None:
    # Risks spread over e^70, and the high ones enter late: early sums are what remains of them.
    rng = np.random.default_rng(4)
    x = rng.normal(size=600)
    entry = np.where(x > 0, 10.0, 0.0)
    stop = entry + rng.exponential(np.exp(-12 * x)) + 1e-9
    with pytest.raises(
        EstimationError, match=r"The Cox fit failed: .*\n.*'x', with a log hazard ratio of -?[0-9]+"
    ):
        fit_cox(entry, stop, np.ones(600), pd.DataFrame({"x": x}))


def test_a_search_that_does_not_end_says_so(rows, monkeypatch) -> None:
    monkeypatch.setattr("loyaltylab.survival.cox_newton.MAX_ITERATIONS", 1)
    with pytest.raises(EstimationError, match="no convergence in 1 Newton steps"):
        fit(rows, rows[["age", "calls"]])


def test_no_events_are_refused(rows) -> None:
    with pytest.raises(EstimationError, match="0 events in 120 rows"):
        fit(rows.assign(event=0), rows[["age"]])


def test_all_problems_come_at_once(rows) -> None:
    bad = rows.assign(stop=rows["stop"].mask(rows.index < 2, 0.0), event=rows["event"] * 2)
    covariates = rows[["age"]].assign(age=rows["age"].mask(rows.index == 3), plan="basic")
    with pytest.raises(EstimationError) as caught:
        fit(bad, covariates, weights=-np.ones(N))
    text = str(caught.value)
    for part in (
        "covariate 'age' is missing or infinite in 1 of 120 rows (positions from 0: 3)",
        "covariate 'plan' has type object",
        "stop <= start in 2 of 120 rows (positions from 0: 0, 1)",
        "event holds codes other than 0 and 1 (2)",
        "weights are negative in 120 of 120 rows",
        "no weight is positive",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        (pd.DataFrame(index=range(N)), "no covariates"),
        (pd.DataFrame({"x": np.arange(N - 1)}), "covariates have 119 rows, stop has 120"),
        (pd.DataFrame(np.eye(N)[:, :2], columns=["x", "x"]), "covariate names repeat"),
    ],
)
def test_malformed_covariates_are_refused(rows, covariates, message) -> None:
    with pytest.raises(EstimationError, match=message):
        fit(rows, covariates)
