"""Value and contract: how long the customer has been one, what they spend, and what changes in the contract."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from churnml.features.expressions import count, flag, mean, of, own_rate_trend, rows_of, within
from churnml.features.registry import Context, Feature, Inventory, Needs, Worse
from churnml.features.sentences import YES_OR_NO, noun, nouns, plural

YEAR = 365

money = partial(Feature, family="value", theme="value and contract")


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    yield from _tenure()
    yield from _returns(context)
    yield from _spend(context)
    yield from _changes()
    yield from _cancellation(context)


def _tenure() -> Iterator[Feature]:
    yield money(
        name="tenure_days", unit="days", grain="row", needs=Needs(customers=("signed_up_at",)),
        doc="Days since sign-up; unknown for customers whose sign-up lies before the recorded history.",
        sentence="A customer for {value:days}[; typical is {usual:days}]",
        sentence_empty="A customer since before the recorded history",
        expression=lambda r: r.tenure_days,
    )  # fmt: skip
    yield money(
        name="days_to_end", unit="days", grain="row", needs=Needs(customers=("ends_at",)), worse="lower",
        doc="Days until the agreed end, known in advance.",
        sentence="{value:days} until the agreed end[; typical is {usual:days}]",
        sentence_empty="No end agreed",
        expression=lambda r: r.days_to_end,
    )  # fmt: skip


def _returns(context: Context) -> Iterator[Feature]:
    """Closures that a customer has come back from: those that stand are of nobody who is still there."""
    closed = ("closed",)
    needs, grain = Needs(closed), rows_of(closed, context)
    yield money(
        name="closures", unit="times", grain=grain, needs=needs, empty=0.0,
        doc="How often the customer has closed before and come back.",
        sentence="Has left {value:times} before and come back[; typical is {usual:times}]",
        expression=lambda t: count(t, of(t, closed)),
    )  # fmt: skip
    yield money(
        name="days_since_closure", unit="days", grain=grain, needs=needs,
        doc="Days since the last closure, from which the customer has come back.",
        sentence="Left {value:days} ago and has come back[; typical is {usual:days}]",
        expression=lambda t: t.age_days.min(where=of(t, closed)),
    )  # fmt: skip


def _spend(context: Context) -> Iterator[Feature]:
    kinds = context.value_kinds
    needs, grain = Needs(kinds, columns=("amount",)), rows_of(context.value_kinds, context)

    def spent(window: int) -> Feature:
        return money(
            name=f"amount_{window}d", unit="amount", grain=grain, needs=needs, empty=0.0,
            doc=f"Amount summed over the last {window} days ({nouns(kinds)}).",
            sentence=f"Spent {{value}} in the last {window} days[; typical is {{usual}}]",
            expression=lambda t: t.amount.sum(where=of(t, kinds) & within(t, window)),
        )  # fmt: skip

    first = money(
        name="days_since_first_amount", unit="days", grain=grain, needs=needs,
        doc=f"Days since the first {nouns(kinds)} on record.",
        sentence=f"First {nouns(kinds)} {{value:days}} ago[; typical is {{usual:days}}]",
        expression=lambda t: t.age_days.max(where=of(t, kinds)),
    )  # fmt: skip
    recent, longer = spent(90), spent(365)
    yield from (spent(30), recent, longer)
    yield money(
        name="amount_trend_90d", unit="ratio", grain="row", needs=needs, uses=(recent, longer, first),
        doc="Amount in the last 90 days against the customer's own rate in the 275 days before.",
        sentence="Spending of the last 90 days is {value:share} of the customer's own earlier rate"
        "[; typical is {usual:share}]",
        sentence_empty="Too little earlier spending to compare the last 90 days with",
        expression=lambda r: own_rate_trend(r.amount_90d, r.amount_365d, r.days_since_first_amount, 90, 365),
    )  # fmt: skip
    yield money(
        name="mean_amount_365d", unit="amount", grain=grain, needs=needs,
        doc=f"Mean amount of a {nouns(kinds)} in the last 365 days.",
        sentence="An average of {value} each time in the last 365 days[; typical is {usual}]",
        sentence_empty=f"No {nouns(kinds)} with a known amount in the last 365 days",
        expression=lambda t: mean(t.amount, of(t, kinds) & within(t, YEAR)),
    )  # fmt: skip


def _changes() -> Iterator[Feature]:
    worse: Worse | None
    for kind, what, worse in (("plan_changed", "plan", None), ("price_changed", "price", "higher")):
        change = partial(money, grain="payment", needs=Needs(every_kind=(kind,)), worse=worse)
        yield change(
            name=f"{what}_changes_365d", unit="changes", empty=0.0,
            doc=f"Number of {plural(noun(kind))} in the last 365 days.",
            sentence=f"{{value:count {noun(kind)}}} in the last 365 days[; typical is {{usual}}]",
            expression=lambda t, kind=kind: count(t, of(t, (kind,)), within(t, YEAR)),
        )  # fmt: skip
        priced = partial(change, needs=Needs(every_kind=(kind,), columns=("amount",)))
        yield priced(
            name=f"{what}_step_last", unit="ratio",
            doc=f"The amount at the last {noun(kind)}, against the price before it or what was paid: above 1, dearer.",
            sentence=f"The last {noun(kind)}: {{value:dearer}}[; typical is {{usual:dearer}}]",
            sentence_empty=f"No {noun(kind)} with known amounts so far",
            expression=lambda t, kind=kind: t.step.max(where=of(t, (kind,)) & t.last),
        )  # fmt: skip
        yield priced(
            name=f"{what}_rises_365d", unit="changes", empty=0.0,
            doc=f"Number of {plural(noun(kind))} in the last 365 days after which the customer pays more.",
            sentence=f"{plural(noun(kind)).capitalize()} of the last 365 days that made it dearer: {{value}}"
            "[; typical is {usual}]",
            expression=lambda t, kind=kind: count(t, of(t, (kind,)), within(t, YEAR), (t.step > 1).fill_null(False)),
        )  # fmt: skip


def _cancellation(context: Context) -> Iterator[Feature]:
    """Whoever is still there has not carried a cancellation out: it was blocked, or taken back."""
    kinds = ("cancel_requested",)
    asked = partial(money, grain=rows_of(kinds, context), needs=Needs(kinds), worse="higher")

    def requests(t: Any) -> Any:
        return count(t, of(t, kinds), within(t, YEAR))

    yield asked(
        name="cancel_requests_365d", unit="times", empty=0.0,
        doc="Times the customer asked to cancel in the last 365 days, and is still there.",
        sentence="{value:count request} to cancel in the last 365 days[; typical is {usual}]",
        expression=requests,
    )  # fmt: skip
    yield asked(
        name="cancel_asked_again_365d", unit="times", empty=0.0,
        doc="Blocked cancellation: times the customer had to ask to cancel once more, in the last 365 days.",
        sentence="Times in the last 365 days that the customer had to ask to cancel once more: {value}"
        "[; typical is {usual}]",
        expression=lambda t: (requests(t) - 1).clip(lower=0),
    )  # fmt: skip
    last = asked(
        name="_days_since_cancel", unit="days", doc="_days", sentence="_days",
        expression=lambda t: t.age_days.min(where=of(t, kinds) & within(t, YEAR)),
    )  # fmt: skip
    active = money(
        name="_days_silent", unit="days", grain="day", needs=Needs(context.engagement_kinds), doc="_days",
        sentence="_days", expression=lambda t: t.age_days.min(),
    )  # fmt: skip
    yield asked(
        name="cancel_abandoned", unit=YES_OR_NO, grain="row", uses=(last, active), empty=0.0,
        doc="Abandoned cancellation: 1 for a customer who asked to cancel in the last 365 days and has been active on "
        "a later day, else 0.",
        sentence="Asked to cancel, and has been active since",
        sentence_low="Has not asked to cancel, or has not been active since",
        expression=lambda r: flag((r._days_silent < r._days_since_cancel).fill_null(False)),
    )  # fmt: skip
