"""Fine and Gray: by hand, against R's finegray and crr, and what the weights leave alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_cox, fit_fine_gray
from loyaltylab.survival.subdistribution_weights import build_stays, extend_stays

BY_HAND = {"rtol": 1e-10}
# Both ends iterate to one optimum: R to a relative change of 1e-12 in the likelihood.
ITERATED = {"rtol": 1e-6, "atol": 1e-9}
# crr stops its search at a gradient of 1e-10.
CRR = {"rtol": 1e-6}
# crr counts that the weights are estimated; on these data that moves errors by less than this.
CRR_ERRORS = {"rtol": 0.01}
REFITTED = {"rtol": 1e-7, "atol": 1e-9}
MODELS = ("prompt", "late", "ticks", "late_strata")


def fit_rows(rows: pd.DataFrame, **roles):
    return fit_fine_gray(
        rows["start"], rows["stop"], rows["exit"], rows[["x1", "x2"]], cause="price",
        customer=rows["id"], **roles,
    )  # fmt: skip


def test_by_hand() -> None:
    # Price at 1 (x = 1); moved at 2 (x = 0); lost at 3 (x = 1); price at 4 (x = 0); price at 5
    # (x = 1). Lost at 3: one of three there, so the one who moved counts 2/3 from then on.
    # Score: at 1, 1 - 3r/(3r+2); at 4, at risk r + 1 + 2/3: -r/(r+5/3); at 5, r + 2/3:
    # 1 - r/(r+2/3).
    found = fit_fine_gray(
        [0] * 5, [1, 2, 3, 4, 5], ["price", "moved", "", "price", "price"],
        pd.DataFrame({"x": [1, 0, 1, 0, 1]}), cause="price", customer=range(5),
    )  # fmt: skip
    r = float(found.fit.hazard_ratio[0])
    score = 2 - 3 * r / (3 * r + 2) - r / (r + 5 / 3) - r / (r + 2 / 3)
    np.testing.assert_allclose(score, 0.0, atol=1e-10)
    steps = [1 / (3 * r + 2), 1 / (r + 5 / 3), 1 / (r + 2 / 3)]
    curve = found.cumulative_incidence()
    np.testing.assert_allclose(curve["incidence"], 1 - np.exp(-np.cumsum(steps)), **BY_HAND)
    assert (found.n_events, found.n_other_exits, found.n_clusters) == (3, 1, 5)


def test_weights_of_late_entry_by_hand() -> None:
    # A moves at 2, B price at 3, C enters at 2.5 and is lost at 4, D price at 5.
    # Entry: at 2.5 one of three under observation (B, C, D) had just come: chance 2/3 to have
    # entered before, so at 3 A counts 1 / (2/3) = 3/2. Lost at 4: one of two: 3/4 at 5.
    stays = build_stays(
        [0, 0, 2.5, 0], [2, 3, 4, 5], ["moved", "price", "", "price"], customer=list("ABCD"),
        weights=None, cluster=None, strata=None, further_problems=(),
    )  # fmt: skip
    found = extend_stays(stays, stays.process.causes.index("price") + 1)
    assert found.row.tolist() == [0, 0]
    assert (found.start.tolist(), found.stop.tolist()) == ([2, 3], [3, 5])
    np.testing.assert_allclose(found.share, [3 / 2, 3 / 4], **BY_HAND)


@pytest.mark.parametrize("name", MODELS)
def test_fits_equal_r(competing_models_oracle, name) -> None:
    rows = competing_models_oracle.frame(name.split("_")[0])
    found = fit_rows(rows, strata=rows["plan"] if name == "late_strata" else None)
    r = {
        key: competing_models_oracle.numbers("models", name, key)
        for key in ("coef", "covariance", "time", "incidence")
    }
    np.testing.assert_allclose(found.fit.coefficients, r["coef"], **ITERATED)
    np.testing.assert_allclose(found.fit.covariance, r["covariance"], **ITERATED)
    curve = found.cumulative_incidence({"x1": 1, "x2": 0.5})
    np.testing.assert_array_equal(curve["time"], r["time"])
    np.testing.assert_allclose(curve["incidence"], r["incidence"], **ITERATED)


def test_coefficients_equal_crr_and_errors_nearly(competing_models_oracle) -> None:
    found = fit_rows(competing_models_oracle.frame("prompt"))
    coef = competing_models_oracle.numbers("models", "prompt", "crr_coef")
    error = competing_models_oracle.numbers("models", "prompt", "crr_se")
    np.testing.assert_allclose(found.fit.coefficients, coef, **CRR)
    np.testing.assert_allclose(found.fit.standard_error, error, **CRR_ERRORS)


def test_without_other_exits_it_is_cox(competing_models_oracle) -> None:
    rows = competing_models_oracle.frame("late")
    rows = rows.assign(exit=rows["exit"].replace("moved", ""))
    found = fit_rows(rows)
    cox = fit_cox(
        rows["start"], rows["stop"], rows["exit"] != "", rows[["x1", "x2"]], cluster=rows["id"]
    )
    np.testing.assert_allclose(found.fit.coefficients, cox.coefficients, **REFITTED)
    np.testing.assert_allclose(found.fit.covariance, cox.covariance, **REFITTED)


def test_cuts_order_units_and_copies_do_not_matter(competing_models_oracle) -> None:
    rows = competing_models_oracle.frame("late")
    found = fit_rows(rows)
    middle = (rows["start"] + rows["stop"]) / 2
    pieces = pd.concat(
        [rows.assign(stop=middle, exit=""), rows.assign(start=middle)], ignore_index=True
    )
    mixed = rows.sample(frac=1, random_state=5).assign(id=lambda r: r["id"].map("c{}".format))
    years = rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25)
    for other in (pieces, mixed, years):
        again = fit_rows(other)
        np.testing.assert_allclose(found.fit.coefficients, again.fit.coefficients, **REFITTED)
        np.testing.assert_allclose(found.fit.covariance, again.fit.covariance, **REFITTED)
    # A weight of two is the customer twice, in one cluster; not for exits by price, where two
    # customers would be a tie.
    weight = 1.0 + (rows["id"] % 2) * (rows["exit"] != "price")
    twice = pd.concat([rows, rows[weight == 2].assign(id=rows["id"] + 1000)], ignore_index=True)
    doubled = fit_rows(rows, weights=weight)
    copied = fit_rows(twice, cluster=twice["id"] % 1000)
    np.testing.assert_allclose(doubled.fit.coefficients, copied.fit.coefficients, **REFITTED)
    np.testing.assert_allclose(doubled.fit.covariance, copied.fit.covariance, **REFITTED)


def simulate(rng: np.random.Generator, n: int, log_ratio: float):
    """Fine and Gray's own design: incidence of price 1 - (1 - .5 (1 - e^-t))^exp(log_ratio x)."""
    x = rng.integers(0, 2, n)
    ratio = np.exp(log_ratio * x)
    ever = 1 - 0.5**ratio
    is_price = rng.random(n) < ever
    u = rng.random(n) * ever
    price = -np.log(1 - (1 - (1 - u) ** (1 / ratio)) / 0.5)
    leaves = np.where(is_price, price, rng.exponential(1.0, n))
    entry = np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0, 0.5, n))
    stop = np.minimum(leaves, entry + rng.uniform(0.3, 3, n))
    exits = np.where(leaves > stop, "", np.where(is_price, "price", "moved"))
    seen = leaves > entry
    return entry[seen], stop[seen], exits[seen], pd.DataFrame({"x": x[seen]})


def test_intervals_cover_under_delayed_entry() -> None:
    rng = np.random.default_rng(20240316)
    truth, n_simulations, n_covered = 0.5, 200, 0
    for _ in range(n_simulations):
        *rows, x = simulate(rng, 400, truth)
        rounded = [np.floor(rows[0] * 50) / 50, np.ceil(rows[1] * 50 + 1e-9) / 50]
        found = fit_fine_gray(*rounded, rows[2], x, cause="price", customer=range(len(x))).fit
        n_covered += abs(found.coefficients[0] - truth) < 1.959964 * found.standard_error[0]
    # Binomial with sd 3.1 about 190; three of them.
    assert 180 <= n_covered <= 199


def test_large_weights_are_said() -> None:
    start = [0, 0, 3, 3, 3, 3, 3, 3, 3, 3]
    found = fit_fine_gray(
        start, [2, 9, 6, 7, 8, 9, 6, 7, 8, 5], ["moved", "", *["price"] * 7, ""],
        pd.DataFrame({"x": [0, 1, 0, 1, 0, 1, 1, 0, 1, 0]}), cause="price", customer=range(10),
    )  # fmt: skip
    # One of nine under observation at 3 was there before: A weighs 9; one of nine is lost at 5: 8.
    assert "weigh up to 8 customers each" in found.caveats[-1]


def test_too_many_rows_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("loyaltylab.survival.subdistribution_weights.MOST_CARRIED_ROWS", 1)
    with pytest.raises(EstimationError, match="takes 2 rows; rule: at most 1"):
        fit_fine_gray(
            [0] * 5, [1, 2, 3, 4, 5], ["moved", "price", "", "price", "price"],
            pd.DataFrame({"x": [1, 0, 1, 0, 1]}), cause="price", customer=range(5),
        )  # fmt: skip


def test_what_cannot_be_fitted_is_refused() -> None:
    x = pd.DataFrame({"x": [1, 0, 1, 0, 1]})
    rows = ([0, 2, 4, 0, 3], [2, 3, 6, 2, 5], ["price", "", "price", "", "moved"])
    with pytest.raises(EstimationError) as caught:
        fit_fine_gray(*rows, x, cause="price", customer=[1, 1, 1, 2, 2], strata=list("aabcc"))
    listed = "\n".join(caught.value.problems)
    for part in (
        "a customer has rows after the exit at 1 of 5 rows (positions from 0: 0)",
        "overlap or leave a gap before at 2 of 5 rows (positions from 0: 2, 4)",
        "a customer changes stratum at 1 of 5 rows (positions from 0: 2)",
    ):
        assert part in listed
    with pytest.raises(EstimationError, match="no exit by 'price'"):
        fit_fine_gray([0] * 5, [1, 2, 3, 4, 5], ["moved"] * 5, x, cause="price", customer=range(5))
    with pytest.raises(EstimationError, match="customer has 4 values, stop has 5"):
        fit_fine_gray(*rows, x, cause="price", customer=range(4))
    # After A moved, all who are there at 5 have just come: nothing tells A's chances since.
    with pytest.raises(EstimationError, match="had just entered"):
        fit_fine_gray(
            [0, 0, 5, 5, 5], [2, 3, 7, 8, 9], ["moved", "", "price", "price", ""], x,
            cause="price", customer=range(5),
        )  # fmt: skip
