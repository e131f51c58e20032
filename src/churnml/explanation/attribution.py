"""Exact TreeSHAP contributions of every feature to one declared margin.

A formulation declares the margin, a weighted sum of its boosters' raw scores: for three classes the log-odds of
leaving silently against staying, for one against the rest those of the silent booster, for the chain (and a model that
fell back to two classes) the log-odds of leaving at all. Its other margins, such as the chain's silence among leavers,
can be asked for by name. The contributions are LightGBM's own `pred_contrib` (Lundberg, Erion & Lee 2018,
path-dependent), summed with the same weights. They say what the model saw, not what causes what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.errors import ModelError
from churnml.model.formulations import SILENT_MARGIN

if TYPE_CHECKING:
    from churnml.model.classifier import SilentDefectionClassifier
    from churnml.model.formulations import Margin

TOLERANCE = 1e-9
"""Largest difference allowed between the margin and the sum of its contributions, relative to their size."""


@dataclass(frozen=True)
class Attribution:
    """What each feature adds to the margin of each row, in log-odds.

    `values` is (rows, features), `base` and `margin` are (rows,); `base + values.sum(axis=1)` equals `margin`.
    """

    features: tuple[str, ...]
    values: NDArray[np.float64]
    base: NDArray[np.float64]
    margin: NDArray[np.float64]
    declared: str = SILENT_MARGIN

    def __len__(self) -> int:
        """How many rows are explained."""
        return len(self.margin)

    def frame(self) -> pd.DataFrame:
        """One row per customer, one column per feature."""
        return pd.DataFrame(self.values, columns=list(self.features))


def attribute(
    classifier: SilentDefectionClassifier, X: pd.DataFrame, *, margin: str | None = None, chunk_rows: int = 5_000
) -> Attribution:
    """Explain every row of `X`, working in chunks: the declared margin, or another of the formulation's by name.

    The result holds rows x features doubles; for very many rows take `attributions` and keep only what is needed.

    Raises
    ------
    ModelError
        The columns are not the model's, there is no such margin, or the contributions do not add up to the margin.
    """
    parts = list(attributions(classifier, X, margin=margin, chunk_rows=chunk_rows))
    return Attribution(
        features=parts[0].features,
        values=np.concatenate([part.values for part in parts]),
        base=np.concatenate([part.base for part in parts]),
        margin=np.concatenate([part.margin for part in parts]),
        declared=parts[0].declared,
    )


def attributions(
    classifier: SilentDefectionClassifier, X: pd.DataFrame, *, margin: str | None = None, chunk_rows: int = 5_000
) -> Iterator[Attribution]:
    """The same as `attribute`, one chunk of rows after the other, so that memory is bounded by the chunk."""
    names = tuple(str(name) for name in classifier.feature_names_in_)
    if tuple(X.columns) != names:
        raise ModelError("the columns to explain are not the model's features in the model's order")
    for start in range(0, max(len(X), 1), chunk_rows):
        yield _chunk(classifier, X.iloc[start : start + chunk_rows], names, classifier.formulation_.margin(margin))


def _chunk(
    classifier: SilentDefectionClassifier, X: pd.DataFrame, names: tuple[str, ...], margin: Margin
) -> Attribution:
    width = len(names) + 1
    if X.empty:
        nothing = np.zeros(0)
        return Attribution(names, np.zeros((0, width - 1)), nothing, nothing, margin.said)
    matrix = classifier.encode(X)
    by_score = {
        part: np.asarray(
            classifier.boosters_[part].predict(matrix, pred_contrib=True, num_threads=classifier.num_threads),
            dtype=np.float64,
        ).reshape(len(X), -1, width)
        for part in margin.weights
    }
    contributions = margin.of(by_score)
    explained = classifier.raw_margin(X, margin.name)
    total = contributions.sum(axis=1)
    size = sum(np.abs(each).sum(axis=(1, 2)) for each in by_score.values())
    scale = np.maximum(1.0, np.maximum(np.abs(explained), size))
    worst = float(np.max(np.abs(total - explained) / scale))
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the contributions do not add up to the margin (relative difference {worst:.1e})",
            "the model file and the library that reads it may not belong together; train again",
        )
    return Attribution(names, contributions[:, :-1], contributions[:, -1], explained, margin.said)
