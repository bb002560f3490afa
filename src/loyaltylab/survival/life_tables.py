"""Actuarial life table: retention from times known only by month, or any other interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.retention_intervals import compute_retention_interval
from loyaltylab.survival.row_splitting import find_interval_problems


def life_table(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    cuts: Sequence[float],
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
    confidence_level : float
    interval : {"log-log", "log", "plain"}
        Scale of the limits.

    Returns
    -------
    DataFrame, k lines
        ``interval_start``, ``interval_stop``, ``n_at_start``, ``n_entered``, ``n_censored``,
        ``n_events``, ``n_exposed`` (n_at_start + n_entered / 2 - n_censored / 2),
        ``share_leaving`` (of the exposed), ``retention`` at the interval's end with
        ``standard_error`` (Greenwood), ``ci_lower`` and ``ci_upper``, ``hazard`` per unit of time
        at the interval's middle with ``hazard_standard_error``, ``confidence_level``.

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
        start, stop, event=event, further_problems=find_interval_problems(cuts)
    )
    edges = np.asarray(cuts, dtype=np.float64)
    table = _count(process, edges)
    exposed, events = table["n_exposed"].to_numpy(), table["n_events"].to_numpy()
    _refuse_thin_intervals(table)
    share = events / exposed
    staying = 1.0 - share
    retention = np.cumprod(staying)
    terms = np.divide(share, exposed * staying, out=np.full(len(share), np.nan), where=staying > 0)
    error = retention * np.sqrt(np.cumsum(terms))
    lower, upper = compute_retention_interval(retention, error, confidence_level, interval)
    width = np.diff(edges)
    hazard = events / (width * (exposed - events / 2.0))
    known_events = np.where(events > 0, events, np.nan)
    slack = 1.0 - (hazard * width / 2.0) ** 2
    hazard_error = hazard * np.sqrt(np.maximum(slack, 0.0) / known_events)
    return table.assign(
        share_leaving=share,
        retention=retention,
        standard_error=error,
        ci_lower=lower,
        ci_upper=upper,
        hazard=hazard,
        hazard_standard_error=hazard_error,
        confidence_level=confidence_level,
    )


def _count(process: CountingProcess, edges: FloatArray) -> pd.DataFrame:
    """Count who starts, enters, is censored and leaves in each interval."""
    k = len(edges) - 1
    lower, upper = edges[:-1], edges[1:]
    left_in = np.searchsorted(edges, process.stop, side="left") - 1
    entered_in = np.searchsorted(edges, process.start, side="right") - 1
    is_late = (entered_in >= 0) & (entered_in < k)
    is_late &= process.start > edges[np.clip(entered_in, 0, k)]
    is_inside = (left_in >= 0) & (left_in < k)

    def count(interval: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> FloatArray:
        return np.bincount(interval[chosen], minlength=k).astype(np.int64)

    n_started = np.searchsorted(np.sort(process.start), lower, side="right")
    n_gone = np.searchsorted(np.sort(process.stop), lower, side="right")
    n_entered = count(entered_in, is_late)
    n_censored = count(left_in, is_inside & ~process.event)
    return pd.DataFrame(
        {
            "interval_start": lower,
            "interval_stop": upper,
            "n_at_start": n_started - n_gone,
            "n_entered": n_entered,
            "n_censored": n_censored,
            "n_events": count(left_in, is_inside & process.event),
            "n_exposed": n_started - n_gone + (n_entered - n_censored) / 2.0,
        }
    )


def _refuse_thin_intervals(table: pd.DataFrame) -> None:
    is_thin = (table["n_exposed"] <= 0) | (table["n_events"] > table["n_exposed"])
    problems = [
        f"({line.interval_start:g}, {line.interval_stop:g}]: {line.n_exposed:g} exposed, "
        f"{line.n_events} events; rule: some exposed, and no fewer than leave; fix: end the "
        "cuts earlier, or make the interval longer"
        for line in table[is_thin].itertuples()
    ]
    if problems:
        raise EstimationError("Some intervals of the life table hold too few.", problems)
