"""How much oftener customers leave after a neighbour did: influence, likeness, or both."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

SERVICE = "service"
NEAR_A_LEAVER = "service exits within 30 days of a neighbour's"
DAY = pd.Timedelta(days=1)


def compare_with_neighbours(
    tables: Mapping[str, pd.DataFrame], *, stays: pd.DataFrame, memory_days: float = 30
) -> tuple[float, float, int]:
    """Rate of service exits within some days of a neighbour's, over the rate at other times.

    Naive: neighbours are alike and meet the same service, so the ratio is no effect of theirs.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``exits`` and ``links``.
    stays : DataFrame
        Columns customer_id, from_at, until_at: when each contract was under observation. The
        contracts of a customer do not overlap.
    memory_days : float
        How long a neighbour's exit counts.

    Returns
    -------
    (ratio, standard_error, n)
        The error is Poisson's, by the delta method; n counts the exits near a neighbour's.
        Where nobody left near a neighbour's exit, or nobody at another time, the first two are nan.
    """
    exits = tables["exits"]
    left = exits.loc[exits["cause_verified"].eq(SERVICE), ["customer_id", "service_end_at"]]
    near = _join(_near_a_leaver(tables["links"], left, memory_days=memory_days))
    days_near = _days_in_both(stays, near)
    days = ((stays["until_at"] - stays["from_at"]) / DAY).clip(lower=0).sum()
    n_near = _count_inside(left, near)
    n_away = len(left) - n_near
    if not n_near or not n_away:
        return math.nan, math.nan, n_near
    ratio = (n_near / days_near) / (n_away / (days - days_near))
    return float(ratio), float(ratio * math.sqrt(1 / n_near + 1 / n_away)), n_near


def _near_a_leaver(links: pd.DataFrame, left: pd.DataFrame, *, memory_days: float) -> pd.DataFrame:
    """One stretch per tie to somebody who left: from the exit on, for so many days."""
    ties = links[["customer_id", "neighbour_id"]]
    found = ties.merge(left.rename(columns={"customer_id": "neighbour_id"}), on="neighbour_id")
    begins = found["service_end_at"]
    return pd.DataFrame(
        {
            "customer_id": found["customer_id"],
            "begins_at": begins,
            "ends_at": begins + pd.Timedelta(days=memory_days),
        }
    )


def _join(stretches: pd.DataFrame) -> pd.DataFrame:
    """Stretches of a customer that meet or overlap become one."""
    ordered = stretches.sort_values(["customer_id", "begins_at"], kind="stable")
    reach = ordered.groupby("customer_id")["ends_at"].cummax()
    before = reach.groupby(ordered["customer_id"]).shift()
    is_new = before.isna() | (ordered["begins_at"] > before)
    return (
        ordered.assign(number=is_new.cumsum())
        .groupby("number")
        .agg(
            customer_id=("customer_id", "first"),
            begins_at=("begins_at", "min"),
            ends_at=("ends_at", "max"),
        )
        .reset_index(drop=True)
    )


def _days_in_both(stays: pd.DataFrame, near: pd.DataFrame) -> float:
    pairs = stays.merge(near, on="customer_id")
    begins = pairs[["from_at", "begins_at"]].max(axis="columns")
    ends = pairs[["until_at", "ends_at"]].min(axis="columns")
    return float(((ends - begins) / DAY).clip(lower=0).sum())


def _count_inside(left: pd.DataFrame, near: pd.DataFrame) -> int:
    pairs = left.merge(near, on="customer_id")
    is_inside = pairs["service_end_at"] > pairs["begins_at"]
    is_inside &= pairs["service_end_at"] <= pairs["ends_at"]
    return int(is_inside.sum())
