"""The raw tables of the simulated company: their columns, and how they come from the simulation's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnml.datasets import simulator_population as people
from churnml.datasets.simulator_log import DAY
from churnml.datasets.simulator_service import CAMPAIGN_CHANNELS, CAMPAIGN_PURPOSES
from churnml.datasets.simulator_texts import TOPICS

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


class Clock:
    """Turns seconds since the start into timestamps; what lies after the end is not known yet."""

    def __init__(self, start: date, days: int) -> None:
        self.origin = int((datetime(start.year, start.month, start.day) - datetime(1970, 1, 1)).total_seconds())
        self.end = days * DAY

    def times(self, seconds: NDArray[np.int64]) -> pa.Array:
        """Timestamps; null before the start and from the end on."""
        unknown = (seconds < 0) | (seconds >= self.end)
        return pa.array((seconds + self.origin) * 1_000_000, mask=unknown).cast(pa.timestamp("us"))

    def days(self, days: NDArray[np.int64]) -> pa.Array:
        """Dates; null for negative days."""
        return pa.array(days + self.origin // DAY, mask=days < 0).cast(pa.int32()).cast(pa.date32())


def raw_table(rows: dict[str, Any], columns: dict[str, Column], ids: pa.Array, clock: Clock) -> pa.Table:
    """The rows of one raw table, without those whose time has not come."""
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


def _column(column: Column, values: NDArray[Any], ids: pa.Array, clock: Clock) -> pa.Array:
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
