"""The order of things: nothing before the sign-up, no answer before its question."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from churnml.contract.report import Severity, Violation, by_share
from churnml.contract.tables import implausible, midnight
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

SEQUENCES = (
    ("case_id", "case_opened", "case_responded", "cases answered before they were opened"),
    ("case_id", "case_opened", "case_resolved", "cases resolved before they were opened"),
    ("case_id", "case_opened", "case_escalated", "cases escalated before they were opened"),
    ("case_id", "case_opened", "case_reopened", "cases reopened before they were opened"),
    ("case_id", "promise_made", "promise_kept", "promises kept before they were made"),
    ("campaign_id", "outreach_sent", "outreach_opened", "outreach opened before it was sent"),
    ("campaign_id", "outreach_sent", "outreach_clicked", "outreach clicked before it was sent"),
)
"""What must not precede what, for one customer and one case, promise or campaign."""
HOUR = 3600
FEW_EARLY, LONG_BEFORE, DECADE = 0.01, 730, 3650
"""So small a share of all rows, so many days before the next one, is no beginning of the books."""
FEWEST_LOST, LOST_SHARE = 20, 0.5
"""Where so many events of a kind, and such a share of it, belong to nobody, the kind is lost, few as they may be."""
MONTH, FEWEST_NEW, FLOOD, MONTHS, THIN = 28, 100, 5, 6, 0.1
"""A log begins with customers who were there before it where its first month has so many new ones, and so many times
as many as the usual month after, of which there are at least so many."""
SHORTEST = 0.02
"""The typical shortest delay is this quantile of all delays."""


def lifetimes(customers: ir.Table, events: ir.Table) -> ir.Table:
    """One row per customer: `owner`, `signed_up_at` and `closed_at` (the first)."""
    closures = events.filter(events.kind == "closed")
    closed = closures.group_by("customer_id").aggregate(closed_at=closures.occurred_at.min())
    known = customers.select(owner=customers.customer_id, signed_up_at=customers.signed_up_at).distinct(on="owner")
    joined = known.left_join(closed, known.owner == closed.customer_id)
    return joined.select("owner", "signed_up_at", "closed_at")


def with_life(events: ir.Table, life: ir.Table) -> ir.Table:
    """The events, each with the row of its customer in `life`, as `lifetimes` gives it; nulls for nobody's."""
    return events.left_join(life, events.customer_id == life.owner)


def before_sign_up(joined: ir.Table) -> Any:
    """Events on a day before their customer signed up; a closure is judged on its own."""
    return (joined.kind != "closed") & is_day_before(joined.occurred_at, joined.signed_up_at)


def life_checks(customers: ir.Table, events: ir.Table, engine: Engine) -> Iterator[Violation]:
    """Events of nobody or before the sign-up, and closures before it."""
    life = engine.materialise(lifetimes(customers, events), "contract_lifetimes")
    joined = with_life(events, life)
    counts = engine.frame(
        joined.aggregate(
            total=joined.count(),
            orphan=(joined.customer_id.notnull() & joined.owner.isnull()).sum(),
            early=before_sign_up(joined).sum(),
        )
    ).iloc[0]
    ends = engine.frame(
        life.aggregate(
            closed=life.closed_at.notnull().sum(), early=is_day_before(life.closed_at, life.signed_up_at).sum()
        )
    ).iloc[0]
    early = ""
    if whole(counts["early"]):
        wrong = joined.filter(before_sign_up(joined))
        kinds = engine.frame(wrong.group_by("kind").aggregate(count=wrong.count())).sort_values(["count", "kind"])[::-1]
        early = ", ".join(f"{row['kind']} {row['count']:,}" for row in kinds.head(4).to_dict("records")) + ": "
    if orphans := whole(counts["orphan"]):
        yield _orphans(joined, customers, engine, orphans)
    total, closed = whole(counts["total"]), whole(ends["closed"])
    for table, column, name, count, of, advice in (
        ("events", "occurred_at", "events before their customer's sign-up", counts["early"], total,
         early + "one of the two dates is wrong; map signed_up_at to the first dealing with the company, or set "
         "repairs: [events_before_sign_up]"),
        ("events", "closed", "customers who closed before they signed up", ends["early"], closed,
         "one of the two dates is wrong"),
    ):  # fmt: skip
        if count := whole(count):
            yield Violation(table, column, name, count, by_share(count, of), advice)


def older_than_the_books(
    customers: ir.Table, events: ir.Table, engine: Engine, config: settings.Config
) -> Iterator[Violation]:
    """Customers whose first weeks came before the first event, so that they look idle then."""
    first = engine.frame(events.aggregate(first=events.occurred_at.min(where=~implausible(events.occurred_at))))
    began = first["first"].iloc[0]
    if pd.isna(began):
        return
    if config.history_starts_on is not None:
        if (ahead := (began.date() - config.history_starts_on).days) > config.features.onboarding_days:
            yield Violation(
                "customers", "signed_up_at", "days between history_starts_on and the first event", ahead, "warn",
                f"the first event is of {began.date()}: whoever signed up in between looks idle since; set "
                f"history_starts_on: {began.date()}",
            )  # fmt: skip
        return
    older = customers.signed_up_at < midnight(began.date() - timedelta(days=config.features.onboarding_days))
    row = engine.frame(customers.aggregate(older=older.sum(), known=customers.signed_up_at.count())).iloc[0]
    count, known = whole(row["older"]), whole(row["known"])
    if by_share(count, known) == "refuse":
        yield Violation(
            "customers", "signed_up_at", "sign-ups before the books begin", count, "warn",
            f"of {known:,}; the first event is of {began.date()}, so that their first weeks look idle: set "
            f"history_starts_on: {began.date()}, and the onboarding and tenure of these are taken for unknown",
        )  # fmt: skip


def first_seen_as_the_log_begins(
    customers: ir.Table, events: ir.Table, engine: Engine, config: settings.Config
) -> Iterator[Violation]:
    """Customers whose sign-up is their first event because the log is younger than the business.

    Such a log begins with a flood of them. Where nobody at all comes after it, they may be a cohort that was chosen;
    and months with next to no rows are not usual ones: books may end in a trickle.
    """
    firsts = events.filter(~implausible(events.occurred_at)).group_by("customer_id")
    seen = customers.join(firsts.aggregate(first_seen_at=events.occurred_at.min()), "customer_id")
    first = engine.frame(seen.aggregate(began=seen.first_seen_at.min()))["began"].iloc[0]
    if pd.isna(first):
        return
    began = max(first.date(), config.history_starts_on or first.date())
    new = seen.filter(seen.signed_up_at.date() == seen.first_seen_at.date(), seen.signed_up_at >= midnight(began))
    each = _by_month(new.group_by(day=new.signed_up_at.date()), engine, began)
    dated = events.filter(events.occurred_at >= midnight(began))
    rows = _by_month(dated.group_by(day=dated.occurred_at.date()), engine, began).reindex(each.index, fill_value=0)
    each = each[(rows >= THIN * rows.iloc[:1].sum()).cummin()]
    later = each.iloc[1:-1]  # the last month is seldom whole
    if len(later) < MONTHS or each.iloc[0] < FEWEST_NEW or not later.median() or each.iloc[0] < FLOOD * later.median():
        return
    calm = began + timedelta(days=MONTH * int(each.index[each < FLOOD * later.median()][0]))
    yield Violation(
        "customers", "signed_up_at", "customers first seen as the log begins", int(each.iloc[0]), "warn",
        f"in its first {MONTH} days, and {later.median():,.0f} in {MONTH} days since: unless the business is as young "
        f"as the log, most of them are no newcomers. Set history_starts_on: {calm}, and their onboarding and tenure "
        "are taken for unknown",
    )  # fmt: skip


def _by_month(days: ir.GroupedTable, engine: Engine, began: date) -> pd.Series:
    """How many rows there are in each 28 days from `began` on."""
    counted = engine.frame(days.aggregate(rows=lambda table: table.count()))
    month = (pd.to_datetime(counted["day"]) - pd.Timestamp(began)).dt.days // MONTH
    sums: pd.Series = counted.groupby(month[month >= 0])["rows"].sum()
    return sums.reindex(range(int(sums.index.max()) + 1 if len(sums) else 0), fill_value=0)


def long_before(events: ir.Table, engine: Engine, days: pd.DataFrame) -> Iterator[Violation]:
    """A few events dated years before all others, by clocks that were never set; `days` as `volume.daily` has them."""
    rows = days.groupby("day")["rows"].sum().sort_index()
    gap = rows.index.to_series().diff().dt.days.shift(-1)
    few = rows.cumsum() <= FEW_EARLY * rows.sum()
    if not (apart := few & (gap > LONG_BEFORE)).any():
        return
    until = rows.index[int(apart.to_numpy().nonzero()[0][-1]) + 1]
    early = (events.occurred_at < midnight(until.date())) & ~implausible(events.occurred_at)
    if count := engine.number(early.sum()):
        yield Violation(
            "events", "occurred_at", "events dated years before the books begin", count,
            "refuse" if gap[apart].max() > DECADE else "warn",
            f"the books begin on {until.date()}; a clock that was never set is no date: leave them out by a condition",
        )  # fmt: skip


def _orphans(joined: ir.Table, customers: ir.Table, engine: Engine, orphans: int) -> Violation:
    """Events of nobody: refused where they are many, of all or of a kind, which would be lost without a word."""
    table = engine.frame(
        joined.group_by("kind").aggregate(
            rows=joined.count(), lost=(joined.customer_id.notnull() & joined.owner.isnull()).sum()
        )
    ).sort_values(["lost", "kind"], ascending=[False, True])
    gone = table[(table["lost"] >= FEWEST_LOST) & (table["lost"] >= LOST_SHARE * table["rows"])]
    kinds = ", ".join(f"{row['kind']} {row['lost'] / row['rows']:.0%}" for row in gone.head(4).to_dict("records"))
    advice = "complete the customers table, or set repairs: [unknown_customers]"
    advice = _written_otherwise(joined, customers, engine, orphans) or advice
    severity: Severity = "refuse" if kinds else by_share(orphans, whole(table["rows"].sum()))
    return Violation(
        "events", "customer_id", "events of customers who are not in customers", orphans, severity,
        f"{kinds} of all of their kind: {advice}" if kinds else advice,
    )  # fmt: skip


def _written_otherwise(joined: ir.Table, customers: ir.Table, engine: Engine, orphans: int) -> str:
    """What to do where most events of nobody are somebody's, but for how the id is written; else empty."""
    known = customers.select(plain=_plain(customers.customer_id)).distinct()
    nobodys = joined.filter(joined.customer_id.notnull(), joined.owner.isnull())
    found = engine.number(nobodys.select(plain=_plain(nobodys.customer_id)).semi_join(known, "plain").count())
    if found < orphans / 2:
        return ""
    longest = engine.number(customers.customer_id.length().max())
    return (
        f"{found:,} of them are, but for capitals, spaces or leading zeros: two sources write the same id in "
        "different ways; write it alike in a query, such as SELECT * REPLACE (lpad(CAST(id AS VARCHAR), "
        f"{longest}, '0') AS id) FROM ..."
    )


def _plain(ids: Any) -> Any:
    """Ids without what is lost when they pass through a number, a spreadsheet or another system."""
    return ids.strip().lower().re_replace("^0+", "")


def answers(events: ir.Table, engine: Engine, summer: Collection[int], winter: Collection[int]) -> pd.DataFrame:
    """How long after its question each answer came, for every pair of `SEQUENCES` and by season.

    Returns
    -------
    One row per pair and season (`summer` and `winter` by their months, `between`), indexed by both: `cases` that have
    both events, how many are the `wrong` way round, `early` by up to an hour or `earlier` by more, and the `shortest`
    delay in seconds: their 2% quantile.
    """
    parts = []
    for thread, table in threads(events).items():
        held = engine.materialise(table, f"contract_{thread}s")
        for column, first, second, _ in SEQUENCES:
            if column == thread:
                asked, answered = held[first], held[second]
                season = ibis.cases((asked.month().isin(summer), "summer"), (asked.month().isin(winter), "winter"))
                delay = answered.epoch_seconds().cast("int64") - asked.epoch_seconds().cast("int64")
                part = held.select(
                    kind=ibis.literal(second),
                    season=ibis.coalesce(season, "between"),
                    delay=delay,
                    wrong=is_before(answered, asked),
                )
                parts.append(part.filter(part.delay.notnull()))
    pairs = ibis.union(*parts)
    return engine.frame(
        pairs.group_by("kind", "season").aggregate(
            cases=pairs.count(),
            wrong=pairs.wrong.sum(),
            early=((pairs.delay < 0) & (pairs.delay >= -HOUR)).sum(),
            earlier=(pairs.delay < -HOUR).sum(),
            shortest=pairs.delay.quantile(SHORTEST),
        )
    ).set_index(["kind", "season"])


def sequence_checks(found: pd.DataFrame) -> Iterator[Violation]:
    """Answers before their question, arrivals before their promise; `found` as `answers` gives it."""
    for kind, row in found[["cases", "wrong"]].groupby(level="kind").sum().iterrows():
        if wrong := int(row["wrong"]):
            name = next(name for _, _, second, name in SEQUENCES if second == kind)
            advice = f"check the times of {kind}, or set repairs: [impossible_order]"
            yield Violation("events", str(kind), name, wrong, by_share(wrong, int(row["cases"])), advice)


def threads(events: ir.Table) -> dict[str, ir.Table]:
    """For each column of `SEQUENCES`, one row per customer and value: when each kind first happened."""
    found = {}
    for thread in dict.fromkeys(sequence[0] for sequence in SEQUENCES):
        kinds = sorted({kind for column, *pair, _ in SEQUENCES if column == thread for kind in pair})
        part = events.filter(events[thread].notnull(), events.kind.isin(kinds))
        found[thread] = part.group_by("customer_id", thread).aggregate(
            **{kind: part.occurred_at.min(where=part.kind == kind) for kind in kinds}
        )
    return found


def is_before(first: Any, second: Any) -> Any:
    """Whether a moment precedes another. A date without a time, which reads as midnight, may lie on the same day."""
    bare = (first == first.date().cast("timestamp")) & (first.date() == second.date())
    return (first < second) & ~bare


def is_day_before(first: Any, second: Any) -> Any:
    """Whether a moment lies on an earlier day than another."""
    return first.date() < second.date()
