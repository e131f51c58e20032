"""The same expressions give the same numbers on DuckDB and on a real local Spark session."""

from __future__ import annotations

import os
import shutil
from decimal import Decimal
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml.config import Engine
from churnml.engine import open_engine
from churnml.features.build import build
from churnml.features.fitted import fits_of
from churnml.features.registry import Context, Feature, Inventory, declare, inventory

KINDS = (
    *("activity", "activity", "activity", "purchase", "return", "error", "payment_failed", "contact"),
    *("contact_abandoned", "complaint", "case_opened", "case_responded", "case_resolved", "case_reopened"),
    *("case_escalated", "onboarding_step", "cancel_requested", "loan", "basket_abandoned", "referral"),
    *("outreach_sent", "outreach_sent", "outreach_opened", "outreach_clicked", "unsubscribed", "consent_changed"),
    *("survey_sent", "survey_answered", "review", "mention", "mention", "message_private", "data_request"),
    *("promise_made", "promise_kept", "plan_changed", "price_changed"),
)
CONTEXT = Context(digital_channels=("web", "App Store"), dark_channels=("forum",), own_kinds=("loan",))
CUSTOMERS, ROWS = 40, 4000


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
def files(tmp_path, schemas):
    """Events and spine on disk: every kind and every column, with nulls in all that may be null.

    A third of the events happen at one of a dozen moments; one customer has but kinds and times, two have no event.
    """
    random = np.random.default_rng(7)
    age_s = random.integers(1, 400 * 86400, ROWS)
    age_s[::3] = random.integers(1, 12, len(age_s[::3])) * 30 * 86400

    def some(values, missing=0.3):
        return [None if gone else value for value, gone in zip(values, random.random(ROWS) < missing, strict=True)]

    def pick(*values):
        return some([values[i] for i in random.integers(0, len(values), ROWS)])

    numbers = random.integers(0, 5000, ROWS).tolist()
    columns = {
        "customer_id": [f"c{i}" for i in random.integers(0, CUSTOMERS - 2, ROWS)],
        "kind": random.choice(KINDS, ROWS).tolist(),
        "channel": pick("web", "App Store", "forum", "phone"),
        "direction": pick("inbound", "inbound", "outbound"),
        "name": pick("a", "Service news", "given", "withdrawn"),
        "amount": some([Decimal(n) / 7 for n in numbers]),
        "quantity": some([Decimal(n % 9) for n in numbers]),
        "duration_s": some(numbers),
        "wait_s": some(numbers),
        "rating": some([Decimal(n % 101) / 100 for n in numbers]),
        "text": pick("", "why?", "nie wieder — äöü"),
        "case_id": pick("k1", "k2", "k3"),
        "automated": pick(True, False),
        "scripted": pick(True, False),
        "agent_id": pick("x", "y", "z"),
        "campaign_id": pick("m1", "m2"),
        "due_in_s": some((random.integers(-1200, 90, ROWS) * 28800).tolist()),
        "age_days": (-(-age_s // 86400)).tolist(),
        "age_s": age_s.tolist(),
    }
    columns["amount"] = [None if n is None else n.quantize(Decimal("0.0001")) for n in columns["amount"]]
    events = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    always = {"customer_id", "kind", "age_days", "age_s"}
    for event in events:
        if event["customer_id"] == "c7":
            event.update(dict.fromkeys(set(event) - always))
    spine = [
        {"customer_id": f"c{i}", "tenure_days": None if i % 5 == 0 else 10 * i, "days_to_end": i if i % 3 else None}
        for i in range(CUSTOMERS)
    ]
    for name, rows in (("events", events), ("spine", spine)):
        pq.write_table(pa.Table.from_pylist(rows, schema=schemas[name]), tmp_path / f"{name}.parquet")
    return tmp_path


def computed(options: Engine, folder) -> tuple[Inventory, tuple[Feature, ...], pd.DataFrame, pd.DataFrame]:
    with open_engine(options) as engine:
        events, spine = engine.read(folder / "events.parquet"), engine.read(folder / "spine.parquet")
        found = inventory(events.rename(due_at="due_in_s"))
        features = declare(CONTEXT, found).features
        frame = engine.frame(build(spine, events, features, CONTEXT))
        (texts,) = (fitted.records for fitted in fits_of(features) if fitted.records)
        wrote = engine.frame(texts(events)).astype({"text": str, "rating": "float64"})
    return (
        found,
        features,
        frame.set_index("customer_id").sort_index(),
        wrote.sort_values(list(wrote), ignore_index=True),
    )


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_duckdb_equals_spark(spark, files):
    found, features, here, wrote = computed(Engine(), files)
    there_found, there_features, there, there_wrote = computed(spark, files)
    assert there_found == found
    assert [feature.name for feature in there_features] == [feature.name for feature in features]
    assert len(features) > 270 and here.notna().any().all(), "every feature must have something to compare"
    pd.testing.assert_frame_equal(there, here, check_exact=False, rtol=1e-9, atol=1e-9)
    assert len(wrote) > 100
    pd.testing.assert_frame_equal(there_wrote, wrote, check_dtype=False)
