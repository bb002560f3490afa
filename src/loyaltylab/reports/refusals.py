"""What a run says when the system gives it no memory or lets it not read or write."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from loyaltylab.errors import LoyaltyLabError, OutOfMemoryError
from loyaltylab.tables.writing import FIXES, MEGABYTE, describe_failure

READ_FOLDERS = ("data/raw", "data/tables", "data/timeline")
N_LARGEST = 3
# Measured on files of 100,000 and 300,000 customers, read and checked: 8.3 to 8.9 times.
MEMORY_PER_DELIMITED_BYTE = 10
SCARCE_BYTES = 10 * MEGABYTE  # a report's kernel needs about one for its own files
MEMORY_ADVICE = (
    f"a delimited file needs up to {MEMORY_PER_DELIMITED_BYTE} times its size: deliver fewer "
    "customers (each whole, never some of their rows), or use a machine with more memory",
    "the synthetic provider: lower synthetic.n_customers in params.yaml",
    "truth, moments and validate: lower --processes or --customers; what is done is kept",
)


def describe_memory_failure(root: Path) -> OutOfMemoryError:
    """How large the files are, how much memory there is, and what needs less of it.

    Parameters
    ----------
    root : Path
        The study's folder.
    """
    problems = [
        *_largest_files(root),
        *_memory_there_is(),
        *(f"fix: {text}" for text in MEMORY_ADVICE),
    ]
    return OutOfMemoryError("Out of memory. No output was changed.", problems)


def is_refusal(error: OSError) -> bool:
    """Whether the system refused a file for a reason that the user can do something about."""
    return error.errno in FIXES or isinstance(error, FileNotFoundError)


def describe_refusal(error: OSError) -> LoyaltyLabError:
    """Name the place, the reason and the fix, for a file that a stage did not open itself."""
    where = error.filename if isinstance(error.filename, str) else "a file"
    outcome = "No output was changed."
    return describe_failure(error, path=Path(where), what="read or write", outcome=outcome)


def describe_scarce_disk(folder: Path) -> list[str]:
    """Say so, where the disk of a folder for temporary files is as good as full."""
    free = shutil.disk_usage(folder).free
    if free > SCARCE_BYTES:
        return []
    return [f"only {free / MEGABYTE:.1f} MB are free in {folder}; TMPDIR names another folder"]


def _largest_files(root: Path) -> Iterator[str]:
    paths = [path for name in READ_FOLDERS for path in (root / name).glob("*") if path.is_file()]
    sizes = sorted(((path.stat().st_size, path) for path in paths), reverse=True)[:N_LARGEST]
    for size, path in sizes:
        yield f"{path.relative_to(root).as_posix()} holds {size / MEGABYTE:,.1f} MB"


def _memory_there_is() -> Iterator[str]:
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ImportError, ValueError, OSError):  # not every system tells
        return
    yield f"this machine has {there_is / MEGABYTE:,.0f} MB of memory"
    if limit != resource.RLIM_INFINITY:
        yield f"this process may take {limit / MEGABYTE:,.0f} MB of addresses (`ulimit -v`)"
