"""Weighted curves of arms that may share customers, and their differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    CumulativeIncidence,
    Estimate,
    RetentionCurve,
    build_counting_process,
    cumulative_incidence,
    kaplan_meier,
)
from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.influence import (
    ProductLimit,
    compute_product_limit,
    compute_sum_influence,
)
from loyaltylab.survival.intervals import normal_quantile, two_sided_p_value
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.unit_caveats import describe_few_units

NO_ERROR = "no error: no exits in either arm by then, or nobody left"


@dataclass(frozen=True, eq=False)
class WeightedArm:
    """Rows (start, stop] of one arm, with weights.

    Attributes
    ----------
    start, stop : ndarray of float, shape (n,)
        Since time zero.
    exit_cause : ndarray of str, shape (n,)
        "" for a row that does not end in an exit.
    weights : ndarray of float, shape (n,)
        Not negative.
    unit : ndarray of int, shape (n,)
        Code of the customer (or site), the same in every arm.
    """

    start: FloatArray
    stop: FloatArray
    exit_cause: npt.NDArray[np.object_]
    weights: FloatArray
    unit: IntArray


@dataclass(frozen=True)
class Quantity:
    """One number read off an arm: what, at which time, for which cause ("" for any)."""

    kind: str
    time: float
    cause: str = ""

    @property
    def name(self) -> str:
        """As text, for tables and bootstrap replicates."""
        return " ".join(part for part in (self.kind, self.cause, f"{self.time:g}") if part)

    @property
    def unit(self) -> str:
        """Unit of the number."""
        return "days" if self.kind == "restricted_mean" else "share"


@dataclass(frozen=True, eq=False)
class ArmContrasts:
    """Curves of every arm and differences from the reference; as in the result of a design."""

    curves: dict[str, RetentionCurve]
    incidence: dict[str, CumulativeIncidence]
    restricted_mean: dict[str, Estimate]
    restricted_mean_differences: dict[str, Estimate]
    retention_differences: dict[tuple[str, float], Estimate]
    incidence_differences: dict[tuple[str, str, float], Estimate]


def list_quantities(
    causes: Sequence[str], times: Sequence[float], horizon: float
) -> list[Quantity]:
    """Restricted mean to the horizon; retention and incidence by cause at every time."""
    asked = sorted({float(time) for time in (*times, horizon)})
    quantities = [Quantity("restricted_mean", float(horizon))]
    quantities += [Quantity("retention", time) for time in asked]
    return quantities + [Quantity("incidence", time, cause) for cause in causes for time in asked]


def contrast_arms(
    arms: Mapping[str, WeightedArm],
    *,
    reference: str,
    causes: Sequence[str],
    times: Sequence[float],
    horizon: float,
    confidence_level: float,
) -> ArmContrasts:
    """Weighted curves and differences from the reference.

    The error of a difference is the sum over customers of the square of the difference of
    influences on both arms, so that arms may share customers. Weights are taken as known.

    Raises
    ------
    EstimationError
        If an arm is empty, or not followed to a time asked for.
    """
    quantities = list_quantities(causes, times, horizon)
    check_arms(arms, quantities)
    pieces = {name: _measure(arm, causes, quantities) for name, arm in arms.items()}
    curves, incidence = _draw_curves(arms, causes, confidence_level)
    differences = {
        (name, quantity): _subtract(
            quantity, (pieces[name], pieces[reference]), (name, reference), confidence_level
        )
        for name in arms
        if name != reference
        for quantity in quantities
    }
    return ArmContrasts(
        curves=curves,
        incidence=incidence,
        restricted_mean={
            name: _single(quantities[0], piece, confidence_level) for name, piece in pieces.items()
        },
        restricted_mean_differences={
            name: found
            for (name, asked), found in differences.items()
            if asked.kind == "restricted_mean"
        },
        retention_differences={
            (name, asked.time): found
            for (name, asked), found in differences.items()
            if asked.kind == "retention"
        },
        incidence_differences={
            (name, asked.cause, asked.time): found
            for (name, asked), found in differences.items()
            if asked.kind == "incidence"
        },
    )


def compute_values(
    arms: Mapping[str, WeightedArm],
    *,
    reference: str,
    causes: Sequence[str],
    times: Sequence[float],
    horizon: float,
) -> dict[str, float]:
    """Every quantity of every arm and every difference, without errors; for replicates.

    Returns
    -------
    dict of str to float
        Keys ``"ARM: QUANTITY"`` and ``"ARM - REFERENCE: QUANTITY"``.
    """
    quantities = list_quantities(causes, times, horizon)
    check_arms(arms, quantities)
    values: dict[str, float] = {}
    for name, arm in arms.items():
        process, risk_sets, limit = _prepare(arm, causes)
        for quantity in quantities:
            total = sum(
                float(limit.incidence[:, column] @ weight)
                for column, weight in _time_weights(quantity, process, risk_sets)
            )
            values[f"{name}: {quantity.name}"] = _from_sum(quantity, total)
    for name in arms:
        if name != reference:
            for quantity in quantities:
                values[f"{name} - {reference}: {quantity.name}"] = (
                    values[f"{name}: {quantity.name}"] - values[f"{reference}: {quantity.name}"]
                )
    return values


def check_arms(arms: Mapping[str, WeightedArm], quantities: Sequence[Quantity]) -> None:
    """Refuse empty arms and times past their follow-up, all at once."""
    problems = []
    last = max(quantity.time for quantity in quantities)
    for name, arm in arms.items():
        followed = arm.stop[arm.weights > 0]
        if len(followed) == 0:
            problems.append(f"'{name}' has nobody; rule: every arm has customers at time zero")
        elif followed.max() < last:
            problems.append(
                f"'{name}' is followed to about {followed.max():.2g}, short of {last:g}; "
                "rule: nothing is extrapolated; fix: a shorter horizon, or earlier times"
            )
    early = [quantity.time for quantity in quantities if not quantity.time > 0]
    if early:
        problems.append(f"times {sorted(set(early))} are not after time zero; rule: positive")
    if problems:
        raise EstimationError("The arms cannot be compared:", problems)


@dataclass(frozen=True, eq=False)
class _Measured:
    """Values and influences by customer of all quantities of one arm."""

    value: dict[Quantity, float]
    influence: dict[Quantity, FloatArray]
    units: IntArray
    event_time: FloatArray
    event_cause: npt.NDArray[np.object_]

    def count_events(self, quantity: Quantity) -> int:
        is_own = self.event_cause == quantity.cause if quantity.cause else True
        return int(np.count_nonzero((self.event_time <= quantity.time) & is_own))


def _prepare(
    arm: WeightedArm, causes: Sequence[str]
) -> tuple[CountingProcess, RiskSets, ProductLimit]:
    process = build_counting_process(
        arm.start,
        arm.stop,
        exit_cause=arm.exit_cause,
        causes=causes,
        weights=arm.weights,
        cluster=arm.unit,
    )
    risk_sets = build_risk_sets(process)
    return process, risk_sets, compute_product_limit(risk_sets)


def _time_weights(
    quantity: Quantity, process: CountingProcess, risk_sets: RiskSets
) -> Iterator[tuple[int, FloatArray]]:
    """Columns of the incidence, and the weights of their jumps that make up the quantity."""
    left = quantity.time - risk_sets.time
    is_mean = quantity.kind == "restricted_mean"
    weight: FloatArray = np.where(left >= 0, left if is_mean else 1.0, 0.0)
    for column, cause in enumerate(process.causes):
        if quantity.cause in ("", cause):
            yield column, weight


def _from_sum(quantity: Quantity, total: float) -> float:
    """Retention and its mean are what incidence leaves over."""
    start = {"restricted_mean": quantity.time, "retention": 1.0}
    return start[quantity.kind] - total if quantity.kind in start else total


def _measure(arm: WeightedArm, causes: Sequence[str], quantities: Sequence[Quantity]) -> _Measured:
    process, risk_sets, limit = _prepare(arm, causes)
    unit = arm.unit[process.kept]
    n = int(arm.unit.max()) + 1
    values: dict[Quantity, float] = {}
    influences: dict[Quantity, FloatArray] = {}
    for quantity in quantities:
        total, moved = 0.0, np.zeros(process.n_rows)
        for column, weight in _time_weights(quantity, process, risk_sets):
            part, influence = compute_sum_influence(process, risk_sets, limit, column, weight)
            total, moved = total + part, moved + influence
        values[quantity] = _from_sum(quantity, total)
        sign = 1.0 if quantity.kind == "incidence" else -1.0
        influences[quantity] = sign * _sum_by_unit(unit, process.weights * moved, n)
    left = process.event
    return _Measured(
        values,
        influences,
        np.unique(unit),
        process.stop[left],
        arm.exit_cause[process.kept][left],
    )


def _sum_by_unit(unit: IntArray, values: FloatArray, n: int) -> FloatArray:
    return np.bincount(unit, values, minlength=n).astype(np.float64)


def _draw_curves(
    arms: Mapping[str, WeightedArm], causes: Sequence[str], level: float
) -> tuple[dict[str, RetentionCurve], dict[str, CumulativeIncidence]]:
    curves, incidence = {}, {}
    for name, arm in arms.items():
        curves[name] = kaplan_meier(
            arm.start,
            arm.stop,
            arm.exit_cause != "",
            weights=arm.weights,
            cluster=arm.unit,
            confidence_level=level,
        )
        incidence[name] = cumulative_incidence(
            arm.start,
            arm.stop,
            arm.exit_cause,
            causes=causes,
            weights=arm.weights,
            cluster=arm.unit,
            confidence_level=level,
        )
    return curves, incidence


def _single(quantity: Quantity, measured: _Measured, level: float) -> Estimate:
    error = math.sqrt(float(np.sum(measured.influence[quantity] ** 2)))
    value, reach = measured.value[quantity], normal_quantile(level) * error
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - reach,
        ci_upper=value + reach,
        confidence_level=level,
        n=len(measured.units),
        n_events=measured.count_events(quantity),
        unit=quantity.unit,
        method=f"{quantity.name}, weighted, infinitesimal jackknife by cluster, weights as known",
        caveats=describe_few_units(len(measured.units)),
    )


def _subtract(
    quantity: Quantity,
    pair: tuple[_Measured, _Measured],
    names: tuple[str, str],
    level: float,
) -> Estimate:
    own, other = pair
    longest = max(len(part.influence[quantity]) for part in pair)
    moved = np.zeros(longest)
    moved[: len(own.influence[quantity])] += own.influence[quantity]
    moved[: len(other.influence[quantity])] -= other.influence[quantity]
    error = math.sqrt(float(np.sum(moved**2)))
    value = own.value[quantity] - other.value[quantity]
    has_error = error > 0
    error = error if has_error else math.nan
    reach = normal_quantile(level) * error
    n_units = len(np.union1d(own.units, other.units))
    method = f"{quantity.name}, {names[0]} minus {names[1]}, weighted, "
    method += "influence of each cluster over both arms, weights as known"
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=value - reach,
        ci_upper=value + reach,
        confidence_level=level,
        n=n_units,
        n_events=own.count_events(quantity) + other.count_events(quantity),
        unit=quantity.unit,
        method=method if has_error else NO_ERROR,
        p_value=float(two_sided_p_value(value / error)) if has_error else None,
        caveats=describe_few_units(n_units),
    )
