"""A column mapping: the YAML in which a researcher says what each column of a file means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean, repeated_keys
from loyaltylab.sources.mapping_checks import find_mapping_problems
from loyaltylab.sources.table_mapping import (
    MOST_MONTHS,
    ColumnMapping,
    Condition,
    Duration,
    IsoTime,
    JoinMapping,
    Strict,
    TableMapping,
    Word,
)
from loyaltylab.tables.layout import find_layout_problems


class Snapshot(Strict):
    """The file is a list of customers as they stood on one day.

    Attributes
    ----------
    at : str
        The day (UTC). Only differences of times matter, so an invented day is harmless.
    observed_months : float
        For how many months before it customers were watched: whoever left earlier is not in
        the file, so nobody is at risk before.
    """

    at: IsoTime
    observed_months: Annotated[float, Field(gt=0, le=MOST_MONTHS)]


class Window(Strict):
    """The study window: from when to when customers were watched (UTC).

    A date stands for its first moment: to include all of 31 December, the end is 1 January.
    """

    start: IsoTime
    end: IsoTime


class Mapping(Strict):
    """A whole mapping file.

    Attributes
    ----------
    label : str
        Who the customers are, as every page says.
    is_sample : bool
        True for a published example whose customers may be invented.
    notes : list of str
        What a reader must know before believing a number.
    set_aside : list of str
        Rules whose offending rows go to quarantine; any other breach stops the study.
    snapshot, window
        When customers were watched; exactly one of the two.
    tables : dict
        Table name -> where it comes from.
    """

    label: Word
    is_sample: bool = False
    notes: list[str] = Field(default_factory=list)
    set_aside: list[str] = Field(default_factory=list)
    snapshot: Snapshot | None = None
    window: Window | None = None
    tables: dict[str, TableMapping]

    @model_validator(mode="after")
    def _one_clock(self) -> Mapping:
        if (self.snapshot is None) == (self.window is None):
            raise ValueError(
                "give either 'snapshot' (customers as of one day) or 'window' (start and end): "
                "without it nobody knows when customers were under observation"
            )
        return self


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Parameters
    ----------
    path : Path
        YAML file; see data/mappings/ for examples.

    Returns
    -------
    Mapping

    Raises
    ------
    TableError
        If it is missing, not YAML, or has unknown, missing, repeated or ill-formed keys, tables,
        columns or rules; all named.
    """
    if not path.is_file():
        raise TableError(
            f"The mapping file '{path.name}' is not there. Set source.mapping in params.yaml to "
            "a file under data/mappings/."
        )
    try:
        text = path.read_text(encoding="utf-8")
        problems = repeated_keys(text)
        # BaseLoader keeps every scalar as written: `no` stays "no", 007 stays "007".
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TableError(f"The mapping '{path.name}' is not valid YAML.", [str(error)]) from error
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        problems += [_explain(item) for item in error.errors()]
    else:
        problems += find_layout_problems(
            {name: list(table.columns) for name, table in mapping.tables.items()},
            files=dict.fromkeys(mapping.tables, path.name),
            set_aside=mapping.set_aside,
        )
        problems += find_mapping_problems(mapping)
    if problems:
        raise TableError(f"The mapping '{path.name}' has problems:", problems)
    return mapping


def _explain(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "mapping"
    if item["type"] == "extra_forbidden":
        model = _model_at(item["loc"][:-1])
        keys = [field.alias or name for name, field in model.model_fields.items()]
        return f"{place} is unknown{did_you_mean(str(item['loc'][-1]), keys)}"
    if item["type"] == "missing":
        return f"{place} is missing"
    message = item["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}"


def _model_at(place: tuple[Any, ...]) -> type[Strict]:
    """The model whose keys stand at a place of the mapping."""
    named: dict[Any, type[Strict]] = {
        "snapshot": Snapshot,
        "window": Window,
        "snapshot_when": Condition,
        "plus": Duration,
    }
    if not place:
        return Mapping
    if place[0] != "tables":
        return named.get(place[-1], Mapping)
    if "joins" in place[2:3]:
        return JoinMapping
    if "columns" in place[2:3]:
        return named.get(place[4], ColumnMapping) if len(place) > 4 else ColumnMapping
    return TableMapping
