"""Kinds whose history begins later, or ends earlier, than that of the others: what was before may not have been kept.

A company that keeps a year of sessions and all of its bills has customers who look asleep until the sessions begin.
What a company introduces, or gives up, grows or fades. What begins at its full rate from one week to the next, in books
that begin earlier, was there before, or was switched on for everybody at once: whoever mapped it knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.contract import midnight
from churnml.evaluation.findings import Audit, Finding, inform

if TYPE_CHECKING:
    from churnml.engine import Engine
    from churnml.sources import Canonical

SPANS = "kinds that begin or end apart from the others"
FEWEST_WEEKS, WEEKS = 4, 12
"""The weeks that a kind must lack, and those by which its usual rate is told."""
THERE = 0.9
"""A kind must be there in so many of all weeks since: campaigns come and go."""
AT_ONCE = 0.6
"""A kind is there at once if in its first two whole weeks it has so much of its usual rate."""
FEWEST_EVENTS = 50
"""At its usual rate a kind must have so many events in the weeks that it lacks, so that chance does not explain it."""
FULL = 0.01
"""The books begin and end with the weeks that have so many of the usual rows."""


def kinds_apart(canonical: Canonical, engine: Engine, until: date, known: Collection[str] = ()) -> Audit:
    """One line for each day from which, or up to which, kinds are there at their full rate, and not before or after.

    Rates are events for each active customer and week. Weeks that are not over at `until` do not count; nor do kinds
    that are `known` for other reasons.
    """
    events = canonical.events.filter(canonical.events.occurred_at < midnight(until))
    ago = (ibis.literal(until).delta(events.occurred_at.date(), unit="day").cast("int64") - 1) // 7
    weekly = events.mutate(week=-ago)
    counted = engine.frame(
        weekly.group_by("kind", "week").aggregate(
            rows=weekly.count(), first=weekly.occurred_at.date().min(), last=weekly.occurred_at.date().max()
        )
    )
    active = engine.frame(weekly.group_by("week").aggregate(active=weekly.customer_id.nunique(), rows=weekly.count()))
    full = active[active["rows"] >= FULL * active["rows"].median()].set_index("week").sort_index()
    if full.empty:
        return Audit()
    customers = full["active"].reindex(range(int(full.index.min()), int(full.index.max()) + 1), fill_value=0)
    apart: dict[tuple[str, pd.Timestamp], list[str]] = {}
    for kind, part in counted[~counted["kind"].isin(list(known))].groupby("kind"):
        part = part.set_index("week")
        rows = part["rows"].reindex(customers.index, fill_value=0).to_numpy(dtype=np.float64)
        rates = rows / np.maximum(customers.to_numpy(dtype=np.float64), 1)
        for word, step, day in (("begin", 1, part["first"].min()), ("end", -1, part["last"].max())):
            if _at_once(rates[::step], customers.to_numpy(dtype=np.float64)[::step]):
                apart.setdefault((word, pd.Timestamp(day)), []).append(str(kind))
    return Audit(tuple(_told(apart)))


def _at_once(rates: NDArray[np.float64], active: NDArray[np.float64]) -> bool:
    """Whether a kind is lacking in the first weeks, though customers were active, and there at its full rate from then.

    >>> lacking, active = np.zeros(8), np.full(28, 100.0)
    >>> _at_once(np.append(lacking, np.full(20, 0.5)), active)
    True
    >>> _at_once(np.append(lacking, np.linspace(0, 0.5, 20)), active)  # it grows
    False
    """
    begins = int((rates > 0).argmax())
    there = rates[begins + 1 :]  # the week in which it begins may be a part of one
    usual = float(np.median(there[:WEEKS])) if len(there) else 0.0
    lacking = begins >= FEWEST_WEEKS and usual * active[:begins].sum() >= FEWEST_EVENTS
    lasting = len(there) >= WEEKS and (there > 0).mean() >= THERE
    return bool(lacking and lasting and there[:2].mean() >= AT_ONCE * usual)


def _told(apart: Mapping[tuple[str, pd.Timestamp], Sequence[str]]) -> Iterator[Finding]:
    for (word, day), kinds in sorted(apart.items()):
        whom, verb = ", ".join(kinds), word if len(kinds) > 1 else f"{word}s"
        if word == "begin":
            detail = (
                f"{verb} on {day:%Y-%m-%d}, at once at the full rate, and others earlier: if what was before has not "
                "been kept, features that look back beyond that day are wrong. Set history_starts_on, and "
                "snapshots.first as much later as the features look back"
            )
        else:
            detail = (
                f"{verb} on {day:%Y-%m-%d}, at the full rate until then, and others later: if the extract ends there, "
                "features of later snapshots are wrong. Set snapshots.last, or complete it"
            )
        yield inform(SPANS, whom, detail)
