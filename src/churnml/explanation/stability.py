"""Do the drivers stay the same when the model is trained again?

A training fits the model many times over: once for each stretch of history that its calibration is proved on, and
once for the test. Each of these retrainings explains the same customers, who are drawn again with replacement, whole
groups at a time (bootstrap). How far a driver's share moves over all of that, the model itself included, is told beside
it: a share that is anywhere between nothing and a half is no finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.explanation.attribution import Attribution
from churnml.explanation.themes import by_theme
from churnml.features.registry import FeatureCard

FIRST = 3
"""A driver that is stable is among so many first ones nearly every time."""
DRAWS = 200
MOVES = ["low", "high", "first", "retrainings"]


def theme_stability(
    retrained: Sequence[Attribution],
    features: Sequence[FeatureCard],
    groups: ArrayLike,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """How each theme's share of all pushes moves over retrainings and over customers drawn again.

    Parameters
    ----------
    retrained : what the model says of rows (n,), and then what each retrained one says of the same
    groups : (n,) rows of one group are drawn together
    draws : how often customers are drawn, over all retrainings

    Returns
    -------
    One row per theme: theme, low, high (2.5% and 97.5% of the draws), first (the share of draws in which it is among
    the first three), retrainings (how many). Empty without a retraining or without a customer.
    """
    return _moved(retrained, lambda one: by_theme(one, features), groups, draws, seed, "theme")


def feature_stability(
    retrained: Sequence[Attribution], groups: ArrayLike, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """The same for every feature: feature, low, high, first, retrainings."""
    return _moved(retrained, Attribution.frame, groups, draws, seed, "feature")


def _moved(
    retrained: Sequence[Attribution],
    pushes: Callable[[Attribution], pd.DataFrame],
    groups: ArrayLike,
    draws: int,
    seed: int,
    what: str,
) -> pd.DataFrame:
    if len(retrained) < 2 or not len(retrained[0]):
        return pd.DataFrame(columns=[what, *MOVES])
    rng = np.random.default_rng(seed)
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    each = -(-draws // len(retrained))
    names = list(pushes(retrained[0]).columns)
    shares = np.concatenate([_shares(pushes(one)[names].to_numpy(), codes, each, rng) for one in retrained])
    places = (-shares).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    first = (places < FIRST).mean(axis=0)
    return pd.DataFrame({what: names, "low": low, "high": high, "first": first, "retrainings": len(retrained) - 1})


def _shares(
    pushes: NDArray[np.float64], codes: NDArray[np.intp], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The drivers' shares (draws, drivers) of all strength, each time of other groups of rows."""
    groups = int(codes.max()) + 1
    strength = np.zeros((groups, pushes.shape[1]))
    np.add.at(strength, codes, np.abs(pushes))
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws) @ strength
    total = drawn.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(drawn, total, out=np.zeros_like(drawn), where=total > 0))
