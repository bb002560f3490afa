"""Discontinuities against R, by hand, and under changes of unit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from natural_cells import ORACLE

from loyaltylab.designs import (
    check_density,
    choose_bandwidth,
    estimate_discontinuity,
    vary_discontinuity,
)
from loyaltylab.errors import EstimationError

SOLVED = 1e-8  # relative: least squares by two different decompositions
DATA = ORACLE["discontinuity"]
AT = {"cutoff": DATA["cutoff"], "bandwidth": DATA["bandwidth"]}
N_SIMULATED = 100
# Of 100 intervals at 95 %, fewer than 88 cover with probability 0.003; all of 100 with 0.006.
FEWEST_COVERED = 88


def draw(seed: int, n: int = 800, jump: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    score = random.uniform(-1, 1, n)
    return score, np.sin(2 * score) + jump * (score >= 0) + random.normal(0, 0.5, n)


def test_a_jump_by_hand() -> None:
    # Below the line -1 + x, above 2 + 3 x: the jump is 3 whatever the weights, with no error.
    score = np.concatenate([np.arange(-12, 0), np.arange(0, 12)]).astype(float)
    outcome = np.where(score < 0, -1 + score, 2 + 3 * score)
    found = estimate_discontinuity(score, outcome, cutoff=0, bandwidth=20)
    assert found.local_linear.value == pytest.approx(3.0, rel=SOLVED)
    assert found.effect.value == pytest.approx(3.0, rel=SOLVED)
    assert (found.n_below, found.n_above) == (12, 12)


@pytest.mark.parametrize(
    ("oracle", "options"),
    [
        ("quadratic", {}),
        ("clustered", {"cluster": DATA["clinic"]}),
        ("donut", {"donut": 2}),
        ("fuzzy_quadratic", {"treated": DATA["treated"]}),
    ],
)
def test_effects_match_r(oracle: str, options: dict[str, object]) -> None:
    found = estimate_discontinuity(DATA["age"], DATA["hgb"], **AT, **options)
    assert found.effect.value == pytest.approx(DATA[oracle][0], rel=SOLVED)
    assert found.effect.standard_error == pytest.approx(DATA[oracle][1], rel=SOLVED)


@pytest.mark.parametrize(("oracle", "treated"), [("linear", None), ("fuzzy_linear", "treated")])
def test_local_linear_matches_r(oracle: str, treated: str | None) -> None:
    taken = DATA[treated] if treated else None
    found = estimate_discontinuity(DATA["age"], DATA["hgb"], treated=taken, **AT)
    assert found.local_linear.value == pytest.approx(DATA[oracle][0], rel=SOLVED)
    assert found.local_linear.standard_error == pytest.approx(DATA[oracle][1], rel=SOLVED)
    assert (found.first_stage is None) == (treated is None)


def test_bandwidth_and_density_match_r() -> None:
    distance = np.array(DATA["age"]) - DATA["cutoff"]
    assert choose_bandwidth(distance, DATA["hgb"]) == pytest.approx(DATA["ik"], rel=SOLVED)
    expected = DATA["mccrary"]
    found = check_density(
        DATA["age"],
        cutoff=DATA["cutoff"],
        bin_width=expected["bin"],
        bandwidth=expected["bandwidth"],
    )
    assert found.value == pytest.approx(expected["value"][0], rel=SOLVED)
    assert found.standard_error == pytest.approx(expected["value"][1], rel=SOLVED)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_units_order_and_doubling_by_cluster_do_not_matter(
    seed: int, factor: float, shift: float
) -> None:
    score, outcome = draw(seed)
    expected = estimate_discontinuity(score, outcome, cutoff=0)
    order = np.random.default_rng(seed).permutation(len(score))
    moved = shift + factor * score[order]
    near = np.abs(score) > 1e-9 * (1 + abs(shift) / factor)  # rounding may cross the cut-off
    if not near.all():
        return
    found = estimate_discontinuity(moved, 2 * outcome[order], cutoff=shift)
    assert found.bandwidth == pytest.approx(factor * expected.bandwidth, rel=1e-6)
    assert found.effect.value == pytest.approx(2 * expected.effect.value, rel=1e-5, abs=1e-8)
    # Every row twice, with its customer as cluster: the same value, and nearly the same error.
    options = {"cutoff": 0, "bandwidth": expected.bandwidth}
    twice = estimate_discontinuity(
        np.repeat(score, 2), np.repeat(outcome, 2), cluster=np.repeat(order, 2), **options
    )
    assert twice.effect.value == pytest.approx(expected.effect.value, rel=1e-7, abs=1e-9)
    assert twice.effect.standard_error == pytest.approx(expected.effect.standard_error, rel=0.01)
    assert twice.effect.n == expected.effect.n


def test_robust_interval_covers_a_known_jump() -> None:
    covered = 0
    for seed in range(N_SIMULATED):
        found = estimate_discontinuity(*draw(seed), cutoff=0).effect
        covered += found.ci_lower <= 0.5 <= found.ci_upper
    assert FEWEST_COVERED <= covered < N_SIMULATED


def test_density_finds_sorting() -> None:
    score = np.random.default_rng(4).normal(0, 1, 4000)
    assert abs(check_density(score, cutoff=0).value) < 0.3
    sorted_up = np.where((score > -0.1) & (score < 0), -score, score)
    found = check_density(sorted_up, cutoff=0)
    assert found.p_value is not None
    assert found.p_value < 0.01
    assert found.value > 0


def test_grid_holds_the_single_fits() -> None:
    score, outcome = draw(3)
    grid = vary_discontinuity(score, outcome, cutoff=0, bandwidths=[0.3, 0.6], donuts=[0.0, 0.05])
    assert len(grid) == 4
    one = estimate_discontinuity(score, outcome, cutoff=0, bandwidth=0.6, donut=0.05)
    assert grid.loc[(0.6, 0.05), "effect"] == one.effect.value
    assert any("in the donut" in text for text in one.effect.caveats)


def test_errors_say_what_is_wrong() -> None:
    score, outcome = draw(1)
    with pytest.raises(EstimationError) as caught:
        estimate_discontinuity(
            score, np.where(score > 0.9, math.nan, outcome), cutoff=0, treated=outcome, donut=-1
        )
    assert len(caught.value.problems) == 3
    with pytest.raises(EstimationError, match="10 on each side"):
        estimate_discontinuity(score, outcome, cutoff=0.99, bandwidth=0.2)
    with pytest.raises(EstimationError, match="does not jump"):
        estimate_discontinuity(
            score, outcome, cutoff=0, bandwidth=0.5, treated=np.arange(len(score)) % 2
        )
    with pytest.raises(EstimationError, match="distinct scores"):
        estimate_discontinuity(np.repeat([-1, 1], 20), np.arange(40), cutoff=0, bandwidth=2)
    with pytest.raises(EstimationError, match="does not vary"):
        choose_bandwidth(score, np.zeros(len(score)))
    with pytest.raises(EstimationError, match="pilot width"):
        estimate_discontinuity(score, outcome, cutoff=0.99)
    with pytest.raises(EstimationError, match="six bins"):
        check_density(np.abs(score), cutoff=0)
