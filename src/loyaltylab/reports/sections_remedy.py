"""What the page on the desk shows of the timing of remedies, and of the obstructive script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from loyaltylab.analyses.adjusted import AdjustedAnalysis
from loyaltylab.analyses.obstructive_script import Course, tell_course
from loyaltylab.analyses.remedy_cohort import GRACE_DAYS
from loyaltylab.analyses.remedy_timing import EARLY, RemedyTiming
from loyaltylab.designs import AdjustedContrast
from loyaltylab.figures import retention_curves
from loyaltylab.findings import JudgedHypothesis, estimates_table, load_hypotheses
from loyaltylab.findings.wording import (
    DAYS_PER_MONTH,
    count_months,
    months_difference,
    points_difference,
    settles_direction,
)
from loyaltylab.reports.attempts import Attempt
from loyaltylab.reports.display import show_note, show_table
from loyaltylab.reports.sections import curve_panels, show_fates
from loyaltylab.reports.study import Study
from loyaltylab.survival import Estimate, RetentionCurve

COURSE_WORDS = {
    Course.CROSSES: "The script gains early and loses later: the curves cross.",
    Course.LASTS: "The script holds more customers early, and still does at the end.",
    Course.FADES: "The script holds more customers early; at the end they are not told apart.",
    Course.OPEN: "The two are not told apart by these data.",
}


def judge_timing(
    study: Study, attempt: Attempt[RemedyTiming], *, horizon_months: float
) -> tuple[JudgedHypothesis, ...]:
    """Judge H02; nothing where it could not be estimated, or is not run as declared."""
    declared = load_hypotheses()["H02"].reports[study.question.name]
    timing = attempt.found
    if timing is None or declared["horizon_months"] != horizon_months:
        return ()
    return (
        study.judge(
            "H02",
            timing.difference,
            estimate_name="early_remedy_restricted_mean_difference",
            identification="adjustment",
            falsifications=timing.falsifications,
            diagnostics=timing.diagnostics,
            e_value=None if timing.e_value is None else timing.e_value.of_limit,
        ),
    )


def timing_estimates(attempt: Attempt[RemedyTiming]) -> dict[str, Estimate]:
    """What a finding keeps of the timing of remedies."""
    timing = attempt.found
    if timing is None:
        return {}
    return {
        "early_remedy_restricted_mean_difference": timing.difference,
        **({"early_remedy_control_difference": timing.control} if timing.control else {}),
    }


def show_timing(
    attempt: Attempt[RemedyTiming],
    *,
    months: Sequence[float],
    horizon_months: int,
    naive: Estimate | None,
    naive_reason: str,
    study: Study,
) -> None:
    """Show what an early remedy does, its weights, and what was held against it."""
    timing = attempt.found
    if timing is None:
        show_note(f"**Not identified with these data.** {attempt.reason}")
        return
    gap = timing.difference
    show_note(
        f"A remedy within {GRACE_DAYS:g} days of the first denial made customers stay "
        f"{months_difference(gap)} in {horizon_months:g} months than the same remedy upon asking "
        f"to cancel.{settles_direction(gap)}"
    )
    contrast = timing.contrast
    show_retention(
        contrast.curves,
        since="the denial",
        caption="Customers still there, by when a remedy comes (weighted).",
        name="retention_by_remedy",
        horizon_months=horizon_months,
        study=study,
    )
    shown = {
        **contrast.restricted_mean,
        "early minus late": gap,
        **{
            f"early minus late, grace of {grace:g} days": found
            for grace, found in timing.other_graces.items()
        },
    }
    if timing.landmark is not None:
        shown[f"of those there after {GRACE_DAYS:g} days, by group"] = timing.landmark
    if naive is not None:
        shown["naive"] = naive
    show_table(
        estimates_table(
            shown, scale="months", min_cell=study.min_cell, label="restricted mean retention time"
        ),
        caption=f"Months retained of the first {horizon_months:g} after the denial.",
    )
    show_note(f"The naive line is a mistake: {naive_reason}.")
    show_table(
        estimates_table(
            {
                f"after {month:g} months": contrast.retention_differences[
                    EARLY, month * DAYS_PER_MONTH
                ]
                for month in months
            },
            scale="points",
            min_cell=study.min_cell,
            label="retention, early minus late",
            with_p=True,
        ),
        caption="Difference of retention in percentage points, weighted.",
    )
    show_table(_weights_frame(contrast.weights), caption="Weights of those who followed.", digits=2)
    show_fates(timing.audit, caption="Denials by what became of them here.", study=study)


def _weights_frame(weights: pd.DataFrame) -> pd.DataFrame:
    shown = weights.assign(months=weights["time"] / DAYS_PER_MONTH).drop(columns="time")
    columns = [
        "strategy",
        "months",
        *(name for name in shown if name not in ("strategy", "months")),
    ]
    return shown[columns].rename(columns=lambda name: name.replace("_", " "))


def show_script(
    attempt: Attempt[AdjustedAnalysis],
    *,
    months: Sequence[float],
    horizon_months: int,
    study: Study,
) -> None:
    """Show how the obstructive script and the desk with offers part and meet again."""
    analysis = attempt.found
    if analysis is None:
        show_note(f"**Not identified with these data.** {attempt.reason}")
        return
    show_retention(
        analysis.contrast.curves,
        since="the request",
        caption="Customers still there, by who took their request (weighted).",
        name="retention_by_script",
        horizon_months=horizon_months,
        study=study,
    )
    gaps = script_differences(analysis.contrast, months)
    show_note(
        f"{COURSE_WORDS[tell_course(gaps)]} Retention under the script is "
        + "; ".join(
            f"{points_difference(gap)} at {count_months(month)}" for month, gap in gaps.items()
        )
        + ". One hazard ratio would say nothing of two curves that part and meet again."
    )
    show_table(
        estimates_table(
            {f"after {month:g} months": gap for month, gap in gaps.items()},
            scale="points",
            min_cell=study.min_cell,
            label="retention, script minus desk with offers",
            with_p=True,
        ),
        caption="Difference of retention in percentage points, adjusted.",
    )


def show_retention(
    curves: Mapping[str, RetentionCurve],
    *,
    since: str,
    caption: str,
    name: str,
    horizon_months: int,
    study: Study,
) -> None:
    """Show weighted curves with the numbers at risk."""
    study.show_figure(
        retention_curves(
            **curve_panels(curves, horizon_months=horizon_months, min_cell=study.min_cell),
            time_label=f"Months since {since}",
            stamp=study.stamp,
            min_cell=study.min_cell,
            caption=caption,
            confidence_level=study.confidence_level,
        ),
        name=name,
    )


def script_differences(
    contrast: AdjustedContrast, months: Sequence[float]
) -> dict[float, Estimate]:
    """Script minus desk at each time."""
    return {month: contrast.retention_differences[month * DAYS_PER_MONTH] for month in months}


def script_estimates(
    attempt: Attempt[AdjustedAnalysis], months: Sequence[float]
) -> dict[str, Estimate]:
    """What a finding keeps of the script."""
    if attempt.found is None:
        return {}
    contrast = attempt.found.contrast
    return {
        "script_restricted_mean_difference": contrast.restricted_mean_difference,
        **{
            f"script_retention_difference_{month:g}_months": gap
            for month, gap in script_differences(contrast, months).items()
        },
    }
