"""Looking at the published nights, and going back to an earlier one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.errors import DataError
from churnml.scoring.journal import PUBLISHED, UNCHANGED, Entry, entries
from churnml.scoring.night import Night
from churnml.scoring.publish import publication

NIGHTS = ("night", "as_of", "customers", "model", "warnings", "forgotten", "state")


@dataclass(frozen=True)
class Status:
    """Whether the night that readers see is the one expected, and whole."""

    night: str
    expected: date
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    last_run: Entry | None

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "good": self.good,
            "night": self.night or "none",
            "expected": self.expected.isoformat(),
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "last_run": asdict(self.last_run) if self.last_run else None,
        }


def status(config: Config, expected: date) -> Status:
    """Whether the current night is of the day `expected` (or later), whole, and not withdrawn."""
    place = publication(config)
    runs = entries(place.root)
    last = runs[-1] if runs else None
    try:
        night = place.current()
    except DataError as error:
        return Status("", expected, (str(error),), (), last)
    if night is None:
        return Status("", expected, ("nothing is published yet", *_reason(runs, expected)), (), last)
    problems = list(night.problems())
    warnings = () if problems else tuple(night.manifest()["warnings"])
    if night.as_of < expected:
        problems.append(f"the published night is {night.as_of}, {(expected - night.as_of).days} days before {expected}")
        problems += _reason(runs, expected)
    if night.name in place.withdrawn():
        problems.append(f"night {night.name} was rolled back, but readers still see it; run churnml rollback again")
    return Status(night.name, expected, tuple(problems), warnings, last)


def history(config: Config, last: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The newest nights and the newest runs, newest first, at most `last` of each.

    A night's `state` is current, published, withdrawn or damaged; damage is only looked for in the manifest here.
    """
    place = publication(config)
    try:
        current = place.current()
    except DataError:
        current = None
    withdrawn = place.withdrawn()
    nights = [_row(night, night == current, night.name in withdrawn) for night in place.nights()[::-1][:last]]
    runs = [asdict(entry) for entry in entries(place.root)[::-1][:last]]
    return pd.DataFrame(nights, columns=list(NIGHTS)), pd.DataFrame(runs, columns=list(Entry.__dataclass_fields__))


def rollback(config: Config, name: str | None = None) -> dict[str, Any]:
    """Show readers an earlier night, by default the one before; it must be whole.

    Raises
    ------
    DataError
        There is none, or it is damaged.
    LockError
        A run is under way.
    """
    place = publication(config)
    with place.lock():
        night = place.roll_back(name)
        report = place.root / "report.html"
        report.unlink(missing_ok=True)
    return {"night": night.name, "withdrawn": sorted(place.withdrawn()), "report": "removed; run churnml report"}


def verify(config: Config) -> dict[str, Any]:
    """Hash every file of the published night again.

    Raises
    ------
    DataError
        Nothing is published, or something is missing, added or changed.
    """
    night = publication(config).verify()
    return {"night": night.name, "rows": night.manifest()["rows"], "files": sorted(night.manifest()["files"])}


def _row(night: Night, current: bool, withdrawn: bool) -> dict[str, Any]:
    state = "current" if current else "withdrawn" if withdrawn else "published"
    try:
        told = night.manifest()
    except DataError:
        return {"night": night.name, "as_of": night.as_of.isoformat(), "state": "damaged"}
    return {
        "night": night.name,
        "as_of": night.as_of.isoformat(),
        "customers": told["rows"],
        "model": told["model_version"],
        "warnings": len(told["warnings"]),
        "forgotten": told.get("forgotten", 0),
        "state": state,
    }


def _reason(runs: tuple[Entry, ...], expected: date) -> list[str]:
    """Why the last run for the expected day did not publish it, if there was one."""
    tried = [run for run in runs if run.as_of == expected.isoformat()]
    if not tried or tried[-1].state in (PUBLISHED, UNCHANGED):
        return []
    return [f"the run of {tried[-1].at} was {tried[-1].state} (exit code {tried[-1].exit_code}): {tried[-1].reason}"]
