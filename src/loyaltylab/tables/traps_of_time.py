"""Whether there is a time axis: dates that all agree, that are months, or that are no length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from loyaltylab.tables.memberships import DAY
from loyaltylab.tables.traps import Trap

FEWEST_DATES = 20
FEWEST_FOR_GRID = 50
START_HEAP = 0.3
ON_MONTH_EDGE = 0.95
FEWEST_MONTHS = 3
LENGTHLESS = 0.05
FEWEST_LENGTHLESS = 5
LENGTH_RULE = "no_time_at_risk"


def find_time_traps(
    contracts: pd.DataFrame,
    *,
    audit: Mapping[str, Any],
    window_end_at: pd.Timestamp,
) -> Iterator[Trap]:
    """Traps in the dates of contracts.

    Parameters
    ----------
    contracts : pandas.DataFrame
        The valid table.
    audit : mapping
        What was delivered and set aside of it; see ``ValidTables.audit``.
    window_end_at : pandas.Timestamp
        End of the study window (UTC).

    Yields
    ------
    Trap
    """
    ends = contracts.loc[contracts["ended_at"] <= window_end_at, "ended_at"]
    yield from _one_day_of_exits(ends, window_end_at)
    yield from _heaped_starts(contracts["started_at"])
    for column, times in (("started_at", contracts["started_at"]), ("ended_at", ends)):
        yield from _coarse(column, times)
    yield from _lengthless(contracts, audit)


def _one_day_of_exits(ends: pd.Series, window_end_at: pd.Timestamp) -> Iterator[Trap]:
    if len(ends) < FEWEST_DATES or ends.dt.floor("D").nunique() > 1:
        return
    is_at_end = abs(ends.iloc[0] - window_end_at) <= DAY
    yield Trap(
        "exits_on_one_day",
        "contracts",
        "ended_at",
        len(ends),
        "All exits are dated on the same day"
        + (", the end of the window" if is_at_end else "")
        + ". When customers left is then known only to lie before it, so the order of exits and "
        "of what happened before them is not known, and short horizons mean little.",
        "every exit has a date of its own",
        "ask for the dates of the exits; otherwise read retention at the length of the period only",
    )


def _heaped_starts(starts: pd.Series) -> Iterator[Trap]:
    days = starts.dt.floor("D").value_counts()
    if len(starts) < FEWEST_DATES or days.iloc[0] < START_HEAP * len(starts):
        return
    yield Trap(
        "starts_on_one_day",
        "contracts",
        "started_at",
        int(days.iloc[0]),
        "Many contracts start on one and the same day, as when records were moved to a new system "
        "or only durations were kept. Then tenure is counted from the wrong day, and tenure and "
        "calendar time cannot be told apart.",
        "started_at is when service began",
        "take the original start of service; if it is lost, deliver the day as observed_from_at",
    )


def _coarse(column: str, times: pd.Series) -> Iterator[Trap]:
    if len(times) < FEWEST_FOR_GRID:
        return
    days = times.dt.floor("D")
    span_months = (days.max() - days.min()) / DAY / 30.4375
    if span_months < FEWEST_MONTHS:
        return
    edge = (days.dt.day == 1).mean(), days.dt.is_month_end.mean()
    if max(edge) < ON_MONTH_EDGE and days.nunique() > span_months + 2:
        return
    yield Trap(
        "coarse_dates",
        "contracts",
        column,
        len(times),
        "Dates are no finer than a month. What happens within one month cannot be put in order, "
        "and lengths are off by up to a month.",
        "dates are days",
        "ask for the days; otherwise do not read anything shorter than some months",
    )


def _lengthless(contracts: pd.DataFrame, audit: Mapping[str, Any]) -> Iterator[Trap]:
    set_aside = int(audit["set_aside_by_rule"].get(LENGTH_RULE, 0))
    short = int(((contracts["ended_at"] - contracts["started_at"]) < DAY).sum())
    n_short = set_aside + short
    if n_short < FEWEST_LENGTHLESS or n_short <= LENGTHLESS * audit["rows_delivered"]:
        return
    yield Trap(
        "many_without_length",
        "contracts",
        "started_at, ended_at",
        n_short,
        "Many contracts end on the day they start, as when one date was filled in for another.",
        "a contract that never ran is no contract",
        "find out what the two dates stand for; a purchase or an order is no membership",
    )
