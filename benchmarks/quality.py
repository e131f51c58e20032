"""How good churnml is beside other ways, on the same customers, snapshots and days in one run; prints Markdown.

python benchmarks/quality.py                           both public data sets (see CHURNML_DATA_HOME in docs/guide.md)
python benchmarks/quality.py --featuretools PYTHON --flaml PYTHON    with the rivals that have pins of their own
python benchmarks/quality.py CONFIG... --trials 0      other configurations, without the search for parameters
python benchmarks/quality.py --retrained               churnml and its baselines, taught anew for each test snapshot
python benchmarks/quality.py --keep FOLDER             what is there is used again: who has no file of chances in
                                                       FOLDER/PROJECT/chances runs anew

Rivals are installed for this alone, each in an environment of its own:

    pip install featuretools "pandas<3" "setuptools<81" pyarrow
    pip install flaml lightgbm xgboost-cpu scikit-learn pandas pyarrow

They are given the spine, the events and the outcomes of the training rows, and give back the chances of the test rows
(`rivals.py`). Everybody is judged by churnml's own evaluation, with paired differences clustered by customer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ibis
import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

import churnml
from churnml.config import Config
from churnml.dataset import Dataset
from churnml.evaluation.evaluate import evaluate
from churnml.evaluation.judge import EVERYONE, NO_VOICE
from churnml.metrics.scorers import three_columns
from churnml.model.baselines import RFM, baselines
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import Fold
from churnml.model.training import fit_calibrated, learn
from churnml.model.tuning import tune
from churnml.outcomes import OUTCOMES
from churnml.workflows.business import Business, open_business
from churnml.workflows.exits import exit_codes
from churnml.workflows.judging import MODEL
from churnml.workflows.rows import labelled, split
from churnml.workflows.train import PROOF_SNAPSHOTS, classifier, splitter

CONFIGS = Path(__file__).parent.parent / "configs"
PUBLIC = (CONFIGS / "oulad.yaml", CONFIGS / "online_retail.yaml")
KEYS = ["customer_id", "as_of"]
TUNED = "churnml, tuned"
WINDOWS = (90, 30)
"""Days of the windows that deep feature synthesis looks at beside the whole history."""
NUMBERS = ("amount", "quantity", "duration_s", "wait_s", "rating")
TEXTS = ("kind", "channel", "direction", "name")
FIGURES = {("silent", "auroc"): "AUROC silent", ("silent", "average_precision"): "average precision silent"}
FIGURES |= {("all", "log_loss"): "log loss", ("silent", "calibration_error"): "calibration error silent"}

Chances = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description="Print churnml beside its baselines and rivals.")
    parser.add_argument("configs", nargs="*", type=Path, default=PUBLIC, metavar="CONFIG")
    parser.add_argument("--trials", type=int, metavar="N", help="trials of the parameter search (default: configured)")
    parser.add_argument("--featuretools", metavar="PYTHON", help="an interpreter that has Featuretools")
    parser.add_argument("--flaml", metavar="PYTHON", help="an interpreter that has FLAML")
    parser.add_argument("--seconds", type=int, default=120, help="how long FLAML may search (default 120)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="use again what is there, and leave what is made")
    parser.add_argument("--retrained", action="store_true", help="learn anew for each test snapshot, no rivals")
    options = parser.parse_args()
    with exit_codes(), tempfile.TemporaryDirectory(prefix="churnml-quality-") as folder:
        for path in options.configs:
            config = churnml.load_config(path)
            said = retrained(config) if options.retrained else section(config, options.keep or Path(folder), options)
            print(said, flush=True)


@dataclass(frozen=True)
class Task:
    """One configuration's rows, as files: what the rivals are given, the outcomes of the test, and the chances."""

    config: Config
    folder: Path

    @property
    def given(self) -> Path:
        """The folder that rivals read."""
        return self.folder / "given"

    def read(self, part: str) -> pd.DataFrame:
        """`train` or `test`: keys, features and, of training rows, the outcome."""
        return pd.read_parquet(self.given / f"{part}.parquet")

    def features(self) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
        """churnml's features of the training rows, their outcomes, and its features of the test rows."""
        train, test = self.read("train"), self.read("test").drop(columns=KEYS)
        return train[test.columns], train["outcome"].to_numpy(dtype=object).astype(str), test

    def once(self, make: Callable[[], Chances], *names: str) -> Chances:
        """Chances by these names, from their files or made now."""
        if not all(self.file(name).is_file() for name in names):
            begun = time.perf_counter()
            made = make()
            say(f"{' and '.join(names)}, {time.perf_counter() - begun:.0f} s", 1, 1)
            for name in names:
                self.file(name).parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame(made[name], columns=list(OUTCOMES)).to_parquet(self.file(name))
        return self.read_chances(*names)

    def file(self, name: str) -> Path:
        """Where somebody's chances of the test rows are kept."""
        return self.folder / "chances" / f"{name.replace(' ', '_')}.parquet"

    def read_chances(self, *names: str) -> Chances:
        """Chances that were made before."""
        return {name: pd.read_parquet(self.file(name)).to_numpy() for name in names}

    def elsewhere(self, python: str, way: str, *more: str) -> None:
        """Run a rival by its own interpreter; it reads and writes the given folder."""
        subprocess.run([python, str(Path(__file__).with_name("rivals.py")), way, str(self.given), *more], check=True)


def section(config: Config, root: Path, options: argparse.Namespace) -> str:
    """One configuration: everybody's figures, and churnml's minus each of the others', as Markdown."""
    task = Task(config, root / config.project)
    truth = task.folder / "truth.parquet"
    trials = config.model.tuning.trials if options.trials is None else options.trials
    own = [MODEL, TUNED] if trials else [MODEL]
    if not all(file.is_file() for file in (truth, *map(task.file, own))):
        prepare(task, trials)
    chances = task.read_chances(*own)
    for ways in contestants(task, options):
        chances |= ways
    return report(config, task.read("train")["outcome"], pd.read_parquet(truth), chances)


def retrained(config: Config) -> str:
    """The same for ways that learn, for each test snapshot, from all that was known by then, as `section` does once."""
    with open_business(config, None, say) as business:
        data = labelled(business, None, say)
        snapshots = len(np.unique(split(data, config)[1].as_of))
    seed, parts, tested = config.model.seed, [], []
    for train, test in splitter(config, snapshots).split(data.X, groups=data.as_of):
        say("test snapshots", len(tested), snapshots)
        X, judged = data.fold(train, test)
        y, as_of = data.outcome[train], data.as_of[train]
        taught = calibrated(config, classifier(config, seed), X, y, as_of, within(data.fold, train))
        parts.append(
            {MODEL: taught(judged, data.as_of[test])} | by_baselines(X, y, judged) | by_boosting(X, y, judged, seed)
        )
        tested.append(test)
    rows = np.concatenate(tested)
    known = data.keys.iloc[rows].assign(voiced=data.voiced[rows], outcome=data.outcome[rows])
    together = {name: np.vstack([part[name] for part in parts]) for name in parts[0]}
    return report(config, pd.Series(y), known.reset_index(drop=True), together)


def within(fold: Fold, rows: np.ndarray) -> Fold:
    """The folds of a part of the rows, numbered from 0."""
    return lambda train, test: fold(rows[train], rows[test])


def prepare(task: Task, trials: int) -> None:
    """Build the rows, let churnml learn, and write what the others are given."""
    config = task.config
    with open_business(config, None, say) as business:
        data = labelled(business, None, say)
        train, test = split(data, config)
        task.given.mkdir(parents=True, exist_ok=True)
        write_books(business, data, task.given)
    pd.concat([train.keys[KEYS], train.X, pd.DataFrame({"outcome": train.outcome})], axis=1).to_parquet(
        task.given / "train.parquet"
    )
    pd.concat([test.keys[KEYS], test.X], axis=1).to_parquet(task.given / "test.parquet")
    rule = config.snapshots
    about = {
        "kinds": sorted(data.recipe.inventory.kinds),
        "windows": WINDOWS,
        "window_days": rule.matures_after.days,
        "folds": config.model.folds,
        "threads": config.engine.threads,
        "seed": config.model.seed,
    }
    (task.given / "task.json").write_text(json.dumps(about, indent=2))
    task.once(lambda: ours(task, train, test, 0), MODEL)
    if trials:
        task.once(lambda: ours(task, train, test, trials), TUNED)
    test.keys.assign(voiced=test.voiced, outcome=test.outcome).to_parquet(task.folder / "truth.parquet")


def write_books(business: Business, data: Dataset, folder: Path) -> None:
    """Customers, events and active days for the rivals: each known when both clocks had passed, nothing protected."""
    customers, events = business.canonical.customers, business.canonical.events
    inventory = data.recipe.inventory
    filled = frozenset().union(*inventory.kinds.values())
    attributes = [card.name for card in data.recipe.attributes]
    numbers = {name: events[name].cast("float64") for name in NUMBERS if name in filled}
    texts = [name for name in TEXTS if name in filled or name == "kind"]
    table = events.select(
        "customer_id", *texts, known_at=ibis.greatest(events.occurred_at, events.recorded_at), **numbers
    )
    active = table.filter(table.kind.isin(business.config.engagement_kinds))
    sums = {name: active[name].sum() for name in numbers}
    visits = active.group_by("customer_id", day=active.known_at.truncate("D")).aggregate(events=active.count(), **sums)
    write = business.engine.backend.to_parquet
    write(table, folder / "events.parquet")
    write(visits, folder / "visits.parquet")
    ends = [name for name in ("ends_at",) if name in (inventory.customers or ())]
    write(customers.select("customer_id", "signed_up_at", *ends, *attributes), folder / "customers.parquet")


def ours(task: Task, train: Dataset, test: Dataset, trials: int) -> Chances:
    """churnml as `churnml train` makes it, with default parameters or after a search inside the training folds."""
    config, chosen = task.config, classifier(task.config, task.config.model.seed)
    if trials:
        found = tune(
            train.X,
            train.outcome,
            train.as_of,
            splitter=splitter(config, config.model.folds),
            base=chosen,
            trials=trials,
            seed=config.model.seed,
            storage=task.folder / "tuning.db",
            fold=train.fold,
            on_trial=lambda done, total, best: say("searching parameters", done, total),
        )
        chosen = SilentDefectionClassifier(**found.best)
    taught = calibrated(config, chosen, train.X, train.outcome, train.as_of, train.fold)
    return {TUNED if trials else MODEL: taught(test.X, test.as_of)}


def calibrated(
    config: Config, chosen: SilentDefectionClassifier, X: pd.DataFrame, y: np.ndarray, as_of: np.ndarray, fold: Fold
) -> Callable[[pd.DataFrame, np.ndarray], np.ndarray]:
    """A classifier taught and calibrated as `churnml train` does it: the chances of other rows and snapshots."""
    proofs = splitter(config, max(config.model.folds, PROOF_SNAPSHOTS))
    fitted = fit_calibrated(X, y, as_of, classifier=chosen, splitter=proofs, fold=fold)
    return lambda rows, when: fitted.calibration.transform_each(fitted.classifier.predict_proba(rows), when)


def contestants(task: Task, options: argparse.Namespace) -> Iterator[Chances]:
    """The chances of all others, one way after the other."""
    features, seed = task.features(), task.config.model.seed
    yield task.once(lambda: by_baselines(*features), *baselines(features[0].columns).estimators)
    yield task.once(lambda: by_boosting(*features, seed), "RFM + boosting")
    if options.featuretools:
        names = ("Featuretools + LightGBM", "Featuretools + our parameters")
        yield task.once(lambda: by_featuretools(task, options.featuretools, names), *names)
    if options.flaml:
        yield task.once(lambda: by_flaml(task, options.flaml, options.seconds), "our features + FLAML")


def by_baselines(X: pd.DataFrame, y: np.ndarray, test: pd.DataFrame) -> Chances:
    """churnml's own baselines."""
    return {name: three_columns(way.fit(X, y), test) for name, way in baselines(X.columns).estimators.items()}


def by_boosting(X: pd.DataFrame, y: np.ndarray, test: pd.DataFrame, seed: int) -> Chances:
    """Recency, frequency, money and tenure, by scikit-learn's histogram boosting as it comes."""
    columns = baselines(X.columns).estimators[RFM].columns
    model = HistGradientBoostingClassifier(random_state=seed).fit(X[columns], y)
    return {"RFM + boosting": three_columns(model, test[columns])}


def by_featuretools(task: Task, python: str, names: tuple[str, str]) -> Chances:
    """Deep feature synthesis, and LightGBM with its own parameters and with churnml's."""
    made = task.given / "synthesis.parquet"
    if not made.is_file():
        task.elsewhere(python, "featuretools")
    matrix = pd.read_parquet(made)
    texts = matrix.select_dtypes(exclude="number").columns
    matrix[texts] = matrix[texts].astype("category")
    matrix.columns = [f"synthesised_{number}" for number in range(matrix.shape[1])]
    y = task.features()[1]
    seed, threads = task.config.model.seed, task.config.engine.threads
    models = (
        lightgbm.LGBMClassifier(random_state=seed, n_jobs=threads, verbosity=-1),
        classifier(task.config, seed),
    )
    X, test, as_of = matrix.iloc[: len(y)], matrix.iloc[len(y) :], task.read("train")["as_of"]
    return {n: three_columns(learn(model, X, y, as_of), test) for n, model in zip(names, models, strict=True)}


def by_flaml(task: Task, python: str, seconds: int) -> Chances:
    """FLAML's search over learners and parameters, on churnml's features and folds."""
    task.elsewhere(python, "flaml", str(seconds))
    chances = pd.read_parquet(task.given / "automl.parquet")
    return {"our features + FLAML": chances[list(OUTCOMES)].to_numpy()}


def report(config: Config, learnt: pd.Series, known: pd.DataFrame, chances: Chances) -> str:
    """The tables of one configuration: `learnt` outcomes, and `known` keys and outcomes of the rows with chances."""
    say("judging", 0, 1)
    evaluation = evaluate(
        known["outcome"].to_numpy(dtype=object).astype(str),
        chances,
        known["group_id"],
        known["voiced"],
        known["as_of"],
        model=MODEL,
        n_bootstrap=config.model.bootstrap,
        seed=config.model.seed,
    )
    rows = []
    for verb, outcomes in (("learn from", learnt), ("test on", known["outcome"])):
        counts = outcomes.value_counts()
        rows.append(f"{len(outcomes):,} rows to {verb} ({counts['silent']:,} silent, {counts['vocal']:,} vocal)")
    snapshots = ", ".join(f"{day:%Y-%m-%d}" for day in sorted(known["as_of"].unique()))
    parts = [f"### {config.project}", f"{' and '.join(rows)}; test snapshots {snapshots}."]
    for population in (NO_VOICE, EVERYONE) if known["voiced"].any() else (NO_VOICE,):
        parts += [f"#### Among: {population}", markdown(figures(evaluation.metrics, population, "model"))]
        title = f"#### churnml minus each other, among: {population}"
        parts += [title, markdown(figures(evaluation.differences, population, "baseline", signed=True))]
    return "\n\n".join(parts) + "\n"


def figures(table: pd.DataFrame, population: str, by: str, signed: bool = False) -> pd.DataFrame:
    """The chosen figures with their intervals, one row per model."""
    sign, digits = ("+", 4) if signed else ("", 3)
    rows = []
    for name, part in table[table["population"] == population].groupby(by, sort=False):
        said = part.set_index(["outcome", "metric"])
        row = {"way": str(name)}
        for key, title in FIGURES.items():
            value, low, high = (f"{said.loc[key, column]:{sign}.{digits}f}" for column in ("value", "low", "high"))
            row[title] = f"{value} [{low}, {high}]"
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """A table of strings as Markdown."""
    rows = [[str(name).replace("_", " ") for name in table.columns], ["---"] * len(table.columns)]
    rows += table.astype(object).fillna("").astype(str).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def say(step: str, done: int, total: int) -> None:
    """Progress on standard error, so that standard output is the Markdown alone."""
    print(f"{step} {done}/{total}", file=sys.stderr)


if __name__ == "__main__":
    main()
