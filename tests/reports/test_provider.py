"""The provider's page: moments against targets, reasons where they differ, nothing left out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from loyaltylab.findings import guard_all
from loyaltylab.params import SyntheticParameters, load_parameters
from loyaltylab.reports.provider import (
    explain_moments,
    explain_values,
    first_values_table,
    knobs_table,
    moment_estimates,
    moments_forest,
    moments_table,
    not_generated_table,
    parameters_table,
    provider_answer,
    true_values_table,
)
from loyaltylab.truth import hash_parameters, read_calibration, read_truth
from loyaltylab.truth.first_values import FIRST_VALUES
from loyaltylab.truth.parts import choose_provider
from loyaltylab.truth.reasons import read_moment_reasons, read_value_reasons

ROOT = Path(__file__).parents[2]
EXACT = 1e-12
STUDY = load_parameters(ROOT).synthetic


def calibration(*, mean: float = 2.0, is_met: bool = True) -> pd.DataFrame:
    line = {
        "unit": "share", "target": 1.0, "source": "somewhere", "mean": mean, "sd": 0.1,
        "mc_se": 0.02, "lower": mean - 0.2, "upper": mean + 0.2, "is_met": is_met, "n_seeds": 20,
        "n_customers": 100,
    }  # fmt: skip
    index = pd.Index(["want to leave and have not asked"], name="moment")
    return pd.DataFrame([line], index=index)


def make_moments() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "moment": ["left within a year", "contacts in the shock"],
            "unit": ["share", "ratio"],
            "value": [0.2, 1.1],
            "standard_error": [0.01, 0.05],
            "n": [200, 300],
            "target": [0.193, 1.113],
            "source": ["first provider", "trade press"],
        }
    )


def test_the_answer_counts_what_is_met() -> None:
    literature, null = SyntheticParameters(), SyntheticParameters(preset="null")
    assert provider_answer(calibration(), literature).endswith(
        "1 of 1 moments agree with their targets."
    )
    assert "0 of 1" in provider_answer(calibration(is_met=False), literature)
    assert "said below" in provider_answer(calibration(is_met=False), literature)
    assert "meant to differ" in provider_answer(calibration(), null)
    assert "not kept" in provider_answer(None, literature)


def test_moments_become_estimates_with_their_counts() -> None:
    found = moment_estimates(make_moments(), confidence_level=0.95)
    share = found["left_within_a_year"]
    assert (share.n, share.n_events) == (200, 40)
    assert share.ci_upper == pytest.approx(0.2 + 1.959963984540054 * 0.01, abs=EXACT)
    assert found["contacts_in_the_shock"].n_events == 300
    assert guard_all(found, min_cell=5) == found


def test_moments_stand_beside_their_targets() -> None:
    both = moments_table(make_moments(), calibration())
    assert both.loc["want to leave and have not asked", "met"] == "yes"
    alone = moments_table(make_moments(), None)
    assert alone["target"].tolist() == [0.193, 1.113]
    forest = moments_forest(calibration())
    assert forest[["value", "ci_lower", "ci_upper"]].iloc[0].tolist() == [2.0, 1.8, 2.2]


def test_reasons_are_given_for_what_is_not_met_alone() -> None:
    assert explain_moments(calibration()) == {}
    (name,) = explain_moments(calibration(is_met=False))
    assert name == "want to leave and have not asked (2, target 1)"


def test_every_moment_that_is_not_met_has_its_reason() -> None:
    kept = read_calibration(ROOT, parameters=STUDY)
    unmet = set(kept.index[~kept["is_met"].astype(bool)])
    assert unmet <= set(read_moment_reasons())
    assert set(read_moment_reasons()) <= set(kept.index)
    assert len(kept) > 20


def test_every_first_value_that_differs_has_its_reason() -> None:
    truth = read_truth(ROOT, parameter_hash=hash_parameters(STUDY))
    table = first_values_table(truth)
    assert len(table) == len(FIRST_VALUES)
    n_contrasts = truth.loc[list(FIRST_VALUES), "contrast"].nunique()
    differing = len(explain_values(truth))
    assert 0 < differing < n_contrasts
    known = set(truth["contrast"])
    assert set(read_value_reasons()) <= known
    words = table.loc[table["difference"] == "differs", "what"].str.partition(":")[0]
    assert set(words) == set(explain_values(truth))


def test_stored_truth_rests_on_twenty_seeds_and_its_own_parameters() -> None:
    for preset in ("literature", "null", "seed_true", "adverse"):
        parameters = choose_provider(STUDY, preset=preset, n_customers=None)
        truth = read_truth(ROOT, parameter_hash=hash_parameters(parameters))
        assert (truth["n_seeds"] >= 20).all(), preset
        assert len(true_values_table(truth)) > 40, preset


def test_under_the_null_the_stored_truth_is_nothing() -> None:
    """Within two Monte-Carlo errors of zero is asked; common luck makes it zero itself."""
    path = ROOT / "data" / "truth" / "null.json"
    values = json.loads(path.read_text(encoding="utf-8"))["true_values"]
    moved = [
        one["estimand_id"]
        for one in values
        if one["value"] is not None
        and one["value"] != (1.0 if one["measure"] == "hazard_ratio" else 0.0)
    ]
    # A bot and a person do not solve equally much: that is no effect on leaving. What a change of
    # provider costs is the customer's own; the null silences what the provider decides.
    decided = {name for name in moved if not name.startswith("H06.switching_high_low.")}
    assert decided <= {"H20.self_service.direct.recontact_week_0.25"}


def test_every_parameter_is_shown_once() -> None:
    parameters = SyntheticParameters()
    knobs, others = knobs_table(parameters), parameters_table(parameters)
    assert len(knobs) + len(others) == len(SyntheticParameters.model_fields)
    assert len(knobs) == 14
    assert "voucher effect too good" in set(knobs["a naive estimate then has the"])
    assert len(not_generated_table()) > 5
