"""The two canonical tables, the kinds of event, and the checks that hold data against them.

Everything a company knows is mapped to `customers` and `events`; a fact is visible at (as_of, known_at) if and
only if it occurred before the one and was recorded before the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from churnml.errors import ContractError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

KINDS = frozenset(
    {
        *(
            "activity",
            "purchase",
            "return",
            "payment_failed",
            "error",
            "help_viewed",
            "contact",
            "contact_abandoned",
            "complaint",
        ),
        *(
            "case_opened",
            "case_responded",
            "case_resolved",
            "case_reopened",
            "case_escalated",
            "promise_made",
            "promise_kept",
        ),
        *("survey_sent", "survey_answered", "review", "message_private", "mention", "referral", "data_request"),
        *(
            "outreach_sent",
            "outreach_opened",
            "outreach_clicked",
            "unsubscribed",
            "onboarding_step",
            "plan_changed",
            "price_changed",
        ),
        *(
            "basket_abandoned",
            "cancel_requested",
            "closed",
            "treatment",
            "treatment_withheld",
            "consent_changed",
            "attribute_changed",
        ),
    }
)
"""The kinds of event every configuration may use; `kinds:` declares more."""

CUSTOMERS: Mapping[str, str] = {
    "customer_id": "string",
    "group_id": "string",
    "signed_up_at": "timestamp",
    "ends_at": "timestamp",
}
"""Columns of `customers`, before the configured attributes."""

EVENTS: Mapping[str, str] = {
    "event_id": "string",
    "customer_id": "string",
    "occurred_at": "timestamp",
    "recorded_at": "timestamp",
    "kind": "string",
    "channel": "string",
    "direction": "string",
    "name": "string",
    "amount": "decimal(18, 4)",
    "quantity": "decimal(18, 4)",
    "duration_s": "int64",
    "wait_s": "int64",
    "rating": "decimal(9, 6)",
    "text": "string",
    "case_id": "string",
    "automated": "boolean",
    "scripted": "boolean",
    "agent_id": "string",
    "campaign_id": "string",
    "due_at": "timestamp",
}
"""Columns of `events`. Times are wall-clock times in the configured time zone; durations are whole seconds."""

TOLERATED_SHARE = 0.05
"""Up to this share of events may precede the sign-up, or belong to unknown customers, with a warning only."""

Severity = Literal["refuse", "warn", "repaired"]


@dataclass(frozen=True)
class Violation:
    """One way in which the data breaks the contract: where, what, how often. Never a customer's value."""

    table: str
    column: str
    name: str
    count: int
    severity: Severity
    advice: str = ""

    def __str__(self) -> str:
        text = f"{self.table}.{self.column}: {self.count:,} {self.name}"
        return f"{text}; {self.advice}" if self.advice else text


@dataclass(frozen=True)
class ContractReport:
    """Every violation found, at once."""

    violations: tuple[Violation, ...]

    @property
    def refused(self) -> tuple[Violation, ...]:
        """The violations that make the data unusable."""
        return tuple(violation for violation in self.violations if violation.severity == "refuse")

    def frame(self) -> pd.DataFrame:
        """One row per violation: table, column, violation, count, severity, advice."""
        rows = [(v.table, v.column, v.name, v.count, v.severity, v.advice) for v in self.violations]
        return pd.DataFrame(rows, columns=["table", "column", "violation", "count", "severity", "advice"])

    def raise_if_refused(self) -> None:
        """Raise a `ContractError` that lists every refusal, if there is one."""
        if self.refused:
            raise ContractError("\n".join(map(str, self.refused)))


def check(
    customers: ir.Table,
    events: ir.Table,
    engine: Engine,
    *,
    kinds: Iterable[str] = (),
    known: Iterable[Violation] = (),
) -> ContractReport:
    """Hold two tables in canonical form against the contract.

    Parameters
    ----------
    customers, events
        Tables with the columns of `CUSTOMERS` (and attributes) and `EVENTS`.
    kinds
        Kinds of event declared beyond `KINDS`.
    known
        Violations met while mapping the sources; they head the report.
    """
    found = list(known)
    size, total = engine.number(customers.count()), engine.number(events.count())
    for table, rows in (("customers", size), ("events", total)):
        if rows == 0:
            found.append(Violation(table, "(all)", "rows: the table is empty", 0, "refuse", "check the extract"))
    counts = {
        **engine.frame(_customer_checks(customers)).iloc[0].to_dict(),
        **engine.frame(_event_checks(customers, events, frozenset(kinds) | KINDS)).iloc[0].to_dict(),
    }
    for (table, column, name, severity, advice), key in _MEANING.items():
        count = 0 if pd.isna(counts[key]) else int(counts[key])
        if count == 0:
            continue
        if severity == "share":
            severity = "warn" if count <= TOLERATED_SHARE * total else "refuse"
        found.append(Violation(table, column, name, count, severity, advice))  # type: ignore[arg-type]
    if int(counts["unknown_kind"] or 0):
        unknown = engine.frame(_unknown_kinds(events, frozenset(kinds) | KINDS).limit(10))["kind"]
        found.append(
            Violation("events", "kind", f"events of unknown kinds ({', '.join(map(str, unknown))})",
                      int(counts["unknown_kind"]), "refuse", "map them to known kinds or declare them under kinds")
        )  # fmt: skip
    return ContractReport(tuple(found))


_MEANING = {
    ("customers", "customer_id", "nulls", "refuse", "every customer needs an id"): "customer_null",
    ("customers", "customer_id", "ids given more than once", "refuse", "one row per customer; what changes over time "
     "is an event"): "customer_duplicate",
    ("customers", "ends_at", "agreed ends before the sign-up", "warn", "check the two dates"): "ends_early",
    ("events", "customer_id", "nulls", "refuse", "fix the extract or set rows_without_customer: drop"): "event_null",
    ("events", "customer_id", "events of customers who are not in customers", "share",
     "complete the customers table"): "orphan",
    ("events", "occurred_at", "events before their customer's sign-up", "share", "one of the two dates is wrong; "
     "map signed_up_at to the first dealing with the company"): "before_sign_up",
    ("events", "recorded_at", "events recorded before they occurred", "warn", "check recorded_at"): "recorded_early",
    ("events", "kind", "nulls", "refuse", "complete the map of the kind column"): "kind_null",
    ("events", "rating", "ratings outside 0 to 1", "refuse", "scale the rating in a query"): "rating_range",
    ("events", "duration_s", "negative durations", "refuse", "fix the extract"): "duration_negative",
    ("events", "wait_s", "negative waits", "refuse", "fix the extract"): "wait_negative",
    ("events", "case_id", "cases resolved or answered before they were opened", "warn",
     "check the case's dates"): "case_order",
}  # fmt: skip


def _customer_checks(customers: ir.Table) -> ir.Table:
    return customers.aggregate(
        customer_null=customers.customer_id.isnull().sum(),
        customer_duplicate=customers.customer_id.count() - customers.customer_id.nunique(),
        ends_early=(customers.ends_at < customers.signed_up_at).sum(),
    )


def _event_checks(customers: ir.Table, events: ir.Table, kinds: frozenset[str]) -> ir.Table:
    known = customers.select(owner=customers.customer_id, signed_up_at=customers.signed_up_at).distinct(on="owner")
    joined = events.left_join(known, events.customer_id == known.owner)
    flat = joined.aggregate(
        event_null=joined.customer_id.isnull().sum(),
        orphan=(joined.customer_id.notnull() & joined.owner.isnull()).sum(),
        before_sign_up=(joined.occurred_at.date() < joined.signed_up_at.date()).sum(),
        recorded_early=(joined.recorded_at < joined.occurred_at).sum(),
        kind_null=joined.kind.isnull().sum(),
        unknown_kind=(~joined.kind.isin(sorted(kinds))).sum(),
        rating_range=((joined.rating < 0) | (joined.rating > 1)).sum(),
        duration_negative=(joined.duration_s < 0).sum(),
        wait_negative=(joined.wait_s < 0).sum(),
    )
    cases = events.filter(events.case_id.notnull())
    later = cases.kind.isin(["case_responded", "case_resolved", "case_reopened", "case_escalated"])
    by_case = cases.group_by(["customer_id", "case_id"]).aggregate(
        opened=cases.occurred_at.min(where=cases.kind == "case_opened"), followed=cases.occurred_at.min(where=later)
    )
    return flat.cross_join(by_case.aggregate(case_order=(by_case.followed < by_case.opened).sum()))


def _unknown_kinds(events: ir.Table, kinds: frozenset[str]) -> ir.Table:
    return events.filter(~events.kind.isin(sorted(kinds))).select("kind").distinct().order_by("kind")
