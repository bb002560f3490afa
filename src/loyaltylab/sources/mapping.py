"""A column mapping: the YAML in which a researcher says what each column of a file means."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean, repeated_keys
from loyaltylab.sources.mapping_checks import find_mapping_problems
from loyaltylab.tables.layout import find_layout_problems

# More than any customer's life, and few enough that every time stays within what pandas holds.
MOST_MONTHS = 2400


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _iso_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is not a date (write YYYY-MM-DD)") from error
    return text


Word = Annotated[str, Field(min_length=1)]
IsoTime = Annotated[str, AfterValidator(_iso_time)]


class Condition(_Strict):
    """A column that holds one of two values, as written in the file; any other is an error.

    Attributes
    ----------
    column : str
        A column of the file.
    equals : str
        The value for which the condition holds.
    otherwise : str
        The value for which it does not.
    """

    column: Word
    equals: str
    otherwise: str


class ColumnMapping(_Strict):
    """Where one column of a table comes from; exactly one of the four origins.

    Attributes
    ----------
    source : str
        A column of the file (``from`` in YAML).
    constant : str
        The same value for every row.
    months_before_snapshot : str
        A column that holds a number of months; the time is the snapshot minus that many months
        of 30.4375 days.
    snapshot_when : Condition
        The snapshot time where the condition holds, otherwise empty.
    values : dict, optional
        Recoding of the file's values; a value not listed is an error. The key "" stands for an
        empty cell, the value "" for missing.
    format : str, optional
        How times are written (strptime). By default ISO 8601 with at least a full date.
    type : {"number", "text"}
        Type of a further attribute.
    meaning, known : str
        Of a further attribute: what it is, and when it was known.
    in_models : bool
        False for an attribute that restates the outcome or its time.
    """

    source: Word | None = Field(None, alias="from")
    constant: str | None = None
    months_before_snapshot: Word | None = None
    snapshot_when: Condition | None = None
    values: dict[str, str] | None = None
    format: str | None = None
    type: Literal["number", "text"] | None = None
    meaning: str = ""
    known: str = ""
    in_models: bool = True

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnMapping:
        origins = (self.source, self.constant, self.months_before_snapshot, self.snapshot_when)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError(
                "give exactly one of from, constant, months_before_snapshot, snapshot_when"
            )
        return self

    @property
    def file_column(self) -> str | None:
        """The column of the file that this mapping reads, if any."""
        if self.snapshot_when is not None:
            return self.snapshot_when.column
        return self.source if self.source is not None else self.months_before_snapshot


def _plain_name(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class TableMapping(_Strict):
    """One table: its file, how the file is written, and where each column comes from.

    Attributes
    ----------
    file : str
        Path from the study's folder.
    delimiter, encoding, decimal : str
        One character; a text encoding; "." or ",".
    missing : list of str
        What an empty cell is written as besides nothing, such as NA or 9999-12-31.
    columns : dict
        Column of the table -> its mapping, or just a column of the file.
    """

    file: Word
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"
    decimal: Literal[".", ","] = "."
    missing: list[str] = []
    columns: dict[str, Annotated[ColumnMapping, BeforeValidator(_plain_name)]]


class Snapshot(_Strict):
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


class Window(_Strict):
    """The study window: from when to when customers were watched (UTC).

    A date stands for its first moment: to include all of 31 December, the end is 1 January.
    """

    start: IsoTime
    end: IsoTime


class Mapping(_Strict):
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
    notes: list[str] = []
    set_aside: list[str] = []
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
        models = (Mapping, Snapshot, Window, TableMapping, ColumnMapping, Condition)
        keys = [field.alias or name for m in models for name, field in m.model_fields.items()]
        return f"{place} is unknown{did_you_mean(str(item['loc'][-1]), keys)}"
    if item["type"] == "missing":
        return f"{place} is missing"
    message = item["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}"
