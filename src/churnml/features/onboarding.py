"""Onboarding: how the first days went. All of it is missing where the sign-up is unknown, and counts of a first
window where the customer is younger than the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis

from churnml.features.cohort import in_cohort
from churnml.features.expressions import count, flag, of, ratio, rows_of
from churnml.features.registry import Context, Feature, Inventory, Needs
from churnml.features.sentences import YES_OR_NO, counted, nouns, plural

SIGNED_UP = ("signed_up_at",)
UNKNOWN = "The sign-up is unknown or too recent"

FIRST_DAYS = (1, 7, 14, 30)
"""Engagement is counted over so many days from sign-up."""

rough = partial(Feature, family="onboarding", theme="rough start", sentence_empty=UNKNOWN)


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    own = [*_activity(context), *_steps(context), *_first_contacts(context)]
    yield from own
    pace = _pace(context)
    yield from (in_cohort(feature, _tenure(), pace[feature.name]) for feature in own if feature.name in pace)


def _pace(context: Context) -> dict[str, str]:
    """What is compared with customers of the same sign-up month, by feature: in words what it is to have more of it."""
    kinds = context.engagement_kinds
    return {
        "days_to_first_engagement": f"A longer time from sign-up to the first {nouns(kinds)}",
        **{f"engagement_first_{days}d": f"More {nouns(kinds, several=True)} {_at_first(days)}" for days in FIRST_DAYS},
        "onboarding_steps_done": f"More set-up steps done in the first {context.onboarding_days} days",
    }


def _at_first(days: int) -> str:
    return "on the day of sign-up" if days == 1 else f"in the first {days} days after sign-up"


def _hidden(name: str, needs: Needs, expression: Any, grain: str = "early", empty: float | None = 0.0) -> Feature:
    """A number that other features use."""
    return rough(
        name=name, unit="events", grain=grain, needs=needs, expression=expression, empty=empty, doc=name, sentence=name
    )


def _tenure() -> Feature:
    needs = Needs(customers=SIGNED_UP)
    return _hidden("_tenure", needs, lambda r: r.tenure_days, "row", None)


def _once_complete(row: Any, value: Any, days: int) -> Any:
    """The value where the customer has been one for so many days, else null."""
    return (row.tenure_days >= days).ifelse(value, ibis.null("float64"))


def _activity(context: Context) -> Iterator[Feature]:
    kinds, what, length = context.engagement_kinds, nouns(context.engagement_kinds), context.onboarding_days
    needs = Needs(kinds, customers=SIGNED_UP)

    def first(days: int, start: int = 0) -> Feature:
        return _hidden(
            f"_engagement_days_{start}_{days}", needs,
            lambda t: count(t, of(t, kinds), t.day >= start, t.day < days),
        )  # fmt: skip

    earliest = _hidden("_first_engagement", needs, lambda t: t.age_days.max(where=of(t, kinds)), "event", None)
    yield rough(
        name="days_to_first_engagement", unit="days", grain="row", needs=needs, uses=(earliest,), worse="higher",
        doc=f"Days from sign-up to the first {what}; 0 for the same day.",
        sentence="First engagement {value:after} sign-up[; typical is {usual:days}]",
        sentence_empty="Not known how soon after sign-up the first engagement came",
        expression=lambda r: (r.tenure_days - r._first_engagement).clip(lower=0),
    )  # fmt: skip
    value_kinds = context.value_kinds
    if set(value_kinds) != set(kinds):  # else the same as engagement
        worth = Needs(value_kinds, customers=SIGNED_UP)
        grain = rows_of(value_kinds, context)
        bought = _hidden("_first_value", worth, lambda t: t.age_days.max(where=of(t, value_kinds)), grain, None)
        yield rough(
            name="days_to_first_value", unit="days", grain="row", needs=worth, uses=(bought,), worse="higher",
            doc=f"Time to first value: days from sign-up to the first {nouns(value_kinds)}; 0 for the same day.",
            sentence=f"First {nouns(value_kinds)} {{value:after}} sign-up[; typical is {{usual:days}}]",
            sentence_empty=f"Not known how soon after sign-up the first {nouns(value_kinds)} came",
            expression=lambda r: (r.tenure_days - r._first_value).clip(lower=0),
        )  # fmt: skip
    for days in FIRST_DAYS:
        done, when = first(days), _at_first(days)
        yield rough(
            name=f"engagement_first_{days}d", unit="events", grain="row", needs=needs, uses=(done,), worse="lower",
            doc=f"Number of events of engagement ({what}) {when}.",
            sentence=f"{counted(kinds)} {when}[; typical is {{usual}}]",
            expression=lambda r, done=done, days=days: _once_complete(r, r[done.name], days),
        )  # fmt: skip
    half = max(1, length // 2)
    begin, later = first(half), first(length, half)
    yield rough(
        name="early_second_half_share", unit="share", grain="row", needs=needs, uses=(begin, later), worse="lower",
        doc=f"Early slope: the share of the engagement of the first {length} days that fell into their second half; "
        "above a half, it grew.",
        sentence=f"{{value:share}} of the engagement of the first {length} days fell into their second half"
        "[; typical is {usual:share}]",
        sentence_empty="Too new, without early engagement, or the sign-up is unknown",
        expression=lambda r: _once_complete(r, ratio(r[later.name], r[later.name] + r[begin.name]), length),
    )  # fmt: skip


def _steps(context: Context) -> Iterator[Feature]:
    kind, length = ("onboarding_step",), context.onboarding_days
    needs = Needs(kind, customers=SIGNED_UP)
    done = _hidden("_steps_done", needs, lambda t: t["name"].nunique(where=of(t, kind) & (t.day < length)))
    unnamed = _hidden("_steps_without_name", needs, lambda t: count(t, of(t, kind), t.day < length, t["name"].isnull()))
    last = _hidden("_last_step_day", needs, lambda t: t.day.max(where=of(t, kind) & (t.day < length)))
    yield rough(
        name="onboarding_steps_done", unit="steps", grain="row", needs=needs, uses=(done, unnamed), worse="lower",
        doc=f"Different set-up steps done in the first {length} days, as known so far.",
        sentence=f"{{value:count set-up step}} done in the first {length} days[; typical is {{usual}}]",
        expression=lambda r: _once_complete(r, r._steps_done + r._steps_without_name, 0),
    )  # fmt: skip
    yield rough(
        name="onboarding_stalled_days", unit="days", grain="row", needs=needs, uses=(last,), worse="higher",
        doc=f"Days in the first {length} without any further set-up step: from the last step, or from sign-up, to the "
        "end of onboarding or to now.",
        sentence="{value:days} of onboarding without a further set-up step[; typical is {usual:days}]",
        expression=lambda r: r.tenure_days.clip(upper=length) - r._last_step_day,
    )  # fmt: skip


def _first_contacts(context: Context) -> Iterator[Feature]:
    length = context.onboarding_days
    for name, what, kinds, setting in (
        ("contact", "contact with service", context.service_kinds, "service_kinds"),
        ("friction", "annoyance", context.friction_kinds, "friction_kinds"),
    ):
        needs = Needs(kinds, customers=SIGNED_UP, settings=(setting,))
        of_kind = kinds
        yield rough(
            name=f"days_to_first_{name}", unit="days", grain="early", needs=needs, worse="lower",
            doc=f"Days from sign-up to the first {what} ({nouns(kinds) if kinds else what}), "
            f"within the first {length} days.",
            sentence=f"First {what} {{value:after}} sign-up[; typical is {{usual:days}}]",
            sentence_empty=f"No {what} in the first {length} days, or the sign-up is unknown",
            expression=lambda t, kinds=of_kind: t.day.min(where=of(t, kinds) & (t.day < length)),
        )  # fmt: skip
        counted = _hidden(
            f"_{name}_in_onboarding", needs, lambda t, kinds=of_kind: count(t, of(t, kinds), t.day < length)
        )
        yield rough(
            name=f"onboarding_{name}_events", unit="events", grain="row", needs=needs, uses=(counted,), worse="higher",
            doc=f"{what.capitalize()} in the first {length} days: how many times, as known so far.",
            sentence=f"{{value:count {what}|{plural(what)}}} in the first {length} days[; typical is {{usual}}]",
            expression=lambda r, counted=counted: _once_complete(r, r[counted.name], 0),
        )  # fmt: skip
    engaged, service = context.engagement_kinds, context.service_kinds
    needs = Needs(service, customers=SIGNED_UP)
    helped = _hidden("_contact_in_onboarding", needs, lambda t: count(t, of(t, service), t.day < length))
    active = _hidden("_active_in_onboarding", Needs(engaged), lambda t: count(t, of(t, engaged), t.day < length))
    yield rough(
        name="self_served", unit=YES_OR_NO, grain="row", needs=needs, uses=(helped, active), worse="lower",
        doc=f"1 for a customer who got going in the first {length} days without any contact with service, else 0; "
        "unknown until those days have passed.",
        sentence=f"Got going in the first {length} days without any help from service",
        sentence_low=f"Did not get going alone in the first {length} days",
        expression=lambda r: _once_complete(
            r, flag((r._contact_in_onboarding == 0) & (r._active_in_onboarding > 0)), length
        ),
    )  # fmt: skip
