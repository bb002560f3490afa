"""Service quality from events: contacts, handoffs, denials, promises, incidents."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.measures.jumps import forget_after, jump

DENIED = ("denied", "denied_with_alternative")
MEANINGS = {
    "recent_contacts": "contacts in the last {memory_days:g} days",
    "open_contacts": "contacts not yet solved",
    "recent_handoffs": "handoffs in cases solved in the last {memory_days:g} days",
    "recent_broken_promises": "broken promises in the last {memory_days:g} days",
    "recent_requests": "requests decided in the last {memory_days:g} days",
    "recent_denials": "requests denied in the last {memory_days:g} days",
    "recent_incidents": "failures of the service in the last {memory_days:g} days",
}


def service_quality_jumps(
    tables: Mapping[str, pd.DataFrame], *, memory_days: float
) -> list[pd.DataFrame]:
    """Jumps of every service covariate that the tables allow.

    Handoffs count from when the case is solved, not from its opening or first answer: only then
    is their number known. The number of a case never solved may still have grown up to the day
    the data were drawn, so it counts nowhere. A case that was reopened counts as open from its
    first opening to its last solution, for the data hold no time in between.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables; any may be missing.
    memory_days : float
        How long an event counts as recent.
    """
    found = []
    if "contacts" in tables:
        found += _contact_jumps(tables["contacts"], memory_days)
    if "requests" in tables:
        decided = _decided(tables["requests"])
        denied = decided[decided["outcome"].isin(DENIED)]
        for covariate, events in (("recent_requests", decided), ("recent_denials", denied)):
            found.append(_recent(events, covariate, "decided_at", memory_days))
    if "incidents" in tables:
        failures = tables["incidents"][tables["incidents"]["kind"] == "failure"]
        found.append(_recent(failures, "recent_incidents", "occurred_at", memory_days))
    return found


def decided_requests(requests: pd.DataFrame) -> pd.DataFrame:
    """Decided requests as index events: when they were decided, and how.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``index_at``, ``decision`` ("denied", with or without an alternative,
        or "granted").
    """
    decided = _decided(requests)
    is_denied = decided["outcome"].isin(DENIED)
    return pd.DataFrame(
        {
            "customer_id": decided["customer_id"],
            "index_at": decided["decided_at"],
            "decision": is_denied.map({True: "denied", False: "granted"}).astype("string"),
        }
    ).reset_index(drop=True)


def first_contact_resolution(
    contacts: pd.DataFrame,
    *,
    known_until: pd.Timestamp,
    left_at: pd.Series | None = None,
    within_days: float = 7.0,
) -> pd.Series:
    """Whether each contact was settled at once, and stayed so.

    Settled: closed, never reopened, and no contact on the same topic in any channel within
    ``within_days`` after it was closed. A contact still open ``within_days`` after its opening is
    not settled.

    Parameters
    ----------
    contacts : pandas.DataFrame
        The contacts table.
    known_until : pandas.Timestamp
        When the data were drawn: a contact whose days run past it is not known yet.
    left_at : pandas.Series, optional
        Exit by customer: whoever left within the days counts as not settled, for those who are
        gone ask no more. None: exits play no part.
    within_days : float

    Returns
    -------
    pandas.Series
        Of type "boolean", by the index of ``contacts``; missing where it is not known yet.
    """
    days = pd.Timedelta(days=within_days)
    closed = contacts["resolved_at"]
    since = closed.fillna(contacts["opened_at"])
    is_settled = closed.notna() & (contacts["reopens"].fillna(0) == 0)
    ordered = contacts.assign(topic=contacts["topic"].fillna("")).sort_values("opened_at")
    following = ordered.groupby(["customer_id", "topic"])["opened_at"].shift(-1)
    is_back = following.reindex(contacts.index) <= since + days
    settled = is_settled & ~is_back
    if left_at is not None:
        left = contacts["customer_id"].map(left_at)
        settled &= ~((left >= contacts["opened_at"]) & (left <= since + days))
    return settled.astype("boolean").mask(since + days > known_until)


def promises_kept(contacts: pd.DataFrame, *, known_until: pd.Timestamp) -> pd.Series:
    """Whether each promise was kept: missing without a promise, or before it is due."""
    is_due = contacts["promise_due_at"] <= known_until
    return contacts["is_promise_kept"].astype("boolean").where(is_due.fillna(False))


def _decided(requests: pd.DataFrame) -> pd.DataFrame:
    return requests[requests["decided_at"].notna() & (requests["outcome"] != "open")]


def _contact_jumps(contacts: pd.DataFrame, memory_days: float) -> list[pd.DataFrame]:
    is_broken = ~contacts["is_promise_kept"].astype("boolean").fillna(True)
    broken = contacts[is_broken & contacts["promise_due_at"].notna()]
    return [
        _recent(contacts, "recent_contacts", "opened_at", memory_days),
        jump(contacts, covariate="open_contacts", at="opened_at", until=contacts["resolved_at"]),
        jump(
            contacts,
            covariate="recent_handoffs",
            at="resolved_at",
            since="opened_at",
            change="handoffs",
            until=forget_after(contacts["resolved_at"], memory_days),
        ),
        jump(
            broken,
            covariate="recent_broken_promises",
            at="promise_due_at",
            since="opened_at",
            until=forget_after(broken["promise_due_at"], memory_days),
        ),
    ]


def _recent(events: pd.DataFrame, covariate: str, at: str, memory_days: float) -> pd.DataFrame:
    return jump(events, covariate=covariate, at=at, until=forget_after(events[at], memory_days))
