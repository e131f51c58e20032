"""Exact TreeSHAP by pattern tables: the numbers of LightGBM's `pred_contrib`, many times faster.

What is computed
----------------
Path-dependent TreeSHAP (Lundberg et al. 2020): the Shapley values of a row's raw score, where a split on a feature
outside the coalition sends the row both ways, in the proportions of the training rows. It adds up over trees, and
within a tree over leaves, since a tree's output is the sum of its leaves' values times "the row ends here".

The game of one leaf
--------------------
Let a leaf have the value v, and let the path to it test D distinct features. For the k-th of them let z_k be the
product of the covers (training rows of the child over those of its parent) of all splits on it along the path, and o_k
= 1 if the row satisfies all of these splits, else 0. A coalition S of features then gets v times the product of o_j
over j in S and of z_j over j not in S. The multilinear extension of such a product is a product again, so that Owen's
integral (1972) gives its Shapley values:

    phi_k = v (o_k - z_k) * integral over q from 0 to 1 of  product over j != k of (q o_j + (1 - q) z_j)  dq

The integrand is a polynomial in q of degree D - 1: Gauss-Legendre quadrature with ceil(D / 2) points is exact. All its
factors are at least 0 and nothing is divided, so that deep paths lose no accuracy. (The recursion of the paper divides
by the covers: along a path of 40 distinct features LightGBM's own contributions add up to the raw score within 1e-6
only, along one of 80 not at all.)

Tables
------
phi depends on the row only through the D bits o. As in Fast TreeSHAP v2 (Yang 2021), what depends on the leaf alone is
done once, for all 2^D patterns of bits; a row then needs its pattern, and D additions for each leaf.

Leaves that lie together share most of their paths, so here a table belongs to a whole subtree rather than to a leaf.
Let the path to the subtree's root test d distinct features, and let the subtree have m inner nodes. Whether the row
satisfies each of the d features' splits above, and which way it goes at each of the m nodes, are d + m bits, and they
settle the bits o of all m + 1 leaves. The table holds, for each of the 2^(d + m) patterns, the sum of the leaves'
Shapley values for each feature that any of them meets (at most d + m): that many additions do for m + 1 leaves. Each
tree is cut into the largest subtrees with d + m <= `WIDTH`. 500 trees of 31 leaves and depth 8 need some 22,000
additions a row in place of 80,000, and 37 MB of tables.

Rows are worked on in blocks, feature by feature in memory: all nodes decide for the block, decisions become patterns,
patterns fetch table entries, and these are added, in inner loops that the compiler turns into vector instructions.
Blocks are independent; threads take them in turn, and each row's sums are made in the same order, so that the bytes do
not depend on the number of threads.

Bounds
------
A table has at most 2^`WIDTH` * `WIDTH` doubles, and all together at most `TABLE_BYTES`: where a model needs more, its
patterns get narrower until it fits. A leaf whose path has more features than a pattern has bits gets no table; its
integral is computed for each row, in about 3 D ceil(D / 2) multiplications. Beside the tables, memory holds the result
(rows x outputs x features doubles) and a few hundred kilobytes for each thread.

What is covered
---------------
Every LightGBM model of constant leaves: numeric splits with all three treatments of missing values, categorical
splits, shrinkage, DART, several classes, trees of a single leaf, the trees up to the best iteration. Decisions are
LightGBM's own to the letter: a nan is 0 where nan is not what stands for missing, a category is a whole number cut
towards zero, and what is unseen, negative or nan goes right. Not covered are linear trees, averaged outputs (random
forests) and nodes without training rows; `NotCovered` says which.

References
----------
Lundberg, Erion, Chen et al. (2020). From local explanations to global understanding with explainable AI for trees.
    Nature Machine Intelligence 2, 56-67.
Owen (1972). Multilinear extensions of games. Management Science 18(5), 64-79.
Yang (2021). Fast TreeSHAP: accelerating SHAP value computation for trees. arXiv:2109.09847.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import lightgbm
import numpy as np
from numpy.typing import NDArray

from churnml.explanation import kernels
from churnml.explanation.forest import Forest, read_forest
from churnml.explanation.plan import Plan, make_plan

Floats = NDArray[np.float64]

WIDTH = 9
"""Most bits of a pattern."""
TABLE_BYTES = 256 * 2**20
"""Most memory for the tables of one model; patterns get narrower until they fit."""
PIECE = 4 * kernels.BLOCK
"""Rows that a thread takes at a time."""


@dataclass(frozen=True)
class PatternTables:
    """A LightGBM model made ready for explaining rows.

    `base` (outputs,) is the expected value of each raw score, to which the contributions add.
    """

    features: int
    base: Floats
    plan: Plan = field(repr=False)
    table: Floats = field(repr=False)

    @classmethod
    def of(cls, booster: lightgbm.Booster, *, width: int = WIDTH, table_bytes: int = TABLE_BYTES) -> PatternTables:
        """The tables of a booster: patterns of at most `width` bits, at most `table_bytes` in all.

        Raises
        ------
        NotCovered
            The model has something that is not covered; take `pred_contrib`.
        """
        forest = read_forest(booster)
        while True:
            plan, size = make_plan(forest, width)
            if 8 * size <= table_bytes:
                break
            width -= 1
        table = np.zeros(size)
        kernels.fill(plan, table)
        return cls(forest.features, _expected(forest), plan, table)

    def contributions(self, matrix: Floats, *, threads: int = 1) -> Floats:
        """What each feature adds to each raw score of each row (n, outputs, features + 1); the base comes last.

        `matrix` is (n, features); column by column in memory it is not copied. The number of threads changes nothing.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise ValueError(f"rows of {self.features} features are expected, the matrix is {matrix.shape}")
        columns = np.ascontiguousarray(matrix.T, dtype=np.float64)
        rows = columns.shape[1]
        out = np.zeros((len(self.base), self.features + 1, rows))
        out[:, -1] = self.base[:, None]

        def work(first: int) -> None:
            kernels.contribute(self.plan, self.table, columns, first, min(first + PIECE, rows), out)

        pieces = range(0, rows, PIECE)
        if min(threads, len(pieces)) < 2:
            for piece in pieces:
                work(piece)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, pieces))
        return out.transpose(2, 0, 1)


def _expected(forest: Forest) -> Floats:
    base = np.zeros(forest.outputs)
    for number, tree in enumerate(forest.trees):
        total = tree.count[0] if len(tree.count) else 1
        base[number % forest.outputs] += sum((tree.leaf_count / total * tree.leaf_value).tolist())
    return base
