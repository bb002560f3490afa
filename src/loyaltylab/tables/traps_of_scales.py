"""Ratings whose scale changed on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from loyaltylab.tables.traps import Trap

FEWEST_RATINGS = 200  # before a date, and after it
MASS = 0.05  # of the ratings of one side that the other side never gives
MOST_VALUES = 25  # of a finer scale, two samples share few values by chance
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
    given = pd.DataFrame(
        {
            "quarter": (at.dt.year * 4 + at.dt.quarter).to_numpy(),
            "value": ratings.round(6).to_numpy(),
        }
    )
    counted = given.groupby(["quarter", "value"]).size()
    quarter, values = (counted.index.get_level_values(name).to_numpy() for name in given)
    numbers = counted.to_numpy()
    is_fine = len(np.unique(values)) > MOST_VALUES
    best = 0
    for cut in np.unique(quarter)[1:]:
        early, late = quarter < cut, quarter >= cut
        if min(numbers[early].sum(), numbers[late].sum()) < FEWEST_RATINGS:
            continue
        for mine, others in ((early, late), (late, early)):
            here, there = values[mine], values[others]
            masks = [(here < there.min()) | (here > there.max())]
            masks += [] if is_fine else [~np.isin(here, there)]
            sizes = [int(numbers[mine][mask].sum()) for mask in masks]
            best = max(best, *(n for n in sizes if n >= MASS * numbers[mine].sum()), 0)
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
