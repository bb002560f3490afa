"""From delivered frames to valid tables: all failures at once, rejects counted, no repairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pandas.api.types import pandas_dtype

from loyaltylab.errors import TableError
from loyaltylab.tables.delivery import Delivery
from loyaltylab.tables.layout import find_layout_problems
from loyaltylab.tables.rules import (
    REPEATED_ROW,
    Violation,
    find_disagreements,
    find_orphans,
    find_violations,
)
from loyaltylab.tables.schemas import TABLES, TYPE_WORDS

FIRST_ROWS = 5
PARENT_SET_ASIDE = "parent_set_aside"
REJECT_COLUMNS = ["table", "file", "row", "rule", "column", "reason"]


@dataclass(frozen=True)
class ValidTables:
    """Tables that fit their schemas, with what was set aside on the way.

    Attributes
    ----------
    tables : dict of str to pandas.DataFrame
        Every column of the schema present, in its order and type; rows in delivered order.
    rejects : pandas.DataFrame
        One line per row set aside and rule it breaks: table, file, row, rule, column, reason.
        A row that breaks two rules has two lines. No identifiers, no values.
    audit : dict
        By table: rows delivered, kept and set aside (each row once; kept + set aside =
        delivered), rows set aside by rule, columns not delivered, missing values by column.
    """

    tables: dict[str, pd.DataFrame]
    rejects: pd.DataFrame
    audit: dict[str, Any]


def validate(delivery: Delivery) -> ValidTables:
    """Check delivered tables against every rule.

    Rows that break a rule stop the study, unless the mapping lists the rule under
    ``set_aside``: then they, and the rows that hang on them, are put aside and counted.

    Parameters
    ----------
    delivery : Delivery
        What a source handed over; not changed.

    Returns
    -------
    ValidTables

    Raises
    ------
    TableError
        Naming every failure: table, file, rule, count, first rows, and the fix. A wrong layout
        or type is reported first, since the rules have no meaning before it is right.
    """
    _check_layout(delivery)
    tables = {name: _conform(name, frame) for name, frame in delivery.frames.items()}
    found = list(delivery.violations)
    # A copy is one fault, not also a second row under the same key.
    tables = _without(tables, (item for item in found if item.rule == REPEATED_ROW))
    unread = {(item.table, item.column, row) for item in found for row in item.rows}
    found += [item for name in tables for item in _schema_violations(name, tables[name], unread)]
    found += find_violations(tables, window_end_at=delivery.description.window_end_at)
    kept = _without(tables, found)
    # Each round looks at what is left, so that a row is not blamed for the fault of another. All
    # true orphans are found above: an orphan here lost its parent in an earlier round.
    while more := [*map(_as_cascade, find_orphans(kept)), *find_disagreements(kept)]:
        found += more
        kept = _without(kept, more)
    _stop_on(found, delivery)
    if kept["customers"].empty or kept["contracts"].empty:
        raise TableError("No customer with a contract is left after setting rows aside.")
    rejects = _rejects(found, delivery)
    kept = {name: _renumber(kept[name]) for name in TABLES if name in kept}
    return ValidTables(kept, rejects, _audit(delivery, kept, rejects))


def _check_layout(delivery: Delivery) -> None:
    problems = find_layout_problems(
        {name: [str(column) for column in frame] for name, frame in delivery.frames.items()},
        files=delivery.files,
        set_aside=delivery.set_aside,
    )
    # Once the columns are right, their types can be; the rules need both.
    if not problems:
        problems = [
            f"{name} ({delivery.files.get(name, name)}): {problem}"
            for name, frame in delivery.frames.items()
            for problem in _frame_problems(name, frame)
        ]
    if problems:
        raise TableError("The tables do not have the layout of data/README.md:", problems)


def _frame_problems(name: str, frame: pd.DataFrame) -> Iterator[str]:
    if frame.empty and TABLES[name].is_required:
        yield "has no rows"
    if not pd.api.types.is_integer_dtype(frame.index.dtype) or frame.index.has_duplicates:
        yield "the index must be the row number in the file, each once"
    schema = TABLES[name].schema.columns
    for column in frame:
        declared = schema[column].metadata["dtype"] if column in schema else None
        allowed = [declared] if declared else list(TYPE_WORDS)
        if all(frame[column].dtype != pandas_dtype(dtype) for dtype in allowed):
            words = " or ".join(f"{TYPE_WORDS[dtype]} ({dtype})" for dtype in allowed)
            yield f"column '{column}' is delivered as {frame[column].dtype}, not as {words}"


def _conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame every column of its schema; a column not delivered is all missing."""
    columns = TABLES[name].schema.columns
    typed = {
        column: frame[column]
        if column in frame
        else pd.Series(index=frame.index, dtype=pandas_dtype(spec.metadata["dtype"]))
        for column, spec in columns.items()
        if not spec.regex
    }
    further = {column: frame[column] for column in frame if column not in typed}
    return pd.DataFrame({**typed, **further}, index=frame.index, copy=False)


def _schema_violations(
    name: str, frame: pd.DataFrame, unread: set[tuple[str, str, int]]
) -> Iterator[Violation]:
    """Cells that are empty or break a check of their column; keys are left to the rules.

    The schema's checks are called one by one: pandera's own report of many failures warns from
    inside pandas, and passes a text column of digits for a number.
    """
    fix = "correct these values"
    for column, spec in TABLES[name].schema.columns.items():
        if spec.regex:
            continue
        is_missing = frame[column].isna().to_numpy()
        given = frame.loc[~is_missing, column]
        # A value that could not be read is empty by now, but it was not missing.
        empty = () if spec.nullable else frame.index[is_missing].sort_values()
        rows = tuple(int(row) for row in empty if (name, column, int(row)) not in unread)
        if rows:
            yield Violation(name, "missing_value", column, rows, f"{column} is not empty", fix)
        for check in spec.checks:
            held = check(given).check_output.to_numpy(dtype=bool)
            rows = tuple(int(row) for row in given.index[~held])
            if rows:
                must = f"{column} {check.error}"
                yield Violation(name, "invalid_value", column, rows, must, fix)


def _without(
    tables: Mapping[str, pd.DataFrame], found: Iterable[Violation]
) -> dict[str, pd.DataFrame]:
    gone: dict[str, set[int]] = {}
    for item in found:
        gone.setdefault(item.table, set()).update(item.rows)
    return {
        name: frame[~frame.index.isin(gone[name])] if name in gone else frame
        for name, frame in tables.items()
    }


def _renumber(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows numbered from 0, without a copy of their cells."""
    return pd.DataFrame({column: frame[column].array for column in frame}, copy=False)


def _as_cascade(item: Violation) -> Violation:
    must = f"the row that {item.column} points to is not set aside"
    return replace(item, rule=PARENT_SET_ASIDE, must=must, fix="")


def _stop_on(found: Iterable[Violation], delivery: Delivery) -> None:
    allowed = (*delivery.set_aside, PARENT_SET_ASIDE)
    fatal = [item for item in found if item.rule not in allowed]
    if fatal:
        n_rows = len({(item.table, row) for item in fatal for row in item.rows})
        n_rules = len({item.rule for item in fatal})
        raise TableError(
            f"{_count(n_rows, 'row')} of the tables {'breaks' if n_rows == 1 else 'break'} "
            f"{_count(n_rules, 'rule')}; "
            "no output was changed:",
            [_explain(item, delivery.files.get(item.table, item.table)) for item in fatal],
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _explain(item: Violation, file: str) -> str:
    shown = ", ".join(str(row) for row in item.rows[:FIRST_ROWS])
    more = ", …" if len(item.rows) > FIRST_ROWS else ""
    return (
        f"{item.table} ({file}): rule {item.rule}, {_count(len(item.rows), 'row')} "
        f"(row {shown}{more}): {item.must}. Fix: {item.fix}, or list '{item.rule}' under "
        "set_aside to keep the rows out and have them counted."
    )


def _rejects(found: Iterable[Violation], delivery: Delivery) -> pd.DataFrame:
    lines = [
        (
            item.table,
            delivery.files.get(item.table, item.table),
            row,
            item.rule,
            item.column,
            f"not so: {item.must}",
        )
        for item in found
        for row in item.rows
    ]
    rejects = pd.DataFrame(lines, columns=REJECT_COLUMNS).astype({"row": "int64"})
    return rejects.sort_values(["table", "row", "rule", "column", "reason"], ignore_index=True)


def _audit(
    delivery: Delivery, kept: Mapping[str, pd.DataFrame], rejects: pd.DataFrame
) -> dict[str, Any]:
    audit: dict[str, Any] = {}
    for name, frame in kept.items():
        rejected = rejects[rejects["table"] == name]
        delivered = delivery.frames[name]
        missing = delivered.isna().sum()
        audit[name] = {
            "rows_delivered": len(delivered),
            "rows_kept": len(frame),
            "rows_set_aside": int(rejected["row"].nunique()),
            "set_aside_by_rule": {
                str(rule): int(rows)
                for rule, rows in rejected.groupby("rule")["row"].nunique().items()
            },
            "columns_not_delivered": [column for column in frame if column not in delivered],
            "missing_values": {str(column): int(n) for column, n in missing.items() if n},
        }
    return audit
