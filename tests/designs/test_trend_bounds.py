"""Intervals that allow for trends that were not parallel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from loyaltylab.designs.event_path import EventPath
from loyaltylab.designs.trend_bounds import (
    bound_by_relative_steps,
    bound_by_smoothness,
    find_breakdown,
)
from loyaltylab.errors import EstimationError

EXACT = 1e-6  # of linear programs and root finding
OPTIMUM = 0.005  # of the grid from least bias to least error
N_DRAWS = 4000
LOWEST_COVERAGE = 0.95 - 3 * math.sqrt(0.95 * 0.05 / N_DRAWS)  # three errors of simulation


def make_path(effects: list[float], *, n_before: int = 3, error: float = 1.0) -> EventPath:
    times = np.arange(len(effects)) - n_before
    return EventPath(times, np.array(effects, dtype=float), error**2 * np.eye(len(effects)))


def test_without_bends_the_straight_line_before_goes_on() -> None:
    """Effects 0, 1, 5 at -3, -2, -1: least squares has slope 2.5 and mean 2 at -2, so 7 at 0;
    10 - 7 = 3. The forecast of three points two steps off their middle has variance
    1/3 + 2^2 / 2 = 7/3, and the effect itself 1: 10/3 in all."""
    found = bound_by_smoothness(make_path([0, 1, 5, 10]), weights=[1], largest_bend=0)
    assert found.value == pytest.approx(3, abs=EXACT)
    assert found.standard_error == pytest.approx(math.sqrt(10 / 3), abs=EXACT)
    assert found.largest_bias == 0
    half = stats.norm.isf(0.025) * math.sqrt(10 / 3)
    assert found.ci_upper - found.value == pytest.approx(half, abs=EXACT)


def test_the_identified_effects_are_a_linear_program() -> None:
    """Before: 0, 0, 0. With bends of at most 1 the trend at 0 is within 1, and at 1 within
    3 (slopes 1, then 2): the mean of both is within 2. The mean effect is (4 + 6) / 2 = 5."""
    path = make_path([0, 0, 0, 4, 6])
    found = bound_by_smoothness(path, weights=[0.5, 0.5], largest_bend=1)
    assert (found.identified_lower, found.identified_upper) == pytest.approx((3, 7), abs=EXACT)


def test_bends_before_beyond_those_allowed_leave_no_effect_identified() -> None:
    """0, 1, 5 bends by 3."""
    found = bound_by_smoothness(make_path([0, 1, 5, 10]), weights=[1], largest_bend=2)
    assert math.isnan(found.identified_lower)
    assert math.isfinite(found.ci_lower)


def test_the_interval_is_the_shortest_there_is() -> None:
    """With three times before, sums that take away straight trends have one free number c:
    (-1, 1) x (1, -2, 1) c added to (0, 1, -2), weights of -3, -2, -1. All are tried."""
    path = make_path([0, 0.2, -0.1, 2], error=0.5)
    found = bound_by_smoothness(path, weights=[1], largest_bend=0.3)
    halves = []
    for c in np.linspace(-2, 2, 2001):
        sums = np.array([c, 1 - 2 * c, -2 + c, 1])
        error = 0.5 * math.sqrt(sums @ sums)
        # Kinks at -2 and -1 make (t - kink)+ : at -1 and 0 they are 1, 2 and 0, 1.
        bias = 0.3 * (abs(sums[2] + 2) + 1)
        halves.append(error * math.sqrt(stats.ncx2.ppf(0.95, 1, (bias / error) ** 2)))
    assert found.ci_upper - found.value == pytest.approx(min(halves), rel=OPTIMUM)
    assert found.ci_upper - found.value >= min(halves) - EXACT


def test_relative_steps_by_hand() -> None:
    """Steps before 1 and -2, each with error sqrt 2. The largest one-sided limit at 97.5 % is
    2 + 1.96 sqrt 2; the trend from -1 may reach as far at 0, and twice as far at 1. The sum of
    both effects less twice that at -1 is 3 + 4 - 2 (-1) = 9, of variance 1 + 1 + 4 = 6."""
    found = bound_by_relative_steps(make_path([0, 1, -1, 3, 4]), weights=[1, 1], largest_ratio=0.5)
    limit = 2 + stats.norm.isf(0.025) * math.sqrt(2)
    assert found.value == pytest.approx(9)
    assert found.largest_bias == pytest.approx(0.5 * limit * 3)
    half = stats.norm.isf(0.0125) * math.sqrt(6) + 0.5 * limit * 3
    assert found.ci_lower == pytest.approx(9 - half)
    assert (found.identified_lower, found.identified_upper) == pytest.approx((6, 12), abs=EXACT)


def test_the_breakdown_is_where_the_interval_reaches_no_effect() -> None:
    """Nearly no error, steps of 1 before, 4 after the last: four such steps explain it away."""
    path = make_path([0, 1, 0, 4], error=1e-9)
    found = find_breakdown(path, weights=[1], rule="relative steps")
    assert found == pytest.approx(4, abs=EXACT)
    smooth = find_breakdown(path, weights=[1], rule="smoothness")
    at = bound_by_smoothness(path, weights=[1], largest_bend=smooth)
    assert at.ci_lower == pytest.approx(0, abs=1e-5)


def test_a_small_effect_breaks_down_where_the_interval_leaves_the_margin() -> None:
    """Nearly no error, steps of 1, no effect: half a step reaches the margin of 0.5."""
    path = make_path([0, 1, 0, 0], error=1e-9)
    found = find_breakdown(path, weights=[1], rule="relative steps", margin=0.5)
    assert found == pytest.approx(0.5, abs=EXACT)


def test_an_effect_not_shown_breaks_down_at_once() -> None:
    path = make_path([0, 0, 0, 0.1])
    for rule in ("smoothness", "relative steps"):
        assert find_breakdown(path, weights=[1], rule=rule) == 0


@given(
    effects=st.lists(st.floats(-5, 5), min_size=6, max_size=6),
    largest=st.lists(st.floats(0, 3), min_size=2, max_size=2),
)
@settings(max_examples=15, deadline=None)
def test_more_violation_never_shortens_the_interval(
    effects: list[float], largest: list[float]
) -> None:
    path = make_path(effects, n_before=4)
    low, high = sorted(largest)
    for bound in (
        lambda size: bound_by_smoothness(path, weights=[1, 2], largest_bend=size),
        lambda size: bound_by_relative_steps(path, weights=[1, 2], largest_ratio=size),
    ):
        narrow, wide = bound(low), bound(high)
        width = narrow.ci_upper - narrow.ci_lower
        assert wide.ci_upper - wide.ci_lower >= width - EXACT


@given(level=st.floats(-5, 5), slope=st.floats(-5, 5))
@settings(max_examples=15, deadline=None)
def test_a_straight_trend_changes_nothing_under_smoothness(level: float, slope: float) -> None:
    path = make_path([0.1, -0.3, 0.2, 0, 1, 2], n_before=4)
    tilted = EventPath(path.times, path.effects + level + slope * path.times, path.covariance)
    bounds = [bound_by_smoothness(p, weights=[1, 1], largest_bend=0.2) for p in (path, tilted)]
    assert bounds[0].value == pytest.approx(bounds[1].value, abs=EXACT * 10)


@pytest.mark.parametrize("bend", [0.0, 0.5, 2.0])
def test_coverage_with_the_worst_trend(bend: float) -> None:
    """The trend bends by all that is allowed at every time; the effect is 1 at both times.

    The sum is fixed by the covariance, so the interval moves with its value alone."""
    times = np.arange(-4, 2)
    trend = bend * times * (times + 1) / 2
    truth = trend + np.where(times >= 0, 1.0, 0.0)
    random = np.random.default_rng(5)
    found = bound_by_smoothness(
        EventPath(times, truth, np.eye(6)), weights=[0.5, 0.5], largest_bend=bend
    )
    # As the interval is the value and a fixed length, draws of the value stand for all.
    draws = found.value + found.standard_error * random.standard_normal(N_DRAWS)
    half = found.ci_upper - found.value
    assert np.mean(np.abs(draws - 1.0) <= half) >= LOWEST_COVERAGE


def test_coverage_of_relative_steps_with_the_worst_trend() -> None:
    """Steps of 1 before and of 1 after; the effect is 0."""
    times = np.arange(-4, 2)
    truth = np.array([1.0, 0, 1, 0, 1, 2])
    random = np.random.default_rng(6)
    n = 1000
    hits = 0
    for effects in truth + 0.4 * random.standard_normal((n, 6)):
        path = EventPath(times, effects, 0.16 * np.eye(6))
        found = bound_by_relative_steps(path, weights=[0.5, 0.5], largest_ratio=1)
        hits += found.ci_lower <= 0 <= found.ci_upper
    assert hits / n >= 0.95


def test_errors_name_every_fault() -> None:
    with pytest.raises(EstimationError) as raised:
        EventPath(np.array([-2, -1, 1]), np.zeros(3), np.zeros((2, 2)), degrees_of_freedom=0)
    assert len(str(raised.value).splitlines()) >= 4
    path = make_path([0, 0, 0, 1])
    with pytest.raises(EstimationError, match="weights"):
        bound_by_smoothness(path, weights=[1, 2], largest_bend=1)
    with pytest.raises(EstimationError, match="0 or more"):
        bound_by_relative_steps(path, weights=[1], largest_ratio=-1)
    with pytest.raises(EstimationError, match="rule"):
        find_breakdown(path, weights=[1], rule="other")
