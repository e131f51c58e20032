"""Who has been in a campaign lately, and is left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from churnml.contract import midnight
from churnml.timeline import visible

if TYPE_CHECKING:
    from churnml.config import Fatigue
    from churnml.engine import Engine
    from churnml.sources import Canonical

IN_A_CAMPAIGN = "in a campaign lately"
"""Why somebody is left in peace who was contacted, or kept from a contact to compare with."""


def tired(
    canonical: Canonical,
    engine: Engine,
    rules: Sequence[Fatigue],
    as_of: date,
    known_at: date | datetime | None = None,
) -> frozenset[str]:
    """The customers who meet one of the rules: so many events of its kinds in so many days before `as_of`.

    An event counts as it does for features: it occurred before `as_of` and was recorded before `known_at` (default:
    `as_of`).
    """
    events = visible(canonical.events, as_of, known_at)
    names: set[str] = set()
    for rule in rules:
        lately = events.filter(
            events.kind.isin(rule.kinds), events.occurred_at >= midnight(as_of - timedelta(days=rule.days))
        )
        met = lately.group_by("customer_id").aggregate(events=lately.count())
        names |= set(engine.frame(met.filter(met["events"] >= rule.at_most))["customer_id"])
    return frozenset(names)
