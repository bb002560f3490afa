"""Each knob, switched on alone, moves the naive estimate where its description says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import pandas as pd
import pytest

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver

Frames = Mapping[str, pd.DataFrame]
SEED = 7
START, REFORM = pd.Timestamp("2018-01-01", tz="UTC"), pd.Timestamp("2019-07-01", tz="UTC")
END = pd.Timestamp("2020-10-01", tz="UTC")
SHORT = {
    "n_customers": 5000,
    "window_end": END.date(),
    "entry_months": 18,
    "shock_start": date(2018, 6, 1),
    "shock_end": date(2018, 9, 1),
    "reform_date": REFORM.date(),
    "reform_announced": date(2019, 1, 1),
    "exit_hazard_service_pm": 0.02,  # more leavers than usual, so that a difference shows
    "exit_hazard_competitor_pm": 0.015,
}


def simulate(changes: Mapping[str, object]) -> Frames:
    """A provider in weekly steps: a fraction of the cost, the same mechanism."""
    run = live_through(SyntheticParameters(**{**SHORT, **changes}), seed=SEED, step_days=7)
    return deliver(run).frames


def left_within(events: pd.DataFrame, at: str, frames: Frames, *, days: int) -> pd.Series:
    """Whether each event's customer had left so many days after it."""
    first_exit = frames["exits"].groupby("customer_id")["service_end_at"].min()
    until = events["customer_id"].map(first_exit) - events[at]
    return until.between(pd.Timedelta(0), pd.Timedelta(days=days))


def asked_within(events: pd.DataFrame, at: str, frames: Frames, *, days: int) -> pd.Series:
    """Whether each event's customer tried to leave within so many days after it."""
    journey = frames["cancellation_journey"]
    tries = journey.loc[journey["step_number"] == 1, ["customer_id", "stepped_at"]]
    pairs = events.reset_index()[["index", "customer_id", at]].merge(tries, on="customer_id")
    is_soon = (pairs["stepped_at"] - pairs[at]).between(pd.Timedelta(0), pd.Timedelta(days=days))
    return events.index.to_series().isin(set(pairs.loc[is_soon, "index"]))


def difference(outcome: pd.Series, treated: pd.Series) -> float:
    return float(outcome[treated].mean() - outcome[~treated].mean())


def desk_effect(frames: Frames) -> float:
    journey = frames["cancellation_journey"]
    asked = journey[journey["step"] == "requested"].drop_duplicates("customer_id")
    left = left_within(asked, "stepped_at", frames, days=365)
    return difference(left, asked["desk"] == "reactive")


def voucher_effect(frames: Frames) -> float:
    offers = frames["compensations"].query("offered in ['voucher', 'refund']")
    tries = asked_within(offers, "offered_at", frames, days=300)
    return difference(tries, offers["offered"] == "voucher")


def promotion_effect(frames: Frames) -> float:
    early = frames["outreach"].query("kind == 'promotion'")
    promoted = early.loc[early["sent_at"] < START + pd.Timedelta(days=120), "customer_id"]
    stock = frames["customers"].query("observed_from_at == @START")
    tries = asked_within(stock, "observed_from_at", frames, days=500)
    return difference(tries, stock["customer_id"].isin(promoted))


def denial_effect(frames: Frames) -> float:
    requests = frames["requests"]
    tries = asked_within(requests, "requested_at", frames, days=120)
    return difference(tries, requests["outcome"].str.startswith("denied"))


def handoff_effect(frames: Frames) -> float:
    contacts = frames["contacts"].query("channel != 'bot' and reopens == 0")
    return difference(contacts["resolved_at"].isna(), contacts["handoffs"] > 0)


def contacts_before_leaving(frames: Frames) -> float:
    exits = frames["exits"].dropna(subset="requested_at")
    pairs = exits.merge(frames["contacts"], on="customer_id")
    before = pairs["service_end_at"] - pairs["opened_at"]
    is_soon = before.between(pd.Timedelta(0), pd.Timedelta(days=30))
    return float(is_soon.sum() / len(exits))


def retention(frames: Frames) -> float:
    """Kaplan-Meier at 18 months from the window's start, of those who were there then."""
    contracts = frames["contracts"].query("started_at < @START")
    contracts = contracts.merge(frames["customers"], on="customer_id")
    stop = contracts["ended_at"].fillna(END)
    if "observed_until_at" in contracts:
        stop = stop.where(contracts["observed_until_at"].isna(), contracts["observed_until_at"])
    days = (stop - START).dt.days
    is_event = contracts["ended_at"].notna() & (stop == contracts["ended_at"])
    by_day = pd.DataFrame({"day": days, "event": is_event}).groupby("day")["event"]
    at_risk = len(contracts) - by_day.size().cumsum().shift(fill_value=0)
    share = (1 - by_day.sum() / at_risk).cumprod()
    return float(share[share.index <= 548].iloc[-1])


def mean_rating(frames: Frames) -> float:
    return float(frames["contacts"]["satisfaction_share"].mean())


def stated_minus_verified(cause: str) -> Callable[[Frames], float]:
    def naive(frames: Frames) -> float:
        checked = frames["exits"].dropna(subset="cause_verified")
        stated = checked["cause_stated"].eq(cause).mean()
        return float(stated - checked["cause_verified"].eq(cause).mean())

    return naive


def reform_effect(frames: Frames) -> float:
    """Requests of consumers in the 120 days after the reform, over those before."""
    journey = frames["cancellation_journey"].merge(frames["customers"], on="customer_id")
    asked = journey.query("step == 'requested' and segment == 'consumer'")["stepped_at"]
    window = pd.Timedelta(days=120)
    after, before = asked.between(REFORM, REFORM + window), asked.between(REFORM - window, REFORM)
    return float(after.sum() / before.sum())


def team_effect(frames: Frames) -> float:
    """Solved at once, sites of the first launches against the others, after nine launches."""
    late = frames["contacts"].query("channel != 'bot' and reopens == 0")
    late = late[late["opened_at"] > START + pd.Timedelta(days=20 * 7)]
    late = late.merge(frames["customers"], on="customer_id")
    first_message = frames["outreach"].query("kind == 'rescue'").merge(frames["customers"])
    sites = set(first_message["site"])
    return difference(late["resolved_at"].notna(), late["site"].isin(sites))


TEAM = {"team_rollout": "staggered", "team_first_day": 0, "team_step_days": 120, "skill_sd": 1.0}
KNOBS = [
    ("k_save_route", 2.0, {}, desk_effect, -0.02),
    ("k_comp_assign", 3.0, {"shock_share": 1.0}, voucher_effect, -0.01),
    ("k_outreach_risk", 2.0, {}, promotion_effect, 0.015),
    ("k_denial_severity", 2.0, {}, denial_effect, 0.02),
    ("k_handoff_complexity", 1.0, {}, handoff_effect, 0.05),
    ("k_pre_exit_contact", 10.0, {}, contacts_before_leaving, 0.2),
    ("k_censor", 3.0, {}, retention, -0.005),
    ("k_nr", 1.5, {"k_nr": 0.0}, mean_rating, 0.01),
    ("reason_misclass", 0.5, {"reason_misclass": 0.0}, stated_minus_verified("service"), -0.05),
    ("fake_life_event", 0.5, {"fake_life_event": 0.0}, stated_minus_verified("life_event"), 0.05),
    ("anticipation_d", 120.0, {}, reform_effect, 0.2),
    ("site_launch_selection", 5.0, TEAM, team_effect, -0.05),
    ("term_worsening_rate", 0.06, {}, denial_effect, 0.005),
    ("data_cut", 0.5, {}, retention, 0.05),
]


@pytest.mark.parametrize(
    ("knob", "value", "off", "naive", "moves"), KNOBS, ids=[case[0] for case in KNOBS]
)
def test_a_knob_biases_the_naive_estimate_as_documented(
    knob: str,
    value: float,
    off: dict[str, object],
    naive: Callable[[Frames], float],
    moves: float,
) -> None:
    """The move is at least ``moves``, in its direction."""
    moved = naive(simulate({**off, knob: value})) - naive(simulate(off))
    assert moved * moves > 0
    assert abs(moved) >= abs(moves)


def test_every_knob_is_tested_and_says_which_way_it_moves() -> None:
    fields = SyntheticParameters.model_fields
    signed = {name for name, field in fields.items() if "; >0: " in str(field.description)}
    assert signed == {case[0] for case in KNOBS}


def test_knobs_are_off_by_default_but_for_what_every_provider_suffers() -> None:
    """Ratings and stated reasons are imperfect everywhere; the rest waits to be switched on."""
    default = SyntheticParameters()
    suffered = {"k_nr", "reason_misclass", "fake_life_event"}
    assert {case[0] for case in KNOBS if getattr(default, case[0])} == suffered
