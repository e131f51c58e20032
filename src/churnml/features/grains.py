"""The tables that features are written over, one for each grain.

event      one row per event
fact       one row per event of a kind that is no engagement: far fewer, where the log is one of clicks
day        one row per day with engagement: `age_days`; `gap_days` to the day with engagement before it;
           `silence_days`, the customer's days since the last one
case       one row per support case: its times, contacts and agents as they stand at the snapshot
channel    one row per customer and channel: counts by window, and the customer's totals
early      events of the first days after sign-up: `day` 0 is the day of sign-up; only where the sign-up is known
dialogue   friction, what the customer said, to the company and in public, and the company's replies
asked      messages and surveys sent, and the customer's answers to them
rated      one row per rating that the customer gave
promise    one row per promise that was kept or whose day has passed
payment    what was paid or failed to be paid, and changes of plan and price

Windows over a customer's rows come before the aggregation, so that memory stays bounded. They are ordered by age,
and look at rows of equal age alike, so that the order of rows changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from churnml.features.expressions import (
    between,
    by_customer,
    by_machine,
    count,
    exact,
    inbound,
    mean,
    monitored,
    of,
    ratio,
    within,
)
from churnml.features.registry import FEEDBACK_KINDS, Context

CUSTOMER = "customer_id"
EARLY_DAYS = 30
YEAR = 365
DAY_S = 86400
ANSWERS = ("outreach_opened", "outreach_clicked", "survey_answered")
PRICES = ("plan_changed", "price_changed")
AS_DEAR = 2
"""A price that was changed is less than so many times the last payment, or it is of another unit."""
SURVEYS = ("survey_sent", "survey_answered")


def grain(name: str, spine: ir.Table, events: ir.Table, context: Context) -> ir.Table:
    """The table of a grain: `customer_id` and the columns its features are written over."""
    match name:
        case "event":
            return events
        case "fact":
            return events.filter(~of(events, context.engagement_kinds))
        case "day":
            return days(events, context)
        case "case":
            return cases(events, context)
        case "channel":
            return channels(events)
        case "early":
            return early(spine, events, context)
        case "dialogue":
            return dialogue(events, context)
        case "asked":
            return asked(events)
        case "rated":
            return rated(events)
        case "promise":
            return promises(events)
        case "payment":
            return payments(events, context)
    raise ValueError(f"unknown grain {name!r}")


def _per_customer(value: Any, *groups: Any) -> Any:
    """A value over all of the customer's rows (of a group)."""
    return value.over(ibis.window(group_by=[CUSTOMER, *groups]))


def _by_then(value: Any, table: ir.Table) -> Any:
    """A value over the customer's rows at or before a row's own time."""
    return value.over(ibis.window(group_by=CUSTOMER, order_by=table.age_s, range=(0, None)))


def _from_then_on(value: Any, table: ir.Table, *groups: Any) -> Any:
    """A value over the customer's rows (of a group) at or after a row's own time."""
    return value.over(ibis.window(group_by=[CUSTOMER, *groups], order_by=table.age_s, range=(None, 0)))


def _in_order(table: ir.Table, groups: Sequence[Any], *ties: Any) -> Any:
    """The customer's rows (of a group), oldest first; rows of equal age in the order of `ties`."""
    return ibis.window(group_by=[CUSTOMER, *groups], order_by=[table.age_s.desc(), *ties])


def _where(condition: Any, value: Any) -> Any:
    """The value where a condition holds, else null."""
    return condition.ifelse(value, ibis.null(value.type()))


def days(events: ir.Table, context: Context) -> ir.Table:
    """Distinct days with engagement, each with the gap to the one before."""
    active = events.filter(of(events, context.engagement_kinds)).select(CUSTOMER, "age_days").distinct()
    newest_first = ibis.window(group_by=CUSTOMER, order_by=active.age_days)
    gap = active.age_days.lead().over(newest_first) - active.age_days
    # A median keeps every gap: in two bytes, so that there is room for those of many customers.
    return active.mutate(gap_days=gap.cast("int16"), silence_days=active.age_days.first().over(newest_first))


def cases(events: ir.Table, context: Context) -> ir.Table:
    """Support cases: `opened_s` and the like are seconds before the snapshot; a response or resolution counts
    only from the opening on. A bot's response is none; where there is one, the resolution answers at the latest.
    """
    on_case = events.filter(events.case_id.notnull())
    in_order = _in_order(on_case, ["case_id", on_case.agent_id.isnull()], on_case.agent_id)
    on_case = on_case.mutate(moved=(on_case.agent_id != on_case.agent_id.lag().over(in_order)).fill_null(False))

    def kind(name: str) -> Any:
        return of(on_case, (name,))

    table = on_case.group_by(CUSTOMER, "case_id").aggregate(
        opened_s=on_case.age_s.max(where=kind("case_opened")),
        opened_days=on_case.age_days.max(where=kind("case_opened")),
        last_days=on_case.age_days.min(),
        responded_s=on_case.age_s.max(where=kind("case_responded") & ~by_machine(on_case)),
        acknowledged=(kind("case_responded") & by_machine(on_case)).any(),
        resolved_s=on_case.age_s.min(where=kind("case_resolved")),
        reopened_s=on_case.age_s.min(where=kind("case_reopened")),
        reopened=count(on_case, kind("case_reopened")),
        escalated=count(on_case, kind("case_escalated")),
        contacts=on_case.age_s.nunique(where=of(on_case, context.service_kinds)),
        transfers=count(on_case, on_case.moved),
        channel=on_case.channel.max(where=kind("case_opened")),
    )
    resolved = (table.resolved_s <= table.opened_s).fill_null(False)
    reopened_since = (table.reopened_s < table.resolved_s).fill_null(False)
    response = table.opened_s - table.responded_s
    response = _where(response >= 0, response)
    resolution = _where(resolved & ~reopened_since, table.opened_s - table.resolved_s)
    table = table.mutate(
        open=table.opened_s.notnull() & (~resolved | reopened_since),
        first_response_s=table.acknowledged.ifelse(ibis.least(response, resolution), response),
        resolution_s=resolution,
        repeats=(table.contacts > 1).ifelse(table.contacts - 1, 0),
        recent=(table.opened_days <= YEAR).fill_null(False),
    )
    answered = _where(table.first_response_s.notnull(), table.opened_s)
    solved = _where(table.resolution_s.notnull(), table.opened_s)
    recent_here = table.recent & table.channel.notnull()
    return table.mutate(
        last_answered=(table.opened_s == _per_customer(answered.min())).fill_null(False),
        last_solved=(table.opened_s == _per_customer(solved.min())).fill_null(False),
        solved_here=_where(
            recent_here,
            ratio(
                _per_customer((recent_here & ~table.open).cast("int64").sum(), "channel"),
                _per_customer(recent_here.cast("int64").sum(), "channel"),
            ),
        ),
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
        wait_s=mean(on_channel.wait_s, within(on_channel, YEAR)),
        rating=mean(on_channel.rating, within(on_channel, YEAR)),
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
        divergence=exact(_where(middle.notnull(), divergence)),
    )


def early(spine: ir.Table, events: ir.Table, context: Context) -> ir.Table:
    """Events of the first days after sign-up, with the day counted from it."""
    signed_up = spine.filter(spine.tenure_days.notnull()).select(CUSTOMER, "tenure_days")
    joined = events.inner_join(signed_up, CUSTOMER)
    joined = joined.mutate(day=joined.tenure_days - joined.age_days)
    return joined.filter(joined.day >= 0, joined.day < max(EARLY_DAYS, context.onboarding_days))


def dialogue(events: ir.Table, context: Context) -> ir.Table:
    """Friction, what the customer said, and replies.

    `last_said_s`: when the customer last said something to the company. At each row, `tried_s`: the last attempt to
    reach the company at or before it; `trouble_s`: the same for friction and bad service; `reply_s`: the company's
    first reply at or after it, on the same case, or, for a row without a case, on the same channel; a bot's is none.
    """
    said_kinds = {*context.service_kinds, *context.voice_kinds} - {"contact_abandoned"}
    bad = {*context.friction_kinds, "contact_abandoned", "case_reopened", "case_escalated"}
    told = (*said_kinds, *FEEDBACK_KINDS)
    table = events.filter(of(events, (*told, *bad, "case_responded", "basket_abandoned")))
    heard = monitored(table, context.dark_channels)
    tried = of(table, {*said_kinds, "contact_abandoned"} - {"mention", "review"}) & heard & inbound(table)
    replies = (of(table, ("case_responded",)) | (of(table, told) & ~inbound(table))) & ~by_machine(table)
    reply = _where(replies, table.age_s).max()
    return table.mutate(
        last_said_s=_per_customer(_where(of(table, said_kinds) & heard, table.age_s).min()),
        tried_s=_by_then(_where(tried, table.age_s).min(), table),
        trouble_s=_by_then(_where(of(table, bad - {"basket_abandoned"}), table.age_s).min(), table),
        reply_s=table.case_id.notnull().ifelse(
            _from_then_on(reply, table, "case_id"), _from_then_on(reply, table, "channel")
        ),
        feedback=of(table, {*FEEDBACK_KINDS, *context.voice_kinds}) & inbound(table),
    )


def asked(events: ir.Table) -> ir.Table:
    """What was sent (`sent`, else an answer), `survey` or message, with what the customer did about it.

    `answered` and `clicked`: an answer, or a click, came before the next message of the same campaign (the next
    survey, for surveys). `gap_s`: since the message, or survey, before; `last_answer_s`: since the last answer.
    """
    table = events.filter(of(events, ("outreach_sent", "survey_sent", *ANSWERS)))
    table = table.mutate(sent=~of(table, ANSWERS), survey=of(table, SURVEYS))
    campaign = table.survey.ifelse(ibis.null("string"), table.campaign_id)
    groups = [table.survey, campaign]
    without_opens = [*groups, of(table, ("outreach_opened",))]

    def answers_next(*groups: Any) -> Any:
        after = table.sent.lead().over(_in_order(table, groups, table.sent.desc()))
        return table.sent & ~after.fill_null(True)

    before = table.age_s.lag().over(_in_order(table, [table.survey, table.sent]))
    return table.mutate(
        answered=answers_next(*groups),
        clicked=answers_next(*without_opens),
        gap_s=before - table.age_s,
        last_answer_s=_per_customer(_where(~table.sent, table.age_s).min(), "survey"),
    )


def rated(events: ir.Table) -> ir.Table:
    """Ratings that the customer gave, on any occasion; `last` for the latest one."""
    table = events.filter(events.rating.notnull())
    return table.mutate(last=table.age_s == _per_customer(table.age_s.min()))


def promises(events: ir.Table) -> ir.Table:
    """Promises told apart by their case, or by the promised day; those whose day is still to come are left out.

    `age_days`: since it was kept, or else since the promised day; `kept`; `late_s`: seconds after what was promised,
    up to now for one not kept, 0 for one in time. What is promised for a day (due at its first instant) may be kept
    on the whole of that day, and is late by whole days.
    """
    table = events.filter(of(events, ("promise_made", "promise_kept")))
    table = table.mutate(promise=ibis.coalesce(table.case_id, (table.due_in_s // DAY_S).cast("string")))
    table = table.filter(table.promise.notnull())
    table = table.group_by(CUSTOMER, "promise").aggregate(
        due_in_s=table.due_in_s.min(),
        kept_days=table.age_days.max(where=of(table, ("promise_kept",))),
        kept_s=table.age_s.max(where=of(table, ("promise_kept",))),
    )
    due_days = table.due_in_s // DAY_S
    by_day = (-table.kept_days.fill_null(0) - due_days) * DAY_S
    late = ibis.ifelse(table.due_in_s % DAY_S == 0, by_day, -table.kept_s.fill_null(0) - table.due_in_s)
    table = table.mutate(
        age_days=table.kept_days.fill_null(-due_days), kept=table.kept_days.notnull(), late_s=late.clip(lower=0)
    )
    table = table.filter(table.age_days > 0, table.late_s.notnull())
    return table.mutate(last=table.age_days == _per_customer(table.age_days.min()))


def payments(events: ir.Table, context: Context) -> ir.Table:
    """Payments, failed ones, and changes of plan and price.

    `last_paid_s`: since the last payment; `step`: the price of a change against that of the change before it, or for
    the first against the last payment (a price per unit is no payment, and a change of price by half or by twice tells
    of one); `last`: the latest of its kind with a step.
    """
    paid_kinds = context.value_kinds
    table = events.filter(of(events, (*paid_kinds, "payment_failed", *PRICES)))
    priced, stated = table.amount.notnull() & ~of(table, ("payment_failed",)), of(table, PRICES)
    paid, told = (
        table.amount.lag().over(_in_order(table, [priced, *groups], table.kind, table.amount))
        for groups in ([], [stated])
    )
    first = ratio(table.amount, _where(paid > 0, paid))
    comparable = of(table, ("plan_changed",)) | ((first > 1 / AS_DEAR) & (first < AS_DEAR))
    step = ibis.ifelse(told > 0, ratio(table.amount, told), _where(told.isnull() & comparable, first))
    table = table.mutate(
        last_paid_s=_per_customer(_where(of(table, paid_kinds), table.age_s).min()), step=_where(priced & stated, step)
    )
    stepped = _where(table.step.notnull(), table.age_s)
    return table.mutate(last=(stepped == _per_customer(stepped.min(), "kind")).fill_null(False))
