"""A bundle as MLflow serves it: what `mlflow.pyfunc.load_model` calls. The bundle checks its own hashes; no pickle."""

from __future__ import annotations

from typing import Any

import pandas as pd

from churnml.model.bundle import Bundle


class Served:
    """Calibrated chances from a table of features, by the bundle of any formulation."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, X: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row per row of `X`, same index: `p_retained`, `p_silent`, `p_vocal`.

        Columns may come in any order, and categories as text; `params` are not used.

        Raises
        ------
        ModelError
            A column is missing or of the wrong type; the message names it.
        """
        ordered = [name for name in self.bundle.columns if name in X]
        table = X[[*ordered, *(name for name in X if name not in ordered)]]
        types = {
            feature["name"]: "category" if feature["type"] == "category" else "float64"
            for feature in self.bundle.features
            if feature["name"] in X and (feature["type"] == "category" or X[feature["name"]].isna().all())
        }
        chances = self.bundle.predict_proba(table.astype(types))
        return pd.DataFrame(chances, columns=[f"p_{name}" for name in self.bundle.classes], index=X.index)


def _load_pyfunc(path: str) -> Served:
    return Served(Bundle.load(path))
