"""The summary of a study, made from its findings alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loyaltylab.findings.wording import p_value

Findings = Mapping[str, Mapping[str, Any]]


def summary_answer(findings: Findings) -> str:
    """How many questions were answered, and how far the answers may be taken."""
    verdicts = [finding["verdict"] for finding in findings.values()]
    if not verdicts:
        return "No report has been made yet."
    n_none = verdicts.count("not estimable")
    n_cause = verdicts.count("not identified")
    parts = [f"{len(verdicts)} questions were asked of this source."]
    if n_none:
        parts.append(f"{n_none} cannot be answered with the tables it delivered.")
    if n_cause:
        parts.append(
            f"{n_cause} {'has' if n_cause == 1 else 'have'} an estimate of an association, which "
            "from the data alone does not identify an effect."
        )
    if "described" in verdicts:
        parts.append("How long customers stay is described.")
    return " ".join(parts)


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
