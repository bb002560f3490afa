"""Kill writers with SIGKILL before each of their calls to the system, and look at what is left.

Run as a script: forking is safe in a process without threads. Prints what it found as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from loyaltylab.tables.writing import finish_swaps, has_unfinished_swaps, swap_in, write_text

WATCHED = {
    "halfway", "open", "os.fsync", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.listdir",
    "os.scandir", "shutil.rmtree",
}  # fmt: skip
PLACES = {"data/tables": ("a.txt", "b.txt"), "data/quarantine": ("c.txt",), "data/audit.json": ()}


def write_all(root: Path, text: str) -> None:
    """Two folders and a file that belong together, each file in two goes."""
    with swap_in(root, name="tables") as outputs:
        for place, names in PLACES.items():
            new = outputs.folder(place) if names else outputs.file(place)
            for path in [new / name for name in names] or [new]:
                with path.open("w") as file:
                    file.write(text)
                    file.flush()
                    sys.audit("halfway")
                    file.write(text)


def write_one(root: Path, text: str) -> None:
    write_text(root / "data" / "one.json", text * 2)


def seen(root: Path) -> dict[str, str]:
    """What lies at the places, hidden files left out."""
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted((root / "data").rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts[-3:])
    }


def hidden(root: Path) -> list[str]:
    return [str(path) for path in (root / "data").rglob(".*")]


def killed_at(number: int, act: Callable[[], None]) -> bool:
    """Do something in a process of its own that dies before its n-th call; whether it died."""
    child = os.fork()
    if child == 0:
        calls = 0

        def count(event: str, _: object) -> None:
            nonlocal calls
            if event in WATCHED:
                calls += 1
                if calls > number:
                    os.kill(os.getpid(), signal.SIGKILL)

        # Only a power cut needs what it does, and a busy disk takes its time over it.
        os.fsync = lambda _: sys.audit("os.fsync")  # type: ignore[assignment]
        sys.addaudithook(count)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def trial(folder: Path, write: Callable[[Path, str], None]) -> dict[str, int]:
    """Count in how many deaths the old outputs stayed, and in how many the new ones came."""
    counts = {"old": 0, "new": 0, "moved by the next run": 0}
    clean, root, copy = folder / "clean", folder / "root", folder / "copy"
    write(clean, "old")
    old = seen(clean)
    new = {name: text.replace("old", "new") for name, text in old.items()}
    number = 0
    while True:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(clean, root)
        if not killed_at(number, lambda: write(root, "new")):
            break
        for name, text in seen(root).items():
            assert text in (old[name], new[name]), (number, name, text)
        if seen(root) not in (old, new):
            assert has_unfinished_swaps(root), number
        counts["moved by the next run"] += has_unfinished_swaps(root)
        again = 0
        while True:  # the run that finishes it may die as well
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(root, copy)
            if not killed_at(again, lambda: finish_swaps(copy)):
                break
            finish_swaps(copy)
            assert seen(copy) in (old, new), (number, again)
            again += 1
        assert seen(copy) in (old, new), number
        assert not has_unfinished_swaps(copy)
        counts["old" if seen(copy) == old else "new"] += 1
        write(copy, "new")
        assert seen(copy) == new
        assert not hidden(copy), (number, hidden(copy))
        number += 1
    assert seen(root) == new
    assert not hidden(root)
    return counts


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(
        json.dumps(
            {"set": trial(place / "set", write_all), "file": trial(place / "file", write_one)}
        )
    )
