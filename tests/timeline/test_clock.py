"""Whole microseconds: exact, and nothing missing by accident."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from day_tables import at, times

from loyaltylab.errors import TableError
from loyaltylab.timeline.clock import (
    MICROSECONDS_PER_DAY,
    from_microseconds,
    microseconds_of,
    to_microseconds,
    total_days,
)


def test_there_and_back() -> None:
    original = times([0, 0.5, 100])
    whole = to_microseconds(original)
    assert whole.tolist() == [microseconds_of(at(day)) for day in (0, 0.5, 100)]
    assert (np.diff(whole) / MICROSECONDS_PER_DAY).tolist() == [0.5, 99.5]
    pd.testing.assert_series_equal(from_microseconds(pd.Series(whole)), original)


def test_a_missing_time_needs_a_stand_in() -> None:
    assert to_microseconds(times([None, 0]), missing=7).tolist() == [7, microseconds_of(at(0))]
    with pytest.raises(TableError, match="ended_at: 1 missing times"):
        to_microseconds(times([None, 0]).rename("ended_at"))


def test_total_days_neither_rounds_nor_overflows() -> None:
    # 10 million customers for 40 years: 1.3e22 microseconds, more than 64 bits hold.
    forty_years = np.full(10_000_000, 14_610 * MICROSECONDS_PER_DAY, dtype=np.int64)
    assert total_days(forty_years) == 146_100_000_000
    assert total_days(np.array([MICROSECONDS_PER_DAY // 2] * 3, dtype=np.int64)) == 1.5
    assert total_days(np.array([], dtype=np.int64)) == 0
