"""Simulated companies that the simulator's tests share: each is simulated once and asked many questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd
import pytest

from churnml.datasets.simulator import PRESETS, Preset, Simulated, preset, simulate
from churnml.datasets.simulator.tables import VOCABULARIES


@dataclass(frozen=True)
class Company:
    """A simulated company. Queries name its tables as the simulation does, those of the truth with "truth_" before."""

    preset: Preset
    made: Simulated
    connection: duckdb.DuckDBPyConnection

    @classmethod
    def of(cls, preset: Preset, made: Simulated) -> Company:
        connection = duckdb.connect()
        connection.execute("SET threads = 2")
        ours = {theirs: name for name, theirs in VOCABULARIES[preset.name].names.items()}
        for name, path in made.frames.items():
            connection.execute(f"CREATE VIEW {ours.get(name, name)} AS FROM '{path}'")
        for path in made.truth.glob("*.parquet"):
            connection.execute(f"CREATE VIEW truth_{path.stem} AS FROM '{path}'")
        return cls(preset, made, connection)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        """The only row."""
        (row,) = self.rows(query)
        return row

    def frame(self, query: str) -> pd.DataFrame:
        return self.connection.execute(query).df()


@pytest.fixture(scope="session")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Company]]:
    """One company of each preset as it is frozen, none of its numbers changed."""
    made = {}
    for name, customers, months in (("telecom", 9_000, 18), ("shop", 2_500, 13), ("software", 2_500, 12)):
        folder = tmp_path_factory.mktemp(name)
        made[name] = Company.of(PRESETS[name], simulate(customers, 7, folder, preset=PRESETS[name], months=months))
    yield made
    for company in made.values():
        company.connection.close()


@pytest.fixture(scope="session")
def telecom(companies: dict[str, Company]) -> Company:
    return companies["telecom"]


@pytest.fixture(scope="session")
def outspoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A telecom company half of whose unhappy leavers speak up; people leave it soon, so that few customers do."""
    numbers = preset("telecom", silent_share=0.5, unhappy_hazard=0.0008)
    company = Company.of(numbers, simulate(6_000, 5, tmp_path_factory.mktemp("outspoken"), preset=numbers, months=12))
    yield company
    company.connection.close()
