"""The queries of the insights give the same on DuckDB and on a real local Spark session.

The ledger is a data set, which tests/test_engine.py holds against Spark.
"""

from __future__ import annotations

import os
import shutil
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import sources
from churnml.config import Engine, parse_config
from churnml.engine import open_engine
from churnml.insights.definition import facts
from churnml.insights.findings import unlinked_voice
from churnml.insights.funnel import newcomers
from churnml.insights.launch import channel_launches
from churnml.insights.response import cases
from churnml.insights.silences import silences

CONFIG = """
project: tiny
sources:
  - path: customers.parquet
    customers: {customer_id: id, group_id: house, signed_up_at: since}
  - path: log.parquet
    rows_without_customer: drop
    events:
      - kind: {column: kind}
        occurred_at: at
        customer_id: id
        channel: channel
        name: name
        case_id: case
        amount: amount
        wait_s: wait
        allow_null: true
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
voice: {kinds: [complaint], lookback_days: 30}
channels: {dark: [forum]}
features: {friction: [error]}
snapshots: {every: 30 days, horizon_days: 30}
economics: {value_days: 100}
"""
KINDS = ("purchase", "purchase", "error", "contact", "complaint", "onboarding_step")
CUSTOMERS, ROWS = 60, 2000
FIRST, KNOWN, SNAPSHOTS = date(2024, 1, 1), date(2024, 12, 1), [date(2024, 8, 1), date(2024, 10, 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Customers and a log on disk; every column has nulls, the chat opens in June."""
    draw = np.random.default_rng(3)

    def some(values: Any, missing: float = 0.3) -> list[Any]:
        return [None if gone else value for value, gone in zip(values, draw.random(ROWS) < missing, strict=True)]

    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 335 * 86_400, ROWS), "s")
    kinds = draw.choice(KINDS, ROWS).astype(object)
    kinds[draw.random(ROWS) < 0.01] = "closed"
    channels = np.where((at >= "2024-06-01") & (draw.random(ROWS) < 0.6), "chat", draw.choice(["phone", "forum"], ROWS))
    log = pd.DataFrame(
        {
            "id": some([f"c{number}" for number in draw.integers(0, CUSTOMERS, ROWS)], 0.02),
            "kind": kinds,
            "at": at.astype("datetime64[us]"),
            "channel": some(channels, 0.1),
            "name": some(draw.choice(["a", "b"], ROWS), 0.2),
            "case": some([f"k{number}" for number in range(ROWS)]),
            "amount": some(draw.integers(0, 9000, ROWS) / 100),
            "wait": some(draw.integers(0, 1200, ROWS).astype(float)),
        }
    )
    asked = log[log["kind"].isin(["contact", "complaint"]) & log["case"].notna()].iloc[::2]
    after = pd.to_timedelta(draw.integers(60, 14 * 86_400, len(asked)), "s")
    replies = asked.assign(kind="case_responded", at=(asked["at"] + after).astype("datetime64[us]"))
    log = pd.concat([log, replies], ignore_index=True)
    since = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 120, CUSTOMERS), "D")
    people = {"id": [f"c{n}" for n in range(CUSTOMERS)], "house": [f"h{n // 2}" for n in range(CUSTOMERS)]}
    log.to_parquet(tmp_path / "log.parquet")
    pd.DataFrame(people | {"since": since.astype("datetime64[us]")}).to_parquet(tmp_path / "customers.parquet")
    return tmp_path


def found(options: Engine, folder: Path) -> dict[str, pd.DataFrame]:
    """Everything that the insights ask an engine for, by its name."""
    config = parse_config(CONFIG)
    with open_engine(options) as engine:
        canonical = sources.build(config, engine, folder)
        launches = channel_launches(canonical, config, engine, KNOWN)
        voice = unlinked_voice(canonical, config, engine, SNAPSHOTS, KNOWN)
        return {
            "cases": cases(canonical, config, engine, FIRST, KNOWN),
            "launches": launches.frame(),
            "months": pd.concat([launch.months for launch in launches.launches]),
            "newcomers": newcomers(canonical, config, engine, FIRST, KNOWN),
            "silences": silences(canonical, config, engine, KNOWN),
            "facts": facts(canonical, config, engine, SNAPSHOTS[:1], KNOWN, 90),
            "voice": pd.DataFrame([vars(voice)]),
        }


@pytest.mark.spark
def test_the_same_insights_on_both_engines(folder: Path) -> None:
    there = {"java": shutil.which("java"), "pyspark": find_spec("pyspark")}
    if missing := [name for name, here in there.items() if not here]:
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs {' and '.join(missing)}, which must be there in CI")
        pytest.skip(f"needs {' and '.join(missing)}")
    on_duckdb = found(Engine(), folder)
    on_spark = found(Engine(name="spark", memory_limit="1GB", threads=2), folder)
    for name, frame in on_duckdb.items():
        assert len(frame), name
        pd.testing.assert_frame_equal(frame, on_spark[name], check_dtype=False, rtol=1e-6, obj=name)
    assert on_duckdb["cases"]["response_s"].notna().sum() > 90 and set(on_duckdb["launches"]["channel"]) == {"chat"}
    assert on_duckdb["voice"].iloc[0].min() > 0 and on_duckdb["newcomers"]["step a"].notna().any()
