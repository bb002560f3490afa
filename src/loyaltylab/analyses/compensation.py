"""H17: after a cancelled service, does a voucher keep customers better than a refund?"""

from __future__ import annotations

from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.measures.compensation import compensation_offers
from loyaltylab.timeline import follow_up_from


def compensation_cohort(data: StudyData) -> Cohort:
    """First offers of compensation, by what was offered."""
    need(data, "compensations")
    followed = follow_up_from(data.lives, compensation_offers(data.tables["compensations"]))
    return Cohort(add_baseline(data, followed.frame), followed.audit)
