"""Ratings whose scale changed on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from loyaltylab.tables.traps import Trap

FEWEST_RATINGS = 200  # before a date, and after it
MASS = 0.05  # of the ratings of one side that the other side never gives
# (table, rating, when it was given)
RATINGS = (
    ("contacts", "satisfaction_share", "rated_at"),
    ("surveys", "satisfaction_score", "answered_at"),
    ("surveys", "affective_score", "answered_at"),
    ("surveys", "calculative_score", "answered_at"),
)


def find_scale_traps(tables: Mapping[str, pd.DataFrame]) -> Iterator[Trap]:
    """Ratings of which a twentieth on one side of some date is never given on the other.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Valid tables. A rating without a time of its own is dated by when its row begins.

    Yields
    ------
    Trap
        At most one per rating.
    """
    for table, column, when in RATINGS:
        if table not in tables:
            continue
        frame = tables[table]
        start = "opened_at" if table == "contacts" else "invited_at"
        given_at = frame[when].fillna(frame[start]) if when in frame else frame[start]
        known = frame[column].notna() & given_at.notna() if column in frame else given_at.isna()
        ratings = frame.loc[known, column] if column in frame else given_at[known]
        if len(ratings) >= 2 * FEWEST_RATINGS:
            yield from _changed(table, column, ratings.astype("float64"), given_at[known])


def _changed(table: str, column: str, ratings: pd.Series, at: pd.Series) -> Iterator[Trap]:
    quarter = (at.dt.year * 4 + at.dt.quarter).to_numpy()
    values = ratings.round(6).to_numpy()
    best = 0
    for cut in np.unique(quarter)[1:]:
        early, late = values[quarter < cut], values[quarter >= cut]
        if min(len(early), len(late)) < FEWEST_RATINGS:
            continue
        strange = [
            int((~np.isin(mine, others)).sum())
            for mine, others in ((early, late), (late, early))
            if (~np.isin(mine, others)).mean() >= MASS and not _is_fine(values)
        ]
        outside = [
            int(((mine < others.min()) | (mine > others.max())).sum())
            for mine, others in ((early, late), (late, early))
        ]
        outside = [
            n for n, mine in zip(outside, (early, late), strict=True) if n >= MASS * len(mine)
        ]
        best = max(best, *strange, *outside, 0)
    if best:
        yield Trap(
            "changed_scale",
            table,
            column,
            best,
            "Ratings before and after some date are on different scales: one side gives values "
            "that the other never gives. Their means cannot be compared.",
            "one rating means the same at all times",
            "rescale the older answers in the file, or deliver the two as different columns",
        )


def _is_fine(values: np.ndarray) -> bool:
    """Whether the scale is so fine that two samples of it share few values by chance."""
    return len(np.unique(values)) > 25
