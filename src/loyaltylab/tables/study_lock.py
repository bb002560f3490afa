"""Who may work in a study's folder at the same time, so that no two runs mix their results.

``tables`` and ``timeline`` change what every report reads: each works alone. Reports read: several
may work at once, each of one name. Long computations (``truth``, ``moments``, ``validate``) read
nothing that those write; there is one of them at a time. The locks are the system's own: they end
with the process that holds them, however it ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from loyaltylab.errors import BusyError
from loyaltylab.tables.writing import (
    explain_failure,
    finish_swaps,
    has_unfinished_swaps,
    write_text,
)

LOCKS = Path("scratch") / "locks"
DATA = "data"
COMPUTATION = "computation"
REPORT = "report-"
WAIT_SECONDS = 0.1


@contextmanager
def change_data(root: Path, *, name: str) -> Iterator[None]:
    """Work alone in a study's folder; wait for those who work there, and say so.

    Parameters
    ----------
    root : Path
        The study's folder.
    name : str
        Of the stage, for the messages of those who wait.

    Raises
    ------
    StorageError
        If nothing can be written there.
    """
    with _wait(root, name, _take_all):
        finish_swaps(root)
        yield


@contextmanager
def read_data(root: Path, *, name: str) -> Iterator[None]:
    """Work in a study's folder beside others who only read; one report of a name at a time."""
    while True:
        with _wait(root, name, _take_one):
            if not has_unfinished_swaps(root):
                yield
                return
        with change_data(root, name=name):
            pass  # finished what a run that was killed had begun


@contextmanager
def compute_long(root: Path, *, name: str) -> Iterator[None]:
    """Compute for minutes or hours; refuse if another such run does.

    Raises
    ------
    BusyError
        Naming the other run.
    """
    with explain_failure(root / LOCKS), ExitStack() as held:
        (root / LOCKS).mkdir(parents=True, exist_ok=True)
        if not _take(root, COMPUTATION, held):
            raise BusyError(
                f"{_describe_holder(root, COMPUTATION)} computes in this folder already. "
                f"{name} was not started.",
                [
                    "rule: one of truth, moments and validate at a time; fix: wait for it, or stop "
                    "it. What it has done is kept, and the next run goes on from there."
                ],
            )
        _note(root, COMPUTATION, name)
        taken = held.pop_all()
    with taken:
        yield


@contextmanager
def _wait(
    root: Path, name: str, take: Callable[[Path, str, ExitStack], str | None]
) -> Iterator[None]:
    """Try until everything is taken; say once whom the wait is for."""
    has_said = False
    while True:
        with explain_failure(root / LOCKS), ExitStack() as held:
            (root / LOCKS).mkdir(parents=True, exist_ok=True)
            busy = take(root, name, held)
            taken = held.pop_all() if busy is None else None
        if taken is not None:
            break
        if not has_said:
            other = _describe_holder(root, str(busy))
            print(f"{name}: waits for {other}, at work in this folder", file=sys.stderr, flush=True)
            has_said = True
        time.sleep(WAIT_SECONDS)
    with taken:
        yield


def _take_all(root: Path, name: str, held: ExitStack) -> str | None:
    """Take the data, so that no report can begin, and see that none is under way."""
    if not _take(root, DATA, held):
        return DATA
    for path in sorted((root / LOCKS).glob(f"{REPORT}*.lock")):
        if not _take(root, path.stem, held):
            return path.stem
    _note(root, DATA, name)
    return None


def _take_one(root: Path, name: str, held: ExitStack) -> str | None:
    """Take one report; the data only while doing so."""
    with ExitStack() as gate:
        if not _take(root, DATA, gate):
            return DATA
        if not _take(root, f"{REPORT}{name}", held):
            return f"{REPORT}{name}"
    _note(root, f"{REPORT}{name}", name)
    return None


def _take(root: Path, lock: str, held: ExitStack) -> bool:
    taken = FileLock(root / LOCKS / f"{lock}.lock")
    try:
        taken.acquire(blocking=False)
    except Timeout:
        return False
    held.callback(taken.release)
    return True


def _note(root: Path, lock: str, name: str) -> None:
    since = datetime.now(UTC).strftime("%H:%M:%S UTC")
    text = f"{name} (process {os.getpid()}, since {since})"
    write_text(root / LOCKS / f"{lock}.txt", text)


def _describe_holder(root: Path, lock: str) -> str:
    try:
        return (root / LOCKS / f"{lock}.txt").read_text(encoding="utf-8")
    except OSError:
        return "another run"
