"""What the insights cost: seconds and memory of `churnml insights` on a large log.

python benchmarks/insights_scale.py                                   a million customers, 30 million events
python benchmarks/insights_scale.py --customers 100000 --events 3000000

The log is that of `benchmarks/features.py`, and beside it cases with replies, surveys and promises: one such event for
every five of the others. The command runs as a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from features import AS_OF, DAYS, configuration, write_log

KINDS = ("case_opened", "case_responded", "survey_sent", "survey_answered", "promise_made", "promise_kept")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure churnml insights on a large log.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=30_000_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a log that was written before, or is to be kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="churnml-scale-") as other:
        folder = options.keep or Path(other)
        if not (folder / "service.parquet").is_file():
            write(folder, options.customers, options.events)
        rows = sum(count(folder / f"{name}.parquet") for name in ("events", "service"))
        begun = time.perf_counter()
        command = [sys.executable, "-m", "churnml", "insights", str(folder / "benchmark.yaml"), "--json"]
        with open(os.devnull, "w") as nowhere:
            subprocess.run(command, check=True, stdout=nowhere)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{count(folder / 'customers.parquet'):,} customers, {rows:,} events: {time.perf_counter() - begun:,.0f} s "
            f"({used.ru_utime + used.ru_stime:,.0f} s of processor time), {used.ru_maxrss / 2**20:.2f} GB at most"
        )


def write(folder: Path, customers: int, events: int) -> None:
    """The two logs, the customers, who sign up over the first half of the year, and the configuration."""
    more = events // 6
    write_log(folder, customers, (events - more) // customers)
    pairs = more // 2
    duckdb.sql(f"""
        COPY (SELECT customer_id, TIMESTAMP '{AS_OF}' - to_days((hash(customer_id) % {2 * DAYS})::INTEGER)
              AS signed_up_at FROM '{folder}/customers.parquet') TO '{folder}/people.parquet'""")
    (folder / "people.parquet").replace(folder / "customers.parquet")
    duckdb.sql(f"""
        COPY (WITH drawn AS (
            SELECT i, hash(i, 5) % {customers} AS customer, hash(i, 6) AS a, hash(i, 7) % 3 AS b, hash(i, 8) AS c
            FROM range({pairs}) AS t(i)),
        opened AS (SELECT *, TIMESTAMP '{AS_OF}' - to_days((a % {DAYS} + 1)::INTEGER)
            + to_seconds((c % 86400)::BIGINT) AS began FROM drawn)
        SELECT 'c' || lpad(customer::VARCHAR, 9, '0') AS customer_id, kind,
            CASE WHEN later THEN began + to_seconds((a % 400000)::BIGINT) ELSE began END AS occurred_at,
            CASE WHEN b <> 1 THEN 'k' || i::VARCHAR END AS case_id,
            CASE WHEN b = 2 AND NOT later THEN began + to_days(3) END AS due_at,
            CASE WHEN b = 1 AND later THEN (c % 11)::DOUBLE / 10 END AS rating
        FROM (SELECT *, FALSE AS later, {list(KINDS[::2])}[(b + 1)::INTEGER] AS kind FROM opened
              UNION ALL SELECT *, TRUE, {list(KINDS[1::2])}[(b + 1)::INTEGER] FROM opened WHERE c % 3 > 0)
        WHERE occurred_at < TIMESTAMP '{AS_OF}') TO '{folder}/service.parquet'""")
    second = """
  - path: service.parquet
    events:
      - kind: {column: kind}
        customer_id: customer_id
        occurred_at: occurred_at
        case_id: case_id
        due_at: due_at
        rating: rating
eligible:"""
    text = configuration(("recency",)).replace("\neligible:", second) + "repairs: [events_before_sign_up]\n"
    (folder / "benchmark.yaml").write_text(text, encoding="utf-8")


def count(path: Path) -> int:
    """The rows of a Parquet file."""
    return int(pq.read_metadata(path).num_rows)


if __name__ == "__main__":
    main()
