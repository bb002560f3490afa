"""Measures of service quality from the logs, and how reliable scores of units are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.analyses.study_data import StudyData, need
from loyaltylab.analyses.teams import team_starts
from loyaltylab.designs import fit_propensity
from loyaltylab.errors import EstimationError
from loyaltylab.measures.reliability import (
    Reliability,
    SplitHalf,
    one_way_icc,
    shrink_scores,
    split_half,
    tickets_for_reliability,
)
from loyaltylab.measures.service_quality import (
    decided_requests,
    first_contact_resolution,
    promises_kept,
)
from loyaltylab.survival import Estimate, kaplan_meier
from loyaltylab.survival.intervals import normal_quantile

BOT = "bot"
MINUTE = pd.Timedelta(minutes=1)


@dataclass(frozen=True, eq=False)
class Ratings:
    """Satisfied customers among those who rate, and what those who do not might have said.

    Attributes
    ----------
    response : Estimate
        Share of contacts with a person that were rated.
    rated : Estimate
        Mean rating of those, as a share.
    weighted : Estimate or None
        Those rated, weighted to stand for all; None where the response cannot be modelled.
    lowest, highest : float
        If all others had been dissatisfied, and if all had been satisfied.
    """

    response: Estimate
    rated: Estimate
    weighted: Estimate | None
    lowest: float
    highest: float


@dataclass(frozen=True, eq=False)
class UnitScore:
    """One score of agents or sites, and how reliable it is.

    Attributes
    ----------
    score, unit : str
        Such as "settled at once" and "agent".
    reliability : Reliability
    halves : SplitHalf or None
        None where too few units have two tickets.
    tickets_needed : int or None
        For a reliability of .70; None where units do not differ more than by chance.
    spread : tuple of float
        Tenth and ninetieth percentile of the means of units as they are.
    shrunken_spread : tuple of float
        The same once every mean is drawn to that of all by as much as it may be luck.
    """

    score: str
    unit: str
    reliability: Reliability
    halves: SplitHalf | None
    tickets_needed: int | None
    spread: tuple[float, float]
    shrunken_spread: tuple[float, float]


def read_tickets(data: StudyData) -> pd.DataFrame:
    """Contacts with everything scored: ``is_settled`` and the like, missing where not known.

    Adds ``is_settled``, ``is_settled_and_stayed`` (leaving within the days counts against it),
    ``is_kept``, ``site`` of the customer, ``is_person`` and ``site_has_team``.
    """
    need(data, "contacts")
    contacts = data.tables["contacts"].reset_index(drop=True)
    end = data.window_end_at
    left = data.lives[data.lives["event"]].set_index("customer_id")["stop_at"]
    site = data.tables["customers"].set_index("customer_id")["site"]
    sites = contacts["customer_id"].map(site)
    start = sites.map(team_starts(data.tables))
    return contacts.assign(
        is_settled=first_contact_resolution(contacts, known_until=end),
        is_settled_and_stayed=first_contact_resolution(contacts, known_until=end, left_at=left),
        is_kept=promises_kept(contacts, known_until=end),
        site=sites,
        is_person=contacts["channel"].fillna("unknown") != BOT,
        site_has_team=(start <= contacts["opened_at"]).astype("float64"),
    )


def service_shares(
    data: StudyData, tickets: pd.DataFrame, *, confidence_level: float
) -> dict[str, Estimate]:
    """Shares settled at once, promises kept and requests denied, errors by customer.

    A share nobody can have (no promises on file, no requests) is left out.
    """
    people = tickets[tickets["is_person"]]
    asked = {
        "settled at first contact": (people, "is_settled"),
        "the same, leaving within the days counts as not settled": (
            people,
            "is_settled_and_stayed",
        ),
        "promises kept, of those due": (tickets, "is_kept"),
    }
    if "requests" in data.tables:
        decided = decided_requests(data.tables["requests"])
        denied = decided.assign(is_denied=decided["decision"] == "denied")
        asked["requests denied, of those decided"] = (denied, "is_denied")
    return {
        name: estimate_mean(
            part.loc[part[column].notna(), column],
            cluster=part.loc[part[column].notna(), "customer_id"],
            confidence_level=confidence_level,
        )
        for name, (part, column) in asked.items()
        if part[column].notna().any()
    }


def estimate_mean(
    values: pd.Series,
    *,
    cluster: pd.Series,
    weights: pd.Series | None = None,
    confidence_level: float = 0.95,
) -> Estimate:
    """Mean of shares, with an error over clusters (ratio estimator) and limits within 0 and 1.

    Examples
    --------
    >>> estimate_mean(pd.Series([1.0, 0.0, 1.0, 1.0]), cluster=pd.Series([1, 2, 3, 4])).value
    0.75
    """
    own = np.ones(len(values)) if weights is None else weights.to_numpy(dtype=np.float64)
    score = values.to_numpy(dtype=np.float64)
    if not len(score):
        raise EstimationError("There is nothing to take the mean of.")
    mean = float(np.average(score, weights=own))
    codes, units = pd.factorize(cluster)
    sums = np.bincount(codes, weights=own * (score - mean))
    error = math.sqrt(float(np.sum(sums**2))) / float(own.sum())
    reach = normal_quantile(confidence_level) * error
    return Estimate(
        value=mean,
        standard_error=error,
        ci_lower=max(mean - reach, 0.0),
        ci_upper=min(mean + reach, 1.0),
        confidence_level=confidence_level,
        n=len(score),
        n_events=round(float(score.sum())),
        unit="share",
        method=f"mean, error over {len(units)} customers",
    )


def waiting_medians(
    tickets: pd.DataFrame, data: StudyData, *, confidence_level: float
) -> dict[str, Estimate]:
    """Median minutes to the first reply and to the solution, contacts with a person.

    A contact not answered, or not solved, when the data were drawn or when the customer left is
    censored then (Kaplan-Meier); one closed without an answer at its closing.
    """
    people = tickets[tickets["is_person"]]
    left = people["customer_id"].map(data.lives.set_index("customer_id")["stop_at"])
    last = left.where(left > people["opened_at"]).fillna(data.window_end_at)
    last = last.where(last > people["opened_at"], people["opened_at"] + MINUTE)
    closed = people["resolved_at"].where(people["resolved_at"] > people["opened_at"])
    found = {}
    for name, at, until in (
        ("first reply", people["first_replied_at"], closed.fillna(last)),
        ("solution", people["resolved_at"], last),
    ):
        if not at.notna().any():
            continue
        end = at.fillna(until)
        minutes = (end - people["opened_at"]) / MINUTE
        is_timed = minutes > 0
        curve = kaplan_meier(
            np.zeros(int(is_timed.sum())),
            minutes[is_timed],
            at.notna()[is_timed],
            confidence_level=confidence_level,
        )
        found[f"minutes to the {name}, median"] = curve.quantile(0.5, unit="minutes")
    return found


def estimate_ratings(tickets: pd.DataFrame, *, confidence_level: float) -> Ratings:
    """Satisfaction as rated, weighted for who rates, and its bounds.

    Who rates is modelled by topic, channel, handoffs, wait, whether it was settled, the team and
    the year. Errors take the weights as known.

    Raises
    ------
    EstimationError
        If nobody rated.
    """
    people = tickets[tickets["is_person"]].reset_index(drop=True)
    is_rated = people["satisfaction_share"].notna()
    if not is_rated.any():
        raise EstimationError("Nobody rated a contact.")
    level = {"confidence_level": confidence_level}
    response = estimate_mean(is_rated, cluster=people["customer_id"], **level)
    mine = people[is_rated]
    rated = estimate_mean(mine["satisfaction_share"], cluster=mine["customer_id"], **level)
    try:
        model = fit_propensity(is_rated, _response_covariates(people))
        weights = pd.Series(1 / model.probability, index=people.index)[is_rated]
        weighted = estimate_mean(
            mine["satisfaction_share"], cluster=mine["customer_id"], weights=weights, **level
        )
    except EstimationError:
        weighted = None
    share = response.value
    lowest = share * rated.value
    return Ratings(response, rated, weighted, lowest, lowest + 1 - share)


def _response_covariates(people: pd.DataFrame) -> pd.DataFrame:
    wait, year = people["wait_minutes"], people["opened_at"].dt.year
    known = pd.DataFrame(
        {
            "topic": people["topic"].fillna("unknown").astype("string"),
            "channel": people["channel"].fillna("unknown").astype("string"),
            "handoffs": people["handoffs"].fillna(0).astype("float64"),
            "log_wait": np.log1p(wait.fillna(wait.median()).fillna(0.0)),
            "is_closed": people["resolved_at"].notna().astype("float64"),
            "site_has_team": people["site_has_team"],
            "years": (year - year.min()).astype("float64"),
        }
    )
    return known.loc[:, known.nunique() > 1]


def score_units(tickets: pd.DataFrame, *, confidence_level: float) -> list[UnitScore]:
    """Reliability of every score of agents and sites that the tickets allow."""
    people = tickets[tickets["is_person"]].sort_values("opened_at", kind="stable")
    scores: Mapping[str, pd.Series] = {
        "settled at first contact": people["is_settled"].astype("Float64"),
        "promise kept": people["is_kept"].astype("Float64"),
        "rating": people["satisfaction_share"].astype("Float64"),
        "handoffs": people["handoffs"].astype("Float64"),
    }
    found = []
    for unit in ("agent", "site"):
        for name, score in scores.items():
            is_known = score.notna() & people[unit].notna()
            try:
                found.append(
                    score_unit(
                        score[is_known].to_numpy(dtype=np.float64),
                        people.loc[is_known, unit].to_numpy(dtype=object),
                        names=(name, unit),
                        confidence_level=confidence_level,
                    )
                )
            except EstimationError:
                continue
    return found


def score_unit(
    score: np.typing.NDArray[np.float64],
    unit: np.typing.NDArray[np.object_],
    *,
    names: tuple[str, str],
    confidence_level: float = 0.95,
) -> UnitScore:
    """One score: correlation, halves, tickets needed, and its spread before and after shrinking.

    Raises
    ------
    EstimationError
        As :func:`one_way_icc`.
    """
    reliability = one_way_icc(score, unit, confidence_level=confidence_level)
    try:
        halves = split_half(score, unit)
    except EstimationError:
        halves = None
    shrunken = shrink_scores(score, unit)
    return UnitScore(
        score=names[0],
        unit=names[1],
        reliability=reliability,
        halves=halves,
        tickets_needed=tickets_for_reliability(reliability.icc) if reliability.icc > 0 else None,
        spread=_spread(shrunken["mean"]),
        shrunken_spread=_spread(shrunken["shrunken"]),
    )


def _spread(means: pd.Series) -> tuple[float, float]:
    return float(means.quantile(0.1)), float(means.quantile(0.9))
