"""Reliability of scores: by hand, against R, and by what must not change it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.measures.reliability import (
    one_way_icc,
    shrink_scores,
    spearman_brown,
    split_half,
    tickets_for_reliability,
)

ORACLE = Path(__file__).parents[1] / "oracles" / "reliability.json"
SAME_FORMULA = 1e-9  # double precision through the same sums of squares
SCORES, UNITS = [1.0, 2.0, 5.0, 6.0, 9.0, 10.0], list("aabbcc")


def test_three_agents_by_hand() -> None:
    # Means 1.5, 5.5, 9.5 around 5.5: between 2 x (16 + 0 + 16) / 2 = 32; within 6 x 0.25 / 3 = 0.5.
    # ICC = (32 - 0.5) / (32 + 0.5) = 63 / 65.
    found = one_way_icc(SCORES, UNITS)
    assert found.icc == pytest.approx(63 / 65)
    assert found.variance_within == pytest.approx(0.5)
    assert found.variance_between == pytest.approx(31.5 / 2)
    assert found.tickets_per_unit == pytest.approx(2)
    assert found.ci_lower < found.icc < found.ci_upper
    # Two tickets: 2 x 63/65 / (1 + 63/65) = 126 / 128.
    assert found.of_mean == pytest.approx(126 / 128)
    assert found.caveats


def test_shrinking_by_hand() -> None:
    # Reliability of a mean of two: 15.75 / (15.75 + 0.25) = 63 / 64; the mean of all is 5.5.
    found = shrink_scores(SCORES, UNITS)
    assert found["reliability"].tolist() == pytest.approx([63 / 64] * 3)
    assert found["shrunken"].tolist() == pytest.approx([5.5 - 4 * 63 / 64, 5.5, 5.5 + 4 * 63 / 64])
    assert found["standard_error"].tolist() == pytest.approx([np.sqrt(15.75 / 64)] * 3)


def test_units_that_differ_less_than_by_chance_are_all_alike() -> None:
    # Means are all 2, so that the mean square between is 0: ICC = -1 / (2 - 1).
    found = one_way_icc([1, 3, 1, 3, 1, 3], UNITS)
    assert found.icc == pytest.approx(-1)
    assert found.of_mean == 0
    assert shrink_scores([1, 3, 1, 3, 1, 3], UNITS)["shrunken"].tolist() == [2, 2, 2]


def test_an_icc_of_a_twentieth_takes_forty_five_tickets() -> None:
    # 0.7 / 0.3 x 0.95 / 0.05 = 44.3, so 45; half and half takes 0.7 / 0.3 = 2.3, so 3.
    assert tickets_for_reliability(0.05) == 45
    assert tickets_for_reliability(0.5) == 3
    assert tickets_for_reliability(0.5, reliability=0.5) == 1


def test_halves_by_hand() -> None:
    # Odd tickets 1, 3, 5 and even ones 2, 6, 4: r = 0.5, so 2 x 0.5 / 1.5 = 2 / 3 in full.
    found = split_half([1, 2, 3, 6, 5, 4, 9], [*UNITS, "d"])
    assert (found.correlation, found.n_units) == (pytest.approx(0.5), 3)
    assert found.reliability == pytest.approx(2 / 3)


def test_like_r() -> None:
    known = json.loads(ORACLE.read_text())
    found = one_way_icc(known["lung"]["age"], known["lung"]["inst"])
    for name in (
        "icc", "ci_lower", "ci_upper", "variance_between", "variance_within", "tickets_per_unit",
    ):  # fmt: skip
        assert getattr(found, name) == pytest.approx(known[name], rel=SAME_FORMULA)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50), st.floats(-100, 100))
def test_neither_order_nor_scale_plays_a_part(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    unit, score = rng.integers(0, 6, 60), rng.normal(size=60)
    first = one_way_icc(score, unit)
    order = rng.permutation(60)
    second = one_way_icc(scale * score[order] + shift, unit[order])
    assert second.icc == pytest.approx(first.icc, abs=1e-6)  # shift costs digits
    assert second.ci_upper == pytest.approx(first.ci_upper, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 0.99))
def test_the_tickets_asked_for_are_just_enough(icc: float) -> None:
    n = tickets_for_reliability(icc)
    assert spearman_brown(icc, n_tickets=n) >= 0.7 - 1e-6
    assert n == 1 or spearman_brown(icc, n_tickets=n - 1) < 0.7 + 1e-6


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    unit = np.repeat(np.arange(40), 20)
    true = 0.2
    n_held = 0
    for _ in range(300):
        level = rng.normal(scale=np.sqrt(true), size=40)[unit]
        found = one_way_icc(level + rng.normal(scale=np.sqrt(1 - true), size=800), unit)
        n_held += found.ci_lower <= true <= found.ci_upper
    assert 0.92 < n_held / 300 < 0.98  # three binomial errors around 95 %


@pytest.mark.parametrize(
    ("score", "unit", "message"),
    [
        ([1.0, 2.0], ["a", "a"], "2 tickets of 1 units"),
        ([1.0, 2.0], ["a", "b"], "2 tickets of 2 units"),
        ([1.0, 1.0, 2.0, 2.0], list("aabb"), "Nothing varies within units"),
        ([1.0, np.nan, 2.0], list("aab"), "1 tickets have no score"),
        ([1.0, 2.0, 2.0], ["a", None, "b"], "no unit"),
        ([1.0, 2.0], ["a"], "differ in length"),
    ],
)
def test_what_says_nothing_is_refused(score: list[float], unit: list[str], message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        one_way_icc(score, unit)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(EstimationError, match="strictly between 0 and 1"):
        tickets_for_reliability(-0.01)
    with pytest.raises(EstimationError, match="2 units have both halves"):
        split_half([1, 2, 3, 4, 5], list("aabbc"))
