"""A night as a sentence: take the champion, lock, read, pass the gates, score, explain, publish."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd

from churnml import __version__, dataset, timeline
from churnml.config import Config
from churnml.errors import ModelError
from churnml.explanation.attribution import Explainer
from churnml.explanation.reasons import explain
from churnml.features.recipe import Recipe
from churnml.features.registry import FeatureCard, Inventory
from churnml.model.bundle import Bundle
from churnml.scoring import gates
from churnml.scoring.job import run_id, score_frame
from churnml.scoring.publish import Night, Publication, Run
from churnml.tracking import Exported, Tracker
from churnml.workflows.business import Business, Progress, open_business, silently

FACTS_FILE = "facts.json"


@dataclass(frozen=True)
class Scored:
    """The published night; `unchanged` when the same inputs had published it before."""

    night: Night
    unchanged: bool
    customers: int
    expected_silent: float
    warnings: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "night": self.night.name,
            "scores": str(self.night.folder / "scores.parquet"),
            "customers": self.customers,
            "expected_to_leave_silently": round(self.expected_silent, 1),
            "warnings": list(self.warnings),
            "unchanged": self.unchanged,
        }


def publication(config: Config) -> Publication:
    """Where the nights of a project are published."""
    return Publication(Path(config.paths.published) / config.project)


def champion(config: Config) -> tuple[Bundle, Exported]:
    """The verified bundle of the champion, from its export when the tracking server is out of reach.

    Raises
    ------
    ModelError
        There is no champion, or its files were changed.
    """
    exported = Tracker(None, Path(config.paths.models), config.project).champion_bundle()
    return Bundle.load(exported.folder), exported


def recipe_of(bundle: Bundle, config: Config) -> Recipe:
    """The recipe the bundle was trained with.

    Raises
    ------
    ModelError
        The configuration has changed since in what features it gives.
    """
    recipe = Recipe.of(config, Inventory.from_json(bundle.notes["inventory"]))
    if recipe.custom != bundle.notes["custom_features"]:
        raise ModelError(
            f"the files of custom features are not those the champion was trained with: {', '.join(recipe.custom)}",
            "train again, or put the files back",
        )
    if tuple(recipe.columns) != bundle.columns:
        changed = sorted(set(recipe.columns) ^ set(bundle.columns))
        raise ModelError(
            f"the champion was trained with other features than this configuration gives ({len(changed)} differ: "
            f"{', '.join(changed[:5])}{', ...' if len(changed) > 5 else ''})",
            "train again, or score with the configuration it was trained with",
        )
    return recipe


def cards(bundle: Bundle) -> list[FeatureCard]:
    """What a reader is told about each of the bundle's columns."""
    return [FeatureCard(**feature) for feature in bundle.features]


def score(
    config: Config,
    as_of: date,
    *,
    known_at: datetime | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> Scored:
    """Score and explain every eligible customer as known at the start of `as_of`, and publish all or nothing.

    The same inputs twice publish once. What was published before stays whatever happens.

    Raises
    ------
    ModelError
        There is no champion, or it does not fit the configuration or its own hash.
    DataError
        The data is refused: broken contract, too old for `as_of`, nobody to score.
    LockError
        Another run of this project is under way.
    """
    bundle, exported = champion(config)
    recipe = recipe_of(bundle, config)
    place = publication(config)
    moment = known_at or datetime.combine(as_of, time())
    with place.lock(), open_business(config, root, progress) as business:
        files = {file.name: file.sha256 for file in business.canonical.files}
        run = run_id(
            project=config.project,
            config=config.digest(),
            model=bundle.digest,
            as_of=as_of,
            known_at=moment,
            files=files,
            version=__version__,
        )
        if (published := place.find(run)) is not None:
            place.make_current(published)
            return _scored(published, unchanged=True)
        newest = _newest(business, as_of, moment)
        gates.freshness(newest, as_of, freshness_days=config.scoring.freshness_days).require()
        eligible = timeline.observe(business.canonical, config, as_of, moment).spine
        gates.population(business.engine.number(eligible.count()), as_of).require()
        night = dataset.build(
            business.canonical,
            config,
            business.engine,
            [as_of],
            recipe,
            features_known_at=moment,
            state=bundle.fitted,
            progress=lambda done, total: progress("building features", done, total),
        )
        missing = {name: about["missing"] for name, about in bundle.histograms.items()}
        checked = gates.features(night.X, bundle.columns, missing).require()
        explainer = Explainer(bundle.classifier, threads=config.engine.threads)
        slow = tuple(
            f"explained by LightGBM, slowly: the {part} model has {why}" for part, why in explainer.fallbacks.items()
        )
        warnings = checked.warnings + _age_warnings(bundle, exported, config, as_of) + slow
        told = cards(bundle)
        scores = score_frame(
            bundle,
            night.X,
            night.keys["customer_id"],
            as_of=as_of,
            explain=lambda X: explain(explainer, X, told, bundle.usual, config.scoring.reasons),
            high=config.scoring.high_risk,
            medium=config.scoring.medium_risk,
            model_version=exported.model.version,
            run_id=run,
            value=night.value,
            on_batch=lambda done: progress("scoring and explaining", done, len(night)),
        )
        facts = {
            "excluded": {str(k): int(v) for k, v in night.excluded["reason"].value_counts().sort_index().items()},
            "value_known": int(pd.notna(night.value).sum()),
            "model": exported.folder.name,
        }
        result = place.publish(
            scores,
            Run(
                run_id=run,
                project=config.project,
                as_of=as_of,
                known_at=moment,
                model_version=exported.model.version,
                warnings=warnings,
                lineage={"files": files, "config": config.digest(), "model": bundle.digest, "churnml": __version__},
            ),
            {FACTS_FILE: json.dumps(facts, sort_keys=True, indent=2).encode()},
        )
        return _scored(result, unchanged=False)


def verify(config: Config) -> dict[str, Any]:
    """Hash every file of the published night again.

    Raises
    ------
    DataError
        Nothing is published, or something is missing, added or changed.
    """
    night = publication(config).verify()
    return {"night": night.name, "rows": night.manifest()["rows"], "files": sorted(night.manifest()["files"])}


def _scored(night: Night, *, unchanged: bool) -> Scored:
    chances = night.scores().column("p_silent").to_numpy()
    return Scored(night, unchanged, len(chances), float(chances.sum()), tuple(night.manifest()["warnings"]))


def _newest(business: Business, as_of: date, known_at: datetime) -> datetime | None:
    seen = timeline.visible(business.canonical.events, as_of, known_at)
    newest = business.engine.frame(seen.aggregate(newest=seen.recorded_at.max()))["newest"].iloc[0]
    return None if pd.isna(newest) else newest.to_pydatetime()


def _age_warnings(bundle: Bundle, exported: Exported, config: Config, as_of: date) -> tuple[str, ...]:
    warnings = []
    learnt = timeline.outcome_window(date.fromisoformat(bundle.snapshots[-1]), config.snapshots).end
    if as_of < learnt:
        warnings.append(
            f"the champion has learnt from outcomes up to {learnt}, after this night: its scores here say nothing "
            "about how good it is"
        )
    if not exported.current:
        warnings.append("the tracking server is out of reach; scored with the champion as last exported")
    return tuple(warnings)
