"""The layout of a delivery: which tables and columns are there, before any value is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loyaltylab.params import did_you_mean
from loyaltylab.tables.rules import RULES
from loyaltylab.tables.schemas import ATTRIBUTE_PREFIX, REQUIRED_TABLES, TABLES


def is_attribute(table: str, column: str) -> bool:
    """Whether a column is a further attribute of a customer, which any source may add."""
    return (
        table == "customers"
        and column.startswith(ATTRIBUTE_PREFIX)
        and len(column) > len(ATTRIBUTE_PREFIX)
    )


def find_layout_problems(
    columns: Mapping[str, Sequence[str]],
    *,
    files: Mapping[str, str],
    set_aside: Sequence[str] = (),
) -> list[str]:
    """Every missing or unknown table, column and rule name.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        Table name -> the names of its columns.
    files : mapping of str to str
        Table name -> the file to name in messages.
    set_aside : sequence of str
        Rules whose offending rows are to be set aside.

    Returns
    -------
    list of str
        One sentence per problem.
    """
    problems = [
        f"table '{name}' is missing; a study needs at least {' and '.join(REQUIRED_TABLES)}"
        for name in REQUIRED_TABLES
        if name not in columns
    ]
    for name in columns:
        if name in TABLES:
            where = f"{name} ({files[name]})" if name in files else name
            problems += _column_problems(name, columns[name], where)
        else:
            problems.append(
                f"table '{name}' is unknown{did_you_mean(name, TABLES)}; "
                f"the tables are {', '.join(TABLES)}"
            )
    problems += [
        f"set_aside names the rule '{rule}', which is unknown{did_you_mean(rule, RULES)}; "
        f"the rules are {', '.join(RULES)}"
        for rule in set_aside
        if rule not in RULES
    ]
    return problems


def _column_problems(table: str, columns: Sequence[str], where: str) -> Iterator[str]:
    schema = TABLES[table].schema.columns
    for column, spec in schema.items():
        if spec.required and column not in columns:
            yield f"{where}: column '{column}' is missing ({spec.description.rstrip('.')})"
    names = [column for column, spec in schema.items() if not spec.regex]
    for column in columns:
        if column not in names and not is_attribute(table, column):
            yield (
                f"{where}: column '{column}' is unknown{did_you_mean(column, names)}; only "
                f"customers has further columns, which start with '{ATTRIBUTE_PREFIX}'"
            )
    for column in dict.fromkeys(columns):
        if list(columns).count(column) > 1:
            yield f"{where}: column '{column}' stands more than once"
