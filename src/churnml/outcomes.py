"""Retained, silent or vocal: what became of each customer on the spine.

Defection is an explicit closure in the outcome window, or inactivity through the whole of it, or either. Voice is an
event of a voice kind on a channel that is not dark, from `lookback_days` before the snapshot up to and including the
moment of defection. Pooling the two kinds of leaver hides the signal (Ascarza, Netzer & Hardie 2018).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis

from churnml.contract import known_ends, midnight
from churnml.contract.returns import is_back
from churnml.errors import DataError
from churnml.timeline import is_mature, outcome_window

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.sources import Canonical

RETAINED, SILENT, VOCAL = "retained", "silent", "vocal"
OUTCOMES = (RETAINED, SILENT, VOCAL)
"""The order of outcomes everywhere, in the columns of probabilities too."""
ENDS = "agreed end inside the outcome window"
GONE = "already gone: a closure that was in the books only later"
ENDED = "already gone: an agreed end that was in the books only later"
TOO_LATE = "too late to act: left within the lead time"
"""Why such a customer is neither labelled nor scored."""


def is_voice(events: ir.Table, config: settings.Config) -> Any:
    """Whether each event is voice: a voice kind, on no channel or on one the company monitors."""
    spoken = events.kind.isin(config.voice.kinds)
    if config.channels.dark:
        spoken &= events.channel.isnull() | ~events.channel.isin(config.channels.dark)
    return spoken


def label(canonical: Canonical, config: settings.Config, spine: ir.Table, as_of: date, known_at: date) -> ir.Table:
    """The outcome of every customer on the spine, as far as it is known at the start of `known_at`.

    Returns
    -------
    ibis.Table
        `customer_id`, `outcome` (one of `OUTCOMES`, null where it must not be labelled) and `unlabelled` (the reason:
        the customer had gone before and the books did not know, left within the lead time, or reaches an agreed end
        inside the window).

    Raises
    ------
    DataError
        The snapshot is not mature: its window, or the settling of the books, runs past `known_at`.
    """
    rule = config.snapshots
    window = outcome_window(as_of, rule)
    if not is_mature(as_of, rule, known_at):
        raise DataError(
            f"snapshot {as_of}: its outcome window ends on {window.end} and settles {rule.settle_days} days later, "
            f"after {known_at}",
            "an immature snapshot is never labelled; use an earlier one",
        )
    heard_from = midnight(as_of - timedelta(days=config.voice.lookback_days))
    told_from = midnight(as_of - timedelta(days=max(config.voice.lookback_days, config.eligible.active_within_days)))
    events = canonical.events.filter(
        canonical.events.recorded_at < midnight(known_at),
        canonical.events.occurred_at < midnight(window.end),
        (canonical.events.occurred_at >= told_from)
        | ((canonical.events.kind == "closed") & (canonical.events.recorded_at >= midnight(as_of))),
    )
    moment = events.occurred_at
    before, from_start = moment < midnight(as_of), moment >= midnight(window.start)
    closed, engaged = events.kind == "closed", events.kind.isin(config.engagement_kinds)
    facts = events.group_by("customer_id").aggregate(
        closed_unknown=moment.max(where=closed & before & (events.recorded_at >= midnight(as_of))),
        engaged_before=moment.max(where=engaged & before),
        closed_early=events.count(where=closed & (moment >= midnight(as_of)) & ~from_start).fill_null(0),
        closed_at=moment.min(where=closed & from_start),
        engaged=events.count(where=engaged & from_start).fill_null(0),
    )
    customers = canonical.customers.mutate(ends_at=known_ends(canonical.customers, known_at))
    ends = customers.filter(customers.ends_at.notnull()).select("customer_id", "ends_at")
    table = spine.select("customer_id").left_join(facts, "customer_id").drop("customer_id_right")
    table = table.left_join(ends, "customer_id").drop("customer_id_right")
    inactive = table.engaged.fill_null(0) == 0
    back = is_back(table.closed_unknown.date(), table.engaged_before.date(), config.defection)
    end = midnight(window.end)
    left_at = {
        "closure": table.closed_at,
        "inactivity": inactive.ifelse(end, ibis.null("timestamp")),
        "either": ibis.coalesce(table.closed_at, inactive.ifelse(end, ibis.null("timestamp"))),
    }[config.defection.by]
    table = table.select(
        "customer_id",
        left_at=left_at,
        unlabelled=ibis.cases(
            (table.closed_unknown.notnull() & ~back, GONE),
            (table.closed_early.fill_null(0) > 0, TOO_LATE),
            (table.ends_at <= midnight(as_of), ENDED),
            (table.ends_at.date() < window.end, ENDS),
        ),
    )
    speech = events.filter(is_voice(events, config), moment >= heard_from).select("customer_id", "occurred_at")
    spoken = table.join(speech, "customer_id")
    spoken = spoken.filter(spoken.occurred_at <= spoken.left_at).select("customer_id").distinct().mutate(spoke=True)
    joined = table.left_join(spoken, "customer_id")
    outcome = ibis.cases(
        (joined.unlabelled.notnull(), ibis.null("string")),
        (joined.left_at.isnull(), RETAINED),
        (joined.spoke.fill_null(False), VOCAL),
        else_=SILENT,
    )
    return joined.select("customer_id", outcome=outcome, unlabelled=joined.unlabelled)
