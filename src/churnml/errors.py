"""The errors churnml raises on purpose, each with the exit code the command line returns.

An error message says what is wrong, where, and what to do about it. Anything that is not a
`ChurnmlError` is a bug and leaves the command line with exit code 70.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class ChurnmlError(Exception):
    """Base of every error raised on purpose.

    >>> ChurnmlError("events.csv: not found", "check the path").advice
    'check the path'
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message if advice is None else f"{message}; {advice}")
        self.advice = advice


class ConfigError(ChurnmlError):
    """The configuration or the command's arguments are wrong (exit code 2).

    `problems` holds every problem found, one line each, so that all can be mended at once.

    >>> str(ConfigError(["shop.yaml:3: horizon: unknown key", "shop.yaml:9: seed: not a whole number"]))
    'shop.yaml:3: horizon: unknown key\\nshop.yaml:9: seed: not a whole number'
    """

    exit_code = 2

    def __init__(self, problems: str | Sequence[str], advice: str | None = None) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems), advice)


class DataError(ChurnmlError):
    """The data cannot be used: a file is missing, a table is empty, a column is not there (exit code 65)."""

    exit_code = 65


class ContractError(DataError):
    """The data breaks the contract of the canonical tables (exit code 65)."""


class ModelError(ChurnmlError):
    """A model cannot be trained, trusted or found (exit code 65)."""

    exit_code = 65


class LockError(ChurnmlError):
    """Another run holds the lock; try again later (exit code 75)."""

    exit_code = 75
