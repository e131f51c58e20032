"""What campaigns with a control group have changed: measured, kept in the bundle, and gone by at night."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.config import Config
from churnml.dataset import Dataset
from churnml.explanation.attribution import Explainer, attribute
from churnml.explanation.themes import by_theme
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.training import learn
from churnml.targeting.campaigns import Campaigns, Drawn, Explained, measure
from churnml.targeting.effects import ThemeEffects, folds
from churnml.targeting.saveability import Estimated
from churnml.targeting.value import ASSUMED, ESTIMATED, NOTHING_LEARNT, Assumed, Saveability, save_rate
from churnml.workflows.business import Progress, open_business, silently, takes_path
from churnml.workflows.evidence import pack
from churnml.workflows.experiments import Assigned, any_experiment, assignments
from churnml.workflows.rows import labelled

if TYPE_CHECKING:
    from churnml.features.registry import FeatureCard
    from churnml.model.bundle import Bundle

log = logging.getLogger(__name__)
PARTS = 3
"""The model that explains an assignment has not learnt from the third of all groups that the customer belongs to."""
QINI = ("value", "low", "high", "by_risk")


@takes_path
def campaigns(
    config: Config, *, known_at: datetime | None = None, root: Path | None = None, progress: Progress = silently
) -> Campaigns:
    """Measure what earlier campaigns have changed, as a training run does, and publish nothing.

    Raises
    ------
    DataError
        No snapshot is mature.
    """
    from churnml.workflows.train import classifier

    model = classifier(config, config.model.seed)
    with open_business(config, root, progress) as business:
        if not any_experiment(business, known_at):
            return Campaigns(ASSUMED, NOTHING_LEARNT)
        data = labelled(business, known_at, progress)
        assigned = assignments(business, data, known_at, progress)
    return measured(assigned, data, model, config, progress)


def measured(
    assigned: Assigned | None,
    data: Dataset,
    classifier: SilentDefectionClassifier,
    config: Config,
    progress: Progress = silently,
) -> Campaigns:
    """What the assignments tell, explained by clones of `classifier` that learn from the rows of `data`."""
    rate = save_rate(config)
    if assigned is None:
        return Campaigns(ASSUMED, NOTHING_LEARNT)
    rows = assigned.compared()
    place = rows.pop("place").to_numpy()
    found = measure(
        Drawn(rows, assigned.usable(), lambda: explained(assigned, place, data, classifier, config, progress)),
        rate,
        horizon_days=config.snapshots.lead_days + config.snapshots.horizon_days,
        seed=config.model.seed,
        draws=config.model.bootstrap,
    )
    log.info("campaigns: %s", found.why)
    return replace(found, follow_up=assigned.follow_up, left_out=assigned.left_out)


def noted(found: Campaigns, assumed: float) -> dict[str, Any]:
    """What a bundle keeps of it, and of the rate `assumed` then, as plain values: for the report and the nights.

    What differs between customers is told where it goes beyond noise only.
    """
    overall = found.overall
    groups, themes, curve = (found.groups, found.themes, found.qini) if found.effects is not None else (None,) * 3
    return {
        "basis": found.basis,
        "assumed": assumed,
        "why": found.why,
        "overall": None if overall is None else {"assignments": overall.treated + overall.control, **asdict(overall)},
        "by_campaign": pack(found.by_campaign),
        "follow_up": pack(found.follow_up),
        "groups": None if groups is None else pack(groups),
        "themes": None if themes is None else pack(themes),
        "qini": None if curve is None else {name: getattr(curve, name) for name in QINI},
        "qini_curve": None if curve is None else pack(curve.curve),
        "left_out": pack(found.left_out),
        "rate": found.rate,
        "effects": None if found.effects is None else found.effects.state(),
    }


def saveability(config: Config, bundle: Bundle, explainer: Explainer, cards: Sequence[FeatureCard]) -> Saveability:
    """What the nights of a model go by: what campaigns had taught when it was trained, or else what is assumed."""
    known: Mapping[str, Any] = bundle.notes.get("campaigns") or {}
    if known.get("basis") != ESTIMATED:
        return Assumed(save_rate(config), _as_configured(known, config))
    effects = None if known["effects"] is None else ThemeEffects.restore(known["effects"])

    def pushes(X: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([by_theme(part, cards) for part in explainer.attributions(X)], ignore_index=True)

    return Estimated(known["why"], known["rate"], effects, pushes)


def _as_configured(known: Mapping[str, Any], config: Config) -> str | None:
    """Why nothing better than the assumption is known; None where another rate is assumed by now."""
    said = known.get("why")
    return str(said) if said and known.get("assumed") == save_rate(config) else None


def explained(
    assigned: Assigned,
    place: np.ndarray[Any, np.dtype[np.intp]],
    data: Dataset,
    classifier: SilentDefectionClassifier,
    config: Config,
    progress: Progress,
) -> Explained:
    """Pushes and margins of the rows at `place`, by models that the customers' groups have not taught."""
    found = assigned.data
    assert found is not None
    parts = folds(np.concatenate([data.group_id, found.group_id]), PARTS, config.model.seed)
    taught, asked = parts[: len(data)], parts[len(data) :]
    pushes, margin = [], np.zeros(len(found))
    for part in range(PARTS):
        progress("measuring campaigns", part, PARTS)
        learnt, rows = data.at(taught != part).fitted(), found.at(asked == part)
        model = learn(classifier, learnt.X, learnt.outcome, learnt.as_of)
        told = attribute(model, rows.fitted(learnt.state).X)
        margin[asked == part] = told.margin
        pushes.append(by_theme(told, data.recipe.cards).set_index(np.flatnonzero(asked == part)))
    progress("measuring campaigns", PARTS, PARTS)
    return Explained(pd.concat(pushes).sort_index().iloc[place].reset_index(drop=True), margin[place])
