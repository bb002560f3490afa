"""Cox models of moves: by hand, against R's stacked fits, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from state_histories import columns_of, split_rows

from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_cox, fit_transition_cox
from loyaltylab.survival.clock_reset import reset_clock

# Newton steps to rounding; the rest is arithmetic.
BY_HAND = {"rtol": 1e-10}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}

# Moves active -> left: at 2 two (x = 1 and 0) among 2r + 2; the fourth row enters at 2, after
# that; at 3 one (x = 1) among r + 2. Score: 2 - 2r / (r + 1) - r / (r + 2) = 0: r^2 - r - 4 = 0.
# Moves active -> saved: one at 4, x = 0, of two with x = 0. No information on its own effect.
ROWS = pd.DataFrame(
    [
        (1, 0, 2, "active", "left", 1),
        (2, 0, 2, "active", "left", 0),
        (3, 1, 3, "active", "left", 1),
        (4, 2, 4, "active", "", 0),
        (5, 0, 4, "active", "saved", 0),
    ],
    columns=["customer", "start", "stop", "from", "to", "x"],
)
RATIO = (1 + 17**0.5) / 2


def fit_rows(rows: pd.DataFrame, names: list[str], **roles):
    return fit_transition_cox(*columns_of(rows), rows[names], customer=rows["customer"], **roles)


def test_one_move_by_hand() -> None:
    found = fit_rows(ROWS, ["x"], transitions=[("active", "left")])
    assert found.fit.names == ("x: active -> left",)
    np.testing.assert_allclose(found.fit.hazard_ratio, [RATIO], **BY_HAND)
    assert found.n_events == (3,)
    frame = found.to_frame()
    assert frame["covariate"].tolist() == ["x"]
    np.testing.assert_allclose(frame["hazard_ratio"], [RATIO], **BY_HAND)
    # Efron at 2: 1 / (2r + 2) + 1 / (1.5r + 1.5) = 7 / (6r + 6); at 3: 1 / (r + 2).
    hazard = found.cumulative_hazard()
    steps = np.cumsum([7 / (6 * RATIO + 6), 1 / (RATIO + 2)])
    np.testing.assert_allclose(hazard["cumulative_hazard"], steps, **BY_HAND)
    with_x = found.cumulative_hazard({"x": 1.0})
    np.testing.assert_allclose(with_x["cumulative_hazard"], RATIO * steps, **BY_HAND)


def test_a_shared_effect_by_hand() -> None:
    # The move to saved has a baseline of its own and, with x = 0 alone at risk, says nothing.
    found = fit_rows(ROWS, ["x"], shared=["x"])
    np.testing.assert_allclose(found.fit.hazard_ratio, [RATIO], **BY_HAND)
    assert found.transitions == (("active", "left"), ("active", "saved"))
    assert found.n_events == (3, 1)
    hazard = found.cumulative_hazard({"x": 1.0})
    saved = hazard[hazard["to_state"] == "saved"]
    np.testing.assert_allclose(saved["cumulative_hazard"], [RATIO / 2], **BY_HAND)


def test_a_clock_reset_by_hand() -> None:
    # The same stays as in ROWS, each begun by a move ten days later than the last.
    start = 10.0 * ROWS.index + ROWS["start"]
    later = ROWS.assign(start=start, stop=start + ROWS["stop"] - ROWS["start"])
    found = fit_rows(
        later,
        ["x"],
        transitions=[("active", "left")],
        clock="reset",
        state_entry=10.0 * ROWS.index,
    )
    np.testing.assert_allclose(found.fit.hazard_ratio, [RATIO], **BY_HAND)
    untold = fit_rows(later, ["x"], transitions=[("active", "left")], clock="reset")
    assert untold.caveats[-1].startswith("4 stays begin with a late entry")


MODELS = {
    "mgus_forward": ("mgus", ["age", "male"], [], "forward"),
    "mgus_shared": ("mgus", ["age", "male"], ["male"], "forward"),
    "mgus_reset": ("mgus", ["age", "male"], [], "reset"),
    "tickets_forward": ("tickets", ["price", "contract"], ["contract"], "forward"),
    "tickets_reset": ("tickets", ["price", "contract"], ["contract"], "reset"),
}


def fit_as_r_did(oracle, name, change=lambda rows: rows):
    data, names, shared, clock = MODELS[name]
    rows = oracle.frame(data)
    rows = change(rows if data == "tickets" else rows.rename(columns={"id": "customer"}))
    roles = {"shared": shared, "clock": clock}
    if data == "tickets":
        roles |= {"weights": rows["weight"], "cluster": rows["household"]}
    return fit_rows(rows, names, **roles)


@pytest.mark.parametrize("name", MODELS)
def test_fits_equal_r(multi_state_oracle, name) -> None:
    found = fit_as_r_did(multi_state_oracle, name)
    names = multi_state_oracle.value("models", name, "names")
    order = [found.fit.names.index(column) for column in names]
    assert sorted(order) == list(range(len(found.fit.names)))
    coefficients = multi_state_oracle.numbers("models", name, "coef")
    covariance = multi_state_oracle.numbers("models", name, "covariance")
    np.testing.assert_allclose(found.fit.coefficients[order], coefficients, **ITERATED)
    np.testing.assert_allclose(found.fit.covariance[np.ix_(order, order)], covariance, **ITERATED)


def test_each_move_is_a_fit_of_its_own(multi_state_oracle) -> None:
    rows = multi_state_oracle.frame("mgus")
    found = fit_as_r_did(multi_state_oracle, "mgus_forward").to_frame()
    alone = rows[rows["from"] == "mgus"].reset_index(drop=True)
    one = fit_cox(
        alone["start"], alone["stop"], alone["to"] == "pcm", alone[["age", "male"]],
        cluster=alone["id"],
    )  # fmt: skip
    own = found[(found["from_state"] == "mgus") & (found["to_state"] == "pcm")]
    np.testing.assert_allclose(own["coefficient"], one.coefficients, **REFITTED)
    np.testing.assert_allclose(own["standard_error"], one.standard_error, **REFITTED)


def shuffle(rows: pd.DataFrame) -> pd.DataFrame:
    mixed = rows.sample(frac=1, random_state=4)
    return mixed.assign(customer=mixed["customer"].map(lambda code: f"c{-code}"))


def in_years(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)


@pytest.mark.parametrize("name", ["tickets_forward", "tickets_reset"])
@pytest.mark.parametrize("change", [split_rows, shuffle, in_years])
def test_cuts_order_and_units_change_nothing(multi_state_oracle, name, change) -> None:
    whole = fit_as_r_did(multi_state_oracle, name)
    other = fit_as_r_did(multi_state_oracle, name, change)
    np.testing.assert_allclose(whole.fit.coefficients, other.fit.coefficients, **REFITTED)
    np.testing.assert_allclose(whole.fit.covariance, other.fit.covariance, **REFITTED)


def test_lengths_equal_but_for_rounding_are_tied() -> None:
    since = np.array([0.1, 0.2, 0.7, 1000.3])
    start, stop = reset_clock(since, since + 0.1, since)
    assert np.ptp(start) == 0.0
    assert np.ptp(stop) == 0.0
    assert reset_clock(since, since + 0.1 * np.arange(1, 5), since)[1].argsort().tolist() == [
        0, 1, 2, 3,
    ]  # fmt: skip


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(EstimationError) as caught:
        fit_rows(ROWS.assign(to="left"), ["x"], shared=["y"], clock="gap", state_entry=[0] * 5)
    listed = "\n".join(caught.value.problems)
    assert "shared names ['y']" in listed
    assert "clock is 'gap'" in listed
    with pytest.raises(EstimationError, match="state_entry has no use on the forward clock"):
        fit_rows(ROWS, ["x"], state_entry=[0] * 5)
    with pytest.raises(EstimationError, match="state_entry is after start in 1 of 5 rows"):
        fit_rows(ROWS, ["x"], clock="reset", state_entry=[0, 1, 1, 2, 0])
    with pytest.raises(EstimationError, match="state_entry has another length"):
        fit_rows(ROWS, ["x"], clock="reset", state_entry=[0])
    with pytest.raises(EstimationError, match="nobody moves left -> active"):
        fit_rows(ROWS, ["x"], transitions=[("left", "active")])
    with pytest.raises(EstimationError, match="no move at all"):
        fit_rows(ROWS.assign(to=""), ["x"])
    with pytest.raises(EstimationError, match="'x: active -> saved' does not vary"):
        fit_rows(ROWS, ["x"])
    with pytest.raises(EstimationError, match="exactly the covariates"):
        fit_rows(ROWS, ["x"], shared=["x"]).cumulative_hazard({"y": 1.0})
