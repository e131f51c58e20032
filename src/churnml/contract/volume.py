"""How many rows a day has: days that were delivered twice, days with far too many rows, and gaps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from churnml.contract.report import Violation
from churnml.contract.tables import EVENTS, implausible, midnight
from churnml.engine import part_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

CONTENT = tuple(name for name in EVENTS if name not in ("event_id", "recorded_at", "kind"))
"""What makes two events the same fact, whatever their ids and whenever they were delivered."""
REPEATED_SHARE, REPEATED_ROWS, FEWEST_REPEATED = 0.99, 20, 5
"""A day, week or month occurs twice when this share of its different rows is there more than once. So many rows are
enough to tell; fewer of as many customers, where rows are so seldom equal by accident that they cannot all be."""
CHANCE = 1e-6
"""What would be seen less often than this by accident is none."""
EQUAL_ROWS, EQUAL_SHARE, USUAL_SHARE = 20, 0.2, 0.01
"""A day has many equal rows when so many are superfluous, and this share of all, in a table where few usually are."""
FLOOD = 5.0
"""A day is flooded when it has so many times the rows of the usual day, and so many times the rows per customer."""
CROWD, CROWD_SHARE = 20.0, 0.2
"""A day is crowded when it has so many times the rows of the usual day, and this share of all rows of its kind."""
FEWEST_DAYS, FEWEST_ROWS = 28, 50
"""Volume is judged for kinds with so many days, and so many rows on the usual one."""
HOLLOW, HOLLOW_DAYS, HOLLOW_RUNS = 0.1, 3, 3
"""A day is hollow when it has at most this share of the rows of its weekday in the weeks around it. More than so many
days on end, or more often in a year than so many times, that is how the business goes: holidays."""
LONGEST_GAP = 14
"""A kind with rows on most days is broken off when it has none for more than so many days: longer than any holiday."""
STRAGGLING_SHARE = 0.01
"""At most this share of all rows may lie after the end of the books."""
SAMPLED_ROWS = 3_000_000
"""Above so many events the days are judged by a sample of customers, chosen by a hash; the counts are of all rows."""


def volume_checks(events: ir.Table, engine: Engine, days: pd.DataFrame) -> Iterator[Violation]:
    """Days of a kind that occur twice, are flooded or crowded, and gaps; `days` as `daily` gives them."""
    repeated = _repeated(events, engine, days)
    for kind, part in repeated.groupby("kind"):
        advice = (
            f"{listed(part['day'])}: every row is there more than once; deliver each day once, or set "
            "repairs: [repeated_days]"
        )
        yield Violation("events", str(kind), "surplus rows of days that occur twice", int(part["surplus"].sum()),
                        "refuse", advice)  # fmt: skip
    doubled = set(zip(repeated["kind"], repeated["day"], strict=True))
    for kind, part in _many_equal(days, doubled).groupby("kind"):
        advice = (
            f"{listed(part['day'])}: up to {part['share'].max():.0%} of the rows; some may have been delivered "
            "twice. If so, map an event_id; or, where a delivery has ids of its own, leave event_id out and set "
            "duplicates: drop for their source"
        )
        yield Violation("events", str(kind), "surplus rows of days with many equal rows", int(part["surplus"].sum()),
                        "warn", advice)  # fmt: skip
    for kind, part in days.groupby("kind"):
        usual, usual_each = part["rows"].median(), (part["rows"] / part["customers"]).median()
        if len(part) < FEWEST_DAYS or usual < FEWEST_ROWS:
            continue
        each = part["rows"] / part["customers"]
        flooded = (part["rows"] >= FLOOD * usual) & (each >= FLOOD * usual_each)
        crowded = (part["rows"] >= CROWD * usual) & (part["rows"] >= CROWD_SHARE * part["rows"].sum())
        known = np.array([(kind, day) in doubled for day in part["day"]], dtype=bool)
        odd = part[(flooded | crowded) & ~known]
        if len(odd):
            times = odd["rows"].max() / usual
            advice = f"{listed(odd['day'])}: up to {times:.0f} times the usual day; check the extract"
            yield Violation("events", str(kind), "rows of days with many times the usual number",
                            _rows_of(events, engine, kind, odd["day"]), "warn", advice)  # fmt: skip
        if len(hollow := hollow_days(part)):
            yield Violation("events", str(kind), "days with next to no rows", len(hollow), "warn",
                            f"{listed(hollow)}: a tenth of the usual or less; an outage or a holiday, or is a part of "
                            "the delivery missing?")  # fmt: skip
        present = part["day"].sort_values().reset_index(drop=True)
        gaps = present.diff().dt.days.fillna(1) - 1
        if (missing := int(gaps[gaps > LONGEST_GAP].sum())) and len(present) > 2 * missing:
            start = present[gaps.idxmax() - 1] + timedelta(days=1)
            yield Violation("events", str(kind), "days without a row", missing, "warn",
                            f"the longest gap begins on {start:%Y-%m-%d}; check the extract")  # fmt: skip


def hollow_days(part: pd.DataFrame) -> pd.Series:
    """The few days of a kind with next to no rows, the first and the last aside; `part` is the kind's of `daily`."""
    rows = part.set_index("day")["rows"].asfreq("D", fill_value=0)
    weekday = pd.DatetimeIndex(rows.index).dayofweek
    usual = rows.groupby(weekday).transform(lambda same: same.rolling(9, center=True, min_periods=5).median())
    hollow = (rows <= HOLLOW * usual) & (usual >= FEWEST_ROWS)
    hollow.iloc[[0, -1]] = False
    run = (hollow != hollow.shift()).cumsum()
    hollow &= hollow.groupby(run).transform("size") <= HOLLOW_DAYS
    seldom = (hollow & ~hollow.shift(fill_value=False)).sum() <= HOLLOW_RUNS * max(len(rows) / 365, 1)
    return rows.index[hollow & seldom].to_series()


def without_repeated_days(events: ir.Table, engine: Engine) -> tuple[ir.Table, int]:
    """The events with one copy of each row of the days that occur twice, and how many rows that took away."""
    found = _repeated(events, engine, daily(events, engine))
    if found.empty:
        return events, 0
    dated = events.mutate(day=events.occurred_at.date())
    twice = _of_days(dated, found)
    once = twice.group_by("kind", *CONTENT).aggregate(
        event_id=twice.event_id.min(), recorded_at=twice.recorded_at.min()
    )
    others = dated.anti_join(_listing(found), ["kind", "day"])
    return others.select(*events.columns).union(once.select(*events.columns)), int(found["surplus"].sum())


def daily(events: ir.Table, engine: Engine) -> pd.DataFrame:
    """`rows`, `distinct` rows and `customers` of each kind and day; of a sample of customers where events are many.

    Implausible days, which have a violation of their own, are left out: no calendar may have them.
    """
    dated = _with_fingerprint(events.filter(~implausible(events.occurred_at)))
    sampled = part_of(dated, engine.number(events.count()) // SAMPLED_ROWS + 1)
    table = engine.frame(
        sampled.group_by("kind", "day").aggregate(
            rows=sampled.count(), distinct=sampled.fingerprint.nunique(), customers=sampled.customer_id.nunique()
        )
    )
    table["day"] = pd.to_datetime(table["day"])
    return table.dropna(subset=["kind", "day"]).sort_values(["kind", "day"], ignore_index=True)


def last_full_day(days: pd.DataFrame, kinds: Collection[str] | None = None) -> date | None:
    """The last day with at least a hundredth of the rows of the usual day; a few late stragglers do not count.

    Nor do they make the usual day: it is the median of the days up to which all but a hundredth of the rows lie. Where
    clocks have gone astray, more days may follow than went before. Some kinds alone may thin out, and end all the same.
    Nor do days after a gap of more than two weeks, twice as long as any before it, that hold at most a hundredth of all
    rows: where there are few rows a day, one is enough for a full day.
    """
    part = days if kinds is None else days[days["kind"].isin(list(kinds))]
    rows = part.groupby("day")["rows"].sum().sort_index()
    before_the_last = rows.cumsum().shift(fill_value=0) < (1 - STRAGGLING_SHARE) * rows.sum()
    books = rows[before_the_last] if kinds is None else rows
    full = rows[rows >= books.median() / 100]
    if full.empty:
        return None
    gaps = full.index.to_series().diff().dt.days.fillna(0)
    longest_before = gaps.cummax().shift(fill_value=0)
    few_follow = full[::-1].cumsum()[::-1] <= STRAGGLING_SHARE * rows.sum()
    apart = few_follow & (gaps > LONGEST_GAP) & (gaps > 2 * longest_before)
    until: pd.Timestamp = full.index[-1] if not apart.any() else full.index[int(apart.to_numpy().argmax()) - 1]
    return until.date()


def _repeated(events: ir.Table, engine: Engine, days: pd.DataFrame) -> pd.DataFrame:
    """The days of a kind that occur twice: `kind`, `day`, `surplus` rows."""
    likely = _likely(days)
    columns = ["kind", "day", "surplus"]
    if likely.empty:
        return pd.DataFrame(columns=columns)
    part = _of_days(_with_fingerprint(events), likely)
    each = part.group_by("kind", "day", "fingerprint").aggregate(times=part.count())
    counted = engine.frame(
        each.group_by("kind", "day").aggregate(
            different=each.count(), again=(each.times > 1).sum(), surplus=(each.times - 1).sum()
        )
    )
    counted["day"] = pd.to_datetime(counted["day"])
    twice = counted[counted["again"] >= REPEATED_SHARE * counted["different"]]
    return twice[columns].sort_values(["kind", "day"], ignore_index=True)


def _likely(days: pd.DataFrame) -> pd.DataFrame:
    """The days that may occur twice, alone or as a part of a week or month that does: `kind`, `day`.

    Partitions are days, weeks or months. In a small table no day alone has the rows that it takes to tell.
    """
    found = []
    for length in ("D", "W", "M"):
        span = days["day"].dt.to_period(length)
        spans = days.groupby(["kind", span])[["rows", "distinct", "customers"]].sum()
        doubled = spans["rows"] >= 1.9 * spans["distinct"]
        total = days.groupby("kind")[["rows", "distinct"]].sum()
        rest = (total - spans[doubled].groupby("kind")[["rows", "distinct"]].sum()).reindex(total.index).fillna(total)
        usual = ((rest["rows"] - rest["distinct"] + 1) / (rest["rows"] + 1)).reindex(spans.index, level="kind")
        chance = usual.to_numpy() ** spans["distinct"].to_numpy()
        enough = (spans[["distinct", "customers"]].min(axis=1) >= FEWEST_REPEATED) & (chance < CHANCE)
        likely = spans[doubled & (enough | (spans["distinct"] >= REPEATED_ROWS))]
        at = pd.MultiIndex.from_arrays([days["kind"], span])
        found.append(days.loc[at.isin(likely.index), ["kind", "day"]])
    return pd.concat(found).drop_duplicates()


def _many_equal(days: pd.DataFrame, known: Collection[tuple[str, Any]]) -> pd.DataFrame:
    """Days with far more equal rows than other days of their kind: `kind`, `day`, `surplus` rows, their `share`."""
    surplus = days["rows"] - days["distinct"]
    made = days.assign(surplus=surplus, share=surplus / days["rows"])
    total = made.groupby("kind")[["rows", "surplus"]].transform("sum") - made[["rows", "surplus"]]
    usual = ((total["surplus"] + 1) / (total["rows"] + 1)).clip(upper=1.0)
    many = (surplus >= EQUAL_ROWS) & (made["share"] >= EQUAL_SHARE) & (usual <= USUAL_SHARE)
    many &= by_accident(made["share"], usual, days["rows"]) < CHANCE
    chosen = made[many]
    new = [(row.kind, row.day) not in known for row in chosen.itertuples()]
    return chosen.loc[np.array(new, dtype=bool)]


def by_accident(share: pd.Series, usual: pd.Series, rows: pd.Series) -> pd.Series:
    """At most so often is a share that high seen where the usual one is the truth (Hoeffding 1963)."""
    rest, usual_rest = (1 - share).clip(lower=1e-12), (1 - usual).clip(lower=1e-12)
    apart = share.clip(lower=1e-12) * np.log(share.clip(lower=1e-12) / usual) + rest * np.log(rest / usual_rest)
    bound: pd.Series = np.exp(-rows * apart).where(share > usual, 1.0)
    return bound


def _listing(days: pd.DataFrame) -> ir.Table:
    days_of = ibis.memtable(pd.DataFrame({"kind": days["kind"].astype(str), "day": days["day"].dt.date}))
    return days_of.mutate(day=days_of.day.cast("date"))


def _of_days(dated: ir.Table, days: pd.DataFrame) -> ir.Table:
    """The rows of those kinds and days."""
    return dated.semi_join(_listing(days), ["kind", "day"])


def _with_fingerprint(events: ir.Table) -> ir.Table:
    """Each event's kind, day, customer and a hash of all it says."""
    content = ibis.struct({name: events[name] for name in CONTENT})
    return events.select(
        "kind", "customer_id", "occurred_at", day=events.occurred_at.date(), fingerprint=content.hash()
    )


def _on(events: ir.Table, day: Any) -> Any:
    start = day.date()
    return (events.occurred_at >= midnight(start)) & (events.occurred_at < midnight(start + timedelta(days=1)))


def _rows_of(events: ir.Table, engine: Engine, kind: Any, days: pd.Series) -> int:
    chosen = ibis.or_(*(_on(events, day) for day in days))
    return engine.number(((events.kind == kind) & chosen).sum())


def listed(days: pd.Series) -> str:
    """How many days, and the first of them."""
    first = ", ".join(f"{day:%Y-%m-%d}" for day in days.sort_values()[:3])
    return f"{len(days)} days ({first}{', ...' if len(days) > 3 else ''})" if len(days) > 1 else first
