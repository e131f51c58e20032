"""The engine: limits, errors in words, and the same data set from DuckDB and from a real Spark session."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml import dataset, sources
from churnml.config import Engine as Options
from churnml.engine import open_engine
from churnml.errors import ConfigError, DataError


def test_memory_and_threads_are_the_configured_ones() -> None:
    with open_engine(Options(memory_limit="512MB", threads=1), "Europe/London") as engine:
        rows = engine.backend.raw_sql("SELECT name, value FROM duckdb_settings()").fetchall()
        found = dict(rows)
    assert found["threads"] == "1"
    assert found["TimeZone"] == "Europe/London"
    assert found["memory_limit"].startswith("488")  # 512 MB in MiB


def test_bad_sql_is_one_line_that_names_the_place() -> None:
    with open_engine(Options()) as engine, pytest.raises(ConfigError, match=r"^sources\[0\]: not valid SQL"):
        engine.sql("SELEC 1", "q", "sources[0]")


def test_a_file_that_is_no_parquet_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("not parquet")
    with open_engine(Options()) as engine, pytest.raises(DataError, match=r"x\.parquet: "):
        engine.read(tmp_path / "x.parquet")


def test_dates_of_a_csv_file_are_read_as_the_file_writes_them(tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text("member;since;fee\n000123;25.04.2024;19,90\n104711;01.03.2024;29,90\n")
    with open_engine(Options()) as engine:
        table = engine.read(tmp_path / "members.csv")
        times = engine.frame(table.select(at=table.since.cast("timestamp"), member=table.member))
    assert times["at"].tolist() == [pd.Timestamp("2024-04-25"), pd.Timestamp("2024-03-01")]
    assert times["member"].tolist() == ["000123", "104711"]


def test_ids_of_a_csv_file_keep_their_zeros_however_far_down_they_are(tmp_path: Path) -> None:
    rows = "".join(f"{100000 + number}\n" for number in range(25_000))
    (tmp_path / "ids.csv").write_text(f"id\n{rows}000123\n")
    with open_engine(Options()) as engine:
        ids = engine.frame(engine.read(tmp_path / "ids.csv"))["id"]
    assert "000123" in set(ids)
    assert "100000" in set(ids)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty, it has no header either"),
        (
            b"id,at,what\n" + 900 * b"1,2024-01-01,a\n" + b"2,2024-01-02,b,c,d\n",
            "its rows do not all have as many values as the header",
        ),
        ("id,at,what\n1,2024-01-01,Café\n".encode("latin-1"), "it is not UTF-8"),
    ],
    ids=["empty", "ragged", "latin"],
)
def test_a_csv_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "odd.csv").write_bytes(content)
    with open_engine(Options()) as engine, pytest.raises(DataError, match=rf"odd\.csv: .*{said}") as caught:
        engine.read(tmp_path / "odd.csv")
    assert "Caf" not in str(caught.value)


@pytest.mark.parametrize(
    ("dates", "either"),
    [
        (["01/02/2024", "03/04/2024"], True),  # February or January: who knows
        (["01/02/2024 10:00:00", "12/04/2024 11:00:00"], True),
        (["01-02-2024", "11-12-2024"], True),
        (["01/02/2024", "25/04/2024"], False),
        (["01/02/2024", "04/25/2024"], False),
        (["2024-01-02", "2024-03-04"], False),
        (["01.02.2024", "03.04.2024"], False),
    ],
)
def test_a_date_that_could_be_either_is_not_guessed(tmp_path: Path, dates: list[str], either: bool) -> None:
    rows = "".join(f"{number},{day},2024-01-01\n" for number, day in enumerate(dates))
    (tmp_path / "log.csv").write_text(f'id,it\'s "at",iso\n{rows}'.replace('"', ""))
    with open_engine(Options()) as engine:
        schema = engine.read(tmp_path / "log.csv").schema()
        assert not schema["iso"].is_string()
        assert schema["it's at"].is_string() == either


def test_a_csv_file_of_a_header_alone_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("id,at\n")
    with open_engine(Options()) as engine:
        table = engine.read(tmp_path / "none.csv")
        assert (table.columns, engine.number(table.count())) == (("id", "at"), 0)


def test_a_prepared_query_sees_what_its_tables_hold_now() -> None:
    with open_engine(Options()) as engine:
        table = engine.materialise(engine.sql("SELECT 1 AS a", "one", "here"), "held")
        query = engine.prepare(table.mutate(b=table.a + 1))
        first = query()["b"].tolist()
        engine.materialise(engine.sql("SELECT 41 AS a", "two", "here"), "held")
        assert (first, query()["b"].tolist()) == ([2], [42])


@pytest.mark.spark
def test_spark_gives_the_same_data_set(shop: Any, configured: Any) -> None:
    missing = None if shutil.which("java") else "a Java runtime"
    try:
        import pyspark  # noqa: F401
    except ImportError:
        missing = "the extra `spark`"
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"needs {missing}")
    if missing:
        pytest.skip(f"needs {missing}")
    for number in range(30):
        name = f"c{number}"
        shop.customer(name, since=f"2024-01-{1 + number % 28:02d}")
        for order in range(min(number % 5 + 1, 2 if number % 7 == 0 else 5)):
            day = f"2024-{2 + order % 4:02d}-{1 + (number * 7 + order) % 28:02d} 00:30"
            shop.event(name, "purchase", day, channel="web" if order % 2 else "phone", amount=1.5 * order)
        if number % 4 == 0:
            shop.event(name, "complaint", "2024-03-20", channel="phone")
        if number % 7 == 0:
            shop.event(name, "closed", "2024-04-12")
    shop.event("c1", "closed", "2024-01-03")  # back in February
    config, root, known = configured(timezone="Europe/Berlin"), shop.write(), date(2024, 6, 1)
    log = pd.read_parquet(root / "log.parquet")
    moments = {name: log[name].dt.tz_localize("Europe/Berlin") for name in ("at", "known")}
    log.assign(**moments).to_parquet(root / "log.parquet")  # half an hour after midnight there is the day before in UTC
    (root / "times.csv").write_text("wall\n2024-03-31 02:30:00\n")  # an hour that the clocks skip
    frames, times, heeding = [], [], signal.getsignal(signal.SIGINT)
    for engine_name in ("duckdb", "spark"):
        with open_engine(Options(name=engine_name), config.timezone) as engine:
            assert signal.getsignal(signal.SIGINT) is heeding
            times.append(engine.frame(engine.read(root / "times.csv").select("wall"))["wall"].astype(str).tolist())
            canonical = sources.build(config, engine, root)
            assert not canonical.report(engine, config).refused
            recipe = dataset.Recipe.of(config, dataset.take_inventory(canonical, known))
            snapshots = [date(2024, 3, 25), date(2024, 4, 1)]
            frames.append(dataset.build(canonical, config, engine, snapshots, recipe, labels_known_at=known).frame())
    pd.testing.assert_frame_equal(frames[0], frames[1], rtol=1e-9, check_dtype=False)
    assert set(frames[0]["outcome"]) == {"retained", "silent", "vocal"}
    assert times == [["2024-03-31 02:30:00"]] * 2


def test_an_interrupted_query_is_an_interruption(engine: Any) -> None:
    """DuckDB makes a RuntimeError of Ctrl-C."""
    query = "SELECT count(*) FROM range(100000000) a(x) JOIN range(300000) b(y) ON a.x % 10007 = b.y % 10007"
    interrupting = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), engine.explaining("the query"):
        interrupting.start()
        engine.backend.con.sql(query).fetchall()
