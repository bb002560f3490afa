"""Counterfactual worlds: the same people and luck, and a difference that is the strategy's."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import World, WorldOutcome, simulate_in_parts, simulate_world
from loyaltylab.sources.synthetic.counterfactual import read_outcome
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.frames import EVENT_TIMES
from loyaltylab.sources.synthetic.provider import deliver

SEED = 3
MONTH_DAYS = 30.4375
SHORT = {
    "n_customers": 1200,
    "window_end": date(2020, 1, 1),
    "shock_start": date(2018, 3, 1),
    "shock_end": date(2018, 6, 1),
    "reform_date": date(2019, 6, 1),
    "reform_announced": date(2019, 1, 1),
    "exit_hazard_service_pm": 0.02,
    "exit_hazard_competitor_pm": 0.015,
    "voucher_valid_d": 200,
}
# Every forced strategy, and the time zero before which it can touch nobody.
STRATEGIES: list[tuple[str, tuple[Any, ...], str]] = [
    ("desk", ("none", "reactive", "integrated", "obstructive"), "first_cancellation_day"),
    (
        "compensation",
        ("refund", "voucher_forfeited", "voucher_refunded", "choice", "none"),
        "notice_day",
    ),
    ("friction", (0.70, 0.15), "first_attempt_day"),
    ("denial", (0.0, 1.0), "first_request_day"),
    ("first_denial", (0.0, 1.0), "first_request_day"),
    ("alternative", (0.0, 1.0), "first_denial_day"),
    ("many_handoffs", (0.0, 1.0), "first_contact_day"),
    ("first_handoffs", (0.0, 1.0), "first_contact_day"),
    ("remedy", ("at_refusal", "at_cancellation"), "first_denial_day"),
    ("first_remedy", (False, True), "first_denial_day"),
    ("incident_messages", (False, True), "first_failure_day"),
    ("first_message", (False, True), "first_failure_day"),
    ("direct_debits", ("low", "high"), "first_bad_rating_day"),
    ("self_service", (False, True), "first_contact_day"),
    ("announced_waits", ("silent", "low"), "first_contact_day"),
    ("public_reply", ("none", "public"), "first_post_day"),
    ("win_back_offers", (False, True), "exit_day"),
    ("mailings", (False, True), "exit_day"),
]
IDS = [case[0] for case in STRATEGIES]
# Filled in about an earlier row when it became known, so it may differ once strategies do.
LATER_KNOWN = {
    "ended_at", "redeemed_at", "refunded_at", "resolved_at", "handoffs", "reopens",
    "is_promise_kept", "is_accepted", "promise_due_at",
}  # fmt: skip


def short(**changes: object) -> SyntheticParameters:
    return SyntheticParameters(**{**SHORT, **changes})


def short_world(world: World, *, step_days: int = 1, **changes: object) -> WorldOutcome:
    return simulate_world(short(**changes), seed=SEED, world=world, step_days=step_days)


def differing(one: WorldOutcome, other: WorldOutcome, names: tuple[str, ...]) -> list[str]:
    return [
        name
        for name in names
        if not np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
    ]


ARRAYS = tuple(
    field.name
    for field in fields(WorldOutcome)
    if field.name.endswith("_day") or field.name.startswith(("exit_", "n_contacts", "n_denials"))
)
LIVES = ("exit_day", "exit_cause", "won_back_day", "second_exit_day", "first_cancellation_day")


@pytest.fixture(scope="module")
def base() -> WorldOutcome:
    return short_world(World())


@pytest.fixture(scope="module")
def weekly_base() -> WorldOutcome:
    return short_world(World(), step_days=7)


def test_a_replay_of_its_own_environment_is_the_world_itself(base: WorldOutcome) -> None:
    replay = short_world(World(environment=base.environment))
    assert differing(base, replay, ARRAYS) == []
    assert (replay.environment.load == base.environment.load).all()
    assert (replay.environment.heard_by == base.environment.heard_by).all()


def test_outcomes_are_those_of_the_tables() -> None:
    """Without writing tables the same happens; and the tables tell the same story."""
    recorded = live_through(short(), seed=SEED)
    outcome = read_outcome(recorded)
    assert differing(outcome, short_world(World()), ARRAYS) == []
    frames = deliver(recorded).frames
    exits = frames["exits"].drop_duplicates("customer_id").set_index("customer_id")
    start = pd.Timestamp(short().window_start, tz="UTC")
    day = (exits["service_end_at"] - start).dt.days
    number = exits.index.str[1:].astype(int) - 1
    assert (outcome.exit_day[number] == day.to_numpy()).all()
    assert np.isfinite(outcome.exit_day).sum() == len(exits)
    returned = frames["contracts"].duplicated("customer_id")
    assert (
        np.isfinite(outcome.won_back_day).sum()
        == frames["contracts"][returned]["customer_id"].nunique()
    )


@pytest.mark.parametrize(("name", "values", "zero"), STRATEGIES, ids=IDS)
def test_strategies_reach_the_same_people_on_the_same_days(
    weekly_base: WorldOutcome, name: str, values: tuple[Any, ...], zero: str
) -> None:
    """In an isolated replay 100 % of time zeros are those of the base world."""
    assert np.isfinite(getattr(weekly_base, zero)).sum() > 20
    for value in values:
        world = World(**{name: value}, environment=weekly_base.environment)
        outcome = short_world(world, step_days=7)
        assert differing(weekly_base, outcome, (zero,)) == []


@pytest.mark.parametrize(("name", "values", "zero"), STRATEGIES[:4], ids=IDS[:4])
def test_histories_before_time_zero_are_identical(
    base: WorldOutcome, name: str, values: tuple[Any, ...], zero: str
) -> None:
    """Every row of every table dated before a customer's time zero, for 100 % of customers."""
    zeros = getattr(base, zero)
    one, other = (
        histories(World(**{name: value}, environment=base.environment), zeros)
        for value in (values[0], values[-1])
    )
    for table in EVENT_TIMES:
        pd.testing.assert_frame_equal(one[table], other[table])
    assert sum(len(frame) for frame in one.values()) > 1000


def histories(world: World, zeros: np.ndarray[Any, Any]) -> dict[str, pd.DataFrame]:
    """What the tables say of each customer before the day of their time zero."""
    frames = deliver(live_through(short(), seed=SEED, world=world)).frames
    days = pd.Series(zeros, index=[f"C{number + 1:06d}" for number in range(len(zeros))])
    start = pd.Timestamp(short().window_start, tz="UTC")
    found = {}
    for table, at in EVENT_TIMES.items():
        frame = frames[table]
        day = (frame[at] - start) / pd.Timedelta(days=1)
        own = {"attempt_id", *(name for name in frame if name.endswith("_id"))} - {"customer_id"}
        kept = frame[day < frame["customer_id"].map(days)]
        kept = kept.drop(columns=[*(own | LATER_KNOWN) & set(kept)])
        found[table] = kept.reset_index(drop=True)
    return found


def test_strategies_have_the_expected_signs(weekly_base: WorldOutcome) -> None:
    """Most of what a strategy does is known: desks keep, friction holds, nothing hurts most."""
    is_met = np.isfinite(weekly_base.notice_day) | np.isfinite(weekly_base.first_cancellation_day)

    def stays(**forced: Any) -> float:
        world = World(**forced, environment=weekly_base.environment)
        outcome = short_world(world, step_days=7)
        return float(np.minimum(outcome.exit_day, outcome.n_days)[is_met].mean())

    assert stays(desk="none") < stays(desk="reactive") < stays(desk="integrated")
    assert stays(compensation="none") < stays(compensation="refund")
    assert stays(many_handoffs=1.0) < stays(many_handoffs=0.0)
    assert stays(friction=0.15) < stays(friction=0.70)


def test_a_high_cost_of_switching_holds_those_who_were_served_badly() -> None:
    """Everybody answers, and rivals matter, so that a small provider shows it."""
    changes = {"rating_response": 1.0, "exit_hazard_competitor_pm": 0.05}
    base = short_world(World(), step_days=7, **changes)
    is_rated = np.isfinite(base.first_bad_rating_day)
    low, high = (
        short_world(
            World(direct_debits=level, environment=base.environment), step_days=7, **changes
        )
        for level in ("low", "high")
    )
    assert differing(low, high, ("first_bad_rating_day",)) == []
    stayed = [np.minimum(world.exit_day, world.n_days) for world in (low, high)]
    assert (stayed[0][~is_rated] == stayed[1][~is_rated]).all()
    assert stayed[0][is_rated].mean() < stayed[1][is_rated].mean()


def test_total_effects_differ_from_direct_ones(base: WorldOutcome) -> None:
    direct = short_world(World(desk="none", environment=base.environment))
    total = short_world(World(desk="none"))
    assert direct.environment.heard_by.size == base.environment.heard_by.size
    assert total.environment.heard_by.size > base.environment.heard_by.size
    assert differing(direct, total, LIVES) != []


@pytest.mark.parametrize(
    "forced",
    [
        *({name: value} for name, values, _ in STRATEGIES for value in (values[0], values[-1])),
        {"team": "day_one"},
        {"team": "staggered"},
        {"promotions": True},
        {"rescue": True},
        {"word_of_mouth": False},
    ],
    ids=str,
)
def test_no_strategy_changes_a_life_under_the_null(forced: dict[str, Any]) -> None:
    null = {"preset": "null", "exit_hazard_service_pm": 0.02}
    nothing = short_world(World(), step_days=7, **null)
    assert np.isfinite(nothing.exit_day).sum() > 100
    something = short_world(World(**forced), step_days=7, **null)
    assert differing(nothing, something, LIVES) == []


def test_every_customer_is_in_one_state(base: WorldOutcome) -> None:
    """Not yet there, there, gone, back, gone again: each begins when the one before ends."""
    assert (base.exit_day >= base.entry_day).all()
    assert (base.won_back_day > base.exit_day)[np.isfinite(base.won_back_day)].all()
    assert (base.second_exit_day > base.won_back_day)[np.isfinite(base.second_exit_day)].all()
    has_left = np.isfinite(base.exit_day)
    assert ((base.exit_cause > 0) == has_left).all()
    assert (np.isfinite(base.exit_grievance) == has_left).all()
    never = np.isinf(base.entry_day)
    assert np.isinf(base.exit_day[never]).all()


@pytest.mark.parametrize("step_days", [1, 7])
def test_customers_are_conserved_day_by_day(step_days: int) -> None:
    run = live_through(short(), seed=SEED, step_days=step_days)
    contracts = run.journal.columns("contracts")
    exits = run.journal.columns("exits")
    is_open = np.bincount(contracts["customer_id"], minlength=1200)
    is_open = is_open - np.bincount(exits["customer_id"], minlength=1200)
    assert set(is_open) <= {0, 1}
    assert (is_open == run.state.is_active).all()
    assert (run.state.has_joined >= run.state.is_active).all()


def test_daily_and_weekly_steps_agree() -> None:
    """Restricted mean retention of newcomers over 18 months; at full size: benchmarks/provider.

    The bound is .05 month and three standard errors of the paired difference at this size.
    """

    def lived(step_days: int) -> np.ndarray[Any, Any]:
        outcome = short_world(
            World(),
            step_days=step_days,
            n_customers=4000,
            stock_share=0.0,
            entry_months=6,
            exit_hazard_service_pm=0.0070,
            exit_hazard_competitor_pm=0.0069,
        )
        return np.minimum(outcome.exit_day - outcome.entry_day, 18 * MONTH_DAYS) / MONTH_DAYS

    difference = lived(7) - lived(1)
    error = difference.std() / np.sqrt(difference.size)
    assert error < 0.10
    assert abs(difference.mean()) < 0.05 + 3 * error


def test_parts_are_the_same_customers_block_by_block() -> None:
    parameters = short(n_customers=240, window_end=date(2018, 9, 1))
    parts = list(simulate_in_parts(parameters, seed=SEED, part_size=100))
    assert [len(part.frames["customers"]) for part in parts] == [100, 140]
    whole = deliver(live_through(parameters, seed=SEED, step_days=7)).frames["customers"]
    apart = pd.concat([part.frames["customers"] for part in parts], ignore_index=True)
    traits = ["observed_from_at", "segment", "site", "direct_debits"]
    pd.testing.assert_frame_equal(
        apart[traits], whole[traits].reset_index(drop=True), check_index_type=False
    )
    assert apart["customer_id"].is_unique
    for part in parts:
        assert (
            part.frames["exits"]["customer_id"].isin(part.frames["customers"]["customer_id"]).all()
        )


@pytest.mark.parametrize("part_size", [52 + 1, 48])
def test_impossible_parts_are_refused(part_size: int) -> None:
    with pytest.raises(ParameterError, match="part_size"):
        next(simulate_in_parts(short(), seed=SEED, part_size=part_size))


def test_a_step_below_a_day_is_refused() -> None:
    with pytest.raises(ParameterError, match="step_days"):
        simulate_world(short(), seed=SEED, step_days=0)


def test_an_environment_of_another_length_is_refused(base: WorldOutcome) -> None:
    with pytest.raises(ParameterError, match="environment"):
        short_world(World(environment=base.environment), step_days=7)


def test_presets_are_defaults_that_keys_override() -> None:
    assert SyntheticParameters(preset="adverse").wakeup_hr == 4.0
    assert SyntheticParameters(preset="adverse", wakeup_hr=3.0).wakeup_hr == 3.0
    assert SyntheticParameters(preset="literature") == SyntheticParameters()
