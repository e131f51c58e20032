"""Who may not be contacted, by the events of consent and by a flag; and the scores that may leave the system."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from churnml.contract import midnight

if TYPE_CHECKING:
    from churnml.engine import Engine
    from churnml.sources import Canonical

NOT_CONTACTABLE = "not contactable"
GIVEN = "given"


def withheld(canonical: Canonical, engine: Engine, known_at: date | datetime | None = None) -> frozenset[str]:
    """The customers who may not be contacted, as far as was recorded before `known_at` (default: all that is known).

    Whoever has opted out last: `unsubscribed`, or `consent_changed` to anything but "given", and on equal times that
    counts. And whoever's `contactable` flag, where a source maps one, is anything but true; it has no clock, and holds
    for every night.
    """
    events = canonical.events
    seen = events.filter(events.kind.isin(("unsubscribed", "consent_changed")))
    if known_at is not None:
        seen = seen.filter(seen.recorded_at < midnight(known_at))
    given = ((seen["kind"] == "consent_changed") & (seen["name"].lower() == GIVEN)).fill_null(False)
    last = seen.group_by("customer_id").aggregate(
        given=seen.occurred_at.max(where=given), refused=seen.occurred_at.max(where=~given)
    )
    out = last.filter(last.refused.notnull() & (last.given.isnull() | (last.given <= last.refused)))
    tables = [out.select("customer_id")]
    for flags in canonical.contactable:
        tables.append(flags.filter(~flags.contactable.fill_null(False)).select("customer_id"))
    return frozenset(name for table in tables for name in engine.frame(table)["customer_id"])


def contactable(scores: pa.Table, withheld: Collection[str]) -> pa.Table:
    """The scores of those who may be contacted at all, then and by now; only they leave the system.

    Whoever is excluded for another reason, as having been in a campaign lately, is among them, and it is said there.
    """
    refused = pc.fill_null(pc.equal(scores["excluded_because"], NOT_CONTACTABLE), False)
    by_now = pc.is_in(scores["customer_id"], value_set=pa.array(sorted(withheld), pa.string()))
    return scores.filter(pc.invert(pc.or_(refused, by_now)))
