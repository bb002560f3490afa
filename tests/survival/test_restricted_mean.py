"""Restricted mean retention time and time lost: by hand and against R survival."""

from __future__ import annotations

import numpy as np
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    restricted_mean_difference,
    restricted_mean_ratio,
    restricted_mean_retention_time,
    restricted_time_lost,
)

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8}
BY_HAND = {"rtol": 1e-12}

START = [0, 0, 0, 2, 4, 5]
STOP = [3, 5, 6, 6, 8, 9]
EVENT = [1, 0, 1, 1, 0, 1]


def test_by_hand() -> None:
    found = restricted_mean_retention_time(START, STOP, EVENT, horizon=8)
    # Retention is 1 to 3, .75 to 6, .375 to 8: 3 + 2.25 + .75.
    np.testing.assert_allclose(found.value, 6.0, **BY_HAND)
    # Area left after 3 is 3, after 6 is .75: 3^2 / 12 + .75^2 x 2 / (4 x 2) = .890625.
    np.testing.assert_allclose(found.standard_error, np.sqrt(0.890625), **BY_HAND)
    assert (found.n, found.n_events, found.unit, found.p_value) == (6, 3, "days", None)


def test_horizon_before_the_first_exit_is_certain() -> None:
    found = restricted_mean_retention_time(START, STOP, EVENT, horizon=2)
    assert (found.value, found.standard_error, found.n_events) == (2.0, 0.0, 0)


KINDS = (
    "ticks_plain",
    "ticks_weighted",
    "ticks_clustered",
    "ticks_weighted_clustered",
    "heart_clustered",
)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_r(curves_oracle, kind) -> None:
    rows = curves_oracle.frame("heart" if kind.startswith("heart") else "ticks")
    labels = rows["id"] if kind.startswith("heart") else rows["cluster"]
    found = restricted_mean_retention_time(
        rows["start"],
        rows["stop"],
        rows["event"],
        horizon=curves_oracle.value("kinds", kind, "horizon"),
        weights=rows["weight"] if "weighted" in kind else None,
        cluster=labels if "clustered" in kind else None,
    )
    np.testing.assert_allclose(
        [found.value, found.standard_error],
        curves_oracle.numbers("kinds", kind, "rmean"),
        **CLOSED_FORM,
    )


def test_difference_by_hand() -> None:
    # Two customers, one of whom leaves after a day: mean 1 + 7 / 2 = 4.5; area left 3.5, so
    # variance 3.5^2 / (2 x 1) = 6.125. The six others: mean 6, variance .890625, as above.
    one = restricted_mean_retention_time([0, 0], [1, 8], [1, 0], horizon=8)
    other = restricted_mean_retention_time(START, STOP, EVENT, horizon=8)
    found = restricted_mean_difference(one, other)
    np.testing.assert_allclose(found.value, -1.5, **BY_HAND)
    np.testing.assert_allclose(found.standard_error, np.sqrt(6.125 + 0.890625), **BY_HAND)


def test_difference_equals_r(curves_oracle) -> None:
    rows = curves_oracle.frame("veteran")
    means = []
    for arm in (1, 2):
        own = rows[rows["trt"] == arm]
        means.append(
            restricted_mean_retention_time(
                np.zeros(len(own)), own["time"], own["status"], horizon=180
            )
        )
    found = restricted_mean_difference(means[0], means[1])
    r = [curves_oracle.numbers("arms", arm, "rmean") for arm in (0, 1)]
    np.testing.assert_allclose(found.value, r[0][0] - r[1][0], **CLOSED_FORM)
    np.testing.assert_allclose(found.standard_error, np.hypot(r[0][1], r[1][1]), **CLOSED_FORM)
    assert found.p_value is not None


def test_ratio_equals_r(pseudo_oracle) -> None:
    rows = pseudo_oracle.frame("veteran")
    means = [
        restricted_mean_retention_time(np.zeros(len(own)), own["time"], own["status"], horizon=180)
        for _, own in rows.groupby("trt")
    ]
    found = restricted_mean_ratio(*means)
    ours = [found.value, found.ci_lower, found.ci_upper]
    np.testing.assert_allclose(ours, pseudo_oracle.numbers("ratio"), **CLOSED_FORM)
    ours = [found.standard_error, found.p_value]
    theirs = [pseudo_oracle.value(name) for name in ("ratio_error", "ratio_p")]
    np.testing.assert_allclose(ours, theirs, **CLOSED_FORM)
    turned = restricted_mean_ratio(*means[::-1])
    np.testing.assert_allclose(turned.ci_upper, 1 / found.ci_lower, **CLOSED_FORM)
    assert (found.unit, found.n) == ("ratio", len(rows))


def test_ratio_by_hand() -> None:
    # Two customers, one of whom leaves after a day: mean 1 + 7 / 2 = 4.5; area left 3.5, so
    # variance 3.5^2 / (2 x 1) = 6.125. The six others: mean 6, variance .890625, as above.
    one = restricted_mean_retention_time([0, 0], [1, 8], [1, 0], horizon=8)
    other = restricted_mean_retention_time(START, STOP, EVENT, horizon=8)
    found = restricted_mean_ratio(one, other)
    np.testing.assert_allclose(found.value, 0.75, **BY_HAND)
    error = np.sqrt(6.125 / 4.5**2 + 0.890625 / 6**2)
    np.testing.assert_allclose(found.standard_error, error, **BY_HAND)
    with pytest.raises(EstimationError, match="estimate both alike"):
        restricted_mean_ratio(one, restricted_mean_retention_time(START, STOP, EVENT, horizon=7))


def test_jackknife_by_row_is_greenwood_without_ties() -> None:
    # Without ties the two are the same number, reached by different sums.
    rng = np.random.default_rng(7)
    stop, event = rng.exponential(10, 80), rng.random(80) < 0.6
    zero = np.zeros(80)
    greenwood = restricted_mean_retention_time(zero, stop, event, horizon=12)
    jackknife = restricted_mean_retention_time(zero, stop, event, horizon=12, cluster=range(80))
    np.testing.assert_allclose(jackknife.standard_error, greenwood.standard_error, rtol=1e-10)


@pytest.mark.parametrize("horizon", [0, -3, float("nan"), float("inf")])
def test_horizon_must_be_positive(horizon) -> None:
    with pytest.raises(EstimationError, match="positive and finite"):
        restricted_mean_retention_time(START, STOP, EVENT, horizon=horizon)


def test_horizon_past_the_follow_up_is_refused() -> None:
    still_there = [*EVENT[:-1], 0]
    with pytest.raises(EstimationError, match=r"horizon 9\.5 is past the last follow-up 9"):
        restricted_mean_retention_time(START, STOP, still_there, horizon=9.5)


def test_nothing_is_unknown_once_everybody_has_left() -> None:
    at_end = restricted_mean_retention_time(START, STOP, EVENT, horizon=9)
    later = restricted_mean_retention_time(START, STOP, EVENT, horizon=30)
    assert later.value == at_end.value
    assert later.standard_error == at_end.standard_error


def test_different_horizons_are_not_compared() -> None:
    a = restricted_mean_retention_time(START, STOP, EVENT, horizon=8)
    b = restricted_mean_retention_time(START, STOP, EVENT, horizon=7)
    with pytest.raises(EstimationError, match="estimate both alike"):
        restricted_mean_difference(a, b)


EXITS = ["price", "service", "price", "", "service"]


def test_time_lost_by_hand() -> None:
    # Rows end at 1, 2, 2, 3, 4. Incidence of price: .2 at 1, .4 at 2: lost .2 x 3 + .2 x 2 = 1.
    # Of service: .2 at 2, .6 at 4: lost .2 x 2 + .4 x 0 = .4. Retained: 1 + .8 + .4 x 2 = 2.6.
    stop = [1, 2, 2, 3, 4]
    lost = [
        restricted_time_lost([0] * 5, stop, EXITS, cause=cause, horizon=4).value
        for cause in ("price", "service")
    ]
    np.testing.assert_allclose(lost, [1.0, 0.4], **BY_HAND)
    # To 3 the second exit to service, at 4, does not count: .2 x 1.
    soon = restricted_time_lost([0] * 5, stop, EXITS, cause="service", horizon=3)
    np.testing.assert_allclose(soon.value, 0.2, **BY_HAND)
    assert (soon.n, soon.n_events) == (5, 1)
    kept = restricted_mean_retention_time([0] * 5, stop, [text != "" for text in EXITS], horizon=4)
    np.testing.assert_allclose(kept.value + sum(lost), 4.0, **BY_HAND)


@pytest.mark.parametrize("kind", ["mgus", "ticks_plain", "ticks_weighted_clustered"])
def test_time_lost_equals_r(competing_oracle, kind) -> None:
    rows = competing_oracle.frame(kind.split("_")[0])
    if kind == "mgus":
        rows = rows.assign(start=0.0, stop=rows["months"])
    is_full = kind.endswith("clustered")
    for column, state in enumerate(competing_oracle.value("kinds", kind, "states")):
        if column == 0:
            continue
        found = restricted_time_lost(
            rows["start"],
            rows["stop"],
            rows["exit"],
            cause=state,
            horizon=competing_oracle.value("kinds", kind, "horizon"),
            weights=rows["weight"] if is_full else None,
            cluster=rows["cluster"] if is_full else None,
        )
        np.testing.assert_allclose(
            [found.value, found.standard_error],
            [
                competing_oracle.numbers("kinds", kind, "area")[column],
                competing_oracle.numbers("kinds", kind, "area_se")[column],
            ],
            **CLOSED_FORM,
        )


def test_time_lost_to_an_unseen_cause_is_refused() -> None:
    with pytest.raises(EstimationError, match="no exit by 'moved'"):
        restricted_time_lost([0] * 5, [1, 2, 2, 3, 4], EXITS, cause="moved", horizon=3)
