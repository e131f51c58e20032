"""Write the sample reports of the docs, of simulated companies: `python docs/make_samples.py` (some minutes).

A telecom company with everything a report can have (nights before, insights, a few words of customers), and a shop with
a single night. The same version of churnml writes the same pages; no real customer is on any of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import chdir
from datetime import date, timedelta
from pathlib import Path

from churnml.config import load_config
from churnml.workflows.demo import simulate
from churnml.workflows.insights import insights
from churnml.workflows.quotes import quotes
from churnml.workflows.report import report
from churnml.workflows.score import score
from churnml.workflows.train import train

REPORTS = Path(__file__).resolve().parent / "reports"
KEY = "pseudonyms of simulated customers"
SEED, NIGHTS = 6, 3
LESS = {"snapshots": {"every": 42}, "model": {"bootstrap": 50}}
"""Less than the presets have: a sample need not be a good model."""


def main() -> None:
    """Both samples."""
    os.environ["CHURNML_KEY"] = KEY
    REPORTS.mkdir(exist_ok=True)
    sample("telecom", customers=2000, nights=NIGHTS, whole=True)
    sample("shop", customers=2000, nights=0, whole=False)


def sample(preset: str, *, customers: int, nights: int, whole: bool) -> None:
    """One company: simulate, train, score a night a week, and write the report of the last."""
    with tempfile.TemporaryDirectory(prefix="churnml-sample-") as folder, chdir(folder):
        made = simulate(Path("data"), customers=customers, seed=SEED, preset=preset)
        config = load_config(Path(made["configuration"])).with_paths("models", "published")
        config = config.changed(**LESS)
        train(config, trials=0)
        last = date.fromisoformat(made["day_after_the_last"])
        for back in range(nights, -1, -1):
            score(config, last - timedelta(days=7 * back))
        found = insights(config, as_of=last) if whole else None
        said = quotes(config, as_of=last) if whole else None
        page = report(config, REPORTS / f"{preset}.html", found=found, said=said)
    sys.stdout.write(f"{page}: {page.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
