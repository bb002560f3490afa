"""Retention by sign-up cohort, with what keeps two cohorts from being compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.curves import RetentionCurve, kaplan_meier
from loyaltylab.survival.row_checks import read_labels
from loyaltylab.survival.step_functions import check_times

FEW_AT_RISK = 10
FEW_EVENTS = 5


def retention_by_cohort(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    cohort: npt.ArrayLike,
    *,
    times: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    interval: str = "log-log",
) -> pd.DataFrame:
    """Estimate retention by tenure for each sign-up cohort.

    Time is tenure, so cohorts are compared at the same age as customers, although they reach it
    at different dates: a difference may be the cohort's or the period's.

    Parameters
    ----------
    start, stop, event, weights, cluster
        As in :func:`kaplan_meier`, on tenure; start is above 0 for customers first observed
        some time after they signed up.
    cohort : array-like, shape (n,)
        Label of each row's cohort, none missing, such as "2024-03"; cohorts are sorted by it.
    times : array-like of float, shape (q,)
        Tenures at which to read the curves.
    confidence_level : float
    interval : {"log-log", "log", "plain"}

    Returns
    -------
    DataFrame, one line per cohort and time
        ``cohort``, ``time``, ``n_at_risk``, ``n_events`` (up to the time), ``retention``,
        ``standard_error``, ``ci_lower``, ``ci_upper``, ``conditional_on`` (tenure from which the
        cohort is observed: retention is of those retained until then), ``last_follow_up``,
        ``is_comparable`` (the time is within the follow-up of every cohort, and all curves are
        conditional on the same tenure), ``caveats`` (one text), ``confidence_level``. Past a
        cohort's follow-up its line has no number and says so.

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if no time lies within any follow-up.

    Source
    ------
    ``survfit(Surv(start, stop, event) ~ cohort)`` of R survival.

    Examples
    --------
    >>> found = retention_by_cohort([0] * 4, [1, 2, 1, 1], [1, 0, 0, 1], list("aabb"), times=[1, 2])
    >>> found["retention"].tolist()
    [0.5, 0.5, 0.5, nan]
    """
    asked = check_times(times)
    columns: dict[str, Any] = {"start": start, "stop": stop, "event": event}
    columns |= {"weights": weights, "cluster": cluster}
    codes, cohorts = _read_cohorts(columns, cohort)
    given = {name: pd.Series(v).to_numpy() for name, v in columns.items() if v is not None}
    curves, origins = [], []
    for code in range(len(cohorts)):
        rows: dict[str, Any] = {name: column[codes == code] for name, column in given.items()}
        curves.append(
            _estimate(cohorts[code], rows, confidence_level=confidence_level, interval=interval)
        )
        origins.append(float(rows["start"].min()))
    shortest = min(curve.last_follow_up for curve in curves)
    if asked.min() > max(curve.last_follow_up for curve in curves):
        raise EstimationError(
            f"no cohort is followed to the first time {asked.min():g}; rule: nothing is "
            "extrapolated; fix: ask for earlier times"
        )
    is_comparable = (asked <= shortest) & (np.ptp(origins) == 0)
    frames = [
        _tabulate(name, curve, asked, origin).assign(is_comparable=is_comparable)
        for name, curve, origin in zip(cohorts, curves, origins, strict=True)
    ]
    table = pd.concat(frames, ignore_index=True)
    return table.assign(
        caveats=_describe_lines(table, min(origins)), confidence_level=confidence_level
    ).drop(columns="curve_caveats")


def _read_cohorts(
    columns: dict[str, Any], cohort: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    problems: list[str] = []
    n = len(pd.Series(columns["stop"]))
    codes, cohorts = read_labels("cohort", cohort, np.zeros(n, dtype=np.int64), problems)
    process = build_counting_process(**columns, further_problems=problems)
    if process.is_clustered:
        pairs = pd.DataFrame({"cluster": process.cluster, "cohort": codes[process.kept]})
        n_mixed = int((pairs.groupby("cluster")["cohort"].nunique() > 1).sum())
        if n_mixed:
            raise EstimationError(
                f"{n_mixed} clusters have rows in several cohorts; rule: a customer signs up "
                "once; fix: give each stay a customer of its own, or keep the first"
            )
    return codes, cohorts


def _estimate(name: str, rows: dict[str, Any], **options: Any) -> RetentionCurve:
    try:
        return kaplan_meier(**rows, **options)
    except EstimationError as error:
        reasons = error.problems or (error.summary,)
        raise EstimationError(f"Cohort {name!r} has no curve.", reasons) from None


def _tabulate(name: str, curve: RetentionCurve, times: FloatArray, origin: float) -> pd.DataFrame:
    n_events = np.concatenate([[0], np.cumsum(curve.n_events)])
    frame = curve.at(times)
    frame.insert(0, "cohort", name)
    frame.insert(3, "n_events", n_events[np.searchsorted(curve.time, times, side="right")])
    # Before the cohort is observed there is nothing to be retained of.
    unseen = times < origin
    numbers = ["retention", "standard_error", "ci_lower", "ci_upper"]
    frame.loc[unseen, numbers] = np.nan
    return frame.assign(
        conditional_on=origin,
        last_follow_up=curve.last_follow_up,
        curve_caveats=" ".join(curve.caveats),
    )


def _describe_lines(table: pd.DataFrame, first_origin: float) -> list[str]:
    return [_describe_line(line, first_origin) for line in table.itertuples()]


def _describe_line(line: Any, first_origin: float) -> str:
    if line.time > line.last_follow_up:
        return f"Not followed past {line.last_follow_up:g}."
    if line.time < line.conditional_on:
        return f"Not observed before {line.conditional_on:g}."
    caveats = [line.curve_caveats] if line.curve_caveats else []
    if line.conditional_on > first_origin:
        caveats.append(
            f"Conditional on being retained to {line.conditional_on:g}, unlike cohorts observed "
            "earlier: not comparable with them."
        )
    if line.n_at_risk < FEW_AT_RISK:
        caveats.append(f"{line.n_at_risk} at risk: below {FEW_AT_RISK}.")
    if line.n_events < FEW_EVENTS:
        caveats.append(f"{line.n_events} events so far: below {FEW_EVENTS}, a rough interval.")
    return " ".join(caveats)
