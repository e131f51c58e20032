"""The published night as one HTML page for stakeholders."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnml.config import Config
from churnml.errors import DataError
from churnml.features.sentences import nouns
from churnml.insights.findings import Insights
from churnml.model.bundle import Bundle
from churnml.pseudonyms import Pseudonyms
from churnml.report.data import ReportData, Trust, headline
from churnml.report.render import render
from churnml.report.words import percent
from churnml.scoring.publish import Night
from churnml.workflows.evidence import unpack, unpack_fairness, unpack_share
from churnml.workflows.judging import MODEL
from churnml.workflows.score import FACTS_FILE, champion, publication

RISKIEST = 30


def report(config: Config, out: Path | None = None, *, found: Insights | None = None) -> Path:
    """Write the report of the published night; gives its path (default: `<published>/<project>/report.html`).

    `found` are the insights as known on the morning of that night; with them the page has a section more.

    Raises
    ------
    DataError
        Nothing is published, the night was changed, or another model than the champion scored it.
    """
    place = publication(config)
    night = place.verify()
    bundle, exported = champion(config)
    manifest = night.manifest()
    if manifest["lineage"]["model"] != bundle.digest:
        raise DataError(
            f"night {night.name} was scored by version {manifest['model_version']}, but the champion is version "
            f"{exported.model.version}",
            "score the night again with the new champion",
        )
    names = Pseudonyms.load(Path(config.paths.models))
    page = render(report_data(config, night, manifest, bundle, names, found))
    path = out or place.root / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    staging.write_text(page, encoding="utf-8")
    os.replace(staging, path)
    return path


def report_data(
    config: Config,
    night: Night,
    manifest: dict[str, Any],
    bundle: Bundle,
    names: Pseudonyms,
    found: Insights | None = None,
) -> ReportData:
    """Everything on the page: the night's scores, the evidence the bundle carries from training, and insights."""
    scores = night.scores().to_pandas()
    facts = json.loads((night.folder / FACTS_FILE).read_bytes())
    notes = bundle.notes
    at_risk = scores["value_at_risk"].to_numpy(dtype=float)
    chances = scores["p_silent"].to_numpy()
    value = np.divide(at_risk, chances, out=np.full(len(scores), np.nan), where=chances > 0)
    frames = {name: unpack(notes[name]) for name in ("metrics", "differences", "calibration", "lift")}
    return ReportData(
        project=config.project,
        as_of=night.as_of,
        lead_days=config.snapshots.lead_days,
        horizon_days=config.snapshots.horizon_days,
        currency=config.economics.currency,
        leaving=leaving_in_words(config),
        voice=nouns(config.voice.kinds),
        model_version=str(manifest["model_version"]),
        run_id=str(manifest["run_id"]),
        headline=headline(chances, value),
        bands=_bands(scores),
        riskiest=_riskiest(scores, value, names),
        theme_drivers=unpack(notes["theme_drivers"]),
        feature_drivers=unpack(notes["feature_drivers"]),
        declared_margin=notes["declared_margin"],
        silent_share=unpack_share(notes["silent_share"]),
        model=MODEL,
        trust=_trust(config, bundle, facts),
        insights=found,
        **frames,
    )


def leaving_in_words(config: Config) -> str:
    """What counts as leaving, as the page says it."""
    absence = f"no {nouns(config.defection.of)} for {config.snapshots.horizon_days} days"
    return {
        "closure": "closing the account",
        "inactivity": absence,
        "either": f"{absence}, or closing the account",
    }[config.defection.by]


def _bands(scores: pd.DataFrame) -> pd.DataFrame:
    bands = scores.groupby("risk_band").agg(
        customers=("customer_id", "size"), expected=("p_silent", "sum"), value_at_risk=("value_at_risk", "sum")
    )
    known = scores.groupby("risk_band")["value_at_risk"].count()
    bands["value_at_risk"] = bands["value_at_risk"].where(known > 0)
    ordered = bands.reindex([band for band in ("high", "medium", "low") if band in bands.index])
    return ordered.reset_index()


def _riskiest(scores: pd.DataFrame, value: np.ndarray[Any, Any], names: Pseudonyms) -> pd.DataFrame:
    first = scores.assign(value=value).sort_values(["p_silent", "customer_id"], ascending=[False, True]).head(RISKIEST)
    kept = ["p_silent", "p_vocal", "value", "risk_band", *(name for name in scores if str(name).startswith("reason_"))]
    table = first[kept].reset_index(drop=True)
    table.insert(0, "customer", names.all(first["customer_id"]))
    return table


def _trust(config: Config, bundle: Bundle, facts: dict[str, Any]) -> Trust:
    notes = bundle.notes
    learnt, tested = notes["all"], notes["test"]
    dates = [date.fromisoformat(day) for day in learnt["snapshots"]]
    return Trust(
        formulation=config.model.formulation,
        fallback=bundle.classifier.fallback_,
        training_rows=learnt["rows"],
        training_customers=learnt["customers"],
        training_outcomes=learnt["outcomes"],
        training_first=dates[0],
        training_last=dates[-1],
        test_snapshots=tuple(date.fromisoformat(day) for day in tested["snapshots"]),
        test_rows=tested["rows"],
        test_outcomes=tested["outcomes"],
        switched_off=pd.DataFrame(sorted(notes["switched_off"].items()), columns=["feature", "why"]),
        excluded=pd.DataFrame(sorted(facts["excluded"].items()), columns=["reason", "customers"]),
        repairs=unpack(notes["repairs"]).rename(columns={"violation": "name"}),
        fairness=fairness_in_words(notes.get("fairness")),
    )


def fairness_in_words(packed: dict[str, Any] | None) -> tuple[str, ...]:
    """What the page says of the protected attributes: for each, between which shares the list misses leavers."""
    if packed is None:
        return ()
    if packed["skipped"]:
        return (f"By protected attribute: not judged; {packed['skipped']}.",)
    groups, gaps = unpack_fairness(packed)
    missed = groups[(groups["metric"] == "false_negative_rate") & groups["value"].notna()]
    said = []
    for name, part in missed.groupby("attribute", sort=False):
        ordered = part.sort_values("value")
        low, high = ordered.iloc[0], ordered.iloc[-1]
        gap = gaps[(gaps["attribute"] == name) & (gaps["metric"] == "false_negative_rate")]
        sure = "more than chance explains" if gap["beyond_noise"].any() else "no more than chance explains"
        said.append(
            f"By {str(name).replace('_', ' ')}, which is no feature: of those who left silently, a list of the tenth "
            f"at highest risk misses {percent(low['value'])} ({low['group']}) to {percent(high['value'])} "
            f"({high['group']}), {sure}."
        )
    return tuple(said)
