"""Exact TreeSHAP contributions of every feature to one declared margin.

The margin is the log-odds of leaving silently against staying: the raw score of `silent` minus that of `retained`.
A model that fell back to two classes has one raw score, the log-odds of leaving against staying, and explains that.
The contributions are LightGBM's own `pred_contrib` (Lundberg, Erion & Lee 2018, path-dependent). They say what the
model saw, not what causes what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.errors import ModelError

if TYPE_CHECKING:
    from churnml.model.classifier import SilentDefectionClassifier

TOLERANCE = 1e-9
"""Largest difference allowed between the margin and the sum of its contributions, relative to their size."""

SILENT_MARGIN = "log-odds of leaving silently against staying"
DEFECTION_MARGIN = "log-odds of leaving against staying"


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


def attribute(classifier: SilentDefectionClassifier, X: pd.DataFrame, *, chunk_rows: int = 5_000) -> Attribution:
    """Explain every row of `X`, working in chunks.

    The result holds rows x features doubles; for very many rows take `attributions` and keep only what is needed.

    Raises
    ------
    ModelError
        The columns are not the model's, or the contributions do not add up to the margin.
    """
    parts = list(attributions(classifier, X, chunk_rows=chunk_rows))
    return Attribution(
        features=parts[0].features,
        values=np.concatenate([part.values for part in parts]),
        base=np.concatenate([part.base for part in parts]),
        margin=np.concatenate([part.margin for part in parts]),
        declared=parts[0].declared,
    )


def attributions(
    classifier: SilentDefectionClassifier, X: pd.DataFrame, *, chunk_rows: int = 5_000
) -> Iterator[Attribution]:
    """The same as `attribute`, one chunk of rows after the other, so that memory is bounded by the chunk."""
    names = tuple(str(name) for name in classifier.feature_names_in_)
    if tuple(X.columns) != names:
        raise ModelError("the columns to explain are not the model's features in the model's order")
    for start in range(0, max(len(X), 1), chunk_rows):
        yield _chunk(classifier, X.iloc[start : start + chunk_rows], names)


def _chunk(classifier: SilentDefectionClassifier, X: pd.DataFrame, names: tuple[str, ...]) -> Attribution:
    declared = SILENT_MARGIN if classifier.fallback_ is None else DEFECTION_MARGIN
    width = len(names) + 1
    if X.empty:
        nothing = np.zeros(0)
        return Attribution(names, np.zeros((0, width - 1)), nothing, nothing, declared)
    flat = np.asarray(
        classifier.booster_.predict(classifier.encode(X), pred_contrib=True, num_threads=classifier.num_threads),
        dtype=np.float64,
    )
    by_class = flat.reshape(len(X), -1, width)
    if by_class.shape[1] == 1:
        contributions = by_class[:, 0]
    else:
        classes = [str(label) for label in classifier.classes_]
        contributions = by_class[:, classes.index("silent")] - by_class[:, classes.index("retained")]
    margin = np.asarray(classifier.raw_margin(X), dtype=np.float64)
    total = contributions.sum(axis=1)
    scale = np.maximum(1.0, np.maximum(np.abs(margin), np.abs(by_class).sum(axis=(1, 2))))
    worst = float(np.max(np.abs(total - margin) / scale))
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the contributions do not add up to the margin (relative difference {worst:.1e})",
            "the model file and the library that reads it may not belong together; train again",
        )
    return Attribution(names, contributions[:, :-1], contributions[:, -1], margin, declared)
