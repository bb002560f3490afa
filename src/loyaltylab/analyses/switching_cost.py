"""H06: does a high cost of switching turn leaving into complaining?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import AdjustedAnalysis, analyse_cohort, contrast_adjusted
from loyaltylab.analyses.study_data import (
    DAYS_PER_MONTH,
    Cohort,
    StudyData,
    add_baseline,
    baseline_names,
    need,
)
from loyaltylab.designs import AdjustedContrast, treatment_weights
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.measures.cancellation_friction import Reform
from loyaltylab.survival import Estimate, mean_cumulative_difference, mean_cumulative_function
from loyaltylab.timeline import follow_up_from
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds

HIGH, LOW = "high cost", "low cost"
HIGH_DEBITS, LOW_DEBITS = (3, 4), (0, 1)
BAD = 0.0
HORIZON_MONTHS = 12.0


@dataclass(frozen=True, eq=False)
class SwitchingCost:
    """Customers after a first bad rating, by what switching would cost them.

    Attributes
    ----------
    analysis : AdjustedAnalysis
        Of exits for any cause.
    exits : Estimate
        Difference of the cumulative incidence at the horizon, high minus low, as a share.
    contacts : Estimate
        Difference of the mean number of contacts up to the horizon, weighted.
    both_signs : Check
        Whether contacts rise as well.
    by_reform : dict of str to Estimate
        Difference of the incidence before and after the reform, of the covered segment;
        descriptive. Periods without enough customers are left out.
    """

    analysis: AdjustedAnalysis
    exits: Estimate
    contacts: Estimate
    both_signs: Check
    by_reform: dict[str, Estimate]


def switching_cohort(data: StudyData) -> Cohort:
    """First bad ratings, with the cost of switching by the number of direct debits.

    Raises
    ------
    NotEstimableError
        Without contacts that were rated, or without direct debits.
    """
    need(data, "contacts")
    contacts, customers = data.tables["contacts"], data.tables["customers"]
    lacking = [
        name
        for table, name in ((contacts, "satisfaction_share"), (contacts, "rated_at"),
                            (customers, "direct_debits"))
        if name not in table or table[name].isna().all()
    ]  # fmt: skip
    if lacking:
        raise NotEstimableError(f"Not estimable: needs the columns {', '.join(lacking)}.")
    is_bad = (contacts["satisfaction_share"] == BAD).fillna(False) & contacts["rated_at"].notna()
    bad = contacts.loc[is_bad.astype(bool), ["customer_id", "rated_at"]]
    followed = follow_up_from(data.lives, bad.rename(columns={"rated_at": "index_at"}))
    frame = add_baseline(data, followed.frame)
    debits = frame["customer_id"].map(customers.set_index("customer_id")["direct_debits"])
    group = np.select([debits.isin(HIGH_DEBITS), debits.isin(LOW_DEBITS)], [HIGH, LOW], "")
    return Cohort(frame.assign(switching=group), followed.audit)


def analyse_switching(
    data: StudyData,
    reform: Reform,
    *,
    horizon_months: float,
    months: Sequence[float] = (),
    confidence_level: float = 0.95,
) -> SwitchingCost:
    """Exits and contacts after a first bad rating, high against low cost of switching.

    Parameters
    ----------
    data : StudyData
    reform : Reform
        Which lowers the barrier for all; only for the description by period.
    horizon_months : float
    months : sequence of float
        When retention is compared as well.
    confidence_level : float

    Raises
    ------
    NotEstimableError, EstimationError
        If columns or customers are missing.
    """
    frame = switching_cohort(data).frame
    pair = {"group": "switching", "exposed": HIGH, "reference": LOW}
    analysis = analyse_cohort(
        frame,
        horizon_months=horizon_months,
        months=months,
        confidence_level=confidence_level,
        **pair,
    )
    contacts = count_contacts(
        frame, data.tables["contacts"], analysis.contrast, horizon_months=horizon_months
    )
    return SwitchingCost(
        analysis=analysis,
        exits=exits_of(analysis.contrast, horizon_months=horizon_months),
        contacts=contacts,
        both_signs=check_contacts(contacts),
        by_reform=_by_reform(frame, reform, horizon_months, confidence_level),
    )


def estimate_switching(
    data: StudyData, *, horizon_months: float = HORIZON_MONTHS, confidence_level: float
) -> Estimate:
    """Difference of retention alone, high minus low cost of switching, as a share.

    Parameters
    ----------
    data, horizon_months, confidence_level
        As in :func:`analyse_switching`.
    """
    frame = switching_cohort(data).frame
    frame = frame[frame["switching"] != ""].reset_index(drop=True)
    contrast = contrast_adjusted(
        frame,
        group="switching",
        exposed=HIGH,
        reference=LOW,
        covariates=baseline_names(frame, group="switching"),
        horizon_months=horizon_months,
        months=[horizon_months],
        confidence_level=confidence_level,
    )
    return contrast.retention_differences[horizon_months * DAYS_PER_MONTH]


def exits_of(contrast: AdjustedContrast, *, horizon_months: float) -> Estimate:
    """Difference of the incidence of any exit: that of retention with the sign turned."""
    kept = contrast.retention_differences[horizon_months * DAYS_PER_MONTH]
    return replace(kept, value=-kept.value, ci_lower=-kept.ci_upper, ci_upper=-kept.ci_lower)


def count_contacts(
    frame: pd.DataFrame,
    contacts: pd.DataFrame,
    contrast: AdjustedContrast,
    *,
    horizon_months: float,
) -> Estimate:
    """Difference of the mean number of contacts after time zero; exits stop the count.

    Weighted by the propensity of the contrast; its weights are taken as known.
    """
    mine = frame[frame["switching"].isin([HIGH, LOW])].reset_index(drop=True)
    is_high = (mine["switching"] == HIGH).to_numpy()
    weights = treatment_weights(contrast.propensity, is_high).values
    found = []
    for is_in in (is_high, ~is_high):
        rows = recurrent_rows(mine[is_in], contacts)
        found.append(
            mean_cumulative_function(
                rows["start"],
                rows["stop"],
                rows["is_contact"],
                customer=rows["customer_id"],
                terminal=rows["is_exit"],
                weights=rows["customer_id"].map(
                    dict(zip(mine.loc[is_in, "customer_id"], weights[is_in], strict=True))
                ),
                confidence_level=contrast.restricted_mean_difference.confidence_level,
            )
        )
    return mean_cumulative_difference(*found, time=horizon_months * DAYS_PER_MONTH)


def recurrent_rows(frame: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """(start, stop] rows from time zero, ended by each contact and by the end of follow-up."""
    bounds = frame[["customer_id", "index_at", "stop", "event"]]
    pairs = contacts[["customer_id", "opened_at"]].merge(bounds, on="customer_id")
    since = to_microseconds(pairs["opened_at"]) - to_microseconds(pairs["index_at"])
    pairs = pairs.assign(at=since / MICROSECONDS_PER_DAY)
    inside = pairs[(pairs["at"] > 0) & (pairs["at"] < pairs["stop"])]
    events = pd.DataFrame(
        {"customer_id": inside["customer_id"], "stop": inside["at"], "is_contact": True,
         "is_exit": False}
    )  # fmt: skip
    ends = pd.DataFrame(
        {"customer_id": bounds["customer_id"], "stop": bounds["stop"], "is_contact": False,
         "is_exit": bounds["event"].astype(bool)}
    )  # fmt: skip
    rows = pd.concat([events, ends]).drop_duplicates(["customer_id", "stop"])
    rows = rows.sort_values(["customer_id", "stop"], ignore_index=True)
    return rows.assign(start=rows.groupby("customer_id")["stop"].shift().fillna(0.0))


def check_contacts(contacts: Estimate) -> Check:
    """The claim is of exits and contacts together: the second sign must hold as well."""
    value, lower, upper = (
        f"{number:.2f}".replace("-", "\N{MINUS SIGN}")
        for number in (contacts.value, contacts.ci_lower, contacts.ci_upper)
    )
    return Check(
        "contacts rise as well",
        "passed" if contacts.ci_lower > 0 else "failed",
        f"High minus low cost: {value} contacts per customer ({lower} to {upper}); rule: the "
        "interval above 0.",
    )


def _by_reform(
    frame: pd.DataFrame, reform: Reform, horizon_months: float, confidence_level: float
) -> dict[str, Estimate]:
    covered = frame[(frame["segment"] == reform.covered) & (frame["switching"] != "")]
    ends = covered["index_at"] + pd.Timedelta(days=horizon_months * DAYS_PER_MONTH)
    periods = {
        "before the reform": covered[ends <= reform.effective_at],
        "after the reform": covered[covered["index_at"] >= reform.effective_at],
    }
    found = {}
    for when, part in periods.items():
        mine = part.reset_index(drop=True)
        if mine["switching"].nunique() < 2:
            continue
        try:
            contrast = contrast_adjusted(
                mine,
                group="switching",
                exposed=HIGH,
                reference=LOW,
                covariates=baseline_names(mine, group="switching"),
                horizon_months=horizon_months,
                confidence_level=confidence_level,
            )
        except EstimationError:
            continue
        found[when] = exits_of(contrast, horizon_months=horizon_months)
    return found
