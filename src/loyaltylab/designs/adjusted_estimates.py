"""What an adjusted contrast reads, and the estimates it hands out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyaltylab.designs.augmented_means import AugmentedMeans
from loyaltylab.designs.follow_up_length import about_months, known_days
from loyaltylab.designs.pseudo_outcomes import Quantities
from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.row_checks import describe_rows

METHOD = "augmented inverse probability weighting of pseudo-values, errors by customer"
# An error this small beside the scale of the quantity is rounding.
NO_ERROR = 1e-12


@dataclass(frozen=True, eq=False)
class AdjustedInputs:
    """The customers of both groups, checked; n rows."""

    rows: pd.DataFrame
    covariates: pd.DataFrame
    exposed: str
    groups: dict[str, BoolArray]
    strata: pd.Series
    code: IntArray
    customer: tuple[object, ...]
    quantities: Quantities
    confidence_level: float

    @property
    def is_exposed(self) -> BoolArray:
        """Who is in the exposed group, shape (n,)."""
        return self.groups[self.exposed]

    @property
    def is_censored(self) -> bool:
        """Whether anybody is lost before the horizon."""
        lost = ~self.rows["event"].astype(bool) & (self.rows["stop"] < self.quantities.horizon)
        return bool(lost.any())


def read_adjusted_inputs(
    followed: pd.DataFrame,
    group: str,
    names: tuple[str, str],
    covariates: Sequence[str],
    horizon_days: float,
    times_days: Sequence[float],
    causes: Sequence[str],
    censoring_strata: str | None,
    confidence_level: float,
) -> AdjustedInputs:
    """Check the frame of two groups and take out what a contrast needs.

    Raises
    ------
    EstimationError
        With everything that is wrong with the request.
    """
    normal_quantile(confidence_level)
    columns = ["customer_id", "start", "stop", "event", "exit_cause", group, *covariates]
    columns += [censoring_strata] if censoring_strata else []
    absent = sorted({str(name) for name in columns} - set(followed.columns))
    if absent:
        raise EstimationError(
            f"The frame lacks {', '.join(map(repr, absent))}; rule: one row per customer as from "
            "follow_up_from, with the group and the covariates"
        )
    is_one = followed[group].isin(names).to_numpy(dtype=bool, na_value=False)
    rows = followed[is_one].reset_index(drop=True)
    groups = {name: (rows[group] == name).to_numpy(dtype=bool) for name in names}
    times = tuple(sorted({*map(float, times_days), float(horizon_days)}))
    has_cause = rows["exit_cause"].fillna("").astype(str)
    observed = tuple(sorted(set(has_cause) - {""}))
    problems = _find_problems(rows, groups, times, horizon_days)
    unclear = ((has_cause != "") != rows["event"].astype(bool)).to_numpy()
    if unclear.any():
        problems.append(
            f"event and exit_cause disagree in {describe_rows(unclear)}; rule: a cause for every "
            "exit and for nobody else; fix: give unknown causes a name"
        )
    problems += [
        f"no exit by {cause!r}; the causes observed: {list(observed)}"
        for cause in causes
        if cause not in observed
    ]
    if problems:
        raise EstimationError("The two groups cannot be compared:", problems)
    code, customer = pd.factorize(rows["customer_id"])
    return AdjustedInputs(
        rows=rows,
        covariates=rows[list(covariates)],
        exposed=names[0],
        groups=groups,
        strata=rows[censoring_strata] if censoring_strata else pd.Series(0, index=rows.index),
        code=code.astype(np.int64),
        customer=tuple(customer),
        quantities=Quantities(float(horizon_days), times, tuple(causes) or observed, observed),
        confidence_level=confidence_level,
    )


def _find_problems(
    rows: pd.DataFrame,
    groups: Mapping[str, BoolArray],
    times: Sequence[float],
    horizon_days: float,
) -> list[str]:
    problems = []
    if len(groups) < 2:
        problems.append(f"exposed and reference are both {next(iter(groups))!r}; rule: two names")
    for name, is_in in groups.items():
        if not is_in.any():
            problems.append(f"group {name!r} has no customers")
        elif (last := known_days(rows[is_in])) < horizon_days:
            problems.append(
                f"group {name!r} is followed for {about_months(last)}, less than the horizon "
                f"of {horizon_days:g}; take a shorter horizon"
            )
    late = [time for time in times if not 0 < time <= horizon_days]
    if late:
        problems.append(f"times {late} are outside (0, {horizon_days:g}]; rule: up to the horizon")
    if (rows["start"] != 0).any() or rows["customer_id"].duplicated().any():
        problems.append(
            "rows start after 0 or customers have several; rule: one row per customer from its "
            "time zero; fix: take the frame of follow_up_from"
        )
    return problems


def build_estimates(
    inputs: AdjustedInputs, means: Mapping[str, AugmentedMeans], caveats: tuple[str, ...]
) -> dict[str, Any]:
    """Estimates per group and of their differences, by the names of the contrast's fields."""
    exposed, reference = inputs.groups
    by_column: dict[str, list[Estimate]] = {}
    for name, found in means.items():
        by_column[name] = _estimate_columns(
            inputs, found.values, found.influence, inputs.groups[name], caveats, is_mean=True
        )
    gap = means[exposed].influence - means[reference].influence
    everyone = np.ones(len(inputs.rows), dtype=bool)
    gaps = _estimate_columns(
        inputs, means[exposed].values - means[reference].values, gap, everyone, caveats,
        is_mean=False,
    )  # fmt: skip
    keys = inputs.quantities.keys
    is_retention = [cause == "" for cause, _ in keys]
    return {
        "restricted_mean": {name: found[0] for name, found in by_column.items()},
        "restricted_mean_difference": gaps[0],
        "retention": {
            (name, time): found[column]
            for name, found in by_column.items()
            for column, (_, time) in enumerate(keys)
            if is_retention[column]
        },
        "retention_differences": {
            time: gaps[column] for column, (_, time) in enumerate(keys) if is_retention[column]
        },
        "incidence_differences": {
            key: gaps[column]
            for column, key in enumerate(keys)
            if column > 0 and not is_retention[column]
        },
    }


def _estimate_columns(
    inputs: AdjustedInputs,
    values: FloatArray,
    influence: FloatArray,
    counted: BoolArray,
    caveats: tuple[str, ...],
    *,
    is_mean: bool,
) -> list[Estimate]:
    quantile = normal_quantile(inputs.confidence_level)
    rows, found = inputs.rows[counted], []
    for column, (cause, time) in enumerate(inputs.quantities.keys):
        value, moves = float(values[column]), influence[:, column]
        error = math.sqrt(float(np.sum(np.bincount(inputs.code, weights=moves) ** 2)))
        is_known = error > NO_ERROR * (time if column == 0 else 1.0)
        error = error if is_known else float("nan")
        is_exit = rows["event"].astype(bool) & (rows["stop"] <= time)
        if column > 0 and cause:
            is_exit &= rows["exit_cause"] == cause
        further = () if column == 0 or not is_mean or 0 <= value <= 1 else (
            f"The share of {value:.3f} is outside 0 and 1: the groups overlap too little.",
        )  # fmt: skip
        p_value = float(two_sided_p_value(value / error)) if is_known and not is_mean else None
        found.append(
            Estimate(
                value=value,
                standard_error=error,
                ci_lower=value - quantile * error,
                ci_upper=value + quantile * error,
                confidence_level=inputs.confidence_level,
                n=len(inputs.customer) if not is_mean else int(counted.sum()),
                n_events=int(is_exit.sum()),
                unit="days" if column == 0 else "share",
                method=METHOD if is_known else "no error: no such exits by then",
                p_value=p_value,
                caveats=(*caveats, *further),
            )
        )
    return found
