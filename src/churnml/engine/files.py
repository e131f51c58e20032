"""Raw files as tables of the engine: Parquet, CSV, JSON lines."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churnml.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir


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
    try:
        return _kept(backend, "read_csv", path, name, f"header = true, skip = 0, sample_size = -1{_separator(path)}")
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


def _kept(backend: Any, reader: str, path: Path, name: str | None, options: str) -> ir.Table:
    kept = name or f"file_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    file = str(path).replace("'", "''")
    backend.raw_sql(f"CREATE OR REPLACE TABLE {kept} AS SELECT * FROM {reader}('{file}', {options})")
    return backend.table(kept)


def _separator(path: Path) -> str:
    """The option that names the separator which the header of a CSV file uses; left to itself, DuckDB may take a row
    with too many values for the header, and name the values of a customer as columns.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header = re.sub(r'"[^"]*"', "", stream.readline())
    found = max(",;\t|", key=header.count)
    return f", delim = '{found}'" if found in header else ""
