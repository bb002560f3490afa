"""H18: how often customers make contact after a failure, told of it or not, and before it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.analyses.handoffs import compare_repeats, repeat_rows
from loyaltylab.analyses.message_cohort import CONTACT_DAYS, DAY, MESSAGE, TOLD, UNTOLD
from loyaltylab.designs import (
    EValue,
    benchmark_confounders,
    e_value_of_ratio,
    fit_propensity,
    judge_negative_control,
    treatment_weights,
)
from loyaltylab.errors import EstimationError
from loyaltylab.findings import Check
from loyaltylab.survival import Estimate
from loyaltylab.survival.intervals import normal_quantile

FEWEST_ASKED = 2  # customers of a group who made contact, for a mean with an error


@dataclass(frozen=True, eq=False)
class ContactCounts:
    """Contacts of those told and those not, from the same moment on.

    Attributes
    ----------
    means : dict of str to Estimate
        Contacts per customer within 30 days, by group, weighted; exits end them.
    difference : Estimate
        Told minus not told.
    before : Estimate or None
        The same difference in the 30 days before the failure, of those observed in all of them:
        a negative control. None where fewer than two customers of a group made contact then.
    e_value : EValue or None
        Of the ratio of the means; None where a group made no contact.
    confounders : pandas.DataFrame
        As from :func:`benchmark_confounders`.
    """

    means: dict[str, Estimate]
    difference: Estimate
    before: Estimate | None
    e_value: EValue | None
    confounders: pd.DataFrame

    @property
    def strongest_confounder(self) -> float | None:
        """Strength of the strongest measured confounder, on the scale of the E-value."""
        return None if self.confounders.empty else float(self.confounders["strength"].max())


def count_contacts(
    frame: pd.DataFrame,
    contacts: pd.DataFrame,
    lives: pd.DataFrame,
    *,
    covariates: Sequence[str],
    confidence_level: float = 0.95,
) -> ContactCounts:
    """Mean contacts within 30 days by group, and before the failure, and what could undo it.

    Parameters
    ----------
    frame : pandas.DataFrame
        As from :func:`loyaltylab.analyses.message_cohort.message_cohort`.
    contacts, lives : pandas.DataFrame
        The table, and the spells at risk.
    covariates : sequence of str
        Adjusted for, by weights.
    confidence_level : float

    Raises
    ------
    EstimationError
        If nobody is followed for 30 days, or the weights cannot be had.
    """
    weighted = weigh_groups(frame, covariates)
    means, gap = compare_counts(weighted, contacts, confidence_level=confidence_level)
    e_value = _e_value(means)
    without = {}
    for name in covariates if len(covariates) > 1 and e_value is not None else ():
        others = [other for other in covariates if other != name]
        found = _e_value(
            compare_counts(
                weigh_groups(frame, others), contacts, confidence_level=confidence_level
            )[0]
        )
        if found is not None:
            without[name] = found
    return ContactCounts(
        means=means,
        difference=gap,
        before=_count_before(weighted, contacts, lives, confidence_level),
        e_value=e_value,
        confounders=benchmark_confounders(e_value, without) if e_value else pd.DataFrame(),
    )


def check_contacts_before(before: Estimate | None) -> Check:
    """Whether both groups made contact alike in the 30 days before the failure."""
    name = "negative control: contacts in the 30 days before"
    if before is None:
        return Check(name, "not run", "Too few of one of the groups made contact then.")
    judged = judge_negative_control(before)
    return Check(
        name,
        "failed" if judged.status == "failed" else "passed",
        judged.statement,
    )


def weigh_groups(frame: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """The frame with a column ``weight``: inverse probability of the group one is in."""
    is_told = (frame[MESSAGE] == TOLD).to_numpy()
    fit = fit_propensity(is_told, frame[list(covariates)])
    return frame.assign(weight=np.asarray(treatment_weights(fit, is_told).values))


def compare_counts(
    weighted: pd.DataFrame, contacts: pd.DataFrame, *, confidence_level: float
) -> tuple[dict[str, Estimate], Estimate]:
    """Mean contacts within 30 days per group, weighted, and told minus not told."""
    rows = repeat_rows(weighted, contacts, group=MESSAGE, days=CONTACT_DAYS)
    return compare_repeats(
        rows,
        group=MESSAGE,
        exposed=TOLD,
        reference=UNTOLD,
        days=CONTACT_DAYS,
        confidence_level=confidence_level,
    )


def _count_before(
    weighted: pd.DataFrame,
    contacts: pd.DataFrame,
    lives: pd.DataFrame,
    confidence_level: float,
) -> Estimate | None:
    """The difference of contacts in the 30 days before the detection, of those observed then."""
    detected = weighted["index_at"] - pd.to_timedelta(weighted["landmark_day"], unit="D")
    begin = detected.dt.as_unit("us") - CONTACT_DAYS * DAY
    entry = weighted["customer_id"].map(lives.set_index("customer_id")["entry_at"])
    earlier = weighted.assign(index_at=begin, stop=CONTACT_DAYS, event=False)
    mine = earlier[entry <= begin].reset_index(drop=True)
    rows = repeat_rows(mine, contacts, group=MESSAGE, days=CONTACT_DAYS)
    n_asked = rows[rows["event"]].groupby(MESSAGE)["customer_id"].nunique()
    if n_asked.reindex([TOLD, UNTOLD], fill_value=0).min() < FEWEST_ASKED:
        return None
    return compare_counts(mine, contacts, confidence_level=confidence_level)[1]


def _e_value(means: Mapping[str, Estimate]) -> EValue | None:
    """E-value of the ratio of two independent means, limits on the log scale."""
    told, untold = means[TOLD], means[UNTOLD]
    if min(told.value, untold.value) <= 0:
        return None
    ratio = told.value / untold.value
    error = math.hypot(told.standard_error / told.value, untold.standard_error / untold.value)
    width = math.exp(normal_quantile(told.confidence_level) * error)
    try:
        return e_value_of_ratio(
            Estimate(
                ratio,
                ratio * error,
                ratio / width,
                ratio * width,
                told.confidence_level,
                told.n + untold.n,
                told.n_events + untold.n_events,
                "ratio",
                "ratio of two means",
            )
        )
    except EstimationError:
        return None
