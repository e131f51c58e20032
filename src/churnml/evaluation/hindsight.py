"""Gates against hindsight in the data themselves, which no feature code can be blamed for.

An attribute that was overwritten after the customer left, a time that was filled in later: their timestamps say that
they were known, and they were not. Acts of the company have modules of their own (`reactions`, `departures`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, norm

from churnml.contract.leavers import LATELY, agreed_ends, leavers
from churnml.contract.returns import standing
from churnml.engine import part_of
from churnml.evaluation.findings import SAMPLED_CUSTOMERS, Audit, Finding, inform
from churnml.evaluation.leakage import other_half_shares
from churnml.metrics.scores import auroc

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.contract.rows import RowClock
    from churnml.engine import Engine
    from churnml.sources import Canonical

OVERWRITTEN = "no attribute knows who has left"
CLOCKS = "no fact is seen before it was known"
FEWEST_CUSTOMERS = 10
VALUE_SHARE = 0.95
"""A value of an attribute is suspicious when so many of its customers have left, ..."""
EXPECTED_SHARE = 0.80
"""... although at most this share of comparable customers did, ..."""
CHANCE = 1e-6
"""... which by chance would happen less often than this."""
ATTRIBUTE_AUROC = 0.85
"""What was fixed at sign-up may not tell leavers from others who signed up in the same quarter any better."""
DATED_SHARE, LATER_SHARE = 0.95, 0.5
"""An attribute holds times if so many of its values are, and later ones if so many lie after their sign-up."""
MARKS = ("_left", "_quiet", "_closed")
"""What is joined to customers: who has left, who may have, whose closure is recorded. No attribute has such a name."""
_MISSING = "(missing)"


def overwritten(canonical: Canonical, config: settings.Config, engine: Engine) -> Audit:
    """Attributes that tell who has left by the end of the books, beyond what was fixed at sign-up can tell.

    Everybody is compared with customers who signed up in the same quarter (or whose sign-up is unknown, too), so that a
    plan that is no longer sold is not suspected for its customers being old. Protected attributes are no features and
    are left out. Attributes are held against leaving as `defection.by` says, numbers against recorded closures, too.
    Who has been inactive for more than half a horizon, but not for a whole one, may have left or not, and is left out:
    of those who left shortly before the books end, only whoever wrote the attribute knows. `ends_at` is held against
    the recorded closures.
    """
    findings = _written_ends(canonical, engine, config)
    names = [name for name, about in config.attributes.items() if about.sensitivity != "protected"]
    if not names and not findings:
        return Audit((Finding(OVERWRITTEN, True, None, "there are no attributes"),))
    customers = part_of(canonical.customers, engine.number(canonical.customers.count()) // SAMPLED_CUSTOMERS + 1)
    left = leavers(canonical.events, config).select("customer_id", _left=True)
    doubt = leavers(canonical.events, config, config.snapshots.horizon_days // 2).select("customer_id", _quiet=True)
    events = canonical.events
    closed = standing(events, config).select("customer_id", _closed=True)
    marked = customers
    for marks in (left, doubt, closed):
        marked = marked.left_join(marks, "customer_id").drop("customer_id_right")
    table = engine.frame(marked.select("customer_id", *names, "signed_up_at", *MARKS))
    table = table.sort_values("customer_id", ignore_index=True)
    gone, quiet, shut = (_marked(table[name]) for name in MARKS)
    sure = gone | ~quiet
    signed_up = table["signed_up_at"]
    newest = engine.frame(events.aggregate(newest=events.recorded_at.max()))["newest"].iloc[0]
    quarter = (signed_up.dt.year * 4 + signed_up.dt.quarter).fillna(0).to_numpy(dtype=np.int64)
    for name in names:
        column = table[name]
        values = column.astype(object).where(column.notna(), _MISSING).astype(str).to_numpy(dtype=object)
        found = list(_values(name, values[sure], gone[sure], quarter[sure]))
        if not found and config.attributes[name].type == "category":
            found = _dated_later(name, column, signed_up, newest)
        if not found and config.attributes[name].type == "category":
            found = _tells(name, "leavers", other_half_shares(values[sure], gone[sure]), gone[sure], quarter[sure])
        elif not found and config.attributes[name].type == "number":
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
            found = _tells(name, "leavers", numbers[sure], gone[sure], quarter[sure])
            found = found or _tells(name, "those who closed", numbers, shut, quarter)
        findings += found
    if findings:
        return Audit(tuple(findings))
    return Audit((Finding(OVERWRITTEN, True, None, f"{len(names)} attributes of {len(table):,} customers"),))


def _dated_later(name: str, column: pd.Series, signed_up: pd.Series, newest: pd.Timestamp) -> list[Finding]:
    """Times in an attribute that lie after the sign-up, and none after the books end: nobody knew them at sign-up.

    An end that was agreed at sign-up lies ahead of some customers, and a birthday before it.
    """
    times = pd.to_datetime(column.astype(object), errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    if not times.notna().any() or times.notna().sum() < DATED_SHARE * column.notna().sum():
        return []
    day = pd.Timedelta(days=1)
    later, known = int((times > signed_up + day).sum()), int((times.notna() & signed_up.notna()).sum())
    if later < FEWEST_CUSTOMERS or later < LATER_SHARE * known or (times > newest + day).any():
        return []
    detail = (
        f"for {later:,} of {known:,} customers it is a time after the sign-up, and for nobody one after the books end: "
        "it was written as time went on. Map it as an event, or leave it out"
    )
    return [Finding(OVERWRITTEN, False, name, detail)]


def _written_ends(canonical: Canonical, engine: Engine, config: settings.Config) -> list[Finding]:
    """Agreed ends that were written as they came, or as customers left: the days of the closures, and no others."""
    ends = agreed_ends(canonical.customers, canonical.events, engine, config)
    if ends.as_they_came:
        detail = (
            f"{ends.lately:,} agreed ends were reached in the last {LATELY} days before the books end, and "
            f"{ends.ahead_all_along:,} lie ahead: nobody knew them in advance. Map ends_recorded_at, the day on which "
            "each was known"
        )
        return [Finding(OVERWRITTEN, False, "ends_at", detail)]
    if not ends.only_closures:
        return []
    detail = (
        f"{ends.on_the_day:,} of the {ends.ended + ends.ahead:,} agreed ends are the day on which their customer "
        f"closed, and {ends.closed:,} closed in all: they were set after the fact. Map what was agreed at sign-up, or "
        "nothing"
    )
    return [Finding(OVERWRITTEN, False, "ends_at", detail)]


def _marked(column: pd.Series) -> NDArray[np.bool_]:
    return column.eq(True).fillna(False).to_numpy(dtype=bool)


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


def _tells(
    name: str, who: str, values: NDArray[np.float64], target: NDArray[np.bool_], quarter: NDArray[np.int64]
) -> list[Finding]:
    """The AUROC within each quarter, weighted by its pairs, in the better direction; missing values are left out."""
    total = pairs = variance = 0.0
    for each in np.unique(quarter):
        rows = (quarter == each) & np.isfinite(values)
        left = int(target[rows].sum())
        weight = float(left * (rows.sum() - left))
        if weight:
            total, pairs = total + weight * auroc(target[rows], values[rows]), pairs + weight
            variance += weight * (rows.sum() + 1) / 12  # of a value that knows nothing (Mann & Whitney 1947)
    if not pairs:
        return []
    figure = max(total / pairs, 1 - total / pairs)
    if figure <= ATTRIBUTE_AUROC or norm.sf((figure - 0.5) * pairs / variance**0.5) >= CHANCE:
        return []
    detail = (
        f"tells {who} from others who signed up in the same quarter with AUROC {figure:.3f}, above "
        f"{ATTRIBUTE_AUROC}: nothing known at sign-up can. Map what was known then, or an event"
    )
    return [Finding(OVERWRITTEN, False, name, detail)]


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
