"""Weights that let clones who still agree stand for those censored because they did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.clones import CloneRows, Clones
from loyaltylab.errors import EstimationError
from loyaltylab.survival import HazardRegression, fit_discrete_hazard
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray, as_read_only

EXTREME_WEIGHT = 20.0
SMALL_SHARE = 0.5
FEW_EFFECTIVE = 50.0
# Places within a period closer than this are the same but for rounding.
SAME_PLACE = 1e-9


@dataclass(frozen=True, eq=False)
class CloneWeights:
    """Weights of the clones of one strategy.

    Attributes
    ----------
    weights : ndarray of float, shape (m,)
        One per row of the clones, without the weights of customers.
    models : dict of str to HazardRegression
        Fitted models of artificial censoring: ``"overstepping"`` per period, ``"deadline"``
        once; only those that were needed.
    largest_before_truncation : float
    caveats : tuple of str
    """

    weights: FloatArray
    models: dict[str, HazardRegression]
    largest_before_truncation: float
    caveats: tuple[str, ...]


def weigh_clones(
    clones: Clones,
    name: str,
    *,
    covariates: Sequence[str],
    customer_weights: FloatArray | None = None,
    baseline: str = "constant",
    truncate: float | None = None,
) -> CloneWeights:
    """Weights by the inverse of the probability not to be censored artificially so far.

    Overstepping a maximum is modelled by pooled logistic regression over the periods, of rows
    as known at the start of each; falling short of a minimum by one logistic regression at the
    end of the grace period. Weights are stabilised by the share that stays, which changes no
    curve but brings their mean near 1; not where ``last_chance_from`` lets some stand for
    themselves.

    Parameters
    ----------
    clones : Clones
    name : str
        Strategy.
    covariates : sequence of str
        Columns of the rows; none for weights of 1.
    customer_weights : ndarray of float, shape (n,), optional
    baseline : {"constant", "period"}
        Intercept of the pooled logistic regression. What is common to all who are at risk does
        not change a curve.
    truncate : float, optional
        Quantile in (0.5, 1) to which larger weights are brought down.

    Raises
    ------
    EstimationError
        If a model cannot be fitted, by separation for example; if nobody agrees to the end.
    """
    arm = clones.arms[name]
    own = np.ones(len(clones.customers)) if customer_weights is None else customer_weights
    options = _Options(tuple(covariates), own, baseline)
    models: dict[str, HazardRegression] = {}
    weights = np.ones(len(arm.row))
    if arm.strategy.maximum is not None:
        weights *= _weigh_overstepping(clones, arm, options, models)
    if arm.strategy.minimum is not None:
        weights *= _weigh_deadline(clones, arm, options, models)
    largest = float(weights[own[arm.unit] > 0].max())
    caveats = []
    if truncate is not None:
        limit = _find_quantile(weights, own[arm.unit], truncate)
        n_cut = len(np.unique(arm.unit[weights > limit]))
        weights = np.minimum(weights, limit)
        caveats.append(
            f"strategy '{name}': weights of {n_cut} customers were truncated at {limit:.3g} "
            f"(quantile {truncate:g}), which trades bias for precision."
        )
    if not models and covariates and arm.is_artificial.any():
        caveats.append(f"strategy '{name}': no model of artificial censoring was needed.")
    return CloneWeights(as_read_only(weights), models, largest, tuple(caveats))


@dataclass(frozen=True, eq=False)
class _Options:
    covariates: tuple[str, ...]
    own: FloatArray
    baseline: str


def _weigh_overstepping(
    clones: Clones, arm: CloneRows, options: _Options, models: dict[str, HazardRegression]
) -> FloatArray:
    """Product over a clone's earlier periods, and part of the current one.

    That part is the share of oversteppings which come before the exits of their period: 0 where
    all are at the ends of periods, 1/2 where both are spread evenly.
    """
    key = arm.unit * (arm.n_periods + 1) + arm.period
    is_first = np.concatenate([[True], key[1:] != key[:-1]])
    opening = np.flatnonzero(is_first)
    group = np.cumsum(is_first) - 1
    is_over = arm.is_artificial & (arm.stop == arm.agreement.oversteps[arm.unit])
    censored = np.maximum.reduceat(is_over, opening)
    at_risk = arm.period[opening] < arm.n_periods
    chosen = opening[at_risk]
    log_factor = np.zeros(len(opening))
    log_factor[at_risk] = _log_inverse_stay(
        clones, options, "overstepping", models,
        row=arm.row[chosen], unit=arm.unit[chosen], period=arm.period[chosen],
        censored=censored[at_risk],
    )  # fmt: skip
    before = np.concatenate([[0.0], np.cumsum(log_factor)[:-1]])
    unit = arm.unit[opening]
    begins = np.concatenate([[True], unit[1:] != unit[:-1]])
    origin = before[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    part = _find_order(arm, is_over, options.own)
    return np.exp(before - origin + part * log_factor)[group]


def _find_order(arm: CloneRows, is_over: BoolArray, own: FloatArray) -> float:
    """Share of oversteppings that come before an exit, by their places within the period."""
    edges = np.concatenate([[0.0], arm.edges])
    within = arm.period < arm.n_periods

    def find_places(is_chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
        chosen = is_chosen & within
        period = arm.period[chosen]
        length = edges[period + 1] - edges[period]
        return (arm.stop[chosen] - edges[period]) / length, own[arm.unit[chosen]]

    over, over_weight = find_places(is_over)
    exits, exit_weight = find_places(arm.exit_cause != "")
    if not over_weight.any() or not exit_weight.any():
        return 0.0
    order = np.argsort(over, kind="stable")
    reached = np.concatenate([[0.0], np.cumsum(over_weight[order])]) / over_weight.sum()
    # Nearly equal places are ties: an exit at the moment of a treatment comes before it.
    earlier = reached[np.searchsorted(over[order], exits - SAME_PLACE)]
    return float(earlier @ exit_weight / exit_weight.sum())


def _weigh_deadline(
    clones: Clones, arm: CloneRows, options: _Options, models: dict[str, HazardRegression]
) -> FloatArray:
    """The weight from the end of the grace period on."""
    strategy, reaches = arm.strategy, arm.agreement.reaches
    n = len(clones.customers)
    ends = np.flatnonzero(arm.stop == strategy.within)
    goes_on = arm.is_artificial[ends] | np.isin(arm.unit[ends], arm.unit[_is_past(arm)])
    ends = ends[goes_on & (arm.agreement.oversteps[arm.unit[ends]] > strategy.within)]
    late = strategy.last_chance_from
    if late is None:
        row = arm.row[ends]
    else:
        ends = ends[reaches[arm.unit[ends]] > late]
        in_force = np.flatnonzero((arm.start <= late) & (late < arm.stop))
        place = np.zeros(n, dtype=np.int64)
        place[arm.unit[in_force]] = arm.row[in_force]
        row = place[arm.unit[ends]]
    unit = arm.unit[ends]
    censored = np.isinf(reaches[unit])
    agreeing = unit[~censored]
    if not np.any(options.own[agreeing] > 0):
        raise EstimationError(
            f"Nobody follows strategy '{strategy.name}' to the end of its grace period.",
            ["rule: someone must; fix: a longer grace period or a lower minimum"],
        )
    factor = np.zeros(n)
    factor[unit] = _log_inverse_stay(
        clones, options, "deadline", models,
        row=row, unit=unit, period=np.zeros(len(unit), dtype=np.int64), censored=censored,
        is_stabilised=late is None,
    )  # fmt: skip
    return np.where(_is_past(arm), np.exp(factor[arm.unit]), 1.0)


def _is_past(arm: CloneRows) -> BoolArray:
    return arm.period == arm.n_periods


def _log_inverse_stay(
    clones: Clones,
    options: _Options,
    kind: str,
    models: dict[str, HazardRegression],
    *,
    row: IntArray,
    unit: IntArray,
    period: IntArray,
    censored: BoolArray,
    is_stabilised: bool = True,
) -> FloatArray:
    """Log of (share that stays, by period) / (probability to stay), one per record."""
    own = options.own[unit]
    n_periods = int(period.max(initial=0)) + 1
    total = np.bincount(period, own, n_periods)
    lost = np.bincount(period, own * censored, n_periods)
    # Where all of a period are censored nobody is left whose weight it could be.
    share = 1.0 - np.divide(lost, total, out=np.zeros(n_periods), where=total > lost)
    common = np.log(share)[period]
    if not lost.any() or not options.covariates:
        return np.zeros(len(row)) if is_stabilised else -common
    x = clones.rows[list(options.covariates)].iloc[row].reset_index(drop=True)
    fit = fit_discrete_hazard(
        period,
        censored,
        x,
        baseline=options.baseline if kind == "overstepping" else "constant",
        weights=own,
        cluster=unit,
    )
    models[kind] = fit
    hazard = np.asarray(fit.baseline)
    cell = period if len(hazard) == n_periods else np.zeros(len(period), dtype=np.int64)
    if len(hazard) not in (1, n_periods):
        cell = np.searchsorted(np.array([float(label) for label in fit.cell]), period)
    linear = np.log(hazard / (1 - hazard))[cell] + x.to_numpy(np.float64) @ fit.coefficients
    staying = -np.logaddexp(0.0, linear)
    return (common if is_stabilised else 0.0) - staying


def _find_quantile(values: FloatArray, weights: FloatArray, share: float) -> float:
    """Smallest value up to which at least a share of the weight lies."""
    if not 0.5 < share < 1:
        raise EstimationError(f"truncate is {share!r}; rule: a quantile in (0.5, 1), or None")
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    place = np.searchsorted(reached, share * reached[-1])
    return float(values[order][min(int(place), len(values) - 1)])


def summarise_weights(
    arm: CloneRows, weights: FloatArray, own: FloatArray, times: Sequence[float]
) -> tuple[pd.DataFrame, list[str]]:
    """Weights of the clones followed just after given times, and what is wrong with them."""
    lines, caveats = [], []
    for time in times:
        at = (arm.start <= time) & (time < arm.stop) & (own[arm.unit] > 0)
        if not at.any():
            continue
        values, multiple = weights[at], own[arm.unit[at]]
        n, total = float(multiple.sum()), float(multiple @ values)
        effective = total**2 / float(multiple @ values**2)
        mean = total / n
        lines.append(
            {
                "strategy": arm.strategy.name,
                "time": time,
                "n_followed": n,
                "mean": mean,
                "p01": float(np.quantile(values, 0.01)),
                "median": float(np.median(values)),
                "p99": float(np.quantile(values, 0.99)),
                "max": float(values.max()),
                "effective_sample_size": effective,
            }
        )
        name = f"strategy '{arm.strategy.name}', time {time:g}"
        if values.max() > EXTREME_WEIGHT * mean:
            caveats.append(
                f"{name}: the largest weight is {values.max() / mean:.0f} times the mean; the "
                "estimate hangs on few customers."
            )
        if effective < SMALL_SHARE * n or effective < FEW_EFFECTIVE:
            caveats.append(
                f"{name}: {n:g} clones count as much as {effective:.0f} of equal weight."
            )
    return pd.DataFrame(lines), caveats
