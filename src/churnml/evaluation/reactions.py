"""A gate against acts of the company that almost only customers about to close meet: it knew who was closing.

Everything is judged by kind, and within it by name, by channel, by both together and by campaign: a reading taken by
the network's owner has the name of any other reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd
from scipy.stats import binom

from churnml.evaluation.findings import Audit, Finding, inform
from churnml.evaluation.hindsight import CHANCE, EXPECTED_SHARE, FEWEST_CUSTOMERS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

REACTED = "no act of the company precedes a closure it knew of"
ACT_SHARE = 0.80
"""An act of the company is suspicious when so many of its customers closed within a horizon, or two, after it."""
ACTS = (
    *("outreach_sent", "survey_sent", "treatment", "treatment_withheld"),
    *("plan_changed", "price_changed", "consent_changed", "attribute_changed"),
)
"""Acts by which a company may show that it knew; so may whatever went out. Replies and promises answer the customer."""
ANSWERS = ("case_", "promise_")
"""Kinds that begin so answer the customer, and so does what the company does soon after somebody spoke up."""
ON_CHANNEL = "name_on_channel"
SORTS = ("name", "channel", ON_CHANNEL, "campaign_id")
"""What tells acts of one kind apart, in the order in which it is named: a kind is named by the first that shows it."""


def reactions(canonical: Canonical, config: settings.Config, engine: Engine) -> Audit:
    """Acts of the company (a mail, a call, a changed plan) that almost only customers about to close meet.

    Then the company knew, and the closure's date is later than the knowledge. What customers say themselves is no
    leak: it is voice, or a signal. Of other facts that closures follow (a purchase of some name, a page of the web
    site) the data do not say whose act they are: they are information.
    """
    events = canonical.events
    closures = events.filter(events.kind == "closed")
    if not engine.number(closures.count()):
        return Audit((Finding(REACTED, True, None, "no closures are recorded"),))
    closed = closures.group_by("customer_id").aggregate(closed_at=closures.occurred_at.min())
    others = with_sorts(events.filter(~events.kind.isin([*config.voice.kinds, "closed", "cancel_requested"])))
    own = by_company(others)
    unclear = others.filter(~own, (others.direction != "inbound").fill_null(True))
    newest = events.aggregate(newest=events.recorded_at.max())
    days = config.snapshots.lead_days + config.snapshots.horizon_days

    advice = "the company knew. Date closures by the day they were known, or leave it out"
    own_acts = _named(engine, others.filter(own), closed, newest, (days, 2 * days))  # a notice's end lies further ahead
    findings = [Finding(REACTED, False, what, f"{detail}: {advice}") for what, detail in own_acts.items()]
    if not findings:
        findings.append(Finding(REACTED, True, None, "no kind of it is followed by closures only"))
    signals = _named(engine, unclear, closed, newest, (days,))
    findings += [inform(REACTED, what, f"{detail}: a signal, or somebody knew") for what, detail in signals.items()]
    return Audit(tuple(findings))


def by_company(events: ir.Table) -> Any:
    """Whether an event is an act of the company, as far as its kind and direction tell."""
    return events.kind.isin(ACTS) | (events.direction == "outbound").fill_null(False)


def with_sorts(events: ir.Table) -> ir.Table:
    """The events with all columns of `SORTS`."""
    return events.mutate(**{ON_CHANNEL: events.name + " on " + events.channel})


def sort_of(kind: Any, column: str, value: Any) -> str:
    """What a sort of act is called.

    >>> sort_of("contact", "name", "save"), sort_of("contact", "name_on_channel", "save on phone")
    ("contact name 'save'", "contact 'save on phone'")
    """
    if not isinstance(value, str):
        return str(kind)
    return f"{kind} {value!r}" if column == ON_CHANNEL else f"{kind} {column} {value!r}"


def _named(
    engine: Engine, acts: ir.Table, closed: ir.Table, newest: ir.Table, windows: Iterable[int]
) -> dict[str, str]:
    """What each suspicious sort of act is called, and what is suspicious about it within one of so many days."""
    named: dict[str, str] = {}
    kinds: set[str] = set()
    for column in SORTS:
        tables = [(engine.frame(_followed(acts, column, closed, newest, days)), days) for days in windows]
        found = [each for table, days in tables for each in _suspicious(table, column, days) if each[0] not in kinds]
        for kind, what, detail in found:
            named.setdefault(what, detail)
            kinds.add(kind)
    return named


def _followed(acts: ir.Table, column: str, closed: ir.Table, newest: ir.Table, days: int) -> ir.Table:
    """For each kind and value of a column, how many customers met it, and how many of them closed within so many days.

    Who had closed before, and who met it too late for the books to tell, does not count.
    """
    horizon = ibis.interval(days=days)
    first = acts.group_by("kind", column, "customer_id").aggregate(first=acts.occurred_at.min())
    joined = first.left_join(closed, "customer_id").cross_join(newest)
    followed = (joined.closed_at >= joined["first"]) & (joined.closed_at < joined["first"] + horizon)
    ahead = joined.mutate(followed=followed.fill_null(False)).filter(
        joined.closed_at.isnull() | (joined.closed_at >= joined["first"]), joined["first"] + horizon <= joined.newest
    )
    counts = ahead.group_by("kind", column).aggregate(customers=ahead.count(), closed=ahead.followed.sum())
    return counts.order_by("kind", column)


def _suspicious(table: pd.DataFrame, column: str, days: int) -> Iterator[tuple[str, str, str]]:
    """The kind, what it is called, and what is suspicious about it."""
    everything = table[["customers", "closed"]].sum()
    for kind, part in table.groupby("kind"):
        for value, size, left in part[[column, "customers", "closed"]].itertuples(index=False):
            if size < FEWEST_CUSTOMERS or left < ACT_SHARE * size:
                continue
            others = part[["customers", "closed"]].sum() - [size, left]
            if others["customers"] < FEWEST_CUSTOMERS:
                others = everything - [size, left]
            expected = float(others["closed"] / others["customers"]) if others["customers"] else 0.0
            if expected <= EXPECTED_SHARE and binom.sf(left - 1, size, expected) < CHANCE:
                detail = (
                    f"{left:,} of {size:,} customers closed within {days} days after it, after others of its kind "
                    f"{expected:.0%}"
                )
                yield str(kind), sort_of(kind, column, value), detail
