"""Small expressions that the families share. A null in a predicate counts as false, on every engine."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_
from typing import Any

import ibis
import ibis.expr.types as ir

from churnml.features.registry import COMPANY_KINDS, Context

BASELINE_DAYS = 14
"""A customer's own earlier rate needs at least so many days before the recent window."""


def rows_of(kinds: Iterable[str], context: Context) -> str:
    """The smaller of the grains "fact" and "event" that holds all events of these kinds."""
    return "event" if set(kinds) & set(context.engagement_kinds) else "fact"


def within(table: ir.Table, days: int) -> Any:
    """Rows of the last so many days."""
    return table.age_days <= days


def between(table: ir.Table, newer: int, older: int) -> Any:
    """Rows older than `newer` days and at most `older` days old."""
    return (table.age_days > newer) & (table.age_days <= older)


def of(table: ir.Table, kinds: Iterable[str]) -> Any:
    """Rows of these kinds."""
    return table.kind.isin(sorted(set(kinds))).fill_null(False)


def by_customer(table: ir.Table) -> Any:
    """Rows of what the customer did: neither a company's kind of event nor outbound."""
    return ~of(table, COMPANY_KINDS) & inbound(table)


def inbound(table: ir.Table) -> Any:
    """Rows that did not go out from the company."""
    return table.direction.fill_null("inbound") != "outbound"


def by_machine(table: ir.Table) -> Any:
    """Rows known to come from a bot; where nobody says so, it was a person."""
    return table.automated.fill_null(False)


def monitored(table: ir.Table, dark_channels: Iterable[str]) -> Any:
    """Rows on a channel that the company monitors, or on none."""
    return ~table.channel.isin(tuple(dark_channels)).fill_null(False)


def count(table: ir.Table, *predicates: Any) -> Any:
    """How many events (or rows, in a table of something else) meet all the predicates.

    A row may stand for several events, and then says for how many (see `churnml.daily`).
    """
    where = reduce(and_, predicates) if predicates else None
    return table.times.sum(where=where).fill_null(0) if "times" in table.columns else table.count(where=where)


def mean_duration(table: ir.Table, where: Any) -> Any:
    """The mean `duration_s` of some events; null where none has one."""
    known = table.timed.sum(where=where) if "timed" in table.columns else table.duration_s.count(where=where)
    return ratio(table.duration_s.sum(where=where), known)


def ratio(part: Any, whole: Any) -> Any:
    """A quotient as a float; null where the whole is null or 0."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def mean(values: Any, where: Any) -> Any:
    """The mean of a column over some rows, from exact sums; null where there is none."""
    return ratio(values.sum(where=where), values.count(where=where))


def spread(values: Any, n: Any) -> Any:
    """How far the largest of n values is from the smallest; null with fewer than two to compare."""
    return (n > 1).ifelse(values.max() - values.min(), ibis.null("float64"))


def own_rate_trend(recent: Any, longer: Any, first_days: Any, window: int, longest: int) -> Any:
    """The daily rate of the last `window` days over that of the days before, back to `longest` or the first event."""
    baseline_days = first_days.clip(upper=longest) - window
    baseline = ratio(longer - recent, (baseline_days >= BASELINE_DAYS).ifelse(baseline_days, ibis.null("float64")))
    return ratio(recent / window, baseline)


def flag(condition: Any) -> Any:
    """1 where a condition is true, else 0."""
    return condition.ifelse(1, 0).cast("float64")  # on DuckDB, 1.0 is a decimal


def exact(value: Any) -> Any:
    """A small float made a decimal, so that a sum over it does not depend on the order of rows."""
    return value.cast("decimal(18, 12)")
