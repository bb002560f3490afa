"""Retention predicted along covariate paths: by hand, against R survival, what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oracle_fits import FITS, fit_as_r_did

from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_cox, predict_retention

# Both ends iterate to the same optimum, see test_cox.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# The same sums in another order.
REORDERED = {"rtol": 1e-9, "atol": 1e-12}
BY_HAND = {"rtol": 1e-10}
R_COLUMNS = {
    "time": "time",
    "cumulative_hazard": "hazard",
    "cumulative_hazard_error": "error",
    "retention": "retention",
    "ci_lower": "ci_lower",
    "ci_upper": "ci_upper",
}


@pytest.fixture
def small():
    """One event of two rows at 2 and of one at 4; see test_a_path_by_hand."""
    x = pd.DataFrame({"x": [1, 0, 1, 0]})
    return fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 1], x)


def assert_is_r_curve(frame: pd.DataFrame, oracle, *path) -> None:
    for ours, theirs in R_COLUMNS.items():
        r = oracle.numbers("curves", *path, theirs)
        np.testing.assert_allclose(frame[ours], r, **ITERATED)


def test_a_path_by_hand(small) -> None:
    # Score: 1 - 2r / (2r + 2) - r / (r + 2) = 0, so r^2 = 2. Baseline steps: 1 / (2r + 2) at 1,
    # 1 / (r + 2) at 2, 1 at 4. A path with x = 1 up to 1.5 and 0 after: r, 1, 1 times those.
    r = np.sqrt(2)
    np.testing.assert_allclose(small.hazard_ratio, [r], **BY_HAND)
    path = pd.DataFrame({"x": [1, 0]})
    found = predict_retention(small, path, start=[0, 1.5], stop=[1.5, 4])
    steps = [r / (2 * r + 2), 1 / (r + 2), 1.0]
    assert found.time.tolist() == [1, 2, 4]
    np.testing.assert_allclose(found.cumulative_hazard, np.cumsum(steps), **BY_HAND)
    np.testing.assert_allclose(found.retention, np.exp(-np.cumsum(steps)), **BY_HAND)
    # Variance at 2: (r / (2r + 2))^2 + 1 / (r + 2)^2 + gradient^2 / information, with
    #   gradient r / (2r + 2) (1 - r / (r + 1)) - r / (r + 2)^2,
    #   information r / (r + 1)^2 + 2r / (r + 2)^2.
    gradient = steps[0] / (r + 1) - r / (r + 2) ** 2
    information = r / (r + 1) ** 2 + 2 * r / (r + 2) ** 2
    variance = steps[0] ** 2 + steps[1] ** 2 + gradient**2 / information
    np.testing.assert_allclose(found.cumulative_hazard_error[1] ** 2, variance, **BY_HAND)
    np.testing.assert_allclose(
        found.standard_error, found.retention * found.cumulative_hazard_error, **BY_HAND
    )


def test_constant_covariates_equal_r(cox_oracle, cox_models_oracle) -> None:
    rows = cox_oracle.frame("veteran")
    fit = fit_cox(np.zeros(len(rows)), rows["time"], rows["status"], rows[["trt", "karno", "age"]])
    new = pd.DataFrame({"age": [60, 50], "karno": [40, 80], "trt": [1, 2]})
    frame = predict_retention(fit, new).to_frame()
    for code in (0, 1):
        own = frame[frame["customer"] == str(code)].reset_index(drop=True)
        assert_is_r_curve(own, cox_models_oracle, "veteran", code)


HEART_PATH = pd.DataFrame(
    {"age": [2, 2, 3], "year": 4, "surgery": [0, 0, 1], "transplanted": [0, 1, 1]}
)
HEART_TIMES = {"start": [0, 30, 90], "stop": [30, 90, 700]}


def test_a_path_equals_r(cox_oracle, cox_models_oracle) -> None:
    fit = fit_as_r_did(cox_oracle, "heart_naive")
    found = predict_retention(fit, HEART_PATH, **HEART_TIMES)
    for name in ("time", "hazard", "retention"):
        r = cox_models_oracle.numbers("curves", "heart", name)
        ours = found.cumulative_hazard if name == "hazard" else getattr(found, name)
        np.testing.assert_allclose(ours, r, **ITERATED)
    # R's error takes the last covariates for the whole past, so it is right up to the change.
    first = found.time <= 30
    r = cox_models_oracle.numbers("curves", "heart", "error")
    np.testing.assert_allclose(found.cumulative_hazard_error[first], r[first], **ITERATED)
    assert first.sum() > 10


def test_the_error_of_a_path_is_the_delta_method(cox_oracle) -> None:
    # The hazard as a plain function of the coefficients, Efron's steps summed one by one, and
    # its derivative by central differences.
    fit = fit_as_r_did(cox_oracle, "heart_naive")
    rows = cox_oracle.frame("heart")
    x = rows[list(fit.names)].to_numpy(dtype=float)
    path = HEART_PATH[list(fit.names)].to_numpy(dtype=float)
    found = predict_retention(fit, HEART_PATH, **HEART_TIMES)

    def trace(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hazard, own, total, square = [], [], 0.0, 0.0
        for time in found.time:
            at_risk = ((rows["start"] < time) & (rows["stop"] >= time)).to_numpy()
            leaves = at_risk & ((rows["stop"] == time) & (rows["event"] == 1)).to_numpy()
            risk = np.exp(x @ beta)
            here = np.exp(path[np.searchsorted(HEART_TIMES["stop"], time)] @ beta)
            for step in range(leaves.sum()):
                left = risk[at_risk].sum() - step / leaves.sum() * risk[leaves].sum()
                total, square = total + here / left, square + (here / left) ** 2
            hazard.append(total)
            own.append(square)
        return np.array(hazard), np.array(own)

    step = 1e-5
    gradient = []
    for j in range(len(fit.names)):
        change = step * (np.arange(len(fit.names)) == j)
        up, down = trace(fit.coefficients + change)[0], trace(fit.coefficients - change)[0]
        gradient.append((up - down) / (2 * step))
    gradient = np.array(gradient)
    own = trace(fit.coefficients)[1]
    variance = own + np.einsum("it,ij,jt->t", gradient, fit.covariance, gradient)
    # The central difference errs by the square of its step.
    np.testing.assert_allclose(found.cumulative_hazard_error**2, variance, rtol=1e-7)


def test_a_stratum_equals_r(cox_oracle, cox_models_oracle) -> None:
    rows = cox_oracle.frame("ticks")
    names = ["x1", "x2", "x3"]
    fit = fit_cox(rows["start"], rows["stop"], rows["event"], rows[names], strata=rows["plan"])
    one = pd.DataFrame({"x1": [1], "x2": 45, "x3": 0.4})
    found = predict_retention(fit, one, stratum="plus")
    assert_is_r_curve(found.to_frame(), cox_models_oracle, "ticks")


@pytest.mark.parametrize("name", FITS)
def test_one_constant_customer_is_the_cumulative_hazard(cox_oracle, name) -> None:
    fit = fit_as_r_did(cox_oracle, name)
    data, _, _ = FITS[name]
    at = cox_oracle.frame(data)[list(fit.names)].median()
    strata = fit.state.process.strata
    whole = fit.cumulative_hazard(at.to_dict())
    for label in strata:
        found = predict_retention(
            fit, at.to_frame().T, stratum=label if len(strata) > 1 else None
        ).to_frame()
        own = whole[whole["stratum"] == label].reset_index(drop=True)
        columns = [column for column in own if column != "stratum"]
        pd.testing.assert_frame_equal(found[columns], own[columns], rtol=1e-9, check_dtype=False)


@pytest.mark.parametrize("name", ["heart", "ticks_clustered"])
def test_cuts_order_and_labels_do_not_matter(cox_oracle, name) -> None:
    fit = fit_as_r_did(cox_oracle, name)
    data, _, _ = FITS[name]
    values = cox_oracle.frame(data)[list(fit.names)].iloc[[0, 40]].reset_index(drop=True)
    whole = predict_retention(fit, values, start=[0, 0], stop=[12, 20], customer=["b", "a"])
    cut = values.iloc[[1, 0, 1, 0]]
    split = predict_retention(
        fit, cut, start=[7, 3, 0, 0], stop=[20, 12, 7, 3], customer=["a", "b", "a", "b"]
    )
    assert whole.customers == split.customers == ("a", "b")
    assert whole.entry.tolist() == [0, 0]
    assert whole.end.tolist() == [20, 12]
    pd.testing.assert_frame_equal(whole.to_frame(), split.to_frame(), **REORDERED)


def test_reading_a_prediction(small) -> None:
    path = pd.DataFrame({"x": [1, 0]})
    found = predict_retention(small, path, start=[1, 2], stop=[2, 3.5])
    at = found.at([0.5, 1, 2, 3.5, 4])
    assert np.isnan(at["retention"][[0, 4]]).all()
    # From 1 on: the exit at 1 is behind, the one at 2 is faced with x = 1.
    r = np.sqrt(2)
    np.testing.assert_allclose(at["retention"][[1, 2, 3]], np.exp([0, *[-r / (r + 2)] * 2]))
    assert at["standard_error"][1] == 0.0


def test_paths_that_cannot_be_predicted_say_why(small) -> None:
    with pytest.raises(EstimationError) as caught:
        predict_retention(small, pd.DataFrame({"y": [1.0, np.nan]}), start=[0, 1])
    text = str(caught.value)
    assert "rule: exactly those of the fit, ['x']" in text
    assert "'y' is missing or infinite in 1 of 2 rows" in text
    assert "only one of start and stop" in text
    x = pd.DataFrame({"x": [1, 0]})
    with pytest.raises(EstimationError, match=r"gap or overlap before 1 of 2 rows .*: 1"):
        predict_retention(small, x, start=[0, 2], stop=[1, 3])
    with pytest.raises(EstimationError, match=r"past the last follow-up .* \(4\) in 1 of 2"):
        predict_retention(small, x, start=[0, 2], stop=[2, 5])
    with pytest.raises(EstimationError, match="differ in length"):
        predict_retention(small, x, start=[0], stop=[2])


def test_a_stratum_must_be_chosen_and_known(cox_oracle) -> None:
    fit = fit_as_r_did(cox_oracle, "bladder")
    one = pd.DataFrame({"rx": [1, 1], "number": 1, "size": 1})
    with pytest.raises(EstimationError, match="rule: a curve belongs to one"):
        predict_retention(fit, one)
    with pytest.raises(EstimationError, match=r"strata \['9'\] are not in the fit"):
        predict_retention(fit, one, stratum=9)
    with pytest.raises(EstimationError, match="stratum has 3 values for 2 rows"):
        predict_retention(fit, one, stratum=[1, 2, 3])
    with pytest.raises(EstimationError, match="changes stratum in 2 of 2 rows"):
        predict_retention(fit, one, start=[0, 5], stop=[5, 9], stratum=[1, 2])


def test_a_path_before_anybody_is_seen_is_said() -> None:
    x = pd.DataFrame({"x": [1, 0, 1, 0]})
    fit = fit_cox([3] * 4, [4, 5, 6, 7], [1, 1, 0, 1], x)
    found = predict_retention(fit, x.iloc[:1])
    assert "before anybody of their stratum is under observation (from 3 on)" in found.caveats[-1]
