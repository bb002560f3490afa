"""(start, stop] rows of customers with ties: how long ago a neighbour left, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from loyaltylab.analyses.study_data import StudyData, need
from loyaltylab.errors import NotEstimableError
from loyaltylab.survival.arrays import FloatArray, IntArray

DAY = pd.Timedelta(days=1)
# Why a neighbour left: over service, over price, or by what the provider cannot bring about.
REASONS: Mapping[str, tuple[str, ...]] = {
    "service": ("service",),
    "price": ("price_competitor",),
    "control": ("life_event", "payment_failure"),
}
REASON_WORDS: Mapping[str, str] = {
    "service": "over service",
    "price": "over price",
    "control": "by life event or failed payment",
}
Clock = Literal["calendar", "tenure"]
Lags = tuple[float, float]  # days since the neighbour's exit, (lower, upper]; below 0: before it


@dataclass(frozen=True, eq=False)
class TiedCustomers:
    """Customers with a tie to another, each until a first request to cancel, and their ties.

    Attributes
    ----------
    frame : pandas.DataFrame
        One line per customer: customer_id, entry, stop (days since the window began), origin
        (the start of tenure on that clock), event (a request to cancel), site, component (the
        number of the group of customers connected by ties).
    ties : pandas.DataFrame
        One line per customer and neighbour who left: place (line of ``frame``), left (day of
        the neighbour's end of service), reason (one of ``REASONS``).
    audit : dict of str to int
        Customers and ties by what became of them.
    """

    frame: pd.DataFrame
    ties: pd.DataFrame
    audit: dict[str, int]


def tied_customers(data: StudyData, *, event: str = "requested") -> TiedCustomers:
    """Who can hear of a neighbour's exit, and the exits of their neighbours.

    Parameters
    ----------
    data : StudyData
    event : {"requested", "attempted"}
        Followed until the first request to cancel, or until the first step towards one.

    Returns
    -------
    TiedCustomers

    Raises
    ------
    NotEstimableError
        Without the tables links and exits, or if nobody has a tie or no neighbour left.
    """
    need(data, "links", "exits")
    links = data.tables["links"][["customer_id", "neighbour_id"]].drop_duplicates()
    links = links[links["customer_id"] != links["neighbour_id"]]
    lives = data.lives
    has_tie = lives["customer_id"].isin(links["customer_id"])
    asked = _first_asked(data, event)
    asked_at = lives["customer_id"].map(asked)
    is_due = asked_at.isna() | (asked_at > lives["entry_at"])
    kept = lives[has_tie & is_due].reset_index(drop=True)
    frame = _followed(data, kept, asked)
    frame["component"] = _components(frame["customer_id"], links)
    ties, ties_audit = _ties_to_leavers(data, frame, links)
    if not len(ties):
        raise NotEstimableError(
            "Not estimable: no customer under observation has a neighbour "
            "whose exit has a date and a verified cause."
        )
    if not frame["event"].any():
        raise NotEstimableError(
            "Not estimable: needs dated requests to cancel, in exits.requested_at or as steps "
            "'requested' of cancellation_journey; no customer with a tie has one."
        )
    audit = {
        "customers in their first life": len(lives),
        "without a tie": int((~has_tie).sum()),
        "had asked before observation began": int((has_tie & ~is_due).sum()),
        "customers studied": len(frame),
        "of these, followed to a request": int(frame["event"].sum()),
        "groups connected by ties": int(frame["component"].nunique()),
        **ties_audit,
    }
    return TiedCustomers(frame, ties, audit)


def exposure_rows(
    tied: TiedCustomers, *, windows: Mapping[str, Lags], clock: Clock, band_days: float
) -> pd.DataFrame:
    """Rows that are constant in exposure and in the band of the clock that does not run.

    Parameters
    ----------
    tied : TiedCustomers
    windows : mapping of str to (float, float)
        Days since a neighbour's exit, (lower, upper], by name; below 0 before it.
    clock : {"calendar", "tenure"}
        What start and stop count the days of; the bands are of the other one.
    band_days : float
        Length of the bands.

    Returns
    -------
    pandas.DataFrame
        Columns place, customer_id, component, site, band, start, stop, event, and
        one of 0 or 1 for each reason and window, "service recent" for example: whether at least
        one neighbour left for this reason so long ago.
    """
    frame = tied.frame
    names = [f"{reason} {window}" for reason in REASONS for window in windows]
    place, at, change = _changes(frame, tied.ties, windows, n_columns=len(names))
    origin = frame["origin"].to_numpy(dtype=np.float64)
    bands_from = origin if clock == "calendar" else np.zeros(len(frame))
    cut_place, cut_at = _band_cuts(frame, bands_from, band_days)
    still = np.zeros((len(frame) + len(cut_at), len(names)), dtype=np.int16)
    place = np.concatenate([np.arange(len(frame)), cut_place, place])
    at = np.concatenate([frame["entry"].to_numpy(dtype=np.float64), cut_at, at])
    order = np.lexsort((at, place))
    place, at = place[order], at[order]
    n_near = np.cumsum(np.concatenate([still, change])[order], axis=0)  # every opening is closed
    is_last = np.r_[place[1:] != place[:-1], True]
    stop = frame["stop"].to_numpy(dtype=np.float64)[place]
    ends = np.where(is_last, stop, np.r_[at[1:], np.inf])
    kept = ends > at
    place, at, ends, stop = place[kept], at[kept], ends[kept], stop[kept]
    people = frame.loc[place, ["customer_id", "component", "site", "event"]].reset_index(drop=True)
    begins = np.zeros(len(place)) if clock == "calendar" else origin[place]
    rows = people[["customer_id", "component", "site"]].assign(
        place=place,
        # Halfway, as a cut at the very edge of a band may fall to either side of it by rounding.
        band=np.floor(((at + ends) / 2 - bands_from[place]) / band_days).astype(np.int64),
        start=at - begins,
        stop=ends - begins,
        event=people["event"] & (ends == stop),
    )
    return rows.join(pd.DataFrame((n_near[kept] > 0).astype(np.float64), columns=names))


def _first_asked(data: StudyData, event: str) -> pd.Series:
    """When each customer first asked to cancel (or first tried), by customer."""
    exits = data.tables["exits"][["customer_id", "requested_at"]].dropna()
    seen = [exits.rename(columns={"requested_at": "at"})]
    if "cancellation_journey" in data.tables:
        journey = data.tables["cancellation_journey"]
        steps = journey[journey["step"].eq("requested")] if event == "requested" else journey
        seen.append(steps[["customer_id", "stepped_at"]].set_axis(["customer_id", "at"], axis=1))
    return pd.concat(seen, ignore_index=True).groupby("customer_id")["at"].min()


def _followed(data: StudyData, lives: pd.DataFrame, asked: pd.Series) -> pd.DataFrame:
    begin = data.window_start_at
    asked_at = lives["customer_id"].map(asked)
    is_event = asked_at.notna() & (asked_at <= lives["stop_at"])
    stop_at = lives["stop_at"].where(~is_event, asked_at)
    return pd.DataFrame(
        {
            "customer_id": lives["customer_id"].to_numpy(),
            "site": lives["site"].fillna("unknown").to_numpy(),
            "origin": ((lives["origin_at"] - begin) / DAY).to_numpy(dtype=np.float64),
            "entry": ((lives["entry_at"] - begin) / DAY).to_numpy(dtype=np.float64),
            "stop": ((stop_at - begin) / DAY).to_numpy(dtype=np.float64),
            "event": is_event.to_numpy(dtype=bool),
        }
    )


def _ties_to_leavers(
    data: StudyData, frame: pd.DataFrame, links: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, int]]:
    exits = data.tables["exits"][["customer_id", "service_end_at", "cause_verified"]].dropna()
    reason_of = {cause: reason for reason, causes in REASONS.items() for cause in causes}
    left = pd.DataFrame(
        {
            "neighbour_id": exits["customer_id"],
            "left": ((exits["service_end_at"] - data.window_start_at) / DAY).astype("float64"),
            "reason": exits["cause_verified"].map(reason_of),
        }
    ).dropna()
    places = pd.Series(np.arange(len(frame)), index=frame["customer_id"])
    known = links[links["customer_id"].isin(frame["customer_id"])]
    found = known.merge(left, on="neighbour_id")
    found = found.assign(place=found["customer_id"].map(places).astype("int64"))
    audit = {
        "ties of customers studied": len(known),
        **{
            f"ties to somebody who left {words}": int((found["reason"] == reason).sum())
            for reason, words in REASON_WORDS.items()
        },
    }
    return found[["place", "left", "reason"]].reset_index(drop=True), audit


def _components(customers: pd.Series, links: pd.DataFrame) -> IntArray:
    """Number of the group of customers, connected by ties, that each belongs to."""
    everyone = pd.Index(
        pd.concat([customers, links["customer_id"], links["neighbour_id"]]).unique()
    )
    ends = [everyone.get_indexer(links[name]) for name in ("customer_id", "neighbour_id")]
    ties = coo_array((np.ones(len(links)), ends), shape=(len(everyone),) * 2)
    _, labels = connected_components(ties, directed=False)
    return np.asarray(labels[everyone.get_indexer(customers)], dtype=np.int64)


def _changes(
    frame: pd.DataFrame, ties: pd.DataFrame, windows: Mapping[str, Lags], *, n_columns: int
) -> tuple[IntArray, FloatArray, NDArray[np.int16]]:
    """When each count of neighbours goes up or down by one, inside the customer's follow-up."""
    place = ties["place"].to_numpy(dtype=np.int64)
    entry, stop = (frame[name].to_numpy(dtype=np.float64)[place] for name in ("entry", "stop"))
    left = ties["left"].to_numpy(dtype=np.float64)
    reason = ties["reason"].map({name: i for i, name in enumerate(REASONS)}).to_numpy(np.int64)
    places, ats, columns, signs = [], [], [], []
    for number, (lower, upper) in enumerate(windows.values()):
        opens, closes = np.maximum(left + lower, entry), np.minimum(left + upper, stop)
        is_open = closes > opens
        column = reason[is_open] * len(windows) + number
        for at, sign in ((opens, 1), (closes, -1)):
            places.append(place[is_open])
            ats.append(at[is_open])
            columns.append(column)
            signs.append(np.full(len(column), sign, dtype=np.int16))
    column = np.concatenate(columns)
    change = np.zeros((len(column), n_columns), dtype=np.int16)
    change[np.arange(len(column)), column] = np.concatenate(signs)
    return np.concatenate(places), np.concatenate(ats), change


def _band_cuts(
    frame: pd.DataFrame, bands_from: FloatArray, band_days: float
) -> tuple[IntArray, FloatArray]:
    """Beginnings of bands strictly inside each follow-up, counted from each one's own day 0."""
    entry = (frame["entry"].to_numpy(dtype=np.float64) - bands_from) / band_days
    stop = (frame["stop"].to_numpy(dtype=np.float64) - bands_from) / band_days
    first = np.floor(entry).astype(np.int64) + 1
    n = np.maximum(np.ceil(stop).astype(np.int64) - first, 0)
    place = np.repeat(np.arange(len(frame), dtype=np.int64), n)
    within = np.arange(len(place)) - np.repeat(np.cumsum(n) - n, n)
    return place, (np.repeat(first, n) + within) * band_days + bands_from[place]
