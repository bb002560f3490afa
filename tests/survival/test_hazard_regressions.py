"""Discrete-time and piecewise exponential hazards: by hand, against R's glm, known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    fit_cox,
    fit_discrete_hazard,
    fit_piecewise_exponential,
    split_at_times,
)

# glm iterates to a relative change of 1e-14 in the deviance, hence about 1e-7 in coefficients.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# Scores at R's optimum are zero only to its tolerance; squared errors inherit that.
SANDWICH = {"rtol": 1e-6, "atol": 1e-10}
BY_HAND = {"rtol": 1e-9}
REFITTED = {"rtol": 1e-7, "atol": 1e-10}
LINKS = ("logit", "cloglog")
NAMES = ["x1", "x2", "x3"]


def make_person_days(cox_oracle) -> pd.DataFrame:
    days = split_at_times(cox_oracle.frame("ticks"), np.arange(1, 61), interval="day")
    return days.assign(period=np.minimum(days["stop"], 12)).reset_index(drop=True)


def test_a_two_by_two_table_by_hand() -> None:
    # One period: 3 of 10 leave with x = 0, 6 of 10 with x = 1.
    event = [1] * 3 + [0] * 7 + [1] * 6 + [0] * 4
    x = pd.DataFrame({"x": [0] * 10 + [1] * 10})
    found = fit_discrete_hazard([1] * 20, event, x)
    np.testing.assert_allclose(found.ratio, [(6 / 4) / (3 / 7)], **BY_HAND)
    # Woolf: the variance of a log odds ratio is the sum of 1 / counts.
    np.testing.assert_allclose(found.covariance, [[1 / 3 + 1 / 7 + 1 / 6 + 1 / 4]], **BY_HAND)
    np.testing.assert_allclose(found.baseline, [0.3], **BY_HAND)
    # A share: sqrt(0.3 * 0.7 / 10). The slope of the link is a central difference (1e-6).
    np.testing.assert_allclose(found.baseline_error, [np.sqrt(0.021)], rtol=1e-6)
    hazard = fit_discrete_hazard([1] * 20, event, x, link="cloglog")
    np.testing.assert_allclose(hazard.ratio, [np.log(0.4) / np.log(0.7)], **BY_HAND)
    assert (found.ratio_kind, hazard.ratio_kind) == ("odds ratio", "hazard ratio")


def test_a_sandwich_by_hand() -> None:
    # As above, x = 1 in clusters of two rows with the same fate. Rows of x = 1 have scores
    # 1 - 0.6 (3 pairs) and -0.6 (2 pairs), those of x = 0 single rows 0.7 (3) and -0.3 (7).
    # A group's intercept has information n p (1 - p); the log odds ratio is the difference.
    event = [1] * 3 + [0] * 7 + [1] * 6 + [0] * 4
    x = pd.DataFrame({"x": [0] * 10 + [1] * 10})
    cluster = [*range(10), *np.repeat(np.arange(10, 15), 2)]
    found = fit_discrete_hazard([1] * 20, event, x, cluster=cluster)
    zero = (3 * 0.7**2 + 7 * 0.3**2) / (10 * 0.3 * 0.7) ** 2
    one = (3 * 0.8**2 + 2 * 1.2**2) / (10 * 0.6 * 0.4) ** 2
    np.testing.assert_allclose(found.covariance, [[zero + one]], **BY_HAND)
    np.testing.assert_allclose(found.baseline_error, np.sqrt(zero) * 0.3 * 0.7, rtol=1e-6)
    assert "15 clusters" in found.caveats[-1]


def test_rates_by_hand() -> None:
    # Customers with x = 0 stay 4 (censored), 6 and 2 days, those with x = 1 stay 2 and 3.
    start, stop = [0, 0, 0, 0, 0], [4, 6, 2, 3, 2]
    event, x = [0, 1, 1, 1, 1], pd.DataFrame({"x": [0, 0, 1, 1, 0]})
    # Days before 3: x = 0: 3 + 3 + 2 = 8 with 1 exit; x = 1: 5 with 2 exits; after: x = 0 only,
    # 1 + 3 = 4 days, 1 exit. So x is told by the first stretch alone: ratio (2 / 5) / (1 / 8).
    found = fit_piecewise_exponential(start, stop, event, x, cuts=[3])
    np.testing.assert_allclose(found.ratio, [3.2], **BY_HAND)
    np.testing.assert_allclose(found.baseline, [1 / 8, 1 / 4], **BY_HAND)
    np.testing.assert_allclose(found.covariance, [[1 / 2 + 1]], **BY_HAND)
    np.testing.assert_allclose(found.baseline_error, [1 / 8, 1 / 4], rtol=1e-6)
    upper = np.exp(1.959963984540054) / 4
    np.testing.assert_allclose(found.baseline_ci_upper[1], upper, rtol=1e-8)
    assert found.cell == ("(0, 3]", "(3, 6]")
    assert found.n_events_by_cell.tolist() == [3, 1]
    likelihood = np.log(0.4**2 / 8 / 4) - 4
    np.testing.assert_allclose(found.log_likelihood, likelihood, **BY_HAND)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["plain", "weighted", "constant"])
def test_discrete_hazards_equal_r(cox_oracle, hazard_oracle, link, kind) -> None:
    days = make_person_days(cox_oracle)
    covariates = days[NAMES]
    if kind == "constant":
        covariates = covariates.assign(log_day=np.log(days["stop"]))
    rows = days["period"], days["event"], covariates
    how = {"link": link, "baseline": "constant" if kind == "constant" else "period"}
    how |= {"weights": days["weight"]} if kind == "weighted" else {}
    found = fit_discrete_hazard(*rows, cluster=days["cluster"], **how)
    r = {key: hazard_oracle.numbers("discrete", link, kind, key) for key in R_KEYS}
    np.testing.assert_allclose(found.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(found.naive_standard_error**2, np.diag(r["naive"]), **SANDWICH)
    np.testing.assert_allclose(found.covariance, r["robust"], **SANDWICH)
    np.testing.assert_allclose(found.log_likelihood, r["log_likelihood"], rtol=1e-10)
    hazard, slope = read_link(link, r["alpha"])
    np.testing.assert_allclose(found.baseline, np.atleast_1d(hazard), **ITERATED)
    # The slope of the link is a central difference (1e-6).
    error = np.atleast_1d(slope * r["robust_alpha_se"])
    np.testing.assert_allclose(found.baseline_error, error, rtol=1e-5)
    if kind != "weighted":
        naive = fit_discrete_hazard(*rows, **how)
        np.testing.assert_allclose(naive.covariance, r["naive"], **SANDWICH)
        error = np.atleast_1d(slope * r["naive_alpha_se"])
        np.testing.assert_allclose(naive.baseline_error, error, rtol=1e-5)


R_KEYS = (
    "coef",
    "naive",
    "robust",
    "alpha",
    "naive_alpha_se",
    "robust_alpha_se",
    "log_likelihood",
)


def read_link(link: str, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if link == "logit":
        p = 1 / (1 + np.exp(-eta))
        return p, p * (1 - p)
    return 1 - np.exp(-np.exp(eta)), np.exp(eta - np.exp(eta))


def test_rates_equal_r(cox_oracle, hazard_oracle) -> None:
    ticks, lives = cox_oracle.frame("ticks"), cox_oracle.frame("veteran")
    weighted = fit_piecewise_exponential(
        ticks["start"],
        ticks["stop"],
        ticks["event"],
        ticks[NAMES],
        cuts=[4, 9, 15],
        weights=ticks["weight"],
        cluster=ticks["cluster"],
    )
    model = fit_piecewise_exponential(
        np.zeros(len(lives)),
        lives["time"],
        lives["status"],
        lives[["trt", "karno"]],
        cuts=[30, 90, 200],
        offset=lives["age"] / 50,
    )
    for found, name, kind in ((weighted, "ticks", "robust"), (model, "veteran", "naive")):
        r = {key: hazard_oracle.numbers("rates", name, key) for key in R_KEYS}
        np.testing.assert_allclose(found.coefficients, r["coef"], **ITERATED)
        np.testing.assert_allclose(found.covariance, r[kind], **SANDWICH)
        np.testing.assert_allclose(found.baseline, np.exp(r["alpha"]), **ITERATED)
        error = np.exp(r["alpha"]) * r[f"{kind}_alpha_se"]
        np.testing.assert_allclose(found.baseline_error, error, rtol=1e-5)
    np.testing.assert_allclose(model.log_likelihood, r["log_likelihood"], rtol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_invariants(seed) -> None:
    rng = np.random.default_rng(seed)
    n = 150
    rows = pd.DataFrame(
        {"start": rng.integers(0, 5, n).astype(float), "cluster": np.arange(n) // 2}
    )
    rows["stop"] = rows["start"] + rng.integers(1, 9, n)
    rows["event"] = rng.random(n) < 0.7
    rows["x"], rows["weight"] = rng.normal(size=n), rng.integers(1, 4, n).astype(float)

    def rates(part, unit=1.0, **roles):
        cuts = np.array([3.0, 6.0]) * unit
        return fit_piecewise_exponential(
            part["start"], part["stop"], part["event"], part[["x"]], cuts=cuts, **roles
        )

    roles = {"weights": rows["weight"], "cluster": rows["cluster"]}
    whole = rates(rows, **roles)
    repeated = rows.loc[rows.index.repeat(rows["weight"].astype(int))].reset_index(drop=True)
    split = split_at_times(rows, [2, 3, 4, 7])
    shuffled = rows.sample(frac=1, random_state=seed)
    years = rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)
    for part, unit in ((repeated, 1), (split, 1), (shuffled, 1), (years, 1 / 365.25)):
        weights = None if part is repeated else part["weight"]
        other = rates(part, unit, weights=weights, cluster=part["cluster"])
        np.testing.assert_allclose(other.coefficients, whole.coefficients, **REFITTED)
        np.testing.assert_allclose(other.covariance, whole.covariance, **REFITTED)
        np.testing.assert_allclose(other.baseline * unit, whole.baseline, **REFITTED)
        np.testing.assert_allclose(other.baseline_error * unit, whole.baseline_error, rtol=1e-6)
    scaled = rates(rows.assign(x=100 * rows["x"] + 7), **roles)
    np.testing.assert_allclose(100 * scaled.coefficients, whole.coefficients, **REFITTED)


@pytest.mark.parametrize("link", LINKS)
def test_discrete_invariants(cox_oracle, link) -> None:
    days = make_person_days(cox_oracle)

    def fit(part, **roles):
        return fit_discrete_hazard(
            part["period"], part["event"], part[NAMES], link=link, cluster=part["cluster"], **roles
        )

    twice = pd.concat([days, days[days["x1"] == 1]], ignore_index=True)
    whole = fit(days, weights=1.0 + (days["x1"] == 1))
    for other in (fit(twice), fit(twice.sample(frac=1, random_state=1))):
        np.testing.assert_allclose(other.coefficients, whole.coefficients, **REFITTED)
        np.testing.assert_allclose(other.covariance, whole.covariance, **REFITTED)
    shifted = fit(days, weights=1.0 + (days["x1"] == 1), offset=np.full(len(days), 0.5))
    np.testing.assert_allclose(shifted.coefficients, whole.coefficients, **REFITTED)
    assert (shifted.baseline < whole.baseline).all()


def test_grouped_times_estimate_the_hazard_ratio_of_the_cox_model() -> None:
    # Continuous lives with hazard ratio e^0.7, seen by month only, some entering late: the
    # complementary log-log model, the fine piecewise rates and Cox agree, the odds ratio does not.
    rng = np.random.default_rng(14)
    n = 6000
    x = rng.integers(0, 2, n).astype(float)
    entry = np.where(rng.random(n) < 0.5, 0.0, 2.0)
    stop = 6 * rng.exponential(np.exp(-0.7 * x))
    seen = stop > entry
    rows = pd.DataFrame({"start": entry, "stop": stop, "x": x})[seen]
    rows = rows.assign(event=rows["stop"] <= 12, stop=rows["stop"].clip(upper=12))
    months = split_at_times(rows, np.arange(1, 13), interval="month")
    pooled = fit_discrete_hazard(months["month"], months["event"], months[["x"]], link="cloglog")
    odds = fit_discrete_hazard(months["month"], months["event"], months[["x"]])
    triple = rows["start"], rows["stop"], rows["event"], rows[["x"]]
    rates = fit_piecewise_exponential(*triple, cuts=np.arange(1, 12))
    cox = fit_cox(*triple)
    for fit in (pooled, rates, cox):
        assert abs(fit.coefficients[0] - 0.7) < 3.5 * fit.standard_error[0]
    assert odds.coefficients[0] > pooled.coefficients[0] + 0.03
    # Rates on fine stretches are nearly Cox's model.
    np.testing.assert_allclose(rates.coefficients, cox.coefficients, atol=0.01)
    np.testing.assert_allclose(rates.standard_error, cox.standard_error, rtol=0.01)
    # True rate 1/6 in every month.
    far = np.abs(rates.baseline - 1 / 6) / rates.baseline_error
    assert far.max() < 4


def test_problems_come_at_once() -> None:
    x = pd.DataFrame({"x": [1, 2, 3, 4]})
    with pytest.raises(EstimationError) as caught:
        fit_discrete_hazard([1, 2], [0, 1, 2, 0], x, link="probit", baseline="spline")
    text = str(caught.value)
    for part in ("period has 2 values", "link is 'probit'", "baseline is 'spline'", "codes other"):
        assert part in text
    with pytest.raises(EstimationError, match="cuts are"):
        fit_piecewise_exponential([0] * 4, [1, 2, 3, 4], [1, 1, 0, 1], x, cuts=[2, 1])
    with pytest.raises(EstimationError, match="0 events in 4 rows"):
        fit_discrete_hazard([1] * 4, [0] * 4, x)


def test_cells_without_an_answer_are_named() -> None:
    x = pd.DataFrame({"x": [1, 2, 1, 2, 3, 1]})
    with pytest.raises(EstimationError) as caught:
        fit_discrete_hazard([1, 1, 2, 2, 3, 3], [1, 0, 0, 0, 1, 1], x)
    assert "nobody leaves in 1 of 3 cells of time (2)" in str(caught.value)
    assert "everybody leaves in 1 of 3 cells of time (3)" in str(caught.value)
    with pytest.raises(
        EstimationError, match=r"nobody leaves in 1 of 2 cells of time \(\(0, 0.5\]"
    ):
        fit_piecewise_exponential([0] * 6, [1, 2, 3, 4, 5, 6], [1] * 6, x, cuts=[0.5])


@pytest.mark.parametrize("link", LINKS)
def test_separation_is_refused(link) -> None:
    x = pd.DataFrame({"x": [0, 0, 0, 1, 1, 1], "z": [1, 2, 3, 1, 2, 4]})
    with pytest.raises(EstimationError, match="'x': the coefficient runs to plus infinity"):
        fit_discrete_hazard([1] * 6, [0, 0, 0, 1, 1, 0], x, link=link)
    with pytest.raises(EstimationError, match="'x': the coefficient runs to minus infinity"):
        fit_piecewise_exponential([0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 0, 0, 0], x, cuts=[1.5])


def test_a_function_of_the_period_is_refused() -> None:
    period = np.repeat([1, 2, 3], 4)
    x = pd.DataFrame({"x": np.tile([0.0, 1.0], 6), "trend": 10.0 * period})
    with pytest.raises(EstimationError, match="'trend' does not vary within the cells of time"):
        fit_discrete_hazard(period, np.tile([1, 1, 0, 0], 3), x)
    mixed = x.assign(trend=10.0 * period + 3 * x["x"])
    with pytest.raises(EstimationError, match="collinear with each other and the cells"):
        fit_discrete_hazard(period, np.tile([1, 1, 0, 0], 3), mixed)


def test_a_robust_error_of_zero_gives_no_test() -> None:
    x = pd.DataFrame({"x": np.tile([0.0, 1.0], 4)})
    found = fit_discrete_hazard(
        [1] * 8, [1, 1, 0, 0, 1, 1, 0, 0], x, cluster=np.repeat(["a", "b", "c", "d"], 2)
    )
    assert found.standard_error.tolist() == [0.0]
    assert np.isnan([*found.z, *found.p_value, *found.ci_lower, *found.ci_upper]).all()
    assert any("The robust error of 'x' is 0" in caveat for caveat in found.caveats)


def test_tables(cox_oracle) -> None:
    days = make_person_days(cox_oracle)
    found = fit_discrete_hazard(days["period"], days["event"], days[NAMES])
    assert found.to_frame().index.tolist() == NAMES
    baseline = found.baseline_frame()
    assert baseline.index.tolist() == [str(k) for k in range(1, 13)]
    assert (baseline["ci_lower"] < baseline["hazard"]).all()
    assert baseline["n_events"].sum() == days["event"].sum()
