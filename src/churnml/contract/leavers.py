"""Who is gone as the books end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings


def leavers(events: ir.Table, config: settings.Config, quiet_days: int | None = None) -> ir.Table:
    """`customer_id` of everybody who has closed, or has been inactive for a whole horizon, as `defection.by` says.

    `closed` says whether a closure is recorded. `quiet_days` instead of the horizon gives those who may have left, too.
    """
    quiet_days = config.snapshots.horizon_days if quiet_days is None else quiet_days
    span = events.aggregate(newest=events.recorded_at.max())
    engaged = events.kind.isin(sorted(config.engagement_kinds))
    each = events.group_by("customer_id").aggregate(
        closed=(events.kind == "closed").any(), last=events.occurred_at.max(where=engaged)
    )
    joined = each.cross_join(span)
    since = joined.newest.date() - ibis.interval(days=quiet_days)
    quiet = joined.last.isnull() | (joined.last.date() < since)
    closed = joined.closed.fill_null(False)
    gone = {"closure": closed, "inactivity": quiet, "either": closed | quiet}[config.defection.by]
    return joined.filter(gone).select("customer_id", closed=closed)
