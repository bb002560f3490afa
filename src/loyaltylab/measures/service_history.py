"""The service a customer has had so far: totals, the last rating, and how long ago contact was.

Besides the covariates of the last weeks (``service_quality``), for models of a customer's whole
history. Every value is known before the time it acts on.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyaltylab.measures.jumps import forget_after, jump, value_jumps

# Days after a contact from which, and up to which, each band holds.
CONTACT_BANDS = {
    "contact_within_7_days": (0, 7),
    "contact_8_to_30_days_ago": (7, 30),
    "contact_31_to_90_days_ago": (30, 90),
}
MEANINGS = {
    "total_contacts": "contacts so far",
    "total_failures": "failures of the service so far",
    "total_handoffs": "handoffs so far, in cases solved",
    "last_rating": "last rating given after a contact, 0 worst to 1 best",
    "contact_within_7_days": "last contact at most 7 days ago",
    "contact_8_to_30_days_ago": "last contact more than 7 and at most 30 days ago",
    "contact_31_to_90_days_ago": "last contact more than 30 and at most 90 days ago",
}
CARRIED = ("last_rating",)


def service_history_jumps(tables: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """Jumps of every covariate of the service so far that the tables allow.

    Totals and bands start anew with each spell; the last rating is carried.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables; any may be missing.

    Returns
    -------
    list of pandas.DataFrame
        As from :func:`loyaltylab.measures.jumps.jump`.
    """
    found = []
    if "contacts" in tables:
        contacts = tables["contacts"]
        found = [
            jump(contacts, covariate="total_contacts", at="opened_at"),
            total_handoff_jumps(contacts),
            last_rating_jumps(contacts),
            contact_band_jumps(contacts),
        ]
    if "incidents" in tables:
        failures = tables["incidents"][tables["incidents"]["kind"] == "failure"]
        found.append(jump(failures, covariate="total_failures", at="occurred_at"))
    return found


def total_handoff_jumps(contacts: pd.DataFrame) -> pd.DataFrame:
    """Handoffs so far: those of a case count from its solution, when their number is known."""
    return jump(
        contacts,
        covariate="total_handoffs",
        at="resolved_at",
        since="opened_at",
        change="handoffs",
    )


def last_rating_jumps(contacts: pd.DataFrame) -> pd.DataFrame:
    """The last rating, from when it came in; missing before the first one.

    Of several at one moment, the one of the contact opened last is in force, then the one with
    the last ``contact_id``. A rating without a time says nothing.
    """
    return value_jumps(
        contacts,
        covariate="last_rating",
        at="rated_at",
        value="satisfaction_share",
        tie_order=("opened_at", "contact_id"),
    )


def contact_band_jumps(contacts: pd.DataFrame) -> pd.DataFrame:
    """Days since the last contact, as 0/1 steps: up to 7, 8 to 30 and 31 to 90 days ago.

    All are 0 if the last contact in this spell is more than 90 days ago or there was none: the
    band to compare with. A contact at t makes (t, t + 7] the first band, (t + 7, t + 30] the
    second and (t + 30, t + 90] the third, each only up to the next contact.

    Parameters
    ----------
    contacts : pandas.DataFrame
        The contacts table.

    Returns
    -------
    pandas.DataFrame
        As from :func:`loyaltylab.measures.jumps.jump`.
    """
    last = contacts[["customer_id", "opened_at"]].drop_duplicates()
    last = last.sort_values(["customer_id", "opened_at"], ignore_index=True)
    following = last.groupby("customer_id")["opened_at"].shift(-1)
    found = []
    for name, (after, up_to) in CONTACT_BANDS.items():
        begin, end = (forget_after(last["opened_at"], days) for days in (after, up_to))
        is_reached = following.isna() | (begin < following)
        found.append(
            jump(
                last.assign(begin=begin)[is_reached],
                covariate=name,
                at="begin",
                since="opened_at",
                until=end.where(following.isna() | (end < following), following)[is_reached],
            )
        )
    return pd.concat(found, ignore_index=True)
