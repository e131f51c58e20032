"""Plots for data scientists: of a training run, into the model store, and of definitions; the report draws its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.errors import ConfigError
from churnml.evaluation.judge import NO_VOICE
from churnml.explanation.attribution import Attribution

if TYPE_CHECKING:
    from churnml.evaluation.evaluate import Evaluation
    from churnml.model.tuning import Tuning
    from churnml.workflows.define import DefinitionLab

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


def check_picture(path: Path) -> None:
    """Refuse a file that is no picture.

    Raises
    ------
    ConfigError
        Its name ends neither in .svg nor in .png.
    """
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"{path}: a picture is written as .svg or .png")


def definition_plot(lab: DefinitionLab, path: Path) -> Path:
    """Draw the silences and the definitions into a file (.svg or .png); the same data give the same bytes."""
    check_picture(path)
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "churnml", "axes.spines.top": False, "axes.spines.right": False}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 4), layout="constrained")
        silence, share = figure.subplots(1, 2)
        told = lab.silences[lab.silences["silences"] > 0]
        silence.fill_between(told["quiet_days"], told["low"], told["high"], color="0.85", linewidth=0)
        silence.plot(told["quiet_days"], told["returned"], color="C0")
        silence.axhline(lab.returning, color="0.6", linewidth=1, linestyle=":")
        silence.axvline(lab.configured.horizon_days, color="0.4", linewidth=1, label="configured horizon")
        if lab.suggestion.quiet_days is not None:
            silence.axvline(lab.suggestion.quiet_days, color="C3", linewidth=1, linestyle="--", label="suggested")
        silence.set(
            xlabel="days of silence", ylabel=f"share broken within {lab.follow_days} more days", ylim=(0, 1),
            title="When does silence mean leaving?",
        )  # fmt: skip
        silence.legend(frameon=False)
        for active, part in lab.definitions.groupby("active_within_days"):
            (line,) = share.plot(part["horizon_days"], part["left"], marker="o", markersize=3, label=f"left ({active})")
            share.plot(
                part["horizon_days"], part["back"], marker="o", markersize=3, linestyle=":", color=line.get_color(),
                label=f"of the quiet ones, back ({active})",
            )  # fmt: skip
        share.set(xlabel="horizon, days", ylabel="share", ylim=(0, 1), title="Who leaves (active within so many days)")
        share.legend(frameon=False, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None, dpi=110)
    return path
