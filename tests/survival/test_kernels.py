"""Loops over rows equal what numpy finds another way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.survival import build_counting_process, cox_kernels, fit_cox
from loyaltylab.survival.cox_design import build_scaled_design
from loyaltylab.survival.cox_likelihood import compute_moments, compute_row_scores, sum_row_scores
from loyaltylab.survival.risk_sets import find_split_pieces
from loyaltylab.survival.row_kernels import find_times_at_risk

# Sums of some hundred numbers of size one, in another order.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}
TIMES = st.one_of(st.integers(0, 12).map(float), st.floats(0, 1e9))


@given(
    st.sets(TIMES, min_size=1, max_size=30),
    st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_times_at_risk_equal_a_search(
    distinct: set[float], rows: list[tuple[float, float]]
) -> None:
    times = np.array(sorted(distinct))
    start = np.array([min(row) for row in rows])
    stop = np.array([max(row) for row in rows])
    first, last = np.empty((2, len(rows)), dtype=np.int64)
    find_times_at_risk(times, start, stop, first, last)
    np.testing.assert_array_equal(first, np.searchsorted(times, start, side="right"))
    np.testing.assert_array_equal(last, np.searchsorted(times, stop, side="right") - 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(1, 5), st.booleans()),
        min_size=4,
        max_size=30,
    )
)
@settings(max_examples=200, deadline=None)
def test_pieces_of_a_stay_equal_every_pair(rows: list[tuple[int, int, int, bool]]) -> None:
    cluster, start, length, event = map(np.array, zip(*rows, strict=True))
    cluster[:2] = [0, 1]
    stop = start + length
    process = build_counting_process(start, stop, event=event, cluster=cluster)
    earlier, later = find_split_pieces(process)
    meets = (cluster[:, None] == cluster) & (stop[:, None] == start) & ~event[:, None]
    np.testing.assert_array_equal(later, meets.any(axis=1))
    np.testing.assert_array_equal(earlier, meets.any(axis=0))


@pytest.mark.parametrize(("n", "p"), [(1, 1), (7, 3), (8, 8), (43, 11), (130, 30)])
def test_gram_equals_numpy(n: int, p: int) -> None:
    random = np.random.default_rng(n)
    x, weights = random.normal(size=(n, p)), random.normal(size=n)
    expected = x.T @ (weights[:, None] * x)
    np.testing.assert_allclose(cox_kernels.weighted_gram(x, weights), expected, **ROUNDING)
    product = cox_kernels.weighted_product(x, weights, x)
    np.testing.assert_allclose(product, expected, **ROUNDING)


@pytest.mark.parametrize("order", ["C", "F"])
def test_scaling_is_the_same_in_either_memory_order(order: str) -> None:
    # 130 rows, more than one block; a mean far from 0, so that squares need a centre.
    random = np.random.default_rng(1)
    values = 1e6 + random.normal(size=(130, 3)) * [1, 1e3, 1e-2]
    stop = random.integers(1, 9, 130).astype(float)
    process = build_counting_process(np.zeros(130), stop, event=stop < 9)
    design, centre, scale = build_scaled_design(process, np.asarray(values, order=order))
    at_risk = values[design.row]
    # 1e6 has ten digits left for differences of 1e-2.
    np.testing.assert_allclose(centre, at_risk.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale, at_risk.std(axis=0), rtol=1e-6)
    expected = (at_risk - at_risk.mean(axis=0)) / at_risk.std(axis=0)
    np.testing.assert_allclose(design.x, expected, atol=1e-6)


def test_scores_of_a_unit_are_the_weighted_sum_of_its_rows() -> None:
    random = np.random.default_rng(2)
    n = 60
    start = random.integers(0, 4, n).astype(float)
    stop = start + random.integers(1, 5, n)
    weights = random.random(n) + 0.5
    unit = random.integers(0, 7, n)
    process = build_counting_process(
        start, stop, event=random.random(n) < 0.6, weights=weights, cluster=unit
    )
    design = build_scaled_design(process, random.normal(size=(n, 2)))[0]
    moments = compute_moments(design, np.array([0.3, -0.2]))
    rows = compute_row_scores(design, moments)
    summed = sum_row_scores(design, moments, unit[design.row], 7)
    expected = np.zeros((7, 2))
    np.add.at(expected, unit[design.row], design.weights[:, None] * rows)
    np.testing.assert_allclose(summed, expected, **ROUNDING)


def test_a_fit_takes_columns_that_cannot_be_written_to() -> None:
    import pandas as pd

    random = np.random.default_rng(4)
    x = random.normal(size=(50, 2))
    stop = random.integers(1, 20, 50).astype(float)
    free = fit_cox(np.zeros(50), stop, stop < 15, pd.DataFrame(x, columns=["a", "b"]))
    x.flags.writeable = stop.flags.writeable = False
    locked = fit_cox(np.zeros(50), stop, stop < 15, pd.DataFrame(x, columns=["a", "b"], copy=False))
    assert free.coefficients.tobytes() == locked.coefficients.tobytes()
