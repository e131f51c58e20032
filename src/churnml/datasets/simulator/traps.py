"""Traps: faults of real data that a careful reader must notice, each switched on alone.

A trap changes what it says and nothing else: all but one work on the finished tables with random numbers of their own,
and the one that changes behaviour does so from the launch day on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churnml.datasets.simulator.presets import Preset
from churnml.datasets.simulator.tables import TIME, Vocabulary
from churnml.errors import ConfigError

Tables = dict[str, pa.Table]


@dataclass(frozen=True)
class Where:
    """What a trap works with: the company's words, the true departures, the simulated time, random numbers."""

    vocabulary: Vocabulary
    departures: pa.Table
    start: date
    end: date
    rng: np.random.Generator

    def table(self, name: str) -> str:
        """The company's name for a table."""
        return self.vocabulary.names[name]

    def time(self, share: float) -> datetime:
        """The midnight at that share of the simulated time."""
        days = round((self.end - self.start).days * share)
        return datetime.combine(self.start, datetime.min.time()) + timedelta(days=days)


@dataclass(frozen=True)
class Trap:
    """One trap: what is wrong, and how it comes about."""

    says: str
    spring: Callable[[Tables, Where], Tables]


def _set(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), pc.cast(values, table.schema.field(place).type))


def _gone_by_the_end(customers: pa.Table, where: Where) -> np.ndarray:
    """For each customer: whether use had ended when the tables were exported."""
    left = where.departures.filter(where.departures["left_on"].is_valid())["customer_id"]
    return np.asarray(pc.is_in(customers["customer_id"], value_set=left.combine_chunks()))


def _overwritten_attribute(tables: Tables, where: Where) -> Tables:
    customers = tables["customers"]
    gone = _gone_by_the_end(customers, where)
    plan = pc.if_else(pa.array(gone), pa.scalar("none"), customers["plan"])
    return tables | {"customers": _set(customers, "plan", plan)}


def _leaking_attribute(tables: Tables, where: Where) -> Tables:
    customers = tables["customers"]
    gone = _gone_by_the_end(customers, where)
    scores = np.asarray(customers["credit_score"]) - gone * where.rng.integers(200, 400, len(gone))
    return tables | {"customers": _set(customers, "credit_score", pa.array(np.maximum(scores, 300)))}


def _resolution_backfilled(tables: Tables, where: Where) -> Tables:
    """Tickets still open when the account was closed get a time of resolution soon after they were opened."""
    support, closed = tables["support"], tables[where.table("closures")]
    place = pc.index_in(support["customer_id"], value_set=closed["customer_id"].combine_chunks())
    closed_at = closed["closed_at"].take(place.combine_chunks())
    open_then = pc.or_kleene(support["resolved_at"].is_null(), pc.greater(support["resolved_at"], closed_at))
    hit = pc.and_(pc.fill_null(pc.and_(open_then, pc.less(support["opened_at"], closed_at)), False),
                  pc.invert(support["abandoned"]))  # fmt: skip
    after = pa.array(where.rng.integers(3600, 5 * 3600, support.num_rows) * 1_000_000).cast(pa.duration("us"))
    said = pc.max_element_wise(support["opened_at"], support["first_response_at"])
    resolved = pc.if_else(hit, pc.min_element_wise(pc.add(said, after), closed_at), support["resolved_at"])
    touched = pc.if_else(hit, pc.max_element_wise(closed_at, support["updated_at"]), support["updated_at"])
    return tables | {"support": _set(_set(support, "resolved_at", resolved), "updated_at", touched)}


def _winback_before_closure(tables: Tables, where: Where) -> Tables:
    """Marketing hears of a closure before the books do: a win-back mail some days before the recorded closure."""
    closed = tables[where.table("closures")]
    mailed = closed.filter(pa.array(where.rng.random(closed.num_rows) < 0.6))
    ahead = pa.array(where.rng.integers(86_400, 12 * 86_400, mailed.num_rows) * 1_000_000).cast(pa.duration("us"))
    customers = tables["customers"]
    place = pc.index_in(mailed["customer_id"], value_set=customers["customer_id"].combine_chunks())
    earliest = pc.max_element_wise(
        customers["signed_up_at"].take(place.combine_chunks()), pa.scalar(where.time(0), TIME)
    )
    sent = pc.max_element_wise(pc.subtract(mailed["closed_at"], ahead), earliest).cast(TIME)
    name = where.table("outreach")
    outreach = tables[name]
    size = mailed.num_rows
    given = {
        "customer_id": mailed["customer_id"],
        "campaign_id": pa.array(["M9999"] * size, pa.string()),
        "purpose": pa.array(["win-back"] * size, pa.string()),
        "channel": pa.array(["email"] * size, pa.string()),
        "sent_at": sent,
    }
    rows = pa.table([given.get(f.name, pa.nulls(size, f.type)) for f in outreach.schema], schema=outreach.schema)
    joined = pa.concat_tables([outreach, rows]).sort_by([("sent_at", "ascending"), ("customer_id", "ascending")])
    return tables | {name: joined.combine_chunks()}


def _duplicated_partitions(tables: Tables, where: Where) -> Tables:
    """Some days of use were delivered twice."""
    name = where.table("usage")
    usage = tables[name]
    day = pc.floor_temporal(usage["started_at"], unit="day")
    twice = [where.time(share).replace(hour=0) for share in (0.45, 0.5, 0.62, 0.8, 0.81)]
    again = usage.filter(pc.is_in(day, value_set=pa.array(twice, TIME)))
    return tables | {name: pa.concat_tables([usage, again]).combine_chunks()}


def _clock_change(tables: Tables, where: Where) -> Tables:
    """The system that keeps the answers stays on winter time: in summer its times are an hour early."""
    support = tables["support"]
    for name in ("first_response_at", "resolved_at"):
        times = support[name]
        summer = pa.array(np.zeros(support.num_rows, dtype=bool))
        for year in range(where.start.year, where.end.year + 1):
            begins, ends = (_last_sunday(year, month) for month in (3, 10))
            inside = pc.and_(pc.greater_equal(times, pa.scalar(begins, TIME)), pc.less(times, pa.scalar(ends, TIME)))
            summer = pc.or_(summer, pc.fill_null(inside, False))
        early = pc.subtract(times, pa.scalar(timedelta(hours=1), pa.duration("us")))
        support = _set(support, name, pc.if_else(summer, early, times))
    return tables | {"support": support}


def _last_sunday(year: int, month: int) -> datetime:
    """Two in the morning of the month's last Sunday, when clocks change.

    >>> _last_sunday(2023, 3).isoformat()
    '2023-03-26T02:00:00'
    """
    last = datetime(year, month, 31, 2)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _unit_change(tables: Tables, where: Where) -> Tables:
    """From the middle of the history on, sessions are measured in milliseconds."""
    name = where.table("usage")
    usage = tables[name]
    later = pc.greater_equal(usage["started_at"], pa.scalar(where.time(0.5), TIME))
    lasts = pc.if_else(later, pc.multiply(usage["duration_s"], 1000), usage["duration_s"])
    return tables | {name: _set(usage, "duration_s", lasts)}


def _unchanged(tables: Tables, where: Where) -> Tables:
    return tables


TRAPS = {
    "overwritten_attribute": Trap(
        "customers.plan reads 'none' for everybody who has left by the time of the export", _overwritten_attribute
    ),
    "leaking_attribute": Trap(
        "customers.credit_score was marked down for everybody who has left by the time of the export",
        _leaking_attribute,
    ),
    "resolution_backfilled": Trap(
        "support.resolved_at lies soon after the opening for tickets that were open when the account was closed; "
        "support.updated_at tells the day on which that was written",
        _resolution_backfilled,
    ),
    "winback_before_closure": Trap(
        "six in ten of those who close get a win-back mail one to twelve days before the recorded closure",
        _winback_before_closure,
    ),
    "duplicated_partitions": Trap("five days of use stand in the table twice", _duplicated_partitions),
    "clock_change": Trap(
        "support.first_response_at and support.resolved_at are an hour early while summer time lasts", _clock_change
    ),
    "unit_change": Trap("usage.duration_s holds milliseconds from the middle of the history on", _unit_change),
    "regime_change": Trap(
        "from the channel launch on, customers leave for other reasons, ask three times as much and meet more robots",
        _unchanged,
    ),
}
"""The traps by name. "regime_change" works on the behaviour itself: see `prepared`."""


def prepared(preset: Preset, switched_on: Iterable[str]) -> Preset:
    """The preset under which those traps are simulated.

    Raises
    ------
    ConfigError
        There is no such trap.
    """
    unknown = [name for name in switched_on if name not in TRAPS]
    if unknown:
        raise ConfigError([f"trap: {name!r} is not one of {', '.join(TRAPS)}" for name in unknown])
    return replace(preset, regime_change="regime_change" in switched_on)
