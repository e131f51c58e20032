"""What customers write, as numbers: sentiment and topics of English text, and signals that need no language.

No text and no word of a customer leaves this module, but for the terms of the vocabulary: words that at least
`CUSTOMERS` different customers of the training rows have used.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from churnml.features.fitted import REMARK, Floats, Material, State
from churnml.features.lexicon import ENGLISH, NEGATORS, SENTIMENT, TOPICS

NAME = "text"
CUSTOMERS = 20
"""A word is part of the vocabulary only if so many different customers of the training rows have used it."""
SIGNALS = ("characters", "exclamations", "questions", "capitals", "repeated")
GROUPS = ("complaint", "review")
ENGLISH_SHARE = 0.25
"""A text is English if this share of its words are function words, or words of feeling."""
FEW_RATED = 100
"""With fewer rated texts than this, nothing is learnt from ratings."""
LONGEST = 30
"""What has more letters is not counted as a word."""
_SHRINK, _SQUASH = 20.0, 5.0
_TURNED = 0.7
"""A negated word of feeling counts so much, the other way round."""
_REACH = 3
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_SHOUTED = 3


@dataclass(frozen=True)
class Corpus:
    """The different texts, counted.

    `terms` are all words in order; `counts` and `negated` (texts, terms) how often each is there, and how often within
    three words after a negation; `signals` (texts, 5) are those of `SIGNALS`; `english` (texts,) tells what is English.
    """

    terms: NDArray[np.str_]
    counts: csr_matrix
    negated: csr_matrix
    signals: Floats
    english: NDArray[np.bool_]

    def columns(self, terms: list[str]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The column of each of these terms (any column where there is none), and which there are."""
        if not len(self.terms):
            return np.zeros(len(terms), np.intp), np.zeros(len(terms), bool)
        place = np.minimum(np.searchsorted(self.terms, terms), len(self.terms) - 1)
        return place, self.terms[place] == np.array(terms, dtype=self.terms.dtype)

    def weigh(self, weights: Mapping[str, Any], counts: csr_matrix) -> Floats:
        """The sum (texts,) of the weights of each text's terms."""
        names = list(weights)
        place, there = self.columns(names)
        vector = np.zeros(len(self.terms))
        vector[place[there]] = np.array([weights[name] for name in names], dtype=np.float64)[there]
        return np.asarray(counts @ vector, dtype=np.float64)


def read(texts: list[str]) -> Corpus:
    """Count the words of each text. What is said of a text depends on that text alone."""
    number: dict[str, int] = {}
    plain, turned = _Flat(), _Flat()
    signals = np.zeros((len(texts), len(SIGNALS)))
    english = np.zeros(len(texts), dtype=bool)
    for index, text in enumerate(texts):
        words = _WORD.findall(text.replace("’", "'"))
        small = [word.lower() for word in words]
        known = sum(word in ENGLISH or word in SENTIMENT for word in small)
        english[index] = bool(small) and known >= ENGLISH_SHARE * len(small)
        shouted = sum(len(word) >= _SHOUTED and word.isupper() for word in words)
        signals[index] = (
            len(text),
            text.count("!"),
            text.count("?"),
            shouted / max(1, len(words)),
            1 - len(set(small)) / max(1, len(small)),
        )
        reach = 0
        for word in small:
            if len(word) <= LONGEST:
                code = number.setdefault(word, len(number))
                plain.codes.append(code)
                if reach:
                    turned.codes.append(code)
            reach = _REACH if word in NEGATORS or word.endswith("n't") else max(0, reach - 1)
        plain.ends.append(len(plain.codes))
        turned.ends.append(len(turned.codes))
    terms = np.array(sorted(number)) if number else np.zeros(0, dtype="U1")
    order = np.empty(len(number), dtype=np.int64)
    order[[number[term] for term in terms.tolist()]] = np.arange(len(number))
    return Corpus(terms, plain.counts(order), turned.counts(order), signals, english)


@dataclass
class _Flat:
    """The words of all texts in a row, and where each text's words end."""

    codes: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))

    def counts(self, order: NDArray[np.int64]) -> csr_matrix:
        columns = order[np.frombuffer(self.codes, dtype=np.int32)] if len(self.codes) else np.zeros(0, np.int64)
        table = csr_matrix(
            (np.ones(len(columns)), columns, np.array(self.ends)), shape=(len(self.ends) - 1, len(order))
        )
        table.sum_duplicates()
        return table


def fit(material: Material) -> State:
    """The weights of words: of feeling from the lexicon and from ratings, of topics from the company words keep.

    A word of the vocabulary joins a topic if at least half of the texts that have it also have one of the topic's first
    words, and at least twice as many as of all texts. Where texts come with ratings, a word's mean rating against the
    mean of all, shrunk towards nothing where texts are few, is added to its feeling. What a customer wrote counts once,
    in however many rows it is seen.
    """
    records, corpus = material.records[NAME], material.readings[NAME]
    wrote = records.assign(customer=material.customer[records["row"].to_numpy()])
    wrote = wrote.drop_duplicates(["customer", "text"])
    said = wrote["text"].to_numpy()
    share = float(corpus.english[said].mean()) if len(said) else 0.0
    if share < 0.5:
        why = f"{1 - share:.0%} of {len(said)} texts are not English" if len(said) else "nobody has written anything"
        remark = f"{why}: no words are read, only signals that need no language"
        return {"sentiment": {}, "topics": {}, "vocabulary": 0, REMARK: remark}
    wrote = wrote[corpus.english[said]]
    there = _presence(corpus.counts[wrote["text"].to_numpy()])
    vocabulary = _vocabulary(wrote["customer"].to_numpy(), there)
    state: dict[str, Any] = {
        "sentiment": _feeling(wrote["rating"].to_numpy(dtype=np.float64), corpus, there, vocabulary),
        "topics": _topics(corpus, there, vocabulary),
        "vocabulary": len(vocabulary),
    }
    if share < 0.99:
        state[REMARK] = f"{1 - share:.0%} of {len(said)} texts are not English: of those no words are read"
    return state


def _presence(counts: csr_matrix) -> csr_matrix:
    return csr_matrix((np.ones(len(counts.data)), counts.indices, counts.indptr), shape=counts.shape)


def _vocabulary(customer: NDArray[np.intp], there: csr_matrix) -> NDArray[np.intp]:
    """The columns of the words that enough different customers have used."""
    customers, number = np.unique(customer, return_inverse=True)
    wrote = (np.ones(len(number)), (number, np.arange(len(number))))
    used = csr_matrix(wrote, shape=(len(customers), len(number))) @ there
    return np.flatnonzero(_presence(used).sum(axis=0).A1 >= CUSTOMERS)


def _feeling(rating: Floats, corpus: Corpus, there: csr_matrix, vocabulary: NDArray[np.intp]) -> dict[str, float]:
    weights = dict(SENTIMENT)
    rated = np.flatnonzero(~np.isnan(rating))
    if len(rated) < FEW_RATED or rating[rated].std() == 0:
        return weights
    better = (rating[rated] - rating[rated].mean()) / rating[rated].std()
    plain = there[rated][:, vocabulary]
    excess = np.asarray(plain.T @ better) / (plain.sum(axis=0).A1 + _SHRINK)
    for column, value in zip(vocabulary.tolist(), excess.tolist(), strict=True):
        term = str(corpus.terms[column])
        weights[term] = round(weights.get(term, 0.0) + 2 * value, 6)
    return weights


def _topics(corpus: Corpus, there: csr_matrix, vocabulary: NDArray[np.intp]) -> dict[str, dict[str, float]]:
    first = {word for words in TOPICS.values() for word in words}
    met = there.sum(axis=0).A1
    result = {}
    for topic, words in TOPICS.items():
        place, known = corpus.columns(list(words))
        about = there[:, place[known]].sum(axis=1).A1 > 0
        together = np.asarray(there.T @ about.astype(np.float64))
        weights = dict.fromkeys(words, 1.0)
        for column in vocabulary.tolist():
            term, share = str(corpus.terms[column]), together[column] / met[column]
            if share >= max(0.5, 2 * about.mean()) and term not in first and term not in ENGLISH:
                weights[term] = round(float(share) / 2, 6)
        result[topic] = weights
    return result


def apply(material: Material, state: State) -> Mapping[str, Floats]:
    """Means over the texts of each row; nan where there is none to judge.

    `texts` counts them; `characters`, `exclamations`, `questions`, `capitals` and `repeated` need no language;
    `complaint_sentiment` and `review_sentiment`, and `..._last` of the latest text, run from -1 to 1; each topic is the
    share of what was said that is about it, from 0 to 1.
    """
    records, corpus = material.records[NAME], material.readings[NAME]
    row, text = records["row"].to_numpy(), records["text"].to_numpy()
    n = len(material)

    def mean(values: Floats, where: NDArray[np.bool_]) -> Floats:
        count = np.bincount(row[where], minlength=n)
        total = np.bincount(row[where], weights=values[text[where]], minlength=n)
        return np.asarray(np.divide(total, count, out=np.full(n, np.nan), where=count > 0))

    every = np.ones(len(row), dtype=bool)
    result = {"texts": np.bincount(row, minlength=n).astype(np.float64)}
    result |= {name: mean(corpus.signals[:, index], every) for index, name in enumerate(SIGNALS)}
    words = bool(state["topics"])
    english = corpus.english[text] & words
    feeling = corpus.weigh(state["sentiment"], corpus.counts)
    feeling -= (1 + _TURNED) * corpus.weigh(state["sentiment"], corpus.negated)
    feeling = feeling / np.sqrt(feeling**2 + _SQUASH)
    for group, name in enumerate(GROUPS):
        of_group = english & (records["is_review"].to_numpy() == group)
        age = records["age_days"].to_numpy()
        newest = np.full(n, np.inf)
        np.minimum.at(newest, row[of_group], age[of_group])
        result[f"{name}_sentiment"] = mean(feeling, of_group)
        result[f"{name}_sentiment_last"] = mean(feeling, of_group & (age == newest[row]))
    about = {topic: corpus.weigh(state["topics"].get(topic, {}), corpus.counts) for topic in TOPICS}
    total = np.sum(list(about.values()), axis=0)
    for topic, weight in about.items():
        result[topic] = mean(np.divide(weight, total, out=np.zeros(len(total)), where=total > 0), english)
    return result
