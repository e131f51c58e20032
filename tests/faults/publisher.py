"""A process that works on demand in children of its own, each of which may be killed or run into a broken disk.

Reads one JSON object a line: `root`, either `jobs` (see `JOBS`) or a `command` line of churnml, and perhaps
`kill_after` so many seconds, or `fail` with `at`, `error` and `sticky`. Answers, when the child has ended, with its
wait status and how many writing calls it made. Started with the argument `commands` it imports beforehand what these
need, so that a child does nothing but its work.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import tempfile
import time
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset  # what the children would import, each anew

from churnml.errors import ChurnmlError
from churnml.scoring.job import run_id
from churnml.scoring.journal import Entry, note
from churnml.scoring.publish import Publication, Run
from churnml.scoring.sinks import SCORES

pa.set_cpu_count(1)
pa.set_io_thread_count(1)


def scores(day: date) -> pa.Table:
    row = {"as_of": day, "p_silent": 0.2, "p_vocal": 0.1, "p_retained": 0.7, "risk_band": "low", "model_version": "3",
           "run_id": "x", "schema_version": "1"}  # fmt: skip
    return pa.Table.from_pylist([row | {"customer_id": f"c{number}"} for number in range(500)], schema=SCORES)


def publish(place: Publication, day: str) -> None:
    night = date.fromisoformat(day)
    run = Run(run_id(day=night), "shop", night, night, "3")
    place.publish(scores(night), run, {"facts.json": b"{}" * 5_000})
    note(place.root, Entry("now", day, "published", 0))


def forget(place: Publication, customer: str) -> None:
    for night in place.nights():
        if not night.problems():
            place.republish_without(night, {customer})


NEEDED = (
    "churnml.workflows.score",
    "churnml.explanation.pattern_tables",
    "churnml.features.recency",
    "ibis.backends.duckdb",
    "lightgbm",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracking",
    "numba.typed",
    "pyarrow.pandas_compat",
    "rich.progress",
)
"""What a command imports, now or later; none of it starts a thread."""
JOBS: dict[str, Any] = {
    "publish": publish,
    "forget": forget,
    "rollback": lambda place, number: place.roll_back(place.nights()[int(number)].name),
    "retire": lambda place, days: place.retire(int(days)),
}


def command(arguments: list[str], said: str) -> int:
    """A command line of churnml; what it says goes to the file `said`."""
    from churnml.cli import main

    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        main(arguments)
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def child(order: dict[str, Any]) -> int:
    place = Publication(Path(order["root"]))
    if "fail" in order:
        how = order["fail"]
        ctypes.CDLL(None).churnml_fail(how["at"], how["error"], how["sticky"], order["root"].encode())
    try:
        if "command" in order:
            return command(order["command"], order["said"])
        for job, argument in order["jobs"]:
            with place.lock(wait_s=30):
                JOBS[job](place, argument)
    except ChurnmlError as error:
        return error.exit_code
    except OSError:
        return 71
    finally:
        if "fail" in order:
            os.write(order["answer"], str(ctypes.CDLL(None).churnml_calls()).encode())
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    if "commands" in sys.argv:
        for name in NEEDED:
            import_module(name)
        tempfile.gettempdir()  # looked for once, on a whole disk
    gc.disable()
    _say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        reading, order["answer"] = os.pipe()
        if (number := os.fork()) == 0:
            code = 70
            try:
                code = child(order)
            finally:
                os._exit(code)
        os.close(order["answer"])
        if "kill_after" in order:  # not yet waited for: the number is the child's, even if it has ended
            time.sleep(order["kill_after"])
            os.kill(number, signal.SIGKILL)
        _, status = os.waitpid(number, 0)
        _say(f"{status} {os.read(reading, 20).decode() or 0}")
        os.close(reading)


if __name__ == "__main__":
    main()
