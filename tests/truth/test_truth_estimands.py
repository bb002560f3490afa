"""What is declared: every hypothesis has its estimands or a reason why not."""

from __future__ import annotations

from datetime import date

import pytest

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import CAUSES, World, simulate_provider
from loyaltylab.truth import NOT_GENERATED, declare_estimands
from loyaltylab.truth.first_values import FIRST_VALUES
from loyaltylab.truth.groups import find_members

HYPOTHESES = [f"H{number:02d}" for number in range(1, 28)]
# Named by a hypothesis beyond the usual, besides the first values.
NAMED = {
    "H04.denial_dose.direct.incidence_24_service",
    "H04.denial_dose.direct.incidence_24_life_event",
    "H05.handoffs_removed.direct.incidence_24_service",
    "H18.messages.direct.contacts_month_1",
    "H22.friction_attempt.direct.win_back_12",
    "H22.friction.direct.retention_36",
    "H11.promotions_slow.direct.retention_3",
    "H17.compensation_voucher_forfeited_money.direct.retention_12",
    "H22.reform.total.restricted_mean_12",
    "H22.reform_businesses.total.restricted_mean_12",
    "H24.mailings.direct.win_back_12",
    "H26.reply_public.total.retention_6",
    "H26.reply_public.total.sign_ups_24",
}


def test_every_hypothesis_is_generated_or_says_why_not() -> None:
    declared = {one.contrast.hypothesis for one in declare_estimands(SyntheticParameters())}
    assert sorted(declared | set(NOT_GENERATED)) == HYPOTHESES
    assert not declared & set(NOT_GENERATED)


def test_ids_are_unique_and_what_was_named_is_among_them() -> None:
    ids = [one.id for one in declare_estimands(SyntheticParameters())]
    assert len(set(ids)) == len(ids)
    assert not NAMED - set(ids)
    assert not set(FIRST_VALUES) - set(ids)


def test_no_estimand_looks_past_its_follow_up() -> None:
    for one in declare_estimands(SyntheticParameters()):
        assert 0 < one.horizon_months <= one.contrast.follow_up_months, one.id
        assert set(one.causes) <= set(CAUSES), one.id
        assert (one.measure == "incidence") == bool(one.causes), one.id


def test_no_declared_world_brings_its_own_environment() -> None:
    for one in declare_estimands(SyntheticParameters()):
        assert not one.contrast.strategy.is_isolated, one.id
        assert not one.contrast.reference.is_isolated, one.id
        assert one.contrast.strategy != one.contrast.reference, one.id


def test_the_reform_is_compared_from_its_own_day() -> None:
    parameters = SyntheticParameters(window_start=date(2021, 1, 1), reform_date=date(2021, 7, 1))
    reform = next(
        one.contrast for one in declare_estimands(parameters) if one.contrast.id == "reform"
    )
    assert reform.from_day == 181  # 31 + 28 + 31 + 30 + 31 + 30
    assert reform.strategy == World()


@pytest.mark.parametrize("reform", [date(2017, 7, 1), date(2023, 7, 1)])
def test_a_reform_outside_the_window_is_no_contrast(reform: date) -> None:
    parameters = SyntheticParameters(reform_date=reform, reform_announced=reform)
    contrasts = {one.contrast.id for one in declare_estimands(parameters)}
    assert "friction" in contrasts
    assert not {"reform", "reform_friction"} & contrasts


def test_groups_are_those_of_the_tables() -> None:
    parameters = SyntheticParameters(n_customers=60)
    members = find_members(parameters, seed=3)
    customers = simulate_provider(parameters, seed=3).frames["customers"]
    assert list(members["consumers"]) == list(customers["segment"].eq("consumer"))
    for one, other in (("consumers", "businesses"), ("slow", "quick"), ("money", "no_money")):
        assert (members[one] ^ members[other]).all()
