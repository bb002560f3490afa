"""A change of rates, against the change of a group that nothing changed for."""

from __future__ import annotations

import math

import pandas as pd
from scipy import stats

from loyaltylab.errors import EstimationError
from loyaltylab.survival import Estimate


def reform_rate_ratio(
    counts: pd.DataFrame,
    *,
    reform_at: pd.Timestamp,
    covered: str,
    exempt: str,
    n_customers: int,
    confidence_level: float = 0.95,
) -> Estimate:
    """Ratio of rate ratios from monthly counts, before and after a reform.

    Parameters
    ----------
    counts : pandas.DataFrame
        As from :func:`loyaltylab.timeline.count_by_month`: ``month_start``, ``segment``,
        ``person_days``, ``n_events``. The month in which the reform falls counts as after if
        it starts with the reform, else as before.
    reform_at : pandas.Timestamp
        When the reform took effect.
    covered, exempt : str
        Segments.
    n_customers : int
        Customers behind the counts, to be said with the estimate.
    confidence_level : float

    Returns
    -------
    Estimate
        As from :func:`ratio_of_rate_ratios`.
    """
    is_after = counts["month_start"] >= reform_at

    def cell(segment: str, after: bool) -> tuple[int, float]:
        part = counts[(counts["segment"] == segment) & (is_after == after)]
        return int(part["n_events"].sum()), float(part["person_days"].sum())

    return ratio_of_rate_ratios(
        affected_before=cell(covered, False),
        affected_after=cell(covered, True),
        exempt_before=cell(exempt, False),
        exempt_after=cell(exempt, True),
        n_customers=n_customers,
        confidence_level=confidence_level,
    )


def ratio_of_rate_ratios(
    *,
    affected_before: tuple[int, float],
    affected_after: tuple[int, float],
    exempt_before: tuple[int, float],
    exempt_after: tuple[int, float],
    n_customers: int,
    confidence_level: float = 0.95,
) -> Estimate:
    """Difference in differences on the log scale of rates.

    Parameters
    ----------
    affected_before, affected_after, exempt_before, exempt_after : (int, float)
        Events and person-time of each cell.
    n_customers : int
        Customers behind the counts.
    confidence_level : float

    Returns
    -------
    Estimate
        (affected after / before) / (exempt after / before), with limits on the log scale; the
        standard error is on the log scale: sqrt of the sum of 1 / events.

    Raises
    ------
    EstimationError
        If a cell has no events or no person-time.

    Source
    ------
    The interaction of ``glm(events ~ group * period + offset(log(time)), poisson)`` in R.
    """
    cells = {
        "affected before": affected_before,
        "affected after": affected_after,
        "exempt before": exempt_before,
        "exempt after": exempt_after,
    }
    empty = [
        f"{name}: {events} events in a person-time of {time:g}"
        for name, (events, time) in cells.items()
        if events <= 0 or not time > 0
    ]
    if empty:
        raise EstimationError("A ratio of rates needs events in every cell:", empty)
    log_rates = {name: math.log(events / time) for name, (events, time) in cells.items()}
    log_ratio = (log_rates["affected after"] - log_rates["affected before"]) - (
        log_rates["exempt after"] - log_rates["exempt before"]
    )
    error = math.sqrt(sum(1 / events for events, _ in cells.values()))
    quantile = float(stats.norm.isf((1 - confidence_level) / 2))
    n_events = sum(events for events, _ in cells.values())
    return Estimate(
        value=math.exp(log_ratio),
        standard_error=error,
        ci_lower=math.exp(log_ratio - quantile * error),
        ci_upper=math.exp(log_ratio + quantile * error),
        confidence_level=confidence_level,
        n=n_customers,
        n_events=n_events,
        unit="ratio",
        method="ratio of rate ratios, Poisson; standard error on the log scale",
        p_value=float(2 * stats.norm.sf(abs(log_ratio / error))),
    )
