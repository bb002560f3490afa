"""H03, H14: does what came to one site after the other keep its customers?"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from loyaltylab.analyses.adjusted import CONTROL_CAUSES
from loyaltylab.analyses.rollout_checks import (
    check_leads,
    check_rollout_control,
    check_single_sites,
    largest_bias_months,
)
from loyaltylab.analyses.study_data import StudyData, need
from loyaltylab.analyses.teams import TEAM_POLICY, team_starts
from loyaltylab.designs import (
    RandomisationTest,
    RestrictedMeanEffect,
    StaggeredEffects,
    TwoWayFixedEffects,
    estimate_restricted_mean_effect,
    estimate_staggered_effects,
    estimate_two_way_fixed_effects,
    exposure_cells,
    permute_start_dates,
)
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.survival import Estimate
from loyaltylab.tables.schemas import VOLUNTARY_CAUSES

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
        First moment with a team, by site; missing where none came.
    """

    cells: pd.DataFrame
    cohort: pd.DataFrame
    start_at: pd.Series


@dataclass(frozen=True, eq=False)
class RolloutAnalysis:
    """The effect of a roll-out, month by month and in all, and what was held against it.

    Attributes
    ----------
    retained : RestrictedMeanEffect
        Months retained within the horizon: the main estimate.
    monthly : StaggeredEffects
        Exits per 100 customer-months, by month from the start.
    by_cause : dict of str to Estimate
        The overall effect on exits of one kind; kinds without an estimate are left out.
    naive : TwoWayFixedEffects or None
    control : Estimate or None
        Months retained by the same design if life events were the only exits.
    randomisation : RandomisationTest
        Of the overall effect on exits.
    without_site : pandas.DataFrame
        By ``site`` left out: ``effect``, months; NaN where it cannot be estimated.
    falsifications, diagnostics : tuple of Check
    """

    retained: RestrictedMeanEffect
    monthly: StaggeredEffects
    by_cause: dict[str, Estimate]
    naive: TwoWayFixedEffects | None
    control: Estimate | None
    randomisation: RandomisationTest
    without_site: pd.DataFrame
    falsifications: tuple[Check, ...]
    diagnostics: tuple[Check, ...]


def rollout_cells(
    data: StudyData, *, causes: tuple[str, ...] | None = None, policy: str = TEAM_POLICY
) -> RolloutCells:
    """Cut first lives by site and calendar month.

    Parameters
    ----------
    data : StudyData
    causes : tuple of str, optional
        Exits to count; every cause by default.
    policy : str
        What was rolled out, as the table of policies names it.

    Raises
    ------
    NotEstimableError
        If no site ever got it, or fewer than two sites can be told apart.
    """
    need(data, "policies")
    start_at = team_starts(data.tables, policy=policy)
    lives = data.lives[data.lives["site"].notna()]
    sites = lives["site"].unique()
    started = start_at[start_at.index.isin(sites)]
    if started.nunique() < 2:
        raise NotEstimableError(
            f"Not estimable: needs rows of policies with policy '{policy}' and the site, "
            "for sites that start at different times."
        )
    is_everywhere = set(sites) <= set(started.index)
    cuts = _month_cuts(data, until=started.max() if is_everywhere else data.window_end_at)
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
        start_at=started.reindex(sorted(sites)),
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


def analyse_rollout(
    data: StudyData,
    *,
    horizon_months: int,
    n_draws: int,
    seed: int,
    confidence_level: float,
    policy: str = TEAM_POLICY,
    hypothesis: str = "H03",
) -> RolloutAnalysis:
    """The main estimate with its event study, naive comparison, negative control and checks.

    Parameters
    ----------
    data : StudyData
    horizon_months : int
        Of the restricted mean, and of the overall effect on exits.
    n_draws, seed : int
        Of the randomisation test; the seed also draws the simultaneous bands.
    confidence_level : float
    policy : str
        What was rolled out, as the table of policies names it.
    hypothesis : str
        Whose smallest effect says how much bias matters.

    Returns
    -------
    RolloutAnalysis

    Raises
    ------
    NotEstimableError
        As :func:`rollout_cells`, or where sites or customers are too few for the main estimate.
    """
    cells = rollout_cells(data, policy=policy)
    largest = largest_bias_months(hypothesis)
    level = {"confidence_level": confidence_level}
    try:
        retained = rollout_effect(cells, horizon_months=horizon_months, **level)
        monthly = _monthly_effects(cells, horizon_months=horizon_months, seed=seed, **level)
    except EstimationError as problem:
        raise NotEstimableError(
            f"Not estimable: needs more sites, or more customers in each. {problem.summary}"
        ) from problem
    control, naive = None, None
    with suppress(EstimationError):
        only = rollout_cells(data, causes=CONTROL_CAUSES, policy=policy)
        control = rollout_effect(only, horizon_months=horizon_months, **level).effect
    with suppress(EstimationError):
        naive = estimate_two_way_fixed_effects(cells.cells, cells.start_at, **level)
    without = leave_out_sites(cells, horizon_months=horizon_months, **level)
    return RolloutAnalysis(
        retained=retained,
        monthly=monthly,
        by_cause=_effects_by_cause(
            data, policy=policy, horizon_months=horizon_months, seed=seed, **level
        ),
        naive=naive,
        control=control,
        randomisation=permute_start_dates(
            cells.cells,
            cells.start_at,
            n_draws=n_draws,
            seed=seed,
            base_months=BASE_MONTHS,
            horizon_months=horizon_months,
        ),
        without_site=without,
        falsifications=(check_rollout_control(control, largest_bias=largest),),
        diagnostics=(
            check_leads(
                monthly,
                horizon_months=horizon_months,
                base_months=BASE_MONTHS,
                largest_bias=largest,
            ),
            check_single_sites(retained.effect, without),
        ),
    )


def leave_out_sites(
    cells: RolloutCells, *, horizon_months: int, confidence_level: float
) -> pd.DataFrame:
    """The main estimate without each site in turn: ``site``, ``effect`` in months."""
    lines = []
    for site in sorted(cells.cells["unit"].unique()):
        fewer = RolloutCells(
            cells=cells.cells[cells.cells["unit"] != site].reset_index(drop=True),
            cohort=cells.cohort[cells.cohort["unit"] != site].reset_index(drop=True),
            start_at=cells.start_at.drop(site, errors="ignore"),
        )
        effect = math.nan
        with suppress(EstimationError):
            effect = rollout_effect(
                fewer, horizon_months=horizon_months, confidence_level=confidence_level
            ).effect.value
        lines.append((site, effect))
    return pd.DataFrame(lines, columns=["site", "effect"])


def _monthly_effects(
    cells: RolloutCells, *, horizon_months: int, seed: int, confidence_level: float
) -> StaggeredEffects:
    return estimate_staggered_effects(
        cells.cells,
        cells.start_at,
        base_months=BASE_MONTHS,
        horizon_months=horizon_months,
        confidence_level=confidence_level,
        seed=seed,
    )


def _effects_by_cause(
    data: StudyData, *, policy: str, horizon_months: int, seed: int, confidence_level: float
) -> dict[str, Estimate]:
    """The overall effect on exits of each cause that occurs; voluntary ones first."""
    lives = data.lives
    known = sorted(set(lives.loc[lives["event"], "exit_cause"]) - {""})
    first = [cause for cause in known if cause in VOLUNTARY_CAUSES]
    found = {}
    for cause in (*first, *(cause for cause in known if cause not in VOLUNTARY_CAUSES)):
        with suppress(EstimationError):
            found[cause] = _monthly_effects(
                rollout_cells(data, causes=(cause,), policy=policy),
                horizon_months=horizon_months,
                seed=seed,
                confidence_level=confidence_level,
            ).overall
    return found


def _month_cuts(data: StudyData, *, until: pd.Timestamp) -> pd.DatetimeIndex:
    """Whole calendar months of the window, up to the one that holds a moment.

    Once every site has started none is left to compare with, and later months say nothing.
    """
    months = pd.date_range(
        data.window_start_at.normalize(), data.window_end_at, freq="MS", unit="us"
    )
    return months[: months.searchsorted(until, side="right") + 1]
