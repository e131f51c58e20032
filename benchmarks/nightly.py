"""A whole night: from the event log to published scores and sentences, beside a plain script with the same columns.

python benchmarks/nightly.py                             a million customers, 50 million events
python benchmarks/nightly.py --trees 500 --leaves 31     with a large model
python benchmarks/nightly.py --customers 100000          fewer
python benchmarks/nightly.py --whole                     the whole catalogue; the plain script has no part in it

The champion learns from a smaller log of the same kind. `churnml score` is then one process, as cron starts it: it
reads and checks the log, builds the features, predicts, explains everybody in sentences, holds all gates and
publishes; the seconds of its stages are those of its own log. The plain script is another process: the same features
in pandas (those of `features.py`), the champion's booster read by LightGBM, shap.TreeExplainer, the five strongest
features put into a sentence row by row, a Parquet file. Explanation and sentences see a slice of its rows (--slice) and
are extrapolated, since they grow in proportion. Both must have the same features, chances and contributions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import features
from churnml.explanation.attribution import Explainer
from churnml.model.bundle import Bundle
from churnml.scoring.publish import Publication
from churnml.tracking import Tracker

CHURNML = (sys.executable, "-m", "churnml")
CONFIG = "company.yaml"
NOT_IN_PANDAS = ("probability_alive", "probability_return_30d", "probability_return_90d")
LEAST = 1e-9
MEMORY = "2GB"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a whole night beside a plain script.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--learn", type=int, default=20_000, help="customers the champion learns from")
    parser.add_argument("--slice", type=int, default=1000, help="rows that the plain script explains")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--leaves", type=int, default=7)
    parser.add_argument("--whole", action="store_true", help="the whole catalogue, without the plain script")
    parser.add_argument("--folder", type=Path, help="keep the logs and the products there")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        print(json.dumps(plain_script(options.plain, options.slice)))
        return
    with tempfile.TemporaryDirectory(prefix="churnml-nightly-") as temporary:
        folder = options.folder or Path(temporary)
        prepare(folder, options)
        ours = nightly(folder / "night")
        print(
            f"{ours['customers']:,} customers scored, {ours['columns']} columns, "
            f"{options.trees} trees of {options.leaves} leaves\n"
        )
        show("churnml score", ours["stages"], f"peak {ours['gigabytes']:.2f} GB")
        if not options.whole:
            other = in_its_own_process(folder, options.slice)
            show("plain script", other["stages"], f"peak {other['gigabytes']:.2f} GB")
            print(agreement(folder))
            print(f"\nratio {total(other['stages']) / total(ours['stages']):.1f}")


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Two logs with one configuration, and a champion that has learnt from the smaller."""
    families = ("recency",) if not options.whole else features_of_catalogue()
    text = features.configuration(families)
    if not options.whole:
        text = text.replace("families: [recency]", f"families: [recency], exclude: [{', '.join(NOT_IN_PANDAS)}]")
    text = text.replace(f"memory_limit: {features.MEMORY}", f"memory_limit: {MEMORY}")
    text += f"""
model: {{parameters: {{n_estimators: {options.trees}, num_leaves: {options.leaves}}}, folds: 2}}
paths: {{models: {folder / "models"}, published: {folder / "published"}}}
"""
    for name, customers in (("learn", options.learn), ("night", options.customers)):
        if not (folder / name / CONFIG).exists():
            features.write_log(folder / name, customers, 50)
        (folder / name / CONFIG).write_text(text)
    if not (folder / "models").exists():
        command = [*CHURNML, "train", str(folder / "learn" / CONFIG), "--trials", "0", "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def features_of_catalogue() -> tuple[str, ...]:
    from churnml.features.registry import FAMILIES

    return tuple(FAMILIES)


def nightly(folder: Path) -> dict[str, Any]:
    """`churnml score` as one process: seconds by stage, peak memory."""
    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)
    command = [*CHURNML, "score", str(folder / CONFIG), "--as-of", str(features.AS_OF), "--json"]
    begun = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "CHURNML_LOG": str(log)})
    said = json.loads(running.communicate()[0] or "{}")
    spent = time.perf_counter() - begun
    events = [json.loads(line) for line in log.read_text().splitlines()]
    if running.returncode:
        sys.exit(f"churnml score left with {running.returncode}: {events[-1:]}")
    staged = [event for event in events if "stage" in event and "seconds" in event]
    stages = {event["stage"]: event["seconds"] for event in staged}
    stages["start of Python, and the rest"] = spent - sum(stages.values())
    columns = next(event["columns"] for event in staged if event["stage"] == "features")
    peak = max(event["peak_mb"] for event in staged) / 1e3
    return {"stages": stages, "gigabytes": peak, "customers": said["customers"], "columns": columns}


def in_its_own_process(folder: Path, part: int) -> dict[str, Any]:
    """The plain script."""
    command = [sys.executable, __file__, "--plain", str(folder), "--slice", str(part)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"plain script: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def champion(folder: Path) -> Bundle:
    """The bundle that has scored the night."""
    return Bundle.load(Tracker(None, folder / "models", "benchmark").champion_bundle().folder)


def plain_script(folder: Path, part: int) -> dict[str, Any]:
    """What one would write without churnml, for leaving at all: its seconds by stage."""
    import lightgbm
    import shap

    bundle = champion(folder)
    booster = lightgbm.Booster(model_str=bundle.classifier.boosters_["defection"].model_to_string())
    clock = Clock()
    features.by_pandas(folder / "night", folder / "plain.parquet")
    rows = pd.read_parquet(folder / "plain.parquet").set_index("customer_id")
    X = rows[list(bundle.columns)].astype(float)
    clock.took("features")
    chances = booster.predict(X)
    clock.took("chances")
    few = X.iloc[:: max(1, len(X) // part)].iloc[:part]
    values = np.asarray(shap.TreeExplainer(booster).shap_values(few))
    clock.took("contributions, extrapolated", len(X) / len(few))
    said = sentences(few, values)
    clock.took("sentences, extrapolated", len(X) / len(few))
    pd.DataFrame({"customer_id": X.index, "chance": chances}).to_parquet(folder / "plain_scores.parquet")
    clock.took("scores written")
    contributions = pd.DataFrame(values, index=few.index, columns=few.columns)
    contributions.to_parquet(folder / "plain_contributions.parquet")
    assert len(said) == len(few)
    return {"stages": clock.stages, "gigabytes": features.peak_memory()}


def sentences(X: pd.DataFrame, values: np.ndarray) -> list[list[str]]:
    """The five strongest features of each row."""
    said = []
    for number, (_, row) in enumerate(X.iterrows()):
        strongest = np.argsort(-values[number])[:5]
        said.append([f"{X.columns[place]} is {row.iloc[place]}" for place in strongest])
    return said


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def took(self, stage: str, times: float = 1.0) -> None:
        """The time since the last call was this stage's; what `times` as much would have taken."""
        now = time.perf_counter()
        self.stages[stage] = (now - self._last) * times
        self._last = time.perf_counter()


def agreement(folder: Path) -> str:
    """The largest differences of published chances and of contributions; the program ends if they are not the same."""
    bundle = champion(folder)
    rows = pd.read_parquet(folder / "plain.parquet").set_index("customer_id").sort_index()
    X = rows[list(bundle.columns)].astype(float)
    night = Publication(folder / "published" / "benchmark").current()
    assert night is not None
    published = night.scores().to_pandas()
    if list(published["customer_id"]) != list(X.index):
        sys.exit("the plain script has other customers")
    chances = np.abs(published[["p_retained", "p_silent", "p_vocal"]].to_numpy() - bundle.predict_proba(X)).max()
    theirs = pd.read_parquet(folder / "plain_contributions.parquet")
    explainer = Explainer(bundle.classifier, margin="defection", threads=features.THREADS)
    ours = next(explainer.attributions(X.loc[theirs.index], chunk_rows=len(theirs)))
    contributions = np.abs(ours.values - theirs.to_numpy()).max()
    if max(chances, contributions) > LEAST:
        sys.exit(f"not the same numbers: chances {chances:.1e}, contributions {contributions:.1e}")
    return f"largest difference of chances {chances:.1e}, of contributions {contributions:.1e}"


def total(stages: dict[str, float]) -> float:
    return sum(stages.values())


def show(title: str, stages: dict[str, float], remark: str) -> None:
    """A Markdown table of the stages that took time."""
    print(f"| {title} | seconds |\n|---|---|")
    for name, seconds in stages.items():
        if seconds >= 0.05:
            print(f"| {name} | {seconds:,.1f} |")
    print(f"| **all, {remark}** | **{total(stages):,.1f}** |\n", flush=True)


if __name__ == "__main__":
    main()
