"""Aalen-Johansen: by hand, against R survival, and at a size where matrices would not fit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import cumulative_incidence, kaplan_meier

# Closed forms: only the order of additions differs from R's. An error of 0 before the first
# exit of a cause comes out of R as 1e-17, hence the absolute part.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}

STOP = [1, 2, 2, 3, 4]
EXITS = ["price", "service", "price", "", "service"]


def test_by_hand() -> None:
    found = cumulative_incidence([0] * 5, STOP, EXITS)
    assert found.causes == ("price", "service")
    assert found.n_at_risk.tolist() == [5, 4, 2, 1]
    # At 1: 1/5 by price. At 2, the tie is exact: .8 x 1/4 = .2 by each. At 4: .4 x 1/1 = .4.
    np.testing.assert_allclose(found.incidence[:, 0], [0.2, 0.4, 0.4, 0.4], **BY_HAND)
    np.testing.assert_allclose(found.incidence[:, 1], [0.0, 0.2, 0.2, 0.6], **BY_HAND)
    np.testing.assert_allclose(found.retention, [0.8, 0.4, 0.4, 0.0], **BY_HAND)
    # Nobody is censored before 3, so the errors are binomial: sqrt(p (1 - p) / 5).
    np.testing.assert_allclose(
        found.standard_error[:2],
        np.sqrt([[0.2 * 0.8 / 5, 0.0], [0.4 * 0.6 / 5, 0.2 * 0.8 / 5]]),
        **BY_HAND,
    )


KINDS = ("mgus", "mgus_by_age", "ticks_plain", "ticks_weighted_clustered")


def fit_kind(oracle, kind):
    rows = oracle.frame(kind.split("_")[0])
    if kind.startswith("mgus"):
        entry = rows["age_months"] if kind == "mgus_by_age" else 0 * rows["months"]
        rows = rows.assign(start=entry, stop=entry + rows["months"])
    is_full = kind == "ticks_weighted_clustered"
    return cumulative_incidence(
        rows["start"],
        rows["stop"],
        rows["exit"],
        causes=oracle.value("kinds", kind, "states")[1:],
        weights=rows["weight"] if is_full else None,
        cluster=rows["cluster"] if is_full else None,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_equals_r(competing_oracle, kind) -> None:
    found = fit_kind(competing_oracle, kind)
    r = {
        name: competing_oracle.numbers("kinds", kind, name)
        for name in ("time", "pstate", "std_err", "lower", "upper")
    }
    np.testing.assert_array_equal(found.time, r["time"])
    if not kind.startswith("ticks_weighted"):  # R's count is a sum of weights there.
        n_at_risk = competing_oracle.numbers("kinds", kind, "n_at_risk")
        np.testing.assert_array_equal(found.n_at_risk, n_at_risk)
    np.testing.assert_allclose(found.retention, r["pstate"][0], **CLOSED_FORM)
    for column in range(len(found.causes)):
        state = column + 1
        np.testing.assert_allclose(found.incidence[:, column], r["pstate"][state], **CLOSED_FORM)
        np.testing.assert_allclose(
            found.standard_error[:, column], r["std_err"][state], **CLOSED_FORM
        )
        has_interval = found.incidence[:, column] > 0
        assert has_interval.sum() > 40
        for ours, theirs in ((found.ci_lower, r["lower"]), (found.ci_upper, r["upper"])):
            np.testing.assert_allclose(
                ours[has_interval, column], theirs[state][has_interval], **CLOSED_FORM
            )


@pytest.mark.parametrize("kind", KINDS)
def test_reading_equals_r(competing_oracle, kind) -> None:
    found = fit_kind(competing_oracle, kind)
    times = competing_oracle.numbers("kinds", kind, "at_times")
    for column, cause in enumerate(found.causes):
        at = found.at(times, cause)
        for name, theirs in (("incidence", "at_pstate"), ("standard_error", "at_std_err")):
            r = competing_oracle.numbers("kinds", kind, theirs)[column + 1]
            np.testing.assert_allclose(at[name], r, **CLOSED_FORM)


def test_one_cause_is_kaplan_meier(competing_oracle) -> None:
    rows = competing_oracle.frame("ticks")
    one = np.where(rows["exit"] == "", "", "left")
    found = cumulative_incidence(rows["start"], rows["stop"], one, cluster=rows["cluster"])
    curve = kaplan_meier(rows["start"], rows["stop"], one != "", cluster=rows["cluster"])
    np.testing.assert_allclose(found.incidence[:, 0], 1 - curve.retention, **CLOSED_FORM)
    alive = curve.retention > 0
    np.testing.assert_allclose(
        found.standard_error[alive, 0], curve.standard_error[alive], **CLOSED_FORM
    )


def test_missing_causes_are_censored() -> None:
    plain = cumulative_incidence([0] * 5, STOP, EXITS)
    for missing in (None, np.nan, pd.NA):
        exits = [missing if text == "" else text for text in EXITS]
        other = cumulative_incidence([0] * 5, STOP, exits)
        np.testing.assert_array_equal(plain.incidence, other.incidence)
    categories = cumulative_incidence([0] * 5, STOP, pd.Categorical(EXITS))
    np.testing.assert_array_equal(plain.incidence, categories.incidence)


def test_causes_keep_the_order_asked_for() -> None:
    found = cumulative_incidence([0] * 5, STOP, EXITS, causes=["service", "moved", "price"])
    np.testing.assert_allclose(found.incidence[-1], [0.6, 0.0, 0.4], **BY_HAND)
    assert np.all(found.standard_error[:, 1] == 0.0)
    assert np.isnan(found.ci_lower[:, 1]).all()


def test_leaving_a_cause_out_is_refused() -> None:
    with pytest.raises(EstimationError, match="do not cover the observed"):
        cumulative_incidence([0] * 5, STOP, EXITS, causes=["price"])
    with pytest.raises(EstimationError, match="unknown cause 'moved'"):
        cumulative_incidence([0] * 5, STOP, EXITS).at([1], "moved")


def test_codes_in_place_of_names_are_refused() -> None:
    with pytest.raises(EstimationError, match="exit_cause is not text in 3 of 3 rows"):
        cumulative_incidence([0] * 3, [1, 2, 3], [0, 1, 2])


def test_estimate_at_a_time() -> None:
    found = cumulative_incidence([0] * 5, STOP, EXITS)
    at = found.incidence_at(2.5, "price")
    np.testing.assert_allclose(at.value, 0.4, **BY_HAND)
    assert (at.n_events, at.n) == (2, 5)
    assert found.incidence_at(5, "price").value == found.at([4], "price")["incidence"][0]
    watched = cumulative_incidence([0] * 5, STOP, [*EXITS[:-1], ""])
    with pytest.raises(EstimationError, match="past the last follow-up"):
        watched.incidence_at(5, "price")
    assert watched.at([5], "price")["incidence"].isna().all()


def test_table_is_tidy() -> None:
    frame = cumulative_incidence([0] * 5, STOP, EXITS).to_frame()
    assert frame.shape == (8, 8)
    assert frame.groupby("cause")["n_events"].sum().to_dict() == {"price": 2, "service": 2}


def test_memory_does_not_grow_with_rows_times_times() -> None:
    # A matrix of 50,000 rows by 1,500 times would take 600 MB. 80 arrays of 100,000 breakpoints
    # are 64 MB.
    rng = np.random.default_rng(3)
    n = 50_000
    start = rng.integers(0, 300, n)
    stop = start + rng.integers(1, 1_500, n)
    exits = np.array(["", "price", "service"], dtype=object)[rng.integers(0, 3, n)]
    tracemalloc.start()
    found = cumulative_incidence(start, stop, exits, cluster=np.arange(n) // 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.time) > 1_500
    assert peak < 64e6
