"""Jumps in order: by customer, then time, then position."""

from __future__ import annotations

import numpy as np
import pytest

from loyaltylab.timeline.jump_kernels import FEW, JUMP, order_jumps


@pytest.mark.parametrize("n_customers", [1, 3, 400])
def test_order_equals_a_stable_sort(n_customers: int) -> None:
    # 1,000 jumps at 50 times: many ties; of one customer more than FEW, of 400 a few each.
    n = 1000
    assert n > FEW
    random = np.random.default_rng(n_customers)
    customer = random.integers(0, n_customers, n).astype(np.int32)
    at = random.integers(0, 50, n)
    jumps = np.zeros(n, dtype=JUMP)
    jumps["customer"], jumps["at"] = customer, at
    opening, order = np.zeros(n_customers + 1, dtype=np.int64), np.empty(n, dtype=np.int32)
    order_jumps(jumps, opening, order)
    np.testing.assert_array_equal(order, np.lexsort((at, customer)))
    np.testing.assert_array_equal(np.diff(opening), np.bincount(customer, minlength=n_customers))
