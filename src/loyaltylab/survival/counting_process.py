"""One gate for every outcome: checked (start, stop] rows, or one error that lists every problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import BoolArray, FloatArray, IntArray
from loyaltylab.survival.row_checks import (
    read_labels,
    read_outcome,
    read_times,
    read_units,
    read_weights,
)


@dataclass(frozen=True, eq=False)
class CountingProcess:
    """Checked (start, stop] rows: at risk at time t if and only if start < t <= stop.

    Attributes
    ----------
    start, stop : ndarray of float, shape (n,)
        In the caller's time unit, usually days.
    code : ndarray of int, shape (n,)
        What happened at ``stop``: 0 nothing (censored), j the cause ``causes[j - 1]``.
    causes : tuple of str
        Names of the codes 1, 2, ...; ``("event",)`` when there is one kind of event.
    weights : ndarray of float, shape (n,)
        All positive: rows of weight zero carry nothing and are left out.
    cluster : ndarray of int, shape (n,)
        Code of the independent unit, 0 ... n_clusters - 1; one per row when none was given.
    n_clusters : int
    stratum : ndarray of int, shape (n,)
        Position in ``strata``.
    strata : tuple of str
        Labels of the strata; one empty label when none were given.
    is_clustered, is_weighted : bool
        Whether clusters or weights were given.
    kept : ndarray of bool, shape (number of rows given,)
        False for rows left out because their weight is zero.
    """

    start: FloatArray
    stop: FloatArray
    code: IntArray
    causes: tuple[str, ...]
    weights: FloatArray
    cluster: IntArray
    n_clusters: int
    stratum: IntArray
    strata: tuple[str, ...]
    is_clustered: bool
    is_weighted: bool
    kept: BoolArray

    @property
    def n_rows(self) -> int:
        """Number of rows that carry weight."""
        return len(self.stop)

    @property
    def error_unit(self) -> str:
        """Whose contributions robust errors sum: "cluster", "row" when only weights are given.

        Empty where rows are independent and of weight one, and a model's own error serves.
        """
        if self.is_clustered:
            return "cluster"
        return "row" if self.is_weighted else ""

    @property
    def is_robust(self) -> bool:
        """Whether errors are robust: clusters or weights were given."""
        return self.is_clustered or self.is_weighted

    @property
    def event(self) -> BoolArray:
        """Whether any event happened at ``stop``, shape (n,)."""
        return self.code > 0

    @property
    def n_events(self) -> int:
        """Number of events of any cause."""
        return int(np.count_nonzero(self.code))


def build_counting_process(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    *,
    event: npt.ArrayLike | None = None,
    exit_cause: Sequence[object] | npt.ArrayLike | None = None,
    causes: Sequence[str] | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    requires_events: bool = False,
    further_problems: Sequence[str] = (),
) -> CountingProcess:
    """Check the rows of an outcome and code them, or list everything that is wrong.

    Times tie when they are exactly equal: compute all of them by one formula from one clock.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Interval (start, stop] under observation, in one time unit, usually days.
    event : array-like of bool or 0/1, shape (n,)
        Whether the event happened at ``stop``. Give this or ``exit_cause``.
    exit_cause : array-like of str, shape (n,)
        Name of the cause of exit at ``stop``; "" or missing is censored.
    causes : sequence of str, optional
        The causes in the order wanted; default the observed ones, sorted.
    weights : array-like of float, shape (n,), optional
        Finite and not negative.
    cluster, strata : array-like, shape (n,), optional
        Labels, none missing.
    requires_events : bool
        Whether a set of rows without any event is a problem.
    further_problems : sequence of str
        Problems the caller found already, reported together with these.

    Returns
    -------
    CountingProcess

    Raises
    ------
    EstimationError
        With every problem found: how many rows, the first positions, the rule and the fix.

    Examples
    --------
    >>> build_counting_process([0, 0], [3, 5], event=[1, 0]).n_events
    1
    """
    problems = list(further_problems)
    given: dict[str, object] = {"start": start, "stop": stop, "event": event}
    given |= {"exit_cause": exit_cause, "weights": weights, "cluster": cluster, "strata": strata}
    n = _count_rows(given, problems)
    starts, stops = read_times(start, stop, problems)
    code, cause_names = read_outcome(event, exit_cause, causes, problems)
    weight = read_weights(weights, n, problems)
    unit = read_units("cluster", cluster, n, problems)
    stratum, strata_labels = read_labels("strata", strata, np.zeros(n, dtype=np.int64), problems)
    if requires_events and not problems and not np.any(code[weight > 0]):
        problems.append(
            f"0 events in {n} rows; rule: at least one row must end in the event; "
            "fix: check how the event is coded, or observe for longer"
        )
    if cluster is not None and not problems and _is_one_unit(unit[weight > 0]):
        problems.append(
            "all rows belong to one cluster; rule: an error needs at least two independent "
            "units; fix: check the cluster labels, or leave cluster out"
        )
    _raise_if_any(problems)
    kept = weight > 0
    if not kept.all():
        starts, stops, code, weight = starts[kept], stops[kept], code[kept], weight[kept]
        stratum, unit = stratum[kept], np.unique(unit[kept], return_inverse=True)[1]
    return CountingProcess(
        start=starts,
        stop=stops,
        code=code,
        causes=cause_names,
        weights=weight,
        cluster=unit,
        n_clusters=int(unit.max()) + 1,
        stratum=stratum,
        strata=strata_labels,
        is_clustered=cluster is not None,
        is_weighted=weights is not None,
        kept=kept,
    )


def find_overlapping_rows(
    start: npt.ArrayLike, stop: npt.ArrayLike, customer: npt.ArrayLike
) -> pd.DataFrame:
    """Find rows that overlap an earlier row of the same customer.

    A customer with two rows at the same time is counted twice in the risk set.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
    customer : array-like, shape (n,)
        Whose row it is.

    Returns
    -------
    DataFrame
        One line per offending row: ``row`` and ``earlier_row`` (positions from 0),
        ``overlap_start`` and ``overlap_stop`` (time units). Empty when there is none.

    Examples
    --------
    >>> len(find_overlapping_rows([0, 4], [5, 9], ["a", "a"]))
    1
    """
    process = build_counting_process(
        start, stop, event=np.zeros(len(pd.Series(stop)), dtype=bool), strata=customer
    )
    frame = pd.DataFrame(
        {"customer": process.stratum, "start": process.start, "stop": process.stop}
    ).sort_values(["customer", "start", "stop"], kind="stable")
    by_customer = frame.groupby("customer", sort=False)
    reach = by_customer["stop"].cummax()
    # The earlier row that reaches furthest is the last one at which the reach grew.
    holder = pd.Series(np.where(frame["stop"] >= reach, frame.index, -1), index=frame.index)
    holder = holder.where(holder >= 0).groupby(frame["customer"], sort=False).ffill()
    earlier_reach = reach.groupby(frame["customer"], sort=False).shift()
    earlier_row = holder.groupby(frame["customer"], sort=False).shift()
    overlaps = earlier_reach > frame["start"]
    found = pd.DataFrame(
        {
            "row": frame.index[overlaps],
            "earlier_row": earlier_row[overlaps].astype(np.int64).to_numpy(),
            "overlap_start": frame.loc[overlaps, "start"].to_numpy(),
            "overlap_stop": np.minimum(earlier_reach, frame["stop"])[overlaps].to_numpy(),
        }
    )
    return found.sort_values("row", kind="stable").reset_index(drop=True)


def _is_one_unit(unit: IntArray) -> bool:
    return bool((unit == unit[0]).all())


def _raise_if_any(problems: Sequence[str]) -> None:
    if problems:
        raise EstimationError("These rows cannot be analysed.", problems)


def _count_rows(given: Mapping[str, object], problems: list[str]) -> int:
    lengths = {name: len(pd.Series(column)) for name, column in given.items() if column is not None}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        problems.append(f"lengths differ ({listed}); rule: one value per row; fix: pass equal rows")
        _raise_if_any(problems)  # Row positions mean nothing past this point.
    if lengths["stop"] == 0:
        problems.append("no rows; rule: at least one row; fix: check the filter that made them")
        _raise_if_any(problems)
    return lengths["stop"]
