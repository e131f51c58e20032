"""Versions side by side on the rows all of them were tested on, and the rule by which one becomes champion."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.errors import ModelError
from churnml.evaluation.compare import compare as compare_models
from churnml.evaluation.compare import promotion_verdict
from churnml.evaluation.evaluate import evaluate
from churnml.evaluation.judge import NO_VOICE
from churnml.model.bundle import Bundle
from churnml.outcomes import OUTCOMES
from churnml.tracking import ModelVersion, Tracker
from churnml.workflows.evidence import unpack

KEYS = ["customer", "as_of"]
CHANCES = [f"p_{outcome}" for outcome in OUTCOMES]
SHOWN = (("all", "log_loss"), ("silent", "auroc"), ("silent", "average_precision"), ("silent", "lift_at_10pct"))


@dataclass(frozen=True)
class Compared:
    """Figures of each version and their paired differences, on the same rows."""

    reference: str
    rows: int
    metrics: pd.DataFrame
    differences: pd.DataFrame

    def records(self) -> list[dict[str, Any]]:
        """The figures as plain values."""
        return _plain(self.metrics)

    def difference_records(self) -> list[dict[str, Any]]:
        """The differences as plain values."""
        return _plain(self.differences)

    def table(self) -> pd.DataFrame:
        """One row per version: the leading figures with intervals."""
        return _wide(self.metrics, ["model"])

    def difference_table(self) -> pd.DataFrame:
        """One row per pair of versions."""
        return _wide(self.differences, ["model", "baseline"])


def compare(config: Config, versions: list[str]) -> Compared:
    """Compare trained versions (default: all of them) on the test rows they share.

    Raises
    ------
    ModelError
        Fewer than two versions, or they were tested on different rows only.
    """
    tracker = Tracker(None, Path(config.paths.models), config.project)
    if not versions:
        versions = sorted((str(v) for v in tracker.runs()["version"].dropna()), key=int)
    if len(versions) < 2:
        raise ModelError(
            f"project {config.project} has {len(versions)} trained version(s)",
            "train at least two before comparing them",
        )
    predictions = {version: _predictions(tracker, tracker.version(version)) for version in versions}
    shared = _shared(predictions)
    first = predictions[versions[0]].loc[shared]
    chances = {version: table.loc[shared, CHANCES].to_numpy() for version, table in predictions.items()}
    rules = {"n_bootstrap": config.model.bootstrap, "seed": config.model.seed}
    about = (first["group"], first["voiced"])
    dates = pd.to_datetime(first.index.get_level_values("as_of"))
    judged = evaluate(
        first["outcome"], chances, *about, dates, n_bootstrap=config.model.bootstrap, seed=config.model.seed
    )
    differences = compare_models(first["outcome"], chances, *about, **rules)
    return Compared(versions[0], len(shared), judged.metrics, differences)


def promote(config: Config, version: str | None = None, *, force: bool = False) -> dict[str, Any]:
    """Make `version` (default: the challenger) the champion, if it has earned it.

    A refresh (the champion's own configuration on newer data) must not be worse; a new specification must be better
    beyond noise. Either must have passed its leakage audit. `force` overrules this and is recorded.

    Raises
    ------
    ModelError
        There is no such version, or it has not earned it; the message says why.
    """
    tracker = Tracker(None, Path(config.paths.models), config.project)
    candidate = tracker.version(version) if version is not None else tracker.challenger()
    champion = tracker.champion()
    if candidate is None:
        raise ModelError(f"no challenger for project {config.project}", "run churnml train first")
    if champion is not None and champion.version == candidate.version:
        return {"champion": champion.version, "why": "it is the champion already"}
    promoted, why = _verdict(config, tracker, candidate, champion)
    if not promoted and not force:
        raise ModelError(f"version {candidate.version} was not promoted: {why}", "--force promotes it all the same")
    why = why if promoted else f"forced, although {why}"
    tracker.promote(candidate.version, why)
    return {"champion": candidate.version, "why": why}


def _verdict(
    config: Config, tracker: Tracker, candidate: ModelVersion, champion: ModelVersion | None
) -> tuple[bool, str]:
    bundle = _bundle(tracker, candidate)
    audit = unpack(bundle.notes["audit"])
    if not audit["passed"].all():
        failed = audit[~audit["passed"].astype(bool)].drop_duplicates(["gate", "feature"])
        names = [f"{row['gate']} ({row['feature']})" for row in failed.to_dict(orient="records")]
        return False, f"its leakage audit failed: {'; '.join(names[:5])}"
    if champion is None:
        return True, "there is no champion to compare it with, and its leakage audit passed"
    predictions = {"champion": _predictions(tracker, champion), "challenger": _predictions(tracker, candidate)}
    shared = _shared(predictions)
    rows = predictions["champion"].loc[shared]
    verdict = promotion_verdict(
        rows["outcome"],
        rows[CHANCES].to_numpy(),
        predictions["challenger"].loc[shared, CHANCES].to_numpy(),
        rows["group"],
        rows["voiced"],
        refresh=_specification(bundle) == _specification(_bundle(tracker, champion)),
        n_bootstrap=config.model.bootstrap,
        seed=config.model.seed,
    )
    return verdict.promote, verdict.why


def _specification(bundle: Bundle) -> tuple[Any, ...]:
    """What makes two trainings the same but for their data: the configuration, and what overruled it."""
    tuning = bundle.notes["tuning"]
    return bundle.config_digest, tuning["seed"], tuning["trials"]


def _bundle(tracker: Tracker, version: ModelVersion) -> Bundle:
    with tempfile.TemporaryDirectory(prefix="churnml-") as folder:
        return Bundle.load(tracker.download_bundle(version.version, Path(folder) / "bundle"))


def _predictions(tracker: Tracker, version: ModelVersion) -> pd.DataFrame:
    with tempfile.TemporaryDirectory(prefix="churnml-") as folder:
        file = tracker.download(version.run_id, "tables/test_predictions.csv", Path(folder) / "predictions.csv")
        return pd.read_csv(
            file, dtype={"customer": str, "group": str, "as_of": str}, float_precision="round_trip"
        ).set_index(KEYS)


def _shared(predictions: dict[str, pd.DataFrame]) -> Any:
    """The rows all versions were tested on, with the same outcome."""
    tables = list(predictions.values())
    shared = tables[0].index
    for table in tables[1:]:
        shared = shared.intersection(table.index)
    same = pd.concat([table.loc[shared, "outcome"] for table in tables], axis=1).nunique(axis=1) == 1
    shared = shared[same.to_numpy()].sort_values()
    if not len(shared):
        raise ModelError(
            f"versions {', '.join(predictions)} were tested on different rows only",
            "compare versions that share test snapshots",
        )
    return shared


def _wide(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    led = table[table["population"] == NO_VOICE]
    rows = []
    for key, part in led.groupby(by, sort=False):
        row = dict(zip(by, key, strict=True))
        for outcome, metric in SHOWN:
            figure = part[(part["outcome"] == outcome) & (part["metric"] == metric)].iloc[0]
            row[f"{metric} {outcome}"] = f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"
        rows.append(row)
    return pd.DataFrame(rows)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    import json

    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return records
