"""The labelled rows of a business, and how they are divided into those to learn from and those to test on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime, time

import numpy as np

from churnml import dataset
from churnml.config import Config
from churnml.dataset import Dataset
from churnml.errors import DataError, ModelError
from churnml.evaluation.parts import Part, by_acquaintance, by_attribute, by_lead_time, by_tenure, by_terciles
from churnml.features.recipe import Recipe
from churnml.workflows.business import Business, Progress, silently
from churnml.workflows.evidence import days

log = logging.getLogger(__name__)


def labelled(business: Business, known_at: datetime | None = None, progress: Progress = silently) -> Dataset:
    """The data set of every mature snapshot.

    Raises
    ------
    DataError
        No snapshot is mature.
    """
    config = business.config
    until = known_at.date() if known_at is not None else business.known_at
    snapshots = mature(business, until)
    moment = datetime.combine(until, time()) if known_at is None else known_at
    recipe = Recipe.of(config, dataset.take_inventory(business.canonical, moment))
    for name, why in recipe.switched_off.items():
        log.info("feature %s is off: %s", name, why)
    return dataset.build(
        business.canonical,
        config,
        business.engine,
        snapshots,
        recipe,
        labels_known_at=until,
        progress=lambda done, total: progress("building features", done, total),
    )


def mature(business: Business, known_at: date) -> tuple[date, ...]:
    """The snapshots whose outcomes are known.

    Raises
    ------
    DataError
        There is none.
    """
    if snapshots := business.snapshots(known_at):
        return snapshots
    raise DataError(
        f"no snapshot is mature: the data run from {business.first_eligible_day} to {known_at}",
        "give more history, or shorten snapshots.horizon_days or eligible.active_within_days",
    )


def divide(snapshots: Sequence[date], config: Config) -> tuple[list[date], list[date]]:
    """The snapshots to learn from and those to test on; every outcome of the former is known when the latter begin.

    Raises
    ------
    ModelError
        One of the two would be empty.
    """
    rule = config.model
    first = rule.test_from or snapshots[max(0, len(snapshots) - rule.test_snapshots)]
    tested = [day for day in snapshots if day >= first]
    learned = [day for day in snapshots if tested and day + config.snapshots.matures_after <= tested[0]]
    if tested and learned:
        return learned, tested
    raise ModelError(
        f"{len(snapshots)} snapshots with customers ({snapshots[0]} to {snapshots[-1]}) leave {len(learned)} to "
        f"learn from and {len(tested)} to test on; every training outcome must be known when the test begins",
        "give more history, snapshots closer together, or fewer test snapshots",
    )


def split(data: Dataset, config: Config) -> tuple[Dataset, Dataset]:
    """The rows to learn from and the rows of the test snapshots, with the embargo between them.

    What features learn is learnt from the former and applied to both.

    Raises
    ------
    ModelError
        One of the two would be empty.
    """
    parts = (np.array(part, dtype="datetime64[D]") for part in divide(days(data), config))
    learn, test = (data.at(np.isin(data.as_of, part)) for part in parts)
    learn = learn.fitted()
    return learn, test.fitted(learn.state)


def parts_of(learn: Dataset, test: Dataset, config: Config) -> list[Part]:
    """The parts of the test rows that the model is judged in, besides the snapshots.

    Who was seen in training, lead time, tenure, value, and the attributes that are neither protected nor personal.
    """
    parts = by_acquaintance(test.group_id, learn.group_id)
    parts += by_lead_time(test.keys["customer_id"], test.as_of)
    if "tenure_days" in test.X:
        parts += by_tenure(test.X["tenure_days"])
    parts += by_terciles("value", test.value)
    for name, attribute in config.attributes.items():
        if attribute.sensitivity == "none" and name in test.X:
            parts += by_attribute(name, test.X[name])
    return parts
