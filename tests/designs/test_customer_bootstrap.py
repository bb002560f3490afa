"""The bootstrap by customer: reproducible, resumable, honest about what failed."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.designs import Bootstrap, bootstrap_customers
from loyaltylab.designs.customer_draws import Draw
from loyaltylab.errors import EstimationError

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "customer_bootstrap.json").read_text("utf-8")
)
ROUNDING = 1e-9
# boot interpolates between replicates on another scale: its limits lie between the same two, or
# the next, of the ordered replicates.
N_NEIGHBOURS = 2
VALUES = np.array([1.0, 2.0, 4.0, 8.0, 16.0] * 8)


def mean_of_values(weights: np.ndarray, values: np.ndarray = VALUES) -> dict[str, float]:
    return {"mean": float(weights @ values / weights.sum())}


def run(**changed: Any) -> Bootstrap:
    options: dict[str, Any] = {"n_customers": 40, "n_replicates": 60, "seed": 3}
    return bootstrap_customers(mean_of_values, **options | changed)


def test_replicates_are_the_analysis_of_their_draws() -> None:
    found = run()
    drawn = Draw(3, 17, 40, "multinomial", 0).weights()
    assert drawn.sum() == 40
    assert found.replicates[17, 0] == mean_of_values(drawn)["mean"]
    assert found.values[0] == VALUES.mean()
    error = found.estimate("mean", unit="days").standard_error
    assert error == pytest.approx(found.replicates[:, 0].std(ddof=1), rel=ROUNDING)


def test_same_for_processes_and_more_replicates_add_to_those_there_are() -> None:
    one, two = run(n_replicates=6), run(n_replicates=6, n_processes=2)
    np.testing.assert_array_equal(one.replicates, two.replicates)
    np.testing.assert_array_equal(run().replicates[:6], one.replicates)
    assert not np.array_equal(run(seed=4).replicates, run().replicates)


def test_a_stopped_run_goes_on_where_it_was() -> None:
    kept: dict[str, Any] = {}
    run(n_replicates=20, kept=kept, analysis_name="mean")
    n_calls = 0

    def counting(weights: np.ndarray) -> dict[str, float]:
        nonlocal n_calls
        n_calls += 1
        return mean_of_values(weights)

    seen = []
    again = bootstrap_customers(
        counting,
        n_customers=40,
        n_replicates=25,
        seed=3,
        kept=kept,
        analysis_name="mean",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert n_calls == 1 + 5  # once with every customer, then what was missing
    assert seen == [(number, 25) for number in range(21, 26)]
    np.testing.assert_array_equal(again.replicates, run(n_replicates=25).replicates)
    run(n_replicates=20, kept=kept, analysis_name="another")
    assert len(kept) == 45


def as_bootstrap(values: np.ndarray, replicates: np.ndarray, jackknife: np.ndarray) -> Bootstrap:
    return Bootstrap(
        names=("mean",),
        values=values,
        replicates=replicates[:, None],
        numbers=np.arange(len(replicates), dtype=float),
        jackknife=jackknife[:, None],
        n_customers=len(jackknife),
        n_failed=0,
        seed=0,
        scheme="multinomial",
        failures=(),
        caveats=(),
    )


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_limits_agree_with_boot(interval: str) -> None:
    x = np.array(ORACLE["x"], dtype=float)
    replicates = np.array(ORACLE["replicates"])
    left_out = (x.sum() - x) / (len(x) - 1)
    found = as_bootstrap(np.array([ORACLE["value"]]), replicates, left_out)
    estimate = found.estimate("mean", unit="days", interval=interval)
    assert estimate.standard_error == pytest.approx(ORACLE["standard_error"], rel=ROUNDING)
    ordered = np.sort(replicates)
    for limit, expected in zip(
        (estimate.ci_lower, estimate.ci_upper), ORACLE[interval], strict=True
    ):
        places = np.searchsorted(ordered, [limit, expected])
        assert abs(places[0] - places[1]) <= N_NEIGHBOURS
    plain = np.searchsorted(ordered, ORACLE["percentile"][1])
    assert abs(np.searchsorted(ordered, ORACLE["bca"][1]) - plain) > 2 * N_NEIGHBOURS


def test_acceleration_by_hand() -> None:
    # Leaving out gives 1, 1, 1, 5: influences mean - value = 1, 1, 1, -3; sum of cubes -24, of
    # squares 12: a = -24 / (6 * 12^1.5). Half of the replicates are below: no bias. The lower
    # share is Phi(-z / (1 + a z)).
    replicates = np.arange(1000) / 1000 - 0.4995
    found = as_bootstrap(np.zeros(1), replicates, np.array([1.0, 1.0, 1.0, 5.0]))
    speed = -24 / (6 * 12**1.5)
    z = 1.959963984540054
    share = 0.5 * math.erfc(z / (1 + speed * z) / math.sqrt(2))
    estimate = found.estimate("mean", unit="days", interval="bca")
    assert estimate.ci_lower == pytest.approx(np.quantile(replicates, share), abs=1e-6)


def test_normal_interval_by_hand() -> None:
    found = as_bootstrap(np.array([2.0]), np.array([1.0, 3.0] * 8), np.ones(4))
    estimate = found.estimate("mean", unit="days", interval="normal")
    error = math.sqrt(16 / 15)  # sixteen squared deviations of 1, over 15
    assert estimate.standard_error == pytest.approx(error)
    assert estimate.ci_upper == pytest.approx(2 + 1.959963984540054 * error)
    assert any("Monte-Carlo error" in text for text in estimate.caveats)


def test_error_of_a_mean_is_found() -> None:
    found = run(n_replicates=600, n_groups=10)
    expected = VALUES.std() / math.sqrt(40)
    # The error of an error from 600 replicates is 3 %; four times that.
    assert found.estimate("mean", unit="days").standard_error == pytest.approx(expected, rel=0.12)
    poisson = run(n_replicates=600, scheme="poisson")
    assert poisson.estimate("mean", unit="days").standard_error == pytest.approx(expected, rel=0.15)
    assert found.jackknife.shape == (10, 1)
    bca = found.estimate("mean", unit="days", interval="bca")
    assert bca.ci_lower > found.estimate("mean", unit="days").ci_lower  # skewed to the right
    assert found.to_frame().loc["mean", "value"] == VALUES.mean()


def fails_sometimes(weights: np.ndarray, *, limit: float) -> dict[str, float]:
    if weights.max() >= limit:
        raise EstimationError("a customer drawn too often")
    return mean_of_values(weights)


def test_failures_are_counted_and_many_are_an_error() -> None:
    rare = bootstrap_customers(
        partial(fails_sometimes, limit=7), n_customers=40, n_replicates=300, seed=1
    )
    assert 0 < rare.n_failed <= 15
    assert len(rare.replicates) == 300 - rare.n_failed
    assert rare.failures == ("a customer drawn too often",)
    assert any("failed" in text for text in rare.caveats)
    with pytest.raises(EstimationError, match="of 50 bootstrap replicates failed") as caught:
        bootstrap_customers(
            partial(fails_sometimes, limit=4), n_customers=40, n_replicates=50, seed=1
        )
    assert caught.value.problems == ("a customer drawn too often",)


def test_other_names_and_no_numbers_are_failures() -> None:
    def changing(weights: np.ndarray) -> dict[str, float]:
        return {"mean" if weights.max() < 2 else "other": 1.0}

    with pytest.raises(EstimationError, match="failed"):
        bootstrap_customers(changing, n_customers=40, n_replicates=5, seed=1)

    def nothing(weights: np.ndarray) -> dict[str, float]:
        return {"mean": 1.0 if weights.max() < 2 else math.nan}

    with pytest.raises(EstimationError, match="failed"):
        bootstrap_customers(nothing, n_customers=40, n_replicates=5, seed=1)


def test_a_programming_error_is_not_a_failure() -> None:
    def broken(weights: np.ndarray) -> dict[str, float]:
        return {"mean": 1.0 / (0 if weights.max() > 1 else 1)}

    with pytest.raises(ZeroDivisionError):
        bootstrap_customers(broken, n_customers=40, n_replicates=5, seed=1)


def test_wrong_requests_are_refused_all_at_once() -> None:
    with pytest.raises(EstimationError) as caught:
        bootstrap_customers(
            mean_of_values,
            n_customers=1,
            n_replicates=1,
            seed=1,
            scheme="jackknife",
            n_groups=5,
            kept={},
        )
    assert len(caught.value.problems) == 5
    with pytest.raises(EstimationError, match="named, finite"):
        bootstrap_customers(lambda _: {}, n_customers=4, n_replicates=5, seed=1)
    found = run()
    for options in ({"name": "median"}, {"interval": "t"}, {"interval": "bca"}):
        with pytest.raises(EstimationError, match="no such estimate"):
            found.estimate(**{"name": "mean", "unit": "days"} | options)
    constant = bootstrap_customers(lambda _: {"one": 1.0}, n_customers=4, n_replicates=5, seed=1)
    with pytest.raises(EstimationError, match="no such estimate"):
        constant.estimate("one", unit="days")
    assert constant.to_frame().empty


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), number=st.integers(0, 10**4), n=st.integers(2, 60))
def test_draws_are_counts_that_follow_from_seed_and_number(seed: int, number: int, n: int) -> None:
    draw = Draw(seed, number, n, "multinomial", 0)
    assert draw.weights().sum() == n
    np.testing.assert_array_equal(draw.weights(), Draw(seed, number, n, "multinomial", 0).weights())
    groups = [Draw(seed, group, n, "leave out", 2).weights() for group in range(2)]
    np.testing.assert_array_equal(groups[0] + groups[1], np.ones(n))
