"""Patients on and off ventilation, a published example with returns, against R etm and survival."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from state_histories import columns_of

from loyaltylab.survival import fit_transition_cox, state_occupation

STATES = ("breathing", "ventilated", "gone")
# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-9, "atol": 1e-12}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# etm's errors take moves for a Markov process, ours for whatever one patient does: they estimate
# the same where the model holds, here within this share of each other.
GREENWOOD_ERRORS = {"rtol": 0.1}


@pytest.mark.parametrize("start_state", ["breathing", "ventilated"])
def test_shares_equal_etm(ventilation_oracle, start_state) -> None:
    rows = ventilation_oracle.frame("rows")
    found = state_occupation(
        *columns_of(rows), customer=rows["id"], start_distribution={start_state: 1.0}
    )
    shares = ventilation_oracle.numbers(start_state, "share")
    variances = ventilation_oracle.numbers(start_state, "variance")
    for j, state in enumerate(STATES):
        at = found.at(ventilation_oracle.numbers("time"), state)
        np.testing.assert_allclose(at["occupation"], shares[j], **CLOSED_FORM)
        np.testing.assert_allclose(at["standard_error"], np.sqrt(variances[j]), **GREENWOOD_ERRORS)


def test_effects_of_age_and_sex_on_each_move_equal_r(ventilation_oracle) -> None:
    rows = ventilation_oracle.frame("rows")
    model = fit_transition_cox(*columns_of(rows), rows[["age", "male"]], customer=rows["id"])
    found = model.to_frame().set_index(["from_state", "to_state"])
    r = ventilation_oracle.value("cox")
    assert len(found) == 2 * len(r) == 8
    for move in r:
        own: pd.DataFrame = found.loc[(move["from"], move["to"])]
        np.testing.assert_allclose(own["coefficient"], move["coef"], **ITERATED)
        np.testing.assert_allclose(own["standard_error"], move["se"], **ITERATED)
