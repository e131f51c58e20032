"""The whole story on simulated data: simulate, train, score, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from churnml.config import Config, load_config
from churnml.errors import ConfigError
from churnml.workflows.business import Progress, silently
from churnml.workflows.report import report
from churnml.workflows.score import Scored, score
from churnml.workflows.train import Trained, train

PRESET = "telecom"
TRIALS = 3
"""Few, because the demo is there to be seen soon; a configuration says how many training tries."""


@dataclass(frozen=True)
class Demo:
    """Where everything is."""

    trained: Trained
    scored: Scored
    config: Path
    report: Path

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "report": str(self.report),
            "scores": str(self.scored.night.folder / "scores.parquet"),
            "model_store": self.trained.store,
            "configuration": str(self.config),
            "customers_scored": self.scored.customers,
            "expected_to_leave_silently": round(self.scored.expected_silent, 1),
            "auroc_of_silent_without_voice_before": self.trained.summary()["auroc_of_silent_without_voice_before"],
        }


def simulate(
    out: Path,
    *,
    customers: int,
    seed: int,
    months: int = 18,
    preset: str = PRESET,
    silent_share: float | None = None,
    traps: Sequence[str] = (),
    workers: int = 1,
    progress: Progress = silently,
) -> dict[str, Any]:
    """Write simulated tables and a configuration for them to `out`, a new or empty folder or an earlier simulation."""
    from churnml.datasets import simulator

    company = simulator.preset(preset, **({} if silent_share is None else {"silent_share": silent_share}))
    _refuse_other_files(out, preset)
    made = simulator.simulate(
        customers,
        seed,
        out,
        preset=company,
        months=months,
        switched_on=traps,
        workers=workers,
        progress=lambda done, total: progress("simulating", done, total),
    )
    with as_file(files("churnml.datasets.simulator") / f"{preset}.yaml") as template:
        shutil.copyfile(template, out / f"{preset}.yaml")
    return {
        "configuration": str(out / f"{preset}.yaml"),
        "tables": {name: str(path) for name, path in sorted(made.frames.items())},
        "truth": str(made.truth),
        "first_day": made.start.isoformat(),
        "day_after_the_last": made.end.isoformat(),
    }


def _refuse_other_files(out: Path, preset: str) -> None:
    from churnml.datasets.simulator.run import STAGING  # what a killed simulation leaves is no reason

    if not out.is_dir() or not any(path.name != STAGING for path in out.iterdir()):
        return
    if not (out / f"{preset}.yaml").is_file() or not (out / "truth" / "departures.parquet").is_file():
        raise ConfigError(f"{out}: the folder is not empty and holds no simulation of {preset}", "name a new folder")


def demo(out: Path, *, customers: int, seed: int, progress: Progress = silently) -> Demo:
    """Simulate a telecom company under `out`, train, score the day after its last, and write the report."""
    made = simulate(out / "data", customers=customers, seed=seed, progress=progress)
    path = Path(made["configuration"])
    kept = json.dumps({name: str(out / name) for name in ("models", "published")})  # JSON is YAML
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n# Where the demo keeps what it makes, from the working directory.\npaths: {kept}\n")
    config: Config = load_config(path)
    trained = train(config, trials=TRIALS, progress=progress)
    scored = score(config, date.fromisoformat(made["day_after_the_last"]), progress=progress)
    return Demo(trained, scored, path, report(config))
