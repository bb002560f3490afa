"""Placebo dates and outcomes, by hand and on spells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from natural_cells import months, simulate_sites
from scipy import stats

from loyaltylab.designs import (
    estimate_staggered_effects,
    exposure_cells,
    run_placebo_dates,
    run_placebo_outcomes,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate

ESTIMATE = Estimate(0.1, 0.1, -0.096, 0.296, 0.95, 20, 100, "log hazard ratio", "by hand")


def test_placebo_dates_by_hand() -> None:
    # Effects 1 ... 20 at twenty dates, 18 at the true one: 18, 19 and 20 are as far from 0.
    found = run_placebo_dates(
        lambda day: 18.0 if day == 0 else float(day * (-1) ** day),
        actual=0,
        candidates=[*range(21), 3],
        seed=1,
    )
    assert len(found.placebos) == 20
    assert found.p_value == (1 + 3) / (1 + 20)
    assert "p-values below 0.048" in found.caveats[0]


@given(seed=st.integers(0, 100))
def test_draws_are_without_replacement_and_repeat(seed: int) -> None:
    options = {"actual": 0, "candidates": range(1, 500), "n_draws": 200, "seed": seed}
    found = run_placebo_dates(float, **options)
    assert found.placebos["date"].is_unique
    assert len(found.placebos) == 200
    assert found.caveats == ()
    assert found.placebos.equals(run_placebo_dates(float, **options).placebos)
    assert found.p_value == 1.0  # no effect at the true date: all are as far from 0


def test_dates_that_fail_are_counted() -> None:
    def estimate(day: int) -> float:
        if 0 < day < 5:
            raise EstimationError("Too early.")
        return float(day)

    found = run_placebo_dates(estimate, actual=0, candidates=range(30), seed=1)
    assert found.n_failed == 4
    with pytest.raises(EstimationError) as caught:
        run_placebo_dates(estimate, actual=0, candidates=range(15), seed=1)
    assert "10 placebo dates of 14" in str(caught.value)
    assert "1: Too early." in str(caught.value)
    with pytest.raises(EstimationError, match="finite"):
        run_placebo_dates(lambda _: math.nan, actual=0, candidates=range(30), seed=1)


def test_placebo_outcomes_by_hand() -> None:
    # 0.1 with error 0.1 against a margin of 0.3: z = 2, p = 0.0228; against 0.2: z = 1, 0.1587.
    for margin, z in ((0.3, 2.0), (0.2, 1.0)):
        found = run_placebo_outcomes(
            lambda _: ESTIMATE, outcomes={"life event": ["moved", "died"]}, margin=margin
        )
        line = found.equivalence.loc["life event"]
        assert line["p_value"] == pytest.approx(stats.norm.sf(z))
        assert line["is_equivalent"] == (z > 1.645)
        assert not line["differs"]


def test_placebo_outcome_runs_the_same_design() -> None:
    # Nothing has an effect, and 3 exits in 10 are called life events at random.
    spells, starts, _ = simulate_sites(1, effect=0.0)
    random = np.random.default_rng(2)
    is_life = spells["event"] & (random.random(len(spells)) < 0.3)
    spells["exit_cause"] = spells["exit_cause"].mask(is_life, "life_event")
    seen: list[tuple[str, ...]] = []

    def estimate(causes: Sequence[str]) -> Estimate:
        seen.append(tuple(causes))
        cells = exposure_cells(spells, unit="site", month_cuts=months(48), causes=causes)
        return estimate_staggered_effects(
            cells, starts, scale="log", base_months=12, horizon_months=12
        ).overall

    found = run_placebo_outcomes(estimate, outcomes={"life": ["life_event"]}, margin=0.5)
    assert seen == [("life_event",)]
    assert found.equivalence.loc["life", "is_equivalent"]


def test_errors_say_what_is_wrong() -> None:
    ratio = replace(ESTIMATE, unit="ratio")
    with pytest.raises(EstimationError, match="log ratios or differences"):
        run_placebo_outcomes(lambda _: ratio, outcomes={"life": ["moved"]}, margin=0.1)
    with pytest.raises(EstimationError, match="margin above 0"):
        run_placebo_outcomes(lambda _: ESTIMATE, outcomes={"life": ["moved"]}, margin=0.0)
