"""Thirty nights in a row on a small simulated company, with a bad one and drift among them, and the page that says so.

python benchmarks/thirty_nights.py --out nights              one bad night, and drift from the 21st on
python benchmarks/thirty_nights.py --out nights --clean      the same nights without a fault: nothing may be found

A champion is trained on what was known on the first night. Each night is a process of its own that runs
`pipelines/score_nightly.py` as it stands (forked from one that has imported what it needs), and reads only what was
recorded before the night began. At the end, when the outcomes of the first half are known, `pipelines/monitor.py`
judges those nights and watches the others. Two things go wrong in between, and no gate refuses them:

- **one bad night**: for a single night, the extract of the usage log gives the rows of the last two months to the wrong
  customers (a join gone wrong). All volumes and distributions stay as they are: only the outcomes can tell;
- **drift**: from one night on, the usage of the app is missing from the extract. The rows are delivered later, before
  the nights are judged.

What must come of it: exactly the bad night is worse than promised, later nights are beyond the limit of drift, and the
monitor leaves with 65; without a fault it leaves with 0. Otherwise this script leaves with 1.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import runpy
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import churnml
from churnml.cli import main as command_line
from churnml.config import load_config

NIGHTS, BAD, DRIFTS_FROM = 30, 8, 20
"""How many nights; which one is bad and from which on there is drift, counted from 0."""
JUDGED = 15
"""So many of them are old enough to be judged at the end."""
LOST_CHANNEL, MIXED_UP_DAYS = "app", 60
SMALL = {
    "threads: 2": "threads: 1",
    "every: 28 days": "every: 42 days",
    "features:\n": "features:\n  families: [recency, complaints, value]\n",
    "folds: 3": "folds: 2\n  parameters: {n_estimators: 100, num_leaves: 7}",
    "bootstrap: 200": "bootstrap: 100",
}
"""A small model: the nights are what is looked at, not how good it could be."""
ROOT = Path(__file__).resolve().parent.parent
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["churnml.workflows.score", "churnml.workflows.monitor", "mlflow.tracking", "lightgbm"]
)


class Told(NamedTuple):
    """How a job ended, and what it said."""

    returncode: int | None
    stdout: str
    stderr: str


def main() -> None:
    parser = argparse.ArgumentParser(description="Thirty nights in a row, and the page that tells their story.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--clean", action="store_true", help="nothing goes wrong")
    options = parser.parse_args()
    begun = time.monotonic()
    home, config, end = company(options.out, options.customers, options.seed)
    rule = load_config(config).snapshots
    first = end - rule.matures_after - timedelta(days=JUDGED - 1)
    days = [first + timedelta(days=number) for number in range(NIGHTS)]
    train(config, first)
    print(f"{options.customers:,} customers; trained on what was known on {first} ({_since(begun)})", flush=True)
    usage = home / "data" / "usage.parquet"
    whole, codes = pd.read_parquet(usage), []
    for number, day in enumerate(days):
        extract(usage, whole, day, number, days, clean=options.clean, seed=options.seed)
        told = run("score_nightly", config, "--as-of", str(day), home=home)
        codes.append(told.returncode)
        warned = len(json.loads(told.stdout)["warnings"]) if told.returncode == 0 else told.stderr.strip()
        print(f"{day}  exit {told.returncode}  warnings {warned}", flush=True)
    whole.to_parquet(usage)
    told = run("monitor", config, home=home)
    print(f"\nmonitor: exit {told.returncode}\n{told.stdout or told.stderr}\nin all {_since(begun)}")
    judge(told, codes, days, clean=options.clean)


def company(out: Path, customers: int, seed: int) -> tuple[Path, Path, date]:
    """A simulated telecom company in `out`: its folder, its configuration, and the day after its last."""
    if out.exists() and any(out.iterdir()):
        sys.exit(f"{out} is not empty")
    made = churnml.simulate(out / "data", customers=customers, seed=seed, preset="telecom")
    config = Path(made["configuration"])
    text = config.read_text(encoding="utf-8")
    for old, new in SMALL.items():
        if old not in text:
            sys.exit(f"{config} has no {old!r}")
        text = text.replace(old, new)
    config.write_text(text, encoding="utf-8")
    return out.resolve(), config.resolve(), date.fromisoformat(made["day_after_the_last"])


def train(config: Path, known_at: date) -> None:
    """The champion, from what was known on that day."""
    os.chdir(config.parent.parent)
    try:
        command_line(["train", str(config), "--known-at", str(known_at), "--trials", "0", "--json"])
    except SystemExit as left:
        if left.code:
            raise


def extract(usage: Path, whole: pd.DataFrame, day: date, number: int, days: list[date], **how: Any) -> None:
    """Write the usage log as it is delivered that night."""
    delivered = whole
    if not how["clean"] and number == BAD:
        delivered = mixed_up(whole, day, how["seed"])
    if not how["clean"] and number >= DRIFTS_FROM:
        lost = (whole["channel"] == LOST_CHANNEL) & (whole["received_at"] >= pd.Timestamp(days[DRIFTS_FROM - 3]))
        delivered = whole[~lost]
    delivered.to_parquet(usage)


def mixed_up(whole: pd.DataFrame, day: date, seed: int) -> pd.DataFrame:
    """The rows of the last two months given to other customers, each customer's rows together."""
    stamp = pd.Timestamp(day)
    recent = whole["started_at"].between(stamp - pd.Timedelta(days=MIXED_UP_DAYS), stamp)
    names = np.sort(whole.loc[recent, "customer_id"].unique())
    others = dict(zip(names, np.random.default_rng(seed).permutation(names), strict=True))
    return whole.assign(customer_id=whole["customer_id"].where(~recent, whole["customer_id"].map(others)))


def run(job: str, config: Path, *arguments: str, home: Path) -> Told:
    """A job of pipelines/ in a process of its own."""
    said = [home / f".{job}.{stream}" for stream in ("out", "err")]
    process = PROCESSES.Process(target=_job, args=(job, [str(config), *arguments], home, said))
    process.start()
    process.join()
    out, err = (path.read_text(encoding="utf-8") for path in said)
    return Told(process.exitcode, out, err)


def _job(job: str, arguments: list[str], home: Path, said: list[Path]) -> None:
    os.chdir(home)
    for stream, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.argv = [f"{job}.py", *arguments]
    runpy.run_path(str(ROOT / "pipelines" / f"{job}.py"), run_name="__main__")


def judge(told: Told, codes: list[int], days: list[date], *, clean: bool) -> None:
    """Leave with 1 when the story is not the one that was played."""
    wrong = [] if set(codes) == {0} else [f"nights ended with {sorted(set(codes))}"]
    if told.returncode not in (0, 65):
        sys.exit(told.stderr)
    found = json.loads(told.stdout)
    if told.returncode != (0 if clean else 65):
        wrong.append(f"the monitor left with {told.returncode}")
    bad = f"{days[BAD].day} {days[BAD]:%B %Y}"
    said = [text for text in found["findings"] if "worse than promised" in text]
    if not clean and (len(said) != 1 or not said[0].startswith(bad)):
        wrong.append(f"not just {bad} is worse than promised: {said}")
    if not clean and not any("drifted" in text for text in found["findings"]):
        wrong.append("no drift was found")
    if wrong:
        sys.exit("; ".join(wrong))


def _since(begun: float) -> str:
    return f"{time.monotonic() - begun:.0f} s"


if __name__ == "__main__":
    main()
