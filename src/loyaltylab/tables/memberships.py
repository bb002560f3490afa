"""Customers from first start to last end, as the search for traps sees them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.tables.columns import TIMESTAMP

DAY = pd.Timedelta(days=1)


def find_memberships(
    tables: Mapping[str, pd.DataFrame],
    *,
    window_start_at: pd.Timestamp,
    window_end_at: pd.Timestamp,
) -> pd.DataFrame:
    """One row per customer with a contract; time between two lives counts as membership.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables.
    window_start_at, window_end_at : pandas.Timestamp
        The study window (UTC).

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id``, in the order of customers: ``started_at``; ``stop_at``, the last
        end or the end of the window; ``has_left``, no contract runs at the end of the window;
        ``entry_at``, under observation from here; ``days`` from start to stop.
    """
    contracts = tables["contracts"]
    grouped = contracts.assign(is_running=contracts["ended_at"].isna()).groupby("customer_id")
    found = grouped.agg(
        started_at=("started_at", "min"), last=("ended_at", "max"), is_running=("is_running", "any")
    )
    customers = tables["customers"].set_index("customer_id")
    found = found.reindex(customers.index.intersection(found.index))
    has_left = ~found["is_running"] & (found["last"] <= window_end_at)
    stop = found["last"].where(has_left, window_end_at).astype(TIMESTAMP)
    entry = found["started_at"].clip(lower=window_start_at)
    if "observed_from_at" in customers:
        seen_from = customers["observed_from_at"].reindex(found.index).fillna(window_start_at)
        entry = entry.where(entry >= seen_from, seen_from)
    return pd.DataFrame(
        {
            "started_at": found["started_at"],
            "stop_at": stop,
            "has_left": has_left.astype(bool),
            "entry_at": entry.astype(TIMESTAMP),
            "days": ((stop - found["started_at"]) / DAY).astype("float64"),
        }
    )
