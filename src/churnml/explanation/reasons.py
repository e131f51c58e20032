"""Reason codes: the strongest pushes on one customer's margin, said in sentences.

A theme speaks once. Themes are ranked by their whole contribution, and the strongest feature of a theme says what
was seen, with the customer's own number and the usual one. A theme that on balance pushes the other way says
nothing. A value that equals what is usual is not said (nor is having none, where most have none), and neither is one
that is missing without a sentence for that: the theme's next feature speaks instead. So it does where the sentence
would repeat another theme's: a customer silent for 27 days has not used the preferred channel for 27 days either (see
`moments`). What keeps a customer never tells of the moment that a reason has told of, so neither contradicts the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.explanation.attribution import CHUNK_ROWS, Attribution, Explainer
from churnml.explanation.moments import moments_of, same
from churnml.explanation.themes import by_theme, likely_reasons, themes_of
from churnml.features.registry import FeatureCard
from churnml.features.sentences import sayer

THEMES_NAMED = 3
NOTHING = "Nothing in the history points towards leaving"
"""What is said of a customer whom no theme pushes that way: everyone who is scored is explained."""
SAME_AS_USUAL = 0.01
"""A value within this share of the usual one is not worth a sentence."""


def reasons(
    attribution: Attribution,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float],
    n: int = 5,
    currency: str = "",
    usual_pushes: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """What pushes each customer towards leaving silently, strongest first.

    Parameters
    ----------
    attribution:
        The contributions for the rows of `X`.
    X:
        The features as the model saw them, in the attribution's order of columns.
    features:
        The cards of all of the features.
    usual:
        What is usual, by feature: the training median among all customers, nan where most have no value. A missing one
        is left out of the sentence.
    n:
        How many sentences at most.
    currency:
        In what amounts are.
    usual_pushes:
        What each theme usually adds: see `themes.likely_reasons`.

    Returns
    -------
    One row per row of `X`, same index; columns reason_1 .. reason_n, theme_1 .. theme_3 and likely_reason (the theme
    that probably drives the customer out), null where there is none. The first reason is never null.
    """
    speech = _Speech(attribution, X, features, usual, currency)
    said = speech.say(n, towards=True)
    named = {f"theme_{rank + 1}": said.themes[:, rank] for rank in range(THEMES_NAMED)}
    said.sentences[pd.isna(said.sentences[:, 0]), 0] = NOTHING
    columns = {f"reason_{rank + 1}": said.sentences[:, rank] for rank in range(n)} | named
    columns["likely_reason"] = likely_reasons(speech.totals, usual_pushes or {}).to_numpy()
    return pd.DataFrame(columns, index=X.index, dtype=object)


def keeps(
    attribution: Attribution,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float],
    n: int = 3,
    currency: str = "",
) -> pd.DataFrame:
    """The opposite of `reasons`: what speaks for the customer staying. Columns keep_1 .. keep_n."""
    speech = _Speech(attribution, X, features, usual, currency)
    told = np.abs(speech.say(REASONS_HEEDED, towards=True).moments)
    said = speech.say(n, towards=False, told=told)
    return pd.DataFrame({f"keep_{rank + 1}": said.sentences[:, rank] for rank in range(n)}, index=X.index, dtype=object)


REASONS_HEEDED = 5
"""What keeps a customer heeds so many reasons: as many as there may be."""


def explain(
    explainer: Explainer,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float],
    n: int = 5,
    *,
    currency: str = "",
    usual_pushes: Mapping[str, float] | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> pd.DataFrame:
    """`reasons` for any number of customers, with memory for the contributions of one chunk only."""
    parts = []
    for number, part in enumerate(explainer.attributions(X, chunk_rows=chunk_rows)):
        rows = X.iloc[number * chunk_rows : (number + 1) * chunk_rows]
        parts.append(reasons(part, rows, features, usual, n, currency, usual_pushes))
    return pd.concat(parts)


@dataclass(frozen=True)
class _Said:
    """Of each row, strongest first: `sentences` (rows, n), `themes` (rows, max(n, 3)) and `moments` (rows, n)."""

    sentences: NDArray[np.object_]
    themes: NDArray[np.object_]
    moments: NDArray[np.float64]


class _Speech:
    """What can be said of some customers: each column read once."""

    def __init__(
        self,
        attribution: Attribution,
        X: pd.DataFrame,
        features: Sequence[FeatureCard],
        usual: Mapping[str, float],
        currency: str,
    ) -> None:
        known = {feature.name: feature for feature in features}
        self.cards = [known[name] for name in attribution.features]
        self.usual = [usual.get(name) for name in attribution.features]
        self.columns = [_column(card, X[card.name]) for card in self.cards]
        self.currency = currency
        self.totals = by_theme(attribution, features)
        self.theme_of = np.array(themes_of(attribution, features), dtype=object)
        self.pushes = attribution.values.copy()
        for place, card in enumerate(self.cards):
            self.pushes[~_worth_saying(card, self.columns[place], self.usual[place]), place] = 0.0
        self.moments = moments_of(self.cards, self.columns, self.usual)

    def say(self, n: int, *, towards: bool, told: NDArray[np.float64] | None = None) -> _Said:
        """The sentences of one side. `told` (rows, m) are days ago that are not to be spoken of again."""
        sign = 1.0 if towards else -1.0
        strength = np.maximum(sign * self.totals.to_numpy(), 0.0)
        order = np.argsort(-strength, axis=1, kind="stable")
        rows, ranks = len(strength), max(n, THEMES_NAMED)
        themes = np.full((rows, ranks), None, dtype=object)
        speaker = np.full((rows, ranks), -1)
        moments = np.full((rows, ranks), np.nan)
        spoken = np.zeros(rows, dtype=np.int64)
        members = [np.flatnonzero(self.theme_of == theme) for theme in self.totals.columns]
        for chosen in order.T:
            for theme, name in enumerate(self.totals.columns):
                here = np.flatnonzero((chosen == theme) & (spoken < ranks) & (strength[:, theme] > 0))
                if not len(here):
                    continue
                place = np.ix_(here, members[theme])
                pushes, when = sign * self.pushes[place], self.moments[place]
                pushes[same(when, moments[here])] = 0.0
                if told is not None:
                    pushes[same(np.abs(when), told[here])] = 0.0
                best = np.argmax(pushes, axis=1)
                first = np.arange(len(here))
                speaks = pushes[first, best] > 0
                here, best, first = here[speaks], best[speaks], first[speaks]
                themes[here, spoken[here]] = name
                speaker[here, spoken[here]] = members[theme][best]
                moments[here, spoken[here]] = when[first, best]
                spoken[here] += 1
        return _Said(self._sentences(speaker[:, :n]), themes, moments[:, :n])

    def _sentences(self, speaker: NDArray[np.int64]) -> NDArray[np.object_]:
        sentences = np.full(speaker.shape, None, dtype=object)
        for place in np.unique(speaker[speaker >= 0]):
            rows, ranks = np.nonzero(speaker == place)
            said = _sentences(self.cards[place], self.columns[place][rows], self.usual[place], self.currency)
            sentences[rows, ranks] = said
        return sentences


def _column(card: FeatureCard, values: pd.Series) -> NDArray[Any]:
    """Doubles without a negative nought, or the categories as they are."""
    return values.to_numpy(dtype=object) if card.type == "category" else values.to_numpy(dtype=np.float64) + 0.0


def _worth_saying(card: FeatureCard, values: NDArray[Any], usual: float | None) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = pd.isna(values)
    if card.type == "category":
        return ~missing
    if usual is not None and np.isnan(usual):  # most have none
        return ~missing
    if usual is None:
        different = np.ones(len(values), dtype=bool)
    else:
        larger = np.maximum(np.abs(values), abs(usual))
        different = np.abs(values - usual) > SAME_AS_USUAL * larger
    return np.where(missing, card.sentence_empty is not None, different)


def _sentences(card: FeatureCard, values: NDArray[Any], usual: float | None, currency: str) -> list[str]:
    if card.type == "category":
        template = card.sentence if "{value}" in card.sentence else f"{card.doc.rstrip('.')}: {{value}}."
        return [template.replace("{value}", str(value)) for value in values]
    said = lru_cache(maxsize=None)(sayer(card, usual, currency))  # many customers have the same number
    return [said(value) for value in values.tolist()]
