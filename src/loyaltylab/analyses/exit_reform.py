"""H22: what did easier leaving do to those who try to leave?"""

from __future__ import annotations

from loyaltylab.analyses.study_data import Cohort, StudyData, need
from loyaltylab.measures.cancellation_friction import Reform, cancellation_attempts, find_reform
from loyaltylab.timeline import follow_up_from


def attempt_cohort(data: StudyData) -> Cohort:
    """First attempts to cancel, whether or not they led to a request."""
    need(data, "cancellation_journey")
    attempts = cancellation_attempts(data.tables["cancellation_journey"])
    followed = follow_up_from(data.lives, attempts)
    return Cohort(followed.frame, followed.audit)


def reform_of(data: StudyData) -> Reform:
    """The reform in the policies; see :func:`find_reform`."""
    need(data, "policies")
    return find_reform(data.tables["policies"], data.tables["customers"])
