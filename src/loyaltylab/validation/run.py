"""Validate the confirmatory analyses replicate by replicate, and go on where a run stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loyaltylab.analyses.primary import PLACEBO, TRUTHS
from loyaltylab.errors import ParameterError
from loyaltylab.params import load_parameters
from loyaltylab.tables.storage import finite_or_none, write_json
from loyaltylab.truth import hash_parameters, read_truth
from loyaltylab.truth.parts import carry_out, choose_provider, hash_folders, say
from loyaltylab.truth.table import hash_text
from loyaltylab.validation.replicates import Replicate, analyse_replicate, analyses_of
from loyaltylab.validation.results import PRESETS, VALIDATION_FOLDER, summarise_hypothesis

PARTS_FOLDER = Path("scratch") / "validation"
CODE = ("analyses", "designs", "measures", "sources/synthetic", "survival", "timeline")
# Seeds of the replicates: none of them made the true values.
FIRST_SEED = 1001


def run_validation(
    root: Path,
    *,
    presets: Sequence[str] = PRESETS,
    n_replicates: int = 200,
    n_customers: int = 10_000,
    step_days: int = 7,
    n_processes: int = 1,
) -> list[Path]:
    """Try every confirmatory analysis on providers whose true effects are known.

    Parameters
    ----------
    root : Path
        The study's folder, with params.yaml and the true values in data/truth.
    presets : sequence of str
    n_replicates : int
        Providers per preset.
    n_customers, step_days : int
        Size of each, and days a step of it stands for.
    n_processes : int
        Providers at a time; the results are the same for any number.

    Returns
    -------
    list of Path
        The tables written, one per preset. What is done is kept in scratch/validation, under the
        parameters and the code it follows from.

    Raises
    ------
    ParameterError
        If a preset is none, there are fewer than two replicates, or a preset has no true values.
    """
    problems = [
        f"preset {name!r}; rule: one of {PRESETS}" for name in presets if name not in PRESETS
    ]
    if n_replicates < 2:
        problems.append(f"{n_replicates} replicates; rule: at least two")
    if problems:
        raise ParameterError("The validation cannot be run as asked:", problems)
    return [
        _validate(
            root,
            preset,
            seeds=range(FIRST_SEED, FIRST_SEED + n_replicates),
            n_customers=n_customers,
            step_days=step_days,
            n_processes=n_processes,
        )
        for preset in presets
    ]


def _validate(
    root: Path,
    preset: str,
    *,
    seeds: range,
    n_customers: int,
    step_days: int,
    n_processes: int,
) -> Path:
    study = load_parameters(root)
    level = study.study.confidence_level
    parameters = choose_provider(study.synthetic, preset=preset, n_customers=n_customers)
    truth = read_truth(root, parameter_hash=hash_parameters(parameters))
    provider = hash_text(f"{parameters.model_dump_json()} {step_days} {level} {hash_folders(CODE)}")
    folder = root / PARTS_FOLDER / f"{preset}-{provider}"
    tasks = [
        Replicate(parameters, seed, step_days, level, folder / f"{seed}.json") for seed in seeds
    ]
    carry_out(tasks, analyse_replicate, n_processes=n_processes)
    parts = [json.loads(task.path.read_text(encoding="utf-8")) for task in tasks]
    replicates = {name: [part[name] for part in parts] for name in analyses_of(preset)}
    results: dict[str, dict[str, Any]] = {}
    for name, found in replicates.items():
        value, error = (
            (0.0, 0.0) if name == PLACEBO else truth.loc[TRUTHS[name], ["value", "mc_se"]]
        )
        summary = summarise_hypothesis(found, truth=float(value), truth_error=float(error))
        results[name] = {key: finite_or_none(value) for key, value in summary.items()}
    path = root / VALIDATION_FOLDER / f"{preset}.json"
    write_json(
        path,
        {
            "preset": preset,
            "parameter_hash": hash_parameters(parameters),
            "n_customers": n_customers,
            "step_days": step_days,
            "confidence_level": level,
            "seeds": list(seeds),
            "results": results,
            "replicates": replicates,
        },
    )
    say(f"{len(tasks)} replicates in {path.relative_to(root).as_posix()}")
    return path
