"""The reason that the model sees beside the one that the simulator planted; benchmarks/reasons.py has larger ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnml import load_config
from churnml.explanation.attribution import attribute
from churnml.explanation.reasons import reasons
from churnml.outcomes import SILENT
from churnml.workflows.business import open_business
from churnml.workflows.rows import labelled
from churnml.workflows.score import champion


def test_the_likely_reason_agrees_with_the_planted_one_beyond_chance(company: Any) -> None:
    config = load_config(company.config)
    bundle, _ = champion(config)
    with open_business(config) as business:
        data = labelled(business)
    left = data.at(data.outcome == SILENT)
    attribution, cards = attribute(bundle.classifier, left.X), data.recipe.cards
    said = reasons(attribution, left.X, cards, bundle.usual, usual_pushes=bundle.usual_pushes)
    truth = pd.read_parquet(company.config.parent / "truth" / "departures.parquet").set_index("customer_id")
    found = left.keys.assign(named=said["likely_reason"].to_numpy())
    found = found.drop_duplicates("customer_id").join(truth["theme"], on="customer_id").dropna(subset=["theme"])
    named = {card.theme for card in cards}  # a small model looks at two families, and can name no other reason
    found = found[found["theme"].isin(named)]
    agreed = (found["named"] == found["theme"]).mean()
    draw = np.random.default_rng(1)
    dealt = [(draw.permutation(found["named"]) == found["theme"]).mean() for _ in range(500)]
    assert len(found) > 30 and agreed > np.quantile(dealt, 0.99), (len(found), agreed, np.quantile(dealt, [0.5, 0.99]))
