"""A finding: one question, its answer in a sentence, and every number behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loyaltylab.findings.disclosure import guard_estimate
from loyaltylab.findings.judged import JudgedHypothesis, describe_judged, keep_p_value
from loyaltylab.findings.questions import Question
from loyaltylab.findings.verdicts import JudgedVerdict
from loyaltylab.survival import Estimate
from loyaltylab.tables.delivery import SourceDescription
from loyaltylab.tables.storage import finite_or_none

Verdict = JudgedVerdict
VERDICT_MEANINGS: dict[str, str] = {
    "supported": "the interval leaves out no effect on the side claimed, the effect is large "
    "enough to matter, and no check that could have overturned it did",
    "refuted": "the effect is too small to matter, or lies on the other side of the claim",
    "inconclusive": "the numbers, or a check of the method, leave it open",
    "described": "what happened is described; no cause is claimed",
    "not identified": "an association; from the data alone it cannot be told whether the exposure "
    "made the difference, or who was exposed",
    "not estimable": "the source lacks what the question needs",
}


@dataclass(frozen=True)
class Finding:
    """What one report found.

    Attributes
    ----------
    name, question : str
        Which report, and what it asks.
    verdict : str
        How far the answer may be taken: one of ``VERDICT_MEANINGS``.
    answer : str
        One sentence with its interval, generated from the estimates.
    headline : str
        Key of the estimate that the answer rests on; empty if there is none.
    estimand : dict of str to str
        Declared before estimation.
    estimates : dict of str to dict
        Every number, guarded for small cells: value, standard_error, ci_lower, ci_upper,
        confidence_level, n, n_events, unit, method, p_value.
    checks : dict
        Diagnostics: counts of customers or events (none below the smallest cell), other numbers,
        or short texts.
    caveats : tuple of str
        What a reader must know before believing it.
    source, provenance : dict
        What the data are; with which parameters, versions and data it was made.
    hypotheses : dict of str to dict
        Every hypothesis judged, as from :func:`loyaltylab.findings.judged.describe_judged`.
    """

    name: str
    question: str
    verdict: Verdict
    answer: str
    headline: str
    estimand: dict[str, str]
    estimates: dict[str, dict[str, Any]]
    checks: dict[str, Any]
    caveats: tuple[str, ...]
    source: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    hypotheses: dict[str, dict[str, Any]] = field(default_factory=dict)


def make_finding(
    question: Question,
    *,
    verdict: Verdict,
    answer: str,
    headline: str,
    estimates: Mapping[str, Estimate],
    source: SourceDescription,
    parameters: Mapping[str, Any],
    provenance: Mapping[str, Any],
    min_cell: int,
    checks: Mapping[str, Any] | None = None,
    caveats: tuple[str, ...] = (),
    judged: Sequence[JudgedHypothesis] = (),
) -> Finding:
    """Put a finding together; estimates that rest on too few customers are suppressed.

    Parameters
    ----------
    question : Question
        As declared.
    verdict, answer, headline, estimates, checks, caveats
        As in :class:`Finding`; the headline must be a key of ``estimates`` or empty.
    source : SourceDescription
        What the data are.
    parameters : mapping
        Values of this run, to fill in the estimand.
    provenance : mapping
        Versions and hashes.
    min_cell : int
        Smallest number of customers or events a published number may rest on.
    judged : sequence of JudgedHypothesis
        The hypotheses it bears on, with their evidence.

    Raises
    ------
    KeyError
        If the headline is not among the estimates.
    """
    if headline and headline not in estimates:
        raise KeyError(f"The headline '{headline}' is not among the estimates.")
    gathered = [text for estimate in estimates.values() for text in estimate.caveats]
    return Finding(
        name=question.name,
        question=question.title,
        verdict=verdict,
        answer=answer,
        headline=headline,
        estimand=question.estimand_for(parameters),
        estimates={
            key: _plain(guard_estimate(estimate, min_cell=min_cell))
            for key, estimate in estimates.items()
        },
        checks={key: _guarded(value, min_cell) for key, value in (checks or {}).items()},
        caveats=tuple(dict.fromkeys([*caveats, *gathered])),
        source=describe_source(source),
        provenance=dict(provenance),
        hypotheses=describe_judged(judged),
    )


def describe_source(source: SourceDescription) -> dict[str, Any]:
    """What a page and a finding say about the data."""
    return {
        "kind": source.kind,
        "label": source.label,
        "is_synthetic": source.is_synthetic,
        "window_start_on": f"{source.window_start_at:%Y-%m-%d}",
        "window_end_on": f"{source.window_end_at:%Y-%m-%d}",
        "data_hash": source.data_hash,
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": finite_or_none(estimate.value),
        "standard_error": finite_or_none(estimate.standard_error),
        "ci_lower": finite_or_none(estimate.ci_lower),
        "ci_upper": finite_or_none(estimate.ci_upper),
        "confidence_level": estimate.confidence_level,
        "n": estimate.n,
        "n_events": estimate.n_events,
        "unit": estimate.unit,
        "method": estimate.method,
        "p_value": keep_p_value(estimate.p_value),
    }


def _guarded(value: Any, min_cell: int) -> Any:
    """A diagnostic; a whole number counts customers or events, and a small one is not shown."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return None if is_count and 0 < value < min_cell else finite_or_none(value)
