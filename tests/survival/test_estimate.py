"""Differences of independent estimates, by hand."""

from __future__ import annotations

import dataclasses

import pytest
from scipy.stats import norm

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate, difference

A = Estimate(20.0, 3.0, 14.12, 25.88, 0.95, 50, 30, "days", "restricted mean", caveats=("few",))
B = Estimate(10.0, 4.0, 2.16, 17.84, 0.95, 60, 40, "days", "restricted mean")


def test_by_hand() -> None:
    found = difference(A, B)
    # sqrt(3^2 + 4^2) = 5; z = 10 / 5 = 2.
    assert (found.value, found.standard_error, found.n, found.n_events) == (10.0, 5.0, 110, 70)
    assert found.p_value == pytest.approx(2 * norm.sf(2.0), rel=1e-12)
    assert found.ci_lower == pytest.approx(10 - 5 * norm.ppf(0.975), rel=1e-12)
    assert found.ci_upper == pytest.approx(10 + 5 * norm.ppf(0.975), rel=1e-12)
    assert found.caveats == ("first group: few",)


def test_swapping_the_groups_turns_the_sign() -> None:
    one, other = difference(A, B), difference(B, A)
    assert other.value == -one.value
    assert (other.ci_lower, other.ci_upper) == (-one.ci_upper, -one.ci_lower)
    assert other.p_value == one.p_value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "share"}, "units 'days' and 'share' differ"),
        ({"method": "median"}, "estimate both alike"),
        ({"confidence_level": 0.9}, "confidence levels 0.95 and 0.9 differ"),
        ({"standard_error": float("nan")}, "second has no finite value or standard error"),
    ],
)
def test_unlike_estimates_are_refused(change, message) -> None:
    with pytest.raises(EstimationError, match=message):
        difference(A, dataclasses.replace(B, **change))


def test_two_numbers_without_error_are_refused() -> None:
    certain = dataclasses.replace(A, standard_error=0.0)
    with pytest.raises(EstimationError, match="both standard errors are 0"):
        difference(certain, certain)
