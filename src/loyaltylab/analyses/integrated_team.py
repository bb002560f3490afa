"""H03: does an integrated team at a site keep its customers?"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from loyaltylab.analyses.adjusted import CONTROL_CAUSES
from loyaltylab.analyses.study_data import StudyData, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import (
    RandomisationTest,
    RestrictedMeanEffect,
    StaggeredEffects,
    TwoWayFixedEffects,
    estimate_restricted_mean_effect,
    estimate_staggered_effects,
    estimate_two_way_fixed_effects,
    exposure_cells,
    judge_negative_control,
    permute_start_dates,
)
from loyaltylab.designs.unit_jackknife import jackknife_errors
from loyaltylab.errors import EstimationError, NotEstimableError
from loyaltylab.findings import Check
from loyaltylab.survival import Estimate
from loyaltylab.tables.schemas import VOLUNTARY_CAUSES

# The first term, in which nobody can leave at will, and the renewals that follow it.
TENURE_CUTS_DAYS = (365.0, 730.0)
BASE_MONTHS = 6
# Bias that would not matter: half of the smallest effect declared of H03.
LARGEST_BIAS_MONTHS = 0.25
PRE_TREND_ALPHA = 0.05
FEWEST_LEADS = 3


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
    data: StudyData, *, horizon_months: int, n_draws: int, seed: int, confidence_level: float
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

    Returns
    -------
    RolloutAnalysis

    Raises
    ------
    NotEstimableError
        As :func:`rollout_cells`, or where sites or customers are too few for the main estimate.
    """
    cells = rollout_cells(data)
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
        only = rollout_cells(data, causes=CONTROL_CAUSES)
        control = rollout_effect(only, horizon_months=horizon_months, **level).effect
    with suppress(EstimationError):
        naive = estimate_two_way_fixed_effects(cells.cells, cells.start_at, **level)
    without = leave_out_sites(cells, horizon_months=horizon_months, **level)
    return RolloutAnalysis(
        retained=retained,
        monthly=monthly,
        by_cause=_effects_by_cause(data, horizon_months=horizon_months, seed=seed, **level),
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
        falsifications=(check_rollout_control(control),),
        diagnostics=(
            check_leads(monthly, horizon_months=horizon_months),
            check_single_sites(retained.effect, without),
        ),
    )


def check_rollout_control(control: Estimate | None) -> Check:
    """Whether months lost to life events are shown to be the same, up to bias that is small.

    "not run" where the interval holds no effect and also bias that would matter.
    """
    name = "negative control: exits by life event"
    if control is None:
        return Check(name, "not run", "Too few such exits.")
    judged = judge_negative_control(control, margin=LARGEST_BIAS_MONTHS)
    if judged.status == "open":
        return Check(name, "not run", f"Too few such exits to tell. {judged.statement}")
    return Check(name, judged.status, judged.statement)


def check_leads(monthly: StaggeredEffects, *, horizon_months: int) -> Check:
    """Whether sites that start moved like those that wait, before the start.

    The slope of the effects over the months before the start that rest on at least half of the
    sites; the bias it would make, were it to go on, must lie within ``LARGEST_BIAS_MONTHS`` by
    two one-sided tests.
    """
    name = "trend before the start"
    table = monthly.by_event_time
    is_lead = ((table.index < 0) & table["band_lower"].notna()).to_numpy()
    if is_lead.sum() < FEWEST_LEADS:
        return Check(name, "not run", f"Fewer than {FEWEST_LEADS} months before the start.")
    weight = table["n_treated"].to_numpy(dtype=np.float64)[is_lead]
    years = table.index.to_numpy(dtype=np.float64)[is_lead] / 12
    centred = years - np.average(years, weights=weight)
    loading = weight * centred / (weight * centred**2).sum()
    worth = _bias_per_slope(horizon_months)
    bias = -worth * float(loading @ table["effect"].to_numpy()[is_lead])
    error = worth * float(jackknife_errors(monthly.influence[:, is_lead] @ loading[:, None])[0])
    if not (math.isfinite(error) and error > 0):
        return Check(name, "not run", "The slope has no error.")
    freedom = len(monthly.units) - 1
    p_value = float(stats.t.sf((LARGEST_BIAS_MONTHS - abs(bias)) / error, freedom))
    half = float(stats.t.isf(PRE_TREND_ALPHA, freedom)) * error
    return Check(
        name,
        "passed" if p_value <= PRE_TREND_ALPHA else "failed",
        f"The slope over {int(is_lead.sum())} months before, were it to go on, would bias the "
        f"effect by {bias:.2f} months ({bias - half:.2f} to {bias + half:.2f}); rule: within "
        f"{LARGEST_BIAS_MONTHS:g} by two one-sided tests (p = {p_value:.2g}).",
    )


def _bias_per_slope(horizon_months: int) -> float:
    """Months retained less within the horizon, if exits per 100 drift by 1 in 12 months.

    The level before is that of the middle of the base months; the drift goes on from there.
    """
    hazard_months = horizon_months**3 / 6 + BASE_MONTHS / 2 * horizon_months**2 / 2
    return hazard_months / 12 / 100


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


def check_single_sites(effect: Estimate, without_site: pd.DataFrame) -> Check:
    """Whether the estimate stays in its interval whichever site is left out."""
    name = "no single site decides"
    found = without_site["effect"]
    if found.isna().any():
        n_lost = int(found.isna().sum())
        return Check(name, "failed", f"Without {n_lost} of the sites there is no estimate.")
    is_inside = effect.ci_lower <= found.min() and found.max() <= effect.ci_upper
    return Check(
        name,
        "passed" if is_inside else "failed",
        f"With one site left out the effect is {found.min():.2f} to {found.max():.2f} months; "
        f"rule: within its interval, {effect.ci_lower:.2f} to {effect.ci_upper:.2f}.",
    )


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
    data: StudyData, *, horizon_months: int, seed: int, confidence_level: float
) -> dict[str, Estimate]:
    """The overall effect on exits of each cause that occurs; voluntary ones first."""
    lives = data.lives
    known = sorted(set(lives.loc[lives["event"], "exit_cause"]) - {""})
    first = [cause for cause in known if cause in VOLUNTARY_CAUSES]
    found = {}
    for cause in (*first, *(cause for cause in known if cause not in VOLUNTARY_CAUSES)):
        with suppress(EstimationError):
            found[cause] = _monthly_effects(
                rollout_cells(data, causes=(cause,)),
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
