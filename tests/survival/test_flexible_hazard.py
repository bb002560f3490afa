"""Spline hazards: by hand, against R and lifelines, known truth, what must not matter."""

from __future__ import annotations

import warnings

import lifelines
import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    fit_cox,
    fit_failure_time,
    fit_flexible_hazard,
    split_at_times,
)
from loyaltylab.survival.flexible_likelihood import spline_and_slope

# R's general-purpose search ends about 1e-7 off; its second derivatives are differences.
SEARCHED = {"rtol": 2e-6, "atol": 2e-6}
DIFFERENCED = {"rtol": 2e-4, "atol": 1e-6}
LIKELIHOOD = {"rtol": 1e-11}
# Two Newton searches that end at one optimum.
REFITTED = {"rtol": 1e-6, "atol": 1e-9}
# lifelines stops its general-purpose search earlier.
PEER = {"rtol": 2e-3, "atol": 2e-3}


def fit_ticks(rows, **roles):
    roles = {"knots": [1, 4, 9, 25]} | roles
    return fit_flexible_hazard(
        rows["start"], rows["stop"], rows["event"], rows[["x1", "x3"]], **roles
    )


def test_a_spline_by_hand() -> None:
    # Knots 0, 1, 3 on the log scale. At 2: 8 - (3 / 2) 1 = 6.5, over 9; slope 12 - (9 / 2) = 7.5,
    # over 9. At 4: 64 - (3 / 2) 27 + (1 / 2) 1 = 24, slope 48 - (9 / 2) 9 + 1.5 = 9; and so on
    # with slope 9, a straight line.
    value, slope = spline_and_slope(np.array([-1.0, 2.0, 4.0, 5.0]), np.array([0.0, 1.0, 3.0]))
    np.testing.assert_allclose(value[:, 2], np.array([0, 6.5, 24, 33]) / 9)
    np.testing.assert_allclose(slope[:, 2], np.array([0, 7.5, 9, 9]) / 9)
    np.testing.assert_allclose(value[:, 1], [-1, 2, 4, 5])


@pytest.mark.parametrize("kind", ["plain", "weighted"])
def test_delayed_entry_weights_and_clusters_equal_r(cox_oracle, failure_times_oracle, kind) -> None:
    rows = cox_oracle.frame("ticks")
    weights = {"weights": rows["weight"]} if kind == "weighted" else {}
    found = fit_ticks(rows, cluster=rows["cluster"], **weights)
    r = {
        key: failure_times_oracle.numbers("spline", kind, key)
        for key in ("theta", "naive", "robust", "log_likelihood")
    }
    np.testing.assert_allclose([*found.spline, *found.coefficients], r["theta"], **SEARCHED)
    np.testing.assert_allclose(found.covariance, r["robust"], **DIFFERENCED)
    np.testing.assert_allclose(found.log_likelihood, r["log_likelihood"], **LIKELIHOOD)
    naive = np.sqrt(np.diag(r["naive"]))[4:]
    np.testing.assert_allclose(found.naive_standard_error, naive, rtol=1e-4)
    if kind == "plain":
        np.testing.assert_allclose(fit_ticks(rows).covariance, r["naive"], **DIFFERENCED)


def test_two_knots_are_a_weibull_model(cox_oracle) -> None:
    # log H = (log t - intercept - x b) / scale, so the log hazard ratio is -b / scale.
    rows = cox_oracle.frame("ticks")
    found = fit_ticks(rows, knots=2)
    triple = rows["start"], rows["stop"], rows["event"], rows[["x1", "x3"]]
    weibull = fit_failure_time(*triple)
    scale = np.exp(weibull.log_scale)
    np.testing.assert_allclose(found.log_likelihood, weibull.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(found.coefficients, -weibull.coefficients / scale, **REFITTED)
    np.testing.assert_allclose(found.spline, [-weibull.intercept / scale, 1 / scale], **REFITTED)
    at = {"x1": 1, "x3": 0.5}
    ours, theirs = found.retention_at([3, 9], at), weibull.retention_at([3, 9], at)
    np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy(), rtol=1e-5)
    one, other = found.restricted_mean(at, horizon=15), weibull.restricted_mean(at, horizon=15)
    np.testing.assert_allclose(one.value, other.value, rtol=1e-6)
    np.testing.assert_allclose(one.standard_error, other.standard_error, rtol=1e-5)


def test_fit_equals_lifelines(cox_oracle) -> None:
    rows = cox_oracle.frame("veteran")[["time", "status", "trt", "karno"]].astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifelines on deprecated pandas and numpy calls.
        theirs = lifelines.CoxPHFitter(
            baseline_estimation_method="spline", knots=[7.0, 35.45, 111.0, 390.95]
        ).fit(rows, "time", "status")
    found = fit_flexible_hazard(
        np.zeros(len(rows)),
        rows["time"],
        rows["status"],
        rows[["trt", "karno"]],
        knots=[7.0, 35.45, 111.0, 390.95],
    )
    params = theirs.params_["beta_"][["trt", "karno"]]
    np.testing.assert_allclose(found.coefficients, params, **PEER)
    assert -1e-9 < found.log_likelihood - theirs.log_likelihood_ < 1e-3


def test_it_says_nearly_what_cox_says(cox_oracle) -> None:
    rows = cox_oracle.frame("ticks")
    found = fit_ticks(rows)
    cox = fit_cox(rows["start"], rows["stop"], rows["event"], rows[["x1", "x3"]])
    # A fifth of a standard error; errors within a tenth.
    assert (np.abs(found.coefficients - cox.coefficients) < 0.2 * cox.standard_error).all()
    np.testing.assert_allclose(found.standard_error, cox.standard_error, rtol=0.1)


@pytest.mark.parametrize("knots", [2, 4])
def test_cuts_order_and_units_do_not_matter(cox_oracle, knots) -> None:
    rows = cox_oracle.frame("ticks").assign(event=lambda r: r["event"] == 1)

    def fit(part, unit=1.0):
        return fit_ticks(
            part.assign(start=part["start"] * unit, stop=part["stop"] * unit),
            weights=part["weight"],
            cluster=part["cluster"],
            knots=knots,
        )

    whole = fit(rows)
    cut, shuffled = split_at_times(rows, [3, 7, 11]), rows.sample(frac=1, random_state=2)
    for part, unit in ((cut, 1.0), (shuffled, 1.0), (rows, 24.0)):
        other = fit(part, unit)
        np.testing.assert_allclose(other.coefficients, whole.coefficients, **REFITTED)
        np.testing.assert_allclose(
            other.retention_at([5 * unit, 12 * unit]).to_numpy()[:, 1:],
            whole.retention_at([5, 12]).to_numpy()[:, 1:],
            rtol=1e-5,
        )
    scaled = fit(rows.assign(x1=10 * rows["x1"] - 3))
    np.testing.assert_allclose(10 * scaled.coefficients[0], whole.coefficients[0], **REFITTED)


def test_truth_is_found_where_the_hazard_has_a_hump() -> None:
    # Log-logistic baseline, H = log(1 + (t / 6)^3), hazard ratio e^0.6, half enter late.
    rng = np.random.default_rng(17)
    n = 6000
    x = rng.integers(0, 2, n).astype(float)
    hazard = rng.exponential(size=n) / np.exp(0.6 * x)
    lives = 6 * np.expm1(hazard) ** (1 / 3)
    entry = np.where(rng.random(n) < 0.5, 0.0, 3.0)
    there = lives > entry
    start, stop = entry[there], np.minimum(lives, 20)[there]
    found = fit_flexible_hazard(
        start, stop, (lives <= 20)[there], pd.DataFrame({"x": x[there]}), knots=5
    )
    assert abs(found.coefficients[0] - 0.6) < 3.5 * found.standard_error[0]
    times = np.array([2.0, 5.0, 10.0, 18.0])
    at = found.retention_at(times, {"x": 1})
    truth = (1 + (times / 6) ** 3) ** -np.exp(0.6)
    # A spline is an approximation: half a point beside the error.
    assert (np.abs(at["retention"] - truth) < 3.5 * at["standard_error"] + 0.005).all()
    grid = np.linspace(0, 12, 100_001)
    area = np.trapezoid((1 + (grid / 6) ** 3) ** -np.exp(0.6), grid)
    mean = found.restricted_mean({"x": 1}, horizon=12)
    assert abs(mean.value - area) < 3.5 * mean.standard_error + 0.05


def test_what_has_no_answer_says_why(cox_oracle) -> None:
    zero, stop = [0] * 6, [1, 2, 3, 4, 5, 6]
    x = pd.DataFrame({"x": [0, 0, 0, 1, 1, 1]})
    with pytest.raises(EstimationError, match="furthest out is 'x'"):
        fit_flexible_hazard(zero, stop, [1, 1, 1, 0, 0, 0], x, knots=2)
    with pytest.raises(EstimationError, match="knots is 9; rule"):
        fit_flexible_hazard(zero, stop, [1] * 6, x, knots=9)
    with pytest.raises(EstimationError, match="two or more positive times"):
        fit_flexible_hazard(zero, stop, [1] * 6, x, knots=[0, 3])
    with pytest.raises(EstimationError, match="rule: they increase"):
        fit_flexible_hazard(zero, [1, 1, 1, 1, 1, 2], [1] * 6, x, knots=5)
    with pytest.raises(EstimationError, match="codes other than 0 and 1"):
        fit_flexible_hazard(zero, stop, [2] * 6, x)
    found = fit_ticks(cox_oracle.frame("ticks"))
    with pytest.raises(EstimationError, match="past the last follow-up"):
        found.retention_at([1000])
    with pytest.raises(EstimationError, match="past the last follow-up"):
        found.restricted_mean(horizon=1000)
    with pytest.raises(EstimationError, match="exactly the covariates"):
        found.retention_at([3], {"x1": 1})


def test_tables(cox_oracle) -> None:
    rows = cox_oracle.frame("ticks")
    found = fit_ticks(rows, cluster=rows["cluster"])
    frame = found.to_frame()
    np.testing.assert_allclose(frame["z"], frame["coefficient"] / frame["standard_error"])
    assert found.retention_at([0])["retention"].tolist() == [1.0]
    assert found.method == "proportional hazards, spline with 4 knots, robust error by cluster"
