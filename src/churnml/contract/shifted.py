"""Deliveries that are there twice, the second time at a shifted time: two extracts that differ by a zone or by summer.

Every row then has a twin: the same customer and content, a number of quarter hours apart. Equal facts an hour apart
also happen (a session, a failed payment tried again, a reminder), so a twin alone is no news. A delivery shows by this:
for days on end nearly every row has one, of many customers at many times of the day; hardly any row has one on either
side, as what comes every hour has; and no other distance has nearly as many, as what comes at fixed times has: the rest
of the day. Of rows a whole day apart, or dated without a time, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from churnml.contract.repeated import CHANCE, by_accident
from churnml.contract.report import Violation
from churnml.contract.tables import implausible
from churnml.contract.volume import CONTENT, listed, place_of
from churnml.engine import part_of, whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

SAID = tuple(name for name in CONTENT if name not in ("occurred_at", "due_at"))
"""What twins have in common, besides their kind."""
STEP, LONGEST, DAY = 900, 14 * 3600, 86_400
"""Zones differ by quarter hours, and by so many seconds at most; longer distances are there to compare with."""
WHOLE_SHARE, EITHER_SHARE = 0.95, 0.1
"""A day is there twice if so many of its rows have a twin, and at most so many of these have one on either side."""
OTHER_SHARE = 0.25
"""... and at most so many have one at any other distance."""
PART_SHARE, USUAL_SHARE = 0.2, 0.01
"""A part of it may be, if so many have, where on other days and at other distances at most so many do."""
FEWEST_PAIRS, FEWEST_CUSTOMERS = 10, 5
"""It takes so many pairs, at as many times of the day, of so many customers to tell."""
SAMPLED_ROWS = 500_000
"""Above so many events twins are sought among a sample of customers, chosen by a hash; the counts are of all rows."""
CELL = ["kind", "place"]
PLACED = [*CELL, "day", "distance"]
WHAT = ["whole", "kind", "distance"]


def shift_checks(events: ir.Table, engine: Engine, common: list[str]) -> Iterator[Violation]:
    """Days of a kind, on a channel, that are there again some hours earlier or later, wholly or in part."""
    held = _with_neighbours(events, engine, common)
    days = engine.frame(held.group_by(*CELL, "day").aggregate(rows=held.count()))
    found = _likely(held, engine, days)
    if found.empty:
        return
    found = found.merge(_surplus(events, engine, found, common), on=WHAT, how="left")
    for _, rows in found.groupby(WHAT):
        first = rows.iloc[0]
        kind, count, apart = str(first["kind"]), whole(first["surplus"]), _hours(int(first["distance"]))
        channels = sorted(set(rows["place"]) - {""})
        times = listed(rows["day"].drop_duplicates()) + (f" on {', '.join(channels)}" if channels else "")
        if first["whole"]:
            advice = (
                f"{times}: nearly every row is there again {apart} later. Two extracts in different time zones, or one "
                "of them without summer time? Deliver each row once"
            )
            yield Violation("events", kind, f"surplus rows of a delivery that is there twice, {apart} apart",
                            count, "refuse", advice)  # fmt: skip
        else:
            advice = (
                f"{times}: up to {rows['share'].max():.0%} of the rows are there again {apart} later, which is rare "
                "otherwise; some may have been delivered twice, in different time zones"
            )
            yield Violation("events", kind, f"rows that are there again, {apart} later", count, "warn", advice)


def _with_neighbours(events: ir.Table, engine: Engine, common: list[str]) -> ir.Table:
    """Different rows with a time, as `_moments` gives them; `ahead` and `behind` are the seconds to the nearest rows
    that say the same a number of steps away.
    """
    sampled = part_of(events, engine.number(events.count()) // SAMPLED_ROWS + 1)
    timed = _moments(sampled, common).distinct()
    near = ibis.window(group_by=["fingerprint", timed.second % STEP], order_by="second")
    seen = timed.mutate(
        ahead=timed.second.lead().over(near) - timed.second, behind=timed.second - timed.second.lag().over(near)
    )
    return engine.materialise(seen, "contract_neighbours")


def _moments(events: ir.Table, common: list[str]) -> ir.Table:
    """Each row's kind, place, day, second, customer and a hash of what it says; at midnight it may have no time."""
    second = events.occurred_at.epoch_seconds().cast("int64")
    known = events.filter(events.kind.notnull(), ~implausible(events.occurred_at), second % DAY != 0)
    return known.select(
        "kind",
        "customer_id",
        place=place_of(known, common),
        day=known.occurred_at.date(),
        second=known.occurred_at.epoch_seconds().cast("int64"),
        fingerprint=ibis.struct({name: known[name] for name in ("kind", *SAID)}).hash(),
    )


def _pairs(held: ir.Table) -> ir.Table:
    """One row for each row and neighbour less than a day away: at which `distance`, and whether on `either` side."""
    either = (held.ahead == held.behind).fill_null(False)
    columns = [*CELL, "day", "second", "customer_id"]
    sides = ibis.union(*(held.select(*columns, distance=held[side], either=either) for side in ("ahead", "behind")))
    return sides.filter(sides.distance < DAY)


def _likely(held: ir.Table, engine: Engine, days: pd.DataFrame) -> pd.DataFrame:
    """What is there twice: `kind`, `place`, `day`, `distance`, `share` of its rows, and whether that is the `whole`."""
    pairs = _pairs(held)
    each = engine.frame(pairs.group_by(*PLACED).aggregate(sides=pairs.count(), either=pairs.either.sum()))
    each["either"] = each["either"].fillna(0) / 2  # who has one on either side was counted twice
    each["paired"] = each["sides"] - each["either"]
    for table in (each, days):
        table["day"] = pd.to_datetime(table["day"])
    days = days.sort_values([*CELL, "day"], ignore_index=True)
    days["place_in_time"] = days.groupby(CELL).cumcount()
    each = each.merge(days, on=[*CELL, "day"]).sort_values(PLACED, ignore_index=True)
    each["share"] = each["paired"] / each["rows"]
    each["others"] = _at_other_distances(each)
    near = (each["distance"] <= LONGEST) & (each["either"] <= EITHER_SHARE * each["paired"])
    full = _stretches(each[near & (each["share"] >= WHOLE_SHARE)])
    part = _parts(each, days, near & (each["share"] >= PART_SHARE), full)
    found = pd.concat([full.assign(whole=True), part.assign(whole=False)], ignore_index=True)
    return _of_many(pairs, engine, found) if len(found) else found


def _at_other_distances(each: pd.DataFrame) -> pd.Series:
    """How many rows of the same kind, place and day have a neighbour at the other distance that has the most."""
    ranked = each.sort_values("paired", ascending=False).groupby([*CELL, "day"])
    most, second = (ranked.nth(place).set_index([*CELL, "day"]) for place in (0, 1))
    at = pd.MultiIndex.from_frame(each[[*CELL, "day"]])
    own = most["distance"].reindex(at).to_numpy() == each["distance"].to_numpy()
    others = np.where(own, second["paired"].reindex(at).fillna(0), most["paired"].reindex(at))
    return pd.Series(others, each.index)


def _stretches(full: pd.DataFrame) -> pd.DataFrame:
    """Days that are there twice as wholes, in stretches without another day between, and beyond chance."""
    follows = full["place_in_time"] - full.groupby([*CELL, "distance"]).cumcount()
    stretches = full.groupby([*CELL, "distance", follows.rename("start")])
    pairs = stretches["paired"].transform("sum") / 2
    others, rows = (stretches[name].transform("sum") for name in ("others", "rows"))
    beyond = (others <= OTHER_SHARE * rows) & (((others + 1) / (rows + 1)) ** pairs < CHANCE)
    return full.assign(stretch=stretches.ngroup())[(pairs >= FEWEST_PAIRS) & beyond]


def _parts(each: pd.DataFrame, days: pd.DataFrame, many: pd.Series, full: pd.DataFrame) -> pd.DataFrame:
    """Days with far more twins than other days of their kind, unless they are next to days that are there as wholes."""
    by = [*CELL, "distance"]
    totals = each.groupby(by)["paired"].sum() - each[many].groupby(by)["paired"].sum()
    odd = each[many]
    others = pd.MultiIndex.from_frame(odd[by])
    counts = days.groupby(CELL)["rows"].agg(["sum", "size"]).reindex(pd.MultiIndex.from_frame(odd[CELL]))
    rows = counts["sum"].to_numpy() - odd.groupby(by)["rows"].transform("sum")
    usual = pd.Series((totals.reindex(others).to_numpy() + 1) / (rows + 1), odd.index).clip(upper=1.0)
    seldom = odd.groupby(by)["rows"].transform("size") <= counts["size"].to_numpy() / 2
    rare = (usual <= USUAL_SHARE) & (odd["others"] <= OTHER_SHARE * odd["paired"]) & seldom
    rare &= (odd["paired"] >= 2 * FEWEST_PAIRS) & (by_accident(odd["share"], usual, odd["rows"]) < CHANCE)
    beside = pd.concat([full.assign(place_in_time=full["place_in_time"] + step) for step in (-1, 0, 1)])
    keys = [*by, "place_in_time"]
    known = pd.MultiIndex.from_frame(odd[keys]).isin(pd.MultiIndex.from_frame(beside[keys]))
    part = odd[rare & ~known]
    return part.assign(stretch=-1 - np.arange(len(part)))


def _of_many(pairs: ir.Table, engine: Engine, found: pd.DataFrame) -> pd.DataFrame:
    """Those stretches that hold many times of the day and customers: a sending to everybody at once has one time."""
    listing = _listing(found, stretch=found["stretch"])
    told = pairs.join(listing, PLACED)
    told = told.group_by("stretch").aggregate(times=(told.second % DAY).nunique(), customers=told.customer_id.nunique())
    many = engine.frame(told).query("times >= @FEWEST_PAIRS and customers >= @FEWEST_CUSTOMERS")["stretch"]
    return found[found["stretch"].isin(many)]


def _surplus(events: ir.Table, engine: Engine, found: pd.DataFrame, common: list[str]) -> pd.DataFrame:
    """How many of all rows are there again: `whole`, `kind`, `distance`, `surplus`."""
    spans = [found, *(found.assign(day=found["day"] + pd.Timedelta(days=step)) for step in (-1, 1))]
    near = pd.concat(spans if found["whole"].any() else [found]).drop_duplicates([*PLACED, "whole"])
    listing = _listing(near, whole=near["whole"])
    rows = _moments(events, common).join(listing, [*CELL, "day"])
    sides = (
        rows.select(*WHAT, "fingerprint", at=rows.second - rows.distance, later=1, earlier=0),
        rows.select(*WHAT, "fingerprint", at=rows.second, later=0, earlier=1),
    )
    both = ibis.union(*sides)
    met = both.group_by(*WHAT, "fingerprint", "at").aggregate(later=both.later.sum(), earlier=both.earlier.sum())
    again = met.filter(met.earlier > 0)
    return engine.frame(again.group_by(*WHAT).aggregate(surplus=again.later.sum()))


def _listing(found: pd.DataFrame, **more: pd.Series) -> ir.Table:
    listed_days = found[["kind", "place", "distance"]].assign(day=found["day"].dt.date, **more)
    table = ibis.memtable(listed_days.reset_index(drop=True))
    return table.mutate(day=table.day.cast("date"))


def _hours(seconds: int) -> str:
    """A distance in words.

    >>> _hours(3600), _hours(10_800), _hours(20_700)
    ('1 hour', '3 hours', '5:45 hours')
    """
    hours, rest = divmod(seconds // 60, 60)
    return f"{hours}:{rest:02} hours" if rest else f"{hours} hour{'s' if hours > 1 else ''}"
