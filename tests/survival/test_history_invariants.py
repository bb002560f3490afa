"""What must not matter to models of moves and repeated events, and to shares of states."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_customers import in_years, shuffle, split_rows
from state_histories import columns_of
from state_histories import split_rows as split_stays

from loyaltylab.survival import (
    fit_transition_cox,
    predict_occupation,
    prentice_williams_peterson,
)

# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}
ROUNDING = {"rtol": 1e-10, "atol": 1e-12}
DAYS_PER_YEAR = 365.25
often = settings(max_examples=10, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)
TIMES = np.array([0.0, 3.0, 10.0, 30.0])
STATES = ("active", "requested", "saved", "left")


def draw_customers(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Nine customers of ten, so that every example is another sample."""
    random = np.random.default_rng(seed)
    kept = [code for code in sorted(set(rows["customer"])) if random.random() < 0.9]
    return rows[rows["customer"].isin(kept)].reset_index(drop=True)


def fit_moves(rows: pd.DataFrame, *, clock: str = "forward", factor: float = 1.0):
    return fit_transition_cox(
        *columns_of(rows), rows[["price", "contract"]], customer=rows["customer"],
        shared=["contract"], weights=factor * rows["weight"], cluster=rows["household"],
        clock=clock,
    )  # fmt: skip


def predict(
    rows: pd.DataFrame, *, unit: float = 1.0, price: float = 0.5, start_state: str = "active"
) -> pd.DataFrame:
    person = {"price": price, "contract": 1}
    found = predict_occupation(fit_moves(rows), person, start_state=start_state, times=TIMES / unit)
    return found.set_index("state")[["occupation", "standard_error"]]


@pytest.mark.parametrize("clock", ["forward", "reset"])
@often
@given(seed=seeds)
def test_moves_do_not_hang_on_cuts_order_units_or_the_scale_of_weights(
    multi_state_oracle, clock: str, seed: int
) -> None:
    rows = draw_customers(multi_state_oracle.frame("tickets"), seed)
    before = rows.copy(deep=True)
    found = fit_moves(rows, clock=clock).fit
    others = [fit_moves(change(rows), clock=clock) for change in (split_stays, shuffle, in_years)]
    for other in [*others, fit_moves(rows, clock=clock, factor=2.0)]:
        np.testing.assert_allclose(other.fit.coefficients, found.coefficients, **REFITTED)
        np.testing.assert_allclose(other.fit.covariance, found.covariance, **REFITTED)
    pd.testing.assert_frame_equal(rows, before)


@often
@given(seed=seeds)
def test_shares_in_states_are_shares_and_hang_on_no_names_or_units(
    multi_state_oracle, seed: int
) -> None:
    rows = draw_customers(multi_state_oracle.frame("tickets"), seed)
    found = predict(rows)
    shares = found["occupation"].to_numpy().reshape(-1, len(TIMES))
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, **ROUNDING)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert found.loc["active", "occupation"].iloc[0] == 1.0
    assert (found["standard_error"].to_numpy().reshape(-1, len(TIMES))[:, 0] == 0).all()
    for other in (split_stays(rows), shuffle(rows)):
        np.testing.assert_allclose(predict(other), found, **REFITTED)
    years = predict(in_years(rows), unit=DAYS_PER_YEAR)
    np.testing.assert_allclose(years, found, **REFITTED)
    # A covariate counted from elsewhere, and states under other names.
    shifted = predict(rows.assign(price=rows["price"] + 3), price=3.5)
    np.testing.assert_allclose(shifted, found, **REFITTED)
    names = {"": ""} | {state: state[::-1] for state in STATES}
    renamed = predict(
        rows.assign(**{"from": rows["from"].map(names), "to": rows["to"].map(names)}),
        start_state="evitca",
    )
    for state in STATES:
        np.testing.assert_allclose(renamed.loc[names[state]], found.loc[state], **REFITTED)


def read_infections(oracle) -> pd.DataFrame:
    names = {"tstart": "start", "tstop": "stop", "status": "event", "id": "customer"}
    rows = oracle.frame("cgd").rename(columns=names)
    return rows.assign(left=rows["event"] == 1, exit="")


def fit_numbered(rows: pd.DataFrame, clock: str, factor: float = 1.0):
    return prentice_williams_peterson(
        rows["start"], rows["stop"], rows["left"], rows[["treated", "age"]],
        customer=rows["customer"], clock=clock, largest_stratum=3,
        weights=factor * rows["weight"], cluster=rows["center"],
    )  # fmt: skip


@pytest.mark.parametrize("clock", ["total", "gap"])
@often
@given(seed=seeds)
def test_numbered_events_do_not_hang_on_cuts_order_units_or_the_scale_of_weights(
    recurrent_oracle, clock: str, seed: int
) -> None:
    rows = draw_customers(read_infections(recurrent_oracle), seed)
    found = fit_numbered(rows, clock)
    years = rows.assign(age=rows["age"] * 12)
    for other, scale in (
        (fit_numbered(split_rows(rows), clock), 1.0),
        (fit_numbered(shuffle(rows), clock), 1.0),
        (fit_numbered(in_years(rows), clock), 1.0),
        (fit_numbered(rows, clock, factor=2.0), 1.0),
        (fit_numbered(years, clock), 12.0),
    ):
        by_unit = np.array([1.0, scale])
        np.testing.assert_allclose(other.coefficients * by_unit, found.coefficients, **REFITTED)
        errors = other.standard_error * by_unit
        np.testing.assert_allclose(errors, found.standard_error, **REFITTED)
    assert found.n_events == rows["left"].sum()
