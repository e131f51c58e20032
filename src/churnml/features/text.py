"""Text: how customers write and what about. Nothing is sent anywhere, and no text is kept."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis.expr.types as ir

from churnml.features import wording
from churnml.features.expressions import by_customer, of, within
from churnml.features.fitted import Fitted
from churnml.features.lexicon import TOPICS
from churnml.features.registry import Context, Feature, Inventory, Needs

REVIEWS = ("review", "mention", "message_private")
YEAR = 365
TOPIC_THEMES = {
    "billing": "value and contract",
    "price": "value and contract",
    "delivery": "broken promises",
    "quality": "product quality",
    "technical": "product quality",
    "service": "impersonal service",
    "waiting": "waiting",
    "leaving": "value and contract",
}
TOPIC_WORDS = {"technical": "technical matters", "price": "prices"}
"""What a sentence calls a topic, where its name does not read well."""
SIGNALS = {
    "characters": ("text_characters_365d", "characters", "Length of a text", "{value:count character}"),
    "exclamations": ("text_exclamations_365d", "marks", "Exclamation marks in a text", "{value}"),
    "questions": ("text_questions_365d", "marks", "Question marks in a text", "{value}"),
    "capitals": ("text_capitals_share_365d", "share", "Share of a text's words in capitals", "{value:share}"),
    "repeated": ("text_repeated_share_365d", "share", "Share of a text's words that repeat", "{value:share}"),
}
"""Signal -> name of the feature, unit, what it is, how its value is said."""


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    complaints = tuple(dict.fromkeys((*context.voice_kinds, *context.service_kinds)))
    fitted = Fitted(
        name=wording.NAME,
        fit=wording.fit,
        apply=wording.apply,
        records=lambda events: texts(events, complaints),
        read=wording.read,
    )
    written = partial(Feature, family="text", grain="fitted", fitted=fitted, theme="unheard feedback")
    everywhere = Needs((*complaints, *REVIEWS), columns=("text",))
    yield written(
        name="texts_365d", unit="texts", needs=everywhere, empty=0.0,
        doc="Number of texts the customer wrote (complaints, contacts, reviews, messages) in the last 365 days.",
        sentence="{value:count text} written in the last 365 days[; typical is {usual}]",
        expression=lambda t: t["texts"],
    )  # fmt: skip
    for signal, (name, unit, what, said) in SIGNALS.items():
        yield written(
            name=name, unit=unit, needs=everywhere,
            doc=f"{what}, on average over the texts the customer wrote in the last 365 days, in whatever language.",
            sentence=f"{what}, on average over the last 365 days: {said}[; typical is {_usual(said)}]",
            sentence_empty="Nothing written in the last 365 days",
            expression=lambda t, signal=signal: t[signal],
        )  # fmt: skip
    for group, kinds, theme in (
        ("complaint", complaints, "unresolved problems"),
        ("review", REVIEWS, "unheard feedback"),
    ):
        yield from _tone(partial(written, theme=theme, needs=Needs(kinds, columns=("text",))), group)
    for topic, theme in TOPIC_THEMES.items():
        about = TOPIC_WORDS.get(topic, topic)
        yield written(
            name=f"text_about_{topic}_365d", unit="share", theme=theme, needs=everywhere, worse="higher",
            doc=f"Share of what the customer wrote in the last 365 days that is about {about}, by the words used "
            f"({', '.join(TOPICS[topic][:4])} and others that customers write with them). English only.",
            sentence=f"{{value:share}} of what the customer wrote is about {about}[; typical is {{usual:share}}]",
            sentence_empty="Nothing written in English in the last 365 days",
            expression=lambda t, topic=topic: t[topic],
        )  # fmt: skip


def _usual(said: str) -> str:
    return said.split("}")[0].replace("value", "usual") + "}"


def _tone(toned: Any, group: str) -> Iterator[Feature]:
    scale = "from -1, angry, to 1, delighted. English only."
    yield toned(
        name=f"{group}_sentiment_365d", unit="score", worse="lower",
        doc=f"Tone of the customer's {group} texts of the last 365 days, on average, {scale}",
        sentence=f"The tone of what the customer wrote ({group}) is {{value}}, from -1 (angry) to 1 (delighted)"
        "[; typical is {usual}]",
        sentence_empty=f"No {group} text in English in the last 365 days",
        expression=lambda t: t[f"{group}_sentiment"],
    )  # fmt: skip
    yield toned(
        name=f"{group}_sentiment_last", unit="score", worse="lower",
        doc=f"Tone of the customer's latest {group} text, {scale}",
        sentence=f"The tone of the latest text ({group}) is {{value}}, from -1 (angry) to 1 (delighted)"
        "[; typical is {usual}]",
        sentence_empty=f"No {group} text in English in the last 365 days",
        expression=lambda t: t[f"{group}_sentiment_last"],
    )  # fmt: skip


def texts(events: ir.Table, complaints: tuple[str, ...]) -> ir.Table:
    """What customers wrote in the last year: `text`, `age_days`, `is_review` (0 or 1), `rating` (0 to 1, or nan)."""
    kinds = of(events, (*complaints, *REVIEWS))
    wrote = events.filter(kinds & by_customer(events) & within(events, YEAR) & (events.text.length() > 0))
    return wrote.select(
        "customer_id",
        "text",
        "age_days",
        is_review=of(wrote, REVIEWS).cast("int64"),
        rating=wrote.rating.cast("float64"),
    )
