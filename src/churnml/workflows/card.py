"""The model card, made from what a bundle carries: data, definition, figures, fairness, limits, lineage."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.errors import ModelError
from churnml.evaluation.judge import NO_VOICE
from churnml.features.sentences import nouns
from churnml.model.bundle import Bundle
from churnml.report.card import Card, render_card
from churnml.report.story import ALWAYS
from churnml.report.tables import Column, Table, interval, records
from churnml.report.words import count, day, listed, metric, percent, score, sentence, several, title, window
from churnml.targeting.value import ASSUMED, NOTHING_LEARNT, save_rate
from churnml.tracking import Tracker
from churnml.workflows.evidence import fallback, unpack, unpack_fairness
from churnml.workflows.report import leaving_in_words

FIGURES = (("all", "log_loss"), ("silent", "auroc"), ("silent", "average_precision"), ("silent", "calibration_error"))
"""The figures of the card; lift and the rest stand in the model store."""
BEYOND_NOISE = {True: "yes", False: "no"}
BY_GROUP = ("auroc", "overestimate", "contact_rate", "false_negative_rate")
NEVER = (
    "to decide on prices, credit, contracts, service levels or employment, or anything else that is to a person's harm",
    "on people, or for a business, other than those it has learnt from",
    "as proof that a person is unhappy or wants to leave: it gives chances",
    "to choose whom to contact by risk alone: who is likely to leave is not who can be kept",
    "to read causes from its reasons",
)


def card(config: Config, version: str | None = None) -> str:
    """The card of a trained version (default: the champion, or else the challenger), as Markdown.

    Raises
    ------
    ModelError
        There is no such version, or nothing was trained.
    """
    tracker = Tracker(None, Path(config.paths.models), config.project)
    if version is None:
        try:
            return model_card(Bundle.load(tracker.champion_bundle().folder))
        except ModelError:
            if (challenger := tracker.challenger()) is None:
                raise
            version = challenger.version
    with tempfile.TemporaryDirectory(prefix="churnml-") as folder:
        return model_card(Bundle.load(tracker.download_bundle(version, Path(folder) / "bundle")))


def model_card(bundle: Bundle, model: str = "churnml") -> str:
    """The card of a bundle, as Markdown; `model` is its name beside the baselines."""
    config = Config.model_validate_json(json.dumps(bundle.config))
    notes, rule = bundle.notes, config.snapshots
    fairness_said, fairness = _fairness(notes.get("fairness"))
    return render_card(
        Card(
            project=title(config.project),
            purpose=f"For each customer the chances of leaving without a word, of leaving with one, and of staying, "
            f"{window(rule.lead_days, rule.horizon_days)}, as known at the start of a day.",
            uses=(
                "For people who look after customers: whom to look at, and what was seen.",
                "For planning: how many will leave silently, and what they are worth.",
            ),
            never=NEVER,
            definition=_definition(config),
            data=_data(notes),
            judged=_judged(bundle, notes),
            metrics=_metrics(notes, model),
            differences=_differences(notes),
            calibrated=f"Method: {bundle.calibration.method}. Of the customers given a chance, how many left silently; "
            "test snapshots, everyone.",
            calibration=_calibration(notes, model),
            fairness_said=fairness_said,
            fairness=fairness,
            features_said=_features(bundle),
            switched_off=_table(
                "Features that are off, and why", ["Feature", "Why"], sorted(notes["switched_off"].items())
            ),
            audit_said=_audit(notes),
            contacting_said=_contacting(notes, config),
            limits=ALWAYS,
            lineage=_lineage(bundle, notes),
            sources=_table("Files learnt from", ["File", "sha256"], sorted(bundle.sources.items())),
        )
    )


def _contacting(notes: dict[str, Any], config: Config) -> str:
    """Whether saveability is estimated or assumed, and why."""
    known = notes.get("campaigns") or {"basis": ASSUMED, "why": NOTHING_LEARNT}
    if known["basis"] == ASSUMED:
        return f"Assumed: {percent(save_rate(config))} of the leavers who are contacted stay. {sentence(known['why'])}"
    return f"Estimated: {known['why']}."


def _definition(config: Config) -> tuple[str, ...]:
    rule, who = config.snapshots, config.eligible
    dark = f", except on {listed(config.channels.dark)}" if config.channels.dark else ""
    return (
        f"Customers: with {nouns(config.eligible_kinds, several=True)} in the {who.active_within_days} days before the "
        "snapshot.",
        f"Leaving: {leaving_in_words(config)}, {window(rule.lead_days, rule.horizon_days)}.",
        f"Voice: {nouns(config.voice.kinds, several=True)} from {config.voice.lookback_days} days before the snapshot "
        f"up to the moment of leaving{dark}.",
        "Silent: leaving without voice. Vocal: leaving with voice. Retained: neither.",
        f"An outcome counts once its window, and {rule.settle_days} days for the books to settle, have passed. "
        "Reaching an agreed end is not leaving.",
    )


def _data(notes: dict[str, Any]) -> tuple[str, ...]:
    said = []
    for name, part in (("Learnt from, finally", "all"), ("Learnt from, when judged", "train"), ("Judged on", "test")):
        about = notes[part]
        outcomes = ", ".join(f"{count(number)} {outcome}" for outcome, number in about["outcomes"].items())
        days = [date.fromisoformat(text) for text in about["snapshots"]]
        span = day(days[0]) if len(days) == 1 else f"{day(days[0])} to {day(days[-1])}"
        said.append(
            f"{name}: {several(about['rows'], 'row')} of {several(about['customers'], 'customer')} at "
            f"{several(len(days), 'snapshot')}, {span}: {outcomes}."
        )
    repairs = unpack(notes["repairs"])
    mended = (
        f"{several(float(repairs['count'].sum()), 'row')} of the sources mended or left out" if len(repairs) else ""
    )
    return (*said, sentence(mended or "nothing in the sources was mended or left out"))


def _judged(bundle: Bundle, notes: dict[str, Any]) -> tuple[str, ...]:
    said = [
        "On the test snapshots, all of them later than every outcome it had learnt from. The figure that leads is the "
        "AUROC of silent leavers among customers without voice before. Intervals hold 95%, from a bootstrap that "
        "redraws persons or households with all their rows."
    ]
    if (told := fallback(bundle)) is not None:
        said.append(sentence(f"Note: {told}"))
    said += [f"Not compared with “{name}”: {why}." for name, why in sorted(notes["baselines_skipped"].items())]
    return tuple(said)


def _figure(row: Any, *, sign: bool = False) -> str:
    return (
        f"{row.value:+.3f} [{interval(row.low, row.high, sign=True)}]"
        if sign
        else (f"{score(row.value)} [{interval(row.low, row.high)}]")
    )


def _wide(frame: pd.DataFrame, by: str, caption: str, *, sign: bool = False) -> Table:
    """One row for each population and model; the population that leads comes first."""
    rows = []
    leading = frame["population"] == NO_VOICE
    ordered = pd.concat([frame[leading], frame[~leading]])
    for (population, name), part in ordered.groupby(["population", by], sort=False):
        figures = {(row.outcome, row.metric): _figure(row, sign=sign) for row in records(part)}
        rows.append((population, name, *(figures.get(figure, "") for figure in FIGURES)))
    heads = [metric(name) + (f", {outcome}" if outcome != "all" else "") for outcome, name in FIGURES]
    return _table(caption, ["Population", by.capitalize(), *heads], rows)


def _metrics(notes: dict[str, Any], model: str) -> Table:
    frame = unpack(notes["metrics"])
    ours = frame["model"] == model
    return _wide(pd.concat([frame[ours], frame[~ours]]), "model", "The model beside its baselines")


def _differences(notes: dict[str, Any]) -> Table:
    caption = "The model minus each baseline, on the same rows"
    return _wide(unpack(notes["differences"]), "baseline", caption, sign=True)


def _calibration(notes: dict[str, Any], model: str) -> Table:
    frame = unpack(notes["calibration"])
    picked = frame[(frame[["model", "population", "outcome"]] == [model, "everyone", "silent"]).all(axis=1)]
    rows = [
        (f"{row.predicted:.1%}", f"{row.observed:.1%}", f"{row.low:.1%} to {row.high:.1%}", count(row.n))
        for row in records(picked[picked["n"] > 0])
    ]
    return _table("Predicted and observed", ["Predicted", "Observed", "95% interval", "Rows"], rows)


def _fairness(packed: dict[str, Any] | None) -> tuple[str, tuple[Table, ...]]:
    if packed is None or packed["skipped"]:
        why = packed["skipped"] if packed else "this model was trained before it was measured"
        return f"Not judged: {why}.", ()
    groups, gaps = unpack_fairness(packed)
    names = [str(name) for name in dict.fromkeys(groups["attribute"])]
    said = (
        f"By {listed([name.replace('_', ' ') for name in names])}: protected attributes, never features, though other "
        "columns may stand in for them. Contact rate: the share on a list of the tenth of each snapshot's customers at "
        "highest risk of leaving silently. False negative rate: of those who left silently, the share not on it. "
        "Overestimate: mean chance minus the share that left. Groups with too few customers are counted, not judged. "
        "Intervals are each for itself; whether a gap is beyond noise is judged over all groups and figures of an "
        "attribute at once, so that one that says nothing shows such a gap in one model of twenty."
    )
    tables = []
    for name, part in groups.groupby("attribute", sort=False):
        rows = []
        for group, figures in part.groupby("group", sort=False):
            by_metric = {row.metric: _figure(row) for row in records(figures) if row.value == row.value}
            about = figures.iloc[0]
            rows.append(
                (
                    group,
                    count(about["customers"]),
                    count(about["positives"]),
                    *(by_metric.get(each, "") for each in BY_GROUP),
                )
            )
        heads = ["Group", "Customers", "Silent leavers", *(metric(each) for each in BY_GROUP)]
        tables.append(_table(f"By {str(name).replace('_', ' ')}", heads, rows))
    rows = [
        (row.attribute, metric(row.metric), score(row.gap), BEYOND_NOISE.get(row.beyond_noise, "not judged"))
        for row in records(gaps)
    ]
    tables.append(_table("Largest gaps between groups", ["Attribute", "Metric", "Gap", "Beyond noise"], rows))
    return said, tuple(tables)


def _features(bundle: Bundle) -> str:
    families = Counter(str(feature.get("family", "other")) for feature in bundle.features)
    said = listed([f"{number} {family}" for family, number in sorted(families.items())])
    return f"{several(len(bundle.features), 'feature')}: {said}. Each is in the bundle, with its sentence and unit."


def _audit(notes: dict[str, Any]) -> str:
    audit = unpack(notes["audit"])
    failed = sorted({str(row.gate) for row in records(audit) if not row.passed})
    if failed:
        return f"FAILED: {'; '.join(failed)}."
    return f"Passed: {'; '.join(str(gate) for gate in dict.fromkeys(audit['gate']))}."


def _lineage(bundle: Bundle, notes: dict[str, Any]) -> Table:
    rows = [
        ("Known at", bundle.known_at),
        ("Configuration (sha256)", bundle.config_digest),
        ("Bundle (sha256)", bundle.digest),
        *((f"Version of {name}", text) for name, text in sorted(bundle.versions.items())),
        *((f"Parameter {name}", str(value)) for name, value in sorted(bundle.classifier.get_params().items())),
        ("Trials of the parameter search", str(notes["tuning"]["trials"])),
        *((f"Custom features {name} (sha256)", text) for name, text in sorted(notes["custom_features"].items())),
    ]
    return _table("What made it", ["What", "Value"], rows)


def _table(caption: str, heads: list[str], rows: list[tuple[Any, ...]]) -> Table:
    return Table(caption, tuple(Column(head) for head in heads), tuple(tuple(map(str, row)) for row in rows))
