"""Jumps: how an event changes a covariate, now and later."""

from __future__ import annotations

import pandas as pd

from loyaltylab.errors import TableError
from loyaltylab.tables.schemas import TIMESTAMP


def jump(
    events: pd.DataFrame,
    *,
    covariate: str,
    at: str,
    since: str | None = None,
    change: str | float = 1.0,
    until: pd.Series | None = None,
    keep_zeros: bool = False,
) -> pd.DataFrame:
    """Jumps of one covariate at the times of events, taken back at ``until``.

    Parameters
    ----------
    events : pandas.DataFrame
        One row per event with ``customer_id``; rows without a time in ``at``, or whose change is
        missing, make no jump.
    covariate : str
        Name of the covariate.
    at : str
        Column: when the event becomes known.
    since : str, optional
        Column: when the event began; ``at`` by default.
    change : str or float
        Column, or the same size for all.
    until : pandas.Series, optional
        When each jump is taken back; missing for never.
    keep_zeros : bool
        Keep jumps by 0, as for a rule first stated to be 0.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``at``, ``since_at``, ``covariate``, ``change``.
    """
    size = events[change].astype("float64") if isinstance(change, str) else change
    frame = pd.DataFrame(
        {
            "customer_id": events["customer_id"],
            "at": events[at],
            "since_at": events[since or at],
            "covariate": covariate,
            "change": size,
        }
    )
    if until is not None:
        frame = pd.concat([frame, frame.assign(at=until, change=-frame["change"])])
    frame = frame[frame["at"].notna() & frame["change"].notna()]
    if not keep_zeros:
        frame = frame[frame["change"] != 0]
    return frame.astype({"at": TIMESTAMP, "since_at": TIMESTAMP}).reset_index(drop=True)


def value_jumps(
    events: pd.DataFrame,
    *,
    covariate: str,
    at: str,
    value: str,
    tie_order: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Jumps of a covariate that is the last value learnt, from one value to the next.

    Name it among ``carried`` of :func:`loyaltylab.timeline.split_at_jumps`: missing before the
    first value, and known in every later spell.

    Parameters
    ----------
    events : pandas.DataFrame
        One row per value with ``customer_id``; rows without a time in ``at`` or without a value
        say nothing, so the value before stays in force.
    covariate : str
        Name of the covariate.
    at : str
        Column: when the value becomes known.
    value : str
        Column of numbers or flags.
    tie_order : tuple of str
        Columns: of several values at one moment the last in this order is in force, then the
        largest; the order of rows plays no part.

    Returns
    -------
    pandas.DataFrame
        As from :func:`jump`, one row per value: one that repeats the value before jumps by 0.

    Raises
    ------
    TableError
        If values are neither numbers nor flags.

    Source
    ------
    ``tdc`` of R ``survival::tmerge``.

    Examples
    --------
    >>> day = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-01-09"], utc=True)
    >>> marks = pd.DataFrame({"customer_id": "a", "rated_at": day, "mark": [0.5, None, 0.75]})
    >>> value_jumps(marks, covariate="last_mark", at="rated_at", value="mark")["change"].tolist()
    [0.5, 0.25]
    """
    known = events[events[at].notna() & events[value].notna()]
    known = known.assign(**{value: _read_values(known[value])})
    order = ["customer_id", at, *tie_order, value]
    stated = known.sort_values(order, kind="stable").drop_duplicates(
        ["customer_id", at], keep="last"
    )
    number = stated[value]
    change = number.groupby(stated["customer_id"]).diff().fillna(number)
    return jump(
        stated.assign(change=change), covariate=covariate, at=at, change="change", keep_zeros=True
    )


def _read_values(values: pd.Series) -> pd.Series:
    """Values as numbers; flags are 1 and 0."""
    numbers = pd.to_numeric(values, errors="coerce")
    is_text = values.map(lambda value: isinstance(value, str)).to_numpy(bool)
    is_time = values.dtype.kind in "mM"  # Which pandas would read as nanoseconds.
    is_bad = numbers.isna().to_numpy(bool) | is_text | is_time
    if is_bad.any():
        raise TableError(
            f"column {values.name!r} ({values.dtype}) has {int(is_bad.sum())} of {len(values)} "
            f"values that are no numbers, the first at {values.index[is_bad][:5].tolist()}; rule: "
            "numbers or flags, since a covariate jumps from one to the next; fix: code "
            "categories as one flag each, times as days"
        )
    return numbers.astype("float64")


def forget_after(times: pd.Series, days: float) -> pd.Series:
    """When an event at these times has grown too old to count."""
    # In microseconds: nanoseconds overflow on dates such as 9999-12-31, which stand for "never".
    return times + pd.Timedelta(days=days).as_unit("us")
