"""The checks say the same on DuckDB and on a real local Spark session."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from churnml.config import Config, Engine
from churnml.contract import CUSTOMERS, EVENTS, check
from churnml.contract.repeated import without_repeated_days
from churnml.contract.rows import row_clocks
from churnml.engine import open_engine


@pytest.fixture
def spark() -> Engine:
    """The settings of a small local Spark; without Java or PySpark the test is skipped, in CI it fails."""
    there = {"java": shutil.which("java"), "pyspark": find_spec("pyspark")}
    if missing := [name for name, found in there.items() if not found]:
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs {' and '.join(missing)}, which must be there in CI")
        pytest.skip(f"needs {' and '.join(missing)}")
    return Engine(name="spark", memory_limit="1GB", threads=2)


@pytest.fixture
def dirty(daily: pd.DataFrame) -> pd.DataFrame:
    """A day there twice, a channel of another, and days there again hours later, a unit that changes, answers on winter
    time, an event of nobody and one too early, closures that end nothing.
    """
    days = pd.date_range("2023-01-01 06:00", "2023-12-31", freq="24h")
    opened = pd.DataFrame({"customer_id": "c1", "kind": "case_opened", "occurred_at": days})
    opened["case_id"] = [f"k{number}" for number in range(len(days))]
    summer = (days.month >= 4) & (days.month <= 9)
    answered = opened.assign(kind="case_responded", occurred_at=days + pd.to_timedelta(1800 - 3600 * summer, "s"))
    paid = daily.assign(duration_s=daily["amount"].where(daily["occurred_at"] < "2024-03-01", daily["amount"] * 1000))
    again = paid[paid["occurred_at"].dt.normalize() == "2024-02-03"]
    web = paid[(paid["occurred_at"].dt.normalize() == "2024-02-06") & (paid["channel"] == "web")]
    later = paid[paid["occurred_at"].dt.normalize().isin(pd.to_datetime(["2024-04-09", "2024-04-10"]))]
    later = later.assign(occurred_at=later["occurred_at"] + pd.Timedelta(hours=3))
    odd = pd.DataFrame(
        {
            "customer_id": ["nobody", "c2"],
            "kind": "complaint",
            "occurred_at": pd.to_datetime(["2024-02-01", "1999-01-01"]),
        }
    )
    closed = pd.DataFrame({"customer_id": ["c3", "c4", "c4"], "kind": "closed"})
    closed["occurred_at"] = pd.to_datetime(["2024-02-10", "2024-02-10", "2024-02-12"])
    books = pd.concat([opened, answered, paid, again, web, later, odd, closed], ignore_index=True)
    return books.assign(recorded_at=books["occurred_at"])


@pytest.mark.spark
def test_the_same_violations_on_both_engines(spark: Engine, dirty: Any, tmp_path: Path, configured: Any) -> None:
    people = pd.DataFrame({"customer_id": [f"c{number}" for number in range(60)], "signed_up_at": "2000-01-01"})
    people["signed_up_at"] = pd.to_datetime(people["signed_up_at"])
    raw = dirty[["customer_id", "occurred_at"]].assign(updated_at=dirty["occurred_at"] + pd.Timedelta(days=2))
    for name, frame in (("people", people), ("books", dirty), ("raw", raw)):
        times = [column for column in frame if column.endswith("_at")]
        frame.astype(dict.fromkeys(times, "datetime64[us]")).to_parquet(tmp_path / f"{name}.parquet")
    config: Config = configured(timezone="Europe/Berlin")
    desk = config.sources[1].model_copy(update={"events": (_mapping(),)})
    found, clocks, kept = {}, {}, {}
    for options in (Engine(), spark):
        with open_engine(options, config.timezone) as engine:
            customers = _held(engine, tmp_path / "people.parquet", CUSTOMERS)
            events = _held(engine, tmp_path / "books.parquet", EVENTS)
            found[options.name] = set(map(str, check(customers, events, engine, config).violations))
            kept[options.name] = without_repeated_days(events, engine)[1]
            table = engine.read(tmp_path / "raw.parquet", "raw")
            clocks[options.name] = row_clocks(table, desk, nobody(customers), engine)
    assert found["duckdb"] == found["spark"]
    assert sorted(text.split(";")[0] for text in found["duckdb"]) == [
        "events.case_responded: 183 answers up to an hour before their question, in summer only",
        "events.case_responded: 183 cases answered before they were opened",
        "events.closed: 1 customers who closed on several days",
        "events.closed: 3 closures after which their customer went on as before",
        "events.closed: 3 closures that a return followed",
        "events.customer_id: 1 events of customers who are not in customers",
        "events.occurred_at: 1 events before their customer's sign-up",
        "events.occurred_at: 1 events dated years before the books begin",
        "events.occurred_at: 64 events of engagement after their customer's closure",
        "events.purchase.duration_s: 3,720 values after a change of unit",
        "events.purchase: 100 surplus rows of days that occur twice",
        "events.purchase: 120 surplus rows of a delivery that is there twice, 3 hours apart",
    ]
    assert clocks["duckdb"] == clocks["spark"] and clocks["duckdb"][0].late == len(dirty)
    assert kept == {"duckdb": 100, "spark": 100}


def nobody(customers: Any) -> Any:
    return customers.select("customer_id", closed=True).limit(0)


def _held(engine: Any, path: Path, schema: Any) -> Any:
    table = engine.read(path, path.stem)
    columns = {
        name: (table[name] if name in table.columns else ibis.null()).cast(kind) for name, kind in schema.items()
    }
    return engine.materialise(table.select(**columns), f"given_{path.stem}")


def _mapping() -> Any:
    from churnml.config import EventMapping, MappedColumn

    customer, moment = MappedColumn(column="customer_id"), MappedColumn(column="occurred_at")
    return EventMapping(kind="purchase", customer_id=customer, occurred_at=moment)
