"""Time: windows, snapshots, the spine, and the one point-in-time join.

A snapshot date t means "as known at the start of day t". Intervals are half-open. A fact is visible at
(as_of, known_at) if and only if it occurred before the one and was recorded before the other. Features see ages,
never dates, so that they cannot look past the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis
import pandas as pd

from churnml.contract import CUSTOMERS, known_ends, midnight
from churnml.contract.volume import last_full_day
from churnml.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

ELIGIBLE = "eligible"
STATUS = "_status"
CLOCKS = ("occurred_at", "recorded_at", "due_at")


@dataclass(frozen=True)
class Interval:
    """A half-open interval of days, [start, end)."""

    start: date
    end: date


@dataclass(frozen=True)
class View:
    """What was known at the start of `as_of`.

    Attributes
    ----------
    spine
        One row per eligible customer: `customer_id`, `group_id`, `tenure_days` (null where the sign-up is unknown),
        `days_to_end` (null without an agreed end) and the attributes.
    events
        Their visible events without any date: the columns of `EVENTS` except the clocks, and `age_days` (1 or more),
        `age_s` (seconds before the snapshot, for durations inside a case), `due_in_s` (seconds until what was
        promised is due; negative once that has passed).
    everyones_events
        The same of every customer, on the spine or not.
    left_out
        Every customer known by then who is not on the spine: `customer_id`, `reason`.
    """

    as_of: date
    spine: ir.Table
    events: ir.Table
    everyones_events: ir.Table
    left_out: ir.Table


def outcome_window(as_of: date, snapshots: settings.Snapshots) -> Interval:
    """The days in which leaving counts for a snapshot: [t + lead, t + lead + horizon).

    >>> from churnml.config import Snapshots
    >>> outcome_window(date(2024, 3, 1), Snapshots(lead_days=7, horizon_days=28))
    Interval(start=datetime.date(2024, 3, 8), end=datetime.date(2024, 4, 5))
    """
    start = as_of + timedelta(days=snapshots.lead_days)
    return Interval(start, start + timedelta(days=snapshots.horizon_days))


def is_mature(as_of: date, snapshots: settings.Snapshots, known_at: date) -> bool:
    """Whether the outcome window, and the days the books need to settle, have passed at the start of `known_at`.

    >>> from churnml.config import Snapshots
    >>> rule = Snapshots(horizon_days=28, settle_days=2)
    >>> is_mature(date(2024, 3, 1), rule, date(2024, 3, 31)), is_mature(date(2024, 3, 1), rule, date(2024, 3, 30))
    (True, False)
    """
    return as_of + snapshots.matures_after <= known_at


def snapshot_dates(snapshots: settings.Snapshots, earliest: date, known_at: date) -> tuple[date, ...]:
    """The mature snapshots, oldest first.

    They step forward from `snapshots.first` if it is given, else backward from the last mature day; none lies
    before `earliest` or after `snapshots.last`.
    """
    step = timedelta(days=snapshots.every)
    if snapshots.first is not None:
        day, dates = snapshots.first, []
        while is_mature(day, snapshots, known_at) and (snapshots.last is None or day <= snapshots.last):
            dates.append(day)
            day += step
        return tuple(dates)
    day = known_at - snapshots.matures_after
    if snapshots.last is not None:
        day = min(day, snapshots.last)
    dates = []
    while day >= earliest:
        dates.append(day)
        day -= step
    return tuple(reversed(dates))


class Span(NamedTuple):
    """What the books hold: the day of the first event, the day after they end, and the first day with an event of the
    kinds asked for (the first day of all where there is none)."""

    first_day: date
    known_at: date
    first_of_kinds: date


def recorded_span(canonical: Canonical, engine: Engine, kinds: Collection[str] = ()) -> Span:
    """The day of the first event, the day after the books end (the data's own known_at), and the first day of `kinds`.

    The books end on the last day on which much was recorded (`last_full_day`): until a few rows that are dated ahead,
    outcomes would be taken for known that are not.

    Raises
    ------
    DataError
        There are no events.
    """
    events = canonical.events
    of_kinds = events.occurred_at.min(where=events.kind.isin(list(kinds))) if kinds else events.occurred_at.min()
    days = engine.frame(
        events.group_by(day=events.recorded_at.date()).aggregate(
            rows=events.count(), first=events.occurred_at.min(), of_kinds=of_kinds
        )
    )
    end = last_full_day(days.assign(day=pd.to_datetime(days["day"])).dropna(subset=["day", "first"]))
    if end is None:
        raise DataError("events: the table is empty", "check the sources and their mapping")
    first, first_of_kinds = (pd.to_datetime(days[name]).min() for name in ("first", "of_kinds"))
    return Span(first.date(), end + timedelta(days=1), (first if pd.isna(first_of_kinds) else first_of_kinds).date())


def visible(events: ir.Table, as_of: date, known_at: date | datetime | None = None) -> ir.Table:
    """The events that had occurred before `as_of` and were recorded before `known_at` (default `as_of`)."""
    return events.filter(
        events.occurred_at < midnight(as_of), events.recorded_at < midnight(as_of if known_at is None else known_at)
    )


def observe(
    canonical: Canonical,
    config: settings.Config,
    as_of: date,
    known_at: date | datetime | None = None,
    hold: Callable[[ir.Table], ir.Table] = lambda spine: spine,
) -> View:
    """Look at the business as it was known at (as_of, known_at): the one point-in-time join.

    The spine is read more than once: `hold` may compute it and keep it.

    A customer is on the spine who has signed up, has not closed (or has come back: see `contract.returns`), has not
    reached an agreed end, and has had an event of the eligible kinds within `eligible.active_within_days`.
    """
    seen = visible(canonical.events, as_of, known_at)
    events = seen.mutate(
        age_days=days_between(seen.occurred_at, as_of),
        age_s=-seconds_after(seen.occurred_at, as_of),
        due_in_s=seconds_after(seen.due_at, as_of),
    ).drop(*CLOCKS)
    known = known_ends(canonical.customers, as_of if known_at is None else known_at)
    customers = _status(canonical.customers.mutate(ends_at=known), events, config, as_of)
    spine = hold(customers.filter(customers[STATUS] == ELIGIBLE).drop(STATUS))
    left_out = customers.filter(customers[STATUS] != ELIGIBLE).select("customer_id", reason=STATUS)
    return View(as_of, spine, events.semi_join(spine, "customer_id"), events, left_out)


def days_between(moment: Any, as_of: date) -> Any:
    """Whole days from a moment's calendar day to `as_of`; 1 for any time of the day before."""
    return ibis.literal(as_of).delta(moment.date(), unit="day").cast("int64")


def seconds_after(moment: Any, as_of: date) -> Any:
    """Seconds from the start of `as_of` to a moment; negative for what came before."""
    return moment.epoch_seconds().cast("int64") - midnight(as_of).epoch_seconds().cast("int64")


def _status(customers: ir.Table, events: ir.Table, config: settings.Config, as_of: date) -> ir.Table:
    """Every customer known by `as_of`, with what keeps them off the spine, or `eligible`.

    Columns made here begin with an underscore, which no attribute does.
    """
    lately = events.age_days <= config.eligible.active_within_days
    telling = (events.kind == "closed") | (events.kind.isin(config.eligible_kinds) & lately)
    if not set(config.eligible_kinds) <= set(config.engagement_kinds):  # who is eligible may have engaged long ago
        telling |= events.kind.isin(config.engagement_kinds)
    told = events.filter(telling)
    history = told.group_by("customer_id").aggregate(
        _closed=told.age_days.min(where=told.kind == "closed"),
        _engaged=told.age_days.min(where=told.kind.isin(config.engagement_kinds)),
        _active=told.age_days.min(where=told.kind.isin(config.eligible_kinds)),
    )
    joined = customers.left_join(history, "customer_id")
    back = (joined._closed - joined._engaged > config.defection.trailing_days).fill_null(False)
    start = midnight(as_of)
    attributes = [name for name in customers.columns if name not in CUSTOMERS]
    status = ibis.cases(
        (joined._closed.notnull() & ~back, "already closed"),
        (joined.ends_at <= start, "reached the agreed end"),
        ((joined._active > config.eligible.active_within_days).fill_null(True), "not active lately"),
        else_=ELIGIBLE,
    )
    known = joined.filter(joined.signed_up_at.isnull() | (joined.signed_up_at < start))
    return known.select(
        "customer_id",
        "group_id",
        *attributes,
        tenure_days=days_between(known.signed_up_at, as_of),
        days_to_end=-days_between(known.ends_at, as_of),
        **{STATUS: status},
    )
