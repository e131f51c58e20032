"""A night as a sentence: take the champion, lock, read, pass the gates, score, explain, publish, deliver."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from churnml.config import Config
from churnml.scoring.publish import publication
from churnml.workflows.business import Progress, open_business, silently, takes_path
from churnml.workflows.champion import cards, champion, recipe_of
from churnml.workflows.deliver import check_sinks
from churnml.workflows.endings import noted
from churnml.workflows.night import FACTS_FILE, Rehearsed, Scored, Scorer, moment_of

__all__ = [
    "FACTS_FILE",
    "Rehearsed",
    "Scored",
    "cards",
    "champion",
    "recipe_of",
    "rehearse",
    "score",
]


@takes_path
def score(
    config: Config,
    as_of: date,
    *,
    known_at: datetime | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> Scored:
    """Score and explain every eligible customer as known at the start of `as_of`, publish all or nothing, deliver it.

    The same inputs twice publish once. What was published before stays whatever happens. How the run ended is noted in
    the journal, and a refusal is told by the configured alert.

    Raises
    ------
    ModelError
        There is no champion, or it does not fit the configuration or its own hash.
    DataError
        The data is refused: broken contract, too old for `as_of`, nobody to score, or one of the gates.
    LockError
        Another run of this project is under way, or a sink is out of reach.
    """
    with noted(config, as_of) as ending:
        check_sinks(config)
        scorer = Scorer.of(config)
        with publication(config).lock(), open_business(config, root, progress) as business:
            return ending.well(scorer.publish(business, as_of, moment_of(as_of, known_at), progress))


def rehearse(
    config: Config,
    as_of: date,
    *,
    known_at: datetime | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> Rehearsed:
    """Do all that `score` does but publish, deliver, note and alert: nothing under `paths.published` is touched.

    Raises what `score` raises, but for the lock, which it does not need.
    """
    check_sinks(config)
    scorer = Scorer.of(config)
    with open_business(config, root, progress) as business:
        return scorer.rehearse(business, as_of, moment_of(as_of, known_at), progress)
