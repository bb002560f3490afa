"""The same question under every defensible choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate

RESULTS = ("value", "ci_lower", "ci_upper", "n", "n_events")


@dataclass(frozen=True, eq=False)
class SpecificationCurve:
    """Estimates under every choice, and how far they agree.

    Attributes
    ----------
    estimates : pandas.DataFrame
        One row per specification: its choices, value, ci_lower, ci_upper, n, n_events; by value.
    failures : pandas.DataFrame
        Choices that gave no estimate, with the ``reason``.
    n_specifications : int
        Those tried.
    median, lowest, highest : float
        Of the values.
    same_sign_share : float
        Of the specifications with an estimate, the share on the side of the median.
    one_sided_share : float
        The share whose whole interval is on the side of the median.
    """

    estimates: pd.DataFrame
    failures: pd.DataFrame
    n_specifications: int
    median: float
    lowest: float
    highest: float
    same_sign_share: float
    one_sided_share: float


def run_specifications(
    choices: pd.DataFrame,
    estimate: Callable[[Mapping[str, Any]], Estimate],
    *,
    no_effect: float = 0.0,
) -> SpecificationCurve:
    """Estimate under every row of a table of choices.

    Parameters
    ----------
    choices : pandas.DataFrame
        One row per specification, one column per choice.
    estimate : callable
        Row of choices as a mapping -> Estimate. An EstimationError is kept as a failure.
    no_effect : float
        0, or 1 for ratios.

    Returns
    -------
    SpecificationCurve

    Raises
    ------
    EstimationError
        If there is no choice, one stands twice, a column is named like a result, or every
        specification fails.

    Source
    ------
    Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4:1208-1214.
    """
    _check_choices(choices)
    lines: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for row in choices.to_dict(orient="records"):
        named = {str(key): value for key, value in row.items()}
        try:
            result = estimate(dict(named))
        except EstimationError as problem:
            failures.append(named | {"reason": problem.summary})
        else:
            lines.append(named | {name: getattr(result, name) for name in RESULTS})
    if not lines:
        raise EstimationError(f"None of {len(choices)} specifications gave an estimate.")
    names = [str(name) for name in choices.columns]
    table = pd.DataFrame(lines, columns=[*names, *RESULTS])
    table = table.sort_values("value", kind="stable", ignore_index=True)
    return _summarise(
        table, pd.DataFrame(failures, columns=[*names, "reason"]), len(choices), no_effect
    )


def _check_choices(choices: pd.DataFrame) -> None:
    problems = []
    if choices.empty:
        problems.append("there is no specification; fix: one row per specification")
    if choices.astype("string").duplicated().any():
        problems.append("a specification stands twice; rule: each counts once")
    taken = [name for name in (*RESULTS, "reason") if name in choices]
    if taken:
        problems.append(f"{', '.join(taken)} are names of results; fix: name choices otherwise")
    if problems:
        raise EstimationError("These specifications cannot be run:", problems)


def _summarise(
    table: pd.DataFrame, failures: pd.DataFrame, n_specifications: int, no_effect: float
) -> SpecificationCurve:
    values = table["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise EstimationError("A specification gave a value that is not finite.")
    median = float(np.median(values))
    side = np.sign(median - no_effect)
    nearest = table["ci_lower"] if side > 0 else table["ci_upper"]
    return SpecificationCurve(
        estimates=table,
        failures=failures,
        n_specifications=n_specifications,
        median=median,
        lowest=float(values.min()),
        highest=float(values.max()),
        same_sign_share=float(np.mean(np.sign(values - no_effect) == side)),
        one_sided_share=float(np.mean(np.sign(nearest - no_effect) == side)) if side else 0.0,
    )
