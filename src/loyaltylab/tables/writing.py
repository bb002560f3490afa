"""The one edge through which the study writes: whole or not at all, whatever happens meanwhile.

A file is written beside its place and moved there in one step. Outputs that belong together are all
written beside their places, then named in a journal, and only then moved: a run that dies before
the journal has changed nothing, and one that dies after it is finished by the next run.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from loyaltylab.errors import StorageError

JOURNALS = Path("scratch") / "swaps"
MEGABYTE = 10**6
NOT_YET_MOVED = "The new outputs lie beside the old; the next run moves them."
UNCHANGED = "What was there before is unchanged."
FIXES = {
    errno.ENOSPC: "free some space on that disk, or move the study's folder to a larger one",
    errno.EDQUOT: "free some space of your quota, or have it raised",
    errno.EFBIG: "have the largest size of a file raised (`ulimit -f` shows it)",
    errno.EROFS: "that disk can only be read; copy the study's folder to one you can write to",
    errno.EACCES: "allow yourself to read and write there (`chmod u+rw`), or work on a copy",
    errno.EPERM: "allow yourself to write there, or copy the study's folder to one of your own",
    errno.EIO: "that disk reports a fault; copy the study's folder to another one",
    errno.EMFILE: "close other programs, or have more files opened at once (`ulimit -n`)",
}


def write_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a text file whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made if there is none.
    text : str
        Written as UTF-8, line ends as they are.
    mode : int
        Permissions of the file, less the user's mask.

    Raises
    ------
    StorageError
        If it cannot be written; what was there is still there.
    """
    content = text.encode("utf-8")
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    with explain_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.replace(new, path)  # noqa: PTH105 - beside os.fsync
        finally:
            new.unlink(missing_ok=True)


class StagedOutputs:
    """Outputs that are moved to their places together; made by :func:`swap_in`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places: list[str] = []

    def folder(self, place: str) -> Path:
        """An empty folder that will replace the one at ``place``, a path relative to the root."""
        new = self.file(place)
        new.mkdir()
        return new

    def file(self, place: str) -> Path:
        """Where to write the file that will replace the one at ``place``."""
        new = _find(self.root, place).new
        new.parent.mkdir(parents=True, exist_ok=True)
        _remove(new)  # of a run that was killed
        self.places.append(place)
        return new


@contextmanager
def swap_in(root: Path, *, name: str) -> Iterator[StagedOutputs]:
    """Write outputs beside their places; at the end all of them are moved there, or none.

    Parameters
    ----------
    root : Path
        The study's folder.
    name : str
        Of the stage: two stages at once must not share one.

    Raises
    ------
    StorageError
        If something cannot be written; every place is as it was.
    """
    outputs, journal = StagedOutputs(root), root / JOURNALS / f"{name}.json"
    try:
        with explain_failure(root):
            yield outputs
            for place in outputs.places:
                _settle(_find(root, place).new)
        write_text(journal, json.dumps(outputs.places))
    except BaseException:
        # Also on Ctrl-C: rows about customers do not stay behind in a hidden folder.
        for place in outputs.places:
            with suppress(OSError):
                _remove(_find(root, place).new)
        raise
    _finish(root, journal)


@contextmanager
def work_folder(path: Path) -> Iterator[Path]:
    """An empty folder to work in; it is gone afterwards, and what a killed run left goes first."""
    with explain_failure(path):
        _remove(path)
        path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def has_unfinished_swaps(root: Path) -> bool:
    """Whether a run died while it moved its outputs to their places."""
    return any((root / JOURNALS).glob("[!.]*.json"))


def finish_swaps(root: Path) -> None:
    """Move the outputs of runs that died meanwhile; nothing else may run in this folder."""
    for journal in sorted((root / JOURNALS).glob("[!.]*.json")):
        _finish(root, journal)


@contextmanager
def explain_failure(path: Path, *, outcome: str = UNCHANGED) -> Iterator[None]:
    """Turn the system's refusal to write into a :class:`StorageError`."""
    try:
        yield
    except OSError as error:
        raise describe_failure(error, path=path, outcome=outcome) from error


def describe_failure(
    error: OSError, *, path: Path, what: str = "write", outcome: str = UNCHANGED
) -> StorageError:
    """What could not be written, why, how much room there is, and what to do.

    Parameters
    ----------
    error : OSError
    path : Path
        What was being written, where the error does not say.
    what : str
        What was tried, as a verb.
    outcome : str
        What holds now, in a sentence.
    """
    named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else path
    place = Path(*(re.sub(r"^\.(.+?)(\.\d+)?\.(new|old)$", r"\1", part) for part in named.parts))
    reason = os.strerror(error.errno) if error.errno else str(error)
    problems = [f"the system says: {reason}"]
    existing = next((one for one in (place, *place.absolute().parents) if one.exists()), None)
    if existing is not None:
        with suppress(OSError):
            free = shutil.disk_usage(existing).free
            problems.append(f"free on that disk: {free / MEGABYTE:,.1f} MB")
    fix = FIXES.get(error.errno or 0, "look whether that place exists and can be written to")
    problems.append(f"fix: {fix}; then run the same command again")
    return StorageError(f"Could not {what} {place}. {outcome}", problems)


class _Place(NamedTuple):
    """An output, the new one beside it, and where the old one waits until the new one is there."""

    path: Path
    new: Path
    old: Path


def _find(root: Path, place: str) -> _Place:
    path = root / place
    if path.is_symlink() and path.is_dir():  # the user keeps the folder on another disk
        path = path.resolve()
    return _Place(path, *(path.with_name(f".{path.name}.{suffix}") for suffix in ("new", "old")))


def _finish(root: Path, journal: Path) -> None:
    """Move every output that is still beside its place; doing it twice changes nothing."""
    with explain_failure(root, outcome=NOT_YET_MOVED):
        places: list[str] = json.loads(journal.read_text(encoding="utf-8"))
        for place in places:
            _move_in(_find(root, place))
        journal.unlink()


def _move_in(place: _Place) -> None:
    path, new, old = place
    if new.is_dir():
        if path.exists():
            _remove(old)
            path.rename(old)  # a folder cannot be replaced in one step
        try:
            new.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    elif new.exists():
        new.replace(path)
    _settle(path.parent, whole=False)
    if path.exists():
        _remove(old)


def _settle(path: Path, *, whole: bool = True) -> None:
    """Have the disk itself hold what was written, so that a power cut loses none of it."""
    if path.is_dir() and whole:
        for inside in path.iterdir():
            _settle(inside)
    with suppress(PermissionError):  # some systems do not open folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what runs that were killed left beside a file."""
    for leftover in path.parent.glob(f".{_literal(path.name)}.*.new"):
        number = leftover.name.removesuffix(".new").rpartition(".")[2]
        if number.isdecimal() and not _is_running(int(number)):
            leftover.unlink(missing_ok=True)


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # asking would end it there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
