"""Watching as a sentence: take the nights, follow their customers, judge, estimate, measure, draw the page, log it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnml.config import Config
from churnml.dataset import parted
from churnml.errors import DataError, LockError, ModelError
from churnml.metrics.drift import Drift
from churnml.model.bundle import Bundle
from churnml.monitoring.judgement import Outcomes
from churnml.monitoring.matured import followed
from churnml.monitoring.promise import Promise, definition
from churnml.monitoring.verdict import JUDGED, LEFT_OUT, WAITING
from churnml.monitoring.watch import Monitored, Watched, watch
from churnml.outcomes import OUTCOMES
from churnml.report.monitor import render_monitor, sentence
from churnml.scoring.durable import writing
from churnml.scoring.night import Night
from churnml.scoring.publish import Publication
from churnml.timeline import is_mature
from churnml.tracking import RunRecord, Tracker
from churnml.workflows.business import Business, Progress, open_business, silently
from churnml.workflows.compare import bundle_of, plain
from churnml.workflows.evidence import markdown, unpack
from churnml.workflows.judging import MODEL
from churnml.workflows.logs import stage
from churnml.workflows.night import FACTS_FILE, publication

log = logging.getLogger(__name__)
PAGE = "monitor.html"
_CHANCES = [f"p_{outcome}" for outcome in OUTCOMES]


@dataclass(frozen=True)
class Report:
    """What watching has shown, the page it stands on, and the run it was logged as."""

    found: Monitored
    page: Path
    run_id: str

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        return sentence(self.found)

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        found = self.found
        return {
            "well": found.well,
            "verdict": self.verdict,
            "findings": [each.text for each in found.findings],
            "as_of": found.as_of.isoformat(),
            "nights": plain(found.nights.assign(as_of=found.nights["as_of"].astype(str))),
            "figures": plain(found.figures.assign(as_of=found.figures["as_of"].astype(str))),
            "overall": plain(found.overall),
            "estimates": plain(found.estimates.assign(as_of=found.estimates["as_of"].astype(str))),
            "drift": plain(found.drift.assign(as_of=found.drift["as_of"].astype(str))),
            "page": str(self.page),
            "run_id": self.run_id,
        }

    def brief(self) -> dict[str, Any]:
        """What a terminal shows."""
        states = self.found.nights["state"].value_counts()
        counted = {state: int(states.get(state, 0)) for state in (JUDGED, WAITING, LEFT_OUT)}
        said = [each.text for each in self.found.findings]
        return {"verdict": self.verdict, "findings": said, "nights": counted, "page": str(self.page)}

    def require(self) -> Report:
        """Give the report itself, or raise a ModelError (exit code 65) with the verdict where not all is well."""
        if not self.found.well:
            raise ModelError("; ".join(each.text for each in self.found.findings), f"look at {self.page}")
        return self


def monitor(
    config: Config,
    *,
    as_of: date | None = None,
    out: Path | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> Report:
    """Judge the published nights whose outcomes are known at the start of `as_of`, and watch the others.

    The page is written (default: `<published>/<project>/monitor.html`), then a run is logged beside the comparisons.
    No outcome is told that the data do not reach: `as_of` (default: all that they know) is cut to what they know.

    Raises
    ------
    DataError, ContractError
        Nothing is published before that day, or the data is refused.
    LockError
        The model store is out of reach; the page is written all the same where the last export of the champion is
        enough for it.
    """
    place, tracker = publication(config), Tracker(None, Path(config.paths.models), config.project)
    with open_business(config, root, progress) as business:
        known = min(as_of or business.known_at, business.known_at)
        nights = _chosen(place, config, known)
        promises = _promises(tracker, config, nights)
        withdrawn, parts = place.withdrawn(), parted(business.canonical, business.engine)
        watched = []
        with stage(log, "follow the customers", nights=len(nights)):
            for number, night in enumerate(nights):
                progress("following the customers", number, len(nights))
                watched.append(_watched(night, night.name in withdrawn, business, parts, promises, known))
            progress("following the customers", len(nights), len(nights))
    rule = config.model
    with stage(log, "judge"):
        kept = {version: each for version, each in promises.items() if isinstance(each, Promise)}
        found = watch(config.project, known, watched, kept, config.scoring, n_bootstrap=rule.bootstrap, seed=rule.seed)
    page = render_monitor(found, config.scoring, definition_of=_definition_in_words(config))
    path = _written(page, out or place.root / PAGE)
    run_id = tracker.log_comparison(f"nights up to {known}", _record(found, page))
    return Report(found, path, run_id)


def _chosen(place: Publication, config: Config, known: date) -> list[Night]:
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


def _promises(tracker: Tracker, config: Config, nights: Sequence[Night]) -> dict[str, Promise | str]:
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


def _watched(
    night: Night,
    withdrawn: bool,
    business: Business,
    parts: Sequence[Any],
    promises: dict[str, Promise | str],
    known: date,
) -> Watched:
    config = business.config
    if problems := night.problems():
        empty = np.zeros((0, len(OUTCOMES)))
        nobody = np.zeros(0, bool)
        return Watched(night.name, night.as_of, "", withdrawn, empty, nobody, nobody, why=f"damaged: {problems[0]}")
    manifest, scores = night.manifest(), night.scores().to_pandas()
    model, chances = str(manifest["model_version"]), scores[_CHANCES].to_numpy(dtype=float)
    promise = promises[model]
    why = promise if isinstance(promise, str) else _why_not(night, manifest, promise, config)
    if why:
        nobody = np.zeros(len(scores), bool)
        return Watched(night.name, night.as_of, model, withdrawn, chances, ~nobody, nobody, why=why)
    moment = datetime.fromisoformat(manifest["known_at"])
    people = followed(parts, config, business.engine, night.as_of, moment, known).reindex(scores["customer_id"])
    seen, outcome = people["group_id"].notna().to_numpy(), people["outcome"]
    voiced = people["voiced"].eq(True).to_numpy()
    outcomes = None
    if is_mature(night.as_of, config.snapshots, known):
        labelled = outcome.notna().to_numpy()
        groups = people["group_id"].to_numpy(dtype=object)
        outcomes = Outcomes(
            outcome.to_numpy(dtype=object)[labelled], chances[labelled], groups[labelled], voiced[labelled]
        )
        if not labelled.any():
            why = "none of its customers has an outcome"
    facts = json.loads((night.folder / FACTS_FILE).read_bytes()) if FACTS_FILE in manifest["files"] else {}
    drift = {name: Drift(**moved) for name, moved in facts.get("drift", {}).items()}
    return Watched(night.name, night.as_of, model, withdrawn, chances, seen, voiced, outcomes, drift, why)


def _why_not(night: Night, manifest: dict[str, Any], promise: Promise, config: Config) -> str:
    """Why a night cannot be held against its model's promise; empty where it can."""
    if manifest["lineage"].get("model") != promise.digest:
        return "the store's model of this version is not the one that scored it"
    if definition(config.model_dump(mode="json")) != promise.definition:
        return "what counts as leaving has been changed since its model was trained"
    if night.as_of < promise.learnt_until:
        return f"its model has learnt from outcomes up to {promise.learnt_until}, after this night"
    return ""


def _definition_in_words(config: Config) -> tuple[str, str]:
    from churnml.features.sentences import nouns
    from churnml.workflows.report import leaving_in_words

    return leaving_in_words(config), nouns(config.voice.kinds)


def _written(page: str, path: Path) -> Path:
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_name(f".{path.name}.{os.getpid()}")
        staging.write_text(page, encoding="utf-8")
        os.replace(staging, path)
    return path


def _record(found: Monitored, page: str) -> RunRecord:
    """A run with the figures of each night as curves, the tables, and the page itself."""
    days = {name: place for place, name in enumerate(found.nights["night"])}
    curves = {}
    for (outcome, metric), part in found.figures.groupby(["outcome", "metric"], sort=False):
        curves[f"nights/{metric}_{outcome}"] = pd.Series(
            part["value"].to_numpy(), index=[days[name] for name in part["night"]]
        )
    overall = {
        f"together/{row['metric']}_{row['outcome']}/version_{row['model']}": float(row["value"])
        for row in found.overall.to_dict("records")
    }
    states = found.nights["state"].value_counts()
    said = "\n".join(f"- {each.text}" for each in found.findings)
    table = found.overall[["model", "nights", "outcome", "metric", "value", "promised"]].round(4)
    return RunRecord(
        description=f"{sentence(found)}\n\n{said}\n\nJudged nights together:\n\n{markdown(table)}",
        params={"as_of": found.as_of, "nights": len(found.nights), "well": found.well},
        metrics={
            **overall,
            "nights/judged": float(states.get(JUDGED, 0)),
            "nights/worse_than_promised": float(found.nights["worse"].sum()),
            "findings": float(len(found.findings)),
        },
        curves=curves,
        tables={name: getattr(found, name) for name in ("nights", "figures", "overall", "estimates", "drift")},
        texts={PAGE: page},
        tags={"churnml.kind": "nights", "churnml.well": str(found.well).lower()},
    )
