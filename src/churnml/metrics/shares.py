"""Shares and ratios with intervals that allow for rows of one group: snapshots of a customer, customers of a household.

A share has Wilson's interval with the number of rows reduced to the effective number (Korn & Graubard 1998): it needs
no seed and holds at shares of 0 and 1. A ratio of sums, and a mean, have the interval of their linearisation, with
groups as the independent units (Woodruff 1971).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z = 1.959963984540054
"""Of the standard normal distribution, 95% lie within so much of 0."""


@dataclass(frozen=True)
class ClusteredShare:
    """A share of n rows, its 95% interval, and how many independent rows would tell as much. nan without rows."""

    share: float
    low: float
    high: float
    hits: int
    n: int
    independent: float


def clustered_share(hit: ArrayLike, group: ArrayLike) -> ClusteredShare:
    """The share of rows (n,) for which `hit` is true; rows of the same `group` (n,) do not count as independent.

    >>> found = clustered_share([True] * 80 + [False] * 20, range(100))
    >>> found.share, round(found.low, 4), round(found.high, 4)
    (0.8, 0.7112, 0.8666)
    """
    hits = np.asarray(hit, dtype=bool)
    n, total = len(hits), int(hits.sum())
    if not n:
        return ClusteredShare(float("nan"), float("nan"), float("nan"), 0, 0, 0.0)
    share = total / n
    _, codes = np.unique(np.asarray(group), return_inverse=True)
    sizes, totals = np.bincount(codes).astype(float), np.bincount(codes, hits).astype(float)
    independent = _effective_number(share, n, sizes, totals)
    spread = Z * np.sqrt(share * (1 - share) / independent + Z**2 / (4 * independent**2))
    centre, scale = share + Z**2 / (2 * independent), 1 + Z**2 / independent
    low, high = max(0.0, float((centre - spread) / scale)), min(1.0, float((centre + spread) / scale))
    return ClusteredShare(share, low, high, total, n, independent)


def _effective_number(share: float, n: int, sizes: NDArray[np.float64], totals: NDArray[np.float64]) -> float:
    """How many independent rows would tell as much: from the variance between groups, never more than rows."""
    groups = len(sizes)
    smallest = n / float(sizes.max())
    if groups < 2 or share in (0.0, 1.0):
        return float(groups)
    residuals = totals - share * sizes
    variance = groups / (groups - 1) * float((residuals**2).sum()) / n**2
    return float(np.clip(share * (1 - share) / variance if variance > 0 else n, smallest, n))


@dataclass(frozen=True)
class ClusteredRatio:
    """A ratio of two sums with its 95% interval; nan where the denominator is 0, bounds nan with fewer than two
    groups.
    """

    ratio: float
    low: float
    high: float


def clustered_ratio(above: ArrayLike, below: ArrayLike, group: ArrayLike) -> ClusteredRatio:
    """The sum of `above` (n,) divided by that of `below` (n,); rows of one `group` (n,) are not independent.

    >>> found = clustered_ratio([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0], range(4))
    >>> found.ratio, round(found.low, 2), round(found.high, 2)
    (2.5, 1.23, 3.77)
    """
    top, bottom = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    total = float(bottom.sum())
    if not total:
        return ClusteredRatio(float("nan"), float("nan"), float("nan"))
    ratio = float(top.sum()) / total
    spread = Z * clustered_error((top - ratio * bottom) / total, group)
    return ClusteredRatio(ratio, ratio - spread, ratio + spread)


def clustered_error(influence: ArrayLike, group: ArrayLike) -> float:
    """The standard error of a figure from the influence (n,) of each row on it; nan with fewer than two groups."""
    _, codes = np.unique(np.asarray(group), return_inverse=True)
    sums = np.bincount(codes, np.asarray(influence, dtype=np.float64))
    if len(sums) < 2:
        return float("nan")
    return float(np.sqrt(len(sums) / (len(sums) - 1) * ((sums - sums.mean()) ** 2).sum()))
