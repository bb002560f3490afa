"""Cause-specific Cox models and the incidence they imply: by hand, against R, invariants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import absolute_risk, cause_specific_cox, fit_cox

BY_HAND = {"rtol": 1e-10}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}
# A central difference errs by the step squared.
DERIVATIVE = {"rtol": 1e-5, "atol": 1e-10}

# By price: at 2 two of six (x = 1 and 0) among 4r + 2; at 3 one (x = 1) among 3r + 1. By moving:
# at 4 one (x = 1) among 2s + 1, at 5 one (x = 0) among s + 1.
START = [0, 0, 0, 0, 0, 0]
STOP = [2, 2, 3, 4, 5, 6]
EXITS = ["price", "price", "price", "moved", "moved", ""]
X = pd.DataFrame({"x": [1, 0, 1, 1, 0, 1]})


def simulate(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    rows = pd.DataFrame({"start": rng.integers(0, 3, n) * 1.0, "household": np.arange(n) // 3})
    rows["stop"] = rows["start"] + rng.integers(1, 12, n)
    rows["exit"] = rng.choice(["", "price", "moved"], n)
    rows["x"], rows["z"] = rng.normal(size=n).round(2), rng.integers(0, 2, n)
    rows["plan"] = rng.choice(["basic", "plus"], n)
    rows["weight"] = rng.uniform(0.3, 3, n)
    return rows


def fit(rows: pd.DataFrame, **roles):
    roles = {"weights": rows["weight"], "strata": rows["plan"]} | roles
    return cause_specific_cox(rows["start"], rows["stop"], rows["exit"], rows[["x", "z"]], **roles)


def test_risk_by_hand() -> None:
    model = cause_specific_cox(START, STOP, EXITS, X)
    r, s = (model.fits[cause].hazard_ratio[0] for cause in ("price", "moved"))
    # Moving: 1 - 2s / (2s + 1) - s / (s + 1) = 0, so s^2 = 1/2. Price, with half of the two
    # leavers gone at Efron's second step: 2 - 2r/(2r + 1) - 7r/(7r + 3) - 3r/(3r + 1) = 0.
    np.testing.assert_allclose(s, 0.5**0.5, **BY_HAND)
    score = 2 - 2 * r / (2 * r + 1) - 7 * r / (7 * r + 3) - 3 * r / (3 * r + 1)
    np.testing.assert_allclose(score, 0.0, atol=1e-10)
    price = [1 / (4 * r + 2) + 1 / (3.5 * r + 1.5), 1 / (3 * r + 1)]
    moved = [1 / (2 * s + 1), 1 / (s + 1)]
    found = absolute_risk(model, {"x": 0.0}, cause="price", times=[1, 2, 3, 4])
    retained = np.exp(-np.cumsum([price[0], price[1], moved[0]]))
    expected = [0.0, 1 - retained[0], 1 - retained[1], 1 - retained[1]]
    np.testing.assert_allclose(found["incidence"], expected, **BY_HAND)
    np.testing.assert_allclose(found["retention"], [1.0, *retained], **BY_HAND)
    both = absolute_risk(model, {"x": 0.0}, cause="moved", times=[1, 2, 3, 4])
    np.testing.assert_allclose(both["incidence"][3], retained[1] - retained[2], **BY_HAND)
    assert found["standard_error"][0] == 0.0
    assert np.isnan(found["ci_lower"][0])
    # x = 1: the hazards times r and s.
    other = absolute_risk(model, {"x": 1.0}, cause="price", times=[3])
    np.testing.assert_allclose(other["incidence"], 1 - np.exp(-r * sum(price)), **BY_HAND)


def test_exits_at_one_time_share_the_fall_by_hand() -> None:
    # At 1 a leaves by price and b moves; at 2 the same; c and d stay. x is balanced.
    rows = ([0] * 6, [1, 1, 2, 2, 3, 3], ["price", "moved", "price", "moved", "", ""])
    x = pd.DataFrame({"x": [1, 0, 0, 1, 1, 0]})
    model = cause_specific_cox(*rows, x)
    p, m = (model.fits[cause].hazard_ratio[0] for cause in ("price", "moved"))
    a, b = 1 / (3 * p + 3), 1 / (3 * m + 3)
    found = absolute_risk(model, {"x": 0.0}, cause="price", times=[1])
    np.testing.assert_allclose(found["incidence"], (1 - np.exp(-(a + b))) * a / (a + b), **BY_HAND)


def test_fits_and_risks_equal_r(competing_models_oracle) -> None:
    rows = competing_models_oracle.frame("mgus")
    model = cause_specific_cox(
        0 * rows["months"], rows["months"], rows["exit"], rows[["age", "male"]]
    )
    time = competing_models_oracle.numbers("risk", "time")
    for cause in ("pcm", "death"):
        coef = competing_models_oracle.numbers("risk", "coef", cause)
        error = competing_models_oracle.numbers("risk", "se", cause)
        np.testing.assert_allclose(model.fits[cause].coefficients, coef, **ITERATED)
        np.testing.assert_allclose(model.fits[cause].standard_error, error, **ITERATED)
        asked = time[:: len(time) // 12]
        found = absolute_risk(model, {"age": 70, "male": 1}, cause=cause, times=asked)
        for name, column in ((cause, "incidence"), ("retention", "retention")):
            r = competing_models_oracle.numbers("risk", name)[:: len(time) // 12]
            np.testing.assert_allclose(found[column], r, **ITERATED)


@pytest.mark.parametrize("times", [[2], [6], [11]])
def test_the_error_is_the_derivative_by_cluster_weights(times) -> None:
    rows, step, squares = simulate(), 1e-4, 0.0
    given = {"reference": {"x": 0.4, "z": 1}, "cause": "price", "times": times, "stratum": "plus"}
    for code in set(rows["household"]):
        change = step * (rows["household"] == code)
        up, down = (
            absolute_risk(fit(rows, weights=rows["weight"] * (1 + sign * change)), **given)
            for sign in (1, -1)
        )
        slope = (up["incidence"] - down["incidence"]) / (2 * step)
        squares = squares + slope.to_numpy() ** 2
    found = absolute_risk(fit(rows, cluster=rows["household"]), **given)
    np.testing.assert_allclose(found["standard_error"] ** 2, squares, **DERIVATIVE)


def test_incidences_and_retention_sum_to_one() -> None:
    model = fit(simulate())
    parts = [
        absolute_risk(model, {"x": 3, "z": 1}, cause=cause, times=range(12), stratum="basic")
        for cause in model.causes
    ]
    total = parts[0]["incidence"] + parts[1]["incidence"] + parts[0]["retention"]
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    assert all(np.all(np.diff(part["incidence"]) >= 0) for part in parts)


def test_order_and_units_do_not_matter() -> None:
    rows = simulate()
    given = {"reference": {"x": 0.4, "z": 1}, "cause": "moved", "stratum": "plus"}
    found = absolute_risk(fit(rows, cluster=rows["household"]), times=[4, 8], **given)
    mixed = rows.sample(frac=1, random_state=3).reset_index(drop=True)
    years = rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)
    for other, unit in ((mixed, 1.0), (years, 365.25)):
        again = absolute_risk(
            fit(other, cluster=other["household"]), times=np.array([4, 8]) / unit, **given
        )
        for name in ("incidence", "standard_error", "ci_upper"):
            np.testing.assert_allclose(found[name], again[name], **REFITTED)


def test_known_truth() -> None:
    # Hazards .06 exp(.5 x) by price, .04 exp(-.3 x) by moving; incidence at 10 for x = 1.
    rng = np.random.default_rng(20240315)
    n = 8_000
    x = rng.integers(0, 2, n)
    price, moved = 0.06 * np.exp(0.5 * x), 0.04 * np.exp(-0.3 * x)
    leaves = rng.exponential(1 / (price + moved))
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0, 5, n))
    stop = np.minimum(leaves, entry + rng.uniform(5, 20, n))
    exits = np.where(rng.random(n) < price / (price + moved), "price", "moved")
    exits = np.where(leaves > stop, "", exits)
    seen = leaves > entry
    model = cause_specific_cox(entry[seen], stop[seen], exits[seen], pd.DataFrame({"x": x[seen]}))
    found = absolute_risk(model, {"x": 1}, cause="price", times=[10]).iloc[0]
    a, b = 0.06 * np.exp(0.5), 0.04 * np.exp(-0.3)
    truth = a / (a + b) * (1 - np.exp(-10 * (a + b)))
    assert abs(found["incidence"] - truth) < 4 * found["standard_error"]
    assert 0.002 < found["standard_error"] < 0.02


def test_table_and_single_fits() -> None:
    rows = simulate()
    model = fit(rows)
    frame = model.to_frame()
    assert frame[["cause", "covariate"]].to_numpy().tolist() == [
        ["moved", "x"], ["moved", "z"], ["price", "x"], ["price", "z"],
    ]  # fmt: skip
    alone = fit_cox(
        rows["start"], rows["stop"], rows["exit"] == "price", rows[["x", "z"]],
        weights=rows["weight"], strata=rows["plan"],
    )  # fmt: skip
    np.testing.assert_array_equal(frame["coefficient"][2:], alone.coefficients)


def test_what_cannot_be_fitted_or_given_is_refused() -> None:
    separated = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
    rows = ([0] * 6, [1, 2, 3, 1, 2, 3], ["price", "price", "", "moved", "moved", ""])
    with pytest.raises(EstimationError) as caught:
        cause_specific_cox(*rows, separated)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["moved", "price"]
    with pytest.raises(EstimationError, match="0 events"):
        cause_specific_cox([0, 0], [1, 2], ["", ""], X.iloc[:2])
    model = fit(simulate())
    with pytest.raises(EstimationError) as caught:
        absolute_risk(model, {"y": 1}, cause="gone", times=[99])
    listed = "\n".join(caught.value.problems)
    for part in (
        "unknown cause 'gone'",
        "exactly the covariates ['x', 'z']",
        "stratum is None; choose one of ['basic', 'plus']",
        "time 99 is past the last follow-up",
    ):
        assert part in listed
    for far in (np.nan, np.inf, 1e6):
        with pytest.raises(EstimationError, match="rule: finite, and at most 100"):
            absolute_risk(model, {"x": far, "z": 0}, cause="price", times=[1], stratum="plus")


def test_the_caveats_of_the_fits_reach_the_risks() -> None:
    model = cause_specific_cox(START, STOP, EXITS, X)
    few = "events for 1 covariates: below 10 events per covariate"
    assert all(f"{cause}: " in text and few in text for cause, text in zip(
        model.causes, model.caveats, strict=True
    ))  # fmt: skip
    risk = absolute_risk(model, {"x": 0.0}, cause="price", times=[1, 2])
    assert risk["caveats"].tolist() == [" ".join(model.caveats)] * 2
