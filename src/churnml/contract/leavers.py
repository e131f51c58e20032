"""Who is gone as the books end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings


def leavers(events: ir.Table, config: settings.Config) -> ir.Table:
    """`customer_id` of everybody who has closed, or has been inactive for a whole horizon, as `defection.by` says."""
    span = events.aggregate(newest=events.recorded_at.max())
    engaged = events.kind.isin(sorted(config.engagement_kinds))
    each = events.group_by("customer_id").aggregate(
        closed=(events.kind == "closed").any(), last=events.occurred_at.max(where=engaged)
    )
    closed = each.filter(each.closed.fill_null(False)).select("customer_id")
    if config.defection.by == "closure":
        return closed
    joined = each.cross_join(span)
    since = joined.newest.date() - ibis.interval(days=config.snapshots.horizon_days)
    quiet = joined.filter(joined.last.isnull() | (joined.last.date() < since)).select("customer_id")
    return quiet if config.defection.by == "inactivity" else closed.union(quiet, distinct=True)
