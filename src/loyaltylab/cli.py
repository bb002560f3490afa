"""The commands that dvc.yaml and the Makefile call; each has --help."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from loyaltylab.errors import LoyaltyLabError

app = typer.Typer(
    help="Do service, easy leaving and fair compensation keep customers? "
    "The stages of the study; `dvc repro` runs them in order.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Root = Annotated[
    Path, typer.Option("--root", help="The study's folder.", exists=True, file_okay=False)
]
HERE = Path()


def _run(stage: Callable[..., Any], *arguments: Any) -> Any:
    """Call a stage; an error made for the researcher is shown without a traceback."""
    try:
        return stage(*arguments)
    except LoyaltyLabError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def check(root: Root = HERE) -> None:
    """Check params.yaml and every notebook; name all problems; run nothing."""
    from loyaltylab.reports.pipeline import check_study

    problems = check_study(root.resolve())
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def tables(root: Root = HERE) -> None:
    """Read the source, validate, set rejects aside, pseudonymise: data/tables."""
    from loyaltylab.reports.pipeline import build_tables

    _run(build_tables, root.resolve())


@app.command()
def timeline(root: Root = HERE) -> None:
    """Build spells at risk and (start, stop] rows: data/timeline."""
    from loyaltylab.reports.pipeline import build_timeline

    _run(build_timeline, root.resolve())


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="Name of the notebook, without .ipynb.")],
    root: Root = HERE,
) -> None:
    """Run one notebook strictly: finding, figures and offline page."""
    from loyaltylab.reports.pipeline import build_report

    _run(build_report, root.resolve(), name)


@app.command()
def index(root: Root = HERE) -> None:
    """Build reports/index.html from the findings."""
    from loyaltylab.reports.pipeline import build_index

    _run(build_index, root.resolve())


@app.command()
def truth(
    root: Root = HERE,
    n_seeds: Annotated[int, typer.Option("--seeds", min=1, help="Worlds to average over.")] = 20,
    n_customers: Annotated[int | None, typer.Option("--customers", help="Per world.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Of the provider.")] = None,
    step_days: Annotated[int, typer.Option("--step-days", min=1, help="1, or 7: faster.")] = 1,
    n_processes: Annotated[int, typer.Option("--processes", min=1, help="Seeds at a time.")] = 1,
    kind: Annotated[str, typer.Option("--kind", help="direct, total or both.")] = "both",
) -> None:
    """True effects of the synthetic provider, from paired worlds: data/truth."""
    from loyaltylab.truth import run_truth

    kinds = ("direct", "total") if kind == "both" else (kind,)
    size: dict[str, Any] = {"n_customers": n_customers, "step_days": step_days}
    choice: dict[str, Any] = {"kinds": kinds, "preset": preset, "n_processes": n_processes}
    _run(partial(run_truth, seeds=range(1, n_seeds + 1), **size, **choice), root.resolve())


@app.command()
def moments(
    root: Root = HERE,
    n_seeds: Annotated[int, typer.Option("--seeds", min=2, help="Worlds to measure.")] = 20,
    n_customers: Annotated[int | None, typer.Option("--customers", help="Per world.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Of the provider.")] = None,
    n_processes: Annotated[int, typer.Option("--processes", min=1, help="Seeds at a time.")] = 1,
) -> None:
    """What the synthetic provider was calibrated to, over many seeds: data/moments."""
    from loyaltylab.truth import run_calibration

    choice: dict[str, Any] = {"n_customers": n_customers, "preset": preset}
    seeds = range(1, n_seeds + 1)
    _run(partial(run_calibration, seeds=seeds, n_processes=n_processes, **choice), root.resolve())


@app.command()
def validate(
    root: Root = HERE,
    n_replicates: Annotated[
        int, typer.Option("--replicates", min=2, help="Providers per world.")
    ] = 200,
    n_customers: Annotated[int, typer.Option("--customers", help="Per provider.")] = 10_000,
    worlds: Annotated[
        list[str] | None, typer.Option("--world", help="Again for more. [default: every world]")
    ] = None,
    step_days: Annotated[int, typer.Option("--step-days", min=1, help="1, or 7: faster.")] = 7,
    n_processes: Annotated[
        int, typer.Option("--processes", min=1, help="Providers at a time.")
    ] = 1,
) -> None:
    """Whether the methods find known truths: data/validation."""
    from loyaltylab.validation import run_validation
    from loyaltylab.validation.worlds import WORLDS

    size: dict[str, Any] = {"n_customers": n_customers, "step_days": step_days}
    choice: dict[str, Any] = {"worlds": worlds or tuple(WORLDS), "n_processes": n_processes}
    _run(partial(run_validation, n_replicates=n_replicates, **size, **choice), root.resolve())


@app.command()
def findings(root: Root = HERE) -> None:
    """Print every finding in one table, and where the reports are."""
    from loyaltylab.reports.overview import format_findings

    typer.echo(_run(format_findings, root.resolve()))


@app.command()
def dictionary(
    root: Root = HERE,
    check_only: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail if it is out of date.")
    ] = False,
) -> None:
    """Write data/README.md, the data dictionary, from the schemas."""
    from loyaltylab.tables.dictionary import write_dictionary
    from loyaltylab.tables.storage import write_text

    path, text = root / "data" / "README.md", write_dictionary()
    if not check_only:
        write_text(path, text)
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        typer.echo("error: data/README.md is out of date; run `loyaltylab dictionary`", err=True)
        raise typer.Exit(1)


@app.command()
def strip(
    paths: Annotated[list[Path], typer.Argument(help="Notebooks to strip of outputs.")],
) -> None:
    """Strip notebooks of outputs and volatile metadata; fail if any had some."""
    from loyaltylab.reports.notebook_source import strip_file

    changed = [path for path in paths if _run(strip_file, path)]
    for path in changed:
        typer.echo(f"stripped {path}", err=True)
    if changed:
        raise typer.Exit(1)


def main() -> None:
    """Entry point of ``python -m loyaltylab``."""
    app(prog_name="loyaltylab", args=sys.argv[1:])
