"""Splitting rows, and effects that change with time: by hand, against R survival, known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    fit_cox,
    fit_cox_with_time_effect,
    kaplan_meier,
    split_at_times,
)
from loyaltylab.survival.time_functions import restricted_cubic_spline

# Both ends iterate to the same optimum, see test_cox; a product with time correlates with its
# covariate, which costs R two digits (its step is solved unscaled).
ITERATED = {"rtol": 1e-5, "atol": 1e-9}
BY_HAND = {"rtol": 1e-10}
NAMES = ["trt", "karno"]


def fit_veteran(cox_oracle, **how):
    rows = cox_oracle.frame("veteran")
    return fit_cox_with_time_effect(
        np.zeros(len(rows)), rows["time"], rows["status"], rows[NAMES], covariate="karno", **how
    )


def test_splitting_by_hand() -> None:
    rows = pd.DataFrame(
        {"from": [0, 2, 3.0], "to": [5, 3, 9.0], "left": ["price", "", "service"], "x": [1, 2, 3]},
        index=["a", "b", "c"],
    )
    found = split_at_times(rows, [3, 5, 7], start="from", stop="to", event="left")
    assert found.index.tolist() == ["a", "a", "b", "c", "c", "c"]
    assert found["from"].tolist() == [0, 3, 2, 3, 5, 7]
    assert found["to"].tolist() == [3, 5, 3, 5, 7, 9]
    assert found["left"].tolist() == ["", "price", "", "", "", "service"]
    assert found["interval"].tolist() == [0, 1, 0, 1, 2, 3]
    assert found["x"].tolist() == [1, 1, 2, 3, 3, 3]


@pytest.mark.parametrize("event", [np.array([1, 0]), np.array([True, False])])
def test_splitting_keeps_the_type_of_the_event(event) -> None:
    rows = pd.DataFrame({"start": [0.0, 0.0], "stop": [4.0, 4.0], "event": event})
    found = split_at_times(rows, 2)
    assert found["event"].dtype == event.dtype
    assert found["event"].astype(int).tolist() == [0, 1, 0, 0]


def test_splitting_equals_r(cox_oracle, cox_models_oracle) -> None:
    rows = cox_oracle.frame("veteran").assign(start=0.0)
    found = split_at_times(rows, [90, 180], stop="time", event="status")
    r = pd.DataFrame(cox_models_oracle.value("effects", "steps"))
    for column in ("start", "time", "status", "karno"):
        np.testing.assert_array_equal(found[column], r[column])
    np.testing.assert_array_equal(found["interval"] + 1, r["interval"])


def test_rows_that_cannot_be_split_say_why() -> None:
    rows = pd.DataFrame({"start": [0, 3], "stop": [5, 3], "event": [1, 0], "interval": 1})
    with pytest.raises(EstimationError) as caught:
        split_at_times(rows, [4, 2])
    text = str(caught.value)
    assert "cuts are [4.0, 2.0]; rule" in text
    assert "stop <= start in 1 of 2 rows" in text
    assert "column 'interval' exists already" in text
    with pytest.raises(EstimationError, match=r"columns \['left'\] are missing"):
        split_at_times(rows, [4], event="left", interval="part")


spells = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 12), st.booleans()), min_size=2, max_size=25
)
cut_sets = st.sets(st.integers(0, 22), min_size=1, max_size=8).map(sorted)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(spells, cut_sets)
def test_splitting_conserves_time_and_events(drawn, cuts) -> None:
    rows = pd.DataFrame(drawn, columns=["start", "length", "event"])
    rows = rows.assign(stop=rows["start"] + rows["length"], who=range(len(rows)))
    before = rows.copy(deep=True)
    found = split_at_times(rows, cuts)
    pd.testing.assert_frame_equal(rows, before)
    length = (found["stop"] - found["start"]).groupby(found["who"]).sum()
    assert length.tolist() == rows["length"].tolist()
    assert found.groupby("who")["event"].sum().tolist() == rows["event"].astype(int).tolist()
    assert (found["stop"] > found["start"]).all()
    edges = np.array([-np.inf, *cuts, np.inf])
    assert (found["start"] >= edges[found["interval"]]).all()
    assert (found["stop"] <= edges[found["interval"] + 1]).all()
    # Splitting again changes nothing, and neither does it change a curve.
    again = split_at_times(found, cuts, interval="again")
    pd.testing.assert_frame_equal(again[found.columns], found)
    curves = [
        kaplan_meier(part["start"], part["stop"], part["event"], cluster=part["who"])
        for part in (rows, found)
    ]
    np.testing.assert_allclose(curves[0].retention, curves[1].retention, rtol=1e-12)


@pytest.mark.parametrize("effect", ["linear", "log", "spline", "step"])
def test_effects_equal_r(cox_oracle, cox_models_oracle, effect) -> None:
    found = fit_veteran(cox_oracle, effect=effect, cuts=[90, 180] if effect == "step" else None)
    r = {
        key: cox_models_oracle.numbers("effects", effect, key)
        for key in ("coef", "covariance", "log_likelihood")
    }
    np.testing.assert_allclose(found.fit.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(found.fit.covariance, r["covariance"], **ITERATED)
    np.testing.assert_allclose(found.fit.log_likelihood, r["log_likelihood"], rtol=1e-9)
    if effect == "spline":
        np.testing.assert_allclose(found.knots, cox_models_oracle.numbers("effects", "knots"))


def test_delayed_entry_and_clusters_equal_r(cox_oracle, cox_models_oracle) -> None:
    rows = cox_oracle.frame("heart")
    found = fit_cox_with_time_effect(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows[["age", "surgery"]],
        covariate="age",
        cluster=rows["id"],
    )
    r = cox_models_oracle.numbers("effects", "heart", "coef")
    np.testing.assert_allclose(found.fit.coefficients, r, **ITERATED)
    covariance = cox_models_oracle.numbers("effects", "heart", "covariance")
    np.testing.assert_allclose(found.fit.covariance, covariance, **ITERATED)


def test_the_ratio_over_time_by_hand(cox_oracle) -> None:
    found = fit_veteran(cox_oracle, effect="log")
    at = found.hazard_ratio_at([10, 100])
    _, b0, b1 = found.fit.coefficients
    v = found.fit.covariance
    u = np.log(100)
    np.testing.assert_allclose(at["log_hazard_ratio"][1], b0 + b1 * u, **BY_HAND)
    error = np.sqrt(v[1, 1] + 2 * u * v[1, 2] + u**2 * v[2, 2])
    np.testing.assert_allclose(at["standard_error"][1], error, **BY_HAND)
    upper = np.exp(b0 + b1 * u + 1.959963984540054 * error)
    np.testing.assert_allclose(at["ci_upper"][1], upper, **BY_HAND)
    np.testing.assert_allclose(found.constancy_statistic, b1**2 / v[2, 2], **BY_HAND)
    assert found.constancy_degrees_of_freedom == 1
    assert 0 < found.constancy_p_value < 0.05  # karno's effect is known to fade.


def test_steps_change_after_the_cut(cox_oracle) -> None:
    found = fit_veteran(cox_oracle, effect="step", cuts=[90, 180])
    at = found.hazard_ratio_at([1, 90, 91, 180, 200])["log_hazard_ratio"]
    _, b0, b1, b2 = found.fit.coefficients
    np.testing.assert_allclose(at, [b0, b0, b0 + b1, b0 + b1, b0 + b1 + b2], **BY_HAND)


def test_a_spline_is_straight_outside_its_knots() -> None:
    # Knots 1, 2, 4. Second column past 4, divided by (4 - 1)^2: the cubes cancel to a line.
    #   (t-1)^3 - (t-2)^3 (4-1)/(4-2) + (t-4)^3 (2-1)/(4-2): at 5: 64 - 40.5 + 0.5 = 24; 6: 125 -
    #   96 + 4 = 33; 7: 216 - 187.5 + 13.5 = 42, that is 9 more each time.
    found = restricted_cubic_spline(np.array([0.5, 5.0, 6.0, 7.0]), np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(found[:, 0], [0.5, 5, 6, 7])
    np.testing.assert_allclose(found[:, 1], [0, 24 / 9, 33 / 9, 42 / 9], **BY_HAND)


def test_a_known_change_is_found() -> None:
    # Hazard ratio e^0.8 up to time 1 and e^-0.4 after it.
    rng = np.random.default_rng(8)
    n = 4000
    x = rng.integers(0, 2, n)
    unit = rng.exponential(size=n)
    early, late = np.exp(0.8 * x), np.exp(-0.4 * x)
    stop = np.where(unit < early, unit / early, 1 + (unit - early) / late)
    rows = np.zeros(n), np.minimum(stop, 3), stop <= 3, pd.DataFrame({"x": x})
    found = fit_cox_with_time_effect(*rows, covariate="x", effect="step", cuts=[1.0])
    at = found.hazard_ratio_at([0.5, 2.0])
    error = at["log_hazard_ratio"] - np.array([0.8, -0.4])
    assert (error.abs() < 3.5 * at["standard_error"]).all()


def test_order_labels_and_the_scale_of_weights_do_not_matter(cox_oracle) -> None:
    rows = cox_oracle.frame("ticks").iloc[:120]

    def fit(part, factor):
        return fit_cox_with_time_effect(
            part["start"],
            part["stop"],
            part["event"],
            part[["x1", "x2"]],
            covariate="x1",
            strata=part["plan"],
            weights=factor * part["weight"],
            cluster=part["cluster"],
        )

    one = fit(rows, 1.0)
    shuffled = rows.sample(frac=1, random_state=3)
    other = fit(shuffled.assign(cluster=-shuffled["cluster"]), 2.0)
    np.testing.assert_allclose(one.fit.coefficients, other.fit.coefficients, rtol=1e-7)
    np.testing.assert_allclose(one.fit.covariance, other.fit.covariance, rtol=1e-7)


def test_a_constant_effect_needs_no_change(cox_oracle) -> None:
    # The likelihood of the larger model is higher, and only a little where nothing changes.
    rows = cox_oracle.frame("veteran")
    plain = fit_cox(np.zeros(len(rows)), rows["time"], rows["status"], rows[NAMES])
    found = fit_cox_with_time_effect(
        np.zeros(len(rows)), rows["time"], rows["status"], rows[NAMES], covariate="trt"
    )
    assert 0 <= found.fit.log_likelihood - plain.log_likelihood < 3
    # Twice the gain is the likelihood ratio test; Wald's agrees to first order.
    gain = 2 * (found.fit.log_likelihood - plain.log_likelihood)
    np.testing.assert_allclose(found.constancy_statistic, gain, rtol=0.15)


def test_what_cannot_be_fitted_says_why(cox_oracle) -> None:
    with pytest.raises(EstimationError) as caught:
        rows = cox_oracle.frame("veteran")
        fit_cox_with_time_effect(
            np.zeros(len(rows)),
            rows["time"],
            rows["status"],
            rows[NAMES],
            covariate="age",
            effect="sqrt",
            cuts=[1],
        )
    text = str(caught.value)
    assert "covariate 'age' is not among ['trt', 'karno']" in text
    assert "effect is 'sqrt'; rule" in text
    assert "cuts belong to effect='step'" in text
    with pytest.raises(EstimationError, match=r"makes \d+ rows, more than max_rows = 1000"):
        fit_veteran(cox_oracle, max_rows=1000)
    with pytest.raises(EstimationError, match="between the first event"):
        fit_veteran(cox_oracle, effect="log").hazard_ratio_at([5000])
    with pytest.raises(EstimationError, match="rule: they differ"):
        fit_cox_with_time_effect(
            [0] * 4, [1, 1, 1, 2], [1, 1, 1, 1], pd.DataFrame({"x": [0, 1, 1, 0]}),
            covariate="x", effect="spline",
        )  # fmt: skip


def test_the_units_are_the_rows_given_not_their_pieces() -> None:
    x = pd.DataFrame({"calls": [1, 0, 1, 0, 0, 1, 1, 0]})
    rows = [0] * 8, [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 0, 1, 1, 1, 1, 0]
    given = {"covariates": x, "covariate": "calls", "effect": "step", "cuts": [4]}
    weighted = fit_cox_with_time_effect(*rows, **given, weights=[1.0, 2.0] * 4).fit
    assert weighted.method == "Cox, Efron ties, robust error by row"
    assert not weighted.is_clustered
    assert weighted.n_clusters == 8
    assert weighted.caveats[0].startswith("Weights without clusters")
    assert not any("8 clusters" in text for text in weighted.caveats)
    plain = fit_cox_with_time_effect(*rows, **given).fit
    assert plain.n_clusters == 8 < plain.n_rows
    clustered = fit_cox_with_time_effect(*rows, **given, cluster=[1, 1, 2, 2, 3, 3, 4, 4]).fit
    assert clustered.is_clustered
    assert any("4 clusters: below 30" in text for text in clustered.caveats)
