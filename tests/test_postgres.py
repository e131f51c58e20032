"""PostgreSQL as a source and as a sink, with a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from churnml.config import Config, PostgresSink, parse_config
from churnml.engine import Engine, open_engine
from churnml.errors import ConfigError, DataError, LockError
from churnml.scoring.sinks import SCORES
from churnml.scoring.warehouse import forget, write_rows
from churnml.sources import build

DAY = date(2024, 3, 1)
SINK = PostgresSink(url="CHURN_TEST_DATABASE", table="public.scores")


@pytest.fixture
def database(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connection to the server, which is empty before and after; sources and sinks find it by the variable."""
    import psycopg

    monkeypatch.setenv("CHURN_TEST_DATABASE", postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def scores(*names: str, day: date = DAY, p_silent: float = 0.2, reason: str = "No order") -> pa.Table:
    rows = [
        {
            "customer_id": name,
            "as_of": day,
            "p_silent": p_silent,
            "p_vocal": 0.1,
            "p_retained": 0.7,
            "risk_band": "medium",
            "reason_1": reason,
            "model_version": "3",
            "run_id": "r",
            "schema_version": "1",
        }
        for name in names
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)


def excluded(table: pa.Table, customer: str, because: str) -> pa.Table:
    """The scores with a reason why this customer is on no list."""
    rows = table.to_pylist()
    marked = [row | ({"excluded_because": because} if row["customer_id"] == customer else {}) for row in rows]
    return pa.Table.from_pylist(marked, schema=SCORES)


def stored(database: Any) -> list[tuple[Any, ...]]:
    asked = "SELECT as_of, customer_id, p_silent, reason_1 FROM scores ORDER BY 1, 2"
    return [tuple(row) for row in database.execute(asked).fetchall()]


def test_a_night_is_there_once_and_the_same_night_again_changes_nothing(database: Any) -> None:
    assert write_rows(scores("a", "b", "tab\tand\nline"), DAY, SINK, ()) == 3
    before = database.execute("SELECT ctid, xmin, * FROM scores").fetchall()
    assert write_rows(scores("a", "b", "tab\tand\nline"), DAY, SINK, ()) == 0
    assert database.execute("SELECT ctid, xmin, * FROM scores").fetchall() == before
    later = date(2024, 3, 2)
    for column in ("likely_reason", "keep_1", "saveability_basis"):  # a table that an earlier version has made
        database.execute(f"ALTER TABLE scores DROP COLUMN {column}")
    assert write_rows(scores("a", day=later), later, SINK, ()) == 1
    assert write_rows(scores("a", "c", p_silent=0.3), DAY, SINK, ()) == 4  # a changed, c new, two gone
    assert stored(database) == [(DAY, "a", 0.3, "No order"), (DAY, "c", 0.3, "No order"), (later, "a", 0.2, "No order")]
    kinds = database.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'scores' "
        "ORDER BY ordinal_position"
    ).fetchall()
    assert [name for name, _ in kinds] == SCORES.names
    assert dict(kinds)["as_of"] == "date" and dict(kinds)["held_out"] == "boolean"


def test_who_may_not_be_contacted_and_who_is_forgotten_is_not_there(database: Any) -> None:
    assert forget("a", SINK) == 0  # there is no table yet
    write_rows(scores("a", "b", "c"), DAY, SINK, ())
    assert write_rows(excluded(scores("a", "b", "c"), "b", "not contactable"), DAY, SINK, {"c"}) == 2
    assert [row[1] for row in stored(database)] == ["a"]
    write_rows(scores("a", day=date(2024, 3, 2)), date(2024, 3, 2), SINK, ())
    assert forget("a'; DROP TABLE scores; --", SINK) == 0
    assert forget("a", SINK) == 2
    assert stored(database) == []
    write_rows(scores("a"), DAY, SINK, ())
    assert write_rows(scores("a"), DAY, SINK, {"a"}) == 1  # nobody is left: the night's rows go all the same
    assert stored(database) == []


def test_who_is_left_in_peace_is_there_with_the_reason(database: Any) -> None:
    table = excluded(scores("a", "b"), "b", "in a campaign lately")
    assert write_rows(table, DAY, SINK, ()) == 2
    told = database.execute("SELECT customer_id, excluded_because FROM scores ORDER BY 1").fetchall()
    assert told == [("a", None), ("b", "in a campaign lately")]


def test_readers_never_see_half_a_night(database: Any, postgres: str) -> None:
    import psycopg

    everybody = [f"c{number:04}" for number in range(3_000)]
    write_rows(scores(*everybody), DAY, SINK, ())
    seen, over = set(), threading.Event()

    def look() -> None:
        with psycopg.connect(postgres, autocommit=True) as connection:
            while not over.is_set():
                asked = connection.execute("SELECT count(*), min(p_silent), max(p_silent) FROM scores")
                seen.add(asked.fetchone())

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for chance in (0.3, 0.4, 0.5):
            write_rows(scores(*everybody, p_silent=chance), DAY, SINK, ())
    finally:
        over.set()
        reader.join(timeout=60)
    assert seen <= {(3_000, chance, chance) for chance in (0.2, 0.3, 0.4, 0.5)}


def test_a_failure_leaves_the_night_before(database: Any) -> None:
    write_rows(scores("a"), DAY, SINK, ())
    database.execute("ALTER TABLE scores ADD CHECK (p_silent < 0.5)")
    with pytest.raises(ConfigError, match=r"CHURN_TEST_DATABASE: CheckViolation \(SQLSTATE 23514\)") as raised:
        write_rows(scores("canary-b", "c", p_silent=0.6), DAY, SINK, ())
    assert "canary" not in str(raised.value)
    assert stored(database) == [(DAY, "a", 0.2, "No order")]


def test_a_server_out_of_reach_is_temporary_and_its_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_TEST_DATABASE", "postgresql://churn:hunter2@127.0.0.1:9/postgres")
    with pytest.raises(LockError, match="PostgreSQL at CHURN_TEST_DATABASE") as raised:
        write_rows(scores("a"), DAY, SINK, ())
    assert raised.value.exit_code == 75 and "hunter2" not in str(raised.value)
    monkeypatch.delenv("CHURN_TEST_DATABASE")
    with pytest.raises(ConfigError, match="CHURN_TEST_DATABASE is not set"):
        write_rows(scores("a"), DAY, SINK, ())


SHOP = """
project: shop
timezone: Europe/Berlin
sources:
  - postgres: CHURN_TEST_DATABASE
    table: public.accounts
    customers: {customer_id: id, signed_up_at: since, contactable: may_write}
  - postgres: CHURN_TEST_DATABASE
    query: SELECT * FROM orders WHERE total > 0
    events: [{kind: purchase, customer_id: account, occurred_at: at, amount: total, channel: channel}]
eligible: {active_within_days: 60}
defection: {by: inactivity, of: [purchase]}
snapshots: {every: 30 days, horizon_days: 30}
"""


@pytest.fixture
def shop(database: Any) -> Callable[..., Config]:
    database.execute(
        "CREATE TABLE accounts (id int PRIMARY KEY, since date, may_write boolean, born timestamptz, tags text[]);"
        "CREATE TABLE orders (account int, at timestamptz, total numeric(10, 2), free numeric, channel varchar(9));"
        "INSERT INTO accounts SELECT n, '2024-01-01', n % 2 = 0, now(), '{x}' FROM generate_series(1, 5) n;"
        "INSERT INTO orders SELECT n % 5 + 1, timestamptz '2024-02-01 23:30+00' + n * interval '1 hour', n + 0.25, "
        "1e30, CASE WHEN n % 2 = 0 THEN 'web' END FROM generate_series(0, 99) n"
    )

    def configure(old: str = "", new: str = "") -> Config:
        return parse_config(SHOP.replace(old, new) if old else SHOP)

    return configure


def read(config: Config) -> tuple[pd.DataFrame, pd.DataFrame, list[str], Engine]:
    with open_engine(config.engine, config.timezone) as engine:
        canonical = build(config, engine, Path())
        customers, events = engine.frame(canonical.customers), engine.frame(canonical.events)
        return customers, events, [file.sha256 for file in canonical.files], engine


def test_sources_are_read_from_the_server(shop: Callable[..., Config], database: Any) -> None:
    customers, events, digests, _ = read(shop())
    assert sorted(customers["customer_id"]) == list("12345")
    assert len(events) == 100 and float(events["amount"].sum()) == 99 * 100 / 2 + 25
    first = events.sort_values("occurred_at").iloc[0]
    assert str(first["occurred_at"]) == "2024-02-02 00:30:00"  # in Berlin
    assert (first["channel"], first["customer_id"]) == ("web", "1")
    assert events["channel"].isna().sum() == 50
    database.execute("UPDATE orders SET total = total")  # the rows in another order
    assert read(shop())[2] == digests
    database.execute("UPDATE orders SET total = 500 WHERE total = 3.25")
    again = read(shop())[2]
    assert again[0] == digests[0] and again[1] != digests[1]


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ("SELECT * FROM nowhere", "UndefinedTable"),
        ("DELETE FROM orders", "one SELECT is expected"),
        ("SELECT * FROM orders) AS q; DROP TABLE orders; SELECT * FROM (SELECT 1", "not valid SQL"),
        ("SELECT 1; DROP TABLE orders", "one SELECT is expected"),
        ("SELECT pg_read_file('/etc/passwd')", "pg_read_file is not allowed"),
    ],
)
def test_a_query_that_is_none_or_more_than_one_is_refused(
    shop: Callable[..., Config], database: Any, new: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error):
        read(shop("SELECT * FROM orders WHERE total > 0", new))
    assert database.execute("SELECT count(*) FROM orders").fetchone() == (100,)


def test_what_has_no_counterpart_is_text_and_what_does_not_fit_is_named(
    shop: Callable[..., Config], database: Any
) -> None:
    config = shop("query: SELECT * FROM orders WHERE total > 0", "query: SELECT *, to_jsonb(total) AS j FROM orders")
    assert len(read(config)[1]) == 100
    database.execute("UPDATE orders SET at = 'infinity' WHERE total = 3.25")
    with pytest.raises(DataError, match="CHURN_TEST_DATABASE"):
        read(config)


def test_the_whole_of_a_read_is_one_state_of_the_server(shop: Callable[..., Config], database: Any) -> None:
    config = shop()
    with open_engine(config.engine, config.timezone) as engine:
        first, *_ = engine.from_postgres("CHURN_TEST_DATABASE", "SELECT * FROM accounts", "one", "here")
        database.execute("INSERT INTO accounts VALUES (6, '2024-01-01')")
        second, *_ = engine.from_postgres("CHURN_TEST_DATABASE", "SELECT * FROM accounts", "two", "here")
        assert engine.number(first.count()) == engine.number(second.count()) == 5


def test_reading_cannot_write(database: Any) -> None:
    from psycopg.errors import ReadOnlySqlTransaction

    from churnml.postgres import connected

    with pytest.raises(ConfigError) as raised, connected("CHURN_TEST_DATABASE", read_only=True) as connection:
        connection.execute("CREATE TABLE x (a int)")
    assert isinstance(raised.value.__cause__, ReadOnlySqlTransaction)
