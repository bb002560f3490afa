"""Observed and counterfactual rates of groups that start in different months."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.designs.unit_panel import NEVER, UnitPanel
from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray

SCALES = {"additive": "exits per 100 customer-months", "log": "log hazard ratio"}
COMPARISONS = ("not_yet_treated", "never_treated")


@dataclass(frozen=True)
class StaggeredDesign:
    """What is compared with what.

    Attributes
    ----------
    scale : {"additive", "log"}
        On which trends would have been parallel.
    comparison : {"not_yet_treated", "never_treated"}
    anticipation_months : int
        Months before the start in which the effect may already show.
    base_months : int
        Months before those over which the level before is taken.
    """

    scale: str = "additive"
    comparison: str = "not_yet_treated"
    anticipation_months: int = 0
    base_months: int = 1

    def __post_init__(self) -> None:
        problems = []
        if self.scale not in SCALES:
            problems.append(f"scale is {self.scale!r}; rule: one of {list(SCALES)}")
        if self.comparison not in COMPARISONS:
            problems.append(f"comparison is {self.comparison!r}; rule: one of {COMPARISONS}")
        if self.anticipation_months < 0:
            problems.append(f"anticipation_months is {self.anticipation_months}; rule: 0 or more")
        if self.base_months < 1:
            problems.append(f"base_months is {self.base_months}; rule: 1 or more")
        if problems:
            raise EstimationError("The design is not defined:", problems)


@dataclass(frozen=True, eq=False)
class GroupTimeMeans:
    """Rates by group and month, for b sets of weights of the units.

    Attributes
    ----------
    groups : ndarray of int, shape (g,)
        First treated months, of the groups that can be studied.
    observed, counterfactual : ndarray, shape (b, g, t)
        Exits per customer-month; NaN where there is nothing to compare with.
    size : ndarray, shape (b, g)
        Customers of the group, its weight.
    n_treated : ndarray of int, shape (g,)
    n_comparison : ndarray of int, shape (g, t)
        Units.
    """

    groups: IntArray
    observed: FloatArray
    counterfactual: FloatArray
    size: FloatArray
    n_treated: IntArray
    n_comparison: IntArray


def compare_groups(
    panel: UnitPanel,
    design: StaggeredDesign,
    weights: FloatArray,
    *,
    mix: FloatArray | None = None,
) -> GroupTimeMeans:
    """Rates of each group, and what they would have been had it moved as the comparison units.

    Rates are of each unit, averaged with fixed weights (its mean number of customers), so that a
    unit that grows does not pass for a change. Strata of tenure are compared each on their own
    and averaged as the group's own customers are spread.

    Parameters
    ----------
    panel : UnitPanel
    design : StaggeredDesign
    weights : ndarray, shape (b, u)
        Multiplies the units' own weights: 0 leaves a unit out.
    mix : ndarray, shape (u, t, s), optional
        Customer-months by which strata are averaged; those of the panel by default.
    """
    lead, n_base = design.anticipation_months, design.base_months
    groups = panel.groups[panel.groups - lead - n_base >= 0]
    if not len(groups):
        raise EstimationError(
            f"No unit starts after {lead + n_base} months or more of the window; rule: months "
            "before the start to compare with; fix: fewer base months, or an earlier window"
        )
    b, t = len(weights), panel.exits.shape[1]
    observed, expected = np.empty((b, len(groups), t)), np.empty((b, len(groups), t))
    n_comparison = np.empty((len(groups), t), dtype=np.int64)
    customers = panel.exposure.mean(axis=1).sum(axis=1)
    size = np.column_stack([weights @ (customers * (panel.first == group)) for group in groups])
    spread = panel.exposure if mix is None else mix
    for i, group in enumerate(groups.tolist()):
        others = _find_comparison(panel, design, group)
        n_comparison[i] = others.sum(axis=0)
        now, without = _compare_group(panel, design, weights, group, others)
        share = _share_strata(weights * (panel.first == group), spread)
        # A stratum nobody of the group is in counts for nothing, whatever its rate.
        observed[:, i] = np.where(share == 0, 0.0, share * now).sum(axis=2)
        expected[:, i] = np.where(share == 0, 0.0, share * without).sum(axis=2)
    n_treated = np.array([(panel.first == group).sum() for group in groups], dtype=np.int64)
    return GroupTimeMeans(groups, observed, expected, size, n_treated, n_comparison)


def _compare_group(
    panel: UnitPanel,
    design: StaggeredDesign,
    weights: FloatArray,
    group: int,
    others: BoolArray,
) -> tuple[FloatArray, FloatArray]:
    """Rates of a group by stratum, and without treatment, shape (b, t, s)."""
    end = group - design.anticipation_months
    base = slice(end - design.base_months, end)
    before = panel.exits[:, base].sum(axis=1) / panel.exposure[:, base].sum(axis=1)
    mine = np.broadcast_to((panel.first == group)[:, None], others.shape)
    now, then = _average(panel, weights, mine, before)
    other_now, other_then = _average(panel, weights, others, before)
    if design.scale == "additive":
        return now, then + other_now - other_then
    ratio = np.full_like(other_now, np.nan)
    np.divide(other_now, other_then, out=ratio, where=other_then > 0)
    return now, then * ratio


def _share_strata(weights: FloatArray, spread: FloatArray) -> FloatArray:
    """How customer-months are spread over strata in each month, shape (b, t, s); NaN of none."""
    u, t, s = spread.shape
    time = (weights @ spread.reshape(u, t * s)).reshape(-1, t, s)
    total = time.sum(axis=2, keepdims=True)
    return np.asarray(np.divide(time, total, out=np.full_like(time, np.nan), where=total > 0))


def _find_comparison(panel: UnitPanel, design: StaggeredDesign, group: int) -> BoolArray:
    """Which units a group is compared with in each month, shape (u, t)."""
    t = np.arange(panel.exits.shape[1])
    if design.comparison == "never_treated":
        return np.asarray((panel.first == NEVER)[:, None] & (t >= 0))
    lead = design.anticipation_months
    until = np.maximum(t, group - 1 - lead) + lead
    return np.asarray((panel.first[:, None] > until) & (panel.first != group)[:, None])


def _average(
    panel: UnitPanel, weights: FloatArray, chosen: BoolArray, before: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean rates of the chosen units in each month and before, shape (b, t, s); NaN of none."""
    rate = panel.exits / panel.exposure
    u, t, s = rate.shape
    factor = chosen[:, :, None] * panel.exposure.mean(axis=1, keepdims=True)

    def total(values: FloatArray) -> FloatArray:
        return np.asarray(weights @ (factor * values).reshape(u, t * s)).reshape(-1, t, s)

    divisor = total(np.ones_like(rate))
    now, then = (
        np.divide(total(values), divisor, out=np.full_like(divisor, np.nan), where=divisor > 0)
        for values in (rate, np.broadcast_to(before[:, None, :], rate.shape))
    )
    return now, then
