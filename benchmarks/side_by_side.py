"""One measurement beside another: the same data, a process each, and a ratio if they agree.

Python sides run ``SCRIPT --side NAME --folder DATA``; R runs ``NAME.R DATA``. Each prints JSON or
lines of a name and numbers: ``seconds`` (CPU, of the work alone, fastest of a few), ``peak_mb`` and
the answers, by which they are compared. All use one core.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).parent
ONE_CORE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Short work is repeated, and the fastest counts: on a busy machine the slower ones say more about
# the others than about the work.
REPEATS, LONG_SECONDS = 5, 4.0
Side = dict[str, Any]


@contextmanager
def data_folder(columns: Mapping[str, npt.ArrayLike]) -> Iterator[Path]:
    """A scratch folder with one file of doubles per column, and ``size`` with their length."""
    with TemporaryDirectory(prefix="loyaltylab-bench-") as name:
        for column, values in columns.items():
            np.asarray(values, dtype=np.float64).tofile(Path(name) / f"{column}.f64")
        yield Path(name)


def read_column(folder: Path, name: str) -> npt.NDArray[np.float64]:
    """One column of a scratch folder."""
    return np.fromfile(folder / f"{name}.f64")


def measure(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a piece of work, the fastest of a few, and its result."""
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < LONG_SECONDS:
        began = time.process_time()
        result = work()
        seconds.append(time.process_time() - began)
    return min(seconds), result


def print_side(seconds: float, **answers: Any) -> None:
    """What a side reports."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": round(peak), **answers}))


def run_python(script: str, side: str, folder: Path, *further: str) -> Side:
    """Run one side of a script in a process of its own."""
    command = [sys.executable, script, "--side", side, "--folder", str(folder), *further]
    return dict(json.loads(_output(command).splitlines()[-1]))


def why_no_r() -> str | None:
    """Why R cannot be compared with here; None if it can."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    done = subprocess.run(["Rscript", "-e", "library(survival)"], capture_output=True, check=False)
    return None if done.returncode == 0 else "R has no package survival"


def run_r(script: str, folder: Path, *further: str) -> Side:
    """Run an R script beside this file; its lines are a name and numbers."""
    lines = _output(["Rscript", str(HERE / script), str(folder), *further]).splitlines()
    side: Side = {}
    for name, *values in map(str.split, lines):
        numbers = [float(value) for value in values]
        side[name] = numbers[0] if name in ("seconds", "peak_mb") else numbers
    return side


def _output(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_CORE}
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def largest_difference(ours: Side, other: Side, scale: str | None = None) -> float:
    """Largest relative difference between the answers both report.

    Answers are compared in units of the answer named ``scale`` (standard errors, say), or of
    themselves.
    """
    shared = (ours.keys() & other.keys()) - {"seconds", "peak_mb"}
    assert shared, "nothing to compare"
    worst = 0.0
    for name in shared:
        here, there = np.atleast_1d(ours[name]), np.atleast_1d(other[name])
        unit = np.abs(np.atleast_1d(other[scale])) if scale else np.abs(there)
        known = ~np.isnan(there) & ~np.isnan(here)
        gap = np.abs(here - there)[known] / np.maximum(unit, 1e-12)[known]
        worst = max(worst, float(gap.max(initial=0.0)))
    return worst


def compare(
    work: str,
    size: Mapping[str, int],
    ours: Side,
    others: Mapping[str, Side | str],
    *,
    tolerance: Mapping[str, float],
    scale: str | None = None,
) -> dict[str, Any]:
    """One line of a result: CPU seconds of each, ratios, and how well the answers agree.

    A side that is a text was skipped, and the text says why.
    """
    line: dict[str, Any] = {"work": work, **size, "cpu_seconds": {"loyaltylab": ours["seconds"]}}
    line |= {"peak_mb": ours["peak_mb"], "times_faster_than": {}, "largest_difference": {}}
    for name, side in others.items():
        if isinstance(side, str):
            line.setdefault("skipped", {})[name] = side
            continue
        gap = largest_difference(ours, side, scale)
        assert gap <= tolerance[name], f"{work}: {name} differs by {gap:.2g}, so no ratio"
        line["cpu_seconds"][name] = side["seconds"]
        line["times_faster_than"][name] = round(side["seconds"] / ours["seconds"], 1)
        line["largest_difference"][name] = float(f"{gap:.1g}")
    line["cpu_seconds"] = {name: round(value, 4) for name, value in line["cpu_seconds"].items()}
    show(line)
    return line


def show(line: Mapping[str, Any]) -> None:
    """Print one line of a result."""
    sizes = " ".join(f"{key} {value:,}" for key, value in line.items() if isinstance(value, int))
    ratios = ", ".join(f"{x:g} x {name}" for name, x in line["times_faster_than"].items())
    skipped = "".join(f"; {name}: {why}" for name, why in line.get("skipped", {}).items())
    seconds = line["cpu_seconds"]["loyaltylab"]
    print(f"{line['work']:<34} {sizes}\n    {seconds:.3f} CPU s  {ratios}{skipped}", flush=True)


def write_results(name: str, lines: list[dict[str, Any]]) -> None:
    """Keep the lines of one script; a small run does not replace the large lines of another."""
    path = HERE / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    key = ("work", "rows", "customers", "covariates")
    identify = lambda line: tuple(line.get(part) for part in key)  # noqa: E731
    kept = json.loads(path.read_text("utf-8")) if path.exists() else []
    merged = {identify(line): line for line in [*kept, *lines]}
    path.write_text(json.dumps(list(merged.values()), indent=1) + "\n", "utf-8")
