"""Raw columns as values of the canonical types: what needs no guess is read, and for all else there is advice."""

from __future__ import annotations

from typing import Any

import ibis

OFFSET = r":[0-9.]+ ?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""A time as text that ends in its offset from UTC."""
_DOTTED = r"^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})( .*)?$"
"""A date with dots has its day first, wherever it is written."""
_COMMA = r"^[-+]?[0-9.]*,[0-9]+$"


def unreadable(column: Any, kind: str) -> str | None:
    """Why no value of a column can be of a canonical type, with what to do; None where they may be."""
    have, name = column.type(), column.get_name()
    if kind == "timestamp" and have.is_numeric():
        return (
            f'is {have}, not a date or time; convert it in a query: to_timestamp("{name}") of seconds since 1970, '
            f'to_timestamp("{name}" / 1000.0) of milliseconds, '
            f"strptime(CAST(\"{name}\" AS VARCHAR), '%Y%m%d') of days written like 20240131"
        )
    if kind == "timestamp" and not (have.is_timestamp() or have.is_date() or have.is_string()):
        return f"is {have}, not a date or time; convert it in a query"
    if kind not in ("timestamp", "string") and have.is_temporal():
        return f"is {have}, not a number"
    return None


def read(column: Any, kind: str, engine: str) -> Any:
    """A column as a canonical type; null for text that cannot be read as one.

    On DuckDB, a time as text with an offset from UTC is shown by the clocks of the time zone.
    """
    have = column.type()
    if have.is_null():
        return ibis.null(kind)
    if kind == "string":
        return column.cast("int64").cast("string") if have.is_floating() else column.cast("string")
    if not have.is_string():
        return (column.round() if kind == "int64" and have.is_floating() else column).cast(kind)
    if kind != "timestamp":
        return column.try_cast(kind)
    year, month, day, rest = (column.re_extract(_DOTTED, part) for part in (3, 2, 1, 4))
    dotted = column.re_search(_DOTTED)
    moment = dotted.ifelse(year + "-" + month + "-" + day + rest, column).try_cast("timestamp")
    if engine == "duckdb":
        return column.re_search(OFFSET).ifelse(column.try_cast("timestamp('UTC')").cast("timestamp"), moment)
    return moment


def advice(kind: str, column: str) -> str:
    """What to do about text that cannot be read as a canonical type."""
    if kind == "boolean":
        return f"say what the values mean: {{column: {column}, map: {{J: true, N: false}}}}"
    if kind == "timestamp":
        return f"fix the extract, or convert in a query: strptime(\"{column}\", '%m/%d/%Y %H:%M') of 07/31/2024 18:30"
    return "fix the extract or convert in a query"


def decimal_commas(column: Any) -> Any:
    """How many values of a text column are numbers with a decimal comma."""
    return column.re_search(_COMMA).sum()


def decimal_comma_advice(column: str) -> str:
    """What to do about decimal commas, which elsewhere divide thousands."""
    return f"decimal commas: convert in a query, replace(replace(\"{column}\", '.', ''), ',', '.')"
