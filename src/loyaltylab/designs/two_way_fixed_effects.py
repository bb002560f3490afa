"""The naive regression on unit and month, kept to show what it gets wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from loyaltylab.designs.group_time_means import StaggeredDesign, compare_groups
from loyaltylab.designs.staggered import average_overall, find_post_cells
from loyaltylab.designs.unit_jackknife import as_estimate, leave_one_out_weights, t_quantile
from loyaltylab.designs.unit_panel import UnitPanel, build_unit_panel
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.unit_caveats import describe_few_units


@dataclass(frozen=True)
class TwoWayFixedEffects:
    """One coefficient, and the weights with which it adds up the effects of treated cells.

    Attributes
    ----------
    effect : Estimate
        Exits per 100 customer-months.
    n_treated_cells, n_negative_weights : int
        Cells of unit and month, and those whose effect counts with the wrong sign.
    negative_weight_sum : float
        Sum of the negative weights; all weights sum to 1.
    late_against_early : Estimate or None
        Group-time effects of the later half of each group's treated months less those of the
        earlier half; None where they cannot be estimated. Away from 0, ``effect`` is no average.
    """

    effect: Estimate
    n_treated_cells: int
    n_negative_weights: int
    negative_weight_sum: float
    late_against_early: Estimate | None


def estimate_two_way_fixed_effects(
    cells: pd.DataFrame, start_at: pd.Series, *, confidence_level: float = 0.95
) -> TwoWayFixedEffects:
    """Regress monthly exit rates on unit, month and being treated.

    Where effects grow or differ, it compares units just treated with units treated earlier, and
    some effects count negatively. Use :func:`estimate_staggered_effects`; this is for
    comparison.

    Parameters
    ----------
    cells, start_at
        As in :func:`estimate_staggered_effects`; strata of tenure are added up.
    confidence_level : float

    Returns
    -------
    TwoWayFixedEffects

    Raises
    ------
    EstimationError
        If being treated follows from unit and month.

    Source
    ------
    Goodman-Bacon (2021), Journal of Econometrics 225:254-277; weights: de Chaisemartin and
    D'Haultfoeuille (2020), American Economic Review 110:2964-2996. R: ``lm(rate ~ treated +
    unit + month, weights = customer-months)``, ``sandwich::vcovCL(type = "HC1")``.
    """
    panel = build_unit_panel(cells, start_at)
    u, t = panel.exits.shape[:2]
    weight = panel.exposure.sum(axis=2)
    rate = 100.0 * panel.exits.sum(axis=2) / weight
    treated = (np.arange(t) >= panel.first[:, None]).astype(np.float64)
    residual = _leave_out_unit_and_month(treated, weight)
    spread = float((weight * residual**2).sum())
    if spread <= 1e-9 * float(weight.sum()):
        raise EstimationError(
            "Being treated follows from unit and month; rule: in some month some units are "
            "treated and others not; fix: units that start later or never"
        )
    value = float((weight * residual * rate).sum()) / spread
    error_of = _leave_out_unit_and_month(rate, weight) - value * residual
    scores = (weight * residual * error_of).sum(axis=1)
    n, k = u * t, u + t
    correction = u / (u - 1) * (n - 1) / (n - k)
    error = float(np.sqrt(correction * (scores**2).sum())) / spread
    share = (weight * residual * treated / spread)[treated == 1]
    half = t_quantile(confidence_level, u) * error
    change = _contrast_late_with_early(panel, confidence_level)
    effect = Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - half,
        ci_upper=value + half,
        confidence_level=confidence_level,
        n=u,
        n_events=int(panel.exits.sum()),
        unit="exits per 100 customer-months",
        method=f"two-way fixed effects, errors clustered by unit, Student's t with {u - 1} df",
        p_value=float(2 * stats.t.sf(abs(value / error), u - 1)),
        caveats=(*panel.caveats, *describe_few_units(u), *_warn(panel, share, change)),
    )
    negative = share < -1e-12
    return TwoWayFixedEffects(
        effect=effect,
        n_treated_cells=len(share),
        n_negative_weights=int(negative.sum()),
        negative_weight_sum=float(share[negative].sum()),
        late_against_early=change,
    )


def _contrast_late_with_early(panel: UnitPanel, confidence_level: float) -> Estimate | None:
    try:
        means = compare_groups(panel, StaggeredDesign(), leave_one_out_weights(len(panel.units)))
        used = find_post_cells(means, panel, None)
        used &= used.sum(axis=1, keepdims=True) >= 2
        half = (used.sum(axis=1, keepdims=True) + 1) // 2
        early = used & (np.cumsum(used, axis=1) <= half)
        return as_estimate(
            average_overall(means, used & ~early, "additive")
            - average_overall(means, early, "additive"),
            confidence_level=confidence_level,
            n_events=int(panel.exits.sum()),
            unit="exits per 100 customer-months",
            method="later against earlier treated months, group-time average effects",
            caveats=(),
        )
    except EstimationError:
        return None  # The field says so; the regression itself stands without it.


def _warn(panel: UnitPanel, share: FloatArray, change: Estimate | None) -> tuple[str, ...]:
    caveats = []
    if len(panel.groups) > 1:
        caveats.append(
            "Units treated earlier serve as comparison for units treated later: biased if the "
            "effect changes over time."
        )
    if change is not None and change.p_value is not None and change.p_value < 0.05:
        caveats.append(
            f"Effects change over time: {change.value:+.3g} from the earlier to the later treated "
            "months. This coefficient is then no average of them."
        )
    n_negative = int((share < -1e-12).sum())
    if n_negative:
        caveats.append(
            f"The effects of {n_negative} of {len(share)} treated cells count negatively "
            f"(weights adding up to {share[share < 0].sum():.3f})."
        )
    return tuple(caveats)


def _leave_out_unit_and_month(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Residuals of a weighted regression on unit and month, shape (u, t)."""
    u, t = values.shape
    unit, month = np.divmod(np.arange(u * t), t)
    design = np.zeros((u * t, u + t - 1))
    design[np.arange(u * t), unit] = 1.0
    later = month > 0
    design[np.flatnonzero(later), u + month[later] - 1] = 1.0
    root = np.sqrt(weight.ravel())
    coefficients = np.linalg.lstsq(design * root[:, None], values.ravel() * root, rcond=None)[0]
    return np.asarray((values.ravel() - design @ coefficients).reshape(u, t))
