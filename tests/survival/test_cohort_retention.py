"""Retention by cohort: by hand, against R survival, and what it says of comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import kaplan_meier, retention_by_cohort

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}

# Cohort a is followed from sign-up to 4, cohort b from 2 to 6.
ROWS = {
    "start": [0, 0, 0, 2, 2, 3],
    "stop": [1, 3, 4, 3, 5, 6],
    "event": [1, 1, 0, 0, 1, 0],
    "cohort": list("aaabbb"),
}


def test_by_hand() -> None:
    found = retention_by_cohort(**ROWS, times=[1, 3, 5])
    assert found["cohort"].tolist() == list("aaabbb")
    # a: 2/3 at 1, x 1/2 at 3, not followed to 5. b: not seen at 1; nobody leaves by 3 (two at
    # risk, the third enters then); at 5 one of two leaves.
    expected = [2 / 3, 1 / 3, np.nan, np.nan, 1.0, 0.5]
    np.testing.assert_allclose(found["retention"], expected, **BY_HAND)
    assert found["n_at_risk"].tolist() == [3, 2, 0, 2, 2, 2]
    assert found["n_events"].tolist() == [1, 2, 2, 0, 0, 1]
    assert found["conditional_on"].tolist() == [0, 0, 0, 2, 2, 2]
    assert not found["is_comparable"].any()
    assert found["caveats"][2] == "Not followed past 4."
    assert found["caveats"][3] == "Not observed before 2."
    assert "Conditional on being retained to 2, unlike cohorts" in found["caveats"][5]
    assert "2 at risk: below 10. 1 events so far: below 5" in found["caveats"][5]


def test_cohorts_from_sign_up_are_comparable_while_all_are_followed() -> None:
    rows = ROWS | {"start": [0] * 6}
    found = retention_by_cohort(**rows, times=[3, 5])
    assert found["is_comparable"].tolist() == [True, False, True, False]


def test_equals_r(cohorts_oracle) -> None:
    rows = cohorts_oracle.frame("heart")
    found = retention_by_cohort(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows["cohort"],
        times=cohorts_oracle.numbers("times"),
        cluster=rows["id"],
    ).set_index("cohort")
    for name in ("early", "late"):
        own = found.loc[name]
        r = {
            key: cohorts_oracle.numbers("cohorts", name, key)
            for key in ("time", "retention", "standard_error", "n_at_risk")
        }
        seen = own["time"].isin(r["time"]).to_numpy()
        assert own["retention"].notna().tolist() == seen.tolist()
        for key, theirs in r.items():
            np.testing.assert_allclose(own.loc[seen, key], theirs, **CLOSED_FORM)


row = st.tuples(st.integers(0, 5), st.integers(1, 9), st.booleans(), st.integers(0, 2))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(row, min_size=2, max_size=30))
def test_each_cohort_is_its_own_curve(rows) -> None:
    frame = pd.DataFrame(rows, columns=["start", "stop", "event", "cohort"])
    frame = frame.assign(stop=frame["start"] + frame["stop"], cohort="c" + frame["cohort"].map(str))
    times = [1.0, 4.0]
    found = retention_by_cohort(*(frame[name] for name in frame), times=times)
    turned = frame.iloc[::-1]
    again = retention_by_cohort(*(turned[name] for name in frame), times=times)
    pd.testing.assert_frame_equal(found, again)
    weeks = retention_by_cohort(
        frame["start"] * 7, frame["stop"] * 7, frame["event"], frame["cohort"], times=[7.0, 28.0]
    )
    np.testing.assert_allclose(weeks["retention"], found["retention"], **CLOSED_FORM)
    for name, own in frame.groupby("cohort"):
        curve = kaplan_meier(own["start"], own["stop"], own["event"]).at(times)
        ours = found.loc[found["cohort"] == name, "retention"].to_numpy()
        is_seen = np.array(times) >= own["start"].min()
        np.testing.assert_array_equal(ours[is_seen], curve["retention"].to_numpy()[is_seen])
        assert np.isnan(ours[~is_seen]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cohort": ["a", None, "a", "b", "b", "b"]}, "cohort is missing in 1 of 6"),
        ({"cohort": ["a", "b"]}, "cohort has 2 values, stop has 6"),
        ({"cluster": [1, 2, 3, 3, 4, 5]}, "1 clusters have rows in several cohorts"),
        ({"cluster": [1, 2, 3, 4, 4, 4]}, "Cohort 'b' has no curve"),
        ({"times": [7]}, "no cohort is followed to the first time 7"),
        ({"times": [-1]}, "not negative"),
        ({"stop": [0, 3, 4, 3, 5, 6]}, "stop <= start"),
    ],
)
def test_what_cannot_be_estimated_is_refused(changes, message) -> None:
    with pytest.raises(EstimationError, match=message):
        retention_by_cohort(**(ROWS | {"times": [1]} | changes))
