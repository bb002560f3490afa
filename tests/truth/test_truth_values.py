"""Each measure on four customers, with its arithmetic; a month is 30.4375 days."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from outcomes_by_hand import NEVER, make_contrast, make_outcome

from loyaltylab.errors import EstimationError
from loyaltylab.truth import Estimand, Pair, TrueValue, compute_true_value, pair_up

MONTH = 30.4375
EXACT = 1e-12  # a few roundings of sums below 100
NEWTON = 1e-6  # where the Cox fit stops


def make_pair(strategy: dict[str, Any], reference: dict[str, Any], n: int = 4) -> Pair:
    """Everybody asks to leave on day 0, so that days from time zero are days."""
    sides = [
        make_outcome(n, first_cancellation_day=[0] * n, **side) for side in (strategy, reference)
    ]
    return pair_up(make_contrast(), strategy=sides[0], reference=sides[1])


# Months retained up to 24:     2      24     12     24
STRATEGY = {
    "exit_day": [2 * MONTH, NEVER, 12 * MONTH, 24 * MONTH],
    "exit_cause": [1, 0, 2, 3],
    "exit_grievance": [0.4, np.nan, 0.2, 0.3],
    "won_back_day": [2 * MONTH + 100, NEVER, 12 * MONTH + 400, NEVER],
    "n_contacts_month": [3, 0, 0, 1],
}
# Months retained up to 24:     2      12     12      4
REFERENCE = {
    "exit_day": [2 * MONTH, 12 * MONTH, 12 * MONTH, 4 * MONTH],
    "exit_cause": [1, 1, 2, 2],
    "exit_grievance": [0.5, 0.3, 0.1, 0.3],
    "won_back_day": [2 * MONTH + 100, NEVER, 12 * MONTH + 300, 4 * MONTH + 10],
    "n_contacts_month": [2, 1, 0, 3],
}


def value_of(measure: Any, months: float, *causes: str) -> TrueValue:
    estimand = Estimand(make_contrast(), measure, months, causes)
    return compute_true_value(estimand, make_pair(STRATEGY, REFERENCE))


def test_restricted_mean_is_the_mean_of_paired_differences() -> None:
    found = value_of("restricted_mean", 24)
    assert found.strategy_value == pytest.approx(62 / 4, abs=EXACT)
    assert found.reference_value == pytest.approx(30 / 4, abs=EXACT)
    # Differences 0, 12, 0, 20: mean 8, variance (64 + 16 + 64 + 144) / 3 = 96, over 4 is 24.
    assert found.value == pytest.approx(8, abs=EXACT)
    assert found.paired_se == pytest.approx(math.sqrt(24), abs=EXACT)
    assert (found.n, found.identical_share) == (4, 1.0)


@pytest.mark.parametrize(
    ("months", "strategy", "reference"),
    [
        (1, 1.0, 1.0),
        (3, 0.75, 0.75),
        (12, 0.5, 0.0),  # who leaves at the horizon has left by it
        (24, 0.25, 0.0),
    ],
)
def test_retention_is_the_share_still_there(
    months: float, strategy: float, reference: float
) -> None:
    found = value_of("retention", months)
    assert (found.strategy_value, found.reference_value) == (strategy, reference)
    assert found.value == strategy - reference


def test_incidence_counts_exits_of_the_causes_named() -> None:
    found = value_of("incidence", 12, "service")
    assert (found.strategy_value, found.reference_value) == (0.25, 0.5)
    both = value_of("incidence", 24, "service", "price_competitor")
    assert (both.strategy_value, both.reference_value) == (0.5, 1.0)


def test_win_back_is_among_leavers_who_can_be_watched_long_enough() -> None:
    # To be watched for 12 months, leave within the first 24 - 12 = 12. Strategy: the first and
    # third leave, of whom one is back within 12 months. Reference: all leave, three are back.
    found = value_of("win_back", 12)
    assert (found.strategy_value, found.reference_value) == (0.5, 0.75)
    assert found.value == -0.25
    # Linear parts: (1, 0, -1, 0) less (.25, -.75, .25, .25) = (.75, .75, -1.25, -.25);
    # their squares sum to 2.75, over 3 and over 4.
    assert found.paired_se == pytest.approx(math.sqrt(2.75 / 12), abs=EXACT)


def test_second_life_is_time_as_a_customer_again() -> None:
    # Back after 2 months for 3; back after 10 for good; back after the horizon; never back.
    back = [2 * MONTH, 10 * MONTH, 13 * MONTH, NEVER]
    left_again = [5 * MONTH, NEVER, NEVER, NEVER]
    side = {"exit_day": [0] * 4, "won_back_day": back, "second_exit_day": left_again}
    nobody = {"exit_day": [0] * 4}
    contrast = make_contrast(time_zero="exit")
    pair = pair_up(contrast, strategy=make_outcome(4, **side), reference=make_outcome(4, **nobody))
    found = compute_true_value(Estimand(contrast, "second_life", 12), pair)
    assert found.strategy_value == pytest.approx((3 + 2) / 4, abs=EXACT)
    assert found.reference_value == 0


def test_grievance_at_exit_is_a_mean_over_leavers() -> None:
    found = value_of("exit_grievance", 24)
    assert found.strategy_value == pytest.approx(0.9 / 3, abs=EXACT)
    assert found.reference_value == pytest.approx(1.2 / 4, abs=EXACT)
    earlier = value_of("exit_grievance", 3)
    assert earlier.value == pytest.approx(0.4 - 0.5, abs=EXACT)


def test_contacts_of_the_month_are_a_mean_over_everybody() -> None:
    found = value_of("contacts_month", 1)
    assert (found.strategy_value, found.reference_value) == (1.0, 1.5)
    # Differences 1, -1, 0, -2: mean -.5, squares about it 2.25 + .25 + .25 + 2.25 = 5.
    assert found.paired_se == pytest.approx(math.sqrt(5 / 12), abs=EXACT)


def test_sign_ups_are_a_share_of_all_newcomers() -> None:
    # Three newcomers and one of the stock; the last newcomer comes too late to be followed.
    tenure = [0, 0, 0, 90]
    contrast = make_contrast(kind="total", time_zero="sign_up")
    pair = pair_up(
        contrast,
        strategy=make_outcome(4, entry_day=[0, NEVER, 900, 0], tenure_days=tenure),
        reference=make_outcome(4, entry_day=[0, 10, 900, 0], tenure_days=tenure),
    )
    found = compute_true_value(Estimand(contrast, "sign_ups", 24), pair)
    assert found.strategy_value == pytest.approx(2 / 3, abs=EXACT)
    assert found.reference_value == 1
    # Differences 0, -1, 0: mean -1/3, squares about it 6/9, over 2 and over 3.
    assert found.paired_se == pytest.approx(1 / 3, abs=EXACT)


def test_hazard_ratio_solves_its_score_equation() -> None:
    # Two customers, one exit each side: reference at 1, strategy at 2. The partial likelihood
    # is 1 / (2r + 2) * r / (2r + 1); its score vanishes where 2 r^2 = 1.
    pair = make_pair({"exit_day": [2, NEVER]}, {"exit_day": [1, NEVER]}, n=2)
    found = compute_true_value(Estimand(make_contrast(), "hazard_ratio", 24), pair)
    assert found.value == pytest.approx(1 / math.sqrt(2), abs=NEWTON)
    assert found.paired_se > 0
    assert math.isnan(found.strategy_value)
    assert math.isnan(found.reference_value)


def test_exits_past_the_horizon_do_not_touch_the_hazard_ratio() -> None:
    near = make_pair({"exit_day": [2, NEVER]}, {"exit_day": [1, NEVER]}, n=2)
    far = make_pair({"exit_day": [2, 40]}, {"exit_day": [1, 50]}, n=2)
    estimand = Estimand(make_contrast(), "hazard_ratio", 1)
    assert compute_true_value(estimand, near).value == compute_true_value(estimand, far).value


def test_two_equal_lives_differ_by_nothing() -> None:
    pair = make_pair(STRATEGY, STRATEGY)
    difference = compute_true_value(Estimand(make_contrast(), "restricted_mean", 24), pair)
    assert (difference.value, difference.paired_se) == (0.0, 0.0)
    ratio = compute_true_value(Estimand(make_contrast(), "hazard_ratio", 24), pair)
    assert (ratio.value, ratio.paired_se) == (1.0, 0.0)


@pytest.mark.parametrize("measure", ["hazard_ratio", "win_back", "exit_grievance"])
def test_what_nobody_informs_is_not_a_number(measure: Any) -> None:
    pair = make_pair({}, REFERENCE)
    found = compute_true_value(Estimand(make_contrast(), measure, 12), pair)
    assert math.isnan(found.value)
    assert math.isnan(found.paired_se)


def test_no_customers_give_no_number() -> None:
    outcome = make_outcome(3)
    pair = pair_up(make_contrast(), strategy=outcome, reference=outcome)
    for measure in ("restricted_mean", "hazard_ratio"):
        found = compute_true_value(Estimand(make_contrast(), measure, 12), pair)
        assert math.isnan(found.value)
        assert found.n == 0


def test_a_horizon_past_the_follow_up_is_refused() -> None:
    pair = make_pair(STRATEGY, REFERENCE)
    with pytest.raises(EstimationError, match=r"past the follow-up of 730\.5 days"):
        compute_true_value(Estimand(make_contrast(), "retention", 36), pair)


def test_the_order_of_customers_does_not_matter() -> None:
    turned = make_pair(
        {name: values[::-1] for name, values in STRATEGY.items()},
        {name: values[::-1] for name, values in REFERENCE.items()},
    )
    for measure in ("restricted_mean", "win_back", "exit_grievance", "hazard_ratio"):
        estimand = Estimand(make_contrast(), measure, 12)
        straight = compute_true_value(estimand, make_pair(STRATEGY, REFERENCE))
        found = compute_true_value(estimand, turned)
        assert found.value == pytest.approx(straight.value, abs=NEWTON)
        assert found.paired_se == pytest.approx(straight.paired_se, abs=NEWTON)


def test_exponential_lives_have_the_effects_they_were_built_with() -> None:
    # The strategy halves a monthly hazard of 10 %; both lives of a customer share one draw.
    n, rate, horizon, errors = 4000, 0.1, 12, 4  # four errors: one false alarm in 16,000
    luck = -np.log((np.random.default_rng(1).permutation(n) + 0.5) / n)
    pair = make_pair(
        {"exit_day": luck / (rate / 2) * MONTH}, {"exit_day": luck / rate * MONTH}, n=n
    )
    ratio = compute_true_value(Estimand(make_contrast(), "hazard_ratio", horizon), pair)
    assert abs(ratio.value - 0.5) < errors * ratio.paired_se
    assert 0 < ratio.paired_se < 0.05
    months = compute_true_value(Estimand(make_contrast(), "restricted_mean", horizon), pair)
    expected = [-math.expm1(-r * horizon) / r for r in (rate / 2, rate)]
    assert abs(months.value - (expected[0] - expected[1])) < errors * months.paired_se
