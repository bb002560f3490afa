"""Moments of the provider as its tables show them, beside what they were calibrated to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.truth.neighbours import NEAR_A_LEAVER, compare_with_neighbours
from loyaltylab.truth.pairs import WEEK_DAYS

Tables = Mapping[str, pd.DataFrame]
CAUSE_TARGETS = {
    "service": 0.42,
    "price_competitor": 0.24,
    "life_event": 0.15,
    "payment_failure": 0.19,
}
WIN_BACK_TARGETS = {"service": 0.054, "price_competitor": 0.094, "payment_failure": 0.079}
LEFT_AGAIN_TARGETS = {6: 0.10, 12: 0.25, 24: 0.49}
RATED_GOOD_IN_SHOCK = "rated good in the shock"
MONTHS_PER_YEAR = 12
ONE_MONTH = pd.Timedelta(days=DAYS_PER_MONTH)


@dataclass(frozen=True)
class Moment:
    """One moment of the tables.

    Attributes
    ----------
    moment, unit : str
        What it is.
    value, standard_error : float
        As found; the error is that of counts and shares of independent customers, nan where
        nothing simple holds.
    n : int
        Events, or customers, behind it.
    target : float
        What the literature or the first provider gave.
    source : str
        Where the target is from.
    """

    moment: str
    unit: str
    value: float
    standard_error: float
    n: int
    target: float
    source: str


def measure_moments(
    tables: Tables,
    parameters: SyntheticParameters,
    *,
    window_start_at: pd.Timestamp,
    window_end_at: pd.Timestamp,
) -> pd.DataFrame:
    """Moments of a synthetic provider's tables beside their targets.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Valid tables of a synthetic source, by name.
    parameters : SyntheticParameters
        When the shock and the reform were.
    window_start_at, window_end_at : Timestamp
        The study window, UTC.

    Returns
    -------
    DataFrame
        Columns moment, unit, value, standard_error, n, target, source.

    Raises
    ------
    EstimationError
        If there are too few customers for every rate to have an event.
    """
    stays = _stays(tables["contracts"], start=window_start_at, end=window_end_at)
    moments = [
        *_leaving(tables, stays=stays),
        *_saved(tables, end=window_end_at),
        *_coming_back(tables, end=window_end_at),
        *_service(tables, stays=stays),
        *_shock(tables, parameters, stays=stays),
        _reform(tables, parameters, stays=stays),
        _neighbours(tables, stays=stays),
    ]
    return pd.DataFrame([asdict(moment) for moment in moments])


def _stays(contracts: pd.DataFrame, *, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """When each contract was under observation."""
    return pd.DataFrame(
        {
            "customer_id": contracts["customer_id"],
            "from_at": contracts["started_at"].clip(lower=start),
            "until_at": contracts["ended_at"].fillna(end),
        }
    )


def _months(
    stays: pd.DataFrame, *, start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
) -> float:
    """Customer-months under observation, in a stretch of time if one is given."""
    earliest = stays["from_at"] if start is None else stays["from_at"].clip(lower=start)
    latest = stays["until_at"] if end is None else stays["until_at"].clip(upper=end)
    return float(((latest - earliest) / ONE_MONTH).clip(lower=0).sum())


def _leaving(tables: Tables, *, stays: pd.DataFrame) -> Iterator[Moment]:
    exits = tables["exits"]
    _need(len(exits), "exits")
    rate = len(exits) / _months(stays)
    yearly = -math.expm1(-MONTHS_PER_YEAR * rate)
    error = (1 - yearly) * MONTHS_PER_YEAR * rate / math.sqrt(len(exits))
    yield Moment("left within a year", "share", yearly, error, len(exits), 0.193, "first provider")
    for cause, target in CAUSE_TARGETS.items():
        is_cause = exits["cause_verified"].eq(cause)
        moment = _share(f"exits: {cause.replace('_', ' ')}", is_cause, target=target)
        if cause == "payment_failure":
            moment = replace(moment, source="vendors' 20 to 40 %, weak")
        yield moment
    cards = tables["payment_events"].query("kind == 'card_replaced'")
    matched = exits.reset_index().merge(cards[["customer_id", "occurred_at"]], on="customer_id")
    wait_days = (matched["service_end_at"] - matched["occurred_at"]).dt.days
    rows = set(matched.loc[wait_days.between(0, WEEK_DAYS - 1), "contract_id"])
    yield _share("exits within a week of a new card", exits["contract_id"].isin(rows), target=0.048)


def _saved(tables: Tables, *, end: pd.Timestamp) -> Iterator[Moment]:
    """First requests that met a desk, and what became of those who stayed."""
    offers = tables["outreach"].query("kind == 'save_offer'").sort_values("sent_at")
    first = offers.drop_duplicates("customer_id")
    yield _share(
        "first save offers accepted", first["is_accepted"].astype("float64").eq(1), target=0.336
    )
    saved = first[first["is_accepted"].astype("float64").eq(1)]
    exits = tables["exits"][["customer_id", "service_end_at"]]
    later = saved[["customer_id", "sent_at"]].merge(exits, on="customer_id", how="left")
    later = later[~(later["service_end_at"] <= later["sent_at"])]
    left_at = later.groupby("customer_id")["service_end_at"].min()
    months = (saved["customer_id"].map(left_at) - saved["sent_at"]) / ONE_MONTH
    for horizon, target in LEFT_AGAIN_TARGETS.items():
        is_watched = saved["sent_at"] + horizon * ONE_MONTH <= end
        name = f"the saved who left within {horizon} months"
        yield _share(name, months[is_watched] <= horizon, target=target)


def _coming_back(tables: Tables, *, end: pd.Timestamp) -> Iterator[Moment]:
    """Win-back of those whose first life ended early enough to be watched for a year."""
    exits = tables["exits"].sort_values("service_end_at").drop_duplicates("customer_id")
    exits = exits[exits["service_end_at"] + MONTHS_PER_YEAR * ONE_MONTH <= end]
    starts = tables["contracts"][["customer_id", "started_at"]]
    pairs = exits[["customer_id", "service_end_at"]].merge(starts, on="customer_id")
    away = (pairs["started_at"] - pairs["service_end_at"]) / ONE_MONTH
    back = set(pairs.loc[away.between(0, MONTHS_PER_YEAR), "customer_id"])
    is_back = exits["customer_id"].isin(back)
    yield _share("won back within a year", is_back, target=0.064)
    for cause, target in WIN_BACK_TARGETS.items():
        of_cause = exits["cause_verified"].eq(cause)
        yield _share(f"won back: {cause.replace('_', ' ')}", is_back[of_cause], target=target)


def _service(tables: Tables, *, stays: pd.DataFrame) -> Iterator[Moment]:
    contacts = tables["contacts"]
    n = len(contacts)
    _need(n, "contacts")
    rate = n / _months(stays)
    yield Moment("contacts", "per month", rate, rate / math.sqrt(n), n, 0.211, "first provider")
    handoffs = contacts.loc[contacts["channel"] != "bot", "handoffs"].astype("float64")
    yield _mean("handoffs per contact with a person", "count", handoffs, target=0.60)


def _shock(
    tables: Tables, parameters: SyntheticParameters, *, stays: pd.DataFrame
) -> Iterator[Moment]:
    """The shock against the same number of days before it."""
    start = pd.Timestamp(parameters.shock_start, tz="UTC")
    end = pd.Timestamp(parameters.shock_end, tz="UTC")
    opened = tables["contacts"]["opened_at"]
    during = tables["contacts"][(opened >= start) & (opened < end)]
    before = tables["contacts"][(opened >= start - (end - start)) & (opened < start)]
    _need(min(len(during), len(before)), "contacts in the shock and before it")
    ratio = len(during) / _months(stays, start=start, end=end)
    ratio /= len(before) / _months(stays, start=start - (end - start), end=start)
    error = ratio * math.sqrt(1 / len(during) + 1 / len(before))
    source = "trade press, no baseline stated"
    yield Moment("contacts in the shock", "ratio", ratio, error, len(during), 1.113, source)
    for name, stretch, wait, rating in (
        ("before", before, 4.2, 0.754),
        ("in the shock", during, 11.2, 0.755),
    ):
        waits = stretch["wait_minutes"].astype("float64").dropna()
        ratings = stretch["satisfaction_share"].astype("float64").dropna()
        yield _mean(f"wait {name}", "minutes", waits, target=wait)
        yield _mean(f"rated good {name}", "share", ratings, target=rating)


def _reform(tables: Tables, parameters: SyntheticParameters, *, stays: pd.DataFrame) -> Moment:
    """Voluntary exits after and before the reform, consumers against everybody else."""
    reform = pd.Timestamp(parameters.reform_date, tz="UTC")
    segment = tables["customers"].set_index("customer_id")["segment"]
    exits = tables["exits"].query("cause_verified in ('service', 'price_competitor')")
    is_late = exits["service_end_at"] >= reform
    is_consumer = exits["customer_id"].map(segment).eq("consumer")
    of_consumers = stays["customer_id"].map(segment).eq("consumer")
    log_ratio, variance, n = 0.0, 0.0, 0
    for late in (True, False):
        for consumer in (True, False):
            count = int(((is_late == late) & (is_consumer == consumer)).sum())
            _need(count, "voluntary exits on both sides of the reform, in both segments")
            group = stays[of_consumers == consumer]
            months = _months(group, start=reform) if late else _months(group, end=reform)
            sign = 1 if late == consumer else -1
            log_ratio += sign * math.log(count / months)
            variance, n = variance + 1 / count, n + count
    ratio = math.exp(log_ratio)
    name = "voluntary exits after the reform, consumers against others"
    error = ratio * math.sqrt(variance)
    return Moment(name, "ratio of ratios", ratio, error, n, 1.78, "first provider")


def _neighbours(tables: Tables, *, stays: pd.DataFrame) -> Moment:
    """Naive: neighbours are alike, so most of it is there without any word between them."""
    ratio, error, n = compare_with_neighbours(tables, stays=stays)
    return Moment(NEAR_A_LEAVER, "rate ratio", ratio, error, n, 1.23, "first provider, naive")


def _need(count: int, what: str) -> None:
    if not count:
        raise EstimationError(f"there are no {what}; rule: at least one; fix: more customers")


def _share(moment: str, is_so: pd.Series, *, target: float) -> Moment:
    share, n = float(is_so.mean()), len(is_so)
    error = math.sqrt(share * (1 - share) / n) if n else float("nan")
    return Moment(moment, "share", share, error, n, target, "first provider")


def _mean(moment: str, unit: str, values: pd.Series, *, target: float) -> Moment:
    error = float(values.sem()) if len(values) > 1 else float("nan")
    mean, source = float(values.mean()), "first provider"
    return Moment(moment, unit, mean, error, len(values), target, source)
