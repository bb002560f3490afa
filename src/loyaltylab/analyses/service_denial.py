"""H04: do customers whose first request is refused leave sooner?"""

from __future__ import annotations

from loyaltylab.analyses.protocols import point_exposure_protocol
from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import Protocol, ProtocolElement
from loyaltylab.measures.service_quality import decided_requests
from loyaltylab.timeline import follow_up_from

DENIED, GRANTED = "denied", "granted"


def denial_cohort(data: StudyData) -> Cohort:
    """First decided requests, with whether the customer's site had its team by then."""
    need(data, "requests")
    followed = follow_up_from(data.lives, decided_requests(data.tables["requests"]))
    frame = add_baseline(data, followed.frame)
    start = frame["site"].map(team_starts(data.tables))
    has_team = (start <= frame["index_at"]).astype("float64")
    return Cohort(frame.assign(site_has_team=has_team), followed.audit)


def denial_protocol(*, horizon_months: float) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    return point_exposure_protocol(
        "Does being refused an ordinary request make customers leave?",
        eligibility=ProtocolElement(
            "Customers in their first life with an ordinary request",
            "The same, at the first request decided while under observation",
            "Requests before observation began are not seen",
        ),
        strategies=ProtocolElement(
            "The request is denied, or it is granted",
            "Denied, with an alternative or without; granted",
            "Two kinds of denial count as one",
        ),
        assignment=ProtocolElement(
            "By lot",
            "Taken to be by lot within what was known before the decision, and whether the site "
            "had its team",
            "What was asked for, and how firmly, is not recorded",
        ),
        time_zero="The decision",
        contrast="By the first decision, whatever was decided later",
        horizon_months=horizon_months,
    )
