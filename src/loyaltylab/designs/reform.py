"""Before and after a reform, against customers whom it does not cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from loyaltylab.designs.follow_up_length import about_months, known_days
from loyaltylab.errors import EstimationError
from loyaltylab.survival import (
    Estimate,
    RetentionCurve,
    difference,
    kaplan_meier,
    restricted_mean_retention_time,
)

BEFORE, AFTER, BETWEEN = "before", "after", "between"


@dataclass(frozen=True)
class DifferenceInDifferences:
    """The change in the covered group minus the change in the exempt group.

    Attributes
    ----------
    covered_change, exempt_change : Estimate
        After minus before, in each group.
    effect : Estimate
        Covered change minus exempt change.
    """

    covered_change: Estimate
    exempt_change: Estimate
    effect: Estimate


@dataclass(frozen=True, eq=False)
class ReformContrast:
    """Customers who attempted before and after a reform, covered and exempt.

    Attributes
    ----------
    n_customers : dict of (str, str) to int
        By segment and period.
    curves : dict of (str, str) to RetentionCurve
        By segment and period.
    retention : dict of float to DifferenceInDifferences
        Of the share retained at each time.
    restricted_mean : DifferenceInDifferences
        Of the days retained up to the horizon.
    """

    n_customers: dict[tuple[str, str], int]
    curves: dict[tuple[str, str], RetentionCurve]
    retention: dict[float, DifferenceInDifferences]
    restricted_mean: DifferenceInDifferences


def assign_period(
    index_at: pd.Series, reform_at: pd.Timestamp, *, horizon_days: float
) -> pd.Series:
    """Whether follow-up lies wholly before a reform, or starts after it.

    Parameters
    ----------
    index_at : pandas.Series of UTC times
        Time zero of each customer.
    reform_at : pandas.Timestamp
        When the reform took effect.
    horizon_days : float
        Length of the follow-up.

    Returns
    -------
    pandas.Series of str
        "before", "after", or "between" for follow-up that the reform would interrupt.
    """
    latest = reform_at - pd.Timedelta(days=horizon_days)
    period = pd.Series(BETWEEN, index=index_at.index, dtype="string")
    return period.mask(index_at <= latest, BEFORE).mask(index_at >= reform_at, AFTER)


def contrast_reform(
    followed: pd.DataFrame,
    *,
    reform_at: pd.Timestamp,
    covered: str,
    exempt: str,
    horizon_days: float,
    times_days: Sequence[float],
    confidence_level: float = 0.95,
) -> ReformContrast:
    """Difference in differences of retention and of restricted mean retention time.

    It is an effect of the reform only if both segments would have moved alike without it.

    Parameters
    ----------
    followed : pandas.DataFrame
        As from :func:`loyaltylab.timeline.follow_up_from`, one row per customer.
    reform_at : pandas.Timestamp
        When the reform took effect.
    covered, exempt : str
        Segments.
    horizon_days : float
        Horizon of the restricted mean. "Before" means followed up to it before the reform.
    times_days : sequence of float
        Times at which retention is compared.
    confidence_level : float

    Returns
    -------
    ReformContrast

    Raises
    ------
    EstimationError
        If a segment has nobody in a period, or nobody followed to the horizon.
    """
    period = assign_period(followed["index_at"], reform_at, horizon_days=horizon_days)
    cells = {
        (segment, when): followed[(followed["segment"] == segment) & (period == when)]
        for segment in (covered, exempt)
        for when in (BEFORE, AFTER)
    }
    _check_cells(cells, horizon_days)
    curves = {
        key: kaplan_meier(
            cell["start"], cell["stop"], cell["event"], confidence_level=confidence_level
        )
        for key, cell in cells.items()
    }
    means = {
        key: restricted_mean_retention_time(
            cell["start"],
            cell["stop"],
            cell["event"],
            horizon=horizon_days,
            confidence_level=confidence_level,
        )
        for key, cell in cells.items()
    }

    def subtract(values: dict[tuple[str, str], Estimate]) -> DifferenceInDifferences:
        changes = {
            segment: difference(values[segment, AFTER], values[segment, BEFORE])
            for segment in (covered, exempt)
        }
        effect = difference(changes[covered], changes[exempt])
        return DifferenceInDifferences(changes[covered], changes[exempt], effect)

    return ReformContrast(
        n_customers={key: len(cell) for key, cell in cells.items()},
        curves=curves,
        retention={
            time: subtract({key: curve.retention_at(time) for key, curve in curves.items()})
            for time in times_days
        },
        restricted_mean=subtract(means),
    )


def _check_cells(cells: dict[tuple[str, str], pd.DataFrame], horizon_days: float) -> None:
    problems = [
        f"{segment}, {when}: nobody"
        if cell.empty
        else f"{segment}, {when}: followed for {about_months(cell['stop'].max())}"
        for (segment, when), cell in cells.items()
        if cell.empty or known_days(cell) < horizon_days
    ]
    if problems:
        raise EstimationError(
            f"The reform cannot be studied over {horizon_days:g} days; take a shorter horizon:",
            problems,
        )
