"""Log-rank tests of every pair of groups, with p-values that allow for their number."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.log_rank import find_exponent_problems, log_rank_test
from loyaltylab.survival.row_checks import read_groups


def pairwise_log_rank_tests(
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
) -> pd.DataFrame:
    """Test every pair of groups, with p-values adjusted by Holm's method.

    Parameters
    ----------
    start, stop, event, group, strata, weights, cluster, rho, gamma
        As in :func:`log_rank_test`; each test sees the rows of its two groups only.

    Returns
    -------
    DataFrame
        One line per pair: ``group_a``, ``group_b``, ``statistic`` (1 degree of freedom),
        ``p_value``, ``p_value_holm``, ``caveats`` (one text).

    Raises
    ------
    EstimationError
        As :func:`log_rank_test`; with every pair that cannot be compared.

    Source
    ------
    Holm (1979), Scandinavian Journal of Statistics 6:65-70; R ``p.adjust(method = "holm")``.

    Examples
    --------
    >>> found = pairwise_log_rank_tests([0] * 6, [1, 2, 3, 4, 5, 6], [1] * 6, list("aabbcc"))
    >>> found["p_value_holm"].round(3).tolist()
    [0.269, 0.269, 0.269]
    """
    problems = find_exponent_problems(rho, gamma)
    codes, groups = read_groups(group, len(pd.Series(stop)), problems)
    given: dict[str, Any] = {"start": start, "stop": stop, "event": event, "strata": strata}
    given |= {"weights": weights, "cluster": cluster}
    build_counting_process(**given, requires_events=True, further_problems=problems)
    columns = {name: pd.Series(v).to_numpy() for name, v in given.items() if v is not None}
    lines, failures = [], []
    for a, b in combinations(range(len(groups)), 2):
        own = (codes == a) | (codes == b)
        rows: dict[str, Any] = {name: column[own] for name, column in columns.items()}
        labels = np.where(codes[own] == a, groups[a], groups[b])
        try:
            test = log_rank_test(**rows, group=labels, rho=rho, gamma=gamma)
        except EstimationError as error:
            reasons = "; ".join([error.summary, *error.problems])
            failures.append(f"{groups[a]!r} and {groups[b]!r}: {reasons}")
            continue
        caveats = " ".join(test.caveats)
        lines.append((groups[a], groups[b], test.statistic, test.p_value, caveats))
    if failures:
        raise EstimationError("Not every pair of groups can be compared.", failures)
    frame = pd.DataFrame(lines, columns=["group_a", "group_b", "statistic", "p_value", "caveats"])
    frame.insert(4, "p_value_holm", _adjust_by_holm(frame["p_value"].to_numpy()))
    return frame


def _adjust_by_holm(p_values: FloatArray) -> FloatArray:
    """Adjust p-values so that the chance of any false rejection keeps to its level."""
    order = np.argsort(p_values, kind="stable")
    n = len(p_values)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * (n - np.arange(n))), 1.0)
    return adjusted
