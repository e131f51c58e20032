"""A forest cut into clusters of leaves, as flat arrays for the loops; `pattern_tables` explains the method."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churnml.explanation.forest import CATEGORY, LEFT_WHEN_MISSING, MISSING_NONE, MISSING_ZERO, Forest, Tree

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

BELOW, BELOW_OR_NAN, BELOW_ZERO_MISSING, BELOW_OR_MISSING, IN_CATEGORIES = range(5)
"""What sends a row to the left: `nan` goes to the right but where it says so; so does zero in the third."""


class Plan(NamedTuple):
    """A forest as flat arrays. `x_start` (m + 1,) says where the part of each of m things begins in the next level.

    Trees have nodes and clusters of leaves. A cluster has bits, places (its features) and leaves; a bit is true where
    all its tests are: a node of the tree, and whether a row is to go left there. A leaf has terms, one for each feature
    of its path: the feature's place, which bits (mask) must have which values (want) for the row to satisfy the path's
    tests of it, and their cover. `table_start` is where the cluster's table begins, -1 for a leaf that has none.
    `rule_point` and `rule_weight` are the quadrature on [0, 1] for each number of features.
    """

    output: Whole
    node_start: Whole
    cluster_start: Whole
    node_feature: Whole
    node_threshold: Floats
    node_rule: Whole
    node_category: Whole
    category_start: Whole
    category_word: NDArray[np.uint32]
    bit_start: Whole
    test_start: Whole
    test_node: Whole
    test_left: NDArray[np.uint8]
    place_start: Whole
    place_feature: Whole
    leaf_start: Whole
    leaf_value: Floats
    term_start: Whole
    term_place: Whole
    term_mask: Whole
    term_want: Whole
    term_cover: Floats
    table_start: Whole
    rule_start: Whole
    rule_point: Floats
    rule_weight: Floats


def make_plan(forest: Forest, width: int) -> tuple[Plan, int]:
    """Cut every tree into the largest subtrees whose patterns have at most `width` bits.

    A leaf whose path has more features than that stands alone, without a table. The number is how many doubles all
    tables hold.
    """
    levels = _Levels(width)
    for number, tree in enumerate(forest.trees):
        if len(tree.feature):
            levels.add_tree(tree, number % forest.outputs)
    return levels.plan(), levels.size


class _Walk:
    """A tree's lines as lists, which are quicker to walk along."""

    def __init__(self, tree: Tree) -> None:
        self.feature, self.left, self.right = tree.feature.tolist(), tree.left.tolist(), tree.right.tolist()
        self.value, self._leaf, self._inner = tree.leaf_value.tolist(), tree.leaf_count.tolist(), tree.count.tolist()

    def share(self, node: int, child: int) -> float:
        """The share of the node's training rows that went to this child: its cover."""
        return float((self._inner[child] if child >= 0 else self._leaf[~child]) / self._inner[node])

    def sizes(self) -> list[int]:
        """How many inner nodes the subtree of each inner node has; a child's number is above its parent's."""
        found = [1] * len(self.feature)
        for node in reversed(range(len(found))):
            found[node] += sum(found[child] for child in (self.left[node], self.right[node]) if child >= 0)
        return found


_Tests = tuple[tuple[int, int], ...]


class _Levels:
    """The flat arrays of a plan while they grow; see `Plan`."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.output: list[int] = []
        self.node_start, self.cluster_start = [0], [0]
        self.node_feature: list[int] = []
        self.node_threshold: list[float] = []
        self.node_rule: list[int] = []
        self.node_category: list[int] = []
        self.category_start: list[int] = [0]
        self.category_word: list[int] = []
        self.bit_start, self.test_start = [0], [0]
        self.test_node: list[int] = []
        self.test_left: list[int] = []
        self.place_start = [0]
        self.place_feature: list[int] = []
        self.leaf_start = [0]
        self.leaf_value: list[float] = []
        self.term_start = [0]
        self.term_place: list[int] = []
        self.term_mask: list[int] = []
        self.term_want: list[int] = []
        self.term_cover: list[float] = []
        self.table_start: list[int] = []
        self.size = 0

    def add_tree(self, tree: Tree, output: int) -> None:
        self.output.append(output)
        self._add_nodes(tree)
        walk = _Walk(tree)
        inner = walk.sizes()
        waiting: list[tuple[int, dict[int, tuple[_Tests, float]]]] = [(0, {})]
        while waiting:
            node, path = waiting.pop()
            if node < 0 or len(path) + inner[node] <= self.width:
                self._add_cluster(walk, node, path)
                continue
            feature = walk.feature[node]
            for child, left in ((walk.right[node], 0), (walk.left[node], 1)):
                tests, cover = path.get(feature, ((), 1.0))
                waiting.append((child, {**path, feature: ((*tests, (node, left)), cover * walk.share(node, child))}))
        self.node_start.append(len(self.node_feature))
        self.cluster_start.append(len(self.table_start))

    def _add_nodes(self, tree: Tree) -> None:
        missing = tree.decision >> 2 & 3
        nan_left = np.where(missing == MISSING_NONE, tree.threshold >= 0, tree.decision & LEFT_WHEN_MISSING > 0)
        rule = np.where(nan_left, BELOW_OR_NAN, BELOW)
        zero = np.where(nan_left, BELOW_OR_MISSING, BELOW_ZERO_MISSING)
        rule = np.where(missing == MISSING_ZERO, zero, rule)
        category = tree.decision & CATEGORY > 0
        first = len(self.category_start) - 1
        self.node_category += np.where(category, first + np.where(category, tree.threshold, 0), 0).astype(int).tolist()
        self.node_feature += tree.feature.tolist()
        self.node_threshold += tree.threshold.tolist()
        self.node_rule += np.where(category, IN_CATEGORIES, rule).tolist()
        self.category_start += (len(self.category_word) + tree.category_bounds[1:]).tolist()
        self.category_word += tree.category_words.tolist()

    def _add_cluster(self, walk: _Walk, root: int, path: dict[int, tuple[_Tests, float]]) -> None:
        places = {feature: place for place, feature in enumerate(path)}
        for tests, _ in path.values():
            self._add_bit(tests)
        bits = len(path)
        tabled = bits <= self.width
        terms = {}
        for bit, (feature, (_, cover)) in enumerate(path.items()):
            mask = 1 << bit if tabled else 0  # without a table nobody looks, and there may be more bits than in a word
            terms[feature] = (mask, mask, cover)
        waiting = [(root, terms)]
        while waiting:
            node, terms = waiting.pop()
            if node < 0:
                self.leaf_value.append(walk.value[~node])
                for feature, (mask, want, cover) in terms.items():
                    self.term_place.append(places[feature])
                    self.term_mask.append(mask)
                    self.term_want.append(want)
                    self.term_cover.append(cover)
                self.term_start.append(len(self.term_place))
                continue
            feature = walk.feature[node]
            places.setdefault(feature, len(places))
            self._add_bit(((node, 1),))
            mask, want, cover = terms.get(feature, (0, 0, 1.0))
            for child, left in ((walk.right[node], 0), (walk.left[node], 1)):
                term = (mask | 1 << bits, want | left << bits, cover * walk.share(node, child))
                waiting.append((child, {**terms, feature: term}))
            bits += 1
        self.place_feature += places
        self.place_start.append(len(self.place_feature))
        self.bit_start.append(len(self.test_start) - 1)
        self.leaf_start.append(len(self.leaf_value))
        self.table_start.append(self.size if tabled else -1)
        self.size += len(places) << bits if tabled else 0

    def _add_bit(self, tests: _Tests) -> None:
        for node, left in tests:
            self.test_node.append(node)
            self.test_left.append(left)
        self.test_start.append(len(self.test_node))

    def plan(self) -> Plan:
        most = max((end - start for start, end in zip(self.place_start, self.place_start[1:], strict=False)), default=0)
        rule_start, point, weight = [0, 0], [], []
        for depth in range(1, most + 1):
            x, w = np.polynomial.legendre.leggauss((depth + 1) // 2)
            point += ((x + 1) / 2).tolist()
            weight += (w / 2).tolist()
            rule_start.append(len(point))
        values = {"rule_start": rule_start, "rule_point": point, "rule_weight": weight, **vars(self)}
        kinds: dict[str, Any] = dict.fromkeys(
            ("node_threshold", "leaf_value", "term_cover", "rule_point", "rule_weight"), np.float64
        )
        kinds |= {"category_word": np.uint32, "test_left": np.uint8}
        arrays: dict[str, Any] = {name: np.array(values[name], kinds.get(name, np.int64)) for name in Plan._fields}
        return Plan(**arrays)
