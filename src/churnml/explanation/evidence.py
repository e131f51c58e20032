"""What bears a reason out: a theme drives nobody out who has met nothing of it.

A model may push a customer for a short wait as well as for a long one: who never asks for anything may leave as easily
as who was left waiting. As a forecast that is right, as a reason it is not. So each feature says on which side of the
usual value a customer has met what its theme is called by (`FeatureCard.worse`), and only what lies there counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.explanation.sides import SIGNS
from churnml.explanation.speakers import SAME_AS_USUAL
from churnml.features.registry import THEMES, FeatureCard, Worse

Floats = NDArray[np.float64]


def worse_than_usual(values: Floats, usual: float, worse: Worse | None) -> NDArray[np.bool_]:
    """Which values lie on the worse side of the usual one, by more than `SAME_AS_USUAL`; a missing one lies on neither.

    >>> worse_than_usual(np.array([30.0, 10.0, 9.9, 2.0, np.nan]), 10.0, "lower").tolist()
    [False, False, False, True, False]
    """
    if worse is None:
        return np.zeros(len(values), dtype=bool)
    beyond = values - usual if worse == "higher" else usual - values
    return beyond > SAME_AS_USUAL * np.maximum(np.abs(values), abs(usual))


def borne_out(
    pushes: Floats, values: Floats, cards: Sequence[FeatureCard], medians: Mapping[str, float]
) -> pd.DataFrame:
    """Which themes each customer's own values bear out, `SIGNS` aside.

    Parameters
    ----------
    pushes, values : what each feature adds to the margin, in log-odds, and its values; both (features, customers)
    cards : those of the features, in their order
    medians : what is usual, by feature; one that is not there bears nothing out

    Returns
    -------
    One row per customer, one column per theme that has a feature: whether one of its features that push towards leaving
    has a value worse than usual.
    """
    there = {card.theme for card in cards}
    met = {theme: np.zeros(values.shape[1], dtype=bool) for theme in THEMES if theme in there and theme not in SIGNS}
    for card, push, value in zip(cards, pushes, values, strict=True):
        if card.worse is not None and card.theme in met:
            met[card.theme] |= (push > 0) & worse_than_usual(value, medians.get(card.name, np.nan), card.worse)
    return pd.DataFrame(met, index=pd.RangeIndex(values.shape[1]))


def likely_reasons(totals: pd.DataFrame, usual: Mapping[str, float], met: pd.DataFrame) -> pd.Series:
    """What probably drives each customer out: of the themes that are borne out, the one furthest above its usual push.

    What the model saw is no proof of a cause. Beside planted reasons of leaving it is right well more often than chance
    allows, which the strongest theme of all is not: see `benchmarks/reasons.py`.

    Parameters
    ----------
    totals : what `themes.by_theme` gives
    usual : what `themes.usual_pushes` gives of the customers learnt from; a theme that is not there adds nothing
    met : what `borne_out` gives

    Returns
    -------
    The theme by row, null where none that is borne out pushes more than usual.

    >>> pushes = pd.DataFrame({"going quiet": [2.0, 1.0], "waiting": [0.5, 0.2], "rough start": [0.4, 0.1]})
    >>> met = pd.DataFrame({"waiting": [True, True], "rough start": [True, False]})
    >>> likely_reasons(pushes, {"waiting": 0.3}, met).tolist(), likely_reasons(pushes, {}, met).tolist()
    (['rough start', None], ['waiting', 'waiting'])
    """
    if not met.size:
        return pd.Series([None] * len(totals), index=totals.index, dtype=object)
    themes = np.array(met.columns, dtype=object)
    above = totals[list(themes)].to_numpy() - [usual.get(theme, 0.0) for theme in themes]
    above = np.where(met.to_numpy(), above, -np.inf)
    return pd.Series(
        np.where(above.max(axis=1) > 0, themes[above.argmax(axis=1)], None), index=totals.index, dtype=object
    )
