"""Training as a sentence: build, split, tune, fit, judge, audit, log, and promote the first sound model."""

from __future__ import annotations

import logging
import math
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.config import Config
from churnml.dataset import Dataset
from churnml.errors import ConfigError
from churnml.evaluation.evaluate import LEADING, Evaluation
from churnml.evaluation.fairness import Fairness
from churnml.evaluation.findings import Audit
from churnml.explanation.attribution import attribute
from churnml.features.fitted import remarks
from churnml.insights.silence_curve import silence_seen
from churnml.insights.silent_share import silent_share
from churnml.model.baselines import RECENCY
from churnml.model.bundle import Bundle
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.objectives import objective
from churnml.model.profile import histogram_shares
from churnml.model.rivals import rivals
from churnml.model.split import RollingOriginSplit
from churnml.model.training import fit_calibrated
from churnml.model.tuning import Tuning, tune
from churnml.outcomes import OUTCOMES
from churnml.pseudonyms import Pseudonyms
from churnml.targeting.value import save_rate
from churnml.tracking import DataFile, Tracker, TrainingRecord
from churnml.workflows import logged
from churnml.workflows.audit import audit_business
from churnml.workflows.business import Business, Progress, open_business, silently, takes_path
from churnml.workflows.campaigns import measured, noted
from churnml.workflows.drivers import drivers_of
from churnml.workflows.evidence import (
    counts,
    days,
    fallback,
    outcomes_frame,
    pack,
    pack_fairness,
    pack_share,
    unpack,
)
from churnml.workflows.experiments import assignments
from churnml.workflows.judging import MODEL, Judged, campaign, judge, worth
from churnml.workflows.rows import labelled, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
PROOF_SNAPSHOTS = 8
"""A calibration proves itself on out-of-time predictions of so many of the latest snapshots."""
EXPLAINED_ROWS = 4000
"""The global drivers and the plots of a training run are drawn from at most so many customers."""


@dataclass(frozen=True)
class Trained:
    """What training made, how good it is, and whether it scores from now on."""

    version: str
    run_id: str
    store: str
    bundle: Bundle
    evaluation: Evaluation
    fairness: Fairness
    audit: Audit
    promotion: str
    train: dict[str, int]
    test: dict[str, int]
    tuned: Tuning

    def leaderboard(self) -> pd.DataFrame:
        """Model beside baselines, to read."""
        return self.evaluation.frame()

    def drivers(self) -> pd.DataFrame:
        """The features by how much they move the model's predictions, strongest first."""
        return unpack(self.bundle.notes["feature_drivers"])

    def summary(self) -> dict[str, Any]:
        """The outcome in plain values."""
        values: dict[str, Any] = {
            "version": self.version,
            "promotion": self.promotion,
            "training_rows": self.train,
            "test_rows": self.test,
            "auroc_of_silent_without_voice_before": round(self.evaluation.value(MODEL, "auroc"), 4),
            "model_store": self.store,
            "run_id": self.run_id,
        }
        if gain := recency_gain(self.evaluation):
            values["better_than_recency_alone_by"] = f"{gain['value']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]"
        if np.isfinite(self.tuned.gain):
            values[f"search_improved_{self.tuned.objective.name}_on_the_folds_by"] = round(self.tuned.gain, 5)
        if (told := fallback(self.bundle)) is not None:
            values["fallback"] = told
        if said := remarks(self.bundle.fitted):
            values["remarks"] = [f"{name}: {why}" for name, why in said.items()]
        values["leakage_audit"] = "passed" if self.audit.passed else "FAILED"
        return values


@takes_path
def train(
    config: Config,
    *,
    known_at: datetime | None = None,
    trials: int | None = None,
    seed: int | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> Trained:
    """Train on every mature snapshot before the test, judge on the test, refit on all, log, perhaps promote.

    Raises
    ------
    DataError, ModelError
        There are too few snapshots, or a class is missing.
    """
    began = time.time()
    seed = config.model.seed if seed is None else seed
    trials = config.model.tuning.trials if trials is None else trials
    base = classifier(config, seed)
    rivals(config.model.rivals)  # a name that cannot be imported is no reason to wait for an hour
    models = Path(config.paths.models)
    names = Pseudonyms.load(models, create=True)
    with open_business(config, root, progress) as business:
        data = labelled(business, known_at, progress)
        audit = audit_business(business, data, progress)
        assigned = assignments(business, data, known_at, progress)
        lineage = _lineage(business, data, known_at)
        repairs = business.contract.repaired.frame()
        began_on = max(business.first_day, config.history_starts_on or business.first_day)
    learn, test = split(data, config)
    folds, proofs = splitter(config, config.model.folds), splitter(config, max(config.model.folds, PROOF_SNAPSHOTS))
    tuned = tune(
        learn.X,
        learn.outcome,
        learn.as_of,
        splitter=folds,
        base=base,
        trials=trials,
        objective=objective(config.model.tuning.objective, worth(learn), campaign(config)),
        timeout_s=config.model.tuning.timeout_s,
        seed=seed,
        storage=models / config.project / "tuning.db",
        fold=learn.fold,
        on_trial=lambda done, total, best: progress("searching parameters", done, total),
    )
    chosen = SilentDefectionClassifier(**tuned.best)
    judged = judge(learn, test, config, chosen, splitter=proofs, seed=seed, progress=progress)
    evaluation = judged.evaluation
    final = fit_calibrated(
        data.X,
        data.outcome,
        data.as_of,
        classifier=chosen,
        splitter=proofs,
        fold=data.fold,
        earlier=judged.fitted.out_of_time,
    )
    log.info("calibration: %s", final.calibration.why)
    campaigns = measured(assigned, data, chosen, config, progress)
    sample = data.drawn(EXPLAINED_ROWS, np.random.default_rng(seed))
    attribution = attribute(final.classifier, sample.X)
    refits = [*judged.refits, judged.fitted.classifier]
    drivers = drivers_of(attribution, sample, refits, config, seed)
    tested = data.at(np.isin(data.as_of, np.unique(test.as_of)))
    notes = {
        **_data_notes(data, learn, test, config),
        **_figures(judged, config),
        "tuning": {
            "trials": trials,
            "best": tuned.best,
            "seed": seed,
            "objective": tuned.objective.name,
            "gain_on_folds": tuned.gain,
        },
        "scores": _histograms(final.calibration.transform_each(final.classifier.predict_proba(tested.X), tested.as_of)),
        **drivers,
        "silence": pack(silence_seen(test.X, test.outcome, test.group_id)),
        "audit": pack(audit.frame()),
        "campaigns": noted(campaigns, save_rate(config)) if assigned is not None else None,
        "repairs": pack(repairs),
    }
    bundle = Bundle.build(
        final.classifier,
        final.calibration,
        data.X,
        [card.card() for card in data.recipe.cards],
        as_of=data.as_of,
        began=began_on,
        fitted=data.state,
        config=config.model_dump(mode="json"),
        config_digest=config.digest(),
        snapshots=[day.isoformat() for day in days(data)],
        known_at=lineage["known_at"],
        sources={file["name"]: file["sha256"] for file in lineage["files"]},
        metrics=_leading(evaluation),
        notes=notes,
    )
    if (told := fallback(bundle)) is not None:
        log.warning("%s", told)
    tracker = Tracker(None, models, config.project)
    progress("logging", 0, 1)
    with tempfile.TemporaryDirectory(prefix="churnml-") as folder:
        from churnml.workflows.card import model_card
        from churnml.workflows.plots import training_plots

        git = logged.git_lineage(config)
        samples = (logged.sample("training", learn), logged.sample("testing", test))
        record = TrainingRecord(
            bundle=bundle.save(Path(folder) / "bundle"),
            columns=samples[0].columns,
            example=logged.example(bundle),
            description=logged.description(evaluation, tuned, audit, learn, test, fallback(bundle)),
            params=logged.parameters(config, final, tuned, learn, trials),
            metrics={**logged.figures(evaluation, tuned, MODEL), **judged.fairness.figures()},
            curves=logged.curves(tuned),
            tables={
                "trials": tuned.trials,
                "metrics": evaluation.metrics,
                "differences": evaluation.differences,
                "breakdown": evaluation.breakdown,
                "fairness": judged.fairness.groups,
                "fairness_gaps": judged.fairness.gaps,
                "feature_drivers": unpack(drivers["feature_drivers"]),
                "driver_shapes": unpack(drivers["driver_shapes"]),
                "leakage_audit": audit.frame(),
                **campaigns.tables(),
                "test_predictions": _predictions(test, judged.chances[MODEL], names),
            },
            figures=training_plots(attribution, sample.X, evaluation, tuned, Path(folder) / "figures"),
            texts={"model_card.md": model_card(bundle, MODEL)},
            data=tuple(DataFile(file["name"], file["sha256"]) for file in lineage["files"]),
            samples=samples,
            lineage={**lineage, "git": git},
            tags=logged.tags(config, audit, git),
            began=began,
        )
        version = tracker.log_training(record)
    progress("logging", 1, 1)
    return Trained(
        version=version.version,
        run_id=version.run_id,
        store=tracker.uri,
        bundle=bundle,
        evaluation=evaluation,
        fairness=judged.fairness,
        audit=audit,
        promotion=_first_champion(tracker, version.version, evaluation, audit),
        train=counts(learn),
        test=counts(test),
        tuned=tuned,
    )


def _data_notes(data: Dataset, learn: Dataset, test: Dataset, config: Config) -> dict[str, Any]:
    """What the bundle says of the rows and features it was made from."""
    friction = any(kind in data.recipe.inventory.kinds for kind in config.features.friction)
    return {
        "inventory": data.recipe.inventory.to_json(),
        "custom_features": dict(data.recipe.custom),
        "switched_off": {**data.recipe.switched_off, **unlearnt(data)},
        "train": _about(learn),
        "test": _about(test),
        "all": _about(data),
        "silent_share": pack_share(silent_share(outcomes_frame(data, friction))),
    }


def _figures(judged: Judged, config: Config) -> dict[str, Any]:
    """What the bundle says of how good it is; rivals are compared with, and are no part of it."""
    shown = judged.evaluation.without(config.model.rivals)
    return {
        "baselines_skipped": dict(judged.skipped),
        "judged_fallback": judged.fitted.classifier.fallback_,
        "metrics": pack(shown.metrics),
        "differences": pack(shown.differences),
        "calibration": pack(shown.calibration),
        "lift": pack(shown.lift),
        "fairness": pack_fairness(judged.fairness),
    }


def unlearnt(data: Dataset) -> dict[str, str]:
    """Why features with fitted state are missing everywhere, by name; what else was remarked is logged."""
    said = remarks(data.state)
    for name, why in said.items():
        log.warning("%s: %s", name, why)
    learnt = [(card.name, card.fitted.name) for card in data.recipe.features if card.fitted is not None]
    return {name: said[what] for name, what in learnt if what in said and data.X[name].isna().all()}


def classifier(config: Config, seed: int) -> SilentDefectionClassifier:
    """The classifier as configured, before any search.

    Raises
    ------
    ConfigError
        `model.parameters` names something the classifier does not have, or gives it a value without a meaning.
    """
    settings: dict[str, Any] = {
        "formulation": config.model.formulation,
        "minimum_positives": config.model.minimum_positives,
        "num_threads": config.engine.threads,
        **config.model.parameters,
        "seed": seed,
    }
    known = SilentDefectionClassifier().get_params()
    if unknown := sorted(set(settings) - set(known)):
        raise ConfigError(
            f"model.parameters: the classifier has no parameter {unknown[0]!r}", f"it has {', '.join(sorted(known))}"
        )
    made = SilentDefectionClassifier(**settings)
    try:
        made.check_parameters()
    except ValueError as why:
        raise ConfigError(f"model.parameters: {why}") from None
    return made


def splitter(config: Config, snapshots: int) -> RollingOriginSplit:
    """The folds of the training period: the last so many snapshots, each after the outcomes it is trained on."""
    rule = config.snapshots
    return RollingOriginSplit(snapshots, horizon_days=rule.horizon_days + rule.settle_days, lead_days=rule.lead_days)


def _first_champion(tracker: Tracker, version: str, evaluation: Evaluation, audit: Audit) -> str:
    """Promote when there is nothing to compare with; later ones must earn it through `promote`."""
    if (champion := tracker.champion()) is not None:
        return f"challenger of champion version {champion.version}; run churnml promote to let them compete"
    if not audit.passed:
        return "not promoted: the leakage audit failed"
    gain = recency_gain(evaluation)
    if gain is not None and not gain["low"] > 0:
        log.warning("the model does not beat recency alone beyond noise (AUROC %+.4f)", gain["value"])
    why = "the first model of this project, its leakage audit passed"
    tracker.promote(version, why)
    return f"champion: {why}"


def recency_gain(evaluation: Evaluation) -> dict[str, float] | None:
    """By how much the leading figure exceeds that of recency alone: value, low, high."""
    population, outcome, metric = LEADING
    table = evaluation.differences
    rows = table[
        (table["baseline"] == RECENCY)
        & (table["population"] == population)
        & (table["outcome"] == outcome)
        & (table["metric"] == metric)
    ]
    return None if rows.empty else {name: float(rows[name].iloc[0]) for name in ("value", "low", "high")}


def _about(data: Dataset) -> dict[str, Any]:
    return {
        "rows": len(data),
        "customers": int(data.keys["customer_id"].nunique()),
        "outcomes": counts(data),
        "snapshots": [day.isoformat() for day in days(data)],
    }


def _lineage(business: Business, data: Dataset, known_at: datetime | None) -> dict[str, Any]:
    files = [{"name": file.name, "sha256": file.sha256, "size": file.size} for file in business.canonical.files]
    return {
        "files": files,
        "config": business.config.digest(),
        "known_at": (known_at or business.known_at).isoformat(),
        "features": data.recipe.columns,
        "snapshots": [day.isoformat() for day in days(data)],
    }


def _predictions(test: Dataset, chances: NDArray[np.float64], names: Pseudonyms) -> pd.DataFrame:
    """The test rows under keyed pseudonyms, so that versions can be compared on the rows they share."""
    return pd.DataFrame(
        {
            "customer": names.all(test.keys["customer_id"]),
            "group": names.all(test.keys["group_id"]),
            "as_of": test.keys["as_of"].dt.strftime("%Y-%m-%d"),
            "voiced": test.voiced,
            "outcome": test.outcome,
            **{f"p_{outcome}": chances[:, column] for column, outcome in enumerate(OUTCOMES)},
        }
    )


def _histograms(chances: NDArray[np.float64]) -> dict[str, Any]:
    """How chances (n, 3) are spread, by outcome: what a night's are held against.

    They are the published model's own, although it has seen these rows: those of the judged one may lie elsewhere, most
    of all where the fallback divides leavers by another share.
    """
    spread = {}
    for column, outcome in enumerate(OUTCOMES):
        edges = np.unique(np.quantile(chances[:, column], np.linspace(0, 1, 11)))
        spread[outcome] = {"edges": edges.tolist(), "shares": histogram_shares(chances[:, column], edges)}
    return spread


def _leading(evaluation: Evaluation) -> dict[str, float]:
    """The figures of the model itself, named for the tracking server."""
    table = evaluation.metrics[evaluation.metrics["model"] == MODEL]
    names = table["metric"] + "." + table["outcome"] + "." + table["population"].str.replace(" ", "_")
    values = zip(names, table["value"].astype(float).tolist(), strict=True)
    return {name: value for name, value in values if math.isfinite(value)}
