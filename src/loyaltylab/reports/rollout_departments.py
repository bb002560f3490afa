"""Departments with a single task (H14): judged by equivalence, or said not to be estimable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from loyaltylab.analyses.adjusted import in_days
from loyaltylab.analyses.integrated_team import analyse_rollout
from loyaltylab.analyses.teams import SINGLE_TASKS, team_starts
from loyaltylab.errors import NotEstimableError
from loyaltylab.findings import (
    Check,
    JudgedHypothesis,
    Judgement,
    decide_jointly,
    estimates_table,
)
from loyaltylab.findings.joint_decisions import find_weakest
from loyaltylab.findings.verdicts import DATA
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate

HYPOTHESIS = "H14"
COST = Judgement(
    "not estimable",
    ("What a department costs, and what its customers are worth, is not on file.",),
    (),
)
NOT_ON_FILE = (
    "A department is held against the function as it went on at sites that wait, whatever staff "
    "and budget that had. That they stayed as they were, as the hypothesis declares, cannot be "
    "seen in these data; and the 2 euro per customer of the decision are not measured."
)


@dataclass(frozen=True)
class Departments:
    """What is known of departments with a single task.

    Attributes
    ----------
    judged : tuple of JudgedHypothesis
        H14 once: by the department that the data speak least for; without any, that there is
        nothing to judge.
    each : mapping of str to JudgedHypothesis
        By task.
    estimates : mapping of str to Estimate
        Days retained, by name.
    reasons : mapping of str to str
        Why a department could not be studied, by its task.
    """

    judged: tuple[JudgedHypothesis, ...]
    each: Mapping[str, JudgedHypothesis]
    estimates: Mapping[str, Estimate]
    reasons: Mapping[str, str]


def judge_departments(study: Study, *, horizon_months: int, n_draws: int) -> Departments:
    """Judge H14 by each department that came to sites one after the other."""
    each, estimates, reasons = {}, {}, {}
    for policy, task in SINGLE_TASKS.items():
        if team_starts(study.data.tables, policy=policy).empty:
            reasons[task] = (
                f"Not estimable: needs rows of policies with policy '{policy}' and the site, the "
                "dated starts of such a department; there are none."
            )
            continue
        try:
            found = study.guard(
                analyse_rollout(
                    study.data,
                    horizon_months=horizon_months,
                    n_draws=n_draws,
                    seed=study.parameters.study.seed,
                    confidence_level=study.confidence_level,
                    policy=policy,
                    hypothesis=HYPOTHESIS,
                )
            )
        except NotEstimableError as problem:
            reasons[task] = str(problem)
            continue
        name = f"{policy}_restricted_mean_effect"
        estimates[name] = in_days(found.retained.effect)
        each[task] = study.judge(
            HYPOTHESIS,
            estimates[name],
            estimate_name=name,
            identification="natural experiment",
            falsifications=found.falsifications,
            diagnostics=found.diagnostics,
        )
    judged = choose_judged(list(each.values())) or _judge_none(study, reasons)
    return Departments((judged,), each, estimates, reasons)


def choose_judged(each: Sequence[JudgedHypothesis]) -> JudgedHypothesis | None:
    """The one that the hypothesis rests on, with the decision; None where there is none.

    The hypothesis is of any department with one task, so the weakest verdict counts; of several
    as weak, the one whose estimate is farthest from none.
    """
    if not each:
        return None
    weakest = find_weakest([one.judgement.verdict for one in each])
    among = [one for one in each if one.judgement.verdict == weakest]
    chosen = max(among, key=_distance)
    parts = {"within a quarter of a month": chosen.judgement, "within 2 euro per customer": COST}
    return replace(chosen, decision=decide_jointly(parts))


def _distance(one: JudgedHypothesis) -> float:
    estimate = one.evidence.estimate
    return 0.0 if estimate is None else abs(estimate.value)


def _judge_none(study: Study, reasons: Mapping[str, str]) -> JudgedHypothesis:
    told = " ".join(f"{task.capitalize()}. {reason}" for task, reason in reasons.items())
    return study.judge(
        HYPOTHESIS,
        None,
        estimate_name="",
        identification="none",
        diagnostics=(Check(DATA, "not run", told),),
    )


def show_departments(departments: Departments, *, study: Study) -> None:
    """Show the effect of each department and its verdict, or why there is none."""
    if departments.estimates:
        table = estimates_table(
            {name.replace("_", " "): one for name, one in departments.estimates.items()},
            scale="months",
            min_cell=study.min_cell,
            label="difference of months retained",
            with_p=True,
        )
        show_table(table, caption="Departments with a single task, against none yet.")
        for task, one in departments.each.items():
            show_note(
                f"{HYPOTHESIS}, {task}: **{one.judgement.verdict}**. "
                f"{' '.join(one.judgement.reasons)}"
            )
        show_note(NOT_ON_FILE)
    for task, reason in departments.reasons.items():
        show_note(f"{HYPOTHESIS}, {task}. {reason}")
