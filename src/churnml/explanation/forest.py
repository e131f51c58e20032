"""A LightGBM model as arrays, read from its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

CATEGORY, LEFT_WHEN_MISSING = 1, 2
"""Bits of a node's `decision`."""
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
"""What a node takes for missing, the number in bits 2 and 3 of `decision`."""


class NotCovered(Exception):
    """The model has something that the pattern tables do not know; the message says what."""


@dataclass(frozen=True)
class Tree:
    """One tree of `n` inner nodes and `n + 1` leaves; a child below 0 is the leaf with number `~child`.

    `feature`, `threshold`, `decision`, `left`, `right`, `count` are (n,), `leaf_value` and `leaf_count` (n + 1,); the
    counts are training rows. A category node's `threshold` is its number k: it sends the categories whose bits are
    set in the words `category_words[category_bounds[k]:category_bounds[k + 1]]` to the left.
    """

    feature: Whole
    threshold: Floats
    decision: Whole
    left: Whole
    right: Whole
    count: Whole
    leaf_value: Floats
    leaf_count: Whole
    category_bounds: Whole
    category_words: NDArray[np.uint32]


@dataclass(frozen=True)
class Forest:
    """All trees of a model: tree `i` adds to the raw score `i % outputs`."""

    trees: tuple[Tree, ...]
    features: int
    outputs: int


def read_forest(booster: lightgbm.Booster) -> Forest:
    """The trees that `booster.predict` uses, up to its best iteration where it has one.

    Raises
    ------
    NotCovered
        Linear trees, averaged trees (random forests), nodes without training rows, or a text of another form.
    """
    header, _, rest = str(booster.model_to_string()).partition("\nTree=")
    about = dict(_fields(header))
    if "average_output" in header.splitlines():
        raise NotCovered("the trees' outputs are averaged (a random forest)")
    try:
        features, outputs = int(about["max_feature_idx"]) + 1, int(about["num_tree_per_iteration"])
        texts = rest.partition("\nend of trees")[0].split("\nTree=") if rest else []
        return Forest(tuple(_tree(dict(_fields(text))) for text in texts), features, outputs)
    except (KeyError, ValueError) as error:
        raise NotCovered(f"the model's text is of another form ({error})") from error


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, found, value = line.partition("=")
        if found:
            yield name, value


def _tree(fields: dict[str, str]) -> Tree:
    if fields.get("is_linear", "0") != "0":
        raise NotCovered("linear trees")
    leaves = int(fields["num_leaves"])
    if leaves == 1:
        nothing = np.zeros(0, np.int64)
        return Tree(
            *(nothing, np.zeros(0), nothing, nothing, nothing, nothing),
            *(_floats(fields["leaf_value"]), np.ones(1, np.int64), nothing, np.zeros(0, np.uint32)),
        )
    categories = int(fields["num_cat"]) > 0
    tree = Tree(
        feature=_whole(fields["split_feature"]),
        threshold=_floats(fields["threshold"]),
        decision=_whole(fields["decision_type"]),
        left=_whole(fields["left_child"]),
        right=_whole(fields["right_child"]),
        count=_whole(fields["internal_count"]),
        leaf_value=_floats(fields["leaf_value"]),
        leaf_count=_whole(fields["leaf_count"]),
        category_bounds=_whole(fields["cat_boundaries"] if categories else ""),
        category_words=_whole(fields["cat_threshold"] if categories else "").astype(np.uint32),
    )
    inner = (tree.feature, tree.threshold, tree.decision, tree.left, tree.right, tree.count)
    outer = (tree.leaf_value, tree.leaf_count)
    if any(len(each) != leaves - 1 for each in inner) or any(len(each) != leaves for each in outer):
        raise ValueError("a tree's lines differ in length")
    if (tree.count <= 0).any():
        raise NotCovered("nodes without training rows")
    return tree


def _floats(text: str) -> Floats:
    return np.array(text.split(), dtype=np.float64)


def _whole(text: str) -> Whole:
    return np.array(text.split(), dtype=np.int64)
