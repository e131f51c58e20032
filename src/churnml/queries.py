"""SQL from a configuration, held to what it is for: one query, or one condition, over tables. Nothing else runs.

A configuration says which rows to read. It must not be able to write, to attach, to run a second statement, or to read
files that are not among its sources, even where whoever wrote it was deceived. Nor may it look at a clock or throw
dice: what a night reads would not be what the night said it had read.
"""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp

from churnml.errors import ConfigError

_REACHING = re.compile(
    r"^(read_|parquet_|sniff_|glob$|scan_|iceberg_|delta_|sqlite_|postgres_|mysql_|query$|query_table$|getenv$|pragma_"
    r"|duckdb_secrets|pg_|lo_|dblink|java_method$|reflect$|load_extension$|set_config$|current_setting$)",
    re.IGNORECASE,
)
_UNSTEADY = re.compile(
    r"^(now|today|current_\w+|get_current_\w+|local(time|timestamp)|sysdate|getdate|curdate|(clock|statement|transaction)"
    r"_timestamp|rand|random|setseed|shuffle|uuid\w*)$",
    re.IGNORECASE,
)
"""What gives another answer at another time."""
_MAKING_ROWS = frozenset({"generate_series", "generateseries", "range", "unnest", "explode"})
_TABLE = re.compile(r"^\w+$")


def one_query(text: str, where: str, dialect: str = "duckdb") -> str:
    """The text of a single SELECT over named tables, without a trailing semicolon.

    Raises
    ------
    ConfigError
        It is something else; `where` names the place.

    >>> one_query("SELECT a FROM t;", "sources[0].query")
    'SELECT a FROM t'
    """
    statements = _parsed(text, where, dialect)
    if len(statements) != 1 or not isinstance((statement := statements[0]), exp.Query):
        raise ConfigError(f"{where}: one SELECT is expected, and nothing besides", "write what it should read only")
    _refuse_reaching(statement, where)
    return text.strip().rstrip(";").rstrip()


def one_condition(text: str, where: str, dialect: str = "duckdb") -> str:
    """The text of a single condition over the columns of one row, in brackets.

    >>> one_condition("amount > 0 OR refund", "sources[0].events[0].where")
    '(amount > 0 OR refund\\n)'
    """
    statements = _parsed(f"SELECT (\n{text}\n)", where, dialect)
    only: Any = statements[0] if len(statements) == 1 and isinstance(statements[0], exp.Select) else exp.Select()
    chosen = only.expressions
    alone = len(chosen) == 1 and isinstance(chosen[0], exp.Paren) and set(_given(only)) == {"expressions"}
    if not alone or any(isinstance(part, exp.Query) for part in chosen[0].walk()):
        raise ConfigError(f"{where}: one condition over the row's columns is expected", "put queries under query")
    _refuse_reaching(chosen[0], where)
    return f"({text}\n)"


def _given(statement: Any) -> list[str]:
    return [name for name, value in statement.args.items() if value]


def _parsed(text: str, where: str, dialect: str) -> list[Any]:
    try:
        found = sqlglot.parse(text, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        line = str(error).splitlines()[0] if str(error) else "too deeply nested"
        line = re.sub(r" for <class [^>]*>", "", line)  # the parser's own parts tell a reader nothing
        raise ConfigError(f"{where}: not valid SQL: {re.sub(r'[^ -~]', '', line)[:200]}", "see the guide") from None
    return [statement for statement in found if statement is not None]


def _refuse_reaching(statement: Any, where: str) -> None:
    for table in statement.find_all(exp.Table):
        made = table.this
        if not isinstance(made, exp.Identifier | exp.Literal) and _called(made).lower() not in _MAKING_ROWS:
            raise ConfigError(f"{where}: {_called(made)} is not allowed here", "name files under sources or inputs")
        for part in (table.this, table.args.get("db"), table.args.get("catalog")):
            if isinstance(part, exp.Identifier | exp.Literal) and not _TABLE.match(part.name):
                raise ConfigError(f"{where}: {part.name[:60]!r} is no table", "name files under sources or inputs")
    for function in statement.find_all(exp.Func):
        if _REACHING.match(_called(function)):
            raise ConfigError(f"{where}: {_called(function)} is not allowed here", "name files under sources or inputs")
        since_today = _called(function).lower() == "age" and len(function.expressions) == 1
        if _UNSTEADY.match(_called(function)) or since_today:
            raise ConfigError(
                f"{where}: {_called(function).lower()} gives other rows at another time",
                "write a date; what is known by then, --as-of decides",
            )
    if statement.find(exp.TableSample):
        raise ConfigError(f"{where}: a sample is another one each time", "choose rows by a hash of the customer's id")


def _called(function: Any) -> str:
    """The name by which a function was called."""
    if isinstance(function, exp.Anonymous):
        return str(function.name)
    return function.sql_name() if isinstance(function, exp.Func) else type(function).__name__
