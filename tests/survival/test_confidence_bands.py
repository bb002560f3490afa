"""Intervals on three scales and simultaneous bands: tables, R, other solutions, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_banded

from loyaltylab.errors import EstimationError
from loyaltylab.survival import confidence_band, kaplan_meier
from loyaltylab.survival.band_critical_values import (
    band_critical_value,
    stay_probability_bridge,
    stay_probability_scaled,
)

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
BY_HAND = {"rtol": 1e-12, "atol": 1e-14}
# The tables print four digits.
PRINTED = 6e-5
# Entries of C.4 with a wrong digit. W on (a, b) is W on (1 - b, 1 - a): the mirrored entries,
# where the table has them, are right. (limits, printed, right)
MISPRINTS = {
    "90": ((0.22, 0.26), 0.8515, 0.8512),
    "95": ((0.18, 0.76), 1.3539, 1.3537),
    "99": ((0.54, 0.76), 1.6194, 1.5194),
}
# Table C.3 solves an approximation to the tail: 0.2 too wide where the limits nearly meet, and up
# to 0.035 off where they are a tenth apart or more.
APPROXIMATE_TABLE = 0.035
# km.ci reads the tables with an interpolation of its own, between limits 0.02 apart.
INTERPOLATED = 5e-3

# Four customers at 1, 2, 3, 4; all but the last leave.
START, STOP, EVENT = [0, 0, 0, 0], [1, 2, 3, 4], [1, 1, 1, 0]


def test_log_and_plain_intervals_by_hand() -> None:
    # At 1 retention is 3/4 and its error 3/4 sqrt(1 / (4 x 3)) = .216506.
    error, z = 0.75 / np.sqrt(12), 1.959963984540054
    plain = kaplan_meier(START, STOP, EVENT, interval="plain")
    np.testing.assert_allclose(plain.ci_lower[0], 0.75 - z * error, **BY_HAND)
    assert plain.ci_upper[0] == 1.0  # .75 + .42 is cut.
    log = kaplan_meier(START, STOP, EVENT, interval="log")
    np.testing.assert_allclose(log.ci_lower[0], 0.75 * np.exp(-z * error / 0.75), **BY_HAND)
    assert log.ci_upper[0] == 1.0


@pytest.mark.parametrize("kind", ["log-log", "log", "plain"])
def test_intervals_and_quantiles_equal_r(bands_oracle, kind) -> None:
    rows = bands_oracle.frame("veteran")
    curve = kaplan_meier(np.zeros(len(rows)), rows["time"], rows["status"], interval=kind)
    alive = curve.retention > 0
    for name in ("ci_lower", "ci_upper"):
        theirs = bands_oracle.numbers("intervals", kind, name)
        np.testing.assert_allclose(getattr(curve, name)[alive], theirs[alive], **CLOSED_FORM)
    for position, share_left in enumerate(bands_oracle.value("intervals", kind, "probs")):
        found = curve.quantile(share_left)
        names = ("quantile", "quantile_lower", "quantile_upper")
        theirs = [bands_oracle.numbers("intervals", kind, name)[position] for name in names]
        ours = [found.value, found.ci_lower, found.ci_upper]
        np.testing.assert_allclose(ours, theirs, **CLOSED_FORM)


def test_no_scale_has_an_interval_at_one() -> None:
    for kind in ("log-log", "log", "plain"):
        curve = kaplan_meier([0, 0, 0], [1, 2, 3], [0, 1, 0], interval=kind)
        assert np.isnan(curve.ci_lower).tolist() == [True, False, False]


def test_unknown_scale_is_refused() -> None:
    with pytest.raises(EstimationError, match="unknown interval 'logit'"):
        kaplan_meier(START, STOP, EVENT, interval="logit")


@pytest.mark.parametrize("level", ["90", "95", "99"])
def test_hall_wellner_values_equal_table_c4(bands_oracle, level) -> None:
    table = bands_oracle.frame("tables")[f"hall_wellner_{level}"]
    limits, printed, right = MISPRINTS[level]
    n_wrong = 0
    for lower, upper, critical in zip(*(table[name] for name in table.index), strict=True):
        ours = band_critical_value(
            "hall-wellner", lower, min(upper, 1.0), confidence_level=int(level) / 100
        )
        if np.allclose([lower, upper], limits):
            n_wrong += 1
            assert critical == printed
            critical = right
        assert abs(ours - critical) < PRINTED
    assert (len(table["critical"]), n_wrong) == (120, 1)


@pytest.mark.parametrize("level", ["90", "95"])
def test_equal_precision_values_follow_table_c3(bands_oracle, level) -> None:
    table = bands_oracle.frame("tables")[f"equal_precision_{level}"]
    n_far = 0
    for lower, upper, critical in zip(*(table[name] for name in table.index), strict=True):
        if upper - lower < 0.0999:
            continue
        n_far += 1
        ours = band_critical_value(
            "equal-precision", lower, upper, confidence_level=int(level) / 100
        )
        assert abs(ours - critical) < APPROXIMATE_TABLE
    assert n_far > 40


def test_equal_precision_table_solves_an_approximate_tail() -> None:
    # Klein and Moeschberger print 2.8826 for limits .1 and .6. The tail they solve is
    # phi(c) (4 / c + (c - 1 / c) log 13.5), which at 2.8826 is indeed .05; the exact one is more.
    c = 2.8826
    density = np.exp(-(c**2) / 2) / np.sqrt(2 * np.pi)
    approximate = density * (4 / c + (c - 1 / c) * np.log(0.6 * 0.9 / (0.1 * 0.4)))
    np.testing.assert_allclose(approximate, 0.05, atol=1e-5)
    exact = 1 - stay_probability_scaled(c, 0.5 * np.log(13.5))
    assert 0.0504 < exact < 0.0510


@pytest.mark.parametrize(("limit", "span"), [(2.0, 0.4), (2.8826, 1.3), (3.2, 3.9)])
def test_equal_precision_equals_a_finite_difference_solution(limit, span) -> None:
    # u_t = u'' - x u' with u = 0 at both limits, by Crank and Nicolson after four implicit
    # steps that smooth the jump at the corners; then averaged over the normal law.
    n, n_steps = 2000, 2000
    x = np.linspace(-limit, limit, n + 1)
    h, dt = x[1] - x[0], span / n_steps
    inner = x[1:-1]
    below, above = 1 / h**2 + inner / (2 * h), 1 / h**2 - inner / (2 * h)
    u = np.ones(n - 1)
    for step in range(n_steps):
        theta = 1.0 if step < 4 else 0.5
        pull = -2 / h**2 * u
        pull[1:] += below[1:] * u[:-1]
        pull[:-1] += above[:-1] * u[1:]
        bands = np.zeros((3, n - 1))
        bands[0, 1:], bands[2, :-1] = -theta * dt * above[:-1], -theta * dt * below[1:]
        bands[1] = 1 + theta * dt * 2 / h**2
        u = solve_banded((1, 1), bands, u + (1 - theta) * dt * pull)
    expected = np.sum(u * np.exp(-(inner**2) / 2) / np.sqrt(2 * np.pi)) * h
    # The finite differences err by the first order of the starting jump, h and dt.
    np.testing.assert_allclose(stay_probability_scaled(limit, span), expected, atol=2e-4)


def test_the_whole_bridge_is_the_law_of_kolmogorov() -> None:
    # P(sup |W| <= k) = 1 - 2 sum (-1)^(j-1) exp(-2 j^2 k^2); 1.3581 at 95 %.
    k = 1.2
    j = np.arange(1, 20)
    expected = 1 - 2 * np.sum((-1.0) ** (j - 1) * np.exp(-2 * j**2 * k**2))
    np.testing.assert_allclose(stay_probability_bridge(k, 0.0, 1.0), expected, rtol=1e-12)
    np.testing.assert_allclose(band_critical_value("hall-wellner", 0, 1), 1.3581, atol=5e-5)


def test_nearby_limits_need_hardly_more_than_a_point() -> None:
    close = band_critical_value("equal-precision", 0.5, 0.5 + 1e-6)
    assert 1.9599 < close < 1.975
    close = band_critical_value("hall-wellner", 0.5, 0.5 + 1e-6)
    assert 0.9799 < close < 0.99  # 1.96 times the bridge's error 1/2 in the middle.


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.floats(0.02, 0.9), st.floats(0.02, 0.95), st.floats(0.005, 0.04))
def test_a_wider_band_needs_a_larger_value(one, other, more) -> None:
    lower, upper = sorted((one, other))
    upper = max(upper, lower + 0.01)
    for kind in ("equal-precision", "hall-wellner"):
        inner = band_critical_value(kind, lower, upper)
        assert band_critical_value(kind, lower / 2, upper) >= inner - 1e-9
        assert band_critical_value(kind, lower, upper + more) >= inner - 1e-9
        assert band_critical_value(kind, lower, upper, confidence_level=0.99) > inner


def test_bands_by_hand() -> None:
    curve = kaplan_meier(START, STOP, EVENT)
    # n = 4; the Greenwood sum is 1/12, 1/12 + 1/6 = 1/4, 3/4: a = 1/4, 1/2, 3/4.
    band = confidence_band(curve, interval="plain")
    c = band_critical_value("equal-precision", 0.25, 0.75)
    np.testing.assert_allclose([band.a_lower, band.a_upper], [0.25, 0.75], **BY_HAND)
    lower = 0.75 * (1 - c * np.sqrt(1 / 12))
    np.testing.assert_allclose(band.ci_lower[0], lower, rtol=1e-9)
    wide = confidence_band(curve, kind="hall-wellner")
    k = band_critical_value("hall-wellner", 0.25, 0.75)
    # k (1 + 4 / 4) / sqrt(4) = k at time 2, where retention is 1/2.
    power = np.exp(k / np.log(2))
    np.testing.assert_allclose(wide.ci_lower[1], 0.5**power, rtol=1e-9)
    np.testing.assert_allclose(wide.ci_upper[1], 0.5 ** (1 / power), rtol=1e-9)
    assert band.to_frame()["time"].tolist() == [1, 2, 3]
    assert "Only 2 are at risk where the band ends" in band.caveats[-1]


R_BANDS = {
    "hall-wellner": ("hall-wellner", "plain"),
    "loghall": ("hall-wellner", "log-log"),
    "epband": ("equal-precision", "plain"),
    "logep": ("equal-precision", "log-log"),
}


@pytest.mark.parametrize("name", R_BANDS)
def test_bands_follow_km_ci(bands_oracle, name) -> None:
    rows = bands_oracle.frame("veteran")
    curve = kaplan_meier(np.zeros(len(rows)), rows["time"], rows["status"])
    kind, scale = R_BANDS[name]
    band = confidence_band(curve, kind=kind, interval=scale, start_time=50, end_time=300)
    np.testing.assert_array_equal(band.time[1:], bands_oracle.numbers("bands", name, "time")[1:])
    for limit in ("ci_lower", "ci_upper"):
        theirs = np.clip(bands_oracle.numbers("bands", name, limit), 0, 1)
        np.testing.assert_allclose(getattr(band, limit), theirs, atol=INTERPOLATED)


@pytest.mark.parametrize("kind", ["equal-precision", "hall-wellner"])
def test_bands_hold_the_whole_curve_under_delayed_entry(kind) -> None:
    # Of each band all of the true curve must lie inside, just before jumps as well as after.
    rng = np.random.default_rng(5)
    n_inside = 0
    for _ in range(200):
        entry = rng.uniform(0, 0.4, 1200) * (rng.random(1200) < 0.5)
        leaves = rng.exponential(1.0, 1200)
        rows = np.flatnonzero(leaves > entry)[:250]
        stop = np.minimum(leaves[rows], 2.0)
        curve = kaplan_meier(entry[rows], stop, leaves[rows] < 2.0)
        band = confidence_band(curve, kind=kind, start_time=0.1, end_time=1.5)
        truth = np.exp(-np.append(band.time, band.end_time))
        n_inside += np.all(truth[:-1] <= band.ci_upper) & np.all(truth[1:] >= band.ci_lower)
    # Three binomial errors about 95 %: 3 sqrt(.05 x .95 / 200) = .047.
    assert abs(n_inside / 200 - 0.95) < 0.047


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=5, max_size=30))
def test_order_and_unit_of_time_do_not_matter(rows) -> None:
    stop, event = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    stop, event = np.append(stop, [1.0, 2.0, 10.0]), np.append(event, [1.0, 1.0, 0.0])
    zero = np.zeros(len(stop))
    band = confidence_band(kaplan_meier(zero, stop, event))
    other = confidence_band(kaplan_meier(zero, stop[::-1] * 7, event[::-1]))
    np.testing.assert_allclose(other.ci_lower, band.ci_lower, **CLOSED_FORM)
    np.testing.assert_allclose(other.time, band.time * 7, **CLOSED_FORM)
    assert np.all(band.ci_lower <= band.retention)
    assert np.all(band.retention <= band.ci_upper)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "nair"}, "unknown band 'nair'"),
        ({"interval": "log"}, "unknown interval 'log'"),
        ({"start_time": 0.5}, "before the first event 1"),
        ({"start_time": float("nan")}, "start_time nan"),
        ({"end_time": 4.5}, "end_time 4.5 is past 4"),
        ({"start_time": 3, "end_time": 3.5}, "no event after start_time 3"),
        ({"confidence_level": 95}, "confidence_level"),
    ],
)
def test_bands_that_do_not_exist_are_refused(options, message) -> None:
    with pytest.raises(EstimationError, match=message):
        confidence_band(kaplan_meier(START, STOP, EVENT), **options)


def test_clusters_and_single_events_have_no_band() -> None:
    with pytest.raises(EstimationError, match="infinitesimal jackknife by cluster"):
        confidence_band(kaplan_meier(START, STOP, EVENT, cluster=range(4)))
    with pytest.raises(EstimationError, match="1 event times"):
        confidence_band(kaplan_meier(START, STOP, [1, 0, 0, 0]))


@pytest.mark.parametrize(
    ("kind", "limits"),
    [("nair", (0.1, 0.6)), ("equal-precision", (0.0, 0.6)), ("hall-wellner", (0.6, 0.6))],
)
def test_critical_values_need_limits_in_order(kind, limits) -> None:
    with pytest.raises(EstimationError, match=r"unknown band|do not suit"):
        band_critical_value(kind, *limits)
