"""Run one notebook strictly: checked before a kernel starts, reproducible to the byte after it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill import execute_notebook
from papermill.exceptions import PapermillExecutionError

from loyaltylab.errors import (
    EstimationError,
    LoyaltyLabError,
    NotebookError,
    NotEstimableError,
    StorageError,
)
from loyaltylab.reports.kernel import ENGINE_NAME, KernelPlan, plan_kernel
from loyaltylab.reports.normalise import merge_parameter_cells, normalise_notebook
from loyaltylab.reports.notebook_source import (
    check_parameters,
    dump_notebook,
    load_notebook,
    read_parameters,
)
from loyaltylab.reports.refusals import MEMORY_ADVICE, describe_scarce_disk
from loyaltylab.reports.release import tell_error
from loyaltylab.tables.personal_values import hide_personal_values
from loyaltylab.tables.writing import FIXES, describe_failure, write_text

LOG_TAIL_LINES = 5


def run_notebook(
    path: Path,
    *,
    parameters: Mapping[str, object],
    working_folder: Path,
    debug_folder: Path,
    environment: Mapping[str, str] | None = None,
) -> NotebookNode:
    """Run a notebook with papermill and return the normalised result.

    The notebook on disk is not touched. Progress is one line on stderr.

    Parameters
    ----------
    path : Path
        The notebook; its stem is its name.
    parameters : mapping
        A value for every parameter that the notebook declares, and for nothing else.
    working_folder : Path
        The folder in which the notebook's code finds itself.
    debug_folder : Path
        Takes the executed copy when a cell fails; an old copy goes when the run succeeds.
    environment : mapping, optional
        Environment variables for the kernel, on top of the fixed ones.

    Returns
    -------
    NotebookNode
        Sources and outputs; two runs on the same inputs give identical bytes.

    Raises
    ------
    ParameterError
        A parameter is unknown, missing or of the wrong type. No kernel was started.
    NotebookError
        The notebook is malformed or one of its cells failed.
    NotEstimableError
        A cell said that the source cannot answer the question.
    """
    name = path.stem
    check_parameters(name, read_parameters(path), parameters)
    started = time.monotonic()
    with plan_kernel(working_folder=working_folder, environment=environment) as plan:
        executed, stop = _execute(path, parameters=parameters, plan=plan)
        folders = [(plan.folder, "<temporary>"), (working_folder, "")]
    nb = normalise_notebook(executed, parameters=parameters, folders=folders)
    debug_path = debug_folder / path.name
    failure = _find_failure(nb, stop=stop)
    if failure is not None and failure.not_estimable:
        raise NotEstimableError(failure.not_estimable)
    if failure is not None:
        kept = _keep_failed(nb, debug_path, folder=working_folder)
        raise NotebookError(f"notebook {name}: {failure.place}", [*failure.problems, kept])
    debug_path.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    print(f"{name}: {len(nb.cells)} cells, {seconds:.1f} s", file=sys.stderr)
    return nb


@dataclass(frozen=True)
class _Stop:
    """The kernel itself gave up: while running which cell (0 for none), and what it said."""

    cell_number: int
    reason: str


@dataclass(frozen=True)
class _Failure:
    """Where a run failed, what is known about it, and whether the source has no answer."""

    place: str
    problems: tuple[str, ...]
    not_estimable: str = ""


def _keep_failed(nb: NotebookNode, path: Path, *, folder: Path) -> str:
    """Keep the executed copy; a full disk must not hide why the notebook failed."""
    try:
        write_text(path, dump_notebook(nb))
    except StorageError as error:
        return f"the executed copy could not be kept ({error.problems[0]})"
    return f"the executed copy is {_relative(path, folder=folder)}; open it to look around"


def _execute(
    path: Path, *, parameters: Mapping[str, object], plan: KernelPlan
) -> tuple[NotebookNode, _Stop | None]:
    output_path = plan.folder / "executed.ipynb"
    reason = ""
    try:
        execute_notebook(
            load_notebook(path),
            str(output_path),
            parameters=dict(parameters),
            engine_name=ENGINE_NAME,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            autosave_cell_every=0,
            plan=plan,
        )
    except PapermillExecutionError:
        pass  # the failed cell tells more
    except (DeadKernelError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno in FIXES:
            raise describe_failure(error, path=output_path) from error
        reason = f"{type(error).__name__}: {error}"
    executed = load_notebook(output_path if output_path.exists() else path)
    if not reason:
        return executed, None
    begun = _begun_cells(executed, parameters=parameters)
    said = plan.log_path.read_text(encoding="utf-8", errors="replace").split("\n")
    tail = [line for line in said if line.strip()][-LOG_TAIL_LINES:]
    scarce = describe_scarce_disk(plan.folder.parent)
    told = hide_personal_values("; ".join([reason, *scarce, *tail]))
    return executed, _Stop(cell_number=begun, reason=told)


def _begun_cells(executed: NotebookNode, *, parameters: Mapping[str, object]) -> int:
    cells = list(merge_parameter_cells(executed.cells, parameters=parameters))
    begun = [
        number
        for number, cell in enumerate(cells, start=1)
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    return begun[-1] if begun else 0


def _find_failure(nb: NotebookNode, *, stop: _Stop | None) -> _Failure | None:
    if stop is not None:
        place = f"cell {stop.cell_number} of {len(nb.cells)}" if stop.cell_number else "the start"
        fixes = [f"fix, if it was memory: {text}" for text in MEMORY_ADVICE[:2]]
        return _Failure(f"the kernel stopped at {place}; out of memory?", (stop.reason, *fixes))
    for number, cell in enumerate(nb.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                first_line = cell.source.strip().split("\n")[0]
                return _Failure(
                    f"cell {number} of {len(nb.cells)} ({cell.id}) failed",
                    (
                        f"{output.ename}: {_tell(output)}",
                        f"the cell starts with: {first_line}",
                        *_advice(output),
                    ),
                    _not_estimable(output),
                )
    return None


def _advice(output: NotebookNode) -> list[str]:
    """What helps where memory ran out; numpy and pyarrow name that error in their own ways."""
    lacks = output.ename.endswith("MemoryError")
    return [f"fix: {text}" for text in MEMORY_ADVICE[:2]] if lacks else []


def _not_estimable(output: NotebookNode) -> str:
    """Why the source has no answer, if that is what the error says."""
    if output.ename == NotEstimableError.__name__:
        return hide_personal_values(str(output.evalue))
    if output.ename == EstimationError.__name__:
        return "Not estimable: " + hide_personal_values(" ".join(str(output.evalue).split()))
    return ""


def _tell(output: NotebookNode) -> str:
    """What an error says, for a log; one of our own names no data."""
    if any(one.__name__ == output.ename for one in LoyaltyLabError.__subclasses__()):
        return hide_personal_values(str(output.evalue))
    return tell_error(output.ename, str(output.evalue))


def _relative(path: Path, *, folder: Path) -> str:
    for start in (folder.resolve(), Path.cwd()):
        if path.resolve().is_relative_to(start):
            return str(path.resolve().relative_to(start))
    return path.name
