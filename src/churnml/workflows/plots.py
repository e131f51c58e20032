"""The plots that a training run leaves in the model store, for data scientists; the report draws its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.evaluation.judge import NO_VOICE
from churnml.explanation.attribution import Attribution

if TYPE_CHECKING:
    from churnml.evaluation.evaluate import Evaluation

DEPENDENCE_PLOTS = 3


def training_plots(
    attribution: Attribution, X: pd.DataFrame, evaluation: Evaluation, trials: pd.DataFrame, folder: Path
) -> dict[str, Path]:
    """Draw shap's beeswarm, dependence and waterfall plots, calibration and the search, as PNG in `folder`, by name.

    `attribution` explains the rows of `X`. Categories are drawn as their numbers.
    """
    import matplotlib

    matplotlib.use("Agg", force=False)
    import matplotlib.pyplot as plt
    import shap

    numbers = pd.DataFrame(
        {name: X[name].cat.codes if X[name].dtype == "category" else X[name] for name in X.columns}, dtype=float
    )
    explanation = shap.Explanation(
        values=attribution.values,
        base_values=attribution.base,
        data=numbers.to_numpy(),
        feature_names=list(attribution.features),
    )
    strongest = np.argsort(-np.abs(attribution.values).mean(axis=0))[:DEPENDENCE_PLOTS]
    riskiest = int(np.argmax(attribution.margin))
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, Path] = {}

    def keep(name: str) -> None:
        drawn[name] = folder / f"{name}.png"
        plt.gcf().savefig(drawn[name], dpi=110, bbox_inches="tight")
        plt.close("all")

    shap.plots.beeswarm(explanation, max_display=20, show=False)
    keep("shap_beeswarm")
    for position in strongest:
        shap.plots.scatter(explanation[:, int(position)], show=False)
        keep(f"shap_dependence_{attribution.features[position]}")
    shap.plots.waterfall(explanation[riskiest], max_display=12, show=False)
    keep("shap_waterfall_riskiest")
    _calibration(plt, evaluation)
    keep("calibration")
    if len(trials) > 1:
        _search(plt, trials)
        keep("parameter_search")
    return drawn


def _calibration(plt: Any, evaluation: Evaluation) -> None:
    table = evaluation.calibration
    table = table[(table["population"] == NO_VOICE) & (table["outcome"] == "silent")]
    _, axes = plt.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for model, part in table.groupby("model", sort=False):
        axes.plot(part["predicted"], part["observed"], marker="o", markersize=3, label=model)
    axes.set(
        xlabel="predicted chance of leaving silently", ylabel="share that did", title="Calibration, no voice before"
    )
    axes.legend(frameon=False)


def _search(plt: Any, trials: pd.DataFrame) -> None:
    done = trials[trials["state"] == "complete"]
    _, axes = plt.subplots(figsize=(6, 3.5))
    axes.plot(done["trial"], done["log_loss"], "o", markersize=4)
    axes.step(done["trial"], done["log_loss"].cummin(), where="post", color="0.4")
    axes.set(xlabel="trial", ylabel="log loss on the folds", title="Parameter search")
