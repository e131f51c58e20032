"""churnml beside an oracle that knows the simulated truth: the limit that no model can beat.

python benchmarks/oracle.py                               the three presets, 10,000 customers each
python benchmarks/oracle.py telecom --customers 4000 --copies 50   a first look
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from quality import markdown, say

import churnml
from churnml.config import Config
from churnml.dataset import Dataset
from churnml.datasets import simulator
from churnml.datasets.simulator.futures import OUTCOMES, Window, oracle
from churnml.datasets.simulator.run import Plan
from churnml.evaluation.evaluate import LEADING, evaluate
from churnml.metrics.scorers import three_columns
from churnml.model.baselines import baselines
from churnml.model.split import RollingOriginSplit
from churnml.model.training import fit_calibrated
from churnml.workflows.business import open_business
from churnml.workflows.exits import exit_codes
from churnml.workflows.judging import MODEL
from churnml.workflows.rows import labelled, split
from churnml.workflows.train import PROOF_SNAPSHOTS, classifier

SEED = 20
"""Of the simulations that models are compared on. Frozen, as the presets are."""
LIMIT = "oracle"


def main() -> None:
    parser = argparse.ArgumentParser(description="Print churnml, its baselines and the oracle, on simulated companies.")
    parser.add_argument("presets", nargs="*", default=list(simulator.PRESETS), metavar="PRESET")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--copies", type=int, default=100, help="futures of each customer that the oracle looks at")
    options = parser.parse_args()
    with exit_codes(), tempfile.TemporaryDirectory(prefix="churnml-oracle-") as folder:
        for name in options.presets:
            print(section(name, options.customers, options.copies, Path(folder) / name), flush=True)


def section(name: str, customers: int, copies: int, folder: Path) -> str:
    """One preset: the metrics of all who forecast."""
    begun = time.perf_counter()
    made = churnml.simulate(folder, customers=customers, seed=SEED, preset=name, progress=say)
    config = churnml.load_config(Path(made["configuration"]))
    with open_business(config, None, say) as business:
        data = labelled(business, None, say)
    learn, test = split(data, config)
    rules = config.snapshots
    splitter = RollingOriginSplit(PROOF_SNAPSHOTS, horizon_days=rules.horizon_days + rules.settle_days)
    fitted = fit_calibrated(
        learn.X, learn.outcome, learn.as_of, classifier=classifier(config, config.model.seed), splitter=splitter
    )
    chances = {MODEL: fitted.calibration.transform_each(fitted.classifier.predict_proba(test.X), test.as_of)}
    for baseline, estimator in baselines(learn.X.columns).estimators.items():
        chances[baseline] = three_columns(estimator.fit(learn.X, learn.outcome), test.X)
    chances[LIMIT] = known_chances(name, config, test, customers, copies)
    evaluation = evaluate(
        test.outcome, chances, test.group_id, test.voiced, test.as_of, model=MODEL, n_bootstrap=config.model.bootstrap
    )
    counts = pd.Series(test.outcome).value_counts()
    parts = [
        f"### {name}",
        f"{len(learn):,} rows to learn from, {len(test):,} to test on ({counts['silent']:,} silent, "
        f"{counts['vocal']:,} vocal); {(time.perf_counter() - begun) / 60:.0f} minutes.",
        markdown(figures(evaluation.metrics)),
        already_decided(test, chances, folder / "truth"),
    ]
    return "\n\n".join(parts) + "\n"


def known_chances(name: str, config: Config, test: Dataset, customers: int, copies: int) -> np.ndarray:
    """What the oracle says of each row of the test (rows x outcomes)."""
    rules = config.snapshots
    days = pd.to_datetime(test.as_of)
    window = Window(rules.horizon_days, config.voice.lookback_days, rules.lead_days)
    plan = Plan.of(simulator.preset(name), SEED)
    snapshots = [day.date() for day in days.unique()]
    told = oracle(plan, customers, snapshots, window, copies=copies, progress=lambda n, of: say("oracle", n, of))
    rows = pd.MultiIndex.from_arrays([test.keys["customer_id"].astype(str), days])
    known = told.set_index([told["customer_id"].astype(str), "snapshot"]).reindex(rows)
    return known[[f"p_{outcome}" for outcome in OUTCOMES]].to_numpy()


def figures(metrics: pd.DataFrame) -> pd.DataFrame:
    """The chosen metrics, one row per population and model."""
    wanted = [("all", "log_loss"), ("silent", "auroc"), ("silent", "average_precision"), ("vocal", "auroc")]
    found = metrics[metrics[["outcome", "metric"]].apply(tuple, axis=1).isin(wanted)]
    said = found.assign(
        figure=found["metric"].str.replace("_", " ") + found["outcome"].map(lambda o: "" if o == "all" else f" {o}"),
        said=[f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in found.itertuples()],
    )
    table = said.pivot_table(
        index=["population", "model"], columns="figure", values="said", aggfunc="first", sort=False
    )
    return table.reset_index().fillna("")


def already_decided(test: Dataset, chances: dict[str, np.ndarray], truth: Path) -> str:
    """How much of the oracle's lead is to know who has made up his or her mind."""
    decided_on = pd.read_parquet(truth / "departures.parquet").set_index("customer_id")["decided_on"]
    known = pd.to_datetime(test.keys["customer_id"].astype(str).map(decided_on))
    decided = (known < pd.to_datetime(pd.Series(test.as_of))).to_numpy()
    silent = test.outcome == "silent"
    rest = ~decided
    evaluation = evaluate(
        test.outcome[rest],
        {name: table[rest] for name, table in chances.items()},
        test.group_id[rest],
        test.voiced[rest],
        test.as_of[rest],
        model=MODEL,
    )
    led = evaluation.metrics[(evaluation.metrics[["population", "outcome", "metric"]] == list(LEADING)).all(axis=1)]
    said = [f"{row.model} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}]" for row in led.itertuples()]
    return (
        f"{decided[silent].mean():.0%} of those who left silently had decided before the snapshot. Without the "
        f"{decided.mean():.1%} of all rows of which that is true, AUROC silent with no voice before: {', '.join(said)}."
    )


if __name__ == "__main__":
    sys.exit(main())
