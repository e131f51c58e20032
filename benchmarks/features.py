"""What features cost: churnml beside a hand-written query, Polars, pandas and Featuretools, on millions of events.

python benchmarks/features.py contest     a million customers, 50 million events (--customers 100000 for fewer)
python benchmarks/features.py growth      time and memory from 25 to 200 million events
python benchmarks/features.py snapshots   twelve monthly snapshots against one, on a sparse and on a dense log
python benchmarks/features.py draw        benchmarks/features.svg, of what these have left in benchmarks/features.json

`contest` needs `pip install polars`, and `--featuretools PYTHON` an interpreter that has Featuretools (it needs pandas
before 3 and setuptools before 81). Every run is a process of its own that reads the same two Parquet files, computes
the family `recency` for every eligible customer at one snapshot, and writes a Parquet file; the contestants take turns
and must agree. Seconds do not count the imports, but do count that churnml stores the log by customers; memory is the
largest resident size of the process. Which columns are filled is told to churnml, as a model tells it to a night.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

AS_OF = date(2024, 1, 1)
DAYS = 365
KINDS = ("activity", "complaint", "contact", "error", "outreach_sent", "purchase")
ENGAGEMENT = "activity"
ELIGIBLE_DAYS = 90
THREADS = 2
MEMORY = "3GB"
SLICE = 2000
"""Featuretools gets so many customers: more take it hours."""

RESULTS = Path(__file__).with_suffix(".json")


def write_log(folder: Path, customers: int, per_customer: int, days_active: int | None = None) -> None:
    """A log in no order, as `customers.parquet` and `events.parquet`; on `days_active` days a customer, if given.

    Six in ten events are engagement, on five channels; some carry amounts or durations.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    day = f"a % {DAYS}" if days_active is None else f"hash(customer, a % {days_active}) % {DAYS}"
    duckdb.sql(f"""
        COPY (SELECT 'c' || lpad(i::VARCHAR, 9, '0') AS customer_id, TIMESTAMP '2022-06-01' AS signed_up_at
              FROM range({customers}) AS t(i)) TO '{folder}/customers.parquet'""")
    duckdb.sql(f"""
        COPY (WITH drawn AS (
            SELECT hash(i, 1) % {customers} AS customer, hash(i, 2) AS a, hash(i, 3) % 100 AS b, hash(i, 4) AS c
            FROM range({customers * per_customer}) AS t(i))
        SELECT 'c' || lpad(customer::VARCHAR, 9, '0') AS customer_id,
            TIMESTAMP '{AS_OF}' - to_days(({day} + 1)::INTEGER) + to_seconds((c % 86400)::BIGINT) AS occurred_at,
            CASE WHEN b < 60 THEN 'activity' WHEN b < 75 THEN 'purchase' WHEN b < 80 THEN 'contact'
                 WHEN b < 82 THEN 'complaint' WHEN b < 88 THEN 'error' ELSE 'outreach_sent' END AS kind,
            ['app', 'web', 'store', 'phone', 'email'][(c % 5 + 1)::INTEGER] AS channel,
            CASE WHEN b BETWEEN 60 AND 74 THEN (c % 10000)::DECIMAL(18, 2) / 100 END AS amount,
            CASE WHEN b < 60 THEN (c % 3600)::DOUBLE END AS duration_s
        FROM drawn) TO '{folder}/events.parquet'""")


def configuration(families: tuple[str, ...]) -> str:
    """A configuration of the log."""
    return f"""
project: benchmark
engine: {{threads: {THREADS}, memory_limit: {MEMORY}}}
sources:
  - path: customers.parquet
    customers: {{customer_id: customer_id, signed_up_at: signed_up_at}}
  - path: events.parquet
    events:
      - kind: {{column: kind}}
        customer_id: customer_id
        occurred_at: occurred_at
        channel: channel
        amount: amount
        duration_s: duration_s
eligible: {{active_within_days: {ELIGIBLE_DAYS}}}
defection: {{by: inactivity, of: [{ENGAGEMENT}]}}
voice: {{kinds: [complaint]}}
snapshots: {{every: 30 days, horizon_days: 30}}
features: {{families: [{", ".join(families)}]}}
"""


@contextmanager
def opened(folder: Path, families: tuple[str, ...]) -> Iterator[tuple[Any, Any, Any]]:
    """Configuration, engine and canonical tables: the two files, the events stored as churnml always stores them."""
    import ibis

    from churnml.config import parse_config
    from churnml.contract import CUSTOMERS, EVENTS
    from churnml.engine import open_engine
    from churnml.sources import Canonical

    config = parse_config(configuration(families), "benchmark.yaml")
    with open_engine(config.engine) as engine:

        def table(name: str, schema: Any) -> Any:
            raw = engine.read(folder / f"{name}.parquet")
            given = {column: raw[column].cast(kind) for column, kind in schema.items() if column in raw.columns}
            if "occurred_at" in given:
                given["recorded_at"] = given["occurred_at"]
            return raw.select(**{column: given.get(column, ibis.null(kind)) for column, kind in schema.items()})

        events = engine.store(table("events", EVENTS), "events")
        yield config, engine, Canonical(table("customers", CUSTOMERS), events)


def filled() -> Any:
    """What the log has: a model knows that of the data it was trained on."""
    from churnml.features.registry import Inventory

    columns = frozenset({"customer_id", "occurred_at", "recorded_at", "channel"})
    extra = {ENGAGEMENT: {"duration_s"}, "purchase": {"amount"}}
    kinds = {kind: columns | extra.get(kind, set()) for kind in KINDS}
    return Inventory(kinds, ("app", "email", "phone", "store", "web"), frozenset({"customer_id", "signed_up_at"}))


def by_churnml(folder: Path, out: Path, families: tuple[str, ...] = ("recency",)) -> int:
    """The features as churnml builds them at a snapshot."""
    from churnml import dataset
    from churnml.features.build import build

    with opened(folder, families) as (config, engine, canonical):
        recipe = dataset.Recipe.of(config, filled())
        features = [feature for feature in recipe.features if feature.fitted is None]
        for part, books in enumerate(dataset.parted(canonical, engine)):
            view = dataset.held(books, config, AS_OF, engine)
            rows = build(view.spine, view.events, features, recipe.context)
            engine.backend.to_parquet(rows, out.with_suffix(f".{part}.parquet") if part else out)
    return len(features)


def whole_catalogue(folder: Path, out: Path) -> int:
    """All families, as far as the log has their inputs."""
    from churnml.features.registry import FAMILIES

    return by_churnml(folder, out, FAMILIES)


def by_hand(folder: Path, out: Path) -> int:
    """The same columns as one query, written by hand for DuckDB."""
    import duckdb

    counts = [
        f"count(*) FILTER (kind = '{kind}' AND age <= {days}) AS {kind}_events_{days}d"
        for kind in KINDS
        if kind != ENGAGEMENT
        for days in (30, 90)
    ]
    since = [f"min(age) FILTER (kind = '{kind}') AS days_since_{kind}" for kind in KINDS if kind != ENGAGEMENT]
    engaged = [f"count(*) FILTER (engaged AND age <= {days}) AS engagement_{days}d" for days in (7, 30, 90, 180)]
    active = [f"count(*) FILTER (age <= {days}) AS active_days_{days}d" for days in (7, 30, 90, 180)]

    def trend(recent: str, longer: str) -> str:
        baseline = "nullif(least(days_since_first_engagement, 180) - 30, 0)"
        return (
            f"CASE WHEN {baseline} >= 14 THEN ({recent} / 30.0) / "
            f"nullif(({longer} - {recent}) / {baseline}::DOUBLE, 0) END"
        )

    query = f"""
    WITH seen AS (
        SELECT customer_id, kind, kind = '{ENGAGEMENT}' AS engaged, duration_s,
            datediff('day', occurred_at::DATE, DATE '{AS_OF}') AS age
        FROM '{folder}/events.parquet' WHERE occurred_at < TIMESTAMP '{AS_OF}'
    ), per_customer AS (
        SELECT customer_id, {", ".join(counts + since + engaged)}, min(age) AS days_since_event,
            min(age) FILTER (engaged) AS days_since_engagement,
            max(age) FILTER (engaged) AS days_since_first_engagement,
            count(*) FILTER (engaged AND age <= 14) - 2 * count(*) FILTER (engaged AND age > 14 AND age <= 28)
                + count(*) FILTER (engaged AND age > 28 AND age <= 42) AS acceleration_14d,
            avg(duration_s) FILTER (engaged AND age <= 30) AS session_seconds_30d,
            avg(duration_s) FILTER (engaged AND age > 30 AND age <= 180) AS earlier_seconds
        FROM seen GROUP BY customer_id
    ), days AS (
        SELECT DISTINCT customer_id, age FROM seen WHERE engaged
    ), gaps AS (
        SELECT customer_id, age, lead(age) OVER newest_first - age AS gap, first(age) OVER newest_first AS silence
        FROM days WINDOW newest_first AS (PARTITION BY customer_id ORDER BY age)
    ), per_day AS (
        SELECT customer_id, {", ".join(active)}, median(gap) AS usual_gap_days, max(gap) AS longest_gap_days,
            stddev_pop(gap) / avg(gap) AS gap_variation,
            count(*) FILTER (gap <= silence) / nullif(count(gap), 0) AS silence_percentile
        FROM gaps GROUP BY customer_id
    ), weeks AS (
        SELECT customer_id, (age - 1) // 7 AS week, count(*) AS days FROM days WHERE age <= 182 GROUP BY ALL
    ), usual AS (
        SELECT customer_id, week, days,
            sum(days) OVER everything / (max(week) OVER everything + 1) AS usual_days
        FROM weeks WINDOW everything AS (PARTITION BY customer_id)
    ), per_week AS (
        SELECT customer_id, min(week) FILTER (days * 2 >= usual_days) AS quiet_streak_weeks
        FROM usual GROUP BY customer_id
    )
    SELECT per_customer.* EXCLUDE (earlier_seconds), per_day.* EXCLUDE (customer_id),
        coalesce(quiet_streak_weeks, 26) AS quiet_streak_weeks,
        days_since_engagement / nullif(usual_gap_days, 0) AS overdue_ratio,
        days_since_engagement / nullif(longest_gap_days, 0) AS silence_to_longest_gap,
        {trend("engagement_30d", "engagement_180d")} AS trend_30d,
        {trend("active_days_30d", "active_days_180d")} AS active_days_trend_30d,
        session_seconds_30d / nullif(earlier_seconds, 0) AS session_length_ratio_30d
    FROM per_customer JOIN per_day USING (customer_id) LEFT JOIN per_week USING (customer_id)
    WHERE days_since_engagement <= {ELIGIBLE_DAYS}"""
    with tempfile.TemporaryDirectory() as spill:
        options = {
            "threads": THREADS,
            "memory_limit": MEMORY,
            "temp_directory": spill,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=options) as connection:
            connection.execute(f"COPY ({query}) TO '{out}'")
    return 0


def by_polars(folder: Path, out: Path) -> int:
    """The same columns in Polars' lazy frames, streaming."""
    import polars as pl

    age, kind, gap = pl.col("age"), pl.col("kind"), pl.col("gap")
    engaged = kind == ENGAGEMENT
    seen = (
        pl.scan_parquet(folder / "events.parquet")
        .filter(pl.col("occurred_at") < pl.lit(AS_OF).cast(pl.Datetime("us")))
        .select(
            "customer_id",
            "kind",
            "duration_s",
            age=(pl.lit(AS_OF) - pl.col("occurred_at").dt.date()).dt.total_days().cast(pl.Int32),
        )
    )
    columns = [age.min().alias("days_since_event"), age.filter(engaged).max().alias("days_since_first_engagement")]
    for name in KINDS:
        last = "engagement" if name == ENGAGEMENT else name
        columns.append(age.filter(kind == name).min().alias(f"days_since_{last}"))
        if name != ENGAGEMENT:
            columns += [
                ((kind == name) & (age <= n)).sum().cast(pl.Int64).alias(f"{name}_events_{n}d") for n in (30, 90)
            ]
    columns += [(engaged & (age <= n)).sum().cast(pl.Int64).alias(f"engagement_{n}d") for n in (7, 30, 90, 180)]
    columns += [
        (engaged & (age > older - 14) & (age <= older)).sum().cast(pl.Int64).alias(f"_fortnight_{older}")
        for older in (14, 28, 42)
    ]
    columns += [
        pl.col("duration_s").filter(engaged & (age <= 30)).mean().alias("session_seconds_30d"),
        pl.col("duration_s").filter(engaged & (age > 30) & (age <= 180)).mean().alias("_earlier_seconds"),
    ]
    per_customer = seen.group_by("customer_id").agg(columns)
    days = seen.filter(engaged).select("customer_id", "age").unique()
    gaps = days.sort("customer_id", "age").with_columns(
        gap=pl.when(pl.col("customer_id") == pl.col("customer_id").shift(-1)).then(age.shift(-1) - age)
    )
    per_day = gaps.group_by("customer_id").agg(
        *((age <= n).sum().cast(pl.Int64).alias(f"active_days_{n}d") for n in (7, 30, 90, 180)),
        gap.median().alias("usual_gap_days"),
        gap.max().alias("longest_gap_days"),
        (gap.std(ddof=0) / gap.mean()).alias("gap_variation"),
        ((gap <= age.min()).sum() / gap.count()).alias("silence_percentile"),
    )
    weeks = days.filter(age <= 182).group_by("customer_id", ((age - 1) // 7).alias("week")).agg(pl.len().alias("days"))
    usual = weeks.group_by("customer_id").agg(usual=pl.col("days").sum() / (pl.col("week").max() + 1))
    per_week = (
        weeks.join(usual, on="customer_id")
        .filter(pl.col("days") * 2 >= pl.col("usual"))
        .group_by("customer_id")
        .agg(quiet_streak_weeks=pl.col("week").min())
    )
    since, first = pl.col("days_since_engagement"), pl.col("days_since_first_engagement")
    baseline = first.clip(upper_bound=180) - 30

    def trend(recent: pl.Expr, longer: pl.Expr) -> pl.Expr:
        earlier = (longer - recent) / pl.when(baseline >= 14).then(baseline)
        return recent / 30 / pl.when(earlier != 0).then(earlier)

    rows = (
        per_customer.join(per_day, on="customer_id")
        .join(per_week, on="customer_id", how="left")
        .filter(since <= ELIGIBLE_DAYS)
        .with_columns(
            pl.col("quiet_streak_weeks").fill_null(26),
            overdue_ratio=since / pl.col("usual_gap_days"),
            silence_to_longest_gap=since / pl.col("longest_gap_days"),
            trend_30d=trend(pl.col("engagement_30d"), pl.col("engagement_180d")),
            active_days_trend_30d=trend(pl.col("active_days_30d"), pl.col("active_days_180d")),
            acceleration_14d=pl.col("_fortnight_14") - 2 * pl.col("_fortnight_28") + pl.col("_fortnight_42"),
            session_length_ratio_30d=pl.col("session_seconds_30d") / pl.col("_earlier_seconds"),
        )
    )
    rows = rows.with_columns(pl.col("silence_percentile").fill_nan(None), pl.col("gap_variation").fill_nan(None))
    rows.drop("_fortnight_14", "_fortnight_28", "_fortnight_42", "_earlier_seconds").sink_parquet(out)
    return 0


def by_pandas(folder: Path, out: Path) -> int:
    """The same columns in pandas, all in memory."""
    import numpy as np
    import pandas as pd

    seen = pd.read_parquet(folder / "events.parquet", columns=["customer_id", "occurred_at", "kind", "duration_s"])
    seen = seen.astype({"customer_id": "category", "kind": "category"})
    seen = seen[seen["occurred_at"] < pd.Timestamp(AS_OF)]
    seen["age"] = (pd.Timestamp(AS_OF) - seen.pop("occurred_at").dt.normalize()).dt.days.astype("int32")

    def per(rows: pd.DataFrame) -> Any:
        return rows.groupby("customer_id", observed=True)

    made: dict[str, Any] = {"days_since_event": per(seen)["age"].min()}
    zero = []
    for kind in KINDS:
        of_kind = seen[seen["kind"] == kind]
        made[f"days_since_{'engagement' if kind == ENGAGEMENT else kind}"] = per(of_kind)["age"].min()
        name, windows = ("engagement", (7, 30, 90, 180)) if kind == ENGAGEMENT else (f"{kind}_events", (30, 90))
        for days in windows:
            zero.append(f"{name}_{days}d")
            made[zero[-1]] = per(of_kind[of_kind["age"] <= days]).size()
    engaged = seen[seen["kind"] == ENGAGEMENT]
    made["days_since_first_engagement"] = per(engaged)["age"].max()
    made["session_seconds_30d"] = per(engaged[engaged["age"] <= 30])["duration_s"].mean()
    earlier = per(engaged[engaged["age"].between(31, 180)])["duration_s"].mean()
    fortnights = [per(engaged[engaged["age"].between(older - 13, older)]).size() for older in (14, 28, 42)]
    days = engaged[["customer_id", "age"]].drop_duplicates().sort_values(["customer_id", "age"])
    days["gap"] = per(days)["age"].shift(-1) - days["age"]
    days["short"] = days["gap"] <= per(days)["age"].transform("min")
    for n in (7, 30, 90, 180):
        zero.append(f"active_days_{n}d")
        made[zero[-1]] = per(days[days["age"] <= n]).size()
    gaps = per(days)["gap"]
    made |= {"usual_gap_days": gaps.median(), "longest_gap_days": gaps.max()}
    made["gap_variation"] = gaps.std(ddof=0) / gaps.mean()
    made["silence_percentile"] = per(days)["short"].sum() / gaps.count().replace(0, np.nan)
    weeks = days[days["age"] <= 182].assign(week=(days["age"] - 1) // 7)
    weeks = weeks.groupby(["customer_id", "week"], observed=True).size().rename("days").reset_index()
    usual = per(weeks)["days"].transform("sum") / (per(weeks)["week"].transform("max") + 1)
    made["quiet_streak_weeks"] = per(weeks[weeks["days"] * 2 >= usual])["week"].min()
    rows = pd.DataFrame(made)
    rows = rows[rows["days_since_engagement"] <= ELIGIBLE_DAYS].copy()
    rows[zero] = rows[zero].fillna(0)
    rows["quiet_streak_weeks"] = rows["quiet_streak_weeks"].fillna(26)
    since = rows["days_since_engagement"]
    rows["overdue_ratio"] = since / rows["usual_gap_days"]
    rows["silence_to_longest_gap"] = since / rows["longest_gap_days"]
    baseline = rows["days_since_first_engagement"].clip(upper=180) - 30
    for name, of in (("trend_30d", "engagement"), ("active_days_trend_30d", "active_days")):
        recent, longer = rows[f"{of}_30d"], rows[f"{of}_180d"]
        rows[name] = (recent / 30) / ((longer - recent) / baseline.where(baseline >= 14)).replace(0, np.nan)
    newest, middle, oldest = (part.reindex(rows.index, fill_value=0) for part in fortnights)
    rows["acceleration_14d"] = newest - 2 * middle + oldest
    rows["session_length_ratio_30d"] = rows["session_seconds_30d"] / earlier
    rows.reset_index().astype({"customer_id": str}).to_parquet(out)
    return 0


def by_featuretools(folder: Path, out: Path) -> int:
    """What Featuretools has of it, on a slice of the customers: counts, last times and gaps in three windows."""
    import featuretools as ft
    import pandas as pd

    chosen = [f"c{number:09}" for number in range(SLICE)]
    events = pd.read_parquet(folder / "events.parquet", filters=[("customer_id", "in", chosen)])
    events["event_id"] = range(len(events))
    entities = ft.EntitySet("log")
    entities.add_dataframe(events, "events", index="event_id", time_index="occurred_at", already_sorted=False)
    entities.normalize_dataframe("events", "customers", index="customer_id")
    entities.add_interesting_values(dataframe_name="events", values={"kind": list(KINDS)})
    made = 0
    for days in (7, 30, 90):
        matrix, features = ft.dfs(
            entityset=entities,
            target_dataframe_name="customers",
            cutoff_time=pd.DataFrame({"customer_id": chosen, "time": pd.Timestamp(AS_OF)}),
            training_window=f"{days} days",
            agg_primitives=["count", "time_since_last"]
            if days < 90
            else ["count", "time_since_last", "avg_time_between"],
            where_primitives=["count", "time_since_last"],
            trans_primitives=[],
            n_jobs=1,
        )
        made += len(features)
    matrix.to_parquet(out)
    return made


def many_snapshots(folder: Path, out: Path, snapshots: int) -> int:
    """The labelled data set of the last `snapshots` of twelve months; families recency and channels."""
    from churnml import dataset

    with opened(folder, ("recency", "channels")) as (config, engine, canonical):
        recipe = dataset.Recipe.of(config, filled())
        days = [date(2023, month, 1) for month in range(1, 13)][-snapshots:]
        made = dataset.build(canonical, config, engine, days, recipe, labels_known_at=AS_OF)
        return len(made)


WAYS = {
    "churnml": by_churnml,
    "by hand (DuckDB)": by_hand,
    "Polars": by_polars,
    "pandas": by_pandas,
    "Featuretools": by_featuretools,
    "churnml, whole catalogue": whole_catalogue,
    "1": lambda folder, out: many_snapshots(folder, out, 1),
    "12": lambda folder, out: many_snapshots(folder, out, 12),
}
IMPORTS = {"Polars": ["polars"], "pandas": ["pandas"], "Featuretools": ["featuretools"], "by hand (DuckDB)": ["duckdb"]}
CHURNML = ["churnml.dataset", "churnml.engine", "churnml.features.build", "ibis", "pandas"]


def alone(way: str, folder: Path, out: Path) -> None:
    """Run one way in this process, and print what it took."""
    for module in IMPORTS.get(way, CHURNML):
        importlib.import_module(module)
    start = time.perf_counter()
    made = WAYS[way](folder, out)
    spent = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor = used.ru_utime + used.ru_stime
    print(json.dumps({"seconds": spent, "processor": processor, "gigabytes": peak_memory(), "made": made}))


def peak_memory() -> float:
    """The largest resident size of this process so far, in GB.

    Linux tells it apart from that of the process that started this one, which `getrusage` takes in.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def run(way: str, folder: Path, python: str = sys.executable) -> dict[str, float]:
    """Run one way in a process of its own: its seconds, its peak memory in GB, and what it made."""
    command = [python, __file__, "alone", way, str(folder), str(folder / f"{way}.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{way}: {done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{way:28}{result['seconds']:9.1f} s {result['gigabytes']:6.2f} GB", flush=True)
    return result


def in_turn(ways: dict[str, str], folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """The medians of some ways that take turns; `ways` has the interpreter of each."""
    seen: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, python in ways.items():
            seen[way].append(run(way, folder, python))
    return {
        way: {
            "seconds": statistics.median(each["seconds"] for each in runs),
            "gigabytes": max(each["gigabytes"] for each in runs),
            "made": runs[0]["made"],
        }
        for way, runs in seen.items()
    }


def same_answers(folder: Path, ways: list[str]) -> int:
    """How many columns the answers share; the program ends if one of them differs by more than 1e-9."""
    import numpy as np
    import pandas as pd

    def answer(way: str) -> pd.DataFrame:
        parts = [folder / f"{way}.parquet", *folder.glob(f"{way}.[0-9]*.parquet")]
        return pd.concat(map(pd.read_parquet, parts)).set_index("customer_id").sort_index()

    first, *others = map(answer, ways)
    for way, other in zip(ways[1:], others, strict=True):
        if set(other) != set(first) or not other.index.equals(first.index):
            sys.exit(f"{way} has other customers or columns than {ways[0]}")
        for name in first:
            if not np.allclose(first[name].astype(float), other[name].astype(float), 1e-9, 1e-9, equal_nan=True):
                sys.exit(f"{way} differs from {ways[0]} in {name}")
    return first.shape[1]


def contest(folder: Path, customers: int, rounds: int, featuretools: str | None) -> dict[str, Any]:
    """All contestants on one log."""
    write_log(folder, customers, 50)
    ways = dict.fromkeys(["churnml", "by hand (DuckDB)", "Polars", "pandas"], sys.executable)
    figures = in_turn(ways, folder, rounds)
    columns = same_answers(folder, list(ways))
    figures |= in_turn({"churnml, whole catalogue": sys.executable}, folder, 1)
    if featuretools is not None:
        figures["Featuretools"] = run("Featuretools", folder, featuretools)
    base = figures["by hand (DuckDB)"]["seconds"]
    print(f"\n| {customers:,} customers, {50 * customers:,} events | columns | seconds | against by hand | GB |")
    print("|---|---|---|---|---|")
    for way, each in figures.items():
        made = int(each["made"]) or columns
        ratio = each["seconds"] / base
        if way == "Featuretools":  # per customer and column, on its slice
            ratio = (each["seconds"] / SLICE / made) / (base / customers / columns)
        print(f"| {way} | {made} | {each['seconds']:,.1f} | {ratio:,.2f} | {each['gigabytes']:.2f} |")
        each["ratio"] = ratio
    return figures


def growth(folder: Path, sizes: list[int]) -> dict[str, Any]:
    """Time and memory of churnml on the first customers of a log with 50 events each, and on all."""
    import duckdb

    write_log(folder / "all", max(sizes) // 50, 50)
    figures = {}
    for events in sizes:
        part = folder / "part"
        part.mkdir(exist_ok=True)
        for name in ("customers", "events"):
            rows = f"SELECT * FROM '{folder}/all/{name}.parquet' WHERE customer_id < 'c{events // 50:09}'"
            duckdb.sql(f"COPY ({rows}) TO '{part}/{name}.parquet'")
        figures[str(events)] = run("churnml", part)
    print("\n| events | seconds | seconds per 10 million | GB |\n|---|---|---|---|")
    for events, each in figures.items():
        per = each["seconds"] / int(events) * 1e7
        print(f"| {int(events):,} | {each['seconds']:.1f} | {per:.2f} | {each['gigabytes']:.2f} |")
    return figures


def snapshots(folder: Path, rounds: int) -> dict[str, Any]:
    """Twelve monthly snapshots against one."""
    figures = {}
    for name, customers, per_customer, active in (("sparse", 200_000, 50, None), ("dense", 20_000, 1000, 60)):
        write_log(folder, customers, per_customer, active)
        figures[name] = in_turn({"1": sys.executable, "12": sys.executable}, folder, rounds)
    print("\n| log | one snapshot, s | twelve, s | ratio |\n|---|---|---|---|")
    for name, each in figures.items():
        one, twelve = each["1"]["seconds"], each["12"]["seconds"]
        print(f"| {name} | {one:.1f} | {twelve:.1f} | {twelve / one:.2f} |")
    return figures


def draw(results: dict[str, Any], out: Path) -> None:
    """Three panels: the contestants, growth, and snapshots."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams |= {"svg.hashsalt": "churnml", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    ours, others = "#0b6e6e", "#b8b2a7"
    ways = [way for way in ("churnml", "by hand (DuckDB)", "Polars", "pandas") if way in results["contest"]]
    seconds = [results["contest"][way]["seconds"] for way in ways]
    bars = left.barh(ways[::-1], seconds[::-1], color=[ours if way == "churnml" else others for way in ways[::-1]])
    left.bar_label(bars, fmt="%.0f s", padding=3)
    left.set_title("38 columns, 50 million events", loc="left")
    left.set_xlim(right=max(seconds) * 1.2)
    events = [int(size) / 1e6 for size in results["growth"]]
    spent = [each["seconds"] for each in results["growth"].values()]
    middle.plot(events, spent, marker="o", color=ours)
    middle.set_title("Seconds by millions of events", loc="left")
    middle.set_ylim(bottom=0)
    for size, each in zip(events, results["growth"].values(), strict=True):
        middle.annotate(
            f"{each['gigabytes']:.1f} GB", (size, each["seconds"]), xytext=(5, -11), textcoords="offset points"
        )
    middle.set_xlim(0, max(events) * 1.2)
    kinds = list(results["snapshots"])
    ratios = [each["12"]["seconds"] / each["1"]["seconds"] for each in results["snapshots"].values()]
    bars = right.bar([f"{kind} log" for kind in kinds], ratios, width=0.5, color=ours)
    right.bar_label(bars, fmt="%.1f times")
    right.axhline(12, color=others, linewidth=1)
    right.set_title("Twelve snapshots against one", loc="left")
    figure.savefig(out, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what features cost.")
    parser.add_argument("what", choices=["contest", "growth", "snapshots", "draw", "alone"])
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often each takes its turn")
    parser.add_argument("--largest", type=int, default=200_000_000, help="events that growth ends with")
    parser.add_argument("--featuretools", help="an interpreter that has Featuretools")
    options = parser.parse_args()
    if options.what == "alone":
        way, folder, out = options.rest
        return alone(way, Path(folder), Path(out))
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if options.what == "draw":
        return draw(results, RESULTS.with_suffix(".svg"))
    with tempfile.TemporaryDirectory(prefix="churnml-features-") as name:
        folder = Path(name)
        if options.what == "contest":
            found = contest(folder, options.customers, options.rounds, options.featuretools)
        elif options.what == "growth":
            found = growth(folder, [options.largest // part for part in (8, 4, 2, 1)])
        else:
            found = snapshots(folder, options.rounds)
    RESULTS.write_text(json.dumps(results | {options.what: found}, indent=1) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
