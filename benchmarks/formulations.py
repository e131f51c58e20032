"""Which formulation and which defaults are best: docs/adr/0011, 0015 and 0016, on snapshots before the test alone.

python benchmarks/formulations.py                           the three presets and both public data sets
python benchmarks/formulations.py --of parameters           ways to grow the trees, in place of the formulations
python benchmarks/formulations.py --of snapshots            whether trees start from the level of each snapshot
python benchmarks/formulations.py telecom configs/oulad.yaml --customers 2000   a first look
python benchmarks/formulations.py configs/oulad.yaml --unseen module            each module predicted from the others

Each variant predicts the last origins of the training period, fitted on what was known by then; the test snapshots
are not even built. Rows are pooled over the origins, and the differences are paired and clustered by group. Chances are
the models' own, before any calibration.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from quality import PUBLIC, markdown, say

import churnml
from churnml.config import Config
from churnml.dataset import Dataset
from churnml.datasets import simulator
from churnml.evaluation.judge import EVERYONE, NO_VOICE, Replicated, Rows, centred, replicate
from churnml.metrics.scores import ClusterBootstrap
from churnml.model.formulations import FORMULATIONS
from churnml.model.split import Fold, RollingOriginSplit
from churnml.model.training import out_of_time
from churnml.outcomes import OUTCOMES
from churnml.workflows.business import open_business
from churnml.workflows.exits import exit_codes
from churnml.workflows.rows import labelled
from churnml.workflows.train import classifier

SEED = 21
"""Of the simulations. Not that of `oracle.py`, where models are judged."""
FIGURES = {
    "log loss, everyone": (EVERYONE, ("all", "log_loss")),
    "AUROC of silent, no voice before": (NO_VOICE, ("silent", "auroc")),
    "average precision of silent, no voice before": (NO_VOICE, ("silent", "average_precision")),
    "calibration error of silent, no voice before": (NO_VOICE, ("silent", "calibration_error")),
}
VARIANTS: dict[str, dict[str, dict[str, str | float | bool]]] = {
    "formulations": {name: {"formulation": name} for name in FORMULATIONS},
    "parameters": {
        "best thresholds": {"extra_trees": False, "n_estimators": 200, "min_child_samples": 100, "lambda_l2": 10.0},
        "best thresholds, 300 trees": {"extra_trees": False},
        "random thresholds": {},
    },
    "snapshots": {"one level": {"snapshot_effects": False}, "a level for each snapshot": {}},
}
"""The variants of each question: parameters of the classifier, by name. The others are held against the first."""
Judged = dict[str, dict[str, Replicated]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the formulations on snapshots before the test.")
    names = [*simulator.PRESETS, *map(str, PUBLIC)]
    parser.add_argument("data", nargs="*", default=names, metavar="PRESET|CONFIG")
    parser.add_argument("--customers", type=int, default=5_000, help="of each simulated company")
    parser.add_argument("--snapshots", type=int, default=9, help="at most so many of the last before the test")
    parser.add_argument("--origins", type=int, default=4, help="at most so many of them are predicted")
    parser.add_argument("--of", choices=VARIANTS, default="formulations", help="what to compare")
    parser.add_argument("--bootstrap", type=int, default=200)
    parser.add_argument(
        "--unseen", metavar="ATTRIBUTE", help="predict each of its groups from the others, untold of it"
    )
    options = parser.parse_args()
    judged: dict[str, Judged] = {}
    with exit_codes(), tempfile.TemporaryDirectory(prefix="churnml-formulations-") as folder:
        for number, name in enumerate(options.data):
            config = configured(name, options.customers, Path(folder) / str(number))
            if options.unseen:
                shown = [name for name in config.features.exclude if name != options.unseen]
                config = config.changed(features={"exclude": shown})
            data = before_the_test(config, options.snapshots)
            chances, rows, about = predicted(data, config, VARIANTS[options.of], options.origins, options.unseen)
            print(f"- {config.project}: {about}", flush=True)
            bootstrap = ClusterBootstrap(rows.group_ids, options.bootstrap, seed=number)
            judged[config.project] = {
                population: replicate(rows, chances, population, bootstrap) for population in (EVERYONE, NO_VOICE)
            }
        print("\n" + markdown(table(judged)))


def configured(name: str, customers: int, folder: Path) -> Config:
    """The configuration of this path, or of a preset's company, simulated into `folder`."""
    if name in simulator.PRESETS:
        made = churnml.simulate(folder, customers=customers, seed=SEED, preset=name, progress=say)
        name = str(made["configuration"])
    return churnml.load_config(Path(name))


def before_the_test(config: Config, at_most: int) -> Dataset:
    """The labelled rows of the last snapshots whose outcomes were known when the configured test begins."""
    rule = config.snapshots
    window = rule.matures_after
    with open_business(config, None, say) as business:
        mature = business.snapshots()
        opens = config.model.test_from or mature[-config.model.test_snapshots]
        learn = [day for day in mature if day + window <= opens][-at_most:]
        only = rule.model_copy(update={"first": learn[0], "last": learn[-1]})
        return labelled(replace(business, config=config.model_copy(update={"snapshots": only})), None, say)


class UnseenSplit(RollingOriginSplit):
    """A rolling origin where no row is predicted from rows of its own group (n,)."""

    def __init__(self, n_splits: int, *, horizon_days: int, lead_days: int, group: np.ndarray) -> None:
        super().__init__(n_splits, horizon_days=horizon_days, lead_days=lead_days)
        self.group = group

    def split(self, X: object, y: object = None, groups: object = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers of training and test rows, for each origin and group."""
        for train, test in super().split(X, y, groups):
            for group in np.unique(self.group[test]):
                yield train[self.group[train] != group], test[self.group[test] == group]


def predicted(
    data: Dataset, config: Config, variants: dict[str, dict], origins: int, unseen: str | None
) -> tuple[dict[str, np.ndarray], Rows, str]:
    """Out-of-time chances of each variant, the rows they are for, and what there was to learn from."""
    rule = config.snapshots
    window = {"horizon_days": rule.horizon_days + rule.settle_days, "lead_days": rule.lead_days}
    splitter, fold = RollingOriginSplit(origins, **window), data.fold
    if unseen:
        splitter = UnseenSplit(origins, **window, group=data.X[unseen].astype(str).to_numpy())
        fold = without(data, unseen)
    vocal = [int((data.outcome[train] == "vocal").sum()) for train, _ in splitter.split(data.X, groups=data.as_of)]
    made, seconds = {}, {}
    for number, (name, parameters) in enumerate(variants.items()):
        say("variants", number, len(variants))
        begun = time.perf_counter()
        model = classifier(config, config.model.seed).set_params(**parameters)
        made[name] = out_of_time(data.X, data.outcome, data.as_of, classifier=model, splitter=splitter, fold=fold)
        seconds[name] = time.perf_counter() - begun
    first = next(iter(made.values()))
    row = first["row"].to_numpy()
    rows = Rows.of(first["outcome"], data.group_id[row], data.voiced[row])
    counts = first["outcome"].value_counts()
    about = (
        f"{len(row):,} rows at {first['as_of'].nunique()} origins ({counts.get('silent', 0):,} silent, "
        f"{counts.get('vocal', 0):,} vocal), {min(vocal)} to {max(vocal)} vocal to learn from; "
        + ", ".join(f"{name} {spent:.0f} s" for name, spent in seconds.items())
    )
    return {name: part[[f"p_{o}" for o in OUTCOMES]].to_numpy() for name, part in made.items()}, rows, about


def without(data: Dataset, column: str) -> Fold:
    """The folds of the table without one column."""

    def fold(train: np.ndarray, test: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
        learnt, judged = data.fold(train, test)
        return learnt.drop(columns=column), judged.drop(columns=column)

    return fold


def table(judged: dict[str, Judged]) -> pd.DataFrame:
    """One row per figure and data set, and one for their mean: figures, and differences from the first variant."""
    result = []
    variants = list(next(iter(judged.values()))[EVERYONE])
    for figure, (population, key) in FIGURES.items():
        values: dict[str, list[float]] = {name: [] for name in variants}
        drawn: dict[str, list[np.ndarray]] = {name: [] for name in variants}
        for project, found in judged.items():
            for name in variants:
                values[name].append(found[population][name].value[key])
                drawn[name].append(found[population][name].replicates[key])
            last = {name: (values[name][-1], drawn[name][-1]) for name in variants}
            result.append({"figure": figure, "data": project, **_said(key, last)})
        mean = {name: (float(np.mean(values[name])), np.mean(drawn[name], axis=0)) for name in variants}
        result.append({"figure": figure, "data": "mean of all", **_said(key, mean)})
    return pd.DataFrame(result)


def _said(key: tuple[str, str], found: dict[str, tuple[float, np.ndarray]]) -> dict[str, str]:
    texts = {name: f"{value:.4f}" for name, (value, _) in found.items()}
    first, *others = found
    value, replicates = found[first]
    for other in others:
        difference = found[other][0] - value
        low, high = centred(key, difference, found[other][1] - replicates)
        texts[f"{other} minus {first}"] = f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"
    return texts


if __name__ == "__main__":
    main()
