"""Log-rank tests: do groups leave alike, weighted over time or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray, as_read_only, as_read_only_counts
from loyaltylab.survival.counting_process import CountingProcess, build_counting_process
from loyaltylab.survival.intervals import chi_square_p_value
from loyaltylab.survival.log_rank_sums import (
    GroupRiskSets,
    build_group_risk_sets,
    compute_cluster_scores,
    compute_hypergeometric_covariance,
    compute_time_weights,
)
from loyaltylab.survival.row_checks import read_groups
from loyaltylab.survival.unit_caveats import describe_few_events, find_unit_caveats

# Below this share of the largest eigenvalue a covariance of scores is singular but for rounding.
SINGULAR_SHARE = 1e-10


@dataclass(frozen=True, eq=False)
class LogRankTest:
    """Test that k groups have one hazard at every time.

    Attributes
    ----------
    groups : tuple of str, length k
        Sorted.
    statistic : float
        Chi-squared under the hypothesis.
    degrees_of_freedom : int
        k - 1.
    p_value : float
    observed, expected : ndarray of float, shape (k,)
        Sums over event times and strata of the events, and of those expected if the groups
        left alike; each time counts with its Fleming-Harrington weight.
    covariance : ndarray of float, shape (k, k)
        Of observed minus expected.
    n_rows, n_events : ndarray of int, shape (k,)
    n_clusters : int
        Independent units.
    method : str
    caveats : tuple of str
    """

    groups: tuple[str, ...]
    statistic: float
    degrees_of_freedom: int
    p_value: float
    observed: FloatArray
    expected: FloatArray
    covariance: FloatArray
    n_rows: IntArray
    n_events: IntArray
    n_clusters: int
    method: str
    caveats: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the groups: n_rows, n_events, observed, expected; one line per group."""
        return pd.DataFrame(
            {
                "n_rows": self.n_rows.copy(),
                "n_events": self.n_events.copy(),
                "observed": self.observed.copy(),
                "expected": self.expected.copy(),
            },
            index=pd.Index(self.groups, name="group"),
        )


def log_rank_test(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    strata: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRankTest:
    """Test whether groups leave alike.

    Parameters
    ----------
    start, stop : array-like of float, shape (n,)
        Rows (start, stop]: at risk at t if and only if start < t <= stop.
    event : array-like of bool or 0/1, shape (n,)
    group : array-like, shape (n,)
        Label of each row's group, none missing; a customer may change group between rows.
    strata : array-like, shape (n,), optional
        Groups are compared within each stratum only.
    weights : array-like of float, shape (n,), optional
        Not negative. With weights the covariance is robust, since the hypergeometric one takes
        a weight for a number of customers.
    cluster : array-like, shape (n,), optional
        Independent unit of each row, usually the customer. The covariance is then the sum of
        squares of the clusters' scores.
    rho, gamma : float
        Fleming and Harrington's weight retention(t-)^rho (1 - retention(t-))^gamma, by the
        pooled curve of the stratum. 0, 0 is the log-rank test; rho = 1 stresses early
        differences, gamma = 1 late ones.

    Returns
    -------
    LogRankTest

    Raises
    ------
    EstimationError
        If there are fewer than two groups, no events, a group that is never at risk when an
        event happens, groups that are never at risk together, or anything wrong with the rows.

    Source
    ------
    Fleming and Harrington (1991), chapter 7; ``survdiff(rho =)``, and with clusters or weights
    the robust score test of ``coxph(ties = "breslow")`` at 0, of R survival.

    Examples
    --------
    >>> test = log_rank_test([0] * 4, [1, 2, 3, 4], [1, 1, 1, 0], ["a", "a", "b", "b"])
    >>> round(test.statistic, 4)
    2.8824
    """
    problems = find_exponent_problems(rho, gamma)
    codes, groups = read_groups(group, len(pd.Series(stop)), problems)
    process = build_counting_process(
        start,
        stop,
        event=event,
        weights=weights,
        cluster=cluster,
        strata=strata,
        requires_events=True,
        further_problems=problems,
    )
    codes = codes[process.kept]
    risk_sets = build_group_risk_sets(process, codes, len(groups))
    _refuse_absent_groups(risk_sets, groups)
    time_weights = compute_time_weights(risk_sets, rho, gamma)
    if process.is_robust:
        scores = compute_cluster_scores(process, codes, risk_sets, time_weights)
        covariance = scores.T @ scores
    else:
        covariance = compute_hypergeometric_covariance(risk_sets, time_weights)
    method = _describe_method(process, rho, gamma)
    return _summarise(process, (codes, groups), risk_sets, time_weights, covariance, method)


def _summarise(
    process: CountingProcess,
    grouping: tuple[IntArray, tuple[str, ...]],
    risk_sets: GroupRiskSets,
    time_weights: FloatArray,
    covariance: FloatArray,
    method: str,
) -> LogRankTest:
    codes, groups = grouping
    observed = time_weights @ risk_sets.events_by_group
    expected = (time_weights * risk_sets.weight_of_events) @ risk_sets.shares
    statistic = _compute_statistic(observed - expected, covariance, groups)
    n_events = np.bincount(codes[process.event], minlength=len(groups))
    return LogRankTest(
        groups=groups,
        statistic=statistic,
        degrees_of_freedom=len(groups) - 1,
        p_value=float(chi_square_p_value(statistic, len(groups) - 1)),
        observed=as_read_only(observed),
        expected=as_read_only(expected),
        covariance=as_read_only(covariance),
        n_rows=as_read_only_counts(np.bincount(codes, minlength=len(groups))),
        n_events=as_read_only_counts(n_events),
        n_clusters=process.n_clusters,
        method=method,
        caveats=_find_caveats(process, groups, n_events),
    )


def find_exponent_problems(rho: float, gamma: float) -> list[str]:
    """Say what is wrong with the exponents of the weight."""
    return [
        f"{name} is {value!r}; rule: finite and not negative; fix: 0 leaves every time alike"
        for name, value in (("rho", rho), ("gamma", gamma))
        if not (np.isfinite(value) and value >= 0)
    ]


def _refuse_absent_groups(risk_sets: GroupRiskSets, groups: tuple[str, ...]) -> None:
    highest_share = risk_sets.shares.max(axis=0)
    absent = [name for name, share in zip(groups, highest_share, strict=True) if share == 0]
    if absent:
        raise EstimationError(
            f"Nobody of {absent} is at risk when an event happens; rule: a group is compared at "
            "the times at which somebody leaves; fix: leave the group out, or observe for longer"
        )


def _compute_statistic(
    excess: FloatArray, covariance: FloatArray, groups: tuple[str, ...]
) -> float:
    """Quadratic form of observed minus expected; it does not matter which group is left out."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    # Scores sum to 0 over groups, so the smallest eigenvalue is 0 and is always dropped.
    if eigenvalues[1] <= SINGULAR_SHARE * eigenvalues[-1] or eigenvalues[-1] <= 0:
        raise EstimationError(
            f"The groups {list(groups)} cannot all be told apart: the covariance of observed "
            "minus expected is singular; rule: all groups are at risk together at some event "
            "times, directly or through others, and have more clusters than groups; fix: "
            "compare fewer groups, or merge strata"
        )
    projected = vectors[:, 1:].T @ excess
    return float(np.sum(projected**2 / eigenvalues[1:]))


def _describe_method(process: CountingProcess, rho: float, gamma: float) -> str:
    name = "log-rank test"
    if rho or gamma:
        name = f"Fleming-Harrington test, rho {rho:g}, gamma {gamma:g}"
    if len(process.strata) > 1:
        name += f", {len(process.strata)} strata"
    if process.is_clustered:
        return f"{name}, robust covariance by cluster"
    return f"{name}, " + ("robust covariance by row" if process.is_weighted else "hypergeometric")


def _find_caveats(
    process: CountingProcess, groups: tuple[str, ...], n_events: IntArray
) -> tuple[str, ...]:
    few = describe_few_events(groups, n_events.tolist())
    return (*few, *find_unit_caveats(process, what="robust p-values"))
