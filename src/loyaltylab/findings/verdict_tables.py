"""Every hypothesis with its verdict, by itself and within its family, from findings alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from loyaltylab.errors import ParameterError
from loyaltylab.findings.hypotheses import Hypothesis, load_hypotheses
from loyaltylab.findings.judged import read_evidence
from loyaltylab.findings.multiplicity import FAMILY_ALPHAS, judge_families
from loyaltylab.findings.register_tables import Findings
from loyaltylab.findings.verdicts import Evidence
from loyaltylab.findings.wording import effect_with_interval, p_value

NOT_STUDIED = "not yet studied"
NOT_ESTIMABLE = "not estimable"
# In the order in which they are counted out.
STANDINGS = (
    "supported", "refuted", "inconclusive", "not identified", "described", NOT_ESTIMABLE,
    NOT_STUDIED,
)  # fmt: skip
# The verdict comes early: on a narrow screen the rest is reached by scrolling.
COLUMNS = (
    "hypothesis", "verdict", "what it says", "estimate", "why, or what it would take", "family",
    "report",
)  # fmt: skip


@dataclass(frozen=True)
class KeptJudgement:
    """One hypothesis as a report judged it.

    Attributes
    ----------
    report : str
    estimate_name : str
        Which estimate of the report it rests on.
    reasons : tuple of str
        The first tells the estimate, the others what else decided.
    evidence : Evidence
    decision : str
        Verdict on what is declared as the decision; empty where that takes no more.
    """

    report: str
    estimate_name: str
    reasons: tuple[str, ...]
    evidence: Evidence
    decision: str = ""


def gather_judgements(findings: Findings) -> dict[str, KeptJudgement]:
    """Every judgement that findings hold, by hypothesis.

    Parameters
    ----------
    findings : mapping of str to mapping
        Stored findings by report; one without ``hypotheses`` judges none.

    Raises
    ------
    ParameterError
        If two reports judge one hypothesis, since nothing says which of them counts.
    """
    found: dict[str, KeptJudgement] = {}
    problems = []
    for report, finding in findings.items():
        for name, kept in finding.get("hypotheses", {}).items():
            if name in found:
                problems.append(f"{name} is judged by '{found[name].report}' and by '{report}'")
            found[name] = KeptJudgement(
                report=report,
                estimate_name=str(kept["estimate_name"]),
                reasons=tuple(kept["reasons"]),
                evidence=read_evidence(kept["evidence"]),
                decision=str(kept.get("decision", {}).get("verdict", "")),
            )
    if problems:
        raise ParameterError("A hypothesis is judged by one report only:", problems)
    return found


def families_table(
    findings: Findings, *, hypotheses: Mapping[str, Hypothesis] | None = None
) -> pd.DataFrame:
    """Every judged hypothesis before and after adjusting for the others of its family.

    Parameters
    ----------
    findings : mapping of str to mapping
        Stored findings by report.
    hypotheses : mapping of str to Hypothesis, optional
        As declared, by default; one that was not tested counts with a p-value of 1.

    Returns
    -------
    pandas.DataFrame
        As from :func:`loyaltylab.findings.judge_families`; no rows if nothing was judged.
    """
    declared = load_hypotheses() if hypotheses is None else hypotheses
    evidence = {name: kept.evidence for name, kept in gather_judgements(findings).items()}
    families = {name: str(entry.family) for name, entry in declared.items()}
    return judge_families(evidence, families=families)


def write_families(table: pd.DataFrame) -> pd.DataFrame:
    """The same in words to show: p-values to three places, and the rule of each family."""
    rules = {"confirmatory": "Holm", "secondary": "Benjamini-Hochberg"}
    return pd.DataFrame(
        {
            "hypothesis": table["hypothesis"],
            "family": [f"{name} ({rules[name]})" for name in table["family"]],
            "p": [_write_p(value) for value in table["p_value"]],
            "p within the family": [_write_p(value) for value in table["adjusted_p_value"]],
            "level": [f"{value:.2f}" for value in table["alpha"]],
            "verdict alone": table["verdict_before"],
            "verdict within the family": table["verdict_after"],
        }
    )


def describe_families(
    table: pd.DataFrame, *, hypotheses: Mapping[str, Hypothesis] | None = None
) -> str:
    """How many of each family were tested, and which verdicts the adjustment took away."""
    declared = load_hypotheses() if hypotheses is None else hypotheses
    parts = []
    for family, alpha in FAMILY_ALPHAS.items():
        n_declared = sum(entry.family == family for entry in declared.values())
        n_tested = int(table.loc[table["family"] == family, "p_value"].notna().sum())
        held = "chance of any" if family == "confirmatory" else "expected share of"
        parts.append(
            f"{n_tested} of the {n_declared} {family} hypotheses were tested; the {held} false "
            f"claim{'' if family == 'confirmatory' else 's'} is held to {100 * alpha:g} %."
        )
    lost = table.loc[table["verdict_before"] != table["verdict_after"], "hypothesis"]
    parts.append(
        "A hypothesis that was not tested counts with a p of 1, so that no family is smaller than "
        "it was declared."
    )
    parts.append(
        f"Within its family another verdict holds for {', '.join(lost)}."
        if len(lost)
        else "No verdict changes within its family."
    )
    return " ".join(parts)


def hypotheses_table(
    findings: Findings, *, hypotheses: Mapping[str, Hypothesis] | None = None
) -> pd.DataFrame:
    """Every hypothesis with its estimate and its verdict within the family.

    Parameters
    ----------
    findings : mapping of str to mapping
        Stored findings by report. What a finding holds under ``hypotheses`` counts; a hypothesis
        whose every report found the source wanting is not estimable, any other not yet studied.
    hypotheses : mapping of str to Hypothesis, optional
        As declared, by default.

    Returns
    -------
    pandas.DataFrame
        One row per hypothesis, of texts: hypothesis, verdict, what it says, estimate, why or what
        it would take, family, report.
    """
    declared = load_hypotheses() if hypotheses is None else hypotheses
    judged = gather_judgements(findings)
    families = families_table(findings, hypotheses=declared).set_index("hypothesis")
    lines = []
    for name, entry in declared.items():
        said = {"hypothesis": name, "what it says": entry.title, "family": entry.family}
        if name in judged:
            told = _write_judged(judged[name], families.loc[name], decision=entry.decision)
            lines.append(said | told)
        else:
            lines.append(said | _write_open(entry, findings))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def count_standings(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Hypotheses by verdict, verdicts that none has left out.

    Parameters
    ----------
    table : DataFrame
        As from :func:`hypotheses_table`.
    """
    counted = Counter(table["verdict"])
    return {
        standing: tuple(table.loc[table["verdict"] == standing, "hypothesis"])
        for standing in STANDINGS
        if counted[standing]
    }


def _write_p(value: float) -> str:
    return "not tested" if pd.isna(value) else p_value(value)


def _write_judged(kept: KeptJudgement, family: pd.Series, *, decision: str) -> dict[str, str]:
    estimate = kept.evidence.estimate
    before, after = family["verdict_before"], family["verdict_after"]
    why = list(kept.reasons[1:])
    if not why:
        why = ["The interval leaves it open."] if before == "inconclusive" else [*kept.reasons]
    if before != after:
        why.append(f"Within its family p is {p_value(family['adjusted_p_value'])}.")
    if kept.decision:
        why.append(f"The decision, by itself ({decision}): {kept.decision}.")
    return {
        "estimate": "none" if estimate is None else effect_with_interval(estimate),
        "verdict": after,
        "report": kept.report.replace("_", " "),
        "why, or what it would take": " ".join(why),
    }


def _write_open(entry: Hypothesis, findings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Where no report judges it: whether the source is wanting, or a report."""
    made = [findings[report] for report in entry.reports if report in findings]
    answers = [finding["answer"] for finding in made if finding["verdict"] == NOT_ESTIMABLE]
    is_wanting = bool(made) and len(answers) == len(made)
    tables = ", ".join(entry.needs)
    if is_wanting:
        takes = " ".join(dict.fromkeys(answers))
    elif entry.reports:
        known = ", ".join(f"'{report.replace('_', ' ')}'" for report in entry.reports)
        takes = f"{'A verdict' if made else 'A run'} of the report {known}. Tables: {tables}."
    else:
        takes = f"{entry.would_need}. Tables: {tables}."
    return {
        "estimate": "",
        "verdict": NOT_ESTIMABLE if is_wanting else NOT_STUDIED,
        "report": ", ".join(report.replace("_", " ") for report in entry.reports),
        "why, or what it would take": takes,
    }
