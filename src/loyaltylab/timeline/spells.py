"""Spells at risk: from contracts to one row per uninterrupted time as a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.tables.schemas import TIMESTAMP
from loyaltylab.timeline.clock import (
    MICROSECONDS_PER_DAY,
    from_microseconds,
    microseconds_of,
    to_microseconds,
    total_days,
)

STILL_RUNNING = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Spells:
    """Spells under observation, with the audit of what became of every contract.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per spell, in the order of customers: ``customer_id``, ``spell_number`` (1 is
        the first life, 2 the life after the first win-back), ``origin_at`` (time zero: start of
        the spell), ``entry_at`` (under observation from here), ``stop_at`` (left, or censored),
        ``entry_days`` and ``stop_days`` (since time zero), ``event`` (left), ``exit_cause``
        (empty when censored), ``requested_at`` (of the exit, so empty when censored and never a
        covariate), ``segment``, ``site``.
    audit : dict
        Counts of contracts, spells, endings and customers by fate, and person-days at risk.
    """

    frame: pd.DataFrame
    audit: dict[str, Any]


def build_spells(
    customers: pd.DataFrame,
    contracts: pd.DataFrame,
    exits: pd.DataFrame | None,
    *,
    window_start_at: pd.Timestamp,
    window_end_at: pd.Timestamp,
    merge_gap_days: float = 0.0,
) -> Spells:
    """Join contracts into spells and cut them to the time under observation.

    A customer is at risk while any contract runs. A spell is under observation from the latest
    of its start, the customer's ``observed_from_at`` and the start of the window: whoever left
    before could not have been seen, so nobody counts as at risk before (delayed entry). At the
    end of the window, or at ``observed_until_at``, everyone still a customer is censored. An
    ending at that very moment counts; a spell that ended at the very moment observation began
    does not: risk is (start, stop].

    Parameters
    ----------
    customers, contracts, exits : pandas.DataFrame
        Valid tables; ``exits`` may be None.
    window_start_at, window_end_at : pandas.Timestamp
        The study window (UTC).
    merge_gap_days : float
        Contracts at most this many days apart belong to one spell. Only those who return get the
        time in between, and endings close to the end of the window may yet be followed by a
        return; the audit counts both, so keep it short.

    Returns
    -------
    Spells

    Raises
    ------
    TableError
        If a contract belongs to nobody in ``customers``.

    Source
    ------
    Delayed entry as in R ``survival::Surv(entry, stop, event)``.
    """
    contracted = _join_contracts(customers, contracts, merge_gap_days)
    spells = _cut_to_window(
        contracted.groupby("spell").agg(
            customer_id=("customer_id", "first"),
            customer=("customer", "first"),
            origin=("start", "min"),
            end=("end", "max"),
        ),
        customers,
        window_start_at,
        window_end_at,
    )
    known = _add_exit(spells, contracted, exits)
    frame = _finish(known[known["entry"] < known["stop"]], customers)
    audit = {
        **_count_customers(customers, contracts, frame),
        **_count_spells(known),
        **_count_endings(known, contracted, frame, window_end_at, merge_gap_days),
    }
    return Spells(frame, audit)


def _join_contracts(
    customers: pd.DataFrame, contracts: pd.DataFrame, merge_gap_days: float
) -> pd.DataFrame:
    """Contracts in order of time, numbered by the spell they belong to (microseconds)."""
    customer = pd.Index(customers["customer_id"]).get_indexer(pd.Index(contracts["customer_id"]))
    if (customer < 0).any():
        raise TableError(
            f"{int((customer < 0).sum())} contracts belong to nobody in customers; every "
            "customer_id of contracts stands in customers."
        )
    work = pd.DataFrame(
        {
            "customer_id": contracts["customer_id"].to_numpy(),
            "contract_id": contracts["contract_id"].to_numpy(),
            "customer": customer,
            "start": to_microseconds(contracts["started_at"]),
            "end": to_microseconds(contracts["ended_at"], missing=STILL_RUNNING),
        }
    ).sort_values(["customer", "start", "end"], kind="stable", ignore_index=True)
    start = work["start"].to_numpy()
    is_first = np.diff(work["customer"].to_numpy(), prepend=-1) != 0
    latest_end = np.roll(work.groupby("customer")["end"].cummax().to_numpy(), 1)
    # Taken up to the next start only, so that a contract still running cannot overflow.
    gap = np.where(is_first, 0, start - np.minimum(latest_end, start))
    is_new = is_first | (gap > round(merge_gap_days * MICROSECONDS_PER_DAY))
    return work.assign(
        spell=is_new.cumsum(),
        gap=np.where(is_new, 0, gap),
        is_overlapping=~is_first & (latest_end > start),
    )


def _cut_to_window(
    spells: pd.DataFrame,
    customers: pd.DataFrame,
    window_start_at: pd.Timestamp,
    window_end_at: pd.Timestamp,
) -> pd.DataFrame:
    lower, upper = microseconds_of(window_start_at), microseconds_of(window_end_at)
    observed = to_microseconds(customers["observed_from_at"], missing=lower)
    owner = spells["customer"].to_numpy()
    watched = np.maximum(observed[owner], lower)
    last: int | np.ndarray[Any, Any] = upper
    if "observed_until_at" in customers:  # dropped out of the records without ending
        until = to_microseconds(customers["observed_until_at"], missing=upper)
        last = np.minimum(until, upper)[owner]
    return spells.assign(
        spell_number=spells.groupby("customer").cumcount() + 1,
        entry=np.maximum(spells["origin"], watched),
        stop=np.minimum(spells["end"], last),
        event=spells["end"] <= last,
    )


def _add_exit(
    spells: pd.DataFrame, contracted: pd.DataFrame, exits: pd.DataFrame | None
) -> pd.DataFrame:
    """Cause and request date of each ending; the verified cause goes before the stated one.

    Only contracts that end when the spell ends count. If several do, a known cause goes before
    an unknown one, then a verified before a stated one.
    """
    if exits is None:
        return spells.assign(
            exit_cause=pd.Series("unknown", index=spells.index, dtype="string").where(
                spells["event"], ""
            ),
            requested_at=pd.Series(pd.NaT, index=spells.index, dtype=TIMESTAMP),
        )
    is_last = contracted["end"] == contracted["spell"].map(spells["end"])
    found = contracted.loc[is_last, ["spell", "contract_id"]].merge(exits, on="contract_id")
    cause = found["cause_verified"].fillna(found["cause_stated"]).fillna("unknown")
    best = (
        found.assign(
            cause=cause, is_unknown=cause == "unknown", is_unchecked=found["cause_verified"].isna()
        )
        .sort_values(["spell", "is_unknown", "is_unchecked", "cause", "requested_at"])
        .drop_duplicates("spell")
        .set_index("spell")
        .reindex(spells.index)
    )
    return spells.assign(
        exit_cause=best["cause"].astype("string").fillna("unknown").where(spells["event"], ""),
        requested_at=best["requested_at"].astype(TIMESTAMP).where(spells["event"]),
    )


def _finish(spells: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    about = customers.iloc[spells["customer"].to_numpy()].set_axis(spells.index)
    return pd.DataFrame(
        {
            "customer_id": spells["customer_id"].astype("string"),
            "spell_number": spells["spell_number"].astype("int64"),
            "origin_at": from_microseconds(spells["origin"]),
            "entry_at": from_microseconds(spells["entry"]),
            "stop_at": from_microseconds(spells["stop"]),
            "entry_days": (spells["entry"] - spells["origin"]) / MICROSECONDS_PER_DAY,
            "stop_days": (spells["stop"] - spells["origin"]) / MICROSECONDS_PER_DAY,
            "event": spells["event"].astype(bool),
            "exit_cause": spells["exit_cause"].astype("string"),
            "requested_at": spells["requested_at"],
            "segment": about["segment"].astype("string"),
            "site": about["site"].astype("string"),
        }
    ).reset_index(drop=True)


def _count_customers(
    customers: pd.DataFrame, contracts: pd.DataFrame, frame: pd.DataFrame
) -> dict[str, int]:
    """Customers by fate; without a contract, under observation and never so add up."""
    without = int((~customers["customer_id"].isin(contracts["customer_id"])).sum())
    observed = int(frame["customer_id"].nunique())
    return {
        "customers": len(customers),
        "customers_without_contract": without,
        "customers_under_observation": observed,
        "customers_never_under_observation": len(customers) - without - observed,
    }


def _count_spells(spells: pd.DataFrame) -> dict[str, int]:
    """Spells by fate; under observation, ended before and begun after it add up."""
    is_observed = spells["entry"] < spells["stop"]
    ended_before = ~is_observed & (spells["end"] <= spells["entry"])
    return {
        "spells": len(spells),
        "spells_under_observation": int(is_observed.sum()),
        "spells_ended_before_observation": int(ended_before.sum()),
        "spells_begun_after_observation": int((~is_observed & ~ended_before).sum()),
        "spells_with_delayed_entry": int(
            (is_observed & (spells["entry"] > spells["origin"])).sum()
        ),
    }


def _count_endings(
    spells: pd.DataFrame,
    contracted: pd.DataFrame,
    frame: pd.DataFrame,
    window_end_at: pd.Timestamp,
    merge_gap_days: float,
) -> dict[str, int | float]:
    """Contracts and endings by fate; used, before observation and followed add up."""
    upper = microseconds_of(window_end_at)
    endings = int((contracted["end"] <= upper).sum())
    used = spells["event"] & (spells["entry"] < spells["stop"])
    unsure = used & (spells["end"] > upper - round(merge_gap_days * MICROSECONDS_PER_DAY))
    at_risk = (spells["stop"] - spells["entry"]).clip(lower=0)
    return {
        "contracts": len(contracted),
        "contracts_overlapping": int(contracted["is_overlapping"].sum()),
        "days_between_joined_contracts": total_days(contracted["gap"].to_numpy()),
        "endings": endings,
        "endings_used": int(used.sum()),
        "endings_before_observation": int((spells["event"] & ~used).sum()),
        "endings_followed_by_another_contract": endings - int(spells["event"].sum()),
        "endings_too_recent_to_tell": int(unsure.sum()),
        "endings_of_unknown_cause": int((frame["exit_cause"] == "unknown").sum()),
        "person_days_at_risk": total_days(at_risk.to_numpy()),
    }
