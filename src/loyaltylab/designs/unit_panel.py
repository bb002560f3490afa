"""Cells as arrays of unit x month x stratum, with the month in which each unit starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.errors import EstimationError
from loyaltylab.survival.arrays import FloatArray, IntArray

DAYS_PER_MONTH = 30.4375
NEVER = np.iinfo(np.int32).max
N_SHOWN = 5


@dataclass(frozen=True, eq=False)
class UnitPanel:
    """A balanced panel of units.

    Attributes
    ----------
    units : tuple, length u
    months : pandas.DatetimeIndex, length t
        First moments of the months.
    lengths : ndarray, shape (t,)
        Lengths of the months, in units of 30.4375 days.
    exits, exposure : ndarray, shape (u, t, s)
        Exits and customer-months by unit, month and stratum of tenure.
    first : ndarray of int, shape (u,)
        Position of the first treated month; ``NEVER`` for a unit not treated in the window.
    caveats : tuple of str
    """

    units: tuple[object, ...]
    months: pd.DatetimeIndex
    lengths: FloatArray
    exits: FloatArray
    exposure: FloatArray
    first: IntArray
    caveats: tuple[str, ...]

    @property
    def groups(self) -> IntArray:
        """First treated months, of units that are treated in the window."""
        return np.unique(self.first[self.first != NEVER])


def build_unit_panel(
    cells: pd.DataFrame, start_at: pd.Series, *, allows_empty: bool = False
) -> UnitPanel:
    """Read cells and the moments at which units start.

    Parameters
    ----------
    cells : pandas.DataFrame
        As from :func:`exposure_cells`.
    start_at : pandas.Series of UTC times, indexed by unit
        Missing for units that never start. The month that contains the start is the first
        treated one.
    allows_empty : bool
        Whether cells may have no time at risk, as those of a closed cohort before its start.

    Raises
    ------
    EstimationError
        With every cell that is missing, doubled or empty and every unit without a start.
    """
    _check_cells(cells, start_at, allows_empty)
    order = ["unit", "month_start", "tenure_from_days"]
    sizes = [cells[name].nunique() for name in order]
    table = cells.sort_values(order, kind="stable")
    exits = table["n_events"].to_numpy(dtype=np.float64).reshape(sizes)
    exposure = table["person_days"].to_numpy(dtype=np.float64).reshape(sizes) / DAYS_PER_MONTH
    units = np.sort(cells["unit"].unique())
    months = table[["month_start", "month_stop"]].drop_duplicates().sort_values("month_start")
    begins, ends = pd.DatetimeIndex(months["month_start"]), pd.DatetimeIndex(months["month_stop"])
    starts = pd.DatetimeIndex(start_at.reindex(units))
    first = begins.searchsorted(starts.fillna(ends[-1]), side="right").astype(np.int64) - 1
    first = np.where(starts.isna() | (starts >= ends[-1]), NEVER, first)
    is_always = first <= 0
    caveats = []
    if is_always.any():
        caveats.append(
            f"{int(is_always.sum())} units were treated from the first month on and are left out."
        )
    treated = ~is_always & (first != NEVER)
    n_within = int((starts[treated] != begins[first[treated]]).sum())
    if n_within:
        caveats.append(
            f"{n_within} units start within a month: their month 0 lies partly before the start."
        )
    kept = ~is_always
    return UnitPanel(
        units=tuple(units[kept].tolist()),
        months=begins,
        lengths=(ends - begins).total_seconds().to_numpy() / 86_400 / DAYS_PER_MONTH,
        exits=exits[kept],
        exposure=exposure[kept],
        first=first[kept],
        caveats=tuple(caveats),
    )


def _check_cells(cells: pd.DataFrame, start_at: pd.Series, allows_empty: bool) -> None:
    needed = ["unit", "tenure_from_days", "month_start", "month_stop", "person_days", "n_events"]
    missing = [name for name in needed if name not in cells]
    if missing:
        raise EstimationError(f"Cells need the columns of exposure_cells; missing: {missing}.")
    key = ["unit", "month_start", "tenure_from_days"]
    problems = []
    doubled = cells.duplicated(key)
    if doubled.any():
        problems.append(f"{int(doubled.sum())} cells stand twice; rule: one row per cell")
    absent = int(np.prod([cells[name].nunique() for name in key])) - int((~doubled).sum())
    if absent:
        problems.append(f"{absent} cells are missing; fix: take the months that all units have")
    empty = cells["person_days"] <= 0
    if empty.any() and not allows_empty:
        where = cells.loc[empty, ["unit", "tenure_from_days", "month_start"]].head(N_SHOWN)
        shown = "; ".join(
            f"{unit}, tenure from {tenure:g} days, {month:%Y-%m}"
            for unit, tenure, month in where.itertuples(index=False)
        )
        problems.append(
            f"{int(empty.sum())} cells have no time at risk ({shown}); rule: every unit has "
            "customers in every month and stratum; fix: fewer bands of tenure, fewer months, or "
            "leave the unit out"
        )
    wrong = int((cells["n_events"] < 0).sum() + (cells["n_events"].gt(0) & empty).sum())
    if wrong:
        problems.append(f"{wrong} cells have exits without time at risk, or fewer than none")
    unknown = sorted(set(cells["unit"]) - set(start_at.index), key=str)
    if unknown:
        problems.append(
            f"{len(unknown)} units have no entry in start_at ({unknown[:N_SHOWN]}); rule: a "
            "moment, or a missing value for a unit that never starts"
        )
    if start_at.index.has_duplicates:
        problems.append("start_at names a unit twice; rule: a unit starts once")
    if problems:
        raise EstimationError("The cells are no panel of units:", problems)
