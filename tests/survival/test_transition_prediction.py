"""Shares in states for given covariates: by hand, against R, and their errors as derivatives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm
from state_histories import columns_of

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    absolute_risk,
    cause_specific_cox,
    fit_transition_cox,
    predict_occupation,
)
from loyaltylab.survival.matrix_exponential import exponentiate

BY_HAND = {"rtol": 1e-10, "atol": 1e-12}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# A central difference errs by the step squared.
DERIVATIVE = {"rtol": 1e-5, "atol": 1e-10}


@pytest.mark.parametrize("size", [0.0, 0.1, 3.0, 40.0])
def test_exponentials_are_those_of_scipy(size) -> None:
    rng = np.random.default_rng(5)
    matrices = size * rng.uniform(0, 1, (6, 4, 4))
    diagonal = np.arange(4)
    matrices[:, diagonal, diagonal] -= matrices.sum(axis=2)
    # Each squaring doubles the rounding; eight of them at the largest size.
    np.testing.assert_allclose(exponentiate(matrices), expm(matrices), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(exponentiate(matrices).sum(axis=2), 1.0, rtol=1e-12)


def test_two_moves_by_hand() -> None:
    # Away: at 2 two (x = 1 and 0) among 2r + 2, at 3 one (x = 1) among r + 2: r^2 - r - 4 = 0.
    # Back: at 4 one (x = 1) of those away, 2s + 1; at 5 one (x = 0) of s + 1: s^2 = 1/2.
    rows = pd.DataFrame(
        [(1, 0, 2, "in", "out", 1), (1, 2, 4, "out", "in", 1), (2, 0, 2, "in", "out", 0),
         (2, 2, 5, "out", "in", 0), (3, 1, 3, "in", "out", 1), (3, 3, 6, "out", "", 1),
         (4, 2, 4, "in", "", 0), (5, 0, 4, "in", "", 0)],
        columns=["customer", "start", "stop", "from", "to", "x"],
    )  # fmt: skip
    model = fit_transition_cox(*columns_of(rows), rows[["x"]], customer=rows["customer"])
    r, s = (1 + 17**0.5) / 2, 0.5**0.5
    np.testing.assert_allclose(model.fit.hazard_ratio, [r, s], **BY_HAND)
    found = predict_occupation(model, {"x": 0.0}, start_state="in", times=[1, 2, 3, 4, 5])
    inside = found[found["state"] == "in"].set_index("time")["occupation"]
    stays = np.exp(-7 / (6 * r + 6))  # Efron at 2: 1 / (2r + 2) + 1 / (1.5r + 1.5)
    still = stays * np.exp(-1 / (r + 2))
    back = still + (1 - still) * (1 - np.exp(-1 / (2 * s + 1)))
    again = back + (1 - back) * (1 - np.exp(-1 / (s + 1)))
    np.testing.assert_allclose(inside, [1, stays, still, back, again], **BY_HAND)
    assert found["standard_error"][0] == 0.0
    assert np.isnan(found["ci_lower"][0])


def test_shares_equal_r(multi_state_oracle) -> None:
    rows = multi_state_oracle.frame("mgus")
    model = fit_transition_cox(*columns_of(rows), rows[["age", "male"]], customer=rows["id"])
    times = multi_state_oracle.numbers("prediction", "time")
    person = {"age": 70, "male": 1}
    found = predict_occupation(model, person, start_state="mgus", times=times)
    for state in ("mgus", "pcm", "death"):
        ours = found.loc[found["state"] == state, "occupation"]
        r = multi_state_oracle.numbers("prediction", state)
        assert len(r) > 8
        np.testing.assert_allclose(ours, r, **ITERATED)


def test_without_later_moves_it_is_the_absolute_risk(competing_models_oracle) -> None:
    rows = competing_models_oracle.frame("ticks")
    x, person, times = rows[["x1", "x2"]], {"x1": 1, "x2": 0.5}, [2, 5, 9]
    shares = predict_occupation(
        fit_transition_cox(
            rows["start"], rows["stop"], ["active"] * len(rows), rows["exit"], x,
            customer=rows["id"],
        ),
        person, start_state="active", times=times,
    )  # fmt: skip
    model = cause_specific_cox(rows["start"], rows["stop"], rows["exit"], x)
    for cause in ("price", "moved"):
        risk = absolute_risk(model, person, cause=cause, times=times)
        ours = shares[shares["state"] == cause]
        for name, theirs in (("occupation", "incidence"), ("standard_error", "standard_error")):
            np.testing.assert_allclose(ours[name], risk[theirs], rtol=1e-7)


def predict(rows: pd.DataFrame, weights: pd.Series, **roles) -> pd.DataFrame:
    model = fit_transition_cox(
        *columns_of(rows), rows[["price", "contract"]], customer=rows["customer"],
        shared=["contract"], weights=weights, **roles,
    )  # fmt: skip
    person = {"price": 0.5, "contract": 1}
    return predict_occupation(model, person, start_state="active", times=[0, 3, 10, 30])


def test_the_error_is_the_derivative_by_cluster_weights(multi_state_oracle) -> None:
    rows = multi_state_oracle.frame("tickets")
    group = rows["household"] % 12  # Few clusters, to keep the refits few.
    step, squares = 1e-4, 0.0
    for code in range(12):
        change = step * (group == code)
        up, down = (
            predict(rows, rows["weight"] * (1 + sign * change))["occupation"] for sign in (1, -1)
        )
        squares = squares + ((up - down) / (2 * step)) ** 2
    found = predict(rows, rows["weight"], cluster=group)
    np.testing.assert_allclose(found["standard_error"] ** 2, squares, **DERIVATIVE)
    total = found.groupby("time")["occupation"].sum()
    np.testing.assert_allclose(total, 1.0, **BY_HAND)


def test_order_and_units_do_not_matter(multi_state_oracle) -> None:
    rows = multi_state_oracle.frame("tickets")
    found = predict(rows, rows["weight"])
    mixed = rows.sample(frac=1, random_state=8).reset_index(drop=True)
    again = predict(mixed, mixed["weight"])
    for name in ("occupation", "standard_error"):
        np.testing.assert_allclose(found[name], again[name], rtol=1e-7, atol=1e-12)


def test_what_cannot_be_given_is_refused(multi_state_oracle) -> None:
    rows = multi_state_oracle.frame("mgus")
    roles = {"customer": rows["id"]}
    model = fit_transition_cox(
        *columns_of(rows), rows[["age"]], **roles, clock="reset", transitions=[("mgus", "pcm")]
    )
    assert model.left_out == (("mgus", "death"), ("pcm", "death"))
    with pytest.raises(EstimationError) as caught:
        predict_occupation(model, {"age": 70}, start_state="well", times=[9999])
    listed = "\n".join(caught.value.problems)
    for part in (
        "the model has the clock reset",
        "leaves out mgus -> death, pcm -> death",
        "unknown state 'well'; the states are ['mgus', 'pcm']",
        "time 9999 is past the last follow-up",
    ):
        assert part in listed
    whole = fit_transition_cox(*columns_of(rows), rows[["age"]], **roles)
    with pytest.raises(EstimationError, match="exactly the covariates"):
        predict_occupation(whole, {"year": 1}, start_state="mgus", times=[1])
    with pytest.raises(EstimationError, match="rule: finite, and at most 100"):
        predict_occupation(whole, {"age": 1e5}, start_state="mgus", times=[1])


def test_the_caveats_of_the_model_reach_the_shares() -> None:
    x = pd.DataFrame({"price": [1, 0, 1, 0]})
    rows = ([0] * 4, [1, 2, 3, 4], ["active"] * 4, ["left", "left", "left", ""])
    model = fit_transition_cox(*rows, x, customer=[1, 2, 3, 4])
    shares = predict_occupation(model, {"price": 0.0}, start_state="active", times=[2])
    assert "3 events for 1 covariates" in shares["caveats"][0]
    assert "4 clusters: below 30" in shares["caveats"][1]
    assert model.fit.method == "Cox, Efron ties, robust error by customer"
    assert (
        "robust error by cluster"
        in fit_transition_cox(*rows, x, customer=[1, 2, 3, 4], cluster=[1, 1, 2, 3]).fit.method
    )
