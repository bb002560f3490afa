"""Nelson-Aalen: by hand, against R survival, and what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import kaplan_meier, nelson_aalen

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}
# The same sums in another order; errors as variances, whose true value may be 0.
REORDERED = {"rtol": 1e-8, "atol": 1e-11}

# A (0, 3] leaves, B (0, 5] censored, C (0, 6] leaves, D (2, 6] leaves, E (4, 8] leaves.
START, STOP, EVENT = [0, 0, 0, 2, 4], [3, 5, 6, 6, 8], [1, 0, 1, 1, 1]


def test_delayed_entry_by_hand() -> None:
    found = nelson_aalen(START, STOP, EVENT)
    # At risk: 4 at 3 (E is not in yet), 4 at 5, 3 at 6, 1 at 8. Hazards 1/4, 0, 2/3, 1.
    assert found.n_at_risk.tolist() == [4, 4, 3, 1]
    hazard = [1 / 4, 1 / 4, 11 / 12, 23 / 12]
    np.testing.assert_allclose(found.cumulative_hazard, hazard, **BY_HAND)
    # Variances 1/16, then + 2/9, then + 1.
    variance = [1 / 16, 1 / 16, 1 / 16 + 2 / 9, 1 / 16 + 2 / 9 + 1]
    np.testing.assert_allclose(found.standard_error**2, variance, **BY_HAND)
    # 1/4 exp(+-1.96 x (1/4) / (1/4)).
    factor = np.exp(1.959963984540054)
    limits = [found.ci_lower[0], found.ci_upper[0]]
    np.testing.assert_allclose(limits, [0.25 / factor, 0.25 * factor], **BY_HAND)


def test_clustered_error_by_hand() -> None:
    # At 3 A moves the hazard by (1 - 1/4) / 4 = 3/16, B, C and D by -1/16 each.
    by_pair = nelson_aalen(START, STOP, EVENT, cluster=["p", "p", "q", "q", "r"])
    expected = (2 / 16) ** 2 + (-2 / 16) ** 2
    np.testing.assert_allclose(by_pair.standard_error[0] ** 2, expected, **BY_HAND)


def test_reading_it() -> None:
    found = nelson_aalen(START, STOP, EVENT)
    at = found.at([0, 2.9, 6, 9])
    np.testing.assert_allclose(at["cumulative_hazard"], [0, 0, 11 / 12, np.nan], **BY_HAND)
    assert at["n_at_risk"].tolist() == [4, 4, 3, 0]
    estimate = found.hazard_at(6)
    assert (estimate.value, estimate.n, estimate.n_events) == (at["cumulative_hazard"][2], 5, 3)
    assert found.to_frame()["hazard_increment"].tolist() == found.hazard_increment.tolist()
    with pytest.raises(ValueError, match="read-only"):
        found.cumulative_hazard[0] = 0.0


KINDS = {
    "ticks_plain": ("start", "stop", "event", None, None),
    "ticks_weighted": ("start", "stop", "event", "weight", None),
    "ticks_clustered": ("start", "stop", "event", None, "cluster"),
    "ticks_weighted_clustered": ("start", "stop", "event", "weight", "cluster"),
    "cgd_clustered": ("tstart", "tstop", "status", None, "id"),
    "veteran": ("zero", "time", "status", None, None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_hazard_equals_r(hazards_oracle, kind) -> None:
    rows = hazards_oracle.frame(kind.split("_")[0]).assign(zero=0.0)
    start, stop, event, weights, cluster = KINDS[kind]
    found = nelson_aalen(
        rows[start],
        rows[stop],
        rows[event],
        weights=None if weights is None else rows[weights],
        cluster=None if cluster is None else rows[cluster],
    )
    at = found.at(hazards_oracle.numbers("kinds", kind, "time"))
    for name in ("cumulative_hazard", "standard_error"):
        theirs = hazards_oracle.numbers("kinds", kind, name)
        np.testing.assert_allclose(at[name], theirs, **CLOSED_FORM)


row = st.tuples(st.integers(0, 9), st.integers(1, 12), st.booleans(), st.floats(0.1, 4.0))
tables = st.lists(row, min_size=2, max_size=30).map(
    lambda rows: pd.DataFrame(
        {
            "start": [float(r[0]) for r in rows],
            "stop": [float(r[0] + r[1]) for r in rows],
            "event": [True] + [r[2] for r in rows[1:]],
            "weight": [r[3] for r in rows],
            "person": range(len(rows)),
        }
    )
)


def estimate(rows, unit=1.0):
    found = nelson_aalen(
        rows["start"] * unit,
        rows["stop"] * unit,
        rows["event"],
        weights=rows["weight"],
        cluster=rows["person"],
    )
    grid = np.arange(0, found.last_follow_up / unit + 0.5) * unit
    at = found.at(np.minimum(grid, found.last_follow_up))
    return np.column_stack([at["cumulative_hazard"], at["standard_error"] ** 2])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(tables)
def test_splits_order_and_unit_do_not_matter(rows) -> None:
    whole = estimate(rows)
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], event=False)
    split = pd.concat([rows.assign(start=rows["start"].mask(is_cut, middle)), early])
    np.testing.assert_allclose(estimate(split), whole, **REORDERED)
    np.testing.assert_allclose(estimate(rows.iloc[::-1]), whole, **REORDERED)
    np.testing.assert_allclose(estimate(rows, unit=0.25), whole, **REORDERED)
    np.testing.assert_allclose(estimate(rows.assign(weight=3 * rows["weight"])), whole, **REORDERED)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_weight_two_is_the_row_twice(rows) -> None:
    weighted = estimate(rows.assign(weight=1.0 + rows["person"] % 2))
    copies = pd.concat([rows, rows[rows["person"] % 2 == 1]]).assign(weight=1.0)
    np.testing.assert_allclose(weighted, estimate(copies), **REORDERED)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_retention_is_below_the_exponential(rows) -> None:
    # 1 - x <= exp(-x), factor by factor.
    columns = (rows["start"], rows["stop"], rows["event"])
    retention = kaplan_meier(*columns).retention
    hazard = nelson_aalen(*columns).cumulative_hazard
    assert np.all(retention <= np.exp(-hazard) + 1e-12)


def test_without_events_there_is_no_hazard() -> None:
    with pytest.raises(EstimationError, match="0 events in 2 rows"):
        nelson_aalen([0, 0], [1, 2], [0, 0])
    with pytest.raises(EstimationError, match="past the last follow-up 8"):
        nelson_aalen(START, STOP, EVENT).hazard_at(9)
