"""How far a distribution has moved from the one a model was trained on, and whether chance explains it.

Two measures of the same move. The **population stability index** is the symmetric Kullback-Leibler divergence
(Jeffreys 1946) of shares in bins; a nearly empty bin can make it large. The **Jensen-Shannon divergence** (Lin 1991, in
nats, at most log 2) is not moved by such a bin. Where nothing has moved, `PSI / (1/n + 1/m)` follows a chi-squared
distribution with one degree of freedom fewer than bins (Yurdakul 2018, "Statistical properties of population stability
index"), and so does eight times the Jensen-Shannon divergence over the same: both have the same second-order term.

Small samples move by chance, so a limit alone would cry wolf in small companies and the quantile alone in large ones;
here a distribution has drifted only if it passes the limit and chance as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

JS_PART = 0.1
"""The Jensen-Shannon divergence that is asked for beside a PSI of 1: an eighth for small moves, less for large ones."""
SWING = 1.5
"""What moves anyway must move so many times as far as it has before."""
RARE = 0.01
"""Bins with a smaller share in training are put together: chi-squared needs some rows in each."""
ALPHA = 0.01
"""How often chance may raise an alarm in a whole night, over all that is tested."""


@dataclass(frozen=True)
class Drift:
    """How far shares in `bins` bins have moved, from `reference_rows` rows to `rows`.

    `swing` is the excess that such shares have reached before, from one snapshot of the reference to another: bills
    that follow the calendar move at snapshots that do not.
    """

    psi: float
    js: float
    bins: int
    rows: int
    reference_rows: int
    swing: float = 0.0

    @property
    def scale(self) -> float:
        """1/n + 1/m: what a chi-squared value is multiplied with to give the PSI of pure chance."""
        return 1 / max(self.rows, 1) + 1 / max(self.reference_rows, 1)

    def by_chance(self, alpha: float = ALPHA) -> float:
        """The PSI that chance exceeds with this probability where nothing has moved."""
        return float(chi2.isf(alpha, max(self.bins - 1, 1)) * self.scale)

    @property
    def excess(self) -> float:
        """PSI less what chance gives on average; 0 where that is more."""
        return max(self.psi - (self.bins - 1) * self.scale, 0.0)

    def beyond(self, limit: float, *, tests: int = 1) -> bool:
        """Whether both measures pass `limit` (of PSI) and what chance explains, when so many `tests` are made.

        >>> moved = drift([0.5, 0.5], [0.2, 0.8], rows=10, reference_rows=1000)
        >>> moved.beyond(0.25), drift([0.5, 0.5], [0.2, 0.8], rows=500, reference_rows=1000).beyond(0.25)
        (False, True)
        """
        chance = self.by_chance(ALPHA / max(tests, 1))
        far = self.excess > max(limit, SWING * self.swing) and self.js > JS_PART * limit
        return far and self.psi > chance and 8 * self.js > chance


def drift(reference: ArrayLike, now: ArrayLike, *, rows: int, reference_rows: int) -> Drift:
    """Drift between two lists of shares (b,), each adding up to 1; half a row is added to each bin for the PSI.

    >>> same = drift([0.25, 0.75], [0.25, 0.75], rows=100, reference_rows=100)
    >>> same.psi, same.js
    (0.0, 0.0)
    """
    before, after = np.asarray(reference, dtype=np.float64), np.asarray(now, dtype=np.float64)
    p, q = _smoothed(before, reference_rows), _smoothed(after, rows)
    middle = (before + after) / 2
    js = (_divergence(before, middle) + _divergence(after, middle)) / 2
    return Drift(float(((q - p) * np.log(q / p)).sum()), max(js, 0.0), len(before), rows, reference_rows)


def number_drift(reference: Mapping[str, Any], values: ArrayLike, *, reference_rows: int) -> Drift | None:
    """Drift of finite numbers (n,) against a histogram: `edges` (ascending) and `shares`, the last edge a bin itself.

    None where there is nothing to compare: no values, or a single bin.
    """
    edges, shares = np.asarray(reference["edges"], dtype=np.float64), np.asarray(reference["shares"], dtype=np.float64)
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if len(edges) < 2 or not len(numbers):
        return None
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, None)
    groups = _neighbours(shares)
    now = np.bincount(groups[place], minlength=groups[-1] + 1) / len(numbers)
    before = np.bincount(groups, weights=shares)
    return drift(before, now, rows=len(numbers), reference_rows=reference_rows) if len(before) > 1 else None


def category_drift(reference: Mapping[str, Any], counts: Mapping[str, int], *, reference_rows: int) -> Drift | None:
    """Drift of categories, given as rows by name, against a histogram: `edges` (categories) and `shares`.

    Rare categories, and those that training never saw, are one bin. None where there is nothing to compare.
    """
    rows = sum(counts.values())
    known = dict(zip(map(str, reference["edges"]), map(float, reference["shares"]), strict=True))
    frequent = [name for name, share in known.items() if share >= RARE]
    if not rows or not known:
        return None
    before, now = [known[name] for name in frequent], [counts.get(name, 0) / rows for name in frequent]
    rest = (max(1 - sum(before), 0.0), max(1 - sum(now), 0.0))
    if max(rest) > 0:
        before, now = [*before, rest[0]], [*now, rest[1]]
    return drift(before, now, rows=rows, reference_rows=reference_rows) if len(before) > 1 else None


def unseen_share(reference: Mapping[str, Any], counts: Mapping[str, int]) -> float:
    """The share of rows, given by category, whose category training never saw; 0 without rows.

    >>> unseen_share({"edges": ["a", "b"]}, {"a": 1, "b": 1, "c": 2})
    0.5
    """
    known = set(map(str, reference["edges"]))
    rows = sum(counts.values())
    return sum(count for name, count in counts.items() if name not in known) / rows if rows else 0.0


def _smoothed(shares: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    smoothed: NDArray[np.float64] = (shares * rows + 0.5) / (rows + 0.5 * len(shares))
    return smoothed


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())


def _neighbours(shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """The group of each bin: neighbours are put together until each group holds at least `RARE`."""
    groups = np.zeros(len(shares), dtype=np.intp)
    group, held = 0, 0.0
    for place, share in enumerate(shares):
        if held >= RARE:
            group, held = group + 1, 0.0
        groups[place] = group
        held += share
    if held < RARE and group:
        groups[groups == group] = group - 1
    return groups
