"""Kaplan-Meier: by hand, against R survival and lifelines, and its caveats."""

from __future__ import annotations

import lifelines
import numpy as np
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import kaplan_meier, retention_difference

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
# Arithmetic written down in the test.
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}

# Six customers, two of whom enter late:
#   A (0, 3] leaves   B (0, 5] censored   C (0, 6] leaves
#   D (2, 6] leaves   E (4, 8] censored   F (5, 9] leaves
START = [0, 0, 0, 2, 4, 5]
STOP = [3, 5, 6, 6, 8, 9]
EVENT = [1, 0, 1, 1, 0, 1]


def test_delayed_entry_by_hand() -> None:
    curve = kaplan_meier(START, STOP, EVENT)
    assert curve.time.tolist() == [3, 5, 6, 8, 9]
    # At 5: B C D E; F starts at 5 and is not yet at risk. At 6: C D E F.
    assert curve.n_at_risk.tolist() == [4, 4, 4, 2, 1]
    assert curve.n_events.tolist() == [1, 0, 2, 0, 1]
    assert curve.n_censored.tolist() == [0, 1, 0, 1, 0]
    assert curve.n_entered.tolist() == [4, 1, 1, 0, 0]
    # 3/4; then x 2/4; then x 0/1.
    np.testing.assert_allclose(curve.retention, [0.75, 0.75, 0.375, 0.375, 0.0], **BY_HAND)
    # Greenwood at 3: .75^2 / (4 x 3) = .046875; at 6: .375^2 (1/12 + 2 / (4 x 2)) = .046875.
    error = np.sqrt(0.046875)
    np.testing.assert_allclose(curve.standard_error, [error] * 4 + [np.nan], **BY_HAND)


def test_log_log_interval_by_hand() -> None:
    curve = kaplan_meier(START, STOP, EVENT)
    # p^exp(+-1.96 se / (p log p)) with p = .75, se = sqrt(.046875).
    width = np.exp(1.959963984540054 * np.sqrt(0.046875) / (0.75 * -np.log(0.75)))
    np.testing.assert_allclose(curve.ci_lower[0], 0.75**width, **BY_HAND)
    np.testing.assert_allclose(curve.ci_upper[0], 0.75 ** (1 / width), **BY_HAND)
    assert np.isnan(curve.ci_lower[-1])
    assert np.isnan(curve.ci_upper[-1])


def test_clustered_error_by_hand() -> None:
    # Greenwood's sum after time 3 is 1/12. A moves the curve by -.75 (1/3 - 1/12) = -.1875;
    # B, C, D by .75 / 12 = .0625 each. Pairs: AB -.125, CD .125, EF 0: variance .03125.
    curve = kaplan_meier(START, STOP, EVENT, cluster=["p", "p", "q", "q", "r", "r"])
    np.testing.assert_allclose(curve.standard_error[0], np.sqrt(0.03125), **BY_HAND)
    assert curve.n_clusters == 3


KINDS = ("ticks_plain", "ticks_weighted", "ticks_clustered", "ticks_weighted_clustered")


def fit_kind(oracle, kind):
    if kind == "heart_clustered":
        rows = oracle.frame("heart")
        return kaplan_meier(rows["start"], rows["stop"], rows["event"], cluster=rows["id"])
    rows = oracle.frame("ticks")
    return kaplan_meier(
        rows["start"],
        rows["stop"],
        rows["event"],
        weights=rows["weight"] if "weighted" in kind else None,
        cluster=rows["cluster"] if "clustered" in kind else None,
    )


@pytest.mark.parametrize("kind", [*KINDS, "heart_clustered"])
def test_curve_equals_r(curves_oracle, kind) -> None:
    curve = fit_kind(curves_oracle, kind)
    r = {
        name: curves_oracle.numbers("kinds", kind, name)
        for name in ("time", "retention", "standard_error", "ci_lower", "ci_upper")
    }
    at = curve.at(r["time"])
    np.testing.assert_allclose(at["retention"], r["retention"], **CLOSED_FORM)
    positive = r["retention"] > 0  # At 0 R's jackknife is 0, and here there is none.
    assert positive.sum() > 50
    error = at["standard_error"].to_numpy()
    np.testing.assert_allclose(error[positive], r["standard_error"][positive], **CLOSED_FORM)
    np.testing.assert_allclose(at["ci_lower"], r["ci_lower"], **CLOSED_FORM)
    np.testing.assert_allclose(at["ci_upper"], r["ci_upper"], **CLOSED_FORM)


@pytest.mark.parametrize("kind", KINDS)
def test_counts_equal_r(curves_oracle, kind) -> None:
    curve = fit_kind(curves_oracle, kind)
    n_at_risk = curves_oracle.numbers("kinds", kind, "n_at_risk")
    n_events = curves_oracle.numbers("kinds", kind, "n_events")
    np.testing.assert_array_equal(curve.time, curves_oracle.numbers("kinds", kind, "time"))
    np.testing.assert_allclose(curve.weight_at_risk, n_at_risk, **CLOSED_FORM)
    np.testing.assert_allclose(curve.weight_of_events, n_events, **CLOSED_FORM)
    if "weighted" not in kind:
        np.testing.assert_array_equal(curve.n_at_risk, n_at_risk)
        np.testing.assert_array_equal(curve.n_events, n_events)


@pytest.mark.parametrize("kind", [*KINDS, "heart_clustered"])
def test_reading_and_quantiles_equal_r(curves_oracle, kind) -> None:
    curve = fit_kind(curves_oracle, kind)
    at = curve.at(curves_oracle.numbers("kinds", kind, "at_times"))
    for name, ours in (
        ("at_retention", at["retention"]),
        ("at_standard_error", at["standard_error"]),
    ):
        np.testing.assert_allclose(ours, curves_oracle.numbers("kinds", kind, name), **CLOSED_FORM)
    if "weighted" not in kind:
        np.testing.assert_array_equal(
            at["n_at_risk"], curves_oracle.numbers("kinds", kind, "at_n_at_risk")
        )
    for position, share_left in enumerate((0.25, 0.5)):
        found = curve.quantile(share_left)
        ours = [found.value, found.ci_lower, found.ci_upper]
        theirs = [
            curves_oracle.numbers("kinds", kind, name)[position]
            for name in ("quantile", "quantile_lower", "quantile_upper")
        ]
        np.testing.assert_allclose(ours, theirs, **CLOSED_FORM)


def test_difference_at_a_time_by_hand() -> None:
    # .375 with variance .046875 at 6, as above; of two customers one is left: 1/2 with 1/8.
    one = kaplan_meier(START, STOP, EVENT)
    other = kaplan_meier([0, 0], [1, 8], [1, 0])
    found = retention_difference(one, other, time=6)
    np.testing.assert_allclose(found.value, -0.125, **BY_HAND)
    np.testing.assert_allclose(found.standard_error, np.sqrt(0.046875 + 0.125), **BY_HAND)
    assert (found.n, found.n_events) == (8, 4)
    with pytest.raises(EstimationError, match="past the last follow-up 8"):
        retention_difference(one, other, time=8.5)
    with pytest.raises(EstimationError, match=r"confidence levels 0.95 and 0.9 differ"):
        retention_difference(one, kaplan_meier(START, STOP, EVENT, confidence_level=0.9), time=6)
    with pytest.raises(EstimationError, match="second has no finite value or standard error"):
        retention_difference(one, kaplan_meier([0, 0], [1, 8], [1, 1]), time=8)


def test_difference_at_a_time_equals_r(curves_oracle) -> None:
    rows = curves_oracle.frame("veteran")
    curves = []
    for arm in (1, 2):
        own = rows[rows["trt"] == arm]
        curves.append(kaplan_meier(np.zeros(len(own)), own["time"], own["status"]))
    found = retention_difference(curves[0], curves[1], time=90)
    values = [curves_oracle.numbers("arms", arm, "at_retention")[2] for arm in (0, 1)]
    errors = [curves_oracle.numbers("arms", arm, "at_standard_error")[2] for arm in (0, 1)]
    error = np.hypot(*errors)
    np.testing.assert_allclose(found.value, values[0] - values[1], **CLOSED_FORM)
    np.testing.assert_allclose(found.standard_error, error, **CLOSED_FORM)
    np.testing.assert_allclose(
        [found.ci_lower, found.ci_upper],
        found.value + np.array([-1, 1]) * 1.959963984540054 * error,
        **CLOSED_FORM,
    )


@pytest.mark.parametrize("arm", [1, 2])
def test_right_censored_curve_equals_r(curves_oracle, arm) -> None:
    rows = curves_oracle.frame("veteran")
    own = rows[rows["trt"] == arm]
    curve = kaplan_meier(np.zeros(len(own)), own["time"], own["status"])
    r = {
        name: curves_oracle.numbers("arms", arm - 1, name)
        for name in ("time", "n_at_risk", "n_events", "retention", "ci_lower", "ci_upper")
    }
    for name, theirs in r.items():
        np.testing.assert_allclose(getattr(curve, name), theirs, **CLOSED_FORM)
    positive = curve.retention > 0
    errors = curves_oracle.numbers("arms", arm - 1, "standard_error")
    np.testing.assert_allclose(curve.standard_error[positive], errors[positive], **CLOSED_FORM)
    at = curve.at(curves_oracle.numbers("arms", arm - 1, "at_times"))
    np.testing.assert_array_equal(
        at["n_at_risk"], curves_oracle.numbers("arms", arm - 1, "at_n_at_risk")
    )
    for position, share_left in enumerate((0.25, 0.5)):
        found = curve.quantile(share_left)
        for ours, name in (
            (found.value, "quantile"),
            (found.ci_lower, "quantile_lower"),
            (found.ci_upper, "quantile_upper"),
        ):
            theirs = curves_oracle.numbers("arms", arm - 1, name)[position]
            np.testing.assert_allclose(ours, theirs, **CLOSED_FORM)


def test_equals_lifelines_with_delayed_entry(curves_oracle) -> None:
    rows = curves_oracle.frame("ticks")
    peer = lifelines.KaplanMeierFitter().fit(rows["stop"], rows["event"], entry=rows["start"])
    curve = kaplan_meier(rows["start"], rows["stop"], rows["event"])
    theirs = peer.survival_function_["KM_estimate"].reindex(curve.time).to_numpy()
    np.testing.assert_allclose(curve.retention, theirs, **CLOSED_FORM)


def test_median_on_a_flat_stretch_is_its_midpoint() -> None:
    # Retention is exactly 1/2 on [2, 5): R's rule is the middle, 3.5.
    curve = kaplan_meier([0] * 4, [1, 2, 5, 6], [1, 1, 1, 0])
    assert curve.quantile(0.5).value == 3.5
    assert np.isnan(curve.quantile(0.9).value)


def test_nothing_is_extrapolated() -> None:
    curve = kaplan_meier([0, 0, 0], [2, 4, 4], [1, 0, 0])
    at = curve.at([0, 1, 2, 4, 4.5])
    assert at["n_at_risk"].tolist() == [3, 3, 3, 2, 0]
    assert at["retention"].isna().tolist() == [False] * 4 + [True]
    assert at["standard_error"].iloc[0] == 0.0
    with pytest.raises(EstimationError, match="past the last follow-up 4"):
        curve.retention_at(5)
    with pytest.raises(EstimationError, match="not negative"):
        curve.at([-1])


def test_split_stay_is_one_stay() -> None:
    curve = kaplan_meier([0, 2, 0], [2, 7, 5], [0, 0, 1], cluster=["a", "a", "b"])
    assert curve.time.tolist() == [5, 7]  # Nobody left at 2.
    assert curve.n_entered.tolist() == [2, 0]
    assert curve.n_censored.tolist() == [0, 1]


def test_integer_weights_are_copies_of_rows() -> None:
    once = kaplan_meier(START, STOP, EVENT, weights=[2, 1, 1, 3, 1, 2])
    copies = np.repeat(np.arange(6), [2, 1, 1, 3, 1, 2])
    twice = kaplan_meier(*(np.array(column)[copies] for column in (START, STOP, EVENT)))
    np.testing.assert_allclose(once.retention, twice.retention, **BY_HAND)
    np.testing.assert_array_equal(once.weight_at_risk, twice.n_at_risk)


def test_rows_of_weight_zero_carry_nothing() -> None:
    zeros = kaplan_meier([*START, 0], [*STOP, 4], [*EVENT, 1], weights=[1] * 6 + [0])
    np.testing.assert_array_equal(
        zeros.retention, kaplan_meier(START, STOP, EVENT, weights=[1] * 6).retention
    )
    assert zeros.n_rows == 6


def test_a_constant_weight_changes_nothing() -> None:
    plain = kaplan_meier(START, STOP, EVENT, cluster=range(6))
    scaled = kaplan_meier(START, STOP, EVENT, cluster=range(6), weights=[1e-4] * 6)
    np.testing.assert_allclose(scaled.standard_error, plain.standard_error, rtol=1e-10)


def test_caveat_when_everyone_leaves_early() -> None:
    curve = kaplan_meier([0, 0, 2, 3], [1, 2, 5, 6], [1, 1, 1, 0])
    assert curve.retention.tolist() == [0.5, 0, 0, 0]
    assert curve.caveats[0].startswith("All 1 at risk at time 2 left then, so the curve stays 0")
    assert "although 2 enter" in curve.caveats[0]


def test_caveat_on_a_gap_and_a_late_origin() -> None:
    curve = kaplan_meier([1, 1, 6, 6], [3, 4, 8, 9], [1, 0, 1, 0])
    assert "Nobody is observed before time 1" in curve.caveats[0]
    assert "Nobody is at risk between time 4 and 6" in curve.caveats[1]


def test_caveat_on_a_small_early_risk_set() -> None:
    start = [0, 0] + [5] * 20
    stop = [2, 9] + [10] * 20
    curve = kaplan_meier(start, stop, [1, 1] + [0] * 20)
    assert len(curve.caveats) == 1
    assert "fewer than 10 are at risk (against 21 later)" in curve.caveats[0]
    assert "the curve is 0.5" in curve.caveats[0]


def test_no_caveat_without_delayed_entry() -> None:
    assert kaplan_meier([0] * 20, range(1, 21), [1] * 20).caveats == ()


def test_results_are_locked_and_tabulated() -> None:
    curve = kaplan_meier(START, STOP, EVENT)
    with pytest.raises(ValueError, match="read-only"):
        curve.retention[0] = 1.0
    frame = curve.to_frame()
    assert frame.columns[0] == "time"
    np.testing.assert_array_equal(frame["retention"], curve.retention)
    frame.loc[0, "retention"] = 0.0  # The table is the reader's own copy.
    assert curve.retention[0] == 0.75


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_confidence_level_is_a_share(level) -> None:
    with pytest.raises(EstimationError, match="confidence_level"):
        kaplan_meier(START, STOP, EVENT, confidence_level=level)
