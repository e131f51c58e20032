"""What published nights recommended, as rows that become events: from nights made up for the purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from churnml.config import Config, load_config
from churnml.engine import Engine
from churnml.scoring.publish import Publication, Run, publication
from churnml.scoring.sinks import SCORES
from churnml.sources import build
from churnml.targeting.fatigue import tired

DAY = date(2024, 3, 1)
SHOP = """
project: shop
sources:
  - {path: customers.parquet, customers: {customer_id: id, signed_up_at: since}}
  - path: assignments.parquet
    events:
      - kind: {column: arm, map: {treated: treatment, control: treatment_withheld}}
        customer_id: customer_id
        occurred_at: assigned_at
        channel: channel
        campaign_id: campaign_id
eligible: {active_within_days: 60}
defection: {by: inactivity, of: [purchase]}
snapshots: {every: 30 days, horizon_days: 30}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "shop.yaml"
    file.write_text(f"{SHOP}paths: {{models: {tmp_path / 'models'}, published: {tmp_path / 'published'}}}\n")
    return load_config(file)


@pytest.fixture
def write(config: Config, cli: Callable[..., Any], tmp_path: Path) -> Callable[..., tuple[Any, pd.DataFrame]]:
    """Run the command; gives what it told and the rows that it wrote."""

    def run(*options: object) -> tuple[Any, pd.DataFrame]:
        told = cli("assignments", config.file, "--to", tmp_path / "assignments.parquet", *options, "--json")
        assert told.code == 0, told.err
        return told.json, pd.read_parquet(tmp_path / "assignments.parquet")

    return run


def publish(config: Config, days: int, campaign: str | None = "shop-a", **actions: str) -> Publication:
    """A night so many days after the first, on which each named customer has an action."""
    as_of = DAY + timedelta(days=days)
    plain = {
        "as_of": as_of, "p_silent": 0.5, "p_vocal": 0.1, "p_retained": 0.4, "risk_band": "high", "model_version": "1",
        "run_id": "r", "schema_version": "4", "action_channel": "app",
    }  # fmt: skip
    rows = [plain | {"customer_id": name, "action": action} for name, action in actions.items()]
    facts = {"actions": {"campaign_id": campaign}} if campaign else {}
    place = publication(config)
    run = Run(f"{days:064x}"[::-1], "shop", as_of, as_of, "1")
    with place.lock():
        place.publish(pa.Table.from_pylist(rows, schema=SCORES), run, {"facts.json": json.dumps(facts).encode()})
    return place


def test_contacts_are_treated_and_those_held_out_the_control_and_nobody_else_is_there(
    config: Config, write: Any
) -> None:
    publish(config, 0, a="contact", b="hold out", c="wait", d="leave alone")
    told, rows = write()
    assert rows.to_dict("list") == {
        "customer_id": ["a", "b"],
        "assigned_at": [pd.Timestamp(DAY)] * 2,
        "arm": ["treated", "control"],
        "channel": ["app"] * 2,
        "campaign_id": ["shop-a"] * 2,
    }
    assert (told["nights"], told["treated"], told["control"], told["damaged_nights"]) == (1, 1, 1, [])


def test_of_several_nights_within_the_days_of_fatigue_the_first_counts(config: Config, write: Any) -> None:
    for days in (0, 1, 29, 30, 31):
        publish(config, days, a="contact", b="hold out" if days < 31 else "contact")
    publish(config, 2, c="contact")
    told, rows = write()
    days = (rows["assigned_at"] - pd.Timestamp(DAY)).dt.days
    assert list(zip(rows["customer_id"], days, strict=True)) == [("a", 0), ("b", 0), ("c", 2), ("a", 30), ("b", 30)]
    assert told["repeated"] == 6


def test_the_same_nights_give_the_same_bytes_and_those_of_the_day_itself_can_be_left_out(
    config: Config, write: Any, tmp_path: Path
) -> None:
    publish(config, 0, a="contact")
    write("--before", DAY + timedelta(days=1))
    first = (tmp_path / "assignments.parquet").read_bytes()
    publish(config, 1, b="contact")
    assert set(write()[1]["customer_id"]) == {"a", "b"}
    assert write("--since", DAY + timedelta(days=1))[1]["customer_id"].tolist() == ["b"]
    write("--before", DAY + timedelta(days=1))
    assert (tmp_path / "assignments.parquet").read_bytes() == first
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_withdrawn_and_damaged_nights_and_those_without_actions_count_for_nothing(config: Config, write: Any) -> None:
    publish(config, 0, None, a="contact")
    place = publish(config, 1, b="contact")
    publish(config, 2, c="contact")
    place.roll_back()
    assert write()[1]["customer_id"].tolist() == ["a", "b"]
    assert write()[1]["campaign_id"].tolist() == ["shop-2023-12-02", "shop-a"]  # of an earlier version, and told
    night = place.nights()[1]
    (night.folder / "scores.parquet").write_bytes(b"")
    told, rows = write()
    assert rows["customer_id"].tolist() == ["a"] and told["damaged_nights"] == [night.name]


def test_the_rows_become_events_that_leave_customers_in_peace(
    config: Config, write: Any, engine: Engine, tmp_path: Path
) -> None:
    people = {"id": ["a", "b", "c"], "since": pd.to_datetime(["2024-01-01"] * 3)}
    pd.DataFrame(people).to_parquet(tmp_path / "customers.parquet")
    assert write()[0]["nights"] == 0  # before the first night: a file without a row
    assert engine.frame(build(config, engine, tmp_path).events).empty
    publish(config, 0, a="contact", b="hold out", c="wait")
    write()
    canonical = build(config, engine, tmp_path)
    events = engine.frame(canonical.events).set_index("customer_id")
    assert events["kind"].to_dict() == {"a": "treatment", "b": "treatment_withheld"}
    assert set(events["campaign_id"]) == {"shop-a"} and set(events["channel"]) == {"app"}
    rules = config.actions.fatigue
    assert tired(canonical, engine, rules, DAY) == frozenset()
    assert tired(canonical, engine, rules, DAY + timedelta(days=1)) == {"a", "b"}
    assert tired(canonical, engine, rules, DAY + timedelta(days=31)) == frozenset()


def test_a_place_that_cannot_be_written_is_named(config: Config, cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = cli("assignments", config.file, "--to", tmp_path / "file" / "a.parquet")
    assert told.code == 2 and "cannot be written" in told.err
