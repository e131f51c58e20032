"""Exact TreeSHAP contributions of every feature to one declared margin.

A formulation declares the margin, a weighted sum of its boosters' raw scores: for three classes the log-odds of
leaving silently against staying, for one against the rest those of the silent booster, for the chain (and a model that
fell back to two classes) the log-odds of leaving at all. Its other margins, such as the chain's silence among leavers,
can be asked for by name. The contributions are those of path-dependent TreeSHAP (Lundberg et al. 2020), by pattern
tables where these cover the model and by LightGBM's `pred_contrib` where not, summed with the same weights. They say
what the model saw, not what causes what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from lightgbm.basic import LightGBMError
from numpy.typing import NDArray

from churnml.errors import ModelError
from churnml.model.formulations import SILENT_MARGIN

if TYPE_CHECKING:
    from churnml.model.classifier import SilentDefectionClassifier

TOLERANCE = 1e-9
"""Largest difference allowed between the margin and the sum of its contributions, relative to their size."""
CHUNK_ROWS = 10_000
"""Rows whose contributions are in memory at once."""


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


class Explainer:
    """A fitted classifier made ready for explaining: what its boosters need for that is built once.

    Parameters
    ----------
    margin : the margin's name; the formulation's declared one without
    threads : as many rows are worked on at once; those of the classifier without. They change no number.

    Attributes
    ----------
    fallbacks : for each booster that pattern tables do not cover, why: its contributions are LightGBM's own, which
        take many times longer
    """

    def __init__(
        self, classifier: SilentDefectionClassifier, *, margin: str | None = None, threads: int | None = None
    ) -> None:
        from churnml.explanation.forest import NotCovered
        from churnml.explanation.pattern_tables import PatternTables

        self.classifier = classifier
        self.margin = classifier.formulation_.margin(margin)
        self.threads = classifier.num_threads if threads is None else threads
        self.fallbacks: dict[str, str] = {}
        self._tables: dict[str, PatternTables] = {}
        for part in self.margin.weights:
            try:
                self._tables[part] = PatternTables.of(classifier.boosters_[part])
            except NotCovered as error:
                self.fallbacks[part] = str(error)

    def attributions(self, X: pd.DataFrame, *, chunk_rows: int = CHUNK_ROWS) -> Iterator[Attribution]:
        """Explain every row of `X`, one chunk of rows after the other, so that memory is bounded by the chunk.

        Raises
        ------
        ModelError
            The columns are not the model's, LightGBM cannot explain what the tables do not cover, or the contributions
            do not add up to the margin.
        """
        names = tuple(str(name) for name in self.classifier.feature_names_in_)
        if tuple(X.columns) != names:
            raise ModelError("the columns to explain are not the model's features in the model's order")
        for start in range(0, max(len(X), 1), chunk_rows):
            yield self._chunk(X.iloc[start : start + chunk_rows], names)

    def _chunk(self, X: pd.DataFrame, names: tuple[str, ...]) -> Attribution:
        if X.empty:
            nothing = np.zeros(0)
            return Attribution(names, np.zeros((0, len(names))), nothing, nothing, self.margin.said)
        matrix = self.classifier.encode(X)
        by_score = {part: self._contributions(part, matrix) for part in self.margin.weights}
        contributions = self.margin.of(by_score)
        explained = self.classifier.encoded_margin(matrix, self.margin.name)
        total = contributions.sum(axis=1)
        size = sum(np.abs(each).sum(axis=(1, 2)) for each in by_score.values())
        scale = np.maximum(1.0, np.maximum(np.abs(explained), size))
        worst = float(np.max(np.abs(total - explained) / scale))
        if not worst <= TOLERANCE:
            raise ModelError(
                f"the contributions do not add up to the margin (relative difference {worst:.1e})",
                "the model file and the library that reads it may not belong together; train again",
            )
        return Attribution(names, contributions[:, :-1], contributions[:, -1], explained, self.margin.said)

    def _contributions(self, part: str, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each feature, and last the base, adds to each raw score (n, scores, features + 1)."""
        if part in self._tables:
            return self._tables[part].contributions(matrix, threads=self.threads)
        try:
            own = self.classifier.boosters_[part].predict(matrix, pred_contrib=True, num_threads=self.threads)
        except LightGBMError as error:
            raise ModelError(f"nothing explains the {part} model: {error}", "train again with plain trees") from error
        return np.asarray(own, dtype=np.float64).reshape(len(matrix), -1, matrix.shape[1] + 1)


def attribute(
    classifier: SilentDefectionClassifier, X: pd.DataFrame, *, margin: str | None = None, chunk_rows: int = CHUNK_ROWS
) -> Attribution:
    """Explain every row of `X`, working in chunks: the declared margin, or another of the formulation's by name.

    The result holds rows x features doubles; for very many rows take `Explainer.attributions` and keep only what is
    needed.

    Raises
    ------
    ModelError
        The columns are not the model's, there is no such margin, or the contributions do not add up to the margin.
    """
    parts = list(Explainer(classifier, margin=margin).attributions(X, chunk_rows=chunk_rows))
    return Attribution(
        features=parts[0].features,
        values=np.concatenate([part.values for part in parts]),
        base=np.concatenate([part.base for part in parts]),
        margin=np.concatenate([part.margin for part in parts]),
        declared=parts[0].declared,
    )
