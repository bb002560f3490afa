"""What must not matter, and what must always hold, on generated rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.survival import (
    check_proportional_hazards,
    cumulative_incidence,
    fit_cox,
    kaplan_meier,
    restricted_mean_retention_time,
)

# The same sums in another order.
REORDERED = {"rtol": 1e-9, "atol": 1e-11}
# Errors are compared as variances: where the true one is 0, its root would only show rounding.
SQUARES = {"rtol": 1e-7, "atol": 1e-11}
# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}
CAUSES = ("", "price", "service")
DAYS_PER_YEAR = 365.25

row = st.tuples(
    st.integers(0, 12),  # start
    st.integers(1, 15),  # length: whole days, so ties abound
    st.integers(0, 2),  # cause
    st.integers(0, 5),  # household
    st.floats(0.1, 5.0),  # weight
)
tables = st.lists(row, min_size=2, max_size=40).map(
    lambda rows: pd.DataFrame(
        {
            "start": [float(r[0]) for r in rows],
            "stop": [float(r[0] + r[1]) for r in rows],
            "exit": [CAUSES[r[2]] for r in rows],
            "cluster": [r[3] for r in rows[:-1]] + [99],  # At least two clusters.
            "weight": [r[4] for r in rows],
        }
    )
)


def split_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Cut every row longer than a day in two, the exit staying with the second piece."""
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], exit="")
    late = rows.assign(start=rows["start"].mask(is_cut, middle))
    return pd.concat([late, early], ignore_index=True)


def estimate_all(rows: pd.DataFrame) -> list[np.ndarray]:
    """Curve, incidence, restricted mean and variances, clustered and weighted, on a fixed grid."""
    grid = np.arange(0, rows["stop"].max() + 1)
    roles = {"cluster": rows["cluster"], "weights": rows["weight"]}
    left = rows["exit"] != ""
    curve = kaplan_meier(rows["start"], rows["stop"], left, **roles).at(grid)
    found = cumulative_incidence(
        rows["start"], rows["stop"], rows["exit"], causes=CAUSES[1:], **roles
    )
    mean = restricted_mean_retention_time(
        rows["start"], rows["stop"], left, horizon=grid[-1], **roles
    )
    parts = [curve["retention"].to_numpy(), curve["standard_error"].to_numpy() ** 2]
    for cause in CAUSES[1:]:
        at = found.at(grid, cause)
        parts += [at["incidence"].to_numpy(), at["standard_error"].to_numpy() ** 2]
    return [*parts, np.array([mean.value, mean.standard_error**2])]


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **SQUARES)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(tables)
def test_splitting_a_stay_changes_nothing(rows) -> None:
    # One customer per cluster, so that only pieces of one stay meet end to end.
    rows = rows.assign(cluster=range(len(rows)))
    whole, split = rows, split_rows(rows)
    assert_same(estimate_all(whole), estimate_all(split))
    curves = [
        kaplan_meier(r["start"], r["stop"], r["exit"] != "", cluster=r["cluster"])
        for r in (whole, split)
    ]
    for name in ("time", "n_at_risk", "n_events", "n_censored", "n_entered"):
        np.testing.assert_array_equal(getattr(curves[0], name), getattr(curves[1], name))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(tables, st.randoms(use_true_random=False))
def test_row_order_and_labels_do_not_matter(rows, random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    names = sorted(set(rows["cluster"]))
    random.shuffle(names)
    labels = {code: f"household {name}" for name, code in enumerate(names)}
    shuffled = rows.iloc[order].assign(cluster=lambda r: r["cluster"].map(labels))
    assert_same(estimate_all(rows), estimate_all(shuffled))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_the_jackknife_is_the_derivative_by_cluster_weights(rows) -> None:
    # Move the weight of one cluster by a part in 10,000 either way and see every curve move:
    # the error is the root of the summed squares, also where a curve has ended or gaps open.
    def curves(weights: pd.Series) -> np.ndarray:
        found = cumulative_incidence(
            rows["start"], rows["stop"], rows["exit"], causes=CAUSES[1:], weights=weights
        )
        return np.column_stack([found.incidence, found.retention])

    step = 1e-4
    squares = np.zeros_like(curves(rows["weight"]))
    for code in set(rows["cluster"]):
        change = step * (rows["cluster"] == code)
        up, down = curves(rows["weight"] * (1 + change)), curves(rows["weight"] * (1 - change))
        squares += ((up - down) / (2 * step)) ** 2
    # Households may join rows end to end, which leaves such times out of the clustered curve.
    found = cumulative_incidence(
        rows["start"],
        rows["stop"],
        rows["exit"],
        causes=CAUSES[1:],
        weights=rows["weight"],
        cluster=rows["cluster"],
    )
    positions = np.searchsorted(np.unique(rows["stop"]), found.time)
    expected = squares[positions]
    # A central difference errs by the step squared.
    np.testing.assert_allclose(found.standard_error**2, expected[:, :2], rtol=1e-5, atol=1e-10)
    curve = kaplan_meier(
        rows["start"],
        rows["stop"],
        rows["exit"] != "",
        weights=rows["weight"],
        cluster=rows["cluster"],
    )
    alive = curve.retention > 0
    np.testing.assert_allclose(
        curve.standard_error[alive] ** 2, expected[alive, 2], rtol=1e-5, atol=1e-10
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(tables)
def test_shares_and_counts_add_up(rows) -> None:
    found = cumulative_incidence(
        rows["start"], rows["stop"], rows["exit"], causes=CAUSES[1:], weights=rows["weight"]
    )
    np.testing.assert_allclose(found.incidence.sum(axis=1) + found.retention, 1.0, **REORDERED)
    for curve in (found.incidence[:, 0], found.incidence[:, 1], 1 - found.retention):
        assert np.all(np.diff(curve) >= 0)
        assert np.all((curve >= 0) & (curve <= 1))
    n_left = found.n_events.sum(axis=1) + found.n_censored
    carried = found.n_at_risk[:-1] - n_left[:-1] + found.n_entered[1:]
    np.testing.assert_array_equal(found.n_at_risk[1:], carried)
    assert found.n_entered.sum() == n_left.sum() == len(rows)
    inside = np.isfinite(found.ci_lower)
    assert np.all(found.ci_lower[inside] <= found.incidence[inside] + 1e-12)
    assert np.all(found.ci_upper[inside] >= found.incidence[inside] - 1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_years_scale_the_restricted_mean(rows) -> None:
    horizon = float(rows["stop"].max())
    left = rows["exit"] != ""
    days = restricted_mean_retention_time(rows["start"], rows["stop"], left, horizon=horizon)
    years = restricted_mean_retention_time(
        rows["start"] / DAYS_PER_YEAR,
        rows["stop"] / DAYS_PER_YEAR,
        left,
        horizon=horizon / DAYS_PER_YEAR,
    )
    np.testing.assert_allclose(days.value, years.value * DAYS_PER_YEAR, **REORDERED)
    np.testing.assert_allclose(
        days.standard_error, years.standard_error * DAYS_PER_YEAR, **REORDERED
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tables)
def test_one_incidence_is_one_minus_retention(rows) -> None:
    left = rows["exit"] != ""
    roles = {"cluster": rows["cluster"], "weights": rows["weight"]}
    one = np.where(left, "left", "")
    found = cumulative_incidence(rows["start"], rows["stop"], one, causes=["left"], **roles)
    curve = kaplan_meier(rows["start"], rows["stop"], left, **roles)
    np.testing.assert_allclose(found.incidence[:, 0], 1 - curve.retention, **REORDERED)
    alive = curve.retention > 0
    np.testing.assert_allclose(
        found.standard_error[alive, 0] ** 2, curve.standard_error[alive] ** 2, **SQUARES
    )


def simulate(seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Eighty customers in forty households, entering late, leaving on whole days."""
    rng = np.random.default_rng(seed)
    n = 80
    rows = pd.DataFrame(
        {"start": rng.integers(0, 6, n).astype(float), "cluster": np.arange(n) // 2}
    )
    rows["x"], rows["z"] = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
    rows["stop"] = rows["start"] + rng.integers(1, 20, n)
    rows["exit"] = np.where(rng.random(n) < 0.7, "left", "")
    rows["weight"] = rng.uniform(0.2, 3, n)
    return rows, ["x", "z"]


def fit(rows: pd.DataFrame, names: list[str]):
    return fit_cox(
        rows["start"],
        rows["stop"],
        rows["exit"] != "",
        rows[names],
        cluster=rows["cluster"],
        weights=rows["weight"],
    )


def assert_same_fit(one, other) -> None:
    np.testing.assert_allclose(one.coefficients, other.coefficients, **REFITTED)
    np.testing.assert_allclose(one.covariance, other.covariance, **REFITTED)
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, **REFITTED)


@pytest.mark.parametrize("seed", range(20))
def test_cox_invariants(seed) -> None:
    rows, names = simulate(seed)
    whole = fit(rows, names)
    tested = check_proportional_hazards(whole, transform="identity")
    shuffled = rows.sample(frac=1, random_state=seed)
    shuffled = shuffled.assign(cluster=shuffled["cluster"].map(lambda code: f"h{-code}"))
    years = rows.assign(start=rows["start"] / DAYS_PER_YEAR, stop=rows["stop"] / DAYS_PER_YEAR)
    for other in (split_rows(rows), shuffled, years):
        refit = fit(other, names)
        assert_same_fit(whole, refit)
        again = check_proportional_hazards(refit, transform="identity")
        np.testing.assert_allclose(tested["statistic"], again["statistic"], **REFITTED)


@pytest.mark.parametrize("seed", range(5))
def test_cox_moves_with_its_covariates(seed) -> None:
    rows, names = simulate(seed)
    whole = fit(rows, names)
    scaled = fit(rows.assign(x=100 * rows["x"] + 7, z=1 - rows["z"]), names)
    factors = np.array([0.01, -1.0])
    np.testing.assert_allclose(scaled.coefficients, factors * whole.coefficients, **REFITTED)
    doubled = fit(rows.assign(weight=2 * rows["weight"]), names)
    np.testing.assert_allclose(doubled.standard_error, whole.standard_error, **REFITTED)
    late = rows["stop"].max() + 1  # Rows after the last event change nothing.
    after = rows.assign(start=late, stop=late + 1, exit="", cluster=rows["cluster"] + 1000)
    assert_same_fit(whole, fit(pd.concat([rows, after], ignore_index=True), names))


def test_inputs_are_not_mutated() -> None:
    rows, names = simulate(0)
    columns = {name: rows[name].to_numpy(copy=True) for name in rows}
    for column in columns.values():
        column.flags.writeable = False  # Writing in place would raise.
    locked = pd.DataFrame(columns, copy=False)
    before = locked.copy(deep=True)
    fit(locked, names)
    kaplan_meier(
        columns["start"], columns["stop"], columns["exit"] != "", weights=columns["weight"]
    )
    cumulative_incidence(columns["start"], columns["stop"], columns["exit"])
    restricted_mean_retention_time(
        columns["start"], columns["stop"], columns["exit"] != "", horizon=5
    )
    pd.testing.assert_frame_equal(locked, before)
