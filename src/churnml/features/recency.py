"""Recency: how long the customer has been quiet, how much they do, and both against their own habits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

import ibis

from churnml.features import alive
from churnml.features.expressions import between, count, mean_duration, of, own_rate_trend, ratio, rows_of, within
from churnml.features.registry import Context, Feature, Inventory, Needs, Worse, safe
from churnml.features.sentences import counted, noun, nouns, plural

WINDOWS = (7, 30, 90, 180)
WEEKS = 26
KIND_THEMES = {
    **dict.fromkeys(("return", "error", "payment_failed", "help_viewed"), "product quality"),
    **dict.fromkeys(("contact", "complaint", "case_opened", "case_reopened", "case_escalated"), "unresolved problems"),
    **dict.fromkeys(("case_responded", "case_resolved", "contact_abandoned"), "waiting"),
    **dict.fromkeys(("promise_made", "promise_kept"), "broken promises"),
    **dict.fromkeys(("survey_sent", "survey_answered", "review", "message_private", "mention"), "unheard feedback"),
    **dict.fromkeys(("outreach_sent", "outreach_opened", "outreach_clicked"), "unanswered outreach"),
    **dict.fromkeys(("unsubscribed", "data_request", "consent_changed"), "pressure and privacy"),
    **dict.fromkeys(("plan_changed", "price_changed", "cancel_requested", "treatment"), "value and contract"),
    "onboarding_step": "rough start",
}
"""The theme of a kind's own recency and counts; other kinds belong to "going quiet"."""

MET = frozenset(
    {
        *("return", "error", "payment_failed", "help_viewed", "complaint", "case_reopened", "case_escalated"),
        *("contact_abandoned", "unsubscribed", "data_request", "price_changed", "cancel_requested"),
    }
)
"""Kinds that show what their theme is called by: the more and the later, the worse. Of others neither side tells."""

NEVER = frozenset({"closed", "attribute_changed", "treatment_withheld"})
"""Kinds that say nothing about a customer who is still there."""


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    return chain(
        _silence(context), _kinds(context, inventory), _frequency(context), _cadence(context), _trend(context),
        _sessions(context), alive.declare(context),
    )  # fmt: skip


quiet = partial(Feature, family="recency", theme="going quiet")


def _since(
    name: str, what: str, needs: Needs, expression: Any, theme: str = "going quiet", grain: str = "event",
    worse: Worse | None = None,
) -> Feature:  # fmt: skip
    return Feature(
        name=name, family="recency", theme=theme, unit="days", grain=grain, needs=needs, expression=expression,
        worse=worse,
        doc=f"Days since the last {what}.",
        sentence=f"No {what} for {{value:days}}[; typical is {{usual:days}}]",
        sentence_low=f"Last {what} only {{value:days}} ago[; typical is {{usual:days}}]",
        sentence_empty=f"No {what} so far",
    )  # fmt: skip


def _last_engagement(context: Context) -> Feature:
    kinds = context.engagement_kinds
    return _since("days_since_engagement", nouns(kinds), Needs(kinds), lambda t: t.age_days.min(where=of(t, kinds)))


def _first_engagement(context: Context) -> Feature:
    kinds = context.engagement_kinds
    return quiet(
        name="days_since_first_engagement", theme="value and contract", unit="days", grain="event", needs=Needs(kinds),
        doc=f"Days since the first {nouns(kinds)} on record.",
        sentence=f"First {nouns(kinds)} {{value:days}} ago[; typical is {{usual:days}}]",
        expression=lambda t: t.age_days.max(where=of(t, kinds)),
    )  # fmt: skip


def _silence(context: Context) -> Iterator[Feature]:
    yield _since("days_since_event", "event of any kind", Needs(), lambda t: t.age_days.min())
    yield _last_engagement(context)
    yield _first_engagement(context)


def _kinds(context: Context, inventory: Inventory) -> Iterator[Feature]:
    for kind in inventory.kinds:
        if kind in NEVER or context.engagement_kinds == (kind,):  # it would be the same as engagement
            continue
        theme, grain = KIND_THEMES.get(kind, "going quiet"), rows_of((kind,), context)
        yield _since(
            f"days_since_{safe(kind)}", noun(kind), Needs((kind,)),
            lambda t, kind=kind: t.age_days.min(where=of(t, (kind,))), theme, grain, "lower" if kind in MET else None,
        )  # fmt: skip
        for window in (30, 90):
            yield Feature(
                name=f"{safe(kind)}_events_{window}d", family="recency", theme=theme, unit="events", grain=grain,
                needs=Needs((kind,)), empty=0.0, worse="higher" if kind in MET else None,
                doc=f"Number of {plural(noun(kind))} in the last {window} days.",
                sentence=f"{counted((kind,))} in the last {window} days[; typical is {{usual}}]",
                expression=lambda t, kind=kind, window=window: count(t, of(t, (kind,)), within(t, window)),
            )  # fmt: skip


def _engagement(context: Context, window: int) -> Feature:
    kinds = context.engagement_kinds
    return quiet(
        name=f"engagement_{window}d", unit="events", grain="event", needs=Needs(kinds), empty=0.0,
        doc=f"Engagement: number of events ({nouns(kinds)}) in the last {window} days.",
        sentence=f"{counted(kinds)} in the last {window} days[; typical is {{usual}}]",
        expression=lambda t: count(t, of(t, kinds), within(t, window)),
    )  # fmt: skip


def _active_days(context: Context, window: int) -> Feature:
    return quiet(
        name=f"active_days_{window}d", unit="days", grain="day", needs=Needs(context.engagement_kinds), empty=0.0,
        doc=f"Days with engagement among the last {window}.",
        sentence=f"Active on {{value:days}} of the last {window}[; typical is {{usual}}]",
        expression=lambda t: count(t, within(t, window)),
    )  # fmt: skip


def _frequency(context: Context) -> Iterator[Feature]:
    yield from (_engagement(context, window) for window in WINDOWS)
    yield from (_active_days(context, window) for window in WINDOWS)


def _cadence(context: Context) -> Iterator[Feature]:
    needs = Needs(context.engagement_kinds)
    last = _last_engagement(context)
    usual_gap = quiet(
        name="usual_gap_days", unit="days", grain="day", needs=needs,
        doc="The customer's own usual gap: the median number of days between two active days.",
        sentence="Usually {value:days} between two active days[; typical is {usual:days}]",
        sentence_empty="Active on one day only, so no usual gap is known",
        expression=lambda t: t.gap_days.median(),
    )  # fmt: skip
    longest_gap = quiet(
        name="longest_gap_days", unit="days", grain="day", needs=needs,
        doc="The longest gap between two active days so far.",
        sentence="Longest gap between two active days so far: {value:days}[; typical is {usual:days}]",
        sentence_empty="Active on one day only, so no gap is known",
        expression=lambda t: t.gap_days.max(),
    )  # fmt: skip
    yield usual_gap
    yield longest_gap
    yield quiet(
        name="gap_variation", unit="score", grain="day", needs=needs,
        doc="How uneven the gaps between active days are: their standard deviation divided by their mean.",
        sentence="Gaps between active days vary by {value:share} of their mean[; typical is {usual:share}]",
        sentence_empty="Too few active days to say how regular they are",
        expression=lambda t: _variation(t.gap_days.cast("int64")),
    )  # fmt: skip
    yield quiet(
        name="silence_percentile", unit="share", grain="day", needs=needs,
        doc="Share of the customer's own gaps between active days that are at most as long as the current silence.",
        sentence="The current silence is as long as or longer than {value:share} of the customer's own gaps"
        "[; typical is {usual:share}]",
        sentence_empty="Active on one day only, so the current silence cannot be compared",
        expression=lambda t: ratio(count(t, (t.gap_days <= t.silence_days).fill_null(False)), t.gap_days.count()),
    )  # fmt: skip
    yield _quiet_streak(needs)
    yield quiet(
        name="overdue_ratio", unit="ratio", grain="row", needs=needs, uses=(last, usual_gap),
        doc="Days since the last engagement, divided by the customer's own usual gap.",
        sentence="Silent for {value:times} as long as is usual for this customer",
        sentence_empty="Active on one day only, so the current silence cannot be compared",
        expression=lambda r: ratio(r.days_since_engagement, r.usual_gap_days),
    )  # fmt: skip
    yield quiet(
        name="silence_to_longest_gap", unit="ratio", grain="row", needs=needs, uses=(last, longest_gap),
        doc="Days since the last engagement, divided by the customer's own longest gap so far.",
        sentence="This silence is {value:times} as long as the longest before[; typical is {usual:times}]",
        sentence_empty="Active on one day only, so the current silence cannot be compared",
        expression=lambda r: ratio(r.days_since_engagement, r.longest_gap_days),
    )  # fmt: skip


def _quiet_streak(needs: Needs) -> Feature:
    """Weeks since the last one with at least half of the usual active days; week 0 are the last seven days.

    The active days of a week, seven at most, are one octal digit of a sum, which is exact for so many weeks. That saves
    a second aggregation by week.
    """
    digits = WEEKS // 2

    def part(name: str, expression: Any) -> Feature:
        return quiet(
            name=name, unit="score", grain="day", needs=needs, doc="A part of quiet_streak_weeks.", sentence="{value}",
            expression=lambda t: expression(t, (t.age_days - 1) // 7),
        )  # fmt: skip

    def days(place: int) -> Feature:
        octal = ibis.literal(8.0)
        return part(
            f"weeks_from_{place * digits}",
            lambda t, week: octal.pow(week % digits).sum(where=week // digits == place),
        )

    half = part(
        "half_usual_week",
        lambda t, week: t.count(where=week < WEEKS) / (2 * (week.max(where=week < WEEKS) + 1)),
    )
    places = (days(0), days(1))

    def streak(r: Any) -> Any:
        active = [(r[place.name] / 8.0**digit).floor() % 8 for place in places for digit in range(digits)]
        return ibis.cases(*((each >= r[half.name], week) for week, each in enumerate(active)))

    return quiet(
        name="quiet_streak_weeks", unit="weeks", grain="row", needs=needs, empty=float(WEEKS), uses=(*places, half),
        doc="Weeks in a row, up to now, with less than half of the customer's usual active days a week (26 at most).",
        sentence="{value:weeks} in a row below half of the customer's usual activity[; typical is {usual:weeks}]",
        expression=streak,
    )  # fmt: skip


def _variation(values: Any) -> Any:
    n, total = values.count(), values.sum()
    variance = ratio((values * values).sum() * n - total * total, n * n)
    return ratio(variance.sqrt(), ratio(total, n))


def _trend(context: Context) -> Iterator[Feature]:
    kinds, first = context.engagement_kinds, _first_engagement(context)
    for name, what, part in (
        ("trend_30d", "Engagement", _engagement),
        ("active_days_trend_30d", "The number of active days", _active_days),
    ):
        recent, longer = part(context, 30), part(context, 180)
        yield quiet(
            name=name, unit="ratio", grain="row", needs=Needs(kinds), uses=(recent, longer, first),
            doc=f"{what} in the last 30 days against the customer's own rate in the 150 days before.",
            sentence=f"{what} of the last 30 days is {{value:share}} of the customer's own earlier rate"
            "[; typical is {usual:share}]",
            sentence_empty="Too little earlier activity to compare the last 30 days with",
            expression=lambda r, recent=recent, longer=longer: own_rate_trend(
                r[recent.name], r[longer.name], r.days_since_first_engagement, 30, 180
            ),
        )  # fmt: skip
    yield quiet(
        name="acceleration_14d", unit="events", grain="event", needs=Needs(kinds), empty=0.0,
        doc="Change of the change: engagement in the last 14 days, less twice that of the 14 days before, plus that of "
        "the 14 days before those. Below 0, a rise is slowing or a fall is gaining speed.",
        sentence="Acceleration of engagement over the last six weeks: {value:count event} a fortnight"
        "[; typical is {usual}]",
        expression=lambda t: count(t, of(t, kinds), within(t, 14))
        - 2 * count(t, of(t, kinds), between(t, 14, 28))
        + count(t, of(t, kinds), between(t, 28, 42)),
    )  # fmt: skip


def _sessions(context: Context) -> Iterator[Feature]:
    kinds = context.engagement_kinds
    needs = Needs(kinds, columns=("duration_s",))

    yield quiet(
        name="session_seconds_30d", unit="seconds", grain="event", needs=needs,
        doc="Mean length of the sessions of the last 30 days.",
        sentence="Sessions of the last 30 days last {value:seconds} on average[; typical is {usual:seconds}]",
        sentence_empty="No session with a known length in the last 30 days",
        expression=lambda t: mean_duration(t, of(t, kinds) & within(t, 30)),
    )  # fmt: skip
    yield quiet(
        name="session_length_ratio_30d", unit="ratio", grain="event", needs=needs,
        doc="Mean length of the sessions of the last 30 days against that of the 150 days before.",
        sentence="Sessions of the last 30 days are {value:share} as long as the customer's earlier ones"
        "[; typical is {usual:share}]",
        sentence_empty="No sessions to compare in the last 30 days and before",
        expression=lambda t: ratio(
            mean_duration(t, of(t, kinds) & within(t, 30)), mean_duration(t, of(t, kinds) & between(t, 30, 180))
        ),
    )  # fmt: skip
    quantity = Needs(kinds, columns=("quantity",))

    def sums(window: int) -> Feature:
        return quiet(
            name=f"quantity_{window}d", unit="units", grain="event", needs=quantity, empty=0.0,
            doc=f"Quantity (units, clicks or the like) summed over the engagement of the last {window} days.",
            sentence=f"Quantity of {{value}} in the last {window} days[; typical is {{usual}}]",
            expression=lambda t: t.quantity.sum(where=of(t, kinds) & within(t, window)),
        )  # fmt: skip

    recent, longer = sums(30), sums(180)
    yield from (sums(7), recent, sums(90), longer)
    yield quiet(
        name="quantity_trend_30d", unit="ratio", grain="row", needs=quantity,
        uses=(recent, longer, _first_engagement(context)),
        doc="Quantity in the last 30 days against the customer's own rate in the 150 days before.",
        sentence="The quantity of the last 30 days is {value:share} of the customer's own earlier rate"
        "[; typical is {usual:share}]",
        sentence_empty="Too little earlier activity to compare the last 30 days with",
        expression=lambda r: own_rate_trend(
            r.quantity_30d, r.quantity_180d, r.days_since_first_engagement, 30, 180
        ),
    )  # fmt: skip
