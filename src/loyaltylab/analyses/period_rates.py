"""Rates of two groups by period, their ratios, and the jump between two periods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from loyaltylab.analyses.study_data import DAYS_PER_MONTH
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate, event_rate
from loyaltylab.survival.arrays import BoolArray, FloatArray

SIDES = ("before", "after")
PERIODS_AROUND = (1, 2)  # of the four: long before, just before, just after, long after


@dataclass(frozen=True, eq=False)
class Jump:
    """Rates just before and just after a day, in two groups; rates per 100 customer-months.

    Attributes
    ----------
    rates : dict of (str, str) to Estimate
        By group and side, "before" or "after".
    jump : Estimate
        Rate after over rate before, in the exposed group.
    jump_reference : Estimate
        The same at the same time in the reference group, for which nothing happens that day.
    relative_jump : Estimate
        The first over the second: difference in differences of log rates.
    p_permutation : float or None
        Of ``relative_jump``, where groups were made by lot: share of shuffled lots with a jump
        as far from 1, if no offer changed anything for anybody.
    """

    rates: dict[tuple[str, str], Estimate]
    jump: Estimate
    jump_reference: Estimate
    relative_jump: Estimate
    p_permutation: float | None = None


@dataclass(frozen=True, eq=False)
class Cells:
    """Events and months at risk by customer and period.

    Attributes
    ----------
    events, months : ndarray of float, shape (n, k)
    is_exposed : ndarray of bool, shape (n,)
    """

    events: FloatArray
    months: FloatArray
    is_exposed: BoolArray

    def total(self, exposed: bool, period: int) -> tuple[int, float]:
        """Events and months of one group in one period."""
        who = self.is_exposed == exposed
        return int(self.events[who, period].sum()), float(self.months[who, period].sum())


def count_cells(
    followed: pd.DataFrame, *, group: str, exposed: str, reference: str, cuts: Sequence[float]
) -> Cells:
    """Count events and months at risk of two groups, by customer and period.

    Parameters
    ----------
    followed : pandas.DataFrame
        One row per customer from time zero: ``customer_id``, ``stop`` (days), ``event``, and the
        group.
    group, exposed, reference : str
        Column of the groups and its two values; other rows are left out.
    cuts : sequence of float, length k + 1
        Ends of the periods (cut, next cut], in days.

    Raises
    ------
    EstimationError
        If one of the groups has nobody.
    """
    absent = [name for name in (exposed, reference) if not (followed[group] == name).any()]
    if absent:
        raise EstimationError(f"Nobody is in the group {' or '.join(map(repr, absent))}.")
    mine = followed[followed[group].isin([exposed, reference])].sort_values("customer_id")
    stop = mine["stop"].to_numpy(dtype=np.float64)[:, None]
    lower, upper = np.asarray(cuts[:-1]), np.asarray(cuts[1:])
    inside = (stop > lower) & (stop <= upper) & mine["event"].to_numpy(dtype=bool)[:, None]
    months = np.clip(np.minimum(stop, upper) - lower, 0, None) / DAYS_PER_MONTH
    is_exposed = (mine[group] == exposed).to_numpy(dtype=bool)
    return Cells(inside.astype(np.float64), months, is_exposed)


def compare_rates(
    cells: Cells, signs: Mapping[tuple[bool, int], int], *, confidence_level: float
) -> Estimate:
    """A product of rates to the powers +1 and -1, with errors by customer.

    Parameters
    ----------
    cells : Cells
    signs : mapping of (bool, int) to int
        Exposed or not, and period: +1 above the line, -1 below.
    confidence_level : float

    Returns
    -------
    Estimate
        A ratio; the error is on the log scale, and ``n_events`` counts the smallest cell.

    Raises
    ------
    EstimationError
        If a cell has no events.

    Source
    ------
    Interaction of a Poisson regression saturated in group and period, with the sandwich by
    customer.
    """
    influence = np.zeros(len(cells.is_exposed))
    log_ratio, counted, empty = 0.0, [], []
    for (exposed, period), sign in signs.items():
        n_events, months = cells.total(exposed, period)
        counted.append(n_events)
        if not n_events:
            empty.append(
                f"{'exposed' if exposed else 'reference'}, period {period + 1}: 0 events in "
                f"{months:.0f} months"
            )
            continue
        log_ratio += sign * math.log(n_events / months)
        own = cells.events[:, period] / n_events - cells.months[:, period] / months
        influence += sign * np.where(cells.is_exposed == exposed, own, 0.0)
    if empty:
        raise EstimationError("A ratio of rates needs events in every cell:", empty)
    error = math.sqrt(float(influence @ influence))
    reach = float(stats.norm.isf((1 - confidence_level) / 2)) * error
    return Estimate(
        value=math.exp(log_ratio),
        standard_error=error,
        ci_lower=math.exp(log_ratio - reach),
        ci_upper=math.exp(log_ratio + reach),
        confidence_level=confidence_level,
        n=len(cells.is_exposed),
        n_events=min(counted),
        unit="ratio",
        method="ratio of rates, sandwich by customer; standard error on the log scale",
        p_value=float(2 * stats.norm.sf(abs(log_ratio) / error)) if error else None,
    )


def contrast_jump(
    followed: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    cuts_days: Sequence[float],
    confidence_level: float,
    n_permutations: int = 0,
    seed: int = 0,
) -> Jump:
    """The jump at a day in one group against the other at the same time since the offer.

    Parameters
    ----------
    followed : pandas.DataFrame
        As in :func:`count_cells`.
    group, exposed, reference : str
        Column of the groups and its two values.
    cuts_days : sequence of float, length 5
        Ends of the four periods; the day is the third.
    confidence_level : float
    n_permutations, seed : int
        Shuffles of the groups; only where they were made by lot.

    Raises
    ------
    EstimationError
        If somebody is missing in a group, or a cell has no events.
    """
    cells = count_cells(followed, group=group, exposed=exposed, reference=reference, cuts=cuts_days)
    before, after = PERIODS_AROUND
    level = {"confidence_level": confidence_level}
    own, other = {(True, after): 1, (True, before): -1}, {(False, after): 1, (False, before): -1}
    both = own | {key: -sign for key, sign in other.items()}
    rates = {}
    for name, is_exposed in ((exposed, True), (reference, False)):
        for side, period in zip(SIDES, PERIODS_AROUND, strict=True):
            n_events, months = cells.total(is_exposed, period)
            n = int((cells.months[cells.is_exposed == is_exposed, period] > 0).sum())
            rates[name, side] = event_rate(
                n_events, months / 100, n_customers=n, unit="per 100 customer-months", **level
            )
    return Jump(
        rates=rates,
        jump=compare_rates(cells, own, **level),
        jump_reference=compare_rates(cells, other, **level),
        relative_jump=compare_rates(cells, both, **level),
        p_permutation=_permute(cells, n_permutations, seed) if n_permutations else None,
    )


def _permute(cells: Cells, n_permutations: int, seed: int) -> float:
    """Share of shuffles with a log jump as large; half an event more keeps logs finite."""
    generator = np.random.default_rng(seed)
    around = list(PERIODS_AROUND)
    events, months = cells.events[:, around], cells.months[:, around]

    def statistic(is_exposed: BoolArray) -> float:
        jumps = [
            np.log((events[who].sum(axis=0) + 0.5) / months[who].sum(axis=0))
            for who in (is_exposed, ~is_exposed)
        ]
        return abs(float((jumps[0][1] - jumps[0][0]) - (jumps[1][1] - jumps[1][0])))

    found = statistic(cells.is_exposed)
    shuffled = [
        statistic(generator.permutation(cells.is_exposed)) >= found - 1e-12
        for _ in range(n_permutations)
    ]
    return (1 + sum(shuffled)) / (1 + n_permutations)


def hazard_ratios_by_period(
    followed: pd.DataFrame,
    *,
    group: str,
    exposed: str,
    reference: str,
    cuts_days: Sequence[float],
    confidence_level: float,
) -> dict[str, Estimate]:
    """Rate of the exposed over that of the reference in each period; one without events is out."""
    cells = count_cells(followed, group=group, exposed=exposed, reference=reference, cuts=cuts_days)
    found = {}
    for period, label in enumerate(name_periods(cuts_days)):
        signs = {(True, period): 1, (False, period): -1}
        if all(cells.total(*key)[0] for key in signs):
            found[label] = compare_rates(cells, signs, confidence_level=confidence_level)
    return found


def name_periods(cuts_days: Sequence[float]) -> list[str]:
    """Periods in words, in months since the offer."""
    months = [f"{day / DAYS_PER_MONTH:.1f}".removesuffix(".0") for day in cuts_days]
    return [f"months {lower} to {upper}" for lower, upper in pairwise(months)]
