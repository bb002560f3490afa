"""From a hypothesis and its estimate to the evidence that a verdict rests on."""

from __future__ import annotations

from typing import Literal, TypedDict, Unpack, cast

from loyaltylab.errors import EstimationError
from loyaltylab.findings.hypotheses import Hypothesis
from loyaltylab.findings.verdicts import Check, Evidence, Identification
from loyaltylab.survival import Estimate

ESTIMATE_UNITS = {"months": "days", "points": "share", "ratio": "ratio"}


class HeldAgainst(TypedDict, total=False):
    """What an estimate was held against, as in :class:`Evidence`; each may be left out."""

    falsifications: tuple[Check, ...]
    diagnostics: tuple[Check, ...]
    e_value: float | None
    strongest_confounder: float | None


def gather_evidence(
    hypothesis: Hypothesis,
    estimate: Estimate | None,
    *,
    identification: Identification,
    is_of_exits: bool = False,
    **held_against: Unpack[HeldAgainst],
) -> Evidence:
    """Take claim, direction and smallest effect from the declaration, the rest as found.

    Parameters
    ----------
    hypothesis : Hypothesis
        As declared.
    estimate : Estimate or None
        In days where months are declared, as a share for points, or a ratio.
    identification : str
        As in :class:`Evidence`.
    is_of_exits : bool
        Whether the estimate goes up as customers leave: an incidence, a hazard ratio.
    **held_against
        Falsifications, diagnostics and E-values.

    Returns
    -------
    Evidence

    Raises
    ------
    EstimationError
        If the estimate is in another unit than the smallest effect was declared for.
    """
    unit = hypothesis.smallest_effect.unit
    if estimate is not None and estimate.unit != ESTIMATE_UNITS[unit]:
        raise EstimationError(
            f"{hypothesis.name} is declared in {unit}, so its estimate is in "
            f"'{ESTIMATE_UNITS[unit]}'; this one is in '{estimate.unit}'."
        )
    return Evidence(
        estimate=estimate,
        smallest_effect=hypothesis.smallest_effect.in_estimate_unit,
        claim=hypothesis.claim,
        direction=cast(Literal[1, -1, 0], hypothesis.claimed_sign(is_of_exits=is_of_exits)),
        identification=identification,
        **held_against,
        scale="log" if unit == "ratio" else "linear",
    )
