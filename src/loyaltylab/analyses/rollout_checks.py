"""What a roll-out's effect is held against: trends before, other exits, single sites."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.designs import StaggeredEffects, assess_slope, judge_negative_control
from loyaltylab.errors import EstimationError
from loyaltylab.findings import Check, load_hypotheses
from loyaltylab.survival import Estimate

FEWEST_LEADS = 3


def largest_bias_months(hypothesis: str) -> float:
    """Bias that would not matter: half of the smallest effect declared of a hypothesis.

    The half is a choice, the declared effect is not: it was set before any data were seen.

    Examples
    --------
    >>> largest_bias_months("H03")
    0.25
    """
    return load_hypotheses()[hypothesis].smallest_effect.value / 2


def check_rollout_control(control: Estimate | None, *, largest_bias: float) -> Check:
    """Whether months lost to life events are shown to be the same, up to bias that is small.

    "not run" where the interval holds no effect and also bias that would matter.
    """
    name = "negative control: exits by life event"
    if control is None:
        return Check(name, "not run", "Too few such exits.")
    judged = judge_negative_control(control, margin=largest_bias)
    if judged.status == "open":
        return Check(name, "not run", f"Too few such exits to tell. {judged.statement}")
    return Check(name, judged.status, judged.statement)


def check_leads(
    monthly: StaggeredEffects, *, horizon_months: int, base_months: int, largest_bias: float
) -> Check:
    """Whether sites that start moved like those that wait, before the start.

    The slope of the effects over the months before the start that rest on at least half of the
    sites; the bias it would make, were it to go on, must lie within ``largest_bias`` months by
    the two one-sided tests of :func:`loyaltylab.designs.assess_slope`.
    """
    name = "trend before the start"
    table = monthly.by_event_time
    is_lead = ((table.index < 0) & table["band_lower"].notna()).to_numpy()
    if is_lead.sum() < FEWEST_LEADS:
        return Check(name, "not run", f"Fewer than {FEWEST_LEADS} months before the start.")
    influence = monthly.influence[:, is_lead]
    n = len(influence)
    worth = _bias_per_slope(horizon_months, base_months)
    try:
        found = assess_slope(
            table.index.to_numpy(dtype=np.float64)[is_lead],
            table["effect"].to_numpy(dtype=np.float64)[is_lead],
            influence.T @ influence / (n * (n - 1)),
            size=table["n_treated"].to_numpy(dtype=np.float64)[is_lead],
            margin=largest_bias / worth,
            degrees_of_freedom=n - 1,
        )
    except EstimationError as problem:
        return Check(name, "not run", problem.summary)
    return Check(
        name,
        "passed" if found.is_equivalent else "failed",
        f"The slope over {found.n_months} months before, were it to go on, would bias the "
        f"effect by {-worth * found.slope:.2f} months ({-worth * found.ci_upper:.2f} to "
        f"{-worth * found.ci_lower:.2f}); rule: within {largest_bias:g}, half of the smallest "
        f"effect declared, by two one-sided tests (p = {found.p_value:.2g}).",
    )


def _bias_per_slope(horizon_months: int, base_months: int) -> float:
    """Months retained less within the horizon, if exits per 100 drift by 1 in 12 months.

    The level before is that of the middle of the base months; the drift goes on from there.
    """
    hazard_months = horizon_months**3 / 6 + base_months / 2 * horizon_months**2 / 2
    return hazard_months / 12 / 100


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
