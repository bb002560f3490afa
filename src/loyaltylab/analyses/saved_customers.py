"""H12: how long does a save last, and do the saved leave when their offer ends?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import DAYS_PER_MONTH, Cohort, StudyData, need
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.survival import Estimate, RetentionCurve, kaplan_meier, rates_by_interval
from loyaltylab.timeline import follow_up_from

SAVE = "save"


@dataclass(frozen=True, eq=False)
class SavedLives:
    """What became of customers who took an offer to stay; a description.

    Attributes
    ----------
    curve : RetentionCurve
        From the acceptance, in days.
    half_life : Estimate or None
        Days until half have left; None if more than half are still there.
    around_end : pandas.DataFrame
        Exits per 100 customer-months by period around the end of the offer; as from
        :func:`rates_around_offer_end`, with ``label``.
    """

    curve: RetentionCurve
    half_life: Estimate | None
    around_end: pd.DataFrame


def accepted_saves(offers: pd.DataFrame) -> pd.DataFrame:
    """Save offers that were taken, as index events.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``index_at`` (when it was made), ``offer_days`` until it ends; missing
        where no end is on file.
    """
    taken = offers[(offers["kind"] == SAVE) & offers["is_accepted"].eq(True).fillna(False)]
    lasts = (taken["ends_at"] - taken["offered_at"]) / pd.Timedelta(days=1)
    return pd.DataFrame(
        {
            "customer_id": taken["customer_id"],
            "index_at": taken["offered_at"],
            "offer_days": lasts,
        }
    ).reset_index(drop=True)


def saved_cohort(data: StudyData) -> Cohort:
    """First saves of customers in their first life.

    Raises
    ------
    NotEstimableError
        If nobody took a save offer, or no offer has an end.
    """
    need(data, "offers")
    followed = follow_up_from(data.lives, accepted_saves(data.tables["offers"]))
    if followed.frame["offer_days"].isna().all():
        raise NotEstimableError(
            "Not estimable: needs rows of offers with kind 'save', is_accepted true and ends_at."
        )
    return Cohort(followed.frame, followed.audit)


def describe_saved(
    frame: pd.DataFrame,
    *,
    months_around_end: tuple[float, ...],
    confidence_level: float,
) -> SavedLives:
    """Curve, half-life, and rates of leaving around the end of the offer.

    Parameters
    ----------
    frame : pandas.DataFrame
        As from :func:`saved_cohort`.
    months_around_end : tuple of float
        Cuts, in months from the end of the offer; negative before it.
    confidence_level : float
    """
    curve = kaplan_meier(
        frame["start"],
        frame["stop"],
        frame["event"],
        cluster=frame["customer_id"],
        confidence_level=confidence_level,
    )
    half_life = curve.quantile(0.5) if curve.retention[-1] <= 0.5 else None
    around = rates_around_offer_end(
        frame, months_around_end=months_around_end, confidence_level=confidence_level
    )
    return SavedLives(curve, half_life, around)


def rates_around_offer_end(
    frame: pd.DataFrame, *, months_around_end: tuple[float, ...], confidence_level: float
) -> pd.DataFrame:
    """Exits per 100 customer-months, by months from the end of each customer's offer.

    Time is counted from the end of the offer. Whoever left before it is at risk only before it;
    offers without an end are left out.

    Returns
    -------
    pandas.DataFrame
        As from :func:`loyaltylab.survival.rates_by_interval`, one row per period, with ``label``.

    Raises
    ------
    EstimationError
        If the cuts do not increase from before the end to after it, or no offer has an end.
    """
    cuts = [float(month) for month in months_around_end]
    if not (len(cuts) > 2 and cuts[0] < 0 < cuts[-1] and cuts == sorted(set(cuts)) and 0 in cuts):
        raise EstimationError(
            f"months_around_end is {cuts}; rule: increasing, with 0 (the end of the offer) inside"
        )
    known = frame[frame["offer_days"].notna()]
    lead = -cuts[0] * DAYS_PER_MONTH
    start = np.maximum(lead - known["offer_days"], 0.0)
    stop = known["stop"] - known["offer_days"] + lead
    is_seen = stop > start
    if not is_seen.any():
        raise EstimationError("Nobody with an offer's end is at risk around it.")
    rates = rates_by_interval(
        start[is_seen],
        stop[is_seen],
        known.loc[is_seen, "event"],
        cuts=[(month - cuts[0]) * DAYS_PER_MONTH for month in cuts],
        time_unit=DAYS_PER_MONTH,
        confidence_level=confidence_level,
    )
    scaled = {name: 100 * rates[name] for name in ("rate", "ci_lower", "ci_upper")}
    pairs = pairwise(cuts)
    return rates.assign(label=[_name_period(*pair) for pair in pairs], **scaled)


def _name_period(lower: float, upper: float) -> str:
    if upper <= 0:
        return f"{-lower:g} to {abs(upper):g} months before the end"
    return f"{lower:g} to {upper:g} months after the end"
