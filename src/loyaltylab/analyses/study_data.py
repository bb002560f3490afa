"""What every analysis starts from: valid tables, first lives, and their rows at risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.errors import NotEstimableError
from loyaltylab.measures import CARRIED, all_jumps
from loyaltylab.timeline import build_spells, split_at_jumps, values_before

DAYS_PER_MONTH = 30.4375
FEWEST_DIFFERENT = 10
BASELINE_COUNTS = (
    "recent_contacts",
    "open_contacts",
    "recent_handoffs",
    "recent_broken_promises",
    "recent_requests",
    "recent_denials",
    "recent_incidents",
    "recent_abandoned_attempts",
    "vouchers_held",
)


@dataclass(frozen=True, eq=False)
class StudyData:
    """Tables and timeline of one source.

    Attributes
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables by name.
    lives : pandas.DataFrame
        Spells at risk of customers who have never left before.
    rows : pandas.DataFrame
        (start, stop] rows of these lives, with their covariates.
    window_start_at, window_end_at : pandas.Timestamp
        The study window.
    """

    tables: Mapping[str, pd.DataFrame]
    lives: pd.DataFrame
    rows: pd.DataFrame
    window_start_at: pd.Timestamp
    window_end_at: pd.Timestamp


@dataclass(frozen=True, eq=False)
class Cohort:
    """Customers from a common time zero, what they were exposed to, and what was known before.

    Attributes
    ----------
    frame : pandas.DataFrame
        As from :func:`loyaltylab.timeline.follow_up_from`, with the exposure and the covariates.
    audit : dict of str to int
        Index events by fate; they add up to ``total``.
    """

    frame: pd.DataFrame
    audit: dict[str, int]


def take_first_lives(
    tables: Mapping[str, pd.DataFrame],
    spells: pd.DataFrame,
    rows: pd.DataFrame,
    *,
    window_start_at: pd.Timestamp,
    window_end_at: pd.Timestamp,
) -> StudyData:
    """The first life of every customer, from spells and rows of all lives."""
    return StudyData(
        tables=tables,
        lives=spells[spells["spell_number"] == 1].reset_index(drop=True),
        rows=rows[rows["spell_number"] == 1].reset_index(drop=True),
        window_start_at=window_start_at,
        window_end_at=window_end_at,
    )


def build_study_data(
    tables: Mapping[str, pd.DataFrame],
    *,
    window_start_at: pd.Timestamp,
    window_end_at: pd.Timestamp,
    memory_days: float,
) -> StudyData:
    """Spells and rows of valid tables, as the timeline stage builds them."""
    spells = build_spells(
        tables["customers"],
        tables["contracts"],
        tables.get("exits"),
        window_start_at=window_start_at,
        window_end_at=window_end_at,
    ).frame
    jumps = all_jumps(tables, memory_days=memory_days)
    rows = split_at_jumps(spells, jumps, carried=CARRIED).frame
    return take_first_lives(
        tables, spells, rows, window_start_at=window_start_at, window_end_at=window_end_at
    )


def add_baseline(data: StudyData, followed: pd.DataFrame) -> pd.DataFrame:
    """Covariates known before time zero, beside the follow-up.

    Adds those of ``BASELINE_COUNTS`` that the rows have, ``tenure_months``, ``calendar_months``
    since the window began, ``segment`` if all are known, and ``log_price`` if every price is.
    """
    counts = [name for name in BASELINE_COUNTS if name in data.rows]
    known = values_before(data.rows, followed, covariates=counts)
    added: dict[str, pd.Series] = {name: known[name] for name in counts}
    added["tenure_months"] = followed["tenure_days"] / DAYS_PER_MONTH
    since_start = (followed["index_at"] - data.window_start_at) / pd.Timedelta(days=1)
    added["calendar_months"] = since_start / DAYS_PER_MONTH
    if followed["segment"].notna().all():
        added["segment"] = followed["segment"]
    price = _price_at(data.tables["contracts"], followed)
    if price is not None:
        added["log_price"] = price
    new = pd.DataFrame(added, index=followed.index)
    return followed.drop(columns=[name for name in new if name in followed]).join(new)


def baseline_names(frame: pd.DataFrame, *, group: str, further: Sequence[str] = ()) -> list[str]:
    """Covariates that can be adjusted for.

    Those of :func:`add_baseline` and ``further`` of which, in each group, at least
    ``FEWEST_DIFFERENT`` customers have another value than the most frequent one: with fewer, a
    covariate decides the group of the few by chance.

    Parameters
    ----------
    frame : pandas.DataFrame
        A cohort, restricted to the groups compared.
    group : str
        Column of the exposure.
    further : sequence of str
        Covariates of this cohort alone.

    Returns
    -------
    list of str
    """
    known = [*BASELINE_COUNTS, "tenure_months", "calendar_months", "segment", "log_price"]
    names = [name for name in (*known, *further) if name in frame]
    return [name for name in names if _n_different(frame, name, group) >= FEWEST_DIFFERENT]


def _n_different(frame: pd.DataFrame, name: str, group: str) -> int:
    """Customers whose value is not the most frequent one, in the group with fewer of them."""
    usual = frame[name].mode().iloc[0]
    return int((frame[name] != usual).groupby(frame[group]).sum().min())


def _price_at(contracts: pd.DataFrame, followed: pd.DataFrame) -> pd.Series | None:
    """Logarithm of the price of the contract in force; None where any price is missing."""

    if "price_eur" not in contracts or contracts["price_eur"].isna().any():
        return None
    if (contracts["price_eur"] <= 0).any():
        return None
    asked = followed[["customer_id", "index_at"]].assign(place=range(len(followed)))
    found = pd.merge_asof(
        asked.sort_values("index_at", kind="stable"),
        contracts[["customer_id", "started_at", "price_eur"]].sort_values("started_at"),
        left_on="index_at",
        right_on="started_at",
        by="customer_id",
    ).sort_values("place")
    return pd.Series(np.log(found["price_eur"].to_numpy()), index=followed.index)


def keep_groups(frame: pd.DataFrame, *, group: str, names: Sequence[str]) -> pd.DataFrame:
    """The rows of the groups named, numbered anew.

    Parameters
    ----------
    frame : pandas.DataFrame
        Not changed.
    group : str
        Column of the exposure.
    names : sequence of str
    """
    return frame[frame[group].isin(names)].reset_index(drop=True)


def month_cuts(data: StudyData, *, until: pd.Timestamp | None = None) -> pd.DatetimeIndex:
    """First moments of the calendar months of the window: the edges of whole months.

    Parameters
    ----------
    data : StudyData
    until : pandas.Timestamp, optional
        The last month is the one that holds this moment. Default: the last whole month.
    """
    months = pd.date_range(
        data.window_start_at.normalize(), data.window_end_at, freq="MS", unit="us"
    )
    return months if until is None else months[: months.searchsorted(until, side="right") + 1]


def need(data: StudyData, *tables: str) -> None:
    """Refuse to go on without tables.

    Raises
    ------
    NotEstimableError
        Naming those that are missing.
    """
    missing = [name for name in tables if name not in data.tables]
    if missing:
        raise NotEstimableError(f"Not estimable: needs the tables {', '.join(missing)}.")
