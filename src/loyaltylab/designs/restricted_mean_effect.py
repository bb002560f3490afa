"""Months that customers stayed because of what started at their unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.group_time_means import GroupTimeMeans, StaggeredDesign, compare_groups
from loyaltylab.designs.staggered import find_post_cells
from loyaltylab.designs.unit_jackknife import (
    as_estimate,
    describe_values,
    jackknife_influence,
    leave_one_out_weights,
)
from loyaltylab.designs.unit_panel import UnitPanel, build_unit_panel
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import BoolArray, FloatArray

METHOD = "restricted mean of customers at risk at the start, against the additive counterfactual"


@dataclass(frozen=True, eq=False)
class RestrictedMeanEffect:
    """Mean months retained within a horizon, as observed and as they would have been.

    Attributes
    ----------
    effect : Estimate
        Observed less counterfactual, in months of 30.4375 days.
    observed, counterfactual : float
        Months retained, averaged over groups by customers at risk at the start.
    by_group : pandas.DataFrame
        By ``group_month``: ``n_units``, ``customers`` (per month, at the start), ``observed``,
        ``counterfactual``, ``effect``.
    horizon_months : int
        Whole months of the cells, from the first treated one.
    curves : pandas.DataFrame
        By ``month`` completed: retention ``observed``, ``counterfactual`` and their difference
        ``effect``, as shares, each with ``_lower`` and ``_upper`` limits.
    """

    effect: Estimate
    observed: float
    counterfactual: float
    by_group: pd.DataFrame
    horizon_months: int
    curves: pd.DataFrame


def estimate_restricted_mean_effect(
    cells: pd.DataFrame,
    cohort_cells: pd.DataFrame,
    start_at: pd.Series,
    *,
    horizon_months: int,
    comparison: str = "not_yet_treated",
    anticipation_months: int = 0,
    base_months: int = 1,
    confidence_level: float = 0.95,
) -> RestrictedMeanEffect:
    """Months retained within the first months after the start, against no start.

    The hazard of customers at risk at their unit's start is observed; without the start it
    would have been lower by the group-time effects, month by month. Both give a retention
    curve; the effect is the area between them.

    Parameters
    ----------
    cells : pandas.DataFrame
        All customers, as from :func:`exposure_cells`, cut by tenure if hazards depend on it.
    cohort_cells : pandas.DataFrame
        The same cells of customers at risk when the first treated month begins: the argument
        ``at_risk_at`` of :func:`exposure_cells`.
    start_at : pandas.Series of UTC times, indexed by unit
    horizon_months : int
        Only groups with comparison units over all of them count.
    comparison, anticipation_months, base_months, confidence_level
        As in :func:`estimate_staggered_effects`. With 12 base months the level before is well
        known, and has no season.

    Returns
    -------
    RestrictedMeanEffect

    Raises
    ------
    EstimationError
        If nothing is left to compare with over the horizon, the cohort has no customers at risk
        in some month or has some before the start, or the effect has no error.

    Source
    ------
    Group-time effects as in Callaway and Sant'Anna (2021); an additive effect on a hazard
    multiplies retention by exp(-cumulative effect): Aalen (1989), Statistics in Medicine 8.
    """
    design = StaggeredDesign("additive", comparison, anticipation_months, base_months)
    panel = build_unit_panel(cells, start_at)
    cohort = build_unit_panel(cohort_cells, start_at, allows_empty=True)
    _check_cohort(panel, cohort)
    weights = leave_one_out_weights(len(panel.units))
    means = compare_groups(panel, design, weights, mix=cohort.exposure)
    used = find_post_cells(means, panel, horizon_months)
    months, retention, size, lowest = _retained_months(panel, cohort, means, used, weights)
    total = size.sum(axis=1)
    mean = np.full((len(total), 2), np.nan)
    np.divide(
        np.where(size > 0, months * size, 0.0).sum(axis=2).T,
        total[:, None],
        out=mean,
        where=total[:, None] > 0,
    )
    kept = means.groups[used.any(axis=1)]
    caveats = list(panel.caveats)
    if len(kept) < len(panel.groups):
        n_left = len(panel.groups) - len(kept)
        caveats.append(f"{n_left} groups lack months before or comparison units; left out.")
    if lowest < 0:
        caveats.append(f"A counterfactual hazard is negative ({lowest:.4f} per month): chance.")
    effect = as_estimate(
        mean[:, 0] - mean[:, 1],
        confidence_level=confidence_level,
        n_events=int(cohort.exits[np.isin(cohort.first, kept)].sum()),
        unit="months",
        method=METHOD,
        caveats=tuple(caveats),
    )
    by_group = pd.DataFrame(
        {
            "n_units": means.n_treated[used.any(axis=1)],
            "customers": size[0],
            "observed": months[0, 0],
            "counterfactual": months[1, 0],
            "effect": months[0, 0] - months[1, 0],
        },
        index=pd.DatetimeIndex(panel.months[kept], name="group_month"),
    )
    return RestrictedMeanEffect(
        effect,
        float(mean[0, 0]),
        float(mean[0, 1]),
        by_group,
        horizon_months,
        _average_curves(retention, size, confidence_level),
    )


def _average_curves(
    retention: FloatArray, size: FloatArray, confidence_level: float
) -> pd.DataFrame:
    """Curves of shape (2, b, g, t), observed and without, averaged over groups by customers."""
    total = size.sum(axis=1)
    weighted = np.where(size[:, :, None] > 0, retention * size[:, :, None], 0.0).sum(axis=2)
    mean = np.full(weighted.shape, np.nan)
    np.divide(weighted, total[:, None], out=mean, where=total[:, None] > 0)
    values = {"observed": mean[0], "counterfactual": mean[1], "effect": mean[0] - mean[1]}
    columns = {}
    for name, value in values.items():
        found = describe_values(value[0], jackknife_influence(value), confidence_level)
        columns[name] = found["effect"]
        columns[f"{name}_lower"] = found["ci_lower"]
        columns[f"{name}_upper"] = found["ci_upper"]
    months = pd.RangeIndex(1, retention.shape[3] + 1, name="month")
    return pd.DataFrame(columns).set_axis(months)


def _check_cohort(panel: UnitPanel, cohort: UnitPanel) -> None:
    if cohort.units != panel.units or cohort.exposure.shape != panel.exposure.shape:
        raise EstimationError(
            "The cells of the cohort are not those of all customers; rule: the same units, "
            "months and bands of tenure; fix: make both with one set of cuts"
        )
    months = np.arange(len(panel.months))
    early = (cohort.exposure.sum(axis=2) > 0) & (months < cohort.first[:, None])
    more = cohort.exposure > panel.exposure * (1 + 1e-9) + 1e-9
    problems = []
    if early.any():
        problems.append(
            f"{int(early.any(axis=1).sum())} units have time at risk before their first treated "
            "month; fix: pass the beginning of that month as at_risk_at"
        )
    if more.any():
        problems.append(f"{int(more.sum())} cells have more time at risk than all customers have")
    if problems:
        raise EstimationError("The cohort is not closed at the start:", problems)


def _retained_months(
    panel: UnitPanel,
    cohort: UnitPanel,
    means: GroupTimeMeans,
    used: BoolArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Months retained as observed and without, (2, b, g), the curves (2, b, g, t), customers
    (b, g), and the lowest hazard."""
    exits, exposure = cohort.exits.sum(axis=2), cohort.exposure.sum(axis=2)
    months, curves, sizes, empty, lowest = [], [], [], [], np.inf
    for i in np.flatnonzero(used.any(axis=1)):
        mine = weights * (panel.first == means.groups[i])
        at = np.flatnonzero(used[i])
        time = mine @ exposure[:, at]
        hazard = np.divide(
            mine @ exits[:, at], time, out=np.full_like(time, np.nan), where=time > 0
        )
        if not (time[0] > 0).all():
            empty.append(f"starts {panel.months[means.groups[i]]:%Y-%m}: nobody is left at risk")
        without = hazard - (means.observed[:, i, at] - means.counterfactual[:, i, at])
        lowest = min(lowest, float(without[0].min()))
        length = panel.lengths[at]
        months.append([_area(hazard, length), _area(without, length)])
        curves.append([np.exp(-np.cumsum(rate * length, axis=1)) for rate in (hazard, without)])
        size = time[:, 0] / length[0]
        # Without the only unit to compare with, a group has no effect and no weight.
        sizes.append(np.where(np.isfinite(without).all(axis=1), size, 0.0))
    if empty:
        raise EstimationError(
            "The cohort does not last as long as the horizon:", [*empty, "fix: a shorter horizon"]
        )
    return (
        np.array(months).transpose(1, 2, 0),
        np.array(curves).transpose(1, 2, 0, 3),
        np.array(sizes).T,
        lowest,
    )


def _area(hazard: FloatArray, length: FloatArray) -> FloatArray:
    """Area under exp(-cumulative hazard) of hazards constant within months, shape (b,)."""
    step = hazard * length
    begun = np.exp(step - np.cumsum(step, axis=1))
    is_flat = np.abs(step) < 1e-8
    within = np.divide(-np.expm1(-step), step, out=1 - step / 2, where=~is_flat)
    return np.asarray((begun * within * length).sum(axis=1))
