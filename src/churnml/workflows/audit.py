"""The leakage audit of a configuration: gates on the features, gates on the data, and information beside.

The future is deleted, then poisoned; features that know too much are named; so are facts that were written with
hindsight. A model learnt from shuffled labels, a random split and changes of regime are shown.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from churnml.config import Config
from churnml.dataset import Dataset, snapshot_features
from churnml.errors import ModelError
from churnml.evaluation.departures import departures
from churnml.evaluation.findings import Audit
from churnml.evaluation.foresight import foresight
from churnml.evaluation.hindsight import overwritten, row_clocks
from churnml.evaluation.honesty import too_good
from churnml.evaluation.information import regime_changes, shuffled_labels, split_gap
from churnml.evaluation.leakage import audit, single_features
from churnml.evaluation.reactions import reactions
from churnml.evaluation.resolutions import open_cases
from churnml.evaluation.running import known_at_sign_up
from churnml.evaluation.spans import kinds_apart
from churnml.features.recipe import Recipe
from churnml.workflows.business import Business, Progress, open_business, silently, takes_path
from churnml.workflows.evidence import days
from churnml.workflows.rows import labelled, split

AUDITED_SNAPSHOTS = 2
"""The features of so many snapshots, the middle and the last one, are computed again without their future."""


@takes_path
def audit_config(config: Config, *, root: Path | None = None, progress: Progress = silently) -> Audit:
    """Audit the features of a configuration on its data."""
    with open_business(config, root, progress) as business:
        return audit_business(business, labelled(business, None, progress), progress)


def audit_business(business: Business, data: Dataset, progress: Progress = silently) -> Audit:
    """Audit the features of a labelled data set that was built from this business.

    What `accept` in the configuration names is passed, and marked as accepted.
    """
    snapshots = days(data)
    chosen: list[date] = sorted({snapshots[len(snapshots) // 2], snapshots[-1]})[-AUDITED_SNAPSHOTS:]
    recency = recency_of_engagement(data.recipe)
    result = single_features(data.X, data.outcome, recency, data.group_id)
    features = snapshot_features(business.config, business.engine, data.recipe, data.state)
    for done, as_of in enumerate(chosen):
        progress("auditing for leaks", done, len(chosen) + 1)
        result += audit(partial(features, as_of), business.canonical, as_of)
    progress("auditing for leaks", len(chosen), len(chosen) + 1)
    result += hindsight(business) + honesty(business, data, recency) + information(business, data)
    progress("auditing for leaks", len(chosen) + 1, len(chosen) + 1)
    return result.accepting(business.config.accept)


def recency_of_engagement(recipe: Recipe) -> set[str]:
    """The recency features of engagement: what they reach alone may be had honestly. Those of other kinds are none."""
    engagement = set(recipe.context.engagement_kinds)
    return {each.name for each in recipe.features if each.family == "recency" and set(each.needs.kinds) <= engagement}


def hindsight(business: Business) -> Audit:
    """The gates on the data themselves."""
    about = (business.canonical, business.config, business.engine)
    resolved = open_cases(business.canonical, business.engine)
    attributes = overwritten(*about) + known_at_sign_up(*about)
    acts = reactions(*about)
    acts += departures(*about, named={each.feature for each in acts.findings if not each.passed}) + foresight(*about)
    return attributes + acts + resolved + row_clocks(business.canonical.evidence.row_clocks)


def honesty(business: Business, data: Dataset, recency: Collection[str]) -> Audit:
    """The gate on the whole, where there are snapshots enough to divide."""
    try:
        learn, test = split(data, business.config)
    except ModelError:
        return Audit()
    return too_good(learn, test, recency, business.config.model.seed)


def information(business: Business, data: Dataset) -> Audit:
    """What is no gate: shuffled labels, a random split, changes of regime, and kinds that are cut off."""
    settled = business.known_at - timedelta(days=business.config.snapshots.settle_days)
    result = regime_changes(business.canonical, data, business.engine, settled)
    changed = {(each.feature or "").removeprefix("events of ") for each in result.findings}
    result += kinds_apart(business.canonical, business.engine, settled, known=changed)
    try:
        learn, test = split(data, business.config)
    except ModelError:
        return result  # too few snapshots to divide
    seed = business.config.model.seed
    return shuffled_labels(learn, test, seed) + split_gap(learn, test, seed) + result
