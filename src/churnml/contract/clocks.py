"""Clocks that do not agree: a system an hour off in summer, and hours that clocks skip or repeat."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ibis
import pandas as pd

from churnml.contract.order import HOUR
from churnml.contract.report import Violation
from churnml.contract.tables import midnight
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

FEWEST_EARLY = 10
"""So many answers must precede their question by up to an hour, in summer."""
MORE_IN_SUMMER = 5.0
"""... and their share must be so many times that of winter."""
FEWEST_DELAYS, NEAR_AN_HOUR = 200, 600
"""The shortest delays are compared where each season has so many; a shift is an hour to within so many seconds."""
NORTHERN_SUMMER, NORTHERN_WINTER = (4, 5, 6, 7, 8, 9), (1, 2, 11, 12)
REPEATED_ROWS, DOUBLED = 50, 1.6
"""A repeated hour is reported with so many rows, at so many times those of the same hour a week before and after."""


def summer_checks(answers: pd.DataFrame) -> Iterator[Violation]:
    """Answers an hour early or late in summer only: their system does not change its clock, or another one does not.

    `answers` is what `order.answers` gives.
    """
    for kind, part in answers.groupby(level="kind"):
        seasons = part.droplevel("kind").to_dict(orient="index")
        if {"summer", "winter"} <= set(seasons):
            yield from _season(str(kind), seasons["summer"], seasons["winter"])


def _season(kind: str, summer: dict[Any, Any], winter: dict[Any, Any]) -> Iterator[Violation]:
    advice = "their system does not follow summer time, or another does not; convert its times in a query"
    share, other = summer["early"] / summer["cases"], winter["early"] / winter["cases"]
    usual = summer["earlier"] <= summer["early"] / 10  # else they are simply wrong, all year round and by any time
    if summer["early"] >= FEWEST_EARLY and share >= MORE_IN_SUMMER * other and usual:
        yield Violation("events", kind, "answers up to an hour before their question, in summer only",
                        int(summer["early"]), "refuse", f"{kind}: {advice}")  # fmt: skip
        return
    shift = float(summer["shortest"]) - float(winter["shortest"])
    enough = min(summer["cases"], winter["cases"]) >= FEWEST_DELAYS
    if enough and abs(abs(shift) - HOUR) <= NEAR_AN_HOUR and min(summer["shortest"], winter["shortest"]) < HOUR:
        when = "later" if shift > 0 else "earlier"
        yield Violation("events", kind, f"answers an hour {when} in summer", int(summer["cases"]), "warn",
                        f"the shortest delays move by {shift / 60:+.0f} minutes in summer: {advice}")  # fmt: skip


def clock_change_checks(events: ir.Table, engine: Engine, timezone: str) -> Iterator[Violation]:
    """Events in an hour that the clocks skip, which no clock has shown; and hours that the clocks repeat."""
    span = engine.frame(events.aggregate(first=events.occurred_at.min(), last=events.occurred_at.max())).iloc[0]
    if pd.isna(span["first"]):
        return
    changes = clock_changes(timezone, max(1970, span["first"].year), min(2099, span["last"].year))
    skipped = [(start, end) for start, end, forward in changes if forward]
    repeated = [(start, end) for start, end, forward in changes if not forward]
    if skipped and (count := engine.number(_within(events, skipped).sum())):
        yield Violation("events", "occurred_at", "events in an hour that the clocks skip", count, "warn",
                        f"{timezone} has no such time: they are of another zone, or of a clock that was not set"
                        )  # fmt: skip
    if repeated:
        week = timedelta(days=7)
        beside = [(start + shift, end + shift) for start, end in repeated for shift in (-week, week)]
        row = engine.frame(
            events.aggregate(rows=_within(events, repeated).sum(), beside=_within(events, beside).sum())
        ).iloc[0]
        rows, usual = whole(row["rows"]), whole(row["beside"]) / 2
        if rows >= REPEATED_ROWS and rows >= DOUBLED * usual:
            yield Violation("events", "occurred_at", "events in an hour that the clocks repeat", rows, "warn",
                            "their order and the durations across it may be an hour off")  # fmt: skip


@cache
def clock_changes(timezone: str, first_year: int, last_year: int) -> tuple[tuple[datetime, datetime, bool], ...]:
    """The wall-clock hours that a time zone skips (forward) or repeats, as (start, end, forward).

    Changes at midnight are left out: a date without a time reads as midnight.

    >>> clock_changes("Europe/Berlin", 2024, 2024)[0]
    (datetime.datetime(2024, 3, 31, 2, 0), datetime.datetime(2024, 3, 31, 3, 0), True)
    """
    zone, utc = ZoneInfo(timezone), ZoneInfo("UTC")
    found = []
    step = timedelta(hours=1)
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        moment = datetime(day.year, day.month, day.day, tzinfo=utc)
        if (moment.astimezone(zone).utcoffset() or step) != ((moment + 24 * step).astimezone(zone).utcoffset() or step):
            for hour in range(24):
                before = (moment + hour * step).astimezone(zone)
                after = (moment + (hour + 1) * step).astimezone(zone)
                shift = (after.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
                if shift:
                    old = before.replace(tzinfo=None) + step  # what the unchanged clock would show
                    start, end = sorted((old, after.replace(tzinfo=None)))
                    if start.hour or start.minute:
                        found.append((start, end, shift > timedelta()))
        day += timedelta(days=1)
    return tuple(found)


@cache
def seasons(timezone: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The months that lie wholly in summer time, and those wholly outside it; without any, the seasons of the north.

    >>> seasons("Europe/Berlin")
    ((4, 5, 6, 7, 8, 9), (1, 2, 11, 12))
    >>> seasons("UTC") == seasons("Europe/Berlin")
    True
    """
    zone = ZoneInfo(timezone)
    shifts: dict[int, set[bool]] = {month: set() for month in range(1, 13)}
    for number in range(365):
        noon = datetime(2023, 1, 1, 12) + timedelta(days=number)
        shifts[noon.month].add(bool(noon.replace(tzinfo=zone).dst()))
    summer = tuple(month for month, shift in shifts.items() if shift == {True})
    winter = tuple(month for month, shift in shifts.items() if shift == {False})
    if not summer:
        return NORTHERN_SUMMER, NORTHERN_WINTER
    return summer, winter


def _within(events: ir.Table, spans: list[tuple[datetime, datetime]]) -> ir.BooleanColumn:
    moment = events.occurred_at
    return ibis.or_(*((moment >= midnight(start)) & (moment < midnight(end)) for start, end in spans))
