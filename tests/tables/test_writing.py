"""Everything is written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from loyaltylab.errors import StorageError
from loyaltylab.tables.writing import (
    describe_failure,
    finish_swaps,
    has_unfinished_swaps,
    swap_in,
    work_folder,
    write_text,
)

SOURCE = Path(__file__).parents[2] / "src"
MEMORY_DISK = Path("/dev/shm")
DEAD = 2**22 + 1  # more than Linux and macOS give to any process


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(root: Path, **files: str) -> None:
    with swap_in(root, name="stage") as outputs:
        new = outputs.folder("data/folder")
        for name, text in files.items():
            write_text(new / name, text)
        write_text(outputs.file("data/audit.json"), " ".join(files.values()))


class TestFile:
    def test_text_that_cannot_be_written_leaves_the_old(self, tmp_path: Path) -> None:
        write_text(tmp_path / "x.txt", "old")
        with pytest.raises(UnicodeEncodeError):
            write_text(tmp_path / "x.txt", "\ud800")
        assert contents(tmp_path) == {"x.txt": b"old"}

    def test_a_refusal_of_the_system_leaves_the_old_and_is_explained(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        write_text(tmp_path / "x.txt", "old")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError) as caught:
            write_text(tmp_path / "x.txt", "new")
        assert contents(tmp_path) == {"x.txt": b"old"}
        assert str(tmp_path / "x.txt") in caught.value.summary
        assert [line.split(":")[0] for line in caught.value.problems] == [
            "the system says", "free on that disk", "fix"
        ]  # fmt: skip
        assert "free some space" in caught.value.problems[-1]

    def test_line_ends_stay_as_they_are(self, tmp_path: Path) -> None:
        write_text(tmp_path / "x.txt", "a\r\nb\n")
        assert (tmp_path / "x.txt").read_bytes() == b"a\r\nb\n"

    def test_a_secret_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        write_text(tmp_path / "key", "secret", mode=0o600)
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600

    def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(self, tmp_path: Path) -> None:
        living = tmp_path / f".x.txt.{os.getppid()}.new"
        for leftover in (tmp_path / f".x.txt.{DEAD}.new", living):
            leftover.write_text("half")
        write_text(tmp_path / "x.txt", "new")
        assert contents(tmp_path) == {"x.txt": b"new", living.name: b"half"}


class TestSet:
    def test_new_content_replaces_all_of_the_old(self, tmp_path: Path) -> None:
        put(tmp_path, old="1")
        put(tmp_path, new="2")
        assert contents(tmp_path / "data" / "folder") == {"new": b"2"}
        assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
            "audit.json", "folder"
        ]  # fmt: skip
        assert not has_unfinished_swaps(tmp_path)

    @pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
    def test_a_failure_while_writing_leaves_the_old(
        self, tmp_path: Path, failure: type[BaseException]
    ) -> None:
        put(tmp_path, file="old")
        with pytest.raises(failure), swap_in(tmp_path, name="stage") as outputs:
            write_text(outputs.file("data/audit.json"), "new")
            write_text(outputs.folder("data/folder") / "half", "rows about customers")
            raise failure
        assert contents(tmp_path / "data" / "folder") == {"file": b"old"}
        assert (tmp_path / "data" / "audit.json").read_text() == "old"
        assert not list((tmp_path / "data").rglob(".*"))

    def test_a_move_that_the_system_refuses_is_made_by_the_next_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path, file="old")
        rename = Path.rename

        def fail(self: Path, target: Path) -> Path:
            if self.name.endswith(".new"):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return rename(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", fail)
            with pytest.raises(StorageError, match="the next run moves them"):
                put(tmp_path, file="new")
        assert contents(tmp_path / "data" / "folder") == {"file": b"old"}
        assert has_unfinished_swaps(tmp_path)
        finish_swaps(tmp_path)
        assert contents(tmp_path / "data" / "folder") == {"file": b"new"}
        assert (tmp_path / "data" / "audit.json").read_text() == "new"

    def test_a_folder_kept_on_another_disk_stays_there(self, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        (tmp_path / "data").mkdir()
        elsewhere.mkdir()
        (tmp_path / "data" / "folder").symlink_to(elsewhere)
        put(tmp_path, file="new")
        assert (tmp_path / "data" / "folder").is_symlink()
        assert contents(elsewhere) == {"file": b"new"}

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
    def test_killed_before_any_call_to_the_system_it_is_all_old_or_all_new(
        self, tmp_path: Path
    ) -> None:
        script = Path(__file__).with_name("crash_points.py")
        # Thousands of small files: in memory where there is such a disk, for a busy one is slow.
        in_memory = MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK | os.X_OK) else tmp_path
        with tempfile.TemporaryDirectory(dir=in_memory) as folder:
            done = subprocess.run(
                [sys.executable, str(script), folder],
                env=os.environ | {"PYTHONPATH": str(SOURCE)},
                capture_output=True,
                text=True,
            )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["set"]["old"] >= 20
        assert found["set"]["moved by the next run"] >= 5
        assert found["set"]["new"] >= 5
        assert found["file"]["old"] >= 3


def test_a_work_folder_begins_empty_and_goes(tmp_path: Path) -> None:
    (tmp_path / "work" / "left").mkdir(parents=True)
    with work_folder(tmp_path / "work") as folder:
        assert not list(folder.iterdir())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (".x.json.123.new", "x.json"),
        (".tables.new", "tables"),
        (".tables.old", "tables"),
        (".tables.new/a.parquet", "tables/a.parquet"),
        (".hidden", ".hidden"),
    ],
)
def test_the_message_names_the_place_and_not_what_lies_beside_it(
    tmp_path: Path, name: str, told: str
) -> None:
    error = OSError(errno.EROFS, "read-only", str(tmp_path / name))
    found = describe_failure(error, path=Path("unused"))
    assert found.summary.startswith(f"Could not write {tmp_path / told}.")


@pytest.mark.parametrize("act", [lambda root: put(root, file="new"), finish_swaps])
def test_a_journal_without_its_outputs_changes_nothing(
    tmp_path: Path, act: Callable[[Path], None]
) -> None:
    put(tmp_path, file="old")
    write_text(tmp_path / "scratch" / "swaps" / "other.json", '["data/folder", "data/none"]')
    act(tmp_path)
    assert set(contents(tmp_path / "data" / "folder")) == {"file"}
