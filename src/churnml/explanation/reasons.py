"""Reason codes: the strongest pushes on one customer's margin, said in sentences.

A theme speaks once. Themes are ranked by their whole contribution, and the strongest feature of a theme says what
was seen, with the customer's own number and the usual one. A theme that on balance pushes the other way says
nothing. Good news is no reason to leave and bad news none to stay, whatever the model makes of them (see
`FeatureCard.worse`). A value that is nearly what is usual is not said, nor is the category that most have, nor having
none where most have none, nor one that is missing without a sentence for that, nor what is personal, nor how long ago
something was that tells neither way (see `sides`): the theme's next feature speaks instead. So it does where the
sentence would repeat another theme's: a customer silent for 27 days has not used the preferred channel for 27 days
either (see `moments`). That something bad is long ago keeps nobody, nor does a silence. What keeps a customer never
tells of the moment that a reason has told of, so neither contradicts the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.explanation.attribution import CHUNK_ROWS, Attribution, Explainer
from churnml.explanation.evidence import borne_out, likely_reasons
from churnml.explanation.speakers import choose, manners
from churnml.explanation.themes import by_theme, themes_of
from churnml.features.registry import FeatureCard
from churnml.features.sentences import sayer

THEMES_NAMED = 3
NOTHING = "Nothing in the history points to leaving more than is usual"
"""What is said of a customer whom no theme pushes that way: everyone who is scored is explained. Pushes are from what
is usual among all customers: where most of them leave, such a customer's own chance may be high all the same."""


def reasons(
    attribution: Attribution,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float | str],
    n: int = 5,
    currency: str = "",
    usual_pushes: Mapping[str, float] | None = None,
    medians: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """What pushes each customer towards leaving silently, strongest first, and what speaks most for staying.

    Parameters
    ----------
    attribution:
        The contributions for the rows of `X`.
    X:
        The features as the model saw them, in the attribution's order of columns.
    features:
        The cards of all of the features.
    usual:
        What is usual, by feature: the training median among all customers, nan where most have no value, and of a
        category the one that most have. A missing one is left out of the sentence.
    n:
        How many sentences at most.
    currency:
        In what amounts are.
    usual_pushes:
        What each theme usually adds: see `evidence.likely_reasons`.
    medians:
        The training median of each number among those who have one, beside which it is judged what a customer has met,
        and what is good news where most have none; `usual` without.

    Returns
    -------
    One row per row of `X`, same index; columns reason_1 .. reason_n, theme_1 .. theme_3, likely_reason (the theme
    that probably drives the customer out, borne out by what they have met) and keep_1 (the first of `keeps`), null
    where there is none. The first reason is never null.
    """
    speech = _Speech(attribution, X, features, usual, currency, usual if medians is None else medians)
    said = speech.say(n, towards=True)
    named = {f"theme_{rank + 1}": said.themes[:, rank] for rank in range(THEMES_NAMED)}
    said.sentences[pd.isna(said.sentences[:, 0]), 0] = NOTHING
    columns = {f"reason_{rank + 1}": said.sentences[:, rank] for rank in range(n)} | named
    columns["likely_reason"] = speech.likely(usual_pushes or {}).to_numpy()
    columns["keep_1"] = speech.say(1, towards=False, told=np.abs(said.moments)).sentences[:, 0]
    return pd.DataFrame(columns, index=X.index, dtype=object)


def keeps(
    attribution: Attribution,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float | str],
    n: int = 3,
    currency: str = "",
    medians: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The opposite of `reasons`: what speaks for the customer staying. Columns keep_1 .. keep_n."""
    speech = _Speech(attribution, X, features, usual, currency, usual if medians is None else medians)
    told = np.abs(speech.say(REASONS_HEEDED, towards=True).moments)
    said = speech.say(n, towards=False, told=told)
    return pd.DataFrame({f"keep_{rank + 1}": said.sentences[:, rank] for rank in range(n)}, index=X.index, dtype=object)


REASONS_HEEDED = 5
"""What keeps a customer heeds so many reasons: as many as there may be."""


def explain(
    explainer: Explainer,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float | str],
    n: int = 5,
    *,
    currency: str = "",
    usual_pushes: Mapping[str, float] | None = None,
    medians: Mapping[str, float] | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> pd.DataFrame:
    """`reasons` for any number of customers, with memory for the contributions of one chunk only."""
    parts = []
    for number, part in enumerate(explainer.attributions(X, chunk_rows=chunk_rows)):
        rows = X.iloc[number * chunk_rows : (number + 1) * chunk_rows]
        parts.append(reasons(part, rows, features, usual, n, currency, usual_pushes, medians))
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
        usual: Mapping[str, float | str],
        currency: str,
        medians: Mapping[str, float | str],
    ) -> None:
        known = {feature.name: feature for feature in features}
        self.X = X
        self.cards = [known[name] for name in attribution.features]
        common = [usual.get(name) for name in attribution.features]
        self.usual = [_AS_MOST if isinstance(each, str) else each for each in common]
        self.columns = np.empty((len(self.cards), len(X)))
        for column, card, each in zip(self.columns, self.cards, common, strict=True):
            column[:] = _numbers(card, X[card.name], each)
        self.currency = currency
        self.totals = by_theme(attribution, features)
        self.pushes = np.ascontiguousarray(attribution.values.T)
        self.medians = {name: each for name, each in medians.items() if not isinstance(each, str)}
        themes = list(self.totals.columns)
        self.manners = manners(self.cards, themes_of(attribution, features), themes, self.usual, self.medians)

    def say(self, n: int, *, towards: bool, told: NDArray[np.float64] | None = None) -> _Said:
        """The sentences of one side. `told` (rows, m) are days ago that are not to be spoken of again."""
        sign = 1.0 if towards else -1.0
        strength = np.ascontiguousarray(sign * self.totals.to_numpy())
        shape = len(strength), max(n, THEMES_NAMED)
        theme, speaker, moments = np.full(shape, -1), np.full(shape, -1), np.full(shape, np.nan)
        heeded = np.empty((len(strength), 0)) if told is None else told
        order = np.argsort(-strength, axis=1, kind="stable")
        choose(self.manners, self.columns, self.pushes, sign, strength, order, heeded, theme, speaker, moments)
        names = np.array([*self.totals.columns, None], dtype=object)
        return _Said(self._sentences(speaker[:, :n]), names[theme], moments[:, :n])

    def likely(self, usual_pushes: Mapping[str, float]) -> pd.Series:
        """What probably drives each customer out: see `evidence.likely_reasons`."""
        return likely_reasons(self.totals, usual_pushes, borne_out(self.pushes, self.columns, self.cards, self.medians))

    def _sentences(self, speaker: NDArray[np.int64]) -> NDArray[np.object_]:
        """The sentences of the features at these places (rows, n), None at -1: one feature after the other."""
        sentences = np.full(speaker.size, None, dtype=object)
        flat = speaker.ravel()
        order = np.argsort(flat, kind="stable")
        first = np.searchsorted(flat[order], np.arange(len(self.cards) + 1))
        for place in np.flatnonzero(np.diff(first)):
            spots = order[first[place] : first[place + 1]]
            rows = spots // speaker.shape[1]
            card = self.cards[place]
            if card.type == "category":
                sentences[spots] = _of_categories(card, self.X[card.name].iloc[rows])
            else:
                sentences[spots] = _of_numbers(card, self.columns[place][rows], self.usual[place], self.currency)
        return sentences.reshape(speaker.shape)


_AS_MOST, _OTHER = 0.0, 1.0
"""What stands for a category: the one that most customers have, and any other."""


def _numbers(card: FeatureCard, values: pd.Series, usual: float | str | None) -> NDArray[np.float64]:
    """Doubles without a negative nought; of categories `_AS_MOST` or `_OTHER`, or nan where there is none."""
    if card.type == "category":
        known = np.where(values.astype(object).to_numpy() == usual, _AS_MOST, _OTHER)
        return np.where(values.isna().to_numpy(), np.nan, known)
    return values.to_numpy(dtype=np.float64) + 0.0


def _of_categories(card: FeatureCard, values: pd.Series) -> list[str]:
    template = card.sentence if "{value}" in card.sentence else f"{card.doc.rstrip('.')}: {{value}}."
    return [template.replace("{value}", str(value)) for value in values]


def _of_numbers(card: FeatureCard, values: NDArray[np.float64], usual: float | None, currency: str) -> list[str]:
    said = lru_cache(maxsize=None)(sayer(card, usual, currency))  # many customers have the same number
    return [said(value) for value in values.tolist()]
