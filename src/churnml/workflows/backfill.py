"""Many nights, oldest first, each as it was known then."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from churnml.config import Config
from churnml.errors import ChurnmlError, ConfigError
from churnml.scoring.publish import publication
from churnml.workflows.business import Progress, open_business, silently
from churnml.workflows.deliver import check_sinks
from churnml.workflows.endings import REFUSAL, noted
from churnml.workflows.night import Scorer, moment_of

log = logging.getLogger(__name__)
PATIENCE_S = 600


@dataclass
class Backfilled:
    """What became of each night."""

    published: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {"published": self.published, "skipped": self.skipped, "refused": self.refused}


def backfill(
    config: Config,
    first: date,
    last: date,
    *,
    every: int = 1,
    root: Path | None = None,
    progress: Progress = silently,
) -> Backfilled:
    """Score the nights from `first` to `last`, each with what was recorded before it began.

    A night that the same model and configuration have published, and that is whole, is skipped, so that a killed
    backfill goes on where it was. The sources are read once. A refused night does not keep the later ones from
    being scored. The lock is held night by night: the job of tonight finds a moment in between.

    Raises
    ------
    ConfigError
        The first night is after the last.
    DataError, ModelError, LockError
        As `score`, where all nights are concerned.
    """
    if first > last:
        raise ConfigError(f"--from {first} is after --to {last}", "give the earlier day first")
    days = [first + timedelta(days=number) for number in range(0, (last - first).days + 1, every)]
    check_sinks(config)
    scorer, place, done = Scorer.of(config), publication(config), Backfilled()
    found = {day: night for day in days if (night := scorer.done(day, moment_of(day, None))) is not None}
    done.skipped += [night.name for night in found.values()]
    if len(found) == len(days):
        return done
    with open_business(config, root, progress) as business:
        for number, day in enumerate(days):
            progress("backfilling", number, len(days))
            if day in found:
                continue
            try:
                with noted(config, day) as ending, place.lock(wait_s=PATIENCE_S):
                    scored = ending.well(scorer.publish(business, day, moment_of(day, None), silently))
                done.published.append(scored.night.name)
            except ChurnmlError as error:
                if error.exit_code != REFUSAL:
                    raise
                done.refused[day.isoformat()] = str(error)
    progress("backfilling", len(days), len(days))
    return done
