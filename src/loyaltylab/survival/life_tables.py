"""Actuarial life table: retention from times known only by month, or any other interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.retention_intervals import compute_retention_interval
from loyaltylab.survival.risk_sets import sum_at_risk
from loyaltylab.survival.row_splitting import find_interval_problems

# Sums of weights this close are equal but for the order of additions.
ROUNDING = 1e-12


def life_table(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    cuts: Sequence[float],
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    interval: str = "log-log",
) -> pd.DataFrame:
    """Tabulate retention by interval of tenure, for data that say no more than the interval.

    Whoever is censored or enters within an interval counts as at risk for half of it. Where
    exact times are known, :func:`kaplan_meier` needs no such assumption.

    Parameters
    ----------
    start, stop, event
        As in :func:`kaplan_meier`, one row per stay.
    cuts : sequence of float, length k + 1
        Increasing ends of the intervals (cut, next cut]: an exit at a cut belongs to the
        interval it ends. Retention is conditional on being retained at the first cut.
    weights : array-like of float, shape (n,), optional
        Not negative. With weights or clusters the errors are the infinitesimal jackknife.
    cluster : array-like, shape (n,), optional
        Independent unit of each row.
    confidence_level : float
    interval : {"log-log", "log", "plain"}
        Scale of the limits.

    Returns
    -------
    DataFrame, k lines
        ``interval_start``, ``interval_stop``, ``n_at_start``, ``n_entered``, ``n_censored``,
        ``n_events``, ``n_exposed`` (n_at_start + n_entered / 2 - n_censored / 2),
        ``weight_exposed`` and ``weight_of_events`` (the same as sums of weights; these make the
        rest), ``share_leaving`` (of the exposed), ``retention`` at the interval's end with
        ``standard_error`` (Greenwood's without weights and clusters), ``ci_lower`` and
        ``ci_upper``, ``hazard`` per unit of time at the interval's middle with
        ``hazard_standard_error``, ``confidence_level``.

    Raises
    ------
    EstimationError
        If the cuts do not increase, rows are wrong, or the exposed of an interval are fewer than
        its events.

    Source
    ------
    Cutler and Ederer (1958); Klein and Moeschberger (2003), section 5.4; ``lifetab`` of R
    KMsurv.

    Examples
    --------
    >>> table = life_table([0] * 4, [1, 1, 2, 2], [1, 0, 1, 0], cuts=[0, 1, 2])
    >>> table["n_exposed"].tolist()
    [3.5, 1.5]
    """
    process = build_counting_process(
        start, stop, event=event, weights=weights, cluster=cluster,
        further_problems=find_interval_problems(cuts),
    )  # fmt: skip
    edges = np.asarray(cuts, dtype=np.float64)
    places = _place_rows(process, edges)
    table = _count(process, edges, places)
    _refuse_thin_intervals(table)
    exposed, events = table["weight_exposed"].to_numpy(), table["weight_of_events"].to_numpy()
    events = np.where(exposed - events <= ROUNDING * exposed, exposed, events)
    share = events / exposed
    retention = np.cumprod(1.0 - share)
    width = np.diff(edges)
    hazard = events / (width * (exposed - events / 2.0))
    if process.is_weighted or process.is_clustered:
        error, hazard_error = _jackknife_errors(process, places, (exposed, events), width)
    else:
        error, hazard_error = _greenwood_errors(exposed, events, width)
    lower, upper = compute_retention_interval(
        retention, retention * error, confidence_level, interval
    )
    return table.assign(
        share_leaving=share,
        retention=retention,
        standard_error=retention * error,
        ci_lower=lower,
        ci_upper=upper,
        hazard=hazard,
        hazard_standard_error=hazard_error,
        confidence_level=confidence_level,
    )


def _greenwood_errors(
    exposed: FloatArray, events: FloatArray, width: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Errors of log retention and of the hazard, for rows that count alike."""
    share = events / exposed
    staying = 1.0 - share
    terms = np.divide(share, exposed * staying, out=np.full(len(share), np.nan), where=staying > 0)
    hazard = events / (width * (exposed - events / 2.0))
    known_events = np.where(events > 0, events, np.nan)
    slack = 1.0 - (hazard * width / 2.0) ** 2
    hazard_error = hazard * np.sqrt(np.maximum(slack, 0.0) / known_events)
    return np.sqrt(np.cumsum(terms)), hazard_error


def _jackknife_errors(
    process: CountingProcess,
    places: _Places,
    sums: tuple[FloatArray, FloatArray],
    width: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The same by cluster, from the derivatives by the weight of each row.

    A row moves the share q = d / n that leaves in an interval by (own event - q own exposure) / n,
    the log of retention by that over 1 - q, and the hazard by (own event n - d own exposure) /
    (width (n - d / 2)^2).
    """
    exposed, events = sums
    total = np.zeros(process.n_clusters)
    error, hazard_error = np.full((2, len(width)), np.nan)
    for j, (n, d) in enumerate(zip(exposed, events, strict=True)):
        own_exposure, own_event = places.find_parts(process, j)
        residual = own_event - d / n * own_exposure
        moved = np.bincount(process.cluster, weights=process.weights * residual)
        if d > 0:
            slope = n / (width[j] * (n - d / 2.0) ** 2)
            hazard_error[j] = slope * np.sqrt(np.sum(moved**2))
        if d == n:
            break  # The table ends at 0, which has no error.
        total += moved / (n - d)
        error[j] = np.sqrt(np.sum(total**2))
    return error, hazard_error


@dataclass(frozen=True, eq=False)
class _Places:
    """Interval in which each row ends and, if late, enters; outside 0 ... k - 1 for none."""

    entered_in: IntArray
    left_in: IntArray
    is_late: BoolArray

    def find_parts(self, process: CountingProcess, j: int) -> tuple[FloatArray, FloatArray]:
        """Time of each row at risk in interval j as a share of it, and whether it leaves there."""
        leaves = (self.left_in == j) & process.event
        is_censored = (self.left_in == j) & ~process.event
        enters = self.is_late & (self.entered_in == j)
        starts = (self.entered_in < j) | ((self.entered_in == j) & ~self.is_late)
        at_start = starts & (self.left_in >= j)
        return at_start + (enters - 1.0 * is_censored) / 2.0, leaves.astype(np.float64)


def _place_rows(process: CountingProcess, edges: FloatArray) -> _Places:
    k = len(edges) - 1
    left_in = np.searchsorted(edges, process.stop, side="left") - 1
    entered_in = np.searchsorted(edges, process.start, side="right") - 1
    is_late = (entered_in >= 0) & (entered_in < k)
    is_late &= process.start > edges[np.clip(entered_in, 0, k)]
    return _Places(entered_in, left_in, is_late)


def _count(process: CountingProcess, edges: FloatArray, places: _Places) -> pd.DataFrame:
    """Count who starts, enters, is censored and leaves in each interval, and add their weights."""
    k = len(edges) - 1
    lower, upper = edges[:-1], edges[1:]
    is_inside = (places.left_in >= 0) & (places.left_in < k)
    kinds = {
        "n_entered": (places.entered_in, places.is_late),
        "n_censored": (places.left_in, is_inside & ~process.event),
        "n_events": (places.left_in, is_inside & process.event),
    }
    rows = {key: np.bincount(cell[use], minlength=k) for key, (cell, use) in kinds.items()}
    mass = {
        key: np.bincount(cell[use], weights=process.weights[use], minlength=k)
        for key, (cell, use) in kinds.items()
    }
    ones = np.ones(process.n_rows)
    at_start = _sum_present(process, ones, lower).astype(np.int64)
    half = (rows["n_entered"] - rows["n_censored"]) / 2.0
    half_mass = (mass["n_entered"] - mass["n_censored"]) / 2.0
    weight_at_start = _sum_present(process, process.weights, lower)
    return pd.DataFrame(
        {
            "interval_start": lower,
            "interval_stop": upper,
            "n_at_start": at_start,
            **rows,
            "n_exposed": at_start + half,
            "weight_exposed": weight_at_start + half_mass,
            "weight_of_events": mass["n_events"].astype(np.float64),
        }
    )


def _sum_present(process: CountingProcess, values: FloatArray, at: FloatArray) -> FloatArray:
    """Sum over the rows with start <= time < stop, backwards so that late sums stay exact."""
    first = np.searchsorted(at, process.start, side="left")
    beyond = np.searchsorted(at, process.stop, side="left")
    return sum_at_risk(values, first, beyond - 1, len(at))


def _refuse_thin_intervals(table: pd.DataFrame) -> None:
    exposed, events = table["weight_exposed"], table["weight_of_events"]
    is_thin = (exposed <= ROUNDING) | (events > exposed * (1 + ROUNDING))
    problems = [
        f"({line.interval_start:g}, {line.interval_stop:g}]: {line.weight_exposed:g} exposed, "
        f"{line.weight_of_events:g} events; rule: some exposed, and no fewer than leave; fix: "
        "end the cuts earlier, or make the interval longer"
        for line in table[is_thin].itertuples()
    ]
    if problems:
        raise EstimationError("Some intervals of the life table hold too few.", problems)
