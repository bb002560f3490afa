"""Cox models with a known part of the risk or a ridge penalty, and the errors of their curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oracle_fits import fit_as_r_did

from loyaltylab.errors import EstimationError
from loyaltylab.survival import check_proportional_hazards, fit_cox

# Both ends iterate to the same optimum, see test_cox.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# R stops its outer loop on the penalised likelihood earlier than it would a plain one.
PENALISED = {"rtol": 1e-5, "atol": 1e-9}
# A central difference errs by the square of its step (1e-4), relative to second derivatives.
DERIVATIVE = {"rtol": 1e-5, "atol": 1e-10}
BY_HAND = {"rtol": 1e-10}
SIX = {"start": [0] * 6, "stop": [1, 1, 6, 6, 8, 9], "event": [1, 0, 1, 1, 0, 1]}
SIX_X = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})


def fit_veteran(cox_oracle, names, **roles):
    rows = cox_oracle.frame("veteran")
    return fit_cox(np.zeros(len(rows)), rows["time"], rows["status"], rows[names], **roles)


def test_offset_by_hand() -> None:
    # Events at 1 (x = 1) and 2 (x = 0), the third row stays. The second row is known to leave
    # three times as fast, so with r the hazard ratio the risk sums are r + 3 + 1 and 3 + 1:
    #   log L = log r + log 3 - log(r + 4) - log 4: rises without end, so ridge theta = 1 is set:
    #   score 1 - r / (r + 4) - log r = 0, that is 4 / (r + 4) = log r.
    x = pd.DataFrame({"x": [1, 0, 0]})
    known = np.log([1, 3, 1])
    fit = fit_cox([0] * 3, [1, 2, 3], [1, 1, 0], x, offset=known, ridge=1.0)
    r = fit.hazard_ratio[0]
    np.testing.assert_allclose(4 / (r + 4), np.log(r), **BY_HAND)
    information = 4 * r / (r + 4) ** 2
    np.testing.assert_allclose(fit.covariance, [[1 / (information + 1)]], **BY_HAND)
    np.testing.assert_allclose(fit.effective_df, information / (information + 1), **BY_HAND)
    likelihood = np.log(r * 3 / (r + 4) / 4)
    np.testing.assert_allclose(fit.log_likelihood, likelihood, **BY_HAND)
    penalised = likelihood - np.log(r) ** 2 / 2
    np.testing.assert_allclose(fit.log_likelihood_penalised, penalised, **BY_HAND)
    # Baseline at offset 0: 1 / (r + 4), then 1 / 4 more.
    hazard = fit.cumulative_hazard()["cumulative_hazard"]
    np.testing.assert_allclose(hazard, [1 / (r + 4), 1 / (r + 4) + 1 / 4], **BY_HAND)
    tripled = fit.cumulative_hazard(offset=np.log(3))["cumulative_hazard"]
    np.testing.assert_allclose(tripled, 3 * hazard, **BY_HAND)


def test_offset_equals_r(cox_oracle, cox_models_oracle) -> None:
    rows = cox_oracle.frame("veteran")
    fit = fit_veteran(cox_oracle, ["trt", "karno"], offset=rows["age"] / 50)
    r = {key: cox_models_oracle.numbers("offsets", "veteran", key) for key in KEYS_OF_CURVE}
    np.testing.assert_allclose(fit.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(fit.covariance, r["covariance"], **ITERATED)
    both = [fit.log_likelihood_null, fit.log_likelihood]
    np.testing.assert_allclose(both, r["log_likelihood"], rtol=1e-10)
    curve = fit.cumulative_hazard({"trt": 1, "karno": 60}, offset=0.3)
    np.testing.assert_array_equal(curve["time"], r["time"])
    np.testing.assert_allclose(curve["cumulative_hazard"], r["hazard"], **ITERATED)
    np.testing.assert_allclose(curve["cumulative_hazard_error"], r["error"], **ITERATED)
    np.testing.assert_allclose(curve["retention"], r["retention"], **ITERATED)
    np.testing.assert_allclose(curve["ci_lower"], r["ci_lower"], **ITERATED)
    np.testing.assert_allclose(curve["ci_upper"], r["ci_upper"], **ITERATED)


def test_the_test_of_proportional_hazards_with_an_offset_equals_r(
    cox_oracle, cox_models_oracle
) -> None:
    rows = cox_oracle.frame("veteran")
    fit = fit_veteran(cox_oracle, ["trt", "karno"], offset=rows["age"] / 50)
    found = check_proportional_hazards(fit, transform="identity")
    r = cox_models_oracle.numbers("offsets", "veteran", "zph")
    np.testing.assert_allclose(found["statistic"], r, **ITERATED)


KEYS_OF_CURVE = (
    "coef",
    "covariance",
    "log_likelihood",
    "time",
    "hazard",
    "error",
    "retention",
    "ci_lower",
    "ci_upper",
)


def test_offset_with_strata_weights_and_clusters_equals_r(cox_oracle, cox_models_oracle) -> None:
    rows = cox_oracle.frame("ticks")
    fit = fit_cox(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows[["x1", "x3"]],
        weights=rows["weight"],
        cluster=rows["cluster"],
        strata=rows["plan"],
        offset=(rows["x2"] - 50) / 40,
    )
    for key, value in (("coef", fit.coefficients), ("covariance", fit.covariance)):
        r = cox_models_oracle.numbers("offsets", "ticks", key)
        np.testing.assert_allclose(value, r, **ITERATED)


RIDGES = {
    "veteran": ("veteran", ["trt", "karno", "age"], [2, 2, 0], {}),
    "ticks": ("ticks", ["x1", "x2", "x3"], 5.0, {"strata": "plan"}),
    "heart_clustered": (
        "heart",
        ["age", "year", "surgery", "transplanted"],
        3.0,
        {"cluster": "id"},
    ),
}


@pytest.mark.parametrize("name", RIDGES)
def test_ridge_equals_r(cox_oracle, cox_models_oracle, name) -> None:
    data, names, ridge, roles = RIDGES[name]
    rows = cox_oracle.frame(data)
    rows = rows.rename(columns={"time": "stop", "status": "event"})
    rows = rows if "start" in rows else rows.assign(start=0.0)
    columns = {role: rows[column] for role, column in roles.items()}
    fit = fit_cox(rows["start"], rows["stop"], rows["event"], rows[names], ridge=ridge, **columns)
    r = {
        key: cox_models_oracle.numbers("ridges", name, key)
        for key in ("coef", "covariance", "log_likelihood", "penalty", "effective_df")
    }
    np.testing.assert_allclose(fit.coefficients, r["coef"], **PENALISED)
    np.testing.assert_allclose(fit.covariance, r["covariance"], **PENALISED)
    penalty = fit.log_likelihood - fit.log_likelihood_penalised
    np.testing.assert_allclose(penalty, r["penalty"], **PENALISED)
    np.testing.assert_allclose(fit.effective_df, r["effective_df"], **PENALISED)
    assert any("ridge" in caveat for caveat in fit.caveats)
    assert "ridge" in fit.method


def test_a_ridge_estimates_what_separation_refuses() -> None:
    x = pd.DataFrame({"x": [1, 1, 0, 0]})
    with pytest.raises(EstimationError, match="separation"):
        fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 0], x)
    weak = fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 0], x, ridge=0.1)
    strong = fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 0], x, ridge=10.0)
    assert weak.coefficients[0] > strong.coefficients[0] > 0


def test_a_constant_offset_changes_nothing_but_the_baseline(cox_oracle) -> None:
    n = len(cox_oracle.frame("veteran"))
    plain = fit_veteran(cox_oracle, ["trt", "karno"])
    shifted = fit_veteran(cox_oracle, ["trt", "karno"], offset=np.full(n, 2.0))
    np.testing.assert_allclose(shifted.coefficients, plain.coefficients, rtol=1e-12)
    np.testing.assert_allclose(shifted.log_likelihood, plain.log_likelihood, rtol=1e-12)
    at_two = shifted.cumulative_hazard(offset=2.0)
    for column in ("cumulative_hazard", "cumulative_hazard_error"):
        np.testing.assert_allclose(at_two[column], plain.cumulative_hazard()[column], rtol=1e-10)


def test_bad_offsets_and_ridges_are_named_at_once() -> None:
    with pytest.raises(EstimationError) as caught:
        fit_cox(**SIX, covariates=SIX_X, offset=[0, 0, 0, 0, 0, 900], ridge=-1)
    text = str(caught.value)
    assert "offset is more than 50 from its mean" in text
    assert "ridge is -1; rule" in text
    with pytest.raises(EstimationError, match="offset has 2 values, stop has 6"):
        fit_cox(**SIX, covariates=SIX_X, offset=[0, 0])
    with pytest.raises(EstimationError, match="rule: one number, or one for each of the 1"):
        fit_cox(**SIX, covariates=SIX_X, ridge=[1, 2])
    for value in (np.nan, np.inf):
        with pytest.raises(EstimationError, match="offset is missing or infinite"):
            fit_cox(**SIX, covariates=SIX_X, offset=[0, 0, 0, 0, 0, value])


def test_a_robust_error_of_zero_gives_no_test() -> None:
    # Each household holds one row with x = 1 and one with x = 0 that leave alike, on one day:
    # whatever the household, its two contributions to the score cancel.
    stop = np.repeat([1.0, 2.0, 3.0, 4.0], 2)
    fit = fit_cox(
        np.zeros(8),
        stop,
        np.ones(8),
        pd.DataFrame({"x": np.tile([0.0, 1.0], 4)}),
        cluster=np.repeat(["a", "b", "c", "d"], 2),
    )
    np.testing.assert_allclose(fit.hazard_ratio, 1.0, rtol=1e-12)
    assert fit.standard_error.tolist() == [0.0]
    for value in (fit.z, fit.p_value, fit.ci_lower, fit.ci_upper):
        assert np.isnan(value).all()
    assert any("The robust error of 'x' is 0" in caveat for caveat in fit.caveats)


@pytest.mark.parametrize("name", ["ticks_all", "heart", "ticks_clustered"])
def test_the_robust_error_of_a_curve_is_its_derivative_by_cluster_weights(cox_oracle, name) -> None:
    # R has no robust error of a Cox curve. Move the weight of one cluster by a part in 10,000
    # either way, refit, and see the hazard move: the error is the root of the summed squares.
    data, triple, roles, names = {
        "ticks_all": (
            "ticks",
            ["start", "stop", "event"],
            {"strata": "plan"},
            ["x1", "x2", "x3"],
        ),
        "ticks_clustered": ("ticks", ["start", "stop", "event"], {}, ["x1", "x3"]),
        "heart": ("heart", ["start", "stop", "event"], {}, ["age", "surgery"]),
    }[name]
    rows = cox_oracle.frame(data)
    weight = rows["weight"] if name == "ticks_all" else pd.Series(np.ones(len(rows)))
    unit = rows["id"] if data == "heart" else rows["cluster"]
    columns = {role: rows[column] for role, column in roles.items()}
    reference = {column: rows[column].median() for column in names}

    def hazard(weights: pd.Series, **more) -> pd.DataFrame:
        fit = fit_cox(*(rows[c] for c in triple), rows[names], weights=weights, **columns, **more)
        return fit.cumulative_hazard(reference)

    step = 1e-4
    squares = 0.0
    for code in sorted(set(unit)):
        change = step * (unit == code)
        up, down = hazard(weight * (1 + change)), hazard(weight * (1 - change))
        moved = (up["cumulative_hazard"] - down["cumulative_hazard"]) / (2 * step)
        squares = squares + moved**2
    found = hazard(weight, cluster=unit)
    np.testing.assert_allclose(found["cumulative_hazard_error"] ** 2, squares, **DERIVATIVE)


def test_errors_of_an_unweighted_curve_agree_with_the_model_on_large_data() -> None:
    # With one independent row per cluster both errors estimate the same thing; at n = 4,000
    # they differ by a few per cent.
    rng = np.random.default_rng(3)
    n = 4000
    x = pd.DataFrame({"x": rng.normal(size=n)})
    stop = np.ceil(20 * rng.exponential(np.exp(-0.5 * x["x"])))
    zero, event = np.zeros(n), rng.random(n) < 0.8
    model = fit_cox(zero, stop, event, x).cumulative_hazard({"x": 1.0})
    robust = fit_cox(zero, stop, event, x, cluster=np.arange(n)).cumulative_hazard({"x": 1.0})
    early = slice(2, 40)
    ratio = robust["cumulative_hazard_error"][early] / model["cumulative_hazard_error"][early]
    assert np.abs(ratio - 1).max() < 0.05


def test_curves_of_all_fits_have_finite_errors(cox_oracle) -> None:
    curve = fit_as_r_did(cox_oracle, "bladder").cumulative_hazard()
    assert (curve["cumulative_hazard_error"] > 0).all()
    assert (curve["ci_lower"] < curve["retention"]).all()
    assert (curve["ci_upper"] > curve["retention"]).all()
