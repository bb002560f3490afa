"""H17: after a cancelled service, does a voucher keep customers better than a refund?"""

from __future__ import annotations

from loyaltylab.analyses.protocols import point_exposure_protocol
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
    return point_exposure_protocol(
        f"Does a {exposed} keep customers longer than a {reference}?",
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
        time_zero="The offer",
        contrast="By what was offered (intention to treat)",
        horizon_months=horizon_months,
    )
