"""How many rows a day has: days with far too many, with next to none, and gaps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from churnml.contract.report import Violation
from churnml.contract.tables import EVENTS, implausible, midnight
from churnml.engine import part_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

CONTENT = tuple(name for name in EVENTS if name not in ("event_id", "recorded_at", "kind"))
"""What makes two events the same fact, whatever their ids and whenever they were delivered."""
COMMON_CHANNEL = 0.05
"""Channels with so many of their kind's rows are looked at one by one: each may be a delivery of its own."""
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
    """Days of a kind that are flooded, crowded or hollow, and gaps, up to the end of the books.

    `days` is as `daily` gives it, without the surplus of days that occur twice. A few rows after the end of the books
    would make a gap of all the time before them.
    """
    until = last_full_day(days)
    if until is None:
        return
    whole_kinds = days.groupby(["kind", "day"], as_index=False)[["rows", "customers"]].sum()
    for kind, part in whole_kinds[whole_kinds["day"] <= pd.Timestamp(until)].groupby("kind"):
        usual, usual_each = part["rows"].median(), (part["rows"] / part["customers"]).median()
        if len(part) < FEWEST_DAYS or usual < FEWEST_ROWS:
            continue
        each = part["rows"] / part["customers"]
        flooded = (part["rows"] >= FLOOD * usual) & (each >= FLOOD * usual_each)
        crowded = (part["rows"] >= CROWD * usual) & (part["rows"] >= CROWD_SHARE * part["rows"].sum())
        odd = part[flooded | crowded]
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
    """The few days of a kind with next to no rows, but for its first week and last day; `part` is its `daily`."""
    rows = part.set_index("day")["rows"].asfreq("D", fill_value=0)
    weekday = pd.DatetimeIndex(rows.index).dayofweek
    usual = rows.groupby(weekday).transform(lambda same: same.rolling(9, center=True, min_periods=5).median())
    hollow = (rows <= HOLLOW * usual) & (usual >= FEWEST_ROWS)
    hollow.iloc[:7] = hollow.iloc[-1] = False
    run = (hollow != hollow.shift()).cumsum()
    hollow &= hollow.groupby(run).transform("size") <= HOLLOW_DAYS
    seldom = (hollow & ~hollow.shift(fill_value=False)).sum() <= HOLLOW_RUNS * max(len(rows) / 365, 1)
    return rows.index[hollow & seldom].to_series()


def common_channels(events: ir.Table, engine: Engine) -> list[str]:
    """The common channels of each kind, as `place_of` compares them."""
    counts = engine.frame(events.group_by("kind", "channel").aggregate(rows=events.count())).dropna(subset=["kind"])
    share = counts["rows"] / counts.groupby("kind")["rows"].transform("sum")
    common = counts[(share >= COMMON_CHANNEL) & counts["channel"].notna()]
    return sorted(common["kind"] + "/" + common["channel"])


def place_of(events: ir.Table, common: list[str]) -> Any:
    """Each row's channel, where it is a common one of its kind; of all other rows an empty text."""
    return (events.kind + "/" + events.channel).isin(common).fill_null(False).ifelse(events.channel, "")


def with_fingerprint(events: ir.Table, common: list[str]) -> ir.Table:
    """Each event's kind, place, day, customer and a hash of all it says."""
    content = ibis.struct({name: events[name] for name in CONTENT})
    return events.select(
        "kind", "customer_id", place=place_of(events, common), day=events.occurred_at.date(), fingerprint=content.hash()
    )


def daily(events: ir.Table, engine: Engine, common: list[str]) -> pd.DataFrame:
    """`rows`, `distinct` rows and `customers` of each kind, place and day; of a sample of customers where events are
    many. What is `common` decides of the places.

    Implausible days, which have a violation of their own, are left out: no calendar may have them.
    """
    dated = with_fingerprint(events.filter(~implausible(events.occurred_at)), common)
    sampled = part_of(dated, engine.number(events.count()) // SAMPLED_ROWS + 1)
    table = engine.frame(
        sampled.group_by("kind", "place", "day").aggregate(
            rows=sampled.count(), distinct=sampled.fingerprint.nunique(), customers=sampled.customer_id.nunique()
        )
    )
    table["day"] = pd.to_datetime(table["day"])
    return table.dropna(subset=["kind", "day"]).sort_values(["kind", "place", "day"], ignore_index=True)


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
