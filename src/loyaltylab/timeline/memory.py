"""Rows in which what a covariate should remember has been seen."""

from __future__ import annotations

import math

import pandas as pd

from loyaltylab.errors import TableError


def await_memory(rows: pd.DataFrame, *, memory_days: float) -> pd.DataFrame:
    """Let customers who entered late wait until their recent past has been watched.

    A count over the last ``memory_days`` starts at 0 when observation begins, whatever happened
    before. Customers who were there already would look quiet for that long, so they come under
    risk only then; customers watched from sign-up have no unseen past and stay as they are.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :func:`split_at_jumps`: ``customer_id``, ``spell_number``, ``start``, ``stop``.
    memory_days : float
        The longest time any covariate remembers.

    Returns
    -------
    pandas.DataFrame
        The rows at risk after the wait, the first of each spell cut at its end.

    Raises
    ------
    TableError
        If ``memory_days`` is negative or not finite.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a"], "spell_number": [1, 1],
    ...                      "start": [100.0, 150.0], "stop": [150.0, 300.0]})
    >>> await_memory(rows, memory_days=60)[["start", "stop"]].to_numpy().tolist()
    [[160.0, 300.0]]
    """
    if not 0 <= memory_days < math.inf:
        raise TableError(f"memory_days is {memory_days!r}; rule: finite, and not negative")
    entry = rows.groupby(["customer_id", "spell_number"], sort=False)["start"].transform("min")
    begin = entry.where(entry == 0, entry + memory_days)
    kept = rows["stop"] > begin
    cut = rows.loc[kept].assign(start=rows["start"].where(rows["start"] > begin, begin)[kept])
    return cut.reset_index(drop=True)
