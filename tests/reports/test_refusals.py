"""What is said when the system gives no memory, or lets nothing be read or written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from loyaltylab.reports.refusals import (
    MEMORY_ADVICE,
    describe_memory_failure,
    describe_refusal,
    describe_scarce_disk,
    is_refusal,
)


def test_without_memory_the_largest_files_are_named_and_what_needs_less(tmp_path: Path) -> None:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    for name, n_bytes in (("a", 1), ("b", 2_000_000), ("c", 3), ("d", 4)):
        (tmp_path / "data" / "raw" / name).write_bytes(b"x" * n_bytes)
    problems = describe_memory_failure(tmp_path).problems
    assert problems[0] == "data/raw/b holds 2.0 MB"
    assert [line.split()[0] for line in problems if " holds " in line] == [
        "data/raw/b", "data/raw/d", "data/raw/c"
    ]  # fmt: skip
    assert problems[-len(MEMORY_ADVICE) :] == tuple(f"fix: {text}" for text in MEMORY_ADVICE)


def test_without_memory_and_without_data_there_is_still_advice(tmp_path: Path) -> None:
    assert describe_memory_failure(tmp_path).problems[-1].startswith("fix: ")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (PermissionError(errno.EACCES, "no"), True),
        (FileNotFoundError(errno.ENOENT, "none"), True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False),
        (OSError("no number"), False),
    ],
)
def test_only_what_a_user_can_mend_is_a_refusal(error: OSError, expected: bool) -> None:
    assert is_refusal(error) == expected


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(FileNotFoundError) as caught:
        path.read_text()
    found = describe_refusal(caught.value)
    assert str(path) in found.summary
    assert os.strerror(errno.ENOENT) in found.problems[0]


@pytest.mark.parametrize(("free", "n_lines"), [(9_000_000, 1), (11_000_000, 0)])
def test_a_disk_is_named_when_it_is_as_good_as_full(
    free: int, n_lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert len(describe_scarce_disk(tmp_path)) == n_lines
