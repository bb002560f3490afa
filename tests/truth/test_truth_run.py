"""A run of true values: stopped and resumed, on any number of processes, the same bytes."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import World, WorldOutcome, simulate_world
from loyaltylab.truth import Estimand, build_truth, declare_estimands, run_truth
from loyaltylab.truth import run as truth_run
from loyaltylab.truth.parts import choose_provider

SHORT: dict[str, Any] = {
    "n_customers": 80,
    "window_end": date(2019, 7, 1),
    "entry_months": 6,
    "shock_start": date(2018, 3, 1),
    "shock_end": date(2018, 4, 1),
    "reform_date": date(2018, 9, 1),
    "reform_announced": date(2018, 6, 1),
    "exit_hazard_service_pm": 0.05,  # more leavers than usual, so that a difference shows
}
PARAMETERS = SyntheticParameters(**SHORT)
STUDY = """
source: {kind: synthetic, mapping: null}
study: {seed: 1, confidence_level: 0.95}
synthetic:
  n_customers: 80
  window_end: 2019-07-01
  entry_months: 6
  shock_start: 2018-03-01
  shock_end: 2018-04-01
  reform_date: 2018-09-01
  reform_announced: 2018-06-01
  exit_hazard_service_pm: 0.05
timeline: {merge_gap_days: 0, memory_days: 180}
disclosure: {min_cell: 5}
"""
SEEDS, STEP = (1, 2), 7


def few(parameters: SyntheticParameters) -> tuple[Estimand, ...]:
    """One direct and one total contrast, followed for half a year."""
    chosen = {("desk_reactive_none", "direct"), ("team_day_one", "total")}
    return tuple(
        Estimand(replace(one.contrast, follow_up_months=6), one.measure, 6)
        for one in declare_estimands(parameters)
        if (one.contrast.id, one.contrast.kind) in chosen
        and one.measure in ("restricted_mean", "hazard_ratio")
    )


def build(folder: Path, **given: Any) -> list[dict[str, Any]]:
    arguments = {"seeds": SEEDS, "step_days": STEP, "parts_folder": folder} | given
    return build_truth(PARAMETERS, estimands=few(PARAMETERS), **arguments)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setattr(truth_run, "declare_estimands", few)
    return tmp_path


def count_worlds(monkeypatch: pytest.MonkeyPatch, *, stop_at: int | None = None) -> list[int]:
    """The seeds simulated from now on; being interrupted at one of them."""
    seen: list[int] = []

    def simulate(*arguments: Any, seed: int, **given: Any) -> WorldOutcome:
        if seed == stop_at:
            raise KeyboardInterrupt
        seen.append(seed)
        return simulate_world(*arguments, seed=seed, **given)

    monkeypatch.setattr(truth_run, "simulate_world", simulate)
    return seen


def test_a_run_that_was_stopped_goes_on_and_writes_the_same_bytes(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path_factory.mktemp("whole")
    (whole / "params.yaml").write_text(STUDY, encoding="utf-8")
    expected = run_truth(whole, seeds=SEEDS, step_days=STEP).read_bytes()

    count_worlds(monkeypatch, stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        run_truth(root, seeds=SEEDS, step_days=STEP)
    assert not (root / "data").exists()

    seen = count_worlds(monkeypatch)
    path = run_truth(root, seeds=SEEDS, step_days=STEP)
    assert set(seen) == {2}
    assert path.read_bytes() == expected
    assert path == root / "data" / "truth" / "literature.json"

    seen = count_worlds(monkeypatch)
    assert run_truth(root, seeds=SEEDS[::-1], step_days=STEP).read_bytes() == expected
    assert not seen


def test_any_number_of_processes_gives_the_same(tmp_path: Path) -> None:
    alone = build(tmp_path / "alone")
    together = build(tmp_path / "together", n_processes=2)
    assert json.dumps(together) == json.dumps(alone)
    assert [record["n_seeds"] for record in alone] == [2] * len(alone)
    assert any(record["value"] != 0 for record in alone)


def test_a_world_is_lived_through_once_per_seed_and_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = count_worlds(monkeypatch)
    build(tmp_path, seeds=(1,))
    # Each kind: the world as it is, and two strategies.
    assert len(seen) == 6


def test_kinds_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = build(tmp_path, kinds=("direct",))
    assert {record["kind"] for record in direct} == {"direct"}
    seen = count_worlds(monkeypatch)
    both = build(tmp_path)
    assert len(seen) == 3 * len(SEEDS)
    assert [record for record in both if record["kind"] == "direct"] == direct


@pytest.mark.parametrize("what", ["code", "parameters", "estimands", "step"])
def test_nothing_computed_otherwise_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    estimands, parameters, step = few(PARAMETERS), PARAMETERS, STEP
    build(tmp_path, seeds=(1,), kinds=("direct",))
    if what == "code":
        monkeypatch.setattr(truth_run, "hash_code", lambda: "other")
    if what == "parameters":
        parameters = SyntheticParameters(**SHORT | {"n_customers": 84})
    if what == "estimands":
        estimands = estimands[:1]
    if what == "step":
        step = 14
    seen = count_worlds(monkeypatch)
    build_truth(
        parameters,
        estimands=estimands,
        seeds=(1,),
        kinds=("direct",),
        step_days=step,
        parts_folder=tmp_path,
    )
    assert len(seen) == 3


def test_the_world_as_it_is_replays_itself() -> None:
    # So a direct contrast with things as they are needs no replay of its own.
    lived = simulate_world(PARAMETERS, seed=1, step_days=STEP)
    world = World(environment=lived.environment)
    again = simulate_world(PARAMETERS, seed=1, step_days=STEP, world=world)
    for field in fields(lived):
        if field.name.endswith(("_day", "exit_cause", "n_contacts")):
            np.testing.assert_array_equal(
                getattr(again, field.name), getattr(lived, field.name), err_msg=field.name
            )


def test_those_who_drop_out_of_the_records_do_not_drop_out_of_the_truth(tmp_path: Path) -> None:
    leaky = SyntheticParameters(**SHORT, k_censor=1.0)
    for kind in ("direct", "total"):
        records = build_truth(
            leaky,
            estimands=few(leaky),
            seeds=(1,),
            kinds=(kind,),
            step_days=STEP,
            parts_folder=tmp_path,
        )
        assert records == build(tmp_path, seeds=(1,), kinds=(kind,))


def test_another_preset_and_size_keep_what_the_study_chose(root: Path) -> None:
    path = run_truth(root, seeds=(1,), n_customers=60, preset="null", step_days=STEP)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "null.json"
    assert (content["preset"], content["n_customers"], content["seeds"]) == ("null", 60, [1])
    chosen = choose_provider(PARAMETERS, preset="null", n_customers=None)
    assert chosen == SyntheticParameters(preset="null", **SHORT)
    back = choose_provider(chosen, preset="literature", n_customers=None)
    assert back == PARAMETERS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": ()}, "seeds are"),
        ({"seeds": (1, 1)}, "none twice"),
        ({"seeds": (-1,)}, "none below 0"),
        ({"kinds": ("indirect",)}, "kinds are"),
        ({"kinds": ()}, "kinds are"),
        ({"n_processes": 0}, "n_processes is 0"),
        ({"preset": "nul"}, "preset"),
        ({"n_customers": 3}, "n_customers"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    root: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        run_truth(root, **given)
    assert not (root / "data").exists()


def test_progress_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(tmp_path, seeds=(1,))
    assert "truth: seed 1, total effects: 2 of 2 parts" in capsys.readouterr().err
    build(tmp_path, seeds=(1,))
    assert "truth: 2 of 2 parts kept from an earlier run" in capsys.readouterr().err


# Not about leaving: the bot and a person do not solve equally much.
# What leaving costs a customer is not of the provider's doing, and counts in every world.
SWITCHING = "switching_high_low"
NOT_NULL = {"H20.self_service.direct.recontact_week_0.25"}


def nothing(record: dict[str, Any]) -> float:
    return 1.0 if record["measure"] == "hazard_ratio" else 0.0


def test_where_nothing_matters_every_life_is_the_same(tmp_path: Path) -> None:
    # With the same luck no effect is no difference at all, not one within its error.
    null = SyntheticParameters(preset="null", n_customers=240)
    records = build_truth(
        null, estimands=declare_estimands(null), seeds=(1,), step_days=30, parts_folder=tmp_path
    )
    known = [record for record in records if record["value"] is not None]
    assert len(known) > 300
    acting = {
        record["estimand_id"]
        for record in known
        if record["value"] != nothing(record) and record["contrast"] != SWITCHING
    }
    assert acting <= NOT_NULL
