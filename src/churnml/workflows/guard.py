"""What the gates are asked of a night: before it is scored, of its features, of its scores, and of its model's age."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd

from churnml import timeline
from churnml.errors import DataError
from churnml.scoring import gates
from churnml.scoring.gates import GateReport, Volume

if TYPE_CHECKING:
    import pyarrow as pa

    from churnml.config import Config
    from churnml.model.bundle import Bundle
    from churnml.scoring.publish import Publication
    from churnml.tracking import Exported
    from churnml.workflows.business import Business

VOLUME_DAYS = 28


def before(
    business: Business, bundle: Bundle, place: Publication, as_of: date, known_at: datetime
) -> tuple[GateReport, Volume]:
    """Whether there is anything to score, new enough and as much as usual, and how much; what the contract warns of.

    Raises
    ------
    DataError
        There is nothing new, or nobody to score.
    """
    scoring = business.config.scoring
    newest = _newest(business, as_of, known_at)
    begins = business.first_day
    gates.freshness(newest, as_of, freshness_days=scoring.freshness_days, begins=begins).require()
    now = _volume(business, as_of, known_at)
    gates.population(now.customers, as_of).require()
    about = bundle.notes.get("all", {})
    snapshots = len(about.get("snapshots", ()))
    warned = tuple(str(each) for each in business.contract.violations if each.severity == "warn")
    return GateReport(warnings=warned) + gates.volume(
        now,
        _recent(place, as_of),
        usual_customers=about["rows"] / snapshots if snapshots else None,
        engagement=business.config.engagement_kinds,
        limits=scoring.gates,
    ), now


def features(X: pd.DataFrame, bundle: Bundle, config: Config) -> GateReport:
    """Whether the features (n, f) are those of the training, and spread like them."""
    learnt = bundle.notes.get("all", {}).get("customers", 0)
    return gates.features(X, bundle.columns, bundle.histograms, trained_rows=learnt, limits=config.scoring.gates)


def scores(table: pa.Table, bundle: Bundle, config: Config) -> GateReport:
    """Whether the chances are spread like those of the test snapshots."""
    return gates.scores(
        {name[2:]: table[name].to_numpy() for name in ("p_silent", "p_vocal", "p_retained")},
        bundle.notes.get("scores", {}),
        trained_rows=bundle.notes.get("test", {}).get("customers", 0),
        limits=config.scoring.gates,
    )


def champion(bundle: Bundle, exported: Exported, config: Config, as_of: date) -> GateReport:
    """What is to be said of the model: that it knows what came of this night, or may not be the newest."""
    warnings = []
    learnt = timeline.outcome_window(date.fromisoformat(bundle.snapshots[-1]), config.snapshots).end
    if as_of < learnt:
        warnings.append(
            f"the champion has learnt from outcomes up to {learnt}, after this night: its scores here say nothing "
            "about how good it is"
        )
    if not exported.current:
        warnings.append(
            "the model store is out of reach or does not know this project; scored with the champion as last exported"
        )
    return GateReport(warnings=tuple(warnings))


def _newest(business: Business, as_of: date, known_at: datetime) -> datetime | None:
    seen = timeline.visible(business.canonical.events, as_of, known_at)
    newest = business.engine.frame(seen.aggregate(newest=seen.recorded_at.max()))["newest"].iloc[0]
    return None if pd.isna(newest) else newest.to_pydatetime()


def _volume(business: Business, as_of: date, known_at: datetime) -> Volume:
    seen = timeline.visible(business.canonical.events, as_of, known_at)
    lately = timeline.days_between(seen.occurred_at, as_of) <= VOLUME_DAYS
    counted = business.engine.frame(
        seen.group_by("kind").aggregate(events=seen.count(), lately=lately.cast("int64").sum())
    ).sort_values("kind")
    eligible = timeline.observe(business.canonical, business.config, as_of, known_at).spine
    kinds = {str(kind): int(number) for kind, number in zip(counted["kind"], counted["lately"], strict=True)}
    return Volume(business.engine.number(eligible.count()), int(counted["events"].sum()), kinds)


def _recent(place: Publication, as_of: date) -> list[Volume]:
    """The volumes of the nights before; a manifest that was damaged tells none, the scores beside it need no look."""
    found = []
    for night in place.before(as_of, gates.RECENT_DAYS):
        try:
            volume = Volume.of(night.manifest())
        except DataError:
            continue
        if volume is not None:
            found.append(volume)
    return found
