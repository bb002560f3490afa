"""Sequential laboratory values: rows and Cox model equal those of R's vignette, row for row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from day_tables import MIDNIGHT, UTC, make_contracts, make_customers, make_exits

from loyaltylab.measures.jumps import value_jumps
from loyaltylab.survival import fit_cox
from loyaltylab.timeline import CountingRows, build_spells, split_at_jumps, to_grid

ORACLE = Path(__file__).parents[1] / "oracles" / "pbcseq.json"
COVARIATES = ("ascites", "bili", "albumin", "protime", "alk.phos")
CAUSE = {0: "", 1: "transplant", 2: "death"}
# Both stop Newton's steps at a relative change of 1e-9 of the likelihood.
COX = {"rtol": 1e-6, "atol": 0}


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(ORACLE.read_text("utf-8"))
    tables = ("people", "visits", "places", "rows")
    return content | {name: pd.DataFrame(content[name]) for name in tables}


@pytest.fixture(scope="module")
def built(oracle: dict[str, Any]) -> CountingRows:
    """People as customers who leave by death or transplant, visits as values in force."""
    people = oracle["people"].assign(id=oracle["people"]["id"].astype(str))
    left = people[people["status"] > 0]
    horizon = int(people["futime"].max())
    contracts = make_contracts(
        [
            (who, who, 0, float(days) if status else None)
            for who, days, status in people[["id", "futime", "status"]].itertuples(index=False)
        ]
    )
    exits = make_exits(
        [
            (who, None, float(days), CAUSE[status], None)
            for who, days, status in left[["id", "futime", "status"]].itertuples(index=False)
        ]
    )
    until = to_moments(people["futime"].astype(float))
    spells = build_spells(
        make_customers(people["id"].tolist()).assign(observed_until_at=until),
        contracts,
        exits,
        window_start_at=MIDNIGHT,
        window_end_at=MIDNIGHT + pd.Timedelta(days=horizon).as_unit("us"),
    )
    visits = oracle["visits"]
    events = pd.DataFrame(
        {"customer_id": visits["id"].astype(str), "seen_at": to_moments(visits["day"])}
    ).assign(**{name: visits[name] for name in COVARIATES})
    jumps = [value_jumps(events, covariate=name, at="seen_at", value=name) for name in COVARIATES]
    return split_at_jumps(spells.frame, pd.concat(jumps), carried=COVARIATES)


def to_moments(days: pd.Series) -> pd.Series:
    return (MIDNIGHT + pd.to_timedelta(days, unit="D").dt.as_unit("us")).astype(UTC)


def test_rows_equal_r_row_for_row(built: CountingRows, oracle: dict[str, Any]) -> None:
    frame, expected = built.frame, oracle["rows"]
    assert len(frame) == len(expected) == 1807
    assert frame["customer_id"].tolist() == expected["id"].astype(str).tolist()
    for ours, theirs in (("start", "tstart"), ("stop", "tstop")):
        np.testing.assert_array_equal(frame[ours], expected[theirs])
    assert frame["exit_cause"].tolist() == expected["death"].map(CAUSE).tolist()
    np.testing.assert_array_equal(frame["event"], expected["death"] > 0)
    for name in COVARIATES:
        np.testing.assert_array_equal(frame[name], expected[name].astype(float))


def test_places_equal_r(built: CountingRows, oracle: dict[str, Any]) -> None:
    expected = oracle["places"].set_index("covariate")
    pdt.assert_frame_equal(built.places[list(expected)], expected.sort_index(), check_names=False)


def test_the_cox_model_equals_r(built: CountingRows, oracle: dict[str, Any]) -> None:
    frame, expected = built.frame, oracle["cox"]
    fit = fit_cox(
        frame["start"],
        frame["stop"],
        frame["exit_cause"] == "death",
        np.log(frame[["bili", "protime"]]),
        cluster=frame["customer_id"],
    )
    np.testing.assert_allclose(fit.coefficients, expected["coef"], **COX)
    np.testing.assert_allclose(fit.naive_standard_error, expected["se"], **COX)
    np.testing.assert_allclose(fit.standard_error, expected["robust_se"], **COX)
    np.testing.assert_allclose(fit.log_likelihood, expected["loglik"], **COX)
    assert (fit.n_rows, fit.n_events) == (expected["n"], expected["n_events"])
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            fit.coefficients, np.array(expected["coef"]) * (1 + 10 * COX["rtol"]), **COX
        )


def test_a_grid_finer_than_the_visits_keeps_the_model(built: CountingRows) -> None:
    # All times are whole days: a grid of one day carries the very same values to every death.
    frame = built.frame
    some = frame[frame["customer_id"].isin(frame["customer_id"].unique()[:60])]
    fits = [
        fit_cox(
            rows["start"],
            rows["stop"],
            rows["exit_cause"] == "death",
            np.log(rows[["bili", "protime"]]),
            cluster=rows["customer_id"],
        )
        for rows in (some, to_grid(some, 1))
    ]
    np.testing.assert_allclose(fits[0].coefficients, fits[1].coefficients, **COX)
    np.testing.assert_allclose(fits[0].standard_error, fits[1].standard_error, **COX)
