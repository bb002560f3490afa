"""Gray's test: whether the incidence of one cause is the same in several groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.gray_scores import (
    Groups,
    compute_covariance,
    compute_influence,
    compute_score,
    prepare_groups,
)
from loyaltylab.survival.intervals import chi_square_p_value
from loyaltylab.survival.row_checks import read_groups
from loyaltylab.survival.unit_caveats import describe_few_events, find_unit_caveats


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
    n_rows, n_events, n_other_exits : ndarray of int, shape (g,)
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
    n_rows: IntArray
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
        names = ["n_rows", "n_events", "n_other_exits", "score"]
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
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
) -> GrayTest:
    """Compare the incidence of one cause between groups.

    A log-rank test of the cause compares rates among those still there; this one compares the
    share that ends up leaving by the cause, which also depends on the other causes.

    Parameters
    ----------
    start, stop, exit_cause
        As in :func:`cumulative_incidence`.
    group : array-like, shape (n,)
        Labels of two or more groups, none missing.
    cause : str
    strata : array-like, shape (n,), optional
        Scores and variances are added over strata.
    rho : float
        Power of (1 - incidence) that weights the times; 0 weights all alike.
    weights : array-like of float, shape (n,), optional
    cluster : array-like, shape (n,), optional
        Independent unit of each row. With clusters or weights the variance of the scores is the
        infinitesimal jackknife, summed within clusters (rows when only weights are given);
        else Gray's.

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
    delayed entry: the same formulas with risk sets that customers enter late.

    Examples
    --------
    >>> found = gray_test([0] * 6, [1, 2, 3, 4, 5, 6], ["price", "price", "", "moved", "price", ""],
    ...     list("aababb"), cause="price")
    >>> found.degrees_of_freedom
    1
    """
    problems: list[str] = []
    label, groups = read_groups(group, len(pd.Series(stop)), problems)
    if not np.isfinite(rho):
        problems.append(f"rho is {rho!r}; rule: a finite power")
    process = build_counting_process(
        start, stop, exit_cause=exit_cause, strata=strata, weights=weights, cluster=cluster,
        further_problems=problems,
    )  # fmt: skip
    if cause not in process.causes:
        raise EstimationError(f"no exit by {cause!r}; the causes observed: {list(process.causes)}")
    label, code = label[process.kept], process.causes.index(cause) + 1
    parts = [
        prepare_groups(
            process, process.stratum == stratum, process.code == code, label, len(groups), rho
        )
        for stratum in range(len(process.strata))
    ]
    parts = [part for part in parts if len(part.time) > 0]
    return _summarise(process, parts, (label, groups), cause=cause, code=code, rho=rho)


def _summarise(
    process: CountingProcess,
    parts: list[Groups],
    grouping: tuple[IntArray, tuple[str, ...]],
    *,
    cause: str,
    code: int,
    rho: float,
) -> GrayTest:
    (label, groups), own = grouping, process.code == code
    g, is_other = len(groups), process.event & ~own
    score = np.sum([compute_score(part) for part in parts], axis=0)
    covariance = _sum_covariance(process, parts)
    statistic = _find_statistic(score, covariance)
    n_events = np.bincount(label[own], minlength=g)
    return GrayTest(
        statistic=statistic,
        degrees_of_freedom=g - 1,
        p_value=float(chi_square_p_value(statistic, g - 1)),
        cause=cause,
        groups=groups,
        n_rows=as_read_only_counts(np.bincount(label, minlength=g)),
        n_events=as_read_only_counts(n_events),
        n_other_exits=as_read_only_counts(np.bincount(label[is_other], minlength=g)),
        score=as_read_only(score),
        covariance=as_read_only(covariance),
        rho=float(rho),
        n_strata=len(process.strata),
        method=f"Gray's test of the incidence of {cause}, rho {rho:g}"
        + (", infinitesimal jackknife" if process.is_robust else ""),
        caveats=(
            *_find_caveats(cause, groups, n_events, sum(part.n_left_out for part in parts)),
            *find_unit_caveats(process, what="robust p-values"),
        ),
    )


def _sum_covariance(process: CountingProcess, parts: list[Groups]) -> FloatArray:
    """Of the scores over strata: the infinitesimal jackknife, or Gray's."""
    if process.is_robust:
        influence = np.sum([compute_influence(process, part) for part in parts], axis=0)
        return np.asarray(influence.T @ influence)
    return np.asarray(np.sum([compute_covariance(part) for part in parts], axis=0))


def _find_caveats(
    cause: str, groups: tuple[str, ...], n_events: IntArray, n_left_out: int
) -> tuple[str, ...]:
    caveats = describe_few_events(groups, n_events.tolist(), what=f"exits by {cause}")
    if n_left_out > 0:
        caveats.append(
            f"{n_left_out} exits come after everyone at risk in their group had left, and are left "
            "out; start at a later landmark."
        )
    return tuple(caveats)


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
