"""Small cells: counts that may not be shown, and rates from which one could be worked out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyaltylab.figures import wording
from loyaltylab.figures.checks import check_counts

_COUNTS = {"n_events": "events", "n_at_risk": "at risk"}


def hide_counts(
    frame: pd.DataFrame, columns: Sequence[str], *, min_cell: int, what: str
) -> pd.DataFrame:
    """Copy `frame` with counts below `min_cell` missing and, beside each, the text shown.

    Returns
    -------
    pandas.DataFrame
        For each of `columns` in `frame`: the column as Int64, and shown_<column> as text.
    """
    data = frame.reset_index(drop=True)
    for column in columns:
        if column not in frame.columns:
            continue
        check_counts(frame.loc[frame[column].notna()], [column], what=what)
        numbers = pd.to_numeric(data[column]).astype("Int64")
        shown = [wording.count(None if pd.isna(n) else int(n), min_cell=min_cell) for n in numbers]
        kept = numbers.mask(numbers < min_cell) if min_cell > 1 else numbers
        data = data.assign(**{column: kept, f"shown_{column}": shown})
    return data


def hide_rates(data: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """Copy `data`, from `hide_counts`, without the rates whose counts are hidden or unknown.

    A rate times the customers at risk is the number of events, so both must be large enough.

    Returns
    -------
    pandas.DataFrame
        With the column shown: "" or why the rate is missing, such as "fewer than 5 events".
    """
    reason = pd.Series(np.where(data["rate"].isna(), "not estimable", ""), dtype=object)
    for column, noun in _COUNTS.items():
        if column in data.columns and min_cell > 1:
            reason = reason.mask(data[column].isna(), f"fewer than {min_cell} {noun}")
    estimates = data[["rate", "ci_lower", "ci_upper"]].astype(float).mask(reason != "")
    return data.assign(shown=reason, **{column: estimates[column] for column in estimates})
