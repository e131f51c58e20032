"""Turns the publishers' archives into Parquet, counting every row on the way."""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from churnml.datasets.public_fetch import Progress
from churnml.errors import DataError

_TEXT, _WHOLE, _DECIMAL = "VARCHAR", "INTEGER", "DOUBLE"
_OULAD_NUMBERS = {
    "id_assessment": _WHOLE, "date": _WHOLE, "weight": _DECIMAL, "module_presentation_length": _WHOLE,
    "id_student": _WHOLE, "date_submitted": _WHOLE, "is_banked": _WHOLE, "score": _DECIMAL,
    "num_of_prev_attempts": _WHOLE, "studied_credits": _WHOLE, "date_registration": _WHOLE,
    "date_unregistration": _WHOLE, "id_site": _WHOLE, "sum_click": _WHOLE, "week_from": _WHOLE, "week_to": _WHOLE,
}  # fmt: skip
_YEAR = "code_presentation LIKE '2013%'"

_RETAIL_NAMES = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}
_RETAIL_COLUMNS = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country",
)  # fmt: skip
_SECOND_SHEET_BEGINS = datetime(2010, 12, 1)
_BATCH = 50_000


def convert_oulad(archive: Path, out: Path, published: Mapping[str, int], progress: Progress) -> None:
    """The CSV files of OULAD as Parquet, the presentations of 2013 only.

    Raises
    ------
    DataError
        A file is missing or unreadable, or has another number of rows than published.
    """
    import duckdb

    with _opened(archive) as package, duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as engine:
        folder = str(out).replace("'", "''")
        engine.execute(f"SET temp_directory = '{folder}/.spill'")
        order = sorted(published, key=lambda table: table != "assessments")  # others refer to it
        for number, table in enumerate(order):
            file = out / f"{table}.csv"
            with package.open(_member(package, archive, f"{table}.csv")) as source, file.open("wb") as target:
                shutil.copyfileobj(source, target)
            with file.open(newline="", encoding="utf-8") as stream:
                header = next(csv.reader(stream), [])
            types = {name: _OULAD_NUMBERS.get(name, _TEXT) for name in header}
            try:
                engine.execute(f"CREATE TEMP TABLE {table} AS FROM read_csv(?, header = true, auto_detect = false, "
                               "delim = ',', quote = '\"', escape = '\"', columns = ?, nullstr = ['', '?'])",
                               [str(file), types])  # fmt: skip
                _count(archive, f"{table}.csv", engine.table(table).count("*").fetchall()[0][0], published[table])
                where = _YEAR
                if table == "studentAssessment":
                    where = f"id_assessment IN (SELECT id_assessment FROM assessments WHERE {_YEAR})"
                query = f"SELECT * FROM {table} WHERE {where}"
                engine.execute(f"COPY ({query}) TO '{folder}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
            except duckdb.Error as error:
                raise DataError(f"{archive.name}: {table}.csv: {str(error).splitlines()[0]}") from error
            if table != "assessments":
                engine.execute(f"DROP TABLE {table}")
            file.unlink()
            progress(number + 1, len(order))
    shutil.rmtree(out / ".spill", ignore_errors=True)


def convert_online_retail(archive: Path, out: Path, published: Mapping[str, int], progress: Progress) -> None:
    """Both sheets of Online Retail II as one Parquet file; days that both hold are taken from the second.

    Raises
    ------
    DataError
        The workbook or a sheet is missing or unreadable, or has another number of rows than published.
    """
    import openpyxl
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("sheet", pa.string()), ("InvoiceNo", pa.string()), ("StockCode", pa.string()),
            ("Description", pa.string()), ("Quantity", pa.int32()), ("InvoiceDate", pa.timestamp("us")),
            ("UnitPrice", pa.float64()), ("CustomerID", pa.int32()), ("Country", pa.string()),
        ]
    )  # fmt: skip
    first, second = published
    total, done = sum(published.values()), 0
    with (
        _opened(archive) as package,
        pq.ParquetWriter(out / "transactions.parquet", schema, compression="zstd") as file,
    ):
        workbook_file = out / "workbook.xlsx"
        with package.open(_member(package, archive, ".xlsx")) as source, workbook_file.open("wb") as target:
            shutil.copyfileobj(source, target)
        try:
            workbook = openpyxl.load_workbook(workbook_file, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
            raise DataError(f"{archive.name}: its workbook cannot be read: {error}") from error
        for sheet in (first, second):
            if sheet not in workbook.sheetnames:
                raise DataError(f"{archive.name}: no sheet {sheet!r}; it has {', '.join(workbook.sheetnames)}")
            rows = 0
            for batch in _batches(workbook[sheet], archive.name):
                rows += len(batch)
                kept = [row for row in batch if sheet == second or row["InvoiceDate"] < _SECOND_SHEET_BEGINS]
                file.write_table(pa.Table.from_pylist([{"sheet": sheet, **row} for row in kept], schema=schema))
                progress(done + rows, total)
            _count(archive, f"sheet {sheet!r}", rows, published[sheet])
            done += rows
        workbook.close()
    workbook_file.unlink()


def _batches(sheet: Any, archive: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of a sheet, some at a time, with our names and types."""
    sheet.reset_dimensions()
    rows = sheet.iter_rows(values_only=True)
    header = [_RETAIL_NAMES.get(str(name).strip(), str(name).strip()) for name in next(rows, ())]
    if missing := sorted(set(_RETAIL_COLUMNS) - set(header)):
        raise DataError(f"{archive}: sheet {sheet.title!r}: column {', '.join(missing)} is missing")
    batch: list[dict[str, Any]] = []
    for number, cells in enumerate(rows, start=2):
        row = dict(zip(header, cells, strict=False))
        if row.get("InvoiceNo") is None:
            continue
        try:
            batch.append({name: _cell(name, row.get(name)) for name in _RETAIL_COLUMNS})
        except (TypeError, ValueError):
            raise DataError(f"{archive}: sheet {sheet.title!r}: row {number} is not an order line") from None
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _cell(name: str, value: Any) -> Any:
    match name:
        case "InvoiceDate":
            if not isinstance(value, datetime):
                raise TypeError(name)
            return value
        case "UnitPrice":
            return float(value)
        case "Quantity":
            return int(value)
        case "CustomerID":
            return None if value is None else int(value)
    return None if value is None else str(value)


def _count(archive: Path, part: str, found: int, published: int) -> None:
    if found != published:
        raise DataError(f"{archive.name}: {part} has {found:,} rows, {published:,} are published")


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as package:
            yield package
    except zipfile.BadZipFile as error:
        raise DataError(f"{archive.name}: not a whole zip archive: {error}", "try the download again") from error


def _member(package: zipfile.ZipFile, archive: Path, ending: str) -> str:
    """The archive's one member with this file name, or with a name that ends like this."""
    names = package.namelist()
    found = [name for name in names if name.rsplit("/", 1)[-1] == ending] or [n for n in names if n.endswith(ending)]
    if not found:
        raise DataError(f"{archive.name}: holds no {ending.lstrip('.')}; it has {', '.join(names[:12])}")
    return found[0]
