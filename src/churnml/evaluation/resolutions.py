"""Times of resolution that were filled in as customers left, found without any second clock.

When a customer leaves, some of the cases are still open: as many as the cases of other customers, after as long a
time, let one expect. Where hardly any is, somebody tidied up and wrote times into the books that look as if they had
been known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from churnml.engine import part_of
from churnml.evaluation.findings import SAMPLED_CUSTOMERS, Audit, Finding

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine
    from churnml.sources import Canonical

BACKFILLED = "cases of leavers are as often open as those of others"
FEWER = 4
"""So many times fewer cases than expected must be open: a service may treat those who leave somewhat better ..."""
CHANCE = 1e-6
"""... and so few must be rarer than this by chance."""


def open_cases(canonical: Canonical, engine: Engine) -> Audit:
    """How many cases are open as their customer closes, against what the cases of customers who stay let one expect.

    A case that was opened a days before the closure is expected to be open with the chance that one of a customer who
    stays is open after a days, by Kaplan & Meier (1958), as cases open when the books end may be resolved later. One
    that is resolved on the day of the closure, or was recorded so then, counts as open.
    """
    cases = engine.frame(_cases(canonical, engine))
    opened, resolved, closed = (cases[name] for name in ("opened", "resolved", "closed"))
    stays = closed.isna()
    before = opened < closed.dt.normalize()
    if not (before.any() and stays.any() and resolved.notna().any()):
        return Audit((Finding(BACKFILLED, True, None, "there are no such cases"),))
    lasted = (resolved.fillna(cases["newest"]) - opened).dt.total_seconds()
    times, shares = kaplan_meier(lasted[stays].to_numpy(), resolved[stays].notna().to_numpy())
    ages = (closed - opened).dt.total_seconds()[before].to_numpy()
    expected = float(shares[np.searchsorted(times, ages, side="right")].sum())
    still = int((resolved.isna() | (resolved >= closed.dt.normalize()))[before].sum())
    detail = (
        f"of {len(ages):,} cases opened before their customer closed, {still:,} were open then; {expected:.0f} expected"
    )
    if FEWER * still > expected or poisson.cdf(still, expected) >= CHANCE:
        return Audit((Finding(BACKFILLED, True, None, detail),))
    advice = (
        "times of resolution were filled in later. Map recorded_at to the day on which they were, or leave them out"
    )
    return Audit((Finding(BACKFILLED, False, "case_resolved", f"{detail}: {advice}"),))


def kaplan_meier(lasted: NDArray[Any], ended: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The share that lasts beyond each time (Kaplan & Meier 1958).

    Parameters
    ----------
    lasted : (n,) how long each was watched
    ended : (n,) whether it ended then; else it went on, nobody knows for how long

    Returns
    -------
    The times, sorted (m,), and the share before the first of them and from each of them on (m + 1,).

    >>> kaplan_meier(np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, True]))
    (array([1., 2., 3.]), array([1.  , 0.75, 0.5 , 0.  ]))
    """
    times, place = np.unique(lasted, return_inverse=True)
    watched = np.bincount(place)[::-1].cumsum()[::-1]
    return times, np.concatenate([[1.0], np.cumprod(1 - np.bincount(place, weights=ended) / watched)])


def _cases(canonical: Canonical, engine: Engine) -> ir.Table:
    """One row per case: `opened`, `resolved` as far as was known, its customer `closed`, the books end (`newest`)."""
    events = canonical.events
    about = events.filter(events.case_id.notnull(), events.kind.isin(["case_opened", "case_resolved"]))
    about = part_of(about, engine.number(canonical.customers.count()) // SAMPLED_CUSTOMERS + 1)
    cases = about.group_by("customer_id", "case_id").aggregate(
        opened=about.occurred_at.min(where=about.kind == "case_opened"),
        resolved=about.recorded_at.min(where=about.kind == "case_resolved"),
    )
    closures = events.filter(events.kind == "closed")
    closed = closures.group_by("customer_id").aggregate(closed=closures.occurred_at.min())
    joined = cases.left_join(closed, "customer_id").cross_join(events.aggregate(newest=events.recorded_at.max()))
    return joined.filter(joined.opened.notnull()).select("opened", "resolved", "closed", "newest")
