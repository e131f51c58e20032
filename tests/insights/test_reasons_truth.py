"""The reason that the model sees beside the one that the simulator planted; benchmarks/reasons.py has larger ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import churnml
from churnml.explanation.attribution import attribute
from churnml.explanation.reasons import reasons
from churnml.explanation.themes import by_theme, usual_pushes
from churnml.model.classifier import SilentDefectionClassifier
from churnml.outcomes import SILENT
from churnml.workflows.business import open_business
from churnml.workflows.rows import labelled


def test_the_likely_reason_agrees_with_the_planted_one_beyond_chance(tmp_path: Path) -> None:
    made = churnml.simulate(tmp_path, customers=1200, seed=12, preset="shop", months=14)
    config = churnml.load_config(made["configuration"]).changed(snapshots={"every": 56})
    with open_business(config) as business:
        data = labelled(business)
    model = SilentDefectionClassifier(num_threads=1).fit(data.X, data.outcome)
    left, cards = data.at(data.outcome == SILENT), data.recipe.cards
    pushes, usual = usual_pushes(by_theme(attribute(model, data.X), cards)), data.X.median(numeric_only=True).to_dict()
    said = reasons(attribute(model, left.X), left.X, cards, usual, usual_pushes=pushes)
    truth = pd.read_parquet(tmp_path / "truth" / "departures.parquet").set_index("customer_id")
    found = left.keys.assign(named=said["likely_reason"].to_numpy())
    found = found.drop_duplicates("customer_id").join(truth["theme"], on="customer_id").dropna(subset=["theme"])
    agreed = (found["named"] == found["theme"]).mean()
    draw = np.random.default_rng(1)
    dealt = [(draw.permutation(found["named"]) == found["theme"]).mean() for _ in range(500)]
    assert len(found) > 100 and agreed > np.quantile(dealt, 0.999), (len(found), agreed, np.quantile(dealt, [0.5, 1]))
