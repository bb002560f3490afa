"""Interval-censored retention: by hand, against R survival, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import interval_censored_retention, kaplan_meier

BY_HAND = {"rtol": 1e-9, "atol": 1e-9}
# R stops once no jump changes by 5e-5 between passes of a slow climb, so it is not at the top.
R_STOPS_EARLY = 2e-3
# At a log likelihood 1e-7 from its maximum the masses are known to about its root.
NEAR_MAXIMUM = 1e-3
NEVER = float("inf")


def test_overlapping_looks_by_hand() -> None:
    # (0, 2], (1, 3] and (2, never]. Only the innermost intervals (1, 2] and (2, 3] hold mass, p
    # and 1 - p. The first look holds p, the second all, the third 1 - p: highest at p = 1/2.
    found = interval_censored_retention([0, 1, 2], [2, 3, NEVER], times=[1, 1.5, 2, 3])
    assert (found.mass_left.tolist(), found.mass_right.tolist()) == ([1, 2], [2, 3])
    np.testing.assert_allclose(found.mass, [0.5, 0.5], **BY_HAND)
    np.testing.assert_allclose(found.log_likelihood, 2 * np.log(0.5), **BY_HAND)
    # Within (1, 2] the half that leaves may be gone already or not.
    np.testing.assert_allclose(found.retention_upper, [1, 1, 0.5, 0], **BY_HAND)
    np.testing.assert_allclose(found.retention_lower, [1, 0.5, 0.5, 0], **BY_HAND)
    assert (found.n, found.n_events) == (3, 2)


def test_equals_r_and_is_no_less_likely(grouped_oracle) -> None:
    looks = grouped_oracle.frame("looks")
    left, right = looks["left"].to_numpy(float), looks["right"].astype(float).fillna(NEVER)
    time = grouped_oracle.numbers("turnbull", "time")
    theirs = grouped_oracle.numbers("turnbull", "retention")
    found = interval_censored_retention(left, right, times=time)
    # R puts the mass of an interval at its middle, where ours has the lower bound.
    np.testing.assert_allclose(found.retention_lower, theirs, atol=R_STOPS_EARLY)

    def retention_of_r(at):
        return np.concatenate([[1.0], theirs])[np.searchsorted(time, at, side="right")]

    chance = retention_of_r(left) - np.where(np.isfinite(right), retention_of_r(right), 0.0)
    log_likelihood = np.log(chance).sum()
    assert found.log_likelihood >= log_likelihood - 1e-9
    assert found.log_likelihood - log_likelihood < 0.01
    assert found.optimality_gap <= 1e-7


whole = st.tuples(st.integers(0, 8), st.integers(1, 5), st.booleans())
look_tables = st.lists(whole, min_size=3, max_size=40).map(
    lambda rows: (
        np.array([0.0, *[float(r[0]) for r in rows]]),
        np.array([3.0, *[float(r[0] + r[1]) if r[2] else NEVER for r in rows]]),
    )
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=2, max_size=40))
def test_looks_every_month_give_kaplan_meier(rows) -> None:
    # Seen gone at k after k - 1, or last seen at k: the curve of events and censorings at k,
    # except that a customer last seen at k is not at risk of leaving by k.
    stop = np.array([float(r[0]) for r in rows] + [1.0])
    has_left = np.array([r[1] for r in rows] + [True])
    left, right = np.where(has_left, stop - 1, stop), np.where(has_left, stop, NEVER)
    last = min(stop[has_left].max(), left.max()) if left.max() > 0 else 1.0
    times = np.arange(1.0, last + 1)
    found = interval_censored_retention(left, right, times=times)
    curve = kaplan_meier(np.zeros(len(stop)), stop, has_left).at(times)
    np.testing.assert_allclose(found.retention_lower, curve["retention"], atol=NEAR_MAXIMUM)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(look_tables)
def test_masses_and_bounds_hold_together(looks) -> None:
    left, right = looks
    times = np.arange(0.0, max(left.max(), 3.0) + 1)
    times = times[times <= max(left.max(), right[np.isfinite(right)].max())]
    found = interval_censored_retention(left, right, times=times)
    np.testing.assert_allclose(found.mass.sum(), 1.0, rtol=1e-12)
    assert np.all(found.mass >= 0)
    assert np.all(found.retention_lower <= found.retention_upper + 1e-12)
    for bound in (found.retention_lower, found.retention_upper):
        assert np.all(np.diff(bound) <= 1e-12)
    # No other masses are more likely: moving any mass anywhere does not help.
    holds = (left[:, None] <= found.mass_left) & (found.mass_right <= right[:, None])
    slope = (holds / (holds @ found.mass)[:, None]).sum(axis=0)
    assert slope.max() <= len(left) * (1 + 1e-6)
    turned = interval_censored_retention(left[::-1] * 30, right[::-1] * 30, times=times * 30)
    np.testing.assert_allclose(turned.log_likelihood, found.log_likelihood, atol=1e-6)
    twice = interval_censored_retention(np.tile(left, 2), np.tile(right, 2), times=times)
    np.testing.assert_allclose(twice.log_likelihood, 2 * found.log_likelihood, atol=1e-6)


def simulate(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Exponential lives with mean 6, looked at in months 0, 3, 6, 9, give or take one."""
    life = rng.exponential(6.0, n)
    looks = np.column_stack([np.zeros(n), *(m + rng.integers(-1, 2, n) for m in (3, 6, 9))])
    is_seen = looks < life[:, None]
    left = np.where(is_seen, looks, 0.0).max(axis=1)
    right = np.where(is_seen, NEVER, looks).min(axis=1)
    return left, right


def test_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(8)
    n_inside = 0
    for seed in range(60):
        left, right = simulate(rng, 150)
        found = interval_censored_retention(left, right, times=[5.0], n_replicates=100, seed=seed)
        n_inside += found.ci_lower[0] <= np.exp(-5 / 6) <= found.ci_upper[0]
    # Three binomial errors about 95 %: 3 sqrt(.05 x .95 / 60) = .084.
    assert n_inside / 60 > 0.95 - 0.084


def test_replicates_repeat() -> None:
    left, right = simulate(np.random.default_rng(1), 80)
    one, other = (
        interval_censored_retention(left, right, times=[4.0], n_replicates=100, seed=5)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.ci_lower, other.ci_lower)
    plain = interval_censored_retention(left, right, times=[4.0])
    assert np.isnan(plain.ci_lower).all()
    assert plain.caveats == ("No interval: pass n_replicates and a seed for one.",)
    assert plain.to_frame().columns[1] == "retention_lower"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": [0, 1, 0]}, r"start is not 0 in 1 of 3 rows .* knows no delayed entry"),
        ({"right": [2, 1, NEVER]}, "right <= left in 1 of 3"),
        ({"right": [2, float("nan"), NEVER]}, "right is missing"),
        ({"left": [-1, 0, 0]}, "negative"),
        ({"left": ["soon", 1, 2]}, "left is missing"),
        ({"right": [NEVER] * 3}, "nobody is seen to leave"),
        ({"left": [0, 0]}, "left has 2 values, right 3"),
        ({"n_replicates": 100}, "an explicit seed"),
        ({"n_replicates": 5, "seed": 1}, "at least 100"),
        ({"times": [4]}, "past the last look 3"),
    ],
)
def test_what_cannot_be_estimated_is_refused(changes, message) -> None:
    looks = {"left": [0, 1, 2], "right": [2, 3, NEVER], "times": [1]} | changes
    with pytest.raises(EstimationError, match=message):
        interval_censored_retention(**looks)
