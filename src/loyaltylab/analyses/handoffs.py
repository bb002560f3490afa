"""H05: do customers whose first contact is handed on and on come back, ask to leave, and leave?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import (
    AdjustedAnalysis,
    analyse_cohort,
    contrast_adjusted,
    contrast_unadjusted,
)
from loyaltylab.analyses.handled_contacts import (
    DAY,
    FEW,
    FROM,
    FURTHER,
    HANDLED,
    LANDMARK_DAYS,
    MANY,
    UP_TO,
    classify,
    merge_rare,
    take_pair,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, baseline_names, need
from loyaltylab.designs import (
    AdjustedContrast,
    Strategy,
    clone_censor_weight,
    expand_covariates,
    treatment_weights,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    Estimate,
    mean_cumulative_difference,
    mean_cumulative_function,
)

ASKED = "request to cancel"
REQUEST_DAYS = 90.0
EXIT_MONTHS = 12.0
LONG_MONTHS = 24.0


@dataclass(frozen=True, eq=False)
class HandoffAnalysis:
    """Three handoffs or more against at most one, known within 72 hours of the opening.

    Attributes
    ----------
    repeats : dict of str to Estimate
        Mean number of further contacts within 90 days, weighted, per group.
    repeat_difference : Estimate
        Three or more minus at most one, in contacts per customer.
    requests : AdjustedAnalysis
        Time to a request to cancel, or to leaving without one.
    request_difference : Estimate
        Share that asked to cancel within 90 days, as a difference.
    exits : AdjustedContrast
        The end of service up to 12 months.
    long_difference : Estimate
        Difference of months retained in 24, in days.
    control : Estimate or None
        As in :class:`AdjustedAnalysis`.
    effective_sizes : dict of str to float
        Customers per group that the weights leave.
    """

    repeats: dict[str, Estimate]
    repeat_difference: Estimate
    requests: AdjustedAnalysis
    request_difference: Estimate
    exits: AdjustedContrast
    long_difference: Estimate
    control: Estimate | None
    effective_sizes: dict[str, float]


def request_outcomes(frame: pd.DataFrame) -> pd.DataFrame:
    """The cohort with its first request to cancel, or leaving without one, as the outcome."""
    has_asked = frame["asked_day"].notna() & (frame["asked_day"] <= frame["stop"])
    without = frame["exit_cause"].where(frame["exit_cause"] == "life_event", "other exit")
    cause = pd.Series(
        np.where(has_asked, ASKED, np.where(frame["event"], without, "")), index=frame.index
    )
    return frame.assign(
        stop=frame["stop"].where(~has_asked, frame["asked_day"]),
        event=frame["event"] | has_asked,
        exit_cause=cause.astype("string"),
    )


def analyse_handoffs(
    data: StudyData, frame: pd.DataFrame, *, confidence_level: float = 0.95
) -> HandoffAnalysis:
    """Repeat contacts, requests to cancel and exits after the landmark, adjusted.

    Parameters
    ----------
    data : StudyData
    frame : pandas.DataFrame
        As from :func:`handoff_cohort`.
    confidence_level : float

    Returns
    -------
    HandoffAnalysis

    Raises
    ------
    EstimationError
        If a group is empty, or nobody asked to cancel in 90 days.
    """
    pair = take_pair(frame, FEW)
    options: dict[str, Any] = {
        "exposed": MANY,
        "reference": FEW,
        "confidence_level": confidence_level,
    }
    requests = analyse_cohort(
        request_outcomes(pair),
        group=HANDLED,
        further=FURTHER,
        horizon_months=REQUEST_DAYS / DAYS_PER_MONTH,
        with_g_formula=False,
        **options,
    )
    asked = [
        found
        for (cause, _), found in requests.contrast.incidence_differences.items()
        if cause == ASKED
    ]
    if not asked:
        raise EstimationError("Nobody asked to cancel within 90 days; there is nothing to compare.")
    exits = contrast_adjusted(
        pair,
        group=HANDLED,
        covariates=requests.covariates,
        horizon_months=EXIT_MONTHS,
        months=(3, EXIT_MONTHS),
        **options,
    )
    long = contrast_adjusted(
        pair,
        group=HANDLED,
        covariates=requests.covariates,
        horizon_months=LONG_MONTHS,
        **options,
    )
    is_exposed = (pair[HANDLED] == MANY).to_numpy()
    weights = treatment_weights(exits.propensity, is_exposed).values
    repeats, gap = compare_repeats(
        repeat_rows(pair.assign(weight=weights), data.tables["contacts"]),
        group=HANDLED,
        exposed=MANY,
        reference=FEW,
        days=REQUEST_DAYS,
        confidence_level=confidence_level,
    )
    sizes = requests.contrast.weight_summary["effective_sample_size"]
    return HandoffAnalysis(
        repeats=repeats,
        repeat_difference=gap,
        requests=requests,
        request_difference=asked[0],
        exits=exits,
        long_difference=long.restricted_mean_difference,
        control=requests.control,
        effective_sizes={MANY: float(sizes["exposed"]), FEW: float(sizes["reference"])},
    )


def vary_handoffs(
    opened: pd.DataFrame,
    main: AdjustedContrast,
    *,
    covariates: tuple[str, ...],
    confidence_level: float = 0.95,
) -> dict[str, Estimate]:
    """The difference of months retained in 12 months under other ways to tell the groups.

    Parameters
    ----------
    opened : pandas.DataFrame
        As from :func:`handled_contacts`.
    main : AdjustedContrast
        ``exits`` of the main analysis.
    covariates : tuple of str
        Adjusted for in it.
    confidence_level : float

    Returns
    -------
    dict of str to Estimate
        By what was done, in days; one that cannot be estimated is left out.
    """
    horizon = EXIT_MONTHS * DAYS_PER_MONTH
    found = {"landmark at 72 hours (this page)": main.restricted_mean_difference}
    rows, names = _clone_rows(opened, covariates)
    cloned = clone_censor_weight(
        rows,
        strategies=[
            Strategy(MANY, "count", within=LANDMARK_DAYS, minimum=FROM),
            Strategy(FEW, "count", within=LANDMARK_DAYS, maximum=UP_TO),
        ],
        reference=FEW,
        covariates=names,
        horizon=horizon,
        confidence_level=confidence_level,
    )
    found["clones, 72 hours of grace"] = cloned.restricted_mean_differences[MANY]
    delivered = opened.assign(**{HANDLED: classify(opened["handoffs"])})
    groups = {
        "from the opening, handoffs as delivered": (delivered, FEW),
        "the same, three or more against none": (
            delivered.assign(**{HANDLED: delivered[HANDLED].mask(opened["handoffs"] == 0, "none")}),
            "none",
        ),
    }
    for name, (frame, reference) in groups.items():
        mine = take_pair(frame, reference)
        found[name] = contrast_adjusted(
            mine,
            group=HANDLED,
            exposed=MANY,
            reference=reference,
            covariates=baseline_names(mine, group=HANDLED, further=FURTHER),
            horizon_months=EXIT_MONTHS,
            confidence_level=confidence_level,
        ).restricted_mean_difference
    return found


def naive_handoffs(data: StudyData, *, confidence_level: float = 0.95) -> Estimate:
    """Ever three handoffs in one contact against never, from the start of the contract, in days.

    Whoever stays longer has more contacts, and so more chances of a bad one: immortal time.
    """
    need(data, "contacts")
    contacts = data.tables["contacts"]
    many = contacts.loc[contacts["handoffs"].fillna(0) >= FROM, "customer_id"]
    new = data.lives[data.lives["entry_days"] == 0]
    is_many = new["customer_id"].isin(many)
    frame = pd.DataFrame({"start": 0.0, "stop": new["stop_days"], "event": new["event"]})
    return contrast_unadjusted(
        frame[is_many],
        frame[~is_many],
        horizon_months=EXIT_MONTHS,
        confidence_level=confidence_level,
    )


def compare_repeats(
    rows: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    days: float,
    confidence_level: float,
) -> tuple[dict[str, Estimate], Estimate]:
    """Mean number of contacts so many days on, weighted, per group and exposed minus reference.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`repeat_rows`; an exit ends the contacts and is no missing value.
    group, exposed, reference : str
        Column of the groups and its two values.
    days : float
    confidence_level : float

    Raises
    ------
    EstimationError
        If nobody of a group is followed so long.
    """
    curves = {
        name: mean_cumulative_function(
            part["start"],
            part["stop"],
            part["event"],
            customer=part["customer_id"],
            terminal=part["is_exit"],
            weights=part["weight"],
            confidence_level=confidence_level,
        )
        for name in (exposed, reference)
        for part in (rows[rows[group] == name],)
    }
    means = {name: curve.mean_at(days) for name, curve in curves.items()}
    return means, mean_cumulative_difference(curves[exposed], curves[reference], time=days)


def repeat_rows(
    pair: pd.DataFrame,
    contacts: pd.DataFrame,
    *,
    group: str = HANDLED,
    days: float = REQUEST_DAYS,
) -> pd.DataFrame:
    """(start, stop] rows up to so many days, each ending in a contact, the exit or the end."""
    end = pair["stop"].clip(upper=days)
    last = pd.DataFrame(
        {
            "customer_id": pair["customer_id"],
            "stop": end,
            "event": False,
            "is_exit": pair["event"] & (pair["stop"] <= days),
        }
    )
    asked = contacts[["customer_id", "opened_at"]].merge(
        pair[["customer_id", "index_at"]].assign(end=end), on="customer_id"
    )
    since = (asked["opened_at"] - asked["index_at"]) / DAY
    inside = (since > 0) & (since < asked["end"])
    repeats = pd.DataFrame(
        {
            "customer_id": asked["customer_id"],
            "stop": since,
            "event": True,
            "is_exit": False,
        }
    )[inside].drop_duplicates(["customer_id", "stop"])
    rows = pd.concat([repeats, last], ignore_index=True).sort_values(["customer_id", "stop"])
    start = rows.groupby("customer_id")["stop"].shift(fill_value=0.0)
    known: Mapping[str, pd.Series] = {
        name: rows["customer_id"].map(pair.set_index("customer_id")[name])
        for name in (group, "weight")
    }
    return rows.assign(start=start, **known).reset_index(drop=True)


def _clone_rows(opened: pd.DataFrame, covariates: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Rows from the opening, and the covariates as numbers.

    ``count`` is 0 until the handoffs are known, then their number.
    """
    groups = classify(opened["handoffs_then"]) == MANY
    merged = {name: merge_rare(opened[name], groups) for name in ("topic", "channel")}
    numbers = expand_covariates(opened.assign(**merged), list(covariates))
    mine = opened[["customer_id", "start", "stop", "exit_cause", "handoffs_then"]].join(numbers)
    is_known = opened["known_day"].notna() & (opened["known_day"] < opened["stop"])
    cut = opened["known_day"].where(is_known, opened["stop"])
    cause = opened["exit_cause"].fillna("")
    before = mine.assign(stop=cut, count=0.0, exit_cause=cause.mask(is_known, ""))
    after = mine.assign(start=cut, count=opened["handoffs_then"], exit_cause=cause)[is_known]
    rows = pd.concat([before, after], ignore_index=True)
    return rows.sort_values(["customer_id", "start"], ignore_index=True), list(numbers.columns)
