"""What the replicates show of each method: bias, coverage, and false positives."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from loyaltylab.findings import Check
from loyaltylab.findings.verdicts import VALIDATION
from loyaltylab.validation.worlds import WORLDS

VALIDATION_FOLDER = Path("data") / "validation"
COVERAGE_BAND = (0.92, 0.98)
FALSE_POSITIVE_BAND = (0.03, 0.07)
MONTE_CARLO_LEVEL = 0.95
MOST_REFUSED = 0.05
COLUMNS = (
    "world", "method", "unit", "n_replicates", "n_refused", "truth", "truth_error", "mean",
    "bias", "bias_error", "spread", "mean_standard_error", "coverage", "coverage_lower",
    "coverage_upper", "rejects", "rejects_lower", "rejects_upper", "naive_mean", "naive_bias",
    "naive_coverage", "naive_rejects", "n_naive",
)  # fmt: skip


def summarise_method(
    parts: Sequence[Mapping[str, Any]], *, truth: float, truth_error: float
) -> dict[str, Any]:
    """Compare the estimates of one method with the truth.

    Parameters
    ----------
    parts : sequence of mapping
        Of each replicate, ``estimate`` (value, standard error, limits) and ``naive``; or
        ``refused``.
    truth : float
        In their unit; nan where it is not known, and then there is no bias and no coverage.
    truth_error : float
        Its Monte-Carlo error.

    Returns
    -------
    dict
        Numbers of ``COLUMNS`` but the first three. Limits are Clopper and Pearson's, of the
        replicates alone. ``rejects`` is the share whose interval leaves out 0: where the truth is
        0, the rate of false positives.

    Examples
    --------
    >>> parts = [{"estimate": [1.0, 0.5, 0.0, 2.0], "naive": None}] * 3
    >>> summarise_method(parts, truth=1.5, truth_error=0.0)["coverage"]
    1.0
    """
    made = np.array([part["estimate"] for part in parts if "refused" not in part], dtype=float)
    naive = [part.get("naive") for part in parts]
    wrong = np.array([one for one in naive if one is not None], dtype=float).reshape(-1, 4)
    found: dict[str, Any] = {
        "n_replicates": len(parts),
        "n_refused": len(parts) - len(made),
        "truth": truth,
        "truth_error": truth_error,
        "n_naive": len(wrong),
    }
    if len(made) == 0:
        return found
    value, error, lower, upper = made.reshape(-1, 4).T
    covers = (lower <= truth) & (truth <= upper)
    rejects = (lower > 0) | (upper < 0)
    spread = float(value.std(ddof=1)) if len(value) > 1 else math.nan
    found |= {
        "mean": float(value.mean()),
        "bias": float(value.mean() - truth),
        "bias_error": math.hypot(spread / math.sqrt(len(value)), truth_error),
        "spread": spread,
        "mean_standard_error": float(error.mean()),
    }
    rates = {"rejects": rejects} if math.isnan(truth) else {"coverage": covers, "rejects": rejects}
    for name, flags in rates.items():
        limits = binomtest(int(flags.sum()), len(flags)).proportion_ci(MONTE_CARLO_LEVEL)
        found[name] = float(flags.mean())
        found[f"{name}_lower"], found[f"{name}_upper"] = float(limits.low), float(limits.high)
    if len(wrong):
        value, _, lower, upper = wrong.T
        found |= {
            "naive_mean": float(value.mean()),
            "naive_bias": float(value.mean() - truth),
            "naive_rejects": float(((lower > 0) | (upper < 0)).mean()),
        }
        if not math.isnan(truth):
            found["naive_coverage"] = float(((lower <= truth) & (truth <= upper)).mean())
    return found


def read_validation(root: Path) -> pd.DataFrame:
    """Results of every method in every world it was tried in.

    Parameters
    ----------
    root : Path
        The study's folder.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, then ``n_customers``, ``step_days`` and ``confidence_level``; no rows where
        nothing was validated.
    """
    lines = []
    for world in WORLDS:
        path = root / VALIDATION_FOLDER / f"{world}.json"
        if not path.is_file():
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        shared = {name: content[name] for name in ("n_customers", "step_days", "confidence_level")}
        lines += [
            {"world": world, "method": name, **found, **shared}
            for name, found in content["results"].items()
        ]
    columns = [*COLUMNS, "n_customers", "step_days", "confidence_level"]
    return pd.DataFrame(lines, columns=columns)


def read_replicates(root: Path, *, world: str, name: str) -> pd.DataFrame:
    """Every replicate of one method: seed, value, standard_error, ci_lower, ci_upper."""
    path = root / VALIDATION_FOLDER / f"{world}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    lines = [
        (seed, *part["estimate"])
        for seed, part in zip(content["seeds"], content["replicates"][name], strict=True)
        if "refused" not in part
    ]
    columns = ["seed", "value", "standard_error", "ci_lower", "ci_upper"]
    return pd.DataFrame(lines, columns=columns)


def methods_for(results: pd.DataFrame, hypothesis: str) -> pd.DataFrame:
    """Results of the methods that serve a hypothesis, where what they assume holds."""
    is_sound = results["world"].map({name: world.is_identified for name, world in WORLDS.items()})
    serves = results["method"].str.split().str[0] == hypothesis
    return results[serves & is_sound.astype(bool)]


def check_validation(root: Path, name: str) -> Check:
    """Whether the methods of a hypothesis found what is true.

    They fail if in some world their intervals cover the truth less or more often than the band
    allows, or if where nothing has an effect they leave out 0 too often or too seldom; by more
    than the number of replicates explains.
    """
    mine = methods_for(read_validation(root), name)
    if mine.empty:
        return Check(VALIDATION, "not run", "The method was not tried on known truths.")
    problems = [problem for line in mine.to_dict("records") for problem in find_failures(line)]
    if problems:
        return Check(VALIDATION, "failed", " ".join(problems))
    known = mine.dropna(subset="coverage")
    lowest = known.loc[known["coverage"].idxmin()]
    return Check(
        VALIDATION,
        "passed",
        f"On {int(mine['n_replicates'].min())} simulated providers per world its intervals cover "
        f"the truth in {100 * lowest['coverage']:.1f} % or more ({lowest['world']}).",
    )


def find_failures(line: Mapping[str, Any]) -> list[str]:
    """What is wrong with the results of one method in one world, in sentences."""
    found = []
    if line["n_refused"] > MOST_REFUSED * line["n_replicates"]:
        return [f"{line['world']}: no estimate in {line['n_refused']} of {line['n_replicates']}."]
    has_truth = not pd.isna(line["truth"])
    if has_truth and _is_outside(line["coverage_lower"], line["coverage_upper"], COVERAGE_BAND):
        found.append(
            f"{line['world']}: intervals cover the truth in {100 * line['coverage']:.1f} %, "
            f"outside {_percent(COVERAGE_BAND)}."
        )
    if line["truth"] == 0 and _is_outside(
        line["rejects_lower"], line["rejects_upper"], FALSE_POSITIVE_BAND
    ):
        found.append(
            f"{line['world']}: false positives in {100 * line['rejects']:.1f} %, outside "
            f"{_percent(FALSE_POSITIVE_BAND)}."
        )
    return found


def find_near_misses(line: Mapping[str, Any]) -> list[str]:
    """Rates outside their band by less than the error of the replicates, in sentences."""
    if find_failures(line) or pd.isna(line.get("coverage")):
        return []
    rates = [("intervals cover the truth", line["coverage"], COVERAGE_BAND)]
    if line["truth"] == 0:
        rates.append(("false positives", line["rejects"], FALSE_POSITIVE_BAND))
    return [
        f"{line['world']}: {what} in {100 * rate:.1f} %, outside {_percent(band)} by less than "
        "the error of the replicates."
        for what, rate, band in rates
        if not band[0] <= rate <= band[1]
    ]


def _is_outside(lower: float, upper: float, band: tuple[float, float]) -> bool:
    """Whether even the error of the replicates does not reach the band."""
    return bool(upper < band[0] or lower > band[1])


def _percent(band: tuple[float, float]) -> str:
    return f"{100 * band[0]:g} to {100 * band[1]:g} %"
