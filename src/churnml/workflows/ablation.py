"""What each family of features is worth: the default model without it, on origins inside the training period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from churnml.config import Config
from churnml.errors import ModelError
from churnml.evaluation.evaluate import evaluate
from churnml.evaluation.judge import NO_VOICE
from churnml.model.training import out_of_time
from churnml.outcomes import OUTCOMES
from churnml.tracking import RunRecord, Tracker
from churnml.workflows.business import Progress, open_business, silently, takes_path
from churnml.workflows.compare import SHOWN, difference_figures, plain, wide
from churnml.workflows.evidence import markdown
from churnml.workflows.rows import labelled, split
from churnml.workflows.train import classifier, splitter

if TYPE_CHECKING:
    from churnml.model.split import Fold

WHOLE = "all features"


@dataclass(frozen=True)
class Ablated:
    """The model with all features beside the model without each family, on out-of-time rows of the training period.

    Attributes
    ----------
    rows, origins : how many rows were predicted out of time, and at which snapshots
    columns : family -> how many columns of it the model reads
    metrics : the columns of `Evaluation.metrics`; `model` is `all features` or `without <family>`
    differences : all features minus without the family: what the family is worth. Log loss and calibration error are
        better when small, so there a family that helps has a difference below 0
    run_id : the comparison's own run
    """

    rows: int
    origins: tuple[str, ...]
    columns: dict[str, int]
    metrics: pd.DataFrame
    differences: pd.DataFrame
    run_id: str

    def summary(self) -> dict[str, Any]:
        """Everything in plain values."""
        return {
            "rows": self.rows,
            "origins": list(self.origins),
            "columns": self.columns,
            "metrics": plain(self.metrics),
            "differences": plain(self.differences),
            "run_id": self.run_id,
        }

    def table(self) -> pd.DataFrame:
        """One row per family: what it is worth, with intervals."""
        table = wide(self.differences, ["baseline"], sign="+").rename(columns={"baseline": "family"})
        table["family"] = table["family"].str.removeprefix("without ")
        table.insert(1, "columns", table["family"].map(self.columns))
        return table


@takes_path
def ablate(
    config: Config, *, known_at: datetime | None = None, root: Path | None = None, progress: Progress = silently
) -> Ablated:
    """Predict the last training snapshots out of time with all features and without each family, and log this as a run.

    The model is the one the configuration gives before any search, uncalibrated. The test snapshots stay closed: what
    is decided by this table has not looked at them.

    Raises
    ------
    ModelError
        There is one family only, or history is too short for a fold.
    """
    with open_business(config, root, progress) as business:
        data = labelled(business, known_at, progress)
    learn, _ = split(data, config)
    families: dict[str, list[str]] = {}
    for card in learn.recipe.cards:
        families.setdefault(card.family, []).append(card.name)
    if len(families) < 2:
        raise ModelError(f"the model reads features of one family only ({next(iter(families), 'none')})")
    left_out = {WHOLE: list[str](), **{f"without {name}": columns for name, columns in families.items()}}
    predicted = {}
    for done, (name, columns) in enumerate(left_out.items()):
        progress("leaving out families", done, len(left_out))
        predicted[name] = out_of_time(
            learn.X,
            learn.outcome,
            learn.as_of,
            classifier=classifier(config, config.model.seed),
            splitter=splitter(config, config.model.folds),
            fold=_without(learn.fold, columns),
        )
    progress("leaving out families", len(left_out), len(left_out))
    first = predicted[WHOLE]
    if first.empty:
        raise ModelError(
            "no training snapshot can be predicted out of time", "give more history, or fewer test snapshots"
        )
    rows = first["row"].to_numpy()
    judged = evaluate(
        first["outcome"],
        {name: table[[f"p_{outcome}" for outcome in OUTCOMES]].to_numpy() for name, table in predicted.items()},
        learn.group_id[rows],
        learn.voiced[rows],
        first["as_of"],
        model=WHOLE,
        n_bootstrap=config.model.bootstrap,
        seed=config.model.seed,
    )
    result = Ablated(
        rows=len(first),
        origins=tuple(sorted(first["as_of"].dt.strftime("%Y-%m-%d").unique())),
        columns={name: len(columns) for name, columns in families.items()},
        metrics=judged.metrics,
        differences=judged.differences,
        run_id="",
    )
    tracker = Tracker(None, Path(config.paths.models), config.project)
    return Ablated(**{**vars(result), "run_id": tracker.log_comparison("feature families", _record(result))})


def _without(fold: Fold, columns: list[str]) -> Fold:
    def thinner(train: Any, test: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
        learnt, judged = fold(train, test)
        return learnt.drop(columns=columns), judged.drop(columns=columns)

    return thinner


def _record(ablated: Ablated) -> RunRecord:
    led = ablated.differences[ablated.differences["population"] == NO_VOICE]
    worth = {
        f"{row['metric']}_{row['outcome']}/{row['baseline'].removeprefix('without ')}": float(row["value"])
        for row in led.to_dict(orient="records")
        if (row["outcome"], row["metric"]) in SHOWN
    }
    return RunRecord(
        description=(
            f"What each family of features is worth: all features minus without the family, on {ablated.rows:,} rows "
            f"predicted out of time at origins inside the training period ({', '.join(ablated.origins)}), customers "
            f"with {NO_VOICE}. The parameters are those of the configuration, before any search and calibration. 95% "
            "intervals, paired, from a bootstrap of whole groups of customers. Smaller is better for log loss and "
            f"calibration error.\n\n{markdown(ablated.table())}"
        ),
        params={"rows": ablated.rows, "origins": ", ".join(ablated.origins), "families": ", ".join(ablated.columns)},
        metrics=worth,
        tables={"families": ablated.table(), "metrics": ablated.metrics, "differences": ablated.differences},
        figures=difference_figures(
            ablated.differences.assign(family=lambda table: table["baseline"].str.removeprefix("without ")),
            "family",
            "all features minus without the family",
        ),
        tags={"churnml.kind": "feature families"},
    )
