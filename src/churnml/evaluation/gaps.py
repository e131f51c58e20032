"""Whether groups differ beyond chance: all pairs of groups and all figures of an attribute, looked at at once.

Of many intervals one in twenty leaves out zero by chance alone, so that of five groups and four figures nearly always
one does. Here the largest of all standardised differences is held against the largest that is there when the groups are
dealt out anew among persons or households: the studentised permutation test of DiCiccio, Vasudevan, Basu, Kenthapadi
and Agarwal (2020, "Evaluating fairness using permutation tests", KDD), over the maximum (Westfall and Young 1993).
Where the attribute says nothing the chance of any false alarm is the level that is asked for, however small the groups;
differences are standardised so that it stays near to that where groups differ in some figures only.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from churnml.metrics.scores import Floats

DEALS = 199
"""So many times the groups are dealt out anew: enough to tell one in twenty."""

Numbers = NDArray[np.intp]


def p_values(furthest: Callable[[Numbers], Floats], groups: Numbers, clusters: Numbers, seed: int = 0) -> Floats:
    """How often chance alone puts some two groups, in any figure, as surely apart as the surest two are in each.

    Parameters
    ----------
    furthest : gives the largest standardised difference (m,) of two groups in each of m figures
    groups, clusters : (n,) of each row, numbers from 0; the rows of a cluster are dealt their groups together, those of
        another cluster of as many rows

    Returns
    -------
    (m,) p-values, adjusted for all pairs and figures.
    """
    seen, rng = furthest(groups), np.random.default_rng(seed)
    order = np.argsort(clusters, kind="stable")
    sizes = np.bincount(clusters)
    first = np.cumsum(sizes) - sizes
    alike = [order[first[sizes == size][:, np.newaxis] + np.arange(size)] for size in np.unique(sizes[sizes > 0])]
    dealt, beyond = groups.copy(), np.zeros(len(seen))
    for _ in range(DEALS):
        for rows in alike:
            dealt[rows] = groups[rows[rng.permutation(len(rows))]]
        beyond += furthest(dealt).max() >= seen
    return (1 + beyond) / (1 + DEALS)


class Comparison:
    """What is compared between groups of some rows (n,): ranking, calibration, contact rate and leavers missed.

    `clusters` (n,) are numbers from 0. Rows of one say the same over again, some figures more than others; their errors
    are scaled by how much (the design effect of Kish 1965), so that each figure has its share in the largest.
    """

    def __init__(self, hit: Floats, p: Floats, listed: Floats, clusters: Numbers) -> None:
        self._hit = hit
        self._order = np.argsort(p, kind="stable")
        _, self._code = np.unique(p[self._order], return_inverse=True)
        ones = np.ones(len(hit))
        columns = np.array([_placements(hit, p), _placements(hit, p), p - hit, listed, 1 - listed])
        self._weight = np.array([hit, 1 - hit, ones, ones, hit])
        self._values = columns * self._weight
        total = self._weight.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            common = self._values.sum(axis=1) / total
            apart = (columns - common[:, np.newaxis]) * self._weight
            together = np.array([(np.bincount(clusters, each) ** 2).sum() for each in apart])
            again = np.maximum(together / (apart**2).sum(axis=1), 1.0)
            self._squares = apart**2 * again[:, np.newaxis]
            self._spread = self._squares.sum(axis=1) / total

    def furthest(self, groups: Numbers) -> Floats:
        """The largest standardised difference (4,) of two groups; 0 where no two can be compared.

        What a row adds to the error of a figure is taken about what all have in common, and is taken to be no less than
        in all groups: a small group whose leavers were all missed, or that has none, is no sure witness.
        """
        number = int(groups.max()) + 1
        size, sums, squares = (
            np.array([np.bincount(groups, each, number) for each in rows])
            for rows in (self._weight, self._values, self._squares)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.maximum(squares / size, self._spread[:, np.newaxis]) / size
            values = np.array([self._auroc(groups, number), *(sums / size)[2:]])
            variance = np.array([spread[0] + spread[1], *spread[2:]])
            first, second = np.array(list(combinations(range(number), 2)), dtype=np.intp).reshape(-1, 2).T
            apart = np.abs(values[:, first] - values[:, second]) / np.sqrt(variance[:, first] + variance[:, second])
        return np.asarray(np.nan_to_num(apart, posinf=0.0).max(axis=1, initial=0.0))

    def _auroc(self, groups: Numbers, number: int) -> Floats:
        """That of each group among its own rows."""
        own = groups[self._order]
        sorted_rows = np.argsort(own.astype(np.int16 if number < 2**15 else np.intp), kind="stable")
        hit, own, code = self._hit[self._order][sorted_rows], own[sorted_rows], self._code[sorted_rows]
        last = np.flatnonzero(np.append((own[1:] != own[:-1]) | (code[1:] != code[:-1]), True))
        found, others = (np.diff(np.cumsum(each)[last], prepend=0.0) for each in (hit, 1 - hit))
        group = own[last]
        left, stayed = (np.bincount(group, each, number) for each in (found, others))
        before = np.cumsum(others) - others / 2 - (np.cumsum(stayed) - stayed)[group]
        return np.asarray(np.bincount(group, found * before, number) / (left * stayed))


def _placements(hit: Floats, p: Floats) -> Floats:
    """Of each row (n,) the share of the rows of the other outcome that it is ranked right against, half of the ties."""
    left = hit > 0
    result = np.full(len(hit), np.nan)
    for mine, others, sign in ((left, p[~left], 1.0), (~left, p[left], -1.0)):
        if len(others):
            ordered, own = np.sort(sign * others), sign * p[mine]
            below, reached = (np.searchsorted(ordered, own, side=side) for side in ("left", "right"))
            result[mine] = (below + reached) / (2 * len(others))
    return result
