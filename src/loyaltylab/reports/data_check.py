"""A look at the source before the study runs: what is there, what it can answer; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from loyaltylab.analyses.answerable import Answerable, find_answerable
from loyaltylab.errors import LoyaltyLabError
from loyaltylab.findings.wording import count
from loyaltylab.params import Parameters
from loyaltylab.sources import read_source
from loyaltylab.tables.delivery import Delivery, SourceDescription
from loyaltylab.tables.rules import PLANNED
from loyaltylab.tables.schemas import TABLES, TIMESTAMP
from loyaltylab.tables.trap_search import find_traps
from loyaltylab.tables.traps import Trap, explain_trap
from loyaltylab.tables.validation import validate


@dataclass(frozen=True)
class DataCheck:
    """What a look at the source found.

    Attributes
    ----------
    lines : tuple of str
        What to show, in order.
    problems : tuple of str
        Everything that stops the study.
    """

    lines: tuple[str, ...]
    problems: tuple[str, ...] = ()


def check_data(parameters: Parameters, *, root: Path) -> DataCheck:
    """Read and validate the source, and say what it holds; nothing is written.

    Parameters
    ----------
    parameters : Parameters
        The study's parameters.
    root : Path
        The study's folder.

    Returns
    -------
    DataCheck
        If the source cannot be read, only problems; if it breaks rules, the problems and what
        was delivered.
    """
    min_cell = parameters.disclosure.min_cell
    try:
        delivery = read_source(parameters, root=root)
    except LoyaltyLabError as error:
        return DataCheck((), _all_of(error))
    opening = _describe(delivery.description)
    try:
        valid = validate(delivery)
    except LoyaltyLabError as error:
        lines = (opening, "", *_tables_as_delivered(delivery, min_cell=min_cell))
        return DataCheck(lines, _all_of(error))
    traps = find_traps(valid, delivery.description)
    acknowledged = parameters.study.acknowledged_traps
    answers = find_answerable(valid.tables)
    return DataCheck(
        (
            opening,
            "",
            *describe_tables(valid.tables, valid.audit, min_cell=min_cell),
            "",
            *describe_answers(answers),
            "",
            *describe_traps(traps, acknowledged=acknowledged, min_cell=min_cell),
        ),
        tuple(
            explain_trap(trap, count=count(trap.count, min_cell=min_cell))
            for trap in traps
            if trap.is_stopping and trap.name not in acknowledged
        ),
    )


def describe_tables(
    tables: Mapping[str, pd.DataFrame], audit: Mapping[str, Any], *, min_cell: int
) -> Iterator[str]:
    """One line per table: rows kept, the months they cover, rows set aside by rule."""
    yield "Tables"
    for name, frame in tables.items():
        by_rule = audit[name]["set_aside_by_rule"]
        aside = ", ".join(
            f"{rule} {count(rows, min_cell=min_cell)}" for rule, rows in by_rule.items()
        )
        yield _table_line(name, frame, min_cell=min_cell) + f"set aside: {aside or 'none'}"


def describe_answers(answers: tuple[Answerable, ...]) -> Iterator[str]:
    """By hypothesis: what it says, whether it can be studied, and if not, what is lacking."""
    yield "What the data can and cannot answer"
    yield "  How long customers stay needs customers and contracts alone."
    for answer in answers:
        yield f"  {answer.name}  {answer.title}"
        yield f"       {answer}"
    n_open = sum(answer.standing == "can be studied" for answer in answers)
    yield (
        f"  {n_open} of {len(answers)} hypotheses can be studied, as far as tables and columns "
        "tell; whether there are enough customers is seen when it is tried."
    )


def describe_traps(
    traps: Sequence[Trap], *, acknowledged: Sequence[str], min_cell: int
) -> Iterator[str]:
    """One line per trap that does not stop the study, and per stopping one by name."""
    yield "What may not mean what it seems to"
    if not traps:
        yield "  nothing of the kind was found"
    for trap in traps:
        if trap.is_stopping and trap.name not in acknowledged:
            yield f"  stops the study: {trap.name} ({trap.where}), see below"
            continue
        kind = "acknowledged" if trap.is_stopping else "warning"
        shown = count(trap.count, min_cell=min_cell)
        yield f"  {kind}: {explain_trap(trap, count=shown)}"


def _describe(source: SourceDescription) -> str:
    return (
        f"{source.label} ({source.kind}), watched from {source.window_start_at:%Y-%m-%d} to "
        f"{source.window_end_at:%Y-%m-%d} (UTC)"
    )


def _tables_as_delivered(delivery: Delivery, *, min_cell: int) -> Iterator[str]:
    yield "Tables as delivered"
    for name, frame in delivery.frames.items():
        yield _table_line(name, frame, min_cell=min_cell).rstrip()


def _table_line(name: str, frame: pd.DataFrame, *, min_cell: int) -> str:
    rows = count(len(frame), min_cell=min_cell)
    return f"  {name:<21}{rows:>10} rows  {_period(name, frame, min_cell=min_cell):<20}  "


def _period(name: str, frame: pd.DataFrame, *, min_cell: int) -> str:
    """First and last month of what was observed; single days would be about single customers."""
    if name not in TABLES or len(frame) < min_cell:
        return ""
    times = [
        frame[column].dropna()
        for column, spec in TABLES[name].schema.columns.items()
        if spec.metadata["dtype"] == TIMESTAMP and column not in PLANNED and column in frame
    ]
    known = [column for column in times if len(column) and column.dtype == TIMESTAMP]
    if not known:
        return "no times"
    first, last = min(column.min() for column in known), max(column.max() for column in known)
    return f"{first:%Y-%m} to {last:%Y-%m}"


def _all_of(error: LoyaltyLabError) -> tuple[str, ...]:
    return error.problems or (error.summary,)
