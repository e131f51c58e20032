"""Whether a calibration holds up in later months: the table of docs/adr/0007 and 0012.

python benchmarks/calibration.py configs/online_retail.yaml configs/oulad.yaml
python benchmarks/calibration.py telecom shop software --customers 4000     simulated companies

Each snapshot before the test is predicted by a model that knew only what was known by then. Its chances are judged as
they are and after each correction, fitted on what was known by then too; `label shift` reads no outcome but the chances
of the snapshot itself.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from quality import markdown
from scipy.optimize import minimize
from scipy.special import log_softmax

import churnml
from churnml.datasets import simulator
from churnml.metrics.scores import calibration_error, log_loss
from churnml.model.base_rates import likeliest_rates, moves
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit
from churnml.model.training import CHANCES, RATES, out_of_time
from churnml.outcomes import OUTCOMES, SILENT
from churnml.workflows.exits import exit_codes
from churnml.workflows.rows import split

SEED = 20
FEW = {"temperature": 10**9, "vector": 1}
"""More rows of each class than this are needed for vector scaling."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Log loss of each snapshot before the test, by correction.")
    parser.add_argument("companies", nargs="+", metavar="CONFIG_OR_PRESET")
    parser.add_argument("--customers", type=int, default=4000, help="of a simulated company (default 4000)")
    options = parser.parse_args()
    with exit_codes(), tempfile.TemporaryDirectory(prefix="churnml-calibration-") as folder:
        for name in options.companies:
            path = Path(name)
            if name in simulator.PRESETS:
                made = churnml.simulate(Path(folder) / name, customers=options.customers, seed=SEED, preset=name)
                path = Path(made["configuration"])
            print(section(churnml.load_config(path)), flush=True)


def section(config: churnml.Config) -> str:
    """The snapshots before the test of one configuration, and what each correction changes on average."""
    data = churnml.build_dataset(config)
    _, test = split(data, config)
    before = data.at(data.as_of < test.as_of.min())
    rule = config.snapshots
    window = rule.matures_after.days
    every = RollingOriginSplit(100, horizon_days=window)
    model = SilentDefectionClassifier(seed=config.model.seed)
    made = out_of_time(before.X, before.outcome, before.as_of, classifier=model, splitter=every, fold=before.fold)
    losses, errors = table(made, pd.Timedelta(days=window))
    parts = [f"### {config.project}", "Log loss", markdown(losses.round(4)), "Calibration error, silent"]
    return "\n\n".join([*parts, markdown(errors.round(4)), "Mean change", markdown(changes(losses, errors))]) + "\n"


def table(made: pd.DataFrame, window: pd.Timedelta) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per snapshot: log loss and calibration error, by correction."""
    losses, errors = [], []
    for day, now in made.groupby("as_of"):
        code = np.searchsorted(np.array(OUTCOMES), now["outcome"].to_numpy(dtype=str))
        priors = now[RATES].iloc[0].to_numpy()
        corrected = corrections(now[CHANCES].to_numpy(), priors, made[made["as_of"] + window <= day])
        silent = code == OUTCOMES.index(SILENT)
        about = {"as_of": f"{day:%Y-%m-%d}", "silent": silent.mean(), "silent in training": priors[1]}
        losses.append(about | {name: log_loss(code, p) for name, p in corrected.items()})
        errors.append(about | {name: calibration_error(silent, p[:, 1]) for name, p in corrected.items()})
    return pd.DataFrame(losses), pd.DataFrame(errors)


def corrections(p: np.ndarray, priors: np.ndarray, past: pd.DataFrame) -> dict[str, np.ndarray]:
    """The chances of a snapshot, as they are and corrected."""
    result = {"none": p, "label shift": moved(p, moves(likeliest_rates(p, priors), priors))}
    if past.empty:
        return result
    for name, few in FEW.items():
        result[name] = Calibration.fit(past[CHANCES].to_numpy(), past["outcome"], OUTCOMES, few=few).transform(p)
    latest = past[past["as_of"] == past["as_of"].max()]
    for name, known in (("intercepts", past), ("intercepts, latest", latest)):
        bias = intercepts(known)
        result[name] = moved(p, bias)
    return result


def intercepts(known: pd.DataFrame) -> np.ndarray:
    """What to add to the logarithms of the chances, class by class, so that their sums are those of the outcomes."""
    logs = np.log(known[CHANCES].to_numpy())
    hits = np.eye(len(OUTCOMES))[np.searchsorted(np.array(OUTCOMES), known["outcome"].to_numpy(dtype=str))]

    def loss(bias: np.ndarray) -> tuple[float, np.ndarray]:
        scores = log_softmax(logs + bias, axis=1)
        return -float((scores * hits).sum()) + (bias**2).sum(), (np.exp(scores) - hits).sum(axis=0) + 2 * bias

    return minimize(loss, np.zeros(len(OUTCOMES)), jac=True, method="L-BFGS-B").x


def moved(p: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Chances with these numbers added to their logarithms."""
    return np.exp(log_softmax(np.log(p) + bias, axis=1))


def changes(losses: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """The mean over snapshots of what each correction changes, with its standard error; below 0 it helps."""
    rows = []
    for name in list(losses.columns)[list(losses.columns).index("none") + 1 :]:
        row = {"correction": name, "snapshots": int(losses[name].notna().sum())}
        for title, each in (("log loss", losses), ("calibration error", errors)):
            change = (each[name] - each["none"]).dropna()
            row[title] = f"{change.mean():+.4f} (standard error {change.std(ddof=1) / np.sqrt(len(change)):.4f})"
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
