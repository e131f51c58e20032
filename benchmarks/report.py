"""How long the report of a large night takes, and how large it is.

python benchmarks/report.py                                   after `make demo`: 100,000 customers, 30 earlier nights
python benchmarks/report.py --rows 1000000 --nights 7         a million

The night is that of the demo, its rows drawn with replacement under new ids, and so are the nights before it; the page
is built as `churnml report` builds it, with every file held against its manifest first.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from churnml.config import load_config
from churnml.scoring.job import run_id
from churnml.scoring.night import Run
from churnml.scoring.publish import Publication
from churnml.workflows.night import FACTS_FILE, publication
from churnml.workflows.report import report


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the report of a large night.")
    parser.add_argument("--config", type=Path, default=Path("demo/data/telecom.yaml"))
    parser.add_argument("--models", default="demo/models")
    parser.add_argument("--published", default="demo/published")
    parser.add_argument("--rows", type=int, default=100_000, help="customers scored")
    parser.add_argument("--nights", type=int, default=30, help="nights before it")
    options = parser.parse_args()
    small = load_config(options.config).with_paths(options.models, options.published)
    with tempfile.TemporaryDirectory(prefix="churnml-report-") as folder:
        config = small.with_paths(options.models, folder)
        enlarge(publication(small), publication(config), options.rows, options.nights)
        begun, busy = time.perf_counter(), time.process_time()
        path = report(config)
        seconds, processor = time.perf_counter() - begun, time.process_time() - busy
        size = path.stat().st_size
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.rows:,} customers, {options.nights} nights before")
    print(f"{seconds:.1f} s ({processor:.1f} s of processor time), {size / 1e6:.2f} MB of page")
    print(f"{memory:.0f} MB of memory, with the making of the nights")


def enlarge(small: Publication, large: Publication, rows: int, nights: int) -> None:
    """Publish nights of `rows` customers, drawn from the current night of `small`, the newest last."""
    night = small.verify()
    scores, manifest = night.scores(), night.manifest()
    facts = (night.folder / FACTS_FILE).read_bytes()
    for back in range(nights, -1, -1):
        draw = np.random.default_rng(back)
        drawn = scores.take(pa.array(draw.integers(0, scores.num_rows, rows)))
        as_of = night.as_of - timedelta(days=back)
        columns = {
            "customer_id": pa.array([f"c{number:08d}" for number in range(rows)]),
            "as_of": pa.array([as_of] * rows, pa.date32()),
        }
        for name, column in columns.items():
            place = drawn.schema.get_field_index(name)
            drawn = drawn.set_column(place, drawn.schema.field(place), column)
        run = replace(Run.of(manifest), as_of=as_of, run_id=run_id(night=manifest["run_id"], back=back))
        with large.lock():
            large.publish(drawn, run, {FACTS_FILE: facts})


if __name__ == "__main__":
    main()
