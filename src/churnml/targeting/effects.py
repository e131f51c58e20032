"""By how much a contact changes each customer's chance of leaving, learnt from customers drawn by lot.

On the scale of log-odds the effect of a contact is a level, the same for all, plus a weight for each theme: contacts
may help those whom broken promises drive out, and remind those who have gone quiet that they could leave. There are a
dozen themes, where there are hundreds of features: experiments are small beside what they are asked. The weights are
drawn towards 0, as if a theme's push of one standard deviation changed the effect by a tenth or so (`PRIOR`).
Predictions for rows that did not teach them are then held against what was seen, and the straight line through it
corrects them.

Sources: Chernozhukov, Demirer, Duflo & Fernández-Val (2018), NBER working paper 24678; Ascarza (2018), Journal of
Marketing Research 55(1), 80-98 (who is at risk, and whom a contact keeps, are two questions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from churnml.metrics.uplift import Line, line, shares_treated

Floats = NDArray[np.float64]
PRIOR = 0.1
"""The standard deviation that a theme's weight is expected to have, in log-odds per standard deviation of the theme."""
UNPENALISED = 100.0
"""Columns are multiplied by so much that the penalty cannot be felt in their weights."""
SMALLEST = 1e-6


@dataclass(frozen=True)
class ThemeEffects:
    """An effect on the log-odds of leaving that depends on what the themes push.

    Attributes
    ----------
    themes : names; centre, spread : of the pushes of each among those who were drawn, in log-odds
    level : the effect where every theme pushes as on average
    weights : what is added to it where a theme pushes one standard deviation more
    middle, mean, slope : a predicted difference d becomes mean + slope * (d - middle), see `calibrated`
    """

    themes: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    level: float
    weights: tuple[float, ...]
    middle: float = 0.0
    mean: float = 0.0
    slope: float = 1.0

    @classmethod
    def learn(cls, pushes: pd.DataFrame, margin: ArrayLike, left: ArrayLike, lot: ArrayLike) -> ThemeEffects:
        """Learn from rows (n,): `pushes` (n, themes) and `margin` of a model that they did not teach, and who `left`.

        `lot` is 1 for the treated and 0 for others, less the share treated of the row's stratum.
        """
        values = pushes.to_numpy(dtype=np.float64)
        centre, spread = values.mean(axis=0), values.std(axis=0)
        made = cls(
            tuple(map(str, pushes.columns)),
            tuple(centre.tolist()),
            tuple(np.where(spread > 0, spread, 1.0).tolist()),
            0.0,
            tuple(0.0 for _ in centre),
        )
        drawn = np.asarray(lot, dtype=np.float64)[:, None]
        free = np.column_stack([np.asarray(margin, dtype=np.float64), drawn]) * UNPENALISED
        design = np.column_stack([free, made._standard(pushes) * drawn * PRIOR])
        found = _logistic().fit(design, np.asarray(left, dtype=bool)).coef_[0]
        return replace(made, level=float(found[1] * UNPENALISED), weights=tuple((found[2:] * PRIOR).tolist()))

    def differences(self, pushes: pd.DataFrame, p_leave: ArrayLike) -> Floats:
        """The predicted differences (n,) in the chance of leaving; below 0 where a contact keeps customers."""
        chance = np.clip(np.asarray(p_leave, dtype=np.float64), SMALLEST, 1 - SMALLEST)
        effect = self.level + np.einsum("ij,j->i", self._standard(pushes), np.array(self.weights))
        return np.asarray(expit(logit(chance) + effect) - chance)

    def calibrated(self, line: Line, middle: float) -> ThemeEffects:
        """The same, its differences put on a line that was seen; `middle` is the mean of those it was seen with."""
        return replace(self, middle=middle, mean=line.mean, slope=line.slope)

    def saveability(self, pushes: pd.DataFrame, p_leave: ArrayLike) -> Floats:
        """By how much (n,) a contact lowers the chance of leaving, at most to 0; negative where it raises it."""
        chance = np.asarray(p_leave, dtype=np.float64)
        difference = self.mean + self.slope * (self.differences(pushes, chance) - self.middle)
        return np.asarray(np.clip(-difference, chance - 1, chance))

    def state(self) -> dict[str, Any]:
        """Plain values for JSON; `restore` takes them back."""
        return {name: list(each) if isinstance(each, tuple) else each for name, each in asdict(self).items()}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ThemeEffects:
        """What `state` gave."""
        known: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in state.items()}
        return cls(**known)

    def _standard(self, pushes: pd.DataFrame) -> Floats:
        known = pushes.reindex(columns=list(self.themes)).to_numpy(dtype=np.float64)
        return np.asarray(np.nan_to_num((known - np.array(self.centre)) / np.array(self.spread)))


@dataclass(frozen=True)
class CrossFitted:
    """Effects learnt from all rows, and how they do on rows that did not teach them.

    Attributes
    ----------
    differences : (n,) what the others predict for each row
    order : (n,) its rank among the rows of its fold, between 0 and 1: predictions of one model, so that they compare
    line : through the effects that were seen, by `differences`
    """

    effects: ThemeEffects
    differences: Floats
    order: Floats
    line: Line


def cross_fit(
    pushes: pd.DataFrame,
    margin: ArrayLike,
    left: ArrayLike,
    treated: ArrayLike,
    stratum: ArrayLike,
    group: ArrayLike,
    fold: ArrayLike,
) -> CrossFitted:
    """Learn the effects, and judge them on rows that did not teach them: `fold` (n,) has a number for each row.

    The rows of a `group` (n,) belong in one fold; `stratum` (n,) is the lot from which a row was drawn.
    """
    score, gone, folds = np.asarray(margin, dtype=np.float64), np.asarray(left, dtype=bool), np.asarray(fold)
    lot = np.asarray(treated, dtype=np.float64) - shares_treated(treated, stratum)
    risk = chances(score, gone)
    differences = np.zeros(len(gone))
    for number in np.unique(folds):
        taught, here = folds != number, folds == number
        part = ThemeEffects.learn(pushes[taught], score[taught], gone[taught], lot[taught])
        differences[here] = part.differences(pushes[here], risk[here])
    seen = line(gone, treated, stratum, group, differences, risk, folds)
    order: Floats = np.asarray(pd.Series(differences).groupby(folds).rank(method="first", pct=True), dtype=np.float64)
    effects = ThemeEffects.learn(pushes, score, gone, lot)
    middle = float(effects.differences(pushes, risk).mean())
    return CrossFitted(effects.calibrated(seen, middle), differences, order, seen)


def chances(margin: ArrayLike, left: ArrayLike) -> Floats:
    """The chance (n,) of leaving that margins (n,) stand for, by those who left (logistic calibration)."""
    column = np.asarray(margin, dtype=np.float64)[:, None] * UNPENALISED
    found: Floats = _logistic().fit(column, np.asarray(left, dtype=bool)).predict_proba(column)
    return found[:, 1]


def folds(group: Sequence[Any] | NDArray[Any], n: int, seed: int) -> NDArray[np.intp]:
    """The fold (n rows,) of each group, by lot.

    >>> folds(["a", "b", "a"], 2, 0).tolist()
    [0, 1, 0]
    """
    _, codes = np.unique(np.asarray(group), return_inverse=True)
    dealt: NDArray[np.intp] = np.random.default_rng(seed).permutation(np.arange(codes.max(initial=-1) + 1) % n)
    return dealt[codes]


def _logistic() -> LogisticRegression:
    """Newton's method: few columns, many rows, and columns of very different size."""
    return LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=100, tol=1e-8)
