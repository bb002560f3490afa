"""Parts of a long computation: one that dies takes nothing else with it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from loyaltylab.errors import OutOfMemoryError
from loyaltylab.truth.parts import carry_out


@dataclass(frozen=True)
class Number:
    """A part that keeps its number, or is killed as a system without memory kills."""

    number: int
    path: Path

    @property
    def name(self) -> str:
        return f"number {self.number}"


def keep(task: Number) -> Number:
    if task.number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    task.path.write_text(str(task.number))
    return task


def test_a_process_killed_from_outside_is_explained_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / "first", tmp_path / "second"]
    with pytest.raises(OutOfMemoryError, match="fewer --processes"):
        carry_out([Number(-1, paths[0]), Number(-2, paths[1])], keep, n_processes=2)
    assert not any(path.exists() for path in paths)
    carry_out([Number(1, paths[0]), Number(2, paths[1])], keep, n_processes=2)
    assert [path.read_text() for path in paths] == ["1", "2"]
