"""Andersen-Gill and Prentice-Williams-Peterson: by hand, against R, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import andersen_gill, fit_cox, prentice_williams_peterson

BY_HAND = {"rtol": 1e-10}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# Two Newton searches that end at one optimum to rounding.
REFITTED = {"rtol": 1e-7, "atol": 1e-9}

# First events: at 2 two (x = 1 and 0) among 2r + 2; the fourth customer enters at 2, after that;
# at 3 one (x = 1) among r + 2. Score: 2 - 2r / (r + 1) - r / (r + 2) = 0, so r^2 - r - 4 = 0.
# Second events: customer 3, alone, at 6: no information in a stratum of its own.
ROWS = pd.DataFrame(
    [(1, 0, 2, 1, 1), (2, 0, 2, 1, 0), (3, 1, 3, 1, 1), (3, 3, 6, 1, 1), (4, 2, 4, 0, 0),
     (5, 0, 4, 0, 0)],
    columns=["customer", "start", "stop", "event", "x"],
)  # fmt: skip
RATIO = (1 + 17**0.5) / 2


def columns_of(rows: pd.DataFrame):
    return rows["start"], rows["stop"], rows["event"], rows[["x"]]


@pytest.mark.parametrize("clock", ["total", "gap"])
def test_numbered_events_by_hand(clock) -> None:
    found = prentice_williams_peterson(*columns_of(ROWS), customer=ROWS["customer"], clock=clock)
    np.testing.assert_allclose(found.hazard_ratio, [RATIO], **BY_HAND)
    assert found.n_clusters == 5
    assert found.state.process.strata == ("1", "2")
    assert found.method.startswith(f"Prentice-Williams-Peterson, {clock} time")
    assert found.method.endswith("robust error by customer")
    assert "Fewer than 10 events are numbered 1, 2" in found.caveats[-1]
    # On the gap clock the second event comes 3 after the first.
    second = found.state.process.stop[3]
    assert second == (6 if clock == "total" else 3)


def test_all_events_alike_by_hand() -> None:
    # Between 3 and 4 customers 3, 4 and 5 are at risk, at 6 customer 3 alone: as above.
    found = andersen_gill(*columns_of(ROWS), customer=ROWS["customer"])
    np.testing.assert_allclose(found.hazard_ratio, [RATIO], **BY_HAND)
    assert (found.n_events, found.n_clusters) == (4, 5)
    # Were customer 3 seen with customer 4 at 3.5: a second event there adds 1 - r / (r + 2).
    earlier = ROWS.assign(stop=ROWS["stop"].replace(6, 3.5))
    r = float(andersen_gill(*columns_of(earlier), customer=ROWS["customer"]).hazard_ratio[0])
    np.testing.assert_allclose(3 - 2 * r / (r + 1) - 2 * r / (r + 2), 0.0, atol=1e-9)


TRIPLES = {
    "cgd": (["tstart", "tstop", "status"], ["treated", "age", "steroids"]),
    "bladder": (["start", "stop", "event"], ["rx", "number", "size"]),
}


def fit_as_r_did(oracle, name, change=lambda rows: rows):
    data, kind = name.split("_", 1)
    names, covariates = TRIPLES[data]
    rows = oracle.frame(data)
    rows = rows.rename(columns=dict(zip(names, ["start", "stop", "event"], strict=True)))
    rows = change(rows)
    triple, x = [rows[column] for column in ("start", "stop", "event")], rows[covariates]
    if kind == "andersen_gill":
        return andersen_gill(*triple, x, customer=rows["id"])
    if kind == "center":
        return andersen_gill(
            *triple, x, customer=rows["id"], cluster=rows["center"], weights=rows["weight"]
        )
    pooled = 3 if data == "cgd" else None
    return prentice_williams_peterson(
        *triple, x, customer=rows["id"], clock=kind, largest_stratum=pooled
    )


FITS = ("cgd_andersen_gill", "cgd_center", "cgd_total", "cgd_gap", "bladder_total", "bladder_gap")


@pytest.mark.parametrize("name", FITS)
def test_fits_equal_r(recurrent_oracle, name) -> None:
    found = fit_as_r_did(recurrent_oracle, name)
    r = {
        key: recurrent_oracle.numbers("models", name, key)
        for key in ("coef", "covariance", "log_likelihood")
    }
    np.testing.assert_allclose(found.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(found.covariance, r["covariance"], **ITERATED)
    both = [found.log_likelihood_null, found.log_likelihood]
    np.testing.assert_allclose(both, r["log_likelihood"], **ITERATED)


def split(rows: pd.DataFrame) -> pd.DataFrame:
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], event=0)
    late = rows.assign(start=rows["start"].mask(is_cut, middle))
    return pd.concat([late, early], ignore_index=True)


def shuffle(rows: pd.DataFrame) -> pd.DataFrame:
    mixed = rows.sample(frac=1, random_state=6)
    return mixed.assign(id=mixed["id"].map("c{}".format))


def in_years(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)


@pytest.mark.parametrize("name", ["cgd_andersen_gill", "cgd_total", "cgd_gap"])
@pytest.mark.parametrize("change", [split, shuffle, in_years])
def test_cuts_order_and_units_change_nothing(recurrent_oracle, name, change) -> None:
    whole = fit_as_r_did(recurrent_oracle, name)
    other = fit_as_r_did(recurrent_oracle, name, change)
    np.testing.assert_allclose(whole.coefficients, other.coefficients, **REFITTED)
    np.testing.assert_allclose(whole.covariance, other.covariance, **REFITTED)


def test_one_pooled_stratum_is_andersen_gill(recurrent_oracle) -> None:
    rows = recurrent_oracle.frame("cgd")
    triple, x = [rows[name] for name in TRIPLES["cgd"][0]], rows[TRIPLES["cgd"][1]]
    pooled = prentice_williams_peterson(
        *triple, x, customer=rows["id"], clock="total", largest_stratum=1
    )
    alike = andersen_gill(*triple, x, customer=rows["id"])
    np.testing.assert_allclose(pooled.coefficients, alike.coefficients, **REFITTED)
    np.testing.assert_allclose(pooled.covariance, alike.covariance, **REFITTED)


def test_earlier_events_move_the_strata(recurrent_oracle) -> None:
    # Leave out each customer's rows up to the first event, and say so.
    rows = recurrent_oracle.frame("cgd")
    names, covariates = TRIPLES["cgd"]
    before = rows.groupby("id")["status"].cumsum() - rows["status"]
    late = rows[before > 0].reset_index(drop=True)
    found = prentice_williams_peterson(
        *(late[name] for name in names), late[covariates], customer=late["id"], clock="total",
        earlier_events=np.ones(len(late)), largest_stratum=3,
    )  # fmt: skip
    assert found.state.process.strata == ("2", "3")
    number = np.minimum(before[before > 0] + 1, 3)
    alone = fit_cox(
        *(late[name] for name in names), late[covariates], cluster=late["id"],
        strata=number.to_numpy(),
    )  # fmt: skip
    np.testing.assert_allclose(found.coefficients, alone.coefficients, **REFITTED)
    np.testing.assert_allclose(found.covariance, alone.covariance, **REFITTED)


def test_gaps_are_said() -> None:
    apart = ROWS.assign(start=ROWS["start"].replace(3, 3.5))
    found = andersen_gill(*columns_of(apart), customer=ROWS["customer"])
    assert found.caveats[-1].startswith("1 gaps in the observation of customers")


def test_errors_are_named_by_their_unit() -> None:
    rows, customer = columns_of(ROWS), ROWS["customer"]
    assert andersen_gill(*rows, customer=customer).error_unit == "customer"
    household = andersen_gill(*rows, customer=customer, cluster=customer // 2)
    assert household.method == "Andersen-Gill: Cox, Efron ties, robust error by cluster"
    assert household.is_clustered


def test_what_cannot_be_fitted_is_refused() -> None:
    customer = ROWS["customer"]
    with pytest.raises(EstimationError) as caught:
        prentice_williams_peterson(
            *columns_of(ROWS), customer=customer, clock="calendar", largest_stratum=0
        )
    assert "clock is 'calendar'" in caught.value.problems[0]
    assert "largest_stratum is 0" in caught.value.problems[1]
    given = {"customer": customer, "clock": "total"}
    with pytest.raises(EstimationError, match="the time of the last of them is not known"):
        prentice_williams_peterson(
            *columns_of(ROWS), customer=customer, clock="gap", earlier_events=[0] * 6
        )
    with pytest.raises(EstimationError, match="no count in 1 of 6 rows"):
        prentice_williams_peterson(*columns_of(ROWS), **given, earlier_events=[0.5, *[0] * 5])
    with pytest.raises(EstimationError, match=r"differ within a customer at 1 of 6 rows .*0: 3"):
        prentice_williams_peterson(*columns_of(ROWS), **given, earlier_events=[0, 0, 0, 1, 0, 0])
    with pytest.raises(EstimationError, match="earlier_events has another length"):
        prentice_williams_peterson(*columns_of(ROWS), **given, earlier_events=[0])
    for model in (andersen_gill, prentice_williams_peterson):
        roles = {"clock": "total"} if model is prentice_williams_peterson else {}
        with pytest.raises(EstimationError) as caught:
            model(*columns_of(ROWS.assign(x="a")), customer=[1, 2, 3, 3, 5, 5], **roles)
        listed = "\n".join(caught.value.problems)
        assert "covariate 'x' has type" in listed
        assert "rows overlap" not in listed  # Only once the columns can be read.
        with pytest.raises(EstimationError, match="rows overlap at 1 of 6 rows"):
            model(*columns_of(ROWS), customer=[1, 2, 3, 3, 5, 5], **roles)
