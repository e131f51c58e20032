"""All insights of a business at once: what `churnml insights` prints and the report draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from churnml.contract import midnight
from churnml.features.sentences import nouns
from churnml.insights.census import DarkMatter, census
from churnml.insights.funnel import Funnel, funnel, newcomers
from churnml.insights.iceberg import Iceberg, iceberg
from churnml.insights.launch import ChannelLaunches, channel_launches
from churnml.insights.ledger import PREFERS, Ledger, after_friction, open_ledger, sampled, tenure_bands
from churnml.insights.personas import Personas, features_of, personas
from churnml.insights.response import FastResponse, cases, fast_response
from churnml.insights.scorecard import FIGURES, Scorecard, scorecard
from churnml.insights.silent_share import SilentShare, Unlinked, silent_share
from churnml.insights.survey import BlindSpot, blind_spot
from churnml.outcomes import is_voice
from churnml.timeline import outcome_window

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

A_YEAR = 13
"""At most so many snapshots are looked at, the last ones: a year of months."""


@dataclass(frozen=True)
class Insights:
    """What the outcomes tell about a business, as known at the start of `as_of`. Each insight has a `.frame()`.

    `first` and `last` are the labelled snapshots looked at; `today` is the one that the census and the personas show;
    `voice` is in words what counts as having said something. Of very many customers, one in `one_in` is followed
    through the past: counts of past snapshots, cases and newcomers are theirs. The census, the kinds of customer today
    and channel launches count all.
    """

    project: str
    as_of: date
    first: date
    last: date
    today: date
    currency: str
    horizon_days: int
    voice: str
    silent_share: SilentShare
    iceberg: Iceberg
    fast_response: FastResponse
    dark_matter: DarkMatter
    launches: ChannelLaunches
    blind_spot: BlindSpot
    funnel: Funnel
    personas: Personas
    scorecard: Scorecard
    one_in: int = 1


def insights(
    canonical: Canonical,
    config: settings.Config,
    engine: Engine,
    snapshots: Sequence[date],
    first_day: date,
    as_of: date,
    *,
    drivers: pd.DataFrame | None = None,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> Insights:
    """Measure every insight.

    Parameters
    ----------
    snapshots : mature at `as_of`, oldest first; the last `A_YEAR` are looked at. Where the configuration says which is
        the last one, cases, newcomers and channels too are followed no further than to the end of its outcome window:
        the books may thin out behind it
    first_day : the day of the first event
    drivers : the model's pushes by feature (feature, share), for the scorecard; None without a model
    """
    looked = tuple(snapshots)[-A_YEAR:]
    until = as_of if config.snapshots.last is None else min(as_of, _matured(looked[-1], config))
    followed, one_in = sampled(canonical, engine)
    ledger = open_ledger(
        followed,
        config,
        engine,
        looked,
        as_of,
        features=(*features_of(config.personas), *FIGURES),
        everybody=canonical if one_in > 1 else None,
        progress=lambda done, total: progress("looking at customers", done, total),
    )
    progress("following cases, channels and newcomers", 0, 3)
    answered = fast_response(
        cases(followed, config, engine, first_day, until), amounts=bool(ledger.rows["value"].notna().any())
    )
    progress("following cases, channels and newcomers", 1, 3)
    launches = channel_launches(canonical, config, engine, until)
    progress("following cases, channels and newcomers", 2, 3)
    came = funnel(newcomers(followed, config, engine, first_day, until), config.features.onboarding_days)
    progress("following cases, channels and newcomers", 3, 3)
    return Insights(
        project=config.project,
        as_of=as_of,
        first=looked[0],
        last=looked[-1],
        today=pd.Timestamp(ledger.today["as_of"].iloc[0]).date(),
        currency=config.economics.currency,
        horizon_days=config.snapshots.horizon_days,
        voice=nouns(config.voice.kinds),
        silent_share=share_of(ledger, unlinked_voice(canonical, config, engine, looked, as_of, one_in)),
        iceberg=iceberg(ledger),
        fast_response=answered,
        dark_matter=census(ledger, config.economics.value_days, max(first_day, config.history_starts_on or first_day)),
        launches=launches,
        blind_spot=blind_spot(ledger),
        funnel=came,
        personas=personas(ledger, config.personas),
        scorecard=scorecard(ledger, drivers, first_day),
        one_in=one_in,
    )


def _matured(snapshot: date, config: settings.Config) -> date:
    """The day on which the outcomes of a snapshot are known."""
    return outcome_window(snapshot, config.snapshots).end + timedelta(days=config.snapshots.settle_days)


def share_of(ledger: Ledger, unlinked: Unlinked | None = None) -> SilentShare:
    """The silent share of a ledger, by tenure, preferred channel and attributes; friction is any that the iceberg
    knows.
    """
    rows = ledger.rows[["customer_id", "group_id", "as_of", "outcome", "voiced"]].copy()
    if (friction := after_friction(ledger)) is not None:
        rows["friction"] = friction
    if "said_elsewhere_365d" in ledger.rows:
        rows["elsewhere"] = ledger.rows["said_elsewhere_365d"] > 0
    parts = []
    if "tenure_days" in ledger.rows:
        rows["tenure"] = tenure_bands(ledger.rows["tenure_days"])
        parts.append("tenure")
    channels = [name for name in ledger.rows if str(name).startswith(PREFERS)]
    if channels:
        prefers = ledger.rows[channels].fillna(0)
        named = prefers.idxmax(axis=1).astype(str).str.replace(PREFERS, "", n=1, regex=False)
        rows["preferred channel"] = named.where(prefers.max(axis=1) == 1, "none of them")
        parts.append("preferred channel")
    for name in ledger.attributes:
        if not pd.api.types.is_numeric_dtype(ledger.rows[name]):
            rows[name] = ledger.rows[name].astype(str)
            parts.append(name)
    return silent_share(rows, parts=parts, unlinked=unlinked)


def unlinked_voice(
    canonical: Canonical,
    config: settings.Config,
    engine: Engine,
    snapshots: Sequence[date],
    known_at: date,
    one_in: int = 1,
) -> Unlinked | None:
    """How much voice in the time of these snapshots names no customer, and how much one; None where nobody asked."""
    if canonical.unlinked is None:
        return None
    start = min(snapshots) - timedelta(days=config.voice.lookback_days)
    end = outcome_window(max(snapshots), config.snapshots).end
    counts = []
    for table in (canonical.unlinked, canonical.events):
        said = table.filter(
            is_voice(table, config),
            table.occurred_at >= midnight(start),
            table.occurred_at < midnight(end),
            table.recorded_at < midnight(known_at),
        )
        counts.append(engine.number(said.count()))
    return Unlinked(counts[0], counts[1], one_in)
