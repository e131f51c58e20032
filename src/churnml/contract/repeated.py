"""Days that were delivered twice: every row is there more than once, whatever its id, and beyond chance.

A day may be there twice as a whole, or only what one source delivered of it. A source is not told by its kind alone: a
ticket and a call may both be contacts. Hence each common channel of a kind is judged as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from churnml.contract.report import Violation
from churnml.contract.volume import CONTENT, common_channels, daily, listed, place_of, with_fingerprint

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

REPEATED_SHARE, REPEATED_ROWS, FEWEST_REPEATED = 0.99, 20, 5
"""A day, week, month or year occurs twice when this share of its different rows is there more than once. So many rows
are enough to tell; fewer of as many customers, where rows are so seldom equal by accident that they cannot all be."""
SPANS = {"D": 1.9, "W": 1.9, "M": 1.9, "Y": 1.99}
"""Days, weeks, months and years may be there twice when they have so many times their different rows: a file of days
that are no whole months leaves some of them single; whole years are files of their own."""
CHANCE = 1e-6
"""What would be seen less often than this by accident is none."""
EQUAL_ROWS, EQUAL_SHARE, USUAL_SHARE = 20, 0.2, 0.01
"""A day has many equal rows when so many are superfluous, and this share of all, in a table where few usually are."""
MOST_PASSES = 10
"""What is known to be there twice is no measure of what is usual: the rest is judged again, at most so many times."""
CELL = ["kind", "place", "day"]
COUNTS = ["rows", "distinct", "customers"]


def repeat_checks(
    events: ir.Table, engine: Engine, days: pd.DataFrame, common: list[str]
) -> tuple[list[Violation], pd.DataFrame]:
    """Days of a kind that occur twice or have many equal rows; and the days as if what occurs twice were there once.

    `days` is as `daily` gives it, and `common` what it was given.
    """
    repeated, once = _repeated(events, engine, days, common)
    return [*_twice(repeated, days), *_equal(once)], once


def without_repeated_days(events: ir.Table, engine: Engine) -> tuple[ir.Table, int]:
    """The events with one copy of each row of the days that occur twice, and how many rows that took away.

    Of what is left the check finds none: a channel may only be a common one once the others are there once.
    """
    count = 0
    for _ in range(MOST_PASSES):
        common = common_channels(events, engine)
        found, _ = _repeated(events, engine, daily(events, engine, common), common)
        if found.empty:
            break
        events, count = _with_one_copy(events, found, common), count + int(found["surplus"].sum())
    return events, count


def _with_one_copy(events: ir.Table, found: pd.DataFrame, common: list[str]) -> ir.Table:
    dated = events.mutate(place=place_of(events, common), day=events.occurred_at.date())
    twice = dated.semi_join(_listing(found), CELL)
    once = twice.group_by("kind", *CONTENT).aggregate(
        event_id=twice.event_id.min(), recorded_at=twice.recorded_at.min()
    )
    others = dated.anti_join(_listing(found), CELL)
    return others.select(*events.columns).union(once.select(*events.columns))


def _twice(repeated: pd.DataFrame, days: pd.DataFrame) -> Iterator[Violation]:
    for kind, part in repeated.groupby("kind"):
        places = set(part["place"])
        apart = places < set(days.loc[days["kind"] == kind, "place"]) and "" not in places
        times = listed(part["day"].drop_duplicates()) + (f" on {', '.join(sorted(places))}" if apart else "")
        advice = f"{times}: every row is there more than once; deliver each day once, or set repairs: [repeated_days]"
        yield Violation("events", str(kind), "surplus rows of days that occur twice", int(part["surplus"].sum()),
                        "refuse", advice)  # fmt: skip


def _equal(days: pd.DataFrame) -> Iterator[Violation]:
    for kind, part in _many_equal(days).groupby("kind"):
        advice = (
            f"{listed(part['day'])}: up to {part['share'].max():.0%} of the rows; some may have been delivered "
            "twice. If so, map an event_id; or, where a delivery has ids of its own, leave event_id out and set "
            "duplicates: drop for their source"
        )
        yield Violation("events", str(kind), "surplus rows of days with many equal rows", int(part["surplus"].sum()),
                        "warn", advice)  # fmt: skip


def _repeated(
    events: ir.Table, engine: Engine, days: pd.DataFrame, common: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What occurs twice, as `kind`, `place`, `day`, `surplus` rows; and the days with one copy of each of its rows."""
    once = days.set_index(CELL)
    found: list[pd.DataFrame] = []
    counted = pd.DataFrame(index=once.index[:0])
    for _ in range(MOST_PASSES):
        wholes, parts = _likely(once, ["kind"]), _likely(once, ["kind", "place"])
        likely = pd.concat([wholes[["kind", "day"]], parts[["kind", "day"]]]).drop_duplicates()
        if len(unknown := likely[~_within(likely, counted.index.to_frame())]):
            more = _counted(events, engine, unknown, common)
            more["there_again"] = more["again"]
            counted = pd.concat([counted, more]) if len(counted) else more
        if counted.empty:
            break
        wholes, parts = _borne_out(wholes, counted, ["kind"]), _borne_out(parts, counted, ["kind", "place"])
        cells = counted.index.to_frame()
        day = counted.groupby(["kind", "day"])[["different", "again"]].transform("sum")
        twice = _within(cells, wholes) & (day["again"] >= REPEATED_SHARE * day["different"])
        twice |= _within(cells, parts) & (counted["again"] >= REPEATED_SHARE * counted["different"])
        new = counted.index[twice & (counted["surplus"] > 0)]
        if new.empty:
            break
        found.append(counted.loc[new, "surplus"].reset_index())
        counted.loc[new, ["again", "surplus"]] = 0
        once["rows"] = once["rows"].mask(once.index.isin(new), once["distinct"])
    columns = [*CELL, "surplus"]
    repeated = pd.concat(found) if found else pd.DataFrame(columns=columns)
    return repeated[columns].sort_values(CELL, ignore_index=True), once.reset_index()


def _within(cells: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Which cells agree with one of the others in all columns that the two have in common."""
    names = [name for name in CELL if name in cells and name in others]
    return pd.MultiIndex.from_frame(cells[names]).isin(pd.MultiIndex.from_frame(others[names]))


def _counted(events: ir.Table, engine: Engine, days: pd.DataFrame, common: list[str]) -> pd.DataFrame:
    """For each place of these days of a kind: `different` rows, how many are there `again`, and the `surplus`."""
    part = with_fingerprint(events, common).semi_join(_listing(days), ["kind", "day"])
    each = part.group_by(*CELL, "fingerprint").aggregate(times=part.count())
    counted = engine.frame(
        each.group_by(*CELL).aggregate(
            different=each.count(), again=(each.times > 1).sum(), surplus=(each.times - 1).sum()
        )
    )
    counted["day"] = pd.to_datetime(counted["day"])
    return counted.set_index(CELL).sort_index()


def _likely(once: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The days that may occur twice, alone or as a part of a week, month or year that does: `by`, `day`, the `length`.

    Partitions are days, weeks or months, and a file of its own may be there twice as a whole. In a small table no day
    alone has the rows that it takes to tell.
    """
    days = once.groupby([*by, "day"])[COUNTS].sum().reset_index()
    if "place" in by:  # where a kind has one place, its days have been judged
        days = days[days.groupby("kind")["place"].transform("nunique") > 1]
    found = []
    for length, times in SPANS.items():
        span = days["day"].dt.to_period(length)
        spans = days.groupby([*by, span])[COUNTS].sum()
        doubled = spans["rows"] >= times * spans["distinct"]
        chance = _usual(spans, doubled, by) ** spans["distinct"]
        enough = (spans[["distinct", "customers"]].min(axis=1) >= FEWEST_REPEATED) & (chance < CHANCE)
        likely = spans[doubled & (enough | (spans["distinct"] >= REPEATED_ROWS))]
        at = pd.MultiIndex.from_arrays([*(days[name] for name in by), span])
        found.append(days.loc[at.isin(likely.index), [*by, "day"]].assign(length=length))
    return pd.concat(found)


def _borne_out(likely: pd.DataFrame, counted: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Those of the likely days in whose span so many of the different rows are there again.

    Where a few rows are there many times (three coupons of one campaign, used at one till), there are as many rows as
    if all were there twice, and on some small days every row is there again by accident.
    """
    cells, kept = counted.reset_index(), []
    for length, times in SPANS.items():
        sums = cells.groupby([*by, cells["day"].dt.to_period(length)])[["there_again", "different"]].sum()
        doubled = sums.index[sums["there_again"] >= (times - 1) * sums["different"]]
        part = likely[likely["length"] == length]
        at = pd.MultiIndex.from_arrays([*(part[name] for name in by), part["day"].dt.to_period(length)])
        kept.append(part[at.isin(doubled)])
    return pd.concat(kept)


def _usual(spans: pd.DataFrame, doubled: pd.Series, by: list[str]) -> pd.Series:
    """For each span the share of superfluous rows in the rest of its kind; or of its channel, where that is more.

    A channel that is there twice from the first day to the last has no rest of its own.
    """
    rest = spans[["rows", "distinct"]].mask(doubled, 0)
    rest = pd.DataFrame({"rows": rest["rows"], "surplus": rest["rows"] - rest["distinct"]})
    of_kind, own = (rest.groupby(names).transform("sum") for names in (["kind"], by))
    usual = (of_kind["surplus"] + 1) / (of_kind["rows"] + 1)
    return usual if by == ["kind"] else usual.clip(lower=(own["surplus"] + usual) / (own["rows"] + 1))


def _many_equal(days: pd.DataFrame) -> pd.DataFrame:
    """Days with far more equal rows than other days of their kind: `kind`, `day`, `surplus` rows, their `share`."""
    days = days.groupby(["kind", "day"], as_index=False)[COUNTS].sum()
    surplus = days["rows"] - days["distinct"]
    made = days.assign(surplus=surplus, share=surplus / days["rows"])
    total = made.groupby("kind")[["rows", "surplus"]].transform("sum") - made[["rows", "surplus"]]
    usual = ((total["surplus"] + 1) / (total["rows"] + 1)).clip(upper=1.0)
    many = (surplus >= EQUAL_ROWS) & (made["share"] >= EQUAL_SHARE) & (usual <= USUAL_SHARE)
    return made[many & (by_accident(made["share"], usual, days["rows"]) < CHANCE)]


def by_accident(share: pd.Series, usual: pd.Series, rows: pd.Series) -> pd.Series:
    """At most so often is a share that high seen where the usual one is the truth (Hoeffding 1963)."""
    rest, usual_rest = (1 - share).clip(lower=1e-12), (1 - usual).clip(lower=1e-12)
    apart = share.clip(lower=1e-12) * np.log(share.clip(lower=1e-12) / usual) + rest * np.log(rest / usual_rest)
    bound: pd.Series = np.exp(-rows * apart).where(share > usual, 1.0)
    return bound


def _listing(days: pd.DataFrame) -> ir.Table:
    """Days of a kind, or of a place of it, as a table to join with."""
    names = [name for name in ("kind", "place") if name in days]
    table = ibis.memtable(days[names].astype(str).assign(day=days["day"].dt.date).reset_index(drop=True))
    return table.mutate(day=table.day.cast("date"))
