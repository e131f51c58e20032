"""Shares with intervals that allow for rows of one group: snapshots of a customer, customers of a household.

Wilson's interval with the number of rows reduced to the effective number (Korn & Graubard 1998): it needs no seed and
holds at shares of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Z = 1.959963984540054


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
    spread = _Z * np.sqrt(share * (1 - share) / independent + _Z**2 / (4 * independent**2))
    centre, scale = share + _Z**2 / (2 * independent), 1 + _Z**2 / independent
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
