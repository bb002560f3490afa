"""Blocks of months, weights in months retained, and the tables behind a roll-out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.integrated_team import analyse_rollout, rollout_cells
from loyaltylab.analyses.rollout_protocol import (
    count_by_quarter,
    numbers_at_risk,
    rollout_protocol,
)
from loyaltylab.analyses.rollout_trends import block_path, bound_rollout, months_weights
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.designs import StaggeredEffects, protocol_table
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.survival import Estimate

LEVEL = 0.95


def make_monthly(effects: np.ndarray, *, first: int, spread: float) -> StaggeredEffects:
    """Effects by month; eight units are off by normal draws."""
    times = np.arange(first, first + len(effects))
    draws = spread * np.random.default_rng(4).standard_normal((8, len(times)))
    table = pd.DataFrame(
        {"effect": effects, "n_treated": 8}, index=pd.Index(times, name="event_time")
    )
    overall = Estimate(0.0, 0.1, -0.2, 0.2, LEVEL, 8, 50, "exits", "made up")
    empty = pd.DataFrame()
    return StaggeredEffects(
        "additive", empty, table, empty, overall, draws - draws.mean(axis=0), tuple("abcdefgh"),
        LEVEL, (),
    )  # fmt: skip


def make_site_data(policy: str) -> StudyData:
    """Seven sites of 300 customers, of which five get something two months apart."""
    random = np.random.default_rng(9)
    first, last = pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2022-01-01", tz="UTC")
    parts = []
    for site in "abcdefg":
        origin = first + pd.to_timedelta(np.linspace(-1200, 725, 300).round(), unit="D")
        entry = origin.where(origin > first, first)
        leaves = entry + pd.to_timedelta(random.exponential(900.0, 300).round(3) + 1, unit="D")
        is_event = np.asarray(leaves < last)
        part = {"site": site, "origin_at": origin, "entry_at": entry, "event": is_event}
        part |= {"stop_at": leaves.where(is_event, last), "exit_cause": ""}
        parts.append(pd.DataFrame(part))
    lives = pd.concat(parts, ignore_index=True)
    lives.loc[lives["event"], "exit_cause"] = "service"
    starts = pd.date_range("2020-09-01", periods=5, freq="2MS", tz="UTC", unit="us")
    policies = pd.DataFrame(
        {"policy": policy, "site": list("abcde"), "value": 1.0, "effective_at": starts}
    )
    return StudyData({"policies": policies}, lives, pd.DataFrame(), first, last)


def test_blocks_are_means_of_three_months() -> None:
    path, working = block_path(
        make_monthly(np.arange(15.0), first=-9, spread=0.1), months_before=9, months_after=6
    )
    assert path.times.tolist() == [-3, -2, -1, 0, 1]
    assert path.effects == pytest.approx([1, 4, 7, 10, 13])
    assert np.diag(working) == pytest.approx(1 / 8)


def test_an_exit_costs_the_months_up_to_the_horizon() -> None:
    """In month 0 of 6 an exit costs 5.5 months, then 4.5, 3.5: 13.5 in the first block."""
    assert months_weights(6) == pytest.approx([-0.135, -0.045])


def test_a_straight_trend_goes_on_and_leaves_no_effect() -> None:
    monthly = make_monthly(np.arange(15.0) / 10, first=-9, spread=1e-6)
    bounds = bound_rollout(
        monthly, months_before=9, horizon_months=6, confidence_level=LEVEL, margin=0.5
    )
    assert bounds.margin == 0.5
    assert bounds.smooth_breakdown > 0
    assert bounds.smooth[0].value == pytest.approx(0, abs=1e-5)
    widths = [one.ci_upper - one.ci_lower for one in bounds.smooth]
    assert all(wide > narrow for narrow, wide in pairwise(widths))


def test_months_that_are_missing_or_do_not_make_blocks_are_refused() -> None:
    monthly = make_monthly(np.arange(15.0), first=-9, spread=0.1)
    with pytest.raises(EstimationError, match="blocks of 3"):
        block_path(monthly, months_before=8, months_after=6)
    gone = replace(monthly, influence=monthly.influence * np.nan)
    with pytest.raises(EstimationError, match="no error"):
        block_path(gone, months_before=9, months_after=6)


def test_a_named_policy_is_analysed_as_the_team_is() -> None:
    run = {"horizon_months": 6, "n_draws": 200, "seed": 1, "confidence_level": LEVEL}
    team = analyse_rollout(make_site_data("integrated_team"), **run)
    data = make_site_data("incident_department")
    found = analyse_rollout(data, policy="incident_department", hypothesis="H14", **run)
    assert found.retained.effect.value == team.retained.effect.value
    assert "within 0.125, half" in found.diagnostics[0].shows
    with pytest.raises(NotEstimableError, match="'promotion_department'"):
        analyse_rollout(data, policy="promotion_department", hypothesis="H14", **run)


def test_the_curves_have_the_area_of_the_effect() -> None:
    """The trapezium over monthly points is the area but for the bend within a month."""
    data = make_site_data("integrated_team")
    run = {"horizon_months": 6, "n_draws": 200, "seed": 1, "confidence_level": LEVEL}
    retained = analyse_rollout(data, **run).retained
    curve = np.concatenate([[1.0], retained.curves["observed"]])
    area = float((curve[:-1] + curve[1:]).sum() / 2)
    assert area == pytest.approx(retained.observed, rel=0.01)  # months are 28 to 31 days
    gap = retained.curves["observed"] - retained.curves["counterfactual"]
    assert retained.curves["effect"].to_numpy() == pytest.approx(gap.to_numpy())


def test_customers_at_risk_by_design_and_by_quarter() -> None:
    data = make_site_data("integrated_team")
    cells = rollout_cells(data)
    groups = pd.DatetimeIndex(cells.start_at[["a", "b"]])
    table = numbers_at_risk(data, cells, months=[0, 6], group_months=groups)
    start = data.lives["site"].map(cells.start_at[["a", "b"]])
    is_there = (data.lives["entry_at"] <= start) & (data.lives["stop_at"] > start)
    assert table.loc[0, "with_team"] == int(is_there.sum())
    assert (table.loc[6] < table.loc[0]).all()
    quarters = count_by_quarter(cells)
    total = cells.cells["n_events"].sum()
    assert quarters["exits"].sum() == total
    assert quarters.loc[quarters["quarter"] == "2020Q1", "sites"].tolist() == [7]


def test_the_protocol_is_of_a_total_effect() -> None:
    table = protocol_table(rollout_protocol(horizon_months=12))
    assert "total" in table.loc["Causal contrast", "emulation"]
