"""Customers with an extraordinary number of events, and groups of an extraordinary number of customers.

Bots, staff and test accounts are no customers who could leave, and may hold half of all rows. An honest tail can be
heavy, too: a few large buyers. So it is not enough to lie far out. How many would lie that far out if the tail went on
as it comes is told by the tenth of the tail before the quantile, as a Pareto law (Hill 1975, Weissman 1978), which
overstates what lighter tails hold. Named are those who are more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.contract.report import Violation

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

CHANCE = 1e-3
"""What the tail up to the quantile would show less often than this is not of it. It is a warning, and never more."""


@dataclass(frozen=True)
class Ordinary:
    """What is ordinary: so many times the quantile of `share`, itself at least `usual`, of at least `fewest` in all.

    Whoever is beyond it has at least `size`, and they hold at least `mass` of the whole.
    """

    share: float
    times: float
    usual: int
    fewest: int
    size: int
    mass: float


CUSTOMERS = Ordinary(share=0.99, times=10, usual=5, fewest=200, size=0, mass=0.01)
GROUPS = Ordinary(share=0.999, times=4, usual=1, fewest=1000, size=20, mass=0.0)


def outsized_checks(customers: ir.Table, events: ir.Table, engine: Engine) -> Iterator[Violation]:
    """Customers with far more events of a kind than others, and groups with far more customers: one group-by each."""
    named = events.filter(events.kind.notnull(), events.customer_id.notnull())
    each = named.group_by("kind", "customer_id").aggregate(size=named.count())
    sizes = engine.frame(each.group_by("kind", "size").aggregate(number=each.count()))
    for kind, part in sizes.groupby("kind"):
        if (found := beyond(part, CUSTOMERS)) is not None:
            advice = (
                f"{found.least:,} or more each, of 99% at most {found.usual:,}: they hold {found.mass:.0%} of the "
                "rows. Bots, staff, test accounts, or a placeholder? Leave them out by a condition, of customers and "
                "events alike"
            )
            yield Violation("events", str(kind), "customers with an extraordinary number of events", found.number,
                            "warn", advice)  # fmt: skip
    grouped = customers.filter(customers.group_id.notnull())
    together = grouped.group_by("group_id").aggregate(size=grouped.count())
    groups = engine.frame(together.group_by("size").aggregate(number=together.count()))
    if (found := beyond(groups, GROUPS)) is not None:
        advice = (
            f"{found.least:,} or more each, of 99.9% at most {found.usual:,}. Staff, test accounts, or a placeholder "
            "for who has no group? Leave them out, or give null"
        )
        yield Violation("customers", "group_id", "groups with an extraordinary number of customers", found.number,
                        "warn", advice)  # fmt: skip


@dataclass(frozen=True)
class Beyond:
    """How many are beyond the ordinary, the `least` of their sizes, the `usual` quantile, and the `mass` they hold."""

    number: int
    least: int
    usual: int
    mass: float


def beyond(sizes: pd.DataFrame, ordinary: Ordinary) -> Beyond | None:
    """Those of the largest who are more, and larger, than the tail leads one to expect.

    Parameters
    ----------
    sizes : each `size` there is, and the `number` of those who have it

    >>> held = pd.DataFrame({"size": [1, 5, 9, 2000], "number": [500, 400, 99, 5]})
    >>> beyond(held, CUSTOMERS)
    Beyond(number=5, least=2000, usual=9, mass=0.7467702188036741)
    """
    if sizes["number"].sum() < ordinary.fewest:
        return None
    sizes = sizes.sort_values("size")
    size, number = sizes["size"].to_numpy(float), sizes["number"].to_numpy(float)
    total, below = number.sum(), np.cumsum(number)
    usual, start = (
        size[np.searchsorted(below, share * total)] for share in (ordinary.share, 1 - 10 * (1 - ordinary.share))
    )
    if usual < ordinary.usual:
        return None
    tail, top = (size > start) & (size <= usual), number[size > usual].sum()
    first, last = start + 0.5, usual + 0.5  # sizes are whole numbers
    way = (number[tail] * np.log(size[tail] / first)).sum() + top * np.log(last / first)
    decay = number[tail].sum() / way if way > 0 else np.inf
    far = (size > ordinary.times * usual) & (size >= ordinary.size)
    least, found = size[far][::-1], np.cumsum(number[far][::-1])
    expected = top * (least / last) ** -decay
    seldom = (found > expected) & (_at_least(found, expected) < CHANCE)
    if not seldom.any():
        return None
    at = np.flatnonzero(seldom)[-1]
    mass = float((size * number)[size >= least[at]].sum() / (size * number).sum())
    return Beyond(int(found[at]), int(least[at]), int(usual), mass) if mass >= ordinary.mass else None


def _at_least(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """At most so often are so many found where so many are expected (Chernoff's bound of a Poisson law)."""
    with np.errstate(divide="ignore"):
        bound: np.ndarray = np.exp(found - expected + found * np.log(expected / found))
    return bound
