"""Rates: events per person-time, with exact Poisson limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtri, gammaincinv

from loyaltylab.errors import EstimationError
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.estimate import Estimate
from loyaltylab.survival.intervals import normal_quantile
from loyaltylab.survival.row_splitting import find_interval_problems


def event_rate(
    n_events: int,
    person_time: float,
    *,
    n_customers: int,
    unit: str = "per day",
    confidence_level: float = 0.95,
) -> Estimate:
    """Events per unit of person-time.

    Parameters
    ----------
    n_events : int
        Events counted.
    person_time : float
        Time at risk, summed over customers; the unit of the rate follows from it.
    n_customers : int
        Customers (or rows) whose time it is.
    unit : str
        Name of the rate's unit.
    confidence_level : float

    Returns
    -------
    Estimate
        The rate, its Poisson standard error and exact limits (Garwood).

    Raises
    ------
    EstimationError
        If the time at risk is not positive and finite, a count is negative or missing, or the
        confidence level is outside (0, 1).

    Source
    ------
    Garwood (1936), Biometrika 28:437-442; R ``poisson.test``.

    Examples
    --------
    >>> round(event_rate(10, 100.0, n_customers=40).ci_upper, 4)
    0.1839
    """
    lower, upper = find_rate_limits(n_events, person_time, confidence_level)
    return Estimate(
        value=n_events / person_time,
        standard_error=math.sqrt(n_events) / person_time,
        ci_lower=lower,
        ci_upper=upper,
        confidence_level=confidence_level,
        n=n_customers,
        n_events=n_events,
        unit=unit,
        method="events over person-time, exact Poisson limits (Garwood)",
    )


def find_rate_limits(
    n_events: int, person_time: float, confidence_level: float
) -> tuple[float, float]:
    """Exact Poisson limits of a rate, or what makes one impossible."""
    if not 0 < person_time < math.inf or not n_events >= 0:
        raise EstimationError(
            f"{n_events} events in a person-time of {person_time:g} give no rate; "
            "rule: person-time above 0 and finite, events not negative"
        )
    normal_quantile(confidence_level)  # Refuses what is no share.
    tail = (1 - confidence_level) / 2
    lower = float(gammaincinv(n_events, tail)) if n_events else 0.0
    upper = float(chdtri(2 * n_events + 2, tail)) / 2
    return lower / person_time, upper / person_time


def rates_by_interval(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    cuts: Sequence[float],
    time_unit: float = 1.0,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """Event rate in each interval of follow-up: a piecewise-constant hazard.

    Parameters
    ----------
    start, stop, event : array-like, shape (n,)
        Rows (start, stop], as in :func:`kaplan_meier`.
    cuts : sequence of float, length k + 1
        Increasing ends of the intervals (cut, next cut].
    time_unit : float
        Length of the unit of person-time: 30.4375 for months when rows are in days.
    confidence_level : float

    Returns
    -------
    pandas.DataFrame, k lines
        ``interval_start``, ``interval_stop`` (in the unit of the rows), ``person_time`` (in
        ``time_unit``), ``n_at_risk`` (rows at risk at some time of the interval), ``n_events``,
        ``rate``, ``ci_lower``, ``ci_upper`` (per ``time_unit``).

    Raises
    ------
    EstimationError
        If the cuts do not increase, rows are wrong, or nobody is at risk in an interval.

    Source
    ------
    R ``survival::pyears``.
    """
    rows = build_counting_process(
        start, stop, event=event, further_problems=find_interval_problems(cuts)
    )
    edges = np.asarray(cuts, dtype=np.float64)
    lines = []
    for lower, upper in pairwise(edges):
        overlap = np.minimum(rows.stop, upper) - np.maximum(rows.start, lower)
        time = float(np.clip(overlap, 0, None).sum() / time_unit)
        n_events = int((rows.event & (rows.stop > lower) & (rows.stop <= upper)).sum())
        limits = find_rate_limits(n_events, time, confidence_level)
        at_risk = int((overlap > 0).sum())
        lines.append((lower, upper, time, at_risk, n_events, n_events / time, *limits))
    columns = ["interval_start", "interval_stop", "person_time", "n_at_risk", "n_events", "rate"]
    return pd.DataFrame(lines, columns=[*columns, "ci_lower", "ci_upper"])
