"""H17: after a cancelled service, does a voucher keep customers better than a refund?"""

from __future__ import annotations

from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.designs import Protocol, ProtocolElement
from loyaltylab.measures.compensation import compensation_offers
from loyaltylab.timeline import follow_up_from


def compensation_cohort(data: StudyData) -> Cohort:
    """First offers of compensation, by what was offered."""
    need(data, "compensations")
    followed = follow_up_from(data.lives, compensation_offers(data.tables["compensations"]))
    return Cohort(add_baseline(data, followed.frame), followed.audit)


def compensation_protocol(*, exposed: str, reference: str, horizon_months: float) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    return Protocol(
        question=f"Does a {exposed} keep customers longer than a {reference}?",
        estimand_kind="direct",
        eligibility=ProtocolElement(
            "Customers in their first life whose service the provider cancelled",
            "The same, at their first offer while under observation",
            "Offers before observation began are not seen",
        ),
        strategies=ProtocolElement(
            f"{exposed} offered, or {reference} offered; the customer may take it or not",
            "What was offered first",
            "Later offers are part of the follow-up",
        ),
        assignment=ProtocolElement(
            "By lot",
            "Taken to be by lot within what was known before the offer",
            "Worth or wishes of the customer that were not recorded",
        ),
        time_zero=ProtocolElement("The offer", "The offer", "none"),
        follow_up_end=ProtocolElement(
            f"Exit, or {horizon_months:g} months",
            f"Exit, {horizon_months:g} months, or the end of the study window",
            "Offers late in the window are followed for less time",
        ),
        outcome=ProtocolElement("The end of service for any cause", "The same", "none"),
        causal_contrast=ProtocolElement(
            "By what was offered (intention to treat)", "By what was offered", "none"
        ),
        identifying_assumptions=ProtocolElement(
            "None beyond the lot",
            "Offers do not depend on anything else that moves leaving; both were possible for "
            "everybody; censoring says nothing about the exit",
            "Not testable; the negative control and the E-value bear on it",
        ),
        analysis_plan=ProtocolElement(
            f"Difference of restricted means over {horizon_months:g} months",
            "The same, doubly robust: propensity and outcome regressions, errors by customer",
            "none",
        ),
    )
