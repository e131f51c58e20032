"""Numbers, money and dates as a reader expects them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date

import pandas as pd

from churnml.features.sentences import SYMBOLS, nouns

MISSING = "–"
"""What stands where there is no number."""

METRICS = {
    "log_loss": "Log loss",
    "brier": "Brier score",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "calibration_error": "Calibration error",
}
"""How metrics are called on the page."""

BASELINES = {
    "recency only": "The days since a customer’s last activity, and nothing else.",
    "RFM logistic": "Recency, frequency and money: how lately, how often and for how much customers came.",
    "BTYD": "“Buy till you die”: from how often and how lately customers came, the chance that they come again.",
    "complaint count": "How often a customer has complained.",
    "has voiced": "Whether a customer has told the company of dissatisfaction at all.",
}
"""What the simple rules are that a model is held against."""

SMALLER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error"})


def count(number: float) -> str:
    """A number of customers; an expected one is rounded.

    >>> count(12345.4), count(0.3), count(0), count(float("nan"))
    ('12,345', 'fewer than 1', '0', '–')
    """
    if math.isnan(number):
        return MISSING
    return "fewer than 1" if 0 < number < 0.5 else f"{number:,.0f}"


def percent(share: float) -> str:
    """A share, with a decimal where that is all there is.

    >>> percent(0.347), percent(0.004), percent(0), percent(1), percent(0.998)
    ('35%', '0.4%', '0%', '100%', '99.8%')
    >>> percent(0.0003), percent(0.99999)
    ('under 0.1%', 'over 99.9%')
    """
    if math.isnan(share):
        return MISSING
    if 0 < share < 0.0005:
        return "under 0.1%"
    if 0.9995 <= share < 1:
        return "over 99.9%"
    close_to_an_end = 0 < share < 0.0095 or 0.9905 < share < 1
    return f"{share:.1%}" if close_to_an_end else f"{share:.0%}"


def in_ten(share: float) -> str:
    """A share of a whole in the way people say it.

    >>> in_ten(0.3), in_ten(0.25), in_ten(0.1)
    ('three in ten', '25%', 'one in ten')
    """
    tenths = round(10 * share)
    if not 0 < tenths < 10 or abs(share - tenths / 10) > 1e-9:
        return percent(share)
    return f"{('one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')[tenths - 1]} in ten"


def kept(customers: float) -> str:
    """An expected number of customers kept, with a decimal where it is small; below 0 where a contact loses some.

    >>> kept(14.2), kept(0.34), kept(0.98), kept(-1.26), kept(-0.01), kept(float("nan"))
    ('14', '0.3', '1', '−1.3', '0', '–')
    """
    if math.isnan(customers):
        return MISSING
    size = abs(customers)
    said = f"{size:,.1f}".removesuffix(".0") if size < 9.95 else f"{size:,.0f}"
    return f"−{said}" if customers < 0 and said != "0" else said


def channel(name: object) -> str:
    """A channel as a reader calls it.

    >>> channel("live_chat")
    'live chat'
    """
    return str(name).replace("_", " ")


def most(share: float) -> str:
    """For how many of them: a share that is all, or hardly less.

    >>> most(1), most(0.97), most(0.6)
    ('all', 'nearly all', '60%')
    """
    return "all" if share == 1 else "nearly all" if share >= 0.95 else percent(share)


def money(amount: float, currency: str) -> str:
    """An amount of money, to three figures when it is large; a bare number where no currency is known.

    >>> money(1234567, "EUR"), money(149672, "EUR"), money(4321.4, "GBP"), money(7.5, "CHF"), money(float("nan"), "EUR")
    ('€1.23 million', '€150,000', '£4,321', 'CHF 7.50', '–')
    >>> money(149672, ""), money(7.5, ""), money(-20400, "EUR")
    ('150,000', '7.50', '−€20,400')
    """
    if math.isnan(amount):
        return MISSING
    if amount < 0:
        return f"−{money(-amount, currency)}"
    symbol = SYMBOLS.get(currency, f"{currency} " if currency else "")
    if abs(amount) >= 999_500:
        size, name = (1e9, "billion") if abs(amount) >= 999_500_000 else (1e6, "million")
        return f"{symbol}{amount / size:.2f} {name}"
    if abs(amount) >= 1e4:
        digits = 2 - math.floor(math.log10(abs(amount)))
        return f"{symbol}{round(amount, digits):,.0f}"
    return f"{symbol}{amount:,.0f}" if abs(amount) >= 100 or amount == 0 else f"{symbol}{amount:,.2f}"


def times(factor: float) -> str:
    """How many times as many; fractions in the way people say them.

    >>> times(1.44), times(12.3), times(0.5), times(0.0625), times(0.8), times(1), times(float("nan"))
    ('1.4×', '12×', '½×', '1/16×', '0.8×', '1×', '–')
    """
    if math.isnan(factor):
        return MISSING
    if factor < 0.75 and abs(1 / factor - round(1 / factor)) < 1e-9:
        part = round(1 / factor)
        return f"{ {2: '½', 4: '¼', 8: '⅛'}.get(part, f'1/{part}') }×"
    return f"{factor:.0f}×" if factor >= 9.95 or factor == round(factor) else f"{factor:.2g}×"


def day(when: date | pd.Timestamp) -> str:
    """A date in words.

    >>> day(date(2026, 3, 1))
    '1 March 2026'
    """
    stamp = pd.Timestamp(when)
    return f"{stamp.day} {stamp.strftime('%B %Y')}"


def short_day(when: date | pd.Timestamp) -> str:
    """A date on an axis.

    >>> short_day(date(2026, 3, 1))
    '1 Mar 26'
    """
    stamp = pd.Timestamp(when)
    return f"{stamp.day} {stamp.strftime('%b %y')}"


def window(lead_days: int, horizon_days: int) -> str:
    """The outcome window in words.

    >>> window(0, 90), window(14, 1)
    ('in the next 90 days', 'in the 1 day that begins 14 days from then')
    """
    span = days(horizon_days)
    return f"in the next {span}" if not lead_days else f"in the {span} that begins {days(lead_days)} from then"


def after(lead_days: int, horizon_days: int) -> str:
    """The outcome window seen from a snapshot.

    >>> after(0, 90), after(14, 30)
    ('in the 90 days after each snapshot', 'in 30 days, from 14 days after each snapshot')
    """
    if not lead_days:
        return f"in the {days(horizon_days)} after each snapshot"
    return f"in {days(horizon_days)}, from {days(lead_days)} after each snapshot"


def days(number: int) -> str:
    """A number of days.

    >>> days(1), days(90)
    ('1 day', '90 days')
    """
    return f"{number:,} day" if number == 1 else f"{number:,} days"


def several(number: float, one: str, many: str | None = None) -> str:
    """A count and its noun, singular or plural.

    >>> several(1, "customer"), several(2500, "customer"), several(0, "reply", "replies")
    ('1 customer', '2,500 customers', '0 replies')
    """
    return f"{count(number)} {one if round(number) == 1 else many or one + 's'}"


def between(low: float, high: float, say: Callable[[float], str]) -> str:
    """An interval, each end said by `say`; once, where the two are said alike.

    >>> between(0.1, 0.25, percent), between(float("nan"), 1.0, percent), between(0.9996, 0.9999, percent)
    ('10% to 25%', '–', 'over 99.9%')
    """
    if math.isnan(low) or math.isnan(high):
        return MISSING
    ends = say(low), say(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def plainly(why: str) -> str:
    """Why something is not known, with kinds of event as a reader calls them.

    >>> plainly("needs one of the kinds contact, case_opened, and the data has none of them")
    'the data has no contacts with service or support cases'
    >>> plainly("needs kind survey_sent, which the data does not have"), plainly("there were too few")
    ('the data has no surveys sent', 'there were too few')
    >>> plainly("needs column wait_s, which is empty everywhere")
    'the column wait_s is empty'
    """
    found = re.fullmatch(r"needs one of the kinds (.+), and the data has none of them", why) or re.fullmatch(
        r"needs kinds? (.+), which the data does not have", why
    )
    if found:
        return f"the data has no {nouns(tuple(re.split(', | and ', found[1])), several=True)}"
    lacking = re.fullmatch(r"needs (column .+), which (?:is empty everywhere|the data does not have)", why)
    return f"the {lacking[1]} is empty" if lacking else why


def listed(items: Sequence[str]) -> str:
    """Items in a row of text.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def score(value: float) -> str:
    """A metric.

    >>> score(0.81234), score(float("nan"))
    ('0.812', '–')
    """
    return MISSING if math.isnan(value) else f"{value:.3f}"


def metric(name: str) -> str:
    """A metric's name on the page.

    >>> metric("auroc"), metric("lift_at_10%")
    ('AUROC', 'Lift at 10%')
    """
    return METRICS.get(name) or (name[:1].upper() + name[1:]).replace("_", " ")


def title(name: str) -> str:
    """A project's name as a heading.

    >>> title("corner_shop")
    'Corner shop'
    """
    return (name[:1].upper() + name[1:]).replace("_", " ")


def capital(text: str) -> str:
    """A text with a capital first letter.

    >>> capital("in the 90 days")
    'In the 90 days'
    """
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """A text as a sentence of its own.

    >>> sentence("too few")
    'Too few.'
    """
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
