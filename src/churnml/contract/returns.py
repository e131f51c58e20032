"""A closure ends a customer until they come back.

Engagement soon after a closure trails it: a last bill, a late delivery. Later engagement means that the customer has
come back: they may leave again, and are on the spine again. How soon is soon, `defection.trailing_days` says. Between
two closures of one customer there must be a return.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ibis

from churnml.contract.report import Severity, Violation, by_share
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

SUSPICIOUS = 0.5
"""Where more than this share of the closures is followed by a return, they may be pauses."""


def is_back(closed_on: Any, engaged_on: Any, defection: settings.Defection) -> Any:
    """Whether the last day of engagement lies so long after the last closure's that the customer has come back.

    False where there is no such day.
    """
    return (engaged_on > closed_on + ibis.interval(days=defection.trailing_days)).fill_null(False)


def standing(events: ir.Table, config: settings.Config) -> ir.Table:
    """The closures that stand: `customer_id` and `closed_at`, the last, of all who have closed and not come back."""
    closed, engaged = events.kind == "closed", events.kind.isin(sorted(config.engagement_kinds))
    moment = events.occurred_at
    each = events.group_by("customer_id").aggregate(
        closed_at=moment.max(where=closed), engaged_at=moment.max(where=engaged)
    )
    back = is_back(each.closed_at.date(), each.engaged_at.date(), config.defection)
    return each.filter(each.closed_at.notnull() & ~back).select("customer_id", "closed_at")


def closures(events: ir.Table, defection: settings.Defection) -> ir.Table:
    """One row per customer and day of a closure.

    Columns: `owner`, `closed_on`, `trails_until` (the last day on which engagement trails it), `before` and
    `trailed_until` (the same of the customer's closure before, null for the first).
    """
    days = events.filter(events.kind == "closed", events.customer_id.notnull())
    days = days.select(owner=days.customer_id, closed_on=days.occurred_at.date()).distinct()
    trailing = ibis.interval(days=defection.trailing_days)
    before = days.closed_on.lag(1).over(ibis.window(group_by=days.owner, order_by=days.closed_on))
    days = days.mutate(trails_until=(days.closed_on + trailing).cast("date"), before=before)
    return days.mutate(trailed_until=(days.before + trailing).cast("date"))


def with_trailing(events: ir.Table, config: settings.Config) -> ir.Table:
    """The events with `trails`: engagement on a day after a closure of its customer, and soon after it."""
    ended = closures(events, config.defection)
    engaged = events.kind.isin(sorted(config.engagement_kinds))
    days = events.filter(engaged).select(who=events.customer_id, day=events.occurred_at.date()).distinct()
    soon = [days.who == ended.owner, days.day > ended.closed_on, days.day <= ended.trails_until]
    late = days.semi_join(ended, soon).mutate(late=True)
    joined = events.left_join(late, [events.customer_id == late.who, events.occurred_at.date() == late.day])
    return joined.mutate(trails=(joined.late & joined.kind.isin(sorted(config.engagement_kinds))).fill_null(False))


def return_checks(events: ir.Table, engine: Engine, config: settings.Config) -> Iterator[Violation]:
    """Engagement that trails closures; closures that ended nothing, follow each other, or are pauses."""
    ended = engine.materialise(closures(events, config.defection), "contract_closures")
    if not (total := engine.number(ended.count())):
        return
    found = engine.frame(_lives(events, ended, config)).iloc[0]
    marked = with_trailing(events, config)
    engaged = marked.kind.isin(sorted(config.engagement_kinds))
    late, of = engine.frame(marked.aggregate(late=marked.trails.sum(), of=engaged.sum())).iloc[0].map(whole)
    days, back = config.defection.trailing_days, whole(found["returned"])
    pauses: Severity = "warn"
    for column, name, count, severity, advice in (
        ("occurred_at", "events of engagement after their customer's closure", late, by_share(late, of),
         f"within {days} days of it, which brings nobody back (see trailing_days); map the day on which they really "
         "left, or set repairs: [events_after_closure]"),
        ("closed", "closures after which their customer went on as before", whole(found["went_on"]),
         by_share(whole(found["went_on"]), total),
         f"engaged within {days} days of it and after them, too; leave out closures that were withdrawn, date them by "
         "the end of the contract, or set trailing_days to how long engagement goes on after it"),
        ("closed", "customers who closed on several days", whole(found["reclosed"]),
         by_share(whole(found["reclosed"]), whole(found["customers"])),
         f"and did not come back in between, by engagement more than {days} days after the one; map one closure"),
        ("closed", "closures that a return followed", back if back > SUSPICIOUS * total else 0, pauses,
         f"of {total:,}: a pause is no closure; leave pauses out, or define leaving by inactivity"),
    ):  # fmt: skip
        if count:
            yield Violation("events", column, name, count, severity, advice)


def _lives(events: ir.Table, ended: ir.Table, config: settings.Config) -> ir.Table:
    """One row: `customers` with a closure, those who `reclosed`, closures that `went_on`, and who `returned` after."""
    days = events.filter(events.kind.isin(sorted(config.engagement_kinds)))
    days = days.select(who=days.customer_id, day=days.occurred_at.date())
    days = days.semi_join(ended, days.who == ended.owner).distinct()
    span = ibis.interval(days=config.defection.trailing_days)
    met = ended.left_join(days, [ended.owner == days.who, days.day > ended.trailed_until.fill_null(ended.closed_on)])
    soon = (met.day > met.closed_on) & (met.day <= met.trails_until)
    each = met.group_by("owner", "closed_on", "before").aggregate(
        soon=soon.any(),
        later=((met.day > met.trails_until) & (met.day <= met.trails_until + span)).any(),
        between=(met.day <= met.closed_on).any(),
        returned=(met.day > met.trails_until).any(),
    )
    reclosed = each.before.notnull() & ~each.between.fill_null(False)
    return each.aggregate(
        customers=each.owner.nunique(),
        reclosed=each.owner.nunique(where=reclosed),
        went_on=(each.soon & each.later).fill_null(False).sum(),
        returned=each.returned.fill_null(False).sum(),
    )
