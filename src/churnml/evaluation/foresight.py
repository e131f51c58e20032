"""Acts of the company that closures follow far more often than chance: it foresaw them, or it knew.

A call to those at risk, chosen by what the data show, precedes many closures honestly; so does a call that was made
because somebody was leaving, under the name of an ordinary one. The data cannot tell the two apart, and whoever mapped
them can. So this is information and no gate; where nearly all who meet an act close, a gate knows (`reactions`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd
from scipy.stats import binom

from churnml.engine import part_of, whole
from churnml.evaluation.findings import SAMPLED_CUSTOMERS, Audit, Finding, inform
from churnml.evaluation.hindsight import CHANCE
from churnml.evaluation.reactions import ACTS, ANSWERS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

FORESEEN = "closures that the company foresaw, or knew of"
DAYS, NOTICE_DAYS = 28, 120
"""Closures count as following an act for so many days, or for a horizon if that is shorter; and for as long as it takes
where they are dated by the end of a notice."""
TIMES, SHARE, MOST_TIME = 5.0, 0.2, 0.25
"""An act is named that so many times as many closures follow as other time does, and so many of all closures; not one
after which so much of all time lies that it says nothing."""
DAY = 86_400


def foresight(canonical: Canonical, config: settings.Config, engine: Engine) -> Audit:
    """Acts of the company, by kind and by name, channel or campaign, and the closures of the weeks that follow.

    A customer's time runs from the first event to the closure or to the end of the books. An act takes the days after
    it up to the next one of its sort. The rate of closures in them is compared with the rate in all other time. What
    happens as soon after voice or a request to cancel is left out: the customer had told the company.
    """
    parts = engine.number(canonical.customers.count()) // SAMPLED_CUSTOMERS + 1
    events = part_of(canonical.events, parts)
    days = min(DAYS, config.snapshots.horizon_days)
    lives = engine.materialise(_lives(events), "audit_lives")
    everybody = engine.frame(lives.aggregate(seconds=(lives["last"] - lives.start).sum(), closures=lives.closed.sum()))
    closures, seconds = (whole(everybody[name].iloc[0]) for name in ("closures", "seconds"))
    if not closures or not seconds:
        return Audit()
    acts = engine.materialise(_acts(events, lives, config, days), "audit_acts")
    named: dict[str, tuple[float, Finding]] = {}
    for within in (days, NOTICE_DAYS):
        before = set(named)
        for column in ("kind", "name", "channel", "campaign_id"):
            counts = engine.frame(_followed(acts, column, within))
            for kind, times, finding in _named(counts, column, closures, seconds, within):
                if kind not in before and (kind not in named or times > named[kind][0]):
                    named[kind] = times, finding
    return Audit(tuple(finding for _, finding in named.values()))


def _lives(events: ir.Table) -> ir.Table:
    """For each customer the seconds at the `start` and at the `last` of their time, and whether they `closed`."""
    second = events.occurred_at.epoch_seconds().cast("int64")
    each = events.group_by("customer_id").aggregate(start=second.min(), shut=second.min(where=events.kind == "closed"))
    newest = events.aggregate(newest=second.max())
    joined = each.cross_join(newest)
    last = ibis.coalesce(joined.shut, joined.newest)
    return joined.select("customer_id", "start", last=last, closed=joined.shut.notnull().cast("int64"))


def _acts(events: ir.Table, lives: ir.Table, config: settings.Config, days: int) -> ir.Table:
    """What the company did of its own accord before the closure: its kind, name, channel, campaign and `second`."""
    told = [*config.voice.kinds, "cancel_requested"]
    replies = ibis.or_(*(events.kind.startswith(prefix) for prefix in ANSWERS))
    act = (events.kind.isin(ACTS) | (events.direction == "outbound").fill_null(False)) & ~replies
    act &= ~events.kind.isin([*told, "closed"])
    both = events.select(
        *("customer_id", "kind", "name", "channel", "campaign_id"),
        second=events.occurred_at.epoch_seconds().cast("int64"),
        act=act,
        told=events.kind.isin(told),
    )
    both = both.filter(both.act | both.told)
    before = ibis.window(group_by="customer_id", order_by="second", preceding=(None, 0))
    both = both.mutate(spoke=both.told.ifelse(both.second, ibis.null("int64")).max().over(before))
    recent = (both.second - both.spoke <= days * DAY).fill_null(False)
    acts = both.filter(both.act, ~recent).join(lives, "customer_id")
    return acts.filter(acts.second < acts.last).drop("act", "told", "spoke", "start")


def _followed(acts: ir.Table, column: str, days: int) -> ir.Table:
    """For each kind and value of a column: `acts`, the `seconds` that they take and the `closed` within these."""
    own = ibis.window(group_by=["customer_id", "kind", column], order_by="second")
    following = acts.mutate(following=acts.second.lead().over(own))
    until = ibis.least(
        following.second + days * DAY, following["last"], ibis.coalesce(following.following, following["last"])
    )
    ends = following.mutate(until=until)
    closes = ((ends.until == ends["last"]) & ends.following.isnull()).ifelse(ends.closed, 0)
    taken = ends.mutate(seconds=ends.until - ends.second, closes=closes, value=ends[column])
    counts = taken.group_by("kind", "value").aggregate(
        acts=taken.count(), seconds=taken.seconds.sum(), closed=taken.closes.sum()
    )
    return counts.order_by("kind", "value")


def _named(
    counts: pd.DataFrame, column: str, closures: int, seconds: int, days: int
) -> Iterator[tuple[str, float, Finding]]:
    """The kind, how many times the rate of other time, and what is said."""
    for row in counts.dropna(subset=["value"]).to_dict(orient="records"):
        closed, share = int(row["closed"]), int(row["seconds"]) / seconds
        if closed < SHARE * closures or not 0 < share <= MOST_TIME:
            continue
        rest: Any = (closures - closed) / (1 - share)
        times = closed / share / rest if rest else float("inf")
        if times < TIMES or binom.sf(closed - 1, closures, share) >= CHANCE:
            continue
        what = str(row["kind"]) if column == "kind" else f"{row['kind']} {column} {row['value']!r}"
        detail = (
            f"{closed:,} of {closures:,} closures follow within {days} days of one of {int(row['acts']):,} such acts, "
            f"which take {share:.1%} of all time: {times:.0f} times as often as otherwise. Ask how customers are "
            "chosen for it: if because they were leaving, the company knew, and its columns do not belong here"
        )
        yield str(row["kind"]), times, inform(FORESEEN, what, detail)
