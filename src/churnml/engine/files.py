"""Raw files as tables of the engine: Parquet, CSV, JSON lines."""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churnml.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SLASHED = re.compile(r"(?<![0-9])[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{4}(?![0-9])")
"""A date whose first number may be the day or the month."""
_SEEN = 100
"""So many rows tell how a file writes its dates."""


def read(backend: Any, engine: str, path: Path, name: str | None) -> ir.Table:
    """A file that is there as a table, under `name` if one is given; DataError if its type is not known.

    Other complaints are the engine's own.
    """
    match path.suffix.lower():
        case ".parquet":
            return backend.read_parquet(str(path), table_name=name)
        case ".csv":
            return _csv(backend, engine, path, name)
        case ".jsonl" | ".ndjson":
            return _json_lines(backend, engine, path, name)
    given = path.suffix or "a file without a suffix"
    raise DataError(f"{path}: {given} cannot be read", "give .parquet, .csv or .jsonl")


def of_known_types(backend: Any, table: ir.Table, name: str | None) -> ir.Table:
    """DuckDB's table with times of a type that Ibis does not know (nanoseconds with a time zone) as those it does."""
    odd = [column for column, kind in table.schema().items() if kind.is_unknown() and "TIMESTAMPTZ" in str(kind)]
    if not odd:
        return table
    casts = ", ".join(f'CAST("{column}" AS TIMESTAMPTZ) AS "{column}"' for column in odd)
    known = f"{name or table.get_name()}_known"
    backend.raw_sql(f"CREATE OR REPLACE TEMPORARY VIEW {known} AS SELECT * REPLACE ({casts}) FROM {table.get_name()}")
    return backend.table(known)


def by_wall_clock(backend: Any, table: ir.Table, name: str, timezone: str) -> ir.Table:
    """Spark's table with moments as wall-clock times; DuckDB converts them itself, where they are cast.

    A Spark session runs in UTC: Ibis wants it so, and seconds are counted between wall-clock times.
    """
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import from_utc_timestamp
    from pyspark.sql.types import TimestampType

    frame = SparkSession.active().table(name)
    moments = [column.name for column in frame.schema if isinstance(column.dataType, TimestampType)]
    if not moments:
        return table
    local = {item: from_utc_timestamp(frame[item], timezone).cast("timestamp_ntz") for item in moments}
    known = name.replace(".", "_")
    frame.withColumns(local).createOrReplaceTempView(known)
    return backend.table(known)


def _csv(backend: Any, engine: str, path: Path, name: str | None) -> ir.Table:
    """A CSV file as a table; DuckDB takes its types from all rows, and its values as they are written.

    Of a view on the file DuckDB would convert columns while it reads, by its own format of dates and not by that of the
    file; and types taken from the first rows lose the leading zeros of an id further down.
    """
    if engine != "duckdb":
        return backend.read_csv(str(path), table_name=name)
    import duckdb

    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty, it has no header either", "check the extract")
    options = f"header = true, skip = 0, sample_size = -1{_separator(path)}"
    try:
        table = _kept(backend, "read_csv", path, name, options)
        if not (either := _either(backend, table, path, options)):
            return table
        as_text = ", ".join(f"'{_quoted(column)}': 'VARCHAR'" for column in either)
        return _kept(backend, "read_csv", path, name, f"{options}, types = {{{as_text}}}")
    except duckdb.Error as error:
        if "not utf-8 encoded" in str(error):
            advice = "convert it: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv"
            raise DataError(f"{path}: it is not UTF-8", advice) from error
        if "when sniffing" not in str(error):
            raise
        raise DataError(
            f"{path}: its rows do not all have as many values as the header",
            "look for a row with too many values, or a quote that is not closed",
        ) from error


def _json_lines(backend: Any, engine: str, path: Path, name: str | None) -> ir.Table:
    """A file with a JSON object on each line as a table; DuckDB takes its types from all lines."""
    if engine != "duckdb":
        return backend.read_json(str(path), table_name=name)
    return _kept(backend, "read_json", path, name, "format = 'newline_delimited', sample_size = -1")


def _either(backend: Any, table: ir.Table, path: Path, options: str) -> list[str]:
    """The columns of dates such as 01/02/2024 that all could have the day first or the month: they are left as text."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        if not any(_SLASHED.search(line) for line in islice(stream, 1 + _SEEN)):
            return []
    times = [column for column, kind in table.schema().items() if kind.is_date() or kind.is_timestamp()]
    read = f"read_csv('{_quoted(path)}', {options}, all_varchar = true)"
    found = []
    for column in times:
        name = column.replace('"', '""')
        ((text,),) = backend.raw_sql(f"""SELECT min("{name}") FROM (FROM {read} LIMIT {_SEEN})""").fetchall()
        ((late,),) = backend.raw_sql(f"""SELECT max(day("{name}")) > 12 FROM {table.get_name()}""").fetchall()
        if text is not None and _SLASHED.search(text) and not late:
            found.append(column)
    return found


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")


def _kept(backend: Any, reader: str, path: Path, name: str | None, options: str) -> ir.Table:
    kept = name or f"file_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    backend.raw_sql(f"CREATE OR REPLACE TABLE {kept} AS SELECT * FROM {reader}('{_quoted(path)}', {options})")
    return backend.table(kept)


def _separator(path: Path) -> str:
    """The option that names the separator which the header of a CSV file uses; left to itself, DuckDB may take a row
    with too many values for the header, and name the values of a customer as columns.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header = re.sub(r'"[^"]*"', "", stream.readline())
    found = max(",;\t|", key=header.count)
    return f", delim = '{found}'" if found in header else ""
