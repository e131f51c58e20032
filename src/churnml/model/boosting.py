"""One LightGBM booster: trained to the same bytes every time, kept as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import ArrayLike, NDArray

from churnml.model.snapshot_effects import common_level, starting_scores

Floats = NDArray[np.float64]
SMALL = 500_000
"""Tables with fewer values than this train on one thread: threads would wait for each other longer than they work."""


def train_booster(
    matrix: Floats,
    target: NDArray[np.intp],
    groups: int,
    *,
    weight: Floats | None,
    snapshots: ArrayLike | None,
    columns: Sequence[str],
    categorical: Sequence[int],
    rounds: int,
    threads: int,
    parameters: Mapping[str, Any],
) -> str:
    """The text of a booster that tells `groups` apart: binary for two, multiclass for more.

    Histograms are built column by column: the same trees as row by row, whatever the number of threads, for a quarter
    less processor time where a tree looks at some of the columns only, and without LightGBM's second, row-wise copy of
    the bins (docs/adr/0011 has the figures).

    Parameters
    ----------
    matrix : (n, f) doubles in either order, not copied; target : (n,) numbers of groups from 0; weight : (n,) or None
    snapshots : (n,), to keep what sets them apart from what sets rows apart (`churnml.model.snapshot_effects`); or None
    columns : f names that LightGBM accepts; categorical : numbers of the columns that hold categories
    parameters : LightGBM's own, by its names; `min_data_in_leaf` is capped at a twentieth of the rows
    """
    settings: dict[str, Any] = {
        "objective": "binary" if groups == 2 else "multiclass",
        **parameters,
        "min_data_in_leaf": max(1, min(parameters["min_data_in_leaf"], len(matrix) // 20)),
        "bagging_freq": 1,
        "num_threads": threads if matrix.size > SMALL else 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
    if groups > 2:
        settings["num_class"] = groups

    data = lightgbm.Dataset(
        matrix,
        label=target,
        weight=weight,
        feature_name=list(columns),
        categorical_feature=list(categorical),
        params={"verbosity": -1},
    )

    def scores(booster: lightgbm.Booster) -> Floats:
        raw = np.asarray(booster.predict(matrix, raw_score=True, num_threads=settings["num_threads"]))
        return raw if groups > 2 else np.column_stack([np.zeros(len(raw)), raw])

    booster = lightgbm.train(settings, data, num_boost_round=rounds)
    start = None if snapshots is None else starting_scores(scores(booster), target, snapshots, weight)
    if start is not None:
        data.set_init_score(start[:, 1].copy() if groups == 2 else start)
        booster = lightgbm.train(settings, data, num_boost_round=rounds)
        _add(booster, common_level(scores(booster), target, weight))
    return str(booster.model_to_string())


def _add(booster: lightgbm.Booster, level: Floats) -> None:
    """Add a number for each group to the raw scores, in the leaves of the first trees."""
    trees = booster.dump_model(num_iteration=1)["tree_info"]
    for number, (tree, score) in enumerate(zip(trees, level[-len(trees) :], strict=True)):
        for leaf in range(tree["num_leaves"]):
            booster.set_leaf_output(number, leaf, booster.get_leaf_output(number, leaf) + score)
