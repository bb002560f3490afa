"""Rates by period against hand, R, shuffles and known jumps."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.analyses.period_rates import (
    compare_rates,
    contrast_jump,
    count_cells,
    hazard_ratios_by_period,
    name_periods,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH
from loyaltylab.errors import EstimationError

ORACLES = Path(__file__).parents[1] / "oracles"
GLM_TOLERANCE = 1e-6  # R's glm stops at a relative change of deviance of 1e-8
EXACT = 1e-12  # sums of the same numbers in another order
PAIR = {"group": "arm", "exposed": "a", "reference": "b"}
LEVEL = {"confidence_level": 0.95}
CUTS = (0.0, 30.0, 60.0, 90.0, 120.0)


def customers(stops: list[float], events: list[bool], arms: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"stop": stops, "event": events, "arm": arms})
    return frame.assign(customer_id=[f"c{row:04d}" for row in range(len(frame))])


def by_hand() -> pd.DataFrame:
    """In (30, 60] a has 1 event in 75 days, b 1 in 45; in (60, 90] a has 2 in 30, b 1 in 20."""
    return customers(
        [45, 70, 80, 50, 40, 80, 35, 10], [True, True, True, False, True, True, False, True],
        ["a", "a", "a", "b", "b", "b", "b", "b"],
    )  # fmt: skip


def test_events_and_months_are_those_counted_by_hand() -> None:
    cells = count_cells(by_hand(), **PAIR, cuts=CUTS)
    assert cells.total(True, 1) == (1, pytest.approx(75 / DAYS_PER_MONTH))
    assert cells.total(True, 2) == (2, pytest.approx(30 / DAYS_PER_MONTH))
    assert cells.total(False, 1) == (1, pytest.approx((20 + 10 + 30 + 5) / DAYS_PER_MONTH))
    assert cells.total(False, 2) == (1, pytest.approx(20 / DAYS_PER_MONTH))


def test_the_jump_is_the_ratio_of_ratios_worked_by_hand() -> None:
    jump = contrast_jump(by_hand(), **PAIR, cuts_days=CUTS, **LEVEL)
    assert jump.jump.value == pytest.approx((2 / 30) / (1 / 75))
    assert jump.jump_reference.value == pytest.approx((1 / 20) / (1 / 65))
    assert jump.relative_jump.value == pytest.approx(5 / 3.25)
    # Influence of the three in "a" on log(rate after) - log(rate before):
    # 0/2 - 0/30 - (1/1 - 15/75), 1/2 - 10/30 + 30/75, 1/2 - 20/30 + 30/75.
    own = [-0.8, 0.5 - 1 / 3 + 0.4, 0.5 - 2 / 3 + 0.4]
    assert jump.jump.standard_error == pytest.approx(math.sqrt(sum(one**2 for one in own)))
    assert jump.rates["a", "before"].value == pytest.approx(100 * DAYS_PER_MONTH / 75)
    assert (jump.jump.n_events, jump.relative_jump.n_events) == (1, 1)
    assert jump.p_permutation is None


def test_agrees_with_a_poisson_regression_and_sandwich_in_r() -> None:
    oracle = json.loads((ORACLES / "period_rates.json").read_text("utf-8"))
    data = oracle["data"]
    arms = ["a" if arm == 2 else "b" for arm in data["trt"]]
    frame = customers(data["time"], [status == 1 for status in data["status"]], arms)
    found = contrast_jump(frame, **PAIR, cuts_days=oracle["cuts"], **LEVEL).relative_jump
    assert math.log(found.value) == pytest.approx(oracle["log_ratio"], abs=GLM_TOLERANCE)
    assert found.standard_error == pytest.approx(oracle["standard_error"], abs=GLM_TOLERANCE)


def simulate(n: int, *, jump: float, seed: int) -> pd.DataFrame:
    """Exits at .002 a day; in "a" at ``jump`` times that in (60, 90]."""
    generator = np.random.default_rng(seed)
    arms = np.where(np.arange(n) % 2, "a", "b")
    needed = generator.exponential(size=n)  # cumulative hazard at the exit
    rate = np.where(arms == "a", jump, 1.0)
    early, middle = 0.12, 0.06 * rate
    day = np.where(
        needed < early,
        needed / 0.002,
        np.where(
            needed < early + middle,
            60 + (needed - early) / (0.002 * rate),
            90 + (needed - early - middle) / 0.002,
        ),
    )
    return customers(list(np.minimum(day, 120)), list(day <= 120), list(arms))


@pytest.mark.parametrize("jump", [1.0, 3.0])
def test_a_known_jump_is_covered_as_often_as_stated(jump: float) -> None:
    covered = []
    for seed in range(200):
        found = contrast_jump(
            simulate(1_000, jump=jump, seed=seed), **PAIR, cuts_days=CUTS, **LEVEL
        ).relative_jump
        covered.append(found.ci_lower <= jump <= found.ci_upper)
    assert 0.90 <= np.mean(covered) <= 0.99  # 200 draws at 95 %: four standard errors below


def test_shuffled_offers_see_a_large_jump_and_no_other() -> None:
    for jump, lower, upper in ((1.0, 0.05, 1.0), (4.0, 0.0, 0.02)):
        frame = simulate(2_000, jump=jump, seed=5)
        found = contrast_jump(frame, **PAIR, cuts_days=CUTS, **LEVEL, n_permutations=199, seed=1)
        assert found.p_permutation is not None
        assert lower <= found.p_permutation <= upper


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(60)), st.floats(0.1, 10))
def test_neither_the_order_nor_the_unit_of_time_matters(order: list[int], unit: float) -> None:
    frame = simulate(60, jump=2.0, seed=11)
    before = contrast_jump(frame, **PAIR, cuts_days=CUTS, **LEVEL).relative_jump
    other = frame.iloc[order].assign(stop=lambda rows: rows["stop"] * unit)
    cuts = [cut * unit for cut in CUTS]
    after = contrast_jump(other, **PAIR, cuts_days=cuts, **LEVEL).relative_jump
    assert after.value == pytest.approx(before.value, rel=1e-9)  # rounding of cuts times unit
    assert after.standard_error == pytest.approx(before.standard_error, rel=1e-9)


def test_the_other_way_round_is_one_over_it() -> None:
    frame = simulate(400, jump=2.0, seed=3)
    there = contrast_jump(frame, **PAIR, cuts_days=CUTS, **LEVEL).relative_jump
    swapped = PAIR | {"exposed": "b", "reference": "a"}
    back = contrast_jump(frame, **swapped, cuts_days=CUTS, **LEVEL).relative_jump
    assert back.value == pytest.approx(1 / there.value, rel=EXACT)
    assert back.p_value == pytest.approx(there.p_value, rel=1e-9)


def test_each_period_s_ratio_is_that_of_its_rates_and_empty_periods_are_out() -> None:
    ratios = hazard_ratios_by_period(by_hand(), **PAIR, cuts_days=CUTS, **LEVEL)
    assert list(ratios) == ["months 1 to 2", "months 2 to 3"]  # none of "a" leaves before
    assert ratios["months 2 to 3"].value == pytest.approx((2 / 30) / (1 / 20))


def test_periods_are_named_in_months() -> None:
    assert name_periods([0, 304.375, 365]) == ["months 0 to 10", "months 10 to 12"]


def test_a_cell_without_events_is_named() -> None:
    frame = by_hand()
    cells = count_cells(frame[frame["stop"] != 45], **PAIR, cuts=CUTS)
    with pytest.raises(EstimationError, match="exposed, period 2: 0 events in 2 months"):
        compare_rates(cells, {(True, 2): 1, (True, 1): -1}, **LEVEL)


def test_a_group_of_nobody_is_named() -> None:
    with pytest.raises(EstimationError, match="Nobody is in the group 'c'"):
        count_cells(by_hand(), group="arm", exposed="c", reference="b", cuts=CUTS)
