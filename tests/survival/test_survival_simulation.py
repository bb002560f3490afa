"""Known truth: intervals cover what they should, as often as they should."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.survival import cumulative_incidence, fit_cox, restricted_mean_retention_time

N_SIMULATIONS = 400
# Coverage of a true 95 % interval in 400 simulations is binomial, sd 1.09 %; the band is 3 sd
# either side plus 1 % for the sandwich with 150 clusters, which is known to run short.
LOWEST, HIGHEST = 0.95 - 3 * 0.0109 - 0.01, 0.95 + 3 * 0.0109


def simulate_repeat_events(rng: np.random.Generator, n: int, log_ratio: float) -> pd.DataFrame:
    """Repeat contacts of n customers over one year, with a gamma frailty of variance 1."""
    x = rng.integers(0, 2, n)
    rate = rng.gamma(1.0, 1.0, n) * 2.0 * np.exp(log_ratio * x)
    n_events = rng.poisson(rate)
    customer = np.repeat(np.arange(n), n_events)
    times = np.sort(customer + rng.random(len(customer))) - customer
    events = pd.DataFrame({"customer": customer, "stop": times, "event": 1})
    ends = pd.DataFrame({"customer": np.arange(n), "stop": 1.0, "event": 0})
    rows = pd.concat([events, ends]).sort_values(["customer", "stop"], ignore_index=True)
    start = rows.groupby("customer")["stop"].shift(fill_value=0.0)
    return rows.assign(start=start, x=x[rows["customer"]])


def test_clustered_interval_covers_under_frailty() -> None:
    rng = np.random.default_rng(20240303)
    truth = 0.5
    n_robust = n_naive = 0
    for _ in range(N_SIMULATIONS):
        rows = simulate_repeat_events(rng, 150, truth)
        fit = fit_cox(
            rows["start"], rows["stop"], rows["event"], rows[["x"]], cluster=rows["customer"]
        )
        distance = abs(fit.coefficients[0] - truth)
        n_robust += distance <= 1.959964 * fit.standard_error[0]
        n_naive += distance <= 1.959964 * fit.naive_standard_error[0]
    assert LOWEST <= n_robust / N_SIMULATIONS <= HIGHEST
    # Taking the repeats as independent fails plainly: the clusters are what makes it right.
    assert n_naive / N_SIMULATIONS < 0.85


def test_incidence_and_restricted_mean_cover_under_delayed_entry() -> None:
    # Hazards .06 (price) and .04 (service) a month, entry spread over the first year.
    rng = np.random.default_rng(20240304)
    time = 12.0
    left = 1 - np.exp(-0.1 * time)
    n_incidence = n_mean = 0
    for _ in range(N_SIMULATIONS):
        n = 500
        entry = np.where(rng.random(n) < 0.4, 0.0, rng.uniform(0, 12, n))
        leaves = rng.exponential(10.0, n)
        stop = np.minimum(leaves, entry + 15.0)
        seen = leaves > entry
        cause = np.where(leaves > stop, "", np.where(rng.random(n) < 0.6, "price", "service"))
        rows = (entry[seen], stop[seen], cause[seen])
        found = cumulative_incidence(*rows, causes=["price", "service"]).incidence_at(time, "price")
        n_incidence += found.ci_lower <= 0.6 * left <= found.ci_upper
        mean = restricted_mean_retention_time(rows[0], rows[1], rows[2] != "", horizon=time)
        n_mean += mean.ci_lower <= left / 0.1 <= mean.ci_upper
    assert LOWEST <= n_incidence / N_SIMULATIONS <= HIGHEST
    assert LOWEST <= n_mean / N_SIMULATIONS <= HIGHEST


def test_hazard_ratios_are_recovered_at_size() -> None:
    # 100,000 rows, six covariates, delayed entry: each within 4 standard errors of the truth.
    rng = np.random.default_rng(20240305)
    n = 100_000
    truth = np.array([0.5, -0.3, 0.2, 0.0, -0.1, 0.7])
    x = rng.normal(size=(n, 6))
    entry = rng.uniform(0, 0.5, n)
    leaves = rng.exponential(np.exp(-x @ truth))
    seen = leaves > entry
    stop = np.minimum(leaves, entry + 1.0)
    fit = fit_cox(
        entry[seen],
        stop[seen],
        (leaves <= entry + 1.0)[seen],
        pd.DataFrame(x[seen], columns=[f"x{j}" for j in range(6)]),
    )
    assert np.all(np.abs(fit.coefficients - truth) < 4 * fit.standard_error)
    assert np.all(fit.standard_error < 0.01)
