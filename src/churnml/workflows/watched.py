"""Published nights as they are watched: which ones, against what promise, and what became of their customers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from churnml.errors import DataError, LockError, ModelError
from churnml.metrics.drift import Drift
from churnml.model.bundle import Bundle
from churnml.monitoring.judgement import Outcomes
from churnml.monitoring.matured import followed
from churnml.monitoring.promise import Promise, definition
from churnml.monitoring.watch import Watched
from churnml.outcomes import OUTCOMES
from churnml.timeline import is_mature
from churnml.workflows.compare import bundle_of
from churnml.workflows.evidence import unpack
from churnml.workflows.judging import MODEL
from churnml.workflows.night import FACTS_FILE

if TYPE_CHECKING:
    from churnml.config import Config
    from churnml.scoring.night import Night
    from churnml.scoring.publish import Publication
    from churnml.sources import Canonical
    from churnml.tracking import Tracker
    from churnml.workflows.business import Business

_CHANCES = [f"p_{outcome}" for outcome in OUTCOMES]


def chosen(place: Publication, config: Config, known: date) -> list[Night]:
    """The newest nights of each kind, at most so many as configured: one for each day, withdrawn only if no other is.

    Raises
    ------
    DataError
        Nothing is published.
    """
    withdrawn, most = place.withdrawn(), config.scoring.monitor.nights
    by_day: dict[date, Night] = {}
    for night in place.nights():
        if night.as_of <= known and (night.name not in withdrawn or night.as_of not in by_day):
            by_day[night.as_of] = night
    if not by_day:
        raise DataError(f"{place.root}: no night is published up to {known}", "run churnml score first")
    days = sorted(by_day)
    mature = [day for day in days if is_mature(day, config.snapshots, known)]
    young = [day for day in days if day not in set(mature)]
    return [by_day[day] for day in (*mature[-most:], *young[-most:])]


def promises_of(tracker: Tracker, config: Config, nights: Sequence[Night]) -> dict[str, Promise | str]:
    """The promise of each model that scored a night, by version; where there is none, why."""
    versions = set()
    for night in nights:
        try:
            versions.add(str(night.manifest()["model_version"]))
        except DataError:
            continue
    return {version: _promise(tracker, config, version) for version in sorted(versions)}


def _promise(tracker: Tracker, config: Config, version: str) -> Promise | str:
    try:
        bundle = _bundle(tracker, version)
    except ModelError as error:
        return f"its model is not to be had: {error}"
    metrics = unpack(bundle.notes["metrics"])
    return Promise.of(bundle, version, metrics[metrics["model"] == MODEL], config)


def _bundle(tracker: Tracker, version: str) -> Bundle:
    """A version's bundle from the store, or from the champion's last export where the store is out of reach."""
    try:
        return bundle_of(tracker, tracker.version(version))
    except LockError:
        exported = tracker.exported()
        if exported is None or exported.model.version != version:
            raise
        return Bundle.load(exported.folder)


def watched(
    night: Night,
    business: Business,
    parts: Sequence[Canonical],
    promises: Mapping[str, Promise | str],
    known: date,
    *,
    withdrawn: bool,
) -> Watched:
    """A night with its drift and, where it is mature at `known`, what became of its customers.

    `parts` are the canonical tables in parts of the customers. A night that cannot be judged says why.
    """
    if problems := night.problems():
        return _left_out(night, "", np.zeros((0, len(OUTCOMES))), f"damaged: {problems[0]}", withdrawn)
    config, manifest, scores = business.config, night.manifest(), night.scores(["customer_id", *_CHANCES]).to_pandas()
    model, chances = str(manifest["model_version"]), scores[_CHANCES].to_numpy(dtype=float)
    promise = promises[model]
    if why := promise if isinstance(promise, str) else _why_not(night, manifest, promise, config):
        return _left_out(night, model, chances, why, withdrawn)
    moment = datetime.fromisoformat(manifest["known_at"])
    people = followed(parts, config, business.engine, night.as_of, moment, known).reindex(scores["customer_id"])
    groups, voiced = people["group_id"].to_numpy(dtype=object), people["voiced"].eq(True).to_numpy()
    outcomes = None
    if is_mature(night.as_of, config.snapshots, known):
        told = people["outcome"].notna().to_numpy()
        if not told.any():
            return _left_out(night, model, chances, "none of its customers has an outcome", withdrawn)
        y = people["outcome"].to_numpy(dtype=object)
        outcomes = Outcomes(y[told], chances[told], groups[told], voiced[told])
    seen = people["group_id"].notna().to_numpy()
    return Watched(night.name, night.as_of, model, withdrawn, chances, seen, voiced, outcomes, _drift(night, manifest))


def _left_out(night: Night, model: str, chances: NDArray[np.float64], why: str, withdrawn: bool) -> Watched:
    everybody = np.ones(len(chances), bool)
    return Watched(night.name, night.as_of, model, withdrawn, chances, everybody, ~everybody, why=why)


def _drift(night: Night, manifest: Mapping[str, Any]) -> dict[str, Drift]:
    """How far each feature had moved, as the gates measured it when the night was scored."""
    if FACTS_FILE not in manifest["files"]:
        return {}
    facts = json.loads((night.folder / FACTS_FILE).read_bytes())
    return {name: Drift(**moved) for name, moved in facts.get("drift", {}).items()}


def _why_not(night: Night, manifest: Mapping[str, Any], promise: Promise, config: Config) -> str:
    """Why a night cannot be held against its model's promise; empty where it can."""
    if manifest["lineage"].get("model") != promise.digest:
        return "the store's model of this version is not the one that scored it"
    if definition(config.model_dump(mode="json")) != promise.definition:
        return "what counts as leaving has been changed since its model was trained"
    if night.as_of < promise.learnt_until:
        return f"its model has learnt from outcomes up to {promise.learnt_until}, after this night"
    return ""
