"""Weights of life tables, looks, pseudo-values and time lost: by hand, against R, rows twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    incidence_pseudo_values,
    interval_censored_retention,
    life_table,
    restricted_mean_pseudo_values,
    restricted_time_lost_differences,
    retention_pseudo_values,
)

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-10}
BY_HAND = {"rtol": 1e-12, "atol": 1e-13}
# R's errors of the table are differences over 2e-4 of a weight.
DIFFERENCES = {"rtol": 1e-6, "atol": 1e-9}
# R stops once no jump changes by 5e-5 between passes of a slow climb, so it is not at the top.
R_STOPS_EARLY = 2e-3
# At a log likelihood 1e-7 from its maximum the masses are known to about its root.
NEAR_MAXIMUM = 1e-3
NEVER = float("inf")


def test_weighted_life_table_by_hand() -> None:
    # Weights 2, 1, 3, 2: exposed 8 - 1/2 in (0, 1], of which 2 leave; 5 - 2/2 in (1, 2], 3 leave.
    table = life_table([0] * 4, [1, 1, 2, 2], [1, 0, 1, 0], cuts=[0, 1, 2], weights=[2, 1, 3, 2])
    assert table["weight_exposed"].tolist() == [7.5, 4.0]
    assert table["n_exposed"].tolist() == [3.5, 1.5]
    np.testing.assert_allclose(table["retention"], [5.5 / 7.5, 5.5 / 30], **BY_HAND)
    # Weight times (own event - q own exposure), q = 4/15: 2 (11/15), 1 (-2/15), 3 (-4/15),
    # 2 (-4/15): over 5.5 these move the log of retention.
    moved = np.array([22, -2, -12, -8]) / 15
    error = 5.5 / 7.5 * np.sqrt(np.sum(moved**2)) / 5.5
    np.testing.assert_allclose(table["standard_error"][0], error, **BY_HAND)
    # Hazard 2 / (7.5 - 1), its slope 7.5 / 6.5^2.
    np.testing.assert_allclose(table["hazard"][0], 2 / 6.5, **BY_HAND)
    error = 7.5 / 6.5**2 * np.sqrt(np.sum(moved**2))
    np.testing.assert_allclose(table["hazard_standard_error"][0], error, **BY_HAND)


def test_weighted_life_table_equals_r(grouped_oracle) -> None:
    rows, cuts = grouped_oracle.frame("veteran"), grouped_oracle.value("cuts")
    weight = np.round(np.linspace(0.4, 2.4, len(rows)), 3)
    table = life_table(np.zeros(len(rows)), rows["time"], rows["status"], cuts=cuts, weights=weight)
    theirs, errors = (grouped_oracle.numbers("weighted_table", k) for k in ("values", "errors"))
    k = len(cuts) - 1
    # KMsurv reads retention at the start of an interval, and has no hazard in the last.
    np.testing.assert_allclose(table["retention"][:-1], theirs[1:k], **CLOSED_FORM)
    np.testing.assert_allclose(table["hazard"][:-1], theirs[k:-1], **CLOSED_FORM)
    np.testing.assert_allclose(table["standard_error"][:-1], errors[1:k], **DIFFERENCES)
    np.testing.assert_allclose(table["hazard_standard_error"][:-1], errors[k:-1], **DIFFERENCES)


def test_weighted_looks_equal_r(grouped_oracle) -> None:
    looks = grouped_oracle.frame("looks")
    left, right = looks["left"].to_numpy(float), looks["right"].astype(float).fillna(NEVER)
    weight = np.round(np.linspace(0.5, 2.0, len(looks)), 3)
    time = grouped_oracle.numbers("weighted_turnbull", "time")
    found = interval_censored_retention(left, right, times=time, weights=weight)
    theirs = grouped_oracle.numbers("weighted_turnbull", "retention")
    np.testing.assert_allclose(found.retention_lower, theirs, atol=R_STOPS_EARLY)


def test_weighted_looks_by_hand() -> None:
    # (0, 2], (1, 3], (2, never]: mass p in (1, 2], 1 - p in (2, 3]; weights 3 and 1 make p = 3/4.
    found = interval_censored_retention([0, 1, 2], [2, 3, NEVER], times=[2], weights=[3, 5, 1])
    np.testing.assert_allclose(found.mass, [0.75, 0.25], atol=NEAR_MAXIMUM)
    expected = 3 * np.log(0.75) + np.log(0.25)
    np.testing.assert_allclose(found.log_likelihood, expected, atol=1e-6)


def test_weighted_pseudo_values_by_hand() -> None:
    # Leaves at 1 with weight 3, stays with weight 1: retention at 2 is 1/4. A derivative by the
    # first weight is -1/16, by the second 3/16; times 4, plus 1/4: the outcomes 0 and 1.
    found = retention_pseudo_values([0, 0], [1, 3], [1, 1], time=2, weights=[3, 1])
    np.testing.assert_allclose(found.values, [0, 1], **BY_HAND)
    np.testing.assert_allclose(found.estimate, 0.25, **BY_HAND)


def test_weighted_pseudo_values_equal_r(pseudo_oracle) -> None:
    v, m = pseudo_oracle.frame("veteran"), pseudo_oracle.frame("mgus")
    rows = np.zeros(len(v)), v["time"], v["status"]
    found = {
        "survival": retention_pseudo_values(*rows, time=90, weights=v["weight"]),
        "rmst": restricted_mean_pseudo_values(*rows, horizon=180, weights=v["weight"]),
        "incidence": incidence_pseudo_values(
            np.zeros(len(m)), m["months"], m["exit"], cause="pcm", time=120, weights=m["weight"]
        ),
    }
    for name, ours in found.items():
        theirs = pseudo_oracle.numbers("weighted", name)
        np.testing.assert_allclose(ours.values, theirs, **CLOSED_FORM)
        weight = (m if name == "incidence" else v)["weight"]
        mean = np.average(ours.values, weights=weight)
        np.testing.assert_allclose(mean, ours.estimate, **CLOSED_FORM)


def test_weighted_time_lost_equals_r(pseudo_oracle) -> None:
    rows = pseudo_oracle.frame("mgus")
    found = restricted_time_lost_differences(
        np.zeros(len(rows)), rows["months"], rows["exit"], rows["sex"], exposed="M",
        reference="F", horizon=120, weights=rows["weight"],
    )  # fmt: skip
    lost = pseudo_oracle.numbers("weighted_lost")
    np.testing.assert_allclose(found["difference"][:2], lost[:2, 1] - lost[:2, 0], **CLOSED_FORM)
    error = np.hypot(lost[2:, 0], lost[2:, 1])
    np.testing.assert_allclose(found["standard_error"][:2], error, **CLOSED_FORM)


def test_weighted_time_lost_by_hand() -> None:
    # To price by 4: 3 with weight 2 and 0 with weight 1, mean 2; 1 and 0 alike, mean 1/2.
    found = restricted_time_lost_differences(
        [0] * 5, [1, 4, 3, 4, 2], ["price", "", "price", "", "price"], ["a", "a", "b", "b", "b"],
        exposed="a", reference="b", horizon=4, weights=[2, 1, 1, 1, 0],
    )  # fmt: skip
    np.testing.assert_allclose(found["difference"][0], 1.5, **BY_HAND)
    # Weight times distance from the mean, over the weights: 2/3, -2/3 and 1/4, -1/4.
    np.testing.assert_allclose(found["standard_error"][0], np.sqrt(8 / 9 + 2 / 16), **BY_HAND)


row = st.tuples(st.integers(1, 8), st.booleans(), st.integers(0, 2))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(row, min_size=4, max_size=30))
def test_a_weight_of_two_is_a_row_given_twice(drawn) -> None:
    frame = pd.DataFrame(drawn, columns=["stop", "event", "weight"]).astype(float)
    ends = pd.DataFrame({"stop": [9.0, 9.0, 4.0, 9.0], "event": [0.0, 0, 1, 0], "weight": 1.0})
    frame = pd.concat([frame, ends], ignore_index=True).assign(start=0.0)
    twice = frame.loc[frame.index.repeat(frame["weight"].astype(int))]
    columns = ("start", "stop", "event")
    rows, copies = ([part[name] for name in columns] for part in (frame, twice))
    weighted = life_table(*rows, cuts=range(9), weights=frame["weight"], cluster=frame.index)
    repeated = life_table(*copies, cuts=range(9), cluster=twice.index)
    for name in ("weight_exposed", "retention", "standard_error", "hazard_standard_error"):
        np.testing.assert_allclose(weighted[name], repeated[name], **CLOSED_FORM)
    ours = restricted_mean_pseudo_values(*rows, horizon=8, weights=frame["weight"])
    theirs = restricted_mean_pseudo_values(*copies, horizon=8)
    copied = frame["weight"][frame["weight"] > 0].astype(int)
    np.testing.assert_allclose(np.repeat(ours.values, copied), theirs.values, **CLOSED_FORM)
    looks = frame["stop"] - 1, frame["stop"].where(frame["event"] == 1, NEVER)
    one = interval_censored_retention(*looks, times=[2, 4], weights=frame["weight"])
    other = interval_censored_retention(*(part[twice.index] for part in looks), times=[2, 4])
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, atol=1e-6)
    np.testing.assert_allclose(one.retention_lower, other.retention_lower, atol=NEAR_MAXIMUM)


def test_replicates_draw_weighted_customers() -> None:
    looks = np.array([0.0, 1, 2] * 10), np.array([2.0, 3, NEVER] * 10)
    options = {"times": [2.0], "n_replicates": 100, "seed": 4}
    plain = interval_censored_retention(*looks, **options)
    ones = interval_censored_retention(*looks, weights=np.ones(30), **options)
    np.testing.assert_array_equal(ones.ci_lower, plain.ci_lower)
    heavy = interval_censored_retention(*looks, weights=[3, 1, 1] * 10, **options)
    assert heavy.ci_lower[0] < plain.ci_lower[0]


def test_weights_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(EstimationError, match="weights are negative in 1 of 2 rows"):
        life_table([0, 0], [1, 2], [1, 1], cuts=[0, 1, 2], weights=[1, -1])
    looks = {"left": [0, 1], "right": [2, NEVER], "times": [1]}
    with pytest.raises(EstimationError, match="nobody of positive weight is seen to leave"):
        interval_censored_retention(**looks, weights=[0, 1])
    with pytest.raises(EstimationError, match="weights has 1 values, right 2"):
        interval_censored_retention(**looks, weights=[1])
    with pytest.raises(EstimationError, match="weights change within a customer at 1 of 3 rows"):
        retention_pseudo_values(
            [0, 1, 0], [1, 2, 3], [0, 1, 0], time=2, customer=["a", "a", "b"], weights=[1, 2, 1]
        )
    with pytest.raises(EstimationError, match="weights are negative"):
        restricted_time_lost_differences(
            [0] * 2, [1, 2], ["price"] * 2, ["a", "b"], exposed="a", reference="b", horizon=1,
            weights=[1, -1],
        )  # fmt: skip
