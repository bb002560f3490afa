"""Competing causes of exit: Aalen-Johansen cumulative incidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.curve_caveats import find_curve_caveats
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.influence import (
    ProductLimit,
    compute_incidence_variance,
    compute_product_limit,
)
from loyaltylab.survival.intervals import log_log_interval, normal_quantile
from loyaltylab.survival.risk_sets import RiskSets, build_risk_sets
from loyaltylab.survival.step_functions import (
    check_times,
    check_within_follow_up,
    known_until,
    read_count_at,
    read_step,
)


@dataclass(frozen=True, eq=False)
class CumulativeIncidence:
    """Share that has left by each cause, as step functions of time.

    At every time the incidences and the retention sum to one.

    Attributes
    ----------
    time : ndarray of float, shape (m,)
        Distinct times of exits and censorings, increasing; unit of start and stop.
    causes : tuple of str, length k
    incidence : ndarray of float, shape (m, k)
        Share that has left by each cause, in [0, 1].
    standard_error : ndarray of float, shape (m, k)
        Infinitesimal jackknife, summed within clusters when they are given.
    ci_lower, ci_upper : ndarray of float, shape (m, k)
        Log-log interval; NaN where the incidence is 0 or 1.
    n_at_risk, n_censored, n_entered : ndarray of int, shape (m,)
        Rows, as in :class:`RetentionCurve`.
    n_events : ndarray of int, shape (m, k)
        Rows that leave, by cause.
    retention : ndarray of float, shape (m,)
        Share that has not left by any cause.
    confidence_level : float
    n_rows, n_clusters : int
    last_follow_up : float
    method : str
    caveats : tuple of str
    """

    time: FloatArray
    causes: tuple[str, ...]
    incidence: FloatArray
    standard_error: FloatArray
    ci_lower: FloatArray
    ci_upper: FloatArray
    n_at_risk: IntArray
    n_events: IntArray
    n_censored: IntArray
    n_entered: IntArray
    retention: FloatArray
    confidence_level: float
    n_rows: int
    n_clusters: int
    last_follow_up: float
    method: str
    caveats: tuple[str, ...]

    def at(self, times: npt.ArrayLike, cause: str) -> pd.DataFrame:
        """Read the incidence of one cause at given times.

        Parameters
        ----------
        times : array-like of float, shape (q,)
        cause : str

        Returns
        -------
        DataFrame
            Columns time, n_at_risk, incidence, standard_error, ci_lower, ci_upper; NaN past
            the last follow-up.

        Raises
        ------
        EstimationError
            If the cause is not one of ``causes``.
        """
        column = self._find_cause(cause)
        asked = check_times(times)
        past = asked > known_until(self.last_follow_up, self.retention)
        frame = {"time": asked, "n_at_risk": read_count_at(self.n_at_risk, self.time, asked)}
        start_values = {"incidence": 0.0, "standard_error": 0.0}
        for name in ("incidence", "standard_error", "ci_lower", "ci_upper"):
            values = getattr(self, name)[:, column]
            initial = start_values.get(name, np.nan)
            frame[name] = read_step(values, self.time, asked, initial, past)
        return pd.DataFrame(frame)

    def incidence_at(self, time: float, cause: str) -> Estimate:
        """Share that has left by one cause at one time, as an estimate."""
        check_within_follow_up(time, known_until(self.last_follow_up, self.retention))
        row = self.at([time], cause).iloc[0]
        n_events = self.n_events[self.time <= time, self._find_cause(cause)].sum()
        return Estimate(
            value=float(row["incidence"]),
            standard_error=float(row["standard_error"]),
            ci_lower=float(row["ci_lower"]),
            ci_upper=float(row["ci_upper"]),
            confidence_level=self.confidence_level,
            n=self.n_clusters,
            n_events=int(n_events),
            unit="share",
            method=f"cumulative incidence of {cause} at {time:g}, {self.method}",
            caveats=self.caveats,
        )

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the curves, one line per cause and time."""
        frames = [
            pd.DataFrame(
                {
                    "cause": cause,
                    "time": np.array(self.time),
                    "n_at_risk": np.array(self.n_at_risk),
                    "n_events": self.n_events[:, column].copy(),
                    "incidence": self.incidence[:, column].copy(),
                    "standard_error": self.standard_error[:, column].copy(),
                    "ci_lower": self.ci_lower[:, column].copy(),
                    "ci_upper": self.ci_upper[:, column].copy(),
                }
            )
            for column, cause in enumerate(self.causes)
        ]
        return pd.concat(frames, ignore_index=True)

    def _find_cause(self, cause: str) -> int:
        if cause not in self.causes:
            raise EstimationError(f"unknown cause {cause!r}; the causes are {list(self.causes)}")
        return self.causes.index(cause)


def cumulative_incidence(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    *,
    causes: Sequence[str] | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> CumulativeIncidence:
    """Estimate the share that leaves by each cause, by Aalen and Johansen.

    Ties are exact. The errors come from cumulated differences of cluster coefficients, so that
    time and memory grow with rows plus times, never with their product.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]; at risk at t if and only if start < t <= stop.
    exit_cause : array-like of str, shape (n,)
        Cause of the exit at ``stop``; "" or missing for a censored row.
    causes : sequence of str, optional
        All causes, in the order wanted; default the observed ones, sorted.
    weights : array-like of float, shape (n,), optional
    cluster : array-like, shape (n,), optional
        Independent unit of each row, usually the customer.
    confidence_level : float

    Returns
    -------
    CumulativeIncidence

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows.

    Source
    ------
    Aalen and Johansen (1978); ``survfit(Surv(start, stop, factor) ~ 1, id=)`` of R survival, and
    ``residuals(survfit, type = "pstate")`` for clustered errors, since it ignores ``cluster=``.

    Examples
    --------
    >>> cumulative_incidence([0, 0], [1, 2], ["price", ""]).incidence[:, 0].tolist()
    [0.5, 0.5]
    """
    normal_quantile(confidence_level)
    process, risk_sets, limit = prepare_incidence(start, stop, exit_cause, causes, weights, cluster)
    incidence = np.minimum(np.cumsum(limit.incidence, axis=0), 1.0)
    error = np.sqrt(compute_incidence_variance(process, risk_sets, limit))
    lower, upper = log_log_interval(incidence, error, confidence_level)
    return CumulativeIncidence(
        time=as_read_only(risk_sets.time),
        causes=process.causes,
        incidence=as_read_only(incidence),
        standard_error=as_read_only(error),
        ci_lower=as_read_only(lower),
        ci_upper=as_read_only(upper),
        n_at_risk=as_read_only_counts(risk_sets.n_at_risk),
        n_events=as_read_only_counts(risk_sets.n_events),
        n_censored=as_read_only_counts(risk_sets.n_censored),
        n_entered=as_read_only_counts(risk_sets.n_entered),
        retention=as_read_only(limit.retention),
        confidence_level=confidence_level,
        n_rows=process.n_rows,
        n_clusters=process.n_clusters,
        last_follow_up=float(risk_sets.time[-1]),
        method=f"Aalen-Johansen, infinitesimal jackknife by {process.error_unit or 'row'}",
        caveats=find_curve_caveats(process, risk_sets, limit.retention),
    )


def prepare_incidence(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    causes: Sequence[str] | None,
    weights: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
) -> tuple[CountingProcess, RiskSets, ProductLimit]:
    """Check the rows and build the risk sets and increments of every incidence."""
    process = build_counting_process(
        start, stop, exit_cause=exit_cause, causes=causes, weights=weights, cluster=cluster
    )
    risk_sets = build_risk_sets(process)
    return process, risk_sets, compute_product_limit(risk_sets)
