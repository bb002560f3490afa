"""Clones, their censoring and weights: by hand, against R, and where the truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offers import mean_days, simulate, to_rows

from loyaltylab.designs import (
    Strategy,
    StrategyContrast,
    bootstrap_customers,
    clone_censor_weight,
    clone_customers,
    contrast_strategies,
    strategy_values,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import split_at_times

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "target_trials.json").read_text("utf-8")
)
ITERATED = 1e-7  # relative: Newton fits on both sides, carried through to the curves
ROUNDING = 1e-9  # the same sums in another order
N_ERRORS = 4.0  # standard errors within which a known truth must lie
HORIZON = 40.0

OFFER = Strategy("offer", "offers", within=8, minimum=1)
NONE = Strategy("none", "offers", within=8, maximum=0)


def make_hand_rows() -> pd.DataFrame:
    """a is offered at 1, b at 3 (past the grace period of 2), c never; d leaves at 1."""
    return pd.DataFrame(
        [
            ("a", 0.0, 1.0, "", 0),
            ("a", 1.0, 5.0, "price", 1),
            ("b", 0.0, 3.0, "", 0),
            ("b", 3.0, 6.0, "", 1),
            ("c", 0.0, 4.0, "price", 0),
            ("d", 0.0, 1.0, "price", 0),
        ],
        columns=["customer_id", "start", "stop", "exit_cause", "offers"],
    )


def hand_strategies() -> list[Strategy]:
    return [
        Strategy("offer", "offers", within=2, minimum=1),
        Strategy("none", "offers", within=2, maximum=0),
    ]


def test_clones_by_hand() -> None:
    clones = clone_customers(make_hand_rows(), strategies=hand_strategies())
    # Arm offer: a to 5 (exit), b and c cut at 2, d leaves at 1: 5 + 2 + 2 + 1 = 10 days.
    # Arm none: a cut at 1, b to 6 (the offer at 3 is past the grace period), c to 4, d to 1:
    # 1 + 6 + 4 + 1 = 12 days.
    columns = ["n_artificially_censored", "n_exits", "n_censored", "n_followed_past_grace"]
    assert clones.flow.loc["offer", [*columns, "person_time"]].tolist() == [2, 2, 0, 1, 10.0]
    assert clones.flow.loc["none", [*columns, "person_time"]].tolist() == [1, 2, 1, 2, 12.0]
    assert clones.flow["n_customers"].tolist() == [4, 4]


def test_curves_by_hand_without_covariates() -> None:
    found = clone_censor_weight(
        make_hand_rows(),
        strategies=hand_strategies(),
        reference="none",
        covariates=(),
        horizon=5,
        times=[1.5, 4.5],
    )
    # Offer: 4 at risk at 1, d leaves: 3/4; then a alone, who leaves at 5.
    assert found.curves["offer"].at([1.5, 4.5])["retention"].tolist() == [0.75, 0.75]
    # None: at 1 a, b, c, d are at risk (a is censored then, after the exit): 3/4; at 4 b and c:
    # 3/4 * 1/2 = 3/8.
    assert found.curves["none"].at([1.5, 4.5])["retention"].tolist() == [0.75, 0.375]
    assert found.retention_differences[("offer", 4.5)].value == pytest.approx(0.375)
    # Areas to 5: 1 + 4 * .75 = 4 and 1 + 3 * .75 + .375 = 3.625.
    assert found.restricted_mean_differences["offer"].value == pytest.approx(0.375)
    assert found.incidence_differences[("offer", "price", 4.5)].value == pytest.approx(-0.375)


def test_last_chance_by_hand_gives_the_weight_of_those_who_never_came() -> None:
    # Ten customers followed to 10: 2 treated at 1, 2 at 4.5, 6 never; grace period to 5 and last
    # chance from 4. Of the 8 not treated by 4 the 2 treated at 4.5 stand for all: weight 4; the
    # first two stand for themselves. Weights after 5: 1, 1, 4, 4.
    treated_at = [1.0] * 2 + [4.5] * 2 + [np.inf] * 6
    lines = []
    for number, at in enumerate(treated_at):
        if np.isfinite(at):
            lines.append((number, 0.0, at, "", 0))
        lines.append((number, min(at, 0.0) if np.isinf(at) else at, 10.0, "price", int(at < 9)))
    rows = pd.DataFrame(lines, columns=["customer_id", "start", "stop", "exit_cause", "offers"])
    offer = Strategy("offer", "offers", within=5, minimum=1, last_chance_from=4)
    found = clone_censor_weight(
        rows,
        strategies=[offer, replace(NONE, within=5)],
        reference="none",
        covariates=(),
        horizon=8,
    )
    line = found.weights.query("strategy == 'offer' and time > 5").iloc[0]
    assert (line["n_followed"], line["mean"], line["max"]) == (4, 2.5, 4.0)
    assert line["effective_sample_size"] == pytest.approx(10**2 / (1 + 1 + 16 + 16))


def make_patients() -> pd.DataFrame:
    """Rows of the heart patients of the oracle."""
    patients = pd.DataFrame(ORACLE["patients"])
    transplanted_on = patients["tx"].astype(float)
    rows = pd.DataFrame(
        {
            "customer_id": patients["id"],
            "start": 0.0,
            "stop": patients["end"].astype(float),
            "exit_cause": np.where(patients["dead"] == 1, "death", ""),
            "age": patients["age"].astype(float),
            "surgery": patients["surgery"].astype(float),
            "transplants": 0.0,
        }
    )
    has = transplanted_on.notna().to_numpy()
    before = rows[has].assign(stop=transplanted_on[has], exit_cause="")
    after = rows[has].assign(start=transplanted_on[has], transplants=1.0)
    rows = pd.concat([before, after, rows[~has]], ignore_index=True)
    return rows.assign(event=rows["exit_cause"] != "")


def contrast_patients(**changed: Any) -> StrategyContrast:
    options: dict[str, Any] = {
        "strategies": [
            Strategy("transplant", "transplants", within=30, minimum=1),
            Strategy("none", "transplants", within=30, maximum=0),
        ],
        "reference": "none",
        "covariates": ["age", "surgery"],
        "horizon": 365.0,
        "times": [30.0, 100.0],
    }
    return clone_censor_weight(make_patients(), **options | changed)


def test_heart_patients_agree_with_r() -> None:
    found = contrast_patients()
    for name, arm in ORACLE["arms"].items():
        assert found.flow.loc[name, "person_time"] == pytest.approx(arm["person_time"])
        assert found.flow.loc[name, "n_exits"] == arm["n_exits"]
        assert found.restricted_mean[name].value == pytest.approx(
            arm["restricted_mean"], rel=ITERATED
        )
        curve = found.curves[name].at([30, 100, 365])
        np.testing.assert_allclose(curve["retention"], arm["retention"], rtol=ITERATED)
        np.testing.assert_allclose(curve["standard_error"], arm["standard_error"], rtol=ITERATED)
    for place, time in enumerate((100.0, 365.0)):
        moved = found.retention_differences[("transplant", time)]
        expected = ORACLE["difference"]
        assert moved.value == pytest.approx(expected["retention"][place], rel=ITERATED)
        assert moved.standard_error == pytest.approx(
            expected["standard_error"][place], rel=ITERATED
        )


def test_weight_models_agree_with_r() -> None:
    models = contrast_patients().weight_models
    np.testing.assert_allclose(
        models[("none", "overstepping")].coefficients, ORACLE["overstepping"][1:], rtol=ITERATED
    )
    np.testing.assert_allclose(
        models[("transplant", "deadline")].coefficients, ORACLE["deadline"][1:], rtol=ITERATED
    )


def test_truncation_is_said_and_lowers_the_largest_weight() -> None:
    plain, cut = contrast_patients(), contrast_patients(truncate=0.9)
    assert cut.weights["max"].max() < plain.weights["max"].max()
    assert any("truncated" in text for text in cut.caveats)


@pytest.fixture(scope="module")
def offers_without_effect() -> tuple[Any, pd.DataFrame]:
    world = simulate(4000, 11, effect=0.0)
    return world, to_rows(world)


def contrast_offers(rows: pd.DataFrame, strategies: list[Strategy], **changed: Any) -> Any:
    options: dict[str, Any] = {"reference": "none", "covariates": ["unhappy"], "horizon": HORIZON}
    return clone_censor_weight(rows, strategies=strategies, **options | changed)


def test_no_immortal_time_where_offers_do_nothing(
    offers_without_effect: tuple[Any, pd.DataFrame],
) -> None:
    world, rows = offers_without_effect
    stay = np.minimum(world.exit, HORIZON)
    ever = np.isfinite(world.offer)
    naive = stay[ever].mean() - stay[~ever].mean()
    assert naive > 5  # Those who left early had no time to be offered anything.
    effect = contrast_offers(rows, [OFFER, NONE]).restricted_mean_differences["offer"]
    assert abs(effect.value) < N_ERRORS * effect.standard_error
    assert effect.standard_error < 1  # Far below the bias of the naive contrast.


def test_covariates_take_away_the_confounding(
    offers_without_effect: tuple[Any, pd.DataFrame],
) -> None:
    _, rows = offers_without_effect
    crude = contrast_offers(rows, [OFFER, NONE], covariates=())
    moved = crude.restricted_mean_differences["offer"]
    assert moved.value < -N_ERRORS / 2 * moved.standard_error


def test_a_real_effect_is_found() -> None:
    # True values from the same world under either regime, 100,000 customers each.
    late, never = (
        mean_days(simulate(100_000, seed, effect=-0.9, regime=regime), HORIZON)
        for seed, regime in ((1, "last day"), (2, "none"))
    )
    rows = to_rows(simulate(5000, 12, effect=-0.9))
    found = contrast_offers(rows, [replace(OFFER, last_chance_from=7), NONE])
    effect = found.restricted_mean_differences["offer"]
    assert late - never > 1
    assert effect.value > 3 * effect.standard_error
    assert abs(effect.value - (late - never)) < N_ERRORS * effect.standard_error
    assert abs(found.restricted_mean["none"].value - never) < (
        N_ERRORS * found.restricted_mean["none"].standard_error
    )


def test_three_strategies_on_a_count() -> None:
    random = np.random.default_rng(5)
    lines = []
    for customer in range(300):
        times = np.sort(random.random(random.integers(0, 5)) * 3)
        edges = [0.0, *times, 20.0 + random.random() * 20]
        for count, (start, stop) in enumerate(pairwise(edges)):
            cause = "price" if stop > 20 and random.random() < 0.5 else ""
            lines.append((customer, start, stop, cause, count, customer % 2))
    columns = ["customer_id", "start", "stop", "exit_cause", "handoffs", "hard"]
    rows = pd.DataFrame(lines, columns=columns)
    arms = [
        Strategy("few", "handoffs", within=3, maximum=1),
        Strategy("two", "handoffs", within=3, minimum=2, maximum=2),
        Strategy("many", "handoffs", within=3, minimum=3),
    ]
    found = clone_censor_weight(
        rows, strategies=arms, reference="few", covariates=["hard"], horizon=18, period=0.5
    )
    assert set(found.restricted_mean_differences) == {"two", "many"}
    # Every customer agrees with exactly one strategy to the end of the grace period.
    assert found.flow["n_followed_past_grace"].sum() == 300
    assert set(found.weight_models) == {
        ("few", "overstepping"),
        ("two", "overstepping"),
        ("two", "deadline"),
        ("many", "deadline"),
    }


VALUES = {
    "reference": "none",
    "covariates": ["unhappy"],
    "horizon": 30.0,
    "times": (10.0,),
}


@pytest.fixture(scope="module")
def some_rows() -> pd.DataFrame:
    return to_rows(simulate(120, 3, effect=-0.5))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_labels_and_splits_do_not_matter(some_rows: pd.DataFrame, seed: int) -> None:
    plain = strategy_values(
        np.ones(120), clones=clone_customers(some_rows, strategies=[OFFER, NONE]), **VALUES
    )
    random = np.random.default_rng(seed)
    changed = split_at_times(some_rows, np.sort(random.random(3)) * 30, event="exit_cause")
    changed = changed.sample(frac=1, random_state=seed)
    changed["customer_id"] = random.permutation(120)[changed["customer_id"].to_numpy()]
    again = strategy_values(
        np.ones(120), clones=clone_customers(changed, strategies=[OFFER, NONE]), **VALUES
    )
    assert again == pytest.approx(plain, rel=ROUNDING, abs=ROUNDING)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_weight_two_is_the_customer_twice(some_rows: pd.DataFrame, seed: int) -> None:
    weights = np.random.default_rng(seed).integers(0, 3, 120).astype(float)
    own = weights[some_rows["customer_id"].to_numpy()]
    twice = some_rows[own == 2]
    doubled = pd.concat([some_rows[own > 0], twice.assign(customer_id=twice["customer_id"] + 500)])
    weighted = strategy_values(
        weights, clones=clone_customers(some_rows, strategies=[OFFER, NONE]), **VALUES
    )
    clones = clone_customers(doubled, strategies=[OFFER, NONE])
    again = strategy_values(np.ones(len(clones.customers)), clones=clones, **VALUES)
    assert again == pytest.approx(weighted, rel=ITERATED, abs=ITERATED)


def test_time_unit_scales_days_and_leaves_shares(some_rows: pd.DataFrame) -> None:
    hours = some_rows.assign(start=some_rows["start"] * 24, stop=some_rows["stop"] * 24)
    arms = [replace(OFFER, within=8 * 24), replace(NONE, within=8 * 24)]
    by_day = contrast_offers(some_rows, [OFFER, NONE], horizon=30.0)
    by_hour = contrast_offers(hours, arms, horizon=30.0 * 24, period=24.0)
    days = by_day.restricted_mean_differences["offer"]
    assert by_hour.restricted_mean_differences["offer"].value == pytest.approx(24 * days.value)
    assert by_hour.restricted_mean_differences["offer"].standard_error == pytest.approx(
        24 * days.standard_error
    )


def test_replicates_repeat_the_contrast_and_inputs_stay(some_rows: pd.DataFrame) -> None:
    before = some_rows.copy(deep=True)
    clones = clone_customers(some_rows, strategies=[OFFER, NONE])
    full = contrast_strategies(clones, **VALUES)
    values = strategy_values(np.ones(120), clones=clones, **VALUES)
    effect = full.restricted_mean_differences["offer"].value
    assert values["offer - none: restricted_mean 30"] == pytest.approx(effect, rel=ROUNDING)
    share = full.retention_differences[("offer", 10.0)].value
    assert values["offer - none: retention 10"] == pytest.approx(share, rel=ROUNDING)
    pd.testing.assert_frame_equal(some_rows, before)


def test_bootstrap_error_is_near_the_error_by_influence() -> None:
    rows = to_rows(simulate(800, 6, effect=-0.5, days=30))
    clones = clone_customers(rows, strategies=[OFFER, NONE])
    options: dict[str, Any] = VALUES | {"horizon": 25.0}
    known = contrast_strategies(clones, **options).restricted_mean_differences["offer"]
    found = bootstrap_customers(
        partial(strategy_values, clones=clones, **options),
        n_customers=800,
        n_replicates=60,
        seed=2,
    ).estimate("offer - none: restricted_mean 25", unit="days")
    assert found.value == pytest.approx(known.value, rel=ROUNDING)
    # 60 replicates know an error to 9 %; estimated weights make it smaller, not larger.
    assert 0.6 < found.standard_error / known.standard_error < 1.25


def test_rows_that_are_no_paths_are_refused_all_at_once() -> None:
    rows = make_hand_rows()
    late = rows.assign(start=rows["start"].replace(0.0, 0.5))
    with pytest.raises(EstimationError, match="do not begin at 0"):
        clone_customers(late, strategies=hand_strategies())
    torn = rows.assign(stop=rows["stop"].replace(3.0, 2.5))
    with pytest.raises(EstimationError, match="no gaps or overlaps"):
        clone_customers(torn, strategies=hand_strategies())
    ghost = rows.assign(exit_cause="price")
    with pytest.raises(EstimationError, match="an exit ends the follow-up"):
        clone_customers(ghost, strategies=hand_strategies())
    with pytest.raises(EstimationError, match="no column 'exit_cause'"):
        clone_customers(rows.drop(columns="exit_cause"), strategies=hand_strategies())


def test_prevalent_treatment_is_refused() -> None:
    rows = make_hand_rows().assign(offers=1)
    with pytest.raises(EstimationError, match="4 customers are at or past") as caught:
        clone_customers(rows, strategies=hand_strategies())
    assert len(caught.value.problems) == 2


def test_strategies_without_bounds_are_refused() -> None:
    wrong = [
        Strategy("one", "offers", within=2),
        Strategy("two", "refunds", within=-1, maximum=0),
        Strategy("three", "offers", within=2, minimum=3, maximum=1),
        Strategy("four", "offers", within=2, maximum=1, last_chance_from=1),
    ]
    with pytest.raises(EstimationError) as caught:
        clone_customers(make_hand_rows(), strategies=wrong)
    text = "\n".join(caught.value.problems)
    for part in ("no bound", "no column 'refunds'", "within is -1", "is above", "last_chance_from"):
        assert part in text


def test_requests_that_cannot_be_met_are_refused(some_rows: pd.DataFrame) -> None:
    clones = clone_customers(some_rows, strategies=[OFFER, NONE])
    with pytest.raises(EstimationError, match="short of"):
        contrast_strategies(clones, **VALUES | {"horizon": 400.0})
    with pytest.raises(EstimationError) as caught:
        contrast_strategies(clones, **VALUES | {"reference": "x", "covariates": ["mood"]})
    assert len(caught.value.problems) == 2
    with pytest.raises(EstimationError, match="one for each of 120"):
        contrast_strategies(clones, weights=[1.0], **VALUES)
    with pytest.raises(EstimationError, match="truncate is 2"):
        contrast_strategies(clones, truncate=2, **VALUES)
    separating = some_rows.assign(unhappy=(some_rows["offers"] > 0) * 1.0)
    with pytest.raises(EstimationError):
        contrast_offers(separating, [OFFER, NONE], horizon=30.0)


def test_few_who_agree_are_a_caveat(some_rows: pd.DataFrame) -> None:
    found = contrast_offers(some_rows, [OFFER, NONE], horizon=30.0)
    assert any("of equal weight" in text for text in found.caveats)


def test_nobody_who_follows_a_strategy_is_an_error(some_rows: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="Nobody follows strategy 'offer'"):
        contrast_offers(some_rows, [replace(OFFER, minimum=5), NONE], horizon=30.0)
