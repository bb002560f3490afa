"""A world of daily decisions in which unhappy customers are offered more, and leave more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

OFFER_AT, EXIT_AT = 0.25, 0.75  # of a day: offers in the morning, exits in the afternoon


@dataclass(frozen=True)
class World:
    """Exit and offer times (infinite for never), and unhappiness per customer and day."""

    exit: np.ndarray
    offer: np.ndarray
    unhappy: np.ndarray


def simulate(
    n: int, seed: int, *, effect: float, days: int = 40, grace: int = 8, regime: str = ""
) -> World:
    """Follow customers by the day.

    ``effect`` is on the log hazard once an offer is made. Regime "none" makes no offer in the
    grace period, "last day" makes one to all who are still without on its last day.
    """
    random = np.random.default_rng(seed)
    unhappy = random.random(n) < 0.4
    has_offer, alive = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    exit_, offer = np.full(n, np.inf), np.full(n, np.inf)
    path = np.empty((n, days))
    for day in range(days):
        unhappy = unhappy ^ (random.random(n) < 0.05)
        path[:, day] = unhappy
        begins = alive & ~has_offer & (random.random(n) < np.where(unhappy, 0.15, 0.04))
        if regime == "none" and day < grace:
            begins[:] = False
        if regime == "last day" and day == grace - 1:
            begins = alive & ~has_offer
        offer[begins] = day + OFFER_AT
        has_offer |= begins
        hazard = 0.012 * np.exp(1.3 * unhappy + effect * has_offer)
        leaves = alive & (random.random(n) < hazard)
        exit_[leaves] = day + EXIT_AT
        alive &= ~leaves
    return World(exit_, offer, path)


def to_rows(world: World) -> pd.DataFrame:
    """(start, stop] rows, cut every day and at the offer."""
    n, days = world.unhappy.shape
    marks = np.sort(np.concatenate([np.arange(days), np.arange(days) + OFFER_AT]))
    customer = np.repeat(np.arange(n), len(marks))
    start = np.tile(marks, n)
    stop = np.tile(np.append(marks[1:], days), n)
    leaves = world.exit[customer]
    rows = pd.DataFrame(
        {
            "customer_id": customer,
            "start": start,
            "stop": np.minimum(stop, leaves),
            "unhappy": world.unhappy[customer, np.floor(start).astype(int)],
            "offers": (world.offer[customer] <= start).astype(float),
        }
    )
    rows["event"] = rows["stop"] == leaves
    rows["exit_cause"] = np.where(rows["event"], "service", "")
    return rows[rows["start"] < leaves].reset_index(drop=True)


def mean_days(world: World, horizon: float) -> float:
    """Mean days retained to a horizon."""
    return float(np.minimum(world.exit, horizon).mean())
