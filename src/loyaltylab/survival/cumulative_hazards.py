"""Cumulative hazard: Nelson-Aalen for (start, stop] rows, weights and clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.curve_caveats import describe_error, find_curve_caveats
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.influence import ProductLimit, compute_retention_variance
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.log_intervals import log_interval
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.step_functions import (
    check_times,
    check_within_follow_up,
    read_count_at,
    read_step,
)


@dataclass(frozen=True, eq=False)
class CumulativeHazard:
    """Expected events per customer who stays at risk, as a step function of time.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of events and censorings, increasing; unit of start and stop.
    n_at_risk, n_events, n_censored, n_entered : ndarray of int, shape (m,)
        Rows, as in :class:`RetentionCurve`.
    hazard_increment : ndarray of float, shape (m,)
        Weight of the events over the weight at risk.
    cumulative_hazard : ndarray of float, shape (m,)
        Their sum up to and at each time; not a share, so it may pass 1.
    standard_error : ndarray of float, shape (m,)
    ci_lower, ci_upper : ndarray of float, shape (m,)
        From the log scale; NaN before the first event.
    confidence_level : float
    n_rows, n_clusters : int
    last_follow_up : float
    method : str
    caveats : tuple of str
        The curve they speak of is the retention exp(-cumulative_hazard).
    """

    time: FloatArray
    n_at_risk: IntArray
    n_events: IntArray
    n_censored: IntArray
    n_entered: IntArray
    hazard_increment: FloatArray
    cumulative_hazard: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    confidence_level: float
    n_rows: int
    n_clusters: int
    last_follow_up: float
    method: str
    caveats: tuple[str, ...]

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Read the cumulative hazard at given times.

        Parameters
        ----------
        times : array-like of float, shape (q,)
            Not negative; unit of the curve.

        Returns
        -------
        DataFrame
            Columns time, n_at_risk, cumulative_hazard, standard_error, ci_lower, ci_upper; NaN
            past the last follow-up.
        """
        asked = check_times(times)
        past = asked > self.last_follow_up
        frame = {"time": asked, "n_at_risk": read_count_at(self.n_at_risk, self.time, asked)}
        initial = {"cumulative_hazard": 0.0, "standard_error": 0.0}
        for name in ("cumulative_hazard", "standard_error", "ci_lower", "ci_upper"):
            first = initial.get(name, np.nan)
            frame[name] = read_step(getattr(self, name), self.time, asked, first, past)
        return pd.DataFrame(frame)

    def hazard_at(self, time: float) -> Estimate:
        """Cumulative hazard at one time, as an estimate; refuses a time past the follow-up."""
        check_within_follow_up(time, self.last_follow_up)
        row = self.at([time]).iloc[0]
        return Estimate(
            value=float(row["cumulative_hazard"]),
            standard_error=float(row["standard_error"]),
            ci_lower=float(row["ci_lower"]),
            ci_upper=float(row["ci_upper"]),
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=int(self.n_events[self.time <= time].sum()),
            unit="events per customer at risk",
            method=f"cumulative hazard at {time:g}, {self.method}",
            caveats=self.caveats,
        )

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the hazard, one line per time."""
        columns = ["time", "n_at_risk", "n_events", "n_censored", "n_entered", "hazard_increment"]
        columns += ["cumulative_hazard", "standard_error", "ci_lower", "ci_upper"]
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in columns})


def nelson_aalen(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> CumulativeHazard:
    """Estimate the cumulative hazard by Nelson and Aalen's sum.

    Events may repeat: with ``cluster`` the error allows for customers who have more of them
    than others.

    Parameters
    ----------
    start, stop, event, weights, cluster
        As in :func:`kaplan_meier`.
    confidence_level : float

    Returns
    -------
    CumulativeHazard
        Its error is the sum of d / n^2 for rows without weights or clusters, else the
        infinitesimal jackknife summed within clusters (within rows when only weights are given).

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if nobody has the event.

    Source
    ------
    Nelson (1969), Aalen (1978); ``cumhaz`` and ``std.chaz`` of ``survfit(..., ctype = 1)`` of R
    survival. The log interval: Klein and Moeschberger (2003), section 4.3.

    Examples
    --------
    >>> nelson_aalen([0, 0], [1, 2], [1, 1]).cumulative_hazard.tolist()
    [0.5, 1.5]
    """
    normal_quantile(confidence_level)
    process = build_counting_process(
        start, stop, event=event, weights=weights, cluster=cluster, requires_events=True
    )
    risk_sets = build_risk_sets(process)
    increment = risk_sets.weight_of_events[:, 0] / risk_sets.weight_at_risk
    hazard = np.cumsum(increment)
    error = np.sqrt(_compute_variance(process, risk_sets, increment))
    lower, upper = log_interval(hazard, error, confidence_level)
    return CumulativeHazard(
        time=as_read_only(risk_sets.time),
        n_at_risk=as_read_only_counts(risk_sets.n_at_risk),
        n_events=as_read_only_counts(risk_sets.n_events[:, 0]),
        n_censored=as_read_only_counts(risk_sets.n_censored),
        n_entered=as_read_only_counts(risk_sets.n_entered),
        hazard_increment=as_read_only(increment),
        cumulative_hazard=as_read_only(hazard),
        standard_error=as_read_only(error),
        ci_lower=as_read_only(lower),
        ci_upper=as_read_only(upper),
        confidence_level=confidence_level,
        n_rows=process.n_rows,
        n_clusters=process.n_clusters,
        last_follow_up=float(risk_sets.time[-1]),
        method=f"Nelson-Aalen, {describe_error(process, otherwise='Poisson error')}",
        caveats=find_curve_caveats(process, risk_sets, np.exp(-hazard)),
    )


def _compute_variance(
    process: CountingProcess, risk_sets: RiskSets, increment: FloatArray
) -> FloatArray:
    """Sum of d / n^2, or of squared cluster influences, the integral of (dN - Y dH) / n."""
    terms = increment / risk_sets.weight_at_risk
    if not process.is_robust:
        return np.cumsum(terms)
    ones = np.ones(len(terms))
    # The influence on a product limit is its level times a sum of this form: with a level of 1,
    # d / n^2 for d / (n (n - d)) and 1 / n for 1 / (n - d), it is the one on the hazard.
    hazard = ProductLimit(
        retention=ones,
        retention_before=ones,
        greenwood=terms,
        event_effect=1.0 / risk_sets.weight_at_risk,
        incidence=increment[:, None],
    )
    return compute_retention_variance(process, risk_sets, hazard)
