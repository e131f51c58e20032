"""The definition lab: how the choice of days decides who counts as leaving, and which choice the data suggest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.errors import ConfigError, DataError
from churnml.insights.definition import Definition, compare, facts
from churnml.insights.silences import Suggestion, curve, last_day_believed, silences, suggest
from churnml.workflows.business import Business, Progress, open_business, silently, takes_path

HORIZONS = (7, 14, 28, 42, 60, 90, 120, 180, 270, 365)
"""The horizons looked at beside the configured one, as far as they lie within a factor of three of it."""


@dataclass(frozen=True)
class DefinitionLab:
    """Definitions of leaving side by side, and the one that the customers' own silences suggest.

    Attributes
    ----------
    definitions : one row per definition, see `churnml.insights.definition.compare`
    agreement : the same leavers for every two definitions
    silences : of the silences that lasted so many days, how many were broken, see `churnml.insights.silences.returns`
    suggestion : days of silence that mean leaving
    remarks : what does not apply, and what to bear in mind
    """

    configured: Definition
    known_at: date
    snapshots: tuple[date, ...]
    follow_days: int
    returning: float
    definitions: pd.DataFrame
    agreement: pd.DataFrame
    silences: pd.DataFrame
    suggestion: Suggestion
    remarks: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """One row per definition."""
        return self.definitions

    def table(self) -> pd.DataFrame:
        """The same to read; the configured definition is marked with a star."""
        rows = self.definitions
        return pd.DataFrame(
            {
                "": ["*" if configured else "" for configured in rows["configured"]],
                "active": rows["active_within_days"],
                "horizon": rows["horizon_days"],
                "customers": rows["customers"],
                "left": _percents(rows, "left"),
                "silent": rows["silent"].map(_percent),
                "back": _percents(rows, "back"),
                "same": rows["same_leavers"].map(_percent),
                "auroc": rows["recency_auroc"].map(lambda value: "" if value != value else f"{value:.3f}"),
            }
        )

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "configured": {
                "active_within_days": self.configured.active_within_days,
                "horizon_days": self.configured.horizon_days,
            },
            "known_at": self.known_at.isoformat(),
            "snapshots": [day.isoformat() for day in self.snapshots],
            "follow_days": self.follow_days,
            "returning": self.returning,
            "suggested_days": self.suggestion.quiet_days,
            "why": self.suggestion.why,
            "remarks": list(self.remarks),
            **{name: _records(getattr(self, name)) for name in ("definitions", "agreement", "silences")},
        }


@takes_path
def define(
    config: Config,
    *,
    horizons: Sequence[int] = (),
    active_within: Sequence[int] = (),
    follow_days: int = 90,
    returning: float = 0.1,
    known_at: datetime | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> DefinitionLab:
    """Hold definitions of leaving beside each other, and suggest one.

    Parameters
    ----------
    horizons, active_within : days to try for `snapshots.horizon_days` and `eligible.active_within_days`, besides those
        configured; by default some around them, and the suggested ones
    follow_days : how long after it was given up it is looked whether a customer comes back
    returning : the share of broken silences below which silence may be taken for leaving

    Raises
    ------
    ConfigError
        A number of days below 1, or a share outside 0 to 1.
    DataError
        No snapshot is mature for all horizons asked for, or nobody is eligible.
    """
    if min([follow_days, *horizons, *active_within]) < 1 or not 0 < returning < 1:
        raise ConfigError("days must be 1 or more, and the share of returns between 0 and 1")
    with open_business(config, root, progress) as business:
        until = known_at.date() if known_at is not None else business.known_at
        progress("reading silences", 0, 1)
        believed = last_day_believed(until, config)
        broken = curve(silences(business.canonical, config, business.engine, until), believed, follow_days)
        suggestion = suggest(broken, returning, follow_days)
        if config.defection.by == "closure":
            suggestion = Suggestion(None, "leaving is a closure here: no number of quiet days decides it")
        progress("reading silences", 1, 1)
        definitions, snapshots = _definitions(business, until, suggestion.quiet_days, horizons, active_within)
        widest = max(each.active_within_days for each in definitions)
        parts = []
        for done, as_of in enumerate(snapshots):
            parts.append(facts(business.canonical, config, business.engine, [as_of], until, widest))
            progress("looking at snapshots", done + 1, len(snapshots))
    found = pd.concat(parts, ignore_index=True)
    if found.empty:
        raise DataError(
            f"nobody is eligible at the snapshots ({snapshots[0]} to {snapshots[-1]})",
            "check eligible, snapshots and that the kinds under defection.of occur in the data",
        )
    table, agreement = compare(found, config, definitions, until=believed, follow_days=follow_days)
    lab = DefinitionLab(
        Definition.of(config), until, snapshots, follow_days, returning, table, agreement, broken, suggestion, ()
    )
    return replace(lab, remarks=tuple(_remarks(lab, config)))


def _definitions(
    business: Business, until: date, suggested: int | None, horizons: Sequence[int], active_within: Sequence[int]
) -> tuple[list[Definition], tuple[date, ...]]:
    """The definitions to try, the configured one among them, and the snapshots at which all of them are mature."""
    configured = Definition.of(business.config)
    usual = configured.horizon_days
    mature = {horizon: _mature(business, until, horizon) for horizon in (usual, *horizons)}
    if missing := [horizon for horizon, snapshots in mature.items() if not snapshots]:
        raise DataError(
            f"no snapshot is mature for a horizon of {max(missing)} days: the data run from "
            f"{business.first_eligible_day} to {until}",
            "give more history, or a shorter horizon",
        )
    if not horizons:
        tried = [each for each in HORIZONS if usual / 3 <= each <= usual * 3] + ([suggested] if suggested else [])
        enough = len(mature[usual]) / 2
        mature |= {each: snapshots for each in tried if len(snapshots := _mature(business, until, each)) >= enough}
    days = {configured.active_within_days, *active_within}
    if not active_within and suggested:
        days.add(suggested)
    definitions = sorted(Definition(active, horizon) for active in days for horizon in mature)
    return definitions, mature[max(mature)]


def _mature(business: Business, until: date, horizon: int) -> tuple[date, ...]:
    rule = business.config.snapshots.model_copy(update={"horizon_days": horizon})
    config = business.config.model_copy(update={"snapshots": rule})
    return replace(business, config=config).snapshots(until)


def _remarks(lab: DefinitionLab, config: Config) -> list[str]:
    remarks = [
        "active: eligible.active_within_days; horizon: snapshots.horizon_days; *: as configured. left: share of the "
        "customers, with its 95% interval; silent: share of these without voice; back: of those who left by silence, "
        f"the share back within {lab.follow_days} days; same: leavers shared with the configured definition, of all "
        "that either of the two has; auroc: how well the quiet days before the snapshot alone tell who leaves.",
        f"All definitions are judged at the same snapshots, those at which the longest horizon is known to its end: "
        f"{len(lab.snapshots)}, from {lab.snapshots[0]} to {lab.snapshots[-1]}.",
    ]
    if config.defection.by == "closure":
        remarks.append(
            "Leaving is a closure here: the horizon only says how far ahead to look, and nobody was given up for being "
            "quiet, so nobody can be said to come back."
        )
    elif not (lab.definitions["followed"] > 0).all():
        remarks.append(
            f"Where the share that is back is missing, nobody left by silence, or the books do not reach "
            f"{lab.follow_days} days beyond the horizon."
        )
    if (lab.definitions["silent"].dropna() == 1).all():
        remarks.append(
            "Nobody who left said a word, by any of them: that is no finding where complaints are not mapped "
            f"(voice.kinds: {', '.join(config.voice.kinds)})."
        )
    return remarks


def _percent(value: float) -> str:
    return "" if value != value else f"{value:.1%}"


def _percents(rows: pd.DataFrame, name: str) -> list[str]:
    columns = zip(rows[name], rows[f"{name}_low"], rows[f"{name}_high"], strict=True)
    return [
        "" if share != share else f"{share:.1%} [{100 * low:.1f}, {100 * high:.1f}]" for share, low, high in columns
    ]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return records
