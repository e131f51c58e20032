"""Plots for data scientists: of a training run, into the model store, and of definitions; the report draws its own."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.errors import ConfigError
from churnml.evaluation.judge import NO_VOICE
from churnml.explanation.attribution import Attribution
from churnml.report.palette import FAINT, INK, LINES, MUTED, RED, RULE

if TYPE_CHECKING:
    from churnml.evaluation.evaluate import Evaluation
    from churnml.model.tuning import Tuning
    from churnml.workflows.define import DefinitionLab

DEPENDENCE_PLOTS = 3
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "churnml",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "lines.markersize": 4,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "ytick.major.size": 0,
}
"""How the picture of definitions is drawn: as the page draws."""


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

    with matplotlib.rc_context(_STYLE):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 4.2), layout="constrained", facecolor="white")
        silence, share = figure.subplots(1, 2)
        _silences(silence, lab)
        for colour, (active, part) in zip(cycle(LINES), lab.definitions.groupby("active_within_days"), strict=False):
            who = f"of those active within {active} days"
            share.plot(part["horizon_days"], part["left"], "o-", color=colour, label=f"left, {who}")
            share.plot(part["horizon_days"], part["back"], "o:", color=colour, label=f"quiet, but came back, {who}")
        share.set_xlabel("Days looked ahead", loc="left")
        share.set_title("Who would count as having left", loc="left")
        share.legend(frameon=False, fontsize=8)
        for axes in (silence, share):
            axes.set_ylim(0, 1)
            axes.grid(axis="y")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None, dpi=110)
    return path


def _silences(axes: Any, lab: DefinitionLab) -> None:
    told = lab.silences[lab.silences["silences"] > 0]
    axes.fill_between(told["quiet_days"], told["low"], told["high"], color=FAINT, linewidth=0)
    axes.plot(told["quiet_days"], told["returned"], color=INK)
    axes.axhline(
        lab.returning, color=MUTED, linewidth=1, linestyle=":", label=f"few enough: {lab.returning:.0%} come back"
    )
    horizon, suggested = lab.configured.horizon_days, lab.suggestion.quiet_days
    axes.axvline(horizon, color=MUTED, linewidth=1.2, label=f"as configured: {horizon} days")
    if suggested is not None:
        axes.axvline(suggested, color=RED, linewidth=1.6, linestyle="--", label=f"suggested: {suggested:.0f} days")
    axes.set_xlabel(f"Days of silence; the line: who came back within {lab.follow_days} more days", loc="left")
    axes.set_title("When does silence mean leaving?", loc="left")
    axes.legend(frameon=False, fontsize=9)
