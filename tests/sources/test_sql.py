"""A database gives the tables of the CSV; nothing of the connection is ever shown."""

from __future__ import annotations

import io
import logging
import os
import shutil
import sqlite3
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from study_files import clean_cells, clean_mapping, clean_study, deliver, read_study, typed_columns

from loyaltylab.errors import TableError
from loyaltylab.tables.validation import ValidTables

VARIABLE = "LOYALTYLAB_TEST_URL"
SECRET = "hunter2-MARKER"
NAMES = {"customers": "people", "contracts": "contracts", "contacts": "tickets"}


def mapping_of(**connection: Any) -> dict[str, Any]:
    mapping = clean_mapping()
    for name, table in mapping["tables"].items():
        del table["file"]
        table |= {"connection": VARIABLE, "table": NAMES[name]} | connection
    return mapping


def fill(url: str | sa.URL) -> None:
    """The clean cells as tables with types."""
    engine = sa.create_engine(url)
    types = {float: sa.Numeric(12, 2), str: sa.Text(), pd.Timestamp: sa.DateTime()}
    for name, rows in clean_cells().items():
        columns = typed_columns(rows)
        kinds = {
            column: next(type(value) for value in values if value is not None)
            for column, values in columns.items()
        }
        table = sa.Table(
            name,
            sa.MetaData(),
            *(sa.Column(c, types.get(kind, sa.DateTime())) for c, kind in kinds.items()),
        )
        with engine.begin() as connection:
            table.create(connection)
            # Backwards: the order of insertion says nothing.
            records = pd.DataFrame(columns, dtype=object).iloc[::-1].to_dict("records")
            connection.execute(table.insert(), records)
    engine.dispose()


def assert_same_rows(found: ValidTables, expected: ValidTables) -> None:
    """Equal but for the order of rows, which a database does not have."""
    for name, frame in expected.tables.items():
        keys = [str(frame.columns[0])]
        pd.testing.assert_frame_equal(
            found.tables[name].sort_values(keys, ignore_index=True),
            frame.sort_values(keys, ignore_index=True),
            check_exact=True,
        )


@pytest.fixture
def sqlite_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(f"sqlite:///{tmp_path / 'crm.db'}")
    monkeypatch.setenv(VARIABLE, "sqlite:///crm.db")
    return tmp_path


def problems(folder: Path, mapping: dict[str, Any]) -> tuple[str, ...]:
    """Every problem, none of which may show the URL, the secret or the folder."""
    with pytest.raises(TableError) as caught:
        read_study(folder, mapping, kind="sql")
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or not isinstance(
        caught.value.__context__, sa.exc.SQLAlchemyError
    )
    assert SECRET not in shown
    assert "://" not in shown
    return caught.value.problems


def test_sqlite_gives_the_tables_of_the_csv(sqlite_study: Path) -> None:
    found = read_study(sqlite_study, mapping_of(), kind="sql")
    assert_same_rows(found, clean_study(sqlite_study))


def test_a_query_and_a_join_in_the_database(sqlite_study: Path) -> None:
    mapping = mapping_of()
    table = mapping["tables"]["contacts"]
    del table["table"]
    table["query"] = (
        "WITH t AS (SELECT * FROM tickets) "
        "SELECT t.*, '12:30 %' AS odd FROM t JOIN people USING (id);"
    )
    expected = clean_study(sqlite_study)
    assert_same_rows(read_study(sqlite_study, mapping, kind="sql"), expected)
    first = deliver(sqlite_study, mapping, kind="sql").description.data_hash
    assert deliver(sqlite_study, mapping, kind="sql").description.data_hash == first
    table["query"] = table["query"].replace(";", " WHERE wait > 0")
    assert deliver(sqlite_study, mapping, kind="sql").description.data_hash != first


def test_missing_tables_and_columns_are_named_at_once(sqlite_study: Path) -> None:
    mapping = mapping_of()
    mapping["tables"]["customers"]["table"] = "peeple"
    mapping["tables"]["contracts"]["columns"]["price_eur"] = "Price"
    contacts = mapping["tables"]["contacts"]
    contacts |= {"query": "SELECT ticket FROM no_such_table"}
    del contacts["table"]
    assert problems(sqlite_study, mapping) == (
        "customers: peeple is no table of the database (did you mean 'people'?)",
        "contracts: contracts has no column 'Price' (did you mean 'price'?)",
        "contacts: the query cannot be read from the database (OperationalError); try the query, "
        "and the connection, in the database's own program",
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("DELETE FROM people", "a query is one SELECT or WITH"),
        ("SELECT 1; DROP TABLE people", "a query is one SELECT or WITH"),
        (" ", "a query is one SELECT or WITH"),
        ("WITH x AS (SELECT 1) DELETE FROM people", "cannot be read from the database"),
    ],
)
def test_a_query_cannot_write(sqlite_study: Path, query: str, expected: str) -> None:
    mapping = mapping_of()
    table = mapping["tables"]["customers"]
    del table["table"]
    table["query"] = query
    assert any(expected in text for text in problems(sqlite_study, mapping))
    with sqlite3.connect(sqlite_study / "crm.db") as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (8,)
    connection.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", f"needs its database's URL in the environment variable {VARIABLE}; it is empty"),
        (f"nonsense:{SECRET}", f"has no URL of a database that SQLAlchemy knows in {VARIABLE}"),
        (f"clay://u:{SECRET}@tablet/1", "has no URL of a database that SQLAlchemy knows"),
        (f"sqlite:///{SECRET}.db", "is in an SQLite file that is not there"),
        (f"oracle+cx_oracle://u:{SECRET}@h/d", "install the package 'cx_Oracle'"),
        (f"sqlite+{SECRET}:///crm.db", "has no URL of a database that SQLAlchemy knows"),
        (f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/d", "(OperationalError)"),
    ],
)
def test_the_connection_is_never_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    url: str,
    expected: str,
) -> None:
    if "psycopg" in url:
        pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    monkeypatch.setenv(VARIABLE, url)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    try:
        found = problems(tmp_path, mapping_of())
    finally:
        logging.getLogger().removeHandler(handler)
    assert len(found) == 3
    assert all(expected in text for text in found), found
    assert SECRET not in log.getvalue() + "".join(capfd.readouterr())
    assert not list(tmp_path.glob("*.db")), "a missing SQLite file is not made"


def test_a_url_in_the_mapping_is_refused_and_not_repeated(tmp_path: Path) -> None:
    found = problems(tmp_path, mapping_of(connection=f"postgresql:{SECRET}"))
    assert len(found) == 3
    assert all("never belongs in a file" in text for text in found)


def test_the_delivery_knows_nothing_of_the_connection(sqlite_study: Path) -> None:
    delivery = deliver(sqlite_study, mapping_of(), kind="sql")
    assert "crm.db" not in repr(delivery.description) + repr(delivery.files)


@pytest.fixture(scope="module")
def postgres() -> Iterator[sa.URL]:
    """A server of one's own on a socket in a temporary folder."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl are not on the path)")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_user: dict[str, Any] = {"cwd": folder, "capture_output": True, "check": True}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody")
        as_user["user"] = "nobody"
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    control = ["pg_ctl", "-D", str(folder / "data"), "-w"]
    try:
        make = ["initdb", "-D", str(folder / "data"), "-U", "study", "-A", "trust", "-E", "UTF8"]
        try:
            subprocess.run(make, **as_user)
            subprocess.run([*control, "-l", str(folder / "log"), "-o", options, "start"], **as_user)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"PostgreSQL cannot be started here: {error.stderr.decode()[-200:]}")
        try:
            query = {"host": str(folder)}
            yield sa.URL.create(
                "postgresql+psycopg", "study", SECRET, database="postgres", query=query
            )
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **as_user)
    finally:
        shutil.rmtree(folder)


def test_postgresql_gives_the_tables_of_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: sa.URL
) -> None:
    fill(postgres)
    monkeypatch.setenv(VARIABLE, postgres.render_as_string(hide_password=False))
    mapping = mapping_of()
    mapping["tables"]["customers"]["table"] = "public.people"
    table = mapping["tables"]["contracts"]
    del table["table"]
    table["query"] = (
        "SELECT number, id, start AT TIME ZONE 'UTC' AS start, \"end\", price FROM contracts"
    )
    expected = clean_study(tmp_path)
    assert_same_rows(read_study(tmp_path, mapping, kind="sql"), expected)
    # Neither a query that writes, nor one that fails, shows or changes anything.
    engine = sa.create_engine(postgres)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE counter")
    engine.dispose()
    for query, kind in {
        "WITH x AS (DELETE FROM contracts RETURNING *) SELECT * FROM x": "FeatureNotSupported",
        "SELECT nextval('counter') AS id": "ReadOnlySqlTransaction",
        "SELECT id::integer FROM contracts": "InvalidTextRepresentation",
    }.items():
        table["query"] = query
        assert problems(tmp_path, mapping) == (
            f"contracts: the query cannot be read from the database ({kind}); try the query, and "
            "the connection, in the database's own program",
        )
    table["query"] = "SELECT * FROM contracts"
    assert_same_rows(read_study(tmp_path, mapping, kind="sql"), expected)
