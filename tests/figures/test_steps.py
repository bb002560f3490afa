"""What is kept of a step curve, for any curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.figures.steps import draw_steps, note_stops

HORIZON = 500.0


@st.composite
def curves(draw) -> pd.DataFrame:
    times = sorted(draw(st.sets(st.integers(1, 800), min_size=1, max_size=120)))
    drops = draw(st.lists(st.floats(0, 0.05), min_size=len(times), max_size=len(times)))
    counts = draw(st.lists(st.integers(0, 60), min_size=len(times), max_size=len(times)))
    retention = np.cumprod(1 - np.array(drops))
    return pd.DataFrame({"time": np.array(times, dtype=float), "retention": retention,
                         "ci_lower": retention * 0.9, "ci_upper": np.minimum(retention * 1.1, 1),
                         "n_at_risk": counts})  # fmt: skip


def steps(curve: pd.DataFrame, *, min_cell: int = 1, max_steps: int = 400, keep=()):
    return draw_steps(curve, value="retention", start=1.0, horizon=HORIZON, min_cell=min_cell,
                      at_risk=None, keep=keep, max_steps=max_steps)  # fmt: skip


@settings(deadline=None)
@given(curves(), st.integers(1, 20))
def test_nothing_is_drawn_from_the_first_small_number_on(curve, min_cell):
    drawn = steps(curve, min_cell=min_cell)
    few = curve.loc[curve["n_at_risk"] < min_cell, "time"].min()
    assert not drawn.points["time"].ge(few).any()
    assert drawn.end <= HORIZON
    assert drawn.points["time"].iloc[-1] == drawn.end


@settings(deadline=None)
@given(curves(), st.integers(1, 30), st.floats(0, HORIZON))
def test_thinning_keeps_exact_steps_and_the_value_wanted(curve, max_steps, wanted):
    whole = steps(curve.assign(n_at_risk=50))
    thin = steps(curve.assign(n_at_risk=50), max_steps=max_steps, keep=[wanted])
    assert len(thin.points) <= max_steps + 3  # the start, the value wanted, the end
    kept = thin.points.merge(whole.points, how="left", indicator=True)
    assert (kept["_merge"] == "both").all()
    assert thin.at(wanted) == whole.at(wanted)


def test_the_value_wanted_survives_although_its_period_ends_lower():
    days = np.arange(1.0, 501.0)
    curve = pd.DataFrame({"time": days, "retention": 1 - days / 1000, "ci_lower": 0.0,
                          "ci_upper": 1.0, "n_at_risk": 50})  # fmt: skip
    # Ten periods of 50 days end on days 50, 100, …; day 120 lies inside the third.
    drawn = steps(curve, max_steps=10, keep=[120.5])
    assert drawn.points["time"].tolist() == [0, 50, 100, 120, *range(150, 501, 50)]
    assert drawn.at(120.5) == (0.88, 0.0, 1.0)


@settings(deadline=None)
@given(curves())
def test_order_of_rows_is_irrelevant(curve):
    shuffled = curve.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(steps(curve).points, steps(shuffled).points)


def test_a_curve_followed_beyond_the_horizon_reaches_it():
    curve = pd.DataFrame({"time": [100.0, 600.0], "retention": [0.9, 0.8], "ci_lower": [0.8, 0.7],
                          "ci_upper": [0.95, 0.9], "n_at_risk": [50, 40]})  # fmt: skip
    drawn = steps(curve)
    assert drawn.points["time"].tolist() == [0, 100, HORIZON]
    assert drawn.points["value"].tolist() == [1, 0.9, 0.9]
    assert not drawn.is_stopped


def test_an_early_end_is_explained_only_where_it_is_due_to_a_small_number():
    curve = pd.DataFrame({"time": [100.0, 200.0], "retention": [0.9, 0.8], "ci_lower": [0.8, 0.7],
                          "ci_upper": [0.95, 0.9], "n_at_risk": [50, 3]})  # fmt: skip
    assert "fewer than 5" in note_stops([steps(curve, min_cell=5)], min_cell=5)
    assert note_stops([steps(curve, min_cell=2)], min_cell=2) == ""
