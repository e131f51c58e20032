"""Whether anybody leaves at the snapshots, and anybody stays: of tables that hold survivors alone nothing is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from churnml.contract import Violation
from churnml.engine import part_of
from churnml.outcomes import RETAINED, label
from churnml.timeline import observe

if TYPE_CHECKING:
    from churnml.sources import Canonical
    from churnml.workflows.business import Business

SAMPLED_ROWS = 3_000_000
"""Above so many events a sample of customers, chosen by a hash, is asked first: where some of it leave, and some stay,
so do some of all."""
TESTED = "snapshots to test on"
ADVICE = {
    "no customer leaves": "Do the tables hold only who is still there? Give those who left, too, with their events; or "
    "look at what defection and snapshots say",
    "every customer leaves": "Do the tables hold only who has left, or do the events end early? Give those who stayed, "
    "too; or look at what defection and snapshots say",
    "no customer is eligible": "Look at what eligible says",
}


def one_sided(business: Business, learned: Sequence[date], tested: Sequence[date]) -> list[Violation]:
    """Warnings where nobody leaves, or nobody stays, at any of the mature snapshots to learn from, or to test on.

    The newest come first, and the rest are not looked at once one tells: as a rule two snapshots are labelled.
    """
    whole = [*learned, *tested]
    found = [("snapshots to learn from", learned, _side(business, learned)), (TESTED, tested, _side(business, tested))]
    if found[0][2] == found[1][2]:
        found = [("snapshots", whole, found[0][2])]
    return [
        Violation("customers", "(all)", f"{which} at which {what}", len(days), "warn",
                  f"{days[0]} to {days[-1]}: {_loss(which)}. {ADVICE[what]}")
        for which, days, what in found
        if what is not None
    ]  # fmt: skip


def _loss(which: str) -> str:
    return "no model can be judged by them" if which == TESTED else "nothing can be learnt from them"


def _side(business: Business, snapshots: Sequence[date]) -> str | None:
    """What all customers at the snapshots have in common, if anything."""
    whole, engine = business.canonical, business.engine
    parts = engine.number(whole.events.count()) // SAMPLED_ROWS + 1
    if parts > 1:
        sampled = replace(whole, customers=part_of(whole.customers, parts), events=part_of(whole.events, parts))
        if _common(business, sampled, snapshots) is None:
            return None
    return _common(business, whole, snapshots)


def _common(business: Business, canonical: Canonical, snapshots: Sequence[date]) -> str | None:
    left = stayed = 0
    for as_of in reversed(snapshots):
        spine = observe(canonical, business.config, as_of).spine
        outcomes = label(canonical, business.config, spine, as_of, business.known_at)
        outcomes = outcomes.filter(outcomes.outcome.notnull())
        row = business.engine.frame(
            outcomes.aggregate(rows=outcomes.count(), stayed=outcomes.count(where=outcomes.outcome == RETAINED))
        ).iloc[0]
        left, stayed = left + int(row["rows"] - row["stayed"]), stayed + int(row["stayed"])
        if left and stayed:
            return None
    return "no customer leaves" if stayed else "every customer leaves" if left else "no customer is eligible"
