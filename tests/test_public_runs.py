"""The main job on real data, made small: train, score and report from the configurations in configs/."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from churnml.config import Config, load_config
from churnml.workflows.nights import verify
from churnml.workflows.report import report
from churnml.workflows.score import score
from churnml.workflows.train import recency_gain, train

CONFIGS = Path(__file__).parents[1] / "configs"


def reduced(name: str, into: Path, every: int, folds: int = 1) -> Config:
    """The configuration with fewer snapshots, fewer bootstrap replicates and no search."""
    config = load_config(CONFIGS / f"{name}.yaml").with_paths(str(into / "models"), str(into / "published"))
    model = config.model.model_copy(update={"bootstrap": 50, "folds": folds})
    snapshots = config.snapshots.model_copy(update={"every": every})
    return config.model_copy(update={"model": model, "snapshots": snapshots})


@pytest.mark.public_data
@pytest.mark.parametrize(
    ("name", "every", "night", "leavers"),
    [("online_retail", 56, date(2011, 12, 1), (0.2, 0.7))],
)
def test_the_main_job_on_real_data(
    public_data: Path, tmp_path: Path, name: str, every: int, night: date, leavers: tuple[float, float]
) -> None:
    config = reduced(name, tmp_path, every)
    trained = train(config, trials=0)
    assert trained.promotion.startswith("champion") and trained.audit.passed
    gain = recency_gain(trained.evaluation)
    assert gain is not None and gain["low"] > 0, gain
    assert leavers[0] < trained.test["silent"] / sum(trained.test.values()) < leavers[1]
    scored = score(config, night)
    assert scored.customers > 1000 and not scored.unchanged
    assert score(config, night).unchanged
    assert verify(config)["night"] == scored.night.name
    scores = pd.read_parquet(scored.night.folder / "scores.parquet")
    assert scores["p_silent"].std() > 0.05 and scores["value_at_risk"].notna().all()
    page = report(config).read_text(encoding="utf-8")
    customers = scores["customer_id"].sample(50, random_state=0)
    assert config.project in page or "Online retail" in page
    assert not [name for name in customers if f">{name}<" in page]
