"""Outreach: what the company sent, whether the customer answered, and how much of it was too much."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis

from churnml.features.expressions import between, count, flag, inbound, of, own_rate_trend, ratio, rows_of, within
from churnml.features.registry import Context, Feature, Inventory, Needs
from churnml.features.sentences import YES_OR_NO

YEAR = 365
CROWDED_S = 2 * 86400
"""A message is crowded that comes less than so many seconds after the one before."""

SENT = Needs(every_kind=("outreach_sent",))
ANSWERED = Needs(("outreach_opened", "outreach_clicked"), every_kind=("outreach_sent",))
WITHDRAWN, GIVEN = "withdrawn", "given"
"""The names of a `consent_changed` event."""

outreach = partial(Feature, family="outreach", theme="unanswered outreach", grain="asked", needs=SENT)
pressure = partial(Feature, family="outreach", theme="pressure and privacy", worse="higher")


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    yield from _answers()
    yield from _amount(context)
    yield from _refusals(context)


def _sent(t: Any, *rows: Any) -> Any:
    return count(t, t.sent, ~t.survey, *rows)


def _answers() -> Iterator[Feature]:
    for name, did, column, needs in (
        ("answered", "opened or clicked", "answered", ANSWERED),
        ("clicked", "clicked", "clicked", Needs(every_kind=("outreach_sent", "outreach_clicked"))),
    ):
        for window in (90, YEAR):
            yield outreach(
                name=f"messages_{name}_share_{window}d", unit="share", needs=needs, worse="lower",
                doc=f"Share of the messages sent in the last {window} days that the customer has {did}.",
                sentence=f"{did.capitalize()} {{value:share}} of the messages of the last {window} days"
                "[; typical is {usual:share}]",
                sentence_empty=f"No message sent in the last {window} days",
                expression=lambda t, window=window, column=column: ratio(
                    _sent(t, t[column], within(t, window)), _sent(t, within(t, window))
                ),
            )  # fmt: skip
    yield outreach(
        name="messages_answered_trend_90d", unit="ratio", needs=ANSWERED, worse="lower",
        doc="Share of the messages of the last 90 days that were opened or clicked, against the customer's own share "
        "in the 275 days before.",
        sentence="Answers to messages in the last 90 days are {value:share} of the customer's own earlier rate"
        "[; typical is {usual:share}]",
        sentence_empty="No answers to messages to compare in the last 90 days and before",
        expression=lambda t: ratio(
            ratio(_sent(t, t.answered, within(t, 90)), _sent(t, within(t, 90))),
            ratio(_sent(t, t.answered, between(t, 90, YEAR)), _sent(t, between(t, 90, YEAR))),
        ),
    )  # fmt: skip
    yield outreach(
        name="messages_unanswered_run", unit="messages", needs=ANSWERED, empty=0.0, worse="higher",
        doc="Messages in a row, up to now, that the customer neither opened nor clicked.",
        sentence="{value:count message} in a row neither opened nor clicked[; typical is {usual}]",
        expression=lambda t: _sent(t, (t.age_s < t.last_answer_s).fill_null(True)),
    )  # fmt: skip
    yield outreach(
        name="days_since_message_answered", unit="days", needs=ANSWERED, worse="higher",
        doc="Days since the customer last opened or clicked a message.",
        sentence="No message opened or clicked for {value:days}[; typical is {usual:days}]",
        sentence_low="Last opened or clicked a message {value:days} ago[; typical is {usual:days}]",
        sentence_empty="No message opened or clicked so far",
        expression=lambda t: t.age_days.min(where=~t.sent & ~t.survey),
    )  # fmt: skip


def _amount(context: Context) -> Iterator[Feature]:
    def sent(window: int) -> Feature:
        return outreach(
            name=f"messages_sent_{window}d", theme="pressure and privacy", worse="higher", unit="messages", empty=0.0,
            doc=f"Messages sent to the customer in the last {window} days.",
            sentence=f"{{value:count message}} sent in the last {window} days[; typical is {{usual}}]",
            expression=lambda t: _sent(t, within(t, window)),
        )  # fmt: skip

    first = outreach(
        name="days_since_first_message", unit="days",
        doc="Days since the first message sent to the customer.",
        sentence="First message sent {value:days} ago[; typical is {usual:days}]",
        sentence_empty="No message sent so far",
        expression=lambda t: t.age_days.max(where=t.sent & ~t.survey),
    )  # fmt: skip
    week, month, quarter, half_year = sent(7), sent(30), sent(90), sent(180)
    yield from (week, sent(YEAR))
    yield pressure(
        name="messages_trend_30d", unit="ratio", grain="row", needs=SENT, uses=(month, half_year, first),
        doc="Messages sent in the last 30 days against the rate of the 150 days before.",
        sentence="Messages of the last 30 days are {value:share} of the earlier rate[; typical is {usual:share}]",
        sentence_empty="Too few earlier messages to compare the last 30 days with",
        expression=lambda r: own_rate_trend(
            r.messages_sent_30d, r.messages_sent_180d, r.days_since_first_message, 30, 180
        ),
    )  # fmt: skip
    yield pressure(
        name="messages_crowded_share_90d", unit="share", grain="asked", needs=SENT,
        doc="Over-contact: share of the messages of the last 90 days that came less than two days after the one "
        "before.",
        sentence="{value:share} of the messages of the last 90 days came less than two days after the one before"
        "[; typical is {usual:share}]",
        sentence_empty="No message sent in the last 90 days",
        expression=lambda t: ratio(
            _sent(t, within(t, 90), (t.gap_s < CROWDED_S).fill_null(False)), _sent(t, within(t, 90))
        ),
    )  # fmt: skip
    active = outreach(
        name="_active_days_90d", unit="days", grain="day", needs=Needs(context.engagement_kinds), empty=0.0,
        doc="_active_days_90d", sentence="_active_days_90d", expression=lambda t: count(t, within(t, 90)),
    )  # fmt: skip
    yield outreach(  # no pressure: it rises for who gets few messages and is hardly active
        name="messages_per_active_day_90d", unit="messages", grain="row", uses=(quarter, active), worse="higher",
        doc="Over-contact: messages sent in the last 90 days for each day on which the customer was active.",
        sentence="Messages sent for each active day of the last 90: {value}[; typical is {usual}]",
        sentence_empty="Not active in the last 90 days",
        expression=lambda r: ratio(r.messages_sent_90d, r._active_days_90d),
    )  # fmt: skip
    kinds = ("outreach_sent", "case_responded", *context.service_kinds)
    yield pressure(
        name="marketing_per_service_message_365d", unit="messages", grain=rows_of(kinds, context), needs=SENT,
        doc="Marketing messages for each message from service in the last 365 days (no message from service counts as "
        "one). Outreach whose name begins with 'service' is service; so are replies and outbound contacts.",
        sentence="Marketing messages for each message from service: {value}[; typical is {usual}]",
        empty=0.0,
        expression=lambda t: ratio(
            count(t, of(t, ("outreach_sent",)), ~_by_service(t), within(t, YEAR)),
            count(t, of(t, kinds), _by_service(t), within(t, YEAR)).clip(lower=1),
        ),
    )  # fmt: skip


def _by_service(t: Any) -> Any:
    outreach = of(t, ("outreach_sent",))
    named_so = t["name"].lower().startswith("service").fill_null(False)
    return (outreach & named_so) | of(t, ("case_responded",)) | (~outreach & ~inbound(t))


def _refusals(context: Context) -> Iterator[Feature]:
    for name, kinds, one, doc in (
        ("unsubscribed_365d", ("unsubscribed",), "unsubscription", "Times the customer unsubscribed"),
        ("data_requests_365d", ("data_request",), "request for personal data", "Requests for personal data"),
    ):
        yield pressure(
            name=name, unit="times", grain=rows_of(kinds, context), needs=Needs(kinds), empty=0.0,
            doc=f"{doc} in the last 365 days.",
            sentence=f"{{value:count {one}}} in the last 365 days[; typical is {{usual}}]",
            expression=lambda t, kinds=kinds: count(t, of(t, kinds), within(t, YEAR)),
        )  # fmt: skip
    consent = ("unsubscribed", "consent_changed")
    on_consent = partial(pressure, grain=rows_of(consent, context), needs=Needs(consent))
    yield on_consent(
        name="opt_outs_365d", unit="times", empty=0.0,
        doc="Times the customer opted out in the last 365 days: unsubscribed, or withdrew a consent.",
        sentence="{value:count opt-out} in the last 365 days[; typical is {usual}]",
        expression=lambda t: count(t, _opted_out(t), within(t, YEAR)),
    )  # fmt: skip
    yield on_consent(
        name="opted_out", unit=YES_OR_NO, empty=0.0,
        doc="1 for a customer who has opted out (unsubscribed, or withdrawn a consent) and not consented since, "
        "else 0.",
        sentence="Has opted out of being contacted",
        sentence_low="Has not opted out of being contacted",
        expression=lambda t: flag(
            t.age_s.min(where=_opted_out(t)).fill_null(_NEVER)
            < t.age_s.min(where=of(t, ("consent_changed",)) & _named(t, GIVEN)).fill_null(_NEVER)
        ),
    )  # fmt: skip


_NEVER = 2**62


def _named(t: Any, name: str) -> Any:
    return (t["name"].lower() == ibis.literal(name)).fill_null(False)


def _opted_out(t: Any) -> Any:
    return of(t, ("unsubscribed",)) | (of(t, ("consent_changed",)) & _named(t, WITHDRAWN))
