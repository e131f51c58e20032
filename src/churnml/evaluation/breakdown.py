"""Every figure again for parts of the rows, with intervals from one clustered bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnml.evaluation.judge import POPULATIONS, Floats, Judge, Key, Rows, bounds, counted
from churnml.evaluation.parts import Part
from churnml.metrics.scores import ClusterBootstrap

COLUMNS = ("by", "part", "model", "population", "outcome", "metric", "value", "low", "high", "n", "positives")


def breakdown(
    rows: Rows, tables: Mapping[str, Floats], parts: Sequence[Part], bootstrap: ClusterBootstrap
) -> pd.DataFrame:
    """The figures of each model (chances (n, 3) by name) in each part and population that has rows.

    Returns
    -------
    DataFrame with by, part, model, population, outcome, metric, value, low, high, n, positives
    """
    cells: list[tuple[dict[str, str], Any, Judge, list[dict[Key, Floats]]]] = []
    for part in parts:
        for population in POPULATIONS:
            inside = rows.within(population)[part.rows]
            judged, scored = part.rows[inside], part.scored[inside]
            for name, table in tables.items() if len(judged) else ():
                about = {"by": part.by, "part": part.name, "model": name, "population": population}
                cells.append((about, judged, rows.judge(judged, table[scored]), []))
    for weights in bootstrap.batches():
        for _, judged, judge, drawn in cells:
            drawn.append(judge.replicates(weights.take(judged, axis=1)))
    result = []
    for about, judged, judge, drawn in cells:
        sizes = counted(rows.code[judged])
        for (outcome, metric), value in judge.figures().items():
            replicates = np.concatenate([figures[outcome, metric] for figures in drawn])
            low, high = bounds((outcome, metric), value, replicates)
            numbers = {"value": value, "low": low, "high": high, "n": sizes["n"], "positives": sizes[outcome]}
            result.append({**about, "outcome": outcome, "metric": metric, **numbers})
    return pd.DataFrame(result, columns=list(COLUMNS))
