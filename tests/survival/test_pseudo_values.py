"""Pseudo-values and their regression: by hand, against R survival and geepack."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    cumulative_incidence,
    incidence_pseudo_values,
    kaplan_meier,
    pseudo_value_regression,
    restricted_mean_pseudo_values,
    restricted_mean_retention_time,
    retention_pseudo_values,
)

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-10}
BY_HAND = {"rtol": 1e-12, "atol": 1e-13}
# Two searches for one solution; geepack stops at a step of 1e-12 but in its own units.
REFITTED = {"rtol": 1e-6, "atol": 1e-9}
# The same sums in another order.
REORDERED = {"rtol": 1e-8, "atol": 1e-9}

START, STOP, EVENT = [0, 0, 0, 0], [1, 2, 3, 4], [1, 0, 1, 1]


def test_without_censoring_they_are_the_outcomes() -> None:
    stop = [1.0, 2.0, 5.0, 9.0]
    mean = restricted_mean_pseudo_values([0] * 4, stop, [1] * 4, horizon=6)
    np.testing.assert_allclose(mean.values, [1, 2, 5, 6], **BY_HAND)
    share = retention_pseudo_values([0] * 4, stop, [1] * 4, time=2)
    np.testing.assert_allclose(share.values, [0, 0, 1, 1], **BY_HAND)
    left = incidence_pseudo_values([0] * 4, stop, ["a", "b", "a", ""], cause="a", time=5)
    np.testing.assert_allclose(left.values, [1, 0, 1, 0], **BY_HAND)


def test_by_hand_with_censoring() -> None:
    # Retention 3/4 from 1, 3/8 from 3. Influence on it at 3: -3/8 (sum of (dN - Y dH) / (n - d)).
    # First: (1 - 1/4) / 3 = 1/4, so -3/32; x 4 is -3/8: value 0. Second: -1/12, so 1/32 and 1/2.
    # Third: -1/12 + (1 - 1/2) / 1 = 5/12, so -5/32: -1/4. Fourth: -1/12 - 1/2 = -7/12: 5/4.
    found = retention_pseudo_values(START, STOP, EVENT, time=3, customer=list("wxyz"))
    np.testing.assert_allclose(found.values, [0, 0.5, -0.25, 1.25], **BY_HAND)
    assert (found.estimate, found.customer, found.caveats) == (0.375, ("w", "x", "y", "z"), ())
    assert found.to_frame()["pseudo_value"].tolist() == found.values.tolist()


def test_incidence_and_restricted_mean_by_hand_with_censoring() -> None:
    # First leaves by a at 1, second is lost, third leaves by b at 3, fourth by a at 4. Influences
    # on retention from 1: -3/16 and three times 1/16; from 3: -3/32, 1/32, -5/32, 7/32.
    late = np.array([-3, 1, -5, 7]) / 32
    early = np.array([-3, 1, 1, 1]) / 16
    # Incidence of a at 4: what was lost at 1, and all retained from 3: 1/4 + 3/8.
    incidence = incidence_pseudo_values(START, STOP, ["a", "", "b", "a"], cause="a", time=4)
    np.testing.assert_allclose(incidence.values, 5 / 8 + 4 * (late - early), **BY_HAND)
    # To 4: 1 day of all, 2 days of 3/4, one of 3/8.
    mean = restricted_mean_pseudo_values(START, STOP, EVENT, horizon=4)
    np.testing.assert_allclose(mean.values, 2.875 + 4 * (2 * early + late), **BY_HAND)
    assert mean.values.round(12).tolist() == [1, 3.5, 2.75, 4.25]


def test_values_equal_r(pseudo_oracle) -> None:
    v, m = pseudo_oracle.frame("veteran"), pseudo_oracle.frame("mgus")
    heart, late = pseudo_oracle.frame("heart"), pseudo_oracle.frame("late")
    zero, triple = np.zeros(len(v)), (heart["start"], heart["stop"], heart["event"])
    found = {
        "rmst": restricted_mean_pseudo_values(zero, v["time"], v["status"], horizon=180),
        "survival": retention_pseudo_values(zero, v["time"], v["status"], time=90),
        "heart_survival": retention_pseudo_values(*triple, time=100, customer=heart["id"]),
        "heart_rmst": restricted_mean_pseudo_values(*triple, horizon=300, customer=heart["id"]),
        "late_survival": retention_pseudo_values(
            late["start"], late["stop"], late["event"], time=8
        ),
        "incidence": incidence_pseudo_values(
            np.zeros(len(m)), m["months"], m["exit"], cause="pcm", time=120
        ),
    }
    for name, ours in found.items():
        theirs = pseudo_oracle.numbers("values", name)
        np.testing.assert_allclose(ours.values, theirs, **CLOSED_FORM)
    assert list(found["heart_rmst"].customer) == pseudo_oracle.value("values", "heart_id")
    assert found["late_survival"].caveats[-1].startswith("Delayed entry: pseudo-values")
    assert found["rmst"].caveats == ()


@pytest.mark.parametrize("clustering", ["row", "household"])
@pytest.mark.parametrize("link", ["identity", "log", "logit", "cloglog"])
def test_regression_equals_geepack(pseudo_oracle, clustering, link) -> None:
    rows = pseudo_oracle.frame("veteran")
    values = pseudo_oracle.numbers("values", "rmst")
    if link in ("logit", "cloglog"):
        values = 1 - pseudo_oracle.numbers("values", "survival")
    fit = pseudo_value_regression(
        values,
        rows[["is_test", "karno"]],
        link=link,
        cluster=rows["household"] if clustering == "household" else None,
    )
    theirs = pseudo_oracle.numbers("fits", clustering, link, "coef")
    np.testing.assert_allclose(fit.coefficients, theirs, **REFITTED)
    errors = pseudo_oracle.numbers("fits", clustering, link, "se")
    np.testing.assert_allclose(fit.standard_error, errors, **REFITTED)


def test_identity_link_is_least_squares_with_a_sandwich(pseudo_oracle) -> None:
    rows = pseudo_oracle.frame("veteran")
    values = pseudo_oracle.numbers("values", "rmst")
    fit = pseudo_value_regression(values, rows[["karno"]], cluster=rows["household"])
    x = np.column_stack([np.ones(len(rows)), rows["karno"]])
    beta = np.linalg.solve(x.T @ x, x.T @ values)
    scores = pd.DataFrame(x * (values - x @ beta)[:, None]).groupby(rows["household"]).sum()
    bread = np.linalg.inv(x.T @ x)
    covariance = bread @ (scores.T.to_numpy() @ scores.to_numpy()) @ bread
    np.testing.assert_allclose(fit.coefficients, beta, **CLOSED_FORM)
    np.testing.assert_allclose(fit.covariance, covariance, **CLOSED_FORM)
    frame = fit.to_frame()
    assert frame.index.tolist() == ["intercept", "karno"]
    np.testing.assert_allclose(frame["z"], beta / np.sqrt(np.diag(covariance)), **CLOSED_FORM)


def test_two_groups_by_hand() -> None:
    # Means 2 and 6, residuals -1, 1, -2, 2: variance of the first mean (1 + 1) / 2^2 = 1/2, of
    # the difference 1/2 + (4 + 4) / 2^2 = 5/2; of the log ratio (1/2) / 2^2 + 2 / 6^2.
    x = pd.DataFrame({"is_helped": [0, 0, 1, 1]})
    values = [1.0, 3.0, 4.0, 8.0]
    plain = pseudo_value_regression(values, x)
    np.testing.assert_allclose(plain.coefficients, [2, 4], **BY_HAND)
    np.testing.assert_allclose(plain.standard_error, np.sqrt([0.5, 2.5]), **BY_HAND)
    log = pseudo_value_regression(values, x, link="log")
    np.testing.assert_allclose(log.coefficients, np.log([2, 3]), rtol=1e-9)
    np.testing.assert_allclose(log.standard_error[1], np.sqrt(0.125 + 2 / 36), rtol=1e-9)
    assert plain.caveats == ("4 clusters: below 30 robust errors are too small.",)


row = st.tuples(st.integers(0, 6), st.integers(1, 9), st.integers(0, 2))
tables = st.lists(row, min_size=2, max_size=30).map(
    lambda rows: pd.DataFrame(
        {
            "start": [float(r[0]) for r in rows],
            "stop": [float(r[0] + r[1]) for r in rows],
            "exit": [("", "price", "service")[r[2]] for r in rows[:-1]] + ["price"],
            "person": [f"c{i}" for i in range(len(rows))],
        }
    )
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(tables)
def test_their_mean_and_spread_are_the_estimate_and_its_error(rows) -> None:
    time = float(rows["stop"].max())
    columns, person = (rows["start"], rows["stop"]), rows["person"]
    left, n = rows["exit"] != "", len(rows)
    mean = restricted_mean_pseudo_values(*columns, left, horizon=time, customer=person)
    peer = restricted_mean_retention_time(*columns, left, horizon=time, cluster=person)
    incidence = incidence_pseudo_values(
        *columns, rows["exit"], cause="price", time=time, customer=person
    )
    exits = cumulative_incidence(*columns, rows["exit"], cluster=person)
    two = exits.incidence_at(time, "price")
    for values, estimate in ((mean.values, peer), (incidence.values, two)):
        np.testing.assert_allclose(values.mean(), estimate.value, **REORDERED)
        spread = np.sum((values - values.mean()) ** 2) / n**2
        np.testing.assert_allclose(spread, estimate.standard_error**2, rtol=1e-6, atol=1e-10)
    share = retention_pseudo_values(*columns, left, time=time, customer=person)
    curve = kaplan_meier(*columns, left, cluster=person)
    np.testing.assert_allclose(share.values.mean(), curve.retention[-1], **REORDERED)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_splits_order_and_unit_do_not_matter(rows) -> None:
    horizon = float(rows["stop"].max())

    def values(r, unit=1.0):
        found = restricted_mean_pseudo_values(
            r["start"] * unit,
            r["stop"] * unit,
            r["exit"] != "",
            horizon=horizon * unit,
            customer=r["person"],
        ).to_frame()
        return found.set_index("customer")["pseudo_value"].loc[rows["person"]].to_numpy() / unit

    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], exit="")
    split = pd.concat([rows.assign(start=rows["start"].mask(is_cut, middle)), early])
    for other in (values(split), values(rows.iloc[::-1]), values(rows, unit=0.5)):
        np.testing.assert_allclose(other, values(rows), **REORDERED)


def test_cloglog_recovers_a_log_hazard_ratio() -> None:
    # Exponential lives with hazards 1 and 2, censored; log 2 = .693.
    rng = np.random.default_rng(3)
    n = 4000
    x = np.arange(n) % 2
    life, censoring = rng.exponential(1 / (1.0 + x)), rng.exponential(2.0, n)
    share = retention_pseudo_values(
        np.zeros(n), np.minimum(life, censoring), life <= censoring, time=0.7
    )
    fit = pseudo_value_regression(1 - share.values, pd.DataFrame({"x": x}), link="cloglog")
    # Three standard errors.
    assert abs(fit.coefficients[1] - np.log(2)) < 3 * fit.standard_error[1]
    assert fit.standard_error[1] < 0.06


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"link": "probit"}, "unknown link 'probit'"),
        ({"pseudo_values": [1.0, 2.0]}, "covariates have 4 rows, pseudo_values has 2"),
        ({"pseudo_values": [1.0, np.nan, 2.0, 3.0]}, "pseudo_values is missing"),
        ({"cluster": [1, 1, 2, 2]}, "4 customers in 2 clusters for 2 coefficients"),
        ({"cluster": [1, 2]}, "cluster has 2 values"),
        ({"link": "logit"}, "strictly between 0 and 1 for the logit link"),
        ({"covariates": pd.DataFrame({"x": [1, 1, 1, 1]})}, "'x' is constant"),
        ({"confidence_level": 2}, "confidence_level"),
        ({"pseudo_values": [1.0, 1.0, 4.0, 4.0]}, "fit every pseudo-value exactly"),
    ],
)
def test_what_cannot_be_regressed_is_refused(options, message) -> None:
    given_values = {
        "pseudo_values": [1.0, 3.0, 4.0, 8.0],
        "covariates": pd.DataFrame({"x": [0, 0, 1, 1]}),
    } | options
    with pytest.raises(EstimationError, match=message):
        pseudo_value_regression(**given_values)


def test_a_regression_without_solution_is_refused() -> None:
    # The mean of one group is below 0: no log fits it, and the coefficient runs away.
    x = pd.DataFrame({"x": [0, 0, 0, 1, 1, 1]})
    with pytest.raises(EstimationError, match="did not converge"):
        pseudo_value_regression([3.0, 4.0, 5.0, -1.0, -2.0, -1.0], x, link="log")


def test_values_out_of_reach_are_refused() -> None:
    still_there = [*EVENT[:-1], 0]
    with pytest.raises(EstimationError, match="past the last follow-up 4"):
        restricted_mean_pseudo_values(START, STOP, still_there, horizon=5)
    with pytest.raises(EstimationError, match="positive and finite"):
        retention_pseudo_values(START, STOP, EVENT, time=0)
    with pytest.raises(EstimationError, match="no exit by 'moved'"):
        incidence_pseudo_values(START, STOP, ["a", "", "a", "a"], cause="moved", time=2)
