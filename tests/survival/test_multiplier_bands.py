"""Bands of weighted and clustered curves: by hand, against R's errors, exact bands, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.errors import EstimationError
from loyaltylab.survival import confidence_band, kaplan_meier, multiplier_band, multiplier_bands

# Closed forms: only the order of additions differs from R's.
CLOSED_FORM = {"rtol": 1e-8, "atol": 1e-12}
# The same replicates, but for the order of additions.
SAME_DRAWS = {"rtol": 1e-9, "atol": 1e-12}
# The .95 quantile of 20 000 maxima is uncertain by .01; the exact value is that of a process
# watched at all times, ours of one watched at 500 event times, which lowers it by about .03.
SIMULATED_VALUE = 0.08


def test_two_influences_by_hand() -> None:
    # Four customers, exits at 1, 2, 3. Influences on -log retention: at 1 the leaver moves it by
    # 1/3 - 1/12 = 1/4, the others by -1/12. At 2, total 1/4, with 1/2 for its leaver: 1/4 for
    # both leavers and -1/4 for the two others. Ratios to their errors sqrt(1/12), 1/2:
    first = np.array([3, -1, -1, -1]) / np.sqrt(12)
    second = np.array([1, 1, -1, -1]) / 2
    rows = [0, 0, 0, 0], [1, 2, 3, 4], [1, 1, 1, 0]
    band = multiplier_band(*rows, seed=3, end_time=2, n_replicates=500, interval="plain")
    normal = np.random.default_rng(3).standard_normal((500, 4))
    both = np.abs(np.column_stack([normal @ first, normal @ second]))
    critical = np.quantile(both.max(axis=1), 0.95)
    np.testing.assert_allclose(band.critical_value, critical, **SAME_DRAWS)
    np.testing.assert_allclose(band.ci_lower[1], max(0.5 - 0.25 * critical, 0), **SAME_DRAWS)
    assert (band.time.tolist(), band.n) == ([1, 2], 4)
    np.testing.assert_allclose([band.a_lower, band.a_upper], [0.25, 0.5], **SAME_DRAWS)


CURVES = {
    "ticks_weighted": {"weights": "weight"},
    "ticks_clustered": {"cluster": "cluster"},
    "ticks_weighted_clustered": {"weights": "weight", "cluster": "cluster"},
}


@pytest.mark.parametrize("name", CURVES)
def test_width_is_as_many_of_the_errors_of_r(curves_oracle, name) -> None:
    rows = curves_oracle.frame("ticks")
    roles = {role: rows[column] for role, column in CURVES[name].items()}
    band = multiplier_band(
        rows["start"], rows["stop"], rows["event"], **roles, seed=1, interval="log-log",
        n_replicates=500, end_time=15,
    )  # fmt: skip
    time = curves_oracle.numbers("kinds", name, "time")
    place = np.searchsorted(time, band.time)
    error = curves_oracle.numbers("kinds", name, "standard_error")[place]
    retention = curves_oracle.numbers("kinds", name, "retention")[place]
    np.testing.assert_allclose(band.retention, retention, **CLOSED_FORM)
    width = band.critical_value * error / (retention * np.abs(np.log(retention)))
    np.testing.assert_allclose(band.ci_lower, retention ** np.exp(width), **CLOSED_FORM)
    np.testing.assert_allclose(band.ci_upper, retention ** np.exp(-width), **CLOSED_FORM)
    assert 2.2 < band.critical_value < 3.5


@pytest.mark.parametrize("kind", ["equal-precision", "hall-wellner"])
def test_without_clusters_it_is_the_exact_band(kind) -> None:
    rng = np.random.default_rng(2)
    life = rng.exponential(1.0, 600)
    rows = np.zeros(600), np.minimum(life, 2.0), life < 2.0
    limits = {"kind": kind, "start_time": 0.1, "end_time": 1.5}
    exact = confidence_band(kaplan_meier(*rows), **limits)
    ours = multiplier_band(*rows, **limits, seed=4, n_replicates=20_000)
    assert abs(ours.critical_value - exact.critical_value) < SIMULATED_VALUE
    np.testing.assert_allclose([ours.a_lower, ours.a_upper], [exact.a_lower, exact.a_upper],
                               rtol=1e-6)  # fmt: skip
    assert ours.critical_value < exact.critical_value


def draw_households(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Households of one to four that share a frailty; retention is (1 + t / 2)^-2."""
    house = np.repeat(np.arange(150), rng.integers(1, 5, 150))
    leaves = rng.exponential(1 / rng.gamma(2, 0.5, 150)[house])
    ends = np.minimum(rng.exponential(4.0, len(house)) + 0.3, 2.5)
    return {
        "start": np.zeros(len(house)), "stop": np.minimum(leaves, ends), "event": leaves <= ends,
        "weights": rng.choice([0.5, 1.0, 2.0], len(house)), "cluster": house,
    }  # fmt: skip


def test_bands_hold_the_whole_curve_of_weighted_households() -> None:
    rng = np.random.default_rng(11)
    n_inside = 0
    for seed in range(100):
        band = multiplier_band(
            **draw_households(rng), seed=seed, start_time=0.1, end_time=1.5, n_replicates=500
        )
        truth = (1 + np.append(band.time, band.end_time) / 2) ** -2.0
        n_inside += np.all(truth[:-1] <= band.ci_upper) & np.all(truth[1:] >= band.ci_lower)
    # Three binomial errors about 95 %: 3 sqrt(.05 x .95 / 100) = .065.
    assert n_inside / 100 > 0.95 - 0.065


row = st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 5), st.sampled_from([1.0, 2.0]))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(row, min_size=5, max_size=25))
def test_order_cuts_units_and_double_weights_do_not_matter(drawn) -> None:
    stop, event, cluster, weights = (
        np.array(column, dtype=float) for column in zip(*drawn, strict=True)
    )
    stop, event = np.append(stop, [1, 2, 10]), np.append(event, [1, 1, 0])
    cluster, weights = np.append(cluster, [7, 8, 9]), np.append(weights, [1, 1, 1])
    zero = np.zeros(len(stop))

    def fit(start, stop, event, **changes):
        roles = {"seed": 5, "n_replicates": 500} | changes
        return multiplier_band(start, stop, event, **roles)

    base = fit(zero, stop, event, cluster=cluster, weights=weights)
    turned = fit(
        zero, stop[::-1] * 7, event[::-1], cluster=cluster[::-1], weights=weights[::-1] * 3
    )
    half = stop / 2
    cut = fit(
        np.append(zero, half), np.append(half, stop), np.append(zero, event),
        cluster=np.tile(cluster, 2), weights=np.tile(weights, 2),
    )  # fmt: skip
    twice = np.repeat(np.arange(len(stop)), weights.astype(int))
    repeated = fit(zero[twice], stop[twice], event[twice], cluster=cluster[twice])
    for other in (turned, cut, repeated):
        np.testing.assert_allclose(other.critical_value, base.critical_value, **SAME_DRAWS)
        np.testing.assert_allclose(other.ci_lower, base.ci_lower, **SAME_DRAWS)
    alone = fit(zero, stop, event, weights=weights)
    again = fit(zero, stop[::-1], event[::-1], weights=weights[::-1])
    np.testing.assert_allclose(again.ci_lower, alone.ci_lower, **SAME_DRAWS)


def test_memory_and_seed(monkeypatch) -> None:
    rows = draw_households(np.random.default_rng(1))
    one = multiplier_band(**rows, seed=9, n_replicates=500)
    monkeypatch.setattr(multiplier_bands, "MOST_HELD", 1000)
    other = multiplier_band(**rows, seed=9, n_replicates=500)
    np.testing.assert_allclose(other.critical_value, one.critical_value, **SAME_DRAWS)
    assert multiplier_band(**rows, seed=8, n_replicates=500).critical_value != one.critical_value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "nair"}, "unknown band 'nair'"),
        ({"interval": "log"}, "unknown interval 'log'"),
        ({"n_replicates": 99}, "n_replicates is 99; rule: at least 500"),
        ({"seed": None}, "seed is None"),
        ({"end_time": 9}, "end_time 9 is past 4"),
        ({"confidence_level": 95}, "confidence_level"),
    ],
)
def test_bands_that_do_not_exist_are_refused(options, message) -> None:
    rows = [0, 0, 0, 0], [1, 2, 3, 4], [1, 1, 1, 0]
    with pytest.raises(EstimationError, match=message):
        multiplier_band(*rows, **{"seed": 1} | options)


def test_clusters_that_move_the_curve_alike_have_no_band() -> None:
    rows = [0] * 6, [1, 2, 3, 1, 2, 3], [1, 1, 0, 1, 1, 0]
    with pytest.raises(EstimationError, match=r"robust error of the curve is 0 at 2 of 2 times"):
        multiplier_band(*rows, cluster=[1, 1, 1, 2, 2, 2], seed=1)
