"""Departments with a single task (H14): judged by equivalence, or said not to be identified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loyaltylab.analyses.adjusted import in_days
from loyaltylab.analyses.integrated_team import analyse_rollout
from loyaltylab.analyses.teams import SINGLE_TASKS, team_starts
from loyaltylab.errors import NotEstimableError
from loyaltylab.findings import JudgedHypothesis, estimates_table
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate


@dataclass(frozen=True)
class Departments:
    """What is known of departments with a single task.

    Attributes
    ----------
    judged : tuple of JudgedHypothesis
    estimates : mapping of str to Estimate
        Days retained, by name.
    reasons : mapping of str to str
        Why a department could not be studied, by its task.
    """

    judged: tuple[JudgedHypothesis, ...]
    estimates: Mapping[str, Estimate]
    reasons: Mapping[str, str]


def judge_departments(study: Study, *, horizon_months: int, n_draws: int) -> Departments:
    """Judge H14 by each department that came to sites one after the other."""
    judged, estimates, reasons = [], {}, {}
    for policy, task in SINGLE_TASKS.items():
        if team_starts(study.data.tables, policy=policy).empty:
            reasons[task] = "not identified: no dated start of such a department."
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
                    hypothesis="H14",
                )
            )
        except NotEstimableError as problem:
            reasons[task] = str(problem)
            continue
        name = f"{policy}_restricted_mean_effect"
        estimates[name] = in_days(found.retained.effect)
        judged.append(
            study.judge(
                "H14",
                estimates[name],
                estimate_name=name,
                identification="natural experiment",
                falsifications=found.falsifications,
                diagnostics=found.diagnostics,
            )
        )
    return Departments(tuple(judged), estimates, reasons)


def show_departments(departments: Departments, *, study: Study) -> None:
    """Show the effect of each department, or why there is none."""
    if departments.estimates:
        table = estimates_table(
            {name.replace("_", " "): one for name, one in departments.estimates.items()},
            scale="months",
            min_cell=study.min_cell,
            label="difference of months retained",
            with_p=True,
        )
        show_table(table, caption="Departments with a single task, against none yet.")
    for task, reason in departments.reasons.items():
        show_note(f"H14, {task}: {reason}")
