"""Attributes of customers as covariates: coded, and freed of columns that repeat each other."""

from __future__ import annotations

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
        standard deviation 1, a category is 0/1 against its most frequent value that no other
        attribute repeats. Means, counts and repetitions are those of complete customers; what
        does not vary among them makes no column.
    is_complete : pandas.Series of bool
        Whether every attribute of the customer is known; one that is known of nobody is left
        out altogether.
    references : dict of str to str
        Attribute -> the value that the others are compared with.
    repeated : dict of str to tuple of (str, int)
        Value left out because the same customers have another one, be it a column or a
        reference -> (that other one, customers who have it). A number that repeats another:
        all complete customers.
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
    repeated: dict[str, tuple[str, int]] = {}
    seen: dict[str, pd.Series] = {}  # columns and references, of complete customers
    for name in mine:
        label = str(name).removeprefix(ATTRIBUTE_PREFIX).replace("_", " ")
        is_number = pd.api.types.is_numeric_dtype(mine[name])
        own = {}
        for title, column in _columns_of(mine[name], label, is_complete).items():
            known = column[is_complete]
            twin = next((other for other in seen if seen[other].equals(known)), None)
            if twin is None:
                own[title] = column
            else:
                repeated[title] = (twin, len(known) if is_number else int(known.sum()))
        seen |= {title: column[is_complete] for title, column in own.items()}
        if own and not is_number:
            reference = next(iter(own))
            references[label] = reference.removeprefix(f"{label}: ")
            del own[reference]
        coded |= own
    covariates = pd.DataFrame(coded, index=mine.index)
    return CodedAttributes(covariates, is_complete, references, repeated)


def _columns_of(values: pd.Series, label: str, is_complete: pd.Series) -> dict[str, pd.Series]:
    """A standardised number, or 0/1 for every value, the most frequent one first."""
    known = values[is_complete]
    if known.nunique() < 2:
        return {}
    if pd.api.types.is_numeric_dtype(values):
        numbers, known = values.astype("float64"), known.astype("float64")
        return {f"{label} (per SD)": (numbers - known.mean()) / known.std()}
    counts = known.value_counts()
    ordered = sorted(counts.index, key=lambda value: (-counts[value], value))
    return {f"{label}: {value}": (values == value).astype("float64") for value in ordered}
