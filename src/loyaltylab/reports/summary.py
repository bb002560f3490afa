"""The summary of a study, made from its findings alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loyaltylab.findings import (
    Question,
    count_standings,
    describe_families,
    deviations,
    families_table,
    gather_judgements,
    hypotheses_table,
    load_hypotheses,
    load_questions,
    write_families,
)
from loyaltylab.findings.wording import p_value
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.study import Study
from loyaltylab.reports.truths import compare_with_truth, describe_truth, find_truth

Findings = Mapping[str, Mapping[str, Any]]
STANDING_WORDS = {
    "supported": "supported",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "not identified": "not identified",
    "described": "described without a claim",
}
OPEN = ("not estimable", "not yet studied")
UNIT_WORDS = {"months": (2, " months"), "percentage points": (1, " points"), "ratio": (2, "")}


def summary_answer(table: pd.DataFrame) -> str:
    """How many hypotheses got which verdict.

    Parameters
    ----------
    table : DataFrame
        As from :func:`loyaltylab.findings.hypotheses_table`.
    """
    standings = count_standings(table)
    n_open = sum(len(standings.pop(name, ())) for name in OPEN)
    n_judged = len(table) - n_open
    start = f"The study declares {len(table)} hypotheses"
    if not n_judged:
        none = f"{start}; none of them has been judged on these data yet."
        return " ".join([none, *_say_open(table)])
    parts = [
        f"{len(names)} {'is' if len(names) == 1 else 'are'} {STANDING_WORDS[standing]} "
        f"({', '.join(names)})"
        for standing, names in standings.items()
    ]
    judged = f"{start} and has judged {n_judged} of them on these data: {_join(parts)}."
    return " ".join([judged, *_say_open(table)])


def _say_open(table: pd.DataFrame) -> list[str]:
    """Those without a verdict, and whether the source or a report is wanting."""
    standings = count_standings(table)
    wanting, waiting = (len(standings.get(name, ())) for name in OPEN)
    said = []
    if wanting:
        said.append(f"{wanting} cannot be estimated from what the source delivered.")
    if waiting:
        said.append(f"{waiting} {'is' if waiting == 1 else 'are'} not yet studied.")
    return said


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def hypothesis_truths(
    findings: Findings, *, questions: Mapping[str, Question], truth: pd.DataFrame
) -> dict[str, str]:
    """True value of what each judged hypothesis rests on, in words; empty where none is kept.

    Parameters
    ----------
    findings : mapping of str to mapping
        Stored findings by report, with their ``provenance``.
    questions : mapping of str to Question
        Which declare what estimates are of.
    truth : DataFrame
        As from :func:`loyaltylab.truth.read_truth`.
    """
    told = {}
    for name, kept in gather_judgements(findings).items():
        finding = findings[kept.report]
        known = {key: finding["estimates"][key] for key in [kept.estimate_name] if key}
        table = compare_with_truth(
            known,
            question=questions[kept.report],
            parameters=finding["provenance"]["parameters"],
            truth=truth,
        )
        if len(table):
            told[name] = _write_truth(table.iloc[0])
    return told


def _write_truth(line: pd.Series) -> str:
    digits, unit = UNIT_WORDS[line["unit"]]
    where = {"yes": ", in the interval", "no": ", outside the interval"}.get(
        line["in the interval"], ""
    )
    return f"{line['true']:.{digits}f}{unit}{where}".replace("-", "−")


def show_hypotheses(study: Study, findings: Findings) -> None:
    """Show every hypothesis with its verdict, and on simulated customers the truth beside it."""
    table = hypotheses_table(findings)
    truth = find_truth(study)
    if truth is not None:
        told = hypothesis_truths(findings, questions=load_questions(), truth=truth)
        column = [told.get(name, "") for name in table["hypothesis"]]
        table.insert(list(table).index("estimate") + 1, "true value", column)
    show_table(
        table,
        caption="Every hypothesis: its estimate, its verdict within its family, and why; or what "
        "a verdict would take.",
    )
    if truth is not None:
        show_note(describe_truth(truth))


def show_families(findings: Findings) -> None:
    """Show what adjusting for the other hypotheses of a family does to each verdict."""
    table = families_table(findings)
    if not len(table):
        show_note("No report on these data has judged a hypothesis yet.")
        return
    show_table(
        write_families(table), caption="Verdicts before and after adjusting within the family."
    )
    show_note(describe_families(table))


def show_deviations(findings: Findings) -> None:
    """Show what was run in another way than declared."""
    table = deviations(findings, load_hypotheses())
    if not len(table):
        show_note("Every report that bears on a hypothesis was run as declared.")
        return
    table["report"] = table["report"].str.replace("_", " ")
    show_table(table, caption="What was run in another way than declared.")


def answers_table(findings: Findings) -> pd.DataFrame:
    """Question, verdict and answer of every report."""
    return pd.DataFrame(
        [
            {
                "question": finding["question"],
                "verdict": finding["verdict"],
                "answer": finding["answer"],
            }
            for finding in findings.values()
        ]
    )


def every_estimate_table(findings: Findings) -> pd.DataFrame:
    """Every number of every report, with its interval and what it rests on."""
    columns = ["report", "estimate", "value", "lower", "upper", "unit", "customers", "events", "p"]
    lines = [
        (
            report.replace("_", " "),
            name.replace("_", " "),
            *(_number(estimate[key]) for key in ("value", "ci_lower", "ci_upper")),
            estimate["unit"],
            f"{estimate['n']:,}",
            f"{estimate['n_events']:,}",
            "" if estimate["p_value"] is None else p_value(estimate["p_value"]),
        )
        for report, finding in findings.items()
        for name, estimate in finding["estimates"].items()
    ]
    return pd.DataFrame(lines, columns=columns)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}".replace("-", "−")
