"""H03: does an integrated team at a site keep its customers?"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from loyaltylab.analyses.study_data import StudyData, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import (
    RestrictedMeanEffect,
    estimate_restricted_mean_effect,
    exposure_cells,
)
from loyaltylab.errors import NotEstimableError

# The first term, in which nobody can leave at will, and the renewals that follow it.
TENURE_CUTS_DAYS = (365.0, 730.0)
BASE_MONTHS = 6


@dataclass(frozen=True, eq=False)
class RolloutCells:
    """Exits and time at risk by site, calendar month and tenure, around a roll-out.

    Attributes
    ----------
    cells, cohort : pandas.DataFrame
        As from :func:`loyaltylab.designs.exposure_cells`: of everybody, and of those who were
        customers when the first month with a team began.
    start_at : pandas.Series of UTC times
        First moment with a team, by site.
    """

    cells: pd.DataFrame
    cohort: pd.DataFrame
    start_at: pd.Series


def rollout_cells(data: StudyData, *, causes: tuple[str, ...] | None = None) -> RolloutCells:
    """Cut first lives by site and calendar month.

    Parameters
    ----------
    data : StudyData
    causes : tuple of str, optional
        Exits to count; every cause by default.

    Raises
    ------
    NotEstimableError
        If no site ever got a team, or fewer than two sites can be told apart.
    """
    need(data, "policies")
    start_at = team_starts(data.tables)
    lives = data.lives[data.lives["site"].notna()]
    sites = lives["site"].unique()
    started = start_at[start_at.index.isin(sites)]
    if started.nunique() < 2:
        raise NotEstimableError(
            "Not estimable: needs rows of policies with policy 'integrated_team' and the site, "
            "for sites that start at different times."
        )
    cuts = _month_cuts(data, until=started.max())
    first_month = cuts[cuts.searchsorted(pd.DatetimeIndex(started), side="right") - 1]
    cohort_at = pd.Series(first_month, index=started.index)
    common = {
        "unit": "site",
        "month_cuts": cuts,
        "causes": causes,
        "tenure_cuts_days": TENURE_CUTS_DAYS,
    }
    return RolloutCells(
        cells=exposure_cells(lives, **common),
        cohort=exposure_cells(lives, **common, at_risk_at=cohort_at),
        start_at=started,
    )


def rollout_effect(
    cells: RolloutCells, *, horizon_months: int, confidence_level: float
) -> RestrictedMeanEffect:
    """Months retained within the horizon by those there when the team came, against no team."""
    return estimate_restricted_mean_effect(
        cells.cells,
        cells.cohort,
        cells.start_at,
        horizon_months=horizon_months,
        base_months=BASE_MONTHS,
        confidence_level=confidence_level,
    )


def _month_cuts(data: StudyData, *, until: pd.Timestamp) -> pd.DatetimeIndex:
    """Whole calendar months of the window, up to the one in which the last site starts.

    After it no site is left to compare with.
    """
    months = pd.date_range(
        data.window_start_at.normalize(), data.window_end_at, freq="MS", unit="us"
    )
    return months[: months.searchsorted(until, side="right") + 1]
