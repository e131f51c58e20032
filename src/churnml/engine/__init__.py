"""Opens the engine that holds the tables; the only module that names one.

Everything above works on Ibis expressions. DuckDB is embedded and the default; Spark needs the extra `spark`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from churnml import config as settings
from churnml.engine import files
from churnml.errors import ConfigError, DataError, LockError
from churnml.queries import one_condition, one_query
from churnml.scratch import scratch

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd


LARGE = 20_000_000
"""A table of more rows is taken in parts of the customers: aggregates over all of them might not fit into memory."""

PART_ROWS = 12_500_000
"""About so many rows are in a part."""

_QUICKLY = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1000"
"""Dictionaries are tried for columns of few values alone: for customers and times they are given up in the end."""

_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class _Parts(NamedTuple):
    all: ir.Table
    each: tuple[ir.Table, ...]


class Engine:
    """An open engine; a context manager that closes it and removes what it spilled to disk."""

    def __init__(
        self, backend: Any, name: str, resources: ExitStack, timezone: str, folder: Path | None = None
    ) -> None:
        self.backend = backend
        self.name = name
        self._resources = resources
        self._folder = folder
        self._timezone = timezone
        self._cached: dict[str, ir.Table] = {}
        self._servers: dict[str, Any] = {}
        self._places: list[str] = []
        self._stored: dict[str | None, tuple[ir.Table, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def read(self, path: Path, name: str | None = None) -> ir.Table:
        """A file of Parquet, CSV or JSON lines as a table, under `name` if one is given.

        Raises
        ------
        DataError
            The file is missing, of another type, or cannot be read.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such file", "check the path in the configuration")
        with self.explaining(str(path)):
            return self._known_types(files.read(self.backend, self.name, path, name), name)

    def sql(self, query: str, name: str, where: str) -> ir.Table:
        """The result of a query in the engine's SQL, as a view called `name`; `where` names it in messages.

        ConfigError when the text is anything but one query over tables.
        """
        query = one_query(query, where, self.name)
        with self.explaining(where):
            self.backend.raw_sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {query}")
            return self._known_types(self.backend.table(name), name)

    def _known_types(self, table: ir.Table, name: str | None) -> ir.Table:
        """The table with its times as types that Ibis knows."""
        if self.name == "spark":
            return files.by_wall_clock(self.backend, table, name or table.get_name(), self._timezone)
        return files.of_known_types(self.backend, table, name)

    def table(self, name: str) -> ir.Table:
        """A table of the engine, `schema.name` or `name`."""
        database, _, bare = name.rpartition(".")
        with self.explaining(name):
            table = self.backend.table(bare, database=database or None)
            return self._known_types(table, name) if self.name == "spark" else table

    def from_postgres(self, variable: str, query: str, name: str, where: str) -> tuple[ir.Table, str, int]:
        """The result of a query on a PostgreSQL server, copied once, with a digest of its rows in any order.

        `variable` is the environment variable with the server's address. Every query of one engine sees the server in
        the same state. The digest is 64 hexadecimal digits, and the last number the size of the copy in bytes.

        Raises
        ------
        ConfigError, LockError
            The query is none, or the server cannot be reached.
        """
        import duckdb

        from churnml import postgres

        query = one_query(query, where, dialect="postgres")
        if variable not in self._servers:
            self._servers[variable] = self._resources.enter_context(postgres.connected(variable, read_only=True))
        path = (self._folder or self._resources.enter_context(scratch())) / f"{name}.parquet"
        with postgres.explained(variable):
            rows = postgres.fetch(self._servers[variable], query, path)
        with self.explaining(where), duckdb.connect() as reader:
            summed = reader.sql(f"SELECT sum(hash(t)::HUGEINT)::VARCHAR FROM read_parquet('{path}') AS t").fetchall()
            kinds = reader.sql(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
        digest = hashlib.sha256(repr((rows, summed, kinds)).encode()).hexdigest()
        return self.read(path, name), digest, path.stat().st_size

    def materialise(self, expression: ir.Table, name: str) -> ir.Table:
        """Compute a table once and keep it under `name`, replacing an earlier one."""
        with self.explaining(name):
            if self.name != "duckdb":
                self._cached[name] = expression.cache()
                self.backend.create_view(name, self._cached[name], overwrite=True)
                return self.backend.table(name)
            view = f"{name}_expression"
            self.backend.create_view(view, expression, overwrite=True)
            self.backend.raw_sql(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {view}")
            self.backend.raw_sql(f"DROP VIEW {view}")
            return self.backend.table(name)

    def store(self, table: ir.Table, name: str) -> ir.Table:
        """`materialise`, but a table of more than `LARGE` rows is kept in parts of the customers, as `parts` has them.

        It is written once, and each part is read without the others.
        """
        number = parts_for(self.number(table.count())) if self._folder else 1
        if number == 1:
            return self.materialise(table, name)
        parts = self._in_parts(table, number, name)
        whole = self.view(parts.all, f"{name}_stored")
        self._stored[f"{name}_stored"] = parts.each
        return whole

    def parts(self, table: ir.Table, name: str) -> tuple[ir.Table, ...]:
        """A table of more than `LARGE` rows in the parts of the customers that `part_of` tells apart; else itself.

        Those of a table that `store` has given are there. Of any other they are written down now, under `name` (parts
        written under the same name before are gone), which takes as long as writing the table once. Spark, which keeps
        to its memory by itself, writes nothing.
        """
        if (stored := self._stored.get(_own_name(table))) is not None:
            return stored
        if (number := parts_for(self.number(table.count()))) == 1:
            return (table,)
        if self._folder is None:
            return tuple(part_of(table, number, part) for part in range(number))
        return self._in_parts(table, number, name).each

    def _in_parts(self, table: ir.Table, number: int, name: str) -> _Parts:
        """The table in Parquet files, one folder a part.

        Columns without any value are not written, nor is a clock that another one agrees with, but all are given back.
        """
        import ibis

        assert self._folder is not None
        with self.explaining(name):
            same = self._same_columns(table)
            kept = [column for column in table.columns if same[column] == column]
            view, folder = f"{name}_numbered", self._folder / name
            numbered = table.select(*kept, part_number=_part_number(table, number))
            self.backend.create_view(view, numbered, overwrite=True)
            self.backend.raw_sql(f"COPY {view} TO '{folder}' ({_QUICKLY}, PARTITION_BY part_number, OVERWRITE)")
            written = self.backend.read_parquet(
                f"{folder}/*/*.parquet", table_name=f"{name}_in_parts", hive_partitioning=True
            )
            columns = {
                column: ibis.null(kind) if (held := same[column]) is None else written[held]
                for column, kind in table.schema().items()
            }
            each = (written.filter(written.part_number == part).select(**columns) for part in range(number))
            return _Parts(written.select(**columns), tuple(each))

    def _same_columns(self, table: ir.Table) -> dict[str, str | None]:
        """For each column the first that has its values: itself, as a rule; None where it has no value at all.

        Times alone are compared: a log with one clock has it in both columns.
        """
        clocks = [column for column, kind in table.schema().items() if kind.is_timestamp()]
        pairs = {f"{number}": pair for number, pair in enumerate(combinations(clocks, 2))}
        apart = {key: table.count(where=~table[one].identical_to(table[other])) for key, (one, other) in pairs.items()}
        found = self.frame(table.aggregate(**{column: table[column].count() for column in table.columns}, **apart))
        same = {column: column if found[column].any() else None for column in table.columns}
        for key, (one, other) in pairs.items():
            if same[other] == other and not found[key].any():
                same[other] = same[one]
        return same

    def view(self, expression: ir.Table, name: str) -> ir.Table:
        """A table under `name` that is computed as far as needed whenever it is read; it replaces an earlier one."""
        with self.explaining(name):
            return self.backend.create_view(name, expression, overwrite=True)

    def filter_sql(self, table: ir.Table, condition: str, name: str, where: str) -> ir.Table:
        """The rows of a table for which a condition in the engine's SQL is true."""
        condition = one_condition(condition, where, self.name)
        with self.explaining(where):
            self.backend.create_view(f"{name}_all", table, overwrite=True)
            kept = self.sql(f"SELECT * FROM {name}_all WHERE {condition}", name, where)
            if self.name == "duckdb":
                self.number(kept.count())  # a value that the condition cannot take is told here, not of a later query
        return kept

    def prepare(self, expression: ir.Table) -> Callable[[], pd.DataFrame]:
        """A query to run many times: written once, computed at each call from what its tables hold then.

        Writing SQL for hundreds of columns takes longer than computing them for a small company.
        """
        if self.name != "duckdb":
            return lambda: self.frame(expression)
        query = self.backend.compile(expression)

        def run() -> pd.DataFrame:
            with self.explaining("the query"):
                table = self.backend.con.sql(query).to_arrow_table()
                frame: pd.DataFrame = table.to_pandas(self_destruct=True)  # never there twice
                return frame

        return run

    def number(self, scalar: Any) -> int:
        """Compute one whole number; null counts as 0."""
        with self.explaining("the query"):
            return whole(self.backend.execute(scalar))

    def frame(self, expression: ir.Table) -> pd.DataFrame:
        """Compute a table and fetch it as pandas."""
        with self.explaining("the query"):
            frame: pd.DataFrame = expression.to_pandas()
            return frame

    @contextmanager
    def explaining(self, where: str) -> Iterator[None]:
        """Turn the engine's own complaint about data or SQL into a `DataError` that names the place.

        Of places within each other the outermost is named: it is the one that the configuration knows.
        """
        self._places.append(where)
        try:
            yield
        except self._complaints() as error:
            raise _understood(error, self._places[0]) from error
        except RuntimeError as error:
            if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C
                raise KeyboardInterrupt from None
            raise
        finally:
            self._places.pop()

    def _complaints(self) -> tuple[type[Exception], ...]:
        if self.name != "duckdb":
            from pyspark.errors import AnalysisException

            return (AnalysisException,)
        import duckdb
        import ibis.common.exceptions as ibis_errors

        return (duckdb.Error, ibis_errors.IbisInputError, ibis_errors.TableNotFound)


def whole(value: Any) -> int:
    """A number that an engine gave as a whole one; null, whichever way pandas shows it, is 0.

    >>> whole(3.0), whole(None), whole(float("nan"))
    (3, 0, 0)
    """
    return 0 if value is None or value != value else int(value)


def parts_for(rows: int) -> int:
    """In how many parts a table of so many rows is taken.

    >>> parts_for(LARGE), parts_for(LARGE + 1)
    (1, 2)
    """
    return 1 if rows <= LARGE else -(-rows // PART_ROWS)


def part_of(table: ir.Table, parts: int, number: int = 0) -> ir.Table:
    """The rows of one of `parts` parts of the customers, told apart by a hash of `customer_id`."""
    return table if parts == 1 else table.filter(_part_number(table, parts) == number)


def _part_number(table: ir.Table, parts: int) -> Any:
    return table.customer_id.hash().abs() % parts


def _own_name(table: ir.Table) -> str | None:
    """The name of a table or view of the engine; None for what is computed from them."""
    from ibis.expr.operations import DatabaseTable

    operation = table.op()
    return operation.name if isinstance(operation, DatabaseTable) else None


def _understood(error: Exception, where: str) -> DataError | LockError:
    """What the engine complains of, as an error that says whether it may pass: memory, a disk, or the data."""
    kind, said = type(error).__name__, str(error)
    if kind == "OutOfMemoryException":
        return LockError(f"{where}: not enough memory", "raise engine.memory_limit, or try again later")
    trouble = next((text for code in _PASSING if (text := os.strerror(code)) in said), None)
    if trouble or kind == "FatalException":
        advice = "free some space, or name another folder in TMPDIR"
        return LockError(f"{where}: a file could not be read or written: {trouble or 'the engine gave up'}", advice)
    return DataError(f"{where}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    """The engine's message; where it is about values, which may be a customer's, without them."""
    lines = str(error).strip().splitlines()
    line = lines[0]
    if "CSV Error" in line:  # the next line has the row, values and all; the one after it says what is wrong
        line = " ".join([line, *(text for text in lines[1:3] if not text.startswith("Original Line"))])
    if type(error).__name__ not in ("ConversionException", "InvalidInputException", "OutOfRangeException"):
        return line
    return re.sub(r""""[^\n]*"|'[^\n]*'|\(\S+ [-+*/] \S+\)|(?<=value )[-+.\d]\S*""", "(not shown)", line)


def open_engine(options: settings.Engine, timezone: str = "UTC") -> Engine:
    """Open the configured engine with its memory limit and threads; wall-clock times are in `timezone`.

    Raises
    ------
    ConfigError
        Spark is asked for and the extra `spark` is not installed.
    """
    resources = ExitStack()
    if options.name == "spark":
        return _open_spark(options, timezone, resources)
    import duckdb
    import ibis

    spill = resources.enter_context(scratch())
    try:
        backend = ibis.duckdb.connect(
            spill / "tables.duckdb",  # a file is compressed and read in pieces; tables in memory are neither
            threads=options.threads,
            memory_limit=options.memory_limit.replace(" ", ""),
            temp_directory=str(spill),
            preserve_insertion_order=False,
        )
        backend.raw_sql(f"SET TimeZone = '{timezone}'")
    except duckdb.Error as error:
        resources.close()
        raise _understood(error, str(spill)) from error
    resources.callback(backend.disconnect)
    return Engine(backend, "duckdb", resources, timezone, spill)


def _open_spark(options: settings.Engine, timezone: str, resources: ExitStack) -> Engine:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigError("engine.name: spark is not installed", "pip install 'churnml[spark]'") from None
    import ibis

    heeding = signal.getsignal(signal.SIGINT)
    session = (
        SparkSession.builder.master(f"local[{options.threads}]")
        .appName("churnml")
        .config("spark.driver.memory", options.memory_limit.replace(" ", "").replace("B", "").lower())
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.timestampType", "TIMESTAMP_NTZ")  # a time is a wall-clock time, unless it has an offset
        .config("spark.sql.shuffle.partitions", str(options.threads))
        .config("spark.sql.ansi.enabled", "false")
        .getOrCreate()
    )
    if signal.getsignal(signal.SIGINT) is not heeding:  # Spark takes Ctrl-C for itself, and keeps it after its end
        signal.signal(signal.SIGINT, heeding)
    resources.callback(session.stop)
    return Engine(ibis.pyspark.connect(session), "spark", resources, timezone)
