"""Moments of the provider over many seeds, so that one world's can be judged with its luck."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.special import stdtrit

from loyaltylab.errors import EstimationError, ParameterError
from loyaltylab.params import SyntheticParameters, load_parameters
from loyaltylab.sources.synthetic.counterfactual import read_outcome
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.storage import finite_or_none, write_json
from loyaltylab.truth.moments import RATED_GOOD_IN_SHOCK, Moment, measure_moments
from loyaltylab.truth.neighbours import NEAR_A_LEAVER
from loyaltylab.truth.parts import PARTS_FOLDER, carry_out, choose_provider, hash_code, say
from loyaltylab.truth.table import find_kept, hash_parameters, hash_text

MOMENTS_FOLDER = Path("data") / "moments"
# Worlds with one thing taken away, the moment it is measured by, and what the first provider gave.
VARIANTS: tuple[tuple[dict[str, float], str, str, float], ...] = (
    ({"wom_hr": 1.0}, NEAR_A_LEAVER, "without word of mouth", 1.20),
    ({"lenience_logit": 0.0}, RATED_GOOD_IN_SHOCK, "without lenience", 0.730),
)
# What the first provider did not have, or had otherwise.
ADDED_SINCE = (
    "team_rollout",
    "desk_share",
    "desk_obstructive_share",
    "message_share",
    "remedy_refusal_share",
    "remedy_cancellation_share",
)
COVERED = 0.95  # of single worlds, between lower and upper


@dataclass(frozen=True)
class CalibrationTask:
    """One seed: its moments, and those of its variants."""

    parameters: SyntheticParameters
    seed: int
    path: Path

    @property
    def name(self) -> str:
        """What it is, for messages."""
        return f"seed {self.seed}, moments"


def run_calibration(
    root: Path,
    *,
    seeds: Iterable[int] = range(1, 21),
    n_customers: int | None = None,
    preset: str | None = None,
    n_processes: int = 1,
) -> Path:
    """Measure the moments of a study's provider over many seeds: data/moments/PRESET.json.

    Parameters
    ----------
    root : Path
        The study's folder, with params.yaml.
    seeds : iterable of int
        Worlds, at least two, day by day.
    n_customers : int, optional
        Customers per world; those of params.yaml by default. Waits depend on it.
    preset : str, optional
        Another preset than that of params.yaml; keys given there still count.
    n_processes : int
        Seeds at the same time; the table is the same for any number.

    Returns
    -------
    Path
        The table that was written. A run that is stopped goes on where it was.

    Raises
    ------
    ParameterError
        If there are fewer than two seeds, or no such preset.
    EstimationError
        If a moment cannot be measured in some world: too few customers.
    """
    seeds = tuple(seeds)
    if len(set(seeds)) < 2 or min(seeds) < 0:
        raise ParameterError(f"seeds are {list(seeds)}; rule: at least two, none below 0.")
    given = load_parameters(root).synthetic
    chosen = choose_provider(given, preset=preset, n_customers=n_customers)
    parameters = as_calibrated(chosen)
    provider = hash_text(f"{parameters.model_dump_json()} {hash_code()}")
    folder = root / PARTS_FOLDER / f"moments-{provider}"
    tasks = [CalibrationTask(parameters, seed, folder / f"{seed}.json") for seed in seeds]
    carry_out(tasks, measure_seed, n_processes=n_processes)
    parts = [json.loads(task.path.read_text(encoding="utf-8"))["moments"] for task in tasks]
    path = root / MOMENTS_FOLDER / f"{parameters.preset}.json"
    found = summarise(parts)
    content = {
        "preset": parameters.preset,
        "parameter_hash": hash_parameters(parameters),
        "n_customers": parameters.n_customers,
        "seeds": sorted(seeds),
        "moments": found,
    }
    write_json(path, content)
    say(f"{len(found)} moments in {path.relative_to(root).as_posix()}")
    return path


def as_calibrated(parameters: SyntheticParameters) -> SyntheticParameters:
    """The provider as it was calibrated: without what the first one did not have.

    That had no integrated team, one kind of desk for half of all requests, no messages about
    failures, and no remedies.
    """
    first = SyntheticParameters.model_validate({"preset": parameters.preset})
    return parameters.model_copy(update={name: getattr(first, name) for name in ADDED_SINCE})


def measure_seed(task: CalibrationTask) -> CalibrationTask:
    """Simulate a world and its variants, and keep their moments."""
    run = live_through(task.parameters, seed=task.seed)
    moments = _measure(task.parameters, deliver(run))
    share = float(read_outcome(run).dormant_share.mean())
    latent = Moment(
        "want to leave and have not asked", "share", share, math.nan,
        task.parameters.n_customers, 0.06, "first provider, 5 to 7 %; latent",
    )  # fmt: skip
    records = [*moments.values(), asdict(latent)]
    for changes, name, words, target in VARIANTS:
        without = task.parameters.model_copy(update=changes)
        record = _measure(without, deliver(live_through(without, seed=task.seed)))[name]
        records.append(record | {"moment": f"{name}, {words}", "target": target})
    kept = [{name: finite_or_none(value) for name, value in one.items()} for one in records]
    write_json(task.path, {"moments": kept})
    return task


def _measure(parameters: SyntheticParameters, delivery: Delivery) -> dict[str, dict[str, Any]]:
    source = delivery.description
    frame = measure_moments(
        delivery.frames,
        parameters,
        window_start_at=source.window_start_at,
        window_end_at=source.window_end_at,
    )
    return {record["moment"]: record for record in frame.to_dict("records")}


def summarise(parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Every moment over its seeds, in the order measured.

    Parameters
    ----------
    parts : sequence of sequence of mapping
        Per seed, the fields of a :class:`Moment` for each of the same moments.

    Returns
    -------
    list of dict
        moment, unit, mean, sd (between seeds), mc_se (of the mean), lower, upper (where one more
        world lies in 95 %: Student's prediction interval of the logs, as waits are skewed), target,
        source, is_met: whether the target, being one world's value itself, lies there.

    Raises
    ------
    EstimationError
        If a moment is missing or 0 in some world.
    """
    return [_summarise(list(records)) for records in zip(*parts, strict=True)]


def _summarise(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first, values = records[0], [record["value"] or 0.0 for record in records]
    n, n_missing = len(values), sum(value <= 0 for value in values)
    if n_missing:
        raise EstimationError(
            f"{first['moment']}: {n_missing} of {n} worlds have no such events; rule: every world "
            "has some; fix: more customers"
        )
    sd, logs = statistics.stdev(values), [math.log(value) for value in values]
    middle = statistics.fmean(logs)
    quantile = float(stdtrit(n - 1, (1 + COVERED) / 2))  # the spread is estimated from few worlds
    half = quantile * statistics.stdev(logs) * math.sqrt(1 + 1 / n)
    return {
        **{name: first[name] for name in ("moment", "unit", "target", "source")},
        "mean": statistics.fmean(values),
        "sd": sd,
        "mc_se": sd / math.sqrt(n),
        "lower": math.exp(middle - half),
        "upper": math.exp(middle + half),
        "is_met": abs(math.log(first["target"]) - middle) <= half,
    }


def read_calibration(root: Path, *, parameters: SyntheticParameters) -> pd.DataFrame:
    """Moments over many seeds of the provider with these parameters, without a roll-out.

    Parameters
    ----------
    root : Path
        The study's folder.
    parameters : SyntheticParameters

    Returns
    -------
    DataFrame
        As of :func:`summarise`, index ``moment``, with n_seeds and n_customers.

    Raises
    ------
    ParameterError
        If no moments are kept for these parameters.
    """
    known = hash_parameters(as_calibrated(parameters))
    content = find_kept(
        root, MOMENTS_FOLDER, parameter_hash=known, what="moments", command="moments"
    )
    frame = pd.DataFrame(content["moments"]).set_index("moment")
    return frame.assign(n_seeds=len(content["seeds"]), n_customers=content["n_customers"])
