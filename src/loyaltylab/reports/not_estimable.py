"""The report of a question that the source cannot answer."""

from __future__ import annotations

from loyaltylab.params import load_parameters
from loyaltylab.reports.study import open_study
from loyaltylab.reports.whereabouts import find_root


def show_not_estimable_report(name: str, reason: str) -> None:
    """Show question, data and what is missing, and keep the finding that says so.

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
    finding = study.make_finding(verdict="not estimable", answer=reason, headline="", estimates={})
    study.show_opening(finding)
    study.show_closing(finding)
