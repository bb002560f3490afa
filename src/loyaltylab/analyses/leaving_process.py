"""H23: what holds those who try to leave, getting through or waiting?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from loyaltylab.analyses.exit_reform import PLACEBO_MONTHS
from loyaltylab.analyses.study_data import (
    DAYS_PER_MONTH,
    Cohort,
    StudyData,
    add_baseline,
    baseline_names,
    need,
)
from loyaltylab.designs import (
    AdjustedContrast,
    DifferenceInDifferences,
    assign_period,
    doubly_robust_contrast,
    estimate_share,
    judge_negative_control,
)
from loyaltylab.errors import EstimationError
from loyaltylab.findings import Check
from loyaltylab.measures.cancellation_friction import Reform, cancellation_attempts
from loyaltylab.survival import Estimate, difference
from loyaltylab.timeline import follow_up_from
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds

REQUESTED, GIVEN_UP, LEFT = "requested", "given up", "left"
SHORT, LONG = "short wait", "long wait"
WAIT_QUANTILES = (0.25, 0.75)
LOAD_DAYS = 7


def process_cohort(data: StudyData, *, completion_days: float) -> Cohort:
    """First attempts to cancel, and what came first: the request, giving up, or the exit.

    The clock starts at the first step. Attempts under way when the window ends are left out.

    Returns
    -------
    Cohort
        ``stop`` (days), ``event`` and ``exit_cause`` of the way out; ``wait_minutes``;
        ``first_channel`` "phone" if any step was by telephone, else "web"; the baseline; and
        what moves waiting: ``load`` (contacts in the week before), ``hour``, ``is_weekend``.
    """
    need(data, "cancellation_journey")
    journey = data.tables["cancellation_journey"]
    attempts = cancellation_attempts(journey)
    by_phone = journey.loc[journey["channel"] == "phone", "attempt_id"]
    asked = journey[journey["step"] == "requested"].groupby("attempt_id")["stepped_at"].min()
    attempts = attempts.assign(
        requested_at=attempts["attempt_id"].map(asked),
        way=attempts["attempt_id"].isin(by_phone).map({True: "phone", False: "web"}),
    )
    followed = follow_up_from(data.lives, attempts)
    frame = _first_outcome(followed.frame, completion_days=completion_days)
    is_over = frame["event"].to_numpy(dtype=bool)
    audit = {
        **{name: n for name, n in followed.audit.items() if name not in ("followed", "total")},
        "still_under_way": int((~is_over).sum()),
        "followed": int(is_over.sum()),
        "total": followed.audit["total"],
    }
    kept = add_baseline(data, frame[is_over].reset_index(drop=True))
    return Cohort(_add_load(data, kept), audit)


def _first_outcome(frame: pd.DataFrame, *, completion_days: float) -> pd.DataFrame:
    zero = to_microseconds(frame["index_at"])
    never = np.full(len(frame), np.inf)

    def days_until(at: pd.Series, happened: pd.Series) -> np.ndarray:
        days = (to_microseconds(at.fillna(frame["index_at"])) - zero) / MICROSECONDS_PER_DAY
        return np.where(happened.to_numpy(dtype=bool), days, never)

    times = np.column_stack(
        [
            days_until(frame["requested_at"], frame["requested_at"].notna()),
            days_until(frame["last_at"], frame["is_abandoned"].astype(bool)),
            np.where(frame["event"], frame["stop"], never),
        ]
    )
    first = times.argmin(axis=1)
    stop = times.min(axis=1)
    is_event = stop <= completion_days
    cause = np.array([REQUESTED, GIVEN_UP, LEFT])[first]
    return frame.assign(
        # A request at the very first step is made a microsecond after it.
        stop=np.maximum(np.where(is_event, stop, completion_days), 1 / MICROSECONDS_PER_DAY),
        event=is_event,
        exit_cause=np.where(is_event, cause, ""),
    )


def _add_load(data: StudyData, frame: pd.DataFrame) -> pd.DataFrame:
    added = frame.assign(
        hour=frame["index_at"].dt.hour + frame["index_at"].dt.minute / 60,
        is_weekend=(frame["index_at"].dt.dayofweek >= 5).astype(float),
    )
    if "contacts" not in data.tables:
        return added
    opened = np.sort(to_microseconds(data.tables["contacts"]["opened_at"]))
    zero = to_microseconds(frame["index_at"])
    before = np.searchsorted(opened, zero - LOAD_DAYS * MICROSECONDS_PER_DAY)
    return added.assign(load=(np.searchsorted(opened, zero) - before).astype(float))


def wait_contrast(
    frame: pd.DataFrame, *, completion_days: float, confidence_level: float = 0.95
) -> AdjustedContrast:
    """Waits in the longest quarter against the shortest, of those who waited at all.

    Doubly robust, adjusted for what was known before the attempt and for what moves waits: the
    week's load, the hour and the weekend.

    Raises
    ------
    EstimationError
        If too few waited, or as :func:`loyaltylab.designs.doubly_robust_contrast`.
    """
    waited = frame[frame["wait_minutes"].notna()]
    if waited["wait_minutes"].nunique() < 2:
        raise EstimationError("Fewer than two different waits were recorded.")
    low, high = waited["wait_minutes"].quantile(list(WAIT_QUANTILES))
    wait = np.select(
        [waited["wait_minutes"] >= high, waited["wait_minutes"] <= low], [LONG, SHORT], ""
    )
    groups = waited.assign(wait=wait)[wait != ""].reset_index(drop=True)
    further = [name for name in ("load", "hour", "is_weekend") if name in groups]
    return doubly_robust_contrast(
        groups,
        group="wait",
        exposed=LONG,
        reference=SHORT,
        covariates=baseline_names(groups, group="wait", further=further),
        horizon_days=completion_days,
        times_days=[],
        causes=[cause for cause in (REQUESTED,) if (groups["exit_cause"] == cause).any()],
        confidence_level=confidence_level,
    )


def completion_of(contrast: AdjustedContrast, *, completion_days: float) -> Estimate:
    """The difference in the share who got their request through."""
    return contrast.incidence_differences[REQUESTED, float(completion_days)]


def access_effect(
    frame: pd.DataFrame, reform: Reform, *, confidence_level: float = 0.95
) -> DifferenceInDifferences:
    """The change of completion with the reform: covered minus exempt, as shares.

    Raises
    ------
    EstimationError
        If a segment has no attempts in a period, or all or none are completed in all of them.
    """
    period = assign_period(frame["index_at"], reform.effective_at, horizon_days=0)

    def share(segment: str, when: str) -> Estimate:
        part = frame[(frame["segment"] == segment) & (period == when)]
        n_with = int((part["exit_cause"] == REQUESTED).sum())
        return estimate_share(n_with, len(part), confidence_level=confidence_level)

    covered, exempt = (
        difference(share(segment, "after"), share(segment, "before"))
        for segment in (reform.covered, reform.exempt)
    )
    return DifferenceInDifferences(covered, exempt, difference(covered, exempt))


def try_access_placebo(frame: pd.DataFrame, reform: Reform, *, confidence_level: float) -> Check:
    """The same at a date when nothing happened, on attempts before the announcement."""
    name = "placebo date"
    end = min(reform.announced_at or reform.effective_at, reform.effective_at)
    placebo_at = end - pd.Timedelta(days=PLACEBO_MONTHS * DAYS_PER_MONTH)
    quiet = frame[frame["index_at"] < end]
    try:
        found = access_effect(
            quiet, replace(reform, effective_at=placebo_at), confidence_level=confidence_level
        ).effect
        judged = judge_negative_control(found)
    except EstimationError as problem:
        return Check(name, "not run", problem.summary)
    value, lower, upper = (100 * x for x in (found.value, found.ci_lower, found.ci_upper))
    text = (
        f"{PLACEBO_MONTHS:g} months before the announcement completion changed by {value:.1f} "
        f"points ({lower:.1f} to {upper:.1f})."
    )
    return Check(name, "failed" if judged.status == "failed" else "passed", text)


def tell_part(name: str, estimate: Estimate, *, smallest_effect: float) -> str:
    """Whether a part of the way out is worth keeping an eye on, in a sentence.

    A part is worth nothing only if its whole interval lies within the smallest effect.
    """
    value, lower, upper = (
        f"{100 * number:.1f}".replace("-", "\N{MINUS SIGN}")
        for number in (estimate.value, estimate.ci_lower, estimate.ci_upper)
    )
    told = f"{name}: {value} points ({100 * estimate.confidence_level:g} % CI {lower} to {upper})"
    if not np.isfinite(estimate.value):
        return f"{name}: too few attempts to say."
    within = f"{100 * smallest_effect:g} points"
    if -smallest_effect < estimate.ci_lower and estimate.ci_upper < smallest_effect:
        return f"{told}, within {within}: completion does not hang on it."
    if estimate.ci_lower > 0 or estimate.ci_upper < 0:
        return f"{told}: completion hangs on it."
    return f"{told}: these attempts cannot tell whether completion hangs on it."
