"""A gate against acts of the company that those who go quiet meet and others do not: it knew who was leaving.

Where inactivity is leaving, an honest act may answer silence: a push after fourteen days without a visit goes to many
who have left. So every customer who meets an act is compared with customers whom the books showed alike on that day:
last seen on the same day, quiet for as long, who used to come as often, new or not. An act that tells no more than that
is recency in disguise, which a reader should know; one that tells more came from somebody who knew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from churnml.engine import part_of
from churnml.evaluation.findings import SAMPLED_CUSTOMERS, Audit, Finding, inform
from churnml.evaluation.hindsight import CHANCE, EXPECTED_SHARE, FEWEST_CUSTOMERS
from churnml.evaluation.reactions import ACT_SHARE, ANSWERS, SORTS, by_company, sort_of, with_sorts

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

DEPARTED = "no act of the company precedes a departure it knew of"
STAY = 1 / 3
"""Of customers who meet a suspicious act, at most this part of those stay who should by the others of the same day."""
MONTH, OFTEN = 28, (2, 4, 12)
"""How often a customer used to come is told by the days of engagement in so many: one, fewer than four or twelve, or
more. Who was first seen in as many days is new."""
WAITS, ALIKE = 7, 0.8
"""An act answers silence if so many customers meet it after the same silence, to a day, of at least so many days."""
DAY = 86_400
_LIKE = ("seen", "habit", "quiet")


def departures(
    canonical: Canonical, config: settings.Config, engine: Engine, named: Collection[str | None] = ()
) -> Audit:
    """Acts of the company, by kind and by name, channel or campaign, after which next to everybody leaves.

    Leaving is a closure (unless `defection.by` is inactivity), or a day of engagement that no other follows for a whole
    horizon; it follows an act if it comes within a horizon of it. The first act of its sort that a customer meets
    counts, from the moment when it was known; acts that are engagement themselves do not. Sorts that another gate has
    `named` are left out.
    """
    if config.defection.by == "closure":
        return Audit()
    horizon = config.snapshots.horizon_days
    parts = engine.number(canonical.customers.count()) // SAMPLED_CUSTOMERS + 1
    events = part_of(canonical.events, parts)
    silences = engine.materialise(_silences(events, config), "audit_silences")
    alike = engine.frame(silences.group_by("seen", "habit", "lasts", "leaves_from").aggregate(all=silences.count()))
    acts = engine.materialise(_acts(events, silences, config), "audit_departures")
    findings: list[Finding] = []
    known: set[tuple[str, bool]] = set()
    for column in SORTS:
        met = _with_others(engine.frame(_first(acts, column)), alike)
        told = [(kind, each) for kind, each in _told(met, column, horizon) if (kind, each.passed) not in known]
        known |= {(kind, each.passed) for kind, each in told}
        findings += [each for _, each in told if each.feature not in named]
    if all(finding.informs for finding in findings):
        findings.insert(
            0, Finding(DEPARTED, True, None, _counted(int(alike["all"].sum()), "no other kind" if named else "no kind"))
        )
    return Audit(tuple(findings))


def _counted(silences: int, none: str) -> str:
    if not silences:
        return "the books are too short to tell who left after an act: they must hold two horizons"
    return f"{none} of it tells more than silence does, by {silences:,} silences after a day of engagement"


def _silences(events: ir.Table, config: settings.Config) -> ir.Table:
    """One row per customer and day of engagement, with the days of silence that follow it, up to a horizon.

    Columns: `customer_id`, `seen` (the day), `habit` (how often the customer used to come, and whether new), `lasts`
    (for so many days the silence goes on, and the books tell who leaves within a horizon of them) and `leaves_from`
    (from so many on leaving is so near; more than a horizon if it never is).
    """
    horizon = config.snapshots.horizon_days
    engaged = events.kind.isin(sorted(config.engagement_kinds))
    shut = (events.kind == "closed") & ibis.literal(config.defection.by == "either")
    days = events.mutate(seen=_day(events.occurred_at), engaged=engaged, shut=shut).filter(engaged | shut)
    days = days.group_by("customer_id", "seen").aggregate(engaged=days.engaged.any(), shut=days.shut.any())
    own = {"group_by": days.customer_id, "order_by": days.seen}
    days = days.mutate(
        back=days.seen.min(where=days.engaged).over(ibis.window(**own, following=(1, None))),
        closes=days.seen.min(where=days.shut).over(ibis.window(**own, following=(0, None))),
    )
    days = days.filter(days.engaged).cross_join(events.aggregate(end=_day(events.recorded_at.max())))
    closes = days.closes.notnull() & (days.back.isnull() | (days.closes < days.back))
    leaves = days.back.isnull() | (days.back - days.seen > horizon) | closes
    until = closes.ifelse(days.closes, ibis.coalesce(days.back, days.end))
    days = days.mutate(left=leaves.ifelse(days.seen, ibis.null("int64")), until=until)
    own = {"group_by": days.customer_id, "order_by": days.seen}
    days = days.mutate(
        leaves=days.left.min().over(ibis.window(**own, following=(0, None))),
        first=days.seen.min().over(ibis.window(group_by=days.customer_id)),
        visits=days.count().over(ibis.range_window(**own, preceding=MONTH - 1, following=0)),
    )
    habit = sum(((days.visits >= number).cast("int64") for number in OFTEN), ibis.literal(0))
    new = (days.seen - days["first"] < MONTH).cast("int64")
    lasts = ibis.least(days.until - days.seen, days.end - days.seen - 2 * horizon, horizon - 1)
    nearly = ibis.greatest(days.leaves - days.seen - horizon, 0)
    silences = days.select(
        *("customer_id", "seen"),
        habit=habit + new * (len(OFTEN) + 1),
        lasts=lasts,
        leaves_from=days.leaves.isnull().ifelse(horizon + 1, ibis.least(nearly, horizon + 1)),
    )
    return silences.filter(silences.lasts >= 0)


def _acts(events: ir.Table, silences: ir.Table, config: settings.Config) -> ir.Table:
    """What the company did of its own accord while customers were quiet, with the `moment` when it was known.

    Columns: `customer_id`, `kind`, `SORTS`, those of `_silences`, and `quiet`, the days of silence by then. What
    answers the customer, or comes soon after somebody spoke up, is left out.
    """
    engaged = events.kind.isin(sorted(config.engagement_kinds))
    told = events.kind.isin([*config.voice.kinds, "cancel_requested"])
    answers = ibis.or_(*(events.kind.startswith(prefix) for prefix in ANSWERS))
    known = ibis.greatest(events.occurred_at, events.recorded_at)
    both = with_sorts(events).select(
        *("customer_id", "kind", *SORTS),
        engaged=engaged,
        told=told,
        act=by_company(events) & ~engaged & ~told & ~answers & (events.kind != "closed"),
        moment=engaged.ifelse(events.occurred_at, known).epoch_seconds().cast("int64"),
    )
    both = both.filter(both.engaged | both.told | both.act)
    order = [both.moment, both.act]  # what happens at the same moment comes before the act
    before = ibis.window(group_by=both.customer_id, order_by=order, preceding=(None, 0))
    both = both.mutate(
        seen=(both.moment // DAY).max(where=both.engaged).over(before),
        spoke=both.moment.max(where=both.told).over(before),
    )
    answered = (both.moment - both.spoke <= MONTH * DAY).fill_null(False)
    acts = both.filter(both.act, both.seen.notnull(), ~answered).join(silences, ["customer_id", "seen"])
    acts = acts.mutate(quiet=acts.moment // DAY - acts.seen)
    return acts.filter(acts.quiet <= acts.lasts)


def _day(moment: Any) -> Any:
    return moment.epoch_seconds().cast("int64") // DAY


def _first(acts: ir.Table, column: str) -> ir.Table:
    """For each kind, value of a column and `_LIKE`: the `customers` who met it first so, and how many `left`."""
    own = ibis.window(group_by=["customer_id", "kind", column], order_by=["moment", "quiet"])
    first = acts.mutate(place=ibis.row_number().over(own), value=acts[column])
    first = first.filter(first.place == 0)
    return first.group_by("kind", "value", *_LIKE).aggregate(
        customers=first.count(), left=(first.leaves_from <= first.quiet).sum()
    )


def _with_others(met: pd.DataFrame, alike: pd.DataFrame) -> pd.DataFrame:
    """Beside those who met an act, of all who were alike on that day: how many there are, and how many left."""
    days = met[list(_LIKE)].drop_duplicates().merge(alike, on=["seen", "habit"])
    days = days[days["lasts"] >= days["quiet"]]
    days = days.assign(gone=days["all"].where(days["leaves_from"] <= days["quiet"], 0))
    return met.merge(days.groupby(list(_LIKE), as_index=False)[["all", "gone"]].sum(), on=list(_LIKE))


def _told(met: pd.DataFrame, column: str, horizon: int) -> Iterator[tuple[str, Finding]]:
    """The kind, and what is said of a sort of it."""
    for (kind, value), part in met.groupby(["kind", "value"], dropna=False):
        judged = part[part["all"] > part["customers"]]  # on some days nobody else was alike
        size, left = int(judged["customers"].sum()), int(judged["left"].sum())
        waits = _waits(part)
        if size < FEWEST_CUSTOMERS or (left < ACT_SHARE * size and not waits):
            continue
        others = (judged["gone"] - judged["left"]) / (judged["all"] - judged["customers"])
        expected = float((others * judged["customers"]).sum()) / size
        figures = (
            f"{left:,} of {size:,} customers left within {horizon} days of it, of others who had been quiet for as "
            f"long on the same day {expected:.0%}"
        )
        suspicious = left >= ACT_SHARE * size and expected <= EXPECTED_SHARE
        if suspicious and size - left <= STAY * size * (1 - expected) and _by_chance(judged) < CHANCE:
            advice = "the company knew. Map the day on which it was known as recorded_at, or leave it out"
            yield str(kind), Finding(DEPARTED, False, sort_of(kind, column, value), f"{figures}: {advice}")
        elif waits:
            detail = (
                f"it goes to those who have been quiet for {waits} days, and tells hardly more than that: {figures}"
            )
            yield str(kind), inform(DEPARTED, sort_of(kind, column, value), detail)


def _by_chance(judged: pd.DataFrame) -> float:
    """How likely so many leave by chance, day by day as many as of all who were alike (Mantel & Haenszel 1959)."""
    size, everybody, gone = (judged[name].to_numpy(dtype=np.float64) for name in ("customers", "all", "gone"))
    variance = size * (everybody - size) * gone * (everybody - gone) / (everybody**2 * (everybody - 1))
    more = judged["left"].sum() - (size * gone / everybody).sum()
    return float(norm.sf(more / np.sqrt(variance.sum()))) if variance.any() else 1.0


def _waits(part: pd.DataFrame) -> int | None:
    """The days of silence after which nearly everybody meets an act, if it is one that answers silence."""
    quiet = np.repeat(part["quiet"].to_numpy(), part["customers"].to_numpy())
    usual = int(np.median(quiet))
    return usual if usual >= WAITS and (np.abs(quiet - usual) <= 1).mean() >= ALIKE else None
