"""Small histories written by hand, and the features they give."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from churnml.features.build import build
from churnml.features.registry import Context, Inventory, declare, inventory

MONEY = pa.decimal128(18, 4)
EVENTS = pa.schema(
    {
        "event_id": pa.string(),
        "customer_id": pa.string(),
        "kind": pa.string(),
        "channel": pa.string(),
        "direction": pa.string(),
        "name": pa.string(),
        "amount": MONEY,
        "quantity": MONEY,
        "duration_s": pa.int64(),
        "wait_s": pa.int64(),
        "rating": pa.decimal128(9, 6),
        "text": pa.string(),
        "case_id": pa.string(),
        "automated": pa.bool_(),
        "scripted": pa.bool_(),
        "agent_id": pa.string(),
        "campaign_id": pa.string(),
        "age_days": pa.int64(),
        "age_s": pa.int64(),
        "due_in_s": pa.int64(),
    }
)
SPINE = pa.schema(
    {"customer_id": pa.string(), "group_id": pa.string(), "tenure_days": pa.int64(), "days_to_end": pa.int64()}
)
EVENTS_TYPES, SPINE_TYPES = ibis.Schema.from_pyarrow(EVENTS), ibis.Schema.from_pyarrow(SPINE)


def event(kind: str, age_days: int, customer_id: str = "ann", **columns: object) -> dict[str, object]:
    """An event `age_days` before the snapshot, at noon unless `age_s` is given."""
    for money in ("amount", "quantity", "rating"):
        if columns.get(money) is not None:
            columns[money] = Decimal(str(columns[money]))
    return {
        "age_s": age_days * 86400 - 43200,
        **columns,
        "kind": kind,
        "age_days": age_days,
        "customer_id": customer_id,
    }


def with_clocks(events: ibis.Table) -> ibis.Table:
    """The events as the inventory sees them: a view's `due_in_s` comes from the column `due_at`."""
    return events.rename(due_at="due_in_s")


@lru_cache(maxsize=32)
def written(context: Context, found: str, families: tuple[str, ...] | None) -> str:
    """The query for every feature that an inventory, as JSON, allows, over tables called `events` and `spine`."""
    options = {} if families is None else {"families": families}
    features = declare(context, Inventory.from_json(json.loads(found)), **options).features
    table = build(ibis.table(SPINE_TYPES, name="spine"), ibis.table(EVENTS_TYPES, name="events"), features, context)
    return str(ibis.to_sql(table, dialect="duckdb"))


class History:
    """Events and customers as tables of an engine of their own."""

    def __init__(self, events: list[dict[str, object]], spine: dict[str, int | None], threads: int = 2) -> None:
        self.backend = ibis.duckdb.connect(threads=threads)
        self.backend.con.register("e", pa.Table.from_pylist(events, schema=EVENTS))
        rows = [{"customer_id": name, "tenure_days": tenure} for name, tenure in spine.items()]
        self.backend.con.register("s", pa.Table.from_pylist(rows, schema=SPINE))
        self.backend.raw_sql("create table events as select * from e; create table spine as select * from s")
        self.events, self.spine = self.backend.table("events"), self.backend.table("spine")

    def matrix(
        self,
        context: Context | None = None,
        families: tuple[str, ...] | None = None,
        found: Inventory | None = None,
    ) -> pd.DataFrame:
        """Every feature that the history (or the inventory given) allows, one row per customer, in order of its id."""
        found = found or inventory(with_clocks(self.events))
        query = written(context or Context(), json.dumps(found.to_json()), families)
        return self.backend.con.sql(query).df().set_index("customer_id").sort_index()


@pytest.fixture
def features_of():
    """`features_of(events, tenure_days=..., context=..., families=...)`: the features of one customer, ann."""

    def compute(events, tenure_days=None, context=None, families=None):
        return History(events, {"ann": tenure_days}).matrix(context, families).loc["ann"]

    return compute


@pytest.fixture
def history():
    """`history(events, spine)`: several customers; see `History`."""
    return History


@pytest.fixture(name="event")
def event_fixture():
    """`event(kind, age_days, customer_id="ann", **columns)`."""
    return event


@pytest.fixture
def schemas():
    """The Arrow schemas of a view's events and spine."""
    return {"events": EVENTS, "spine": SPINE}
