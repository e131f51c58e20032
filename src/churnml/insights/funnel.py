"""The onboarding funnel against later defection: how far newcomers come, and who of them is still there half a year on.

Newcomers who leave during onboarding are part of the funnel: leaving them out would flatter it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from churnml.metrics.shares import clustered_share
from churnml.timeline import visible

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

LATER_DAYS = 182
TOO_FEW = 50

SIGNED_UP = "signed up"
FIRST_USE, FIRST_VALUE = "first use", "first purchase"
NO_CONTACT = "got going without contacting service"
COLUMNS = [
    *("step", "reached", "share", "low", "high", "median_day", "left", "left_low", "left_high"),
    *("left_without", "without_low", "without_high"),
]


@dataclass(frozen=True)
class Funnel:
    """How far newcomers come within the days of onboarding, and who leaves within half a year after these.

    `table` has one row per step, the most common first: step, reached (customers), share (low, high), median_day
    (after signing up), left (share who left of those who reached it, left_low, left_high) and left_without (of the
    others). The first row is everybody who signed up early enough to be followed. `why` says what is missing.
    """

    table: pd.DataFrame
    onboarding_days: int
    later_days: int
    why: str = ""

    def frame(self) -> pd.DataFrame:
        """The funnel."""
        return self.table


def newcomers(
    canonical: Canonical, config: settings.Config, engine: Engine, first_day: date, known_at: date
) -> pd.DataFrame:
    """Who signed up within the books (they begin on `first_day`) long enough ago to be followed; the day of each first.

    Returns
    -------
    customer_id, group_id, `day_of` each step (columns `step NAME`, `FIRST_USE`, `FIRST_VALUE`, `contact`; days after
    signing up, NaN where it did not come to it within the onboarding), and `left` within the half-year after onboarding
    (or before): closed and not back, or no engagement in its last `horizon_days`, as the definition of leaving has it.
    """
    known = visible(canonical.events, known_at)
    first, follow = config.features.onboarding_days, config.features.onboarding_days + LATER_DAYS
    who = canonical.customers.filter(canonical.customers.signed_up_at.notnull())
    who = who.mutate(joined_on=who.signed_up_at.date(), last=ibis.literal(known_at).cast("date"))
    ends_in = who.ends_at.date().delta(who.joined_on, unit="day").cast("int64")
    who = who.mutate(reach=who.last.delta(who.joined_on, unit="day").cast("int64"), ends_in=ends_in)
    settle = config.snapshots.settle_days
    within = (who.joined_on >= ibis.literal(first_day).cast("date")) & (who.reach >= follow + settle)
    who = who.filter(within & (who.ends_in.isnull() | (who.ends_in >= follow)))
    who = who.select("customer_id", "group_id", "joined_on")
    joined = known.join(who.drop("group_id"), "customer_id")
    joined = joined.mutate(day=joined.occurred_at.date().delta(joined.joined_on, unit="day").cast("int64"))
    joined = joined.filter((joined.day >= 0) & (joined.day < follow))
    early, horizon = joined.day < first, min(config.snapshots.horizon_days, LATER_DAYS)
    steps = _steps(engine, known)
    firsts = {
        f"step {name}": joined.day.min(where=early & (joined.kind == "onboarding_step") & (joined["name"] == name))
        for name in steps
    }
    kinds = {FIRST_USE: config.engagement_kinds, FIRST_VALUE: config.economics.value_kinds}
    if set(config.economics.value_kinds) == set(config.engagement_kinds):
        del kinds[FIRST_VALUE]
    kinds["contact"] = ("contact", "complaint", "case_opened")
    firsts |= {name: joined.day.min(where=early & joined.kind.isin(which)) for name, which in kinds.items()}
    late = joined.kind.isin(config.engagement_kinds) & (joined.day >= follow - horizon)
    facts = joined.group_by("customer_id").aggregate(
        **firsts,
        closed=joined.day.max(where=joined.kind == "closed"),
        engaged=joined.day.max(where=joined.kind.isin(config.engagement_kinds)),
        late=joined.count(where=late),
    )
    frame = engine.frame(who.left_join(facts, "customer_id")).sort_values("customer_id", ignore_index=True)
    engaged, closed_on = frame["engaged"].astype(float), frame["closed"].astype(float)  # all null is no number
    back = engaged > closed_on + config.defection.trailing_days  # see contract.returns
    closed, quiet = closed_on.notna() & ~back, frame["late"].fillna(0) == 0
    left = {"closure": closed, "inactivity": quiet, "either": closed | quiet}[config.defection.by]
    days = frame[list(firsts)].astype(float)
    return pd.concat([frame[["customer_id", "group_id"]], days, left.rename("left")], axis=1)


def _steps(engine: Engine, known: ir.Table) -> list[str]:
    steps = known.filter(known.kind == "onboarding_step", known["name"].notnull())
    names: list[str] = engine.frame(steps.select("name").distinct())["name"].astype(str).tolist()
    return sorted(names)[:12]


def funnel(found: pd.DataFrame, onboarding_days: int) -> Funnel:
    """Measure on what `newcomers` gives."""
    if len(found) < TOO_FEW:
        who = f"only {len(found)} customers" if len(found) else "nobody"
        why = (
            f"{who} signed up within the books and {onboarding_days + LATER_DAYS} days or more before their end "
            "(customers.signed_up_at, history_starts_on)"
        )
        return Funnel(pd.DataFrame(columns=COLUMNS), onboarding_days, LATER_DAYS, why)
    groups, left = found["group_id"].to_numpy(), found["left"].to_numpy(dtype=bool)
    rows = [_step(SIGNED_UP, pd.Series(0.0, index=found.index), groups, left)]
    named = [name for name in found.columns if name.startswith("step ") or name in (FIRST_USE, FIRST_VALUE)]
    reached = sorted((name for name in named if found[name].notna().any()), key=lambda name: -found[name].notna().sum())
    rows += [_step(name.removeprefix("step "), found[name], groups, left) for name in reached]
    if "contact" in found and found["contact"].notna().any():
        alone = found[FIRST_USE].where(found["contact"].isna())
        rows += [_step(NO_CONTACT, alone, groups, left)] if alone.notna().any() else []
    return Funnel(pd.DataFrame(rows, columns=COLUMNS), onboarding_days, LATER_DAYS)


def _step(name: str, day: pd.Series, groups: NDArray[Any], left: NDArray[np.bool_]) -> tuple[object, ...]:
    reached = day.notna().to_numpy()
    share = clustered_share(reached, groups)
    gone, without = (clustered_share(left[part], groups[part]) for part in (reached, ~reached))
    return (
        name,
        share.hits,
        share.share,
        share.low,
        share.high,
        float(day.median()),
        gone.share,
        gone.low,
        gone.high,
        without.share,
        without.low,
        without.high,
    )
