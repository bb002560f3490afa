"""Validate the methods replicate by replicate, and go on where a run stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters, load_parameters
from loyaltylab.tables.storage import finite_or_none, write_json
from loyaltylab.truth import hash_parameters, read_truth
from loyaltylab.truth.estimands import declare_estimands
from loyaltylab.truth.parts import PARTS_FOLDER as TRUTH_PARTS
from loyaltylab.truth.parts import carry_out, hash_folders, say
from loyaltylab.truth.run import build_truth
from loyaltylab.truth.table import hash_text
from loyaltylab.validation.methods import Method, methods_of
from loyaltylab.validation.replicates import Replicate, analyse_replicate
from loyaltylab.validation.results import VALIDATION_FOLDER, summarise_method
from loyaltylab.validation.worlds import WORLDS, TrialWorld, provider_of

PARTS_FOLDER = Path("scratch") / "validation"
CODE = ("analyses", "designs", "measures", "sources/synthetic", "survival", "timeline")
# Seeds of the replicates: none of them made the true values.
FIRST_SEED = 1001
TRUTH_SEEDS = tuple(range(1, 21))


@dataclass(frozen=True)
class Plan:
    """How many providers of which size are tried in every world."""

    n_replicates: int
    n_customers: int
    step_days: int
    n_processes: int


def run_validation(
    root: Path,
    *,
    worlds: Sequence[str] = tuple(WORLDS),
    n_replicates: int = 200,
    n_customers: int = 10_000,
    step_days: int = 7,
    n_processes: int = 1,
) -> list[Path]:
    """Try every method on providers whose true effects are known.

    Parameters
    ----------
    root : Path
        The study's folder, with params.yaml and the true values in data/truth.
    worlds : sequence of str
        Names out of ``WORLDS``.
    n_replicates : int
        Providers per world.
    n_customers, step_days : int
        Size of each, and days a step of it stands for.
    n_processes : int
        Providers at a time; the results are the same for any number.

    Returns
    -------
    list of Path
        The tables written, one per world. What is done is kept in scratch/validation, under the
        parameters and the code it follows from.

    Raises
    ------
    ParameterError
        If a world is none, there are fewer than two replicates, or a preset has no true values.
    """
    problems = [
        f"world {name!r}; rule: one of {tuple(WORLDS)}" for name in worlds if name not in WORLDS
    ]
    if n_replicates < 2:
        problems.append(f"{n_replicates} replicates; rule: at least two")
    if problems:
        raise ParameterError("The validation cannot be run as asked:", problems)
    plan = Plan(n_replicates, n_customers, step_days, n_processes)
    return [_validate(root, WORLDS[name], plan) for name in worlds]


def _validate(root: Path, world: TrialWorld, plan: Plan) -> Path:
    study = load_parameters(root)
    level = study.study.confidence_level
    parameters = provider_of(study.synthetic, world, n_customers=plan.n_customers)
    methods = methods_of(world.name)
    truths = _find_truths(root, world, parameters, methods=methods, plan=plan)
    names = tuple(method.name for method in methods)
    provider = hash_text(
        f"{parameters.model_dump_json()} {names} {plan.step_days} {level} {hash_folders(CODE)}"
    )
    folder = root / PARTS_FOLDER / f"{world.name}-{provider}"
    tasks = [
        Replicate(
            world.name, parameters, names, seed, plan.step_days, level, folder / f"{seed}.json"
        )
        for seed in range(FIRST_SEED, FIRST_SEED + plan.n_replicates)
    ]
    carry_out(tasks, analyse_replicate, n_processes=plan.n_processes)
    parts = [json.loads(task.path.read_text(encoding="utf-8")) for task in tasks]
    path = root / VALIDATION_FOLDER / f"{world.name}.json"
    write_json(
        path,
        {
            "world": world.name,
            "parameter_hash": hash_parameters(parameters),
            "n_customers": plan.n_customers,
            "step_days": plan.step_days,
            "confidence_level": level,
            "seeds": [task.seed for task in tasks],
            "results": {
                method.name: _summarise(method, parts, truths[method.name]) for method in methods
            },
            "replicates": {name: [part[name] for part in parts] for name in names},
        },
    )
    say(f"{len(tasks)} replicates in {path.relative_to(root).as_posix()}")
    return path


def _summarise(
    method: Method, parts: Sequence[dict[str, Any]], truth: tuple[float, float]
) -> dict[str, Any]:
    summary = summarise_method(
        [part[method.name] for part in parts], truth=truth[0], truth_error=truth[1]
    )
    found = {key: finite_or_none(value) for key, value in summary.items()}
    return {"unit": method.unit, **found}


def _find_truths(
    root: Path,
    world: TrialWorld,
    parameters: SyntheticParameters,
    *,
    methods: Sequence[Method],
    plan: Plan,
) -> dict[str, tuple[float, float]]:
    """True value and Monte-Carlo error of every method in a world."""
    asked = {method.name: method.truth for method in methods if isinstance(method.truth, str)}
    if world.changes:
        estimands = [one for one in declare_estimands(parameters) if one.id in asked.values()]
        records = build_truth(
            parameters,
            estimands=estimands,
            seeds=TRUTH_SEEDS,
            step_days=plan.step_days,
            parts_folder=root / TRUTH_PARTS,
            n_processes=plan.n_processes,
        )
        known = {one["estimand_id"]: (one["value"], one["mc_se"]) for one in records}
    else:
        table = read_truth(root, parameter_hash=hash_parameters(parameters))
        known = {name: tuple(table.loc[name, ["value", "mc_se"]]) for name in asked.values()}
    found = {name: known[estimand] for name, estimand in asked.items()}
    for method in methods:
        if not isinstance(method.truth, str):
            found[method.name] = (method.truth.get(world.name, float("nan")), 0.0)
    return found
