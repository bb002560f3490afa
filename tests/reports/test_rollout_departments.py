"""Departments with a single task: one verdict for all of them, and why there is none."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import StudyData
from loyaltylab.findings import (
    Check,
    Evidence,
    JudgedHypothesis,
    decide,
    hypotheses_table,
    load_hypotheses,
)
from loyaltylab.findings.judged import describe_judged
from loyaltylab.reports.not_estimable import find_departments
from loyaltylab.reports.rollout_departments import choose_judged, judge_departments
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

DECLARED = load_hypotheses()["H14"]
MARGIN = DECLARED.smallest_effect.in_estimate_unit
PASSED = (Check("negative control", "passed", "None where there can be none."),)
Z = 1.959963984540054


def judged(days: float, error: float, name: str) -> JudgedHypothesis:
    estimate = Estimate(
        days, error, days - Z * error, days + Z * error, 0.95, 20, 900, "days", "by hand"
    )
    evidence = Evidence(estimate, MARGIN, "equivalence", 0, "natural experiment", PASSED)
    return JudgedHypothesis(DECLARED, name, evidence, decide(evidence))


def make_study(tmp_path: Path, policies: dict[str, list[str]]) -> Any:
    """Sixteen sites of 500 customers who leave at one rate, whatever starts at them."""
    random = np.random.default_rng(9)
    first, last = pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2023-01-01", tz="UTC")
    parts = []
    for site in "abcdefghijklmnop":
        origin = first + pd.to_timedelta(np.linspace(-1200, 1000, 500).round(), unit="D")
        entry = origin.where(origin > first, first)
        leaves = entry + pd.to_timedelta(random.exponential(1500.0, 500).round(3) + 1, unit="D")
        is_event = np.asarray(leaves < last)
        part = {"site": site, "origin_at": origin, "entry_at": entry, "event": is_event}
        part |= {"stop_at": leaves.where(is_event, last), "exit_cause": ""}
        parts.append(pd.DataFrame(part))
    lives = pd.concat(parts, ignore_index=True)
    is_life_event = random.random(len(lives)) < 0.3
    lives.loc[lives["event"], "exit_cause"] = "service"
    lives.loc[lives["event"] & is_life_event, "exit_cause"] = "life_event"
    rows = [
        {"policy": name, "site": site, "value": 1.0,
         "effective_at": first + pd.DateOffset(months=8 + number)}
        for name, sites in policies.items()
        for number, site in enumerate(sites)
    ]  # fmt: skip
    columns = ["policy", "site", "value", "effective_at"]
    table = pd.DataFrame(rows, columns=columns)
    parameters = SimpleNamespace(study=SimpleNamespace(seed=1))
    study = SimpleNamespace(
        data=StudyData({"policies": table}, lives, pd.DataFrame(), first, last),
        root=tmp_path,
        min_cell=5,
        confidence_level=0.95,
        parameters=parameters,
        guard=lambda found: found,
    )
    study.judge = partial(Study.judge, study)
    return study


def test_without_a_department_the_reason_is_kept(tmp_path: Path) -> None:
    found = judge_departments(make_study(tmp_path, {}), horizon_months=6, n_draws=200)
    assert (found.estimates, found.each) == ({}, {})
    assert [one.judgement.verdict for one in found.judged] == ["not estimable"]
    page = {"verdict": "supported", "answer": "So.", "hypotheses": describe_judged(found.judged)}
    line = hypotheses_table({"integrated_team": page}).set_index("hypothesis").loc["H14"]
    assert (line["verdict"], line["estimate"]) == ("not estimable", "none")
    assert "'promotion_department'" in line["why, or what it would take"]
    assert "'incident_department'" in line["why, or what it would take"]


def test_a_department_that_does_nothing_is_judged_by_its_interval(tmp_path: Path) -> None:
    """Exits are by luck alone, so the truth is no difference, and the interval holds it."""
    study = make_study(tmp_path, {"incident_department": list("abcdefgh")})
    found = judge_departments(study, horizon_months=6, n_draws=200)
    gap = found.estimates["incident_department_restricted_mean_effect"]
    assert gap.unit == "days"
    assert gap.ci_lower < 0 < gap.ci_upper
    (one,) = found.judged
    assert one.evidence.estimate is not None
    assert one.evidence.estimate.value == gap.value
    assert one.evidence.smallest_effect == MARGIN
    assert one.judgement.verdict != "refuted"
    # What it costs is not on file, so the decision cannot be more than not estimable.
    assert one.decision is not None
    assert one.decision.verdict == "not estimable"
    assert list(found.reasons) == ["promotions alone"]


def test_of_several_departments_the_weakest_verdict_counts() -> None:
    # 0 +- 2 lies within 7.6 days, 5 +- 4 and 6 +- 4 reach beyond, 30 +- 4 lies outside.
    within, beyond, farther = judged(0, 1, "a"), judged(5, 2, "b"), judged(6, 2, "c")
    outside = judged(30, 2, "d")
    assert [one.judgement.verdict for one in (within, beyond, farther, outside)] == [
        "supported", "inconclusive", "inconclusive", "refuted",
    ]  # fmt: skip
    assert choose_judged([]) is None
    for several, expected in (
        ([within], "a"),
        ([within, beyond], "b"),
        ([farther, within, beyond], "c"),
        ([within, outside, beyond], "d"),
    ):
        chosen = choose_judged(several)
        assert chosen is not None
        assert chosen.estimate_name == expected
    refuted = choose_judged([outside])
    assert refuted is not None
    assert refuted.decision is not None
    # One part that fails is enough, whatever the other.
    assert refuted.decision.verdict == "refuted"


def test_without_a_team_departments_are_told_on_the_page_that_lacks_it(tmp_path: Path) -> None:
    def ask(policies: dict[str, list[str]], page: str = "integrated_team") -> Any:
        study = make_study(tmp_path, policies)
        study.question = SimpleNamespace(name=page)
        study.run = {"horizon_months": 6, "random_deals": 200}
        study.has = lambda table: table in study.data.tables
        return find_departments(study)

    started = {"promotion_department": list("abcdefgh")}
    found = ask(started)
    assert list(found.estimates) == ["promotion_department_restricted_mean_effect"]
    assert ask(started, "compensation") is None
    assert ask({}) is None
    # One site alone tells nothing: none is made up.
    assert ask({"promotion_department": ["a"]}) is None
