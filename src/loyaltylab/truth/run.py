"""Compute true values seed by seed, keep each, and go on where an earlier run was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters, load_parameters
from loyaltylab.sources.synthetic import World, WorldOutcome, simulate_world
from loyaltylab.tables.storage import finite_or_none, write_json
from loyaltylab.truth.contrasts import Kind
from loyaltylab.truth.estimands import Estimand, declare_estimands
from loyaltylab.truth.groups import find_members
from loyaltylab.truth.pairs import pair_up
from loyaltylab.truth.parts import PARTS_FOLDER, carry_out, choose_provider, hash_code, say
from loyaltylab.truth.table import (
    TRUTH_FOLDER,
    average_over_seeds,
    hash_text,
    write_truth,
)
from loyaltylab.truth.values import compute_true_value

KINDS: tuple[Kind, ...] = ("direct", "total")


@dataclass(frozen=True)
class Task:
    """One seed and one kind of effect: what is computed, and kept, in one go."""

    parameters: SyntheticParameters
    estimands: tuple[Estimand, ...]
    seed: int
    step_days: int
    path: Path

    @property
    def kind(self) -> Kind:
        """Direct or total; all estimands of a task are of one kind."""
        return self.estimands[0].contrast.kind

    @property
    def name(self) -> str:
        """What it is, for messages."""
        return f"seed {self.seed}, {self.kind} effects"


def run_truth(
    root: Path,
    *,
    seeds: Iterable[int] = range(1, 21),
    n_customers: int | None = None,
    kinds: Iterable[Kind] = KINDS,
    preset: str | None = None,
    step_days: int = 1,
    n_processes: int = 1,
) -> Path:
    """Compute the true values of a study's provider: data/truth/PRESET.json.

    Parameters
    ----------
    root : Path
        The study's folder, with params.yaml.
    seeds : iterable of int
        Worlds to average over.
    n_customers : int, optional
        Customers per world; those of params.yaml by default.
    kinds : iterable of {"direct", "total"}
    preset : str, optional
        Another preset than that of params.yaml; keys given there still count.
    step_days : int
        Days a step of the simulation stands for.
    n_processes : int
        Seeds computed at the same time; the table is the same for any number.

    Returns
    -------
    Path
        The table that was written.

    Raises
    ------
    ParameterError
        If seeds, kinds or the preset are none there are.

    Notes
    -----
    Every seed that is done is kept in scratch/truth under the parameters, the declared
    estimands and the code of the provider: a run that is stopped goes on where it was, and
    nothing computed by other code is taken over. Customers who drop out of the records
    (``k_censor``) do not in the truth: that is a defect of records, not of customers.
    """
    parameters = choose_provider(
        load_parameters(root).synthetic, preset=preset, n_customers=n_customers
    )
    path = root / TRUTH_FOLDER / f"{parameters.preset}.json"
    seeds = tuple(seeds)
    records = build_truth(
        parameters,
        estimands=declare_estimands(parameters),
        seeds=seeds,
        kinds=tuple(kinds),
        step_days=step_days,
        parts_folder=root / PARTS_FOLDER,
        n_processes=n_processes,
    )
    write_truth(path, parameters=parameters, seeds=seeds, step_days=step_days, records=records)
    say(f"{len(records)} true values in {path.relative_to(root).as_posix()}")
    return path


def build_truth(
    parameters: SyntheticParameters,
    *,
    estimands: Sequence[Estimand],
    seeds: Sequence[int],
    parts_folder: Path,
    kinds: Sequence[Kind] = KINDS,
    step_days: int = 1,
    n_processes: int = 1,
) -> list[dict[str, Any]]:
    """Compute what is not kept yet, then average over seeds.

    Parameters
    ----------
    parameters : SyntheticParameters
    estimands : sequence of Estimand
    seeds : sequence of int
    parts_folder : Path
        Where each seed that is done is kept.
    kinds, step_days, n_processes
        As in :func:`run_truth`.

    Returns
    -------
    list of dict
        As of :func:`average_over_seeds`.
    """
    _check(seeds=seeds, kinds=kinds, n_processes=n_processes)
    chosen = [estimand for estimand in estimands if estimand.contrast.kind in kinds]
    tasks = _plan(
        parameters,
        estimands=chosen,
        seeds=seeds,
        step_days=step_days,
        parts_folder=parts_folder,
    )
    carry_out(tasks, compute_part, n_processes=n_processes)
    parts: dict[int, dict[str, Any]] = {seed: {} for seed in seeds}
    for task in tasks:
        parts[task.seed] |= json.loads(task.path.read_text(encoding="utf-8"))
    return average_over_seeds(chosen, parts)


def _check(*, seeds: Sequence[int], kinds: Sequence[str], n_processes: int) -> None:
    problems = []
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        problems.append(f"seeds are {list(seeds)}; rule: at least one, none twice, none below 0")
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        problems.append(f"kinds are {list(kinds)}; rule: some of {list(KINDS)}")
    if n_processes < 1:
        problems.append(f"n_processes is {n_processes}; rule: at least 1")
    if problems:
        raise ParameterError("True values cannot be computed as asked:", problems)


def _plan(
    parameters: SyntheticParameters,
    *,
    estimands: Sequence[Estimand],
    seeds: Sequence[int],
    step_days: int,
    parts_folder: Path,
) -> list[Task]:
    """One task per seed and kind, with the place where its result is kept."""
    recorded = parameters.model_copy(update={"k_censor": 0.0})
    provider = hash_text(f"{recorded.model_dump_json()} {step_days} {hash_code()}")
    tasks = []
    for kind in KINDS:
        of_kind = tuple(one for one in estimands if one.contrast.kind == kind)
        if of_kind:
            folder = parts_folder / f"{provider}-{hash_text(repr(of_kind))}"
            tasks += [
                Task(recorded, of_kind, seed, step_days, folder / f"{kind}-{seed}.json")
                for seed in seeds
            ]
    return sorted(tasks, key=lambda task: task.seed)


def compute_part(task: Task) -> Task:
    """Live through every world a task needs, once each, and keep its true values."""
    base = _simulate(task, World())
    outcomes = {World(): base}
    members = find_members(task.parameters, seed=task.seed)
    values = {}
    for estimand in task.estimands:
        contrast = estimand.contrast
        for world in (contrast.strategy, contrast.reference):
            if world not in outcomes:
                environment = base.environment if task.kind == "direct" else None
                outcomes[world] = _simulate(task, replace(world, environment=environment))
        pair = pair_up(
            contrast,
            strategy=outcomes[contrast.strategy],
            reference=outcomes[contrast.reference],
            members=members.get(contrast.group),
        )
        found = asdict(compute_true_value(estimand, pair))
        values[estimand.id] = {name: finite_or_none(value) for name, value in found.items()}
    write_json(task.path, values)
    return task


def _simulate(task: Task, world: World) -> WorldOutcome:
    return simulate_world(task.parameters, seed=task.seed, world=world, step_days=task.step_days)
