"""Treatment strategies with a grace period, and when a customer's data stop agreeing with one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Strategy:
    """Bounds on a count of treatments within a grace period from time zero.

    "A refund within 14 days" is ``minimum=1, within=14``; "no message in the first 3 days"
    ``maximum=0, within=3``; "at most one handoff in 72 hours" ``maximum=1, within=3``. After
    the grace period anything goes.

    Attributes
    ----------
    name : str
    column : str
        Number of treatments since time zero, through each row (start, stop]. A treatment at t
        shows from t on, so that one at the very end of the grace period is within it.
    within : float
        Length of the grace period, in the time unit of the rows.
    minimum, maximum : float or None
        Least number at the end of the grace period; most throughout it.
    last_chance_from : float or None
        With a minimum: from when on customers who are still short of it have to be brought
        there. Their part is then played by those who reach it between that moment and the end;
        earlier ones stand for themselves, and covariates are those of that moment. Needed where
        the treatment changes the covariates. None: all who are still followed at the end and
        have reached the minimum stand for all who are still followed then, with covariates of
        the row that ends there.
    """

    name: str
    column: str
    within: float
    minimum: float | None = None
    maximum: float | None = None
    last_chance_from: float | None = None


@dataclass(frozen=True, eq=False)
class Agreement:
    """When each of n customers reaches and oversteps the bounds; infinite for never.

    Attributes
    ----------
    oversteps, reaches : ndarray of float, shape (n,)
        First moment above the maximum, and first at the minimum, within the grace period.
    """

    oversteps: FloatArray
    reaches: FloatArray


def find_agreement(
    strategy: Strategy, count: FloatArray, start: FloatArray, unit: IntArray, n: int
) -> Agreement:
    """First moments within the grace period, from the count through each row."""
    in_time = start <= strategy.within
    found = []
    for bound, is_met in (
        (strategy.maximum, count > (strategy.maximum or 0.0)),
        (strategy.minimum, count >= (strategy.minimum or 0.0)),
    ):
        first = np.full(n, np.inf)
        if bound is not None:
            chosen = in_time & is_met
            np.minimum.at(first, unit[chosen], start[chosen])
        found.append(first)
    return Agreement(*found)


def check_strategies(strategies: Sequence[Strategy], columns: Sequence[str]) -> list[str]:
    """List what is wrong with the strategies."""
    problems = []
    names = [strategy.name for strategy in strategies]
    if len(names) < 2 or len(set(names)) < len(names):
        problems.append(f"strategies are {names}; rule: at least two, with different names")
    for strategy in strategies:
        where = f"strategy '{strategy.name}'"
        if strategy.column not in columns:
            problems.append(f"{where}: no column {strategy.column!r} among the rows")
        if not (math.isfinite(strategy.within) and strategy.within > 0):
            problems.append(f"{where}: within is {strategy.within!r}; rule: positive and finite")
        problems += [f"{where}: {text}" for text in _check_bounds(strategy)]
    return problems


def _check_bounds(strategy: Strategy) -> list[str]:
    problems = []
    low, high, late = strategy.minimum, strategy.maximum, strategy.last_chance_from
    if low is None and high is None:
        problems.append("no bound; rule: a minimum, a maximum or both")
    if low is not None and high is not None and low > high:
        problems.append(f"minimum {low:g} is above maximum {high:g}")
    if late is not None and (low is None or not 0 <= late < strategy.within):
        problems.append(
            f"last_chance_from is {late:g}; rule: from 0 to before the end of the grace period, "
            "and only with a minimum"
        )
    return problems


def refuse(problems: Sequence[str], summary: str) -> None:
    """Raise with every problem, if there is any."""
    if problems:
        raise EstimationError(summary, problems)
