"""A night's prediction, explanation and sentences beside a plain script on the same columns; the two take turns.

python benchmarks/last_stages.py                                     default parameters, 100,000 rows
python benchmarks/last_stages.py --trees 500 --leaves 31                 a large model
python benchmarks/last_stages.py --rows 1000000 --skip-plain             a million customers, churnml alone

The plain script is pandas, LGBMClassifier and shap.TreeExplainer, with the five strongest features put into a sentence
row by row. Its slow parts see a slice of the rows (--slice), and their time is extrapolated to all of them: it grows in
proportion to the rows. Both train on the same simulated customers, with the same parameters, and must give the same
chances of leaving and the same contributions. The rows are those of simulated customers, drawn with replacement, with
a little noise on every number that is not whole, so that no value is met too often.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

import churnml
from churnml.explanation.attribution import Explainer
from churnml.explanation.reasons import explain, reasons
from churnml.features.registry import FeatureCard
from churnml.model.bundle import Bundle
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.outcomes import OUTCOMES
from churnml.scoring.job import score_frame
from churnml.workflows.business import open_business
from churnml.workflows.rows import labelled

NOISE = 0.01
Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a night's last stages beside a plain script.")
    parser.add_argument("--customers", type=int, default=1500, help="simulated customers to learn from")
    parser.add_argument("--rows", type=int, default=100_000, help="customers to score")
    parser.add_argument("--slice", type=int, default=1000, help="rows that the plain script's slow parts see")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--leaves", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--skip-plain", action="store_true", help="churnml alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churnml-nightly-") as folder:
        X, outcome, cards = simulated(Path(folder), options.customers)
    bundle = trained(X, outcome, cards, options)
    rows = many(X, options.rows)
    print(f"{len(rows):,} rows, {X.shape[1]} columns, {options.trees} trees of {options.leaves} leaves\n")
    show("churnml", churnml_stages(bundle, rows, cards, options))
    if not options.skip_plain:
        plain = Plain(X, outcome, bundle.classifier)
        show("plain script", plain.stages(rows, options.slice, options.rounds))
        agreement(bundle, plain, rows.iloc[: options.slice], options)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:,.1f} GB")


def simulated(folder: Path, customers: int) -> tuple[pd.DataFrame, pd.Series, list[FeatureCard]]:
    """Features, outcomes and cards of a simulated company's snapshots."""
    made = churnml.simulate(folder / "data", customers=customers, seed=7, months=12)
    config = churnml.load_config(made["configuration"])
    with open_business(config) as business:
        data = labelled(business)
    return data.X, data.outcome, list(data.recipe.cards)


def trained(X: pd.DataFrame, outcome: pd.Series, cards: list[FeatureCard], options: argparse.Namespace) -> Bundle:
    """The default model, with the number of trees and leaves asked for."""
    model = SilentDefectionClassifier(
        n_estimators=options.trees, num_leaves=options.leaves, num_threads=options.threads
    ).fit(X, outcome)
    return Bundle.build(model, Calibration.identity(OUTCOMES), X, [card.card() for card in cards])


def many(X: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Rows drawn with replacement, with noise on what is not whole."""
    draw = np.random.default_rng(1)
    drawn = X.iloc[draw.integers(0, len(X), rows)].reset_index(drop=True)
    for name in drawn.select_dtypes("number").columns:
        values = drawn[name].to_numpy(dtype=np.float64)
        noise = np.where(values == np.round(values), 1.0, 1 + NOISE * draw.standard_normal(rows))
        drawn[name] = values * noise
    return drawn


def churnml_stages(
    bundle: Bundle, rows: pd.DataFrame, cards: list[FeatureCard], options: argparse.Namespace
) -> dict[str, list[tuple[float, float]]]:
    """Seconds (of the clock, of the processor) of each stage for all rows, and of everything as a night does it."""
    explainer, ready = timed(lambda: Explainer(bundle.classifier, threads=options.threads))
    next(explainer.attributions(rows.head(1)))  # compiled now, if it was never before
    stages: dict[str, list[tuple[float, float]]] = {"getting ready to explain": [ready]}
    for _ in range(options.rounds):
        stages.setdefault("chances", []).append(timed(lambda: bundle.predict_proba(rows))[1])
        stages.setdefault("contributions", []).append(
            timed(lambda: [len(part) for part in explainer.attributions(rows)])[1]
        )
    part = next(explainer.attributions(rows, chunk_rows=10_000))
    few = rows.head(len(part))
    stages[f"sentences, {len(few):,} rows"] = [
        timed(lambda: reasons(part, few, cards, bundle.usual))[1] for _ in range(options.rounds)
    ]

    def night() -> int:
        scores = score_frame(
            bundle,
            rows,
            np.array([f"{number:09d}" for number in range(len(rows))]),
            as_of=date(2024, 7, 1),
            explain=lambda X: explain(explainer, X, cards, bundle.usual),
            high=0.5,
            medium=0.2,
            model_version="1",
            run_id="benchmark",
        )
        return int(scores.num_rows)

    stages["all of it, with the table of scores"] = [timed(night)[1]]
    return stages


class Plain:
    """LGBMClassifier and shap.TreeExplainer for leaving at all, and a sentence for each of the five strongest."""

    def __init__(self, X: pd.DataFrame, outcome: pd.Series, like: SilentDefectionClassifier) -> None:
        import lightgbm
        import shap

        own = like.get_params()
        self.model = lightgbm.LGBMClassifier(
            **{name: own[name] for name in ("n_estimators", "learning_rate", "num_leaves", "max_depth", "num_threads")},
            min_child_samples=min(own["min_child_samples"], len(X) // 20),
            colsample_bytree=own["feature_fraction"],
            subsample=own["bagging_fraction"],
            subsample_freq=1,
            reg_lambda=own["lambda_l2"],
            extra_trees=own["extra_trees"],
            random_state=own["seed"],
            deterministic=True,
            force_col_wise=True,
            verbosity=-1,
        ).fit(X, (outcome != "retained").astype(int))
        self.explainer = shap.TreeExplainer(self.model)

    def contributions(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.explainer.shap_values(X))

    def sentences(self, X: pd.DataFrame, values: np.ndarray) -> list[list[str]]:
        said = []
        for number, (_, row) in enumerate(X.iterrows()):
            strongest = np.argsort(-values[number])[:5]
            said.append([f"{X.columns[place]} is {row.iloc[place]}" for place in strongest])
        return said

    def stages(self, rows: pd.DataFrame, part: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
        few, share = rows.iloc[:part], len(rows) / min(part, len(rows))
        stages: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            stages.setdefault("chances", []).append(timed(lambda: self.model.predict_proba(rows))[1])
            values, spent = timed(lambda: self.contributions(few))
            stages.setdefault("contributions, extrapolated", []).append((spent[0] * share, spent[1] * share))
            _, spent = timed(lambda values=values: self.sentences(few, values))
            stages.setdefault("sentences, extrapolated", []).append((spent[0] * share, spent[1] * share))
        return stages


def agreement(bundle: Bundle, plain: Plain, rows: pd.DataFrame, options: argparse.Namespace) -> None:
    """The largest differences between both in chances of leaving and in contributions."""
    found = next(Explainer(bundle.classifier, margin="defection", threads=options.threads).attributions(rows))
    leaving = 1 - bundle.predict_proba(rows)[:, 0]
    chances = np.abs(leaving - plain.model.predict_proba(rows)[:, 1]).max()
    contributions = np.abs(found.values - plain.contributions(rows)).max()
    print(f"largest difference of chances {chances:.1e}, of contributions {contributions:.1e}\n")


def timed(work: Callable[[], Result]) -> tuple[Result, tuple[float, float]]:
    """What `work` gives, and the seconds of the clock and of the processor that it took."""
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - clock, time.process_time() - processor)


def show(title: str, stages: dict[str, list[tuple[float, float]]]) -> None:
    """The medians of each stage as a Markdown table."""
    print(f"| {title} | seconds | of the processor |\n|---|---|---|")
    for name, spent in stages.items():
        clock, processor = (statistics.median(each[place] for each in spent) for place in (0, 1))
        print(f"| {name} | {clock:,.2f} | {processor:,.2f} |")
    print()


if __name__ == "__main__":
    main()
