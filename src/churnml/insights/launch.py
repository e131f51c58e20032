"""A new channel of service: did it move contacts, or reveal customers nobody had heard from?

Who had contacted service before the launch shows how readily customers take to the new channel: so many contacts
there for each one on the others. Of those never heard before, some would have come anyway; their contacts on the old
channels tell how many, and the rest of their contacts on the new one, beyond that same readiness, come from customers
whom the old channels had never reached:

    revealed = new(never heard) - old(never heard) * new(heard) / old(heard)

It rests on one assumption, that who would have come anyway takes to the new channel as readily as those heard before.
Customers who signed up after the launch had no chance to be heard before it, and are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.contract import midnight
from churnml.metrics.shares import Z, clustered_share
from churnml.timeline import visible

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

SERVICE = ("contact", "contact_abandoned", "case_opened", "complaint")
"""Kinds by which a customer is heard; a contact is counted by the first of these kinds that the data have."""

QUIET_DAYS = 90
"""A channel is new if the others had been in use for so long before its first contact."""

ENOUGH = 50
"""Fewer contacts on a new channel say nothing."""

HEARD, UNHEARD, NEWCOMER = "heard before", "never heard before", "signed up since"


@dataclass(frozen=True)
class ChannelLaunch:
    """What came over a channel since it opened.

    Attributes
    ----------
    channel, opened, until : the channel, the day of its first contact, and the day after the last one looked at
    table : one row per figure (contacts, and customers by their first contact) and whence: moved (from other channels),
        revealed (customers the old channels never reached), newcomers; number, low, high, share (of all on the channel)
        with share_low and share_high
    months : month (its first day), who (heard before, never heard before, signed up since), channel (new or others),
        contacts, customers: what the picture shows
    uptake : of the contacts of those heard before, the share that now comes over the new channel
    verdict : in one sentence
    """

    channel: str
    opened: date
    until: date
    table: pd.DataFrame
    months: pd.DataFrame
    uptake: float
    verdict: str

    def frame(self) -> pd.DataFrame:
        """Whence the contacts came."""
        return self.table

    def figure(self, figure: str, whence: str) -> pd.Series:
        """One row of the table."""
        rows = self.table[(self.table["figure"] == figure) & (self.table["whence"] == whence)]
        return rows.iloc[0]


@dataclass(frozen=True)
class ChannelLaunches:
    """The channels of service that opened within the books; `why` says what is missing if there is none."""

    launches: tuple[ChannelLaunch, ...]
    why: str = ""

    def frame(self) -> pd.DataFrame:
        """The tables of all launches, with the channel in front."""
        parts = [launch.table.assign(channel=launch.channel, opened=launch.opened) for launch in self.launches]
        names = ["channel", "opened", *COLUMNS]
        return pd.concat(parts)[names].reset_index(drop=True) if parts else pd.DataFrame(columns=names)


COLUMNS = ["figure", "whence", "number", "low", "high", "share", "share_low", "share_high"]


def channel_launches(canonical: Canonical, config: settings.Config, engine: Engine, known_at: date) -> ChannelLaunches:
    """Find the channels that opened within the books, as known at the start of `known_at`, and measure each."""
    known = visible(canonical.events, known_at)
    service = known.filter(known.kind.isin(SERVICE), known.channel.notnull())
    if config.channels.dark:
        service = service.filter(service.channel.notin(config.channels.dark))
    kinds = set(engine.frame(service.select("kind").distinct())["kind"])
    if not kinds:
        return ChannelLaunches((), f"the data have no contact with service on a named channel ({', '.join(SERVICE)})")
    counted = next(kind for kind in SERVICE if kind in kinds)
    contacts = service.filter(service.kind == counted)
    seen = contacts.group_by("channel").aggregate(first=contacts.occurred_at.min(), contacts=contacts.count())
    channels = engine.frame(seen).sort_values("channel", ignore_index=True)
    first = pd.to_datetime(channels["first"])
    new = channels[(first >= first.min() + pd.Timedelta(days=QUIET_DAYS)) & (channels["contacts"] >= ENOUGH)]
    if new.empty:
        days = f"{QUIET_DAYS} days"
        return ChannelLaunches((), f"no channel of service opened within the books, {days} or more after the others")
    found = []
    for row in new.itertuples(index=False):
        opened = pd.Timestamp(str(row.first)).date()
        people = _people(canonical, engine, service, counted, str(row.channel), opened)
        months = _months(canonical, engine, service, counted, str(row.channel), opened)
        found.append(measure(people, months, str(row.channel), opened, known_at))
    return ChannelLaunches(tuple(found))


def _people(
    canonical: Canonical, engine: Engine, service: ir.Table, counted: str, channel: str, opened: date
) -> pd.DataFrame:
    """Each customer who contacted service since the launch: whether heard before, contacts on new and old channels."""
    events, start = service, midnight(opened)
    after = (events.occurred_at >= start) & (events.kind == counted)
    new = events.channel == channel
    table = events.group_by("customer_id").aggregate(
        before=events.count(where=events.occurred_at < start).fill_null(0),
        new=events.count(where=after & new).fill_null(0),
        old=events.count(where=after & ~new).fill_null(0),
        first_new=events.occurred_at.min(where=after & new),
        first_old=events.occurred_at.min(where=after & ~new),
    )
    who = canonical.customers.select("customer_id", "group_id", "signed_up_at")
    frame = engine.frame(table.join(who, "customer_id")).sort_values("customer_id", ignore_index=True)
    late = pd.to_datetime(frame["signed_up_at"]) >= pd.Timestamp(opened)
    frame["who"] = np.select([late, frame["before"] > 0], [NEWCOMER, HEARD], UNHEARD)
    new_at, old_at = (pd.to_datetime(frame[name]) for name in ("first_new", "first_old"))
    frame["began_new"] = (new_at < old_at) | (new_at.notna() & old_at.isna())
    frame["began_old"] = (frame["new"] + frame["old"] > 0) & ~frame["began_new"]
    return frame[["customer_id", "group_id", "who", "new", "old", "began_new", "began_old"]]


def _months(
    canonical: Canonical, engine: Engine, service: ir.Table, counted: str, channel: str, opened: date
) -> pd.DataFrame:
    """Contacts by month, channel and who made them: what was known of them before the launch."""
    contacts = service.filter(service.kind == counted)
    heard = service.filter(service.occurred_at < midnight(opened)).select("customer_id").distinct()
    who = canonical.customers.select("customer_id", signed_up_at="signed_up_at")
    joined = contacts.join(who, "customer_id").left_join(heard.mutate(heard=True), "customer_id")
    table = joined.select(
        "customer_id",
        month=joined.occurred_at.truncate("M").date(),
        new=(joined.channel == channel).fill_null(False),
        heard=joined.heard.fill_null(False),
        late=(joined.signed_up_at >= midnight(opened)).fill_null(False),
    )
    counts = table.group_by("month", "new", "heard", "late").aggregate(
        contacts=table.count(), customers=table.customer_id.nunique()
    )
    frame = engine.frame(counts)
    frame["who"] = np.select([frame["late"], frame["heard"]], [NEWCOMER, HEARD], UNHEARD)
    frame["channel"] = np.where(frame["new"], channel, "others")
    frame["month"] = pd.to_datetime(frame["month"])
    summed = frame.groupby(["month", "who", "channel"], as_index=False)[["contacts", "customers"]].sum()
    return summed.sort_values(["month", "channel", "who"], ignore_index=True)


def measure(people: pd.DataFrame, months: pd.DataFrame, channel: str, opened: date, until: date) -> ChannelLaunch:
    """Tell the moved from the revealed: see the module's text.

    Parameters
    ----------
    people : customer_id, group_id, who, new and old (contacts since the launch), began_new and began_old (where the
        first of them was)
    """
    rows: list[tuple[object, ...]] = []
    for figure, new, old in (("contacts", "new", "old"), ("customers", "began_new", "began_old")):
        rows += _whence(people, figure, people[new].to_numpy(dtype=float), people[old].to_numpy(dtype=float))
    heard = people[people["who"] == HEARD]
    total = float(heard["new"].sum() + heard["old"].sum())
    uptake = float(heard["new"].sum()) / total if total else float("nan")
    table = pd.DataFrame(rows, columns=COLUMNS)
    return ChannelLaunch(channel, opened, until, table, months, uptake, _verdict(table, channel))


def _whence(
    people: pd.DataFrame, figure: str, new: NDArray[np.float64], old: NDArray[np.float64]
) -> Sequence[tuple[object, ...]]:
    who, group = people["who"].to_numpy(), people["group_id"].to_numpy()
    heard, unheard, late = (who == name for name in (HEARD, UNHEARD, NEWCOMER))
    total, base = float(new.sum()), float(old[heard].sum())
    readiness = float(new[heard].sum()) / base if base else float("nan")
    expected = float(old[unheard].sum())
    revealed = float(new[unheard].sum()) - readiness * expected
    # How much each customer moves the figures: the revealed by the rule above, the moved as the rest of the known.
    shift = (new - readiness * old) * heard * (expected / base if base else float("nan"))
    pulls = {
        "moved": new * heard + readiness * old * unheard + shift,
        "revealed": (new - readiness * old) * unheard - shift,
        "newcomers": new * late,
    }
    numbers = {
        "moved": float(new[heard | unheard].sum()) - revealed,
        "revealed": revealed,
        "newcomers": float(new[late].sum()),
    }
    rows = []
    for whence, number in numbers.items():
        spread = Z * _spread(pulls[whence], group)
        share = number / total if total else float("nan")
        wide = Z * _spread((pulls[whence] - share * new) / total, group) if total else float("nan")
        low, high = max(0.0, share - wide), min(1.0, share + wide)
        if wide == 0:  # all or none: as many customers as there are could still hide a few
            edge = clustered_share(np.full(np.count_nonzero(new), share > 0), group[new > 0])
            low, high = edge.low, edge.high
        rows.append((figure, whence, number, max(0.0, number - spread), number + spread, share, low, high))
    return rows


def _spread(pull: NDArray[np.float64], group: NDArray[np.object_]) -> float:
    """The standard error of a total; customers who never contacted service add nothing to it."""
    _, codes = np.unique(group.astype(str), return_inverse=True)
    return float(np.sqrt((np.bincount(codes, pull) ** 2).sum()))


def _verdict(table: pd.DataFrame, channel: str) -> str:
    share = table[(table["figure"] == "contacts") & (table["whence"] == "revealed")].iloc[0]
    if share["share"] != share["share"]:
        return f"Nobody heard before the launch of {channel} has contacted service since: nothing can be said."
    between = f"{share['share_low']:.0%} to {share['share_high']:.0%}"
    if share["share_low"] <= 0:
        return f"{channel} moved contacts: no sign that it reached customers whom the other channels did not."
    moved = table[(table["figure"] == "contacts") & (table["whence"] == "moved")].iloc[0]
    mainly = (
        "mostly revealed customers" if share["share"] > moved["share"] else "moved contacts, and revealed customers"
    )
    return f"{channel} {mainly} nobody had heard from: {between} of its contacts are theirs."
