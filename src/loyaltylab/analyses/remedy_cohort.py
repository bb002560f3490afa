"""H02: who is followed from a first denial, and when a remedy came."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import Protocol, ProtocolElement
from loyaltylab.errors import NotEstimableError
from loyaltylab.measures.service_quality import DENIED
from loyaltylab.timeline import follow_up_from

GRACE_DAYS = 14.0
REMEDIES, CONTACTS = "remedies", "contacts_since"


def remedy_cohort(data: StudyData) -> Cohort:
    """First denied requests, with the days to what followed: ``remedy_day``, missing if none.

    A remedy at the very instant of a request to cancel is one upon asking; it is no early one.

    Raises
    ------
    NotEstimableError
        If tables are missing, or nobody got a remedy.
    """
    need(data, "requests", "outreach")
    requests = data.tables["requests"]
    denied = requests[requests["outcome"].isin(DENIED)]
    denials = pd.DataFrame(
        {"customer_id": denied["customer_id"], "index_at": denied["decided_at"]}
    ).dropna()
    followed = follow_up_from(data.lives, denials.reset_index(drop=True))
    unasked = _unasked_remedies(data)
    if unasked.empty:
        raise NotEstimableError(
            "Not estimable: needs rows of outreach of kind 'remedy' that were sent before the "
            "customer asked to cancel."
        )
    frame = add_baseline(data, followed.frame)
    start = frame["site"].map(team_starts(data.tables))
    frame["site_has_team"] = (start <= frame["index_at"]).astype("float64")
    return Cohort(frame.assign(remedy_day=_first_day_after(frame, unasked)), followed.audit)


def _unasked_remedies(data: StudyData) -> pd.DataFrame:
    """Remedies but those given with a request to cancel: ``customer_id``, ``at``."""
    outreach = data.tables["outreach"]
    sent = outreach.loc[outreach["kind"] == "remedy", ["customer_id", "sent_at"]]
    journey = data.tables.get("cancellation_journey")
    if journey is not None:
        asked = journey.loc[journey["step"] == "requested", ["customer_id", "stepped_at"]]
        keys = pd.MultiIndex.from_frame(asked)
        sent = sent[~pd.MultiIndex.from_frame(sent).isin(keys)]
    return sent.rename(columns={"sent_at": "at"}).reset_index(drop=True)


def _first_day_after(frame: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """Days from time zero to the first event after it; missing where there is none."""
    pairs = frame[["customer_id", "index_at"]].merge(events, on="customer_id")
    pairs["day"] = (pairs["at"] - pairs["index_at"]) / pd.Timedelta(days=1)
    later = pairs[pairs["day"] > 0]
    return frame["customer_id"].map(later.groupby("customer_id")["day"].min())


def remedy_rows(data: StudyData, frame: pd.DataFrame, *, grace_days: float) -> pd.DataFrame:
    """Rows from the denial on, cut where a remedy comes or the customer makes contact again.

    Contacts count up to the end of the grace period; after it nothing is weighted any more.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``start``, ``stop``, ``exit_cause``, ``remedies`` and ``contacts_since``
        as known through the row, and the covariates of the cohort.
    """
    contacts = data.tables.get("contacts")
    cuts = [frame[["customer_id", "remedy_day"]].rename(columns={"remedy_day": "day"})]
    cuts[0] = cuts[0].dropna().assign(is_remedy=1.0)
    if contacts is not None:
        pairs = frame[["customer_id", "index_at"]].merge(
            contacts[["customer_id", "opened_at"]], on="customer_id"
        )
        days = (pairs["opened_at"] - pairs["index_at"]) / pd.Timedelta(days=1)
        again = pairs.assign(day=days, is_remedy=0.0)
        cuts.append(
            again.loc[(days > 0) & (days <= grace_days), ["customer_id", "day", "is_remedy"]]
        )
    events = pd.concat(cuts, ignore_index=True)
    starts = pd.concat(
        [frame[["customer_id"]].assign(day=0.0, is_remedy=np.nan), events], ignore_index=True
    ).merge(frame[["customer_id", "stop"]], on="customer_id")
    starts = starts[starts["day"] < starts["stop"]].sort_values(
        ["customer_id", "day"], kind="stable"
    )
    own = starts.groupby("customer_id", sort=False)
    rows = starts.assign(
        **{
            REMEDIES: own["is_remedy"].cumsum().fillna(0.0),
            CONTACTS: own["is_remedy"].transform(lambda part: (part == 0.0).cumsum()),
        }
    )
    rows = rows.drop_duplicates(["customer_id", "day"], keep="last")
    until = rows.groupby("customer_id", sort=False)["day"].shift(-1)
    rows = rows.assign(start=rows["day"], stop=until.fillna(rows["stop"]), is_last=until.isna())
    known = frame.drop(columns=["start", "stop", "remedy_day"])
    rows = rows[["customer_id", "start", "stop", REMEDIES, CONTACTS, "is_last"]].merge(
        known, on="customer_id"
    )
    rows["exit_cause"] = rows["exit_cause"].where(rows["is_last"] & rows["event"], "")
    return rows.drop(columns=["is_last", "event"]).reset_index(drop=True)


def timing_protocol(*, horizon_months: float) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    end = f"Exit, or {horizon_months:g} months"
    return Protocol(
        question="Does the same remedy keep more customers when it comes early?",
        estimand_kind="direct",
        eligibility=ProtocolElement(
            "Customers in their first life whose ordinary request is denied",
            "The same, at the first denial while under observation",
            "Denials before observation began are not seen",
        ),
        strategies=ProtocolElement(
            f"A remedy within {GRACE_DAYS:g} days of the denial, or only with a request to cancel",
            "The same, by when remedies were sent",
            "A remedy of another kind counts as the same",
        ),
        assignment=ProtocolElement(
            "By lot",
            "Taken to be by lot within what was known before, and contacts made since",
            "How firmly a customer insisted is not recorded",
        ),
        time_zero=ProtocolElement("The denial", "The denial", "none"),
        follow_up_end=ProtocolElement(
            end,
            f"{end}, or the end of the study window",
            "Denials late in the window are followed for less time",
        ),
        outcome=ProtocolElement("The end of service for any cause", "The same", "none"),
        causal_contrast=ProtocolElement(
            "By strategy, as followed (per protocol)",
            "Clones of everybody under both strategies, censored when they no longer follow theirs",
            "none",
        ),
        identifying_assumptions=ProtocolElement(
            "None beyond the lot and following it",
            "When a remedy comes depends on nothing else that moves leaving; both were possible "
            "for everybody; censoring says nothing about the exit",
            "Not testable; the negative control and the E-value bear on it",
        ),
        analysis_plan=ProtocolElement(
            f"Difference of restricted means over {horizon_months:g} months",
            "The same, weighted by the inverse probability to have followed the strategy, errors "
            "by customer",
            "The weights are taken as known, which makes errors a little too large",
        ),
    )
