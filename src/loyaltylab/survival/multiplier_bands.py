"""Simultaneous bands of weighted and clustered curves, by a multiplier bootstrap.

Each independent unit's influence on the curve is multiplied by a standard normal number; the sum
over units varies over time as the curve's error does. The influence of a unit is linear in one
sum over time, with coefficients that change only where its rows begin and end, so that a
replicate is two cumulated sums and no matrix of units by times is formed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only
from loyaltylab.survival.band_critical_values import BAND_KINDS
from loyaltylab.survival.cluster_sums import value_before
from loyaltylab.survival.confidence_bands import (
    BAND_SCALES,
    ConfidenceBand,
    describe_thin_end,
    find_limits,
    place_limits,
)
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.curves import kaplan_meier
from loyaltylab.survival.influence import (
    ProductLimit,
    compute_product_limit,
    compute_retention_variance,
)
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.row_checks import read_labels

# The level of a band by fewer is known to no better than 1 in 100.
FEWEST_REPLICATES = 500
# A relative variance this small is 0 but for rounding.
NEGLIGIBLE_VARIANCE = 1e-24
# Numbers held at once, 8 bytes each; the answer does not depend on it.
MOST_HELD = 4_000_000


def multiplier_band(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    seed: int,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    kind: str = "equal-precision",
    interval: str = "log-log",
    start_time: float | None = None,
    end_time: float | None = None,
    n_replicates: int = 5000,
    confidence_level: float = 0.95,
) -> ConfidenceBand:
    """Limits that hold a whole retention curve, for weights and clusters of any size.

    Without either, :func:`confidence_band` gives the same in the large, exactly and at once.

    Parameters
    ----------
    start, stop, event, weights, cluster
        As in :func:`kaplan_meier`.
    seed : int
        Of the normal numbers. They are dealt to the clusters in the order of their labels as
        text, or to rows in the order of their values, so the order of rows plays no part.
    kind, interval, start_time, end_time, confidence_level
        As in :func:`confidence_band`.
    n_replicates : int
        At least 500. With 5000 the level is within 0.6 percentage points of the one asked for.

    Returns
    -------
    ConfidenceBand
        Its ``n`` counts independent units; ``a_lower`` and ``a_upper`` are n v / (1 + n v), v the
        robust variance of the log of retention.

    Raises
    ------
    EstimationError
        As :func:`kaplan_meier` and :func:`confidence_band`; without a seed or enough replicates.

    Source
    ------
    Lin, Fleming and Wei (1994), Biometrika 81:73-81; Spiekerman and Lin (1998) for clusters.

    Examples
    --------
    >>> rows = [0] * 6, [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 1, 0]
    >>> band = multiplier_band(*rows, cluster=[1, 1, 2, 3, 4, 5], seed=1)
    >>> (band.start_time, band.end_time, band.n)
    (1.0, 5.0, 5)
    """
    _check_request(kind, interval, n_replicates, seed)
    normal_quantile(confidence_level)
    curve = kaplan_meier(start, stop, event, weights=weights, cluster=cluster)
    process = build_counting_process(start, stop, event=event, weights=weights, cluster=cluster)
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    lower, upper = find_limits(curve, start_time, end_time)
    held = np.flatnonzero((curve.time > lower) & (curve.time <= upper))
    held = np.concatenate([[np.searchsorted(curve.time, lower, side="right") - 1], held])
    retention = curve.retention[held]
    variance = compute_retention_variance(process, risk_sets, limit)[held] / retention**2
    _refuse_no_variance(curve.time[held], variance)
    spread = process.n_clusters * variance
    width = np.sqrt(variance)
    if kind == "hall-wellner":
        width = (1.0 + spread) / math.sqrt(process.n_clusters)
    largest = [
        (np.abs(path[held]) / width[:, None]).max(axis=0)
        for path in _draw_paths(
            (process, risk_sets, limit), _order_units(process, cluster), seed, n_replicates
        )
    ]
    critical = float(np.quantile(np.concatenate(largest), confidence_level))
    ci_lower, ci_upper = place_limits(retention, critical * width, interval)
    return ConfidenceBand(
        time=as_read_only(np.concatenate([[lower], curve.time[held[1:]]])),
        retention=as_read_only(retention),
        ci_lower=as_read_only(ci_lower),
        ci_upper=as_read_only(ci_upper),
        kind=kind,
        interval=interval,
        confidence_level=confidence_level,
        critical_value=critical,
        a_lower=float(spread[0] / (1.0 + spread[0])),
        a_upper=float(spread[-1] / (1.0 + spread[-1])),
        start_time=lower,
        end_time=upper,
        n=process.n_clusters,
        method=f"{kind} band from {lower:g} to {upper:g}, {interval} scale, {n_replicates} "
        f"multiplier replicates of the influences by {'cluster' if cluster is not None else 'row'}",
        caveats=curve.caveats + describe_thin_end(curve, held[-1]),
    )


def _check_request(kind: str, interval: str, n_replicates: int, seed: object) -> None:
    problems = []
    if kind not in BAND_KINDS:
        problems.append(f"unknown band {kind!r}; rule: one of {list(BAND_KINDS)}")
    if interval not in BAND_SCALES:
        problems.append(f"unknown interval {interval!r}; rule: one of {list(BAND_SCALES)}")
    if n_replicates < FEWEST_REPLICATES:
        problems.append(f"n_replicates is {n_replicates}; rule: at least {FEWEST_REPLICATES}")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        problems.append(f"seed is {seed!r}; rule: a whole number, 0 or more, so that it repeats")
    if problems:
        raise EstimationError("There is no such band.", problems)


def _refuse_no_variance(time: FloatArray, variance: FloatArray) -> None:
    is_none = variance <= NEGLIGIBLE_VARIANCE
    if is_none.any():
        raise EstimationError(
            f"The robust error of the curve is 0 at {np.count_nonzero(is_none)} of {len(time)} "
            f"times (first {time[is_none][0]:g}), since all clusters move it alike; rule: a band "
            "widens an error; fix: set start_time to a later event, or check the clusters"
        )


def _order_units(process: CountingProcess, cluster: npt.ArrayLike | None) -> IntArray:
    """Position of each row's unit in an order that does not depend on that of the rows."""
    if cluster is not None:
        codes, _ = read_labels("cluster", cluster, np.arange(len(process.kept)), [])
        return np.unique(codes[process.kept], return_inverse=True)[1]
    order = np.lexsort((process.weights, process.code, process.start, process.stop))
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    return position


def _draw_paths(
    curve: tuple[CountingProcess, RiskSets, ProductLimit],
    unit: IntArray,
    seed: int,
    n_replicates: int,
) -> Iterator[FloatArray]:
    """Replicates of the error relative to retention: arrays of times by some replicates.

    The influence of a unit is -retention (a - b total), a and b changing at its rows' ends.
    """
    process, risk_sets, limit = curve
    total = np.cumsum(limit.greenwood)
    own = process.event * limit.event_effect[risk_sets.last]
    weights, m, n = process.weights, len(total), process.n_clusters
    at_entry = weights * value_before(total, risk_sets.first)
    at_exit = weights * (own - value_before(total, risk_sets.last + 1))
    place = np.maximum(np.concatenate([risk_sets.first, risk_sets.last]), 0)
    cell = place, np.concatenate([unit, unit])
    exit_level, active = (
        csr_array((np.concatenate(pair), cell), shape=(m + 1, n))[:m]
        for pair in ((at_entry, at_exit), (weights, -weights))
    )
    generator = np.random.default_rng(seed)
    at_once = max(1, MOST_HELD // max(m, n))
    for done in range(0, n_replicates, at_once):
        normal = generator.standard_normal((min(at_once, n_replicates - done), n)).T
        yield np.cumsum(exit_level @ normal, axis=0) - total[:, None] * np.cumsum(
            active @ normal, axis=0
        )
