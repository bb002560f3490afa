"""What must not matter to a model: the order of rows, the unit of time, a row written twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_customers import N, X, make_rows

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    andersen_gill,
    cause_specific_cox,
    cox_residuals,
    event_rate,
    fit_cox,
    fit_discrete_hazard,
    fit_failure_time,
    fit_fine_gray,
    fit_flexible_hazard,
    fit_piecewise_exponential,
    gray_test,
    rates_by_interval,
)

# Two searches that end at one optimum, sums in another order.
REFITTED = {"rtol": 1e-5, "atol": 1e-6}
ROUNDING = 1e-9
seeds = st.integers(0, 10_000)
often = settings(max_examples=8, deadline=None, derandomize=True)


def cox(rows: pd.DataFrame) -> np.ndarray:
    return fit_cox(
        rows["start"], rows["stop"], rows["left"], rows[X], weights=rows["weight"]
    ).coefficients


def by_cause(rows: pd.DataFrame) -> np.ndarray:
    model = cause_specific_cox(
        rows["start"], rows["stop"], rows["exit"], rows[X], weights=rows["weight"]
    )
    return np.concatenate([model.fits[cause].coefficients for cause in ("price", "service")])


def fine_gray(rows: pd.DataFrame) -> np.ndarray:
    model = fit_fine_gray(
        0 * rows["start"], rows["lasted"], rows["exit"], rows[X],
        cause="service", customer=rows["customer"], weights=rows["weight"],
    )  # fmt: skip
    return model.fit.coefficients


def recurrent(rows: pd.DataFrame) -> np.ndarray:
    return andersen_gill(
        rows["start"], rows["stop"], rows["left"], rows[X],
        customer=rows["customer"], weights=rows["weight"],
    ).coefficients  # fmt: skip


def failure_time(rows: pd.DataFrame) -> np.ndarray:
    fit = fit_failure_time(
        0 * rows["start"], rows["lasted"], rows["left"], rows[X],
        distribution="weibull", weights=rows["weight"],
    )  # fmt: skip
    return fit.coefficients[-len(X) :]


def flexible(rows: pd.DataFrame) -> np.ndarray:
    fit = fit_flexible_hazard(
        0 * rows["start"], rows["lasted"], rows["left"], rows[X], weights=rows["weight"]
    )
    return fit.coefficients[-len(X) :]


def discrete(rows: pd.DataFrame) -> np.ndarray:
    return fit_discrete_hazard(
        np.minimum(np.ceil(rows["lasted"] / 15), 2), rows["left"], rows[X], weights=rows["weight"]
    ).coefficients


MODELS = [cox, by_cause, fine_gray, recurrent, failure_time, flexible, discrete]
CLOCKED = MODELS[:-1]  # periods have no unit


@pytest.mark.parametrize("fit", MODELS, ids=lambda fit: fit.__name__)
@often
@given(seed=seeds)
def test_the_order_of_rows_does_not_matter(
    fit: Callable[[pd.DataFrame], np.ndarray], seed: int
) -> None:
    rows = make_rows(seed)
    turned = rows.sample(frac=1, random_state=seed)
    np.testing.assert_allclose(fit(turned), fit(rows), **REFITTED)


@pytest.mark.parametrize("fit", CLOCKED, ids=lambda fit: fit.__name__)
@often
@given(seed=seeds)
def test_the_unit_of_time_does_not_matter(
    fit: Callable[[pd.DataFrame], np.ndarray], seed: int
) -> None:
    rows = make_rows(seed)
    hours = rows.assign(**{name: 24 * rows[name] for name in ("start", "stop", "lasted")})
    np.testing.assert_allclose(fit(hours), fit(rows), **REFITTED)


@pytest.mark.parametrize("fit", [failure_time, discrete], ids=lambda fit: fit.__name__)
@often
@given(seed=seeds)
def test_a_weight_of_two_is_a_row_written_twice(
    fit: Callable[[pd.DataFrame], np.ndarray], seed: int
) -> None:
    """For likelihoods that are sums over rows; Efron's ties and knots at quantiles differ."""
    rows = make_rows(seed)
    is_heavy = rows["is_business"] == 1
    heavy = rows.assign(weight=1.0 + is_heavy)
    twice = pd.concat([rows, rows[is_heavy]], ignore_index=True)
    np.testing.assert_allclose(fit(heavy), fit(twice), **REFITTED)


@often
@given(seed=seeds)
def test_splitting_time_changes_no_rate_of_pieces(seed: int) -> None:
    """A constant rate is events over time, however the time is cut into rows."""
    rows = make_rows(seed)
    roles = {"cuts": [10.0]}
    whole = fit_piecewise_exponential(
        0 * rows["start"], rows["lasted"], rows["left"], rows[X], **roles
    )
    middle = np.ceil(rows["lasted"] / 2)
    is_cut = middle < rows["lasted"]
    early = rows[is_cut].assign(begins=0.0, ends=middle[is_cut], left=False)
    late = rows.assign(begins=np.where(is_cut, middle, 0.0), ends=rows["lasted"])
    pieces = pd.concat([early, late], ignore_index=True)
    split = fit_piecewise_exponential(
        pieces["begins"], pieces["ends"], pieces["left"], pieces[X], **roles
    )
    np.testing.assert_allclose(split.coefficients, whole.coefficients, **REFITTED)
    np.testing.assert_allclose(split.baseline, whole.baseline, **REFITTED)


@often
@given(seed=seeds)
def test_residuals_sum_to_nothing_and_follow_their_rows(seed: int) -> None:
    rows = make_rows(seed)
    found = cox_residuals(fit_cox(rows["start"], rows["stop"], rows["left"], rows[X]))
    assert found.martingale.sum() == pytest.approx(0.0, abs=1e-6)
    assert np.abs(found.score.sum(axis=0)).max() < 1e-4  # the search stops where it is this flat
    order = np.random.default_rng(seed).permutation(N)
    turned = rows.iloc[order]
    again = cox_residuals(fit_cox(turned["start"], turned["stop"], turned["left"], turned[X]))
    np.testing.assert_allclose(again.martingale, found.martingale[order], **REFITTED)


@often
@given(seed=seeds)
def test_groups_are_compared_whatever_their_names_and_order(seed: int) -> None:
    rows = make_rows(seed)
    roles = {"cause": "service", "cluster": rows["household"]}
    given_rows = (rows["start"], rows["stop"], rows["exit"])
    one = gray_test(*given_rows, rows["is_business"], **roles)
    other = gray_test(*given_rows, 1 - rows["is_business"], **roles)
    assert one.statistic == pytest.approx(other.statistic, rel=1e-7, abs=ROUNDING)


def test_a_rate_by_hand_and_by_poisson_test() -> None:
    """R: poisson.test(10, 100)$conf.int is 0.04795389 to 0.18390356."""
    rate = event_rate(10, 100.0, n_customers=40)
    assert (rate.n, rate.n_events) == (40, 10)
    assert (rate.value, rate.standard_error) == (0.1, pytest.approx(np.sqrt(10) / 100))
    assert rate.ci_lower == pytest.approx(0.04795389, abs=5e-9)
    assert rate.ci_upper == pytest.approx(0.18390356, abs=5e-9)
    # Without events the upper limit solves exp(-limit * time) = 0.025.
    none = event_rate(0, 50.0, n_customers=20)
    assert none.ci_lower == 0.0
    assert none.ci_upper == pytest.approx(-np.log(0.025) / 50, rel=ROUNDING)


NAN, NEVER = float("nan"), float("inf")
BAD_RATES = [(1, 0.0), (-1, 10.0), (0, -1.0), (NAN, 3.0), (1, NAN), (3, NEVER)]


@pytest.mark.parametrize(("n_events", "person_time"), BAD_RATES)
def test_a_rate_needs_time_and_counts(n_events: int, person_time: float) -> None:
    with pytest.raises(EstimationError, match="give no rate"):
        event_rate(n_events, person_time, n_customers=5)


@often
@given(seed=seeds)
def test_rates_by_period_add_up_to_all_events(seed: int) -> None:
    rows = make_rows(seed)
    frame = rates_by_interval(
        0 * rows["start"], rows["lasted"], rows["left"], cuts=[0.0, 5.0, 10.0, 1000.0]
    )
    assert frame["n_events"].sum() == rows["left"].sum()
    assert frame["person_time"].sum() == pytest.approx(rows["lasted"].sum(), rel=ROUNDING)
