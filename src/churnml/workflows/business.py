"""What every job begins with: the configured data, mapped, checked and open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from churnml import timeline
from churnml.config import Config, load_config
from churnml.engine import Engine, open_engine
from churnml.errors import ConfigError
from churnml.pseudonyms import Suppressed
from churnml.sources import Canonical
from churnml.sources import build as build_sources
from churnml.workflows.logs import stage

if TYPE_CHECKING:
    from churnml.contract import ContractReport

log = logging.getLogger(__name__)


class Progress(Protocol):
    """Told how far a step has come: its name, how much is done, out of how much."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """One more piece of `step` is done."""


def silently(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


P = ParamSpec("P")
Made = TypeVar("Made")


def takes_path(job: Callable[Concatenate[Config, P], Made]) -> Callable[Concatenate[Config | str | Path, P], Made]:
    """A job that is given a configuration, or the path of its file.

    >>> takes_path(lambda config: config.project)(7)
    Traceback (most recent call last):
    churnml.errors.ConfigError: the configuration is an int; give what churnml.load_config gives, or the path of a file
    """

    @wraps(job)
    def with_config(config: Config | str | Path, *args: P.args, **options: P.kwargs) -> Made:
        if isinstance(config, str | Path):
            config = load_config(config)
        if not isinstance(config, Config):
            kind = type(config).__name__
            raise ConfigError(
                f"the configuration is a{'n' * (kind[0] in 'aeiou')} {kind}",
                "give what churnml.load_config gives, or the path of a file",
            )
        return job(config, *args, **options)

    return with_config  # type: ignore[return-value]  # mypy would forbid config by its name


@dataclass(frozen=True)
class Business:
    """An open engine with the canonical tables in it."""

    config: Config
    engine: Engine
    canonical: Canonical
    contract: ContractReport
    first_day: date
    known_at: date
    first_eligible_day: date

    def snapshots(self, known_at: date | None = None) -> tuple[date, ...]:
        """The snapshots that are mature at `known_at` (default: all that the data knows).

        Before the first of them the books hold `eligible.active_within_days` of what makes customers eligible: other
        kinds of event may begin years earlier, when nobody could be on the list.
        """
        earliest = self.first_eligible_day + timedelta(days=self.config.eligible.active_within_days)
        return timeline.snapshot_dates(self.config.snapshots, earliest, known_at or self.known_at)


def data_root(config: Config, root: Path | None = None, progress: Progress = silently) -> Path:
    """The folder in which the sources' relative paths begin; public data sets are fetched if need be."""
    if root is not None:
        return root
    if config.data.loader is not None:
        from churnml.datasets.public import locate

        return locate(config.data.loader, progress=lambda done, total: progress("fetching the data", done, total))
    home = config.file.parent if config.file else Path()
    return home / config.data.root


@contextmanager
def open_business(config: Config, root: Path | None = None, progress: Progress = silently) -> Iterator[Business]:
    """Read, map and check the configured data.

    Raises
    ------
    DataError
        The data is missing, empty or unreadable.
    ContractError
        It breaks the contract; the message lists every violation.
    """
    folder = data_root(config, root, progress)
    with open_engine(config.engine, config.timezone) as engine:
        progress("reading the sources", 0, 1)
        suppressed = Suppressed.load(Path(config.paths.models), config.project)
        with stage(log, "read") as event:
            canonical = build_sources(config, engine, folder, suppressed.among if suppressed else None)
            event["files"], event["bytes"] = len(canonical.files), sum(file.size for file in canonical.files)
        with stage(log, "contract"):
            report = canonical.report(engine, config)
            report.raise_if_refused()
        for violation in report.violations:
            log.warning("%s", violation)
        span = timeline.recorded_span(canonical, engine, config.eligible_kinds)
        progress("reading the sources", 1, 1)
        yield Business(config, engine, canonical, report, *span)
