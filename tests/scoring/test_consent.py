"""Who may be contacted, and who was forgotten, from the tables of a small shop."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.config import parse_config
from churnml.engine import Engine
from churnml.errors import ConfigError
from churnml.pseudonyms import Pseudonyms, Suppressed
from churnml.scoring.consent import withheld
from churnml.sources import Canonical, build

NAMES = Pseudonyms(b"a key of at least sixteen bytes")
SHOP = """
project: shop
sources:
  - {path: customers.parquet, customers: {customer_id: id, signed_up_at: since, contactable: ok}}
  - path: log.parquet
    events: [{kind: {column: kind}, occurred_at: at, recorded_at: known, customer_id: id, name: channel}]
eligible: {active_within_days: 60}
defection: {by: inactivity, of: [purchase]}
snapshots: {every: 30 days, horizon_days: 30}
"""


@pytest.fixture
def data(shop: Any) -> Path:
    for name in ("never", "out", "back", "again", "tie", "unsubscribed", "late", "flagged", "unknown"):
        shop.customer(name).event(name, "purchase", "2024-02-01")
    for name, day, what in (
        *(("out", "2024-02-01", "withdrawn"), ("back", "2024-02-01", "withdrawn"), ("back", "2024-02-02", "Given")),
        *(("again", "2024-02-02", "given"), ("again", "2024-02-03", "withdrawn")),
        *(("tie", "2024-02-02", "given"), ("tie", "2024-02-02", "withdrawn")),
    ):
        shop.event(name, "consent_changed", day, channel=what)
    shop.event("unsubscribed", "unsubscribed", "2024-02-01")
    shop.event("late", "consent_changed", "2024-02-01", known="2024-03-05", channel="withdrawn")
    folder = Path(shop.write())
    people = pd.read_parquet(folder / "customers.parquet")
    people["ok"] = pd.array([{"flagged": False, "unknown": None}.get(name, True) for name in people["id"]], "boolean")
    people.to_parquet(folder / "customers.parquet")
    return folder


def read(engine: Engine, data: Path, kept: Suppressed | None = None) -> Canonical:
    return build(parse_config(SHOP), engine, data, kept.among if kept else None)


def test_who_has_opted_out_last_or_is_not_flagged_is_withheld(engine: Engine, data: Path) -> None:
    canonical = read(engine, data)
    then = {"out", "again", "tie", "unsubscribed", "flagged", "unknown"}
    assert withheld(canonical, engine, date(2024, 3, 1)) == then
    assert withheld(canonical, engine) == then | {"late"}


def test_the_forgotten_are_in_no_table(engine: Engine, data: Path) -> None:
    kept = Suppressed(NAMES).adding("out").adding("never").adding("who is that?")
    canonical = read(engine, data, kept)
    for table in (canonical.customers, canonical.events, *canonical.contactable):
        names = set(engine.frame(table)["customer_id"])
        assert "back" in names and not names & {"out", "never"}
    assert len(engine.frame(canonical.customers)) == 7


def test_hashes_do_not_name_anybody_and_need_their_key() -> None:
    text = Suppressed(NAMES).adding("4711").text()
    assert "4711" not in text and NAMES.of("4711") not in text
    assert Suppressed.read(NAMES, text).among(["4711", "4712"]) == ["4711"]
    for other, content in ((Pseudonyms(b"another key of sixteen"), text), (NAMES, text[:-9]), (NAMES, "")):
        with pytest.raises(ConfigError, match="forgotten customers would come back"):
            Suppressed.read(other, content)
