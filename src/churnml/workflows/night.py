"""One night, with the champion and the data at hand: gates, features, scores, publication, delivery."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from churnml import __version__, dataset
from churnml.config import Config
from churnml.dataset import Dataset
from churnml.explanation.attribution import Explainer
from churnml.explanation.reasons import explain
from churnml.features.recipe import Recipe
from churnml.insights.personas import assign, features_of
from churnml.insights.silence_curve import silence_curve
from churnml.model.bundle import Bundle
from churnml.scoring.consent import withheld
from churnml.scoring.job import run_id, score_frame
from churnml.scoring.night import Night, Run
from churnml.scoring.publish import publication
from churnml.targeting.value import Assumed, Saveability, save_rate
from churnml.tracking import Exported
from churnml.workflows import guard
from churnml.workflows.acting import act, contacts, worth
from churnml.workflows.business import Business, Progress
from churnml.workflows.champion import cards, champion, recipe_of
from churnml.workflows.deliver import deliver
from churnml.workflows.evidence import pack
from churnml.workflows.logs import stage

log = logging.getLogger(__name__)
FACTS_FILE = "facts.json"


@dataclass(frozen=True)
class Scored:
    """The published night; `unchanged` when the same inputs had published it before."""

    night: Night
    unchanged: bool
    customers: int
    expected_silent: float
    contacts: dict[str, Any]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, night: Night, *, unchanged: bool, withdrawn: bool = False) -> Scored:
        """What a published night says of itself."""
        scores = night.scores(["p_silent", "action", "expected_net_value"])
        chances = scores["p_silent"].to_numpy()
        warnings = tuple(night.manifest()["warnings"])
        if withdrawn:
            warnings += (
                f"night {night.name} was rolled back and stays so; churnml rollback with its name undoes that",
            )
        return cls(night, unchanged, len(chances), float(chances.sum()), contacts(scores), warnings)

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "night": self.night.name,
            "scores": str(self.night.folder / "scores.parquet"),
            "customers": self.customers,
            "expected_to_leave_silently": round(self.expected_silent, 1),
            **self.contacts,
            "warnings": list(self.warnings),
            "unchanged": self.unchanged,
        }


@dataclass(frozen=True)
class Rehearsed:
    """What a night would have been; nothing was published."""

    as_of: date
    run_id: str
    customers: int
    expected_silent: float
    may_be_contacted: int
    contacts: dict[str, Any]
    warnings: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "would_publish": f"{self.as_of}-{self.run_id[:12]}",
            "customers": self.customers,
            "expected_to_leave_silently": round(self.expected_silent, 1),
            "may_be_contacted": self.may_be_contacted,
            **self.contacts,
            "warnings": list(self.warnings),
            "published": False,
        }


def moment_of(as_of: date, known_at: datetime | None) -> datetime:
    """Up to when records count: the start of the night, unless another moment is given; the manifest freezes it."""
    return known_at or datetime.combine(as_of, time())


@dataclass(frozen=True)
class Scorer:
    """The champion, ready to score nights of one configuration."""

    config: Config
    bundle: Bundle
    exported: Exported
    recipe: Recipe

    @classmethod
    def of(cls, config: Config) -> Scorer:
        """The champion of a configuration. ModelError when there is none, or it does not fit or was changed."""
        with stage(log, "model"):
            bundle, exported = champion(config)
            return cls(config, bundle, exported, recipe_of(bundle, config))

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.bundle.classifier, threads=self.config.engine.threads)

    @property
    def _slow(self) -> tuple[str, ...]:
        found = self._explainer.fallbacks.items()
        return tuple(f"explained by LightGBM, slowly: the {part} model has {why}" for part, why in found)

    @cached_property
    def _saveability(self) -> Saveability:
        """What contacting customers is taken to change, and on what grounds."""
        return Assumed(save_rate(self.config))

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {"config": self.config.digest(), "model": self.bundle.digest, "churnml": __version__}

    def publish(self, business: Business, as_of: date, known_at: datetime, progress: Progress) -> Scored:
        """Publish a night and deliver it. Hold the publication's lock."""
        config, place = self.config, publication(self.config)
        with stage(log, "clean up") as event:
            event["dead_runs"] = place.clean()
        run = self._run(business, as_of, known_at)
        unchanged = (night := place.find(run.run_id)) is not None
        if night is None:
            scores, run, facts = self._score(business, run, progress)
            with stage(log, "publish", rows=scores.num_rows, night=f"{as_of}-{run.run_id[:12]}"):
                night = place.publish(scores, run, {FACTS_FILE: facts})
        else:
            place.make_current(night)
        stays = night.name in place.withdrawn()
        if config.scoring.sinks != type(config.scoring.sinks)() and not stays:
            by_now = withheld(business.canonical, business.engine)
            deliver(config, night, by_now, current=place.current() == night)
        if config.scoring.keep_days is not None:
            with stage(log, "retention") as event:
                event["removed"] = len(place.retire(config.scoring.keep_days))
        return Scored.of(night, unchanged=unchanged, withdrawn=stays)

    def rehearse(self, business: Business, as_of: date, known_at: datetime, progress: Progress) -> Rehearsed:
        """Score a night and publish nothing."""
        scores, run, _ = self._score(business, self._run(business, as_of, known_at), progress)
        expected = float(scores["p_silent"].to_numpy().sum())
        free = scores["excluded_because"].null_count
        return Rehearsed(as_of, run.run_id, scores.num_rows, expected, free, contacts(scores), run.warnings)

    def done(self, as_of: date, known_at: datetime) -> Night | None:
        """The whole night of that day that this model and configuration published, whatever files have come since."""
        for night in reversed(publication(self.config).nights()):
            if night.as_of == as_of and not night.problems():
                said = night.manifest()
                same = all(said["lineage"].get(name) == digest for name, digest in self._digests.items())
                if same and said["known_at"] == known_at.isoformat():
                    return night
        return None

    def _run(self, business: Business, as_of: date, known_at: datetime) -> Run:
        files = {file.name: file.sha256 for file in business.canonical.files}
        digests = self._digests
        identity = run_id(
            project=self.config.project,
            config=digests["config"],
            model=digests["model"],
            as_of=as_of,
            known_at=known_at,
            files=files,
            version=__version__,
        )
        lineage = {"files": files, **digests}
        return Run(identity, self.config.project, as_of, known_at, self.exported.model.version, (), lineage)

    def _score(self, business: Business, run: Run, progress: Progress) -> tuple[pa.Table, Run, bytes]:
        """The scores of a night that has passed every gate, its run with the warnings, and its facts."""
        config, bundle, as_of, known_at = self.config, self.bundle, run.as_of, run.known_at
        assert isinstance(known_at, datetime)
        with stage(log, "gates before scoring") as event:
            checked, volume = guard.before(business, bundle, publication(config), as_of, known_at)
            checked.require()
            event["customers"] = volume.customers
        with stage(log, "features") as event:
            night = dataset.build(
                business.canonical,
                config,
                business.engine,
                [as_of],
                self.recipe,
                features_known_at=known_at,
                state=bundle.fitted,
                progress=lambda done, total: progress("building features", done, total),
            )
            event["rows"], event["columns"] = night.X.shape
        with stage(log, "gates on features"):
            checked += guard.features(night.X, bundle, config)
            checked.require()
        with stage(log, "score and explain", rows=len(night)) as event:
            tonight = bundle.on(night.X)
            moved = dict(zip(tonight.classes, tonight.calibration.bias, strict=True)) if tonight is not bundle else {}
            event |= {"base_rates_moved_by": moved} if moved else {}
            scores = self._scores(night, run, tonight, progress)
        with stage(log, "gates on scores"):
            checked += guard.scores(scores, bundle, config)
            checked.require()
        with stage(log, "actions") as event:
            acted = act(business, night, scores, self._saveability, as_of, known_at)
            scores = acted.scores
            event |= {"excluded": acted.facts["excluded"], "actions": acted.facts["counts"]}
        checked += guard.champion(bundle, self.exported, config, as_of)
        warnings = checked.warnings + self._slow
        if warnings:
            log.info("%d warnings", len(warnings), extra={"event": {"event": "warnings", "warnings": warnings}})
        facts = {
            "excluded": {str(k): int(v) for k, v in night.excluded["reason"].value_counts().sort_index().items()},
            "value_known": int(pd.notna(night.value).sum()),
            "actions": acted.facts,
            "model": self.exported.folder.name,
            "base_rates_moved_by": moved,
            "drift": {name: asdict(drifted) for name, drifted in checked.drift.items()},
            "silence": pack(silence_curve(night.X, scores["p_silent"].to_numpy())),
        }
        told = Run(**{**vars(run), "warnings": warnings, "volume": asdict(volume)})
        return scores, told, json.dumps(facts, sort_keys=True, indent=2).encode()

    def _scores(self, night: Dataset, run: Run, bundle: Bundle, progress: Progress) -> pa.Table:
        rule, currency = self.config.scoring, self.config.economics.currency
        told, usual = cards(bundle, self.recipe), bundle.usual
        pushes, medians = bundle.usual_pushes, bundle.medians
        return score_frame(
            bundle,
            night.X,
            night.keys["customer_id"],
            as_of=run.as_of,
            explain=lambda X: explain(
                self._explainer,
                X,
                told,
                usual,
                rule.reasons,
                currency=currency,
                usual_pushes=pushes,
                medians=medians,
            ),
            high=rule.high_risk,
            medium=rule.medium_risk,
            model_version=self.exported.model.version,
            run_id=run.run_id,
            value=worth(night, self.config),
            persona=self._personas(night.X),
            on_batch=lambda done: progress("scoring and explaining", done, len(night)),
        )

    def _personas(self, X: pd.DataFrame) -> Any:
        """The persona of each customer; None where the features hold nothing that the rules ask for."""
        rules = self.config.personas
        return assign(X, rules) if set(features_of(rules)) & set(X) else None
