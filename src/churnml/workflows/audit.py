"""The leakage audit of a configuration: the future deleted, then poisoned, and features that know too much."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

from churnml.config import Config
from churnml.dataset import Dataset, snapshot_features
from churnml.evaluation.leakage import Audit, audit, single_features
from churnml.workflows.business import Business, Progress, open_business, silently
from churnml.workflows.evidence import days

AUDITED_SNAPSHOTS = 2
"""The features of so many snapshots, the middle and the last one, are computed again without their future."""


def audit_config(config: Config, *, root: Path | None = None, progress: Progress = silently) -> Audit:
    """Audit the features of a configuration on its data."""
    from churnml.workflows.train import labelled

    with open_business(config, root, progress) as business:
        return audit_business(business, labelled(business, None, progress), progress)


def audit_business(business: Business, data: Dataset, progress: Progress = silently) -> Audit:
    """Audit the features of a labelled data set that was built from this business."""
    snapshots = days(data)
    chosen: list[date] = sorted({snapshots[len(snapshots) // 2], snapshots[-1]})[-AUDITED_SNAPSHOTS:]
    recency = {card.name for card in data.recipe.cards if card.family == "recency"}
    result = single_features(data.X, data.outcome, recency)
    features = snapshot_features(business.config, business.engine, data.recipe, data.state)
    for done, as_of in enumerate(chosen):
        progress("auditing for leaks", done, len(chosen))
        result += audit(partial(features, as_of), business.canonical, as_of)
    progress("auditing for leaks", len(chosen), len(chosen))
    return result
