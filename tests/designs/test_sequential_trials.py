"""Sequential trials: by hand, against R, where the truth is known, and by site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offers import simulate, to_rows

from loyaltylab.designs import contrast_trials, stack_trials, trial_values
from loyaltylab.errors import EstimationError

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "target_trials.json").read_text("utf-8")
)
ITERATED = 1e-7  # relative: Newton fits on both sides, carried through to the curves
ROUNDING = 1e-9  # the same sums in another order
N_ERRORS = 4.0  # standard errors within which a known truth must lie


def make_hand_rows() -> pd.DataFrame:
    """a treated at 10, b at 25, c never; d enters at 15 and leaves at 30, untreated."""
    lines = [
        ("a", 0.0, 10.0, "", 0, 1.0),
        ("a", 10.0, 40.0, "price", 1, 2.0),
        ("b", 0.0, 25.0, "", 0, 3.0),
        ("b", 25.0, 50.0, "", 1, 4.0),
        ("c", 0.0, 35.0, "price", 0, 5.0),
        ("d", 15.0, 30.0, "service", 0, 6.0),
    ]
    columns = ["customer_id", "start", "stop", "exit_cause", "treated", "calls"]
    rows = pd.DataFrame(lines, columns=columns)
    return rows.assign(event=rows["exit_cause"] != "")


def stack_hand(**changed: Any) -> Any:
    options: dict[str, Any] = {"treatment": "treated", "starts": [10.0, 25.0, 38.0]}
    return stack_trials(make_hand_rows(), **options | changed)


def test_trials_by_hand_where_treatment_begins_at_the_starts() -> None:
    trials = stack_hand(covariates=["calls"])
    # At 10: a begins (then followed 30 days), b 40 days, c 25; d has not entered.
    # At 25: b begins (25 days), c 10, d 5; a is treated already.
    # At 38: a and b are treated, the others gone.
    assert trials.frame["customer_id"].tolist() == ["a", "b", "c", "b", "c", "d"]
    assert trials.frame["is_initiator"].tolist() == [True, False, False, True, False, False]
    assert trials.frame["stop"].tolist() == [30, 40, 25, 25, 10, 5]
    # Covariates as just before the trial: a's 1 and b's 3, not what came with the treatment.
    assert trials.frame["calls"].tolist() == [1, 3, 5, 3, 5, 6]
    assert trials.flow["n_eligible"].tolist() == [3, 3, 0]
    assert trials.flow["is_used"].tolist() == [True, True, False]
    assert trials.causes == ("price", "service")


def test_recruitment_by_hand_reads_covariates_before_it() -> None:
    # Trial at 12 with recruitment from 5: a began at 10, within; followed from 12.
    trials = stack_hand(starts=[12.0], recruitment=7.0, covariates=["calls"])
    assert trials.frame["is_initiator"].tolist() == [True, False, False]
    assert trials.frame["stop"].tolist() == [28, 38, 23]
    assert trials.frame["calls"].tolist() == [1, 3, 5]


def test_others_can_be_censored_when_they_begin() -> None:
    trials = stack_hand(censor_at_initiation=True)
    # In the trial at 10 b is followed until 25: 15 days.
    assert trials.frame.query("trial == 10")["stop"].tolist() == [30, 15, 25]


def test_eligibility_is_read_with_the_covariates() -> None:
    rows = make_hand_rows().assign(fine=lambda frame: frame["calls"] != 5)
    trials = stack_trials(rows, treatment="treated", starts=[10.0, 25.0], eligible="fine")
    assert trials.frame["customer_id"].tolist() == ["a", "b", "b", "d"]


def test_pooled_curves_by_hand() -> None:
    found = contrast_trials(stack_hand(), horizon=25.0)
    # Weights of initiators 1; of others share/(1-share) = (1/3)/(2/3) = 1/2 each, four of them.
    assert found.weights.tolist() == pytest.approx([1, 0.5, 0.5, 1, 0.5, 0.5])
    # Initiate: none leave by 25. Wait: d leaves at 5 (1 of 4), c at 10 (1 of 3), c again at 25
    # (1 of 2): 3/4, 1/2, 1/4. Areas: 25 and 5 + 5 * .75 + 15 * .5 = 16.25.
    assert found.restricted_mean_difference.value == pytest.approx(25 - 16.25)
    assert found.retention_differences[25.0].value == pytest.approx(1 - 0.25)


def stack_patients() -> Any:
    patients = pd.DataFrame(ORACLE["patients"])
    at = patients["tx"].astype(float).to_numpy()
    rows = pd.DataFrame(
        {
            "customer_id": patients["id"],
            "start": 0.0,
            "stop": patients["end"].astype(float),
            "exit_cause": np.where(patients["dead"] == 1, "death", ""),
            "age": patients["age"].astype(float),
            "surgery": patients["surgery"].astype(float),
            "transplanted": 0.0,
        }
    )
    has = np.isfinite(at)
    before = rows[has].assign(stop=at[has], exit_cause="")
    after = rows[has].assign(start=at[has], transplanted=1.0)
    rows = pd.concat([before, after, rows[~has]], ignore_index=True)
    return stack_trials(
        rows.assign(event=rows["exit_cause"] != ""),
        treatment="transplanted",
        starts=np.arange(7.0, 57.0, 7.0).tolist(),
        recruitment=7.0,
        covariates=["age", "surgery"],
    )


@pytest.mark.parametrize("target", ["initiators", "eligible"])
def test_heart_patients_agree_with_r(target: str) -> None:
    trials = stack_patients()
    expected = trials.flow.loc[trials.flow["is_used"], "n_eligible"]
    assert {f"{start:g}": n for start, n in expected.items()} == ORACLE["n_trials"]
    found = contrast_trials(trials, horizon=200.0, times=[100.0], target=target)
    assert found.assignment_model is not None
    np.testing.assert_allclose(
        found.assignment_model.coefficients, ORACLE["propensity"], rtol=ITERATED
    )
    for name, arm in ORACLE["sequential"][target].items():
        curve = found.curves[name].at([100, 200])
        np.testing.assert_allclose(curve["retention"], arm["retention"], rtol=ITERATED)
        np.testing.assert_allclose(curve["standard_error"], arm["standard_error"], rtol=ITERATED)
        mean = found.restricted_mean[name].value
        assert mean == pytest.approx(arm["restricted_mean"], rel=ITERATED)


def test_no_immortal_time_where_offers_do_nothing() -> None:
    rows = to_rows(simulate(4000, 21, effect=0.0))
    starts = (np.arange(12) + 0.25).tolist()  # Offers are made at a quarter of a day.
    trials = stack_trials(rows, treatment="offers", starts=starts, covariates=["unhappy"])
    found = contrast_trials(trials, horizon=25.0)
    effect = found.restricted_mean_difference
    assert abs(effect.value) < N_ERRORS * effect.standard_error
    assert found.balance.loc["unhappy", "before"] > 0.3
    assert abs(found.balance.loc["unhappy", "after"]) < 0.01
    crude = stack_trials(rows, treatment="offers", starts=starts)
    moved = contrast_trials(crude, horizon=25.0).restricted_mean_difference
    assert moved.value < -N_ERRORS * moved.standard_error


def test_sites_that_go_live_are_clusters() -> None:
    random = np.random.default_rng(8)
    live_at = {"A": 10.0, "B": 20.0, "C": 30.0, "D": np.inf}
    lines = []
    for customer in range(400):
        site = "ABCD"[customer % 4]
        stop = min(60.0, np.ceil(random.exponential(60) * 8) / 8)
        cause = "price" if stop < 60 else ""
        cut = live_at[site]
        if cut < stop:
            lines.append((customer, site, 0.0, cut, "", 0))
            lines.append((customer, site, cut, stop, cause, 1))
        else:
            lines.append((customer, site, 0.0, stop, cause, 0))
    columns = ["customer_id", "site", "start", "stop", "exit_cause", "live"]
    rows = pd.DataFrame(lines, columns=columns)
    trials = stack_trials(
        rows.assign(event=rows["exit_cause"] != ""),
        treatment="live",
        starts=[10.0, 20.0, 30.0],
        cluster="site",
        censor_at_initiation=True,
    )
    assert trials.units.tolist() == list("ABCD")
    assert trials.flow["is_used"].all()
    found = contrast_trials(trials, horizon=20.0)
    assert found.restricted_mean_difference.n == 4
    assert any("independent units" in text for text in found.restricted_mean_difference.caveats)


@pytest.fixture(scope="module")
def some_rows() -> pd.DataFrame:
    return to_rows(simulate(200, 4, effect=-0.5))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_weight_two_is_the_customer_twice_and_order_does_not_matter(
    some_rows: pd.DataFrame, seed: int
) -> None:
    rows = some_rows
    weights = np.random.default_rng(seed).integers(0, 3, 200).astype(float)
    own = weights[rows["customer_id"].to_numpy()]
    twice = rows[own == 2]
    doubled = pd.concat([rows[own > 0], twice.assign(customer_id=twice["customer_id"] + 500)])
    options: dict[str, Any] = {
        "treatment": "offers",
        "starts": [2.25, 4.25, 6.25],
        "covariates": ["unhappy"],
        "recruitment": 2.0,
    }
    one = stack_trials(rows, **options)
    weighted = trial_values(weights[one.units.astype(int)], trials=one, horizon=20.0)
    other = stack_trials(doubled.sample(frac=1, random_state=seed), **options)
    again = trial_values(np.ones(len(other.units)), trials=other, horizon=20.0)
    assert again == pytest.approx(weighted, rel=ITERATED, abs=ITERATED)


def test_values_repeat_the_contrast() -> None:
    trials = stack_patients()
    found = contrast_trials(trials, horizon=200.0)
    values = trial_values(np.ones(len(trials.units)), trials=trials, horizon=200.0)
    effect = found.restricted_mean_difference.value
    assert values["initiate - wait: restricted_mean 200"] == pytest.approx(effect, rel=ROUNDING)


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(EstimationError, match="finite and increasing"):
        stack_hand(starts=[25.0, 10.0])
    with pytest.raises(EstimationError, match="nobody initiates in two trials"):
        stack_hand(recruitment=14.0)
    with pytest.raises(EstimationError) as caught:
        stack_hand(treatment="offers", covariates=["mood"])
    assert len(caught.value.problems) == 2
    with pytest.raises(EstimationError, match="No trial has both"):
        stack_hand(starts=[5.0])
    with pytest.raises(EstimationError, match="target is 'all'"):
        contrast_trials(stack_hand(), horizon=10.0, target="all")
    with pytest.raises(EstimationError, match="short of"):
        contrast_trials(stack_hand(), horizon=100.0)
    with pytest.raises(EstimationError, match="one value"):
        contrast_trials(stack_hand(), horizon=10.0, unit_weights=[1.0])
    torn = make_hand_rows().assign(stop=lambda frame: frame["stop"].replace(25.0, 20.0))
    with pytest.raises(EstimationError, match="one spell per customer"):
        stack_trials(torn, treatment="treated", starts=[10.0])
    with pytest.raises(EstimationError, match="contradict each other in 6 of 6"):
        stack_trials(
            make_hand_rows().assign(event=lambda frame: ~frame["event"]),
            treatment="treated",
            starts=[10.0],
        )
