"""A simulated company whose truth is known, looked at once: the ledger, and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml import load_config, simulate
from churnml.config import Config
from churnml.datasets import simulator
from churnml.datasets.simulator.futures import Window, oracle
from churnml.datasets.simulator.run import Plan
from churnml.insights.ledger import Ledger, open_ledger
from churnml.insights.personas import features_of
from churnml.insights.scorecard import FIGURES
from churnml.workflows.business import Business, open_business

SEED, CUSTOMERS = 3, 3000
APART = 4


@dataclass(frozen=True)
class Looked:
    """The company, its books, the labelled snapshots (far enough apart that no outcome windows overlap)."""

    folder: Path
    config: Config
    business: Business
    snapshots: tuple[date, ...]
    ledger: Ledger

    def truth(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "truth" / f"{name}.parquet")

    def raw(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / f"{name}.parquet")


@pytest.fixture(scope="session")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    folder = tmp_path_factory.mktemp("known")
    made = simulate(folder, customers=CUSTOMERS, seed=SEED, preset="telecom")
    config = load_config(Path(made["configuration"]))
    with open_business(config) as business:
        snapshots = business.snapshots()[::-1][::APART][:3][::-1]
        wanted = (*features_of(config.personas), *FIGURES)
        ledger = open_ledger(business.canonical, config, business.engine, snapshots, business.known_at, features=wanted)
        yield Looked(folder, config, business, snapshots, ledger)


@pytest.fixture(scope="session")
def chances(looked: Looked) -> pd.DataFrame:
    """What the oracle says of each labelled row: p_silent and p_vocal."""
    rules = looked.config.snapshots
    window = Window(rules.horizon_days, looked.config.voice.lookback_days, rules.lead_days)
    plan = Plan.of(simulator.preset("telecom"), SEED)
    told: Any = oracle(plan, CUSTOMERS, looked.snapshots, window, copies=20)
    told = told.assign(as_of=pd.to_datetime(told["snapshot"]), customer_id=told["customer_id"].astype(str))
    rows = looked.ledger.rows[["customer_id", "as_of"]].astype({"customer_id": str})
    return rows.merge(told, on=["customer_id", "as_of"], how="left")[["p_silent", "p_vocal"]]
