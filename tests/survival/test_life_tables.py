"""Actuarial life tables: by hand, against KMsurv of R, and what must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import kaplan_meier, life_table

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}


def test_delayed_entry_by_hand() -> None:
    # Six customers, one of whom is first seen in the second month, at 1.5.
    start, stop = [0, 0, 0, 0, 0, 1.5], [1, 0.5, 2, 1.2, 3, 3]
    table = life_table(start, stop, [1, 0, 1, 0, 0, 1], cuts=[0, 1, 2, 3])
    assert table["n_at_start"].tolist() == [5, 3, 2]
    assert table["n_entered"].tolist() == [0, 1, 0]
    assert table["n_censored"].tolist() == [1, 1, 1]
    assert table["n_events"].tolist() == [1, 1, 1]
    # 5 - 1/2; 3 + 1/2 - 1/2; 2 - 1/2.
    np.testing.assert_allclose(table["n_exposed"], [4.5, 3.0, 1.5], **BY_HAND)
    retention = np.cumprod([3.5 / 4.5, 2 / 3, 0.5 / 1.5])
    np.testing.assert_allclose(table["retention"], retention, **BY_HAND)
    # Greenwood with the exposed: 1 / (4.5 x 3.5), then + 1 / (3 x 2).
    error = retention[1] * np.sqrt(1 / 15.75 + 1 / 6)
    np.testing.assert_allclose(table["standard_error"][1], error, **BY_HAND)
    # Hazard: 1 / (4.5 - 1/2), its error 1/4 sqrt(1 - (1/8)^2).
    np.testing.assert_allclose(table["hazard"][0], 0.25, **BY_HAND)
    expected = 0.25 * np.sqrt(1 - 1 / 64)
    np.testing.assert_allclose(table["hazard_standard_error"][0], expected, **BY_HAND)


def test_equals_r(grouped_oracle) -> None:
    rows = grouped_oracle.frame("veteran")
    cuts = grouped_oracle.value("cuts")
    table = life_table(np.zeros(len(rows)), rows["time"], rows["status"], cuts=cuts)
    for ours, theirs in (
        ("n_at_start", "nsubs"),
        ("n_censored", "nlost"),
        ("n_exposed", "nrisk"),
        ("n_events", "nevent"),
    ):
        np.testing.assert_array_equal(table[ours], grouped_oracle.numbers("table", theirs))
    # KMsurv reads retention at the start of an interval, and has no hazard in the last.
    for ours, theirs in (("retention", "surv"), ("standard_error", "se.surv")):
        expected = grouped_oracle.numbers("table", theirs)[1:]
        np.testing.assert_allclose(table[ours][:-1], expected, **CLOSED_FORM)
    for ours, theirs in (("hazard", "hazard"), ("hazard_standard_error", "se.hazard")):
        expected = grouped_oracle.numbers("table", theirs)[:-1]
        np.testing.assert_allclose(table[ours][:-1], expected, **CLOSED_FORM)


row = st.tuples(st.integers(1, 8), st.booleans())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(row, min_size=3, max_size=40))
def test_without_censoring_it_is_kaplan_meier(rows) -> None:
    stop = np.array([float(r[0]) for r in rows] + [9.0])
    event, zero = np.append(np.ones(len(rows)), 0), np.zeros(len(rows) + 1)
    table = life_table(zero, stop, event, cuts=range(9))
    curve = kaplan_meier(zero, stop, event).at(np.arange(1.0, 9.0))
    for name in ("retention", "standard_error", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(table[name], curve[name], **CLOSED_FORM)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(row, min_size=3, max_size=40))
def test_counts_add_up_and_splits_and_units_do_not_matter(rows) -> None:
    frame = pd.DataFrame(rows, columns=["stop", "event"]).astype(float)
    frame = pd.concat([frame, pd.DataFrame({"stop": [9.0] * 9, "event": 0.0})]).assign(start=0.0)
    columns = ("start", "stop", "event")
    table = life_table(*(frame[name] for name in columns), cuts=range(9))
    left = table["n_events"] + table["n_censored"]
    np.testing.assert_array_equal(table["n_at_start"][1:], (table["n_at_start"] - left)[:-1])
    cut = frame["stop"] > 1  # The pieces meet within a month: out and in, half a month each.
    early = frame[cut].assign(stop=0.5, event=0.0)
    split = pd.concat([frame.assign(start=frame["start"].mask(cut, 0.5)), early])
    years = frame.assign(stop=frame["stop"] / 12)
    again = life_table(*(split[name] for name in columns), cuts=range(9))
    slow = life_table(*(years[name] for name in columns), cuts=np.arange(9) / 12)
    for name in ("retention", "standard_error"):
        np.testing.assert_allclose(again[name], table[name], **CLOSED_FORM)
        np.testing.assert_allclose(slow[name], table[name], **CLOSED_FORM)
    np.testing.assert_allclose(slow["hazard"], 12 * table["hazard"], **CLOSED_FORM)


def test_everyone_leaving_ends_the_table_at_zero() -> None:
    table = life_table([0, 0], [1, 2], [1, 1], cuts=[0, 1, 2])
    assert table["retention"].tolist() == [0.5, 0.0]
    assert np.isnan(table["standard_error"][1])


@pytest.mark.parametrize("cuts", [[0], [0, 2, 1], [-1, 2], [0, float("inf")]])
def test_cuts_must_increase(cuts) -> None:
    with pytest.raises(EstimationError, match="cuts must be at least two"):
        life_table([0, 0], [1, 2], [1, 1], cuts=cuts)


def test_thin_intervals_are_refused_by_name() -> None:
    with pytest.raises(EstimationError) as failure:
        life_table([0, 0.5], [1, 1], [0, 1], cuts=[0, 1, 2, 3])
    # At first: 1 at the start, half for the late one, less half for the censored one: 1.
    assert [text.split(":")[0] for text in failure.value.problems] == ["(1, 2]", "(2, 3]"]
    with pytest.raises(EstimationError, match=r"\(0, 1\]: 0.5 exposed, 1 events"):
        life_table([0.5, 0.5], [1, 0.8], [1, 0], cuts=[0, 1])
