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
    from churnml.model.tuning import Tuning

DEPENDENCE_PLOTS = 3


def training_plots(
    attribution: Attribution, X: pd.DataFrame, evaluation: Evaluation, tuned: Tuning, folder: Path
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
    if len(tuned.complete) > 1:
        _search(plt, tuned)
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


def _search(plt: Any, tuned: Tuning) -> None:
    name, done = tuned.objective.name, tuned.complete
    best = done[name].cummin() if tuned.objective.direction == "minimize" else done[name].cummax()
    _, axes = plt.subplots(figsize=(6, 3.5))
    axes.plot(done["trial"], done[name], "o", markersize=4, label="a trial")
    axes.step(done["trial"], best, where="post", color="0.4", label="best so far")
    axes.set(xlabel="trial", ylabel=f"{name.replace('_', ' ')} on the folds", title="Parameter search")
    axes.legend(frameon=False)


def difference_plot(table: pd.DataFrame, labels: pd.Series, title: str) -> Any:
    """A dot with its 95% interval for each row of `table` (value, low, high), named by `labels`; a Figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.2 + 0.32 * len(table)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(table))[::-1]
    for place, value, low, high in zip(places, table["value"], table["low"], table["high"], strict=True):
        axes.plot([low, high], [place, place], color="tab:blue", linewidth=2)
        axes.plot([value], [place], "o", color="tab:blue", markersize=5)
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_yticks(places, labels)
    axes.set(xlabel="difference, with its 95% interval", title=title)
    axes.set_ylim(-0.7, len(table) - 0.3)
    return figure
