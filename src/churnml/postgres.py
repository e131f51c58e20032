"""PostgreSQL as a source and as a sink: the only module that speaks to it. Needs the extra `postgres`.

The address of a server has a password in it, so configurations name an environment variable instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from churnml.errors import ConfigError, DataError, LockError

if TYPE_CHECKING:
    import psycopg

BATCH_ROWS = 50_000
_ARROW = {
    "bool": pa.bool_(),
    **dict.fromkeys(("int2", "int4", "int8"), pa.int64()),
    **dict.fromkeys(("float4", "float8"), pa.float64()),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
_COLUMN = {
    pa.string(): "text",
    pa.date32(): "date",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
}


@contextmanager
def connected(variable: str, *, read_only: bool = False) -> Iterator[psycopg.Connection]:
    """A connection to the server whose address is in the environment variable, in one transaction.

    It is committed when the block ends well, and rolled back otherwise. A read-only one sees one state of all tables.

    Raises
    ------
    ConfigError
        The extra `postgres` is not installed, the variable is not set, or the server refuses a statement.
    LockError
        The server is out of reach or gave up: try again.
    """
    try:
        import psycopg
    except ImportError:
        raise ConfigError("PostgreSQL: psycopg is not installed", "pip install 'churnml[postgres]'") from None
    if not (url := os.environ.get(variable)):
        raise ConfigError(f"the environment variable {variable} is not set", "give it the address of PostgreSQL")
    with explained(variable), psycopg.connect(url, connect_timeout=15, application_name="churnml") as connection:
        if read_only:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
        connection.execute("SET TIME ZONE 'UTC'")
        yield connection


@contextmanager
def explained(variable: str) -> Iterator[None]:
    """Turn what the server refuses into errors that say what to do, without a value of any row."""
    import psycopg

    try:
        yield
    except psycopg.OperationalError as error:
        raise LockError(f"PostgreSQL at {variable}: {_told(error)}", "see that the server is up; try again") from error
    except (pa.ArrowInvalid, OverflowError) as error:
        raise DataError(f"PostgreSQL at {variable}: a number does not fit its type", "cast it in a query") from error
    except psycopg.DataError as error:
        raise DataError(f"PostgreSQL at {variable}: {_told(error)}", "mend the rows, or cast in a query") from error
    except psycopg.Error as error:
        raise ConfigError(f"PostgreSQL at {variable}: {_told(error)}", "check names and rights") from error


def fetch(connection: psycopg.Connection, query: str, path: Path) -> int:
    """Write the rows of a query to a Parquet file, some at a time; gives their number.

    `numeric` without a declared scale becomes a double; types without a counterpart become their text.
    """
    described = connection.execute(f"SELECT * FROM ({query}) AS churnml_source LIMIT 0")
    columns = [(column.name, *_type(connection, column)) for column in described.description or ()]
    listed = ", ".join(f"{_quoted(name)}{cast} AS {_quoted(name)}" for name, _, cast in columns)
    schema = pa.schema([(name, kind) for name, kind, _ in columns])
    rows = 0
    with pq.ParquetWriter(path, schema) as writer, connection.cursor(name="churnml_source") as cursor:
        cursor.itersize = BATCH_ROWS
        cursor.execute(f"SELECT {listed} FROM ({query}) AS churnml_source")
        while batch := cursor.fetchmany(BATCH_ROWS):
            arrays = [
                pa.array(values, kind) for values, kind in zip(zip(*batch, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))
            rows += len(batch)
    return rows


def upsert(
    connection: psycopg.Connection, table: str, rows: pa.Table, key: tuple[str, ...], within: tuple[str, Any]
) -> int:
    """Make the rows of `table` whose column has a value, `within=("as_of", day)`, equal to `rows`.

    Within the connection's transaction: rows are added, changed where they differ, and removed where they are not there
    any more; the table is made if there is none, and gets columns that it does not have yet. The same rows twice change
    nothing. Gives how many rows were touched.
    """
    named = ".".join(map(_quoted, table.split(".")))
    columns = [f"{_quoted(field.name)} {_COLUMN[field.type]}" for field in rows.schema]
    listed = ", ".join(map(_quoted, rows.column_names))
    keys = ", ".join(map(_quoted, key))
    others = [_quoted(name) for name in rows.column_names if name not in key]
    execute: Any = connection.execute
    execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"churnml {table}",))
    execute(f"CREATE TABLE IF NOT EXISTS {named} ({', '.join(columns)}, PRIMARY KEY ({keys}))")
    there = {column.name for column in execute(f"SELECT * FROM {named} LIMIT 0").description}
    for column in (text for name, text in zip(rows.column_names, columns, strict=True) if name not in there):
        execute(f"ALTER TABLE {named} ADD COLUMN {column}")
    execute(f"CREATE TEMPORARY TABLE churnml_new ON COMMIT DROP AS SELECT {listed} FROM {named} WITH NO DATA")
    with connection.cursor() as cursor, cursor.copy(f"COPY churnml_new ({listed}) FROM STDIN") as copy:
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            for row in zip(*(column.to_pylist() for column in batch), strict=True):
                copy.write_row(row)
    same = " AND ".join(f"n.{_quoted(name)} = t.{_quoted(name)}" for name in key)
    gone = execute(
        f"DELETE FROM {named} AS t WHERE t.{_quoted(within[0])} = %s AND NOT EXISTS "
        f"(SELECT FROM churnml_new AS n WHERE {same})",
        (within[1],),
    )
    changed = execute(
        f"INSERT INTO {named} AS t ({listed}) SELECT {listed} FROM churnml_new ON CONFLICT ({keys}) DO UPDATE SET "
        f"{', '.join(f'{name} = EXCLUDED.{name}' for name in others)} WHERE ({', '.join(f't.{n}' for n in others)}) "
        f"IS DISTINCT FROM ({', '.join(f'EXCLUDED.{name}' for name in others)})"
    )
    return int(gone.rowcount + changed.rowcount)


def delete(connection: psycopg.Connection, table: str, column: str, value: str) -> int:
    """Remove the rows of `table`, if there is such a table, whose `column` is `value`; gives how many."""
    execute: Any = connection.execute
    if execute("SELECT to_regclass(%s)", (table,)).fetchone()[0] is None:
        return 0
    named = ".".join(map(_quoted, table.split(".")))
    return int(execute(f"DELETE FROM {named} WHERE {_quoted(column)} = %s", (value,)).rowcount)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _type(connection: psycopg.Connection, column: Any) -> tuple[pa.DataType, str]:
    """The Arrow type of a column, and the cast that its value needs to become one."""
    info = connection.adapters.types.get(column.type_code)
    name = info.name if info is not None else ""
    if name in _ARROW:
        return _ARROW[name], ""
    if name == "numeric":
        if column.precision and column.scale is not None and column.precision <= 38:
            return pa.decimal128(column.precision, column.scale), ""
        return pa.float64(), "::float8"
    return pa.string(), "::text"


def _told(error: psycopg.Error) -> str:
    """What the server says, without any value: its messages may quote a row."""
    if error.sqlstate is None:
        return json.dumps(str(error).strip().splitlines()[0])[1:-1] if str(error).strip() else "no connection"
    return f"{type(error).__name__} (SQLSTATE {error.sqlstate})"
