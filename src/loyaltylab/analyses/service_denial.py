"""H04: do customers whose first request is refused leave sooner?"""

from __future__ import annotations

from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.analyses.teams import team_starts
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
