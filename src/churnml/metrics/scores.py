"""How good probabilities are: losses, rankings, lift and calibration, each with optional row weights.

Every function takes arrays and gives a number. A figure that cannot be computed (no rows, or only one class) is
`nan`, never an error. Tied scores count as if their order were random, so the order of the rows does not matter.
Sums run without BLAS, whose result depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike, NDArray

from churnml.errors import ModelError

Floats = NDArray[np.float64]
SMALLEST = 1e-15
BATCH = 100_000
"""Weights that a bootstrap gives at once: they should stay in the processor's cache."""


def _weights(weight: ArrayLike | None, n: int) -> Floats:
    return np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)


def _mean(values: Floats, weight: ArrayLike | None) -> float:
    weights = _weights(weight, len(values))
    total = float(weights.sum())
    return float((weights * values).sum()) / total if total > 0 else float("nan")


def _probabilities(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if np.isnan(values).any():
        raise ModelError("probabilities hold missing values", "check the model's predict_proba")
    return values


def log_losses(y: ArrayLike, p: ArrayLike) -> Floats:
    """The log loss of each row, in nats.

    `p` of shape (n,) is the chance that the true/false `y` is true; `p` of shape (n, k) has one column per class and
    `y` then holds the column's number. Chances are kept away from 0 by 1e-15.

    >>> log_losses([True, False], [0.5, 0.5]).round(3).tolist()
    [0.693, 0.693]
    """
    chances = _probabilities(p)
    if chances.ndim == 1:
        chances = np.column_stack([1 - chances, chances])
    given = chances[np.arange(len(chances)), np.asarray(y).astype(np.intp)]
    return np.asarray(-np.log(np.clip(given, SMALLEST, 1.0)))


def briers(y: ArrayLike, p: ArrayLike) -> Floats:
    """The Brier score of each row: squared error, summed over the classes when `p` has shape (n, k) (Brier 1950).

    >>> briers([True, False], [0.5, 0.5]).tolist()
    [0.25, 0.25]
    """
    chances = _probabilities(p)
    truth = np.asarray(y)
    if chances.ndim == 1:
        return np.asarray((chances - truth.astype(np.float64)) ** 2)
    onehot = np.zeros_like(chances)
    onehot[np.arange(len(chances)), truth.astype(np.intp)] = 1.0
    return np.asarray(((chances - onehot) ** 2).sum(axis=1))


def log_loss(y: ArrayLike, p: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Weighted mean of `log_losses`; 0 is perfect."""
    return _mean(log_losses(y, p), weight)


def brier(y: ArrayLike, p: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Weighted mean of `briers`; 0 is perfect."""
    return _mean(briers(y, p), weight)


def steps(cumulated: Floats) -> Floats:
    """What each place adds to a cumulated sum, or to each row of many.

    >>> steps(np.array([1.0, 3.0, 3.0])).tolist()
    [1.0, 2.0, 0.0]
    """
    result = cumulated.copy()
    result[..., 1:] -= cumulated[..., :-1]
    return result


class Ranking:
    """Rows sorted once by score, so that each further set of weights costs one pass: what a bootstrap needs.

    Parameters
    ----------
    y : array (n,) of true/false
    score : array (n,), higher means more likely true
    """

    def __init__(self, y: ArrayLike, score: ArrayLike) -> None:
        scores = _probabilities(score)
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._hit = np.asarray(y).astype(np.float64)[self._order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], len(ordered) > 0))

    def curve(self, weight: ArrayLike | None = None) -> RankingCurve:
        """Weight of all rows and of the true ones at or above each distinct score, highest first."""
        curves = self.curves(_weights(weight, len(self._order))[np.newaxis])
        return RankingCurve(curves.reached[0], curves.found[0])

    def curves(self, weights: Floats) -> RankingCurves:
        """The same for each row of weights (b, n)."""
        ordered = weights.take(self._order, axis=1)
        reached, found = (np.cumsum(each, axis=1).take(self._ends, axis=1) for each in (ordered, ordered * self._hit))
        return RankingCurves(reached, found)


@dataclass(frozen=True)
class RankingCurve:
    """Cumulated weight of all rows (`reached`) and of the true ones (`found`), going down the ranking."""

    reached: Floats
    found: Floats

    @property
    def _alone(self) -> RankingCurves:
        return RankingCurves(self.reached[np.newaxis], self.found[np.newaxis])

    def auroc(self) -> float:
        """Area under the receiver operating characteristic; nan with only one class."""
        return float(self._alone.auroc()[0])

    def average_precision(self) -> float:
        """Mean precision over the true rows, as scikit-learn defines it; nan with only one class."""
        return float(self._alone.average_precision()[0])

    def precision_at(self, share: float) -> float:
        """Share of true rows among the top `share` of the weight; expected value over the order of ties."""
        return float(self._alone.precision_at(share)[0])

    def lift_at(self, share: float) -> float:
        """Precision in the top `share` over the share of true rows everywhere; nan when none is true."""
        return float(self._alone.lift_at(share)[0])


@dataclass(frozen=True)
class RankingCurves:
    """`RankingCurve` for many sets of weights at once: arrays (b, d), and every figure as an array (b,)."""

    reached: Floats
    found: Floats

    @property
    def _totals(self) -> tuple[Floats, Floats]:
        if not self.reached.shape[1]:
            return np.zeros(len(self.reached)), np.zeros(len(self.reached))
        return self.reached[:, -1], self.found[:, -1]

    def auroc(self) -> Floats:
        """Area under the receiver operating characteristic; nan with only one class."""
        everything, hits = self._totals
        missed = steps(self.reached - self.found)
        middle = self.found - steps(self.found) / 2
        both = (hits > 0) & (everything - hits > 0)
        return quotient((missed * middle).sum(axis=1), hits * (everything - hits), both)

    def average_precision(self) -> Floats:
        """Mean precision over the true rows, as scikit-learn defines it; nan with only one class."""
        everything, hits = self._totals
        precision = np.divide(self.found, self.reached, out=np.zeros_like(self.found), where=self.reached > 0)
        both = (hits > 0) & (everything - hits > 0)
        return quotient((steps(self.found) * precision).sum(axis=1), hits, both)

    def precision_at(self, share: float) -> Floats:
        """Share of true rows among the top `share` of the weight; expected value over the order of ties."""
        everything, _ = self._totals
        depths = share * everything
        start = np.zeros((len(depths), 1))
        reached, found = np.hstack([start, self.reached]), np.hstack([start, self.found])
        inside = [np.interp(depth, *curve) for depth, *curve in zip(depths, reached, found, strict=True)]
        return quotient(np.asarray(inside, dtype=np.float64), depths, everything > 0)

    def lift_at(self, share: float) -> Floats:
        """Precision in the top `share` over the share of true rows everywhere; nan when none is true."""
        everything, hits = self._totals
        return quotient(self.precision_at(share), quotient(hits, everything, everything > 0), hits > 0)


def quotient(above: Floats, below: Floats, where: NDArray[np.bool_]) -> Floats:
    """One array divided by another; nan where a condition does not hold."""
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=where), dtype=np.float64)


def auroc(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Chance that a true row scores above a false one, ties counting half; nan with only one class.

    >>> auroc([False, True, False, True], [0.1, 0.4, 0.35, 0.8])
    1.0
    """
    return Ranking(y, score).curve(weight).auroc()


def average_precision(y: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean precision over the true rows; the base rate is what guessing gives; nan with only one class.

    >>> average_precision([False, True, False, True], [0.9, 0.8, 0.1, 0.7]).__round__(3)
    0.583
    """
    return Ranking(y, score).curve(weight).average_precision()


def precision_at(y: ArrayLike, score: ArrayLike, share: float, weight: ArrayLike | None = None) -> float:
    """Share of true rows among the top `share` (0 to 1] of the ranking."""
    return Ranking(y, score).curve(weight).precision_at(share)


def lift_at(y: ArrayLike, score: ArrayLike, share: float, weight: ArrayLike | None = None) -> float:
    """How many times more true rows the top `share` holds than a random pick of that size.

    >>> lift_at([True, False, False, False], [0.9, 0.2, 0.1, 0.3], 0.25)
    4.0
    """
    return Ranking(y, score).curve(weight).lift_at(share)


@dataclass(frozen=True)
class CalibrationBins:
    """Rows in bins of about equal size by predicted chance; equal chances share a bin. Made by `calibration_bins`."""

    code: NDArray[np.intp]
    hit: Floats
    p: Floats
    n: int

    def curve(self, weight: ArrayLike | None = None) -> tuple[Floats, Floats, Floats]:
        """Mean predicted chance, observed share and weight of each bin; nan for a bin without weight."""
        predicted, observed, size = self.curves(_weights(weight, len(self.p))[np.newaxis])
        return predicted[0], observed[0], size[0]

    def curves(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """The same for each row of weights (b, n): arrays (b, bins)."""
        code = (self.code + self.n * np.arange(len(weights))[:, np.newaxis]).ravel()
        size, predicted, observed = (
            np.bincount(code, each.ravel(), self.n * len(weights)).astype(np.float64).reshape(len(weights), self.n)
            for each in (weights, weights * self.p, weights * self.hit)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return predicted / size, observed / size, size

    def error(self, weight: ArrayLike | None = None) -> float:
        """Expected calibration error: mean over rows of |predicted - observed| of their bin."""
        return float(self.errors(_weights(weight, len(self.p))[np.newaxis])[0])

    def errors(self, weights: Floats) -> Floats:
        """The same for each row of weights (b, n): an array (b,)."""
        predicted, observed, size = self.curves(weights)
        total = size.sum(axis=1)
        return quotient(np.nansum(np.abs(predicted - observed) * size, axis=1), total, total > 0)


def calibration_bins(y: ArrayLike, p: ArrayLike, n: int = 10) -> CalibrationBins:
    """Cut rows into at most `n` bins at the quantiles of `p` (n,)."""
    chances = _probabilities(p)
    if not len(chances):
        return CalibrationBins(np.zeros(0, np.intp), np.zeros(0), chances, 0)
    edges = np.unique(np.quantile(chances, np.arange(1, n) / n))
    raw = np.searchsorted(edges, chances, side="left")
    used, code = np.unique(raw, return_inverse=True)
    return CalibrationBins(code.astype(np.intp), np.asarray(y).astype(np.float64), chances, len(used))


def calibration_error(y: ArrayLike, p: ArrayLike, weight: ArrayLike | None = None, bins: int = 10) -> float:
    """Expected calibration error over `bins` of equal size (Naeini et al. 2015); 0 is perfect.

    >>> calibration_error([True, False, True, False], [0.5, 0.5, 0.5, 0.5])
    0.0
    """
    return calibration_bins(y, p, bins).error(weight)


def calibration_curve(
    y: ArrayLike, p: ArrayLike, weight: ArrayLike | None = None, bins: int = 10
) -> tuple[Floats, Floats, Floats]:
    """Mean predicted chance, observed share and weight of each bin, lowest chances first."""
    return calibration_bins(y, p, bins).curve(weight)


class ClusterBootstrap:
    """Row weights that redraw whole clusters with replacement (a customer's rows stand or fall together).

    Iterating gives `n` weight vectors, the same ones each time, so figures of different models computed from one
    bootstrap are paired. Each replicate draws as many clusters as there are; the order of the rows does not matter.

    >>> [w.tolist() for w in ClusterBootstrap(["a", "b", "a"], n=2, seed=5)]
    [[0.0, 2.0, 0.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, groups: ArrayLike, n: int = 200, seed: int = 0) -> None:
        names, codes = np.unique(np.asarray(groups), return_inverse=True)
        self.clusters = len(names)
        self.n = n
        self.seed = seed
        self._codes = codes

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Floats]:
        rng = np.random.default_rng(self.seed)
        for _ in range(self.n):
            drawn = rng.integers(self.clusters, size=self.clusters)
            yield np.bincount(drawn, minlength=self.clusters).astype(np.float64)[self._codes]

    def batches(self) -> Iterator[Floats]:
        """The same weights in arrays (b, n): many replicates of few rows at once, few of many."""
        drawn = iter(self)
        while batch := list(islice(drawn, max(1, BATCH // max(1, len(self._codes))))):
            yield np.array(batch)


def interval(replicates: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap replicates; nan replicates are left out.

    >>> interval([1.0, 2.0, 3.0, float("nan")], level=0.5)
    (1.5, 2.5)
    """
    values = np.asarray(replicates, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
