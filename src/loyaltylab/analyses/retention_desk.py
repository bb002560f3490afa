"""H01: does a retention desk keep those who ask to leave?"""

from __future__ import annotations

import pandas as pd

from loyaltylab.analyses.protocols import point_exposure_protocol
from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import Protocol, ProtocolElement
from loyaltylab.errors import NotEstimableError
from loyaltylab.timeline import follow_up_from

STRAIGHT_THROUGH, REACTIVE, INTEGRATED = "none", "reactive", "integrated"


def cancellation_requests(journey: pd.DataFrame) -> pd.DataFrame:
    """Requests to cancel as index events: when each was made, and which desk it was sent to.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``index_at``, ``desk`` ("none" where it went straight through).

    Raises
    ------
    NotEstimableError
        If the journey does not say where requests were sent.
    """
    requests = journey[journey["step"] == "requested"]
    if requests["desk"].isna().all():
        raise NotEstimableError(
            "Not estimable: needs the column desk of cancellation_journey on steps 'requested'."
        )
    return pd.DataFrame(
        {
            "customer_id": requests["customer_id"],
            "index_at": requests["stepped_at"],
            "desk": requests["desk"].astype("string"),
        }
    ).reset_index(drop=True)


def desk_cohort(data: StudyData) -> Cohort:
    """First requests to cancel, at sites without an integrated team by then.

    A team takes every request of its site, so that there the desk is the site's, and no other
    customer of the site at that time can be compared.
    """
    need(data, "cancellation_journey")
    requests = cancellation_requests(data.tables["cancellation_journey"])
    followed = follow_up_from(data.lives, requests)
    frame = followed.frame[followed.frame["desk"].notna()].reset_index(drop=True)
    start = frame["site"].map(team_starts(data.tables))
    is_open = ~(start <= frame["index_at"])
    audit = {
        **{name: n for name, n in followed.audit.items() if name not in ("followed", "total")},
        "desk_not_recorded": len(followed.frame) - len(frame),
        "site_has_a_team": int((~is_open).sum()),
        "followed": int(is_open.sum()),
        "total": followed.audit["total"],
    }
    return Cohort(add_baseline(data, frame[is_open].reset_index(drop=True)), audit)


def desk_protocol(*, horizon_months: float) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    return point_exposure_protocol(
        "Does a desk that meets customers who ask to cancel keep them?",
        eligibility=ProtocolElement(
            "Customers in their first life who ask to cancel at a site without an integrated team",
            "The same, from the first step 'requested' under observation",
            "An earlier request, before observation began, is not seen",
        ),
        strategies=ProtocolElement(
            "Met by a desk that may make an offer, or let straight through, at this request",
            "The desk that the request was sent to",
            "What a later request of the same customer meets is left as it was",
        ),
        assignment=ProtocolElement(
            "By lot",
            "Taken to be by lot within tenure, date, segment, price and recent service",
            "The data do not say how requests are sent; see the E-value",
        ),
        time_zero="The request, not the talk that follows",
        contrast="By where the request was sent, whatever came of the talk",
        horizon_months=horizon_months,
    )
