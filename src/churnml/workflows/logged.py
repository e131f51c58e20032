"""A training as the tracking server shows it: names that sort, a description to read, data and git lineage."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.evaluation.evaluate import LEADING, Evaluation
from churnml.tracking import Sample
from churnml.workflows.evidence import counts, days, markdown

if TYPE_CHECKING:
    from churnml.config import Config
    from churnml.dataset import Dataset
    from churnml.evaluation.findings import Audit
    from churnml.model.bundle import Bundle
    from churnml.model.classifier import SilentDefectionClassifier
    from churnml.model.training import Fitted
    from churnml.model.tuning import Tuning

GIT_PATIENCE_S = 10


def parameters(
    config: Config, model: Fitted[SilentDefectionClassifier], tuned: Tuning, learn: Dataset, trials: int
) -> dict[str, Any]:
    """What was chosen: the classifier's own parameters by their names, the rest in groups."""
    rule = config.snapshots
    return {
        **model.classifier.get_params(),
        "calibration": model.calibration.method,
        "data.features": learn.X.shape[1],
        "data.training_rows": len(learn),
        "data.first_snapshot": days(learn)[0].isoformat(),
        "data.last_snapshot": days(learn)[-1].isoformat(),
        "outcome.defection_by": config.defection.by,
        "outcome.horizon_days": rule.horizon_days,
        "outcome.lead_days": rule.lead_days,
        "search.objective": tuned.objective.name,
        "search.trials": trials,
    }


def figures(evaluation: Evaluation, tuned: Tuning, model: str) -> dict[str, float]:
    """Every figure of the model as `population_outcome/metric`, and of all models the leading one.

    The group `lead` holds the leading figure, its interval, and by how much it exceeds each baseline's.
    """
    table = evaluation.metrics[evaluation.metrics["model"] == model]
    named = {
        _name(row["population"], row["outcome"], row["metric"]): float(row["value"])
        for row in table.to_dict(orient="records")
    }
    first = _leading(table).iloc[0]
    metric = LEADING[2]
    named |= {f"lead/{metric}": float(first["value"])}
    named |= {f"lead/{metric}_{side}": float(first[side]) for side in ("low", "high")}
    for row in _leading(evaluation.differences).to_dict(orient="records"):
        named[f"lead/{metric}_over_{_plain(row['baseline'])}"] = float(row["value"])
    for row in _leading(evaluation.metrics).to_dict(orient="records"):
        if row["model"] != model:
            named[f"baselines/{metric}_{_plain(row['model'])}"] = float(row["value"])
    if np.isfinite(tuned.gain):
        named["search/gain_on_folds"] = tuned.gain
    return named


def curves(tuned: Tuning) -> dict[str, pd.Series]:
    """The search, trial by trial: each value, and the best so far."""
    values = tuned.complete.set_index("trial")[tuned.objective.name]
    best = values.cummin() if tuned.objective.direction == "minimize" else values.cummax()
    return {f"search/{tuned.objective.name}": values, "search/best": best} if len(values) else {}


def description(
    evaluation: Evaluation, tuned: Tuning, audit: Audit, learn: Dataset, test: Dataset, fallback: str | None
) -> str:
    """The run in a few lines of Markdown: how good, on what, found how, audited with what result."""
    wanted = [LEADING, (LEADING[0], "silent", "average_precision"), (LEADING[0], "all", "log_loss")]
    rows = []
    for name, part in evaluation.metrics.groupby("model", sort=False):
        row = {"model": str(name)}
        found = {(each["population"], each["outcome"], each["metric"]): each for each in part.to_dict(orient="records")}
        for key in wanted:
            value, low, high = (float(found[key][column]) for column in ("value", "low", "high"))
            row[f"{key[2].replace('_', ' ')}, {key[1]}"] = f"{value:.3f} [{low:.3f}, {high:.3f}]"
        rows.append(row)
    search = "no search for parameters"
    if len(tuned.trials):
        search = (
            f"{len(tuned.trials)} trials ({len(tuned.trials) - len(tuned.complete)} given up early) made "
            f"{tuned.objective.name} on the folds better by {tuned.gain:.4f} than the parameters to begin with"
        )
    return "\n".join(
        [
            f"Silent defection among customers with {LEADING[0]}, on the test snapshots, with 95% intervals:",
            "",
            markdown(pd.DataFrame(rows)),
            "",
            f"- learnt from {_said(learn)}",
            f"- tested on {_said(test)}",
            f"- {search}",
            f"- leakage audit {'passed' if audit.passed else 'FAILED'}",
            *([f"- note: {fallback}"] if fallback else []),
        ]
    )


def sample(context: str, data: Dataset) -> Sample:
    """Rows of the labelled table, by a hash of features and outcomes."""
    digest = hashlib.sha256(repr(list(data.X.columns)).encode())
    for part in (data.X, pd.Series(data.outcome, dtype=object), data.keys["as_of"]):
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    kinds = {str(name): "category" if data.X[name].dtype == "category" else "number" for name in data.X.columns}
    return Sample(context, digest.hexdigest(), len(data), kinds)


def example(bundle: Bundle) -> pd.DataFrame:
    """One made-up row for the model's signature: the usual number of every feature, the first of its categories."""
    usual = bundle.usual
    values: dict[str, Any] = {}
    for feature in bundle.features:
        name = feature["name"]
        edges = bundle.histograms[name]["edges"] if feature["type"] == "category" else []
        values[name] = str(edges[0]) if edges else usual.get(name, 0.0)
    return pd.DataFrame([values])


def git_lineage(config: Config) -> dict[str, str]:
    """Commit and branch of the repository that the configuration lies in, and whether it held other changes.

    Empty where there is no repository or no git. The address of a remote is not told: it may hold a password.
    """
    folder = config.file.parent if config.file else Path()
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    told = {"commit": commit, "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD") or ""}
    return {**told, "uncommitted_changes": "unknown" if changes is None else str(bool(changes)).lower()}


def tags(config: Config, audit: Audit, git: dict[str, str]) -> dict[str, str]:
    """What to filter runs by; those that MLflow knows by a name of its own under that name."""
    known = {"mlflow.source.type": "LOCAL", "mlflow.source.name": config.file.name if config.file else config.project}
    if git:
        known |= {"mlflow.source.git.commit": git["commit"], "mlflow.source.git.branch": git["branch"]}
        known["churnml.uncommitted_changes"] = git["uncommitted_changes"]
    passed = "passed" if audit.passed else "failed"
    own = {"project": config.project, "config": config.digest(), "leakage_audit": passed}
    return known | {f"churnml.{name}": value for name, value in own.items()}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=GIT_PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _leading(table: pd.DataFrame) -> pd.DataFrame:
    population, outcome, metric = LEADING
    return table[(table["population"] == population) & (table["outcome"] == outcome) & (table["metric"] == metric)]


def _name(population: str, outcome: str, metric: str) -> str:
    return f"{_plain(population)}_{outcome}/{metric}"


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def _said(data: Dataset) -> str:
    found, dates = counts(data), days(data)
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in found.items())
    return f"{len(data):,} rows ({told}) of {len(dates)} snapshots, {dates[0]} to {dates[-1]}"
