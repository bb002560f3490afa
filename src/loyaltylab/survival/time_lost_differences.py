"""Differences between two groups in the time lost to each cause of exit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.counting_process import build_counting_process
from loyaltylab.survival.estimate import Estimate, difference
from loyaltylab.survival.row_checks import read_labels
from loyaltylab.survival.time_lost import restricted_time_lost

ANY_CAUSE = "any cause"


def restricted_time_lost_differences(
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    exit_cause: Sequence[object] | npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    exposed: str,
    reference: str,
    horizon: float,
    weights: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence_level: float = 0.95,
    unit: str = "days",
) -> pd.DataFrame:
    """Compare the time lost to each cause up to a horizon between two groups.

    The differences by cause sum to the difference for any cause, which is that of the restricted
    mean retention times with its sign turned.

    Parameters
    ----------
    start, stop, exit_cause
        As in :func:`cumulative_incidence`.
    group : array-like, shape (n,)
        Label of each row's group; rows of other groups are left out.
    exposed, reference : str
        The two groups; they share no clusters.
    horizon : float
        Time units; not past the last follow-up of either.
    weights : array-like of float, shape (n,), optional
        Not negative.
    cluster : array-like, shape (n,), optional
        Independent unit of each row, usually the customer.
    confidence_level : float
    unit : str
        Name of the time unit.

    Returns
    -------
    DataFrame
        One line per cause and one for any cause: ``cause``, ``lost_exposed``,
        ``lost_reference``, ``difference``, ``standard_error``, ``ci_lower``, ``ci_upper``,
        ``confidence_level``, ``p_value``, ``n_events_exposed``, ``n_events_reference``, ``unit``,
        ``caveats`` (one text).

    Raises
    ------
    EstimationError
        If a group is empty, the groups share clusters, a cause is not seen in both, the horizon
        is out of reach, or rows are wrong.

    Source
    ------
    Andersen (2013), Statistics in Medicine 32:5278-5285.
    """
    problems: list[str] = []
    n = len(pd.Series(stop))
    codes, names = read_labels("group", group, np.zeros(n, dtype=np.int64), problems)
    process = build_counting_process(
        start, stop, exit_cause=exit_cause, weights=weights, cluster=cluster,
        further_problems=problems,
    )  # fmt: skip
    columns = {"start": start, "stop": stop, "exit_cause": exit_cause, "cluster": cluster}
    columns |= {"weights": weights}
    frame = pd.DataFrame({k: pd.Series(v).to_numpy() for k, v in columns.items() if v is not None})
    labels = np.array(names)[codes]
    parts = [frame[process.kept & (labels == str(name))] for name in (exposed, reference)]
    causes = _find_causes(parts, (exposed, reference))
    lines = []
    for cause in [*causes, ANY_CAUSE]:
        pair = [
            restricted_time_lost(
                part["start"],
                part["stop"],
                _merge_causes(part["exit_cause"]) if cause == ANY_CAUSE else part["exit_cause"],
                cause=cause,
                horizon=horizon,
                weights=part.get("weights"),
                cluster=part.get("cluster"),
                confidence_level=confidence_level,
                unit=unit,
            )
            for part in parts
        ]
        lines.append(_tabulate(cause, pair))
    return pd.DataFrame(lines)


def _find_causes(parts: list[pd.DataFrame], names: tuple[str, str]) -> list[str]:
    """Causes seen in both groups; refuses groups that cannot be compared."""
    problems = [
        f"group {name!r} has no rows; fix: check the labels"
        for name, part in zip(names, parts, strict=True)
        if part.empty
    ]
    seen = [{text for text in part["exit_cause"].dropna() if text != ""} for part in parts]
    if not problems:
        problems += [
            f"no exit by {cause!r} in group {name!r}; rule: an error needs exits in both "
            "groups; fix: merge causes, or observe for longer"
            for own, name in enumerate(names)
            for cause in sorted(seen[1 - own] - seen[own])
        ]
    shared = set(parts[0].get("cluster", ())) & set(parts[1].get("cluster", ()))
    if shared:
        problems.append(
            f"{len(shared)} clusters are in both groups; rule: independent groups; fix: give "
            "each customer one group, at time zero"
        )
    if problems:
        raise EstimationError("The two groups cannot be compared.", problems)
    return sorted(seen[0])


def _merge_causes(exit_cause: pd.Series) -> pd.Series:
    has_left = exit_cause.notna() & (exit_cause != "")
    return has_left.map({True: ANY_CAUSE, False: ""})


def _tabulate(cause: str, pair: list[Estimate]) -> dict[str, object]:
    found = difference(*pair)
    return {
        "cause": cause,
        "lost_exposed": pair[0].value,
        "lost_reference": pair[1].value,
        "difference": found.value,
        "standard_error": found.standard_error,
        "ci_lower": found.ci_lower,
        "ci_upper": found.ci_upper,
        "confidence_level": found.confidence_level,
        "p_value": found.p_value,
        "n_events_exposed": pair[0].n_events,
        "n_events_reference": pair[1].n_events,
        "unit": found.unit,
        "caveats": " ".join(found.caveats),
    }
