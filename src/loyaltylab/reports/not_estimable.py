"""The report of a question that the source cannot answer."""

from __future__ import annotations

from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.params import load_parameters
from loyaltylab.reports.display import show_note
from loyaltylab.reports.rollout_departments import (
    Departments,
    judge_departments,
    show_departments,
)
from loyaltylab.reports.study import Study, open_study
from loyaltylab.reports.whereabouts import find_root


def show_not_estimable_report(name: str, reason: str) -> None:
    """Show question, data and what is missing, and keep the finding that says so.

    Without a single integrated team, departments with one task may still be judged; they are a
    hypothesis of their own on the same page.

    Parameters
    ----------
    name : str
        Name of the question.
    reason : str
        What the source lacks, in a sentence.
    """
    run = load_parameters(find_root()).reports[name]
    study = open_study(name, allow_missing=True, **run)
    study.show_banner()
    departments = find_departments(study)
    finding = study.make_finding(
        verdict="not estimable",
        answer=reason,
        headline="",
        estimates={} if departments is None else departments.estimates,
        judged=() if departments is None else departments.judged,
    )
    study.show_opening(finding)
    if departments is not None:
        show_note("What the same page asks of departments with a single task can be told.")
        show_departments(departments, study=study)
        study.show_judgements(departments.judged)
    study.show_closing(finding)


def find_departments(study: Study) -> Departments | None:
    """Departments with one task on the page of roll-outs; None elsewhere, or where none is told."""
    if study.question.name != "integrated_team" or not study.has("policies"):
        return None
    try:
        found = judge_departments(
            study,
            horizon_months=study.run["horizon_months"],
            n_draws=study.run["random_deals"],
        )
    except (EstimationError, NotEstimableError):
        return None
    return found if found.estimates else None
