"""What many tests share: a place for public data, and small businesses written to disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.config import Config, parse_config
from churnml.engine import Engine, open_engine


@pytest.fixture
def public_data() -> Path:
    """The folder of the public data sets; the test is skipped, saying so, where there is none."""
    home = os.environ.get("CHURNML_DATA_HOME")
    if not home or not Path(home).is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CHURNML_DATA_HOME does not name a folder with the public data sets")
        pytest.skip("needs the public data sets: set CHURNML_DATA_HOME")
    return Path(home)


SHOP = """
project: shop
sources:
  - path: customers.parquet
    customers: {customer_id: id, signed_up_at: since, ends_at: until}
  - path: log.parquet
    events:
      - kind: {column: kind}
        occurred_at: at
        recorded_at: known
        customer_id: id
        channel: channel
        amount: amount
        allow_null: true
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
voice: {kinds: [complaint], lookback_days: 30}
channels: {dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
economics: {value_days: 100}
"""


class Shop:
    """A business of a few rows: add facts in words, then look at what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.people: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []

    def customer(self, name: str, since: str = "2024-01-01", until: str | None = None) -> Shop:
        self.people.append({"id": name, "since": since, "until": until})
        return self

    def event(
        self,
        name: str,
        kind: str,
        at: str,
        known: str | None = None,
        channel: str | None = None,
        amount: float | None = None,
    ) -> Shop:
        self.facts.append({"id": name, "kind": kind, "at": at, "known": known, "channel": channel, "amount": amount})
        return self

    def write(self) -> Path:
        people = pd.DataFrame(self.people, columns=["id", "since", "until"])
        facts = pd.DataFrame(self.facts, columns=["id", "kind", "at", "known", "channel", "amount"])
        for frame, names in ((people, ("since", "until")), (facts, ("at", "known"))):
            for name in names:
                frame[name] = pd.to_datetime(frame[name], format="ISO8601").astype("datetime64[us]")
        facts["channel"] = facts["channel"].astype("str")
        facts.loc[facts["channel"].isin(["None", "nan"]), "channel"] = None
        people.to_parquet(self.folder / "customers.parquet")
        facts.astype({"amount": "float64"}).to_parquet(self.folder / "log.parquet")
        return self.folder


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def configured() -> Callable[..., Config]:
    """The shop's configuration, with some of its lines replaced."""

    def configure(**changes: str) -> Config:
        text = SHOP
        for key, line in changes.items():
            lines = [old for old in text.splitlines() if not old.startswith(f"{key}:")]
            text = "\n".join([*lines, f"{key}: {line}"])
        return parse_config(text, "shop.yaml")

    return configure


@pytest.fixture
def engine() -> Iterator[Engine]:
    from churnml.config import Engine as Options

    with open_engine(Options()) as opened:
        yield opened
