"""The primary estimate of every confirmatory hypothesis, beside the naive one.

Each naive analysis makes a mistake that is common in practice; ``NAIVE_REASONS`` says which.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from loyaltylab.analyses.adjusted import contrast_adjusted, contrast_unadjusted, in_days
from loyaltylab.analyses.compensation import compensation_cohort
from loyaltylab.analyses.exit_reform import (
    attempt_cohort,
    placebo_effect,
    reform_effect,
    reform_of,
)
from loyaltylab.analyses.integrated_team import rollout_cells, rollout_effect
from loyaltylab.analyses.retention_desk import REACTIVE, STRAIGHT_THROUGH, desk_cohort
from loyaltylab.analyses.saved_customers import accepted_saves
from loyaltylab.analyses.service_denial import DENIED, GRANTED, denial_cohort
from loyaltylab.analyses.study_data import (
    DAYS_PER_MONTH,
    Cohort,
    StudyData,
    baseline_names,
    keep_groups,
    need,
)
from loyaltylab.designs import assign_period
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.measures.service_quality import DENIED as DENIED_OUTCOMES
from loyaltylab.survival import Estimate
from loyaltylab.timeline import follow_up_from

# The design of H22 at a date when nothing happened: the truth is no effect in any world.
PLACEBO = "H22 placebo"
HORIZON_MONTHS = MappingProxyType({"H01": 24, "H03": 12, "H04": 24, "H17": 24, "H22": 12})
TRUTHS = MappingProxyType(
    {
        "H01": "H01.desk_once_reactive_none_without_team.direct.restricted_mean_24",
        "H03": "H03.team_rollout.total.restricted_mean_12",
        "H04": "H04.denial_first.direct.restricted_mean_24",
        "H17": "H17.compensation_voucher_forfeited.direct.restricted_mean_24",
        "H22": "H22.reform_attempt.direct.restricted_mean_12",
    }
)
NAIVE_REASONS = MappingProxyType(
    {
        "H01": "those whom the desk kept against all whom it did not: being kept is the outcome",
        "H03": "the year after a site's start against the year before: those who are still there "
        "a year later are another mix of tenures, and everything else changed as well",
        "H04": "ever denied against never denied, from the start of the contract: whoever stays "
        "longer has more time to be denied (immortal time)",
        "H17": "those who used a voucher against everybody offered a refund, from the offer: "
        "whoever left at once could not use one (immortal time)",
        "H22": "after against before the reform among those it covers: whatever else changed over "
        "the years is taken for the reform",
    }
)


@dataclass(frozen=True)
class Primary:
    """One confirmatory hypothesis on one source, in days retained up to the horizon.

    Attributes
    ----------
    estimate : Estimate
        By the declared design.
    naive : Estimate or None
        By the mistake of ``NAIVE_REASONS``; None where too few customers made it possible.
    """

    estimate: Estimate
    naive: Estimate | None


def estimate_primary(data: StudyData, name: str, *, confidence_level: float) -> Primary:
    """The primary and the naive estimate of a confirmatory hypothesis.

    Parameters
    ----------
    data : StudyData
    name : str
        One of ``HORIZON_MONTHS``, or ``PLACEBO``.
    confidence_level : float

    Returns
    -------
    Primary

    Raises
    ------
    NotEstimableError, EstimationError
        If tables or customers are missing.
    """
    estimate, _ = _ANALYSES[name]
    return Primary(
        estimate(data, confidence_level),
        estimate_naive(data, name, confidence_level=confidence_level),
    )


def estimate_naive(data: StudyData, name: str, *, confidence_level: float) -> Estimate | None:
    """The mistake of ``NAIVE_REASONS`` alone, in days; None where too few make it possible.

    Parameters
    ----------
    data : StudyData
    name : str
        As in :func:`estimate_primary`.
    confidence_level : float
    """
    naive = _ANALYSES[name][1]
    if naive is not None:
        with suppress(EstimationError, NotEstimableError):
            return naive(data, confidence_level)
    return None


def _adjusted(
    cohort: Cohort,
    *,
    group: str,
    pair: tuple[str, str],
    further: tuple[str, ...],
    confidence_level: float,
) -> Estimate:
    frame = keep_groups(cohort.frame, group=group, names=pair)
    return contrast_adjusted(
        frame,
        group=group,
        exposed=pair[0],
        reference=pair[1],
        covariates=baseline_names(frame, group=group, further=further),
        horizon_months=24,
        confidence_level=confidence_level,
    ).restricted_mean_difference


def _desk(data: StudyData, level: float) -> Estimate:
    return _adjusted(
        desk_cohort(data),
        group="desk",
        pair=(REACTIVE, STRAIGHT_THROUGH),
        further=(),
        confidence_level=level,
    )


def _denial(data: StudyData, level: float) -> Estimate:
    return _adjusted(
        denial_cohort(data),
        group="decision",
        pair=(DENIED, GRANTED),
        further=("site_has_team",),
        confidence_level=level,
    )


def _compensation(data: StudyData, level: float) -> Estimate:
    return _adjusted(
        compensation_cohort(data),
        group="offered",
        pair=("voucher", "refund"),
        further=(),
        confidence_level=level,
    )


def _team(data: StudyData, level: float) -> Estimate:
    effect = rollout_effect(
        rollout_cells(data), horizon_months=HORIZON_MONTHS["H03"], confidence_level=level
    )
    return in_days(effect.effect)


def _attempts(data: StudyData) -> pd.DataFrame:
    return attempt_cohort(data, horizon_months=HORIZON_MONTHS["H22"]).frame


def _reform(data: StudyData, level: float) -> Estimate:
    found = reform_effect(
        _attempts(data),
        reform_of(data),
        horizon_months=HORIZON_MONTHS["H22"],
        confidence_level=level,
    )
    return found.restricted_mean.effect


def _placebo_reform(data: StudyData, level: float) -> Estimate:
    found = placebo_effect(
        _attempts(data),
        reform_of(data),
        horizon_months=HORIZON_MONTHS["H22"],
        confidence_level=level,
    )
    return found.restricted_mean.effect


def _naive_desk(data: StudyData, level: float) -> Estimate:
    """Kept by the desk, as a save offer that was taken tells, against all others who met it."""
    need(data, "offers")
    frame = desk_cohort(data).frame
    met = frame[frame["desk"] == REACTIVE]
    is_kept = met["customer_id"].isin(accepted_saves(data.tables["offers"])["customer_id"])
    return contrast_unadjusted(
        met[is_kept], met[~is_kept], horizon_months=24, confidence_level=level
    )


def _naive_denial(data: StudyData, level: float) -> Estimate:
    requests = data.tables["requests"]
    denied = requests.loc[requests["outcome"].isin(DENIED_OUTCOMES), "customer_id"]
    new = data.lives[data.lives["entry_days"] == 0]
    frame = pd.DataFrame({"start": 0.0, "stop": new["stop_days"], "event": new["event"]})
    is_denied = new["customer_id"].isin(denied)
    return contrast_unadjusted(
        frame[is_denied], frame[~is_denied], horizon_months=24, confidence_level=level
    )


def _naive_compensation(data: StudyData, level: float) -> Estimate:
    need(data, "vouchers")
    frame = compensation_cohort(data).frame
    vouchers = data.tables["vouchers"]
    used = vouchers.loc[vouchers["redeemed_at"].notna(), "customer_id"]
    is_used = (frame["offered"] == "voucher") & frame["customer_id"].isin(used)
    refunded = frame[frame["offered"] == "refund"]
    return contrast_unadjusted(frame[is_used], refunded, horizon_months=24, confidence_level=level)


def _naive_team(data: StudyData, level: float) -> Estimate:
    """Customers of each site on the day of its start, against those a year before."""
    lives = data.lives[["customer_id", "site"]]
    start = lives.assign(index_at=lives["site"].map(rollout_cells(data).start_at))
    start = start[["customer_id", "index_at"]].dropna()
    year = pd.Timedelta(days=12 * DAYS_PER_MONTH)
    after, before = (
        follow_up_from(data.lives, start.assign(index_at=start["index_at"] - earlier)).frame
        for earlier in (pd.Timedelta(0), year)
    )
    return contrast_unadjusted(after, before, horizon_months=12, confidence_level=level)


def _naive_reform(data: StudyData, level: float) -> Estimate:
    reform, frame = reform_of(data), _attempts(data)
    covered = frame[frame["segment"] == reform.covered]
    period = assign_period(
        covered["index_at"], reform.effective_at, horizon_days=12 * DAYS_PER_MONTH
    )
    after, before = covered[period == "after"], covered[period == "before"]
    return contrast_unadjusted(after, before, horizon_months=12, confidence_level=level)


_Analysis = Callable[[StudyData, float], Estimate]
_ANALYSES: dict[str, tuple[_Analysis, _Analysis | None]] = {
    "H01": (_desk, _naive_desk),
    "H03": (_team, _naive_team),
    "H04": (_denial, _naive_denial),
    "H17": (_compensation, _naive_compensation),
    "H22": (_reform, _naive_reform),
    PLACEBO: (_placebo_reform, None),
}
