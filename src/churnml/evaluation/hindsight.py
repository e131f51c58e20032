"""Gates against hindsight in the data themselves, which no feature code can be blamed for.

An attribute that was overwritten after the customer left, a mail that was sent because somebody was leaving, a time
that was filled in later: their timestamps say that they were known, and they were not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from churnml.contract.leavers import leavers
from churnml.evaluation.findings import Audit, Finding, inform
from churnml.metrics.scores import auroc

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.contract.rows import RowClock
    from churnml.engine import Engine
    from churnml.sources import Canonical

OVERWRITTEN = "no attribute knows who has left"
REACTED = "no act of the company precedes a closure it knew of"
CLOCKS = "no fact is seen before it was known"
FEWEST_CUSTOMERS = 20
VALUE_SHARE = 0.95
"""A value of an attribute is suspicious when so many of its customers have left ..."""
ACT_SHARE = 0.80
"""... and an act of the company, when so many of its customers closed within a horizon after it, ..."""
EXPECTED_SHARE = 0.80
"""... although at most this share of comparable customers did, ..."""
CHANCE = 1e-6
"""... which by chance would happen less often than this."""
ATTRIBUTE_AUROC = 0.85
"""A number fixed at sign-up may not tell leavers from others who signed up in the same quarter any better."""
SAMPLED_CUSTOMERS = 200_000
COMPANY_KINDS = (
    *("outreach_sent", "survey_sent", "treatment", "treatment_withheld"),
    *("plan_changed", "price_changed", "consent_changed", "attribute_changed"),
)
"""Acts of the company. Events whose direction is outbound are, too."""
_MISSING = "(missing)"


def overwritten(canonical: Canonical, config: settings.Config, engine: Engine) -> Audit:
    """Attributes that tell who has left by the end of the books, beyond what was fixed at sign-up can tell.

    Everybody is compared with customers who signed up in the same quarter (or whose sign-up is unknown, too), so that a
    plan that is no longer sold is not suspected for its customers being old. Protected attributes are no features and
    are left out. A number is held against leaving as `defection.by` says, and against recorded closures alone.
    """
    names = [name for name, about in config.attributes.items() if about.sensitivity != "protected"]
    if not names:
        return Audit((Finding(OVERWRITTEN, True, None, "there are no attributes"),))
    customers = canonical.customers
    size = engine.number(customers.count())
    if size > SAMPLED_CUSTOMERS:
        customers = customers.filter(customers.customer_id.hash() % (size // SAMPLED_CUSTOMERS + 1) == 0)
    left = leavers(canonical.events, config).mutate(left=True)
    events = canonical.events
    closed = events.filter(events.kind == "closed").select("customer_id").distinct().mutate(closed=True)
    marked = customers.left_join(left, "customer_id").drop("customer_id_right").left_join(closed, "customer_id")
    table = engine.frame(marked.select(*names, "signed_up_at", "left", "closed"))
    gone, shut = (table[name].eq(True).fillna(False).to_numpy(dtype=bool) for name in ("left", "closed"))
    signed_up = table["signed_up_at"]
    quarter = (signed_up.dt.year * 4 + signed_up.dt.quarter).fillna(0).to_numpy(dtype=np.int64)
    findings: list[Finding] = []
    for name in names:
        if config.attributes[name].type == "category":
            values = table[name].astype(object).where(table[name].notna(), _MISSING).astype(str).to_numpy(dtype=object)
            findings += _values(name, values, gone, quarter)
        else:
            values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
            findings += _number(name, values, {"leavers": gone, "those who closed": shut}, quarter)
    if findings:
        return Audit(tuple(findings))
    return Audit((Finding(OVERWRITTEN, True, None, f"{len(names)} attributes of {len(table):,} customers"),))


def _values(name: str, values: NDArray[Any], gone: NDArray[np.bool_], quarter: NDArray[np.int64]) -> Iterable[Finding]:
    frame = pd.DataFrame({"value": values, "quarter": quarter, "gone": gone})
    cells = frame.groupby(["value", "quarter"])["gone"].agg(["size", "sum"])
    quarters = frame.groupby("quarter")["gone"].agg(["size", "sum"])
    for value, part in cells.groupby(level="value"):
        size, left = int(part["size"].sum()), int(part["sum"].sum())
        if size < FEWEST_CUSTOMERS or left < VALUE_SHARE * size:
            continue
        own = part.droplevel("value")
        others = quarters.loc[own.index] - own
        known = others["size"] > 0
        if not known.any():
            continue
        share = (others["sum"] / others["size"].where(known)).fillna(0.0)
        expected = float((share * own["size"])[known].sum() / own["size"][known].sum())
        if expected <= EXPECTED_SHARE and binom.sf(left - 1, size, expected) < CHANCE:
            detail = (
                f"{left:,} of the {size:,} customers with value {value!r} have left, of others who signed up with them "
                f"{expected:.0%}: the value was set after the fact. Map what was known at sign-up, or an event"
            )
            yield Finding(OVERWRITTEN, False, name, detail)


def _number(
    name: str, values: NDArray[np.float64], targets: dict[str, NDArray[np.bool_]], quarter: NDArray[np.int64]
) -> list[Finding]:
    """The AUROC within each quarter, weighted by its pairs, in the better direction; missing values are left out."""
    figures = {}
    for who, target in targets.items():
        total = pairs = 0.0
        for each in np.unique(quarter):
            rows = (quarter == each) & np.isfinite(values)
            weight = float(target[rows].sum()) * float((~target[rows]).sum())
            if weight:
                total, pairs = total + weight * auroc(target[rows], values[rows]), pairs + weight
        if pairs and target.sum() >= FEWEST_CUSTOMERS:
            figures[who] = max(total / pairs, 1 - total / pairs)
    if not figures or max(figures.values()) <= ATTRIBUTE_AUROC:
        return []
    who = max(figures, key=lambda each: figures[each])
    detail = (
        f"tells {who} from others who signed up in the same quarter with AUROC {figures[who]:.3f}, above "
        f"{ATTRIBUTE_AUROC}: nothing known at sign-up can. Map what was known then, or an event"
    )
    return [Finding(OVERWRITTEN, False, name, detail)]


def reactions(canonical: Canonical, config: settings.Config, engine: Engine) -> Audit:
    """Acts of the company (a mail, a call, a changed plan) that almost only customers about to close meet.

    Then the company knew, and the closure's date is later than the knowledge. What customers say themselves is no
    leak: it is voice, or a signal.
    """
    events = canonical.events
    by_company = events.kind.isin(COMPANY_KINDS) | (events.direction == "outbound").fill_null(False)
    acts = events.filter(by_company & ~events.kind.isin([*config.voice.kinds, "closed", "cancel_requested"]))
    closures = events.filter(events.kind == "closed")
    if not engine.number(closures.count()):
        return Audit((Finding(REACTED, True, None, "no closures are recorded"),))
    closed = closures.group_by("customer_id").aggregate(closed_at=closures.occurred_at.min())
    span = events.aggregate(newest=events.recorded_at.max())
    horizon = ibis.interval(days=config.snapshots.lead_days + config.snapshots.horizon_days)
    findings: list[Finding] = []
    for column in ("name", "channel"):
        first = acts.group_by("kind", column, "customer_id").aggregate(first=acts.occurred_at.min())
        joined = first.left_join(closed, "customer_id").cross_join(span)
        followed = (joined.closed_at >= joined.first) & (joined.closed_at < joined["first"] + horizon)
        ahead = joined.filter(joined.closed_at.isnull() | (joined.closed_at >= joined["first"]))
        ahead = ahead.mutate(followed=followed.fill_null(False))
        ahead = ahead.filter(ahead.followed | (ahead["first"] + horizon <= ahead.newest))
        table = engine.frame(
            ahead.group_by("kind", column).aggregate(customers=ahead.count(), closed=ahead.followed.sum())
        )
        findings += _suspicious_acts(table, column)
    if findings:
        return Audit(tuple(findings))
    return Audit((Finding(REACTED, True, None, "no kind of it is followed by closures only"),))


def _suspicious_acts(table: pd.DataFrame, column: str) -> Iterable[Finding]:
    everything = table[["customers", "closed"]].sum()
    for kind, part in table.groupby("kind"):
        for value, size, left in part[[column, "customers", "closed"]].itertuples(index=False):
            if size < FEWEST_CUSTOMERS or left < ACT_SHARE * size:
                continue
            others = part[["customers", "closed"]].sum() - [size, left]
            if others["customers"] < FEWEST_CUSTOMERS:
                others = everything - [size, left]
            expected = float(others["closed"] / others["customers"]) if others["customers"] else 0.0
            if expected <= EXPECTED_SHARE and binom.sf(left - 1, size, expected) < CHANCE:
                what = f"{kind} {column} {value!r}" if isinstance(value, str) else str(kind)
                detail = (
                    f"{left:,} of {size:,} customers closed within a horizon after it, after others of its kind "
                    f"{expected:.0%}: the company knew. Date closures by the day they were known, or leave it out"
                )
                yield Finding(REACTED, False, what, detail)


def row_clocks(clocks: Iterable[RowClock]) -> Audit:
    """Mapped time columns against the times at which their rows were written.

    A gate fails where a fact was surely entered later than it is seen, where it is dated after its row was written, or
    where rows of leavers are written late more often than others. Other late writing is information: rows are also
    written to for reasons of no interest.
    """
    findings = []
    for clock in clocks:
        name = f"{clock.source}.{clock.column}"
        late = f"{clock.late:,} of {clock.rows:,} rows were written more than a day after it, by {clock.clock}"
        if clock.often_ahead:
            detail = (
                f"{clock.ahead:,} of {clock.rows:,} rows were written more than a day before it, by {clock.clock}: "
            )
            findings.append(Finding(CLOCKS, False, name, detail + "it was filled back into earlier rows"))
        elif clock.tilted:
            detail = (
                f"{late}; {clock.late_of_leavers:,} of them among the {clock.rows_of_leavers:,} of customers who left"
            )
            findings.append(Finding(CLOCKS, False, name, f"{detail}: map recorded_at"))
        elif clock.often_late and not clock.updated:
            findings.append(Finding(CLOCKS, False, name, f"{late}: map recorded_at"))
        elif clock.late:
            findings.append(inform(CLOCKS, name, late))
    if all(finding.informs for finding in findings):
        findings.insert(
            0, Finding(CLOCKS, True, None, "every column is known when it is seen, by the clocks there are")
        )
    return Audit(tuple(findings))
