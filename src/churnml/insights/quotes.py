"""A few words of customers, redacted: what figures alone cannot tell.

Only what many customers say alike is shown. A word stands only if at least `CUSTOMERS` different customers have written
it, in small letters, within the year, or if it is one of the function words of English. So names of people and places,
which few use or which have a capital, are masked, and so is everything with a digit, an @ or a link in it. A text of
which more than a quarter is masked is not shown. No customer is named, and neither is the day.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from churnml.features.expressions import by_customer, of, within
from churnml.features.lexicon import ENGLISH, TOPICS
from churnml.features.text import REVIEWS
from churnml.features.wording import CUSTOMERS
from churnml.timeline import days_between, visible

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

MASK = "[…]"
YEAR = 365
MOST = 5
"""So many quotes at most, each about another matter."""
LONGEST, SHORTEST = 30, 4
"""A quote has so many words at most, and at least."""
MASKED = 0.25
_CORE = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
SHOWN = ["topic", "words", "kind", "channel", "heard"]
_ALWAYS = frozenset(("i", "i'm", "i've", "i'd", "i'll"))
_ENDS = (".", "!", "?")


@dataclass(frozen=True)
class Quotes:
    """What customers wrote in a year.

    Attributes
    ----------
    texts, customers : how many texts, and of how many customers
    topics : topic, texts (that have a word of it), share (of all texts); the most common first
    quotes : topic, words (redacted), kind, channel (null where not known), heard (whether the company listens there)
    why : why there are no quotes; empty where there are some
    """

    texts: int
    customers: int
    topics: pd.DataFrame
    quotes: pd.DataFrame
    why: str

    def frame(self) -> pd.DataFrame:
        """The quotes."""
        return self.quotes


def quotes(canonical: Canonical, config: settings.Config, engine: Engine, as_of: date) -> Quotes:
    """Choose quotes from what customers wrote in the year before `as_of`, as known at its start."""
    seen = visible(canonical.events, as_of)
    if "text" not in seen.columns:
        return _none("no source declares a text")
    kinds = tuple(dict.fromkeys((*config.voice.kinds, "contact", "case_opened", *REVIEWS, "survey_answered")))
    seen = seen.mutate(age_days=days_between(seen.occurred_at, as_of))
    wrote = seen.filter(of(seen, kinds) & by_customer(seen) & within(seen, YEAR) & (seen.text.length() > 0))
    found = engine.frame(wrote.select("customer_id", "kind", "channel", "text"))
    return choose(found, config.channels.dark)


def choose(found: pd.DataFrame, dark: Iterable[str] = ()) -> Quotes:
    """Choose quotes from texts: customer_id, kind, channel, text. The order of rows changes nothing.

    Of each of the most common topics, the text that most customers could have written: the one whose rarest words are
    the most common.
    """
    if found.empty:
        return _none("nobody has written anything within the year")
    found = found.assign(text=[plain(text) for text in found["text"]])
    found = found.sort_values(["text", "kind", "channel", "customer_id"], ignore_index=True)
    different = found.drop_duplicates("text").set_index("text")
    words = {text: [word.replace("’", "'") for word in _CORE.findall(text)] for text in different.index}
    used = _used(found, words)
    common = ENGLISH | {word for word, customers in used.items() if customers >= CUSTOMERS}
    rarest = {text: _rarest(said, used) for text, said in words.items()}
    topics = _topics(found, words)
    rows: list[tuple[object, ...]] = []
    for topic in topics["topic"].head(MOST):
        about = sorted((text for text in words if _about(words[text], topic)), key=lambda text: (-rarest[text], text))
        taken = {row[-1] for row in rows}
        fit = (text for text in about if text not in taken and _fit(redacted(text, common)))
        chosen = next(fit, None)
        if chosen is not None:
            row = different.loc[chosen]
            channel = None if pd.isna(row["channel"]) else str(row["channel"])
            rows.append((topic, redacted(chosen, common), str(row["kind"]), channel, channel not in set(dark), chosen))
    shown = pd.DataFrame([row[:-1] for row in rows], columns=SHOWN)
    why = "" if rows else f"no text is made of words that at least {CUSTOMERS} customers use"
    return Quotes(len(found), int(found["customer_id"].nunique()), topics, shown, why)


def plain(text: str) -> str:
    """A text on one line, without characters that steer how others are shown.

    >>> plain("late\\u202e again\\n\\tand again")
    'late again and again'
    """
    shown = "".join(" " if letter.isspace() else letter for letter in unicodedata.normalize("NFKC", str(text)))
    shown = "".join(letter for letter in shown if unicodedata.category(letter)[0] != "C")
    return " ".join(shown.split())


def redacted(text: str, common: Set[str]) -> str:
    """The text with every word masked that is not common; a capital inside a sentence is that of a name.

    >>> common = {"the", "bill", "was", "wrong", "told", "on", "may"}
    >>> redacted("The bill was wrong. I told Ann Lee on 3 May, ann@example.org!", common)
    'The bill was wrong. I told […] on […]'
    """
    said: list[str] = []
    begins = True
    for word in text.split()[:LONGEST]:
        kept = _kept(word, common, begins)
        begins = word.endswith(_ENDS)
        if kept or not said or said[-1] != MASK:
            said.append(kept or MASK)
    return " ".join(said) + (" …" if len(text.split()) > LONGEST else "")


def _kept(word: str, common: Set[str], begins: bool) -> str:
    """The word with the marks of its sentence, or nothing where it must not be shown."""
    cores = _CORE.findall(word)
    if len(cores) != 1 or any(letter.isdigit() for letter in word) or re.search(r"[@/\\_=+|<>]|www\.", word):
        return ""
    small = cores[0].replace("’", "'").lower()
    if small in _ALWAYS:
        return _marked(word, cores[0])
    capital = cores[0] != cores[0].lower()
    return _marked(word, cores[0]) if small in common and (begins or not capital) else ""


def _marked(word: str, core: str) -> str:
    """The core and the mark that ends it, without any other."""
    tail = word[word.index(core) + len(core) :]
    return core + next((mark for mark in tail if mark in ".,;:!?"), "")


def _used(found: pd.DataFrame, words: Mapping[str, list[str]]) -> dict[str, int]:
    """How many customers have written each word in small letters."""
    pairs = {
        (word, customer)
        for customer, text in zip(found["customer_id"], found["text"], strict=True)
        for word in words[text]
        if word == word.lower()
    }
    return dict(Counter(word for word, _ in pairs))


def _rarest(said: list[str], used: Mapping[str, int]) -> int:
    """How many customers use the rarest word of a text: the higher, the more could have written it."""
    return min((used.get(word.lower(), 0) for word in said if word.lower() not in ENGLISH), default=0)


def _fit(words: str) -> bool:
    parts = words.split()
    return len(parts) >= SHORTEST and parts.count(MASK) <= MASKED * len(parts)


def _topics(found: pd.DataFrame, words: Mapping[str, list[str]]) -> pd.DataFrame:
    often = found["text"].value_counts()
    counted = [(topic, sum(int(often[text]) for text in words if _about(words[text], topic))) for topic in TOPICS]
    rows = [(topic, number, number / len(found)) for topic, number in counted if number]
    frame = pd.DataFrame(rows, columns=["topic", "texts", "share"])
    return frame.sort_values(["texts", "topic"], ascending=[False, True], ignore_index=True)


def _about(said: list[str], topic: str) -> bool:
    return any(word.lower() in TOPICS[topic] for word in said)


def _none(why: str) -> Quotes:
    return Quotes(0, 0, pd.DataFrame(columns=["topic", "texts", "share"]), pd.DataFrame(columns=SHOWN), why)
