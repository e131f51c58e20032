"""Pattern tables beside LightGBM's own contributions, in turn: rows per second, difference, memory of the tables.

python benchmarks/contributions.py                      500 trees of 31 leaves, depth 8, 120 columns with missing values
python benchmarks/contributions.py --depth -1           leaves as deep as they come
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import lightgbm
import numpy as np

from churnml.explanation.pattern_tables import PatternTables

COLUMNS = 120
Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure contributions by pattern tables and by LightGBM.")
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--rows", type=int, default=10_000, help="rows for the tables; LightGBM gets a twentieth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    booster, matrix = model(options)
    tables, ready = timed(lambda: PatternTables.of(booster))
    tables.contributions(matrix[:10])  # compiled now, if it was never before
    few = matrix[: options.rows // 20]
    rates: dict[str, list[tuple[float, float]]] = {"LightGBM": [], "pattern tables": []}
    for _ in range(options.rounds):
        own, spent = timed(lambda: booster.predict(few, pred_contrib=True, num_threads=options.threads))
        rates["LightGBM"].append((len(few) / spent[0], len(few) / spent[1]))
        found, spent = timed(lambda: tables.contributions(matrix, threads=options.threads))
        rates["pattern tables"].append((len(matrix) / spent[0], len(matrix) / spent[1]))
    print(f"{options.trees} trees of {options.leaves} leaves, depth {options.depth}, {options.threads} threads")
    print(f"ready in {ready[1]:.1f} s of the processor; tables {tables.table.nbytes / 2**20:.0f} MB\n")
    print("| contributions by | rows/s | rows/s of the processor |\n|---|---|---|")
    for name, each in rates.items():
        print(f"| {name} | {middle(each, 0):,.0f} | {middle(each, 1):,.0f} |")
    times = [middle(rates["pattern tables"], way) / middle(rates["LightGBM"], way) for way in (0, 1)]
    print(f"| times | {times[0]:.0f} | {times[1]:.0f} |\n")
    print(f"largest difference {np.abs(found[: len(few), 0] - own).max():.1e}")


def model(options: argparse.Namespace) -> tuple[lightgbm.Booster, np.ndarray]:
    """A booster of random rows, of which a twentieth of the values is missing, and rows to explain."""
    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(max(options.rows, 20_000), COLUMNS))
    matrix[draw.random(matrix.shape) < 0.05] = np.nan
    known = np.nan_to_num(matrix)
    signal = known[:, :20] @ draw.normal(size=20) + known[:, 3] * known[:, 7] + draw.normal(size=len(matrix))
    parameters = {
        "objective": "binary",
        "num_leaves": options.leaves,
        "max_depth": options.depth,
        "learning_rate": 0.05,
        "feature_fraction": 0.5,
        "num_threads": options.threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(matrix, label=signal > 0)
    return lightgbm.train(parameters, data, options.trees), np.asfortranarray(matrix[: options.rows])


def timed(work: Callable[[], Result]) -> tuple[Result, tuple[float, float]]:
    """What `work` gives, and the seconds of the clock and of the processor that it took."""
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - clock, time.process_time() - processor)


def middle(pairs: list[tuple[float, float]], place: int) -> float:
    return statistics.median(pair[place] for pair in pairs)


if __name__ == "__main__":
    main()
