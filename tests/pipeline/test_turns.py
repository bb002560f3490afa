"""Two runs at once: they take turns, or the second refuses; nothing is mixed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from study_folder import StudyFolder

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("robust")]

DEADLINE_SECONDS = 60
VALIDATE = ("validate", "--world", "null", "--replicates", "20", "--customers", "200")
TRUTH = ("truth", "--seeds", "1", "--customers", "200")


class Halted:
    """A command of the study, halted once it has its turn."""

    def __init__(self, study: StudyFolder, lock: str, *command: str) -> None:
        self.process = study.command("loyaltylab", *command)
        note = study.path / "scratch" / "locks" / f"{lock}.txt"
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (note.is_file() and f"process {self.process.pid}," in note.read_text("utf-8")):
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "it never had its turn"
            time.sleep(0.01)
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, output


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a failing test must not leave behind."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(
    ("first", "lock", "second"),
    [
        (("tables",), "data", ("tables",)),
        (("tables",), "data", ("index",)),
        (("report", "retention"), "report-retention", ("report", "retention")),
        (("report", "retention"), "report-retention", ("timeline",)),
    ],
    ids=["tables, tables", "tables, index", "report, same report", "report, timeline"],
)
def test_the_second_run_waits_says_for_whom_and_changes_nothing_else(
    first: tuple[str, ...],
    lock: str,
    second: tuple[str, ...],
    small_study: StudyFolder,
    study: StudyFolder,
    processes: list[subprocess.Popen[str]],
) -> None:
    running = Halted(study, lock, *first)
    waiting = study.command("loyaltylab", *second)
    processes += [running.process, waiting]
    said = read_line(waiting)
    assert f"{second[-1]}: waits for {first[-1]} (process {running.process.pid}, since " in said
    running.go_on()
    code, output = running.end()
    assert code == 0, output
    output, _ = waiting.communicate(timeout=DEADLINE_SECONDS)
    assert waiting.returncode == 0, output
    assert study.results() == small_study.results()
    assert not study.leftovers()


def test_two_different_reports_run_at_once(
    study: StudyFolder, processes: list[subprocess.Popen[str]]
) -> None:
    running = Halted(study, "report-retention", "report", "retention")
    processes.append(running.process)
    code, output = study.run("loyaltylab", "index")
    assert code == 0, output
    assert "waits" not in output
    assert running.process.poll() is None


def test_a_second_long_computation_is_refused_and_may_run_after_the_first_is_killed(
    study: StudyFolder, processes: list[subprocess.Popen[str]]
) -> None:
    running = Halted(study, "computation", *VALIDATE)
    processes.append(running.process)
    code, output = study.run("loyaltylab", *TRUTH)
    assert code == 1
    assert re.search(rf"error: validate \(process {running.process.pid}, since .+\) com", output)
    assert "Traceback" not in output
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.communicate()
    code, output = study.run("loyaltylab", *VALIDATE, "--replicates", "2")
    assert code == 0, output


def test_a_lock_whose_holder_was_killed_is_free(
    small_study: StudyFolder, study: StudyFolder, processes: list[subprocess.Popen[str]]
) -> None:
    running = Halted(study, "data", "tables")
    processes.append(running.process)
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.communicate()
    code, output = study.run("loyaltylab", "tables")
    assert code == 0, output
    assert "waits" not in output
    assert study.results() == small_study.results()
    assert (Path(study.path) / "scratch" / "locks" / "data.lock").exists()
