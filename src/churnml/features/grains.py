"""The tables that features are written over, one for each grain.

event      one row per event
day        one row per day with engagement: `age_days`; `gap_days` to the day with engagement before it;
           `silence_days`, the customer's days since the last one
week       one row per week (0 is the last seven days) of the last 26 with engagement: `week`, `days`, `usual_days`
case       one row per support case: its times, contacts and agents as they stand at the snapshot
channel    one row per customer and channel: counts by window, and the customer's totals
early      events of the first days after sign-up: `day` 0 is the day of sign-up; only where the sign-up is known
friction   friction events and what the customer said to the company, with `last_said_s`

Windows over a customer's rows come before the aggregation, so that memory stays bounded.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from churnml.features.expressions import between, by_customer, count, exact, monitored, of, ratio, within
from churnml.features.registry import Context

CUSTOMER = "customer_id"
WEEKS = 26
EARLY_DAYS = 30


def grain(name: str, spine: ir.Table, events: ir.Table, context: Context) -> ir.Table:
    """The table of a grain: `customer_id` and the columns its features are written over."""
    match name:
        case "event":
            return events
        case "day":
            return days(events, context)
        case "week":
            return weeks(events, context)
        case "case":
            return cases(events, context)
        case "channel":
            return channels(events)
        case "early":
            return early(spine, events, context)
        case "friction":
            return friction(events, context)
    raise ValueError(f"unknown grain {name!r}")


def _per_customer(value: Any) -> Any:
    return value.over(ibis.window(group_by=CUSTOMER))


def _active_days(events: ir.Table, context: Context) -> ir.Table:
    return events.filter(of(events, context.engagement_kinds)).select(CUSTOMER, "age_days").distinct()


def days(events: ir.Table, context: Context) -> ir.Table:
    """Distinct days with engagement, each with the gap to the one before."""
    active = _active_days(events, context)
    before = active.age_days.lead().over(ibis.window(group_by=CUSTOMER, order_by=active.age_days))
    return active.mutate(gap_days=before - active.age_days, silence_days=_per_customer(active.age_days.min()))


def weeks(events: ir.Table, context: Context) -> ir.Table:
    """Weeks with engagement, with the customer's usual number of active days a week."""
    active = _active_days(events, context)
    active = active.mutate(week=((active.age_days - 1) / 7).floor().cast("int64"))
    active = active.filter(active.week < WEEKS)
    table = active.group_by(CUSTOMER, "week").aggregate(days=active.count())
    return table.mutate(usual_days=ratio(_per_customer(table.days.sum()), _per_customer(table.week.max()) + 1))


def cases(events: ir.Table, context: Context) -> ir.Table:
    """Support cases: `opened_s` and the like are seconds before the snapshot; a response or resolution counts
    only from the opening on.
    """
    on_case = events.filter(events.case_id.notnull())

    def kind(name: str) -> Any:
        return of(on_case, (name,))

    table = on_case.group_by(CUSTOMER, "case_id").aggregate(
        opened_s=on_case.age_s.max(where=kind("case_opened")),
        opened_days=on_case.age_days.max(where=kind("case_opened")),
        last_days=on_case.age_days.min(),
        responded_s=on_case.age_s.max(where=kind("case_responded")),
        resolved_s=on_case.age_s.min(where=kind("case_resolved")),
        reopened_s=on_case.age_s.min(where=kind("case_reopened")),
        reopened=count(on_case, kind("case_reopened")),
        escalated=count(on_case, kind("case_escalated")),
        contacts=on_case.age_s.nunique(where=of(on_case, context.service_kinds)),
        agents=on_case.agent_id.nunique(),
    )
    resolved = (table.resolved_s <= table.opened_s).fill_null(False)
    reopened_since = (table.reopened_s < table.resolved_s).fill_null(False)
    response = table.opened_s - table.responded_s
    table = table.mutate(
        open=table.opened_s.notnull() & (~resolved | reopened_since),
        first_response_s=(response >= 0).ifelse(response, ibis.null("int64")),
        resolution_s=(resolved & ~reopened_since).ifelse(table.opened_s - table.resolved_s, ibis.null("int64")),
        repeats=(table.contacts > 1).ifelse(table.contacts - 1, 0),
        transfers=(table.agents > 1).ifelse(table.agents - 1, 0),
    )
    answered = table.first_response_s.notnull().ifelse(table.opened_s, ibis.null("int64"))
    solved = table.resolution_s.notnull().ifelse(table.opened_s, ibis.null("int64"))
    return table.mutate(
        last_answered=(table.opened_s == _per_customer(answered.min())).fill_null(False),
        last_solved=(table.opened_s == _per_customer(solved.min())).fill_null(False),
    )


def channels(events: ir.Table) -> ir.Table:
    """What a customer does by channel, and what the company sends there."""
    on_channel = events.filter(events.channel.notnull())
    own = by_customer(on_channel)
    table = on_channel.group_by(CUSTOMER, "channel").aggregate(
        n_30=count(on_channel, own, within(on_channel, 30)),
        n_90=count(on_channel, own, within(on_channel, 90)),
        n_before=count(on_channel, own, between(on_channel, 30, 180)),
        n_365=count(on_channel, own, within(on_channel, 365)),
        sent_90=count(on_channel, of(on_channel, ("outreach_sent",)), within(on_channel, 90)),
        last_days=on_channel.age_days.min(where=own),
        first_days=on_channel.age_days.max(where=own),
    )
    table = table.mutate(
        share_90=ratio(table.n_90, _per_customer(table.n_90.sum())),
        share_30=ratio(table.n_30, _per_customer(table.n_30.sum())),
        share_before=ratio(table.n_before, _per_customer(table.n_before.sum())),
        preferred=(table.n_365 > 0) & (table.n_365 == _per_customer(table.n_365.max())),
    )
    middle = (table.share_30 + table.share_before) / 2
    divergence = sum(
        (share * ratio(share, middle).nullif(0.0).log2() / 2).fill_null(0.0)
        for share in (table.share_30, table.share_before)
    )
    return table.mutate(
        bits_90=exact(-table.share_90 * table.share_90.nullif(0.0).log2()),
        divergence=exact(middle.notnull().ifelse(divergence, ibis.null("float64"))),
    )


def early(spine: ir.Table, events: ir.Table, context: Context) -> ir.Table:
    """Events of the first days after sign-up, with the day counted from it."""
    signed_up = spine.filter(spine.tenure_days.notnull()).select(CUSTOMER, "tenure_days")
    joined = events.inner_join(signed_up, CUSTOMER)
    joined = joined.mutate(day=joined.tenure_days - joined.age_days)
    return joined.filter(joined.day >= 0, joined.day < max(EARLY_DAYS, context.onboarding_days))


def friction(events: ir.Table, context: Context) -> ir.Table:
    """Friction events and what the customer said; `last_said_s` is when something was last said, in seconds before."""
    said_kinds = tuple(sorted({*context.service_kinds, *context.voice_kinds} - {"contact_abandoned"}))
    table = events.filter(of(events, (*context.friction_kinds, *said_kinds)))
    said = of(table, said_kinds) & monitored(table, context.dark_channels)
    return table.mutate(last_said_s=_per_customer(said.ifelse(table.age_s, ibis.null("int64")).min()))
