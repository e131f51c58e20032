"""What the checks found: one violation each, by name and count, never with a customer's value."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from churnml.errors import ContractError

TOLERATED_SHARE = 0.05
"""Up to this share of rows may contradict each other with a warning only: real books have a few such."""

Severity = Literal["refuse", "warn", "repaired", "accepted"]


@dataclass(frozen=True)
class Violation:
    """One way in which the data breaks the contract: where, what, how often. Never a customer's value."""

    table: str
    column: str
    name: str
    count: int
    severity: Severity
    advice: str = ""

    def __str__(self) -> str:
        text = f"{self.table}.{self.column}: {self.count:,} {self.name}"
        return f"{text}; {self.advice}" if self.advice else text

    @property
    def key(self) -> str:
        """How `accept` in a configuration names it.

        >>> Violation("events", "rating", "ratings outside 0 to 1", 3, "refuse").key
        'events.rating: ratings outside 0 to 1'
        """
        return f"{self.table}.{self.column}: {self.name}"


@dataclass(frozen=True)
class ContractReport:
    """Every violation found, at once."""

    violations: tuple[Violation, ...]

    @property
    def refused(self) -> tuple[Violation, ...]:
        """The violations that make the data unusable."""
        return tuple(violation for violation in self.violations if violation.severity == "refuse")

    @property
    def repaired(self) -> ContractReport:
        """What was mended, and nothing else."""
        return ContractReport(tuple(each for each in self.violations if each.severity == "repaired"))

    def frame(self) -> pd.DataFrame:
        """One row per violation: table, column, violation, count, severity, advice."""
        rows = [(v.table, v.column, v.name, v.count, v.severity, v.advice) for v in self.violations]
        return pd.DataFrame(rows, columns=["table", "column", "violation", "count", "severity", "advice"])

    def raise_if_refused(self) -> None:
        """Raise a `ContractError` that lists every refusal, if there is one."""
        if self.refused:
            raise ContractError("\n".join(map(str, self.refused)))


def by_share(count: int, total: int) -> Severity:
    """Warn of a few contradictions; refuse more than `TOLERATED_SHARE`.

    >>> by_share(5, 100), by_share(6, 100)
    ('warn', 'refuse')
    """
    return "warn" if count <= TOLERATED_SHARE * total else "refuse"


def settle(found: Iterable[Violation], accept: Collection[str]) -> ContractReport:
    """The report, with what the configuration accepts knowingly marked as such."""
    return ContractReport(
        tuple(
            replace(each, severity="accepted") if each.key in accept and each.severity != "repaired" else each
            for each in found
        )
    )
