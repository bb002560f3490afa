"""Concordance: by hand, against R survival, and against counting every pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_fits import fit_as_r_did

from loyaltylab.errors import EstimationError
from loyaltylab.survival import concordance, fit_cox
from loyaltylab.survival.dominance import sum_weights_below

# Ranks of the log risks agree exactly, so only sums and, for heart, R's own ties remain.
SUMS = {"rtol": 1e-8}
# Weighted sums that cancel, in another order.
REORDERED = {"rtol": 1e-9, "atol": 1e-10}
# A central difference errs by the square of its step.
DERIVATIVE = {"rtol": 1e-6}
HOW = {
    "veteran": {},
    "veteran_uno": {"weighting": "uno"},
    "veteran_100": {"horizon": 100},
    "veteran_uno_100": {"weighting": "uno", "horizon": 100},
    "heart": {},
    "bladder": {},
    "ticks_all": {},
}


def test_pairs_by_hand() -> None:
    # x rises with risk (r > 1). Exits at 1 (x = 1), 2 (x = 0), 4 (x = 0, alone).
    # At 1: x = 1 against 0, 1, 0: concordant, tied, concordant. At 2: x = 0 against 1 and 0:
    # discordant, tied. Five pairs, 2 concordant and 2 ties: (2 + 1) / 5.
    fit = fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 1], pd.DataFrame({"x": [1, 0, 1, 0]}))
    found = concordance(fit)
    assert fit.coefficients[0] > 0
    np.testing.assert_allclose(found.value, 0.6, rtol=1e-12)
    # Derivatives by the weights, times 5: row 1 is in 3 pairs worth 2.5; row 2 in 3 worth 1.5;
    # row 3 in 2 worth 0.5; row 4 in 2 worth 1.5. Each minus 0.6 times its pairs.
    influence = np.array([2.5 - 1.8, 1.5 - 1.8, 0.5 - 1.2, 1.5 - 1.2]) / 5
    np.testing.assert_allclose(found.standard_error, np.sqrt((influence**2).sum()), rtol=1e-12)
    early = concordance(fit, horizon=1)
    np.testing.assert_allclose(early.value, 2.5 / 3, rtol=1e-12)
    assert early.n_events == 1


@pytest.mark.parametrize("name", HOW)
def test_concordance_equals_r(cox_oracle, cox_models_oracle, name) -> None:
    found = concordance(fit_as_r_did(cox_oracle, name.split("_uno")[0].split("_1")[0]), **HOW[name])
    r = cox_models_oracle.numbers("concordances", name)
    np.testing.assert_allclose([found.value, found.standard_error], r, **SUMS)
    assert found.ci_lower < found.value < found.ci_upper
    assert found.unit == "share"


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0.1, 3)), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 12)), max_size=9),
)
def test_sums_below_equal_a_plain_loop(points, questions) -> None:
    rank = np.array([point[0] for point in points])
    weights = np.array([point[1] for point in points])
    asked = np.array(questions, dtype=np.int64).reshape(-1, 3)
    first, end = np.minimum(asked[:, :2], len(points)).T
    found = sum_weights_below(rank, weights, first, end, asked[:, 2])
    plain = [
        sum(weights[i] for i in range(a, b) if rank[i] < q)
        for a, b, q in zip(first, end, asked[:, 2], strict=True)
    ]
    np.testing.assert_allclose(found, plain, **REORDERED)


def simulate(seed: int) -> pd.DataFrame:
    """Sixty rows in thirty clusters and two strata, entering late, with ties everywhere."""
    rng = np.random.default_rng(seed)
    n = 60
    rows = pd.DataFrame({"start": rng.integers(0, 5, n).astype(float)})
    return rows.assign(
        stop=rows["start"] + rng.integers(1, 12, n),
        event=rng.random(n) < 0.7,
        x=rng.integers(0, 3, n).astype(float),
        z=rng.integers(0, 2, n).astype(float),
        weight=rng.uniform(0.3, 3, n),
        cluster=np.arange(n) // 2,
        plan=rng.choice(["a", "b"], n),
    )


def fit(rows: pd.DataFrame, **more):
    return fit_cox(
        rows["start"],
        rows["stop"],
        rows["event"],
        rows[["x", "z"]],
        weights=rows["weight"],
        cluster=rows["cluster"],
        strata=rows["plan"],
        **more,
    )


def count_pairs(rows: pd.DataFrame, risk: np.ndarray, weights: np.ndarray) -> float:
    """Every pair, one by one."""
    agree = total = 0.0
    for i in np.flatnonzero(rows["event"]):
        time = rows["stop"][i]
        at_risk = (
            (rows["start"] < time) & (rows["stop"] >= time) & (rows["plan"] == rows["plan"][i])
        )
        for j in np.flatnonzero(at_risk & ~(rows["event"] & (rows["stop"] == time))):
            pair = weights[i] * weights[j]
            total += pair
            agree += pair * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return agree / total


@pytest.mark.parametrize("seed", range(4))
def test_value_and_error_equal_counting_every_pair(seed) -> None:
    rows = simulate(seed)
    model = fit(rows)
    found = concordance(model)
    risk = np.round(rows[["x", "z"]].to_numpy() @ model.coefficients, 9)
    weights = rows["weight"].to_numpy()
    np.testing.assert_allclose(found.value, count_pairs(rows, risk, weights), rtol=1e-10)
    step, squares = 1e-4, 0.0
    for code in range(30):
        change = step * (rows["cluster"] == code).to_numpy()
        up = count_pairs(rows, risk, weights * (1 + change))
        down = count_pairs(rows, risk, weights * (1 - change))
        squares += ((up - down) / (2 * step)) ** 2
    np.testing.assert_allclose(found.standard_error, np.sqrt(squares), **DERIVATIVE)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_order_and_units_do_not_matter(seed) -> None:
    rows = simulate(seed)
    middle = np.floor((rows["start"] + rows["stop"]) / 2)
    is_cut = middle > rows["start"]
    early = rows[is_cut].assign(stop=middle[is_cut], event=False)
    late = rows.assign(start=rows["start"].mask(is_cut, middle))
    split = pd.concat([late, early], ignore_index=True)
    whole = concordance(fit(rows))
    for other in (
        split,
        rows.sample(frac=1, random_state=seed),
        rows.assign(start=rows["start"] / 365.25, stop=rows["stop"] / 365.25),
        rows.assign(weight=2 * rows["weight"], x=1 - rows["x"]),
    ):
        again = concordance(fit(other))
        np.testing.assert_allclose(again.value, whole.value, **REORDERED)
        np.testing.assert_allclose(again.standard_error, whole.standard_error, rtol=1e-7)


def test_uno_does_not_depend_on_censoring() -> None:
    # x matters up to 0.3 and not after. The same lives, censored late or early: early pairs
    # weigh more in Harrell's C, which moves; Uno's moves much less.
    rng = np.random.default_rng(12)
    n = 4000
    x = rng.normal(size=n)
    unit, ratio = rng.exponential(size=n), np.exp(1.5 * x)
    stop = np.where(unit < 0.3 * ratio, unit / ratio, 0.3 + unit - 0.3 * ratio)
    early = rng.exponential(0.5, n)

    def both(limit):
        rows = np.zeros(n), np.minimum(stop, limit), stop <= limit, pd.DataFrame({"x": x})
        model = fit_cox(*rows)
        return [concordance(model, weighting=w, horizon=1.0).value for w in ("harrell", "uno")]

    free, censored = both(np.full(n, 5.0)), both(early)
    assert abs(free[0] - free[1]) < 0.01
    assert abs(censored[1] - free[1]) < 0.5 * abs(censored[0] - free[0])


def test_what_has_no_concordance_says_why(cox_oracle) -> None:
    with pytest.raises(EstimationError) as caught:
        concordance(fit_as_r_did(cox_oracle, "ticks_all"), weighting="uno")
    assert len(caught.value.problems) == 2
    with pytest.raises(EstimationError, match="weighting is 'roc'"):
        concordance(fit_as_r_did(cox_oracle, "veteran"), weighting="roc")
    with pytest.raises(EstimationError, match="No pair of rows can be compared"):
        concordance(fit_as_r_did(cox_oracle, "veteran"), horizon=0.5)
