"""What was known of customers just before their time zero."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from loyaltylab.errors import TableError


def values_before(
    rows: pd.DataFrame, followed: pd.DataFrame, *, covariates: Sequence[str]
) -> pd.DataFrame:
    """Read covariates at the time zero of each customer, as known before it.

    A row holds over (start, stop], and a jump at a moment acts after it only; the row that ends
    at or contains time zero therefore holds nothing learnt at time zero or later. For somebody
    whose time zero is the very moment of entry it is the first row.

    Parameters
    ----------
    rows : pandas.DataFrame
        As the frame of :func:`split_at_jumps`, of one spell per customer.
    followed : pandas.DataFrame
        As the frame of :func:`follow_up_from`: ``customer_id`` and ``tenure_days`` at time zero.
    covariates : sequence of str
        Columns of ``rows``.

    Returns
    -------
    pandas.DataFrame
        The covariates, one row per row of ``followed`` and with its index.

    Raises
    ------
    TableError
        If a covariate is no column of the rows, a customer has several spells there, or is not
        at risk in them at time zero.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a"], "spell_number": [1, 1],
    ...                      "start": [0.0, 5.0], "stop": [5.0, 9.0], "contacts": [0.0, 1.0]})
    >>> followed = pd.DataFrame({"customer_id": ["a"], "tenure_days": [5.0]})
    >>> values_before(rows, followed, covariates=["contacts"])["contacts"].tolist()
    [0.0]
    """
    _check_columns(rows, covariates)
    mine = rows[rows["customer_id"].isin(followed["customer_id"])]
    n_spells = mine.groupby("customer_id")["spell_number"].nunique()
    if (n_spells > 1).any():
        raise TableError(
            f"{int((n_spells > 1).sum())} customers have rows of several spells; rule: one, so "
            "that tenure names a moment; fix: take the rows of first lives"
        )
    asked = pd.DataFrame(
        {
            "customer_id": followed["customer_id"].to_numpy(),
            "moment": followed["tenure_days"].to_numpy(),
            "place": range(len(followed)),
        }
    ).astype({"customer_id": mine["customer_id"].dtype})
    ordered = mine[["customer_id", "start", "stop", *covariates]].sort_values("stop", kind="stable")
    found = pd.merge_asof(
        asked.sort_values("moment", kind="stable"),
        ordered,
        left_on="moment",
        right_on="stop",
        by="customer_id",
        direction="forward",
    ).sort_values("place")
    outside = ~(found["start"] <= found["moment"]).to_numpy()
    if outside.any():
        raise TableError(
            f"{int(outside.sum())} customers are not at risk in the rows at their time zero; "
            "rule: rows and follow-up are of the same spells; fix: build both from them"
        )
    return found[list(covariates)].set_index(followed.index)


def _check_columns(rows: pd.DataFrame, covariates: Sequence[str]) -> None:
    missing = sorted(set(covariates) - set(rows.columns))
    if missing:
        raise TableError(
            f"The rows have no covariate {', '.join(missing)}; they have "
            f"{', '.join(map(str, rows.columns))}."
        )
