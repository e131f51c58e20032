"""How a company's tables become customers and events."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from churnml.config.values import BelowRoot, Settings

FIRST_EVENT = "first_event"


class Data(Settings):
    """Where the sources' relative paths begin: a folder, or a loader of a public data set."""

    root: str = "."
    loader: str | None = None


class Constant(Settings):
    """The same value for every row: `{value: web}`."""

    value: str | int | float | bool


class MappedColumn(Settings):
    """A column whose values are renamed: `{column: type, map: {C: complaint}}`; values not listed give null."""

    column: str
    map: dict[str, str] | None = None

    @field_validator("map", mode="before")
    @classmethod
    def _values_as_text(cls, given: Any) -> Any:
        """Yes and no, and numbers, are what a column of text is renamed to as well."""
        if not isinstance(given, dict):
            return given
        return {_text(key): _text(value) for key, value in given.items()}


def _text(value: object) -> object:
    """A plain value as a column shows it: `true`, not `True`."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _mapping_kind(value: object) -> object:
    """Turn the three spellings of a mapped value into one, so that a mistake gives one message, not three."""
    if isinstance(value, Constant | MappedColumn):
        return value
    if isinstance(value, dict):
        return Constant(**value) if "value" in value else MappedColumn(**value)
    if isinstance(value, str):
        return MappedColumn(column=value)
    raise ValueError("a column's name, {value: ...} or {column: ..., map: {...}} is expected")


ColumnValue = Annotated[Constant | MappedColumn, BeforeValidator(_mapping_kind)]


class CustomerMapping(Settings):
    """Which columns of a source give the canonical `customers` table.

    `closed`, a flag without a clock, is never read as a fact: it is held against the recorded closures. Nor is
    `contactable`: it decides who is on a list that leaves the system, and nothing else.

    `signed_up_at: first_event` takes the customer's first event; a log can then give the customers, too, and a row that
    repeats one adds nothing.
    """

    customer_id: ColumnValue
    group_id: ColumnValue | None = None
    signed_up_at: ColumnValue
    ends_at: ColumnValue | None = None
    ends_recorded_at: ColumnValue | None = None
    closed_at: ColumnValue | None = None
    closed: ColumnValue | None = None
    contactable: ColumnValue | None = None
    attributes: dict[str, ColumnValue] = {}

    @property
    def begins_with_first_event(self) -> bool:
        """Whether the sign-up is declared to be the first event."""
        return isinstance(self.signed_up_at, MappedColumn) and self.signed_up_at.column == FIRST_EVENT


class EventMapping(Settings):
    """Which columns of a source give events of one kind. A row whose `occurred_at` is null gives none."""

    kind: str | MappedColumn
    customer_id: ColumnValue
    occurred_at: ColumnValue
    recorded_at: ColumnValue | None = None
    where: str | None = None
    allow_null: bool = False
    event_id: ColumnValue | None = None
    channel: ColumnValue | None = None
    direction: ColumnValue | None = None
    name: ColumnValue | None = None
    amount: ColumnValue | None = None
    quantity: ColumnValue | None = None
    duration_s: ColumnValue | None = None
    wait_s: ColumnValue | None = None
    rating: ColumnValue | None = None
    text: ColumnValue | None = None
    case_id: ColumnValue | None = None
    automated: ColumnValue | None = None
    scripted: ColumnValue | None = None
    agent_id: ColumnValue | None = None
    campaign_id: ColumnValue | None = None
    due_at: ColumnValue | None = None

    @model_validator(mode="before")
    @classmethod
    def _kind_is_a_name_or_a_mapped_column(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("kind"), dict):
            data = {**data, "kind": MappedColumn(**data["kind"])}
        return data


class Source(Settings):
    """One raw table and what it becomes. Give exactly one of `path`, `query` and `table`.

    `postgres` names the environment variable with the address of a PostgreSQL server that has the table, or runs the
    query in its own SQL.

    `written_at` is the column that says when each row was last written. `contradictions` gives, by name, conditions in
    the engine's SQL that no row should meet.
    """

    path: BelowRoot | None = None
    query: str | None = None
    table: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*){0,2}$")] | None = None
    postgres: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    customers: CustomerMapping | None = None
    events: tuple[EventMapping, ...] = ()
    duplicates: Literal["keep", "drop"] = "keep"
    rows_without_customer: Literal["refuse", "drop"] = "refuse"
    written_at: str | None = None
    contradictions: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_origin_and_a_purpose(self) -> Self:
        if sum(origin is not None for origin in (self.path, self.query, self.table)) != 1:
            raise ValueError("give exactly one of path, query and table")
        if self.postgres is not None and self.path is not None:
            raise ValueError("a file is not in PostgreSQL; give a table or a query")
        if self.customers is None and not self.events:
            raise ValueError("a source needs customers, events or both")
        return self

    @property
    def label(self) -> str:
        """How messages name this source."""
        if self.path or self.table:
            return str(self.path or self.table)
        tables = dict.fromkeys(re.findall(r"(?i)\b(?:from|join)\s+([\w.]+)", self.query or ""))
        return f"query of {', '.join(tables)}" if tables else f"query {' '.join((self.query or '').split())[:40]!r}"


Repair = Literal[
    "unknown_customers",
    "events_before_sign_up",
    "events_after_closure",
    "impossible_order",
    "repeated_days",
    "impossible_values",
]
"""What may be mended on the way in; each is counted and reported."""


class Attribute(Settings):
    """A customer attribute fixed at sign-up. A protected one is never a feature."""

    type: Literal["category", "number"]
    sensitivity: Literal["none", "personal", "protected"]


TAKEN = frozenset(
    [
        *(
            "customer_id",
            "group_id",
            "signed_up_at",
            "ends_at",
            "ends_recorded_at",
            "as_of",
            "outcome",
            "unlabelled",
            "voiced_before",
        ),
        *("tenure_days", "days_to_end", "first_event", "first_seen_at", "first_recorded_at"),
        *("voiced", "value", "friction", "tenure", "elsewhere"),
    ]
)
"""Names of columns that stand beside the attributes, in the canonical tables or in the labelled one."""


def is_taken(name: str) -> bool:
    """Whether an attribute's name is, or may be, that of a column of churnml's own.

    >>> is_taken("outcome"), is_taken("_status"), is_taken("status")
    (True, True, False)
    """
    return name in TAKEN or name.startswith("_") or name.endswith("_right")
