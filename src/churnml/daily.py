"""Dense logs, such as click streams: the many events of a customer's day made one row, once for all snapshots.

Features look at days and never at hours, except inside a case or a dialogue, so that rows which differ in nothing but
the hour may stand together: `times` says for how many events a row stands. Counts and sums over them are the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ibis

from churnml.engine import part_of
from churnml.features.registry import Context

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine
    from churnml.sources import Canonical

KEYS = ("customer_id", "occurred_at", "recorded_at", "kind", "channel", "direction")
SUMS = ("quantity", "duration_s")
APART = ("amount", "wait_s", "rating", "text", "case_id", "automated", "scripted", "agent_id", "campaign_id", "due_at")
"""An event that has one of these columns stays a row of its own."""

PLAIN_KINDS = ("activity", "help_viewed")
"""Kinds whose hour says nothing; so do those that a configuration declares, unless it gives them a meaning."""

SAMPLE = 64
"""How dense the log is, is seen from one customer in so many."""

WORTH_ROWS = 1_000_000
"""Below so many rows nothing is worth while."""

WORTH_SNAPSHOTS = 2
"""Condensing costs less than the features of one snapshot do; the rest is a margin for logs where it saves little."""


def condensed(canonical: Canonical, context: Context, engine: Engine, snapshots: int) -> Canonical:
    """The same tables, the events by day where that pays for so many snapshots; features of either are equal.

    The share of rows that each snapshot then saves must outweigh what condensing costs; a sample of the log says so.
    Both clocks are cut to days: not for a `known_at` in the middle of one.
    """
    if snapshots <= WORTH_SNAPSHOTS or engine.number(canonical.events.count()) < WORTH_ROWS:
        return canonical
    if snapshots * saved(canonical.events, context, engine) <= WORTH_SNAPSHOTS:
        return canonical
    return replace(canonical, events=engine.materialise(by_day(canonical.events, context), "events_by_day"))


def saved(events: ir.Table, context: Context, engine: Engine) -> float:
    """The share of all rows that condensing would save, from a sample of the customers."""
    sample = part_of(events, SAMPLE)
    alike = _alike(sample, context)
    rows, before = engine.number(sample.count()), engine.number(alike.count())
    after = engine.number(_by_day(alike).count())
    return (before - after) / rows if rows else 0.0


def by_day(events: ir.Table, context: Context) -> ir.Table:
    """The events, those of one customer, day, kind, channel and direction in one row where nothing tells them apart.

    Two columns more: `times`, the events that a row stands for, and `timed`, those of them with a duration.
    """
    merged = _by_day(_alike(events, context))
    types = events.schema()
    alone = events.filter(~_is_alike(events, context))
    alone = alone.mutate(times=ibis.literal(1).cast("int64"), timed=alone.duration_s.notnull().cast("int64"))
    columns = {
        name: (merged[name] if name in merged.columns else ibis.null(kind)).cast(kind) for name, kind in types.items()
    }
    return alone.union(merged.select(**columns, times="times", timed="timed"))


def _is_alike(events: ir.Table, context: Context) -> Any:
    """Rows of engagement that no feature looks at more closely than by day."""
    looked_at = {*context.service_kinds, *context.voice_kinds, *context.friction_kinds, *context.value_kinds}
    kinds = sorted({*context.engagement_kinds} & {*PLAIN_KINDS, *context.own_kinds} - looked_at)
    plain = events.kind.isin(kinds).fill_null(False) if kinds else ibis.literal(False)
    for column in APART:
        plain &= events[column].isnull()
    return plain


def _alike(events: ir.Table, context: Context) -> ir.Table:
    return events.filter(_is_alike(events, context))


def _by_day(alike: ir.Table) -> ir.Table:
    days = alike.mutate(
        occurred_at=alike.occurred_at.truncate("D"),
        recorded_at=alike.recorded_at.truncate("D"),
    )
    sums = {name: days[name].sum() for name in SUMS}
    return days.group_by(*KEYS).aggregate(times=days.count(), timed=days.duration_s.count(), **sums)
