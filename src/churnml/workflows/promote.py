"""The rule by which a version becomes champion: a refresh must not be worse, a new specification must be better."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from churnml.config import Config
from churnml.errors import ModelError
from churnml.evaluation.compare import promotion_verdict
from churnml.metrics.profit import Campaign
from churnml.model.bundle import Bundle
from churnml.tracking import ModelVersion, Tracker
from churnml.workflows.business import takes_path
from churnml.workflows.compare import CHANCES, bundle_of, predictions, shared_rows
from churnml.workflows.evidence import unpack

NOT_SPECIFIED = ("actions", "data", "engine", "paths", "personas", "scoring")
"""Sections of the configuration that say where a model is made and used, and not what it is."""
ONLY_JUDGES = ("rivals", "bootstrap", "test_from")
"""Settings of `model` that say how a model is judged."""


@takes_path
def promote(config: Config, version: str | None = None, *, force: bool = False) -> dict[str, Any]:
    """Make `version` (default: the challenger) the champion, if it has earned it.

    A refresh (the champion's own specification on newer data) must not be worse; a new specification must be better
    beyond noise. Either must be as well calibrated, and have passed its leakage audit. `force` overrules this. The
    version's tags say why it was promoted, or why not, and whether it was forced.

    Raises
    ------
    ModelError
        There is no such version, or it has not earned it; the message says why.
    """
    tracker = Tracker(None, Path(config.paths.models), config.project)
    candidate = tracker.version(version) if version is not None else tracker.challenger()
    champion = tracker.champion()
    if candidate is None:
        raise ModelError(f"no challenger for project {config.project}", "run churnml train first")
    if champion is not None and champion.version == candidate.version:
        return {"champion": champion.version, "why": "it is the champion already"}
    earned, why = _verdict(config, tracker, candidate, champion)
    if not earned and not force:
        tracker.note(candidate.version, not_promoted_because=why)
        raise ModelError(f"version {candidate.version} was not promoted: {why}", "--force promotes it all the same")
    why = why if earned else f"forced, although {why}"
    exported = tracker.promote(candidate.version, why, forced=not earned)
    return {"champion": candidate.version, "why": why, "forced": not earned, "bundle": str(exported.folder)}


def specification(bundle: Bundle) -> tuple[Any, ...]:
    """What makes two trainings the same but for their data.

    The configuration but for `NOT_SPECIFIED`, `ONLY_JUDGES` and the date that moves on with the data; the content of
    files of custom features; and what overruled the configuration on the command line.
    """
    settings = {name: part for name, part in bundle.config.items() if name not in NOT_SPECIFIED}
    settings["snapshots"] = {**settings["snapshots"], "last": None}
    settings["economics"] = _economics(settings["economics"])
    settings["model"] = {name: value for name, value in settings["model"].items() if name not in ONLY_JUDGES}
    tuning = bundle.notes["tuning"]
    return settings, bundle.notes["custom_features"], tuning["seed"], tuning["trials"]


def _economics(given: dict[str, Any]) -> dict[str, Any]:
    """What a model is searched and judged by: not what customers cost to win, and what is not set by its default."""
    campaign = {name: value for name, value in given["campaign"].items() if value is not None}
    kept = {name: value for name, value in given.items() if name != "acquisition_cost"}
    return kept | {"campaign": asdict(Campaign(**campaign))}


def _verdict(
    config: Config, tracker: Tracker, candidate: ModelVersion, champion: ModelVersion | None
) -> tuple[bool, str]:
    bundle = bundle_of(tracker, candidate)
    audit = unpack(bundle.notes["audit"])
    if not audit["passed"].all():
        failed = audit[~audit["passed"].astype(bool)].drop_duplicates(["gate", "feature"])
        names = [f"{row['gate']} ({row['feature']})" for row in failed.to_dict(orient="records")]
        return False, f"its leakage audit failed: {'; '.join(names[:5])}"
    if champion is None:
        return True, "there is no champion to compare it with, and its leakage audit passed"
    tested = {champion.version: predictions(tracker, champion), candidate.version: predictions(tracker, candidate)}
    try:
        shared = shared_rows(tested)
    except ModelError as error:
        return False, str(error)
    rows = tested[champion.version].loc[shared]
    refresh = specification(bundle) == specification(bundle_of(tracker, champion))
    verdict = promotion_verdict(
        rows["outcome"],
        rows[CHANCES].to_numpy(),
        tested[candidate.version].loc[shared, CHANCES].to_numpy(),
        rows["group"],
        rows["voiced"],
        refresh=refresh,
        n_bootstrap=config.model.bootstrap,
        seed=config.model.seed,
    )
    what = "a refresh of the champion's specification" if refresh else "a new specification"
    return verdict.promote, f"{what}, on {len(shared):,} shared test rows: {verdict.why}"
