"""The trial behind a roll-out, and what its data hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.analyses.integrated_team import RolloutCells
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData
from loyaltylab.designs import Protocol, ProtocolElement


def rollout_protocol(*, horizon_months: int) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    return Protocol(
        question="Does an integrated team at a site keep its customers?",
        estimand_kind="total",
        eligibility=ProtocolElement(
            "Customers in their first life at a site when its team starts",
            "The same; sites with waiting sites beside them over the whole horizon",
            "The last sites to start have nobody to be compared with and are left out",
        ),
        strategies=ProtocolElement(
            f"A team from then on, or none for {horizon_months} months",
            "The team as it came; no team yet",
            "What else came to a site in the same months is part of it",
        ),
        assignment=ProtocolElement(
            "The order of the sites by lot",
            "The order as it was, taken not to follow what was about to happen",
            "A site may have been chosen because its exits were rising or falling",
        ),
        time_zero=ProtocolElement(
            "The day the team starts",
            "The beginning of the calendar month of that day",
            "Month 0 lies partly before the start and dilutes the effect",
        ),
        follow_up_end=ProtocolElement(
            f"Exit, or {horizon_months} months",
            f"Exit, {horizon_months} months, or the end of the study window",
            "none",
        ),
        outcome=ProtocolElement("The end of service for any cause", "The same", "none"),
        causal_contrast=ProtocolElement(
            "Months retained, all customers of a site with a team against without",
            "The same, without a team as told by the sites that wait",
            "none",
        ),
        identifying_assumptions=ProtocolElement(
            "None beyond the lot, and that sites do not affect each other",
            "Without the team, exits per customer-month would have moved in parallel within bands "
            "of tenure; sites do not affect each other; nothing happens ahead of the start",
            "Held against the months before, and bounded below",
        ),
        analysis_plan=ProtocolElement(
            "Difference of restricted means, by site",
            "Group-time effects against sites not yet started; errors by leaving out one site",
            "Few sites: Student's t, and start dates dealt at random",
        ),
    )


def numbers_at_risk(
    data: StudyData, cells: RolloutCells, *, months: list[int], group_months: pd.DatetimeIndex
) -> pd.DataFrame:
    """Customers of the closed cohort at risk, and customers at sites still waiting.

    Only of sites that start in ``group_months``: those the effect is estimated for.

    Returns
    -------
    pandas.DataFrame
        By ``month`` from the start: ``with_team``, customers there at their site's start who are
        still observed; ``waiting``, customers at sites without a team in that month, averaged
        over the starts by their customers.
    """
    starts = cells.start_at.dropna()
    starts = starts[starts.dt.strftime("%Y-%m").isin(group_months.strftime("%Y-%m"))]
    start = data.lives["site"].map(starts)
    is_there = (data.lives["entry_at"] <= start) & (start < data.lives["stop_at"])
    lives = data.lives[is_there]
    days = ((lives["stop_at"] - start[is_there]) / pd.Timedelta(days=1)).to_numpy()
    size = lives["site"].value_counts().reindex(starts.index, fill_value=0).to_numpy()
    waits = data.lives["site"].map(cells.start_at).fillna(pd.Timestamp.max.tz_localize("UTC"))
    lines = []
    for month in months:
        shift = pd.Timedelta(days=month * DAYS_PER_MONTH)
        waiting = [
            int(
                (
                    (data.lives["entry_at"] <= moment + shift)
                    & (data.lives["stop_at"] > moment + shift)
                    & (waits > moment + shift)
                ).sum()
            )
            for moment in starts
        ]
        still = int((days > month * DAYS_PER_MONTH).sum())
        lines.append((month, still, round(float(np.average(waiting, weights=size)))))
    return pd.DataFrame(lines, columns=["month", "with_team", "waiting"]).set_index("month")


def count_by_quarter(cells: RolloutCells) -> pd.DataFrame:
    """Sites and customer-months with and without a team, by calendar quarter of the cells.

    Returns
    -------
    pandas.DataFrame
        ``quarter``, ``status``, ``sites``, ``customers`` (on average over the quarter's days),
        ``customer_months``, ``exits``. A month belongs to the status at its end.
    """
    frame = cells.cells
    has_team = frame["month_stop"] > frame["unit"].map(cells.start_at)
    named = frame.assign(
        quarter=frame["month_start"].dt.tz_localize(None).dt.to_period("Q").astype(str),
        status=np.where(has_team, "with a team", "waiting"),
    )
    grouped = named.groupby(["quarter", "status"])
    days = (
        named.drop_duplicates(["quarter", "month_start"])
        .groupby("quarter")
        .apply(
            lambda part: (part["month_stop"] - part["month_start"]).sum() / pd.Timedelta(days=1),
            include_groups=False,
        )
    )
    table = grouped.agg(
        sites=("unit", "nunique"), person_days=("person_days", "sum"), exits=("n_events", "sum")
    ).reset_index()
    table["customers"] = (table["person_days"] / table["quarter"].map(days)).round().astype(int)
    table["customer_months"] = (table["person_days"] / DAYS_PER_MONTH).round().astype(int)
    return table[["quarter", "status", "sites", "customers", "customer_months", "exits"]]
