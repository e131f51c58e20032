"""Takes a published night to where others read it, and tells somebody when there is none."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

from churnml.config import Config
from churnml.scoring.exports import check_columns, write_call_list
from churnml.scoring.night import Night
from churnml.workflows.logs import stage

log = logging.getLogger(__name__)
ALERT_PATIENCE_S = 60


def check_sinks(config: Config) -> None:
    """Raise a ConfigError when a sink is configured that cannot work, before a night is scored for it."""
    if config.scoring.sinks.csv is not None:
        check_columns(config.scoring.sinks.csv)


def deliver(config: Config, night: Night, withheld: Collection[str], *, current: bool) -> dict[str, Any]:
    """Write a night to the configured sinks; the same night twice changes nothing. Gives what went where.

    A call list is for today: an earlier night than the current one is not written to it. Customers who may not be
    contacted by now, `withheld`, are in neither.

    Raises
    ------
    LockError
        A sink is out of reach. The night stays published; the next run delivers it.
    ConfigError
        A sink cannot take it.
    """
    sinks = config.scoring.sinks
    delivered: dict[str, Any] = {}
    if sinks.csv is not None and current:
        with stage(log, "call list"):
            delivered["call_list"] = str(write_call_list(night.scores(), sinks.csv, withheld))
    if sinks.postgres is not None:
        from churnml.scoring.warehouse import write_rows

        with stage(log, "postgres") as event:
            event["rows"] = write_rows(night.scores(), night.as_of, sinks.postgres, withheld)
        delivered["postgres_rows_changed"] = event["rows"]
    return delivered


def alert(config: Config, as_of: date, exit_code: int, reason: str) -> None:
    """Run the configured command, with the refusal as JSON on its standard input. It never changes how the run ends."""
    if not config.scoring.alert:
        return
    told = {"project": config.project, "as_of": as_of.isoformat(), "exit_code": exit_code, "reason": reason}
    try:
        subprocess.run(
            list(config.scoring.alert),
            input=json.dumps(told) + "\n",
            text=True,
            timeout=ALERT_PATIENCE_S,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=config.file.parent if config.file else Path(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("the alert command %s failed: %s", config.scoring.alert[0], type(error).__name__)
