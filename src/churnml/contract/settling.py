"""Whether labels wait until the books have settled: what is booked late is not in those of the newest snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from churnml.contract.report import Violation

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

FEWEST_LATE = 20
MISSED = 0.05
"""So many of what falls into an outcome window may still be missing when the window is labelled."""
SETTLED = 0.95
"""The share of events that are in the books after the days that are proposed."""


def settling_checks(events: ir.Table, engine: Engine, config: settings.Config) -> Iterator[Violation]:
    """Closures, voice and engagement that are booked too late for `snapshots.settle_days`.

    An event that is booked d days after it happened is missing from the label of a window when it falls into the last
    d - settle_days of its days.
    """
    by, rule = config.defection.by, config.snapshots
    roles: dict[str, tuple[str, ...]] = {"events of voice": tuple(config.voice.kinds)}
    if by != "inactivity":
        roles["closures"] = ("closed",)
    if by != "closure":
        roles["events of engagement"] = tuple(config.engagement_kinds)
    told = events.filter(events.kind.isin(sorted({kind for kinds in roles.values() for kind in kinds})))
    told = told.mutate(days=told.recorded_at.date().delta(told.occurred_at.date(), unit="day"))
    counts = engine.frame(told.group_by("kind", "days").aggregate(rows=told.count())).dropna()
    for role, kinds in sorted(roles.items()):
        part = counts[counts["kind"].isin(kinds)].groupby("days")["rows"].sum().sort_index()
        days, rows = part.index.to_numpy(dtype=float), part.to_numpy(dtype=float)
        late = np.clip((days - rule.settle_days) / rule.horizon_days, 0, 1)
        if rows[late > 0].sum() < FEWEST_LATE or (missed := float(np.average(late, weights=rows))) <= MISSED:
            continue
        after = days[np.searchsorted(np.cumsum(rows), SETTLED * rows.sum())]
        yield Violation(
            "events", "recorded_at", f"{role} that are booked after settle_days", int(rows[late > 0].sum()), "warn",
            f"{missed:.0%} of those in an outcome window are missing when it is labelled, as if they had not been; "
            f"{SETTLED:.0%} are in the books after {ceil(after)} days, settle_days is {rule.settle_days}",
        )  # fmt: skip
