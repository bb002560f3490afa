"""Concordance of a Cox model: how often the riskier of two customers leaves first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess
from loyaltylab.survival.cox_fit import CoxFit
from loyaltylab.survival.cox_state import CoxState
from loyaltylab.survival.dominance import sum_weights_below
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.intervals import normal_quantile

# Log risks that differ by less than this, relative to the largest, are one risk: equal
# covariates may differ by rounding.
TIED_RISKS = 1e-11


def concordance(
    fit: CoxFit, *, weighting: str = "harrell", horizon: float | None = None
) -> Estimate:
    """Share of comparable pairs in which the one at higher risk leaves first.

    A pair is an exit and a row at risk at that time which does not leave then, in one stratum;
    pairs count by the product of their weights, ties in risk by a half. Measured on the rows
    of the fit, it flatters a model with many covariates.

    Parameters
    ----------
    fit : CoxFit
    weighting : {"harrell", "uno"}
        Uno's weighs each exit by 1 / G(t-)^2, with G the retention of observation itself, so
        that the value does not depend on censoring; for rows that all start at 0, one stratum.
    horizon : float, optional
        Exits after it are left out.

    Returns
    -------
    Estimate
        A share: 0.5 is no better than chance. The error is the infinitesimal jackknife by
        cluster (by row without clusters), with the coefficients and G taken as known; the
        interval is normal on the logit scale, NaN where the share is 0 or 1.

    Raises
    ------
    EstimationError
        If no pair can be compared, or the weighting does not fit the rows.

    Source
    ------
    Harrell (1982); Uno et al. (2011); ``concordance(coxph, timewt =, ymax =)`` of R survival.

    Examples
    --------
    >>> import pandas as pd
    >>> from loyaltylab.survival.cox import fit_cox
    >>> x = pd.DataFrame({"calls": [1, 0, 1, 0]})
    >>> concordance(fit_cox([0] * 4, [1, 2, 3, 4], [1, 1, 0, 1], x)).value
    0.6
    """
    quantile = normal_quantile(fit.confidence_level)
    state = fit.state
    pairs = _collect_pairs(state, horizon)
    exit_weight = _weigh_exits(state, pairs, weighting)
    lower, tied, total = _compare(pairs, exit_weight)
    n_pairs = float(pairs.weights @ total) / 2.0  # Each pair counts for both of its rows.
    if n_pairs <= 0:
        raise EstimationError(
            "No pair of rows can be compared; rule: some row stays at risk past an exit of its "
            "stratum; fix: a later horizon, or fewer strata"
        )
    value = float(pairs.weights @ (lower + tied / 2.0)) / 2.0 / n_pairs
    influence = pairs.weights * (lower + tied / 2.0 - value * total) / n_pairs
    by_cluster = np.bincount(state.process.cluster[state.design.row], weights=influence)
    error = float(np.sqrt(np.sum(by_cluster**2)))
    ci_lower, ci_upper = _logit_interval(value, quantile * error)
    unit = fit.error_unit or "row"
    name = "Harrell's C" if weighting == "harrell" else "Uno's C"
    return Estimate(
        value=value,
        standard_error=error,
        ci_lower=ci_lower,
        ci_upper=ci_upper,
        confidence_level=fit.confidence_level,
        n=fit.n_clusters,
        n_events=int(np.sum(pairs.is_exit)),
        unit="share",
        method=f"{name} on the rows of the fit, infinitesimal jackknife by {unit}",
        caveats=fit.caveats,
    )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Rows at risk at some event time, with positions in the event times of their stratum.

    At risk at event times first ... last; the exits of a row that has one are at ``last``.
    """

    rank: IntArray
    weights: FloatArray
    first: IntArray
    last: IntArray
    is_exit: BoolArray
    time: FloatArray


def _collect_pairs(state: CoxState, horizon: float | None) -> _Pairs:
    design = state.design
    eta = design.x @ state.beta + design.offset
    size = float(np.abs(eta).max()) or 1.0
    rank = np.unique(np.round(eta / (size * TIED_RISKS)), return_inverse=True)[1]
    is_exit = np.zeros(len(eta), dtype=bool)
    is_exit[design.event_row] = True
    if horizon is not None:
        is_exit &= design.time[design.last] <= horizon
    return _Pairs(
        rank=rank.astype(np.int64),
        weights=design.weights,
        first=design.first,
        last=design.last,
        is_exit=is_exit,
        time=design.time,
    )


def _compare(pairs: _Pairs, exit_weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Per row: concordant, tied and all pairs it is in, each weighted by the other row."""
    exits = np.flatnonzero(pairs.is_exit)
    counts = np.zeros((3, len(pairs.rank)))
    counts[:, exits] += exit_weight[exits] * _count_those_staying(pairs, exits)
    counts += _count_those_leaving(pairs, exits, exit_weight)
    return counts[0], counts[1], counts[2]


def _count_those_staying(pairs: _Pairs, exits: IntArray) -> FloatArray:
    """Per exit: weight at lower risk, at the same risk, in all, of those who stay past it."""
    k, rank = pairs.last[exits], pairs.rank[exits]
    found = np.zeros((3, len(exits)))
    everyone = np.arange(len(pairs.rank))
    # At risk at k: last >= k, less those that enter after it, less those that leave at it.
    for sign, key, members, shift in (
        (1.0, pairs.last, everyone, 0),
        (-1.0, pairs.first, everyone, 1),
    ):
        order = members[np.argsort(key[members], kind="stable")]
        low = np.searchsorted(key[order], k + shift)
        found += sign * _split_by_risk(pairs, order, low, np.full_like(low, len(order)), rank)
    order = exits[np.argsort(k, kind="stable")]
    low = np.searchsorted(pairs.last[order], k)
    high = np.searchsorted(pairs.last[order], k, side="right")
    return found - _split_by_risk(pairs, order, low, high, rank)


def _count_those_leaving(pairs: _Pairs, exits: IntArray, exit_weight: FloatArray) -> FloatArray:
    """Per row: weight of the exits it outlives at higher risk, at the same risk, in all."""
    order = exits[np.argsort(pairs.last[exits], kind="stable")]
    key = pairs.last[order]
    leaves_itself = np.zeros(len(pairs.rank), dtype=np.int64)
    leaves_itself[exits] = 1
    low = np.searchsorted(key, pairs.first)
    high = np.searchsorted(key, pairs.last - leaves_itself, side="right")
    weighted = _Pairs(
        rank=pairs.rank.max() - pairs.rank,  # Higher risks come first.
        weights=pairs.weights * exit_weight,
        first=pairs.first,
        last=pairs.last,
        is_exit=pairs.is_exit,
        time=pairs.time,
    )
    return _split_by_risk(weighted, order, low, high, weighted.rank)


def _split_by_risk(
    pairs: _Pairs, order: IntArray, low: IntArray, high: IntArray, rank: IntArray
) -> FloatArray:
    """Weights of ``order[low:high]`` with smaller rank, with the same rank, and in all."""
    ranks, weights = pairs.rank[order], pairs.weights[order]
    high = np.maximum(high, low)
    below = sum_weights_below(ranks, weights, low, high, rank)
    up_to = sum_weights_below(ranks, weights, low, high, rank + 1)
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    return np.array([below, up_to - below, mass[high] - mass[low]])


def _weigh_exits(state: CoxState, pairs: _Pairs, weighting: str) -> FloatArray:
    if weighting == "harrell":
        return np.ones(len(pairs.rank))
    problems = []
    process = state.process
    if weighting != "uno":
        problems.append(f"weighting is {weighting!r}; rule: 'harrell' or 'uno'")
    if np.any(process.start > 0):
        problems.append("rows start after 0; rule: Uno's weights are for follow-up from 0")
    if len(process.strata) > 1:
        problems.append("the fit has strata; rule: Uno's weights are for one stratum")
    if problems:
        raise EstimationError("These rows have no such concordance.", problems)
    left = _observed_before(process, pairs.time[pairs.last])
    return np.asarray(1.0 / np.where(pairs.is_exit, left, 1.0) ** 2)


def _observed_before(process: CountingProcess, time: FloatArray) -> FloatArray:
    """Share not yet censored just before each time; exits of a day come before censorings."""
    distinct, index = np.unique(process.stop, return_inverse=True)
    mass = np.bincount(index, weights=process.weights)
    exits = np.bincount(index, weights=process.weights * process.event)
    staying = np.cumsum(mass[::-1])[::-1] - exits
    censored = mass - exits
    still = np.divide(staying - censored, staying, out=np.ones_like(staying), where=censored > 0)
    observed = np.concatenate([[1.0], np.cumprod(np.maximum(still, 0.0))])
    return np.asarray(observed[np.searchsorted(distinct, time, side="left")])


def _logit_interval(value: float, half_width: float) -> tuple[float, float]:
    if not 0.0 < value < 1.0:
        return float("nan"), float("nan")
    reach = half_width / (value * (1.0 - value))
    return float(expit(logit(value) - reach)), float(expit(logit(value) + reach))
