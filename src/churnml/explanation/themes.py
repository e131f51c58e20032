"""Contributions added up by theme, for one customer and for all of them.

Correlated features share their contribution almost at will; the theme they belong to does not. Every feature has
exactly one theme, so the contributions by theme still add up to the margin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.explanation.attribution import Attribution
from churnml.features.registry import THEMES, FeatureCard

CLEAR_DIRECTION = 0.3
"""Rank correlation of value and contribution from which a feature is said to have a direction."""


def by_theme(attribution: Attribution, features: Sequence[FeatureCard]) -> pd.DataFrame:
    """One row per customer, one column per theme that has a feature; each row adds up to margin minus base."""
    theme_of = themes_of(attribution, features)
    present = [theme for theme in THEMES if theme in set(theme_of)]
    return pd.DataFrame(
        {theme: attribution.values[:, np.array(theme_of) == theme].sum(axis=1) for theme in present},
        columns=pd.Index(present),
    )


def themes_of(attribution: Attribution, features: Sequence[FeatureCard]) -> list[str]:
    """The theme of each of the attribution's features, in its order."""
    known = {feature.name: feature.theme for feature in features}
    return [known[name] for name in attribution.features]


def usual_pushes(totals: pd.DataFrame) -> dict[str, float]:
    """What each theme usually adds, the median over the customers of `totals` (see `by_theme`), in log-odds."""
    return {str(theme): float(push) for theme, push in totals.median().fillna(0.0).items()}


def theme_drivers(attribution: Attribution, features: Sequence[FeatureCard]) -> pd.DataFrame:
    """Which themes move the margin most, over all the customers explained.

    Columns: theme, strength (mean absolute contribution, log-odds), share (of all strength), towards and away (mean
    contribution towards and away from leaving, both >= 0), customers_towards (share of customers pushed towards
    leaving), features (number). Strongest first.
    """
    totals = by_theme(attribution, features)
    counts = pd.Series(themes_of(attribution, features)).value_counts()
    strength = totals.abs().mean().fillna(0.0)
    frame = pd.DataFrame(
        {
            "theme": totals.columns,
            "strength": strength.to_numpy(),
            "share": _shares(strength.to_numpy()),
            "towards": totals.clip(lower=0).mean().fillna(0.0).to_numpy(),
            "away": -totals.clip(upper=0).mean().fillna(0.0).to_numpy(),
            "customers_towards": (totals > 0).mean().fillna(0.0).to_numpy(),
            "features": [int(counts[theme]) for theme in totals.columns],
        }
    )
    return _strongest_first(frame)


def feature_drivers(attribution: Attribution, X: pd.DataFrame, features: Sequence[FeatureCard]) -> pd.DataFrame:
    """Which features move the margin most, and which way.

    Columns: feature, doc, theme, unit, strength (mean absolute contribution, log-odds), share, correlation (Spearman,
    of value with contribution; null for categories and constants), direction ("higher, more likely to leave",
    "higher, less likely to leave" or "no single direction"). Strongest first.
    """
    known = {feature.name: feature for feature in features}
    strength = np.abs(attribution.values).mean(axis=0) if len(attribution) else np.zeros(len(attribution.features))
    correlation = [
        _rank_correlation(X[name], attribution.values[:, position])
        for position, name in enumerate(attribution.features)
    ]
    frame = pd.DataFrame(
        {
            "feature": list(attribution.features),
            "doc": [known[name].doc for name in attribution.features],
            "theme": [known[name].theme for name in attribution.features],
            "unit": [known[name].unit for name in attribution.features],
            "strength": strength,
            "share": _shares(strength),
            "correlation": correlation,
            "direction": [_direction(value) for value in correlation],
        }
    )
    return _strongest_first(frame)


def _rank_correlation(values: pd.Series, contributions: NDArray[np.float64]) -> float:
    if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        return float("nan")
    known = values.notna().to_numpy()
    pair = pd.DataFrame({"value": values.to_numpy()[known], "contribution": contributions[known]}).rank()
    if len(pair) < 3 or pair.nunique().min() < 2:
        return float("nan")
    return float(np.corrcoef(pair["value"], pair["contribution"])[0, 1])


def _direction(correlation: float) -> str:
    if correlation >= CLEAR_DIRECTION:
        return "higher, more likely to leave"
    if correlation <= -CLEAR_DIRECTION:
        return "higher, less likely to leave"
    return "no single direction"


def _shares(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    total = strength.sum()
    return strength / total if total > 0 else np.zeros_like(strength)


def _strongest_first(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["strength", frame.columns[0]], ascending=[False, True], ignore_index=True)
