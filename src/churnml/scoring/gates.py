"""What a night must pass before it is scored. A refusal keeps what is published; a warning goes into the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.config import Gates
from churnml.errors import DataError
from churnml.metrics.drift import Drift, number_drift, unseen_share
from churnml.model.profile import counts, feature_drift

RECENT_DAYS = 35
"""So far back nights are recent: five weeks, so that a month's rhythm is among them."""
FEWEST = 50
"""Usual volumes below this are not judged: chance halves them too often."""
DEFAULT = Gates()


@dataclass(frozen=True)
class GateReport:
    """What the gates found, one sentence each; add two reports to have both. `drift` is what was measured, by name.

    >>> report = GateReport(warnings=("one",)) + GateReport(refusals=("two",))
    >>> report.passed, report.warnings
    (False, ('one',))
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    drift: Mapping[str, Drift] = field(default_factory=dict, compare=False)

    @property
    def passed(self) -> bool:
        """Whether the night may be scored."""
        return not self.refusals

    def __add__(self, other: GateReport) -> GateReport:
        return GateReport(self.refusals + other.refusals, self.warnings + other.warnings, {**self.drift, **other.drift})

    def require(self) -> GateReport:
        """Give the report itself, or raise a DataError (exit code 65) with every refusal."""
        if self.refusals:
            raise DataError("\n".join(self.refusals), "nothing was published; what was there before stays")
        return self


def freshness(newest: datetime | None, as_of: date, *, freshness_days: int, begins: date | None = None) -> GateReport:
    """Refuse an `as_of` that the data does not reach.

    Parameters
    ----------
    newest : when the newest event known at the run was recorded, in the business's time zone; None without events
    as_of : the night to score
    freshness_days : how many whole days before `as_of` the newest event may lie
    begins : the day of the first event of all, whenever it was known

    >>> freshness(datetime(2024, 3, 1, 9), date(2024, 3, 20), freshness_days=7).refusals[0]
    'events: the newest was recorded on 2024-03-01, 19 days before --as-of 2024-03-20 (limit 7 days); ...'
    """
    if newest is None and begins is None:
        return GateReport(("events: there are none; check the sources' paths and mappings",))
    if newest is None:
        return GateReport(
            (
                f"events: none was known before --as-of {as_of}; the log begins on {begins}; choose a later day, or "
                "load older data",
            )
        )
    days = (as_of - newest.date()).days
    if days > freshness_days:
        return GateReport(
            (
                f"events: the newest was recorded on {newest.date()}, {days} days before --as-of {as_of} "
                f"(limit {freshness_days} days); load newer data, choose an earlier day, or raise "
                "scoring.freshness_days",
            )
        )
    return GateReport()


def population(customers: int, as_of: date) -> GateReport:
    """Refuse a night with nobody to score."""
    if customers:
        return GateReport()
    return GateReport((f"no customer is eligible at {as_of}; check eligible.active_within_days and the sources",))


@dataclass(frozen=True)
class Volume:
    """How much there was in a night: eligible `customers`, all `events` known, and those of 28 days by kind."""

    customers: int
    events: int
    kinds: Mapping[str, int]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Volume | None:
        """As a night's manifest tells it; None where it was published before volumes were kept."""
        kept = manifest.get("volume")
        return cls(kept["customers"], kept["events"], kept["kinds"]) if kept else None


def volume(
    now: Volume,
    recent: Sequence[Volume],
    *,
    usual_customers: float | None = None,
    engagement: Sequence[str] = (),
    limits: Gates = DEFAULT,
) -> GateReport:
    """Hold a night's volume against the median of recent nights.

    Parameters
    ----------
    now : what this night has
    recent : the nights before it; without any, the number of customers is held against `usual_customers`
    usual_customers : customers at a usual snapshot of the training
    engagement : the kinds that show that customers are there; a fall of one of them is refused, of others warned of

    >>> now, usual = Volume(100, 5000, {"purchase": 60}), Volume(1000, 50000, {"purchase": 600})
    >>> volume(now, [usual]).refusals[0]
    'volume: 100 eligible customers, usually 1,000 (-90%); load the rest, or raise scoring.gates.volume_refuse'
    """
    refusals, warnings = [], []
    if recent:
        usual = median(night.customers for night in recent)
        kinds = sorted({kind for night in recent for kind in night.kinds})
        compared = [("eligible customers", now.customers, usual, True)] + [
            (f"{kind} events in 28 days", now.kinds.get(kind, 0), median(night.kinds.get(kind, 0) for night in recent),
             kind in engagement)
            for kind in kinds
        ]  # fmt: skip
        known = recent[-1].events
        if now.events < known * 0.95:
            warnings.append(
                f"volume: {now.events:,} events are known, {known:,} were the night before; books only grow"
            )
    else:
        compared = [("eligible customers", now.customers, usual_customers or 0, True)]
    for what, count, before, essential in compared:
        fall = 1 - count / before if before >= FEWEST else 0.0
        said = f"volume: {count:,} {what}, usually {before:,.0f} ({-fall:+.0%})"
        if essential and limits.volume_refuse is not None and fall > limits.volume_refuse:
            refusals.append(f"{said}; load the rest, or raise scoring.gates.volume_refuse")
        elif fall > limits.volume_warn or (essential and before >= FEWEST and count > 3 * before):
            warnings.append(said)
    return GateReport(tuple(refusals), tuple(warnings))


def features(
    X: pd.DataFrame,
    required: Sequence[str],
    trained: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    trained_rows: int = 0,
    limits: Gates = DEFAULT,
) -> GateReport:
    """Hold a night's features against the histograms of the training rows.

    Refused: features that the model needs and are not there; a category of which most values are unknown to the model;
    and a night in which most features have lost their values or drifted. One such feature alone is a warning.

    Parameters
    ----------
    X : (n, f) the night's features
    required : the features the model was trained with
    trained : feature -> `edges`, `shares` and `missing`, as a bundle holds them. Without it, only a feature without any
        value is warned of
    trained_rows : how many independent rows these shares come from (customers, not snapshots); 0 tests no drift
    """
    absent = [name for name in required if name not in X.columns]
    if absent:
        return GateReport(
            (
                f"features: {len(absent)} that the model needs are missing: {_listed(absent)}; restore the source "
                "columns they come from, or train anew",
            )
        )
    refusals, warnings, odd = [], [], set()
    measured: dict[str, Drift] = {}
    drifted: dict[str, Drift] = {}
    for name in required if len(X) else ():
        reference = (trained or {}).get(name)
        share = float(X[name].isna().mean())
        if reference is None:
            if share == 1.0:
                warnings.append(f"feature {name}: no value for any customer")
            continue
        usual = float(reference["missing"])
        if share - usual > limits.missing_warn:
            odd.add(name)
            warnings.append(f"feature {name}: no value for {share:.0%} of customers, {usual:.0%} in training")
        unseen = _unseen(X[name], reference)
        if limits.unseen_refuse is not None and unseen > limits.unseen_refuse:
            refusals.append(
                f"feature {name}: training never saw the category of {unseen:.0%} of customers; mend the column, or "
                "train anew"
            )
        elif unseen > limits.unseen_warn:
            warnings.append(f"feature {name}: training never saw the category of {unseen:.0%} of customers")
        moved = feature_drift(X[name], reference, trained_rows) if trained_rows else None
        if moved is not None:
            measured[name] = moved
            if moved.beyond(limits.drift_warn, tests=len(required)):
                odd.add(name)
                drifted[name] = moved
    if drifted:
        strongest = sorted(drifted, key=lambda name: -drifted[name].excess)
        said = _listed([f"{name} ({_measures(drifted[name])})" for name in strongest], 3)
        warnings.append(f"features: {len(drifted)} of {len(required)} have drifted from training: {said}")
    if limits.features_refuse is not None and len(odd) > max(limits.features_refuse * len(required), 1):
        refusals.append(
            f"features: {len(odd)} of {len(required)} have lost their values or drifted ({_listed(sorted(odd))}); "
            "check the sources, train anew, or raise scoring.gates.features_refuse"
        )
    return GateReport(tuple(refusals), tuple(warnings), measured)


def scores(
    chances: Mapping[str, NDArray[np.float64]],
    trained: Mapping[str, Mapping[str, Any]],
    *,
    trained_rows: int,
    limits: Gates = DEFAULT,
) -> GateReport:
    """Hold a night's chances, by outcome (n,), against those that the same model gives at the test snapshots."""
    refusals, warnings = [], []
    for outcome, reference in trained.items():
        moved = number_drift(reference, chances[outcome], reference_rows=trained_rows)
        if moved is None:
            continue
        said = f"scores: p_{outcome} has drifted from the test snapshots ({_measures(moved)})"
        if limits.scores_drift_refuse is not None and moved.beyond(limits.scores_drift_refuse, tests=len(trained)):
            refusals.append(f"{said}; check the sources, train anew, or raise scoring.gates.scores_drift_refuse")
        elif moved.beyond(limits.drift_warn, tests=len(trained)):
            warnings.append(said)
    return GateReport(tuple(refusals), tuple(warnings))


def _unseen(column: pd.Series, reference: Mapping[str, Any]) -> float:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return 0.0
    return unseen_share(reference, counts(column))


def _measures(moved: Drift) -> str:
    return f"PSI {moved.psi:.2f}, Jensen-Shannon {moved.js:.3f}; by chance up to {moved.by_chance():.2f}"


def _listed(names: Sequence[str], most: int = 10) -> str:
    return f"{', '.join(names[:most])}{', ...' if len(names) > most else ''}"
