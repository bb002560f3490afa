"""Decisions that take more than one thing to hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loyaltylab.errors import EstimationError
from loyaltylab.findings.verdicts import JudgedVerdict, Judgement

# What is said of all together is the first of these that is said of any.
_WEAKEST_FIRST: tuple[JudgedVerdict, ...] = (
    "refuted",
    "not estimable",
    "not identified",
    "inconclusive",
    "supported",
)


def decide_jointly(parts: Mapping[str, Judgement]) -> Judgement:
    """Judge a decision that takes every one of its parts to hold.

    Supported only if every part is; refuted as soon as one is, whatever the others; else as weak
    as its weakest part. Each part is judged at its own level: for all to be claimed wrongly, one
    that does not hold must be, so nothing has to be adjusted (intersection-union test).

    Parameters
    ----------
    parts : mapping of str to Judgement
        By what it says: "fewer contacts", "no more exits".

    Returns
    -------
    Judgement
        ``decided_by`` names the parts with the deciding verdict.

    Raises
    ------
    EstimationError
        If there are no parts, or one describes: a description cannot hold or fail.

    Source
    ------
    Berger (1982), Technometrics 24:295-300.

    Examples
    --------
    >>> holds = Judgement("supported", ("It is so.",), ("interval",))
    >>> open_yet = Judgement("inconclusive", ("It may be.",), ("interval",))
    >>> decide_jointly({"fewer contacts": holds, "no more exits": open_yet}).verdict
    'inconclusive'
    """
    problems = [] if parts else ["there is no part; rule: at least one"]
    problems += [
        f"'{name}' is described; rule: a part must be able to fail"
        for name, part in parts.items()
        if part.verdict == "described"
    ]
    if problems:
        raise EstimationError("These parts cannot be decided together:", problems)
    verdict = find_weakest([part.verdict for part in parts.values()])
    return Judgement(
        verdict,
        tuple(
            f"{name[:1].upper()}{name[1:]}, {part.verdict}: {' '.join(part.reasons)}"
            for name, part in parts.items()
        ),
        tuple(name for name, part in parts.items() if part.verdict == verdict),
    )


def find_weakest(verdicts: Iterable[JudgedVerdict]) -> JudgedVerdict:
    """The verdict on all of several that have to hold.

    Raises
    ------
    EstimationError
        If there are none that could hold or fail.

    Examples
    --------
    >>> find_weakest(["supported", "not identified"])
    'not identified'
    """
    found = set(verdicts)
    for verdict in _WEAKEST_FIRST:
        if verdict in found:
            return verdict
    raise EstimationError("There is no verdict that could hold or fail.")
