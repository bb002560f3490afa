"""How long a group is known for."""

from __future__ import annotations

import pandas as pd

DAYS_PER_MONTH = 30.4375


def known_days(part: pd.DataFrame) -> float:
    """Days up to which the retention of a group is known: for ever once everybody has left.

    Parameters
    ----------
    part : pandas.DataFrame
        Rows of one group with ``stop`` and ``event``; not empty.

    Examples
    --------
    >>> known_days(pd.DataFrame({"stop": [2.0, 5.0], "event": [True, False]}))
    5.0
    >>> known_days(pd.DataFrame({"stop": [2.0, 5.0], "event": [False, True]}))
    inf
    """
    last = float(part["stop"].max())
    return float("inf") if part.loc[part["stop"] == last, "event"].all() else last


def about_months(days: float) -> str:
    """How long a group is followed, in whole months: to the day it would be one customer's.

    Examples
    --------
    >>> about_months(700.2)
    'about 23 months'
    """
    return f"about {days / DAYS_PER_MONTH:.0f} months"
