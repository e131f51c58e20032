"""Every check of the contract, in one report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from churnml.contract.clocks import clock_change_checks, seasons, summer_checks
from churnml.contract.definitions import definition_checks
from churnml.contract.flags import flag_checks
from churnml.contract.leavers import end_checks
from churnml.contract.order import answers, life_checks, long_before, sequence_checks
from churnml.contract.outsized import outsized_checks
from churnml.contract.repeated import repeat_checks
from churnml.contract.report import ContractReport, Severity, Violation, settle
from churnml.contract.returns import return_checks
from churnml.contract.rows import RowClock
from churnml.contract.settling import settling_checks
from churnml.contract.shifted import shift_checks
from churnml.contract.tables import KINDS, implausible, midnight
from churnml.contract.units import unit_checks
from churnml.contract.volume import common_channels, daily, last_full_day, volume_checks
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine


@dataclass(frozen=True)
class Evidence:
    """What the sources say beside the canonical tables.

    Attributes
    ----------
    flags : `customer_id`, `says_closed` of every source that maps `closed`, by the source's name
    closures : `customer_id`, `closed_at` of every mapping that gives closures, by the source's name
    row_clocks : how the time of each fact compares with the time at which its row was written
    """

    flags: tuple[tuple[str, ir.Table], ...] = ()
    closures: tuple[tuple[str, ir.Table], ...] = ()
    row_clocks: tuple[RowClock, ...] = ()


NOTHING_ELSE = Evidence()


def check(
    customers: ir.Table,
    events: ir.Table,
    engine: Engine,
    config: settings.Config,
    *,
    known: Iterable[Violation] = (),
    evidence: Evidence = NOTHING_ELSE,
    as_of: date | None = None,
) -> ContractReport:
    """Hold two tables in canonical form against the contract.

    Parameters
    ----------
    customers, events
        Tables with the columns of `CUSTOMERS` (and attributes) and `EVENTS`.
    known
        Violations met while mapping the sources; they head the report.
    evidence
        What the sources say beside the canonical tables.
    as_of
        The day of the check: what occurs on it or later is in the future, and the books must reach up to it.

    Every violation is reported, by name and count. What `config.accept` lists is marked as accepted.
    """
    found = list(known)
    size, total = engine.number(customers.count()), engine.number(events.count())
    for table, rows in (("customers", size), ("events", total)):
        if rows == 0:
            found.append(Violation(table, "(all)", "rows: the table is empty", 0, "refuse", "check the extract"))
    if total == 0:
        return ContractReport(tuple(found))
    kinds = frozenset(config.kinds) | KINDS
    found += _value_checks(customers, events, engine, kinds)
    found += definition_checks(events, engine, config, kinds)
    found += life_checks(customers, events, engine)
    found += return_checks(events, engine, config)
    found += end_checks(customers, events, engine, config)
    found += settling_checks(events, engine, config)
    given = answers(events, engine, *seasons(config.timezone))
    found += sequence_checks(given)
    found += summer_checks(given)
    found += flag_checks(events, engine, config, evidence.flags, evidence.closures)
    found += [violation for clock in evidence.row_clocks for violation in clock.violations()]
    common = common_channels(events, engine)
    days = daily(events, engine, common)
    repeated, once = repeat_checks(events, engine, days, common)
    found += repeated
    found += volume_checks(events, engine, once)
    found += long_before(events, engine, days)
    found += outsized_checks(customers, events, engine)
    found += shift_checks(events, engine, common)
    found += unit_checks(events, engine)
    found += clock_change_checks(events, engine, config.timezone)
    found += _freshness_checks(events, engine, days, config, as_of)
    return settle(found, config.accept)


_MEANING: dict[str, tuple[str, str, str, Severity, str]] = {
    "customer_null": ("customers", "customer_id", "nulls", "refuse", "every customer needs an id"),
    "customer_duplicate": ("customers", "customer_id", "ids given more than once", "refuse", "one row per customer; "
                           "what changes over time is an event"),
    "ends_early": ("customers", "ends_at", "agreed ends before the sign-up", "warn", "check the two dates"),
    "sign_up_implausible": ("customers", "signed_up_at", "dates before 1970 or after 2099", "refuse",
                            "a placeholder is no date; give null"),
    "event_null": ("events", "customer_id", "nulls", "refuse", "fix the extract or set rows_without_customer: drop"),
    "implausible": ("events", "occurred_at", "dates before 1970 or after 2099", "refuse",
                    "a placeholder is no date; give null"),
    "recorded_implausible": ("events", "recorded_at", "dates before 1970 or after 2099", "refuse",
                             "a placeholder is no date; give null"),
    "recorded_early": ("events", "recorded_at", "events recorded before they occurred", "warn", "check recorded_at"),
    "kind_null": ("events", "kind", "nulls", "refuse", "complete the map of the kind column"),
    "rating_range": ("events", "rating", "ratings outside 0 to 1", "refuse", "scale the rating in a query, 1 to 5 "
                     "stars by (stars - 1) / 4; where a few are wrong, set repairs: [impossible_values]"),
    "duration_negative": ("events", "duration_s", "negative durations", "refuse", "fix the extract, or set "
                          "repairs: [impossible_values]"),
    "amount_negative": ("events", "amount", "negative amounts", "warn", "amounts are positive: map a refund or a "
                        "return as an event of kind return"),
    "quantity_negative": ("events", "quantity", "negative quantities", "warn", "quantities are positive: map what was "
                          "sent back as an event of kind return"),
    "wait_negative": ("events", "wait_s", "negative waits", "refuse", "fix the extract, or set "
                      "repairs: [impossible_values]"),
}  # fmt: skip


def _value_checks(customers: ir.Table, events: ir.Table, engine: Engine, kinds: frozenset[str]) -> Iterator[Violation]:
    counts = pd.concat(
        [engine.frame(_of_customers(customers)).iloc[0], engine.frame(_of_events(events, kinds)).iloc[0]]
    )
    for key, (table, column, name, severity, advice) in _MEANING.items():
        if count := whole(counts[key]):
            yield Violation(table, column, name, count, severity, advice)
    if unknown_kinds := whole(counts["unknown_kind"]):
        unknown = engine.frame(_unknown_kinds(events, kinds).limit(10))["kind"]
        name = f"events of unknown kinds ({', '.join(map(str, unknown))})"
        advice = "map them to known kinds or declare them under kinds"
        yield Violation("events", "kind", name, unknown_kinds, "refuse", advice)


def _of_customers(customers: ir.Table) -> ir.Table:
    return customers.aggregate(
        customer_null=customers.customer_id.isnull().sum(),
        customer_duplicate=customers.customer_id.count() - customers.customer_id.nunique(),
        ends_early=(customers.ends_at < customers.signed_up_at).sum(),
        sign_up_implausible=implausible(customers.signed_up_at).sum(),
    )


def _of_events(events: ir.Table, kinds: frozenset[str]) -> ir.Table:
    return events.aggregate(
        event_null=events.customer_id.isnull().sum(),
        implausible=implausible(events.occurred_at).sum(),
        recorded_implausible=(implausible(events.recorded_at) & ~implausible(events.occurred_at)).sum(),
        recorded_early=((events.recorded_at < events.occurred_at) & (events.kind != "closed")).sum(),
        kind_null=events.kind.isnull().sum(),
        unknown_kind=(~events.kind.isin(sorted(kinds))).sum(),
        rating_range=((events.rating < 0) | (events.rating > 1)).sum(),
        duration_negative=(events.duration_s < 0).sum(),
        wait_negative=(events.wait_s < 0).sum(),
        amount_negative=(events.amount < 0).sum(),
        quantity_negative=(events.quantity < 0).sum(),
    )


def _unknown_kinds(events: ir.Table, kinds: frozenset[str]) -> ir.Table:
    return events.filter(~events.kind.isin(sorted(kinds))).select("kind").distinct().order_by("kind")


def _freshness_checks(
    events: ir.Table, engine: Engine, days: pd.DataFrame, config: settings.Config, as_of: date | None
) -> Iterator[Violation]:
    """Facts of the future; and engagement that stops before the books do, so that everybody seems to leave."""
    if as_of is not None:
        ahead = (events.occurred_at >= midnight(as_of)) & ~_announced(events, as_of)
        if count := engine.number(ahead.sum()):
            advice = f"they occur on {as_of} or later; a plan is no event (a closure that was recorded before may be)"
            yield Violation("events", "occurred_at", "events in the future", count, "refuse", advice)
    if as_of is None and (end := last_full_day(days)) is not None:
        yield from _after_the_end(events, engine, end, config)
        yield from _planned(events, engine, end, config)
    engaged = last_full_day(days, {*config.engagement_kinds, *config.eligible_kinds})
    until = last_full_day(days) if as_of is None else as_of - timedelta(days=1)
    if engaged is None or until is None:
        return
    behind, limit = (until - engaged).days, config.scoring.freshness_days
    if behind > limit:
        severity: Severity = "refuse" if behind >= config.snapshots.horizon_days else "warn"
        yield Violation(
            "events", "occurred_at", "days without engagement before the books end", behind, severity,
            f"the books end on {until}; freshness_days is {limit}: whoever is active looks gone",
        )  # fmt: skip


def _planned(events: ir.Table, engine: Engine, end: date, config: settings.Config) -> Iterator[Violation]:
    """Rows dated long after the books end though recorded before: plans. A closure may be, as a notice has an end."""
    limit = end + timedelta(days=1 + config.scoring.freshness_days)
    ahead = (events.occurred_at >= midnight(limit)) & ~implausible(events.occurred_at)
    rows = ahead & (events.recorded_at < midnight(limit)) & ~_announced(events, limit)
    row = engine.frame(events.aggregate(count=rows.sum(), newest=events.occurred_at.max(where=rows))).iloc[0]
    if count := whole(row["count"]):
        advice = (
            f"the books end on {end}, the newest of these is dated {row['newest'].date()}; a plan is no event: leave "
            "them out, or date them by the day on which the plan was made"
        )
        yield Violation("events", "occurred_at", "events dated after the books end but recorded before", count,
                        "warn", advice)  # fmt: skip


def _announced(events: ir.Table, as_of: date) -> Any:
    """Closures that were recorded before a day on which or after which they are to come: the end of a notice."""
    return (events.kind == "closed") & (events.recorded_at < midnight(as_of))


def _after_the_end(events: ir.Table, engine: Engine, end: date, config: settings.Config) -> Iterator[Violation]:
    """A few rows dated long after the books end: up to the newest of them outcomes would be taken for known."""
    limit = midnight(end + timedelta(days=1 + config.scoring.freshness_days))
    late = (events.recorded_at >= limit) & ~implausible(events.recorded_at)
    ahead = events.occurred_at >= limit
    for column, rows, advice in (
        (
            "occurred_at",
            late & ahead,
            "a plan is no event, and a placeholder no date: leave them out; of a closure "
            "known in advance map recorded_at, the day on which it was entered",
        ),
        ("recorded_at", late & ~ahead, "map null for a placeholder, or leave them out"),
    ):
        row = engine.frame(events.aggregate(count=rows.sum(), newest=events.recorded_at.max(where=rows))).iloc[0]
        if not (count := whole(row["count"])):
            continue
        newest = row["newest"].date()
        said = f"the books end on {end}, the newest of these is dated {newest}"
        rule = config.snapshots
        if rule.last is not None and rule.last + rule.matures_after <= end + timedelta(days=1):
            advice = f"{said}; the outcomes of all snapshots, up to {rule.last}, were known before"
            yield Violation("events", column, "events dated after the books end", count, "warn", advice)
            continue
        severity: Severity = "refuse" if (newest - end).days >= rule.horizon_days else "warn"
        yield Violation(
            "events", column, "events dated after the books end", count, severity,
            f"{said}: until then outcomes would be taken for known, and whoever is active looks gone; {advice}",
        )  # fmt: skip
