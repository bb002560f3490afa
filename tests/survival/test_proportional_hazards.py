"""The score test of proportional hazards against cox.zph of R survival, and known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oracle_fits import FITS, fit_as_r_did
from scipy.stats import chi2

from loyaltylab.errors import EstimationError
from loyaltylab.survival import check_proportional_hazards, fit_cox, schoenfeld_residuals

# The statistic at an iterated optimum, see test_cox.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
TRANSFORMS = ("km", "rank", "identity", "log")


def test_residuals_and_test_by_hand() -> None:
    # Exits at 1 (x = 1, among two with x = 1 and two with 0), 2 (x = 0, among one and two) and 4
    # (alone): r^2 = 2, see test_a_path_by_hand in test_retention_prediction.
    fit = fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 1], pd.DataFrame({"x": [1, 0, 1, 0]}))
    r = 2**0.5
    residual = np.array([1 - r / (r + 1), -r / (r + 2), 0.0])
    found = schoenfeld_residuals(fit)
    assert found["time"].tolist() == [1, 2, 4]
    np.testing.assert_allclose(found["x"], residual, rtol=1e-9, atol=1e-12)
    # Times less their mean 7/3 are -4/3, -1/3, 5/3; variances of x p (1 - p) at each. The score
    # of x times time, its variance less what x itself explains.
    g, variance = np.array([-4, -1, 5]) / 3, np.array([r / (r + 1) ** 2, 2 * r / (r + 2) ** 2, 0])
    spread = (g**2 * variance).sum() - (g * variance).sum() ** 2 / variance.sum()
    tested = check_proportional_hazards(fit, transform="identity")
    np.testing.assert_allclose(tested["statistic"], (g * residual).sum() ** 2 / spread, rtol=1e-9)


@pytest.mark.parametrize("name", ["heart", "veteran"])
def test_each_residual_equals_r(checks_oracle, name) -> None:
    # Summed over exits of one time, whose order is nobody's.
    rows = checks_oracle.frame(name).assign(zero=0.0)
    names = checks_oracle.value("schoenfeld", name, "names")
    triple = ["start", "stop", "event"] if name == "heart" else ["zero", "time", "status"]
    fit = fit_cox(*(rows[column] for column in triple), rows[names])
    found = schoenfeld_residuals(fit).groupby("time")[names].sum()
    r = checks_oracle.numbers("schoenfeld", name, "sum_by_time").T  # Written by column.
    assert len(found) > 60
    np.testing.assert_allclose(found, r, **ITERATED)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FITS)
def test_statistics_equal_r(cox_oracle, name, transform) -> None:
    found = check_proportional_hazards(fit_as_r_did(cox_oracle, name), transform=transform)
    r = cox_oracle.numbers("fits", name, "zph", transform)
    np.testing.assert_allclose(found["statistic"], r, **ITERATED)
    p = len(r) - 1
    assert found.index.tolist() == [*cox_oracle.value("fits", name, "names"), "GLOBAL"]
    assert found["degrees_of_freedom"].tolist() == [1] * p + [p]
    np.testing.assert_allclose(
        found["p_value"], chi2.sf(found["statistic"], found["degrees_of_freedom"]), rtol=1e-10
    )


@pytest.mark.parametrize("name", FITS)
def test_schoenfeld_residuals_equal_r(cox_oracle, name) -> None:
    fit = fit_as_r_did(cox_oracle, name)
    residuals = schoenfeld_residuals(fit)
    assert len(residuals) == fit.n_events
    squares = (residuals[list(fit.names)] ** 2).sum()
    np.testing.assert_allclose(
        squares, cox_oracle.numbers("fits", name, "schoenfeld_sums"), **ITERATED
    )


def test_residuals_of_an_unweighted_fit_sum_to_zero(cox_oracle) -> None:
    residuals = schoenfeld_residuals(fit_as_r_did(cox_oracle, "bladder"))
    sums = residuals[["rx", "number", "size"]].sum()
    np.testing.assert_allclose(sums, 0.0, atol=1e-9)  # The score equation.


def test_an_effect_that_turns_is_found() -> None:
    # Hazard ratio e before time 1 and 1/e after it, in 2,000 customers.
    rng = np.random.default_rng(8)
    x = rng.integers(0, 2, 2000)
    early, late = np.exp(x), np.exp(-x)
    unit = rng.exponential(size=2000)
    stop = np.where(unit < early, unit / early, 1 + (unit - early) / late)
    fit = fit_cox(np.zeros(2000), stop, np.ones(2000), pd.DataFrame({"x": x}))
    assert check_proportional_hazards(fit).loc["x", "p_value"] < 1e-10


def test_size_under_proportional_hazards() -> None:
    # 200 true nulls at 5 %: binomial mean 10, sd 3.1; 3 sd either side is 1 to 19.
    rng = np.random.default_rng(9)
    n_rejected = 0
    for _ in range(200):
        x = rng.integers(0, 2, 150)
        stop = rng.exponential(np.exp(-0.5 * x))
        fit = fit_cox(np.zeros(150), stop, rng.random(150) < 0.8, pd.DataFrame({"x": x}))
        n_rejected += check_proportional_hazards(fit).loc["x", "p_value"] < 0.05
    assert 1 <= n_rejected <= 19


def test_unknown_transforms_and_single_times_are_refused() -> None:
    x = pd.DataFrame({"x": [1, 0, 0, 1]})
    fit = fit_cox([0] * 4, [1, 1, 2, 2], [1, 1, 0, 0], x)
    with pytest.raises(EstimationError, match="unknown transform 'sqrt'"):
        check_proportional_hazards(fit, transform="sqrt")
    with pytest.raises(EstimationError, match="at least two event times"):
        check_proportional_hazards(fit)
