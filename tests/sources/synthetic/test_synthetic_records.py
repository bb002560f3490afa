"""What the records say, against the rules they are written by; and on other processors."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import (
    CAUSES,
    World,
    misclassification_matrix,
    simulate_provider,
    simulate_world,
)
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver

EXACT = 1e-12
SEED = 3
SHORT = {
    "n_customers": 3000,
    "window_end": date(2019, 7, 1),
    "shock_start": date(2018, 3, 1),
    "shock_end": date(2018, 6, 1),
    "reform_date": date(2019, 1, 1),
    "reform_announced": date(2018, 9, 1),
}


def short(**changes: object) -> SyntheticParameters:
    return SyntheticParameters(**{**SHORT, **changes})


def weekly(**changes: object) -> dict[str, pd.DataFrame]:
    return deliver(live_through(short(**changes), seed=SEED, step_days=7)).frames


def test_the_matrix_of_reasons_by_hand() -> None:
    matrix = misclassification_matrix(short(reason_misclass=0.1, fake_life_event=0.2))
    assert matrix.sum(axis=1).to_numpy() == pytest.approx(np.ones(4), abs=EXACT)
    # Of ten who leave over service one is miscoded, and two of ten claim to move, whatever else.
    service = [0.8 * 0.1 * 0.5, 0.8 * 0.9, 0.8 * 0.1 * 0.46, 0.8 * 0.1 * 0.04 + 0.2, 0.0]
    assert matrix.loc["service"].to_numpy() == pytest.approx(service, abs=EXACT)
    assert matrix.loc["payment_failure", "payment_failure"] == 1.0
    perfect = misclassification_matrix(short(reason_misclass=0.0, fake_life_event=0.0))
    assert (perfect.to_numpy() == np.eye(5)[1:]).all()


def test_stated_reasons_follow_the_matrix() -> None:
    """Chi-square of stated against expected counts, lapsed cards left out: they state nothing."""
    changes = {"reason_misclass": 0.3, "fake_life_event": 0.2, "card_lapse_prob": 0.0}
    exits = weekly(exit_hazard_service_pm=0.03, exit_hazard_competitor_pm=0.03, **changes)["exits"]
    found = pd.crosstab(exits["cause_verified"], exits["cause_stated"])
    matrix = misclassification_matrix(short(**changes))
    expected = matrix.mul(found.sum(axis=1), axis=0).dropna()
    found = found.reindex(index=expected.index, columns=expected.columns, fill_value=0)
    possible = expected.to_numpy() > 0
    assert (found.to_numpy()[~possible] == 0).all()
    differences = (found - expected).to_numpy()[possible]
    statistic = float((differences**2 / expected.to_numpy()[possible]).sum())
    freedom = int(possible.sum()) - len(expected)
    assert statistic < freedom + 5 * np.sqrt(2 * freedom)  # five deviations of its own law


def test_rivals_campaigns_in_the_window_are_told() -> None:
    told = weekly()["rival_promotions"]
    assert told["starts_at"].dt.strftime("%Y-%m-%d").tolist() == ["2018-11-01"]
    assert told["ends_at"].dt.strftime("%Y-%m-%d").tolist() == ["2018-12-01"]


def rated(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return frames["contacts"].query("channel != 'bot'")


def test_nobody_hangs_up_unless_waiting_wears_out() -> None:
    patient, tired = rated(weekly()), rated(weekly(hang_up_per_minute=0.05))
    assert patient["first_replied_at"].notna().all()
    gave_up = tired["first_replied_at"].isna()
    # The chance of giving up is 1 - exp(-0.05 wait) for each contact: compared within 5 errors.
    chance = -np.expm1(-0.05 * tired["wait_minutes"].astype(float))
    error = np.sqrt((chance * (1 - chance)).sum())
    assert abs(gave_up.sum() - chance.sum()) < 5 * error
    assert gave_up.sum() > 100


def test_told_waits_are_as_true_as_their_accuracy() -> None:
    """The log of told over true wait is normal with deviation 1 - accuracy."""
    for accuracy in (1.0, 0.8):
        contacts = rated(weekly(announced_share=0.5, announced_accuracy=accuracy))
        told = contacts["announced_wait_minutes"].astype(float)
        wait = contacts["wait_minutes"].astype(float)
        assert told.notna().mean() == pytest.approx(0.5, abs=0.03)  # 5 errors of 6,000 contacts
        is_long = (wait > 5) & told.notna()  # rounding to a tenth of a minute matters little
        error = np.log(told[is_long] / wait[is_long])
        assert error.std() == pytest.approx(1 - accuracy, abs=0.02)


def test_a_told_wait_keeps_people_in_line_until_it_is_overrun() -> None:
    tired = {"hang_up_per_minute": 0.05}
    silent = simulate_world(short(**tired), seed=SEED, world=World(), step_days=7)
    shares = {}
    for policy in ("silent", "accurate", "low"):
        world = World(announced_waits=policy, environment=silent.environment)
        outcome = simulate_world(short(**tired), seed=SEED, world=world, step_days=7)
        reached = np.isfinite(outcome.first_contact_day)
        gave_up = outcome.first_hang_up_day == outcome.first_contact_day
        shares[policy] = float(gave_up[reached].mean())
    assert shares["accurate"] < shares["silent"]
    assert shares["accurate"] < shares["low"]


def test_complexity_confounds_handoffs_with_leaving() -> None:
    """With the knob on, those handed on had hard cases, and would have come back anyway."""

    def naive(**changes: float) -> float:
        frames = weekly(handoff_loss=0.0, handoff_grievance=0.0, **changes)
        contacts = rated(frames).query("reopens == 0")
        unsolved = contacts["resolved_at"].isna()
        return float(
            unsolved[contacts["handoffs"] > 0].mean() - unsolved[contacts["handoffs"] == 0].mean()
        )

    assert naive(handoff_resolution_logit=0.0) == pytest.approx(0.0, abs=0.04)
    assert naive(handoff_resolution_logit=0.0, k_handoff_complexity=1.0) > 0.06


def test_loss_by_failures_is_less_with_points_and_grows_with_tenure_where_asked() -> None:
    """Two interactions, off by default: each keeps or loses customers as its sign says."""
    harsh = {"incident_loss": 1.5, "points_share": 0.1}

    def lived(**changes: float) -> float:
        outcome = simulate_world(short(**harsh, **changes), seed=SEED, step_days=7)
        return float(np.minimum(outcome.exit_day, outcome.n_days).mean())

    assert lived(points_relief=2.0) > lived()
    # Satisfaction is below 0 on average after such failures, so more weight on it costs more.
    assert lived(satisfaction_tenure_log_hr=0.5) < lived()


def test_the_dormant_are_counted_day_by_day() -> None:
    outcome = simulate_world(short(), seed=SEED, step_days=7)
    assert outcome.dormant_share.shape == (-(-outcome.n_days // 7),)
    assert (outcome.dormant_share > 0).all() and (outcome.dormant_share < 0.2).all()
    nobody = simulate_world(
        short(exit_hazard_service_pm=0.0, exit_hazard_competitor_pm=0.0), seed=SEED, step_days=7
    )
    assert (nobody.dormant_share == 0).all()


def test_in_the_streaming_preset_many_leave_with_a_new_card() -> None:
    frames = weekly(preset="streaming", window_end=date(2020, 7, 1))
    cards = frames["payment_events"].query("kind == 'card_replaced'")
    pairs = frames["exits"].merge(cards[["customer_id", "occurred_at"]], on="customer_id")
    days = (pairs["service_end_at"] - pairs["occurred_at"]).dt.days
    share = pairs.loc[days.between(0, 6), "contract_id"].nunique() / len(frames["exits"])
    assert share == pytest.approx(0.31, abs=0.08)  # 31 %, and some 5 errors at this size


def test_a_team_takes_the_desk_over_where_it_is() -> None:
    """Straight through until the team is there, then its own desk: never the one before."""
    world = World(team="staggered", desk="none")
    run = live_through(
        short(team_first_day=100, team_step_days=10), seed=SEED, world=world, step_days=7
    )
    journey = deliver(run).frames["cancellation_journey"]
    desks = journey.loc[journey["step"] == "requested", "desk"]
    assert set(desks) == {"none", "integrated"}


def test_the_first_denial_alone_is_forced() -> None:
    base = simulate_world(short(), seed=SEED, step_days=7)
    denied, granted = (
        simulate_world(
            short(),
            seed=SEED,
            world=World(first_denial=share, environment=base.environment),
            step_days=7,
        )
        for share in (1.0, 0.0)
    )
    asked = np.isfinite(base.first_request_day)
    assert (denied.first_denial_day == denied.first_request_day)[asked].all()
    assert (granted.first_denial_day > granted.first_request_day)[asked].all()
    assert (granted.n_denials > 0).sum() > 50  # later requests are denied as ever


def test_part_of_what_meets_a_desk_meets_an_obstructive_script() -> None:
    """Three of ten let through, and of the rest half: 0.35 each, within four standard errors."""
    journey = weekly(
        desk_share=0.7, desk_obstructive_share=0.5, exit_hazard_service_pm=0.03, inert_share=0.0
    )["cancellation_journey"]
    shares = journey.loc[journey["step"] == "requested", "desk"].value_counts(normalize=True)
    n = int((journey["step"] == "requested").sum())
    error = np.sqrt(0.25 / n)
    assert n > 500
    for desk, share in {"none": 0.3, "reactive": 0.35, "obstructive": 0.35}.items():
        assert shares[desk] == pytest.approx(share, abs=4 * error)


def test_remedies_come_within_a_week_or_with_the_request_to_leave() -> None:
    frames = weekly(
        remedy_refusal_share=0.4, remedy_cancellation_share=1.0, exit_hazard_service_pm=0.03
    )
    remedies = frames["outreach"].query("kind == 'remedy'")
    journey = frames["cancellation_journey"]
    asked = journey.loc[journey["step"] == "requested", ["customer_id", "stepped_at"]]
    late = remedies.merge(
        asked, left_on=["customer_id", "sent_at"], right_on=["customer_id", "stepped_at"]
    )
    early = remedies[~remedies["outreach_id"].isin(late["outreach_id"])]
    requests = frames["requests"]
    denied = requests[requests["outcome"] != "granted"]
    first = denied.drop_duplicates("customer_id")
    due = first[first["decided_at"] < first["decided_at"].max() - pd.Timedelta(days=30)]
    waited = due.merge(early, on="customer_id")
    days = (waited["sent_at"] - waited["decided_at"]) / pd.Timedelta(days=1)
    share = ((days > 0) & (days <= 14)).groupby(waited["customer_id"]).any().sum() / len(due)
    assert len(late) > 20
    assert share == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / len(due)))


def test_a_team_with_one_task_does_that_alone() -> None:
    rollout = {"team_rollout": "staggered", "team_first_day": 0, "team_step_days": 10}
    nobody = weekly()
    promoting = weekly(**rollout, team_tasks="promotions")
    telling = weekly(**rollout, team_tasks="incidents")
    counts = {
        name: frames["outreach"]["kind"].value_counts()
        for name, frames in (("no", nobody), ("promote", promoting), ("tell", telling))
    }
    assert counts["promote"]["promotion"] > 1.5 * counts["no"]["promotion"]
    assert "proactive_message" in counts["tell"]
    assert not {"rescue", "proactive_message"} & set(counts["promote"].index)
    assert "rescue" not in counts["tell"]
    for frames, policy in (
        (promoting, "promotion_department"),
        (telling, "incident_department"),
    ):
        assert (frames["policies"].query("site.notna()")["policy"] == policy).all()
        assert "integrated" not in set(frames["cancellation_journey"]["desk"].dropna())


def test_direct_debits_are_the_fifths_of_what_leaving_costs() -> None:
    run = live_through(short(), seed=SEED, step_days=7)
    customers = deliver(run).frames["customers"]
    cost = run.traits.switching_cost[run.state.has_joined]
    counts = customers["direct_debits"].to_numpy(dtype=np.int64)
    assert set(counts) == {0, 1, 2, 3, 4}
    assert (np.diff(counts[np.argsort(cost)]) >= 0).all()
    # A standard normal lies below -0.8416 in one case of five.
    assert ((cost < -0.8416) == (counts == 0)).mean() > 0.999


def test_causes_have_their_order() -> None:
    assert tuple(misclassification_matrix(short()).columns) == CAUSES


@pytest.mark.parametrize("kept", [0, 1])
def test_other_processors_give_the_same_bytes(kept: int) -> None:
    """The same hash without the vector instructions this processor has, or with one of them."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    program = (
        "from loyaltylab.params import SyntheticParameters as P\n"
        "from loyaltylab.sources.synthetic import simulate_provider as s\n"
        "print(s(P(n_customers=400), seed=1).description.data_hash)"
    )
    usual = simulate_provider(SyntheticParameters(n_customers=400), seed=1)
    environment = os.environ | {
        "NPY_DISABLE_CPU_FEATURES": " ".join(found[kept:]),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == usual.description.data_hash
