"""A gate against attributes that ran on after the sign-up: totals as of today, and the latest of values that change.

What was fixed at sign-up is tied to a customer's first weeks as closely as to all that followed, or closer: nobody knew
how long each would stay. A lifetime value as of today is the other way about. It need not tell leavers well to mislead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from churnml.contract.leavers import leavers
from churnml.engine import part_of
from churnml.evaluation.findings import SAMPLED_CUSTOMERS, Audit, Finding

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

KNOWN = "every attribute was known at sign-up"
NUMBERS = ("amount", "quantity", "duration_s")
COUNT, COUNTED = "number", "number of "
EVERY_KIND = "all events"
NEARLY = 0.95
"""A total is suspected from this rank correlation within sign-up quarters on, of leavers and of stayers alike, ..."""
UNEXPLAINED = 0.5
"""... if it leaves so little unexplained beside the total of the first half, in proportion to what the half holds:
where a rate was known at sign-up, twice the events leave half as much to chance."""
FEWEST_EVENTS, FEWEST_CUSTOMERS = 4, 20
"""The usual customer who has any must have so many events in a total, and there must be so many leavers, stayers or
changes."""
MOST_VALUES, NAMED = 20, 3
"""Totals may be told in a currency or unit of each country or plan: they are compared within the values of a category,
too, if it has at most so many."""
SELDOM, LATER_DAYS = 0.05, 90
"""The latest value is suspected if it is that of `NEARLY` all customers, and the first of at most so many of those with
whom it differs, and lies so many days before: a trial that becomes the plan that was ordered is no such change."""
ADVICE = "Map what was known at sign-up, or an event"


def known_at_sign_up(canonical: Canonical, config: settings.Config, engine: Engine) -> Audit:
    """Attributes that are totals up to the books' end (numbers), or the latest of what events say (any).

    Totals are numbers of events and sums of amounts, quantities and durations, of each kind and of all. Protected
    attributes are no features and are left out.
    """
    about = {name: each.type for name, each in config.attributes.items() if each.sensitivity != "protected"}
    if not about:
        return Audit((Finding(KNOWN, True, None, "there are no attributes"),))
    parts = engine.number(canonical.customers.count()) // SAMPLED_CUSTOMERS + 1
    events = part_of(canonical.events, parts)
    gone = leavers(canonical.events, config).select("customer_id", _gone=True)
    customers = part_of(canonical.customers, parts).left_join(gone, "customer_id").drop("customer_id_right")
    table = engine.frame(customers.select("customer_id", "signed_up_at", *about, "_gone")).set_index("customer_id")
    table["_gone"] = table["_gone"].eq(True).fillna(False).astype(bool)
    numbers = [name for name, kind in about.items() if kind == "number"]
    categories = [name for name in about if name not in numbers and table[name].nunique() <= MOST_VALUES]
    cells = {"sign-up quarters": _quarter(table).astype(str)}
    cells |= {
        f"sign-up quarters and {name}": cells["sign-up quarters"] + " " + table[name].astype(str) for name in categories
    }
    totals = dict(_totals(events, engine)) if numbers else {}
    told = {what: total for what, total in totals.items() if total["events"].median() >= FEWEST_EVENTS}
    values = {kind: engine.frame(_values(events, kind)) for kind in {name in numbers for name in about}}
    findings = []
    for name in about:
        found = _running_total(name, table, told, cells) if name in numbers else None
        found = found or _latest(name, table, values[name in numbers])
        findings += [found] if found else []
    if findings:
        return Audit(tuple(findings))
    detail = f"{len(about)} attributes of {len(table):,} customers"
    return Audit((Finding(KNOWN, True, None, detail + (_untold(totals, told) if numbers else "")),))


def _untold(totals: Collection[str], told: Collection[str]) -> str:
    """Which totals hold too few events for numbers to be held against them."""
    seldom = {what.removeprefix(COUNTED) for what in totals if what.startswith(COUNTED) and what not in told}
    few = sorted(seldom - {"closed"})
    few = [*few[:NAMED], f"{len(few) - NAMED} more"] if len(few) > NAMED + 1 else few
    if not told:
        return f"; numbers could be held against no total: the usual customer has fewer than {FEWEST_EVENTS} events"
    beside = f", not against those of {', '.join(few)}, of which there are too few for each customer" if few else ""
    return f"; numbers were held against {len(told)} totals of today{beside}"


def _totals(events: ir.Table, engine: Engine) -> Iterator[tuple[str, pd.DataFrame]]:
    """What is added up, and for each customer who has any: `events`, the `whole`, and the `half` of time."""
    span = events.group_by("customer_id").aggregate(first=events.occurred_at.min())
    dated = events.left_join(span, "customer_id").cross_join(events.aggregate(newest=events.occurred_at.max()))
    start, end, at = (dated[name].epoch_seconds().cast("int64") for name in ("first", "newest", "occurred_at"))
    early = at * 2 < start + end
    sums: dict[str, Any] = {f"{COUNT}_half": early.sum(), COUNT: dated.count()}
    for name in NUMBERS:
        value = dated[name].cast("float64")
        sums |= {f"{name}_half": early.ifelse(value, 0.0).sum(), name: value.sum()}
    each = engine.frame(dated.group_by("customer_id", "kind").aggregate(**sums))
    everything = each.drop(columns="kind").groupby("customer_id", as_index=False).sum(min_count=1)
    for kind, part in [*each.groupby("kind"), (EVERY_KIND, everything)]:
        for name in (COUNT, *NUMBERS):
            known = part[part[name].notna()].set_index("customer_id")
            if len(known):
                frame = pd.DataFrame(
                    {"events": known[COUNT], "whole": known[name], "half": known[f"{name}_half"].fillna(0.0)}
                )
                yield f"{COUNTED if name == COUNT else f'{name} of '}{kind}", frame.astype("float64")


def _running_total(
    name: str, table: pd.DataFrame, totals: Mapping[str, pd.DataFrame], cells: Mapping[str, pd.Series]
) -> Finding | None:
    """The total that an attribute follows most closely, among those who have any, if it is suspicious."""
    values = pd.DataFrame({"value": table[name].astype("float64"), "gone": table["_gone"]})
    best, detail = 0.0, ""
    for what, total in totals.items():
        both = values.join(total, how="inner").dropna(subset=["value"])
        groups = [both[both["gone"] == gone] for gone in (True, False)]
        if min(map(len, groups)) < FEWEST_CUSTOMERS:
            continue
        share = both["half"].sum() / both["whole"].sum() if both["whole"].any() else 0.0
        for within, cell in cells.items():
            now = _correlation(both, "whole", cell)
            if now <= best or min(now, *(_correlation(group, "whole", cell) for group in groups)) < NEARLY:
                continue
            before = _correlation(both, "half", cell)
            if 1 - now <= UNEXPLAINED * share * (1 - before):
                best = now
                detail = (
                    f"within {within} it follows the {what} of each customer up to the end of the books (rank "
                    f"correlation {now:.3f}), and not that of the first half of the time ({before:.3f}): a total as of "
                    f"today. {ADVICE}"
                )
    return Finding(KNOWN, False, name, detail) if detail else None


def _correlation(both: pd.DataFrame, total: str, cell: pd.Series) -> float:
    """Spearman's rank correlation of the attribute and a total, within cells of customers, all cells together."""
    own = cell.loc[both.index]
    cells = both.groupby(own)
    value, other = (cells[name].rank() for name in ("value", total))
    value, other = (ranks - ranks.groupby(own).transform("mean") for ranks in (value, other))
    spread = float(np.sqrt((value**2).sum() * (other**2).sum()))
    return float((value * other).sum() / spread) if spread else 0.0


def _quarter(table: pd.DataFrame) -> pd.Series:
    """The quarter of the sign-up; 0 where it is unknown."""
    signed_up = pd.to_datetime(table["signed_up_at"])
    return (signed_up.dt.year * 4 + signed_up.dt.quarter).fillna(0).astype("int64")


def _values(events: ir.Table, numbers: bool) -> ir.Table:
    """For each customer, kind and column the `first` and the `last` value that events say, and the `days` between.

    `before` is the last but one: a final bill follows the last regular one.
    """
    columns = ("amount", "quantity") if numbers else ("name", "channel", "campaign_id")
    parts = []
    for column in columns:
        told = events.filter(events[column].notnull())
        value = told[column].cast("float64" if numbers else "string")
        dated = told.select("customer_id", "kind", dated=ibis.struct({"at": told.occurred_at, "value": value}))
        newest = ibis.window(group_by=["customer_id", "kind"], order_by=dated.dated.desc())
        dated = dated.mutate(place=ibis.row_number().over(newest))
        ends = dated.group_by("customer_id", "kind").aggregate(
            first=dated.dated.min(), last=dated.dated.max(), before=dated.dated.max(where=dated.place == 1)
        )
        first, last = ends["first"], ends["last"]
        days = (last["at"].epoch_seconds().cast("int64") - first["at"].epoch_seconds().cast("int64")) / 86_400
        held = {"first": first["value"], "last": last["value"], "before": ends.before["value"], "days": days}
        parts.append(ends.select("customer_id", "kind", column=ibis.literal(column), **held))
    return ibis.union(*parts)


def _latest(name: str, table: pd.DataFrame, values: pd.DataFrame) -> Finding | None:
    """Whether an attribute is the latest value of some column of some kind, and not the first.

    Of those who left it may be the last but one.
    """
    told = values.merge(table[[name, "_gone"]].dropna(), left_on="customer_id", right_index=True)
    if told.empty:
        return None
    numbers = pd.api.types.is_numeric_dtype(told["first"])
    own = told[name].astype("float64") if numbers else told[name].astype("string")
    for end in ("first", "last", "before"):
        same = (
            np.isclose(told[end].astype("float64"), own)
            if numbers
            else (told[end].astype("string") == own).fillna(False)
        )
        told[f"is_{end}"] = np.asarray(same, dtype=bool)
    told["is_last"] |= told["_gone"] & told["is_before"]
    told["changed"] = ~(told["first"] == told["last"]) & (told["days"] >= LATER_DAYS)
    for (kind, column), part in told.groupby(["kind", "column"]):
        changed = part[part["changed"]]
        if len(changed) < FEWEST_CUSTOMERS or changed["is_first"].mean() > SELDOM:
            continue
        if min(part["is_last"].mean(), changed["is_last"].mean()) >= NEARLY:
            detail = (
                f"it is the latest {column} of {kind} for {int(part['is_last'].sum()):,} of {len(part):,} customers "
                f"who have one, and the first for {int(changed['is_first'].sum()):,} of {len(changed):,} with "
                f"whom that differs: it is overwritten as it changes. {ADVICE}"
            )
            return Finding(KNOWN, False, name, detail)
    return None
