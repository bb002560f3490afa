"""H02: does the same remedy keep more customers early than upon asking to leave?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import (
    CONTROL_CAUSES,
    SMALLEST_SIZE_SHARE,
    contrast_adjusted,
    contrast_unadjusted,
)
from loyaltylab.analyses.remedy_cohort import (
    CONTACTS,
    GRACE_DAYS,
    REMEDIES,
    remedy_cohort,
    remedy_rows,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, baseline_names
from loyaltylab.designs import (
    EValue,
    Strategy,
    StrategyContrast,
    clone_censor_weight,
    e_value_of_restricted_means,
    expand_covariates,
    judge_negative_control,
)
from loyaltylab.errors import EstimationError
from loyaltylab.findings import Check
from loyaltylab.survival import Estimate

EARLY, LATE = "early", "only on asking to cancel"
OTHER_GRACES_DAYS = (7.0, 30.0)
HORIZON_MONTHS = 24.0
NAIVE_REASON = (
    "ever got a remedy against never, from the denial: whoever leaves at once could not get one "
    "(immortal time), and a remedy upon asking to leave is given to those who leave"
)


@dataclass(frozen=True, eq=False)
class RemedyTiming:
    """An early remedy against one only upon asking to cancel, and what was held against it.

    Attributes
    ----------
    audit : dict of str to int
        Denials by fate.
    contrast : StrategyContrast
        In days; the reference is the late remedy.
    control : Estimate or None
        Difference of the share who left by life event up to the horizon.
    e_value : EValue or None
    other_graces : dict of float to Estimate
        The same difference with another grace period, days; without those in which too few got a
        remedy.
    landmark : Estimate or None
        The same by groups formed at the end of the grace period, of those still there.
    falsifications, diagnostics : tuple of Check
    """

    audit: dict[str, int]
    contrast: StrategyContrast
    control: Estimate | None
    e_value: EValue | None
    other_graces: dict[float, Estimate]
    landmark: Estimate | None
    falsifications: tuple[Check, ...]
    diagnostics: tuple[Check, ...]

    @property
    def difference(self) -> Estimate:
        """Early minus late, days retained up to the horizon."""
        return self.contrast.restricted_mean_differences[EARLY]


def contrast_timing(
    data: StudyData,
    frame: pd.DataFrame,
    *,
    grace_days: float = GRACE_DAYS,
    horizon_months: float = HORIZON_MONTHS,
    months: Sequence[float] = (),
    confidence_level: float,
) -> StrategyContrast:
    """Clone everybody, censor whose remedy disagrees, and weigh the rest; in days.

    Parameters
    ----------
    data : StudyData
    frame : pandas.DataFrame
        As from :func:`remedy_cohort`.
    grace_days : float
        Within which an early remedy comes.
    horizon_months : float
    months : sequence of float
        When retention is compared as well.
    confidence_level : float

    Raises
    ------
    EstimationError
        As :func:`loyaltylab.designs.clone_censor_weight`.
    """
    rows = remedy_rows(data, frame, grace_days=grace_days)
    names = baseline_names(
        frame.assign(group=frame["remedy_day"] <= grace_days),
        group="group",
        further=("site_has_team",),
    )
    covariates = expand_covariates(rows, names)
    horizon = horizon_months * DAYS_PER_MONTH
    return clone_censor_weight(
        rows[["customer_id", "start", "stop", "exit_cause", REMEDIES, CONTACTS]].join(covariates),
        strategies=[
            Strategy(EARLY, REMEDIES, within=grace_days, minimum=1),
            Strategy(LATE, REMEDIES, within=grace_days, maximum=0),
        ],
        reference=LATE,
        covariates=[*covariates.columns, CONTACTS],
        horizon=horizon,
        times=[month * DAYS_PER_MONTH for month in months],
        confidence_level=confidence_level,
    )


def analyse_timing(
    data: StudyData,
    *,
    horizon_months: float = HORIZON_MONTHS,
    months: Sequence[float] = (),
    confidence_level: float,
) -> RemedyTiming:
    """The main estimate with its negative control, other grace periods and a landmark.

    Parameters
    ----------
    data, horizon_months, months, confidence_level
        As in :func:`contrast_timing`.

    Raises
    ------
    NotEstimableError
        As :func:`remedy_cohort`.
    EstimationError
        As :func:`contrast_timing`.
    """
    cohort = remedy_cohort(data)
    frame = cohort.frame
    options: dict[str, Any] = {
        "horizon_months": horizon_months,
        "confidence_level": confidence_level,
    }
    contrast = contrast_timing(data, frame, months=months, **options)
    horizon = horizon_months * DAYS_PER_MONTH
    control = contrast.incidence_differences.get((EARLY, CONTROL_CAUSES[0], horizon))
    return RemedyTiming(
        audit=cohort.audit,
        contrast=contrast,
        control=control,
        e_value=_e_value(contrast, horizon),
        other_graces=_vary_grace(data, frame, options),
        landmark=_compare_at_landmark(frame, **options),
        falsifications=(_check_control(control),),
        diagnostics=(_check_effective_size(contrast),),
    )


def estimate_remedy_timing(data: StudyData, *, confidence_level: float) -> Estimate:
    """Early minus late, days retained in 24 months from the first denial."""
    cohort = remedy_cohort(data)
    contrast = contrast_timing(data, cohort.frame, confidence_level=confidence_level)
    return contrast.restricted_mean_differences[EARLY]


def estimate_naive_remedy(data: StudyData, *, confidence_level: float) -> Estimate:
    """The mistake of ``NAIVE_REASON``."""
    frame = remedy_cohort(data).frame
    outreach = data.tables["outreach"]
    helped = outreach.loc[outreach["kind"] == "remedy", "customer_id"]
    is_helped = frame["customer_id"].isin(helped)
    return contrast_unadjusted(
        frame[is_helped],
        frame[~is_helped],
        horizon_months=HORIZON_MONTHS,
        confidence_level=confidence_level,
    )


def _e_value(contrast: StrategyContrast, horizon: float) -> EValue | None:
    means = contrast.restricted_mean
    try:
        return e_value_of_restricted_means(means[EARLY], means[LATE], horizon=horizon)
    except EstimationError:
        return None


def _vary_grace(
    data: StudyData, frame: pd.DataFrame, options: dict[str, Any]
) -> dict[float, Estimate]:
    found = {}
    for grace in OTHER_GRACES_DAYS:
        with suppress(EstimationError):
            contrast = contrast_timing(data, frame, grace_days=grace, **options)
            found[grace] = contrast.restricted_mean_differences[EARLY]
    return found


def _compare_at_landmark(
    frame: pd.DataFrame, *, horizon_months: float, confidence_level: float
) -> Estimate | None:
    """Those still there at the end of the grace period, by whether a remedy came until then."""
    there = frame[frame["stop"] > GRACE_DAYS]
    moved = there.assign(
        stop=there["stop"] - GRACE_DAYS,
        group=np.where(there["remedy_day"] <= GRACE_DAYS, EARLY, LATE),
    ).reset_index(drop=True)
    try:
        return contrast_adjusted(
            moved,
            group="group",
            exposed=EARLY,
            reference=LATE,
            covariates=baseline_names(moved, group="group", further=("site_has_team",)),
            horizon_months=horizon_months - GRACE_DAYS / DAYS_PER_MONTH,
            confidence_level=confidence_level,
        ).restricted_mean_difference
    except EstimationError:
        return None


def _check_control(control: Estimate | None) -> Check:
    name = "negative control: exits by life event"
    if control is None:
        return Check(name, "not run", "No such exits.")
    judged = judge_negative_control(control)
    return Check(name, "failed" if judged.status == "failed" else "passed", judged.statement)


def _check_effective_size(contrast: StrategyContrast) -> Check:
    """Whether the weights leave enough of those who followed each strategy."""
    share = float(
        (contrast.weights["effective_sample_size"] / contrast.weights["n_followed"]).min()
    )
    return Check(
        "overlap",
        "passed" if share >= SMALLEST_SIZE_SHARE else "failed",
        f"The weights leave an effective sample of {100 * share:.0f} % of those who followed "
        f"one strategy; rule: at least {100 * SMALLEST_SIZE_SHARE:.0f} %.",
    )
