"""H22: what did easier leaving do to those who try to leave?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from loyaltylab.analyses.adjusted import CONTROL_CAUSES
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, Cohort, StudyData, month_cuts, need
from loyaltylab.designs import (
    EventStudy,
    ReformContrast,
    assess_pre_trend,
    assign_period,
    contrast_reform,
    estimate_event_study,
    estimate_share,
    exposure_cells,
    judge_negative_control,
    reform_rate_ratio,
)
from loyaltylab.errors import EstimationError
from loyaltylab.findings import Check
from loyaltylab.measures.cancellation_friction import Reform, cancellation_attempts, find_reform
from loyaltylab.survival import Estimate
from loyaltylab.tables.schemas import VOLUNTARY_CAUSES
from loyaltylab.timeline import count_by_month, follow_up_from

PLACEBO_MONTHS = 15.0
REFERENCE_MONTHS = 12
# A drift of the two segments' rates against each other by 10 % in 12 months would not matter.
PRE_TREND_MARGIN = math.log(1.1)


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


@dataclass(frozen=True, eq=False)
class ReformRates:
    """Monthly exits past the first term, and their ratio of ratios around the reform.

    Attributes
    ----------
    counts : pandas.DataFrame
        Voluntary exits and time at risk by segment and month.
    voluntary : Estimate
        After against before, covered against exempt.
    control : Estimate or None
        The same of exits by life event; None where they are too few.
    placebo : Estimate
        The same of voluntary exits a year before the last month without an announcement.
    placebo_at : pandas.Timestamp
    """

    counts: pd.DataFrame
    voluntary: Estimate
    control: Estimate | None
    placebo: Estimate
    placebo_at: pd.Timestamp


def reform_rates(
    data: StudyData,
    reform: Reform,
    *,
    from_tenure_months: float,
    fewest_control: int,
    confidence_level: float,
) -> ReformRates:
    """Rates of exit around the reform, of customers past their first term.

    Parameters
    ----------
    data : StudyData
    reform : Reform
    from_tenure_months : float
        Exits and time count from this tenure on.
    fewest_control : int
        Exits by life event that each segment must have for a negative control.
    confidence_level : float
    """
    from_days = from_tenure_months * DAYS_PER_MONTH
    counts = count_by_month(data.lives, causes=VOLUNTARY_CAUSES, from_tenure_days=from_days)
    others = count_by_month(data.lives, causes=CONTROL_CAUSES, from_tenure_days=from_days)
    quiet = counts[counts["month_start"] < (reform.announced_at or reform.effective_at)]
    placebo_at = quiet["month_start"].max() - pd.DateOffset(years=1)

    def ratio(of: pd.DataFrame, at: pd.Timestamp) -> Estimate:
        return reform_rate_ratio(
            of,
            reform_at=at,
            covered=reform.covered,
            exempt=reform.exempt,
            n_customers=int((data.lives["stop_days"] > from_days).sum()),
            confidence_level=confidence_level,
        )

    has_control = others.groupby("segment")["n_events"].sum().min() >= fewest_control
    return ReformRates(
        counts=counts,
        voluntary=ratio(counts, reform.effective_at),
        control=ratio(others, reform.effective_at) if has_control else None,
        placebo=ratio(quiet, placebo_at),
        placebo_at=placebo_at,
    )


def abandoned_shares(
    frame: pd.DataFrame, reform: Reform, *, confidence_level: float
) -> dict[str, Estimate]:
    """Share of first attempts given up, by segment and by period around the reform."""
    period = assign_period(frame["index_at"], reform.effective_at, horizon_days=0)
    return {
        f"{segment}, {when} the reform": estimate_share(
            int(part["is_abandoned"].sum()), len(part), confidence_level=confidence_level
        )
        for (segment, when), part in frame.assign(period=period).groupby(["segment", "period"])
    }


def reform_months(
    data: StudyData, reform: Reform, *, scale: str, confidence_level: float
) -> EventStudy:
    """Monthly voluntary exits around the reform, covered against exempt segment.

    The level before is that of the 12 months before the announcement, or before the reform if
    no announcement is on file.

    Raises
    ------
    EstimationError
        As :func:`loyaltylab.designs.estimate_event_study`.
    """
    lives = data.lives[data.lives["segment"].notna()]
    cells = exposure_cells(
        lives,
        unit="segment",
        month_cuts=month_cuts(data),
        causes=VOLUNTARY_CAUSES,
    )
    known = min(reform.announced_at or reform.effective_at, reform.effective_at)
    lead = 12 * (reform.effective_at.year - known.year) + reform.effective_at.month - known.month
    return estimate_event_study(
        cells,
        reform_at=reform.effective_at,
        covered=reform.covered,
        exempt=reform.exempt,
        reference_months=list(range(-lead - REFERENCE_MONTHS, -lead)),
        scale=scale,
        confidence_level=confidence_level,
    )


def check_pre_trend(data: StudyData, reform: Reform, *, confidence_level: float) -> Check:
    """Whether the segments' rates of voluntary exit moved alike before the reform."""
    name = "trend before the reform"
    try:
        study = reform_months(data, reform, scale="log", confidence_level=confidence_level)
        test = assess_pre_trend(study, margin=PRE_TREND_MARGIN)
    except EstimationError as problem:
        return Check(name, "not run", problem.summary)
    slope, lower, upper = (
        100 * math.expm1(log) for log in (test.slope, test.ci_lower, test.ci_upper)
    )
    return Check(
        name,
        "passed" if test.is_equivalent else "failed",
        f"Over {test.n_months} months the rates drifted apart by {slope:.1f} % a year "
        f"({lower:.1f} to {upper:.1f}); rule: within a factor of "
        f"{math.exp(PRE_TREND_MARGIN):.2g} by two one-sided tests (p = {test.p_value:.2g}).",
    )


def try_placebo(
    frame: pd.DataFrame, reform: Reform, *, horizon_months: float, confidence_level: float
) -> tuple[Estimate | None, Check]:
    """The main estimate at a date when nothing happened, days, and whether it finds nothing.

    None where too few attempts lie before the announcement.
    """
    name = "placebo date"
    try:
        found = placebo_effect(
            frame, reform, horizon_months=horizon_months, confidence_level=confidence_level
        ).restricted_mean.effect
        judged = judge_negative_control(found)
    except EstimationError as problem:
        return None, Check(name, "not run", problem.summary)
    months = [value / DAYS_PER_MONTH for value in (found.value, found.ci_lower, found.ci_upper)]
    text = (
        f"{PLACEBO_MONTHS:g} months before the announcement the same design finds "
        f"{months[0]:.2f} months ({months[1]:.2f} to {months[2]:.2f})."
    )
    return found, Check(name, "failed" if judged.status == "failed" else "passed", text)
