"""A simulated telecom subscription whose truth is known: raw tables as a company would have them.

`simulate` writes one Parquet file per raw table, and what no company knows (each customer's satisfaction, the hazards,
the manner and the cause of leaving) in the folder `truth/`, which nothing but a test should read. Customers live in
chunks with random numbers of their own, so that memory stays bounded and the same seed gives the same bytes.
"""

from __future__ import annotations

import calendar
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from churnml.datasets import simulator_population as people
from churnml.datasets.simulator_log import DAY
from churnml.datasets.simulator_model import Chunk
from churnml.datasets.simulator_population import Parameters, Population, draw_population
from churnml.datasets.simulator_service import CAMPAIGN_CHANNELS, CAMPAIGN_PURPOSES
from churnml.datasets.simulator_texts import TOPICS
from churnml.errors import ConfigError

CHUNK = 5_000
"""Customers simulated at a time. Part of the recipe: another number gives other customers."""

_WAYS_IN = ("call", "chat", "email", "form", "letter")
_DETAILS = ("timeout", "payment page", "login", *(f"help: {topic}" for topic in TOPICS))


@dataclass(frozen=True)
class Column:
    """How one column of a raw table comes from the simulation's numbers: its field there, type and meaning of codes."""

    field: str
    kind: str  # "customer", "time", "whole", "words", "number" (an id), "cents", "flag" or "text"
    words: tuple[str, ...] = ()
    prefix: str = ""


_WHO = Column("who", "customer")
TABLES: dict[str, dict[str, Column]] = {
    "usage": {
        "customer_id": _WHO,
        "started_at": Column("at", "time"),
        "channel": Column("channel", "words", ("app", "web")),
        "duration_s": Column("duration", "whole"),
    },
    "app_events": {
        "customer_id": _WHO,
        "occurred_at": Column("at", "time"),
        "type": Column("type", "words", ("error", "help_page", "basket_left")),
        "channel": Column("channel", "words", ("app", "web")),
        "detail": Column("detail", "words", _DETAILS),
    },
    "payments": {
        "customer_id": _WHO,
        "charged_at": Column("at", "time"),
        "amount": Column("cents", "cents"),
        "status": Column("failed", "words", ("paid", "failed")),
        "method": Column("method", "words", ("direct debit", "card")),
    },
    "support": {
        "ticket_id": Column("number", "number", prefix="T"),
        "customer_id": _WHO,
        "opened_at": Column("opened", "time"),
        "channel": Column("channel", "words", people.SUPPORT_CHANNELS),
        "topic": Column("topic", "words", TOPICS),
        "wait_s": Column("wait", "whole"),
        "handling_s": Column("handling", "whole"),
        "abandoned": Column("abandoned", "flag"),
        "automated": Column("automated", "flag"),
        "scripted": Column("scripted", "flag"),
        "agent_id": Column("agent", "number", prefix="A"),
        "first_response_at": Column("response", "time"),
        "escalated_at": Column("escalated", "time"),
        "resolved_at": Column("resolved", "time"),
        "reopened_at": Column("reopened", "time"),
    },
    "complaints": {
        "complaint_id": Column("ticket", "number", prefix="K"),
        "customer_id": _WHO,
        "received_at": Column("at", "time"),
        "entered_at": Column("entered", "time"),
        "channel": Column("channel", "words", _WAYS_IN),
        "topic": Column("topic", "words", TOPICS),
        "ticket_id": Column("ticket", "number", prefix="T"),
        "text": Column("text", "text"),
    },
    "dark": {
        "customer_id": _WHO,
        "posted_at": Column("at", "time"),
        "found_at": Column("found", "time"),
        "type": Column("kind", "words", ("review", "private_message", "mention")),
        "channel": Column("channel", "words", ("app_store", "review_site", "messenger", "social")),
        "stars": Column("stars", "whole"),
        "text": Column("text", "text"),
    },
    "outreach": {
        "customer_id": _WHO,
        "campaign_id": Column("campaign", "number", prefix="M"),
        "purpose": Column("purpose", "words", CAMPAIGN_PURPOSES),
        "channel": Column("channel", "words", CAMPAIGN_CHANNELS),
        "sent_at": Column("sent", "time"),
        "opened_at": Column("opened", "time"),
        "clicked_at": Column("clicked", "time"),
        "unsubscribed_at": Column("unsubscribed", "time"),
    },
    "surveys": {
        "customer_id": _WHO,
        "survey": Column("kind", "words", ("quarterly", "after contact")),
        "channel": Column("channel", "words", ("email",)),
        "sent_at": Column("sent", "time"),
        "answered_at": Column("answered", "time"),
        "score": Column("score", "whole"),
    },
    "onboarding": {
        "customer_id": _WHO,
        "step": Column("step", "words", people.STEPS),
        "channel": Column("channel", "words", ("app", "web", "shop")),
        "completed_at": Column("at", "time"),
    },
    "deliveries": {
        "customer_id": _WHO,
        "order_id": Column("order", "number", prefix="D"),
        "item": Column("item", "words", ("router", "SIM card", "technician")),
        "ordered_at": Column("ordered", "time"),
        "promised_for": Column("promised", "time"),
        "delivered_at": Column("delivered", "time"),
    },
    "contract_changes": {
        "customer_id": _WHO,
        "changed_at": Column("at", "time"),
        "type": Column("type", "words", ("plan", "price")),
        "detail": Column("detail", "words", ("price rise", "upgrade", "downgrade")),
        "new_price": Column("cents", "cents"),
    },
    "closures": {
        "customer_id": _WHO,
        "requested_at": Column("requested", "time"),
        "request_channel": Column("channel", "words", ("call", "chat", "email", "form")),
        "closed_at": Column("closed", "time"),
    },
}
"""The raw tables written by `simulate`, beside `customers`: the columns of each."""

_TYPES = {
    "customer": pa.string(), "time": pa.timestamp("us"), "whole": pa.int64(), "words": pa.string(),
    "number": pa.string(), "cents": pa.decimal128(10, 2), "flag": pa.bool_(), "text": pa.string(),
}  # fmt: skip


@dataclass(frozen=True)
class Simulated:
    """What a simulation wrote: the raw tables by name, the folder of the truth, and the first and the day after the last."""

    frames: dict[str, Path]
    truth: Path
    start: date
    end: date


def simulate(
    customers: int,
    seed: int,
    out: Path,
    *,
    months: int = 18,
    start: date = date(2023, 1, 1),
    parameters: Parameters | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Simulated:
    """Simulate `customers` over `months` from `start` on and write their raw tables to `out`.

    An earlier simulation in the same folder is replaced once the new one is complete. The same arguments give the same
    bytes. `progress` is called with the customers done and the customers asked for.

    Raises
    ------
    ConfigError
        A number is out of range.
    """
    parameters = parameters or Parameters()
    _refuse_nonsense(customers, seed, months, parameters)
    end = _months_after(start, months)
    out.mkdir(parents=True, exist_ok=True)
    staging = out / ".simulating"
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "truth").mkdir(parents=True)
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for first in range(0, customers, CHUNK):
            size = min(CHUNK, customers - first)
            rng = np.random.default_rng(np.random.SeedSequence((seed, first)))
            for name, table in _chunk(first, size, start, end, parameters, rng):
                if name not in writers:
                    writers[name] = pq.ParquetWriter(staging / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table)
            if progress:
                progress(first + size, customers)
    finally:
        for writer in writers.values():
            writer.close()
    (out / "truth").mkdir(exist_ok=True)
    for name in writers:
        (staging / f"{name}.parquet").replace(out / f"{name}.parquet")
    shutil.rmtree(staging)
    frames = {name: out / f"{name}.parquet" for name in writers if not name.startswith("truth/")}
    return Simulated(frames, out / "truth", start, end)


def _refuse_nonsense(customers: int, seed: int, months: int, parameters: Parameters) -> None:
    problems = [
        f"{name}: {value} given, {wanted} is needed"
        for name, value, right, wanted in (
            ("customers", customers, customers >= 1, "1 or more"),
            ("seed", seed, seed >= 0, "0 or more"),
            ("months", months, 1 <= months <= 120, "1 to 120"),
            ("silent_share", parameters.silent_share, 0 < parameters.silent_share < 1, "a share between 0 and 1"),
        )
        if not right
    ]
    if problems:
        raise ConfigError(problems)


def _months_after(start: date, months: int) -> date:
    """The same day so many months later, or the month's last day.

    >>> _months_after(date(2023, 1, 31), 13)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _chunk(
    first: int, size: int, start: date, end: date, parameters: Parameters, rng: np.random.Generator
) -> Iterator[tuple[str, pa.Table]]:
    """Simulate one chunk and give its tables, the truth among them."""
    days = (end - start).days
    population = draw_population(first, size, days, parameters, rng)
    chunk = Chunk(population, days, start.weekday(), parameters, rng)
    log = chunk.live()
    clock = _Clock(start, days)
    ids = pa.array([f"C{number:07d}" for number in range(first, first + size)])
    yield "customers", _customers(population, ids, clock, rng)
    for name, columns in TABLES.items():
        yield name, _table(_completed(name, log.table(name), rng), columns, ids, clock)
    yield from _truth(chunk.truth(), log.table("hazards"), ids, clock)


class _Clock:
    """Turns seconds since the start into timestamps; what lies after the end is not known yet."""

    def __init__(self, start: date, days: int) -> None:
        self.origin = int((datetime(start.year, start.month, start.day) - datetime(1970, 1, 1)).total_seconds())
        self.end = days * DAY

    def times(self, seconds: NDArray[np.int64]) -> pa.Array:
        unknown = (seconds < 0) | (seconds >= self.end)
        return pa.array((seconds + self.origin) * 1_000_000, mask=unknown).cast(pa.timestamp("us"))

    def days(self, days: NDArray[np.int64]) -> pa.Array:
        return pa.array(days + self.origin // DAY, mask=days < 0).cast(pa.int32()).cast(pa.date32())


def _customers(population: Population, ids: pa.Array, clock: _Clock, rng: np.random.Generator) -> pa.Table:
    signed_up = population.joined * DAY + rng.integers(6 * 3600, 8 * 3600, len(population))
    return pa.table(
        {
            "customer_id": ids,
            "household_id": pa.array([f"H{number:07d}" for number in population.household.tolist()]),
            "signed_up_at": pa.array((signed_up + clock.origin) * 1_000_000).cast(pa.timestamp("us")),
            "plan": pa.array(people.PLANS).take(pa.array(population.plan)),
            "region": pa.array(people.REGIONS).take(pa.array(population.region)),
            "acquired_through": pa.array(people.ACQUIRED).take(pa.array(population.acquired)),
            "age_band": pa.array(people.AGE_BANDS).take(pa.array(population.age)),
        }
    )


def _completed(name: str, rows: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Columns that no decision depends on, and the order of the rows."""
    if not rows:
        return rows
    size = len(rows["who"])
    if name == "surveys":
        rows["channel"] = np.zeros(size, dtype=np.int64)
    elif name == "onboarding":
        rows["channel"] = rng.choice(3, size, p=[0.55, 0.25, 0.20])
    elif name == "deliveries":
        rows["order"] = rows["who"] * 10_000 + rows["ordered"] // DAY
    first_time = next(rows[c.field] for c in TABLES[name].values() if c.kind == "time")
    order = np.lexsort((rows["who"], first_time))
    return {field: values[order] for field, values in rows.items()}


def _table(rows: dict[str, Any], columns: dict[str, Column], ids: pa.Array, clock: _Clock) -> pa.Table:
    schema = pa.schema([(name, _TYPES[column.kind]) for name, column in columns.items()])
    if not rows:
        return schema.empty_table()
    table = pa.table([_column(column, rows[column.field], ids, clock) for column in columns.values()], schema=schema)
    times = [table[name] for name, column in columns.items() if column.kind == "time"]
    # A row exists once its first time has come (a closure: once it was asked for or done).
    if "closed_at" in columns:
        return table.filter(pc.or_(times[0].is_valid(), times[1].is_valid()))
    if "found_at" in columns or "entered_at" in columns:
        return table.filter(pc.and_(times[0].is_valid(), times[1].is_valid()))
    return table.filter(times[0].is_valid())


def _column(column: Column, values: NDArray[Any], ids: pa.Array, clock: _Clock) -> pa.Array:
    match column.kind:
        case "customer":
            return ids.take(pa.array(values))
        case "time":
            return clock.times(values)
        case "words":
            return pa.array(column.words).take(pa.array(values.astype(np.int64), mask=values < 0))
        case "number":
            given = pa.array(values, mask=values < 0).cast(pa.string())
            return pc.binary_join_element_wise(column.prefix, given, "")
        case "cents":
            return pa.array([Decimal(cents).scaleb(-2) for cents in values.tolist()], pa.decimal128(10, 2))
        case "whole":
            return pa.array(values, mask=values < 0)
        case "flag":
            return pa.array(values.astype(bool))
    return pa.array(values, pa.string())


def _truth(
    truth: dict[str, Any], hazards: dict[str, Any], ids: pa.Array, clock: _Clock
) -> Iterator[tuple[str, pa.Table]]:
    trouble = truth["trouble"]
    yield "truth/customers", pa.table(
        {
            "customer_id": ids,
            "satisfaction_level": truth["satisfaction_level"],
            "voice_propensity": truth["voice_propensity"],
            "sessions_per_day": truth["sessions_per_day"],
            "manner": pa.array(("stays", "silent", "vocal", "own reasons")).take(pa.array(truth["manner"])),
            "began_to_leave_on": clock.days(truth["decided"]),
            "left_on": clock.days(truth["left"]),
            "trouble": pa.array(TOPICS).take(pa.array(trouble, mask=trouble < 0)),
        }
    )
    yield "truth/hazards", pa.table(
        {
            "customer_id": ids.take(pa.array(hazards["who"])),
            "day": clock.days(hazards["day"]),
            "satisfaction": pa.array(hazards["satisfaction"].astype(np.float32)),
            "hazard_silent": pa.array(hazards["silent"].astype(np.float32)),
            "hazard_vocal": pa.array(hazards["vocal"].astype(np.float32)),
            "hazard_own": pa.array(hazards["own"].astype(np.float32)),
        }
    )
