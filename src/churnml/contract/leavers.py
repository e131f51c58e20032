"""Who is gone as the books end, and whether agreed ends were agreed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import ibis

from churnml.contract.report import Violation
from churnml.contract.returns import is_back, standing
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

FEWEST_CLOSURES = 10
NEARLY_ALL = 0.95
"""This share of at least so many closures on the day of the agreed end leaves no defection to learn from."""
LATELY, FEWEST_DAYS, FEW_AHEAD = 90, 20, 0.05
"""Agreed ends reached on so many different ones of the last days before the books end would go on: where of those that
were in the books all along only such a share lies ahead, they were written as they came."""


def leavers(events: ir.Table, config: settings.Config, quiet_days: int | None = None) -> ir.Table:
    """`customer_id` of everybody who has closed, or has been inactive for a whole horizon, as `defection.by` says.

    `closed` says whether a closure is recorded after which they have not come back. `quiet_days` instead of the horizon
    gives those who may have left, too.
    """
    quiet_days = config.snapshots.horizon_days if quiet_days is None else quiet_days
    span = events.aggregate(newest=events.recorded_at.max())
    engaged = events.kind.isin(sorted(config.engagement_kinds))
    each = events.group_by("customer_id").aggregate(
        closed_at=events.occurred_at.max(where=events.kind == "closed"), last=events.occurred_at.max(where=engaged)
    )
    joined = each.cross_join(span)
    since = joined.newest.date() - ibis.interval(days=quiet_days)
    quiet = joined.last.isnull() | (joined.last.date() < since)
    back = is_back(joined.closed_at.date(), joined.last.date(), config.defection)
    closed = joined.closed_at.notnull() & ~back
    gone = {"closure": closed, "inactivity": quiet, "either": closed | quiet}[config.defection.by]
    return joined.filter(gone).select("customer_id", closed=closed)


@dataclass(frozen=True)
class AgreedEnds:
    """How closures and agreed ends fall together.

    Attributes
    ----------
    closed, on_the_day : customers with a closure that stands, and those of them who closed within a day of their end
    ended, ahead : customers whose agreed end lies before the books end, and those whose end is still to come
    ended_gone, ahead_gone : those of either who closed before their agreed end
    lately, lately_on, ahead_all_along : of the ends without a clock of their own those of the last `LATELY` days, on
        how many days they fell, and those that lie ahead
    """

    closed: int
    on_the_day: int
    ended: int
    ahead: int
    ended_gone: int
    ahead_gone: int
    lately: int
    lately_on: int
    ahead_all_along: int

    @property
    def every_closure(self) -> bool:
        """Whether nearly every closure is on the day of its customer's agreed end."""
        return self.closed >= FEWEST_CLOSURES and self.on_the_day >= NEARLY_ALL * self.closed

    @property
    def only_closures(self) -> bool:
        """Whether, besides, nearly every agreed end is the day of a closure, and none lies ahead of anybody."""
        ends = self.ended + self.ahead
        return self.every_closure and self.on_the_day >= NEARLY_ALL * ends

    @property
    def as_they_came(self) -> bool:
        """Whether ends were reached day by day until lately, and next to none lies ahead: nobody knew them before."""
        return self.lately_on >= FEWEST_DAYS and self.ahead_all_along < FEW_AHEAD * self.lately

    @property
    def moved(self) -> bool:
        """Whether nobody but leavers has reached an agreed end: those who stay have theirs moved when they renew."""
        enough = min(self.ended, self.ahead) >= FEWEST_CLOSURES
        return enough and self.ended_gone >= NEARLY_ALL * self.ended and self.ahead_gone <= self.ahead / 2


def agreed_ends(customers: ir.Table, events: ir.Table, engine: Engine, config: settings.Config) -> AgreedEnds:
    """Hold the agreed ends against the closures that stand."""
    told = customers.select("customer_id", "ends_at", "ends_recorded_at")
    told = told.left_join(standing(events, config), "customer_id")
    told = told.cross_join(events.aggregate(newest=events.recorded_at.max()))
    day = ibis.interval(days=1)
    ends, at = told.ends_at.date(), told.closed_at.date()
    ended, gone = told.ends_at <= told.newest, (at < ends - day).fill_null(False)
    always = told.ends_recorded_at.isnull()
    lately = always & ended & (told.ends_at > told.newest - ibis.interval(days=LATELY))
    row = engine.frame(
        told.aggregate(
            closed=told.closed_at.notnull().sum(),
            on_the_day=((ends <= at + day) & (at <= ends + day)).sum(),
            ended=ended.sum(),
            ahead=(~ended).sum(),
            ended_gone=(ended & gone).sum(),
            ahead_gone=(~ended & gone).sum(),
            lately=lately.sum(),
            lately_on=ends.nunique(where=lately),
            ahead_all_along=(always & ~ended).sum(),
        )
    ).iloc[0]
    return AgreedEnds(*(whole(row[field.name]) for field in fields(AgreedEnds)))


def missing_leavers(customers: ir.Table, events: ir.Table, engine: Engine) -> Iterator[Violation]:
    """Customers who closed and are not in `customers`: a table of those who are still there, whom nobody ever leaves.

    To be asked before events of unknown customers are dropped, and their closures with them.
    """
    who = events.filter(events.customer_id.notnull()).group_by("customer_id")
    who = who.aggregate(closed=(events.kind == "closed").any())
    known = customers.select("customer_id", known=True).distinct()
    who = who.left_join(known, "customer_id").mutate(missing=lambda table: table.known.isnull())
    row = engine.frame(
        who.aggregate(
            closed=who.closed.sum(), gone=(who.closed & who.missing).sum(),
            others=(~who.closed).sum(), missing=(~who.closed & who.missing).sum(),
        )
    ).iloc[0]  # fmt: skip
    closed, gone, others, missing = (whole(row[name]) for name in ("closed", "gone", "others", "missing"))
    if gone >= FEWEST_CLOSURES and 2 * gone > closed and gone * others > 2 * missing * closed:
        yield Violation(
            "customers", "customer_id", "customers who closed and are not in customers", gone, "refuse",
            f"of {closed:,} who closed, against {missing:,} of {others:,} others: the table holds only who is still "
            "there. Deliver those who left, too; to drop their events would leave nobody to learn from",
        )  # fmt: skip


def end_checks(customers: ir.Table, events: ir.Table, engine: Engine, config: settings.Config) -> Iterator[Violation]:
    """Agreed ends that take nearly every closure for no defection."""
    ends = agreed_ends(customers, events, engine, config)
    if ends.every_closure:
        yield Violation(
            "customers", "ends_at", "closures on the day of the agreed end", ends.on_the_day,
            "refuse" if config.defection.by == "closure" else "warn",
            f"of {ends.closed:,} in all: no defection is left among them. ends_at is an end agreed in advance, not the "
            "day on which somebody left, and not the end of a term that renews itself: leave such a column out",
        )  # fmt: skip
    if ends.as_they_came:
        yield Violation(
            "customers", "ends_at", "agreed ends that nobody knew in advance", ends.lately, "warn",
            f"these lie in the last {LATELY} days before the books end, and {ends.ahead_all_along:,} ahead: they were "
            "written as they came, so that the past is told the future. Map ends_recorded_at, the day on which each "
            "was known",
        )  # fmt: skip
    if ends.moved:
        yield Violation(
            "customers", "ends_at", "agreed ends that leavers alone have reached", ends.ended_gone, "refuse",
            f"of {ends.ended:,} ends before the books end, against {ends.ahead_gone:,} closures of {ends.ahead:,} "
            "customers whose end lies ahead: whoever renews has the end moved, which tells who stayed. Give the end "
            "that was known at sign-up, or leave such a column out",
        )  # fmt: skip
