"""Every customer once per strategy, followed for as long as the data agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.designs.strategies import (
    Agreement,
    Strategy,
    check_strategies,
    find_agreement,
    refuse,
)
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.row_checks import describe_rows, read_numbers, read_times
from loyaltylab.survival.row_splitting import cut_intervals

NEEDED = ("customer_id", "start", "stop", "exit_cause")


@dataclass(frozen=True, eq=False)
class CloneRows:
    """Rows of the clones of one strategy, cut at periods of the grace period; m rows.

    Attributes
    ----------
    strategy : Strategy
    agreement : Agreement
    row : ndarray of int, shape (m,)
        Row of the rows given, in the order of customer and time.
    unit : ndarray of int, shape (m,)
        Customer.
    start, stop : ndarray of float, shape (m,)
    exit_cause : ndarray of str, shape (m,)
    period : ndarray of int, shape (m,)
        From 0; ``n_periods`` after the grace period.
    is_artificial : ndarray of bool, shape (m,)
        Whether the clone is censored at the end of the row because it no longer agrees.
    edges : ndarray of float, shape (n_periods,)
        Ends of the periods; the last is that of the grace period.
    """

    strategy: Strategy
    agreement: Agreement
    row: IntArray
    unit: IntArray
    start: FloatArray
    stop: FloatArray
    exit_cause: npt.NDArray[np.object_]
    period: IntArray
    is_artificial: BoolArray
    edges: FloatArray

    @property
    def n_periods(self) -> int:
        """Periods in the grace period."""
        return len(self.edges)


@dataclass(frozen=True, eq=False)
class Clones:
    """Clones of n customers under every strategy.

    Attributes
    ----------
    customers : ndarray, shape (n,)
        Labels, sorted; their positions are the codes of customers elsewhere.
    rows : DataFrame
        The rows given, in the order of customer and time.
    arms : dict of str to CloneRows
        By the name of the strategy.
    causes : tuple of str
        Observed causes of exit, sorted.
    period : float
        Length of a period in which artificial censoring is modelled.
    flow : DataFrame
        Index strategy: n_customers, n_artificially_censored, n_exits, n_censored (for another
        reason), n_followed_past_grace, and person_time in agreement.
    """

    customers: npt.NDArray[np.object_]
    rows: pd.DataFrame
    arms: dict[str, CloneRows]
    causes: tuple[str, ...]
    period: float
    flow: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Rows:
    """Checked rows in the order of customer and time."""

    frame: pd.DataFrame
    unit: IntArray
    start: FloatArray
    stop: FloatArray
    exit_cause: npt.NDArray[np.object_]
    n: int


def clone_customers(
    rows: pd.DataFrame, *, strategies: Sequence[Strategy], period: float = 1.0
) -> Clones:
    """Clone every eligible customer, one for each strategy, and censor clones that disagree.

    At time zero a customer's data agree with every strategy, so each is in every arm from the
    start: nobody has to survive until treated in order to count as treated.

    Parameters
    ----------
    rows : DataFrame
        (start, stop] rows since time zero, without gaps, from 0: ``customer_id``, ``start``,
        ``stop``, ``exit_cause`` ("" unless the row ends in an exit), the counts of treatments
        that strategies name, and covariates as known through the row.
    strategies : sequence of Strategy
        At least two.
    period : float
        Grace periods are cut at its multiples to model who is censored, best so short that few
        are within one.

    Returns
    -------
    Clones

    Raises
    ------
    EstimationError
        With everything wrong: rows that overlap, leave gaps or do not begin at 0; customers
        treated at time zero or before, for whom the strategies are no longer open; strategies
        without bounds.

    Source
    ------
    Cain et al. (2010), International Journal of Biostatistics 6:18; Hernán (2018), BMJ
    360:k182; Maringe et al. (2020), International Journal of Epidemiology 49:1719-1729.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "b", "b"], "start": [0.0, 0.0, 2.0],
    ...     "stop": [9.0, 2.0, 5.0], "exit_cause": ["", "", "price"], "refunds": [0, 0, 1]})
    >>> both = [Strategy("refund", "refunds", within=3, minimum=1),
    ...     Strategy("none", "refunds", within=3, maximum=0)]
    >>> clone_customers(rows, strategies=both).flow["person_time"].tolist()
    [8.0, 11.0]
    """
    checked = _read_rows(rows, strategies, period)
    arms = {}
    problems = []
    for strategy in strategies:
        count = checked.frame[strategy.column].to_numpy(dtype=np.float64)
        agreement = find_agreement(strategy, count, checked.start, checked.unit, checked.n)
        problems += _find_prevalent(strategy, agreement)
        arms[strategy.name] = _cut(checked, strategy, agreement, period)
    refuse(sorted(set(problems)), "Some customers are not eligible for every strategy:")
    causes = tuple(sorted(set(checked.exit_cause) - {""}))
    labels = checked.frame["customer_id"].to_numpy(dtype=object)
    return Clones(
        customers=labels[np.unique(checked.unit, return_index=True)[1]],
        rows=checked.frame,
        arms=arms,
        causes=causes,
        period=period,
        flow=pd.DataFrame([_count(arm, checked.n) for arm in arms.values()]).set_index("strategy"),
    )


def _read_rows(rows: pd.DataFrame, strategies: Sequence[Strategy], period: float) -> _Rows:
    missing = [name for name in NEEDED if name not in rows]
    refuse([f"no column {name!r}" for name in missing], "The rows cannot be cloned:")
    problems = check_strategies(strategies, [str(name) for name in rows])
    if not (np.isfinite(period) and period > 0):
        problems.append(f"period is {period!r}; rule: positive and finite")
    if rows["customer_id"].isna().any() or rows.empty:
        problems.append("customer_id is missing, or there are no rows; rule: every row has one")
    read_times(rows["start"], rows["stop"], problems)
    for column in sorted({strategy.column for strategy in strategies} & set(rows)):
        read_numbers(column, rows[column], problems)
    refuse(problems, "The rows cannot be cloned:")
    frame = rows.sort_values(["customer_id", "start"], kind="stable", ignore_index=True)
    unit, labels = pd.factorize(frame["customer_id"])
    start = frame["start"].to_numpy(dtype=np.float64)
    stop = frame["stop"].to_numpy(dtype=np.float64)
    cause = frame["exit_cause"].astype(object).where(frame["exit_cause"].notna(), "")
    checked = _Rows(frame, unit, start, stop, cause.to_numpy(dtype=object), len(labels))
    refuse(_find_broken_paths(checked), "The rows cannot be cloned:")
    return checked


def _find_broken_paths(rows: _Rows) -> list[str]:
    is_first = np.concatenate([[True], rows.unit[1:] != rows.unit[:-1]])
    before = np.concatenate([[0.0], rows.stop[:-1]])
    is_late = is_first & (rows.start != 0)
    is_torn = ~is_first & (rows.start != before)
    left_before = np.concatenate([[False], (rows.exit_cause != "")[:-1]]) & ~is_first
    problems = []
    for is_bad, rule in (
        (is_late, "do not begin at 0; rule: time runs from time zero, where all are at risk"),
        (is_torn, "do not begin where the customer's last one ends; rule: no gaps or overlaps"),
        (left_before, "follow an exit; rule: an exit ends the follow-up"),
    ):
        if is_bad.any():
            problems.append(f"{describe_rows(is_bad)}, by customer and time, {rule}")
    return problems


def _find_prevalent(strategy: Strategy, agreement: Agreement) -> list[str]:
    n = int(np.sum((agreement.oversteps == 0) | (agreement.reaches == 0)))
    if n == 0:
        return []
    return [
        f"strategy '{strategy.name}': {n} customers are at or past its bound of "
        f"{strategy.column!r} at time zero; rule: at time zero every strategy is still open; "
        "fix: count treatments from time zero, and leave out who was treated before"
    ]


def _cut(rows: _Rows, strategy: Strategy, agreement: Agreement, period: float) -> CloneRows:
    late = np.where(np.isinf(agreement.reaches), strategy.within, np.inf)
    if strategy.minimum is None:
        late = np.full(rows.n, np.inf)
    end = np.minimum(agreement.oversteps, late)[rows.unit]
    kept = np.flatnonzero(rows.start < end)
    stop = np.minimum(rows.stop, end)[kept]
    edges: FloatArray = np.arange(1.0, np.ceil(strategy.within / period)) * period
    edges = np.append(edges[edges < strategy.within], strategy.within)
    piece, starts, stops, cell = cut_intervals(rows.start[kept], stop, edges)
    row = kept[piece]
    is_last = stops == stop[piece]
    is_whole = is_last & (stops == rows.stop[row])
    # A clone is censored where the row goes on; or where the customer does, in a later row.
    goes_on = np.append(rows.unit[1:] == rows.unit[:-1], False)[row] | ~is_whole
    return CloneRows(
        strategy=strategy,
        agreement=agreement,
        row=row,
        unit=rows.unit[row],
        start=starts,
        stop=stops,
        exit_cause=np.where(is_whole, rows.exit_cause[row], "").astype(object),
        period=cell,
        is_artificial=is_last & (stops == end[row]) & goes_on,
        edges=edges,
    )


def _count(arm: CloneRows, n: int) -> dict[str, object]:
    n_artificial = int(arm.is_artificial.sum())
    n_exits = int(np.count_nonzero(arm.exit_cause != ""))
    return {
        "strategy": arm.strategy.name,
        "n_customers": n,
        "n_artificially_censored": n_artificial,
        "n_exits": n_exits,
        "n_censored": n - n_artificial - n_exits,
        "n_followed_past_grace": len(np.unique(arm.unit[arm.period == arm.n_periods])),
        "person_time": float(np.sum(arm.stop - arm.start)),
    }
