"""Who is compared with whom: arithmetic in days, 24 months being 730.5 of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from outcomes_by_hand import NEVER, make_contrast, make_outcome

from loyaltylab.errors import EstimationError
from loyaltylab.sources.synthetic import World
from loyaltylab.truth import pair_up

# The last day lived through is 999, so time zero is at most 999 - 730.5 = 268.5.
ASKED = [100, 268, 269, NEVER, 50]
LEFT = [130, NEVER, 300, NEVER, 40]  # the last one asked in a second life


def test_those_who_reach_time_zero_early_enough_in_their_first_life_are_followed() -> None:
    reference = make_outcome(5, first_cancellation_day=ASKED, exit_day=LEFT)
    strategy = replace(reference, exit_day=np.array([465.0, NEVER, 300, NEVER, 40]))
    pair = pair_up(make_contrast(), strategy=strategy, reference=reference)
    assert pair.n == 2
    assert pair.identical_share == 1.0
    assert pair.follow_up_days == 730.5
    np.testing.assert_array_equal(pair.strategy.days, [365, NEVER])
    np.testing.assert_array_equal(pair.reference.days, [30, NEVER])


def test_what_came_of_them_travels_along() -> None:
    outcome = make_outcome(
        3,
        first_cancellation_day=[10, 20, 30],
        exit_day=[40, 50, NEVER],
        exit_cause=[1, 2, 0],
        exit_grievance=[0.5, 0.25, np.nan],
        won_back_day=[140, NEVER, NEVER],
        second_exit_day=[240, NEVER, NEVER],
        n_contacts_month=[1, 0, 2],
    )
    followed = pair_up(make_contrast(), strategy=outcome, reference=outcome).strategy
    np.testing.assert_array_equal(followed.away_days, [100, NEVER, NEVER])
    np.testing.assert_array_equal(followed.second_exit_days, [200, NEVER, NEVER])
    np.testing.assert_array_equal(followed.cause, [1, 2, 0])
    np.testing.assert_array_equal(followed.grievance, [0.5, 0.25, np.nan])
    np.testing.assert_array_equal(followed.n_contacts_month, [1, 0, 2])


def test_newcomers_sign_up_and_stock_does_not() -> None:
    outcome = make_outcome(3, entry_day=[0, 0, 200], tenure_days=[0, 90, 0])
    pair = pair_up(make_contrast(time_zero="sign_up"), strategy=outcome, reference=outcome)
    assert pair.n == 2


def test_stock_can_be_left_out() -> None:
    outcome = make_outcome(2, first_cancellation_day=[10, 20], tenure_days=[0, 90])
    contrast = make_contrast(is_newcomers=True)
    assert pair_up(contrast, strategy=outcome, reference=outcome).n == 1


def test_a_group_is_followed_apart() -> None:
    outcome = make_outcome(3, first_cancellation_day=[10, 20, 30], exit_day=[11, 22, 33])
    members = np.array([True, False, True])
    pair = pair_up(make_contrast(), strategy=outcome, reference=outcome, members=members)
    np.testing.assert_array_equal(pair.strategy.days, [1, 3])


def test_a_strategy_of_a_calendar_day_meets_those_who_are_customers_then() -> None:
    outcome = make_outcome(
        5,
        entry_day=[0, 99, 100, 0, 0],  # the third signs up that very day
        exit_day=[NEVER, 101, NEVER, 100, NEVER],  # the fourth has left in the night before
        migrated_day=[NEVER, NEVER, NEVER, NEVER, 90],
    )
    late = World(friction=0.7, from_day=100)
    contrast = make_contrast(
        kind="total", time_zero="start_of_strategy", strategy=World(), reference=late
    )
    pair = pair_up(contrast, strategy=outcome, reference=outcome)
    np.testing.assert_array_equal(pair.strategy.days, [NEVER, 1])


def test_leavers_are_followed_from_their_exit() -> None:
    outcome = make_outcome(3, exit_day=[100, 300, NEVER], won_back_day=[150, NEVER, NEVER])
    pair = pair_up(make_contrast(time_zero="exit"), strategy=outcome, reference=outcome)
    np.testing.assert_array_equal(pair.strategy.days, [0])
    np.testing.assert_array_equal(pair.strategy.away_days, [50])


@pytest.mark.parametrize("kind", ["direct", "total"])
def test_a_time_zero_on_another_day_is_refused(kind: str) -> None:
    reference = make_outcome(3, first_cancellation_day=[10, 20, NEVER])
    strategy = make_outcome(3, first_cancellation_day=[10, 21, NEVER])
    with pytest.raises(EstimationError, match="1 of 2 customers reach first_cancellation on"):
        pair_up(make_contrast(kind=kind), strategy=strategy, reference=reference)


def test_a_time_zero_in_one_world_only_is_refused_for_a_direct_effect() -> None:
    reference = make_outcome(2, first_cancellation_day=[10, NEVER])
    strategy = make_outcome(2, first_cancellation_day=[10, 20])
    with pytest.raises(EstimationError, match="1 of 2 customers"):
        pair_up(make_contrast(), strategy=strategy, reference=reference)


def test_those_whom_complaints_kept_from_signing_up_are_left_out_and_counted() -> None:
    reference = make_outcome(4, entry_day=[0, 10, 20, 30])
    strategy = make_outcome(4, entry_day=[0, 10, 20, NEVER])
    contrast = make_contrast(kind="total", time_zero="sign_up")
    pair = pair_up(contrast, strategy=strategy, reference=reference)
    assert pair.n == 3
    assert pair.identical_share == 0.75


def test_worlds_of_other_customers_are_refused() -> None:
    with pytest.raises(EstimationError, match="other customers"):
        pair_up(make_contrast(), strategy=make_outcome(2), reference=make_outcome(3))
    with pytest.raises(EstimationError, match="windows"):
        pair_up(make_contrast(), strategy=make_outcome(2), reference=make_outcome(2, n_days=900))


def test_nobody_at_time_zero_is_an_empty_pair() -> None:
    outcome = make_outcome(2)
    pair = pair_up(make_contrast(), strategy=outcome, reference=outcome)
    assert (pair.n, pair.identical_share) == (0, 1.0)
