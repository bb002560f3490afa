"""Traps of meaning: data that break no rule and yet do not mean what a study takes them to mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loyaltylab.errors import TableError
from loyaltylab.params.traps import STOPPING_TRAPS, TRAPS


@dataclass(frozen=True)
class Trap:
    """One trap found in valid tables.

    Attributes
    ----------
    name : str
        One of ``params.traps.TRAPS``.
    table, column : str
        Where; several columns are joined by a comma.
    count : int
        How many rows, customers or columns are in it, as ``what`` says.
    what : str
        What was found, in a sentence without a number of customers.
    rule : str
        What must hold.
    fix : str
        What the researcher can do.
    """

    name: str
    table: str
    column: str
    count: int
    what: str
    rule: str
    fix: str

    def __post_init__(self) -> None:
        if self.name not in TRAPS:
            raise ValueError(f"'{self.name}' is no trap")

    @property
    def is_stopping(self) -> bool:
        """Whether no number of the study can be trusted while it is there."""
        return self.name in STOPPING_TRAPS

    @property
    def where(self) -> str:
        """Table and column."""
        return f"{self.table}.{self.column}" if self.column else self.table


def stop_on_traps(traps: Iterable[Trap], *, acknowledged: Sequence[str] = ()) -> None:
    """Refuse to go on while a trap makes the numbers wrong.

    Parameters
    ----------
    traps : iterable of Trap
        What was found.
    acknowledged : sequence of str
        Names that the researcher has looked into and takes to be no trap here.

    Raises
    ------
    TableError
        Naming every trap that stops the study and is not acknowledged.
    """
    fatal = [trap for trap in traps if trap.is_stopping and trap.name not in acknowledged]
    if fatal:
        raise TableError(
            "The tables keep every rule, but would not mean what the study takes them to mean; "
            "no output was changed:",
            [explain_trap(trap, count=f"{trap.count:,}") for trap in fatal],
        )


def explain_trap(trap: Trap, *, count: str) -> str:
    """A trap as a message: place, count (as it may be shown), what, rule and fix."""
    way_out = (
        f", or list '{trap.name}' under study.acknowledged_traps in params.yaml if it is right"
        if trap.is_stopping
        else ""
    )
    return (
        f"{trap.where}: trap {trap.name} ({count}): {trap.what} "
        f"Rule: {trap.rule}. Fix: {trap.fix}{way_out}."
    )


def audit_traps(traps: Iterable[Trap], *, acknowledged: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Traps as they are kept beside the counts of the tables."""
    return [
        {
            **asdict(trap),
            "is_stopping": trap.is_stopping,
            "is_acknowledged": trap.name in acknowledged,
        }
        for trap in traps
    ]
