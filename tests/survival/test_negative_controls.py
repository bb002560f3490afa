"""An effect beside that on a negative control: by hand, against stacked rows in R, and errors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import andersen_gill, compare_with_negative_control

# A Newton search that stops within rounding of a closed form.
BY_HAND = {"rtol": 1e-9, "atol": 1e-9}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}

# Four customers under observation from 0 to 30; 1 and 2 are exposed.
EVENTS = {1: [1, 2, 3], 2: [4], 3: [5, 6], 4: []}
CONTROLS = {1: [11, 12], 2: [13], 3: [14], 4: [15, 16]}


def chain_rows(events: dict, controls: dict, end: float = 30) -> pd.DataFrame:
    lines = []
    for customer in events:
        edges = sorted({0, end, *events[customer], *controls[customer]})
        for start, stop in pairwise(edges):
            happened = (stop in events[customer], stop in controls[customer])
            lines.append((customer, start, stop, *happened, int(customer <= 2)))
    columns = ["customer", "start", "stop", "event", "control", "x"]
    return pd.DataFrame(lines, columns=columns)


ROWS = chain_rows(EVENTS, CONTROLS)


def compare(rows: pd.DataFrame, **changes):
    given_columns = {
        "covariates": rows[["x"]], "control_event": rows["control"], "exposure": "x",
        "customer": rows["customer"],
    }  # fmt: skip
    return compare_with_negative_control(
        rows["start"], rows["stop"], rows["event"], **given_columns | changes
    )


def test_two_ratios_by_hand() -> None:
    found = compare(ROWS)
    # With all at risk throughout, the ratio is 4 events over 2, and 3 controls over 3.
    np.testing.assert_allclose(found.event.value, 2.0, **BY_HAND)
    np.testing.assert_allclose(found.control.value, 1.0, **BY_HAND)
    np.testing.assert_allclose(found.ratio.value, 2.0, **BY_HAND)
    # A customer's influence is its events less the mean of the group, over the group's events,
    # with the sign of the group: 1/4, -1/4, -1/2, 1/2 and 1/6, -1/6, 1/6, -1/6.
    expected = [[5 / 8, -1 / 12], [-1 / 12, 1 / 9]]
    np.testing.assert_allclose(found.covariance, expected, **BY_HAND)
    # 5/8 + 1/9 + 2/12 = 65/72.
    error = np.sqrt(65 / 72)
    np.testing.assert_allclose(found.ratio.standard_error, error, **BY_HAND)
    limits = 2 * np.exp(np.array([-1, 1]) * 1.959963984540054 * error)
    np.testing.assert_allclose([found.ratio.ci_lower, found.ratio.ci_upper], limits, **BY_HAND)
    assert (found.ratio.n, found.event.n_events, found.control.n_events) == (4, 6, 6)
    assert found.to_frame().loc["ratio", "n_events"] == 12


COLUMNS = {
    "cgd": (["tstart", "tstop", "status"], {"control_event": "other", "customer": "id"}),
    "cgd_center": (
        ["tstart", "tstop", "status"],
        {"control_event": "other", "customer": "id", "cluster": "center", "weights": "weight"},
    ),
    "colon": (
        ["start", "stop", "recurs"],
        {"control_event": "dies", "customer": "id", "at_risk": "can_recur"},
    ),
}


def compare_as_r_did(oracle, name):
    triple, roles = COLUMNS[name]
    rows = oracle.frame(name.split("_")[0])
    given_columns = {role: rows[column] for role, column in roles.items()}
    return compare_with_negative_control(
        *(rows[column] for column in triple), rows[["treated", "age"]], exposure="treated",
        **given_columns,
    )  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_equals_stacked_rows_in_r(controls_oracle, name) -> None:
    found = compare_as_r_did(controls_oracle, name)
    # R's terms: treated (of the control), age, treated:kind (event over control), age:kind.
    theirs = controls_oracle.numbers("joint", name, "coef")
    np.testing.assert_allclose(np.log(found.control.value), theirs[0], **ITERATED)
    np.testing.assert_allclose(np.log(found.ratio.value), theirs[2], **ITERATED)
    np.testing.assert_allclose(np.log(found.event.value), theirs[0] + theirs[2], **ITERATED)
    matrix = controls_oracle.numbers("joint", name, "covariance")
    np.testing.assert_allclose(found.ratio.standard_error, np.sqrt(matrix[2, 2]), **ITERATED)
    turn = np.array([[1, 0, 1, 0], [1, 0, 0, 0]])
    np.testing.assert_allclose(found.covariance, turn @ matrix @ turn.T, **ITERATED)


def test_each_ratio_is_that_of_its_own_model(controls_oracle) -> None:
    rows = controls_oracle.frame("colon")
    found = compare_as_r_did(controls_oracle, "colon")
    own = rows[rows["can_recur"] == 1].reset_index(drop=True)
    alone = andersen_gill(
        own["start"], own["stop"], own["recurs"], own[["treated", "age"]], customer=own["id"]
    )
    np.testing.assert_allclose(found.event.value, alone.hazard_ratio[0], **REFITTED)
    np.testing.assert_allclose(found.event.standard_error, alone.standard_error[0], **REFITTED)
    np.testing.assert_allclose(found.covariance[0, 0], alone.covariance[0, 0], **REFITTED)
    variances = np.diag(found.covariance)
    product = found.correlation * np.sqrt(variances.prod())
    np.testing.assert_allclose(found.covariance[0, 1], product, **REFITTED)


times = st.lists(st.integers(1, 28), max_size=4, unique=True)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(times, times), min_size=2, max_size=6))
def test_order_cuts_units_and_weights_for_all_change_nothing(drawn) -> None:
    events, controls = dict(EVENTS), dict(CONTROLS)
    for number, (own, other) in enumerate(drawn):
        events[5 + number], controls[5 + number] = own, other
    rows = chain_rows(events, controls)
    base = compare(rows)
    cut = rows[rows["stop"] - rows["start"] > 1]
    early = cut.assign(stop=cut["start"] + 0.5, event=False, control=False)
    late = rows.assign(start=rows["start"].mask(rows["stop"] - rows["start"] > 1, early["stop"]))
    turned = pd.concat([late, early]).iloc[::-1].reset_index(drop=True)
    turned = turned.assign(start=turned["start"] / 7, stop=turned["stop"] / 7)
    other = compare(turned)
    # Weights count as shares: twice all of them is the same, and none is an absent customer.
    weighted = compare(rows, weights=np.full(len(rows), 2.0))
    more = pd.concat([rows, rows.assign(customer=rows["customer"] + 100)], ignore_index=True)
    absent = compare(more, weights=(more["customer"] < 100).astype(float))
    for one, two in ((base, other), (base, weighted), (base, absent)):
        assert one.ratio.n == two.ratio.n
        np.testing.assert_allclose(two.ratio.p_value, one.ratio.p_value, **REFITTED)
        np.testing.assert_allclose(two.covariance, one.covariance, **REFITTED)
        np.testing.assert_allclose(two.ratio.value, one.ratio.value, rtol=1e-6)


def test_the_same_event_twice_has_no_error() -> None:
    with pytest.raises(EstimationError, match="robust error of the ratio of the two is 0"):
        compare(ROWS, control_event=ROWS["event"])


def test_what_the_control_says_is_a_caveat(controls_oracle) -> None:
    texts = compare(ROWS).caveats
    assert "Only 6 control events: below 10 they show little." in texts
    assert "may be 1, which does not show that there is no bias" in texts[-1]
    biased = compare_as_r_did(controls_oracle, "cgd")
    assert "is not 1, though the exposure cannot cause it" in biased.caveats[-1]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(EstimationError) as caught:
        compare(ROWS, exposure="z", control_event=["a"] * len(ROWS), at_risk=[0] * len(ROWS))
    listed = "\n".join(caught.value.problems)
    assert "exposure 'z' is not among ['x']" in listed
    assert "control_event has type" in listed
    assert f"event happens where at_risk is false in 6 of {len(ROWS)} rows" in listed
    with pytest.raises(EstimationError, match="control_event never happens"):
        compare(ROWS, control_event=np.zeros(len(ROWS)))
    with pytest.raises(EstimationError, match="customer has 1 values"):
        compare(ROWS, customer=[1])
    with pytest.raises(EstimationError, match="control_event has 2 values"):
        compare(ROWS, control_event=[0, 1])
    with pytest.raises(EstimationError, match="cluster is missing in 1 of"):
        compare(ROWS, cluster=[None, *ROWS["customer"][1:]])
    only = ROWS["control"] & (ROWS["x"] == 1)
    with pytest.raises(EstimationError, match="The model of control_event: "):
        compare(ROWS, control_event=only)
