"""Stages killed with SIGKILL: what can be seen is old or new, and the next run completes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from study_folder import COMPUTED, RESULTS, StudyFolder

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("robust")]

# Calls to the system, one by one, are the matter of tests/tables/test_writing.py.
SHARES_OF_A_RUN = (0.5, 0.85)


@dataclass(frozen=True)
class Stage:
    """A command, what it writes, and what it keeps on the way."""

    command: tuple[str, ...]
    places: tuple[str, ...]
    parts: str = "scratch/none"


STAGES = {
    "tables": Stage(
        ("loyaltylab", "tables"), ("data/tables", "data/quarantine", "data/audits/tables.json")
    ),
    "timeline": Stage(("loyaltylab", "timeline"), ("data/timeline", "data/audits/timeline.json")),
    "report": Stage(
        ("loyaltylab", "report", "retention"),
        (
            "reports/retention.html",
            "reports/figures/retention",
            "findings/retention.json",
            "findings/metrics/retention.json",
        ),
    ),
    "truth": Stage(
        ("few_truths", "truth", "--seeds", "3", "--customers", "100", "--step-days", "7"),
        ("data/truth/literature.json",),
        "scratch/truth",
    ),
    "validate": Stage(
        ("loyaltylab", "validate", "--world", "null", "--replicates", "2", "--customers", "200"),
        ("data/validation/null.json",),
        "scratch/validation",
    ),
}


@pytest.fixture(scope="module")
def undisturbed(small_study: StudyFolder, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """A study whose stages ran in peace."""
    study = small_study.copy(tmp_path_factory.mktemp("undisturbed") / "a study")
    shutil.copy(Path(__file__).with_name("few_truths.py"), study.path)
    for name in ("truth", "validate"):
        study.time(*STAGES[name].command)
    assert not study.leftovers()
    return study


def make_old(study: StudyFolder, stage: Stage) -> None:
    """Give the outputs of a stage other bytes, and forget what it kept on the way."""
    shutil.rmtree(study.path / stage.parts, ignore_errors=True)
    for name in study.hashes(*stage.places):
        with (study.path / name).open("ab") as file:
            file.write(b"old")


def kill_after(study: StudyFolder, stage: Stage, seconds: float) -> None:
    """Kill a stage and its children after some seconds, or sooner if it is done by then."""
    while True:
        process = study.command(*stage.command)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return
        assert process.returncode == 0
        make_old(study, stage)
        seconds /= 2


@pytest.mark.parametrize("name", STAGES)
def test_what_a_killed_stage_leaves_is_whole_and_the_next_run_completes(
    name: str, undisturbed: StudyFolder, tmp_path: Path
) -> None:
    stage, expected = STAGES[name], undisturbed.hashes(*RESULTS, *COMPUTED)
    study = undisturbed.copy(tmp_path / "a study")
    make_old(study, stage)
    new, old = undisturbed.hashes(*stage.places), study.hashes(*stage.places)
    assert new.keys() == old.keys()
    for share in SHARES_OF_A_RUN:
        kill_after(study, stage, share * study.seconds[stage.command])
        assert study.hashes(*stage.places) in (old, new)
    code, output = study.run(*stage.command)
    assert code == 0, output
    assert study.hashes(*RESULTS, *COMPUTED) == expected
    assert not study.leftovers()


def test_outputs_that_a_killed_run_had_not_moved_are_moved_by_the_next_command(
    small_study: StudyFolder, study: StudyFolder
) -> None:
    data = study.path / "data"
    (data / "tables").rename(data / ".tables.new")
    (data / "audits" / "tables.json").rename(data / "audits" / ".tables.json.new")
    journal = study.path / "scratch" / "swaps" / "tables.json"
    journal.write_text('["data/tables", "data/quarantine", "data/audits/tables.json"]')
    code, output = study.run("loyaltylab", "timeline")
    assert code == 0, output
    assert study.results() == small_study.results()
    assert not study.leftovers()


def test_what_a_killed_run_had_not_finished_is_never_taken_for_data(
    small_study: StudyFolder, study: StudyFolder
) -> None:
    shutil.copytree(study.path / "data" / "tables", study.path / "data" / ".tables.new")
    (study.path / "data" / "audits" / ".tables.json.new").touch()
    code, output = study.run("loyaltylab", "tables")
    assert code == 0, output
    assert study.results() == small_study.results()
    assert not study.leftovers()
