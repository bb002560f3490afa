"""Two large trials with heavy censoring, colon and breast cancer, against R survival and cmprsk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.survival import (
    check_proportional_hazards,
    concordance,
    cumulative_incidence,
    fit_cox,
    fit_failure_time,
    fit_fine_gray,
    fit_transition_cox,
    gray_test,
    kaplan_meier,
    log_rank_test,
    predict_retention,
    restricted_mean_difference,
    restricted_mean_retention_time,
    restricted_time_in_state,
    state_occupation,
    transition_hazards,
)

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# survreg ends at a relative change of 1e-13 in the likelihood; its covariance is that much off.
SEARCHED = {"rtol": 3e-6, "atol": 1e-9}
LIKELIHOOD = {"rtol": 1e-10}
# crr breaks ties by Breslow's method and counts that its weights are estimated; on these data,
# with few ties, that moves coefficients and errors by less than this.
CRR = {"rtol": 1e-3}

COLON = ["lev", "lev_5fu", "node4"]
DISTRIBUTIONS = {"weibull": "weibull", "log-normal": "lognormal", "log-logistic": "loglogistic"}


def as_moves(rows: pd.DataFrame) -> list[pd.Series]:
    return [rows[name] for name in ("start", "stop", "from", "to")]


def test_marginal_models_of_recurrence_and_death_equal_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("colon")
    names = colon_rotterdam_oracle.value("marginal", "names")
    fit = fit_cox(
        np.zeros(len(rows)),
        rows["time"],
        rows["status"],
        rows[names],
        strata=rows["etype"].astype(str),
        cluster=rows["id"],
    )
    r = {
        key: colon_rotterdam_oracle.numbers("marginal", key)
        for key in ("coef", "naive_se", "covariance", "log_likelihood")
    }
    np.testing.assert_allclose(fit.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(fit.naive_standard_error, r["naive_se"], **ITERATED)
    np.testing.assert_allclose(fit.covariance, r["covariance"], **ITERATED)
    both = [fit.log_likelihood_null, fit.log_likelihood]
    np.testing.assert_allclose(both, r["log_likelihood"], **LIKELIHOOD)


@pytest.mark.parametrize("kind", ["plain", "strata"])
def test_log_rank_equals_r(colon_rotterdam_oracle, kind) -> None:
    rows = colon_rotterdam_oracle.frame("colon").query("etype == 2")
    found = log_rank_test(
        np.zeros(len(rows)),
        rows["time"],
        rows["status"],
        rows["rx"],
        strata=rows["extent"].astype(str) if kind == "strata" else None,
    )
    for name in ("observed", "expected"):
        theirs = colon_rotterdam_oracle.numbers("tests", kind, name)
        np.testing.assert_allclose(getattr(found, name), theirs, **CLOSED_FORM)
    chisq = colon_rotterdam_oracle.value("tests", kind, "chisq")
    np.testing.assert_allclose(found.statistic, chisq, **CLOSED_FORM)


def test_states_after_surgery_equal_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("colon_states")
    times = colon_rotterdam_oracle.numbers("curve", "times")
    states = colon_rotterdam_oracle.value("curve", "states")
    horizon = colon_rotterdam_oracle.value("curve", "horizon")
    found = state_occupation(*as_moves(rows), customer=rows["id"], states=states)
    for j, state in enumerate(states):
        at = found.at(times, state)
        for name, theirs in (("occupation", "pstate"), ("standard_error", "std_err")):
            r = colon_rotterdam_oracle.numbers("curve", theirs, j)
            np.testing.assert_allclose(at[name], r, **CLOSED_FORM)
        spent = restricted_time_in_state(
            *as_moves(rows), customer=rows["id"], state=state, horizon=horizon
        )
        area = [colon_rotterdam_oracle.value("curve", key)[j] for key in ("area", "area_std_err")]
        np.testing.assert_allclose([spent.value, spent.standard_error], area, **CLOSED_FORM)


def test_hazards_of_moves_equal_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("colon_states")
    times = colon_rotterdam_oracle.numbers("curve", "times")
    found = transition_hazards(*as_moves(rows), customer=rows["id"])
    assert len(found.transitions) == 3
    for r in colon_rotterdam_oracle.value("curve", "hazards"):
        at = found.at(times, r["from"], r["to"])
        np.testing.assert_allclose(at["cumulative_hazard"], r["cumhaz"], **CLOSED_FORM)
        np.testing.assert_allclose(at["standard_error"], r["std_err"], **CLOSED_FORM)


def test_cox_models_of_moves_equal_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("colon_states")
    found = fit_transition_cox(*as_moves(rows), rows[COLON], customer=rows["id"]).fit
    order = [
        found.names.index(name) for name in colon_rotterdam_oracle.value("transitions", "names")
    ]
    assert sorted(order) == list(range(9))
    coef = colon_rotterdam_oracle.numbers("transitions", "coef")
    covariance = colon_rotterdam_oracle.numbers("transitions", "covariance")
    np.testing.assert_allclose(found.coefficients[order], coef, **ITERATED)
    np.testing.assert_allclose(found.covariance[np.ix_(order, order)], covariance, **ITERATED)


def test_curves_and_restricted_means_equal_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("rotterdam")
    years = colon_rotterdam_oracle.numbers("years")
    means = []
    for chemo in (0, 1):
        own = rows[rows["chemo"] == chemo]
        triple = (np.zeros(len(own)), own["dtime"], own["death"])
        curve = kaplan_meier(*triple)
        at = curve.at(years)
        for name in ("retention", "standard_error", "ci_lower", "ci_upper", "n_at_risk"):
            r = colon_rotterdam_oracle.numbers("groups", chemo, name)
            np.testing.assert_allclose(at[name], r, **CLOSED_FORM)
        quarter = curve.quantile(0.25)
        r = colon_rotterdam_oracle.numbers("groups", chemo, "quarter")
        np.testing.assert_allclose([quarter.value, quarter.ci_lower, quarter.ci_upper], r)
        mean = restricted_mean_retention_time(*triple, horizon=3650)
        r = colon_rotterdam_oracle.numbers("groups", chemo, "rmean")
        np.testing.assert_allclose([mean.value, mean.standard_error], r, **CLOSED_FORM)
        means.append((mean, r))
    gap = restricted_mean_difference(means[1][0], means[0][0])
    expected = [means[1][1][0] - means[0][1][0], np.hypot(means[0][1][1], means[1][1][1])]
    np.testing.assert_allclose([gap.value, gap.standard_error], expected, **CLOSED_FORM)


def test_cox_with_eight_covariates_equals_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("rotterdam")
    names = colon_rotterdam_oracle.value("covariates")
    fit = fit_cox(np.zeros(len(rows)), rows["dtime"], rows["death"], rows[names])
    r = {
        key: colon_rotterdam_oracle.numbers("cox", key)
        for key in ("coef", "covariance", "zph", "retention", "ci_lower", "ci_upper", "concordance")
    }
    np.testing.assert_allclose(fit.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(fit.covariance, r["covariance"], **ITERATED)
    np.testing.assert_allclose(check_proportional_hazards(fit)["statistic"], r["zph"], **ITERATED)
    share = concordance(fit)
    np.testing.assert_allclose([share.value, share.standard_error], r["concordance"], **ITERATED)
    person = pd.DataFrame([[55, 1, 1, 0, 3, 2, 0, 0]], columns=names)
    curve = predict_retention(fit, person).to_frame()
    last = np.searchsorted(curve["time"], colon_rotterdam_oracle.numbers("years"), side="right") - 1
    for name in ("retention", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(curve[name].iloc[last], r[name], **ITERATED)


def test_recurrence_with_death_competing_equals_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("rotterdam")
    triple = (np.zeros(len(rows)), rows["time"], rows["exit"])
    found = cumulative_incidence(*triple)
    for cause in ("recurrence", "death"):
        at = found.at(colon_rotterdam_oracle.numbers("years"), cause)
        for name, theirs in (("incidence", cause), ("standard_error", f"{cause}_error")):
            r = colon_rotterdam_oracle.numbers("incidence", theirs)
            np.testing.assert_allclose(at[name], r, **CLOSED_FORM)
    test = gray_test(*triple, rows["chemo"], cause="recurrence")
    r = colon_rotterdam_oracle.numbers("gray")
    np.testing.assert_allclose([test.statistic, test.p_value], r, **CLOSED_FORM)


def test_fine_gray_equals_r(colon_rotterdam_oracle) -> None:
    rows = colon_rotterdam_oracle.frame("rotterdam")
    found = fit_fine_gray(
        np.zeros(len(rows)),
        rows["time"],
        rows["exit"],
        rows[colon_rotterdam_oracle.value("covariates")],
        cause="recurrence",
        customer=np.arange(len(rows)),
    ).fit
    r = {
        key: colon_rotterdam_oracle.numbers("fine_gray", key)
        for key in ("coef", "covariance", "crr_coef", "crr_se")
    }
    np.testing.assert_allclose(found.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(found.covariance, r["covariance"], **ITERATED)
    np.testing.assert_allclose(found.coefficients, r["crr_coef"], **CRR)
    np.testing.assert_allclose(found.standard_error, r["crr_se"], **CRR)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_failure_times_equal_r(colon_rotterdam_oracle, distribution) -> None:
    rows = colon_rotterdam_oracle.frame("rotterdam")
    found = fit_failure_time(
        np.zeros(len(rows)),
        rows["dtime"],
        rows["death"],
        rows[colon_rotterdam_oracle.value("covariates")],
        distribution=distribution,
    )
    r = {
        key: colon_rotterdam_oracle.numbers("failure_times", DISTRIBUTIONS[distribution], key)
        for key in ("coef", "log_scale", "covariance", "log_likelihood")
    }
    np.testing.assert_allclose([found.intercept, *found.coefficients], r["coef"], **SEARCHED)
    np.testing.assert_allclose(found.log_scale, r["log_scale"], **SEARCHED)
    np.testing.assert_allclose(found.covariance, r["covariance"], **SEARCHED)
    np.testing.assert_allclose(found.log_likelihood, r["log_likelihood"], **LIKELIHOOD)
