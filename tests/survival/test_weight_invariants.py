"""A row of weight zero is a row left out, for whatever takes weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_customers import X, make_rows

from loyaltylab.survival import (
    andersen_gill,
    cause_specific_cox,
    cumulative_incidence,
    fit_cox,
    fit_cox_with_time_effect,
    fit_discrete_hazard,
    fit_failure_time,
    fit_fine_gray,
    fit_flexible_hazard,
    fit_piecewise_exponential,
    fit_transition_cox,
    gray_test,
    kaplan_meier,
    log_rank_test,
    mean_cumulative_function,
    nelson_aalen,
    pairwise_log_rank_tests,
    prentice_williams_peterson,
    restricted_mean_retention_time,
    restricted_time_in_state,
    restricted_time_lost,
    state_occupation,
    transition_hazards,
)

# Two searches that end at one optimum, sums in another order.
REFITTED = {"rtol": 1e-6, "atol": 1e-8}
TIMES = np.array([2.0, 5.0, 9.0])
often = settings(max_examples=4, deadline=None, derandomize=True)


def triple(rows: pd.DataFrame) -> list[pd.Series]:
    return [rows[name] for name in ("start", "stop", "left")]


def exits(rows: pd.DataFrame) -> list[pd.Series]:
    return [rows[name] for name in ("start", "stop", "exit")]


def moves(rows: pd.DataFrame) -> list:
    return [rows["start"], rows["stop"], ["active"] * len(rows), rows["exit"]]


def units(rows: pd.DataFrame) -> dict:
    return {"weights": rows["weight"], "cluster": rows["customer"]}


def whose(rows: pd.DataFrame) -> dict:
    return {"weights": rows["weight"], "customer": rows["customer"]}


def read_fit(fit) -> list:
    return [fit.coefficients, fit.covariance]


def read_estimate(found) -> list:
    return [found.value, found.standard_error, found.n]


def read_at(found, *columns: str) -> list:
    return [found.at(TIMES)[list(columns)]]


def step_effect(rows: pd.DataFrame) -> list:
    found = fit_cox_with_time_effect(
        *triple(rows), rows[X], covariate="calls", effect="step", cuts=[6.0], **units(rows)
    )
    return read_fit(found.fit)


def numbered(rows: pd.DataFrame) -> list:
    return read_fit(prentice_williams_peterson(*triple(rows), rows[X], clock="gap", **whose(rows)))


def by_cause(rows: pd.DataFrame) -> list:
    model = cause_specific_cox(*exits(rows), rows[X], **units(rows))
    return [part for fit in model.fits.values() for part in read_fit(fit)]


def periods(rows: pd.DataFrame) -> list:
    period = np.minimum(np.ceil(rows["lasted"] / 15), 2)
    return read_fit(fit_discrete_hazard(period, rows["left"], rows[X], **units(rows)))


def shares(rows: pd.DataFrame) -> list:
    found = state_occupation(*moves(rows), **whose(rows))
    return [found.at(TIMES, "price")[["occupation", "standard_error"]]]


def hazards_of_moves(rows: pd.DataFrame) -> list:
    found = transition_hazards(*moves(rows), **whose(rows)).at(TIMES, "active", "price")
    return [found[["cumulative_hazard", "standard_error"]]]


def incidences(rows: pd.DataFrame) -> list:
    found = cumulative_incidence(*exits(rows), **units(rows)).at(TIMES, "price")
    return [found[["incidence", "standard_error"]]]


ESTIMATORS: dict[str, Callable[[pd.DataFrame], list]] = {
    "kaplan_meier": lambda rows: read_at(
        kaplan_meier(*triple(rows), **units(rows)), "retention", "standard_error"
    ),
    "nelson_aalen": lambda rows: read_at(
        nelson_aalen(*triple(rows), **units(rows)), "cumulative_hazard", "standard_error"
    ),
    "mean_cumulative_function": lambda rows: read_at(
        mean_cumulative_function(*triple(rows), **whose(rows)), "mean", "standard_error"
    ),
    "restricted_mean_retention_time": lambda rows: read_estimate(
        restricted_mean_retention_time(*triple(rows), horizon=9.0, **units(rows))
    ),
    "restricted_time_lost": lambda rows: read_estimate(
        restricted_time_lost(*exits(rows), cause="price", horizon=9.0, **units(rows))
    ),
    "restricted_time_in_state": lambda rows: read_estimate(
        restricted_time_in_state(*moves(rows), state="price", horizon=9.0, **whose(rows))
    ),
    "cumulative_incidence": incidences,
    "state_occupation": shares,
    "transition_hazards": hazards_of_moves,
    "log_rank_test": lambda rows: [
        log_rank_test(*triple(rows), rows["is_business"], **units(rows)).covariance
    ],
    "pairwise_log_rank_tests": lambda rows: [
        pairwise_log_rank_tests(*triple(rows), rows["household"] % 3, **units(rows))["statistic"]
    ],
    "gray_test": lambda rows: [
        gray_test(*exits(rows), rows["is_business"], cause="price", **units(rows)).covariance
    ],
    "fit_cox": lambda rows: read_fit(fit_cox(*triple(rows), rows[X], **units(rows))),
    "fit_cox_with_time_effect": step_effect,
    "cause_specific_cox": by_cause,
    "fit_fine_gray": lambda rows: read_fit(
        fit_fine_gray(*exits(rows), rows[X], cause="price", **whose(rows)).fit
    ),
    "fit_transition_cox": lambda rows: read_fit(
        fit_transition_cox(*moves(rows), rows[X], **whose(rows)).fit
    ),
    "andersen_gill": lambda rows: read_fit(andersen_gill(*triple(rows), rows[X], **whose(rows))),
    "prentice_williams_peterson": numbered,
    "fit_discrete_hazard": periods,
    "fit_piecewise_exponential": lambda rows: read_fit(
        fit_piecewise_exponential(*triple(rows), rows[X], cuts=[6.0], **units(rows))
    ),
    "fit_failure_time": lambda rows: read_fit(
        fit_failure_time(*triple(rows), rows[X], distribution="weibull", **units(rows))
    ),
    "fit_flexible_hazard": lambda rows: read_fit(
        fit_flexible_hazard(*triple(rows), rows[X], knots=[2.0, 8.0, 20.0], **units(rows))
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@often
@given(seed=st.integers(0, 10_000))
def test_a_weight_of_zero_is_a_row_left_out(name: str, seed: int) -> None:
    estimate = ESTIMATORS[name]
    rows = make_rows(seed).assign(weight=lambda r: np.array([0, 0.4, 1, 2.5])[r["customer"] % 4])
    kept = rows[rows["weight"] > 0]
    found, without = estimate(rows), estimate(kept)
    for one, other in zip(found, without, strict=True):
        np.testing.assert_allclose(one, other, **REFITTED)
    # The weights of the others count: were they all alike, the numbers would be others.
    alike = estimate(kept.assign(weight=1.0))
    for one, other in list(zip(found, alike, strict=True))[:2]:
        assert not np.allclose(np.asarray(one, float), np.asarray(other, float), **REFITTED)
