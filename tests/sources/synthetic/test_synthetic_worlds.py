"""Worlds compared: the same luck under another policy, null settings, and the moments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import pytest

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import simulate_provider
from loyaltylab.sources.synthetic.frames import EVENT_TIMES
from loyaltylab.tables.delivery import Delivery

MONTH_DAYS = 30.4375
REFORM = date(2019, 1, 1)
SHORT = {
    "n_customers": 400,
    "window_end": date(2019, 9, 1),
    "shock_start": date(2018, 3, 1),
    "shock_end": date(2018, 5, 1),
    "reform_date": REFORM,
    "reform_announced": date(2018, 9, 1),
    "exit_hazard_service_pm": 0.03,  # more leavers than usual, so that a difference would show
}
# Filled in later about an earlier row, so they may rightly differ after the policy changed.
LATER_KNOWN = [
    "ended_at", "redeemed_at", "resolved_at", "handoffs", "reopens", "is_promise_kept",
    "is_accepted",
]  # fmt: skip


def short_world(**changes: object) -> Delivery:
    return simulate_provider(SyntheticParameters(**{**SHORT, **changes}), seed=5)


@pytest.fixture(scope="module")
def eased() -> Delivery:
    return short_world()


@pytest.fixture(scope="module")
def not_eased() -> Delivery:
    return short_world(friction_post=0.70)


def before(frame: pd.DataFrame, at: str) -> pd.DataFrame:
    rows = frame[frame[at] < pd.Timestamp(REFORM, tz="UTC")]
    return rows.drop(columns=[name for name in LATER_KNOWN if name in rows])


def test_a_later_policy_leaves_everything_before_it_identical(
    eased: Delivery, not_eased: Delivery
) -> None:
    for table, at in {**EVENT_TIMES, "contracts": "started_at"}.items():
        one, other = eased.frames[table], not_eased.frames[table]
        assert len(before(one, at)) > 0, table
        pd.testing.assert_frame_equal(before(one, at), before(other, at))
    for name in ("customers", "links"):
        pd.testing.assert_frame_equal(eased.frames[name], not_eased.frames[name])


def test_a_later_policy_does_change_what_follows(eased: Delivery, not_eased: Delivery) -> None:
    reform = pd.Timestamp(REFORM, tz="UTC")
    counts = [
        (world.frames["exits"]["requested_at"] >= reform).sum() for world in (eased, not_eased)
    ]
    assert counts[0] > counts[1]


def test_more_customers_leave_the_first_ones_traits_alone(eased: Delivery) -> None:
    larger = short_world(n_customers=450).frames["customers"]
    pd.testing.assert_frame_equal(larger.head(400), eased.frames["customers"])


def test_luck_in_service_survives_a_change_of_leaving(eased: Delivery) -> None:
    """Failures strike the same customers at the same instants while both are customers."""
    nobody_leaves = short_world(
        exit_hazard_service_pm=0,
        exit_hazard_competitor_pm=0,
        exit_hazard_life_event_pm=0,
        exit_hazard_payment_pm=0,
    )
    assert len(nobody_leaves.frames["exits"]) == 0
    key = ["customer_id", "occurred_at", "kind", "severity"]
    common = eased.frames["incidents"][key].merge(nobody_leaves.frames["incidents"][key])
    contracts = eased.frames["contracts"].groupby("customer_id").size()
    first_lives = eased.frames["incidents"]["customer_id"].map(contracts) == 1
    assert len(common) >= first_lives.sum()


def test_null_settings_leave_their_tables_empty() -> None:
    null = short_world(
        desk_share=0,
        shock_share=0,
        promotion_rate_pm=0,
        winback_rate_pm=0,
        winback_offer_share=0,
        mailing_share=0,
        incident_rate_pm=0,
        post_rate_pm=0,
        survey_rate_pm=0,
        points_share=0,
    ).frames
    assert len(null["compensations"]) == len(null["vouchers"]) == len(null["incidents"]) == 0
    assert len(null["outreach"]) == len(null["offers"]) == len(null["public_posts"]) == 0
    assert len(null["surveys"]) == len(null["points_ledger"]) == 0
    assert not null["cancellation_journey"]["step"].eq("desk").any()
    assert (null["cancellation_journey"]["desk"].dropna() == "none").all()
    assert not null["contracts"]["customer_id"].duplicated().any()


def test_every_request_meets_the_desk_when_all_are_routed() -> None:
    journey = short_world(desk_share=1).frames["cancellation_journey"]
    requested = journey[journey["step"] == "requested"]
    assert (requested["desk"] == "reactive").all()
    assert journey["step"].eq("desk").sum() == len(requested)


def test_vouchers_paid_out_at_expiry_when_the_rule_says_so() -> None:
    vouchers = short_world(voucher_is_refunded=True, voucher_valid_d=60).frames["vouchers"]
    paid = vouchers[vouchers["refunded_at"].notna()]
    assert len(paid) > 0
    assert paid["redeemed_at"].isna().all()
    assert (paid["refunded_at"] >= paid["expires_at"]).all()


def test_policies_tell_the_reform_and_what_came_before(eased: Delivery) -> None:
    friction = eased.frames["policies"].query("policy == 'cancellation_friction'")
    told = list(zip(friction["segment"], friction["value"], strict=True))
    assert told == [("consumer", 0.70), ("business", 0.70), ("consumer", 0.15)]
    reform = friction.iloc[2]
    assert reform["effective_at"] == pd.Timestamp(REFORM, tz="UTC")
    assert reform["announced_at"] == pd.Timestamp(date(2018, 9, 1), tz="UTC")


# Bands: the calibration targets, widened by about three standard errors at 2,500 customers.
def test_moments_of_the_default_provider(provider: Delivery) -> None:
    frames, start = provider.frames, provider.description.window_start_at
    contracts, exits = frames["contracts"], frames["exits"]
    until = contracts["ended_at"].fillna(provider.description.window_end_at)
    served = (until - contracts["started_at"].clip(lower=start)).dt.total_seconds() / 86400
    months = served.sum() / MONTH_DAYS
    assert 0.0140 < len(exits) / months < 0.0215  # 15 to 22 % a year
    causes = exits["cause_verified"].value_counts(normalize=True)
    targets = {
        "service": 0.42,
        "price_competitor": 0.24,
        "life_event": 0.15,
        "payment_failure": 0.19,
    }
    assert max(abs(causes[cause] - share) for cause, share in targets.items()) < 0.06
    assert 0.18 < len(frames["contacts"]) / months < 0.23
    by_person = frames["contacts"].query("channel != 'bot'")
    assert 0.55 < by_person["handoffs"].mean() < 0.72
    assert 0.20 < by_person["satisfaction_share"].notna().mean() < 0.26
    assert 0.62 < frames["requests"]["outcome"].eq("granted").mean() < 0.69
    offers = frames["outreach"].query("kind == 'save_offer'")
    assert 0.24 < offers["is_accepted"].astype(float).mean() < 0.40


def test_friction_makes_more_attempts_fail(provider: Delivery) -> None:
    """1 - exp(-(.03 + 1.1 F)) is .551 at F = .70 and .177 at F = .15."""
    journey = provider.frames["cancellation_journey"].merge(provider.frames["customers"])
    attempts = journey.groupby("attempt_id").agg(
        is_abandoned=("is_abandoned", "any"),
        at=("stepped_at", "min"),
        segment=("segment", "first"),
        has_phone=("channel", lambda channel: channel.eq("phone").any()),
    )
    is_eased = (attempts["segment"] == "consumer") & (
        attempts["at"] >= pd.Timestamp("2021-07-01", tz="UTC")
    )
    assert attempts.loc[~is_eased, "is_abandoned"].mean() == pytest.approx(0.551, abs=0.04)
    assert attempts.loc[is_eased, "is_abandoned"].mean() == pytest.approx(0.177, abs=0.06)
    assert (attempts["has_phone"] == ~is_eased).all()


def exits_of(frames: Mapping[str, pd.DataFrame], segment: str) -> pd.DataFrame:
    customers = frames["customers"]
    return frames["exits"].merge(customers[customers["segment"] == segment])


def test_reform_releases_consumers_and_touches_nobody_else() -> None:
    """Without word of mouth a business customer's life is the same to the microsecond."""
    eased = short_world(wom_hr=1).frames
    never = short_world(wom_hr=1, reform_date=date(2022, 1, 1)).frames
    consumers = [exits_of(frames, "consumer") for frames in (eased, never)]
    business = [exits_of(frames, "business") for frames in (eased, never)]
    own = ["customer_id", "requested_at", "service_end_at", "cause_stated", "cause_verified"]
    pd.testing.assert_frame_equal(business[0][own], business[1][own])
    released, kept = (
        (exits["service_end_at"] > pd.Timestamp(REFORM, tz="UTC")).sum() for exits in consumers
    )
    assert released > 1.2 * kept


def test_word_of_mouth_makes_neighbours_leave() -> None:
    quiet, loud = (len(short_world(wom_hr=ratio).frames["exits"]) for ratio in (1, 4))
    assert loud > quiet


def test_compensation_and_routing_are_drawn_by_lot(provider: Delivery) -> None:
    shares = provider.frames["compensations"]["offered"].value_counts(normalize=True)
    assert (shares - 0.25).abs().max() < 0.08
    journey = provider.frames["cancellation_journey"]
    routed = journey.loc[journey["step"] == "requested", "desk"].eq("reactive").mean()
    assert routed == pytest.approx(0.5, abs=0.06)
