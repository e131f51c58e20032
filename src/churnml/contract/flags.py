"""Where two sources speak of the same closure, they must not contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import ibis

from churnml.contract.report import Violation, by_share
from churnml.contract.returns import standing
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

Named = Sequence[tuple[str, "ir.Table"]]


def flag_checks(
    events: ir.Table, engine: Engine, config: settings.Config, flags: Named, closures: Named
) -> Iterator[Violation]:
    """Flags against recorded closures, and every two sources of closures (the last of each) against each other.

    Parameters
    ----------
    flags : (source, table of `customer_id`, `says_closed`)
    closures : (source, table of `customer_id`, `closed_at`)
    """
    closed = events.filter(events.kind == "closed").select("customer_id").distinct().mutate(closed=True)
    stands = standing(events, config).select("customer_id", stands=True)
    for source, flag in flags:
        said = flag.group_by("customer_id").aggregate(says=flag.says_closed.any())
        joined = said.filter(said.says.notnull()).left_join(closed, "customer_id").drop("customer_id_right")
        joined = joined.left_join(stands, "customer_id")
        row = engine.frame(
            joined.aggregate(
                total=joined.count(),
                unrecorded=(joined.says & joined.closed.isnull()).sum(),
                denied=(~joined.says & joined.stands.notnull()).sum(),
            )
        ).iloc[0]
        for column, name in (
            ("unrecorded", "customers flagged as closed without a closure"),
            ("denied", "customers with a closure who are flagged as not closed"),
        ):
            if count := whole(row[column]):
                contradicting = whole(row["unrecorded"]) + whole(row["denied"])
                severity = by_share(contradicting, int(row["total"]))
                yield Violation(source, "closed", name, count, severity, "flag and closures contradict each other")
    for (first, one), (second, other) in combinations(_merged(closures), 2):
        a = one.group_by("customer_id").aggregate(day=one.closed_at.max().date())
        b = other.group_by("customer_id").aggregate(other_day=other.closed_at.max().date())
        both = a.join(b, "customer_id")
        apart = (both.day > both.other_day + ibis.interval(days=1)) | (
            both.other_day > both.day + ibis.interval(days=1)
        )
        row = engine.frame(both.aggregate(total=both.count(), apart=apart.sum())).iloc[0]
        if int(row["total"]) and (count := whole(row["apart"])):
            yield Violation(
                first, "closed", f"customers whose closure is on another day in {second}", count,
                by_share(count, int(row["total"])), "map the source that is right",
            )  # fmt: skip


def _merged(closures: Named) -> list[tuple[str, ir.Table]]:
    """One table for each source, however many of its columns give closures."""
    tables: dict[str, list[ir.Table]] = {}
    for source, table in closures:
        tables.setdefault(source, []).append(table)
    return [(source, ibis.union(*parts) if len(parts) > 1 else parts[0]) for source, parts in tables.items()]
