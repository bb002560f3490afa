"""The gate of multi-state rows, and products of matrices over ranges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from state_histories import BY_HAND_ROWS, columns_of

from loyaltylab.errors import EstimationError
from loyaltylab.survival.range_maps import Maps, compose_ranges
from loyaltylab.survival.transition_rows import build_transition_rows


def test_moves_are_coded() -> None:
    rows = build_transition_rows(*columns_of(BY_HAND_ROWS), customer=BY_HAND_ROWS["customer"])
    assert rows.states == ("active", "left")
    assert rows.transitions == ((0, 1), (1, 0))
    assert rows.transition.tolist() == [0, 1, -1, 0, -1, 0, -1]
    assert [rows.name_transition(j) for j in (0, 1)] == ["active -> left", "left -> active"]
    assert not rows.is_continued.any()


def test_pieces_of_a_stay_are_known() -> None:
    rows = build_transition_rows(
        [0, 2, 4, 0], [2, 4, 6, 1], ["a", "a", "b", "a"], ["", "b", "", ""], customer=list("xxxy")
    )  # fmt: skip
    assert rows.is_continued.tolist() == [True, False, False, False]


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(EstimationError) as caught:
        build_transition_rows(
            [0, 2, 1, 0, 3, 0],
            [2, 4, 3, 3, 2, 5],
            ["a", "a", "b", "a", "b", "c"],
            ["b", "", "", "a", "", ""],
            customer=["x", "x", "x", "y", "z", "z"],
            weights=[1, 1, 1, 1, -1, 1],
            cluster=[1, 1, 2, 2, 3, 3],
        )
    listed = "\n".join(caught.value.problems)
    for part in (
        "to_state is from_state in 1 of 6 rows (positions from 0: 3)",
        "rows overlap at 3 of 6 rows (positions from 0: 1, 2, 4)",
        "a customer has rows in several clusters, first at 1 of 6 rows (positions from 0: 2)",
        "stop <= start in 1 of 6 rows (positions from 0: 4)",
        "weights are negative in 1 of 6 rows",
    ):
        assert part in listed


def test_a_broken_chain_is_refused_and_a_gap_is_not() -> None:
    with pytest.raises(EstimationError, match=r"chain of states breaks at 2 .* 0: 1, 3\)"):
        build_transition_rows(
            [0, 2, 0, 2], [2, 4, 2, 4], ["a", "a", "a", "b"], ["b", "", "", ""],
            customer=[1, 1, 2, 2],
        )  # fmt: skip
    rows = build_transition_rows(
        [0, 3, 0, 3], [2, 4, 2, 4], ["a", "a", "a", "b"], ["b", "", "", ""], customer=[1, 1, 2, 2]
    )
    assert rows.n_jumps == 2


def test_states_must_be_names() -> None:
    with pytest.raises(EstimationError) as caught:
        build_transition_rows([0, 0], [1, 1], ["", "a"], [1, "b"], customer=[1, 2])
    assert "from_state is no name in 1 of 2 rows" in caught.value.problems[0]
    assert "to_state is no name in 1 of 2 rows" in caught.value.problems[1]
    with pytest.raises(EstimationError, match="do not cover the observed"):
        build_transition_rows([0, 0], [1, 1], ["a", "a"], ["b", ""], customer=[1, 2], states=["a"])
    with pytest.raises(EstimationError, match="lengths differ"):
        build_transition_rows([0, 0], [1, 1], ["a"], ["b", ""], customer=[1, 2])
    with pytest.raises(EstimationError, match="customer is missing in 1 of 2 rows"):
        build_transition_rows([0, 0], [1, 1], ["a", "a"], ["b", ""], customer=[1, None])


def test_rows_without_weight_are_left_out() -> None:
    rows = build_transition_rows(
        [0, 0, 0], [1, 2, 3], ["a"] * 3, ["b", "c", ""], customer=[1, 2, 3], weights=[1, 0, 1]
    )
    assert rows.states == ("a", "b", "c")
    assert rows.transitions == ((0, 1),)
    assert rows.kept.tolist() == [True, False, True]
    assert rows.n_clusters == 2


# Sums and products of a few numbers of size 1, in another order.
REORDERED = {"rtol": 1e-10, "atol": 1e-12}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 20), st.integers(0, 10_000))
def test_ranges_are_products_of_their_steps(m, seed) -> None:
    rng = np.random.default_rng(seed)
    steps = Maps(rng.uniform(-1, 1, (m, 2, 2)), rng.uniform(-1, 1, (m, 2, 2)))
    first, last = (side.ravel() for side in np.meshgrid(np.arange(m), np.arange(-1, m)))
    found = compose_ranges(steps, first, last)
    for position, (begin, end) in enumerate(zip(first, last, strict=True)):
        carry, drift = np.eye(2), np.zeros((2, 2))
        for t in range(begin, end + 1):
            carry, drift = carry @ steps.carry[t], drift @ steps.carry[t] + steps.drift[t]
        np.testing.assert_allclose(found.carry[position], carry, **REORDERED)
        np.testing.assert_allclose(found.drift[position], drift, **REORDERED)
