"""How `mlflow.pyfunc` reads a bundle: verified, as text and JSON, without pickle. It does not import mlflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.model.bundle import Bundle


@dataclass(frozen=True)
class Scorer:
    """A bundle as MLflow calls it: a table of features in, calibrated chances out."""

    bundle: Bundle

    def predict(self, X: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Chances `p_retained`, `p_silent`, `p_vocal` (n, 3) from the features (n, f) of the signature.

        Columns may come in any order, and categories as text; `params` are not used.

        Raises
        ------
        ModelError
            A column is missing, too many or of the wrong type; the message names it.
        """
        ordered = [name for name in self.bundle.columns if name in X]
        table = X[[*ordered, *(name for name in X if name not in ordered)]]
        types = {
            feature["name"]: "category" if feature["type"] == "category" else "float64"
            for feature in self.bundle.features
            if feature["name"] in X and (feature["type"] == "category" or X[feature["name"]].isna().all())
        }
        columns = [f"p_{outcome}" for outcome in self.bundle.classes]
        return pd.DataFrame(self.bundle.predict_proba(table.astype(types)), columns=columns, index=X.index)


def _load_pyfunc(data_path: str) -> Scorer:
    """What MLflow calls with the folder of the bundle. ModelError when a byte of it was changed."""
    return Scorer(Bundle.load(Path(data_path)))
