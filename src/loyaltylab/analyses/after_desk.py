"""H01, what follows a request to cancel: saved, left, won back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd

from loyaltylab.analyses.retention_desk import REACTIVE, STRAIGHT_THROUGH, desk_cohort
from loyaltylab.analyses.saved_customers import accepted_saves
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, Cohort, StudyData, keep_groups, need
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival import (
    Estimate,
    StateOccupation,
    kaplan_meier,
    retention_difference,
    state_occupation,
)

STATES = ("requested", "saved", "left", "won back")
WIN_BACK_MONTHS = 12


@dataclass(frozen=True, eq=False)
class WonBack:
    """Returns of those who left.

    Attributes
    ----------
    shares : dict of str to Estimate
        Share of leavers with a new contract within the months asked, by group.
    difference : Estimate
        Exposed minus reference, of leavers: who leaves depends on the group.
    """

    shares: dict[str, Estimate]
    difference: Estimate


def desk_arms(data: StudyData) -> Cohort:
    """First requests met by the reactive desk or let straight through.

    Raises
    ------
    NotEstimableError
        If one of the two has no customer.
    """
    cohort = desk_cohort(data)
    arms = (REACTIVE, STRAIGHT_THROUGH)
    frame = keep_groups(cohort.frame, group="desk", names=arms)
    absent = [name for name in arms if not (frame["desk"] == name).any()]
    if absent:
        raise NotEstimableError(
            "Not estimable: needs first requests at sites without a team, both let straight "
            f"through (desk 'none') and met (desk 'reactive'); there is no {', '.join(absent)}."
        )
    return Cohort(frame, cohort.audit)


def accepted_share(data: StudyData, frame: pd.DataFrame) -> float:
    """Share of those the desk met who took a save offer after their request.

    What a desk reports as saved; it says nothing of who would have stayed anyway.
    """
    met = frame[frame["desk"] == REACTIVE]
    return float(_save_days(data, met).notna().mean())


def returns_after_exit(
    data: StudyData,
    frame: pd.DataFrame,
    *,
    within_months: float = WIN_BACK_MONTHS,
    confidence_level: float,
) -> WonBack:
    """New contracts of those who left, counted from the end of service.

    Parameters
    ----------
    data : StudyData
    frame : pandas.DataFrame
        As from :func:`desk_arms`.
    within_months : float
    confidence_level : float

    Returns
    -------
    WonBack
    """
    days = within_months * DAYS_PER_MONTH
    away = _away(data, frame)
    curves = {
        name: kaplan_meier(
            [0.0] * len(part),
            part["stop"],
            part["event"],
            cluster=part["customer_id"],
            confidence_level=confidence_level,
        )
        for name, part in away.groupby("desk")
    }
    return WonBack(
        shares={name: _complement(curve.retention_at(days)) for name, curve in curves.items()},
        difference=retention_difference(curves[STRAIGHT_THROUGH], curves[REACTIVE], time=days),
    )


def occupy_states(
    data: StudyData, frame: pd.DataFrame, *, confidence_level: float
) -> Mapping[str, StateOccupation]:
    """Shares of customers requested, saved, left and won back since the request, by desk.

    "Requested" are those still there without a save, be it that they await their end of service
    or took the request back; "won back" is where we stop looking.
    """
    rows = state_rows(data, frame)
    return {
        name: state_occupation(
            part["start"],
            part["stop"],
            part["from_state"],
            part["to_state"],
            customer=part["customer_id"],
            states=STATES,
            confidence_level=confidence_level,
        )
        for name, part in rows.groupby("desk")
    }


def state_rows(data: StudyData, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows (start, stop] of each customer's states, in days since the request."""
    need(data, "offers")
    saved = _save_days(data, frame)
    away = _away(data, frame).set_index("customer_id")
    lines = []
    for line, save in zip(frame.itertuples(index=False), saved, strict=True):
        cuts, states = [0.0], ["requested"]
        if pd.notna(save) and 0 < save < line.stop:
            cuts, states = [0.0, float(save)], ["requested", "saved"]
        if line.event and line.customer_id in away.index:
            back = away.loc[line.customer_id]
            cuts, states = [*cuts, line.stop], [*states, "left"]
            cuts = [*cuts, line.stop + back["stop"]]
            states = [*states, "won back"] if back["event"] else [*states, ""]
        else:
            cuts = [*cuts, line.stop]
            states = [*states, "left" if line.event else ""]
        for (start, stop), (here, there) in zip(pairwise(cuts), pairwise(states), strict=True):
            lines.append((line.customer_id, line.desk, start, stop, here, there))
    columns = ["customer_id", "desk", "start", "stop", "from_state", "to_state"]
    return pd.DataFrame(lines, columns=columns)


def _complement(estimate: Estimate) -> Estimate:
    """One minus a share, with its limits turned over."""
    return replace(
        estimate,
        value=1 - estimate.value,
        ci_lower=1 - estimate.ci_upper,
        ci_upper=1 - estimate.ci_lower,
    )


def _save_days(data: StudyData, frame: pd.DataFrame) -> pd.Series:
    """Days from the request to the first save offer taken while still there; else missing."""
    need(data, "offers")
    saves = accepted_saves(data.tables["offers"])[["customer_id", "index_at"]]
    pairs = frame[["customer_id", "index_at", "stop"]].merge(
        saves.rename(columns={"index_at": "saved_at"}), on="customer_id"
    )
    pairs["days"] = (pairs["saved_at"] - pairs["index_at"]) / pd.Timedelta(days=1)
    inside = pairs[(pairs["days"] > 0) & (pairs["days"] < pairs["stop"])]
    return frame["customer_id"].map(inside.groupby("customer_id")["days"].min())


def _away(data: StudyData, frame: pd.DataFrame) -> pd.DataFrame:
    """Leavers followed from the end of service to a new contract or the end of the window."""
    gone = frame.loc[frame["event"], ["customer_id", "desk"]].merge(
        data.lives[["customer_id", "stop_at"]], on="customer_id"
    )
    later = gone.merge(data.tables["contracts"][["customer_id", "started_at"]], on="customer_id")
    later = later[later["started_at"] > later["stop_at"]]
    back = gone["customer_id"].map(later.groupby("customer_id")["started_at"].min())
    is_back = back.notna() & (back <= data.window_end_at)
    end = back.where(is_back, data.window_end_at)
    followed = gone.assign(stop=(end - gone["stop_at"]) / pd.Timedelta(days=1), event=is_back)
    return followed[followed["stop"] > 0].reset_index(drop=True)
