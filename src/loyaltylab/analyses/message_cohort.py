"""H18: who is followed from a first failure, and when a message told of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import Cohort, StudyData, add_baseline, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import Protocol, ProtocolElement
from loyaltylab.errors import NotEstimableError
from loyaltylab.timeline import follow_up_from

TOLD, UNTOLD = "told of it", "not told"
MESSAGE = "message"  # the column of the two groups
WITHIN_DAYS = 3.0
CONTACT_DAYS = 30.0
FURTHER = ("severity", "detection_hour")
DAY = pd.Timedelta(days=1)
_LANDMARK = "landmark_day"


def failure_cohort(data: StudyData) -> Cohort:
    """First failures under observation, from their detection, with the days to the message.

    ``message_day`` is missing where no message came before the next failure, and ``asked_day``,
    of the first contact, where none came. Sites with an integrated team are left out: there
    nobody goes without a message. Covariates are as known at the detection.

    Raises
    ------
    NotEstimableError
        If tables are missing, nobody was told, or everybody was.
    """
    need(data, "incidents", "outreach", "contacts")
    failures = _failures(data)
    followed = follow_up_from(data.lives, failures)
    start = followed.frame["site"].map(team_starts(data.tables))
    has_team = (start <= followed.frame["index_at"]).to_numpy()
    frame = add_baseline(data, followed.frame[~has_team].reset_index(drop=True))
    clock = frame["index_at"] - frame["index_at"].dt.normalize()
    told = frame.assign(
        detection_hour=clock / pd.Timedelta(hours=1),
        message_day=_first_message(data, frame, failures),
        asked_day=_first_contact(data, frame),
    )
    is_told = told["message_day"] <= WITHIN_DAYS
    if is_told.all() or not is_told.any():
        raise NotEstimableError(
            "Not estimable: needs failures of which some customers were told within "
            f"{WITHIN_DAYS:g} days (rows of outreach of kind 'proactive_message') and others not, "
            "at sites without an integrated team."
        )
    n_followed = followed.audit.pop("followed")
    n_team = int(has_team.sum())
    return Cohort(
        told, {"followed": n_followed - n_team, "site_has_its_team": n_team, **followed.audit}
    )


def message_cohort(failures: Cohort) -> Cohort:
    """Customers of :func:`failure_cohort` from the moment a message went out, or would have.

    Those told are followed from their message. Those not told within three days get the delay of
    the customer told whose failure was detected at the nearest time of day, since messages keep
    office hours. Whoever had left or made contact by then is left out of either group, so that
    all are still customers, and have not asked, when they are first told or not. Time zero, and
    ``index_at``, is that moment.
    """
    frame = failures.frame
    is_told = (frame["message_day"] <= WITHIN_DAYS).to_numpy()
    delay = np.where(is_told, frame["message_day"], _borrow_delays(frame, is_told))
    has_left = (frame["stop"] <= delay).to_numpy()
    has_asked = (frame["asked_day"] <= delay).to_numpy() & ~has_left
    kept = ~(has_left | has_asked)
    moved = frame.assign(
        **{
            MESSAGE: np.where(is_told, TOLD, UNTOLD),
            _LANDMARK: delay,
            "stop": frame["stop"] - delay,
            "index_at": frame["index_at"] + pd.to_timedelta(delay, unit="D").astype("m8[us]"),
        }
    )
    fates = {name: n for name, n in failures.audit.items() if name != "followed"}
    audit = {
        "followed_from_the_message_or_its_moment_on": int(kept.sum()),
        "left_before": int(has_left.sum()),
        "asked_before": int(has_asked.sum()),
        **fates,
    }
    return Cohort(moved[kept].reset_index(drop=True), audit)


def _borrow_delays(frame: pd.DataFrame, is_told: np.ndarray) -> np.ndarray:
    """Days to the message of the customer told whose time of detection is nearest on the clock.

    Of several at one time of day the shortest delay counts, whatever the order of rows.
    """
    told = frame.loc[is_told, ["detection_hour", "message_day"]]
    told = told.sort_values(["detection_hour", "message_day"]).drop_duplicates("detection_hour")
    asked = frame[["detection_hour"]].assign(place=np.arange(len(frame)))
    found = pd.merge_asof(
        asked.sort_values("detection_hour", kind="stable"),
        told,
        on="detection_hour",
        direction="nearest",
    )
    return found.sort_values("place")["message_day"].to_numpy(dtype=np.float64)


def _failures(data: StudyData) -> pd.DataFrame:
    incidents = data.tables["incidents"]
    failures = incidents[incidents["kind"] == "failure"]
    known = {"customer_id": failures["customer_id"], "index_at": failures["occurred_at"]}
    if "severity" in failures and failures["severity"].notna().all():
        known["severity"] = failures["severity"].astype("float64")
    return pd.DataFrame(known).reset_index(drop=True)


def _first_message(data: StudyData, frame: pd.DataFrame, failures: pd.DataFrame) -> pd.Series:
    """Days to the first message that came before the next failure; missing without one."""
    outreach = data.tables["outreach"]
    sent = outreach.loc[outreach["kind"] == "proactive_message", ["customer_id", "sent_at"]]
    matched = pd.merge_asof(
        sent.sort_values("sent_at"),
        failures[["customer_id", "index_at"]].sort_values("index_at"),
        left_on="sent_at",
        right_on="index_at",
        by="customer_id",
    ).dropna(subset=["index_at"])
    first = matched.groupby(["customer_id", "index_at"])["sent_at"].min().rename("sent_at")
    pairs = frame[["customer_id", "index_at"]].merge(
        first.reset_index(), on=["customer_id", "index_at"], how="left"
    )
    days = (pairs["sent_at"] - pairs["index_at"]) / DAY
    # A message after the exit is no message to a customer.
    return days.where(days < frame["stop"].to_numpy()).set_axis(frame.index)


def _first_contact(data: StudyData, frame: pd.DataFrame) -> pd.Series:
    asked = frame[["customer_id", "index_at"]].merge(
        data.tables["contacts"][["customer_id", "opened_at"]], on="customer_id"
    )
    days = (asked["opened_at"] - asked["index_at"]) / DAY
    first = days[days > 0].groupby(asked["customer_id"]).min()
    return frame["customer_id"].map(first).astype("float64")


def message_protocol(*, horizon_months: float) -> Protocol:
    """The trial one would have wanted, and what is done instead."""
    end = f"{CONTACT_DAYS:g} days for contacts, {horizon_months:g} months for exits"
    return Protocol(
        question="Does telling customers of a failure before they ask spare contacts, or exits?",
        estimand_kind="direct",
        eligibility=ProtocolElement(
            "Customers in their first life hit by a failure, at a site without an integrated team",
            "The same, at their first failure under observation; not if they had left or made "
            "contact by the time of the message",
            "Failures before observation began are not seen; where a team tells everybody nobody "
            "can be compared",
        ),
        strategies=ProtocolElement(
            f"A message within {WITHIN_DAYS:g} days of the detection, or none",
            "The same, by when messages were sent; one that came after the next failure belongs "
            "to that",
            "What the message said, and whether it was read, is not on file",
        ),
        assignment=ProtocolElement(
            "By lot",
            "Taken to be by lot within severity, hour of detection, tenure, date, price and "
            "recent service",
            "Whom the provider thought worth telling, if that was not recorded",
        ),
        time_zero=ProtocolElement(
            "The detection",
            "The message; for those not told, as long after the detection as for the customer "
            "told whose failure was detected at the nearest time of day",
            "Exits and contacts between detection and message play no part; nobody has to stay, "
            "or to keep silent, in order to count as told",
        ),
        follow_up_end=ProtocolElement(
            end,
            f"{end}, or the end of the study window",
            "Failures late in the window are followed for less time",
        ),
        outcome=ProtocolElement(
            "Contacts; the end of service for any cause",
            "The same; an exit ends the contacts and is no missing value",
            "none",
        ),
        causal_contrast=ProtocolElement(
            "By what was sent after the first failure",
            "By what was sent after the first failure, whatever came later",
            "Who was told after later failures is part of the follow-up",
        ),
        identifying_assumptions=ProtocolElement(
            "None beyond the lot",
            "Nothing that is not recorded moves both the message and contacts or leaving; both "
            "were possible for everybody; censoring says nothing about either",
            "Not testable; negative controls and E-values bear on it",
        ),
        analysis_plan=ProtocolElement(
            "Difference of the mean number of contacts, and of months retained",
            "The same: contacts weighted by the inverse probability of the group, months doubly "
            "robust, errors by customer",
            "Errors of contacts take the weights as known, which makes them a little too wide",
        ),
    )
