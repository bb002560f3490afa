"""The table of true values: averaged over seeds, kept as a file, read by reports."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.tables.storage import write_json
from loyaltylab.truth.estimands import Estimand

TRUTH_FOLDER = Path("data") / "truth"
HASH_CHARACTERS = 16
VALUES = ("value", "strategy_value", "reference_value")

Part = Mapping[str, Mapping[str, Any]]


def hash_parameters(parameters: SyntheticParameters) -> str:
    """Name of a provider whatever its size: the number of customers is no part of its truth.

    Examples
    --------
    >>> small, large = SyntheticParameters(n_customers=60), SyntheticParameters(n_customers=90)
    >>> hash_parameters(small) == hash_parameters(large)
    True
    """
    content = parameters.model_dump(mode="json", exclude={"n_customers"})
    return hash_text(json.dumps(content, sort_keys=True))


def hash_text(text: str) -> str:
    """A short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARACTERS]


def average_over_seeds(
    estimands: Sequence[Estimand], parts: Mapping[int, Part]
) -> list[dict[str, Any]]:
    """One record per estimand, in order of their ids.

    Parameters
    ----------
    estimands : sequence of Estimand
    parts : mapping of int to Part
        Seed -> estimand id -> fields of a :class:`TrueValue`, with None for nan.

    Returns
    -------
    list of dict
        ``value`` is the mean over seeds and ``mc_se`` their standard deviation over the root of
        their number. With one seed there is none, and ``mc_se`` is the error over customers
        (``mc_se_from`` says which). A value that some seed lacks is None.
    """
    return [
        _describe(estimand) | _average([parts[seed][estimand.id] for seed in sorted(parts)])
        for estimand in sorted(estimands, key=lambda estimand: estimand.id)
    ]


def _describe(estimand: Estimand) -> dict[str, Any]:
    contrast = estimand.contrast
    return {
        "estimand_id": estimand.id,
        "hypothesis": contrast.hypothesis,
        "contrast": contrast.id,
        "kind": contrast.kind,
        "time_zero": contrast.time_zero,
        "group": contrast.group,
        "strategy": contrast.strategy_name,
        "reference": contrast.reference_name,
        "measure": estimand.measure,
        "causes": " ".join(estimand.causes),
        "horizon_months": float(estimand.horizon_months),
        "unit": estimand.unit,
    }


def _average(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    n_seeds = len(found)
    values = [one["value"] for one in found]
    error = _mean([one["paired_se"] for one in found])
    record: dict[str, Any] = {name: _mean([one[name] for one in found]) for name in VALUES}
    record["paired_se"] = error
    record["mc_se"] = _error_of_mean(values) if n_seeds > 1 else error
    record["mc_se_from"] = "seeds" if n_seeds > 1 else "customers"
    record["n"] = sum(int(one["n"]) for one in found)
    record["n_seeds"] = n_seeds
    record["identical_share"] = min(float(one["identical_share"]) for one in found)
    return record


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None


def _error_of_mean(values: Sequence[float | None]) -> float | None:
    mean = _mean(values)
    if mean is None:
        return None
    squares = math.fsum((value - mean) ** 2 for value in values if value is not None)
    return math.sqrt(squares / (len(values) - 1) / len(values))


def write_truth(
    path: Path,
    *,
    parameters: SyntheticParameters,
    seeds: Sequence[int],
    step_days: int,
    records: Sequence[Mapping[str, Any]],
) -> None:
    """Write the table; the same truth gives the same bytes."""
    content = {
        "preset": parameters.preset,
        "parameter_hash": hash_parameters(parameters),
        "n_customers": parameters.n_customers,
        "step_days": step_days,
        "seeds": sorted(seeds),
        "true_values": list(records),
    }
    write_json(path, content)


def read_truth(root: Path, *, parameter_hash: str) -> pd.DataFrame:
    """True values of the provider with these parameters.

    Parameters
    ----------
    root : Path
        The study's folder.
    parameter_hash : str
        From :func:`hash_parameters`.

    Returns
    -------
    DataFrame
        One line per estimand, index ``estimand_id``: what it is (hypothesis, contrast, kind,
        time_zero, group, strategy, reference, measure, causes, horizon_months, unit), then value,
        strategy_value, reference_value, mc_se, mc_se_from, paired_se, n, n_seeds,
        identical_share, seeds, n_customers, step_days, parameter_hash.

    Raises
    ------
    ParameterError
        If no truth is kept for these parameters.
    """
    content = find_kept(
        root, TRUTH_FOLDER, parameter_hash=parameter_hash, what="true values", command="truth"
    )
    return _as_frame(content)


def find_kept(
    root: Path, folder: Path, *, parameter_hash: str, what: str, command: str
) -> dict[str, Any]:
    """Content of the file of a folder that belongs to a provider.

    Raises
    ------
    ParameterError
        If there is none: with what there is, and the command that makes it.
    """
    kept = {}
    for path in sorted((root / folder).glob("*.json")):
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["parameter_hash"] == parameter_hash:
            return content
        kept[path.name] = content["parameter_hash"]
    raise ParameterError(
        f"No {what} are kept for the parameters with hash {parameter_hash}; "
        f"run `loyaltylab {command}`. There are:",
        [f"{(folder / name).as_posix()} for {known}" for name, known in kept.items()] or ["none"],
    )


def _as_frame(content: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(content["true_values"])
    numbers = [*VALUES, "paired_se", "mc_se"]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    frame = frame.assign(
        seeds=" ".join(str(seed) for seed in content["seeds"]),
        **{name: content[name] for name in ("n_customers", "step_days", "parameter_hash")},
    )
    return frame.set_index("estimand_id")
