"""The order of things: nothing before the sign-up, nothing after the closure, no answer before its question."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from churnml.contract.report import Violation, by_share

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

SEQUENCES = (
    ("case_id", "case_opened", "case_responded", "cases answered before they were opened"),
    ("case_id", "case_opened", "case_resolved", "cases resolved before they were opened"),
    ("case_id", "case_opened", "case_escalated", "cases escalated before they were opened"),
    ("case_id", "case_opened", "case_reopened", "cases reopened before they were opened"),
    ("case_id", "promise_made", "promise_kept", "promises kept before they were made"),
    ("campaign_id", "outreach_sent", "outreach_opened", "outreach opened before it was sent"),
    ("campaign_id", "outreach_sent", "outreach_clicked", "outreach clicked before it was sent"),
)
"""What must not precede what, for one customer and one case, promise or campaign."""


def lifetimes(customers: ir.Table, events: ir.Table) -> ir.Table:
    """One row per customer: `owner`, `signed_up_at`, `closed_at` (the first) and `reclosed` (on another day)."""
    closures = events.filter(events.kind == "closed")
    closed = closures.group_by("customer_id").aggregate(
        closed_at=closures.occurred_at.min(), last_closed_at=closures.occurred_at.max()
    )
    known = customers.select(owner=customers.customer_id, signed_up_at=customers.signed_up_at).distinct(on="owner")
    joined = known.left_join(closed, known.owner == closed.customer_id)
    return joined.select(
        "owner",
        "signed_up_at",
        "closed_at",
        reclosed=(joined.closed_at.date() < joined.last_closed_at.date()).fill_null(False),
    )


def life_checks(
    customers: ir.Table, events: ir.Table, engine: Engine, engagement: Collection[str]
) -> Iterator[Violation]:
    """Events of nobody, before the sign-up or after the closure; closures that come too early or twice."""
    life = engine.materialise(lifetimes(customers, events), "contract_lifetimes")
    joined = events.left_join(life, events.customer_id == life.owner)
    own = joined.kind.isin(sorted(engagement))
    counts = engine.frame(
        joined.aggregate(
            total=joined.count(),
            engaged=own.sum(),
            orphan=(joined.customer_id.notnull() & joined.owner.isnull()).sum(),
            early=((joined.kind != "closed") & is_day_before(joined.occurred_at, joined.signed_up_at)).sum(),
            late=(own & is_day_before(joined.closed_at, joined.occurred_at)).sum(),
        )
    ).iloc[0]
    ends = engine.frame(
        life.aggregate(
            closed=life.closed_at.notnull().sum(),
            early=is_day_before(life.closed_at, life.signed_up_at).sum(),
            reclosed=life.reclosed.sum(),
        )
    ).iloc[0]
    early = ""
    if _whole(counts["early"]):
        wrong = joined.filter((joined.kind != "closed") & is_day_before(joined.occurred_at, joined.signed_up_at))
        kinds = engine.frame(wrong.group_by("kind").aggregate(count=wrong.count())).sort_values(["count", "kind"])[::-1]
        early = ", ".join(f"{row['kind']} {row['count']:,}" for row in kinds.head(4).to_dict("records")) + ": "
    total, engaged, closed = (_whole(value) for value in (counts["total"], counts["engaged"], ends["closed"]))
    for table, column, name, count, of, advice in (
        ("events", "customer_id", "events of customers who are not in customers", counts["orphan"], total,
         "complete the customers table, or set repairs: [unknown_customers]"),
        ("events", "occurred_at", "events before their customer's sign-up", counts["early"], total,
         early + "one of the two dates is wrong; map signed_up_at to the first dealing with the company, or set "
         "repairs: [events_before_sign_up]"),
        ("events", "occurred_at", "events of engagement after their customer's closure", counts["late"], engaged,
         "somebody who is still active has not closed; map the last closure, or set repairs: [events_after_closure]"),
        ("events", "closed", "customers who closed before they signed up", ends["early"], closed,
         "one of the two dates is wrong"),
        ("events", "closed", "customers who closed on several days", ends["reclosed"], closed,
         "the first closure ends a customer; map one closure, or give who comes back a customer_id of their own"),
    ):  # fmt: skip
        if count := _whole(count):
            yield Violation(table, column, name, count, by_share(count, of), advice)


def sequence_checks(events: ir.Table, engine: Engine) -> Iterator[Violation]:
    """Answers before their question, arrivals before their promise, for each case, promise and campaign."""
    for thread, table in threads(events).items():
        names = [sequence for sequence in SEQUENCES if sequence[0] == thread]
        counted = table.aggregate(
            **{
                f"{what}_{number}": (value & table[first].notnull()).sum()
                for number, (_, first, second, _) in enumerate(names)
                for what, value in (
                    ("both", table[second].notnull()),
                    ("wrong", is_before(table[second], table[first])),
                )
            }
        )
        row = engine.frame(counted).iloc[0]
        for number, (_, _, second, name) in enumerate(names):
            if wrong := _whole(row[f"wrong_{number}"]):
                advice = f"check the times of {second}; or set repairs: [impossible_order]"
                yield Violation("events", second, name, wrong, by_share(wrong, _whole(row[f"both_{number}"])), advice)


def threads(events: ir.Table) -> dict[str, ir.Table]:
    """For each column of `SEQUENCES`, one row per customer and value: when each kind first happened."""
    found = {}
    for thread in dict.fromkeys(sequence[0] for sequence in SEQUENCES):
        kinds = sorted({kind for column, *pair, _ in SEQUENCES if column == thread for kind in pair})
        part = events.filter(events[thread].notnull(), events.kind.isin(kinds))
        found[thread] = part.group_by("customer_id", thread).aggregate(
            **{kind: part.occurred_at.min(where=part.kind == kind) for kind in kinds}
        )
    return found


def is_before(first: Any, second: Any) -> Any:
    """Whether a moment precedes another. A date without a time, which reads as midnight, may lie on the same day."""
    bare = (first == first.date().cast("timestamp")) & (first.date() == second.date())
    return (first < second) & ~bare


def is_day_before(first: Any, second: Any) -> Any:
    """Whether a moment lies on an earlier day than another."""
    return first.date() < second.date()


def _whole(value: Any) -> int:
    return 0 if value is None or value != value else int(value)
