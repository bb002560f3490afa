"""Strategies with a grace period compared by cloning, artificial censoring and weighting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.clone_weights import (
    CloneWeights,
    summarise_weights,
    weigh_clones,
)
from loyaltylab.designs.clones import Clones, clone_customers
from loyaltylab.designs.strategies import Strategy, refuse
from loyaltylab.designs.weighted_arms import WeightedArm, compute_values, contrast_arms
from loyaltylab.survival import CumulativeIncidence, Estimate, HazardRegression, RetentionCurve
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.row_checks import describe_rows


@dataclass(frozen=True, eq=False)
class StrategyContrast:
    """What would have happened under each strategy, and the differences.

    Attributes
    ----------
    strategies : tuple of str
    reference : str
    curves : dict of str to RetentionCurve
        Weighted; any exit counts as leaving.
    incidence : dict of str to CumulativeIncidence
        Weighted; exits by cause, competing.
    restricted_mean : dict of str to Estimate
        Time retained up to the horizon, per strategy.
    restricted_mean_differences : dict of str to Estimate
        Strategy minus reference.
    retention_differences : dict of (str, float) to Estimate
        By strategy and time.
    incidence_differences : dict of (str, str, float) to Estimate
        By strategy, cause and time.
    weights : DataFrame
        Per strategy, at the end of its grace period and the last time before the horizon:
        n_followed, mean, p01, median, p99, max, effective_sample_size.
    weight_models : dict of (str, str) to HazardRegression
        By strategy and kind, "overstepping" or "deadline".
    flow : DataFrame
        Clones by fate, for a flow diagram; as of :class:`Clones`.
    confidence_level : float
    n_customers : int
    caveats : tuple of str
    """

    strategies: tuple[str, ...]
    reference: str
    curves: dict[str, RetentionCurve]
    incidence: dict[str, CumulativeIncidence]
    restricted_mean: dict[str, Estimate]
    restricted_mean_differences: dict[str, Estimate]
    retention_differences: dict[tuple[str, float], Estimate]
    incidence_differences: dict[tuple[str, str, float], Estimate]
    weights: pd.DataFrame
    weight_models: dict[tuple[str, str], HazardRegression]
    flow: pd.DataFrame
    confidence_level: float
    n_customers: int
    caveats: tuple[str, ...]


def clone_censor_weight(
    rows: pd.DataFrame,
    *,
    strategies: Sequence[Strategy],
    reference: str,
    covariates: Sequence[str],
    horizon: float,
    times: Sequence[float] = (),
    period: float = 1.0,
    baseline: str = "constant",
    truncate: float | None = None,
    confidence_level: float = 0.95,
) -> StrategyContrast:
    """Clone customers, censor clones that disagree with their strategy, weight the rest.

    Parameters
    ----------
    rows, strategies, period
        As in :func:`clone_customers`.
    reference, covariates, horizon, times, baseline, truncate, confidence_level
        As in :func:`contrast_strategies`.

    Returns
    -------
    StrategyContrast

    Raises
    ------
    EstimationError
        As those two do.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a", "b", "c"], "start": [0.0, 1.0, 0.0, 0.0],
    ...     "stop": [1.0, 9.0, 8.0, 4.0], "exit_cause": ["", "", "", "price"],
    ...     "refunds": [0, 1, 0, 0]})
    >>> both = [Strategy("refund", "refunds", within=2, minimum=1),
    ...     Strategy("none", "refunds", within=2, maximum=0)]
    >>> found = clone_censor_weight(
    ...     rows, strategies=both, reference="none", covariates=[], horizon=8)
    >>> found.restricted_mean_differences["refund"].value
    2.0
    """
    return contrast_strategies(
        clone_customers(rows, strategies=strategies, period=period),
        reference=reference,
        covariates=covariates,
        horizon=horizon,
        times=times,
        baseline=baseline,
        truncate=truncate,
        confidence_level=confidence_level,
    )


def contrast_strategies(
    clones: Clones,
    *,
    reference: str,
    covariates: Sequence[str],
    horizon: float,
    times: Sequence[float] = (),
    weights: npt.ArrayLike | None = None,
    baseline: str = "constant",
    truncate: float | None = None,
    confidence_level: float = 0.95,
) -> StrategyContrast:
    """Weighted curves per strategy, and differences with errors over a customer's clones.

    The errors take the weights as known, which usually makes them a little too large. The
    recommended error is the bootstrap by customer with weights estimated anew:
    ``bootstrap_customers(partial(strategy_values, clones=clones, ...), ...)``.

    Parameters
    ----------
    clones : Clones
    reference : str
        Strategy that is subtracted.
    covariates : sequence of str
        Columns of the rows that tell who is censored artificially, by row as known through it;
        all that bear on both the treatment and the exit.
    horizon : float
        Of the restricted mean.
    times : sequence of float
        At which retention and incidence are compared; the horizon always is.
    weights : array-like of float, shape (n_customers,), optional
        Weight of each customer, in the order of ``clones.customers``; 2 counts as two alike.
    baseline, truncate
        As in :func:`weigh_clones`.
    confidence_level : float

    Returns
    -------
    StrategyContrast

    Raises
    ------
    EstimationError
        If a weight model cannot be fitted, nobody follows a strategy, or a strategy is not
        followed to the horizon.

    Source
    ------
    As in :func:`clone_customers`; weights Robins and Finkelstein (2000), Biometrics 56:779-788.
    """
    own = _read_customer_weights(clones, weights)
    _check_request(clones, reference, covariates)
    weighed = _weigh_all(clones, own, covariates, baseline, truncate)
    contrasts = contrast_arms(
        _build_arms(clones, weighed, own),
        reference=reference,
        causes=clones.causes,
        times=times,
        horizon=horizon,
        confidence_level=confidence_level,
    )
    table, caveats = _summarise(clones, weighed, own, horizon)
    return StrategyContrast(
        strategies=tuple(clones.arms),
        reference=reference,
        weights=table,
        weight_models={
            (name, kind): model
            for name, found in weighed.items()
            for kind, model in found.models.items()
        },
        flow=clones.flow,
        confidence_level=confidence_level,
        n_customers=len(clones.customers),
        caveats=caveats,
        **vars(contrasts),
    )


def strategy_values(
    weights: npt.ArrayLike,
    *,
    clones: Clones,
    reference: str,
    covariates: Sequence[str],
    horizon: float,
    times: Sequence[float] = (),
    baseline: str = "constant",
    truncate: float | None = None,
) -> dict[str, float]:
    """Values of :func:`contrast_strategies` without errors, for weights of customers.

    Weight models are fitted anew: this is what a bootstrap by customer repeats.

    Parameters
    ----------
    weights : array-like of float, shape (n_customers,)
    clones, reference, covariates, horizon, times, baseline, truncate
        As in :func:`contrast_strategies`.

    Returns
    -------
    dict of str to float
        Keys such as ``"early: restricted_mean 365"``, ``"early - late: incidence price 90"``.
    """
    own = _read_customer_weights(clones, weights)
    _check_request(clones, reference, covariates)
    weighed = _weigh_all(clones, own, covariates, baseline, truncate)
    return compute_values(
        _build_arms(clones, weighed, own),
        reference=reference,
        causes=clones.causes,
        times=times,
        horizon=horizon,
    )


def _weigh_all(
    clones: Clones,
    own: FloatArray,
    covariates: Sequence[str],
    baseline: str,
    truncate: float | None,
) -> dict[str, CloneWeights]:
    return {
        name: weigh_clones(
            clones,
            name,
            covariates=covariates,
            customer_weights=own,
            baseline=baseline,
            truncate=truncate,
        )
        for name in clones.arms
    }


def _build_arms(
    clones: Clones, weighed: dict[str, CloneWeights], own: FloatArray
) -> dict[str, WeightedArm]:
    return {
        name: WeightedArm(
            start=arm.start,
            stop=arm.stop,
            exit_cause=arm.exit_cause,
            weights=weighed[name].weights * own[arm.unit],
            unit=arm.unit,
        )
        for name, arm in clones.arms.items()
    }


def _read_customer_weights(clones: Clones, weights: npt.ArrayLike | None) -> FloatArray:
    n = len(clones.customers)
    own = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    problems = []
    if own.shape != (n,):
        problems.append(f"weights have shape {own.shape}; rule: one for each of {n} customers")
    else:
        is_bad = ~np.isfinite(own) | (own < 0)
        if is_bad.any():
            problems.append(f"weights are no weights in {describe_rows(is_bad)}; rule: not below 0")
        elif not own.any():
            problems.append("no weight is positive; rule: some customer must count")
    refuse(problems, "The weights of customers cannot be used:")
    return own


def _check_request(clones: Clones, reference: str, covariates: Sequence[str]) -> None:
    problems = []
    if reference not in clones.arms:
        problems.append(f"reference is {reference!r}; rule: one of {list(clones.arms)}")
    absent = [name for name in covariates if name not in clones.rows]
    if absent:
        problems.append(f"covariates {absent} are no columns of the rows")
    if not clones.causes:
        problems.append("no exits; rule: someone must leave; fix: follow for longer")
    refuse(problems, "The strategies cannot be compared:")


def _summarise(
    clones: Clones, weighed: dict[str, CloneWeights], own: FloatArray, horizon: float
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    tables, caveats = [], []
    for name, arm in clones.arms.items():
        weights = np.asarray(weighed[name].weights)
        latest = np.nextafter(horizon, 0)
        times = sorted({min(arm.strategy.within, latest), latest})
        table, found = summarise_weights(arm, weights, own, times)
        tables.append(table)
        caveats += [*weighed[name].caveats, *found]
    return pd.concat(tables, ignore_index=True), tuple(caveats)
