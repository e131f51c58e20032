"""How the model's answer moves with a value, and which themes move it for which kind of customer.

Contributions are in log-odds; their exponential says how many times higher the odds of leaving are than those of the
mean customer. A shape tells what the model saw, and not what would happen if a value were changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.explanation.attribution import Attribution
from churnml.explanation.themes import by_theme, feature_drivers
from churnml.features.registry import FeatureCard

STEPS = 8
"""The values of a number are cut into at most so many steps of about as many customers."""
FEWEST = 20
"""A step, and a kind of customer, of fewer customers tells nothing."""
SHAPES = [
    *("feature", "doc", "theme", "unit", "step", "text", "from", "to", "middle"),
    *("customers", "push", "low", "high"),
]
PARTS = ["by", "part", "customers", "theme", "push"]


def shapes(attribution: Attribution, X: pd.DataFrame, features: Sequence[FeatureCard], most: int = 6) -> pd.DataFrame:
    """How the push of a feature moves with its value: the strongest feature of each of the strongest themes.

    What is personal is not shown: the theme's next feature is.

    Returns
    -------
    One row per feature and step, the strongest feature first: feature, doc, theme, unit, step, text (of a category, or
    "no value" where there is none), from, to and middle (the least, greatest and median value of a number), customers,
    push (mean contribution, log-odds), low and high (between which the middle four fifths of the customers lie).
    """
    drivers = feature_drivers(attribution, X, features)
    shown = ~drivers["feature"].isin([card.name for card in features if card.personal])
    chosen = drivers[shown & (drivers["strength"] > 0)].drop_duplicates("theme").head(most)
    place = {name: number for number, name in enumerate(attribution.features)}
    rows = []
    for name, doc, theme, unit in chosen[["feature", "doc", "theme", "unit"]].itertuples(index=False):
        pushes = attribution.values[:, place[name]]
        for step, (text, values, chosen_rows) in enumerate(_steps(X[name])):
            here = pushes[chosen_rows]
            if len(here) < FEWEST:
                continue
            ends = (values.min(), values.max(), np.median(values)) if len(values) else (np.nan,) * 3
            low, high = np.quantile(here, [0.1, 0.9])
            rows.append((name, doc, theme, unit, step, text, *ends, len(here), here.mean(), low, high))
    return pd.DataFrame(rows, columns=SHAPES)


def _steps(column: pd.Series) -> list[tuple[str | None, NDArray[np.float64], NDArray[np.bool_]]]:
    """The steps of a column: what it is called (None for numbers), its values, and its rows; the missing come last."""
    missing = column.isna().to_numpy()
    found: list[tuple[str | None, NDArray[np.float64], NDArray[np.bool_]]]
    if isinstance(column.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(column):
        words = column.astype(object).to_numpy()
        common = pd.Series(words[~missing]).value_counts().sort_index(kind="stable")
        common = common.sort_values(ascending=False, kind="stable").head(STEPS)
        found = [(str(word), np.zeros(0), words == word) for word in common.index]
    else:
        numbers = column.to_numpy(dtype=np.float64)
        known = np.unique(numbers[~missing])
        edges = known if len(known) <= STEPS else np.unique(_quantiles(numbers[~missing]))
        step = np.searchsorted(edges, numbers, side="right")
        each = [(step == number) & ~missing for number in np.unique(step[~missing])]
        found = [(None, numbers[rows], rows) for rows in each]
    return [*found, *([("no value", np.zeros(0), missing)] if missing.any() else [])]


def _quantiles(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    cut: NDArray[np.float64] = np.quantile(numbers, np.arange(1, STEPS) / STEPS, method="lower")
    return cut


def theme_parts(
    attribution: Attribution, features: Sequence[FeatureCard], parts: Mapping[str, ArrayLike]
) -> pd.DataFrame:
    """The mean push of each theme by kind of customer.

    Parameters
    ----------
    parts : by what customers are told apart ("kind of customer", "plan"): the part (n,) that each row belongs to, null
        where it belongs to none

    Returns
    -------
    by, part, customers, theme, push (mean contribution, log-odds); parts of fewer than 20 customers are left out.
    """
    totals = by_theme(attribution, features)
    rows = []
    for by, named in parts.items():
        column = pd.Series(np.asarray(named, dtype=object))
        for part, number in column.value_counts().sort_index(kind="stable").items():
            if number < FEWEST:
                continue
            means = totals[(column == part).to_numpy()].mean()
            rows += [(by, str(part), int(number), str(theme), float(push)) for theme, push in means.items()]
    return pd.DataFrame(rows, columns=PARTS)
