"""What must not matter to predictions and checks of fitted hazard models."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from random_customers import N, X, in_years, make_rows, shuffle, split_rows

from loyaltylab.survival import (
    absolute_risk,
    cause_specific_cox,
    check_proportional_hazards,
    concordance,
    fit_cox,
    fit_cox_with_time_effect,
    predict_retention,
    pseudo_value_regression,
    restricted_mean_pseudo_values,
    schoenfeld_residuals,
)

# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}
# The same sums in another order.
REORDERED = {"rtol": 1e-9, "atol": 1e-11}
DAYS_PER_YEAR = 365.25
often = settings(max_examples=12, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)
TIMES = np.array([0.0, 3.0, 6.0, 12.0])


def fit(rows: pd.DataFrame, **roles):
    roles = {"cluster": rows["customer"], "weights": rows["weight"]} | roles
    return fit_cox(rows["start"], rows["stop"], rows["left"], rows[X], **roles)


def find_risk(rows: pd.DataFrame, cause: str, *, unit: float = 1.0, calls: float = 0.4):
    model = cause_specific_cox(
        rows["start"], rows["stop"], rows["exit"], rows[X], cluster=rows["customer"],
        weights=rows["weight"],
    )  # fmt: skip
    person = {"calls": calls, "is_business": 1}
    return absolute_risk(model, person, cause=cause, times=TIMES / unit)[
        ["incidence", "standard_error", "retention"]
    ]


@often
@given(seed=seeds)
def test_risks_are_shares_and_hang_on_no_order_unit_or_zero_of_a_covariate(seed: int) -> None:
    rows = make_rows(seed).assign(weight=lambda r: 1.0 + r["customer"] % 3)
    price, service = (find_risk(rows, cause) for cause in ("price", "service"))
    total = price["incidence"] + service["incidence"] + price["retention"]
    np.testing.assert_allclose(total, 1.0, **REORDERED)
    for risk in (price, service):
        assert risk["incidence"].between(0, 1).all()
        assert (np.diff(risk["incidence"]) >= 0).all()
    # Weights of one scale, rows in pieces or mixed, another zero: the same customer.
    shifted = rows.assign(calls=rows["calls"] + 5)
    for other, calls in (
        (split_rows(rows), 0.4),
        (shuffle(rows), 0.4),
        (rows.assign(weight=2 * rows["weight"]), 0.4),
        (shifted, 5.4),
    ):
        np.testing.assert_allclose(find_risk(other, "price", calls=calls), price, **REFITTED)
    years = find_risk(in_years(rows), "price", unit=DAYS_PER_YEAR)
    np.testing.assert_allclose(years, price, **REFITTED)
    # Causes under each other's names.
    names = {"": "", "price": "service", "service": "price"}
    swapped = find_risk(rows.assign(exit=rows["exit"].map(names)), "service")
    np.testing.assert_allclose(swapped, price, **REFITTED)


@often
@given(seed=seeds)
def test_predicted_retention_hangs_on_no_cut_order_unit_or_zero_of_a_covariate(seed: int) -> None:
    rows = make_rows(seed)
    last = float(rows.loc[rows["left"], "stop"].max())
    path = pd.DataFrame({"calls": [0.5, -1.0], "is_business": [1.0, 1.0]})
    times = {"start": np.array([0.0, 4.0]), "stop": np.array([4.0, last])}
    found = predict_retention(fit(rows), path, **times)
    assert ((found.retention > 0) & (found.retention <= 1)).all()
    assert (np.diff(found.retention) < 0).all()
    np.testing.assert_allclose(found.retention, np.exp(-found.cumulative_hazard), **REORDERED)
    columns = ["retention", "standard_error", "ci_lower", "ci_upper"]
    expected = found.to_frame()[columns]
    for other in (split_rows(rows), shuffle(rows), rows.assign(weight=3.0)):
        again = predict_retention(fit(other), path, **times).to_frame()
        np.testing.assert_allclose(again[columns], expected, **REFITTED)
    years = {name: values / DAYS_PER_YEAR for name, values in times.items()}
    again = predict_retention(fit(in_years(rows)), path, **years).to_frame()
    np.testing.assert_allclose(again[columns], expected, **REFITTED)
    shifted = fit(rows.assign(calls=rows["calls"] + 5))
    again = predict_retention(shifted, path.assign(calls=path["calls"] + 5), **times).to_frame()
    np.testing.assert_allclose(again[columns], expected, **REFITTED)
    # The path in pieces, backwards.
    pieces = predict_retention(
        fit(rows), path.iloc[[1, 1, 0, 0]], start=[7, 4, 2, 0], stop=[last, 7, 4, 2]
    ).to_frame()
    np.testing.assert_allclose(pieces[columns], expected, **REORDERED)


@often
@given(seed=seeds)
def test_residuals_of_events_follow_their_covariates_and_nothing_else(seed: int) -> None:
    rows = make_rows(seed)
    found = schoenfeld_residuals(fit(rows))
    assert len(found) == rows["left"].sum()
    # Weights alike: the score equation says that they sum to nothing.
    np.testing.assert_allclose(found[X].sum(), 0.0, atol=1e-6)
    by_time = found.groupby("time")[X].sum()
    for other in (split_rows(rows), shuffle(rows)):
        again = schoenfeld_residuals(fit(other)).groupby("time")[X].sum()
        pd.testing.assert_frame_equal(again, by_time, rtol=1e-6, atol=1e-8)
    years = schoenfeld_residuals(fit(in_years(rows)))
    np.testing.assert_allclose(years["time"] * DAYS_PER_YEAR, found["time"], **REORDERED)
    np.testing.assert_allclose(years[X], found[X], rtol=1e-6, atol=1e-8)
    scaled = schoenfeld_residuals(fit(rows.assign(calls=60 * rows["calls"] + 7)))
    np.testing.assert_allclose(scaled["calls"] / 60, found["calls"], rtol=1e-6, atol=1e-8)


@often
@given(seed=seeds, transform=st.sampled_from(["km", "rank", "identity", "log"]))
def test_proportionality_hangs_on_no_order_or_unit(seed: int, transform: str) -> None:
    rows = make_rows(seed)
    found = check_proportional_hazards(fit(rows), transform=transform)
    # The rank of a time among all stops moves when rows are cut; the others do not.
    changes = [shuffle, in_years] + ([split_rows] if transform != "rank" else [])
    for change in changes:
        again = check_proportional_hazards(fit(change(rows)), transform=transform)
        np.testing.assert_allclose(again["statistic"], found["statistic"], rtol=1e-6)
    scaled = fit(rows.assign(calls=60 * rows["calls"] + 7))
    again = check_proportional_hazards(scaled, transform=transform)
    np.testing.assert_allclose(again["statistic"], found["statistic"], rtol=1e-6)
    assert (found.loc["GLOBAL", "statistic"] >= found["statistic"] * (1 - 1e-9)).all()


@often
@given(seed=seeds)
def test_concordance_hangs_on_no_cut_order_or_unit(seed: int) -> None:
    rows = make_rows(seed)
    found = concordance(fit(rows))
    assert 0 <= found.value <= 1
    for change in (split_rows, shuffle, in_years):
        again = concordance(fit(change(rows)))
        ours, theirs = (
            [one.value, one.standard_error, one.ci_lower, one.ci_upper] for one in (again, found)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-7)


@often
@given(seed=seeds)
def test_effects_in_time_take_the_unit_of_time_and_nothing_else(seed: int) -> None:
    rows = make_rows(seed)

    def fit_effect(part: pd.DataFrame, effect: str, cuts: list[float] | None = None):
        return fit_cox_with_time_effect(
            part["start"], part["stop"], part["left"], part[X], covariate="calls",
            effect=effect, cuts=cuts, cluster=part["customer"],
        ).fit  # fmt: skip

    steps = fit_effect(rows, "step", [6.0])
    years = fit_effect(in_years(rows), "step", [6.0 / DAYS_PER_YEAR])
    np.testing.assert_allclose(years.coefficients, steps.coefficients, **REFITTED)
    np.testing.assert_allclose(years.covariance, steps.covariance, **REFITTED)
    slope = fit_effect(rows, "linear")
    by_year = np.where(np.arange(len(slope.coefficients)) == 2, DAYS_PER_YEAR, 1.0)
    years = fit_effect(in_years(rows), "linear")
    np.testing.assert_allclose(years.coefficients / by_year, slope.coefficients, rtol=1e-6)
    for change in (split_rows, shuffle):
        again = fit_effect(change(rows), "linear")
        np.testing.assert_allclose(again.coefficients, slope.coefficients, **REFITTED)
        np.testing.assert_allclose(again.covariance, slope.covariance, **REFITTED)


@often
@given(seed=seeds, shift=st.floats(-50, 50), factor=st.floats(0.1, 10))
def test_a_regression_of_pseudo_values_moves_with_them(seed, shift, factor) -> None:
    rows = make_rows(seed)
    values = restricted_mean_pseudo_values(
        0 * rows["start"], rows["lasted"], rows["left"], horizon=8.0
    ).values
    found = pseudo_value_regression(values, rows[X], cluster=rows["household"])
    moved = pseudo_value_regression(factor * values + shift, rows[X], cluster=rows["household"])
    expected = factor * found.coefficients + shift * np.array([1, 0, 0])
    np.testing.assert_allclose(moved.coefficients, expected, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(moved.standard_error, factor * found.standard_error, rtol=1e-7)
    order = np.random.default_rng(seed).permutation(N)
    copies = np.concatenate([order, order])
    again = pseudo_value_regression(
        values[copies], rows[X].iloc[copies], cluster=rows["household"].iloc[copies]
    )
    np.testing.assert_allclose(again.coefficients, found.coefficients, **REFITTED)
    np.testing.assert_allclose(again.covariance, found.covariance, **REFITTED)
