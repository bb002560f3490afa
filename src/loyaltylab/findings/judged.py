"""Hypotheses as judged by one report, and how they are kept in a finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from loyaltylab.findings.disclosure import guard_estimate
from loyaltylab.findings.hypotheses import Hypothesis
from loyaltylab.findings.verdicts import Check, Evidence, Judgement, decide
from loyaltylab.survival import Estimate
from loyaltylab.tables.storage import finite_or_none

_NUMBERS = ("value", "standard_error", "ci_lower", "ci_upper", "p_value")


@dataclass(frozen=True)
class JudgedHypothesis:
    """One hypothesis, the evidence on it, and the verdict.

    Attributes
    ----------
    hypothesis : Hypothesis
        As declared.
    estimate_name : str
        Which estimate of the report it rests on.
    evidence : Evidence
    judgement : Judgement
        By itself; the summary also adjusts for the others of its family.
    decision : Judgement or None
        Of what is declared as the decision, where that takes more than the verdict.
    """

    hypothesis: Hypothesis
    estimate_name: str
    evidence: Evidence
    judgement: Judgement
    decision: Judgement | None = None


def judge_hypothesis(
    hypothesis: Hypothesis, *, estimate_name: str, evidence: Evidence, min_cell: int
) -> JudgedHypothesis:
    """Judge a hypothesis; an estimate that rests on too few customers is none."""
    estimate = evidence.estimate
    if estimate is not None:
        shown = guard_estimate(estimate, min_cell=min_cell)
        evidence = replace(evidence, estimate=shown)
    return JudgedHypothesis(hypothesis, estimate_name, evidence, decide(evidence))


def describe_judged(judged: Iterable[JudgedHypothesis]) -> dict[str, dict[str, Any]]:
    """What a finding keeps of its hypotheses, by name.

    Returns
    -------
    dict of str to dict
        ``verdict``, ``reasons``, ``decided_by``, ``estimate_name`` and the whole ``evidence``,
        from which :func:`read_evidence` makes it again; ``decision`` where there is one.
    """
    return {
        one.hypothesis.name: {
            "verdict": one.judgement.verdict,
            "reasons": list(one.judgement.reasons),
            "decided_by": list(one.judgement.decided_by),
            "estimate_name": one.estimate_name,
            "evidence": _describe_evidence(one.evidence),
            **({"decision": _plain(asdict(one.decision))} if one.decision else {}),
        }
        for one in judged
    }


def keep_p_value(value: float | None) -> float | None:
    """A p-value as it is kept: to four digits.

    Far out in the tail it magnifies the last bits of an estimate, which differ from run to run.

    Examples
    --------
    >>> keep_p_value(7.602338169e-76)
    7.602e-76
    """
    kept = finite_or_none(value)
    return None if kept is None else float(f"{kept:.4g}")


def _describe_evidence(evidence: Evidence) -> dict[str, Any]:
    kept: dict[str, Any] = _plain(asdict(evidence))
    if kept["estimate"] is not None:
        kept["estimate"]["p_value"] = keep_p_value(kept["estimate"]["p_value"])
    return kept


def checks_table(judged: Iterable[JudgedHypothesis]) -> pd.DataFrame:
    """Every check of every hypothesis: what it was, how it ended, what it shows."""
    return pd.DataFrame(
        [
            (one.hypothesis.name, kind, check.name, check.status, check.shows)
            for one in judged
            for kind, checks in (
                ("falsification", one.evidence.falsifications),
                ("diagnostic", one.evidence.diagnostics),
            )
            for check in checks
        ],
        columns=["hypothesis", "kind", "check", "result", "what it shows"],
    )


def read_evidence(kept: Mapping[str, Any]) -> Evidence:
    """The evidence of a kept judgement."""
    made: dict[str, Any] = {
        "estimate": _read_estimate(kept["estimate"]),
        "falsifications": tuple(Check(**check) for check in kept["falsifications"]),
        "diagnostics": tuple(Check(**check) for check in kept["diagnostics"]),
    }
    return Evidence(**{**kept, **made})


def _read_estimate(kept: Mapping[str, Any] | None) -> Estimate | None:
    if kept is None:
        return None
    numbers = {
        name: float("nan") if kept[name] is None and name != "p_value" else kept[name]
        for name in _NUMBERS
    }
    return Estimate(**{**kept, **numbers, "caveats": tuple(kept["caveats"])})


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return finite_or_none(content)
