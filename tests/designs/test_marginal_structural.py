"""Marginal structural Cox models: by hand, against R, with a known truth, and loud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyaltylab.designs import (
    censoring_weights,
    history_weights,
    marginal_structural_cox,
    summarise_weights_by_time,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import fit_cox

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "adjusted_effects.json").read_text("utf-8")
)["msm"]
ITERATED = 1e-7  # relative: logistic and Cox fits of both sides run to convergence


@pytest.fixture(scope="module")
def heart() -> pd.DataFrame:
    return pd.DataFrame(ORACLE).rename(columns={"id": "customer_id"})


def fit_heart(rows: pd.DataFrame, **changed: Any) -> Any:
    options: dict[str, Any] = {
        "treatment": "treated",
        "numerator": ["later"],
        "denominator": ["later", "age", "surgery"],
    }
    return marginal_structural_cox(rows, **(options | changed))


def test_weights_ratio_and_error_match_r(heart: pd.DataFrame) -> None:
    found = fit_heart(heart)
    np.testing.assert_allclose(found.weights, heart["weights"], rtol=ITERATED)
    assert np.log(found.hazard_ratio.value) == pytest.approx(ORACLE["coefficient"], rel=ITERATED)
    assert found.hazard_ratio.standard_error == pytest.approx(ORACLE["error"], rel=1e-6)
    assert found.weight_summary["n"].sum() == len(heart)


def test_weights_of_a_history_by_hand() -> None:
    # Of four new customers one is treated at once, of four old ones three: the model with is_new
    # is saturated, the numerator's probability 4/8. In the second row nothing is decided for the
    # treated, and its weight is that of the first.
    rows = pd.DataFrame(
        {
            "customer_id": list("abcdefgh"),
            "start": 0.0,
            "is_new": [1, 1, 1, 1, 0, 0, 0, 0],
            "treated": [1, 0, 0, 0, 1, 1, 1, 0],
        }
    )
    late = rows[rows["treated"] == 1].assign(start=30.0)
    weights = history_weights(
        pd.concat([late, rows]), decision="treated", numerator=[], denominator=["is_new"],
        is_absorbing=True,
    )  # fmt: skip
    treated_new, third = 0.5 / 0.25, 0.5 / 0.75
    np.testing.assert_allclose(weights[:4], [treated_new, third, third, third])
    np.testing.assert_allclose(weights[4:8], [treated_new, third, third, third])
    np.testing.assert_allclose(weights[8:], [third, third, third, treated_new])


def test_weights_of_remaining_by_hand() -> None:
    # After their first row 2 of 4 new customers are lost and 1 of 4 old ones, and one old one of
    # three after the second: rows with is_new 2 of 6, without 2 of 7, 4 of 13 in all. A row's
    # weight counts the rows before.
    rows = pd.DataFrame(
        [
            *(("new1", 0, 1, 1), ("new2", 0, 1, 1), ("new3", 0, 1, 0), ("new4", 0, 1, 0)),
            *(("new3", 30, 1, 0), ("new4", 30, 1, 0)),
            *(("old1", 0, 0, 1), ("old2", 0, 0, 0), ("old3", 0, 0, 0), ("old4", 0, 0, 0)),
            *(("old2", 30, 0, 0), ("old3", 30, 0, 0), ("old4", 30, 0, 1)),
        ],
        columns=["customer_id", "start", "is_new", "is_lost"],
    )
    weights = censoring_weights(rows, is_lost="is_lost", denominator=["is_new"])
    np.testing.assert_allclose(weights[[0, 1, 2, 3, 6, 7, 8, 9]], 1.0)
    np.testing.assert_allclose(weights[4:6], (9 / 13) / (4 / 6))
    np.testing.assert_allclose(weights[10:], (9 / 13) / (5 / 7))


def make_history(n: int, seed: int) -> pd.DataFrame:
    """Monthly rows; unhappiness leads to treatment and to leaving, treatment does nothing."""
    random = np.random.default_rng(seed)
    trait = random.normal(size=n)
    treated, is_there = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    parts = []
    for month in range(6):
        unhappy = trait + random.normal(size=n)
        treated |= random.random(n) < 1 / (1 + np.exp(2.0 - unhappy))
        hazard = 0.08 * np.exp(0.7 * trait - 0.25)
        wait = random.exponential(1 / hazard)
        event = wait < 1
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": np.arange(n),
                    "start": float(month),
                    "stop": month + np.minimum(wait, 1.0),
                    "event": event,
                    "treated": treated.astype(int),
                    "unhappy": unhappy,
                    "trait": trait,
                }
            )[is_there]
        )
        is_there &= ~event
    return pd.concat(parts, ignore_index=True)


def test_weighting_finds_no_effect_where_there_is_none() -> None:
    covered, naive_covered, n_replicates = 0, 0, 40
    for seed in range(n_replicates):
        rows = make_history(600, seed)
        found = marginal_structural_cox(
            rows, treatment="treated", numerator=["start"],
            denominator=["start", "unhappy", "trait"],
        ).hazard_ratio  # fmt: skip
        covered += found.ci_lower <= 1.0 <= found.ci_upper
        naive = fit_cox(
            rows["start"], rows["stop"], rows["event"], rows[["treated"]],
            cluster=rows["customer_id"],
        )  # fmt: skip
        naive_covered += bool(naive.ci_lower[0] <= 1.0 <= naive.ci_upper[0])
    # 40 replicates at 95 %: 33 is more than three binomial standard errors below.
    assert covered >= 33
    assert naive_covered <= 20


@given(st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_order_of_rows_and_unit_of_time_change_nothing(seed: int) -> None:
    rows = make_history(150, seed)
    options: dict[str, Any] = {
        "treatment": "treated",
        "numerator": ["start"],
        "denominator": ["start", "unhappy"],
    }
    whole = marginal_structural_cox(rows, **options)
    mixed = rows.sample(frac=1.0, random_state=seed)
    scaled = mixed.assign(start=mixed["start"] * 30, stop=mixed["stop"] * 30)
    found = marginal_structural_cox(scaled, **options)
    assert found.hazard_ratio.value == pytest.approx(whole.hazard_ratio.value, rel=1e-6)
    assert found.hazard_ratio.standard_error == pytest.approx(
        whole.hazard_ratio.standard_error, rel=1e-6
    )
    np.testing.assert_allclose(found.weights, whole.weights[mixed.index], rtol=1e-6)


def test_equal_models_give_weights_of_one(heart: pd.DataFrame) -> None:
    found = fit_heart(heart, denominator=["later"])
    np.testing.assert_allclose(found.weights, 1.0, rtol=1e-12)
    plain = fit_cox(
        heart["start"], heart["stop"], heart["event"], heart[["treated"]],
        cluster=heart["customer_id"],
    )  # fmt: skip
    assert found.hazard_ratio.value == pytest.approx(plain.hazard_ratio[0], rel=1e-9)


def test_truncation_and_loss_are_used(heart: pd.DataFrame) -> None:
    whole = fit_heart(heart).weights
    cut = fit_heart(heart, truncation=(0.05, 0.95)).weights
    assert cut.max() == pytest.approx(np.quantile(whole, 0.95))
    last = ~heart["customer_id"].duplicated(keep="last")
    lost = heart.assign(is_lost=(last & (heart["event"] == 0)).astype(int))
    expected = whole * censoring_weights(
        lost, is_lost="is_lost", numerator=["later", "treated"],
        denominator=["later", "age", "surgery", "treated"],
    )  # fmt: skip
    np.testing.assert_allclose(fit_heart(lost, is_lost="is_lost").weights, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"denominator": ["absent"]}, "lack 'absent'"),
        ({"treatment": "age"}, "other than 0 and 1"),
        ({"treatment": "nobody"}, "it varies"),
        ({"truncation": (0.9, 0.1)}, "two quantiles in order"),
    ],
)
def test_what_cannot_be_weighted_is_refused(
    heart: pd.DataFrame, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        fit_heart(heart.assign(nobody=0), **change)


def test_two_rows_with_one_start_are_refused(heart: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="two rows with one start"):
        fit_heart(pd.concat([heart, heart.iloc[:1]]))


def test_summary_by_time_by_hand() -> None:
    # (1 + 3)^2 / (1 + 9) = 1.6
    summary = summarise_weights_by_time([0, 0, 30], [1, 3, 1])
    assert summary.loc[0.0].tolist() == [2.0, 2.0, 1.0, 3.0, 1.6]
