"""Landmarks: who is still there, by what was known before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offers import simulate, to_rows

from loyaltylab.designs import contrast_groups, landmark
from loyaltylab.errors import EstimationError

N_ERRORS = 4.0  # standard errors within which a known truth must lie


def make_rows() -> pd.DataFrame:
    """a is exposed at 20, e at 30; a leaves at 70, b at 10; c is lost at 30; d enters at 40."""
    lines = [
        ("a", 0.0, 20.0, "", 0),
        ("a", 20.0, 70.0, "price", 1),
        ("b", 0.0, 10.0, "price", 0),
        ("c", 0.0, 30.0, "", 0),
        ("d", 40.0, 80.0, "price", 0),
        ("e", 0.0, 30.0, "", 0),
        ("e", 30.0, 90.0, "", 1),
    ]
    rows = pd.DataFrame(lines, columns=["customer_id", "start", "stop", "exit_cause", "exposed"])
    return rows.assign(event=rows["exit_cause"] != "")


def test_landmark_by_hand() -> None:
    found = landmark(make_rows(), landmark_day=30, columns=["exposed"])
    # a: 70 - 30 = 40 days, exposed before. e: 60 days, exposed at 30 itself, which is too late.
    assert found.frame["customer_id"].tolist() == ["a", "e"]
    assert found.frame["stop"].tolist() == [40.0, 60.0]
    assert found.frame["exposed"].tolist() == [1, 0]
    assert found.frame["event"].tolist() == [True, False]
    assert found.flow == {
        "left_before": 1,
        "censored_before": 1,
        "not_yet_entered": 1,
        "followed": 2,
        "total": 5,
    }


def test_first_exit_after_the_landmark_counts() -> None:
    again = pd.DataFrame(
        [("a", 75.0, 99.0, "service", 1, True)],
        columns=["customer_id", "start", "stop", "exit_cause", "exposed", "event"],
    )
    found = landmark(pd.concat([make_rows(), again]), landmark_day=30, columns=["exposed"])
    assert found.frame["stop"].tolist() == [40.0, 60.0]
    assert found.frame["exit_cause"].tolist() == ["price", ""]


def test_exposure_known_too_late_is_refused() -> None:
    rows = make_rows().assign(
        ever=[1, 1, 0, 0, 0, 1, 1], ever_on=[20.0] * 2 + [np.nan] * 3 + [30.0] * 2
    )
    with pytest.raises(
        EstimationError, match="'ever' became known at or after the landmark in 1 of 2"
    ):
        landmark(rows, landmark_day=30, columns=["ever"], known_on={"ever": "ever_on"})
    later = landmark(rows, landmark_day=31, columns=["ever"], known_on={"ever": "ever_on"})
    assert later.frame["ever"].tolist() == [1, 1]


def test_no_immortal_time_where_offers_do_nothing() -> None:
    world = simulate(3000, 31, effect=0.0)
    rows = to_rows(world)
    frame = landmark(rows, landmark_day=8, columns=["offers", "unhappy"]).frame
    happy = frame[frame["unhappy"] == 0].assign(
        group=lambda part: np.where(part["offers"] > 0, "offer", "none")
    )
    found = contrast_groups(
        happy,
        group="group",
        exposed="offer",
        reference="none",
        horizon_days=30.0,
        times_days=[],
        hazard_causes=["service"],
    ).restricted_mean_difference
    assert abs(found.value) < N_ERRORS * found.standard_error
    ever = np.isfinite(world.offer)
    stay = np.minimum(world.exit, 38.0)
    assert stay[ever].mean() - stay[~ever].mean() > 5


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), day=st.sampled_from([5.0, 20.0, 29.5, 45.0]))
def test_order_splits_and_what_comes_later_do_not_matter(seed: int, day: float) -> None:
    rows = make_rows()
    plain = landmark(rows, landmark_day=day, columns=["exposed"])
    changed = rows.assign(exposed=rows["exposed"].where(rows["start"] < day, 7))
    shuffled = landmark(
        changed.sample(frac=1, random_state=seed), landmark_day=day, columns=["exposed"]
    )
    pd.testing.assert_frame_equal(plain.frame, shuffled.frame)
    assert plain.flow == shuffled.flow
    parts = ["left_before", "censored_before", "not_yet_entered", "followed"]
    assert sum(plain.flow[part] for part in parts) == plain.flow["total"] == 5


def test_wrong_requests_are_refused() -> None:
    rows = make_rows()
    with pytest.raises(EstimationError) as caught:
        landmark(rows, landmark_day=-1, columns=["mood"], known_on={"age": "age_on"})
    assert len(caught.value.problems) == 4
    with pytest.raises(EstimationError, match="nobody is at risk"):
        landmark(rows, landmark_day=95)
    twice = pd.concat([rows, rows])
    with pytest.raises(EstimationError, match="several rows"):
        landmark(twice, landmark_day=30)
