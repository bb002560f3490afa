"""Who is in the file: a list of customers on one day read as if it had followed them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from loyaltylab.tables.memberships import DAY
from loyaltylab.tables.traps import Trap

FEWEST_CUSTOMERS = 20
# Exits dated by month or quarter leave shorter gaps by themselves.
LONGEST_QUIET_DAYS = 100.0
# Of so long a gap by chance, had exits been recorded all the time.
CHANCE = 1e-6
FIRST_TENURES = 0.01


def find_recording_traps(members: pd.DataFrame, *, window_start_at: pd.Timestamp) -> Iterator[Trap]:
    """Traps in who was recorded, and from when on.

    Parameters
    ----------
    members : pandas.DataFrame
        As from :func:`loyaltylab.tables.memberships.find_memberships`.
    window_start_at : pandas.Timestamp
        Start of the study window (UTC).

    Yields
    ------
    Trap
    """
    observed = members[members["entry_at"] < members["stop_at"]]
    left = observed[observed["has_left"]]
    if left.empty:
        yield _no_exits(members, observed, window_start_at)
        return
    if members["has_left"].all() and len(members) >= FEWEST_CUSTOMERS:
        yield _only_leavers(members)
        return
    if _chance_of_quiet(observed) < CHANCE:
        yield _quiet_start(left)


def _no_exits(members: pd.DataFrame, observed: pd.DataFrame, window_start_at: pd.Timestamp) -> Trap:
    has_earlier = bool(members["has_left"].any())
    return Trap(
        "no_exits",
        "contracts",
        "ended_at",
        len(observed),
        "No customer under observation ever leaves"
        + (
            f": every end lies before the window starts ({window_start_at:%Y-%m-%d})."
            if has_earlier
            else ". A list of current customers looks like this: those who left are not in it."
        ),
        "a study of leaving needs customers who left as well as customers who stayed",
        "start the window where endings were recorded"
        if has_earlier
        else "ask for an extract that keeps customers who left, with the date of their end",
    )


def _only_leavers(members: pd.DataFrame) -> Trap:
    return Trap(
        "only_leavers",
        "contracts",
        "ended_at",
        len(members),
        "Every customer in the file has left. A list of cancellations looks like this: those who "
        "stayed are not in it, so leaving seems certain and quick.",
        "customers who stayed are in the file with an empty end",
        "ask for an extract of everybody who was a customer during the window",
    )


def _chance_of_quiet(observed: pd.DataFrame) -> float:
    """Chance that the first exit comes so late, if exits had been recorded from the start.

    Were the rate of leaving steady, each exit would fall on any customer-day with the same
    chance, so none of D falls on the share p that comes before the first with (1 - p)^D. Only
    tenures at which customers do leave count, since in a minimum term nobody can.
    """
    left = observed["has_left"].to_numpy(dtype=bool)
    first_exit = observed.loc[left, "stop_at"].min()
    if (first_exit - observed["entry_at"].min()) / DAY < LONGEST_QUIET_DAYS:
        return 1.0
    least = float(np.quantile(observed.loc[left, "days"], FIRST_TENURES))
    ripe = observed["started_at"] + pd.to_timedelta(least, unit="D")
    entry = observed["entry_at"].where(observed["entry_at"] >= ripe, ripe)
    stop = observed["stop_at"]
    all_days = ((stop - entry) / DAY).clip(lower=0).to_numpy(dtype=np.float64)
    quiet_days = ((stop.clip(upper=first_exit) - entry) / DAY).clip(lower=0)
    if not all_days.sum() > 0:
        return 1.0
    share = float(quiet_days.to_numpy(dtype=np.float64).sum() / all_days.sum())
    n_exits = int((left & (all_days > 0)).sum())
    return float((1.0 - min(share, 1.0)) ** n_exits)


def _quiet_start(left: pd.DataFrame) -> Trap:
    first = left["stop_at"].min()
    return Trap(
        "exits_not_recorded_before",
        "contracts",
        "ended_at",
        len(left),
        f"Customers count as watched long before the first recorded exit ({first:%Y-%m}), yet by "
        "chance exits would have come much earlier. Whoever left before is not in the file, so "
        "those who are could not have left, and retention comes out far too high.",
        "nobody is at risk before leaving could have been seen (delayed entry)",
        "start the window, or observed_from_at, or observed_months, where endings were first "
        "recorded",
    )
