"""Experience: what went wrong, which promises were broken, and whether service is the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from churnml.features.expressions import count, mean, of, own_rate_trend, ratio, rows_of, spread, within
from churnml.features.registry import Context, Feature, Inventory, Needs
from churnml.features.sentences import nouns

YEAR = 365
TROUBLE_S = 7 * 86400
"""A basket counts as left after trouble if that was at most so many seconds before."""

product = partial(Feature, family="experience", theme="product quality", worse="higher")
promise = partial(
    Feature, family="experience", theme="broken promises", worse="higher", grain="promise",
    needs=Needs(("promise_made", "promise_kept"), every_kind=("promise_kept",), columns=("due_at",)),
)  # fmt: skip
uneven = partial(Feature, family="experience", theme="inconsistent experience", worse="higher", grain="channel")


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    yield from _errors(context)
    yield from _payments(context)
    yield from _returns(context)
    yield from _baskets(context)
    yield from _promises()
    yield from _evenness(context)
    yield from _agents(context)


def _hidden(name: str, needs: Needs, grain: str, expression: Any) -> Feature:
    """A number that other features use."""
    return product(
        name=name, unit="events", grain=grain, needs=needs, expression=expression, empty=0.0, doc=name, sentence=name
    )


def _errors(context: Context) -> Iterator[Feature]:
    kinds = ("error",)
    needs, grain = Needs(kinds), rows_of(kinds, context)

    def errors(window: int) -> Feature:
        return _hidden(f"_errors_{window}d", needs, grain, lambda t: count(t, of(t, kinds), within(t, window)))

    first = product(
        name="_days_since_first_engagement", unit="days", grain="day", needs=Needs(context.engagement_kinds),
        doc="_days", sentence="_days", expression=lambda t: t.age_days.max(),
    )  # fmt: skip
    active = _hidden(
        "_days_active_90d", Needs(context.engagement_kinds), "day", lambda t: count(t, within(t, 90))
    )  # fmt: skip
    month, quarter, half_year = errors(30), errors(90), errors(180)
    yield product(
        name="errors_per_active_day_90d", unit="errors", grain="row", needs=needs, uses=(quarter, active),
        doc="Errors met in the last 90 days for each day on which the customer was active.",
        sentence="Errors for each active day of the last 90: {value}[; typical is {usual}]",
        sentence_empty="Not active in the last 90 days",
        expression=lambda r: ratio(r._errors_90d, r._days_active_90d),
    )  # fmt: skip
    yield product(
        name="errors_trend_30d", unit="ratio", grain="row", needs=needs, uses=(month, half_year, first),
        doc="Errors met in the last 30 days against the customer's own rate in the 150 days before.",
        sentence="Errors of the last 30 days are {value:share} of the customer's own earlier rate"
        "[; typical is {usual:share}]",
        sentence_empty="No earlier errors to compare the last 30 days with",
        expression=lambda r: own_rate_trend(r._errors_30d, r._errors_180d, r._days_since_first_engagement, 30, 180),
    )  # fmt: skip


def _payments(context: Context) -> Iterator[Feature]:
    failed, paid = ("payment_failed",), context.value_kinds
    payment = partial(product, grain="payment", needs=Needs(failed))
    yield payment(
        name="payments_failed_share_365d", unit="share", needs=Needs(paid, every_kind=failed),
        doc=f"Share of the payments of the last 365 days that failed (against {nouns(paid)}).",
        sentence="{value:share} of the payments of the last 365 days failed[; typical is {usual:share}]",
        sentence_empty="No payment in the last 365 days",
        expression=lambda t: ratio(
            count(t, of(t, failed), within(t, YEAR)), count(t, of(t, (*failed, *paid)), within(t, YEAR))
        ),
    )  # fmt: skip
    yield payment(
        name="payments_failed_run", unit="payments", empty=0.0,
        doc="Failed payments in a row, up to now, none of which has been made good since.",
        sentence="{value:count failed payment} in a row[; typical is {usual}]",
        expression=lambda t: count(t, of(t, failed), (t.age_s < t.last_paid_s).fill_null(True)),
    )  # fmt: skip


def _returns(context: Context) -> Iterator[Feature]:
    back, paid = ("return",), context.value_kinds
    grain, bought = rows_of((*back, *paid), context), nouns(paid, several=True)

    def against(t: Any, kinds: tuple[str, ...]) -> Any:
        return of(t, kinds) & within(t, YEAR)

    yield product(
        name="returns_per_purchase_365d", unit="ratio", grain=grain, needs=Needs(paid, every_kind=back),
        doc=f"Returns for each {nouns(paid)} of the last 365 days.",
        sentence=f"Returns are {{value:share}} of the {bought} of the last 365 days[; typical is {{usual:share}}]",
        sentence_empty=f"No {nouns(paid)} in the last 365 days",
        expression=lambda t: ratio(count(t, against(t, back)), count(t, against(t, paid))),
    )  # fmt: skip
    yield product(
        name="returned_amount_ratio_365d", unit="ratio", grain=grain,
        needs=Needs(paid, every_kind=back, columns=("amount",)),
        doc=f"Amount returned in the last 365 days against the amount spent ({nouns(paid)}).",
        sentence="Returned {value:share} of the amount spent in the last 365 days[; typical is {usual:share}]",
        sentence_empty="Nothing spent in the last 365 days",
        expression=lambda t: ratio(
            t.amount.sum(where=against(t, back)).fill_null(0), t.amount.sum(where=against(t, paid))
        ),
    )  # fmt: skip


def _baskets(context: Context) -> Iterator[Feature]:
    yield product(
        name="baskets_abandoned_after_trouble_90d", unit="baskets", grain="dialogue", empty=0.0,
        needs=Needs(
            (*context.friction_kinds, "contact_abandoned", "case_reopened", "case_escalated"),
            every_kind=("basket_abandoned",),
        ),
        doc="Baskets abandoned in the last 90 days within a week after friction or bad service (a contact given up, a "
        "support case reopened or escalated).",
        sentence="{value:count basket} abandoned within a week after something had gone wrong, in the last 90 days"
        "[; typical is {usual}]",
        expression=lambda t: count(
            t, of(t, ("basket_abandoned",)), within(t, 90), (t.trouble_s - t.age_s <= TROUBLE_S).fill_null(False)
        ),
    )  # fmt: skip


def _promises() -> Iterator[Feature]:
    yield promise(
        name="promises_kept_late_365d", unit="promises", empty=0.0,
        doc="Promises of the last 365 days that were kept late, or not at all.",
        sentence="{value:count promise} of the last 365 days kept late or not at all[; typical is {usual}]",
        expression=lambda t: count(t, t.late_s > 0, within(t, YEAR)),
    )  # fmt: skip
    yield promise(
        name="promises_in_time_share_365d", unit="share", worse="lower",
        doc="Share of the promises of the last 365 days that were kept in time.",
        sentence="{value:share} of the promises of the last 365 days kept in time[; typical is {usual:share}]",
        sentence_empty="No promise due in the last 365 days",
        expression=lambda t: ratio(count(t, t.late_s == 0, within(t, YEAR)), count(t, within(t, YEAR))),
    )  # fmt: skip
    yield promise(
        name="promises_overdue", unit="promises", empty=0.0, needs=Needs(
            ("promise_made",), every_kind=("promise_made", "promise_kept"), columns=("due_at",)
        ),
        doc="Promises of the last 365 days whose day has passed, and which are not kept yet.",
        sentence="{value:count promise} overdue now[; typical is {usual}]",
        expression=lambda t: count(t, ~t.kept, within(t, YEAR)),
    )  # fmt: skip
    for name, what, expression in (
        ("mean", "Mean", lambda t: mean(t.late_s, within(t, YEAR))),
        ("longest", "Longest", lambda t: t.late_s.max(where=within(t, YEAR))),
    ):
        yield promise(
            name=f"promise_delay_{name}_s_365d", unit="seconds",
            doc=f"{what} delay of the promises of the last 365 days, 0 for one kept in time; up to now for one not "
            "kept yet.",
            sentence=f"{what} delay of promises in the last 365 days: {{value:seconds}}[; typical is "
            "{usual:seconds}]",
            sentence_empty="No promise due in the last 365 days",
            expression=expression,
        )  # fmt: skip
    yield promise(
        name="promise_delay_last_s", unit="seconds",
        doc="Delay of the latest promise that was kept or fell due, 0 if it was kept in time.",
        sentence="The latest promise was kept {value:seconds} late, or is so late by now[; typical is {usual:seconds}]",
        sentence_empty="No promise due so far",
        expression=lambda t: t.late_s.max(where=t.last),
    )  # fmt: skip
    yield promise(
        name="days_since_promise_kept_late", unit="days", worse="lower",
        doc="Days since a promise was last kept late, or ran out without being kept.",
        sentence="A promise was last kept late, or not at all, {value:days} ago[; typical is {usual:days}]",
        sentence_empty="No promise kept late so far",
        expression=lambda t: t.age_days.min(where=t.late_s > 0),
    )  # fmt: skip


def _evenness(context: Context) -> Iterator[Feature]:
    one = "Fewer than two channels to compare"
    yield uneven(
        name="wait_inconsistency_s_365d", unit="seconds", needs=Needs(columns=("wait_s", "channel")),
        doc="How far the mean wait of the last 365 days differs between the customer's slowest and fastest channel.",
        sentence="Waiting times differ by {value:seconds} between channels[; typical is {usual:seconds}]",
        sentence_empty=one,
        expression=lambda t: spread(t.wait_s, t.wait_s.count()),
    )  # fmt: skip
    yield uneven(
        name="rating_inconsistency_365d", unit="score", needs=Needs(columns=("rating", "channel")),
        doc="How far the mean rating of the last 365 days differs between the customer's best and worst rated channel.",
        sentence="Ratings differ by {value:share} of the scale between channels[; typical is {usual:share}]",
        sentence_empty=one,
        expression=lambda t: spread(t.rating, t.rating.count()),
    )  # fmt: skip
    yield uneven(
        name="resolution_inconsistency_365d", unit="score", grain="case",
        needs=Needs(("case_opened",), every_kind=("case_opened", "case_resolved"), columns=("case_id", "channel")),
        doc="How far the share of resolved support cases of the last 365 days differs between the customer's channels.",
        sentence="The share of resolved support cases differs by {value:share} between channels"
        "[; typical is {usual:share}]",
        sentence_empty=one,
        expression=lambda t: spread(t.solved_here, t.channel.nunique(where=t.solved_here.notnull())),
    )  # fmt: skip


def _agents(context: Context) -> Iterator[Feature]:
    kinds = (*context.service_kinds, "case_responded")
    agent = partial(
        uneven, theme="impersonal service", grain=rows_of(kinds, context), needs=Needs(kinds, columns=("agent_id",))
    )

    def served(t: Any) -> Any:
        return of(t, kinds) & within(t, YEAR)

    yield agent(
        name="agents_seen_365d", unit="agents", empty=0.0,
        doc="Number of different agents that the customer has met in the last 365 days.",
        sentence="Different agents met in the last 365 days: {value}[; typical is {usual}]",
        expression=lambda t: t.agent_id.nunique(where=served(t)),
    )  # fmt: skip
    yield agent(
        name="agent_turnover_365d", unit="share",
        doc="Agent turnover as the customer sees it, over the contacts and replies of the last 365 days: 0 where it "
        "was the same agent every time, 1 where it was each time one not met before.",
        sentence="An agent not met before in {value:share} of the contacts and replies after the first"
        "[; typical is {usual:share}]",
        sentence_empty="Fewer than two contacts with a known agent in the last 365 days",
        expression=lambda t: ratio(
            (t.agent_id.nunique(where=served(t)) - 1).clip(lower=0),
            (t.agent_id.count(where=served(t)) - 1).clip(lower=0),
        ),
    )  # fmt: skip
