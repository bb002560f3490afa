"""Gray's test: whether the incidence of one cause is the same in several groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaincc

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.risk_sets import sum_at_risk
from loyaltylab.survival.row_checks import read_labels

FEW_EVENTS = 10


@dataclass(frozen=True, eq=False)
class GrayTest:
    """Test that the incidence of one cause is the same in all groups.

    Attributes
    ----------
    statistic : float
        Chi-square.
    degrees_of_freedom : int
        Groups less one.
    p_value : float
    cause : str
    groups : tuple of str, length g
    n_at_start, n_events, n_other_exits : ndarray of int, shape (g,)
        Rows, exits by the cause, exits by any other.
    score : ndarray of float, shape (g,)
        Weighted exits by the cause above those expected were the incidences equal; they sum
        to 0.
    covariance : ndarray of float, shape (g, g)
    rho : float
    n_strata : int
    method : str
    caveats : tuple of str
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float
    cause: str
    groups: tuple[str, ...]
    n_at_start: IntArray
    n_events: IntArray
    n_other_exits: IntArray
    score: FloatArray
    covariance: FloatArray
    rho: float
    n_strata: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the groups: rows, exits, score and its standard error."""
        names = ["n_at_start", "n_events", "n_other_exits", "score"]
        frame = pd.DataFrame({"group": list(self.groups)})
        columns = {name: np.array(getattr(self, name)) for name in names}
        return frame.assign(**columns, score_error=np.sqrt(np.diag(self.covariance)))


def gray_test(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    cause: str,
    strata: npt.ArrayLike | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Compare the incidence of one cause between groups.

    A log-rank test of the cause compares rates among those still there; this one compares the
    share that ends up leaving by the cause, which also depends on the other causes. It takes
    customers as independent and of one weight; with clusters or weights, fit
    :func:`fit_fine_gray` to indicators of the groups instead.

    Parameters
    ----------
    start, stop, exit_cause
        As in :func:`cumulative_incidence`: rows of independent customers. A stay may be cut in
        several rows.
    group : array-like, shape (n,)
        Labels of two or more groups, none missing.
    cause : str
    strata : array-like, shape (n,), optional
        Scores and variances are added over strata.
    rho : float
        Power of (1 - incidence) that weights the times; 0 weights all alike.

    Returns
    -------
    GrayTest

    Raises
    ------
    EstimationError
        With everything that is wrong with the rows; if the cause is not observed, or there is
        one group only.

    Source
    ------
    Gray (1988); ``cuminc(ftime, fstatus, group, strata, rho)$Tests`` of R cmprsk, which has no
    delayed entry: risk sets that customers enter late take its place in the same formulas.

    Examples
    --------
    >>> found = gray_test([0] * 6, [1, 2, 3, 4, 5, 6], ["price", "price", "", "moved", "price", ""],
    ...     list("aababb"), cause="price")
    >>> found.degrees_of_freedom
    1
    """
    label, groups, problems = _read_groups(group, len(pd.Series(stop)), rho)
    process = build_counting_process(
        start, stop, exit_cause=exit_cause, strata=strata, further_problems=problems
    )
    if cause not in process.causes:
        raise EstimationError(f"no exit by {cause!r}; the causes observed: {list(process.causes)}")
    own = process.code == process.causes.index(cause) + 1
    g = len(groups)
    tables = [
        _count_exits(process, process.stratum == stratum, own, label, g)
        for stratum in range(len(process.strata))
    ]
    parts = [_score_stratum(counts, rho) for counts in tables if len(counts.own) > 0]
    score = np.sum([part for part, _ in parts], axis=0)
    covariance = np.sum([variance for _, variance in parts], axis=0)
    statistic = _find_statistic(score, covariance)
    n_events = np.bincount(label[own], minlength=g)
    return GrayTest(
        statistic=statistic,
        degrees_of_freedom=g - 1,
        p_value=float(gammaincc((g - 1) / 2.0, statistic / 2.0)),
        cause=cause,
        groups=groups,
        n_at_start=as_read_only_counts(np.bincount(label, minlength=g)),
        n_events=as_read_only_counts(n_events),
        n_other_exits=as_read_only_counts(np.bincount(label[process.event & ~own], minlength=g)),
        score=as_read_only(score),
        covariance=as_read_only(covariance),
        rho=float(rho),
        n_strata=len(process.strata),
        method=f"Gray's test of the incidence of {cause}, rho {rho:g}",
        caveats=_find_caveats(cause, groups, n_events),
    )


def _read_groups(
    group: npt.ArrayLike, n: int, rho: float
) -> tuple[IntArray, tuple[str, ...], list[str]]:
    problems: list[str] = []
    label, groups = read_labels("group", group, np.zeros(n, dtype=np.int64), problems)
    if len(label) != n:
        problems.append(f"group has {len(label)} values, stop has {n}; rule: one per row")
    if not np.isfinite(rho):
        problems.append(f"rho is {rho!r}; rule: a finite power")
    if not problems and len(groups) < 2:
        problems.append("one group only; rule: two or more; fix: check the labels of group")
    return label, groups, problems


def _find_caveats(cause: str, groups: tuple[str, ...], n_events: IntArray) -> tuple[str, ...]:
    return tuple(
        f"Group {name!r} has {events} exits by {cause}: below {FEW_EVENTS} the chi-square "
        "approximation is rough."
        for name, events in zip(groups, n_events.tolist(), strict=True)
        if events < FEW_EVENTS
    )


@dataclass(frozen=True, eq=False)
class _Counts:
    """At risk, leaving by the cause, and by others, by event time and group, shape (m, g)."""

    at_risk: FloatArray
    own: FloatArray
    other: FloatArray


def _count_exits(
    process: CountingProcess,
    here: npt.NDArray[np.bool_],
    own: npt.NDArray[np.bool_],
    label: IntArray,
    g: int,
) -> _Counts:
    is_exit = here & process.event
    time = np.unique(process.stop[is_exit])
    m = len(time)
    first = np.searchsorted(time, process.start, side="right")
    last = np.searchsorted(time, process.stop, side="right") - 1
    at_risk = np.empty((m, g))
    for j in range(g):
        rows = here & (label == j)
        at_risk[:, j] = sum_at_risk(np.ones(np.count_nonzero(rows)), first[rows], last[rows], m)
    tables = []
    for rows in (is_exit & own, is_exit & ~own):
        counts = np.bincount(last[rows] * g + label[rows], minlength=m * g)
        tables.append(counts.reshape(m, g).astype(np.float64))
    return _Counts(np.rint(at_risk), tables[0], tables[1])


def _divide(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Quotient, 0 where nothing is there to divide by."""
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    return np.divide(top, bottom, out=np.zeros(shape), where=np.broadcast_to(bottom > 0, shape))


def _shift(values: FloatArray, initial: float) -> FloatArray:
    """Value just before each time."""
    return np.concatenate([np.full((1, *values.shape[1:]), initial), values[:-1]])


def _score_stratum(counts: _Counts, rho: float) -> tuple[FloatArray, FloatArray]:
    """Scores and their covariance in one stratum.

    Under the null all groups share one incidence F. Each exit moves the scores directly (a) and,
    through the group's retention S, by what is still to come of F (the rest of c).
    """
    at_risk, own, other = counts.at_risk, counts.own, counts.other
    is_used = at_risk > 0
    staying = np.where(is_used, 1.0 - _divide(own + other, at_risk), 1.0)
    retention = np.asarray(np.cumprod(staying, axis=0), dtype=np.float64)
    before = _shift(retention, 1.0)
    incidence_before = _shift(np.cumsum(before * _divide(own, at_risk), axis=0), 0.0)
    presence = _divide(at_risk, before)  # those at risk and those whose place they stand for
    total, n_own = presence.sum(axis=1), own.sum(axis=1)
    share = np.cumsum(_divide(n_own, total))
    share_before = _shift(share, 0.0)
    scale = np.maximum(1.0 - share_before, 0.0) ** rho
    extended = presence * (1.0 - incidence_before)
    expected = _divide(n_own, extended.sum(axis=1))[:, None] * extended
    score = np.sum(scale[:, None] * np.where(is_used, own - expected, 0.0), axis=0)
    g = at_risk.shape[1]
    own_part = presence[:, :, None] * np.eye(g)
    shared = presence[:, :, None] * _divide(presence, total[:, None])[:, None, :]
    a = scale[:, None, None] * (own_part - shared)
    c = np.cumsum(a * _divide(n_own, total * (1.0 - share_before))[:, None, None], axis=0)
    rest = c[-1] - c
    left = np.where(retention > 0, _divide((1.0 - share)[:, None], retention), 0.0)
    ties = _divide((n_own - 1.0)[:, None], total[:, None] * before - 1.0)
    ties = np.where((n_own > 1)[:, None] & is_used, 1.0 - ties, 1.0)
    by_own = ties * before * _divide(_divide(n_own, total)[:, None], at_risk)
    ties = np.where(other > 1, 1.0 - _divide(other - 1.0, at_risk - 1.0), 1.0)
    by_other = np.where(retention > 0, ties * _divide(before**2 * other, at_risk**2), 0.0)
    direct = a + (1.0 - left)[:, None, :] * rest
    through = left[:, None, :] * rest
    covariance = np.einsum("tik,tjk,tk->ij", direct, direct, by_own)
    covariance += np.einsum("tik,tjk,tk->ij", through, through, by_other)
    return score, np.asarray(covariance)


def _find_statistic(score: FloatArray, covariance: FloatArray) -> float:
    kept = slice(0, len(score) - 1)
    size = np.sqrt(np.diag(covariance)[kept])
    try:
        if np.any(size == 0.0):
            raise np.linalg.LinAlgError
        correlation = covariance[kept, kept] / np.outer(size, size)
        np.linalg.cholesky(correlation)
        return float(score[kept] / size @ np.linalg.solve(correlation, score[kept] / size))
    except np.linalg.LinAlgError:
        raise EstimationError(
            "The groups cannot be compared.",
            [
                "the scores have no variance: some group is never at risk together with others "
                "when exits by the cause happen; rule: groups overlap in time; fix: leave the "
                "group out, or compare over the time they share"
            ],
        ) from None
