"""First contacts with a person: by how often they were handed on, as known 72 hours later."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import (
    FEWEST_DIFFERENT,
    Cohort,
    StudyData,
    add_baseline,
    need,
)
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import landmark
from loyaltylab.errors import NotEstimableError
from loyaltylab.timeline import follow_up_from

MANY, FEW = "three handoffs or more", "at most one handoff"
TWO, OPEN = "two handoffs", "still open"
HANDLED = "handled"
FROM, UP_TO = 3, 1
LANDMARK_DAYS = 3.0
SEVERITY_DAYS = 30.0
BOT = "bot"
FURTHER = ("topic", "channel", "recent_severity")
DAY = pd.Timedelta(days=1)


def handled_contacts(data: StudyData) -> Cohort:
    """First contacts with a person, from their opening, with what was known before it.

    A bot hands nothing on, and a site with its team almost nothing, so contacts with the one or
    at the other are left out: with them nobody could be compared. ``known_day`` is when the
    handoffs became known, missing where that took more than 72 hours; ``handoffs_then`` is their
    number, missing likewise.
    """
    need(data, "contacts")
    contacts = data.tables["contacts"]
    with_person = contacts[contacts["channel"].fillna("unknown") != BOT]
    if with_person["handoffs"].isna().all():
        raise NotEstimableError("Not estimable: needs the number of handoffs of contacts.")
    events = pd.DataFrame(
        {
            "customer_id": with_person["customer_id"],
            "index_at": with_person["opened_at"],
            "resolved_at": with_person["resolved_at"],
            "handoffs": with_person["handoffs"].astype("float64"),
            "topic": with_person["topic"].fillna("unknown"),
            "channel": with_person["channel"].fillna("unknown"),
        }
    )
    followed = follow_up_from(data.lives, events)
    frame = add_baseline(data, followed.frame)
    known = (frame["resolved_at"] - frame["index_at"]) / DAY
    is_known = known < LANDMARK_DAYS
    has_team = frame["site"].map(team_starts(data.tables)) <= frame["index_at"]
    whole = frame.assign(
        known_day=known.where(is_known),
        handoffs_then=frame["handoffs"].where(is_known),
        recent_severity=recent_severity(data, frame),
    ).drop(columns="resolved_at")
    n_followed = followed.audit.pop("followed")
    audit = {"followed": n_followed - int(has_team.sum()), "site_has_its_team": int(has_team.sum())}
    return Cohort(whole[~has_team].reset_index(drop=True), {**audit, **followed.audit})


def handoff_cohort(data: StudyData, opened: Cohort) -> Cohort:
    """Customers of :func:`handled_contacts` 72 hours later, by the handoffs known by then.

    Whoever had asked to cancel by then is left out. Time zero, and ``index_at``, is the landmark;
    ``asked_day`` is the day of the first request to cancel after it, missing without one.
    """
    asked_before = _has_asked(data, opened.frame)
    mine = opened.frame[~asked_before].reset_index(drop=True)
    mine = mine.assign(**{HANDLED: classify(mine["handoffs_then"])})
    kept = [name for name in mine if name not in ("customer_id", "start", "stop", "event")]
    kept.remove("exit_cause")
    taken = landmark(
        mine, landmark_day=LANDMARK_DAYS, columns=kept, known_on={"handoffs_then": "known_day"}
    )
    frame = taken.frame.assign(index_at=taken.frame["index_at"] + LANDMARK_DAYS * DAY)
    fates = {name: n for name, n in opened.audit.items() if name not in ("followed", "total")}
    audit = {
        "followed_from_72_hours_on": taken.flow["followed"],
        "asked_to_cancel_or_left_before": int(asked_before.sum())
        + taken.flow["left_before"]
        + taken.flow["censored_before"],
        **fates,
        "total": opened.audit["total"],
    }
    return Cohort(frame.assign(asked_day=_days_to_request(data, frame)), audit)


def requests_to_cancel(data: StudyData) -> pd.DataFrame:
    """Every request to cancel: ``customer_id``, ``requested_at``, from the journey and the lives.

    Without the journey only requests that ended a life are known.
    """
    known = [data.lives[["customer_id", "requested_at"]].dropna()]
    journey = data.tables.get("cancellation_journey")
    if journey is not None:
        steps = journey[journey["step"] == "requested"]
        renamed = steps.rename(columns={"stepped_at": "requested_at"})
        known.append(renamed[["customer_id", "requested_at"]])
    return pd.concat(known, ignore_index=True).drop_duplicates(ignore_index=True)


def classify(handoffs: pd.Series) -> pd.Series:
    """Group by the number of handoffs; missing is still open.

    Examples
    --------
    >>> classify(pd.Series([0.0, 1.0, 2.0, 3.0, None])).tolist()[2:]
    ['two handoffs', 'three handoffs or more', 'still open']
    """
    names = np.select(
        [handoffs.isna(), handoffs >= FROM, handoffs <= UP_TO], [OPEN, MANY, FEW], default=TWO
    )
    return pd.Series(names, index=handoffs.index, dtype="string")


def take_pair(frame: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The two groups; topics and channels too rare to be compared count as the usual one."""
    pair = frame[frame[HANDLED].isin([MANY, reference])].reset_index(drop=True)
    return pair.assign(
        **{name: merge_rare(pair[name], pair[HANDLED]) for name in ("topic", "channel")}
    )


def merge_rare(values: pd.Series, groups: pd.Series) -> pd.Series:
    """Categories with too few customers in one of the groups, as the most frequent one.

    Left alone they would decide the group of the few who have them.

    Examples
    --------
    >>> values = pd.Series(["call"] * 24 + ["letter"])
    >>> merge_rare(values, pd.Series([*"ab" * 12, "a"])).unique().tolist()
    ['call']
    """
    counts = pd.crosstab(values, groups).min(axis="columns")
    rare = counts.index[counts < FEWEST_DIFFERENT]
    return values.where(~values.isin(rare), values.mode().iloc[0])


def recent_severity(data: StudyData, frame: pd.DataFrame) -> pd.Series:
    """Severity of the last failure in the month before the opening; 0 without one on file."""
    nothing = pd.Series(0.0, index=frame.index)
    incidents = data.tables.get("incidents")
    if incidents is None or "severity" not in incidents:
        return nothing
    failures = incidents[(incidents["kind"] == "failure") & incidents["severity"].notna()]
    asked = frame[["customer_id", "index_at"]].assign(place=frame.index)
    found = pd.merge_asof(
        asked.sort_values("index_at", kind="stable"),
        failures[["customer_id", "occurred_at", "severity"]].sort_values("occurred_at"),
        left_on="index_at",
        right_on="occurred_at",
        by="customer_id",
        tolerance=SEVERITY_DAYS * DAY,
    ).set_index("place")
    return found["severity"].reindex(frame.index).fillna(0.0).astype("float64")


def _has_asked(data: StudyData, frame: pd.DataFrame) -> pd.Series:
    """Whether the request that ended the life came before the landmark."""
    asked = frame["customer_id"].map(data.lives.set_index("customer_id")["requested_at"])
    return (asked <= frame["index_at"] + LANDMARK_DAYS * DAY).fillna(False).astype(bool)


def _days_to_request(data: StudyData, frame: pd.DataFrame) -> pd.Series:
    asked = frame[["customer_id", "index_at"]].merge(requests_to_cancel(data), on="customer_id")
    days = (asked["requested_at"] - asked["index_at"]) / DAY
    first = days[days > 0].groupby(asked["customer_id"]).min()
    return frame["customer_id"].map(first).astype("float64")
