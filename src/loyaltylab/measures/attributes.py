"""Attributes of customers as covariates: coded, and freed of columns that repeat each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from loyaltylab.tables.schemas import ATTRIBUTE_PREFIX


@dataclass(frozen=True, eq=False)
class CodedAttributes:
    """Attributes ready for a hazard model.

    Attributes
    ----------
    covariates : pandas.DataFrame
        One row per customer asked for, in that order; a number is standardised to mean 0 and
        standard deviation 1, a category is 0/1 against its most frequent value. Means, counts
        and repetitions are those of complete customers.
    is_complete : pandas.Series of bool
        Whether every attribute of the customer is known; one that is known of nobody is left
        out altogether.
    references : dict of str to str
        Attribute -> the value that the others are compared with.
    repeated : dict of str to tuple of (str, int)
        Column left out because it equals another one -> (that other column, customers with 1).
    """

    covariates: pd.DataFrame
    is_complete: pd.Series
    references: dict[str, str]
    repeated: dict[str, tuple[str, int]]


def code_attributes(
    customers: pd.DataFrame, customer_ids: pd.Series, *, leave_out: tuple[str, ...] = ()
) -> CodedAttributes:
    """Code the attributes of customers.

    Parameters
    ----------
    customers : pandas.DataFrame
        The customers table; columns ``attribute_*`` are coded.
    customer_ids : pandas.Series
        Whom to code, one row each.
    leave_out : tuple of str
        Attributes not to use, such as one that restates how long the customer stayed.

    Returns
    -------
    CodedAttributes
        Without columns if the customers have no attributes.
    """
    names = [
        name
        for name in customers
        if str(name).startswith(ATTRIBUTE_PREFIX) and name not in leave_out
    ]
    mine = customers.set_index("customer_id")[names].reindex(customer_ids).reset_index(drop=True)
    mine = mine.dropna(axis="columns", how="all")
    is_complete = mine.notna().all(axis="columns")
    coded: dict[str, pd.Series] = {}
    references: dict[str, str] = {}
    for name in mine:
        label = str(name).removeprefix(ATTRIBUTE_PREFIX).replace("_", " ")
        known = mine.loc[is_complete, name]
        if pd.api.types.is_numeric_dtype(known):
            if known.nunique() > 1:
                values, known = mine[name].astype("float64"), known.astype("float64")
                coded[f"{label} (per SD)"] = (values - known.mean()) / known.std()
            continue
        counts = known.value_counts()
        ordered = sorted(counts.index, key=lambda value: (-counts[value], value))
        if ordered:
            references[label] = str(ordered[0])
        for value in ordered[1:]:
            coded[f"{label}: {value}"] = (mine[name] == value).astype("float64")
    kept, repeated = _find_repeated(coded, is_complete)
    return CodedAttributes(pd.DataFrame(kept, index=mine.index), is_complete, references, repeated)


def _find_repeated(
    coded: Mapping[str, pd.Series], is_complete: pd.Series
) -> tuple[dict[str, pd.Series], dict[str, tuple[str, int]]]:
    """Keep the first of columns that are equal for every complete customer."""
    kept: dict[str, pd.Series] = {}
    repeated: dict[str, tuple[str, int]] = {}
    for name, column in coded.items():
        known = column[is_complete]
        twin = next((other for other in kept if kept[other][is_complete].equals(known)), None)
        if twin is None:
            kept[name] = column
        else:
            repeated[name] = (twin, int((known == 1).sum()))
    return kept, repeated
