"""Databases: one SELECT or one table, read only, and nothing of the connection ever shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchTableError, SQLAlchemyError

from loyaltylab.errors import TableError
from loyaltylab.params import did_you_mean
from loyaltylab.sources.delimited_text import find_header_problems
from loyaltylab.sources.raw_tables import RawTable, make_raw_table
from loyaltylab.sources.table_mapping import FileLayout

ROWS_AT_ONCE = 10_000
READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}


def read_cells(layout: FileLayout, *, place: str, root: Path, wanted: Sequence[str]) -> RawTable:
    """Read the rows of a query or a table.

    A database has no order of rows, so they are put in the order of their values and numbered
    from 1: the same rows give the same tables. SQLite files are named from the study's folder.

    Raises
    ------
    TableError
        Naming an unset variable, a missing driver, a failed connection or query, and missing
        columns. It holds no part of the URL, no text of the query, and no message of the
        database, which may quote either; only the kind of failure.
    """
    engine, problems = _engine(layout, root)
    columns: dict[str, list[object]] = {}
    if engine is not None:
        try:
            columns, problems = _read(engine, layout, place, wanted)
        except NoSuchTableError:
            problems = _no_table(engine, place)
        except (SQLAlchemyError, OSError) as error:
            problems = [_failure(error)]
        finally:
            engine.dispose()
    # Raised out here, the error carries no other with it, whatever prints it.
    if problems:
        raise TableError("", problems)
    return _in_order(columns, wanted)


def _engine(layout: FileLayout, root: Path) -> tuple[sa.Engine | None, list[str]]:
    name = str(layout.connection)
    written = os.environ.get(name, "")
    if not written:
        return None, [f"needs its database's URL in the environment variable {name}; it is empty"]
    try:
        url = _from_root(make_url(written), root)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
            return None, [f"is in an SQLite file that is not there; correct the URL in {name}"]
        return sa.create_engine(url, hide_parameters=True), []
    except ModuleNotFoundError as error:
        return None, [f"needs the database's driver; install the package '{error.name}'"]
    except (ArgumentError, ValueError):
        return None, [f"has no URL of a database that SQLAlchemy knows in {name}"]


def _from_root(url: URL, root: Path) -> URL:
    if url.get_backend_name() != "sqlite":
        return url
    return url.set(database=str(root / (url.database or "")))


def _read(
    engine: sa.Engine, layout: FileLayout, place: str, wanted: Sequence[str]
) -> tuple[dict[str, list[object]], list[str]]:
    with engine.connect() as connection:
        if engine.dialect.name in READ_ONLY:
            connection.exec_driver_sql(READ_ONLY[engine.dialect.name])
        if layout.query is not None:
            reader = connection.execution_options(yield_per=ROWS_AT_ONCE)
            result: sa.CursorResult[Any] = reader.exec_driver_sql(layout.query.rstrip("; \n"))
        else:
            *schema, name = place.split(".")
            where = ".".join(schema) or None
            names = [str(c["name"]) for c in sa.inspect(connection).get_columns(name, where)]
            if problems := list(find_header_problems(names, wanted)):
                return {}, problems
            source = sa.table(name, *(sa.column(column) for column in wanted), schema=where)
            reader = connection.execution_options(yield_per=ROWS_AT_ONCE)
            result = reader.execute(sa.select(source))
        with closing(result):
            return _collect(result, wanted)


def _collect(
    result: sa.CursorResult[Any], wanted: Sequence[str]
) -> tuple[dict[str, list[object]], list[str]]:
    header = list(result.keys())
    if problems := list(find_header_problems(header, wanted)):
        return {}, problems
    columns: dict[str, list[object]] = {name: [] for name in wanted}
    places = [(header.index(name), columns[name]) for name in wanted]
    for row in result:
        for at, cells in places:
            cells.append(row[at])
    return columns, []


def _no_table(engine: sa.Engine, place: str) -> list[str]:
    *schema, name = place.split(".")
    seen = sa.inspect(engine)
    where = ".".join(schema) or None
    try:
        there = [*seen.get_table_names(where), *seen.get_view_names(where)]
    except SQLAlchemyError:
        there = []
    return [f"is no table of the database{did_you_mean(name, there)}"]


def _failure(error: Exception) -> str:
    kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
    return (
        f"cannot be read from the database ({kind}); try the query, and the connection, in the "
        "database's own program"
    )


def _in_order(columns: dict[str, list[object]], wanted: Sequence[str]) -> RawTable:
    n_rows = len(columns[wanted[0]]) if wanted else 0
    rows = range(1, n_rows + 1)
    table = make_raw_table(columns, rows=rows, digest=b"")
    order = table.cells.sort_values(list(wanted)).index
    cells, typed = (frame.loc[order].set_axis(list(rows)) for frame in (table.cells, table.typed))
    digest = hashlib.sha256()
    for part in _parts(cells):
        digest.update(part)
    return RawTable(cells, typed, digest.digest())


def _parts(cells: pd.DataFrame) -> Iterator[bytes]:
    for name in cells:
        yield str(name).encode()
        yield pd.util.hash_pandas_object(cells[name], index=False).to_numpy().tobytes()
