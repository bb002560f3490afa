"""A full disk, a folder that can only be read, no memory: one message, and nothing changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import snapshot_file
from limited import CANNOT
from study_folder import COMPUTED, RESULTS, StudyFolder

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("robust")]

LIMITED = str(Path(__file__).with_name("limited.py"))
MEGABYTE = 2**20
VALIDATE = ("validate", "--world", "null", "--replicates", "2", "--customers", "200")
# In a space of its own: a small disk, or one that can only be read, in the place of data/.
FULL_DISK = """
cp -a data kept && mount -t tmpfs -o size={size}k none data && cp -a kept/. data || exit 77
"$@"; code=$?
rm -rf seen && cp -a data seen && exit $code
"""
READ_ONLY_DISK = """
mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" || exit 77
exec "$@"
"""


def run_limited(study: StudyFolder, kind: str, amount: int, *command: str) -> tuple[int, str]:
    process = study.start(sys.executable, LIMITED, kind, str(amount), *command)
    output, _ = process.communicate()
    if process.returncode == CANNOT:
        pytest.skip(f"this system does not limit {kind}")
    return process.returncode, output


def run_mounted(study: StudyFolder, script: str, *command: str) -> tuple[int, str]:
    """Run a command in a space of mounts of its own, where the system lets one have it."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("needs Linux and unshare")
    for options in (("-m",), ("-r", "-m")):
        if subprocess.run(["unshare", *options, "true"], capture_output=True).returncode == 0:
            break
    else:
        pytest.skip("this system gives no space of mounts of one's own")
    arguments = (sys.executable, "-m", "loyaltylab", *command)
    process = study.start("unshare", *options, "sh", "-c", script, "sh", *arguments)
    output, _ = process.communicate()
    if process.returncode == CANNOT:
        pytest.skip("this system mounts nothing for one")
    return process.returncode, output


def check_message(code: int, output: str, *parts: str) -> None:
    assert code == 1, output
    assert "Traceback" not in output
    assert "error: " in output
    for part in parts:
        assert part in output, output


@pytest.mark.parametrize(
    ("command", "n_bytes", "place"),
    [
        (("tables",), 20_000, "data/tables/"),
        (("timeline",), 20_000, "data/timeline/spells.parquet"),
        (VALIDATE, 200, "1001.json"),
    ],
    ids=["tables", "timeline", "validate"],
)
def test_a_file_that_may_not_grow_changes_nothing(
    study: StudyFolder, command: tuple[str, ...], n_bytes: int, place: str
) -> None:
    before = study.hashes(*RESULTS, *COMPUTED)
    code, output = run_limited(study, "file-size", n_bytes, *command)
    check_message(code, output, "Could not write", place, "File too large", "free on that disk")
    assert study.hashes(*RESULTS, *COMPUTED) == before
    assert not study.leftovers()


def test_a_report_whose_files_may_not_grow_changes_nothing(study: StudyFolder) -> None:
    before = study.results()
    code, output = run_limited(study, "file-size", 20_000, "report", "retention")
    check_message(code, output, "File too large")
    assert study.results() == before
    assert not study.leftovers()


def test_a_full_disk_changes_nothing(study: StudyFolder) -> None:
    held = sum(path.stat().st_size for path in (study.path / "data").rglob("*") if path.is_file())
    n_files = sum(1 for _ in (study.path / "data").rglob("*"))
    script = FULL_DISK.format(size=held // 1024 + 4 * n_files + 100)
    code, output = run_mounted(study, script, "tables")
    check_message(code, output, "Could not write", "No space left on device", "free some space")
    seen = StudyFolder(study.path / "seen").hashes(".")
    assert seen == StudyFolder(study.path / "data").hashes(".")


def test_a_disk_that_can_only_be_read_is_named(study: StudyFolder) -> None:
    code, output = run_mounted(study, READ_ONLY_DISK, "tables")
    check_message(code, output, "Could not write", "Read-only file system", "copy the study")


@pytest.mark.parametrize("place", ["data", "data/audits", "scratch/locks"])
def test_a_folder_without_permission_is_named_and_nothing_changed(
    study: StudyFolder, place: str
) -> None:
    before, folder = study.results(), study.path / place
    folder.chmod(0o555)
    for file in folder.glob("*.lock"):
        file.chmod(0o444)
    try:
        code, output = run_limited(study, "permissions", 0, "tables")
    finally:
        folder.chmod(0o755)
    check_message(code, output, f"Could not write {folder}", "Permission denied", "chmod u+rw")
    assert study.results() == before
    assert not study.leftovers()


def test_a_source_that_may_not_be_read_is_named(study: StudyFolder) -> None:
    before, path = study.results(), study.path / "params.yaml"
    path.chmod(0o000)
    try:
        code, output = run_limited(study, "permissions", 0, "tables")
    finally:
        path.chmod(0o644)
    check_message(code, output, f"Could not read or write {path}", "Permission denied")
    assert study.results() == before


def test_a_file_too_large_for_the_memory_is_named(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, raw = study.results(), study.path / "data" / "raw" / "telco.csv"
    monkeypatch.setattr(snapshot_file, "N_ROWS", 60_000)
    snapshot_file.write_snapshot(raw)
    study.change("source", kind="delimited", mapping="data/mappings/telco.yaml")
    code, output = run_limited(study, "memory", 30 * MEGABYTE, "tables")
    size = f"data/raw/telco.csv holds {raw.stat().st_size / 1e6:,.1f} MB"
    check_message(code, output, "Out of memory", size, "this process may take", "up to 10 times")
    assert study.results() == before
    assert not study.leftovers()
