"""H02: does the same remedy keep more customers early than upon asking to leave?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import CONTROL_CAUSES, SMALLEST_SIZE_SHARE, contrast_adjusted
from loyaltylab.analyses.study_data import (
    DAYS_PER_MONTH,
    Cohort,
    StudyData,
    add_baseline,
    baseline_names,
    need,
)
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import (
    EValue,
    Protocol,
    ProtocolElement,
    Strategy,
    StrategyContrast,
    clone_censor_weight,
    e_value_of_restricted_means,
    expand_covariates,
    judge_negative_control,
)
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.measures.service_quality import DENIED
from loyaltylab.survival import Estimate, difference, restricted_mean_retention_time
from loyaltylab.timeline import follow_up_from

EARLY, LATE = "early", "only on asking to cancel"
GRACE_DAYS = 14.0
OTHER_GRACES_DAYS = (7.0, 30.0)
HORIZON_MONTHS = 24.0
REMEDIES, CONTACTS = "remedies", "contacts_since"
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


def remedy_cohort(data: StudyData) -> Cohort:
    """First denied requests, with the days to what followed: ``remedy_day``, missing if none.

    A remedy at the very instant of a request to cancel is one upon asking; it is no early one.

    Raises
    ------
    NotEstimableError
        If tables are missing, or nobody got a remedy.
    """
    need(data, "requests", "outreach")
    requests = data.tables["requests"]
    denied = requests[requests["outcome"].isin(DENIED)]
    denials = pd.DataFrame(
        {"customer_id": denied["customer_id"], "index_at": denied["decided_at"]}
    ).dropna()
    followed = follow_up_from(data.lives, denials.reset_index(drop=True))
    unasked = _unasked_remedies(data)
    if unasked.empty:
        raise NotEstimableError(
            "Not estimable: needs rows of outreach of kind 'remedy' that were sent before the "
            "customer asked to cancel."
        )
    frame = add_baseline(data, followed.frame)
    start = frame["site"].map(team_starts(data.tables))
    frame["site_has_team"] = (start <= frame["index_at"]).astype("float64")
    return Cohort(frame.assign(remedy_day=_first_day_after(frame, unasked)), followed.audit)


def _unasked_remedies(data: StudyData) -> pd.DataFrame:
    """Remedies but those given with a request to cancel: ``customer_id``, ``at``."""
    outreach = data.tables["outreach"]
    sent = outreach.loc[outreach["kind"] == "remedy", ["customer_id", "sent_at"]]
    journey = data.tables.get("cancellation_journey")
    if journey is not None:
        asked = journey.loc[journey["step"] == "requested", ["customer_id", "stepped_at"]]
        keys = pd.MultiIndex.from_frame(asked)
        sent = sent[~pd.MultiIndex.from_frame(sent).isin(keys)]
    return sent.rename(columns={"sent_at": "at"}).reset_index(drop=True)


def _first_day_after(frame: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """Days from time zero to the first event after it; missing where there is none."""
    pairs = frame[["customer_id", "index_at"]].merge(events, on="customer_id")
    pairs["day"] = (pairs["at"] - pairs["index_at"]) / pd.Timedelta(days=1)
    later = pairs[pairs["day"] > 0]
    return frame["customer_id"].map(later.groupby("customer_id")["day"].min())


def remedy_rows(data: StudyData, frame: pd.DataFrame, *, grace_days: float) -> pd.DataFrame:
    """Rows from the denial on, cut where a remedy comes or the customer makes contact again.

    Contacts count up to the end of the grace period; after it nothing is weighted any more.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``start``, ``stop``, ``exit_cause``, ``remedies`` and ``contacts_since``
        as known through the row, and the covariates of the cohort.
    """
    contacts = data.tables.get("contacts")
    cuts = [frame[["customer_id", "remedy_day"]].rename(columns={"remedy_day": "day"})]
    cuts[0] = cuts[0].dropna().assign(is_remedy=1.0)
    if contacts is not None:
        pairs = frame[["customer_id", "index_at"]].merge(
            contacts[["customer_id", "opened_at"]], on="customer_id"
        )
        days = (pairs["opened_at"] - pairs["index_at"]) / pd.Timedelta(days=1)
        again = pairs.assign(day=days, is_remedy=0.0)
        cuts.append(
            again.loc[(days > 0) & (days <= grace_days), ["customer_id", "day", "is_remedy"]]
        )
    events = pd.concat(cuts, ignore_index=True)
    starts = pd.concat(
        [frame[["customer_id"]].assign(day=0.0, is_remedy=np.nan), events], ignore_index=True
    ).merge(frame[["customer_id", "stop"]], on="customer_id")
    starts = starts[starts["day"] < starts["stop"]].sort_values(
        ["customer_id", "day"], kind="stable"
    )
    own = starts.groupby("customer_id", sort=False)
    rows = starts.assign(
        **{
            REMEDIES: own["is_remedy"].cumsum().fillna(0.0),
            CONTACTS: own["is_remedy"].transform(lambda part: (part == 0.0).cumsum()),
        }
    )
    rows = rows.drop_duplicates(["customer_id", "day"], keep="last")
    until = rows.groupby("customer_id", sort=False)["day"].shift(-1)
    rows = rows.assign(start=rows["day"], stop=until.fillna(rows["stop"]), is_last=until.isna())
    known = frame.drop(columns=["start", "stop", "remedy_day"])
    rows = rows[["customer_id", "start", "stop", REMEDIES, CONTACTS, "is_last"]].merge(
        known, on="customer_id"
    )
    rows["exit_cause"] = rows["exit_cause"].where(rows["is_last"] & rows["event"], "")
    return rows.drop(columns=["is_last", "event"]).reset_index(drop=True)


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
    with_it, without = (
        restricted_mean_retention_time(
            part["start"],
            part["stop"],
            part["event"],
            horizon=HORIZON_MONTHS * DAYS_PER_MONTH,
            confidence_level=confidence_level,
        )
        for part in (frame[is_helped], frame[~is_helped])
    )
    return difference(with_it, without)


def timing_protocol(*, horizon_months: float) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    end = f"Exit, or {horizon_months:g} months"
    return Protocol(
        question="Does the same remedy keep more customers when it comes early?",
        estimand_kind="direct",
        eligibility=ProtocolElement(
            "Customers in their first life whose ordinary request is denied",
            "The same, at the first denial while under observation",
            "Denials before observation began are not seen",
        ),
        strategies=ProtocolElement(
            f"A remedy within {GRACE_DAYS:g} days of the denial, or only with a request to cancel",
            "The same, by when remedies were sent",
            "A remedy of another kind counts as the same",
        ),
        assignment=ProtocolElement(
            "By lot",
            "Taken to be by lot within what was known before, and contacts made since",
            "How firmly a customer insisted is not recorded",
        ),
        time_zero=ProtocolElement("The denial", "The denial", "none"),
        follow_up_end=ProtocolElement(
            end,
            f"{end}, or the end of the study window",
            "Denials late in the window are followed for less time",
        ),
        outcome=ProtocolElement("The end of service for any cause", "The same", "none"),
        causal_contrast=ProtocolElement(
            "By strategy, as followed (per protocol)",
            "Clones of everybody under both strategies, censored when they no longer follow theirs",
            "none",
        ),
        identifying_assumptions=ProtocolElement(
            "None beyond the lot and following it",
            "When a remedy comes depends on nothing else that moves leaving; both were possible "
            "for everybody; censoring says nothing about the exit",
            "Not testable; the negative control and the E-value bear on it",
        ),
        analysis_plan=ProtocolElement(
            f"Difference of restricted means over {horizon_months:g} months",
            "The same, weighted by the inverse probability to have followed the strategy, errors "
            "by customer",
            "The weights are taken as known, which makes errors a little too large",
        ),
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
