"""How good the model is beside its baselines: trains on each configuration and prints the tables as Markdown.

python benchmarks/quality.py                           both public data sets (see CHURNML_DATA_HOME in docs/guide.md)
python benchmarks/quality.py CONFIG... --trials 0      other configurations, without the search for parameters
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

import churnml
from churnml.evaluation.evaluate import LEADING
from churnml.workflows.exits import exit_codes

CONFIGS = Path(__file__).parent.parent / "configs"
PUBLIC = (CONFIGS / "oulad.yaml", CONFIGS / "online_retail.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train on each configuration and print model beside baselines.")
    parser.add_argument("configs", nargs="*", type=Path, default=PUBLIC, metavar="CONFIG")
    parser.add_argument("--trials", type=int, metavar="N", help="trials of the parameter search (default: configured)")
    options = parser.parse_args()
    with exit_codes(), tempfile.TemporaryDirectory(prefix="churnml-quality-") as folder:
        for path in options.configs:
            print(section(path, options.trials, Path(folder)), flush=True)


def section(path: Path, trials: int | None, folder: Path) -> str:
    """One configuration trained in a store of its own, as a piece of Markdown."""
    config = churnml.load_config(path).with_paths(str(folder / path.stem), str(folder / "published"))
    start = time.perf_counter()
    trained = churnml.train(config, trials=trials, progress=say)
    minutes = (time.perf_counter() - start) / 60
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows = " and ".join(
        f"{sum(counts.values()):,} rows to {verb} ({counts['silent']:,} silent, {counts['vocal']:,} vocal)"
        for verb, counts in (("learn from", trained.train), ("test on", trained.test))
    )
    parts = [f"## {config.project}", f"{rows}; {minutes:.1f} minutes, peak memory so far {peak:.1f} GB."]
    for population, table in trained.leaderboard().groupby("population", sort=False):
        parts += [f"### Among: {population}", markdown(table.drop(columns="population"))]
    parts += [
        "### Model minus baseline: AUROC silent, no voice before",
        markdown(gains(trained.evaluation.differences)),
    ]
    return "\n\n".join(parts) + "\n"


def gains(differences: pd.DataFrame) -> pd.DataFrame:
    """The paired differences of the leading figure."""
    led = differences[(differences[["population", "outcome", "metric"]] == list(LEADING)).all(axis=1)]
    said = [f"{row.value:+.4f} [{row.low:+.4f}, {row.high:+.4f}]" for row in led.itertuples()]
    return pd.DataFrame({"baseline": led["baseline"].to_numpy(), "difference": said})


def markdown(table: pd.DataFrame) -> str:
    """A table of strings as Markdown."""
    rows = [[str(name).replace("_", " ") for name in table.columns], ["---"] * len(table.columns)]
    rows += table.astype(str).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def say(step: str, done: int, total: int) -> None:
    """Progress on standard error, so that standard output is the Markdown alone."""
    print(f"{step} {done}/{total}", file=sys.stderr)


if __name__ == "__main__":
    main()
