"""Hold the configured data against the contract and say everything that is wrong at once.

What the configuration says of snapshots and features is held against the data, too, so that a mistake is not found by
a night's job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from churnml import timeline
from churnml.config import Config
from churnml.contract import ContractReport, Violation
from churnml.contract.order import first_seen_as_the_log_begins, older_than_the_books
from churnml.contract.report import settle
from churnml.contract.returns import standing
from churnml.engine import Engine, open_engine
from churnml.errors import DataError, ModelError
from churnml.outcomes import is_voice
from churnml.sources import Canonical, build
from churnml.workflows.business import Business, Progress, data_root, silently, takes_path


@dataclass(frozen=True)
class Checked:
    """The contract's report, the size of what was checked, and which snapshots and features the data allow."""

    report: ContractReport
    canonical: Canonical
    customers: int
    events: int
    kinds: dict[str, int]
    closures: str
    voice: str
    snapshots: str
    features: int
    features_off: Mapping[str, str]

    def summary(self, brief: bool = False) -> dict[str, Any]:
        """Plain values; `brief` leaves out the violations, which are shown as a table."""
        values: dict[str, Any] = {
            "customers": self.customers,
            "events": self.events,
            "kinds": ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.items()) if brief else self.kinds,
            "closures": self.closures,
            "voice": self.voice,
            "snapshots": self.snapshots,
            "features": self.features,
            "features_off": len(self.features_off) if brief else dict(self.features_off),
            "refused": len(self.report.refused),
        }
        if not brief:
            values["violations"] = self.report.frame().to_dict(orient="records")
        return values


@takes_path
def check(
    config: Config, *, as_of: date | None = None, root: Path | None = None, progress: Progress = silently
) -> Checked:
    """Read, map and check the configured data; refusals are in the report and not raised.

    With `as_of`, what occurs on that day or later is in the future, and the data must reach up to it.

    Raises
    ------
    DataError
        The data is missing or unreadable.
    ConfigError
        A family or an excluded feature does not exist, or something is wrong in a file of custom features.
    """
    from churnml.features.recipe import Recipe
    from churnml.features.registry import inventory

    folder = data_root(config, root, progress)
    with open_engine(config.engine, config.timezone) as engine:
        progress("reading the sources", 0, 1)
        canonical = build(config, engine, folder)
        report = canonical.report(engine, config, as_of)
        kinds = engine.frame(canonical.events.group_by("kind").aggregate(events=canonical.events.count()))
        recipe = Recipe.of(config, inventory(canonical.events, canonical.customers))
        progress("reading the sources", 1, 1)
        ordered = kinds.sort_values(["events", "kind"], ascending=[False, True])
        snapshots, remarks = _snapshots(config, engine, canonical, report)
        for look in (older_than_the_books, first_seen_as_the_log_begins):
            remarks += look(canonical.customers, canonical.events, engine, config)
        return Checked(
            ContractReport((*report.violations, *settle(remarks, config.accept).violations)),
            canonical,
            engine.number(canonical.customers.count()),
            engine.number(canonical.events.count()),
            dict(zip(ordered["kind"].astype(str), ordered["events"].tolist(), strict=True)),
            _closures(config, engine, canonical),
            _voice(config, engine, canonical),
            snapshots,
            len(recipe.cards),
            recipe.switched_off,
        )


def _closures(config: Config, engine: Engine, canonical: Canonical) -> str:
    closed = canonical.events.filter(canonical.events.kind == "closed")
    customers = engine.number(closed.customer_id.nunique())
    if not customers:
        return "none"
    gone = engine.number(standing(canonical.events, config).count())
    return f"of {customers:,} customers, {gone:,} of whom have not come back"


def _voice(config: Config, engine: Engine, canonical: Canonical) -> str:
    heard = canonical.events.filter(is_voice(canonical.events, config))
    count, customers = engine.frame(heard.aggregate(n=heard.count(), of=heard.customer_id.nunique())).iloc[0].map(int)
    if not count:
        return f"none ({', '.join(config.voice.kinds)}): every leaver looks silent"
    return f"{count:,} events of {customers:,} customers"


def _snapshots(
    config: Config, engine: Engine, canonical: Canonical, report: ContractReport
) -> tuple[str, list[Violation]]:
    """What there would be to learn from and to test on; without it a night can be scored, but nothing trained."""
    from churnml.workflows.leaving import TESTED, one_sided
    from churnml.workflows.rows import divide, mature

    try:
        business = Business(
            config, engine, canonical, report, *timeline.recorded_span(canonical, engine, config.eligible_kinds)
        )
        learned, tested = divide(mature(business, business.known_at), config)
        sides = one_sided(business, learned, tested)
    except (DataError, ModelError) as why:
        return f"none to train on: {why}", []
    for told in sides:
        if not told.name.startswith(TESTED):
            return f"none to train on: {told.count} {told.name}", sides
    said = (
        f"{len(learned)} to learn from ({learned[0]} to {learned[-1]}), {len(tested)} to test on "
        f"({tested[0]} to {tested[-1]})"
    )
    return said, sides
