"""A simulated telecom subscription whose truth is known: raw tables as a company would have them.

`simulate` writes one Parquet file per raw table, and what no company knows (each customer's satisfaction, the hazards,
the manner and the cause of leaving) in the folder `truth/`, which nothing but a test should read. Customers live in
chunks with random numbers of their own, so that memory stays bounded and the same seed gives the same bytes.
"""

from __future__ import annotations

import calendar
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churnml.datasets import simulator_population as people
from churnml.datasets.simulator_log import DAY
from churnml.datasets.simulator_model import Chunk
from churnml.datasets.simulator_population import Parameters, Population, draw_population
from churnml.datasets.simulator_tables import TABLES, Clock, raw_table
from churnml.datasets.simulator_texts import TOPICS
from churnml.errors import ConfigError

CHUNK = 5_000
"""Customers simulated at a time. Part of the recipe: another number gives other customers."""


@dataclass(frozen=True)
class Simulated:
    """What a simulation wrote: the raw tables by name, the folder of the truth, first day, day after the last."""

    frames: dict[str, Path]
    truth: Path
    start: date
    end: date


def simulate(
    customers: int,
    seed: int,
    out: Path,
    *,
    months: int = 18,
    start: date = date(2023, 1, 1),
    parameters: Parameters | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Simulated:
    """Simulate `customers` over `months` from `start` on and write their raw tables to `out`.

    An earlier simulation in the same folder is replaced once the new one is complete. The same arguments give the same
    bytes. `progress` is called with the customers done and the customers asked for.

    Raises
    ------
    ConfigError
        A number is out of range.
    """
    parameters = parameters or Parameters()
    _refuse_nonsense(customers, seed, months, parameters)
    end = _months_after(start, months)
    out.mkdir(parents=True, exist_ok=True)
    staging = out / ".simulating"
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "truth").mkdir(parents=True)
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for first in range(0, customers, CHUNK):
            size = min(CHUNK, customers - first)
            rng = np.random.default_rng(np.random.SeedSequence((seed, first)))
            for name, table in _chunk(first, size, start, end, parameters, rng):
                if name not in writers:
                    writers[name] = pq.ParquetWriter(staging / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table)
            if progress:
                progress(first + size, customers)
    finally:
        for writer in writers.values():
            writer.close()
    (out / "truth").mkdir(exist_ok=True)
    for name in writers:
        (staging / f"{name}.parquet").replace(out / f"{name}.parquet")
    shutil.rmtree(staging)
    frames = {name: out / f"{name}.parquet" for name in writers if not name.startswith("truth/")}
    return Simulated(frames, out / "truth", start, end)


def _refuse_nonsense(customers: int, seed: int, months: int, parameters: Parameters) -> None:
    problems = [
        f"{name}: {value} given, {wanted} is needed"
        for name, value, right, wanted in (
            ("customers", customers, customers >= 1, "1 or more"),
            ("seed", seed, seed >= 0, "0 or more"),
            ("months", months, 1 <= months <= 120, "1 to 120"),
            ("silent_share", parameters.silent_share, 0 < parameters.silent_share < 1, "a share between 0 and 1"),
        )
        if not right
    ]
    if problems:
        raise ConfigError(problems)


def _months_after(start: date, months: int) -> date:
    """The same day so many months later, or the month's last day.

    >>> _months_after(date(2023, 1, 31), 13)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _chunk(
    first: int, size: int, start: date, end: date, parameters: Parameters, rng: np.random.Generator
) -> Iterator[tuple[str, pa.Table]]:
    """Simulate one chunk and give its tables, the truth among them."""
    days = (end - start).days
    population = draw_population(first, size, days, parameters, rng)
    chunk = Chunk(population, days, start.weekday(), parameters, rng)
    log = chunk.live()
    clock = Clock(start, days)
    ids = pa.array([f"C{number:07d}" for number in range(first, first + size)])
    yield "customers", _customers(population, ids, clock, rng)
    for name, columns in TABLES.items():
        yield name, raw_table(_completed(name, log.table(name), rng), columns, ids, clock)
    yield from _truth(chunk.truth(), log.table("hazards"), ids, clock)


def _customers(population: Population, ids: pa.Array, clock: Clock, rng: np.random.Generator) -> pa.Table:
    signed_up = population.joined * DAY + rng.integers(6 * 3600, 8 * 3600, len(population))
    return pa.table(
        {
            "customer_id": ids,
            "household_id": pa.array([f"H{number:07d}" for number in population.household.tolist()]),
            "signed_up_at": pa.array((signed_up + clock.origin) * 1_000_000).cast(pa.timestamp("us")),
            "plan": pa.array(people.PLANS).take(pa.array(population.plan)),
            "region": pa.array(people.REGIONS).take(pa.array(population.region)),
            "acquired_through": pa.array(people.ACQUIRED).take(pa.array(population.acquired)),
            "age_band": pa.array(people.AGE_BANDS).take(pa.array(population.age)),
        }
    )


def _completed(name: str, rows: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Columns that no decision depends on, and the order of the rows."""
    if not rows:
        return rows
    size = len(rows["who"])
    if name == "surveys":
        rows["channel"] = np.zeros(size, dtype=np.int64)
    elif name == "onboarding":
        rows["channel"] = rng.choice(3, size, p=[0.55, 0.25, 0.20])
    first_time = next(rows[c.field] for c in TABLES[name].values() if c.kind == "time")
    order = np.lexsort((rows["who"], first_time))
    return {field: values[order] for field, values in rows.items()}


def _truth(
    truth: dict[str, Any], hazards: dict[str, Any], ids: pa.Array, clock: Clock
) -> Iterator[tuple[str, pa.Table]]:
    trouble = truth["trouble"]
    yield (
        "truth/customers",
        pa.table(
            {
                "customer_id": ids,
                "satisfaction_level": truth["satisfaction_level"],
                "voice_propensity": truth["voice_propensity"],
                "sessions_per_day": truth["sessions_per_day"],
                "manner": pa.array(("stays", "silent", "vocal", "own reasons")).take(pa.array(truth["manner"])),
                "began_to_leave_on": clock.days(truth["decided"]),
                "left_on": clock.days(truth["left"]),
                "trouble": pa.array(TOPICS).take(pa.array(trouble, mask=trouble < 0)),
            }
        ),
    )
    yield (
        "truth/hazards",
        pa.table(
            {
                "customer_id": ids.take(pa.array(hazards["who"])),
                "day": clock.days(hazards["day"]),
                "satisfaction": pa.array(hazards["satisfaction"].astype(np.float32)),
                "hazard_silent": pa.array(hazards["silent"].astype(np.float32)),
                "hazard_vocal": pa.array(hazards["vocal"].astype(np.float32)),
                "hazard_own": pa.array(hazards["own"].astype(np.float32)),
            }
        ),
    )
