"""The target trial: what would have been done, what is done instead, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pandas as pd

from loyaltylab.errors import EstimationError

ESTIMAND_KINDS = {
    "direct": "direct: the surroundings (queues, word of mouth) are held as they were",
    "total": "total: the surroundings respond, as when everybody is treated alike",
}
PARTS = ("target_trial", "emulation", "deviation")


@dataclass(frozen=True)
class ProtocolElement:
    """One element of a protocol.

    Attributes
    ----------
    target_trial : str
        What the randomised trial one would have wanted says.
    emulation : str
        What is done with the data at hand.
    deviation : str
        Where the two differ and what that may do; "none" if they do not.
    """

    target_trial: str
    emulation: str
    deviation: str


@dataclass(frozen=True)
class Protocol:
    """The protocol of a target trial and of its emulation.

    Attributes
    ----------
    question : str
        The causal question.
    estimand_kind : {"direct", "total"}
        Whether the surroundings are held fixed or respond.
    eligibility, strategies, assignment, time_zero, follow_up_end, outcome, causal_contrast,
    identifying_assumptions, analysis_plan : ProtocolElement
    """

    question: str
    estimand_kind: str
    eligibility: ProtocolElement
    strategies: ProtocolElement
    assignment: ProtocolElement
    time_zero: ProtocolElement
    follow_up_end: ProtocolElement
    outcome: ProtocolElement
    causal_contrast: ProtocolElement
    identifying_assumptions: ProtocolElement
    analysis_plan: ProtocolElement


# In the order of the statement: its element of follow-up is told in two, start and end.
TITLES = {
    "eligibility": "Eligibility",
    "strategies": "Treatment strategies",
    "assignment": "Assignment",
    "time_zero": "Follow-up: time zero",
    "follow_up_end": "Follow-up: end",
    "outcome": "Outcomes",
    "causal_contrast": "Causal contrast",
    "identifying_assumptions": "Identifying assumptions",
    "analysis_plan": "Analysis plan",
}


def protocol_table(protocol: Protocol) -> pd.DataFrame:
    """Tabulate a protocol, one line per element.

    Parameters
    ----------
    protocol : Protocol

    Returns
    -------
    DataFrame
        Index ``element``; columns ``target_trial``, ``emulation``, ``deviation``. The line of
        the causal contrast says first whether the effect is direct or total.

    Raises
    ------
    EstimationError
        With every element that is left empty; if the kind of estimand is neither of the two.

    Source
    ------
    TARGET statement, JAMA and BMJ (2025), doi:10.1136/bmj-2025-087179: specification of the
    target trial and its mapping to the data; Hernán and Robins (2016), American Journal of
    Epidemiology 183:758-764.

    Examples
    --------
    >>> same = ProtocolElement("as done", "as done", "none")
    >>> elements = dict.fromkeys(TITLES, same)
    >>> protocol = Protocol(question="Does it help?", estimand_kind="direct", **elements)
    >>> protocol_table(protocol).shape
    (9, 3)
    """
    _refuse_gaps(protocol)
    lines = []
    for name in TITLES:
        element: ProtocolElement = getattr(protocol, name)
        lines.append([getattr(element, part).strip() for part in PARTS])
    index = pd.Index(list(TITLES.values()), name="element")
    table = pd.DataFrame(lines, index=index, columns=list(PARTS))
    kind = ESTIMAND_KINDS[protocol.estimand_kind]
    row = TITLES["causal_contrast"]
    for part in PARTS[:2]:
        table.loc[row, part] = f"{table.loc[row, part]} ({kind})"
    return table


def _refuse_gaps(protocol: Protocol) -> None:
    problems = []
    if not protocol.question.strip():
        problems.append("question is empty; rule: the protocol says what it asks")
    if protocol.estimand_kind not in ESTIMAND_KINDS:
        problems.append(
            f"estimand_kind is {protocol.estimand_kind!r}; rule: one of {list(ESTIMAND_KINDS)}"
        )
    for name in TITLES:
        element = getattr(protocol, name)
        for part in fields(ProtocolElement):
            if not getattr(element, part.name).strip():
                problems.append(
                    f"{name}, {part.name}: empty; rule: every element says what the trial, and "
                    "what the emulation does; fix: write it, or 'none' for no deviation"
                )
    if problems:
        raise EstimationError("The protocol is not complete:", problems)
