"""Cox models of recurrent events: Andersen and Gill; Prentice, Williams and Peterson."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray
from loyaltylab.survival.clock_reset import reset_clock
from loyaltylab.survival.covariate_checks import find_covariate_problems
from loyaltylab.survival.cox import fit_cox
from loyaltylab.survival.cox_fit import CoxFit, name_error_unit
from loyaltylab.survival.recurrent_rows import RecurrentRows, build_recurrent_rows
from loyaltylab.survival.row_checks import describe_rows, read_numbers
from loyaltylab.survival.unit_caveats import FEW_EVENTS

CLOCKS = ("total", "gap")


def andersen_gill(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    customer: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model to recurrent events: a ratio of rates, all events alike.

    The events of a customer need not be independent: the errors are robust, by customer.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop], ended by an event, a change, or the end of observation; those of a
        customer do not overlap.
    event : array-like of bool or 0/1, shape (n,)
    covariates : DataFrame, shape (n, p)
    customer : array-like, shape (n,)
        Whose row it is; also the independent unit unless ``cluster`` is given.
    cluster : array-like, shape (n,), optional
        Independent unit larger than the customer, a household say.
    strata, weights : array-like, shape (n,), optional
    confidence_level : float

    Returns
    -------
    CoxFit

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows, or as :func:`fit_cox`.

    Source
    ------
    Andersen and Gill (1982); Lin, Wei, Yang and Ying (2000); ``coxph(Surv(start, stop, event) ~
    x, cluster = id)`` of R survival.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 1, 0, 1, 0]})
    >>> fit = andersen_gill([0, 2, 0, 0, 0], [2, 5, 3, 4, 6], [1, 0, 1, 1, 0], x,
    ...     customer=[1, 1, 2, 3, 4])
    >>> fit.n_clusters
    4
    """
    rows = build_recurrent_rows(
        start, stop, event, customer=customer, weights=weights, cluster=cluster, strata=strata,
        further_problems=find_covariate_problems(covariates, len(pd.Series(stop))),
    )  # fmt: skip
    fit = fit_cox(
        start, stop, event, covariates, cluster=customer if cluster is None else cluster,
        strata=strata, weights=weights, confidence_level=confidence_level,
    )  # fmt: skip
    fit = name_error_unit(fit, "customer" if cluster is None else "cluster")
    return replace(
        fit, method=f"Andersen-Gill: {fit.method}", caveats=(*fit.caveats, *_describe_gaps(rows))
    )


def prentice_williams_peterson(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    customer: npt.ArrayLike,
    clock: str,
    largest_stratum: int | None = None,
    earlier_events: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model to recurrent events with a baseline for each number of earlier events.

    Customers are compared with those who have had as many events. An effect on the first event
    is then not counted again in the later ones; but who gets that far is no longer a random
    group, so a treatment given at the origin is better judged by :func:`andersen_gill` or the
    mean number of events.

    Parameters
    ----------
    start, stop, event, covariates, customer, cluster, weights, confidence_level
        As in :func:`andersen_gill`.
    clock : {"total", "gap"}
        Time since the origin, or since the customer's last event (the origin before the first).
    largest_stratum : int, optional
        Events numbered this or higher share a baseline; default none do.
    earlier_events : array-like of int, shape (n,), optional
        Events of the row's customer before the first row, for customers who come under
        observation late; on the total clock only.

    Returns
    -------
    CoxFit
        Its strata are the numbers "1", "2", ... of the event awaited; "01", "02", ... when there
        are ten or more.

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows, or as :func:`fit_cox`.

    Source
    ------
    Prentice, Williams and Peterson (1981); ``coxph(Surv(start, stop, event) ~ x + strata(number),
    cluster = id)`` of R survival, with Surv(stop - start, event) for gap times.

    Examples
    --------
    >>> x = pd.DataFrame({"calls": [1, 1, 0, 0, 1, 0]})
    >>> fit = prentice_williams_peterson([0, 2, 0, 3, 0, 0], [2, 5, 3, 5, 4, 6],
    ...     [1, 1, 1, 0, 1, 0], x, customer=[1, 1, 2, 2, 3, 4], clock="total")
    >>> fit.n_events
    4
    """
    problems = find_covariate_problems(covariates, len(pd.Series(stop)))
    rows = build_recurrent_rows(
        start, stop, event, customer=customer, weights=weights, cluster=cluster,
        further_problems=[*problems, *_check_roles(clock, largest_stratum, earlier_events)],
    )  # fmt: skip
    process = rows.process
    number, since = _number_events(rows)
    number = number + _read_earlier(rows, earlier_events)
    if largest_stratum is not None:
        number = np.minimum(number, largest_stratum)
    begin, end = process.start, process.stop
    if clock == "gap":
        begin, end = reset_clock(begin, end, since)
    width = len(str(int(number.max())))  # So that strata sort as numbers do.
    fit = fit_cox(
        begin,
        end,
        process.event,
        covariates.loc[process.kept].reset_index(drop=True),
        cluster=process.cluster,
        strata=[str(value).zfill(width) for value in number.tolist()],
        weights=None if weights is None else process.weights,
        confidence_level=confidence_level,
    )
    fit = name_error_unit(fit, "customer" if cluster is None else "cluster")
    return replace(
        fit,
        method=f"Prentice-Williams-Peterson, {clock} time: {fit.method}",
        caveats=(*fit.caveats, *_describe_gaps(rows), *_describe_strata(number, process.event)),
    )


def _check_roles(
    clock: str, largest_stratum: int | None, earlier_events: npt.ArrayLike | None
) -> list[str]:
    problems = []
    if clock not in CLOCKS:
        problems.append(f"clock is {clock!r}; choose one of {list(CLOCKS)}")
    if largest_stratum is not None and largest_stratum < 1:
        problems.append(f"largest_stratum is {largest_stratum!r}; rule: 1 or more")
    if earlier_events is not None and clock == "gap":
        problems.append(
            "earlier_events on the gap clock: the time of the last of them is not known; fix: "
            'clock="total", or start at the next event'
        )
    return problems


def _number_events(rows: RecurrentRows) -> tuple[IntArray, FloatArray]:
    """Number of the event each row awaits, and the time of the one before it (0 if none)."""
    order = rows.order
    event = rows.process.event[order].astype(np.int64)
    opening = np.flatnonzero(rows.is_first[order])[np.cumsum(rows.is_first[order]) - 1]
    before = np.cumsum(event) - event
    number, since = np.empty(len(order), dtype=np.int64), np.empty(len(order))
    number[order] = 1 + before - before[opening]
    # The last row with an event before this one, among rows of the same customer.
    position = np.where(event == 1, np.arange(len(order)), -1)
    previous = np.concatenate([[-1], np.maximum.accumulate(position)[:-1]])
    has_previous = previous >= opening
    stop = rows.process.stop[order]
    since[order] = np.where(has_previous, stop[np.maximum(previous, 0)], 0.0)
    return number, since


def _read_earlier(rows: RecurrentRows, earlier_events: npt.ArrayLike | None) -> IntArray:
    if earlier_events is None:
        return np.zeros(rows.process.n_rows, dtype=np.int64)
    problems: list[str] = []
    counts = read_numbers("earlier_events", earlier_events, problems)
    if len(counts) != len(rows.process.kept):
        problems.append("earlier_events has another length than stop; rule: one value per row")
    elif not problems:
        is_bad = (counts < 0) | (counts != np.floor(counts))
        if is_bad.any():
            problems.append(
                f"earlier_events is no count in {describe_rows(is_bad)}; rule: 0, 1, ..."
            )
        kept = counts[rows.process.kept]
        first = pd.Series(kept).groupby(rows.customer).transform("first").to_numpy()
        if np.any(kept != first):
            problems.append(
                f"earlier_events differ within a customer at {describe_rows(kept != first)}; "
                "rule: events before the customer's first row; fix: repeat that number"
            )
    if problems:
        raise EstimationError("The numbers of earlier events cannot be used.", problems)
    return kept.astype(np.int64)


def _describe_gaps(rows: RecurrentRows) -> list[str]:
    if rows.n_gaps == 0:
        return []
    return [f"{rows.n_gaps} gaps in the observation of customers: events in them are not counted."]


def _describe_strata(number: IntArray, event: Sequence[bool] | npt.ArrayLike) -> list[str]:
    counts = np.bincount(number[np.asarray(event)])
    few = [
        value
        for value in np.unique(number).tolist()
        if 0 < counts[value : value + 1].sum() < FEW_EVENTS
    ]
    if not few:
        return []
    return [
        f"Fewer than {FEW_EVENTS} events are numbered {', '.join(map(str, few))}: pool them by "
        "largest_stratum."
    ]
