"""The loops of the pattern tables, over flat arrays; `pattern_tables` explains the method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from churnml.explanation.compiled import compiled
from churnml.explanation.plan import BELOW, BELOW_OR_MISSING, BELOW_OR_NAN, IN_CATEGORIES, Plan

Floats = NDArray[np.float64]

BLOCK = 256
"""Rows that are worked on together: their decisions, patterns and sums stay in the processor's first cache."""
ZERO = float(np.float32(1e-35))
"""What is no further from zero is zero to LightGBM, where zero stands for missing."""


@compiled
def fill(plan: Plan, table: Floats) -> None:
    """Add up the Shapley values of every cluster's leaves for every pattern of its bits, into `table`."""
    for cluster in range(len(plan.table_start)):
        first = plan.table_start[cluster]
        if first < 0:
            continue
        patterns = 1 << (plan.bit_start[cluster + 1] - plan.bit_start[cluster])
        for leaf in range(plan.leaf_start[cluster], plan.leaf_start[cluster + 1]):
            terms = plan.term_start[leaf]
            depth = plan.term_start[leaf + 1] - terms
            values = np.zeros((1 << depth, depth))
            _shapley(plan, leaf, values)
            for pattern in range(patterns):
                held = 0
                for j in range(depth):
                    if pattern & plan.term_mask[terms + j] == plan.term_want[terms + j]:
                        held |= 1 << j
                for j in range(depth):
                    table[first + plan.term_place[terms + j] * patterns + pattern] += values[held, j]


@compiled
def _shapley(plan: Plan, leaf: int, values: Floats) -> None:
    """The Shapley values (2 ** depth, depth) of one leaf, by which of its features hold."""
    terms = plan.term_start[leaf]
    depth = plan.term_start[leaf + 1] - terms
    after = np.empty(depth + 1)
    for held in range(1 << depth):
        for rule in range(plan.rule_start[depth], plan.rule_start[depth + 1]):
            q, weight = plan.rule_point[rule], plan.rule_weight[rule] * plan.leaf_value[leaf]
            after[depth] = 1.0
            for j in range(depth - 1, -1, -1):
                factor = (1 - q) * plan.term_cover[terms + j] + (q if held >> j & 1 else 0.0)
                after[j] = after[j + 1] * factor
            before = weight
            for j in range(depth):
                cover, holds = plan.term_cover[terms + j], 1.0 if held >> j & 1 else 0.0
                values[held, j] += (holds - cover) * before * after[j + 1]
                before *= (1 - q) * cover + q * holds


@compiled
def contribute(plan: Plan, table: Floats, columns: Floats, first: int, last: int, out: Floats) -> None:
    """Add the contributions of the rows from `first` to before `last` to `out` (outputs, features, rows).

    `columns` is (features, rows). Each row's sums are made in one order, whatever the rows beside it.
    """
    most_nodes, most_terms = 1, 1
    for tree in range(len(plan.output)):
        most_nodes = max(most_nodes, plan.node_start[tree + 1] - plan.node_start[tree])
    for cluster in range(len(plan.table_start)):
        most_terms = max(most_terms, plan.place_start[cluster + 1] - plan.place_start[cluster])
    left = np.empty((most_nodes, BLOCK), np.uint8)
    bit = np.empty(BLOCK, np.uint8)
    pattern = np.empty(BLOCK, np.uint16)
    holds = np.empty((most_terms, BLOCK))
    before = np.empty((most_terms + 1, BLOCK))
    after = np.empty(BLOCK)
    for start in range(first, last, BLOCK):
        rows = min(BLOCK, last - start)
        for tree in range(len(plan.output)):
            nodes = plan.node_start[tree]
            for node in range(nodes, plan.node_start[tree + 1]):
                _decide(plan, node, columns[plan.node_feature[node], start : start + rows], left[node - nodes])
            for cluster in range(plan.cluster_start[tree], plan.cluster_start[tree + 1]):
                if plan.table_start[cluster] < 0:
                    _integrate(plan, cluster, start, rows, left, holds, before, after, bit, out[plan.output[tree]])
                    continue
                pattern[:rows] = 0
                bits = plan.bit_start[cluster]
                for b in range(bits, plan.bit_start[cluster + 1]):
                    _holds(plan, b, rows, left, bit)
                    for r in range(rows):
                        pattern[r] |= np.uint16(bit[r]) << np.uint16(b - bits)
                size = 1 << (plan.bit_start[cluster + 1] - bits)
                at = plan.table_start[cluster]
                for place in range(plan.place_start[cluster], plan.place_start[cluster + 1]):
                    values = table[at : at + size]
                    total = out[plan.output[tree], plan.place_feature[place], start : start + rows]
                    for r in range(rows):
                        total[r] += values[pattern[r]]
                    at += size


@compiled
def _decide(plan: Plan, node: int, values: Floats, left: NDArray[np.uint8]) -> None:
    """Whether each row of the block goes to the left at a node."""
    threshold, rule = plan.node_threshold[node], plan.node_rule[node]
    rows = len(values)
    if rule == BELOW:
        for r in range(rows):
            left[r] = values[r] <= threshold
    elif rule == BELOW_OR_NAN:
        for r in range(rows):
            left[r] = not (values[r] > threshold)
    elif rule == IN_CATEGORIES:
        first, last = plan.category_start[plan.node_category[node]], plan.category_start[plan.node_category[node] + 1]
        for r in range(rows):
            left[r] = 0
            if -1 < values[r] < 32 * (last - first):
                category = np.int64(values[r])
                left[r] = (plan.category_word[first + (category >> 5)] >> np.uint32(category & 31)) & np.uint32(1)
    else:
        missing = rule == BELOW_OR_MISSING
        for r in range(rows):
            absent = np.isnan(values[r]) or abs(values[r]) <= ZERO
            left[r] = missing if absent else values[r] <= threshold


@compiled
def _holds(plan: Plan, b: int, rows: int, left: NDArray[np.uint8], bit: NDArray[np.uint8]) -> None:
    """Whether each row passes all tests of a bit."""
    first = plan.test_start[b]
    turned = np.uint8(1 - plan.test_left[first])
    decided = left[plan.test_node[first]]
    for r in range(rows):
        bit[r] = decided[r] ^ turned
    for test in range(first + 1, plan.test_start[b + 1]):
        turned = np.uint8(1 - plan.test_left[test])
        decided = left[plan.test_node[test]]
        for r in range(rows):
            bit[r] &= decided[r] ^ turned


@compiled
def _integrate(
    plan: Plan,
    cluster: int,
    start: int,
    rows: int,
    left: NDArray[np.uint8],
    holds: Floats,
    before: Floats,
    after: Floats,
    bit: NDArray[np.uint8],
    out: Floats,
) -> None:
    """Add the contributions of one leaf without a table: the integral, row by row."""
    leaf = plan.leaf_start[cluster]
    terms = plan.term_start[leaf]
    depth = plan.term_start[leaf + 1] - terms
    for j in range(depth):
        _holds(plan, plan.bit_start[cluster] + j, rows, left, bit)
        for r in range(rows):
            holds[j, r] = bit[r]
    for rule in range(plan.rule_start[depth], plan.rule_start[depth + 1]):
        q, weight = plan.rule_point[rule], plan.rule_weight[rule] * plan.leaf_value[leaf]
        before[0, :rows] = weight
        after[:rows] = 1.0
        for j in range(depth):
            cover = (1 - q) * plan.term_cover[terms + j]
            for r in range(rows):
                before[j + 1, r] = before[j, r] * (cover + q * holds[j, r])
        for j in range(depth - 1, -1, -1):
            cover = plan.term_cover[terms + j]
            total = out[plan.place_feature[plan.place_start[cluster] + j]]
            for r in range(rows):
                total[start + r] += (holds[j, r] - cover) * before[j, r] * after[r]
                after[r] *= (1 - q) * cover + q * holds[j, r]
