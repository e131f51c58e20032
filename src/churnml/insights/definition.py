"""What follows from the choice of a definition: who counts as leaving, who of them comes back, and who falls silent.

Two numbers define leaving by inactivity: `eligible.active_within_days` says how long a customer may have been quiet and
still be one, `snapshots.horizon_days` how long the silence after the snapshot must last. Here several pairs are held
beside each other on the same customers at the same snapshots; no model is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.contract import known_ends, midnight
from churnml.contract.returns import is_back
from churnml.metrics.scores import auroc
from churnml.metrics.shares import clustered_share
from churnml.outcomes import RETAINED, SILENT, VOCAL, is_voice
from churnml.timeline import observe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, order=True)
class Definition:
    """A pair of days: who counts as a customer, and how long the silence must last."""

    active_within_days: int
    horizon_days: int

    @classmethod
    def of(cls, config: settings.Config) -> Definition:
        """The one that is configured."""
        return cls(config.eligible.active_within_days, config.snapshots.horizon_days)


def facts(
    canonical: Canonical,
    config: settings.Config,
    engine: Engine,
    snapshots: Sequence[date],
    known_at: date,
    active_within_days: int,
) -> pd.DataFrame:
    """What every definition is judged by: one row per snapshot and customer active within so many days before it.

    Before the snapshot only what was known then is seen; after it, what is known at the start of `known_at`.

    Returns
    -------
    customer_id, group_id, as_of, `quiet_days` (age of the last event of the eligible kinds), `ends_in` (days from the
    start of the outcome window to an agreed end), `gone` (left before or within the lead time), and the days from the
    start of the window to the next engagement, the closure, and the first voice within the lookback or later:
    `engaged_after`, `closed_after`, `voiced_after`; NaN if there is none.
    """
    eligible = config.eligible.model_copy(update={"active_within_days": active_within_days})
    widened = config.model_copy(update={"eligible": eligible})
    return pd.concat([_facts_at(canonical, widened, engine, as_of, known_at) for as_of in snapshots], ignore_index=True)


def _facts_at(
    canonical: Canonical, config: settings.Config, engine: Engine, as_of: date, known_at: date
) -> pd.DataFrame:
    lead = config.snapshots.lead_days
    start, begins = as_of + timedelta(days=lead), midnight(as_of + timedelta(days=lead))
    view = observe(canonical, config, as_of, hold=lambda spine: engine.materialise(spine, "definition_spine"))
    active = view.events.filter(view.events.kind.isin(config.eligible_kinds))
    quiet = active.group_by("customer_id").aggregate(quiet_days=active.age_days.min())
    events = canonical.events.filter(
        canonical.events.recorded_at < midnight(known_at), canonical.events.occurred_at < midnight(known_at)
    )
    moment, closed, later = events.occurred_at, events.kind == "closed", events.recorded_at >= midnight(as_of)
    heard = moment >= midnight(as_of - timedelta(days=config.voice.lookback_days))
    before, early = moment < midnight(as_of), moment < begins
    engaged = events.kind.isin(config.engagement_kinds)
    later_facts = events.group_by("customer_id").aggregate(
        closed_before=moment.max(where=closed & before & later),
        engaged_before=moment.max(where=engaged & before),
        closed_early=(closed & ~before & early).fill_null(False).any(),
        engaged_at=moment.min(where=engaged & ~early),
        closed_at=moment.min(where=closed & ~early),
        voiced_at=moment.min(where=is_voice(events, config) & heard),
    )
    ends = canonical.customers.select("customer_id", ends_at=known_ends(canonical.customers, known_at))
    table = view.spine.select("customer_id", "group_id")
    for told in (quiet, ends, later_facts):
        table = table.left_join(told, "customer_id").drop("customer_id_right")
    back = is_back(table.closed_before.date(), table.engaged_before.date(), config.defection)
    table = table.mutate(gone=(table.closed_before.notnull() & ~back) | table.closed_early)
    frame = engine.frame(table).sort_values("customer_id", ignore_index=True)
    after = {f"{name}_after": _days(frame[f"{name}_at"], start) for name in ("engaged", "closed", "voiced")}
    return pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "group_id": frame["group_id"],
            "as_of": pd.Timestamp(as_of),
            "quiet_days": frame["quiet_days"].astype(float),
            "ends_in": _days(frame["ends_at"].dt.normalize(), start),
            "gone": frame["gone"].fillna(False).astype(bool),
            **after,
        }
    )


def _days(moments: pd.Series, start: date) -> pd.Series:
    return (pd.to_datetime(moments) - pd.Timestamp(start)) / DAY


def outcomes(found: pd.DataFrame, config: settings.Config, definition: Definition) -> NDArray[Any]:
    """The outcome (n,) of each row of `facts` under a definition; None for who is not on the spine or not labelled.

    The rule is that of `churnml.outcomes.label`, for many definitions at once.
    """
    horizon = definition.horizon_days
    engaged, closed, voiced = (_later(found[f"{name}_after"]) for name in ("engaged", "closed", "voiced"))
    inactive, closing = engaged >= horizon, closed < horizon
    by = config.defection.by
    left = {"closure": closing, "inactivity": inactive, "either": closing | inactive}[by]
    moment = np.where(closing & (by != "inactivity"), closed, horizon)
    spoke = (voiced <= moment) & (voiced < horizon)
    labelled = (
        (found["quiet_days"].to_numpy() <= definition.active_within_days)
        & ~found["gone"].to_numpy()
        & (_later(found["ends_in"]) >= horizon)
    )
    outcome = np.where(left, np.where(spoke, VOCAL, SILENT), RETAINED).astype(object)
    outcome[~labelled] = None
    return outcome


def compare(
    found: pd.DataFrame,
    config: settings.Config,
    definitions: Sequence[Definition],
    *,
    until: date,
    follow_days: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Definitions side by side on the same snapshots.

    Parameters
    ----------
    found : what `facts` gives, for a spine that holds those of all definitions
    definitions : each mature at every snapshot
    until : the day after the last one that the books are believed for
    follow_days : after so many more days it is looked whether those who left by silence are back

    Returns
    -------
    One row per definition: active_within_days, horizon_days, configured, customers (labelled customers and snapshots),
    leavers, left (their share) with left_low and left_high, silent (share of the leavers without voice), followed
    (leavers by silence that can be followed), back (the share of them who came back) with back_low and back_high,
    same_leavers (Jaccard index of its leavers and those of the configured definition, among whom both label), and
    recency_auroc (how well the quiet days before the snapshot alone rank its leavers).

    And for every two definitions: first, second (both as "active within/horizon"), customers, same_leavers.
    """
    by_definition = {each: outcomes(found, config, each) for each in definitions}
    configured = Definition.of(config)
    reference = by_definition.get(configured)
    rows = [
        {
            "active_within_days": each.active_within_days,
            "horizon_days": each.horizon_days,
            "configured": each == configured,
            **_judged(found, outcome, config, each, until, follow_days),
            "same_leavers": float("nan") if reference is None else _same_leavers(outcome, reference)[1],
        }
        for each, outcome in by_definition.items()
    ]
    pairs = [
        (_name(a), _name(b), *_same_leavers(by_definition[a], by_definition[b]))
        for a, b in combinations(definitions, 2)
    ]
    return pd.DataFrame(rows), pd.DataFrame(pairs, columns=["first", "second", "customers", "same_leavers"])


def _judged(
    found: pd.DataFrame, outcome: NDArray[Any], config: settings.Config, each: Definition, until: date, follow_days: int
) -> dict[str, Any]:
    labelled = pd.notna(outcome)
    left = labelled & (outcome != RETAINED)
    groups, horizon = found["group_id"].to_numpy(), each.horizon_days
    share = clustered_share(left[labelled], groups[labelled])
    engaged = _later(found["engaged_after"])
    reach = (pd.Timestamp(until) - found["as_of"]).dt.days.to_numpy() - config.snapshots.lead_days
    by_silence = left & (engaged >= horizon) & ~(_later(found["closed_after"]) < horizon)
    followed = by_silence & (np.minimum(_later(found["ends_in"]), reach) >= horizon + follow_days)
    if config.defection.by == "closure":
        followed &= False  # a closure is what it is; nobody was given up for being quiet
    back = clustered_share(engaged[followed] < horizon + follow_days, groups[followed])
    return {
        "customers": share.n,
        "leavers": share.hits,
        "left": share.share,
        "left_low": share.low,
        "left_high": share.high,
        "silent": float((outcome[left] == SILENT).mean()) if left.any() else float("nan"),
        "followed": back.n,
        "back": back.share,
        "back_low": back.low,
        "back_high": back.high,
        "recency_auroc": auroc(left[labelled], found["quiet_days"].to_numpy()[labelled]),
    }


def _same_leavers(first: NDArray[Any], second: NDArray[Any]) -> tuple[int, float]:
    """How many both label, and the Jaccard index of the leavers of the two among them."""
    both = pd.notna(first) & pd.notna(second)
    a, b = first[both] != RETAINED, second[both] != RETAINED
    either = int((a | b).sum())
    return int(both.sum()), float((a & b).sum()) / either if either else float("nan")


def _name(each: Definition) -> str:
    return f"{each.active_within_days}/{each.horizon_days}"


def _later(days: pd.Series) -> NDArray[np.float64]:
    return days.fillna(np.inf).to_numpy(dtype=float)
