"""Reason codes: the strongest pushes on one customer's margin, said in sentences.

A theme speaks once. Themes are ranked by their whole contribution, and the strongest feature of a theme says what
was seen, with the customer's own number and the usual one. A theme that on balance pushes the other way says
nothing, so no two sentences contradict each other. A value that equals what is usual, or is missing without a
sentence for that, is not said: the theme's next feature speaks instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.explanation.attribution import CHUNK_ROWS, Attribution, Explainer
from churnml.explanation.themes import by_theme, themes_of
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
        What is usual, by feature: the training median among all customers. A missing one is left out of the sentence.
    n:
        How many sentences at most.

    Returns
    -------
    One row per row of `X`, same index; columns reason_1 .. reason_n and theme_1 .. theme_3, null where there is none.
    The first reason is never null.
    """
    sentences, themes = _said(attribution, X, features, usual, n, towards=True)
    named = {f"theme_{rank + 1}": themes[:, rank] for rank in range(THEMES_NAMED)}
    sentences[pd.isna(sentences[:, 0]), 0] = NOTHING
    columns = {f"reason_{rank + 1}": sentences[:, rank] for rank in range(n)} | named
    return pd.DataFrame(columns, index=X.index, dtype=object)


def keeps(
    attribution: Attribution,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float],
    n: int = 3,
) -> pd.DataFrame:
    """The opposite of `reasons`: what speaks for the customer staying. Columns keep_1 .. keep_n."""
    sentences, _ = _said(attribution, X, features, usual, n, towards=False)
    columns = {f"keep_{rank + 1}": sentences[:, rank] for rank in range(n)}
    return pd.DataFrame(columns, index=X.index, dtype=object)


def explain(
    explainer: Explainer,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float],
    n: int = 5,
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> pd.DataFrame:
    """`reasons` for any number of customers, with memory for the contributions of one chunk only."""
    parts = []
    for number, part in enumerate(explainer.attributions(X, chunk_rows=chunk_rows)):
        rows = X.iloc[number * chunk_rows : (number + 1) * chunk_rows]
        parts.append(reasons(part, rows, features, usual, n))
    return pd.concat(parts)


def _said(
    attribution: Attribution,
    X: pd.DataFrame,
    features: Sequence[FeatureCard],
    usual: Mapping[str, float],
    n: int,
    *,
    towards: bool,
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The sentences (rows, n) and the themes (rows, max(n, 3)) of one side, strongest first."""
    cards = {feature.name: feature for feature in features}
    sign = 1.0 if towards else -1.0
    pushes = sign * attribution.values
    columns = [_column(cards[name], X[name]) for name in attribution.features]
    for place, name in enumerate(attribution.features):
        pushes[~_worth_saying(cards[name], columns[place], usual.get(name)), place] = 0.0
    totals = sign * by_theme(attribution, features)
    theme_of = np.array(themes_of(attribution, features), dtype=object)
    rows = np.arange(len(X))
    speaker = np.zeros(totals.shape, dtype=np.int64)
    strength = np.zeros(totals.shape)
    for column, theme in enumerate(totals.columns):
        members = np.flatnonzero(theme_of == theme)
        speaker[:, column] = members[np.argmax(pushes[:, members], axis=1)]
        speaks = pushes[rows, speaker[:, column]] > 0
        strength[:, column] = np.where(speaks, totals[theme].to_numpy(), 0.0)
    order = np.argsort(-strength, axis=1, kind="stable")
    sentences = np.full((len(X), n), None, dtype=object)
    themes = np.full((len(X), max(n, THEMES_NAMED)), None, dtype=object)
    names = totals.columns.to_numpy(dtype=object)
    for rank in range(min(themes.shape[1], totals.shape[1])):
        chosen = order[:, rank]
        spoken = strength[rows, chosen] > 0
        themes[spoken, rank] = names[chosen[spoken]]
        if rank < n:
            features_chosen = speaker[rows, chosen]
            for position in np.unique(features_chosen[spoken]):
                name = attribution.features[position]
                here = np.flatnonzero(spoken & (features_chosen == position))
                sentences[here, rank] = _sentences(cards[name], columns[position][here], usual.get(name))
    return sentences, themes


def _column(card: FeatureCard, values: pd.Series) -> NDArray[Any]:
    """Doubles without a negative nought, or the categories as they are."""
    return values.to_numpy(dtype=object) if card.type == "category" else values.to_numpy(dtype=np.float64) + 0.0


def _worth_saying(card: FeatureCard, values: NDArray[Any], usual: float | None) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = pd.isna(values)
    if card.type == "category":
        return ~missing
    if usual is None or np.isnan(usual):
        different = np.ones(len(values), dtype=bool)
    else:
        larger = np.maximum(np.abs(values), abs(usual))
        different = np.abs(values - usual) > SAME_AS_USUAL * larger
    return np.where(missing, card.sentence_empty is not None, different)


def _sentences(card: FeatureCard, values: NDArray[Any], usual: float | None) -> list[str]:
    if card.type == "category":
        template = card.sentence if "{value}" in card.sentence else f"{card.doc.rstrip('.')}: {{value}}."
        return [template.replace("{value}", str(value)) for value in values]
    said = lru_cache(maxsize=None)(sayer(card, usual))  # many customers have the same number
    return [said(value) for value in values.tolist()]
