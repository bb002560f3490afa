"""The page about validation says which methods fail, which are open, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from loyaltylab.reports.validation import (
    coverage_estimates,
    coverage_forest,
    failures_table,
    naive_table,
    results_table,
    rules_in_words,
    validation_answer,
)
from loyaltylab.validation import read_validation
from loyaltylab.validation.worlds import WORLDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results():
    return read_validation(ROOT)


def test_kept_results_are_of_two_hundred_replicates_in_every_world(results) -> None:
    assert set(results["world"]) == set(WORLDS)
    assert (results["n_replicates"] >= 200).all()
    # What a change of provider costs is the customer's own, so H06 has an effect in the null too.
    decided = results[(results["world"] == "null") & (results["method"] != "H06")]
    assert set(decided["truth"].dropna()) == {0.0}


def test_every_method_has_its_result_and_reason(results) -> None:
    table = failures_table(results)
    assert {"H01", "H03", "H04", "H17", "H22"} <= set(table["method"])
    assert set(table["result"]) <= {"sound", "open", "fails"}
    assert table["why"].str.len().min() > 10


def test_a_failing_method_is_named_in_the_answer(results) -> None:
    wrong = results.assign(
        coverage_upper=results["coverage_upper"].where(results["method"] != "H17", 0.5),
        coverage_lower=results["coverage_lower"].where(results["method"] != "H17", 0.4),
    )
    assert "Those of H17" in validation_answer(wrong)
    assert failures_table(wrong).set_index("method").loc["H17", "result"] == "fails"


def test_tables_have_a_line_for_every_trial(results) -> None:
    assert len(results_table(results)) == len(results)
    n_known = int(results["coverage"].notna().sum())
    assert len(coverage_forest(results)) == len(coverage_estimates(results)) == n_known
    assert naive_table(results)["the mistake"].str.contains("immortal time").any()
    assert "Failing" in rules_in_words()
