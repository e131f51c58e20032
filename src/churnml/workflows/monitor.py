"""Watching as a sentence: take the nights, follow their customers, judge, estimate, measure, draw the page, log it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.dataset import parted
from churnml.errors import ModelError
from churnml.monitoring.promise import Promise
from churnml.monitoring.verdict import JUDGED, LEFT_OUT, WAITING
from churnml.monitoring.watch import Monitored, watch
from churnml.report.monitor import render_monitor, sentence
from churnml.scoring.durable import write_text
from churnml.scoring.publish import publication
from churnml.tracking import RunRecord, Tracker
from churnml.workflows.business import Progress, open_business, silently
from churnml.workflows.compare import plain
from churnml.workflows.evidence import markdown
from churnml.workflows.logs import stage
from churnml.workflows.watched import chosen, promises_of, watched

log = logging.getLogger(__name__)
PAGE = "monitor.html"


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

    @property
    def title(self) -> str:
        """What stands above the verdict: nights that were all left out are neither well nor not."""
        if not self.found.well:
            return "Not well"
        return "Well" if len(self.found.state(JUDGED, WAITING)) else "Nothing to judge"

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
        nights = chosen(place, config, known)
        promises = promises_of(tracker, config, nights)
        withdrawn, parts = place.withdrawn(), parted(business.canonical, business.engine)
        seen = []
        with stage(log, "follow the customers", nights=len(nights)):
            for number, night in enumerate(nights):
                progress("following the customers", number, len(nights))
                gone = night.name in withdrawn
                seen.append(watched(night, business, parts, promises, known, withdrawn=gone))
            progress("following the customers", len(nights), len(nights))
    rule = config.model
    with stage(log, "judge"):
        kept = {version: each for version, each in promises.items() if isinstance(each, Promise)}
        found = watch(config.project, known, seen, kept, config.scoring, n_bootstrap=rule.bootstrap, seed=rule.seed)
    page = render_monitor(found, config.scoring, definition_of=_definition_in_words(config))
    path = write_text(out or place.root / PAGE, page)
    run_id = tracker.log_comparison(f"nights up to {known}", _record(found, page))
    return Report(found, path, run_id)


def _definition_in_words(config: Config) -> tuple[str, str]:
    from churnml.features.sentences import nouns
    from churnml.workflows.report import leaving_in_words

    return leaving_in_words(config), nouns(config.voice.kinds)


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
