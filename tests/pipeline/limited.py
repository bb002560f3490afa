"""Run a command of the study where the system refuses something.

    python limited.py file-size BYTES COMMAND...    no file may grow larger
    python limited.py memory BYTES COMMAND...       so much more memory than the imports take
    python limited.py permissions 0 COMMAND...      read-only folders bind, for root as well

Exits with ``CANNOT`` where the system does not let itself be limited.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from pathlib import Path

CANNOT = 77
DROP_FROM_BOUNDING_SET = 24  # of prctl
OVERRIDES = (1, 2)  # capabilities: to write, and to read, in spite of permissions


def limit_memory(n_bytes: int) -> None:
    import loyaltylab.reports.pipeline
    import loyaltylab.reports.refusals
    import loyaltylab.sources.delimited
    import loyaltylab.tables.pseudonyms
    import loyaltylab.tables.storage
    import loyaltylab.tables.validation  # noqa: F401

    statistics = Path("/proc/self/statm")
    if not statistics.is_file():
        sys.exit(CANNOT)
    taken = int(statistics.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + n_bytes, taken + n_bytes))


def main(kind: str, amount: int, command: list[str]) -> None:
    if kind == "memory":
        limit_memory(amount)
        from loyaltylab.cli import app

        app(args=command)
    if kind == "file-size":
        resource.setrlimit(resource.RLIMIT_FSIZE, (amount, amount))
    if kind == "permissions" and os.getuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        drop = getattr(library, "prctl", None)
        if drop is None or any(drop(DROP_FROM_BOUNDING_SET, one, 0, 0, 0) for one in OVERRIDES):
            sys.exit(CANNOT)
    os.execv(sys.executable, [sys.executable, "-m", "loyaltylab", *command])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
