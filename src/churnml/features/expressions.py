"""Small expressions that the families share. A null in a predicate counts as false, on every engine."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_
from typing import Any

import ibis.expr.types as ir

from churnml.features.registry import COMPANY_KINDS


def within(table: ir.Table, days: int) -> Any:
    """Rows of the last so many days."""
    return table.age_days <= days


def between(table: ir.Table, newer: int, older: int) -> Any:
    """Rows older than `newer` days and at most `older` days old."""
    return (table.age_days > newer) & (table.age_days <= older)


def of(table: ir.Table, kinds: Iterable[str]) -> Any:
    """Rows of these kinds."""
    return table.kind.isin(tuple(kinds)).fill_null(False)


def by_customer(table: ir.Table) -> Any:
    """Rows of what the customer did: neither a company's kind of event nor outbound."""
    return ~of(table, sorted(COMPANY_KINDS)) & (table.direction.fill_null("inbound") != "outbound")


def monitored(table: ir.Table, dark_channels: Iterable[str]) -> Any:
    """Rows on a channel that the company monitors, or on none."""
    return ~table.channel.isin(tuple(dark_channels)).fill_null(False)


def count(table: ir.Table, *predicates: Any) -> Any:
    """How many rows meet all the predicates."""
    return table.count(where=reduce(and_, predicates)) if predicates else table.count()


def ratio(part: Any, whole: Any) -> Any:
    """A quotient as a float; null where the whole is null or 0."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def flag(condition: Any) -> Any:
    """1 where a condition is true, else 0."""
    return condition.ifelse(1.0, 0.0)


def exact(value: Any) -> Any:
    """A small float made a decimal, so that a sum over it does not depend on the order of rows."""
    return value.cast("decimal(18, 12)")
