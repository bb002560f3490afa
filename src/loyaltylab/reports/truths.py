"""Estimates beside what is true of the synthetic provider that they were made from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from loyaltylab.errors import ParameterError
from loyaltylab.findings import Finding, Question, load_questions
from loyaltylab.findings.wording import DAYS_PER_MONTH
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.truth import hash_parameters, read_truth

# How a unit is shown: its name, and what one of it is worth there.
SHOWN_AS = {
    "days": ("months", 1 / DAYS_PER_MONTH),
    "months": ("months", 1.0),
    "share": ("percentage points", 100.0),
    "ratio": ("ratio", 1.0),
    "contacts": ("contacts per customer", 1.0),
    "events per customer": ("contacts per customer", 1.0),
}
COLUMNS = [
    "estimate", "estimated", "lower", "upper", "true", "Monte-Carlo error", "in the interval",
    "unit", "true value of",
]  # fmt: skip


def find_truth(study: Study) -> pd.DataFrame | None:
    """True values of the study's provider; None where none are kept, or customers are real."""
    if not study.source.is_synthetic:
        return None
    try:
        known = hash_parameters(study.parameters.synthetic)
        return read_truth(study.root, parameter_hash=known)
    except ParameterError:
        return None


def compare_with_truth(
    estimates: Mapping[str, Mapping[str, Any]],
    *,
    question: Question,
    parameters: Mapping[str, Any],
    truth: pd.DataFrame,
) -> pd.DataFrame:
    """Estimates of a report beside the true values of what they estimate.

    Parameters
    ----------
    estimates : mapping
        As in a finding.
    question : Question
        Which declares what its estimates are of.
    parameters : mapping
        The report's parameters.
    truth : DataFrame
        As from :func:`loyaltylab.truth.read_truth`.

    Returns
    -------
    DataFrame
        One line per estimate with a true value; columns estimate, estimated, lower, upper, true,
        Monte-Carlo error, in the interval (yes or no), unit, true value of.
    """
    declared = question.truths_for(parameters)
    pairs = [
        (name, estimates[name], truth.loc[estimand])
        for name, estimand in declared.items()
        if name in estimates and estimand in truth.index
    ]
    lines = [
        _beside(name, estimate, true) for name, estimate, true in pairs if pd.notna(true["value"])
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def _beside(name: str, estimate: Mapping[str, Any], true: pd.Series) -> list[Any]:
    unit, worth = SHOWN_AS[estimate["unit"]]
    true_unit, true_worth = SHOWN_AS[true["unit"]]
    if unit != true_unit:
        raise ParameterError(
            f"{name} is in {unit}, its true value in {true_unit}; rule: one unit; fix: the "
            "estimand that findings/questions.yaml names under true_values."
        )
    limits = [estimate[key] for key in ("value", "ci_lower", "ci_upper")]
    shown = [math.nan if limit is None else worth * limit for limit in limits]
    value, error = (true_worth * float(true[key]) for key in ("value", "mc_se"))
    is_known = math.isfinite(shown[1]) and math.isfinite(shown[2])
    holds = ("yes" if shown[1] <= value <= shown[2] else "no") if is_known else ""
    contrast = f"{true['strategy']} against {true['reference']}"
    return [name.replace("_", " "), *shown, value, error, holds, unit, contrast]


def show_truth(study: Study, finding: Finding) -> None:
    """Show the estimates beside what is true of the simulated customers, if that is known."""
    truth = find_truth(study)
    if truth is None:
        show_note(_why_unknown(study))
        return
    table = compare_with_truth(
        finding.estimates, question=study.question, parameters=study.run, truth=truth
    )
    if not len(table):
        show_note(
            "With these parameters none of the estimates is of a contrast whose true value is kept."
        )
        return
    show_table(table, caption="Estimates beside what is true of these simulated customers.")
    show_note(describe_truth(truth) + " " + _what_a_miss_means(table, study))


def describe_truth(truth: pd.DataFrame) -> str:
    """How the true values were made, in a sentence or two."""
    first = truth.iloc[0]
    step = "day by day" if first["step_days"] == 1 else f"in steps of {first['step_days']} days"
    return (
        f"True values are means over {first['n_seeds']} pairs of simulated worlds, {step}, of "
        f"{first['n_customers']:,} customers each: the same customers with the same luck under "
        "both strategies, everybody followed to the horizon."
    )


def _what_a_miss_means(table: pd.DataFrame, study: Study) -> str:
    n_missed = int((table["in the interval"] == "no").sum())
    if not n_missed:
        return "Every interval holds its true value."
    share = 100 * (1 - study.confidence_level)
    return (
        f"{n_missed} of {len(table)} intervals miss it. By luck alone each does so in "
        f"{share:.0f} % of worlds, and those of one report miss together; a wide miss is bias."
    )


def _why_unknown(study: Study) -> str:
    if not study.source.is_synthetic:
        return "The customers are not simulated, so the true effect is not known."
    return (
        "No true values are kept for these parameters of the provider; `loyaltylab truth` computes "
        "them."
    )


def show_every_truth(study: Study, findings: Mapping[str, Mapping[str, Any]]) -> None:
    """Show the estimates of every report beside what is true, if that is known."""
    truth = find_truth(study)
    if truth is None:
        show_note(_why_unknown(study))
        return
    table = every_truth(findings, questions=load_questions(), truth=truth)
    show_table(table, caption="Every estimate whose true value is known, beside it.")
    show_note(describe_truth(truth) + " " + _what_a_miss_means(table, study))


def every_truth(
    findings: Mapping[str, Mapping[str, Any]],
    *,
    questions: Mapping[str, Question],
    truth: pd.DataFrame,
) -> pd.DataFrame:
    """The same for every report: one frame, its first column the report."""
    found = list(_each(findings, questions, truth))
    if not found:
        return pd.DataFrame(columns=["report", *COLUMNS])
    return pd.concat(found, ignore_index=True)


def _each(
    findings: Mapping[str, Mapping[str, Any]],
    questions: Mapping[str, Question],
    truth: pd.DataFrame,
) -> Iterator[pd.DataFrame]:
    for name, finding in findings.items():
        parameters = finding["provenance"]["parameters"]
        table = compare_with_truth(
            finding["estimates"], question=questions[name], parameters=parameters, truth=truth
        )
        if len(table):
            yield table.assign(report=name.replace("_", " "))[["report", *COLUMNS]]
