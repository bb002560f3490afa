"""Retention curves: Kaplan-Meier for (start, stop] rows, weights and clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import (
    FloatArray,
    IntArray,
    as_read_only,
    as_read_only_counts,
)
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.curve_caveats import describe_error, find_curve_caveats
from loyaltylab.survival.estimate import Estimate, difference
from loyaltylab.survival.influence import (
    ProductLimit,
    compute_greenwood_variance,
    compute_product_limit,
    compute_retention_variance,
)
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.retention_intervals import (
    check_interval_kind,
    compute_retention_interval,
)
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.step_functions import (
    check_times,
    check_within_follow_up,
    first_time_at_or_below,
    known_until,
    read_count_at,
    read_step,
)


@dataclass(frozen=True, eq=False)
class RetentionCurve:
    """Share of customers retained, as a step function of time.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of events and censorings, increasing; unit of start and stop.
    n_at_risk : ndarray of int, shape (m,)
        Rows under observation just before each time (start < time <= stop).
    n_events, n_censored : ndarray of int, shape (m,)
        Rows that leave at each time, by the event or without it. A row continued by another of
        its cluster is neither censored nor, there, entered: splitting a stay adds nobody.
    n_entered : ndarray of int, shape (m,)
        Rows that enter after the time before and are first at risk at this one.
    weight_at_risk, weight_of_events : ndarray of float, shape (m,)
        The same as sums of weights; these make the curve.
    retention : ndarray of float, shape (m,)
        Share retained just after each time, in [0, 1].
    standard_error : ndarray of float, shape (m,)
        Of retention; NaN once the curve is 0.
    ci_lower, ci_upper : ndarray of float, shape (m,)
        Interval on the scale ``interval``; NaN where retention is 0 or 1.
    confidence_level : float
    n_rows, n_clusters : int
        Rows of positive weight, and independent units among them.
    last_follow_up : float
        Latest stop; the curve says nothing past it, unless everybody has left by it.
    method : str
    caveats : tuple of str
    interval : {"log-log", "log", "plain"}
    has_robust_error : bool
        Whether the error is the infinitesimal jackknife; else it is Greenwood's.
    """

    time: FloatArray
    n_at_risk: IntArray
    n_events: IntArray
    n_censored: IntArray
    n_entered: IntArray
    weight_at_risk: FloatArray
    weight_of_events: FloatArray
    retention: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    confidence_level: float
    n_rows: int
    n_clusters: int
    last_follow_up: float
    method: str
    caveats: tuple[str, ...]
    interval: str = "log-log"
    has_robust_error: bool = False

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Read the curve at given times.

        Parameters
        ----------
        times : array-like of float, shape (q,)
            Not negative; unit of the curve.

        Returns
        -------
        DataFrame
            Columns time, n_at_risk, retention, standard_error, ci_lower, ci_upper.
            ``n_at_risk`` counts those at risk at the first exit at or after the time, as
            ``summary(survfit, times=)`` of R does. Past the last follow-up it is 0 and the
            rest is NaN: a curve is never extrapolated, unless everybody had left.
        """
        asked = check_times(times)
        past = asked > known_until(self.last_follow_up, self.retention)
        return pd.DataFrame(
            {
                "time": asked,
                "n_at_risk": read_count_at(self.n_at_risk, self.time, asked),
                "retention": read_step(self.retention, self.time, asked, 1.0, past),
                "standard_error": read_step(self.standard_error, self.time, asked, 0.0, past),
                "ci_lower": read_step(self.ci_lower, self.time, asked, np.nan, past),
                "ci_upper": read_step(self.ci_upper, self.time, asked, np.nan, past),
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the curve, one line per time."""
        columns = ["time", "n_at_risk", "n_events", "n_censored", "n_entered"]
        columns += ["retention", "standard_error", "ci_lower", "ci_upper"]
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})

    def quantile(self, share_left: float = 0.5, *, unit: str = "days") -> Estimate:
        """Time by which a share of customers has left, with its interval.

        Parameters
        ----------
        share_left : float
            In (0, 1); 0.5 is the median.
        unit : str
            Name of the time unit.

        Returns
        -------
        Estimate
            NaN where the curve, or a limit of it, does not get that far. The interval inverts
            the limits of the curve, so there is no standard error (NaN).

        Source
        ------
        ``quantile(survfit)`` of R survival, with its midpoint rule for a curve that is flat
        exactly at the level.
        """
        if not 0.0 < share_left < 1.0:
            raise EstimationError(f"share_left is {share_left!r}; rule: strictly between 0 and 1")
        level = 1.0 - share_left
        return Estimate(
            value=first_time_at_or_below(self.time, self.retention, level),
            standard_error=float("nan"),
            ci_lower=first_time_at_or_below(self.time, self.ci_lower, level),
            ci_upper=first_time_at_or_below(self.time, self.ci_upper, level),
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=int(self.n_events.sum()),
            unit=unit,
            method=f"time by which {share_left:g} has left, limits of the curve inverted",
            caveats=self.caveats,
        )

    def retention_at(self, time: float) -> Estimate:
        """Share retained at one time, as an estimate; refuses a time at which it is unknown."""
        check_within_follow_up(time, known_until(self.last_follow_up, self.retention))
        row = self.at([time]).iloc[0]
        return Estimate(
            value=float(row["retention"]),
            standard_error=float(row["standard_error"]),
            ci_lower=float(row["ci_lower"]),
            ci_upper=float(row["ci_upper"]),
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=int(self.n_events[self.time <= time].sum()),
            unit="share",
            method=f"retention at {time:g}, {self.method}",
            caveats=self.caveats,
        )


def kaplan_meier(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    interval: str = "log-log",
) -> RetentionCurve:
    """Estimate retention by Kaplan and Meier's product limit.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]: at risk at t if and only if start < t <= stop. Days since the
        customer's origin, or any other single unit.
    event : array-like of bool or 0/1, shape (n,)
    weights : array-like of float, shape (n,), optional
        Not negative. With weights the error is the infinitesimal jackknife.
    cluster : array-like, shape (n,), optional
        Independent unit of each row, usually the customer. Rows of one cluster that meet end
        to end count as one stay.
    confidence_level : float
    interval : {"log-log", "log", "plain"}
        Scale of the limits, which quantiles follow.

    Returns
    -------
    RetentionCurve
        Greenwood's error for rows without weights or clusters, else the infinitesimal
        jackknife summed within clusters (within rows when only weights are given).

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if the scale is unknown.

    Source
    ------
    Kaplan and Meier (1958); ``survfit(Surv(start, stop, event) ~ 1, weights=, cluster=,
    conf.type=)`` of R survival.

    Examples
    --------
    >>> kaplan_meier([0, 0, 0], [1, 2, 3], [1, 1, 0]).retention.round(3).tolist()
    [0.667, 0.333, 0.333]
    """
    normal_quantile(confidence_level)
    check_interval_kind(interval)
    process = build_counting_process(start, stop, event=event, weights=weights, cluster=cluster)
    risk_sets = build_risk_sets(process)
    limit = compute_product_limit(risk_sets)
    error = np.sqrt(_choose_variance(process, risk_sets, limit))
    error[limit.retention == 0] = np.nan
    lower, upper = compute_retention_interval(limit.retention, error, confidence_level, interval)
    return RetentionCurve(
        time=as_read_only(risk_sets.time),
        n_at_risk=as_read_only_counts(risk_sets.n_at_risk),
        n_events=as_read_only_counts(risk_sets.n_events[:, 0]),
        n_censored=as_read_only_counts(risk_sets.n_censored),
        n_entered=as_read_only_counts(risk_sets.n_entered),
        weight_at_risk=as_read_only(risk_sets.weight_at_risk),
        weight_of_events=as_read_only(risk_sets.weight_of_events[:, 0]),
        retention=as_read_only(limit.retention),
        standard_error=as_read_only(error),
        ci_lower=as_read_only(lower),
        ci_upper=as_read_only(upper),
        confidence_level=confidence_level,
        n_rows=process.n_rows,
        n_clusters=process.n_clusters,
        last_follow_up=float(risk_sets.time[-1]),
        method=f"Kaplan-Meier, {describe_error(process, otherwise='Greenwood error')}",
        caveats=find_curve_caveats(process, risk_sets, limit.retention),
        interval=interval,
        has_robust_error=process.is_robust,
    )


def retention_difference(
    exposed: RetentionCurve, reference: RetentionCurve, *, time: float
) -> Estimate:
    """Difference in the share retained at one time between two independent groups.

    Parameters
    ----------
    exposed, reference : RetentionCurve
        From groups that share no customers.
    time : float
        Unit of the curves; not past the follow-up of either.

    Returns
    -------
    Estimate
        Exposed minus reference, in shares, with a z test.

    Raises
    ------
    EstimationError
        If the time is past a follow-up, or the two curves have no error or different ones.
    """
    return difference(exposed.retention_at(time), reference.retention_at(time))


def _choose_variance(
    process: CountingProcess, risk_sets: RiskSets, limit: ProductLimit
) -> FloatArray:
    if process.is_robust:
        return compute_retention_variance(process, risk_sets, limit)
    return compute_greenwood_variance(limit)
