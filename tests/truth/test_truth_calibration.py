"""Moments over seeds: computed once, kept, averaged, and read back for the same provider only."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from loyaltylab.errors import EstimationError, ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.truth import calibration, read_calibration, run_calibration

SMALL = {
    "n_customers": 400,
    "window_start": "2019-06-01",
    "entry_months": 12,
    "window_end": "2022-03-01",
    "exit_hazard_service_pm": 0.03,  # enough leavers for every moment of so few customers
    "exit_hazard_competitor_pm": 0.03,
}
EXACT = 1e-12


@pytest.fixture
def root(tmp_path: Path) -> Path:
    content = {
        "source": {"kind": "synthetic", "mapping": None},
        "study": {"seed": 1, "confidence_level": 0.95},
        "synthetic": SMALL,
        "timeline": {"merge_gap_days": 0, "memory_days": 180},
        "disclosure": {"min_cell": 5},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return tmp_path


def test_moments_are_kept_and_read_back(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run_calibration(root, seeds=(1, 2))
    first = path.read_bytes()
    frame = read_calibration(root, parameters=SyntheticParameters(**SMALL))
    assert {"wait before", "want to leave and have not asked"} <= set(frame.index)
    assert "rated good in the shock, without lenience" in frame.index
    assert (frame["n_seeds"] == 2).all()
    assert (frame["n_customers"] == SMALL["n_customers"]).all()
    capsys.readouterr()
    assert run_calibration(root, seeds=(1, 2)).read_bytes() == first
    assert "2 of 2 parts kept" in capsys.readouterr().err


def test_lenience_and_word_of_mouth_are_taken_away_alone(root: Path) -> None:
    path = run_calibration(root, seeds=(1, 2))
    found = {one["moment"]: one for one in json.loads(path.read_text("utf-8"))["moments"]}
    usual, strict = (
        found[name]["mean"]
        for name in ("rated good in the shock", "rated good in the shock, without lenience")
    )
    assert strict < usual


def records(values: list[float | None], target: float) -> list[list[dict[str, object]]]:
    names = {"moment": "m", "unit": "share", "target": target, "source": "s"}
    return [[{**names, "value": value}] for value in values]


def test_a_target_is_met_where_one_more_world_would_lie() -> None:
    # Logs 0, 1, 2: mean 1, sd 1. Student's law with 2 degrees of freedom has x / sqrt(2 + x^2) =
    # .95 at its .975 quantile, 4.302653: one more world's log lies within 4.968275 of 1.
    values = [1.0, math.e, math.e**2]
    (summary,) = calibration.summarise(records(values, math.exp(5.96)))
    assert summary["mean"] == pytest.approx(sum(values) / 3, abs=EXACT)
    assert summary["mc_se"] == pytest.approx(summary["sd"] / math.sqrt(3), abs=EXACT)
    half = 0.95 * math.sqrt(2 / (1 - 0.95**2)) * math.sqrt(4 / 3)
    assert summary["upper"] == pytest.approx(math.exp(1 + half), rel=EXACT)
    assert summary["lower"] == pytest.approx(math.exp(1 - half), rel=EXACT)
    assert summary["is_met"]
    assert not calibration.summarise(records(values, math.exp(5.97)))[0]["is_met"]


def test_a_moment_that_some_world_lacks_stops_it() -> None:
    with pytest.raises(EstimationError, match="2 of 3 worlds have no such events"):
        calibration.summarise(records([1.0, None, 0.0], 2.0))


def test_one_seed_has_no_spread(root: Path) -> None:
    with pytest.raises(ParameterError, match="at least two"):
        run_calibration(root, seeds=(1,))


def test_other_parameters_have_no_moments(root: Path) -> None:
    with pytest.raises(ParameterError, match="loyaltylab moments"):
        read_calibration(root, parameters=SyntheticParameters(incident_rate_pm=0.11))
