"""How many rows a day has: days that were delivered twice, days with far too many rows, and gaps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from churnml.contract.report import Violation
from churnml.contract.tables import EVENTS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

CONTENT = tuple(name for name in EVENTS if name not in ("event_id", "recorded_at", "kind"))
"""What makes two events the same fact, whatever their ids and whenever they were delivered."""
REPEATED_ROWS, REPEATED_SHARE = 20, 0.99
"""A day occurs twice when at least so many different rows, and this share of them, are there more than once."""
FLOOD = 5.0
"""A day is flooded when it has so many times the rows of the usual day, and so many times the rows per customer."""
CROWD, CROWD_SHARE = 20.0, 0.2
"""A day is crowded when it has so many times the rows of the usual day, and this share of all rows of its kind."""
FEWEST_DAYS, FEWEST_ROWS = 28, 50
"""Volume is judged for kinds with so many days, and so many rows on the usual one."""
LONGEST_GAP = 14
"""A kind with rows on most days is broken off when it has none for more than so many days: longer than any holiday."""
SAMPLED_ROWS = 3_000_000
"""Above so many events the days are judged by a sample of customers, chosen by a hash; the counts are of all rows."""


def volume_checks(events: ir.Table, engine: Engine, days: pd.DataFrame) -> Iterator[Violation]:
    """Days of a kind that occur twice, are flooded or crowded, and gaps; `days` as `daily` gives them."""
    repeated = _repeated(events, engine, days)
    for kind, part in repeated.groupby("kind"):
        advice = (
            f"{_listed(part['day'])}: every row is there more than once; deliver each day once, or set "
            "repairs: [repeated_days]"
        )
        yield Violation("events", str(kind), "surplus rows of days that occur twice", int(part["surplus"].sum()),
                        "refuse", advice)  # fmt: skip
    doubled = set(zip(repeated["kind"], repeated["day"], strict=True))
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
            advice = f"{_listed(odd['day'])}: up to {times:.0f} times the usual day; check the extract"
            yield Violation("events", str(kind), "rows of days with many times the usual number",
                            _rows_of(events, engine, kind, odd["day"]), "warn", advice)  # fmt: skip
        present = part["day"].sort_values().reset_index(drop=True)
        gaps = present.diff().dt.days.fillna(1) - 1
        if (missing := int(gaps[gaps > LONGEST_GAP].sum())) and len(present) > 2 * missing:
            start = present[gaps.idxmax() - 1] + timedelta(days=1)
            yield Violation("events", str(kind), "days without a row", missing, "warn",
                            f"the longest gap begins on {start:%Y-%m-%d}; check the extract")  # fmt: skip


def without_repeated_days(events: ir.Table, engine: Engine) -> tuple[ir.Table, int]:
    """The events with one copy of each row of the days that occur twice, and how many rows that took away."""
    found = _repeated(events, engine, daily(events, engine))
    if found.empty:
        return events, 0
    chosen = ibis.or_(*((events.kind == row.kind) & _on(events, row.day) for row in found.itertuples()))
    twice = events.filter(chosen)
    once = twice.group_by("kind", *CONTENT).aggregate(
        event_id=twice.event_id.min(), recorded_at=twice.recorded_at.min()
    )
    return events.filter(~chosen).union(once.select(*events.columns)), int(found["surplus"].sum())


def daily(events: ir.Table, engine: Engine) -> pd.DataFrame:
    """`rows`, `distinct` rows and `customers` of each kind and day; of a sample of customers where events are many."""
    total = engine.number(events.count())
    sampled = _with_print(events)
    if total > SAMPLED_ROWS:
        sampled = sampled.filter(sampled.customer_id.hash() % (total // SAMPLED_ROWS + 1) == 0)
    table = engine.frame(
        sampled.group_by("kind", "day").aggregate(
            rows=sampled.count(), distinct=sampled.print.nunique(), customers=sampled.customer_id.nunique()
        )
    )
    table["day"] = pd.to_datetime(table["day"])
    return table.dropna(subset=["kind", "day"]).sort_values(["kind", "day"], ignore_index=True)


def last_full_day(days: pd.DataFrame, kinds: Collection[str] | None = None) -> date | None:
    """The last day with at least a hundredth of the rows of the usual day; a few late stragglers do not count."""
    part = days if kinds is None else days[days["kind"].isin(list(kinds))]
    rows = part.groupby("day")["rows"].sum()
    full = rows.index[rows >= rows.median() / 100]
    return full.max().date() if len(full) else None


def _repeated(events: ir.Table, engine: Engine, days: pd.DataFrame) -> pd.DataFrame:
    """The days of a kind that occur twice: `kind`, `day`, `surplus` rows."""
    likely = days[(days["distinct"] >= REPEATED_ROWS) & (days["rows"] >= 1.9 * days["distinct"])]
    columns = ["kind", "day", "surplus"]
    if likely.empty:
        return pd.DataFrame(columns=columns)
    prints = _with_print(events)
    chosen = ibis.or_(*((prints.kind == row.kind) & _on(prints, row.day) for row in likely.itertuples()))
    part = prints.filter(chosen)
    each = part.group_by("kind", "day", "print").aggregate(times=part.count())
    counted = engine.frame(
        each.group_by("kind", "day").aggregate(
            different=each.count(), again=(each.times > 1).sum(), surplus=(each.times - 1).sum()
        )
    )
    counted["day"] = pd.to_datetime(counted["day"])
    twice = counted[counted["again"] >= REPEATED_SHARE * counted["different"]]
    return twice[columns].sort_values(["kind", "day"], ignore_index=True)


def _with_print(events: ir.Table) -> ir.Table:
    """Each event's kind, day, customer and a hash of all it says."""
    content = ibis.struct({name: events[name] for name in CONTENT})
    return events.select("kind", "customer_id", "occurred_at", day=events.occurred_at.date(), print=content.hash())


def _on(events: ir.Table, day: Any) -> Any:
    start = ibis.literal(f"{day:%Y-%m-%d}").cast("timestamp")
    return (events.occurred_at >= start) & (events.occurred_at < start + ibis.interval(days=1))


def _rows_of(events: ir.Table, engine: Engine, kind: Any, days: pd.Series) -> int:
    chosen = ibis.or_(*(_on(events, day) for day in days))
    return engine.number(((events.kind == kind) & chosen).sum())


def _listed(days: pd.Series) -> str:
    first = ", ".join(f"{day:%Y-%m-%d}" for day in days.sort_values()[:3])
    return f"{len(days)} days ({first}{', ...' if len(days) > 3 else ''})" if len(days) > 1 else first
