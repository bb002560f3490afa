"""How a mapping describes one table: where its rows are, and where each column comes from."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Kind = Literal["delimited", "excel", "parquet", "sql", "zendesk"]
ClockChanges = Literal["refuse", "before", "after"]

# More than any customer's life, and few enough that every time stays within what pandas holds.
MOST_MONTHS = 2400


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def iso_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is not a date (write YYYY-MM-DD)") from error
    return text


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"'{name}' is no time zone (write one such as Europe/Amsterdam)")
    return name


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _variable_name(text: str) -> str:
    # Not shown in the message: it may be a URL with a password.
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError(
            "name the environment variable that holds the database's URL; the URL itself, with "
            "its password, never belongs in a file"
        )
    return text


Word = Annotated[str, Field(min_length=1)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
IsoTime = Annotated[str, AfterValidator(iso_time)]


class Condition(Strict):
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


class Duration(Strict):
    """A column that holds how long after another time this one is.

    Attributes
    ----------
    column : str
        A column of the same file.
    unit : str
        What it counts.
    """

    column: Word
    unit: Literal["seconds", "minutes", "hours", "days"]


class ColumnMapping(Strict):
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
    unit : str, optional
        What the file counts, where it is not the table's unit: hours for a column in minutes.
    plus : Duration, optional
        The time is the one read from ``from`` plus this duration; empty where either is.
    time_zone, clock_changes : str, optional
        As for the table, for this column alone.
    join : str, optional
        The joined file, by its name under ``joins``, that ``from`` is a column of.
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
    unit: Word | None = None
    plus: Duration | None = None
    time_zone: TimeZone | None = None
    clock_changes: ClockChanges | None = None
    join: Word | None = None
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

    @property
    def file_columns(self) -> list[str]:
        """Every column that this mapping reads, of the table's file or of the joined one."""
        more = [self.plus.column] if self.plus is not None else []
        return [*([self.file_column] if self.file_column is not None else []), *more]


def _plain_name(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class FileLayout(Strict):
    """Where rows are, and how they are written there.

    Attributes
    ----------
    kind : str, optional
        The format; by default the ``source.kind`` of params.yaml.
    file : str or list of str
        Paths from the study's folder, or patterns with ``*``. They are read in the order given,
        the files of one pattern in the order of their names.
    delimiter, encoding : str
        Of delimited files: one character; a text encoding.
    sheet, header_row
        Of workbooks: the sheet, where there are several; the row that names the columns.
    connection, query, table : str
        Of databases: the environment variable that holds the URL; a SELECT, or a table's name.
    decimal, thousands : str
        The marks in numbers that are written as text.
    missing : list of str
        What an empty cell is written as besides nothing, such as NA or 9999-12-31.
    """

    kind: Kind | None = None
    file: Annotated[list[Word], BeforeValidator(_listed)] = []
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"
    sheet: Word | None = None
    header_row: Annotated[int, Field(ge=1)] = 1
    connection: VariableName | None = None
    query: Word | None = None
    table: Word | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    missing: list[str] = []

    @model_validator(mode="after")
    def _one_place(self) -> FileLayout:
        if sum([bool(self.file), self.query is not None, self.table is not None]) != 1:
            raise ValueError("give exactly one of file, query, table")
        if not self.file and self.connection is None:
            raise ValueError(
                "name under 'connection' the environment variable that holds the database's URL"
            )
        if self.query is not None and not self._reads_once():
            raise ValueError("a query is one SELECT or WITH, without a ';' inside")
        if self.thousands == self.decimal:
            raise ValueError("the thousands mark and the decimal mark cannot be the same")
        return self

    def _reads_once(self) -> bool:
        text = str(self.query).strip().rstrip(";")
        return text.upper().startswith(("SELECT", "WITH")) and ";" not in text

    @property
    def places(self) -> tuple[str, ...]:
        """The files, or the query or table of the database."""
        return tuple(self.file) or (self.query or self.table or "",)


class JoinMapping(FileLayout):
    """A file that adds columns: at most one of its rows for each row of the table.

    Attributes
    ----------
    key : str
        Its column that is matched; each value stands once, or the join would multiply rows.
    matches : str
        The column of the table's own file that holds the key.
    unmatched : {"refuse", "empty"}
        Whether a row without a match breaks a rule, or has empty cells.
    """

    key: Word
    matches: Word
    unmatched: Literal["refuse", "empty"] = "refuse"


class TableMapping(FileLayout):
    """One table: its file, how the file is written, and where each column comes from.

    Attributes
    ----------
    time_zone : str
        Where the clocks stood that wrote times without an offset.
    clock_changes : {"refuse", "before", "after"}
        What a local time means that the clocks skip or show twice: it breaks a rule, or it is
        read with the offset in force before, or after, the change.
    joins : dict
        Name -> a file that adds columns.
    metrics, audits, ratings : list of str
        Further files of a Zendesk export.
    landmark_hours : float
        Of a Zendesk export: group changes are also counted up to so long after the opening.
    columns : dict
        Column of the table -> its mapping, or just a column of the file.
    """

    time_zone: TimeZone = "UTC"
    clock_changes: ClockChanges = "refuse"
    joins: dict[str, JoinMapping] = {}
    metrics: Annotated[list[Word], BeforeValidator(_listed)] = []
    audits: Annotated[list[Word], BeforeValidator(_listed)] = []
    ratings: Annotated[list[Word], BeforeValidator(_listed)] = []
    landmark_hours: Annotated[float, Field(gt=0)] = 72.0
    columns: dict[str, Annotated[ColumnMapping, BeforeValidator(_plain_name)]]
