"""A kernel of this very interpreter, in a clean environment, on a private Unix socket.

Nothing of the user's Jupyter, IPython or matplotlib configuration reaches a report, and several
notebooks can run at once: their sockets lie in folders of their own, so no port can clash.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger

ENGINE_NAME = "private-kernel"
START_SECONDS = 120  # a first import after installation compiles every module
# The address of a Unix socket holds about 104 bytes on macOS and 108 on Linux.
SOCKET_PATH_BYTES = 100
SOCKET_NAME = "kernel"
FOLDER_PREFIX = "loyaltylab-"
IN_USE = "in-use.lock"  # held for as long as the folder is needed
FRESH_SECONDS = 60  # younger ones may not have taken their lock yet
DROPPED_PREFIXES = ("IPYTHON", "JPY_", "JUPYTER", "LC_", "MATPLOTLIB", "MPL", "PYDEVD", "PYTHON")
DROPPED_NAMES = ("LANGUAGE",)
KEPT_NAMES = ("PYTHONPATH", "MPLCONFIGDIR")  # where to import from; where fonts are cached
FIXED_ENVIRONMENT = {
    "COLUMNS": "120",
    "JUPYTER_NO_CONFIG": "1",
    "JUPYTER_PLATFORM_DIRS": "1",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    # A figure left open then shows up, and is refused for want of a description.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
    "SOURCE_DATE_EPOCH": "0",
    "TZ": "UTC",
}


@dataclass(frozen=True)
class KernelPlan:
    """Where and how one kernel is to be started.

    Attributes
    ----------
    folder : Path
        A private temporary folder: sockets, configuration, log.
    working_folder : Path
        The folder in which the notebook's code finds itself.
    environment : mapping
        The whole environment of the kernel.
    """

    folder: Path
    working_folder: Path
    environment: Mapping[str, str]

    @property
    def log_path(self) -> Path:
        """The file that takes what the kernel process itself writes."""
        return self.folder / "kernel.log"


class _ThisInterpreter(KernelSpecManager):
    """Answers every request for a kernel with the interpreter that asks."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class PrivateKernelEngine(NBClientEngine):
    """The papermill engine that runs a notebook as a :class:`KernelPlan` says."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, plan: KernelPlan, **_: object
    ) -> None:
        """Run every cell; papermill's engine hook."""
        client = PapermillNotebookClient(
            nb_man,
            km=_kernel_manager(plan),
            kernel_name=kernel_name,
            startup_timeout=START_SECONDS,
            timeout=None,
            log=logger,
        )
        # A context of its own, so that the event loop made for this run can be closed after it.
        contextvars.Context().run(_execute_cells, client, plan=plan)


papermill_engines.register(ENGINE_NAME, PrivateKernelEngine)


@contextmanager
def plan_kernel(
    *, working_folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[KernelPlan]:
    """Make ready for one kernel; its temporary folder is gone afterwards.

    Parameters
    ----------
    working_folder : Path
        The folder in which the notebook's code finds itself.
    environment : mapping, optional
        Variables to set on top of the fixed ones.
    """
    with _short_folder() as folder:
        yield KernelPlan(
            folder=folder,
            working_folder=working_folder,
            environment=_clean_environment(folder) | dict(environment or {}),
        )


def _execute_cells(client: PapermillNotebookClient, *, plan: KernelPlan) -> None:
    loop = ensure_event_loop()
    try:
        with plan.log_path.open("w", encoding="utf-8") as log:
            client.execute(
                cleanup_kc=True,
                cwd=str(plan.working_folder),
                env=dict(plan.environment),
                stdout=log,
                stderr=log,
            )
    finally:
        if not loop.is_running():  # then it is the caller's
            asyncio.set_event_loop(None)
            loop.close()


def _clean_environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_NAMES
        or not (name in DROPPED_NAMES or name.upper().startswith(DROPPED_PREFIXES))
    }
    if "PYTHONPATH" in kept:  # the kernel starts in another folder
        parts = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in parts if part)
    private = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    return kept | FIXED_ENVIRONMENT | private | _default_plot_style()


def _default_plot_style() -> dict[str, str]:
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return {}
    shipped = Path(spec.submodule_search_locations[0]) / "mpl-data" / "matplotlibrc"
    return {"MATPLOTLIBRC": str(shipped)}  # instead of the one in the user's home


def _kernel_manager(plan: KernelPlan) -> AsyncKernelManager:
    shared = {
        "kernel_name": "python3",
        "kernel_spec_manager": _ThisInterpreter(),
        "connection_file": str(plan.folder / "connection.json"),
    }
    if _can_bind(plan.folder):
        return AsyncKernelManager(transport="ipc", ip=str(plan.folder / SOCKET_NAME), **shared)
    return AsyncKernelManager(transport="tcp", ip="127.0.0.1", **shared)


@contextmanager
def _short_folder() -> Iterator[Path]:
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        longest = f"/{FOLDER_PREFIX}12345678/{SOCKET_NAME}-99999"
        room = len(os.fsencode(parent)) + len(longest)
        if room <= SOCKET_PATH_BYTES and os.access(parent, os.W_OK | os.X_OK):
            break
    else:
        parent = tempfile.gettempdir()  # too long for a socket: the kernel then listens on loopback
    _remove_leftovers(Path(parent))
    with (
        tempfile.TemporaryDirectory(
            prefix=FOLDER_PREFIX, dir=parent, ignore_cleanup_errors=True
        ) as folder,
        FileLock(Path(folder) / IN_USE),
    ):
        yield Path(folder)


def _remove_leftovers(parent: Path) -> None:
    """Remove the folders of runs that were killed: nobody holds their lock any more."""
    for lock in parent.glob(f"{FOLDER_PREFIX}*/{IN_USE}"):
        with suppress(OSError):  # somebody else's; Timeout, where it is in use, is one too
            if time.time() - lock.stat().st_mtime < FRESH_SECONDS:
                continue
            with FileLock(lock, blocking=False):
                shutil.rmtree(lock.parent, ignore_errors=True)


def _can_bind(folder: Path) -> bool:
    """Return whether Unix sockets work in a folder (some shared file systems refuse them)."""
    family = getattr(socket, "AF_UNIX", None)
    address = folder / f"{SOCKET_NAME}-trial"
    if family is None or len(os.fsencode(address)) > SOCKET_PATH_BYTES:
        return False
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        try:
            trial.bind(str(address))
        except OSError:
            return False
    address.unlink(missing_ok=True)
    return True
