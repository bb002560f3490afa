"""Landmark analysis: who is still there at a day, by what had happened before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.designs.strategies import refuse
from loyaltylab.survival.row_checks import describe_rows, read_numbers, read_times


@dataclass(frozen=True, eq=False)
class Landmark:
    """Customers at risk at a landmark, followed from it.

    Attributes
    ----------
    landmark_day : float
    frame : DataFrame
        One row per customer at risk: ``customer_id``, ``start`` (0, the landmark), ``stop``,
        ``event``, ``exit_cause``, then the columns kept, with their values just before the
        landmark. As :func:`contrast_groups` and the estimators take it.
    flow : dict of str to int
        Customers by fate: ``left_before``, ``censored_before``, ``not_yet_entered`` and
        ``followed`` add up to ``total``. Exits and censorings at the landmark itself are
        before it.
    """

    landmark_day: float
    frame: pd.DataFrame
    flow: dict[str, int]


def landmark(
    rows: pd.DataFrame,
    *,
    landmark_day: float,
    columns: Sequence[str] = (),
    known_on: Mapping[str, str] | None = None,
) -> Landmark:
    """Take the customers at risk at a landmark, with what is known strictly before it.

    What is compared afterwards are those who are still there, by their past: exits before the
    landmark play no part, and no customer counts as exposed by what comes later.

    Parameters
    ----------
    rows : DataFrame
        (start, stop] rows of customers: ``customer_id``, ``start``, ``stop``, ``event``,
        ``exit_cause``, and the columns to keep, with their values through the row.
    landmark_day : float
        On the time scale of the rows.
    columns : sequence of str
        Exposures and covariates to keep, read in the row that holds just before the landmark.
    known_on : mapping of str to str, optional
        For columns that are not read off the time of their row (one value per customer, say):
        the column with the day on which each became known, missing where it holds since
        always. All must lie strictly before the landmark for those followed.

    Returns
    -------
    Landmark

    Raises
    ------
    EstimationError
        If a column became known at the landmark or after it; nobody is at risk; rows of a
        customer overlap at the landmark.

    Source
    ------
    Anderson, Cain and Gelber (1983), Journal of Clinical Oncology 1:710-719.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a", "b"], "start": [0.0, 20.0, 0.0],
    ...     "stop": [20.0, 70.0, 10.0], "event": [False, True, True],
    ...     "exit_cause": ["", "price", "price"], "calls": [0, 2, 1]})
    >>> landmark(rows, landmark_day=30, columns=["calls"]).frame[["stop", "calls"]].values.tolist()
    [[40.0, 2.0]]
    """
    dated = dict(known_on or {})
    _check_rows(rows, landmark_day, columns, dated)
    before = (rows["start"] < landmark_day) & (landmark_day <= rows["stop"])
    final = _find_outcomes(rows, landmark_day)
    current = rows[before].set_index("customer_id").sort_index()
    # At risk just after the landmark, not only at it.
    followed = current.index[(final.loc[current.index, "stop"] > landmark_day).to_numpy()]
    current, outcome = current.loc[followed], final.loc[followed]
    problems = _find_late(current, landmark_day, dated)
    if current.index.has_duplicates:
        problems.append("customers have several rows at the landmark; rule: one at a time")
    if current.empty:
        problems.append("nobody is at risk; fix: another landmark")
    refuse(problems, f"There is no landmark at {landmark_day:g}:")
    frame = pd.DataFrame(
        {
            "customer_id": followed.to_numpy(),
            "start": 0.0,
            "stop": outcome["stop"].to_numpy(dtype=np.float64) - landmark_day,
            "event": outcome["event"].to_numpy(dtype=bool),
            "exit_cause": outcome["exit_cause"].to_numpy(),
        }
    )
    frame = frame.assign(**{name: current[name].to_numpy() for name in columns})
    return Landmark(float(landmark_day), frame, _count_fates(rows, final, len(frame), landmark_day))


def _find_outcomes(rows: pd.DataFrame, day: float) -> pd.DataFrame:
    """Row of each customer's first exit after the landmark, else the last row."""
    is_outcome = rows["event"].astype(bool) & (rows["stop"] > day)
    rank = rows["stop"].where(is_outcome, np.inf)
    order = rows.assign(rank=rank).sort_values(["rank", "stop"], ascending=[True, False])
    return order.drop_duplicates("customer_id").set_index("customer_id").drop(columns="rank")


def _check_rows(
    rows: pd.DataFrame, day: float, columns: Sequence[str], dated: Mapping[str, str]
) -> None:
    needed = ["customer_id", "start", "stop", "event", "exit_cause", *columns, *dated.values()]
    problems = [f"no column {name!r}" for name in dict.fromkeys(needed) if name not in rows]
    problems += [f"known_on names {name!r}, which is not kept" for name in set(dated) - {*columns}]
    if not np.isfinite(day) or day <= 0:
        problems.append(f"landmark_day is {day!r}; rule: positive and finite")
    if not problems:
        read_times(rows["start"], rows["stop"], problems)
    if not problems and rows["customer_id"].isna().any():
        problems.append("customer_id is missing; rule: every row has one")
    refuse(problems, "The rows have no landmark:")


def _find_late(current: pd.DataFrame, day: float, dated: Mapping[str, str]) -> list[str]:
    problems: list[str] = []
    for name, date in dated.items():
        is_known = current[date].notna().to_numpy()
        known = read_numbers(date, current.loc[is_known, date], problems)
        is_late = np.zeros(len(current), dtype=bool)
        is_late[is_known] = known >= day
        if is_late.any():
            problems.append(
                f"{name!r} became known at or after the landmark in {describe_rows(is_late)} of "
                "those followed; rule: strictly before it; fix: a later landmark, or count it "
                "as not yet happened"
            )
    return problems


def _count_fates(
    rows: pd.DataFrame, final: pd.DataFrame, n_followed: int, day: float
) -> dict[str, int]:
    is_over = final["stop"] <= day
    first = rows.groupby("customer_id")["start"].min()
    left = int((is_over & final["event"].astype(bool)).sum())
    late = int((first >= day).sum())
    return {
        "left_before": left,
        "censored_before": len(final) - left - late - n_followed,
        "not_yet_entered": late,
        "followed": n_followed,
        "total": len(final),
    }
