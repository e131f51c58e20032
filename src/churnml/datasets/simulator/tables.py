"""The raw tables of the simulated companies: their columns, and how they come from the simulation's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnml.datasets.simulator.log import DAY, Ints, Log
from churnml.datasets.simulator.population import Population
from churnml.datasets.simulator.words import TOPICS

MONEY = pa.decimal128(10, 2)
TIME = pa.timestamp("us")
TYPES = {
    "customer": pa.string(), "time": TIME, "due": TIME, "whole": pa.int64(), "words": pa.string(),
    "number": pa.string(), "cents": MONEY, "flag": pa.bool_(), "text": pa.string(),
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """How one column of a raw table comes from the simulation's numbers: its field there, type and meaning of codes."""

    field: str
    kind: str = "time"
    """A key of TYPES; "number" is an id."""
    words: tuple[str, ...] = ()
    prefix: str = ""


Columns = dict[str, Column]


@dataclass(frozen=True)
class Vocabulary:
    """What the codes are called in one company, and which tables it has under which name."""

    plans: tuple[str, ...]
    acquired: tuple[str, ...]
    steps: tuple[str, ...]
    items: tuple[str, ...]
    launched: str
    """The channel that is opened on the launch day."""
    names: dict[str, str]
    """The table's name in the company, by the name in the simulation; those not named do not exist."""
    posts: tuple[str, ...] = ("app_store", "review_site", "messenger", "social")
    regions: tuple[str, ...] = ("north", "east", "south", "west", "islands")
    ages: tuple[str, ...] = ("18-29", "30-44", "45-59", "60 and over")
    topics: tuple[str, ...] = TOPICS

    @property
    def support(self) -> tuple[str, ...]:
        """The channels of service."""
        return ("call", "chat", "email", self.launched)

    @property
    def ways_in(self) -> tuple[str, ...]:
        """The channels on which customers complain and cancel."""
        return (*self.support, "form", "letter")


_EVERYWHERE = {
    name: name
    for name in ("app_events", "support", "complaints", "outreach", "surveys", "onboarding", "requests", "referrals",
                 "treatments", "moves", "closures", "cancellations")
} | {"dark": "posts"}  # fmt: skip

VOCABULARIES = {
    "telecom": Vocabulary(
        plans=("basic", "plus", "family"),
        acquired=("web", "shop", "phone", "partner"),
        steps=("sim_activated", "app_installed", "first_login", "payment_set_up", "router_connected"),
        items=("router", "SIM card", "technician"),
        launched="in_app_chat",
        names=_EVERYWHERE | {"usage": "usage", "payments": "payments", "deliveries": "deliveries",
                             "contract_changes": "contract_changes"},
        topics=("app", "billing", "delivery", "network", "price", "service"),
    ),
    "shop": Vocabulary(
        plans=("guest", "club", "club plus"),
        acquired=("search", "shop", "advertising", "partner"),
        steps=("account_created", "app_installed", "wish_list_begun", "payment_saved", "newsletter_chosen"),
        items=("parcel", "parcel locker", "bulky goods"),
        launched="whats_up",
        names=_EVERYWHERE | {"usage": "visits", "payments": "orders", "deliveries": "deliveries", "returns": "returns",
                             "contract_changes": "memberships"},
        topics=("website", "payment", "delivery", "goods", "price", "service"),
    ),
    "software": Vocabulary(
        plans=("starter", "team", "business"),
        acquired=("web", "reseller", "sales", "partner"),
        steps=("data_imported", "first_project", "colleague_invited", "tool_connected", "report_shared"),
        items=("data import", "training call", "callback"),
        launched="help_widget",
        names=_EVERYWHERE | {"usage": "sessions", "payments": "invoices", "deliveries": "appointments",
                             "contract_changes": "plan_changes"},
        topics=("app", "billing", "set-up", "performance", "price", "service"),
        regions=("north", "east", "south", "west", "overseas"),
        ages=("under 10 people", "10-49 people", "50-249 people", "250 people and over"),
    ),
}  # fmt: skip


def columns_of(v: Vocabulary) -> dict[str, Columns]:
    """The columns of the tables a company has, by the table's name in the simulation."""
    who = Column("who", "customer")
    device = Column("channel", "words", ("app", "web"))
    shop = "returns" in v.names
    paid = (
        {"order_id": Column("order", "number", prefix="D")}
        if shop
        else {"payment_id": Column("order", "number", prefix="P")}
    )
    details = ("timeout", "payment page", "login", "outage", *(f"help: {topic}" for topic in v.topics), "basket")
    tables: dict[str, Columns] = {
        "usage": {"customer_id": who, "started_at": Column("at"), "channel": device,
                  "duration_s": Column("duration", "whole"), "received_at": Column("received")},
        "app_events": {"customer_id": who, "occurred_at": Column("at"),
                       "type": Column("type", "words", ("error", "help_page", "basket_left")), "channel": device,
                       "detail": Column("detail", "words", details)},
        "payments": {"customer_id": who, **paid, ("ordered_at" if shop else "charged_at"): Column("at"),
                     "amount": Column("cents", "cents"), "status": Column("failed", "words", ("paid", "failed")),
                     "method": Column("method", "words", ("direct debit", "card"))},
        "returns": {"customer_id": who, "order_id": Column("order", "number", prefix="D"), "returned_at": Column("at"),
                    "amount": Column("cents", "cents"),
                    "reason": Column("reason", "words", ("damaged", "wrong item", "not as described", "too late"))},
        "support": {"ticket_id": Column("number", "number", prefix="T"), "customer_id": who,
                    "opened_at": Column("opened"), "channel": Column("channel", "words", v.support),
                    "topic": Column("topic", "words", v.topics), "wait_s": Column("wait", "whole"),
                    "handling_s": Column("handling", "whole"), "abandoned": Column("abandoned", "flag"),
                    "automated": Column("automated", "flag"), "scripted": Column("scripted", "flag"),
                    "agent_id": Column("agent", "number", prefix="A"), "first_response_at": Column("response"),
                    "escalated_at": Column("escalated"), "resolved_at": Column("resolved"),
                    "resolved_by": Column("second", "number", prefix="A"), "reopened_at": Column("reopened")},
        "complaints": {"complaint_id": Column("ticket", "number", prefix="K"), "customer_id": who,
                       "received_at": Column("at"), "entered_at": Column("entered"),
                       "channel": Column("channel", "words", v.ways_in), "topic": Column("topic", "words", v.topics),
                       "ticket_id": Column("ticket", "number", prefix="T"), "text": Column("text", "text")},
        "dark": {"customer_id": who, "posted_at": Column("at"), "found_at": Column("found"),
                 "type": Column("kind", "words", ("review", "private_message", "mention")),
                 "channel": Column("channel", "words", v.posts), "stars": Column("stars", "whole"),
                 "text": Column("text", "text")},
        "outreach": {"customer_id": who, "campaign_id": Column("campaign", "number", prefix="M"),
                     "purpose": Column("purpose", "words", ("offer", "newsletter", "usage tip", "win-back")),
                     "channel": Column("channel", "words", ("email", "sms", "push")), "sent_at": Column("sent"),
                     "opened_at": Column("opened"), "clicked_at": Column("clicked"),
                     "unsubscribed_at": Column("unsubscribed")},
        "treatments": {"customer_id": who, "assigned_at": Column("at"),
                       "campaign_id": Column("campaign", "number", prefix="R"),
                       "arm": Column("treated", "words", ("control", "treated")),
                       "action": Column("action", "words", ("offer by call", "offer by message"))},
        "surveys": {"customer_id": who, "survey": Column("kind", "words", ("quarterly", "after contact")),
                    "channel": Column("channel", "words", ("email",)), "sent_at": Column("sent"),
                    "answered_at": Column("answered"), "score": Column("score", "whole")},
        "onboarding": {"customer_id": who, "step": Column("step", "words", v.steps),
                       "channel": Column("channel", "words", ("app", "web", "shop")), "completed_at": Column("at")},
        "deliveries": {"customer_id": who, "order_id": Column("order", "number", prefix="D"),
                       "item": Column("item", "words", v.items), "ordered_at": Column("ordered"),
                       "promised_for": Column("promised", "due"), "delivered_at": Column("delivered")},
        "contract_changes": {"customer_id": who, "changed_at": Column("at"),
                             "type": Column("type", "words", ("plan", "price")),
                             "detail": Column("detail", "words", ("price rise", "upgrade", "downgrade")),
                             "new_price": Column("cents", "cents")},
        "moves": {"customer_id": who, "moved_at": Column("at"), "region": Column("region", "words", v.regions)},
        "requests": {"customer_id": who, "received_at": Column("at"),
                     "type": Column("kind", "words", ("data_copy", "consent_withdrawn")),
                     "channel": Column("channel", "words", v.ways_in)},
        "referrals": {"customer_id": who, "referred_at": Column("at"),
                      "channel": Column("channel", "words", ("app", "email", "link"))},
        "cancellations": {"customer_id": who, "requested_at": Column("at"),
                          "channel": Column("channel", "words", v.ways_in),
                          "reason": Column("reason", "words", ("not satisfied", "moving away", "no longer needed"))},
        "closures": {"customer_id": who, "closed_at": Column("closed"), "booked_at": Column("booked"),
                     "way": Column("by", "words", ("requested", "by itself"))},
    }  # fmt: skip
    return {name: tables[name] for name in v.names}


_KNOWN_BY = ("received", "entered", "found", "booked")
"""Fields that say when the company knew of a row: until then it has none."""


class Clock:
    """Turns seconds since the start into timestamps; what lies after the end is not known yet."""

    def __init__(self, start: date, days: int) -> None:
        self.origin = int((datetime(start.year, start.month, start.day) - datetime(1970, 1, 1)).total_seconds())
        self.end = days * DAY

    def times(self, seconds: Ints) -> pa.Array:
        """Timestamps; null before the start and from the end on."""
        unknown = (seconds < 0) | (seconds >= self.end)
        return pa.array((seconds + self.origin) * 1_000_000, mask=unknown).cast(TIME)

    def days(self, days: Ints) -> pa.Array:
        """Dates; null for negative days."""
        return pa.array(days + self.origin // DAY, mask=days < 0).cast(pa.int32()).cast(pa.date32())


def customers_table(
    people: Population, v: Vocabulary, ids: pa.Array, clock: Clock, rng: np.random.Generator
) -> pa.Table:
    """The table of customers: what was known of each on the day of signing up."""
    signed_up = people.joined * DAY + rng.integers(6 * 3600, 8 * 3600, len(people))
    return pa.table(
        {
            "customer_id": ids,
            "household_id": _numbered("H", people.household),
            "signed_up_at": pa.array((signed_up + clock.origin) * 1_000_000).cast(TIME),
            "plan": pa.array(v.plans).take(pa.array(people.plan)),
            "region": pa.array(v.regions).take(pa.array(people.region)),
            "acquired_through": pa.array(v.acquired).take(pa.array(people.acquired)),
            "credit_score": pa.array(people.credit),
            ("age_band" if "people" not in v.ages[0] else "size_band"): pa.array(v.ages).take(pa.array(people.age)),
        }
    )


def raw_tables(log: Log, v: Vocabulary, ids: pa.Array, clock: Clock) -> dict[str, pa.Table]:
    """Every table but the customers', by its name in the company; rows whose time has not come do not exist."""
    made = {}
    for name, columns in columns_of(v).items():
        rows = log.table(name)
        if name == "surveys" and rows:
            rows["channel"] = np.zeros(len(rows["who"]), dtype=np.int64)
        made[v.names[name]] = _table(rows, columns, ids, clock)
    return made


def with_last_change(support: pa.Table) -> pa.Table:
    """The tickets with the time of their last change, as a ticket system keeps it; nobody has resolved an open one."""
    place = support.schema.get_field_index("resolved_by")
    by = pc.if_else(support["resolved_at"].is_valid(), support["resolved_by"], None)
    support = support.set_column(place, "resolved_by", by)
    times = [support[field.name] for field in support.schema if field.type == TIME]
    return support.append_column("updated_at", pc.max_element_wise(*times))


def _table(rows: dict[str, Any], columns: Columns, ids: pa.Array, clock: Clock) -> pa.Table:
    schema = pa.schema([(name, TYPES[column.kind]) for name, column in columns.items()])
    if not rows:
        return schema.empty_table()
    first = next(column.field for column in columns.values() if column.kind == "time")
    known = rows[next((field for field in _KNOWN_BY if field in rows), first)]
    there = np.flatnonzero((rows[first] >= 0) & (np.maximum(known, rows[first]) < clock.end))
    order = there[np.lexsort((rows["who"][there], rows[first][there]))]
    kept = {column.field: rows[column.field][order] for column in columns.values()}
    return pa.table([_column(column, kept[column.field], ids, clock) for column in columns.values()], schema=schema)


def _numbered(prefix: str, values: Ints) -> pa.Array:
    given = pa.array(values, mask=values < 0).cast(pa.string())
    if prefix in ("H", "C"):
        given = pc.utf8_lpad(given, 7, "0")
    return pc.binary_join_element_wise(prefix, given, "")


def customer_ids(first: int, size: int) -> pa.Array:
    """The customers' ids, from number `first` on."""
    return _numbered("C", np.arange(first, first + size))


def _column(column: Column, values: NDArray[Any], ids: pa.Array, clock: Clock) -> pa.Array:
    match column.kind:
        case "customer":
            return ids.take(pa.array(values))
        case "time":
            return clock.times(values)
        case "due":
            return pa.array((values + clock.origin) * 1_000_000, mask=values < 0).cast(TIME)
        case "words":
            return pa.array(column.words).take(pa.array(values.astype(np.int64), mask=values < 0))
        case "number":
            return _numbered(column.prefix, values)
        case "cents":
            wide = np.column_stack([values, np.where(values < 0, -1, 0)]).astype(np.int64)
            return pa.Array.from_buffers(MONEY, len(values), [None, pa.py_buffer(np.ascontiguousarray(wide))])
        case "whole":
            return pa.array(values, mask=values < 0)
        case "flag":
            return pa.array(values.astype(bool))
    return pa.array(values, pa.string())
