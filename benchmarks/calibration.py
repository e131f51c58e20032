"""Whether a calibration holds up in later months: the table of docs/adr/0007.

python benchmarks/calibration.py configs/online_retail.yaml
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import churnml
from churnml.metrics.scores import log_loss
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit
from churnml.model.training import out_of_time
from churnml.outcomes import OUTCOMES
from churnml.workflows.exits import exit_codes
from churnml.workflows.rows import split

FEW = {"temperature": 10**9, "vector": 1}  # more rows of each class than this are needed for vector scaling


def main() -> None:
    parser = argparse.ArgumentParser(description="Log loss of each snapshot before the test, by calibration.")
    parser.add_argument("config", type=Path, metavar="CONFIG")
    with exit_codes():
        config = churnml.load_config(parser.parse_args().config)
        data = churnml.build_dataset(config)
        _, test = split(data, config)
        before = data.at(data.as_of < test.as_of.min())
        rule = config.snapshots
        window = rule.lead_days + rule.horizon_days + rule.settle_days
        every = RollingOriginSplit(100, horizon_days=window)
        model = SilentDefectionClassifier(seed=config.model.seed)
        made = out_of_time(before.X, before.outcome, before.as_of, classifier=model, splitter=every, fold=before.fold)
        print(table(made, pd.Timedelta(days=window)).round(4).to_string(index=False))


def table(made: pd.DataFrame, window: pd.Timedelta) -> pd.DataFrame:
    """One row per snapshot: log loss without calibration, and with each fitted on what was known by then."""
    columns = [f"p_{outcome}" for outcome in OUTCOMES]
    rows = []
    for day, now in made.groupby("as_of"):
        code = np.searchsorted(np.array(OUTCOMES), now["outcome"].to_numpy(dtype=str))
        row = {"as_of": f"{day:%Y-%m-%d}", "none": log_loss(code, now[columns].to_numpy())}
        past = made[made["as_of"] + window <= day]
        for name, few in FEW.items() if len(past) else ():
            fitted = Calibration.fit(past[columns].to_numpy(), past["outcome"], OUTCOMES, few=few)
            row[name] = log_loss(code, fitted.transform(now[columns].to_numpy()))
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
