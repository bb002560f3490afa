"""Effects adjusted for baseline covariates: by hand, against R, invariant, and loud."""

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
    AdjustedContrast,
    covariate_balance,
    doubly_robust_contrast,
    expand_covariates,
    fit_propensity,
    standardised_contrast,
    summarise_weights,
    treatment_weights,
    truncation_path,
)
from loyaltylab.errors import EstimationError
from loyaltylab.survival import kaplan_meier, restricted_mean_retention_time

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "adjusted_effects.json").read_text("utf-8")
)
ATE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "standardised_risks.json").read_text("utf-8")
)
SHARED_STEPS = 5e-5  # absolute, of a share: two ways to share a step between causes
CLOSED_FORM = 1e-9  # relative: sums in double precision
ITERATED = 1e-7  # relative: logistic and Cox fits of both sides run to convergence
DIFFERENCED = 2e-6  # relative: R's influence is a central difference with step 1e-4


def make_frame(n: int, seed: int, *, confounding: float = 0.8) -> pd.DataFrame:
    """Customers whose trait moves both exposure and leaving; exposure adds to the stay."""
    random = np.random.default_rng(seed)
    trait = random.normal(size=n)
    is_business = random.random(n) < 0.4
    odds = np.exp(confounding * trait + 0.3 * is_business)
    exposed = random.random(n) < odds / (1 + odds)
    stay = random.exponential(300 * np.exp(0.5 * trait + 0.3 * exposed))
    end = np.where(random.random(n) < 0.3, random.uniform(50, 400, n), 400.0)
    event = stay <= end
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "start": 0.0,
            "stop": np.minimum(stay, end),
            "event": event,
            "exit_cause": np.where(event, random.choice(["price", "service"], n), ""),
            "group": np.where(exposed, "helped", "not"),
            "trait": trait,
            "segment": np.where(is_business, "business", "home"),
        }
    )


def contrast(frame: pd.DataFrame, **changed: Any) -> AdjustedContrast:
    options: dict[str, Any] = {
        "group": "group",
        "exposed": "helped",
        "reference": "not",
        "covariates": ["trait", "segment"],
        "horizon_days": 365.0,
        "times_days": [90.0],
    }
    return doubly_robust_contrast(frame, **(options | changed))


@pytest.fixture(scope="module")
def veterans() -> pd.DataFrame:
    data = pd.DataFrame(ORACLE["data"])
    event = data["event"].to_numpy(dtype=bool)
    return data.assign(
        customer_id=[f"c{i}" for i in range(len(data))],
        start=0.0,
        stop=data["stop"].astype(float),
        event=event,
        exit_cause=np.where(event, "service", ""),
        group=np.where(data["treated"] == 1, "helped", "not"),
    )


COVARIATES = ["age", "karno", "large"]
OPTIONS: dict[str, Any] = {
    "covariates": COVARIATES,
    "horizon_days": 365.0,
    "times_days": [60.0, 180.0],
}


def test_propensity_matches_glm_and_the_sandwich(veterans: pd.DataFrame) -> None:
    fit = fit_propensity(veterans["treated"], veterans[COVARIATES])
    np.testing.assert_allclose(fit.coefficients, ORACLE["coefficients"], rtol=ITERATED)
    np.testing.assert_allclose(fit.standard_error, ORACLE["error"], rtol=ITERATED)
    np.testing.assert_allclose(fit.probability, ORACLE["probability"], rtol=ITERATED)
    assert fit.c_statistic == pytest.approx(ORACLE["c_statistic"], rel=CLOSED_FORM)
    assert list(fit.to_frame().index) == ["intercept", *COVARIATES]


def test_weights_and_balance_match_r(veterans: pd.DataFrame) -> None:
    fit = fit_propensity(veterans["treated"], veterans[COVARIATES])
    weights = treatment_weights(fit, veterans["treated"]).values
    np.testing.assert_allclose(weights, ORACLE["stabilised"], rtol=ITERATED)
    balance = covariate_balance(veterans[COVARIATES], veterans["treated"], weights=weights)
    expected = np.array(ORACLE["balance"])
    np.testing.assert_allclose(balance["difference_before"], expected[:, 0], rtol=ITERATED)
    np.testing.assert_allclose(
        balance["difference_after"], expected[:, 1], rtol=ITERATED, atol=ITERATED
    )


def test_weighting_alone_matches_riskregression(veterans: pd.DataFrame) -> None:
    # ate() divides the inverse probability sums by n, where a weighted mean divides by the sum
    # of the weights.
    fit = fit_propensity(veterans["treated"], veterans[COVARIATES])
    treated = veterans["treated"].to_numpy(dtype=bool)
    weights = treatment_weights(fit, treated, is_stabilised=False).values
    gone = (veterans["stop"] <= 60).to_numpy(dtype=float)
    risks = [np.sum(weights[part] * gone[part]) / len(gone) for part in (treated, ~treated)]
    assert risks[0] - risks[1] == pytest.approx(ORACLE["ate_difference"], rel=ITERATED)


def test_the_contrast_and_its_error_match_r(veterans: pd.DataFrame) -> None:
    found = contrast(veterans, **OPTIONS)
    gaps = [found.restricted_mean_difference, *found.retention_differences.values()]
    levels = [
        (found.restricted_mean["helped"], found.restricted_mean["not"]),
        *((found.retention["helped", time], found.retention["not", time]) for time in (60, 180)),
    ]
    for gap, level, expected in zip(gaps, levels, ORACLE["contrast"], strict=False):
        assert level[0].value == pytest.approx(expected["exposed"], rel=ITERATED)
        assert level[1].value == pytest.approx(expected["reference"], rel=ITERATED)
        assert gap.value == pytest.approx(expected["difference"], rel=ITERATED)
        assert gap.standard_error == pytest.approx(expected["error"], rel=DIFFERENCED)
    largest = np.abs(ORACLE["contrast"][0]["influence"]).max()
    np.testing.assert_allclose(
        found.influence, ORACLE["contrast"][0]["influence"], atol=DIFFERENCED * largest, rtol=0
    )
    curve = ORACLE["curve"]
    n_first = curve["strata"][0]
    np.testing.assert_allclose(found.curves["not"].retention, curve["surv"][:n_first], atol=1e-7)
    np.testing.assert_allclose(found.curves["helped"].retention, curve["surv"][n_first:], atol=1e-7)


def test_standardised_curves_match_cox_models_by_group(veterans: pd.DataFrame) -> None:
    found = standardised_contrast(
        veterans, group="group", exposed="helped", reference="not",
        covariates=["age", "karno"], horizon_days=365.0, times_days=[60.0, 180.0],
    )  # fmt: skip
    for name, expected in zip(("not", "helped"), ORACLE["standardised"], strict=True):
        assert found.restricted_mean[name].value == pytest.approx(expected["area"], rel=ITERATED)
        values = [found.retention[name, time].value for time in (60.0, 180.0)]
        np.testing.assert_allclose(values, expected["retention"], rtol=ITERATED)


def test_standardised_incidence_matches_cause_specific_models() -> None:
    data = ORACLE["mgus2"]
    status = np.array(data["status"])
    frame = pd.DataFrame(
        {
            "customer_id": range(len(status)),
            "start": 0.0,
            "stop": np.array(data["stop"], dtype=float),
            "event": status > 0,
            "exit_cause": np.array(["", "progression", "death"])[status],
            "group": np.where(np.array(data["male"]) == 1, "male", "female"),
            "age": data["age"],
            "hgb": data["hgb"],
        }
    )
    found = standardised_contrast(
        frame, group="group", exposed="male", reference="female", covariates=["age", "hgb"],
        horizon_days=120.0, times_days=data["times"],
    )  # fmt: skip
    female, male = (np.array(values) for values in data["incidence"])
    for column, time in enumerate(data["times"]):
        gap = found.incidence_differences["progression", float(time)]
        assert gap.value == pytest.approx(male[column] - female[column], rel=1e-6)


def test_standardised_risks_and_their_errors_match_ate() -> None:
    """Of ``riskRegression::ate``; with distinct times, as it treats ties in errors otherwise."""
    expected = ATE["untied"]
    data = pd.DataFrame(expected["data"])
    event = data["event"].to_numpy(dtype=bool)
    found = standardised_contrast(
        data.assign(
            customer_id=range(len(data)),
            start=0.0,
            event=event,
            exit_cause=np.where(event, "service", ""),
            group=np.where(data["treated"] == 1, "helped", "not"),
        ),
        group="group", exposed="helped", reference="not", covariates=["age", "karno"],
        horizon_days=365.0, times_days=[60.0, 180.0],
    )  # fmt: skip
    for column, time in enumerate((60.0, 180.0)):
        for key, name in (("exposed", "helped"), ("reference", "not")):
            one = found.retention[name, time]
            numbers = [1 - one.value, one.standard_error]
            theirs = [expected[key]["value"][column], expected[key]["error"][column]]
            np.testing.assert_allclose(numbers, theirs, rtol=ITERATED)
        gap = found.retention_differences[time]
        numbers = [-gap.value, gap.standard_error]
        theirs = [expected["difference"][name][column] for name in ("value", "error")]
        np.testing.assert_allclose(numbers, theirs, rtol=ITERATED)


def test_standardised_incidence_matches_ate() -> None:
    """It adds up hazards of steps, this shares of them: alike to a few in a hundred thousand."""
    expected = ATE["mgus2"]
    data = pd.DataFrame(expected["data"])
    cause = data["cause"].to_numpy(dtype=int)
    found = standardised_contrast(
        data.assign(
            customer_id=range(len(data)),
            start=0.0,
            event=cause > 0,
            exit_cause=np.array(["", "progression", "death"])[cause],
            group=np.where(data["male"] == 1, "male", "female"),
        ),
        group="group", exposed="male", reference="female", covariates=["age", "hgb"],
        horizon_days=120.0, times_days=[60.0, 120.0],
    )  # fmt: skip
    for column, time in enumerate((60.0, 120.0)):
        gap = found.incidence_differences["progression", time]
        assert gap.value == pytest.approx(expected["difference"]["value"][column], abs=SHARED_STEPS)
        assert gap.standard_error == pytest.approx(
            expected["difference"]["error"][column], rel=0.005
        )


def test_without_censoring_saturated_models_agree_by_hand() -> None:
    # New customers: helped stay 8, 6, 4 (mean 6), others 2 (mean 2). Old customers: helped stay
    # 10 (mean 10), others 9, 7, 5, 3 (mean 6). Half... the weights of the strata are 4/9, 5/9.
    # Everybody helped: 4/9 * 6 + 5/9 * 10 = 74/9. Nobody: 4/9 * 2 + 5/9 * 6 = 38/9.
    # Difference 4; without adjustment 28/4 - 26/5 = 1.8.
    frame = pd.DataFrame(
        {
            "customer_id": range(9),
            "start": 0.0,
            "stop": [8.0, 6.0, 4.0, 2.0, 10.0, 9.0, 7.0, 5.0, 3.0],
            "event": True,
            "exit_cause": "price",
            "group": ["helped"] * 3 + ["not"] + ["helped"] + ["not"] * 4,
            "is_new": [1, 1, 1, 1, 0, 0, 0, 0, 0],
        }
    )
    reach = {"covariates": ["is_new"], "horizon_days": 9.0, "times_days": [5.0]}
    frame["stop"] = frame["stop"].clip(upper=9.0)
    # The horizon of 9 cuts the stay of 10: everybody helped 4/9 * 6 + 5/9 * 9 = 69/9.
    found = contrast(frame, **reach)
    assert found.restricted_mean["helped"].value == pytest.approx(69 / 9)
    assert found.restricted_mean["not"].value == pytest.approx(38 / 9)
    assert found.restricted_mean_difference.value == pytest.approx(31 / 9)
    assert found.naive.value == pytest.approx(27 / 4 - 26 / 5)
    # Weighting alone, and prediction alone (the means above), say the same.
    assert found.truncation["difference"].iloc[0] == pytest.approx(31 / 9)
    # Retained past 5: helped 2/3 of the new and 1 of the old; not helped 0 and 2/4.
    expected = 4 / 9 * 2 / 3 + 5 / 9 - 5 / 9 * 2 / 4
    assert found.retention_differences[5.0].value == pytest.approx(expected)
    assert found.incidence_differences["price", 5.0].value == pytest.approx(-expected)
    # In stratum s of size m, the influence of the n_g members of group g is m (y - mean) / (9
    # n_g), that of all m is (effect in s - effect) / 9. New: helped residuals 2, 0, -2, so
    # 4/27 * (2, 0, -2) + (4 - 31/9) / 9; not: 0 + 5/81. Old: effect 3, so (3 - 31/9) / 9 =
    # -4/81 each, and for those not helped minus 5/36 * (3, 1, -1, -3).
    by_hand = [8 / 27 + 5 / 81, 5 / 81, -8 / 27 + 5 / 81, 5 / 81, -4 / 81]
    by_hand += [-4 / 81 - 5 / 36 * residual for residual in (3, 1, -1, -3)]
    np.testing.assert_allclose(found.influence, by_hand, atol=1e-9)


def test_equal_groups_give_the_plain_contrast() -> None:
    # With every covariate pattern once in each group the propensity is one half for all.
    frame = make_frame(60, 4)
    trait = np.tile(np.linspace(-1, 1, 30), 2)
    frame = frame.assign(group=["helped"] * 30 + ["not"] * 30, trait=trait)
    found = contrast(frame, covariates=["trait"])
    assert found.restricted_mean_difference.value == pytest.approx(found.naive.value)
    for name, part in frame.groupby("group"):
        curve = kaplan_meier(part["start"], part["stop"], part["event"])
        assert found.retention[name, 90.0].value == pytest.approx(curve.retention_at(90.0).value)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_order_of_rows_names_of_groups_and_doubling(seed: int) -> None:
    frame = make_frame(120, seed)
    found = contrast(frame)
    mixed = contrast(frame.sample(frac=1.0, random_state=seed))
    whole = found.restricted_mean_difference
    assert mixed.restricted_mean_difference.value == pytest.approx(whole.value, rel=1e-8, abs=1e-8)
    swapped = contrast(frame, exposed="not", reference="helped").restricted_mean_difference
    assert swapped.value == pytest.approx(-whole.value, rel=1e-8, abs=1e-8)
    assert swapped.standard_error == pytest.approx(whole.standard_error, rel=1e-6)
    twice = pd.concat([frame, frame.assign(customer_id=frame["customer_id"] + "x")])
    doubled = contrast(twice).restricted_mean_difference
    assert doubled.value == pytest.approx(whole.value, rel=1e-8, abs=1e-8)
    assert doubled.standard_error * 2**0.5 == pytest.approx(whole.standard_error, rel=1e-6)
    years = frame.assign(stop=frame["stop"] / 365)
    in_years = contrast(years, horizon_days=1.0, times_days=[90 / 365])
    assert in_years.restricted_mean_difference.value * 365 == pytest.approx(whole.value, rel=1e-8)
    assert found.influence.sum() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("has_strata", [False, True])
def test_influence_is_what_leaving_customers_out_shows(has_strata: bool) -> None:
    frame = make_frame(80, 3)
    options = {"censoring_strata": "segment"} if has_strata else {}
    found = contrast(frame, **options)
    without = [
        contrast(frame.drop(index=i), **options).restricted_mean_difference.value
        for i in range(len(frame))
    ]
    moves = np.mean(without) - np.array(without)
    # The jackknife is the infinitesimal one but for terms of the next order in 1/n.
    assert np.corrcoef(moves, found.influence)[0, 1] > 0.99
    assert np.sqrt(np.sum(moves**2)) == pytest.approx(
        found.restricted_mean_difference.standard_error, rel=0.12
    )


def test_standardised_influence_is_what_leaving_customers_out_shows() -> None:
    frame = make_frame(90, 8)

    def read(rows: pd.DataFrame) -> list[Any]:
        found = standardised_contrast(
            rows, group="group", exposed="helped", reference="not", covariates=["trait"],
            horizon_days=365.0, times_days=[90.0],
        )  # fmt: skip
        return [
            found.restricted_mean_difference,
            found.retention_differences[90.0],
            found.incidence_differences["price", 365.0],
        ]

    whole = read(frame)
    without = np.array(
        [[one.value for one in read(frame.drop(index=i))] for i in range(len(frame))]
    )
    spread = np.sqrt(np.sum((without - without.mean(axis=0)) ** 2, axis=0))
    np.testing.assert_allclose([one.standard_error for one in whole], spread, rtol=0.12)


def test_confounding_is_removed_and_intervals_cover() -> None:
    # Restricted means under exposure and not, over the trait, by a large sample of both.
    random = np.random.default_rng(0)
    trait = random.normal(size=400_000)
    scale = [300 * np.exp(0.5 * trait + 0.3 * exposed) for exposed in (1, 0)]
    means = [np.mean(s * -np.expm1(-365 / s)) for s in scale]
    truth = float(means[0] - means[1])
    covered, naive, gaps = 0, 0, []
    n_replicates = 100
    for seed in range(n_replicates):
        found = contrast(make_frame(400, seed), times_days=[365.0])
        gap = found.restricted_mean_difference
        covered += gap.ci_lower <= truth <= gap.ci_upper
        naive += found.naive.ci_lower <= truth <= found.naive.ci_upper
        gaps.append(gap.value)
    # 100 replicates: the bounds are more than three binomial standard errors from 95.
    assert covered >= 88
    assert naive <= 60
    assert abs(np.mean(gaps) - truth) < 4 * np.std(gaps) / n_replicates**0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exposed": "nobody"}, "no customers"),
        ({"horizon_days": 5000.0}, "shorter horizon"),
        ({"covariates": []}, "no covariates"),
        ({"covariates": ["absent"]}, "lacks 'absent'"),
        ({"times_days": [400.0]}, "outside"),
        ({"causes": ["moved"]}, "no exit by 'moved'"),
        ({"confidence_level": 95.0}, "confidence_level"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        contrast(make_frame(80, 1), **change)


def test_covariates_that_cannot_be_used_are_all_named() -> None:
    frame = pd.DataFrame({"age": [1.0, np.nan, 2.0], "segment": ["a", None, "b"]})
    with pytest.raises(EstimationError) as caught:
        expand_covariates(frame)
    assert len(caught.value.problems) == 2
    constant = pd.DataFrame({"age": [1.0, 1.0], "segment": ["a", "b"]})
    with pytest.raises(EstimationError, match="'age' is constant"):
        expand_covariates(constant)
    flat = pd.DataFrame({"segment": ["a", "a"], "age": [1, 2]})
    with pytest.raises(EstimationError, match="'segment=a' is constant"):
        expand_covariates(flat)


def test_exits_without_a_cause_are_refused() -> None:
    with pytest.raises(EstimationError, match="disagree in"):
        contrast(make_frame(80, 1).assign(exit_cause=""))


def test_covariates_that_decide_the_group_are_refused() -> None:
    frame = make_frame(80, 1)
    frame["is_helped"] = frame["group"] == "helped"
    with pytest.raises(EstimationError, match="no positivity"):
        contrast(frame, covariates=["trait", "is_helped"])


def test_little_overlap_is_said() -> None:
    found = contrast(make_frame(600, 2, confounding=4.0))
    text = " ".join(found.restricted_mean_difference.caveats)
    assert "below 0.01 or above 0.99" in text
    assert "few customers decide" in text


def test_weights_by_hand() -> None:
    # One of four new customers of the first kind is exposed, three of four of the second.
    x = pd.DataFrame({"is_new": [0, 0, 0, 0, 1, 1, 1, 1]})
    exposed = [1, 0, 0, 0, 1, 1, 1, 0]
    fit = fit_propensity(exposed, x)
    assert fit.c_statistic == 0.75  # of 16 pairs 9 concordant, 6 tied: (9 + 3) / 16

    def weigh(**options: Any) -> list[float]:
        return treatment_weights(fit, exposed, **options).values.round(9).tolist()

    third = round(4 / 3, 9)
    assert weigh(is_stabilised=False) == [4, third, third, third, third, third, third, 4]
    third = round(1 / 3, 9)
    assert weigh(estimand="att", is_stabilised=False) == [1, third, third, third, 1, 1, 1, 3]
    overlap = [0.75, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.75]
    assert weigh(estimand="overlap", is_stabilised=False) == overlap
    assert weigh(estimand="overlap") == [2, *[round(2 / 3, 9)] * 6, 2]
    cut = treatment_weights(fit, exposed, truncation=(0.0, 0.5), is_stabilised=False)
    assert cut.n_truncated == 2
    summary = summarise_weights(weigh(is_stabilised=False), exposed)
    # (4 + 3 * 4/3)^2 / (16 + 3 * 16/9) = 64 / (64/3) = 3
    assert summary["effective_sample_size"].round(6).tolist() == [3.0, 3.0]
    path = truncation_path(x["is_new"], weigh(), exposed)
    assert path["difference"].iloc[0] == pytest.approx(0.0, abs=1e-8)
    for options in ({"estimand": "atu"}, {"truncation": (0.9, 0.1)}):
        with pytest.raises(EstimationError, match="cannot be made"):
            weigh(**options)


def test_balance_by_hand() -> None:
    # Means 3 and 2, variances 1 and 1: 1. Flags 2/3 and 1/3, variances 1/3: (1/3) / sqrt(1/3).
    frame = pd.DataFrame({"age": [2, 3, 4, 1, 2, 3], "kind": list("aababb")})
    balance = covariate_balance(frame, [1, 1, 1, 0, 0, 0])
    assert balance["difference_before"].round(9).tolist() == [1.0, 0.577350269, -0.577350269]
    assert balance["variance_ratio_before"].iloc[0] == 1.0
    assert balance["is_imbalanced"].all()
    with pytest.raises(EstimationError, match="do not vary"):
        covariate_balance(pd.DataFrame({"age": [1, 1, 2, 2]}), [1, 1, 0, 0])


def test_nothing_given_is_changed_and_nobody_else_is_counted() -> None:
    frame = make_frame(80, 1)
    other = frame.iloc[:5].assign(group="other", customer_id=list("vwxyz"))
    both = pd.concat([frame, other], ignore_index=True)
    before = both.copy(deep=True)
    found = contrast(both)
    pd.testing.assert_frame_equal(both, before)
    assert found.restricted_mean_difference == contrast(frame).restricted_mean_difference
    part = frame[frame["group"] == "helped"]
    plain = restricted_mean_retention_time(part["start"], part["stop"], part["event"], horizon=365)
    assert found.naive.n == 80
    assert plain.value != found.restricted_mean["helped"].value
