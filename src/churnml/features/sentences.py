"""Sentence templates: a feature's value in the customer's own numbers, with units and plurals right.

A template holds `{value}` and `{usual}`. After a colon stands how the number is to be said: `days`, `weeks`, `after`
(days after something), `seconds`, `share`, `points` (a difference of shares), `dearer` (a price by the one before it),
`times`, `amount`, `number`, or `count complaint|complaints` (singular and plural; without the plural an s is added).
Without a colon the feature's unit decides. Text in square brackets is left out when the usual value is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

FORMATS_OF_UNITS = {
    "days": "days",
    "weeks": "weeks",
    "seconds": "seconds",
    "share": "share",
    "ratio": "times",
    "amount": "amount",
}
"""How a number is said when the template does not say it; any other unit gives a plain number."""

FORMS = (*FORMATS_OF_UNITS.values(), "after", "points", "dearer", "number")
"""The ways to say a number, besides `count ...`."""

YES_OR_NO = "yes or no"
"""The unit of flags: 1 for yes, 0 for no."""

WHOLE = 100
"""Amounts from here on are said without cents."""

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "INR": "₹"}
"""How a currency is written; any other stands before the amount by its code."""

_FIELD = re.compile(r"\{(value|usual)(?::([^{}]*))?\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


class Said(Protocol):
    """What `say` needs to know about a feature."""

    @property
    def doc(self) -> str: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def sentence_low(self) -> str | None: ...  # noqa: D102
    @property
    def sentence_empty(self) -> str | None: ...  # noqa: D102


def say(feature: Said, value: float | None, usual: float | None = None, currency: str = "") -> str:
    """Say in one sentence what was seen: never a cause.

    Parameters
    ----------
    feature:
        A `Feature` or `FeatureCard`.
    value:
        The customer's own value; None or nan when there is none.
    usual:
        What is usual among customers (the training median); None when it is not known, nan when most have no value.
    currency:
        In what amounts are; empty when it is not known.

    The low sentence, where the feature has one, is used for a value below the usual one, where having one at all is
    unusual, or for "no".
    """
    return sayer(feature, usual, currency)(value)


def sayer(feature: Said, usual: float | None = None, currency: str = "") -> Callable[[float | None], str]:
    """What says a feature's value for one customer after the other: `say`, with the templates read once."""
    known = None if usual is None or math.isnan(usual) else usual
    default = FORMATS_OF_UNITS.get(feature.unit, "number")
    none_is_usual = usual is not None and math.isnan(usual)
    usually = low = _pieces(feature.sentence, known, default, currency)
    if feature.sentence_low is not None:
        plain_low = feature.sentence_low.replace(" only ", " ").removeprefix("Only ")
        template = plain_low if none_is_usual else feature.sentence_low
        low = _pieces(template, known, default, currency)
    nothing = feature.sentence_empty or f"Nothing on record yet for: {feature.doc[0].lower()}{feature.doc[1:]}"
    unknown = math.inf if none_is_usual else -math.inf
    limit = 0.5 if feature.unit == YES_OR_NO else unknown if known is None else known

    def said(value: float | None) -> str:
        if value is None or math.isnan(value):
            return nothing
        pieces = low if value < limit else usually
        text = "".join([put(value, piece, currency) if form else piece for piece, form in pieces])
        return text[0].upper() + text[1:]

    return said


def _pieces(template: str, usual: float | None, default: str, currency: str) -> list[tuple[str, bool]]:
    """A template cut into text (False) and the forms in which the value is to be put (True)."""
    template = _OPTIONAL.sub(lambda part: part.group(1) if usual is not None else "", template)
    pieces, end = [], 0
    for field in _FIELD.finditer(template):
        form = field.group(2) or default
        pieces.append((template[end : field.start()], False))
        own = usual is None or field.group(1) == "value"
        pieces.append((form, True) if own else (put(usual, form, currency), False))  # type: ignore[arg-type]
        end = field.end()
    return [*pieces, (template[end:], False)]


def fault_of_template(template: str) -> str | None:
    """What is wrong with a template, or None.

    >>> fault_of_template("{value:count visit} a week[; typical is {usual}]") is None
    True
    >>> fault_of_template("{visits} a week"), fault_of_template("for {value:hours}")
    ('{visits} is not known; use {value} and {usual}', "'hours' is no way to say a number")
    """
    for field in _FIELD.finditer(template):
        form = field.group(2)
        if form and form not in FORMS and not form.startswith("count "):
            return f"{form!r} is no way to say a number"
    rest = _FIELD.sub("", template)
    if unknown := re.search(r"\{[^{}]*\}?|\}", rest):
        return f"{unknown.group()} is not known; use {{value}} and {{usual}}"
    return "a square bracket stands alone" if re.search(r"[\[\]]", _OPTIONAL.sub("", rest)) else None


def put(number: float, form: str, currency: str = "") -> str:
    """Write one number as people say it.

    >>> put(1, "days"), put(12.4, "days"), put(0.347, "share"), put(10800, "seconds")
    ('1 day', '12 days', '35%', '3 hours')
    >>> put(0, "count complaint"), put(1, "count reply|replies"), put(2, "count reply|replies")
    ('no complaints', '1 reply', '2 replies')
    >>> put(2.345, "times"), put(1, "times"), put(26, "times"), put(3, "number"), put(0.034, "number")
    ('2.3 times', '1 time', '26 times', '3', '0.034')
    >>> put(0.024, "times"), put(0, "times")
    ('0.024 times', '0 times')
    >>> put(1.07, "dearer"), put(0.56, "dearer"), put(1, "dearer")
    ('7% dearer', '44% cheaper', 'as dear as before')
    >>> put(0.004, "share"), put(0.0001, "share"), put(0, "share"), put(2.5, "share")
    ('0.4%', 'under 0.1%', '0%', '250%')
    >>> put(12.5, "amount"), put(12.5, "amount", "EUR"), put(1234.5, "amount", "EUR"), put(7, "amount", "CHF")
    ('12.50', '€12.50', '€1,234', 'CHF 7')
    >>> put(-3, "amount", "USD")
    '-$3'
    >>> put(0, "after"), put(1, "after"), put(-0.2, "points"), put(0.01, "points"), put(0, "points")
    ('on the day of', '1 day after', '20 points lower', '1 point higher', 'the same')
    """
    if form in ("days", "weeks"):
        return _plural(number, form[:-1])
    if form == "after":
        return "on the day of" if number == 0 else f"{_plural(number, 'day')} after"
    if form == "seconds":
        return _duration(number)
    if form == "share":
        return "under 0.1%" if 0 < number < 0.0005 else f"{_rounded(100 * number, 1 if 0 < abs(number) < 0.01 else 0)}%"
    if form == "points":
        amount = _plural(abs(100 * number), "point")
        return "the same" if amount == "0 points" else f"{amount} {'higher' if number > 0 else 'lower'}"
    if form == "dearer":
        amount = put(abs(number - 1), "share")
        return "as dear as before" if amount == "0%" else f"{amount} {'dearer' if number > 1 else 'cheaper'}"
    if form == "times":
        return _plural(number, "time")
    if form == "amount":
        return _amount(number, currency)
    if form.startswith("count "):
        singular, _, plural = form.removeprefix("count ").partition("|")
        return _plural(number, singular, plural, none="no")
    return _rounded(number, 1 if number == 0 or abs(number) >= 0.1 else 3)


@lru_cache
def plural(word: str) -> str:
    """The plural of an English noun.

    >>> plural("purchase"), plural("reply"), plural("survey"), plural("webinar attended"), plural("request to cancel")
    ('purchases', 'replies', 'surveys', 'webinars attended', 'requests to cancel')
    """
    if done := re.fullmatch(r"(.+) (\w+ed|sent|made|kept)", word):
        return f"{plural(done[1])} {done[2]}"
    if re.search(r" (with|on|of|for|to) ", word):
        head, preposition, rest = re.split(r" (with|on|of|for|to) ", word, maxsplit=1)
        return f"{plural(head)} {preposition} {rest}"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _rounded(number: float, digits: int) -> str:
    text = f"{number:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _plural(number: float, singular: str, several: str = "", none: str = "0") -> str:
    amount = _rounded(number, 0 if abs(number) >= 10 else 1 if number == 0 or abs(number) >= 0.05 else 3)
    word = singular if amount in ("1", "-1") else several or plural(singular)
    return f"{none if amount == '0' else amount} {word}"


def _amount(number: float, currency: str) -> str:
    text = f"{abs(number):,.0f}" if abs(number) >= WHOLE else f"{abs(number):,.2f}"
    if not currency:
        return f"-{text}" if number < 0 else text
    text = text.removesuffix(".00")
    return f"{'-' if number < 0 else ''}{SYMBOLS.get(currency, f'{currency} ')}{text}"


def _duration(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if abs(seconds) >= size:
            return _plural(seconds / size, name)
    return _plural(seconds, "second")


KIND_WORDS = {
    "activity": "visit",
    "payment_failed": "failed payment",
    "help_viewed": "help page viewed",
    "contact": "contact with service",
    "contact_abandoned": "abandoned contact",
    "case_opened": "support case",
    "case_responded": "reply on a support case",
    "case_resolved": "support case resolved",
    "case_reopened": "support case reopened",
    "case_escalated": "escalated support case",
    "promise_made": "promise made",
    "promise_kept": "promise kept",
    "survey_sent": "survey sent",
    "survey_answered": "answered survey",
    "message_private": "private message",
    "mention": "public mention",
    "data_request": "request for personal data",
    "outreach_sent": "message sent",
    "outreach_opened": "opened message",
    "outreach_clicked": "message clicked",
    "unsubscribed": "unsubscription",
    "plan_changed": "change of plan",
    "price_changed": "change of price",
    "basket_abandoned": "abandoned basket",
    "cancel_requested": "request to cancel",
    "treatment": "retention offer",
    "consent_changed": "change of consent",
    "attribute_changed": "change of details",
    "onboarding_step": "set-up step",
}
"""What sentences call a kind of event, where its own name does not read well."""


def plain(name: str) -> str:
    """A name from the data without the characters that mean something in a template.

    >>> plain("chat [web]")
    'chat web'
    """
    return re.sub(r"[\[\]{}]", "", name)


def noun(kind: str) -> str:
    """A kind of event in words.

    >>> noun("case_opened"), noun("purchase"), noun("loan_requested")
    ('support case', 'purchase', 'loan requested')
    """
    return KIND_WORDS.get(kind, plain(kind).replace("_", " "))


def counted(kinds: tuple[str, ...]) -> str:
    """What counts events of these kinds in a template.

    >>> counted(("activity", "purchase"))
    '{value:count visit or purchase|visits or purchases}'
    """
    return f"{{value:count {nouns(kinds)}|{nouns(kinds, several=True)}}}"


def nouns(kinds: tuple[str, ...], several: bool = False) -> str:
    """Several kinds of event in words; `several` for the plural of each.

    >>> nouns(("activity", "purchase", "review")), nouns(("activity", "purchase"), several=True)
    ('visit, purchase or review', 'visits or purchases')
    """
    words = [plural(noun(kind)) if several else noun(kind) for kind in kinds]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
