"""Complaints: what the customer told the company, and how it answered. Silence, on either side, is in `unheard`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis

from churnml.features import unheard
from churnml.features.expressions import count, mean, monitored, of, ratio, rows_of, within
from churnml.features.registry import Context, Feature, Inventory, Needs
from churnml.features.sentences import nouns

feature = partial(Feature, family="complaints", theme="unresolved problems", worse="higher")
waiting = partial(feature, theme="waiting")
impersonal = partial(feature, theme="impersonal service")

CASES = Needs(every_kind=("case_opened",), columns=("case_id",))
SOLVED = Needs(every_kind=("case_opened", "case_resolved"), columns=("case_id",))
YEAR = 365


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    yield from _voice(context)
    yield from _cases(context)
    yield from _answers()
    yield from _contacts(context)
    yield from unheard.declare(context)


def _voice(context: Context) -> Iterator[Feature]:
    kinds, needs, what = context.voice_kinds, Needs(context.voice_kinds), nouns(context.voice_kinds)
    grain = rows_of(kinds, context)

    def voiced(t: Any) -> Any:
        return of(t, kinds) & monitored(t, context.dark_channels)

    for window in (30, 90, YEAR):
        yield feature(
            name=f"voice_events_{window}d", unit="events", grain=grain, needs=needs, empty=0.0,
            doc=f"Times the customer told the company of dissatisfaction ({what}) in the last {window} days.",
            sentence=f"{{value:count expression}} of dissatisfaction in the last {window} days[; typical is {{usual}}]",
            expression=lambda t, window=window: count(t, voiced(t), within(t, window)),
        )  # fmt: skip
    yield feature(
        name="days_since_voice", unit="days", grain=grain, needs=needs, worse="lower",
        doc=f"Days since the customer last told the company of dissatisfaction ({what}).",
        sentence="Dissatisfaction last voiced {value:days} ago[; typical is {usual:days}]",
        sentence_empty="Dissatisfaction never voiced",
        expression=lambda t: t.age_days.min(where=voiced(t)),
    )  # fmt: skip
    yield feature(
        name="voice_text_length_365d", unit="characters", grain=grain, needs=Needs(kinds, columns=("text",)),
        worse=None,
        doc=f"Mean length of what the customer wrote ({what}) in the last 365 days.",
        sentence="Complaints of the last 365 days are {value:count character} long on average[; typical is {usual}]",
        sentence_empty="Nothing written to complain in the last 365 days",
        expression=lambda t: mean(t.text.length(), voiced(t) & within(t, YEAR)),
    )  # fmt: skip


def _cases(context: Context) -> Iterator[Feature]:
    yield feature(
        name="cases_365d", unit="cases", grain="case", needs=CASES, empty=0.0, worse=None,
        doc="Support cases opened in the last 365 days.",
        sentence="{value:count support case} opened in the last 365 days[; typical is {usual}]",
        expression=lambda t: count(t, t.recent),
    )  # fmt: skip
    yield feature(
        name="open_cases", unit="cases", grain="case", needs=SOLVED, empty=0.0,
        doc="Support cases that are open now.",
        sentence="{value:count support case} still open[; typical is {usual}]",
        expression=lambda t: count(t, t.open),
    )  # fmt: skip
    yield feature(
        name="oldest_open_case_days", unit="days", grain="case", needs=SOLVED,
        doc="Days since the oldest support case that is still open was opened.",
        sentence="A support case has been open for {value:days}[; typical is {usual:days}]",
        sentence_empty="No open support case",
        expression=lambda t: t.opened_days.max(where=t.open),
    )  # fmt: skip
    yield feature(
        name="unresolved_share_365d", unit="share", grain="case", needs=SOLVED,
        doc="Share of the support cases opened in the last 365 days that are not resolved.",
        sentence="{value:share} of the support cases of the last 365 days not resolved[; typical is {usual:share}]",
        sentence_empty="No support case in the last 365 days",
        expression=lambda t: ratio(count(t, t.open, t.recent), count(t, t.recent)),
    )  # fmt: skip
    yield feature(
        name="repeat_contacts_365d", unit="contacts", grain="case",
        needs=Needs(context.service_kinds, columns=("case_id",)), empty=0.0,
        doc="Times the customer had to get in touch again about the same support case, in cases of the last 365 days.",
        sentence="{value:count repeat contact} about the same support case in the last 365 days[; typical is {usual}]",
        expression=lambda t: t.repeats.sum(where=t.last_days <= YEAR),
    )  # fmt: skip
    for name, kind, what, act in (
        ("reopened_365d", "case_reopened", "reopened", "reopening"),
        ("escalated_365d", "case_escalated", "escalated", "escalation"),
    ):
        yield feature(
            name=name, unit="times", grain="case", needs=Needs(every_kind=(kind,), columns=("case_id",)), empty=0.0,
            doc=f"Times a support case of the customer was {what}, over cases of the last 365 days.",
            sentence=f"{{value:count {act}}} of support cases in the last 365 days[; typical is {{usual}}]",
            expression=lambda t, what=what: t[what].sum(where=t.last_days <= YEAR),
        )  # fmt: skip
    yield impersonal(
        name="transfers_365d", unit="transfers", grain="case", needs=Needs(columns=("case_id", "agent_id")), empty=0.0,
        doc="Times a support case passed to another agent, over cases of the last 365 days.",
        sentence="{value:count transfer} to another agent in the last 365 days[; typical is {usual}]",
        expression=lambda t: t.transfers.sum(where=t.last_days <= YEAR),
    )  # fmt: skip


def _answers() -> Iterator[Feature]:
    by_whom = "; a machine's reply counts for none, but the resolution after it does"
    for name, kind, what, column, last, aside in (
        ("first_response", "case_responded", "first reply", "first_response_s", "last_answered", by_whom),
        ("resolution", "case_resolved", "resolution", "resolution_s", "last_solved", ""),
    ):
        needs = Needs(every_kind=("case_opened", kind), columns=("case_id",))
        yield waiting(
            name=f"{name}_median_s_365d", unit="seconds", grain="case", needs=needs,
            doc=f"Median time from opening a support case to its {what}, over cases opened in the last 365 days"
            f"{aside}.",
            sentence=f"Usually waited {{value:seconds}} for the {what} of a support case"
            "[; typical is {usual:seconds}]",
            sentence_empty=f"No support case of the last 365 days with a {what}",
            expression=lambda t, column=column: t.recent.ifelse(t[column], ibis.null("int64")).median(),
        )  # fmt: skip
        yield waiting(
            name=f"{name}_last_s", unit="seconds", grain="case", needs=needs,
            doc=f"Time from opening to {what} of the latest support case that has one{aside}.",
            sentence=f"Waited {{value:seconds}} for the {what} of the latest support case"
            "[; typical is {usual:seconds}]",
            sentence_empty=f"No support case with a {what} so far",
            expression=lambda t, column=column, last=last: t[column].max(where=t[last]),
        )  # fmt: skip
    yield waiting(
        name="unanswered_cases", unit="cases", grain="case",
        needs=Needs(every_kind=("case_opened", "case_responded", "case_resolved"), columns=("case_id",)), empty=0.0,
        doc="Open support cases without any reply so far, but by a machine.",
        sentence="Open support cases without a reply by a person: {value}[; typical is {usual}]",
        expression=lambda t: count(t, t.open, t.first_response_s.isnull()),
    )  # fmt: skip


def _contacts(context: Context) -> Iterator[Feature]:
    kinds = context.service_kinds
    what, needs, grain = nouns(kinds), Needs(kinds), rows_of((*kinds, "contact_abandoned", "case_responded"), context)
    for window in (30, 90, YEAR):
        yield feature(
            name=f"contacts_{window}d", unit="contacts", grain=grain, needs=needs, empty=0.0,
            worse=None,  # to have asked for something is no proof that it was not resolved
            doc=f"Contacts with service ({what}) in the last {window} days.",
            sentence=f"{{value:count contact}} with service in the last {window} days[; typical is {{usual}}]",
            expression=lambda t, window=window: count(t, of(t, kinds), within(t, window)),
        )  # fmt: skip
    yield feature(
        name="days_since_service", unit="days", grain=grain, needs=needs, worse=None,
        doc=f"Days since the last contact with service ({what}).",
        sentence="Last contact with service {value:days} ago[; typical is {usual:days}]",
        sentence_empty="No contact with service so far",
        expression=lambda t: t.age_days.min(where=of(t, kinds)),
    )  # fmt: skip
    yield waiting(
        name="contacts_abandoned_365d", unit="contacts", grain=grain, needs=Needs(("contact_abandoned",)), empty=0.0,
        doc="Contacts that the customer gave up before being served, in the last 365 days.",
        sentence="{value:count attempt} to reach service given up in the last 365 days[; typical is {usual}]",
        expression=lambda t: count(t, of(t, ("contact_abandoned",)), within(t, YEAR)),
    )  # fmt: skip
    yield waiting(
        name="abandoned_share_365d", unit="share", grain=grain, needs=Needs(kinds, every_kind=("contact_abandoned",)),
        doc="Share of the attempts to reach service in the last 365 days that the customer gave up.",
        sentence="Gave up {value:share} of the attempts to reach service[; typical is {usual:share}]",
        sentence_empty="No attempt to reach service in the last 365 days",
        expression=lambda t: ratio(
            count(t, of(t, ("contact_abandoned",)), within(t, YEAR)),
            count(t, of(t, (*kinds, "contact_abandoned")), within(t, YEAR)),
        ),
    )  # fmt: skip
    yield from _held(context)
    for column, doc in (("automated", "by a machine"), ("scripted", "by a person reading a script")):
        yield impersonal(
            name=f"{column}_share_365d", unit="share", grain=grain,
            needs=Needs((*kinds, "case_responded"), columns=(column,)),
            doc=f"Share of contacts with and replies from service in the last 365 days that were handled {doc}.",
            sentence=f"{{value:share}} of the contacts with service handled {doc}[; typical is {{usual:share}}]",
            sentence_empty="No contact with service in the last 365 days of which it is known who handled it",
            expression=lambda t, column=column: _true_share(t, column, (*kinds, "case_responded")),
        )  # fmt: skip


def _true_share(t: Any, column: str, kinds: tuple[str, ...]) -> Any:
    rows = of(t, kinds) & within(t, YEAR)
    return ratio(count(t, rows, t[column].fill_null(False)), t[column].count(where=rows))


def _held(context: Context) -> Iterator[Feature]:
    kinds = tuple(dict.fromkeys((*context.service_kinds, "contact_abandoned")))
    needs = Needs(kinds, columns=("wait_s",))
    for name, doc, expression in (
        ("wait_mean_s_90d", "Mean", lambda t, rows: mean(t.wait_s, rows)),
        ("wait_longest_s_90d", "Longest", lambda t, rows: t.wait_s.max(where=rows)),
    ):
        yield waiting(
            name=name, unit="seconds", grain=rows_of(kinds, context), needs=needs,
            doc=f"{doc} time on hold or in a queue for service in the last 90 days.",
            sentence=f"{doc} wait for service in the last 90 days: {{value:seconds}}[; typical is {{usual:seconds}}]",
            sentence_empty="No wait for service in the last 90 days on record",
            expression=lambda t, expression=expression: expression(t, of(t, kinds) & within(t, 90)),
        )  # fmt: skip
