"""Protocols of trials that many questions share: one exposure at one time, then follow-up."""

from __future__ import annotations

from loyaltylab.designs import Protocol, ProtocolElement

SAME = "The same"
NONE = "none"


def point_exposure_protocol(
    question: str,
    *,
    eligibility: ProtocolElement,
    strategies: ProtocolElement,
    assignment: ProtocolElement,
    time_zero: str,
    contrast: str,
    horizon_months: float,
) -> Protocol:
    """The trial of two exposures that are given once, at time zero, and its emulation.

    What is told apart from question to question are the arguments. Follow-up, outcome,
    assumptions and analysis are those of every adjusted contrast of two groups.

    Parameters
    ----------
    question : str
    eligibility, strategies, assignment : ProtocolElement
    time_zero : str
        The event from which customers are followed.
    contrast : str
        By what customers are compared, whatever followed.
    horizon_months : float
    """
    end = f"Exit, or {horizon_months:g} months"
    return Protocol(
        question=question,
        estimand_kind="direct",
        eligibility=eligibility,
        strategies=strategies,
        assignment=assignment,
        time_zero=ProtocolElement(time_zero, time_zero, NONE),
        follow_up_end=ProtocolElement(
            end,
            f"{end}, or the end of the study window",
            "Those who enter late in the window are followed for less time",
        ),
        outcome=ProtocolElement(
            "The end of service for any cause",
            SAME,
            "Causes, where told apart, are those verified, else stated; whether service ended is "
            "not in doubt",
        ),
        causal_contrast=ProtocolElement(contrast, contrast, NONE),
        identifying_assumptions=ProtocolElement(
            "None beyond the lot",
            "Nothing that is not recorded moves both exposure and leaving; both exposures were "
            "possible for everybody; censoring says nothing about the exit",
            "Not testable; the negative control and the E-value bear on it",
        ),
        analysis_plan=ProtocolElement(
            f"Difference of restricted means over {horizon_months:g} months",
            "The same, doubly robust: propensity and outcome regressions, errors by customer",
            NONE,
        ),
    )
