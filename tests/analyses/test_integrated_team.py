"""The roll-out's effect with what was held against it, on few sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.integrated_team import (
    RolloutAnalysis,
    analyse_rollout,
    leave_out_sites,
    rollout_cells,
    rollout_effect,
)
from loyaltylab.analyses.rollout_checks import (
    check_leads,
    check_rollout_control,
    check_single_sites,
)
from loyaltylab.analyses.study_data import StudyData
from loyaltylab.designs import StaggeredEffects
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival import Estimate

SITES = [f"site {number}" for number in range(1, 8)]
FIRST, LAST = pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2022-07-01", tz="UTC")
STARTS = ["2020-11-01", "2021-01-01", "2021-03-01", "2021-06-01", "2021-08-01"]
LEVEL = 0.95
RULE = {"horizon_months": 12, "base_months": 6, "largest_bias": 0.25}


def make_data(sites: list[str] = SITES) -> StudyData:
    """Customers who join all the time and leave for one of two causes; two sites never start."""
    random = np.random.default_rng(3)
    n = 400
    length = (LAST - FIRST).days
    parts = []
    for site in SITES:
        origin = FIRST + pd.to_timedelta(np.linspace(-1200, length - 20, n).round(), unit="D")
        entry = origin.where(origin > FIRST, FIRST)
        leaves = entry + pd.to_timedelta(random.exponential(1200.0, n).round(3) + 1, unit="D")
        is_event = np.asarray(leaves < LAST)
        causes = random.choice(["service", "life_event"], n)
        part = {"site": site, "origin_at": origin, "entry_at": entry, "event": is_event}
        part |= {"stop_at": leaves.where(is_event, LAST)}
        parts.append(pd.DataFrame(part).assign(exit_cause=np.where(is_event, causes, "")))
    lives = pd.concat(parts, ignore_index=True)
    policies = pd.DataFrame(
        {
            "policy": "integrated_team",
            "site": SITES[: len(STARTS)],
            "value": 1.0,
            "effective_at": pd.to_datetime(STARTS, utc=True).as_unit("us"),
        }
    )
    kept = lives[lives["site"].isin(sites)].reset_index(drop=True)
    return StudyData({"policies": policies}, kept, pd.DataFrame(), FIRST, LAST)


@pytest.fixture(scope="module")
def analysis() -> RolloutAnalysis:
    return analyse_rollout(
        make_data(), horizon_months=6, n_draws=200, seed=1, confidence_level=LEVEL
    )


def make_monthly(slope: float, spread: float) -> StaggeredEffects:
    """Effects that rise by `slope` a year over four months before; each unit off by a little."""
    times = np.array([-4, -3, -2, -1, 0])
    effect = slope * times / 12
    table = pd.DataFrame(
        {"effect": effect, "n_treated": 3, "band_lower": effect - 1, "band_upper": effect + 1},
        index=pd.Index(times, name="event_time"),
    )
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    overall = Estimate(0.0, 0.1, -0.2, 0.2, LEVEL, 4, 50, "exits", "made up")
    return StaggeredEffects(
        scale="additive",
        group_time=pd.DataFrame(),
        by_event_time=table,
        by_group=pd.DataFrame(),
        overall=overall,
        influence=spread * np.outer(signs, times),
        units=tuple("abcd"),
        confidence_level=LEVEL,
        caveats=(),
    )


def make_control(lower: float, upper: float) -> Estimate:
    middle = (lower + upper) / 2
    error = (upper - lower) / 2 / 1.96
    return Estimate(middle, error, lower, upper, LEVEL, 20, 90, "months", "made up")


def test_no_slope_before_the_start_is_no_bias() -> None:
    check = check_leads(make_monthly(0.0, 0.001), **RULE)
    assert check.status == "passed"
    assert "over 4 months before" in check.shows


def test_a_slope_is_told_as_the_bias_it_would_make() -> None:
    """One exit per 100 more each 12 months, from the middle of six months before: over 12 months
    the hazards add up to (12^3 / 6 + 3 x 12^2 / 2) / 1200 = (288 + 216) / 1200 = 0.42 months."""
    check = check_leads(make_monthly(1.0, 0.001), **RULE)
    assert check.status == "failed"
    assert "by -0.42 months" in check.shows


def test_a_slope_with_a_large_error_does_not_pass() -> None:
    assert check_leads(make_monthly(0.0, 5.0), **RULE).status == "failed"


def test_few_months_before_the_start_are_not_tested() -> None:
    monthly = make_monthly(0.0, 0.001)
    short = replace(
        monthly,
        by_event_time=monthly.by_event_time.iloc[2:],
        influence=monthly.influence[:, 2:],
    )
    assert check_leads(short, **RULE).status == "not run"


@pytest.mark.parametrize(
    ("control", "status"),
    [
        (None, "not run"),
        (make_control(-0.1, 0.1), "passed"),
        (make_control(-0.6, 0.5), "not run"),
        (make_control(0.3, 0.8), "failed"),
    ],
)
def test_a_control_passes_only_when_shown_to_be_small(
    control: Estimate | None, status: str
) -> None:
    assert check_rollout_control(control, largest_bias=0.25).status == status


@pytest.mark.parametrize(
    ("effects", "status"),
    [([0.1, -0.1], "passed"), ([0.1, 0.9], "failed"), ([0.1, np.nan], "failed")],
)
def test_no_single_site_may_decide(effects: list[float], status: str) -> None:
    without = pd.DataFrame({"site": ["a", "b"], "effect": effects})
    assert check_single_sites(make_control(-0.5, 0.5), without).status == status


def test_a_site_left_out_is_as_if_it_had_never_been(analysis: RolloutAnalysis) -> None:
    others = make_data([site for site in SITES if site != "site 2"])
    alone = rollout_effect(rollout_cells(others), horizon_months=6, confidence_level=LEVEL)
    found = analysis.without_site.set_index("site")["effect"]
    assert list(found.index) == SITES
    assert found["site 2"] == pytest.approx(alone.effect.value, rel=1e-12)


def test_without_too_many_sites_there_is_no_estimate() -> None:
    few = rollout_cells(make_data(["site 1", "site 5", "site 6"]))
    found = leave_out_sites(few, horizon_months=6, confidence_level=LEVEL)
    assert found.set_index("site")["effect"].isna()["site 1"]


def test_the_analysis_holds_the_main_estimate_and_its_checks(analysis: RolloutAnalysis) -> None:
    main = rollout_effect(rollout_cells(make_data()), horizon_months=6, confidence_level=LEVEL)
    assert analysis.retained.effect == main.effect
    assert list(analysis.by_cause) == ["service", "life_event"]
    assert analysis.naive is not None
    assert len(analysis.randomisation.draws) == 200
    assert analysis.randomisation.value == pytest.approx(analysis.monthly.overall.value)
    assert [check.name for check in analysis.falsifications + analysis.diagnostics] == [
        "negative control: exits by life event",
        "trend before the start",
        "no single site decides",
    ]


def test_too_few_customers_are_not_estimable() -> None:
    data = make_data()
    few = replace(data, lives=data.lives.iloc[::40].reset_index(drop=True))
    with pytest.raises(NotEstimableError, match="more customers"):
        analyse_rollout(few, horizon_months=6, n_draws=200, seed=1, confidence_level=LEVEL)


def test_without_starts_nothing_can_be_estimated() -> None:
    data = make_data()
    never = replace(data, tables={"policies": data.tables["policies"].iloc[:0]})
    with pytest.raises(NotEstimableError, match="different times"):
        analyse_rollout(never, horizon_months=6, n_draws=200, seed=1, confidence_level=LEVEL)
    with pytest.raises(NotEstimableError, match="policies"):
        rollout_cells(replace(data, tables={}))
