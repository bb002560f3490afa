"""A validation of two small providers: what is kept, and that it goes on where it stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from loyaltylab.analyses.primary import HORIZON_MONTHS, PLACEBO
from loyaltylab.errors import ParameterError
from loyaltylab.params import load_parameters
from loyaltylab.validation import run_validation
from loyaltylab.validation.methods import METHODS, methods_of
from loyaltylab.validation.worlds import WORLDS, provider_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    shutil.copy(ROOT / "params.yaml", root)
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    shutil.copytree(ROOT / "data" / "truth", root / "data" / "truth")
    return root


def run(root: Path, **changed: object) -> Path:
    options = {"worlds": ("literature",), "n_replicates": 2, "n_customers": 2000}
    return run_validation(root, **(options | changed))[0]


def test_replicates_are_kept_and_taken_up_again(study: Path) -> None:
    path = run(study)
    first = path.read_bytes()
    content = json.loads(first)
    assert content["seeds"] == [1001, 1002]
    assert list(content["results"]) == sorted(method.name for method in methods_of("literature"))
    assert all(len(parts) == 2 for parts in content["replicates"].values())
    assert content["results"]["H04"]["n_refused"] == 0
    parts = sorted((study / "scratch" / "validation").rglob("*.json"))
    assert len(parts) == 2
    parts[0].unlink()
    times = parts[1].stat().st_mtime_ns
    assert run(study).read_bytes() == first
    assert parts[1].stat().st_mtime_ns == times


def test_unknown_worlds_and_single_replicates_are_refused(study: Path) -> None:
    with pytest.raises(ParameterError) as caught:
        run(study, worlds=("tomorrow",), n_replicates=1)
    assert len(caught.value.problems) == 2


def test_every_method_has_a_truth_in_every_preset() -> None:
    for preset in ("literature", "null", "adverse"):
        path = ROOT / "data" / "truth" / f"{preset}.json"
        known = {
            one["estimand_id"]: one["value"]
            for one in json.loads(path.read_text(encoding="utf-8"))["true_values"]
        }
        for method in methods_of(preset):
            if isinstance(method.truth, str):
                assert known[method.truth] is not None, (preset, method.name)


def test_the_null_world_leaves_out_what_cannot_be_compared_there() -> None:
    tried = {method.name for method in methods_of("null")}
    assert "H22" not in tried
    assert set(HORIZON_MONTHS) - {"H22"} <= tried
    assert {*HORIZON_MONTHS, PLACEBO} <= {method.name for method in methods_of("adverse")}
    assert {method.naive_reason == "" for method in METHODS.values() if method.naive} == {False}


def test_a_confounded_world_has_its_knobs_and_its_own_truth(study: Path) -> None:
    world = WORLDS["confounded"]
    usual = load_parameters(study).synthetic
    changed = provider_of(usual, world, n_customers=300)
    assert changed.k_save_route == 1.0
    assert changed.team_rollout == usual.team_rollout
    assert not world.is_identified
