"""Accelerated failure times: by hand, against R survival and lifelines, known truth."""

from __future__ import annotations

import warnings

import lifelines
import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_failure_time, split_at_times

# survreg ends at a relative change of 1e-13 in the likelihood, ours at 1e-12 squared errors.
ITERATED = {"rtol": 3e-6, "atol": 1e-9}
LIKELIHOOD = {"rtol": 1e-11}
# Newton steps to rounding.
BY_HAND = {"rtol": 1e-7}
REFITTED = {"rtol": 1e-6, "atol": 1e-9}
# lifelines stops its general-purpose search earlier.
PEER = {"rtol": 2e-3, "atol": 2e-3}
R_NAMES = {"weibull": "weibull", "log-normal": "lognormal", "log-logistic": "loglogistic"}
KINDS = ("right", "interval", "robust")


def fit_like_r(cox_oracle, distribution, kind):
    if kind == "robust":
        rows = cox_oracle.frame("ticks")
        return fit_failure_time(
            np.zeros(len(rows)),
            rows["stop"] - rows["start"],
            rows["event"],
            rows[["x1", "x2", "x3"]],
            distribution=distribution,
            weights=rows["weight"],
            cluster=rows["cluster"],
        )
    rows = cox_oracle.frame("veteran")
    stop = seen = rows["time"]
    if kind == "interval":
        fortnight = 14 * np.floor((rows["time"] - 0.5) / 14)
        left = rows["status"] == 1
        seen, stop = fortnight.where(left, seen), (fortnight + 14).where(left, stop)
    covariates = rows[["trt", "karno"]]
    return fit_failure_time(
        np.zeros(len(rows)),
        stop,
        rows["status"],
        covariates,
        distribution=distribution,
        last_seen=seen,
    )


@pytest.mark.parametrize("distribution", R_NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_fits_equal_r(cox_oracle, failure_times_oracle, distribution, kind) -> None:
    found = fit_like_r(cox_oracle, distribution, kind)
    r = {
        key: failure_times_oracle.numbers("fits", R_NAMES[distribution], kind, key)
        for key in ("coef", "log_scale", "covariance", "log_likelihood")
    }
    np.testing.assert_allclose([found.intercept, *found.coefficients], r["coef"], **ITERATED)
    np.testing.assert_allclose(found.log_scale, r["log_scale"], **ITERATED)
    np.testing.assert_allclose(found.covariance, r["covariance"], **ITERATED)
    np.testing.assert_allclose(found.log_likelihood, r["log_likelihood"], **LIKELIHOOD)
    error = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(found.standard_error, error[1:-1], rtol=1e-12)
    n_between = found.n_events if kind == "interval" else 0
    assert found.n_interval_censored == n_between


@pytest.mark.parametrize("distribution", R_NAMES)
def test_retention_equals_r(cox_oracle, failure_times_oracle, distribution) -> None:
    found = fit_like_r(cox_oracle, distribution, "right")
    name = R_NAMES[distribution]
    times = failure_times_oracle.numbers("fits", name, "quantiles")
    shares = failure_times_oracle.numbers("fits", name, "shares")
    at = found.retention_at(times, {"trt": 1, "karno": 60})
    np.testing.assert_allclose(at["retention"], 1 - shares, rtol=1e-6)


def test_two_groups_by_hand() -> None:
    # Weibull with scale s and two groups of the same shape. With log times 0, log 2, ... twice,
    # the second group at twice the times: the time ratio is 2 exactly, by symmetry.
    times = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    stop = np.concatenate([times, 2 * times])
    x = pd.DataFrame({"x": np.repeat([0, 1], 5)})
    found = fit_failure_time(np.zeros(10), stop, np.ones(10), x)
    np.testing.assert_allclose(found.time_ratio, [2.0], **BY_HAND)
    # With shape k = 1 / scale, the score of the intercept says mean (t / b)^k = 1 in a group.
    k, b = np.exp(-found.log_scale), np.exp(found.intercept)
    np.testing.assert_allclose(np.mean((times / b) ** k), 1.0, **BY_HAND)
    # The score of the shape: 1 / k + mean log(t / b) - mean (t / b)^k log(t / b) = 0.
    log = np.log(times / b)
    np.testing.assert_allclose(1 / k + log.mean(), np.mean((times / b) ** k * log), **BY_HAND)
    # Information of the ratio: per group 5 k^2, so the variance is 2 / (5 k^2).
    np.testing.assert_allclose(found.standard_error, [np.sqrt(2 / 5) / k], **BY_HAND)


def test_the_restricted_mean_by_hand() -> None:
    # S(t) = exp(-(t / b)^k): the integral by fine trapezoids.
    times = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    stop = np.concatenate([times, 2 * times])
    x = pd.DataFrame({"x": np.repeat([0, 1], 5)})
    found = fit_failure_time(np.zeros(10), stop, np.ones(10), x)
    k, b = np.exp(-found.log_scale), np.exp(found.intercept)
    grid = np.linspace(0, 6, 200_001)
    area = np.trapezoid(np.exp(-((grid / b) ** k)), grid)
    mean = found.restricted_mean(horizon=6)
    np.testing.assert_allclose(mean.value, area, rtol=1e-8)
    # Its error by central differences of the area in (intercept, log scale).
    step, slopes = 1e-5, []
    for change in np.eye(2) * step:
        moved = []
        for sign in (1, -1):
            k2 = np.exp(-(found.log_scale + sign * change[1]))
            b2 = np.exp(found.intercept + sign * change[0])
            moved.append(np.trapezoid(np.exp(-((grid / b2) ** k2)), grid))
        slopes.append((moved[0] - moved[1]) / (2 * step))
    part = found.covariance[np.ix_([0, 2], [0, 2])]
    error = np.sqrt(np.array(slopes) @ part @ np.array(slopes))
    np.testing.assert_allclose(mean.standard_error, error, rtol=1e-6)
    assert mean.unit == "days"


@pytest.mark.parametrize(
    ("distribution", "peer"),
    [
        ("weibull", lifelines.WeibullAFTFitter),
        ("log-normal", lifelines.LogNormalAFTFitter),
        ("log-logistic", lifelines.LogLogisticAFTFitter),
    ],
)
def test_delayed_entry_equals_lifelines(cox_oracle, distribution, peer) -> None:
    rows = cox_oracle.frame("ticks")[["start", "stop", "event", "x1", "x3"]].astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifelines on deprecated pandas and numpy calls.
        theirs = peer().fit(rows, "stop", "event", entry_col="start")
    found = fit_failure_time(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows[["x1", "x3"]],
        distribution=distribution,
    )
    location = theirs.params_.index.get_level_values(0)[0]
    names = ["Intercept", "x1", "x3"]
    params = theirs.params_[location][names].to_numpy()
    ours = np.array([found.intercept, *found.coefficients])
    np.testing.assert_allclose(ours, params, **PEER)
    # Ours is at least as likely, and theirs no more than its tolerance behind.
    assert -1e-9 < found.log_likelihood - theirs.log_likelihood_ < 1e-3


@pytest.mark.parametrize("distribution", R_NAMES)
def test_cuts_order_and_units_do_not_matter(cox_oracle, distribution) -> None:
    rows = cox_oracle.frame("ticks").assign(event=lambda r: r["event"] == 1)
    cut = split_at_times(rows, [3, 7, 11])
    shuffled = rows.sample(frac=1, random_state=2)

    def fit(part, unit=1.0):
        return fit_failure_time(
            part["start"] * unit,
            part["stop"] * unit,
            part["event"],
            part[["x1", "x3"]],
            distribution=distribution,
            weights=part["weight"],
            cluster=part["cluster"],
        )

    whole = fit(rows)
    for part, unit in ((cut, 1.0), (shuffled, 1.0), (rows, 24.0)):
        other = fit(part, unit)
        np.testing.assert_allclose(other.coefficients, whole.coefficients, **REFITTED)
        np.testing.assert_allclose(other.covariance, whole.covariance, **REFITTED)
        np.testing.assert_allclose(other.intercept - np.log(unit), whole.intercept, **REFITTED)
    scaled = fit(rows.assign(x1=10 * rows["x1"] - 3))
    np.testing.assert_allclose(10 * scaled.coefficients[0], whole.coefficients[0], **REFITTED)
    np.testing.assert_allclose(
        scaled.retention_at([4, 9], {"x1": -3, "x3": 0}).to_numpy(),
        whole.retention_at([4, 9]).to_numpy(),
        rtol=1e-5,
    )


def test_truth_is_found_among_late_entrants_seen_monthly() -> None:
    # Log-normal lives with time ratio e^0.5; half enter late; exits are known by month only.
    rng = np.random.default_rng(21)
    n = 5000
    x = rng.normal(size=n)
    lives = np.exp(2.0 + 0.5 * x + 0.8 * rng.normal(size=n))
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.integers(1, 6, n))
    there = lives > entry
    lives, entry, x = lives[there], entry[there], x[there]
    event = lives <= 24
    seen = np.where(event, np.floor(lives), 24.0)
    stop = np.where(event, seen + 1, 24.0)
    found = fit_failure_time(
        entry, stop, event, pd.DataFrame({"x": x}), distribution="log-normal", last_seen=seen
    )
    assert abs(found.coefficients[0] - 0.5) < 3.5 * found.standard_error[0]
    assert abs(found.intercept - 2.0) < 3.5 * found.intercept_error
    assert abs(found.log_scale - np.log(0.8)) < 3.5 * found.log_scale_error


def test_weights_two_is_the_row_twice(cox_oracle) -> None:
    rows = cox_oracle.frame("ticks")
    twice = pd.concat([rows, rows[rows["x1"] == 1]], ignore_index=True)
    columns = ["start", "stop", "event"]
    weighted = fit_failure_time(
        *(rows[c] for c in columns),
        rows[["x3"]],
        weights=1.0 + (rows["x1"] == 1),
        cluster=rows["cluster"],
    )
    repeated = fit_failure_time(
        *(twice[c] for c in columns), twice[["x3"]], cluster=twice["cluster"]
    )
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, **REFITTED)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, **REFITTED)
    np.testing.assert_allclose(weighted.log_likelihood, repeated.log_likelihood, rtol=1e-10)


def test_what_has_no_answer_says_why() -> None:
    zero, stop = [0] * 6, [1, 2, 3, 4, 5, 6]
    x = pd.DataFrame({"x": [0, 0, 0, 1, 1, 1]})
    with pytest.raises(EstimationError, match="furthest out is 'x'"):
        fit_failure_time(zero, stop, [1, 1, 1, 0, 0, 0], x)
    with pytest.raises(EstimationError, match="times that the covariates do not tell exactly"):
        exact = pd.DataFrame({"x": np.log(stop)})
        fit_failure_time(zero, stop, [1] * 6, exact, distribution="log-normal")
    with pytest.raises(EstimationError) as caught:
        fit_failure_time(zero, stop, [2] * 6, x, distribution="gamma")
    assert "distribution is 'gamma'" in str(caught.value)
    assert "codes other than 0 and 1" in str(caught.value)
    with pytest.raises(EstimationError, match=r"last_seen is outside \[start, stop\] in 1 of 6"):
        fit_failure_time(zero, stop, [1] * 6, x, last_seen=[1, 2, 3, 4, 5, 7])
    with pytest.raises(EstimationError, match="last_seen has 2 values"):
        fit_failure_time(zero, stop, [1] * 6, x, last_seen=[1, 2])


def test_nothing_is_said_past_the_follow_up(cox_oracle) -> None:
    found = fit_like_r(cox_oracle, "weibull", "right")
    with pytest.raises(EstimationError, match="past the last follow-up 999"):
        found.retention_at([1000])
    with pytest.raises(EstimationError, match="past the last follow-up 999"):
        found.restricted_mean(horizon=1000)
    with pytest.raises(EstimationError, match="exactly the covariates"):
        found.retention_at([10], {"trt": 1})


def test_tables(cox_oracle) -> None:
    found = fit_like_r(cox_oracle, "weibull", "robust")
    frame = found.to_frame()
    assert frame.index.tolist() == ["x1", "x2", "x3"]
    np.testing.assert_allclose(frame["z"], frame["coefficient"] / frame["standard_error"])
    at = found.retention_at([0, 5, 10], {"x1": 1, "x2": 50, "x3": 0})
    assert at["retention"].tolist()[0] == 1.0
    assert (at["ci_lower"][1:] < at["retention"][1:]).all()
