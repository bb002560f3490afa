"""Promises kept, speed and helpfulness: what a contact was like, and from when that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.measures.jumps import forget_after
from loyaltylab.measures.service_quality import first_contact_resolution, promises_kept

GOOD, BAD, BETWEEN = "good", "bad", "between"
BOT = "bot"
SETTLED_WITHIN_DAYS = 7.0


def component_events(
    contacts: pd.DataFrame, *, known_until: pd.Timestamp
) -> dict[str, pd.DataFrame]:
    """Index events of each component of service that the contacts tell of.

    - ``promises kept``: from when the promise was due; kept or broken.
    - ``speed``: from the first reply; the wait within the first quarter of all waits, beyond the
      third, or between.
    - ``helpfulness``: from 7 days after the contact was closed, or opened if still open; settled
      at first contact or not.

    Contacts with a bot are left out. A component that nobody has is left out.

    Parameters
    ----------
    contacts : pandas.DataFrame
        The contacts table.
    known_until : pandas.Timestamp
        When the data were drawn.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``customer_id``, ``index_at``, ``opened_at``, ``service`` ("good", "bad" or "between"),
        ``topic``, ``channel``, ``log_wait`` (not for speed); for helpfulness also
        ``handoffs_then``.
    """
    people = contacts[contacts["channel"].fillna("unknown") != BOT]
    kept = promises_kept(people, known_until=known_until)
    settled = first_contact_resolution(people, known_until=known_until)
    closed = people["resolved_at"].fillna(people["opened_at"])
    found = {
        "promises kept": _describe(people, people["promise_due_at"], _good_if(kept)),
        "speed": _describe(people, people["first_replied_at"], _quarters(people["wait_minutes"])),
        "helpfulness": _describe(
            people, forget_after(closed, SETTLED_WITHIN_DAYS), _good_if(settled)
        ).assign(handoffs_then=people["handoffs"].fillna(0).astype("float64")),
    }
    found["speed"] = found["speed"].drop(columns="log_wait")
    known = {
        name: events[events["service"].notna() & events["index_at"].notna()]
        for name, events in found.items()
    }
    return {name: events.reset_index(drop=True) for name, events in known.items() if len(events)}


def _describe(people: pd.DataFrame, at: pd.Series, service: pd.Series) -> pd.DataFrame:
    wait = people["wait_minutes"]
    return pd.DataFrame(
        {
            "customer_id": people["customer_id"],
            "index_at": at,
            "opened_at": people["opened_at"],
            "service": service,
            "topic": people["topic"].fillna("unknown"),
            "channel": people["channel"].fillna("unknown"),
            "log_wait": np.log1p(wait.fillna(wait.median()).fillna(0.0)),
        }
    )


def _good_if(flag: pd.Series) -> pd.Series:
    return flag.map({True: GOOD, False: BAD}).astype("string")


def _quarters(wait: pd.Series) -> pd.Series:
    """Good up to the first quartile, bad from the third; missing where no wait is on file."""
    first, third = wait.quantile(0.25), wait.quantile(0.75)
    if not first < third:
        return pd.Series(pd.NA, index=wait.index, dtype="string")
    names = np.where(wait <= first, GOOD, np.where(wait >= third, BAD, BETWEEN))
    return pd.Series(names, index=wait.index, dtype="string").mask(wait.isna())
