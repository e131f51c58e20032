"""Silence on either side: friction about which the customer said nothing, remarks to which the company did not reply.

Part of the family `complaints`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis

from churnml.features.expressions import count, inbound, of, ratio, rows_of, within
from churnml.features.registry import FEEDBACK_KINDS, Context, Feature, Needs
from churnml.features.sentences import noun, nouns, plural

YEAR = 365
TRIED_DAYS = 30
"""An attempt to reach the company counts as made before something said in public if it was so many days before."""

feature = partial(Feature, family="complaints", theme="unresolved problems", worse="higher")
waiting = partial(feature, theme="waiting")


def declare(context: Context) -> Iterator[Feature]:
    """Declare these features of the family `complaints`."""
    yield from _friction(context)
    yield from _heard(context)


def _friction(context: Context) -> Iterator[Feature]:
    kinds = context.friction_kinds
    needs = Needs(kinds, settings=("friction_kinds",))
    what = nouns(kinds) if kinds else "friction"
    product = partial(feature, theme="product quality", grain=rows_of(kinds, context), needs=needs)
    for window in (30, 90):
        yield product(
            name=f"friction_events_{window}d", unit="events", empty=0.0,
            doc=f"Friction: events that would annoy anyone ({what}), in the last {window} days.",
            sentence=f"Things that went wrong ({what}) in the last {window} days: {{value}}[; typical is {{usual}}]",
            expression=lambda t, window=window: count(t, of(t, kinds), within(t, window)),
        )  # fmt: skip
    yield product(
        name="days_since_friction", unit="days", worse="lower",
        doc=f"Days since the last friction ({what}).",
        sentence=f"Something last went wrong ({what}) {{value:days}} ago[; typical is {{usual:days}}]",
        sentence_empty=f"No {what} so far",
        expression=lambda t: t.age_days.min(where=of(t, kinds)),
    )  # fmt: skip
    yield product(
        name="friction_without_contact_90d", unit="events", grain="dialogue", theme="unheard feedback", empty=0.0,
        doc=f"Friction of the last 90 days ({what}) about which the customer has said nothing since: "
        "no contact, complaint or support case followed.",
        sentence="Things that went wrong in the last 90 days and were never mentioned: {value}[; typical is {usual}]",
        expression=lambda t: count(t, of(t, kinds), within(t, 90), _silent_since(t)),
    )  # fmt: skip
    yield product(
        name="friction_silence_share_365d", unit="share", grain="dialogue", theme="unheard feedback",
        doc=f"Silence after friction: share of the friction of the last 365 days ({what}) about which the customer has "
        "said nothing since.",
        sentence="Said nothing of {value:share} of what went wrong in the last 365 days[; typical is {usual:share}]",
        sentence_low="Spoke of what went wrong in the last 365 days, silent about {value:share}"
        "[; typical is {usual:share}]",
        sentence_empty=f"No {what} in the last 365 days",
        expression=lambda t: ratio(
            count(t, of(t, kinds), within(t, YEAR), _silent_since(t)), count(t, of(t, kinds), within(t, YEAR))
        ),
    )  # fmt: skip


def _silent_since(t: Any) -> Any:
    return (t.age_s < t.last_said_s).fill_null(True)


def _heard(context: Context) -> Iterator[Feature]:
    """Whether what was said got a reply."""
    kinds = tuple(dict.fromkeys((*FEEDBACK_KINDS, *context.voice_kinds)))
    needs = Needs(kinds, every_kind=("case_responded",))
    unheard = partial(feature, theme="unheard feedback", grain="dialogue", needs=needs)
    for window in (90, YEAR):
        yield unheard(
            name=f"unanswered_feedback_{window}d", unit="times", empty=0.0,
            doc=f"Times in the last {window} days that the customer gave feedback ({nouns(kinds)}) and no person "
            "has replied so far, neither on its case nor, without a case, on its channel.",
            sentence=f"Remarks of the last {window} days that no person replied to: {{value}}[; typical is {{usual}}]",
            expression=lambda t, window=window: count(t, t.feedback, t.reply_s.isnull(), within(t, window)),
        )  # fmt: skip
    yield unheard(
        name="unanswered_feedback_share_365d", unit="share",
        doc=f"Share of the customer's feedback of the last 365 days ({nouns(kinds)}) that no person has replied to.",
        sentence="No person replied to {value:share} of the customer's remarks of the last 365 days"
        "[; typical is {usual:share}]",
        sentence_low="Only {value:share} of the customer's remarks of the last 365 days got no reply by a person"
        "[; typical is {usual:share}]",
        sentence_empty="No feedback in the last 365 days",
        expression=lambda t: ratio(
            count(t, t.feedback, t.reply_s.isnull(), within(t, YEAR)), count(t, t.feedback, within(t, YEAR))
        ),
    )  # fmt: skip
    for name, of_all, expression in (
        ("median", "Median", lambda t, wait: wait.median()),
        ("longest", "Longest", lambda t, wait: wait.max()),
    ):
        yield waiting(
            name=f"public_response_{name}_s_365d", unit="seconds", grain="dialogue",
            needs=Needs(every_kind=("mention", "case_responded")),
            doc=f"{of_all} time to the company's first reply, not by a machine, to what the customer said in public, "
            "on social channels, in the last 365 days.",
            sentence=f"{of_all} wait for a reply to a public mention: {{value:seconds}}"
            "[; typical is {usual:seconds}]",
            sentence_empty="No public mention that was replied to in the last 365 days",
            expression=lambda t, expression=expression: expression(t, _public_wait(t)),
        )  # fmt: skip
    tried = Needs((*context.service_kinds, *context.voice_kinds, "contact_abandoned"))
    for kind, what in (("mention", "public mentions"), ("review", "reviews")):
        yield feature(
            name=f"tried_before_{kind}_365d", unit="times", grain="dialogue", empty=0.0,
            needs=Needs(tried.kinds, every_kind=(kind,)),
            doc=f"Number of {what} in the last 365 days before which the customer had tried, within {TRIED_DAYS} days, "
            "to reach the company on a channel that it monitors.",
            sentence=f"{{value:count {noun(kind)}|{plural(noun(kind))}}} in the last 365 days after trying to reach "
            "the company[; typical is {usual}]",
            expression=lambda t, kind=kind: count(
                t, of(t, (kind,)), inbound(t), within(t, YEAR),
                (t.tried_s - t.age_s <= TRIED_DAYS * 86400).fill_null(False),
            ),
        )  # fmt: skip


def _public_wait(t: Any) -> Any:
    """Seconds to the reply to a public mention of the last year; null on any other row."""
    rows = of(t, ("mention",)) & inbound(t) & within(t, YEAR)
    return rows.ifelse(t.age_s - t.reply_s, ibis.null("int64"))
