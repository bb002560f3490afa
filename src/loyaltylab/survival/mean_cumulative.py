"""Mean number of recurrent events per customer over time, with or without exits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.cluster_sums import RiskSpells, sum_cluster_products, value_before
from loyaltylab.survival.estimate import Estimate, difference
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.log_intervals import log_interval
from loyaltylab.survival.recurrent_rows import RecurrentRows, build_recurrent_rows
from loyaltylab.survival.risk_sets import sum_at_risk
from loyaltylab.survival.step_functions import (
    check_times,
    check_within_follow_up,
    read_count_at,
    read_step,
)
from loyaltylab.survival.unit_caveats import describe_few_units


@dataclass(frozen=True, eq=False)
class MeanCumulativeFunction:
    """Mean number of events per customer, as a step function of time.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of events, exits and ends of observation, increasing.
    mean : ndarray of float, shape (m,)
        Events per customer up to and with each time.
    standard_error : ndarray of float, shape (m,)
        Infinitesimal jackknife, summed within customers, or within clusters when given.
    ci_lower, ci_upper : ndarray of float, shape (m,)
        Log interval; NaN before the first event.
    n_at_risk, n_events, n_exits : ndarray of int, shape (m,)
        Customers observed just before each time; events and exits at it.
    retention : ndarray of float, shape (m,)
        Share that has not left just after each time; 1 when exits are not given.
    has_exits : bool
        Whether exits were given: the mean is then of what happens before the exit.
    confidence_level : float
    n_rows, n_clusters : int
    last_follow_up : float
    method : str
    caveats : tuple of str
    """

    time: FloatArray
    mean: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    n_at_risk: IntArray
    n_events: IntArray
    n_exits: IntArray
    retention: FloatArray
    has_exits: bool
    confidence_level: float
    n_rows: int
    n_clusters: int
    last_follow_up: float
    method: str
    caveats: tuple[str, ...]

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Read the mean at given times.

        Parameters
        ----------
        times : array-like of float, shape (q,)

        Returns
        -------
        DataFrame
            Columns time, n_at_risk, mean, standard_error, ci_lower, ci_upper; NaN past the last
            follow-up.
        """
        asked = check_times(times)
        past = asked > self.last_follow_up
        frame = {"time": asked, "n_at_risk": read_count_at(self.n_at_risk, self.time, asked)}
        initial = {"mean": 0.0, "standard_error": 0.0}
        for name in ("mean", "standard_error", "ci_lower", "ci_upper"):
            values = getattr(self, name)
            frame[name] = read_step(values, self.time, asked, initial.get(name, np.nan), past)
        return pd.DataFrame(frame)

    def mean_at(self, time: float) -> Estimate:
        """Mean number of events up to one time, as an estimate."""
        check_within_follow_up(time, self.last_follow_up)
        row = self.at([time]).iloc[0]
        return Estimate(
            value=float(row["mean"]),
            standard_error=float(row["standard_error"]),
            ci_lower=float(row["ci_lower"]),
            ci_upper=float(row["ci_upper"]),
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=int(self.n_events[self.time <= time].sum()),
            unit="events per customer",
            method=f"mean number of events to {time:g}, {self.method}",
            caveats=self.caveats,
        )

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the function, one line per time."""
        columns = ["time", "n_at_risk", "n_events", "n_exits", "mean", "standard_error"]
        columns += ["ci_lower", "ci_upper", "retention"]
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})


def mean_cumulative_function(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    customer: npt.ArrayLike,
    terminal: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> MeanCumulativeFunction:
    """Estimate the mean number of events per customer up to each time.

    Nothing is assumed of how the events of one customer hang together. Without ``terminal``
    whoever leaves is taken as censored, and the mean is that of customers who never leave. With
    it, events stop at the exit, and the mean is that of customers as they are; events at the
    time of an exit count.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop], ended by an event, a change, or the end of observation.
    event : array-like of bool or 0/1, shape (n,)
    customer : array-like, shape (n,)
        Whose row it is; also the independent unit unless ``cluster`` is given.
    terminal : array-like of bool or 0/1, shape (n,), optional
        Whether the customer leaves for good at ``stop``.
    weights : array-like of float, shape (n,), optional
    cluster : array-like, shape (n,), optional
        Independent unit larger than the customer, a household say.
    confidence_level : float

    Returns
    -------
    MeanCumulativeFunction

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows.

    Source
    ------
    Nelson (1995); Lawless and Nadeau (1995), ``cumhaz`` and ``std.chaz`` of
    ``survfit(Surv(start, stop, event) ~ 1, id=)`` of R survival. With exits: Cook and Lawless
    (1997), Ghosh and Lin (2000), ``recurrentMarginal`` of R mets.

    Examples
    --------
    >>> found = mean_cumulative_function([0, 1, 0], [1, 3, 2], [1, 0, 1], customer=[1, 1, 2])
    >>> found.mean.tolist()
    [0.5, 1.0, 1.0]
    """
    normal_quantile(confidence_level)
    rows = build_recurrent_rows(
        start, stop, event, customer=customer, terminal=terminal, weights=weights, cluster=cluster
    )
    steps = _count(rows)
    mean = np.cumsum(steps.rate)
    error = np.sqrt(_compute_variance(rows, steps))
    lower, upper = log_interval(mean, error, confidence_level)
    method = "Nelson's estimator" if terminal is None else "before the exit, Ghosh and Lin"
    return MeanCumulativeFunction(
        time=as_read_only(steps.time),
        mean=as_read_only(mean),
        standard_error=as_read_only(error),
        ci_lower=as_read_only(lower),
        ci_upper=as_read_only(upper),
        n_at_risk=as_read_only_counts(steps.n_at_risk),
        n_events=as_read_only_counts(steps.n_events),
        n_exits=as_read_only_counts(steps.n_exits),
        retention=as_read_only(steps.retention),
        has_exits=terminal is not None,
        confidence_level=confidence_level,
        n_rows=rows.process.n_rows,
        n_clusters=rows.process.n_clusters,
        last_follow_up=float(steps.time[-1]),
        method=f"{method}, infinitesimal jackknife by "
        + ("customer" if cluster is None else "cluster"),
        caveats=_find_caveats(rows, steps),
    )


def mean_cumulative_difference(
    exposed: MeanCumulativeFunction, reference: MeanCumulativeFunction, *, time: float
) -> Estimate:
    """Difference in the mean number of events up to one time between two independent groups.

    Parameters
    ----------
    exposed, reference : MeanCumulativeFunction
        From groups that share no customers.
    time : float
        Not past the follow-up of either.

    Returns
    -------
    Estimate
        Exposed minus reference, in events per customer, with a z test.

    Raises
    ------
    EstimationError
        If only one of the two counts exits, or the time is out of reach.
    """
    return difference(exposed.mean_at(time), reference.mean_at(time))


@dataclass(frozen=True, eq=False)
class _Steps:
    """Counts and increments at each of m times."""

    time: FloatArray
    spells: RiskSpells
    n_at_risk: IntArray
    n_events: IntArray
    n_exits: IntArray
    weight_at_risk: FloatArray
    rate: FloatArray  # retention before x events / at risk
    retention: FloatArray
    retention_before: FloatArray
    exit_effect: FloatArray  # 1 / (at risk - exits), 0 where all leave
    greenwood: FloatArray


def _count(rows: RecurrentRows) -> _Steps:
    process = rows.process
    is_time = process.event | rows.is_exit | ~rows.is_continued
    time = np.unique(process.stop[is_time])
    m = len(time)
    first = np.searchsorted(time, process.start, side="right")
    last = np.searchsorted(time, process.stop, side="right") - 1
    n_at_risk = np.rint(sum_at_risk(np.ones(process.n_rows), first, last, m)).astype(np.int64)
    at_risk = sum_at_risk(process.weights, first, last, m)
    sums = {}
    for name, here in (("events", process.event), ("exits", rows.is_exit)):
        counts = np.bincount(last[here], minlength=m)
        sums[name] = counts, np.bincount(last[here], weights=process.weights[here], minlength=m)
    (n_events, events), (n_exits, exits) = sums["events"], sums["exits"]
    staying = np.where(n_exits == n_at_risk, 0.0, at_risk - exits)
    is_used = n_at_risk > 0
    kept = np.divide(staying, at_risk, out=np.ones(m), where=is_used & (n_exits > 0))
    retention = np.asarray(np.cumprod(kept), dtype=np.float64)
    before = np.concatenate([[1.0], retention[:-1]])
    effect = np.divide(1.0, staying, out=np.zeros(m), where=is_used & (staying > 0))
    rate = np.divide(before * events, at_risk, out=np.zeros(m), where=n_events > 0)
    greenwood = np.divide(exits * effect, at_risk, out=np.zeros(m), where=n_exits > 0)
    spells = RiskSpells(first, last, process.weights, process.cluster, m)
    return _Steps(
        time, spells, n_at_risk, n_events, n_exits, at_risk, rate, retention, before, effect,
        greenwood,
    )  # fmt: skip


def _compute_variance(rows: RecurrentRows, steps: _Steps) -> FloatArray:
    """Sum of squared cluster influences on the mean, shape (m,).

    A row moves the rate of events while it is at risk and, by its exit or its staying, the
    retention that weighs every later event. Its influence is level + slope x mean + active x
    drift, with coefficients that change only where it begins and ends.
    """
    spells, weights = steps.spells, steps.spells.weights
    mean, total = np.cumsum(steps.rate), np.cumsum(steps.greenwood)
    per_event = np.divide(
        steps.retention_before, steps.weight_at_risk,
        out=np.zeros(spells.m), where=steps.n_at_risk > 0,
    )  # fmt: skip
    total_before = np.concatenate([[0.0], total[:-1]])
    thinning = np.divide(
        steps.rate, steps.weight_at_risk, out=np.zeros(spells.m), where=steps.rate > 0
    )
    drift = np.cumsum(steps.rate * total_before - thinning)
    begin = [value_before(values, spells.first) for values in (mean, total, drift)]
    end = [value_before(values, spells.last + 1) for values in (mean, total, drift)]
    at_exit = np.maximum(spells.last, 0)
    own = np.where(rows.process.event, per_event[at_exit], 0.0)
    leaving = np.where(rows.is_exit, steps.exit_effect[at_exit], 0.0) - end[1]
    entry = [weights * (begin[1] * begin[0] - begin[2]), -weights * begin[1], weights]
    leave = [weights * (own + end[2] + leaving * end[0]), -weights * leaving, -weights]
    sums = sum_cluster_products(spells, entry, leave)
    basis = np.array([np.ones(spells.m), mean, drift])
    return np.maximum(np.einsum("ijt,it,jt->t", sums, basis, basis), 0.0)


def _find_caveats(rows: RecurrentRows, steps: _Steps) -> tuple[str, ...]:
    caveats = []
    if rows.n_gaps > 0:
        caveats.append(
            f"{rows.n_gaps} gaps in the observation of customers: the mean is right only if the "
            "gaps do not depend on the events."
        )
    later = steps.n_at_risk[1:] == 0
    if later.any():
        first = int(np.flatnonzero(later)[0])
        caveats.append(
            f"Nobody is at risk just before time {steps.time[first + 1]:g}: the mean is flat "
            "there for want of data."
        )
    if steps.time[0] > 0 and np.min(rows.process.start) > 0:
        caveats.append(
            f"Nobody is observed before time {np.min(rows.process.start):g}: events until then "
            "are not in the mean."
        )
    return (*caveats, *describe_few_units(rows.process.n_clusters))
