"""Rows that stand more than once, or that lie where the customer was none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from loyaltylab.tables.memberships import DAY
from loyaltylab.tables.schemas import TABLES
from loyaltylab.tables.traps import Trap

FEWEST_ROWS = 20
TWICE = 0.2
SOME = 0.01
FEWEST_REPEATED = 5
OUTSIDE = 0.2
# Events of which each is one occurrence; their identifier is the first column of the key.
EVENT_TABLES = (
    "contacts",
    "requests",
    "incidents",
    "outreach",
    "offers",
    "compensations",
    "vouchers",
    "payment_events",
    "points_ledger",
    "surveys",
    "public_posts",
    "cancellation_journey",
)
# What only a customer does or meets, and when; win-back offers and refunds come after the end.
OF_MEMBERS = {
    "contacts": "opened_at",
    "requests": "requested_at",
    "incidents": "occurred_at",
    "points_ledger": "booked_at",
    "cancellation_journey": "stepped_at",
}


def find_row_traps(tables: Mapping[str, pd.DataFrame], members: pd.DataFrame) -> Iterator[Trap]:
    """Traps in rows: repeated, side by side, or outside the time as a customer.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables.
    members : pandas.DataFrame
        As from :func:`loyaltylab.tables.memberships.find_memberships`.

    Yields
    ------
    Trap
    """
    for name in ("contracts", *EVENT_TABLES):
        if name in tables:
            yield from _repeated(name, tables[name])
    yield from _parallel(tables["contracts"])
    for name, column in OF_MEMBERS.items():
        if name in tables:
            yield from _outside(name, column, tables[name], members)


def _repeated(name: str, frame: pd.DataFrame) -> Iterator[Trap]:
    beyond = [column for column in frame if column != TABLES[name].key[0]]
    # Rows that differ in owner and time already need not be compared in the rest.
    alike = frame[frame.duplicated(beyond[:2], keep=False)]
    n_again = int(alike.duplicated(beyond).sum())
    share = n_again / max(len(frame), 1)
    if n_again < FEWEST_REPEATED or len(frame) < FEWEST_ROWS or share < SOME:
        return
    # Two contracts may well begin and end together, and time is counted once for a customer.
    is_twice = share >= TWICE and name != "contracts"
    yield Trap(
        "appended_twice" if is_twice else "repeated_rows",
        name,
        ", ".join(str(column) for column in beyond[:3]),
        n_again,
        "Rows agree in everything but their identifier with an earlier row"
        + (
            ", and so many that an export seems to stand in the file twice or a join has "
            "multiplied rows. Every count of such events would be too high."
            if is_twice
            else "."
        ),
        "one row per occurrence",
        "remove the copies, or deliver the identifier of the source system and not a row number",
    )


def _parallel(contracts: pd.DataFrame) -> Iterator[Trap]:
    ordered = contracts.sort_values(["customer_id", "started_at"], kind="stable")
    owner = ordered["customer_id"]
    far = contracts["started_at"].max() + DAY  # later than every start: a running contract
    latest = ordered["ended_at"].fillna(far).groupby(owner, sort=False).cummax()
    before = latest.groupby(owner, sort=False).shift()
    is_beside = (ordered["started_at"] < before).fillna(False)
    n_customers = int(owner[is_beside].nunique())
    if n_customers < FEWEST_REPEATED or n_customers < SOME * owner.nunique():
        return
    yield Trap(
        "parallel_contracts",
        "contracts",
        "customer_id, started_at, ended_at",
        n_customers,
        "Customers have contracts that run side by side, so that their contracts add up to more "
        "time than has passed. The study counts a customer once: they leave when the last ends.",
        "customer_id is a customer, and a contract stands once",
        "if rows were multiplied by a join (contracts by payments, say), keep one row per "
        "contract; if each contract may be left by itself, deliver it as a customer of its own",
    )


def _outside(name: str, column: str, frame: pd.DataFrame, members: pd.DataFrame) -> Iterator[Trap]:
    owner, at = frame["customer_id"], frame[column]
    place = members.index.get_indexer(owner)
    first, last = (
        pd.Series(members[name].array.take(place, allow_fill=True), index=frame.index)
        for name in ("started_at", "stop_at")
    )
    is_outside = ((at < first - DAY) | (at > last + DAY)).fillna(False)
    n_outside = int(is_outside.sum())
    if n_outside < FEWEST_ROWS or n_outside < OUTSIDE * len(frame):
        return
    yield Trap(
        "events_outside_contracts",
        name,
        column,
        n_outside,
        "Many events lie before the customer's first contract or after the last. They count for "
        "nothing, as nobody is at risk then.",
        "what a customer does lies within a contract, give or take a day",
        "see whether contracts are missing, the customer numbers are of another kind, or the "
        "clocks differ",
    )
