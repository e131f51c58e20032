"""A dense log by day gives the same features, and is made only where that pays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml import daily
from churnml.config import Config, parse_config
from churnml.contract import CUSTOMERS, EVENTS
from churnml.dataset import Recipe, snapshot_features, take_inventory
from churnml.engine import Engine, open_engine
from churnml.outcomes import label
from churnml.sources import Canonical
from churnml.timeline import observe

T = date(2024, 6, 1)
CONFIG = """
project: clicks
engine: {name: %s, threads: 2}
sources: [{path: people.parquet, customers: {customer_id: id, signed_up_at: since}}]
kinds: [lesson]
eligible: {active_within_days: 200}
defection: {by: inactivity, of: [activity, lesson]}
channels: {dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
"""
APART = {"amount": 5.0, "rating": 0.5, "case_id": "k1", "text": "Why?", "wait_s": 9}


def clicks(rows: int, customers: int, days: int) -> pd.DataFrame:
    """Clicks and lessons on a few days, some with a length or a quantity, a few with what keeps a row apart."""
    rng = np.random.default_rng(5)
    day = rng.integers(0, days, rows) * 7
    late = rng.random(rows) < 0.1
    happened = pd.Timestamp(T) - pd.to_timedelta(day * 86400 + rng.integers(1, 86400, rows), unit="s")
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{n:03}" for n in rng.integers(0, customers, rows)],
            "occurred_at": happened,
            "recorded_at": happened + pd.to_timedelta(late * rng.integers(1, 9, rows), unit="D"),
            "kind": rng.choice(
                ["activity", "lesson", "contact", "purchase", "error"], rows, p=[0.6, 0.3, 0.04, 0.03, 0.03]
            ),
            "channel": rng.choice(np.array(["web", "app", "forum", None], dtype=object), rows),
            "name": rng.choice(np.array(["page 1", "page 2", None], dtype=object), rows),
            "direction": rng.choice(np.array(["inbound", "outbound", None], dtype=object), rows, p=[0.3, 0.1, 0.6]),
            "quantity": pd.array(np.where(rng.random(rows) < 0.5, rng.integers(1, 9, rows), -1)).astype("Int64"),
            "duration_s": pd.array(np.where(rng.random(rows) < 0.5, rng.integers(1, 900, rows), -1)).astype("Int64"),
        }
    )
    for name in ("quantity", "duration_s"):
        frame.loc[frame[name] < 0, name] = pd.NA
    for name, value in APART.items():
        frame[name] = [value if here else None for here in rng.random(rows) < 0.01]
    return frame


def canonical(engine: Engine, events: pd.DataFrame, folder) -> Canonical:
    people = pd.DataFrame({"customer_id": sorted(set(events["customer_id"]))})
    people["signed_up_at"] = pd.Timestamp("2024-04-20")
    tables = []
    for name, frame, schema in (("people", people, CUSTOMERS), ("books", events, EVENTS)):
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
        raw = engine.read(folder / f"{name}.parquet")
        columns = {
            column: raw[column].cast(kind) if column in raw.columns else ibis.null(kind)
            for column, kind in schema.items()
        }
        tables.append(engine.materialise(raw.select(**columns), name))
    return Canonical(*tables)


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def opened(request, tmp_path) -> Iterator[tuple[Engine, Config, Canonical]]:
    families = "features: {families: [recency, channels, onboarding]}" if request.param == "spark" else ""
    config = parse_config(CONFIG % request.param + families, "clicks.yaml")
    with open_engine(config.engine) as engine:
        yield engine, config, canonical(engine, clicks(6000, 12, 6), tmp_path)


def test_every_feature_is_the_same_by_day(opened: tuple[Engine, Config, Canonical]) -> None:
    engine, config, whole = opened
    recipe = Recipe.of(config, take_inventory(whole, date(2024, 7, 1)))
    assert len(recipe.features) > 80
    merged = replace(whole, events=engine.materialise(daily.by_day(whole.events, recipe.context), "merged"))
    assert engine.number(merged.events.count()) < 0.6 * engine.number(whole.events.count())
    assert engine.number(merged.events.times.sum()) == engine.number(whole.events.count())
    for day in (T, date(2024, 5, 14))[: 2 if engine.name == "duckdb" else 1]:
        expected, found = (snapshot_features(config, engine, recipe)(day, tables) for tables in (whole, merged))
        assert len(expected) == 12
        pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12, atol=0)
    for day in (date(2024, 5, 14), date(2024, 5, 28)):
        spine = observe(whole, config, day).spine
        of_both = (engine.frame(label(tables, config, spine, day, date(2024, 7, 1))) for tables in (whole, merged))
        expected, found = (rows.sort_values("customer_id", ignore_index=True) for rows in of_both)
        assert len(expected) == 12
        pd.testing.assert_frame_equal(found, expected)


def test_it_is_done_only_where_it_pays(engine: Engine, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse_config(CONFIG % "duckdb", "clicks.yaml")
    dense, sparse = clicks(20_000, 200, 3), clicks(20_000, 4000, 30)
    monkeypatch.setattr(daily, "WORTH_ROWS", 20_000)
    for events, worth in ((dense, True), (sparse, False)):
        whole = canonical(engine, events, tmp_path)
        context = Recipe.of(config, take_inventory(whole, T)).context
        assert daily.condensed(whole, context, engine, 2) is whole
        assert (daily.condensed(whole, context, engine, 12) is not whole) == worth
    monkeypatch.setattr(daily, "WORTH_ROWS", 20_001)
    assert daily.condensed(canonical(engine, dense, tmp_path), context, engine, 12).events.columns == tuple(EVENTS)


def test_a_log_without_engagement_of_its_own_is_left_alone(engine: Engine, tmp_path) -> None:
    config = parse_config(CONFIG % "duckdb" + "economics: {value_kinds: [activity, lesson]}\n", "clicks.yaml")
    whole = canonical(engine, clicks(500, 5, 3), tmp_path)
    context = Recipe.of(config, take_inventory(whole, T)).context
    assert daily.saved(whole.events, context, engine) == 0
    assert engine.number(daily.by_day(whole.events, context).count()) == 500
