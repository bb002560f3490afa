"""Small random data: every hazard model gives finite numbers or says why it has none."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    concordance,
    cox_residuals,
    fit_cox,
    fit_cox_with_time_effect,
    fit_discrete_hazard,
    fit_failure_time,
    fit_flexible_hazard,
    fit_piecewise_exponential,
    predict_retention,
)

N_SEEDS = 40
# Of 40 data sets with few exits and rare categories, this many at least have an answer.
LEAST_ANSWERED = 20


def draw(seed: int) -> tuple[tuple, dict, float]:
    """Six to sixty rows, late entries, ties or none, rare categories, any unit of time."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 60))
    start = np.where(rng.random(n) < 0.6, 0.0, rng.integers(0, 5, n))
    length = rng.exponential(10, n) + 1e-3 if seed % 3 == 0 else rng.integers(1, 12, n)
    event = rng.random(n) < rng.uniform(0.2, 1)
    rare = rng.random(n) < (0.1 if seed % 4 == 0 else 0.5)
    x = pd.DataFrame({"a": rng.normal(size=n) * 10.0 ** rng.integers(-3, 4), "b": rare * 1.0})
    roles = {"weights": rng.uniform(0.1, 5, n)} if seed % 2 else {}
    roles |= {"cluster": rng.integers(0, max(3, n // 2), n)} if seed % 3 else {}
    unit = 10.0 ** rng.integers(-4, 6)
    return (start * unit, (start + length) * unit, event, x), roles, unit


def check_cox(rows, roles, _unit):
    fit = fit_cox(*rows, **roles)
    cox_residuals(fit, by_cluster=True)
    curve = predict_retention(fit, rows[3].iloc[:2]).to_frame()
    assert np.isfinite(curve["standard_error"]).all()
    assert 0 <= concordance(fit).value <= 1
    return fit


def check_discrete(rows, roles, unit, link):
    period = np.ceil(rows[1] / unit / 6)
    return fit_discrete_hazard(period, *rows[2:], link=link, baseline="constant", **roles)


def check_failure_time(rows, roles, unit, distribution, is_known):
    seen = rows[1] if is_known else np.where(np.arange(len(rows[0])) % 2, rows[0], rows[1])
    fit = fit_failure_time(*rows, distribution=distribution, last_seen=seen, **roles)
    if fit.last_follow_up > 3 * unit:
        mean = fit.restricted_mean({"a": rows[3]["a"].mean(), "b": 0}, horizon=3 * unit)
        assert 0 <= mean.value <= 3 * unit
        assert np.isfinite(mean.standard_error)
    return fit


MODELS = {
    "cox": check_cox,
    "time effect": lambda rows, roles, _unit: (
        fit_cox_with_time_effect(*rows, covariate="a", **roles).fit
    ),
    "logit": lambda *given: check_discrete(*given, "logit"),
    "cloglog": lambda *given: check_discrete(*given, "cloglog"),
    "rates": lambda rows, roles, unit: fit_piecewise_exponential(*rows, cuts=[6 * unit], **roles),
    "weibull": lambda *given: check_failure_time(*given, "weibull", True),
    "log-logistic": lambda *given: check_failure_time(*given, "log-logistic", True),
    "log-normal": lambda *given: check_failure_time(*given, "log-normal", False),
    "spline": lambda rows, roles, _unit: fit_flexible_hazard(*rows, knots=3, **roles),
}


@pytest.mark.parametrize("name", MODELS)
def test_finite_numbers_or_a_reason(name) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(N_SEEDS):
        try:
            fit = MODELS[name](*draw(seed))
        except EstimationError as error:
            assert error.problems or "rule:" in error.summary or "fix:" in error.summary
            outcomes["refused"] += 1
            continue
        outcomes["answered"] += 1
        for number in (fit.coefficients, fit.standard_error, fit.covariance, fit.log_likelihood):
            assert np.isfinite(number).all()
        assert (fit.naive_standard_error > 0).all()
        assert (fit.standard_error >= 0).all()
    assert outcomes["answered"] >= LEAST_ANSWERED
