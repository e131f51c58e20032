"""Runs a simulation, chunk by chunk, and writes its tables.

Customers live in chunks with random numbers of their own, so that memory stays bounded, chunks can be simulated side by
side, and the same seed gives the same bytes whatever the number of processes.
"""

from __future__ import annotations

import calendar
import multiprocessing
import shutil
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churnml.datasets.simulator import company, days, service, traps
from churnml.datasets.simulator.life import Life, first_state
from churnml.datasets.simulator.log import Log
from churnml.datasets.simulator.population import REGIONS, draw_population
from churnml.datasets.simulator.presets import TELECOM, Preset
from churnml.datasets.simulator.tables import (
    VOCABULARIES,
    Clock,
    customer_ids,
    customers_table,
    raw_tables,
    with_last_change,
)
from churnml.datasets.simulator.truth import truth_tables
from churnml.errors import ConfigError

CHUNK = 10_000
"""Customers simulated at a time. Part of the recipe: another number gives other customers."""
COMPANY = 2**40
"""In the place of a chunk's first customer: random numbers that concern everybody."""
STAGING = ".simulating"
"""The folder in which tables grow until all are complete."""
FIRST_DAY = date(2023, 1, 1)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Simulated:
    """What a simulation wrote: the raw tables by name, the folder of the truth, first day, day after the last."""

    frames: dict[str, Path]
    truth: Path
    start: date
    end: date


@dataclass(frozen=True)
class Plan:
    """What is to be simulated."""

    preset: Preset
    seed: int
    start: date
    end: date
    traps: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, preset: Preset, seed: int, *, months: int = 18, start: date = FIRST_DAY, switched_on: Sequence[str] = ()
    ) -> Plan:
        """The plan of `simulate` with the same arguments."""
        prepared = traps.prepared(preset, switched_on)
        return cls(prepared, seed, start, _months_after(start, months), tuple(switched_on))

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days

    def stream(self, first: int, *more: int) -> np.random.Generator:
        """Random numbers of the chunk that begins with customer `first`, for the purpose with that number."""
        return np.random.default_rng(np.random.SeedSequence((self.seed, first, *more)))


def simulate(
    customers: int,
    seed: int,
    out: Path,
    *,
    preset: Preset = TELECOM,
    months: int = 18,
    start: date = FIRST_DAY,
    switched_on: Sequence[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> Simulated:
    """Simulate `customers` over `months` from `start` on and write their raw tables, and `truth/`, to `out`.

    An earlier simulation in the same folder is replaced once the new one is complete. The same arguments give the same
    bytes. `switched_on` names traps (see `traps.TRAPS`). With several `workers`, chunks of CHUNK customers are
    simulated by processes of their own; a script that asks for them needs the usual `if __name__ == "__main__":`.
    `progress` is called with the customers done and the customers asked for.

    Raises
    ------
    ConfigError
        A number is out of range, or there is no such trap.
    """
    _refuse_nonsense(customers, seed, months, workers)
    plan = Plan.of(preset, seed, months=months, start=start, switched_on=switched_on)
    out.mkdir(parents=True, exist_ok=True)
    staging = out / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "truth").mkdir(parents=True)
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        done = 0
        for tables in _chunks(plan, customers, workers):
            for name, table in tables.items():
                if name not in writers:
                    writers[name] = _writer(staging / f"{name}.parquet", table.schema)
                writers[name].write_table(table)
            done += tables["customers"].num_rows
            if progress:
                progress(done, customers)
        for writer in writers.values():
            writer.close()
        (out / "truth").mkdir(exist_ok=True)
        for name in writers:
            (staging / f"{name}.parquet").replace(out / f"{name}.parquet")
    finally:
        for writer in writers.values():
            writer.close()
        shutil.rmtree(staging, ignore_errors=True)
    frames = {name: out / f"{name}.parquet" for name in writers if not name.startswith("truth/")}
    return Simulated(frames, out / "truth", plan.start, plan.end)


def _refuse_nonsense(customers: int, seed: int, months: int, workers: int) -> None:
    problems = [
        f"{name}: {value} given, {wanted} is needed"
        for name, value, right, wanted in (
            ("customers", customers, customers >= 1, "1 or more"),
            ("seed", seed, seed >= 0, "0 or more"),
            ("months", months, 1 <= months <= 120, "1 to 120"),
            ("workers", workers, workers >= 1, "1 or more"),
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


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer whose file reads as plain columns, however the table holds them in memory."""
    words = [field.name for field in schema if not pa.types.is_primitive(field.type)]
    return pq.ParquetWriter(path, schema, compression="zstd", store_schema=False, use_dictionary=words)


def _chunks(plan: Plan, customers: int, workers: int) -> Iterator[dict[str, pa.Table]]:
    """The tables of each chunk, in order; with several workers, at most two more than those are under way."""
    parts = [(first, min(CHUNK, customers - first)) for first in range(0, customers, CHUNK)]
    if workers == 1 or len(parts) == 1:
        yield from (chunk(plan, *part) for part in parts)
        return
    # An interrupt ends the processes at once and quietly; what waits is never begun.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, signal.signal, (signal.SIGINT, signal.SIG_DFL))
    try:
        under_way: deque[Future[dict[str, pa.Table]]] = deque()
        for part in parts:
            under_way.append(pool.submit(chunk, plan, *part))
            if len(under_way) > workers + 1:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def begin(plan: Plan, first: int, size: int) -> Life:
    """Customers `first` to `first + size`, on the morning of the first day."""
    rng = plan.stream(first)
    people = draw_population(first, size, plan.days, plan.preset, rng)
    life = Life(people, first_state(people, plan.preset, rng), plan.preset, plan.start.weekday(), Log(), rng)
    life.state.engagement = life.wanted(life.satisfaction)
    life.outages = plan.stream(COMPANY).random((plan.days, REGIONS)) < plan.preset.outage_rate
    return life


def live(life: Life, day: int) -> days.Today:
    """One day."""
    today = days.Today.of(life, day)
    days.use(life, today)
    days.pay(life, today)
    days.change(life, today)
    days.deliver(life, today)
    service.contact(life, today)
    company.reach_out(life, today)
    company.spread_the_word(life, today)
    life.pass_judgement(day, today.using)
    return today


def chunk(plan: Plan, first: int, size: int) -> dict[str, pa.Table]:
    """All tables of one chunk, those of the truth under "truth/..."."""
    life = begin(plan, first, size)
    clock = Clock(plan.start, plan.days)
    sessions: list[tuple[int, np.ndarray]] = []
    rng = plan.stream(first, 1)
    for day in range(plan.days):
        life.close(day)
        sessions.append((day, live(life, day).sessions))
        if len(sessions) == days.BLOCK or day == plan.days - 1:
            days.log_sessions(life, sessions, rng)
            sessions = []
    ids = customer_ids(first, size)
    vocabulary = VOCABULARIES[plan.preset.name]
    tables = {"customers": customers_table(life.people, vocabulary, ids, clock, plan.stream(first, 2))}
    tables |= raw_tables(life.log, vocabulary, ids, clock)
    tables["support"] = with_last_change(tables["support"])
    truth = truth_tables(life, ids, clock, plan.days)
    for number, trap in enumerate(traps.TRAPS):
        if trap in plan.traps:
            where = traps.Where(vocabulary, truth["departures"], plan.start, plan.end, plan.stream(first, 3, number))
            tables = traps.TRAPS[trap].spring(tables, where)
    return tables | {f"truth/{name}": table for name, table in truth.items()}
