"""Follow-up from an index event: a new time zero inside a spell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import MICROSECONDS_PER_DAY, to_microseconds

COLUMNS = (
    "customer_id",
    "index_at",
    "start",
    "stop",
    "event",
    "exit_cause",
    "tenure_days",
    "segment",
    "site",
)


@dataclass(frozen=True)
class FollowUp:
    """Customers from their index event on.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per customer, in order of time zero: ``customer_id``, ``index_at`` (time zero),
        ``start`` (0), ``stop`` (days from time zero to exit or censoring), ``event``,
        ``exit_cause``, ``tenure_days`` at time zero, ``segment``, ``site``, and the further
        columns of the index events.
    audit : dict of str to int
        Index events by fate; the fates add up to ``total``.
    """

    frame: pd.DataFrame
    audit: dict[str, int]


def follow_up_from(spells: pd.DataFrame, index_events: pd.DataFrame) -> FollowUp:
    """Follow customers from their first index event while under observation.

    Parameters
    ----------
    spells : pandas.DataFrame
        As from :func:`build_spells`.
    index_events : pandas.DataFrame
        ``customer_id``, ``index_at``, and any columns to keep. To be used as exposure or
        covariate, a column must be known at that moment; a later one is an outcome.

    Returns
    -------
    FollowUp
        Nobody is followed before time zero, so there is no immortal time. An event at the very
        moment observation begins is followed, one at the moment of exit is not. Of several at
        one moment, the first in the order of their further columns counts, whatever the order
        of rows.

    Raises
    ------
    TableError
        If a column of the index events bears the name of a column of the result.
    """
    further = [name for name in index_events if name not in ("customer_id", "index_at")]
    clashing = sorted(set(COLUMNS) & set(map(str, further)))
    if clashing:
        raise TableError(
            f"Columns of the index events bear names of the result: {', '.join(clashing)}; "
            "rename them."
        )
    events = index_events[["customer_id", "index_at"]].reset_index(drop=True)
    bounds = spells[["customer_id", "entry_at", "stop_at"]].assign(spell=np.arange(len(spells)))
    pairs = events.rename_axis("row").reset_index().merge(bounds, on="customer_id")
    inside = (pairs["entry_at"] <= pairs["index_at"]) & (pairs["index_at"] < pairs["stop_at"])
    eligible = pairs[inside].set_index("row")
    first = _first_of_each(eligible, index_events.reset_index(drop=True)[further])
    is_known = events["customer_id"].isin(spells["customer_id"])
    audit = {
        "followed": len(first),
        "later_event_of_the_same_customer": len(eligible) - len(first),
        "not_under_observation": int(is_known.sum()) - len(eligible),
        "customer_never_at_risk": int((~is_known).sum()),
        "total": len(events),
    }
    kept = index_events[further].iloc[first.index.to_numpy()].reset_index(drop=True)
    return FollowUp(pd.concat([_outcome(spells, first), kept], axis="columns"), audit)


def _first_of_each(eligible: pd.DataFrame, further: pd.DataFrame) -> pd.DataFrame:
    """The first event of each customer, in order of time; the order of rows plays no part."""
    as_text = further.loc[eligible.index].astype("string").fillna("")
    keys = pd.concat([eligible, as_text.set_axis(range(as_text.shape[1]), axis="columns")], axis=1)
    order = ["index_at", *range(as_text.shape[1]), "customer_id"]
    return keys.sort_values(order, kind="stable").drop_duplicates("customer_id")


def _outcome(spells: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    spell = spells.iloc[first["spell"].to_numpy()].reset_index(drop=True)
    index_at = first["index_at"].reset_index(drop=True)
    zero = to_microseconds(index_at)
    return pd.DataFrame(
        {
            "customer_id": spell["customer_id"],
            "index_at": index_at,
            "start": 0.0,
            "stop": (to_microseconds(spell["stop_at"]) - zero) / MICROSECONDS_PER_DAY,
            "event": spell["event"],
            "exit_cause": spell["exit_cause"],
            "tenure_days": (zero - to_microseconds(spell["origin_at"])) / MICROSECONDS_PER_DAY,
            "segment": spell["segment"],
            "site": spell["site"],
        }
    )
