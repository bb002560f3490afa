"""Long computations in parts: each is kept once done, and a run that was stopped goes on there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError

from loyaltylab.errors import OutOfMemoryError, ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.params.presets import PRESETS
from loyaltylab.truth.table import hash_text

PARTS_FOLDER = Path("scratch") / "truth"


class Part(Protocol):
    """Something to compute and keep in one go."""

    @property
    def name(self) -> str:
        """What it is, for messages."""

    @property
    def path(self) -> Path:
        """Where its result is kept."""


T = TypeVar("T", bound=Part)


def carry_out(tasks: Sequence[T], compute: Callable[[T], T], *, n_processes: int) -> None:
    """Compute what is not kept yet, and say how far it is.

    Parameters
    ----------
    tasks : sequence
        Parts, each with its path.
    compute : callable
        Computes and keeps one part; a module-level function, so that processes can call it.
    n_processes : int
        Parts computed at the same time.
    """
    missing = [task for task in tasks if not task.path.is_file()]
    if len(missing) < len(tasks):
        say(f"{len(tasks) - len(missing)} of {len(tasks)} parts kept from an earlier run")
    done = _each_once_done(missing, compute, n_processes=n_processes)
    for number, task in enumerate(done, start=1):
        say(f"{task.name}: {number} of {len(missing)} parts")


def _each_once_done(
    tasks: Sequence[T], compute: Callable[[T], T], *, n_processes: int
) -> Iterator[T]:
    """Each part once it is kept, in whatever order they finish."""
    if n_processes == 1 or len(tasks) < 2:
        yield from map(compute, tasks)
        return
    n_workers = min(n_processes, len(tasks))
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(compute, task) for task in tasks]
        try:
            for future in as_completed(waiting):
                yield future.result()
        except BrokenProcessPool as error:
            raise OutOfMemoryError(
                "A process was ended from outside, most likely for want of memory.",
                ["what is done is kept; fix: run the same command with fewer --processes"],
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def hash_code() -> str:
    """Name of the code that results follow from: the provider's, the estimator's and this."""
    return hash_folders(("sources/synthetic", "survival", "truth"))


def hash_folders(folders: Sequence[str]) -> str:
    """Name of the code in some folders of the package."""
    package = Path(__file__).parents[1]
    files = [path for folder in folders for path in sorted((package / folder).glob("*.py"))]
    return hash_text("\n".join(path.read_text(encoding="utf-8") for path in files))


def choose_provider(
    parameters: SyntheticParameters, *, preset: str | None, n_customers: int | None
) -> SyntheticParameters:
    """The study's provider with another preset or size; what the study chose itself stays."""
    usual = PRESETS[parameters.preset]
    given = {
        name: value
        for name in parameters.model_fields_set
        if (value := getattr(parameters, name)) != usual.get(name)
    }
    given["preset"] = preset or parameters.preset
    if n_customers is not None:
        given["n_customers"] = n_customers
    try:
        return SyntheticParameters(**given)
    except ValidationError as error:
        problems = [f"{item['loc'][0]}: {item['msg']}" for item in error.errors()]
        raise ParameterError("There is no such provider:", problems) from error


def say(text: str) -> None:
    print(f"truth: {text}", file=sys.stderr, flush=True)
