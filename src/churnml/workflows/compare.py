"""Versions side by side on the rows all of them were tested on, with paired differences, logged as a run."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.errors import ModelError
from churnml.evaluation.compare import compare as compare_models
from churnml.evaluation.evaluate import evaluate
from churnml.evaluation.judge import NO_VOICE
from churnml.model.bundle import Bundle
from churnml.outcomes import OUTCOMES
from churnml.tracking import ModelVersion, RunRecord, Tracker
from churnml.workflows.business import takes_path
from churnml.workflows.evidence import markdown
from churnml.workflows.plots import difference_plot

KEYS = ["customer", "as_of"]
CHANCES = [f"p_{outcome}" for outcome in OUTCOMES]
SHOWN = (
    ("all", "log_loss"),
    ("silent", "auroc"),
    ("silent", "average_precision"),
    ("silent", "lift_at_10pct"),
    ("silent", "calibration_error"),
)
"""What the tables to read show, among customers without voice before."""


@dataclass(frozen=True)
class Compared:
    """Figures of each version and their paired differences, on the same rows.

    Attributes
    ----------
    reference : the version that the others are measured against
    rows, snapshots : how many test rows all versions share, and at which snapshots
    metrics : the columns of `Evaluation.metrics`
    differences : `model` minus `baseline`, for every two versions; each other version minus the reference comes first
    settings : one row per setting in which the versions differ, one column per version
    run_id : the comparison's own run
    """

    reference: str
    rows: int
    snapshots: tuple[str, ...]
    metrics: pd.DataFrame
    differences: pd.DataFrame
    settings: pd.DataFrame
    run_id: str

    def summary(self) -> dict[str, Any]:
        """Everything in plain values."""
        return {
            "reference": self.reference,
            "rows": self.rows,
            "snapshots": list(self.snapshots),
            "metrics": plain(self.metrics),
            "differences": plain(self.differences),
            "settings": plain(self.settings),
            "run_id": self.run_id,
        }

    def table(self) -> pd.DataFrame:
        """One row per version: the leading figures with intervals."""
        return wide(self.metrics, ["model"]).rename(columns={"model": "version"})

    def difference_table(self) -> pd.DataFrame:
        """One row per other version: its figures minus the reference's."""
        against = self.differences[self.differences["baseline"] == self.reference]
        return wide(against, ["model"], sign="+").rename(columns={"model": "version"})


@takes_path
def compare(config: Config, versions: list[str]) -> Compared:
    """Compare trained versions (default: all of them) on the test rows they share, and log this as a run.

    The first version is the reference; by default it is the champion.

    Raises
    ------
    ModelError
        Fewer than two versions, or they were tested on different rows only.
    """
    tracker = Tracker(None, Path(config.paths.models), config.project)
    versions = list(dict.fromkeys(versions)) or _every(tracker)
    if len(versions) < 2:
        raise ModelError(
            f"project {config.project} has {len(versions)} trained version(s)",
            "train at least two before comparing them",
        )
    reference, *others = versions
    found = {version: tracker.version(version) for version in versions}
    tested = {version: predictions(tracker, each) for version, each in found.items()}
    shared = shared_rows(tested)
    first = tested[reference].loc[shared]
    chances = {version: tested[version].loc[shared, CHANCES].to_numpy() for version in (*others, reference)}
    rounds, seed = config.model.bootstrap, config.model.seed
    about = (first["group"], first["voiced"])
    dates = pd.to_datetime(shared.get_level_values("as_of"))
    metrics = evaluate(first["outcome"], chances, *about, dates, model=reference, n_bootstrap=rounds, seed=seed).metrics
    differences = compare_models(first["outcome"], chances, *about, n_bootstrap=rounds, seed=seed)
    differences = differences.sort_values("baseline", key=lambda names: names != reference, kind="stable")
    settings = _settings({version: bundle_of(tracker, each) for version, each in found.items()})
    result = Compared(
        reference=reference,
        rows=len(shared),
        snapshots=tuple(sorted(set(shared.get_level_values("as_of")))),
        metrics=metrics.sort_values("model", key=lambda names: names.map(versions.index), kind="stable"),
        differences=differences,
        settings=settings,
        run_id="",
    )
    run_id = tracker.log_comparison(f"{', '.join(others)} against {reference}", _record(result, versions))
    return Compared(**{**vars(result), "run_id": run_id})


def bundle_of(tracker: Tracker, version: ModelVersion) -> Bundle:
    """The verified bundle of a version."""
    with tempfile.TemporaryDirectory(prefix="churnml-") as folder:
        return Bundle.load(tracker.download_bundle(version.version, Path(folder) / "bundle"))


def predictions(tracker: Tracker, version: ModelVersion) -> pd.DataFrame:
    """What a version said of its test rows, by pseudonym and snapshot."""
    with tempfile.TemporaryDirectory(prefix="churnml-") as folder:
        file = tracker.download(version.run_id, "tables/test_predictions.csv", Path(folder) / "predictions.csv")
        return pd.read_csv(
            file, dtype={"customer": str, "group": str, "as_of": str}, float_precision="round_trip"
        ).set_index(KEYS)


def shared_rows(tested: Mapping[str, pd.DataFrame]) -> Any:
    """The rows all versions were tested on, with the same outcome. ModelError when there are none."""
    tables = list(tested.values())
    shared = tables[0].index
    for table in tables[1:]:
        shared = shared.intersection(table.index)
    same = pd.concat([table.loc[shared, "outcome"] for table in tables], axis=1).nunique(axis=1) == 1
    shared = shared[same.to_numpy()].sort_values()
    if not len(shared):
        raise ModelError(
            f"versions {', '.join(tested)} were tested on different rows only",
            "compare versions that share test snapshots: train the older configuration again on the newer data",
        )
    return shared


def wide(table: pd.DataFrame, by: list[str], sign: str = "") -> pd.DataFrame:
    """A table to read: one row per `by`, the figures of `SHOWN` with their intervals."""
    led = table[table["population"] == NO_VOICE]
    rows = []
    for key, part in led.groupby(by, sort=False):
        row = dict(zip(by, key, strict=True))
        for outcome, metric in SHOWN:
            figure = part[(part["outcome"] == outcome) & (part["metric"] == metric)].iloc[0]
            value, low, high = (format(figure[name], f"{sign}.4f") for name in ("value", "low", "high"))
            row[metric if outcome == "all" else f"{metric} {outcome}"] = f"{value} [{low}, {high}]"
        rows.append(row)
    return pd.DataFrame(rows)


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as plain values."""
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return records


def difference_figures(differences: pd.DataFrame, label: str, what: str) -> dict[str, Any]:
    """A plot of the differences of each leading figure, by name; `label` is the column that names a row."""
    led = differences[differences["population"] == NO_VOICE]
    drawn = {}
    for outcome, metric in SHOWN:
        part = led[(led["outcome"] == outcome) & (led["metric"] == metric)]
        of = "" if outcome == "all" else f" of {outcome} defection"
        title = f"{metric.replace('_', ' ')}{of}, no voice before\n{what}"
        drawn[f"difference_{metric}_{outcome}"] = difference_plot(part, part[label], title)
    return drawn


def _every(tracker: Tracker) -> list[str]:
    """All versions, the champion first, then the newest first."""
    runs = tracker.runs().dropna(subset="version")
    versions = sorted(map(str, runs["version"]), key=int, reverse=True)
    champion = tracker.champion()
    return sorted(versions, key=lambda version: champion is None or version != champion.version)


def _settings(bundles: dict[str, Bundle]) -> pd.DataFrame:
    flat = {version: _flat(_specified(bundle)) for version, bundle in bundles.items()}
    names = sorted({name for values in flat.values() for name in values})
    rows = [{"setting": name, **{v: json.dumps(values.get(name)) for v, values in flat.items()}} for name in names]
    return pd.DataFrame(
        [row for row in rows if len({row[version] for version in bundles}) > 1], columns=["setting", *bundles]
    )


def _specified(bundle: Bundle) -> dict[str, Any]:
    files = hashlib.sha256("".join(sorted(bundle.sources.values())).encode()).hexdigest()[:12]
    learnt = {"files": files, "first snapshot": bundle.snapshots[0], "last snapshot": bundle.snapshots[-1]}
    own = {"custom features": bundle.notes["custom_features"], "classifier": bundle.classifier.get_params()}
    return {**bundle.config, **own, "learnt from": learnt}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _record(compared: Compared, versions: list[str]) -> RunRecord:
    led = compared.metrics[compared.metrics["population"] == NO_VOICE].to_dict(orient="records")
    return RunRecord(
        description=(
            f"Versions {', '.join(versions)} on {compared.rows:,} test rows that all share (snapshots "
            f"{', '.join(compared.snapshots)}), customers with {NO_VOICE}. Differences are to version "
            f"{compared.reference}, paired, with 95% intervals from a bootstrap of whole groups of customers.\n\n"
            f"{markdown(compared.table())}\n\nDifferences:\n\n{markdown(compared.difference_table())}"
        ),
        params={"versions": ", ".join(versions), "reference": compared.reference, "rows": compared.rows},
        metrics={
            f"{row['metric']}_{row['outcome']}/version_{row['model']}": float(row["value"])
            for row in led
            if (row["outcome"], row["metric"]) in SHOWN
        },
        tables={
            "comparison": compared.table(),
            "difference": compared.difference_table(),
            "metrics": compared.metrics,
            "differences": compared.differences,
            "settings": compared.settings,
        },
        figures=difference_figures(
            compared.differences[compared.differences["baseline"] == compared.reference].assign(
                version=lambda table: "version " + table["model"]
            ),
            "version",
            f"minus version {compared.reference}",
        ),
        tags={"churnml.kind": "versions"},
    )
