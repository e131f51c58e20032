"""How long silence must last before it means that a customer has left: read from the customers' own silences.

A silence begins with a customer's day of engagement and lasts until the next one. Of the silences that have lasted so
many days, some are broken later: who was given up comes back. The share that is broken falls with the length, and the
shortest length at which it is small is a sensible definition of leaving. That the definition is a choice to be judged
by its consequences is Clemente-Císcar, San Matías & Giner-Bosch (2014, European Journal of Operational Research 239).

A silence that is still open when the books end has no length. It is counted only where the books reach far enough to
see whether it was broken: every length is judged by the same days of follow-up, and by those silences alone that can be
followed so far (a fixed follow-up needs no model of the censored rest).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from churnml.metrics.shares import clustered_share
from churnml.timeline import visible

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

WEEK = 7
TOO_FEW = 30
"""Fewer independent silences than this say nothing about a share."""


@dataclass(frozen=True)
class Suggestion:
    """So many days of silence mean that a customer has left; None where the data do not say. And why."""

    quiet_days: int | None
    why: str


def silences(canonical: Canonical, config: settings.Config, engine: Engine, known_at: date) -> pd.DataFrame:
    """Every silence of a week or longer, as known at the start of `known_at`.

    Returns
    -------
    customer_id, group_id, `began` (the day of engagement before it), `broken_after` (days until the next one; NaN while
    it is open), `closed_after` and `ends_after` (days until the customer closed, and until an agreed end; NaN if none).
    """
    known = visible(canonical.events, known_at)
    days = known.filter(known.kind.isin(config.engagement_kinds))
    days = days.select("customer_id", day=days.occurred_at.date()).distinct()
    ordered = ibis.window(group_by=days.customer_id, order_by=days.day)
    days = days.mutate(next_day=days.day.lead(1).over(ordered))
    days = days.mutate(broken_after=days.next_day.delta(days.day, unit="day").cast("int64"))
    days = days.filter(days.broken_after.isnull() | (days.broken_after > WEEK))
    closures = known.filter(known.kind == "closed").select(owner="customer_id", closed_on=known.occurred_at.date())
    within = days.left_join(closures, [days.customer_id == closures.owner, closures.closed_on >= days.day])
    days = within.group_by("customer_id", "day", "broken_after").aggregate(closed_on=within.closed_on.min())
    customers = canonical.customers.select("customer_id", "group_id", ends_on=canonical.customers.ends_at.date())
    table = days.join(customers, "customer_id")
    frame = engine.frame(
        table.select(
            "customer_id",
            "group_id",
            began=table.day,
            broken_after=table.broken_after.cast("float64"),
            closed_after=table.closed_on.delta(table.day, unit="day").cast("float64"),
            ends_after=table.ends_on.delta(table.day, unit="day").cast("float64"),
        )
    )
    frame["began"] = pd.to_datetime(frame["began"])
    return frame.sort_values(["customer_id", "began"], ignore_index=True)


def returns(found: pd.DataFrame, until: date, lengths: Sequence[int], follow_days: int) -> pd.DataFrame:
    """Of the silences that lasted so many days, the share that was broken within `follow_days` more.

    Parameters
    ----------
    found : what `silences` gives
    until : the day after the last one that the books are believed for
    lengths : days of silence

    Returns
    -------
    One row per length: quiet_days, silences (that lasted so long and can be followed), customers, returned, low, high,
    independent. Who closes within the length is not silent but gone, and who closes later does not come back; an agreed
    end must lie beyond the follow-up.
    """
    began = found["began"].to_numpy(dtype="datetime64[D]")
    reach = (np.datetime64(until) - began).astype(int)
    broken = found["broken_after"].fillna(np.inf).to_numpy()
    closed, ends = (found[name].fillna(np.inf).to_numpy() for name in ("closed_after", "ends_after"))
    groups, rows = found["group_id"].to_numpy(), []
    for length in lengths:
        followed = length + follow_days
        lasted = (broken > length) & (closed > length) & (np.minimum(ends, reach) > followed)
        share = clustered_share(broken[lasted] <= followed, groups[lasted])
        rows.append(
            {
                "quiet_days": length,
                "silences": share.n,
                "customers": len(np.unique(found["customer_id"].to_numpy()[lasted])),
                "returned": share.share,
                "low": share.low,
                "high": share.high,
                "independent": share.independent,
            }
        )
    return pd.DataFrame(rows)


def curve(found: pd.DataFrame, until: date, follow_days: int) -> pd.DataFrame:
    """`returns` for one week, two weeks and so on, as far as silences can be followed."""
    if found.empty:
        return returns(found, until, [WEEK], follow_days)
    longest = (pd.Timestamp(until) - found["began"].min()).days - follow_days - 1
    return returns(found, until, range(WEEK, max(longest, WEEK) + 1, WEEK), follow_days)


def suggest(curve: pd.DataFrame, returning: float, follow_days: int) -> Suggestion:
    """The shortest length from which on fewer than `returning` of the silences are broken within the follow-up."""
    told = curve[curve["independent"] >= TOO_FEW]
    if told.empty:
        return Suggestion(
            None, f"fewer than {TOO_FEW} independent silences of a week or more can be followed for {follow_days} days"
        )
    above = told[told["returned"] >= returning]
    below = told if above.empty else told[told["quiet_days"] > above["quiet_days"].max()]
    if below.empty:
        last = told.iloc[-1]
        return Suggestion(
            None,
            f"even of the silences that lasted {int(last['quiet_days'])} days, {last['returned']:.0%} were broken "
            f"within {follow_days} more; longer ones cannot be followed in these data",
        )
    first = below.iloc[0]
    length = int(first["quiet_days"])
    return Suggestion(
        length,
        f"of {int(first['silences']):,} silences that lasted {length} days, {first['returned']:.1%} "
        f"[{first['low']:.1%}, {first['high']:.1%}] were broken within {follow_days} more: the shortest length from "
        f"which on fewer than {returning:.0%} are",
    )


def last_day_believed(known_at: date, config: settings.Config) -> date:
    """The day after the last one that the books, which take some days to settle, are believed for."""
    return known_at - timedelta(days=config.snapshots.settle_days)
