"""Cox models: by hand, against R survival and lifelines."""

from __future__ import annotations

import warnings

import lifelines
import numpy as np
import pandas as pd
import pytest
from oracle_fits import FITS, fit_as_r_did

from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_cox

# Both ends iterate to the same optimum: R to a relative change of 1e-12 in the likelihood,
# hence about 1e-6 standard errors in the coefficients.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# The likelihood is flat at its maximum, so it agrees far better than the coefficients.
LIKELIHOOD = {"rtol": 1e-10}
# Newton steps to rounding; the rest is arithmetic.
BY_HAND = {"rtol": 1e-10}
# lifelines stops earlier, at a squared Newton distance of 1e-7.
PEER = {"rtol": 1e-5, "atol": 1e-6}


def test_efron_ties_by_hand() -> None:
    # Therneau and Grambsch (2000), appendix E.1. With r the hazard ratio: at 1 one event (x = 1)
    # among 3r + 3; at 6 two events (x = 1 and 0) among r + 3, then (r + 5) / 2; at 9 the last.
    #   score: 2 - r / (r + 1) - r / (r + 3) - r / (r + 5) = 0, that is r^3 - 23 r - 30 = 0
    #   information: r / (r + 1)^2 + 3 r / (r + 3)^2 + 5 r / (r + 5)^2
    fit = fit_cox(
        [0] * 6,
        [1, 1, 6, 6, 8, 9],
        [1, 0, 1, 1, 0, 1],
        pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]}),
    )
    r = max(np.roots([1, 0, -23, -30]).real)
    information = r / (r + 1) ** 2 + 3 * r / (r + 3) ** 2 + 5 * r / (r + 5) ** 2
    likelihood = 2 * np.log(r) - np.log((3 * r + 3) * (r + 3) * (r + 5) / 2)
    np.testing.assert_allclose(fit.hazard_ratio, [r], **BY_HAND)
    np.testing.assert_allclose(fit.coefficients, [1.676857], rtol=1e-6)  # As they print it.
    np.testing.assert_allclose(fit.standard_error, [information**-0.5], **BY_HAND)
    np.testing.assert_allclose(fit.log_likelihood, likelihood, **BY_HAND)
    np.testing.assert_allclose(fit.log_likelihood_null, -np.log(6 * 4 * 3), **BY_HAND)


# At 2: two events (x = 1 and 0) among 2r + 2; the fourth row enters at 2, after that. At 3: one
# event (x = 1) among r + 2. Score: 2 - 2r / (r + 1) - r / (r + 2) = 0, so r^2 - r - 4 = 0.
ENTRY_START = [0, 0, 1, 2, 0]
ENTRY_STOP = [2, 2, 3, 4, 4]
ENTRY_EVENT = [1, 1, 1, 0, 0]
ENTRY_X = pd.DataFrame({"x": [1, 0, 1, 0, 0]})
ENTRY_RATIO = (1 + 17**0.5) / 2


def test_delayed_entry_by_hand() -> None:
    r = ENTRY_RATIO
    fit = fit_cox(ENTRY_START, ENTRY_STOP, ENTRY_EVENT, ENTRY_X)
    np.testing.assert_allclose(fit.hazard_ratio, [r], **BY_HAND)
    information = 2 * r / (r + 1) ** 2 + 2 * r / (r + 2) ** 2
    np.testing.assert_allclose(fit.covariance, [[1 / information]], **BY_HAND)
    np.testing.assert_allclose(fit.ci_lower, r * np.exp(-1.959963984540054 / information**0.5))
    assert (fit.n_rows, fit.n_events, fit.names) == (5, 3, ("x",))


def test_baseline_hazard_by_hand() -> None:
    # Efron: 1 / (2r + 2) + 1 / (1.5 (r + 1)) at 2, then 1 / (r + 2) at 3.
    r = ENTRY_RATIO
    fit = fit_cox(ENTRY_START, ENTRY_STOP, ENTRY_EVENT, ENTRY_X)
    steps = np.array([1 / (2 * r + 2) + 1 / (1.5 * (r + 1)), 1 / (r + 2)])
    zero, one = fit.cumulative_hazard(), fit.cumulative_hazard({"x": 1.0})
    assert zero["time"].tolist() == [2, 3]
    np.testing.assert_allclose(zero["cumulative_hazard"], np.cumsum(steps), **BY_HAND)
    np.testing.assert_allclose(one["cumulative_hazard"], r * np.cumsum(steps), **BY_HAND)
    np.testing.assert_allclose(one["retention"], np.exp(-r * np.cumsum(steps)), **BY_HAND)


@pytest.mark.parametrize("name", FITS)
def test_fit_equals_r(cox_oracle, name) -> None:
    fit = fit_as_r_did(cox_oracle, name)
    r = {
        key: cox_oracle.numbers("fits", name, key)
        for key in ("coef", "naive_se", "se", "covariance", "log_likelihood")
    }
    np.testing.assert_allclose(fit.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(fit.naive_standard_error, r["naive_se"], **ITERATED)
    np.testing.assert_allclose(fit.standard_error, r["se"], **ITERATED)
    np.testing.assert_allclose(fit.covariance, r["covariance"], **ITERATED)
    both = [fit.log_likelihood_null, fit.log_likelihood]
    np.testing.assert_allclose(both, r["log_likelihood"], **LIKELIHOOD)
    assert fit.n_events == cox_oracle.value("fits", name, "n_events")


@pytest.mark.parametrize("name", FITS)
def test_baseline_hazard_equals_r(cox_oracle, name) -> None:
    found = fit_as_r_did(cox_oracle, name).cumulative_hazard()
    r = pd.DataFrame(cox_oracle.value("fits", name, "baseline"))
    assert len(r) > 40
    np.testing.assert_array_equal(found["time"], r["time"])
    np.testing.assert_allclose(found["cumulative_hazard"], r["hazard"], **ITERATED)
    if "strata" in r:
        assert (
            found["stratum"].tolist() == r["strata"].str.replace(r"^.*=", "", regex=True).tolist()
        )


def test_coefficients_equal_lifelines(cox_oracle) -> None:
    rows = cox_oracle.frame("ticks")
    names = ["x1", "x2", "x3"]
    with warnings.catch_warnings():
        # lifelines calls pandas with positional axis arguments, deprecated since pandas 2.3.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        peer = lifelines.CoxPHFitter().fit(
            rows[[*names, "start", "stop", "event"]], "stop", "event", entry_col="start"
        )
    fit = fit_cox(rows["start"], rows["stop"], rows["event"], rows[names])
    np.testing.assert_allclose(fit.coefficients, peer.params_[names], **PEER)
    np.testing.assert_allclose(fit.standard_error, peer.standard_errors_[names], **PEER)


def test_table_of_the_fit(cox_oracle) -> None:
    fit = fit_as_r_did(cox_oracle, "ticks_clustered")
    frame = fit.to_frame()
    assert frame.index.tolist() == ["x1", "x2", "x3"]
    np.testing.assert_allclose(frame["z"], frame["coefficient"] / frame["standard_error"])
    np.testing.assert_allclose(frame["hazard_ratio"], np.exp(frame["coefficient"]))
    assert (frame["ci_lower"] < frame["hazard_ratio"]).all()
    assert fit.method == "Cox, Efron ties, robust error by cluster"


def test_large_offsets_lose_no_digits() -> None:
    # A calendar year as covariate, and the same counted from 2020.
    rng = np.random.default_rng(5)
    year = rng.integers(2015, 2025, 200).astype(float)
    stop = rng.exponential(np.exp(0.1 * (year - 2020)))
    zero, event = np.zeros(200), np.ones(200)
    far = fit_cox(zero, stop, event, pd.DataFrame({"year": 1e6 * year}))
    near = fit_cox(zero, stop, event, pd.DataFrame({"year": year - 2020}))
    np.testing.assert_allclose(1e6 * far.coefficients, near.coefficients, rtol=1e-9)


def test_few_events_and_clusters_are_said() -> None:
    fit = fit_cox(ENTRY_START, ENTRY_STOP, ENTRY_EVENT, ENTRY_X, cluster=["a", "b", "c", "d", "d"])
    assert fit.caveats[0].startswith("3 events for 1 covariates")
    assert fit.caveats[1].startswith("4 clusters")


def test_reference_must_name_the_covariates() -> None:
    fit = fit_cox(ENTRY_START, ENTRY_STOP, ENTRY_EVENT, ENTRY_X)
    with pytest.raises(EstimationError, match="exactly the covariates"):
        fit.cumulative_hazard({"y": 1.0})
