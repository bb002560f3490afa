"""Curves as pages show them: no step dates a single customer's leaving."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.reports.sections import (
    bundle_exits,
    curve_panels,
    incidence_panels,
    monthly_rates,
    tick_times,
)
from loyaltylab.survival import cumulative_incidence, kaplan_meier


def test_every_step_shown_stands_for_enough_exits() -> None:
    # Exits one by one at 1.4, 2.4, ... 11.4 of 20 customers, then 6 together at 30.25.
    stop = np.array([*np.arange(1.4, 12), *[30.25] * 6, *[40.0] * 3])
    curve = kaplan_meier(np.zeros(20), stop, stop < 40)
    shown = bundle_exits(curve.to_frame(), min_cell=5)
    # The 5th exit is at 5.4, the 10th at 10.4: shown at the next half day. The 11th waits for
    # the six at 30.25, whose own time identifies nobody.
    assert shown["time"].tolist() == [5.5, 10.5, 30.25]
    assert shown["retention"].round(10).tolist() == [0.75, 0.5, 0.15]


def test_a_cause_with_too_few_exits_has_no_curve() -> None:
    stop = np.arange(1.0, 21)
    cause = ["service"] * 10 + ["life_event"] * 3 + [""] * 7
    incidence = cumulative_incidence(np.zeros(20), stop, cause)
    panels = incidence_panels({"all": incidence}, horizon_months=1, min_cell=5)
    assert set(panels["frame"]["cause"]) == {"service"}
    assert "group" not in panels["frame"]


def test_too_few_exits_for_any_curve_are_said() -> None:
    curve = kaplan_meier(np.zeros(20), np.arange(1.0, 21), [True] * 4 + [False] * 16)
    with pytest.raises(EstimationError, match="Fewer than 5 customers left"):
        curve_panels({"all": curve}, horizon_months=12, min_cell=5)


def test_bundling_changes_nothing_but_what_is_shown() -> None:
    stop = np.arange(1.0, 21)
    frame = kaplan_meier(np.zeros(20), stop, np.ones(20)).to_frame()
    before = frame.copy(deep=True)
    assert bundle_exits(frame, min_cell=1)["retention"].tolist() == frame["retention"].tolist()
    pd.testing.assert_frame_equal(frame, before)


def test_ticks_end_at_the_horizon() -> None:
    assert [round(day / 30.4375) for day in tick_times(24)] == [0, 6, 12, 18, 24]
    assert [round(day / 30.4375) for day in tick_times(12)] == [0, 3, 6, 9, 12]


def test_a_group_of_a_customer_or_two_has_no_monthly_rate() -> None:
    # Nobody left in one customer-month: the upper limit is -ln(0.025) = 3.69 a month, no share;
    # in 100 customer-months it is 0.0369.
    counts = pd.DataFrame(
        {
            "month_start": pd.to_datetime(["2020-01-01"] * 2, utc=True),
            "segment": ["consumer", "unknown"],
            "person_days": [100 * 30.4375, 30.4375],
            "n_events": [0, 0],
        }
    )
    rates = monthly_rates(counts, group="segment", confidence_level=0.95)
    assert rates["group"].tolist() == ["consumer"]
    assert round(rates["ci_upper"].iloc[0], 4) == 0.0369
