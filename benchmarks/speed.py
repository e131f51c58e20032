"""How fast features, predictions and contributions are; the variants take turns, and the medians are compared.

python benchmarks/speed.py                                   500 simulated customers, 3 rounds: a minute or two
python benchmarks/speed.py --customers 2000 --months 18      the size that docs/adr/0003 cites
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd

import churnml
from churnml import dataset, timeline
from churnml.config import Config
from churnml.explanation.attribution import attribute
from churnml.features.build import build as build_features
from churnml.model.classifier import SilentDefectionClassifier
from churnml.workflows.business import Business, open_business
from churnml.workflows.rows import labelled

CONTRIBUTED_ROWS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure features, predictions and contributions.")
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3, help="how often each variant takes its turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churnml-speed-") as folder:
        made = churnml.simulate(Path(folder) / "data", customers=options.customers, seed=7, months=options.months)
        config = churnml.load_config(made["configuration"])
        with open_business(config) as business:
            events = business.engine.number(business.canonical.events.count())
            print(f"{options.customers:,} simulated customers, {events:,} events, {config.engine.threads} threads\n")
            show("Features of one snapshot", seconds_of_features(business, config, options.rounds), "s per snapshot")
            data = labelled(business)
        show(f"{data.X.shape[1]} columns, default model", rates_of_model(data, options.rounds), "rows/s")


def seconds_of_features(business: Business, config: Config, rounds: int) -> dict[str, list[float]]:
    """Seconds for the features of a snapshot, another each round: as built, and in three ways that are not taken."""
    canonical, engine = business.canonical, business.engine
    recipe = dataset.Recipe.of(config, dataset.take_inventory(canonical, business.known_at))
    snapshots = business.snapshots()[-rounds - 1 :]

    def features(view: timeline.View) -> ir.Table:
        return build_features(view.spine, view.events, recipe.features, recipe.context)

    def look(day: date) -> timeline.View:
        return dataset.held(canonical, config, day, engine)

    def copy(day: date) -> timeline.View:
        view = look(day)
        return replace(view, events=engine.materialise(view.events, "bench_events"))

    compiled = engine.prepare(features(look(snapshots[0])))
    compiled_on_copy = engine.prepare(features(copy(snapshots[0])))
    ways: dict[str, Callable[[date], object]] = {
        "compiled once": lambda day: (look(day), compiled()),
        "compiled once, events copied": lambda day: (copy(day), compiled_on_copy()),
        "compiled each time": lambda day: engine.frame(features(look(day))),
        "inlined": lambda day: engine.frame(features(timeline.observe(canonical, config, day))),
    }
    return in_turn(ways, snapshots[1:])


def rates_of_model(data: dataset.Dataset, rounds: int) -> dict[str, list[float]]:
    """Rows per second of predictions and of contributions."""
    model = SilentDefectionClassifier().fit(data.X, data.outcome)
    rows = data.X.iloc[:CONTRIBUTED_ROWS]
    ways: dict[str, Callable[[pd.DataFrame], object]] = {
        "contributions": lambda X: attribute(model, X),
        "predictions": model.predict_proba,
    }
    spent = in_turn(ways, [rows] * rounds)
    return {name: [len(rows) / seconds for seconds in each] for name, each in spent.items()}


def in_turn(ways: dict[str, Callable[..., object]], inputs: Sequence[object]) -> dict[str, list[float]]:
    """Seconds of each way for each input; the ways take turns, so that a busy moment hits all of them."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for value in inputs:
        for name, way in ways.items():
            start = time.perf_counter()
            way(value)
            spent[name].append(time.perf_counter() - start)
    return spent


def show(title: str, figures: dict[str, list[float]], unit: str) -> None:
    """The median of each variant, its range, and its ratio to the first one, as a Markdown table."""
    print(f"| {title} | {unit}, median | range | ratio |\n|---|---|---|---|")
    first = statistics.median(next(iter(figures.values())))
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"| {name} | {median:,.2f} | {min(values):,.2f} to {max(values):,.2f} | {median / first:.2f} |")
    print()


if __name__ == "__main__":
    main()
