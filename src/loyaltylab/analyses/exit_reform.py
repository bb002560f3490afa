"""H22: what did easier leaving do to those who try to leave?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from loyaltylab.analyses.study_data import DAYS_PER_MONTH, Cohort, StudyData, need
from loyaltylab.designs import ReformContrast, contrast_reform
from loyaltylab.measures.cancellation_friction import Reform, cancellation_attempts, find_reform
from loyaltylab.timeline import follow_up_from

PLACEBO_MONTHS = 15.0


def attempt_cohort(data: StudyData, *, horizon_months: float) -> Cohort:
    """First attempts to cancel that could be followed to the horizon.

    Whoever first tries long after a reform is not who tries at once, when those who had waited
    leave. With attempts followed for a part of the horizon only, early times would be about both
    and late times about the first alone.
    """
    need(data, "cancellation_journey")
    attempts = cancellation_attempts(data.tables["cancellation_journey"])
    followed = follow_up_from(data.lives, attempts)
    latest = data.window_end_at - pd.Timedelta(days=horizon_months * DAYS_PER_MONTH)
    is_early = followed.frame["index_at"] <= latest
    audit = {
        **{name: n for name, n in followed.audit.items() if name not in ("followed", "total")},
        "too_late_for_the_horizon": int((~is_early).sum()),
        "followed": int(is_early.sum()),
        "total": followed.audit["total"],
    }
    return Cohort(followed.frame[is_early].reset_index(drop=True), audit)


def reform_of(data: StudyData) -> Reform:
    """The reform in the policies; see :func:`find_reform`."""
    need(data, "policies")
    return find_reform(data.tables["policies"], data.tables["customers"])


def reform_effect(
    frame: pd.DataFrame,
    reform: Reform,
    *,
    horizon_months: float,
    months: Sequence[float] = (),
    confidence_level: float = 0.95,
) -> ReformContrast:
    """The change among those it covers minus the change among the exempt, from first attempts."""
    return contrast_reform(
        frame,
        reform_at=reform.effective_at,
        covered=reform.covered,
        exempt=reform.exempt,
        horizon_days=horizon_months * DAYS_PER_MONTH,
        times_days=[month * DAYS_PER_MONTH for month in months],
        confidence_level=confidence_level,
    )


def placebo_effect(
    frame: pd.DataFrame,
    reform: Reform,
    *,
    horizon_months: float,
    months_before: float = PLACEBO_MONTHS,
    confidence_level: float = 0.95,
) -> ReformContrast:
    """The same contrast at a date when nothing happened, on what was seen before the reform.

    Follow-up ends when the reform was announced, or took effect if no announcement is on file.

    Raises
    ------
    EstimationError
        If a group has nobody in a period, or nobody followed to the horizon.
    """
    end = min(reform.announced_at or reform.effective_at, reform.effective_at)
    before = frame[frame["index_at"] < end]
    days = (end - before["index_at"]) / pd.Timedelta(days=1)
    is_cut = before["stop"] > days
    quiet = before.assign(
        stop=before["stop"].where(~is_cut, days),
        event=before["event"] & ~is_cut,
        exit_cause=before["exit_cause"].where(~is_cut, ""),
    )
    placebo_at = end - pd.Timedelta(days=months_before * DAYS_PER_MONTH)
    return reform_effect(
        quiet,
        replace(reform, effective_at=placebo_at, announced_at=None),
        horizon_months=horizon_months,
        confidence_level=confidence_level,
    )
