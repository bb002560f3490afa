"""Claims, disagreements, hypotheses and departures from them as tables to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loyaltylab.findings.claims import load_claims
from loyaltylab.findings.hypotheses import (
    Hypothesis,
    SmallestEffect,
    hypotheses_hash,
    load_hypotheses,
)

Findings = Mapping[str, Mapping[str, Any]]
DIRECTION_WORDS = {
    "better": "keeps customers",
    "worse": "loses customers",
    "delays": "keeps them at first, loses them later",
    "none": "makes no difference",
    "open": "left open",
    "other": "not about retention",
}
SIGN_WORDS = {1: "stay longer", -1: "stay shorter", "two-sided": "either way"}


def claims_table() -> pd.DataFrame:
    """Every claim: claim, what it says, articles, direction, hypotheses, constructs."""
    return pd.DataFrame(
        [
            {
                "claim": claim.name,
                "what it says": claim.text,
                "articles": ", ".join(claim.articles),
                "direction": DIRECTION_WORDS[claim.direction],
                "hypotheses": ", ".join(claim.hypotheses),
                "constructs": ", ".join(claim.constructs),
            }
            for claim in load_claims().claims.values()
        ]
    )


def disagreements_table() -> pd.DataFrame:
    """Every point on which the two language versions differ, and what follows from it."""
    return pd.DataFrame(
        [
            {
                "point": point.name,
                "about": point.about,
                "Dutch": point.dutch,
                "Spanish": point.spanish,
                "what follows": point.consequence,
                "hypotheses": ", ".join(point.hypotheses),
            }
            for point in load_claims().disagreements.values()
        ]
    )


def literal_problems_table() -> pd.DataFrame:
    """What cannot be taken as it stands in the articles, and what is done about it."""
    return pd.DataFrame(
        [
            {
                "problem": problem.name,
                "articles": ", ".join(problem.articles),
                "what is wrong": problem.problem,
                "what is done": problem.handling,
            }
            for problem in load_claims().literal_problems.values()
        ]
    )


def unsupported_table() -> pd.DataFrame:
    """What the articles cannot support, whatever the analysis."""
    return pd.DataFrame(
        [
            {
                "statement": entry.statement,
                "claims": ", ".join(entry.claims),
                "why not": entry.why,
            }
            for entry in load_claims().unsupported.values()
        ]
    )


def declared_table(*, hypotheses: Mapping[str, Hypothesis] | None = None) -> pd.DataFrame:
    """Every hypothesis as declared, before any verdict.

    Parameters
    ----------
    hypotheses : mapping of str to Hypothesis, optional
        As declared, by default.

    Returns
    -------
    pandas.DataFrame
        One row per hypothesis: what is compared, in whom, from when, on which measure, what is
        claimed and what would matter.
    """
    declared = load_hypotheses() if hypotheses is None else hypotheses
    return pd.DataFrame(
        [
            {
                "hypothesis": entry.name,
                "what it says": entry.title,
                "family": entry.family,
                "compared": "; ".join(entry.strategies),
                "in whom": entry.population,
                "from when": entry.time_zero,
                "outcome": entry.outcome,
                "measure": entry.measure,
                "horizon, months": f"{entry.horizon_months:g}",
                "kind": entry.kind,
                "claimed": _write_claim(entry),
                "smallest effect": _write_effect(entry.smallest_effect),
                "what also decides": entry.decision or "nothing else",
                "tables": ", ".join(entry.needs),
            }
            for entry in declared.values()
        ]
    )


def _write_claim(entry: Hypothesis) -> str:
    if entry.claim == "description":
        return "described"
    return "no difference" if entry.claim == "equivalence" else SIGN_WORDS[entry.direction]


def _write_effect(effect: SmallestEffect) -> str:
    if effect.unit == "ratio":
        return f"ratio {1 / effect.value:.2f} or {effect.value:.2f}"
    return f"{effect.value:g} {effect.unit}"


def deviations(findings: Findings, hypotheses: Mapping[str, Hypothesis]) -> pd.DataFrame:
    """What was run in another way than declared.

    Parameters
    ----------
    findings : mapping of str to mapping
        Stored findings by report, with their ``provenance``.
    hypotheses : mapping of str to Hypothesis
        As declared.

    Returns
    -------
    pandas.DataFrame
        report, hypothesis, what, declared, run; no rows if all was run as declared. A finding
        made before its hypotheses took their present form is a deviation of its own.
    """
    now = hypotheses_hash()
    lines: list[tuple[str, str, str, str, str]] = []
    for report, finding in findings.items():
        bearing = [entry for entry in hypotheses.values() if report in entry.reports]
        provenance = finding["provenance"]
        lines += [
            (report, entry.name, what.replace("_", " "), str(declared), _said(provenance, what))
            for entry in bearing
            for what, declared in entry.reports[report].items()
            if provenance["parameters"].get(what) != declared
        ]
        then = provenance.get("hypotheses_hash")
        if bearing and then != now:
            names = ", ".join(entry.name for entry in bearing)
            said = "no hash kept" if then is None else str(then)[:12]
            lines.append((report, names, "hash of the hypotheses", now[:12], said))
    return pd.DataFrame(lines, columns=["report", "hypothesis", "what", "declared", "run"])


def _said(provenance: Mapping[str, Any], parameter: str) -> str:
    return str(provenance["parameters"].get(parameter, "not said"))
