"""Repairs that a configuration declares. Each takes away or mends what a check would name, and is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ibis

from churnml.contract.order import SEQUENCES, before_sign_up, is_before, lifetimes, threads, with_life
from churnml.contract.repeated import without_repeated_days
from churnml.contract.report import Violation
from churnml.contract.returns import with_trailing
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

DROPPED = {
    "unknown_customers": ("customer_id", "events of customers who are not in customers dropped"),
    "events_before_sign_up": ("occurred_at", "events before their customer's sign-up dropped"),
    "events_after_closure": ("occurred_at", "events of engagement after their customer's closure dropped"),
    "impossible_order": ("occurred_at", "answers before their question dropped"),
    "repeated_days": ("occurred_at", "surplus rows of days that occur twice dropped"),
}
"""The repairs that take rows away: the column they look at, and what the report calls them."""
NULLED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "rating": ("ratings outside 0 to 1 set to null", lambda value: (value < 0) | (value > 1)),
    "duration_s": ("negative durations set to null", lambda value: value < 0),
    "wait_s": ("negative waits set to null", lambda value: value < 0),
}
"""What `impossible_values` empties."""


def repair(
    customers: ir.Table, events: ir.Table, engine: Engine, config: settings.Config
) -> tuple[ir.Table, list[Violation]]:
    """The events with every declared repair made, in the order in which they are declared."""
    found: list[Violation] = []
    for name in config.repairs:
        if name == "impossible_values":
            for column, (what, impossible) in NULLED.items():
                wrong = impossible(events[column]).fill_null(False)
                counted = engine.frame(events.aggregate(wrong=wrong.sum(), known=events[column].count())).iloc[0]
                if 2 * (count := whole(counted["wrong"])) > whole(counted["known"]):
                    continue  # another scale, not some wrong values: the check refuses them
                found.append(_repaired(column, what, count))
                events = events.mutate(**{column: wrong.ifelse(ibis.null(events[column].type()), events[column])})
            continue
        column, what = DROPPED[name]
        if name == "repeated_days":
            kept, count = without_repeated_days(events, engine)
        else:
            wrong = _WRONG[name](customers, events, config)
            count = engine.number(wrong.keep.count() - wrong.keep.sum())
            kept = wrong.filter(wrong.keep).select(*events.columns)
        found.append(_repaired(column, what, count))
        events = engine.materialise(kept, f"repaired_{name}")
    return events, [violation for violation in found if violation.count]


def _repaired(column: str, what: str, count: int) -> Violation:
    return Violation("events", column, what, count, "repaired")


def _known(customers: ir.Table, events: ir.Table, config: settings.Config) -> ir.Table:
    joined = with_life(events, lifetimes(customers, events))
    return joined.mutate(keep=joined.customer_id.isnull() | joined.owner.notnull())


def _signed_up(customers: ir.Table, events: ir.Table, config: settings.Config) -> ir.Table:
    joined = with_life(events, lifetimes(customers, events))
    return joined.mutate(keep=~before_sign_up(joined).fill_null(False))


def _still_there(customers: ir.Table, events: ir.Table, config: settings.Config) -> ir.Table:
    marked = with_trailing(events, config)
    return marked.mutate(keep=~marked.trails)


def _in_order(customers: ir.Table, events: ir.Table, config: settings.Config) -> ir.Table:
    marked = events.mutate(keep=ibis.literal(True))
    for thread, table in threads(events).items():
        firsts = dict.fromkeys(first for column, first, _, _ in SEQUENCES if column == thread)
        begun = table.select(who=table.customer_id, what=table[thread], **{first: table[first] for first in firsts})
        joined = marked.left_join(begun, [marked.customer_id == begun.who, marked[thread] == begun.what])
        wrong = ibis.or_(
            *(
                (joined.kind == second) & is_before(joined.occurred_at, joined[first])
                for column, first, second, _ in SEQUENCES
                if column == thread
            )
        )
        keep = joined.keep & ~wrong.fill_null(False)
        marked = joined.select(*events.columns, keep=keep)
    return marked


_WRONG: dict[str, Callable[[Any, Any, Any], ir.Table]] = {
    "unknown_customers": _known,
    "events_before_sign_up": _signed_up,
    "events_after_closure": _still_there,
    "impossible_order": _in_order,
}
