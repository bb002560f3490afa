"""Bias, coverage and false positives from replicates, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loyaltylab.validation import check_validation, read_validation
from loyaltylab.validation.results import (
    find_failures,
    find_near_misses,
    read_replicates,
    summarise_method,
)

EXACT = 1e-12


def estimate(value: float, half: float = 1.0, error: float = 0.5) -> dict[str, object]:
    return {"estimate": [value, error, value - half, value + half], "naive": None}


def test_summary_by_hand() -> None:
    """Estimates 1, 2 and 4 with limits one to each side; the truth is 2, one was refused."""
    parts = [estimate(1.0), estimate(2.0), estimate(4.0), {"refused": "no events"}]
    found = summarise_method(parts, truth=2.0, truth_error=0.1)
    assert found["n_replicates"] == 4
    assert found["n_refused"] == 1
    assert found["mean"] == pytest.approx(7 / 3, abs=EXACT)
    assert found["bias"] == pytest.approx(1 / 3, abs=EXACT)
    # squares about the mean: 16/9 + 1/9 + 25/9 = 42/9, over 2
    assert found["spread"] == pytest.approx((7 / 3) ** 0.5, abs=EXACT)
    assert found["bias_error"] == pytest.approx((7 / 9 + 0.01) ** 0.5, abs=EXACT)
    assert found["coverage"] == pytest.approx(2 / 3, abs=EXACT)  # 0..2, 1..3 and not 3..5
    assert found["rejects"] == pytest.approx(2 / 3, abs=EXACT)  # 0..2 touches 0
    assert found["n_naive"] == 0
    assert "naive_mean" not in found


def test_naive_analysis_is_held_against_the_same_truth() -> None:
    parts = [{**estimate(2.0), "naive": [5.0, 0.5, 4.0, 6.0]}, estimate(2.0)]
    found = summarise_method(parts, truth=2.0, truth_error=0.0)
    assert (found["n_naive"], found["naive_bias"], found["naive_coverage"]) == (1, 3.0, 0.0)


def test_without_a_known_truth_there_is_no_coverage() -> None:
    parts = [{**estimate(2.0), "naive": [5.0, 0.5, 4.0, 6.0]}, estimate(0.5)]
    found = summarise_method(parts, truth=float("nan"), truth_error=0.0)
    assert found["rejects"] == 0.5  # 1..3 leaves out 0, -.5..1.5 does not
    assert found["mean"] == 1.25
    assert not {"coverage", "naive_coverage"} & set(found)
    assert find_failures(line(truth=float("nan"), coverage=float("nan"))) == []


def test_a_method_that_always_refuses_has_no_rates() -> None:
    found = summarise_method([{"refused": "no"}] * 2, truth=1.0, truth_error=0.0)
    assert found["n_refused"] == 2
    assert "coverage" not in found


def line(**changed: object) -> dict[str, object]:
    usual = {
        "world": "null", "n_refused": 0, "n_replicates": 200, "truth": 0.0,
        "coverage": 0.95, "coverage_lower": 0.91, "coverage_upper": 0.975,
        "rejects": 0.05, "rejects_lower": 0.025, "rejects_upper": 0.09,
    }  # fmt: skip
    return usual | changed


def test_a_sound_method_has_no_failures() -> None:
    assert find_failures(line()) == []


def test_rates_fail_only_beyond_the_error_of_the_replicates() -> None:
    close = line(coverage=0.91, coverage_lower=0.86, coverage_upper=0.945)
    assert find_failures(close) == []
    short = line(coverage=0.85, coverage_lower=0.79, coverage_upper=0.896)
    assert "85.0 %" in find_failures(short)[0]
    wide = line(coverage=1.0, coverage_lower=0.982, coverage_upper=1.0)
    assert "100.0 %" in find_failures(wide)[0]
    many = line(rejects=0.15, rejects_lower=0.1, rejects_upper=0.2)
    assert "false positives in 15.0 %" in find_failures(many)[0]
    assert find_failures(many | {"truth": 1.0}) == []


def test_near_misses_are_told_apart_from_failures() -> None:
    close = line(coverage=0.915, coverage_lower=0.867, coverage_upper=0.95)
    assert "91.5 %" in find_near_misses(close)[0]
    assert find_near_misses(line()) == []
    assert "false positives in 7.5 %" in find_near_misses(line(rejects=0.075))[0]
    assert find_near_misses(line(coverage=0.85, coverage_upper=0.9)) == []  # that one fails


def test_a_method_that_refuses_too_often_fails() -> None:
    assert "no estimate in 11 of 200" in find_failures(line(n_refused=11))[0]
    assert find_failures(line(n_refused=10)) == []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "validation"
    folder.mkdir(parents=True)
    parts = [estimate(0.1 * k, half=1.0) for k in range(-9, 11)]
    content = {
        "n_customers": 100, "step_days": 7, "confidence_level": 0.95, "seeds": list(range(20)),
        "results": {
            "H01": summarise_method(parts, truth=0.0, truth_error=0.0),
            "H22 placebo": summarise_method(parts, truth=8.0, truth_error=0.0),
        },
        "replicates": {"H01": parts},
    }  # fmt: skip
    (folder / "literature.json").write_text(json.dumps(content), encoding="utf-8")
    wrong = {"H01": summarise_method(parts, truth=8.0, truth_error=0.0)}
    text = json.dumps(content | {"results": wrong})
    (folder / "confounded.json").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_check_of_a_hypothesis_follows_its_rates(root: Path) -> None:
    assert check_validation(root, "H22").status == "failed"  # its placebo never covers
    assert check_validation(root, "H04").status == "not run"
    assert check_validation(root.parent / "empty", "H01").status == "not run"
    # Where its assumptions do not hold it never covers, and that is no fault of the method.
    assert "20 simulated providers" in check_validation(root, "H01").shows


def test_results_and_replicates_are_read_back(root: Path) -> None:
    results = read_validation(root)
    assert results["world"].tolist() == ["literature"] * 2 + ["confounded"]
    replicates = read_replicates(root, world="literature", name="H01")
    assert replicates["value"].iloc[0] == pytest.approx(-0.9, abs=EXACT)
    assert len(replicates) == 20
