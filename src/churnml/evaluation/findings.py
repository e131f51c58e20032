"""What an audit says: one line for each gate or offending feature, and information beside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

SAMPLED_CUSTOMERS = 200_000
"""Gates on the data look at a part of the customers where there are more than so many."""

Verdict = Literal["pass", "fail", "accepted", "information"]


@dataclass(frozen=True)
class Finding:
    """One line of an audit. `feature` is set where one feature or column is the culprit; no customer is ever named."""

    gate: str
    passed: bool
    feature: str | None
    detail: str
    informs: bool = False
    accepted: bool = False

    @property
    def verdict(self) -> Verdict:
        """`information` is no gate; `accepted` is a failure that the configuration accepts knowingly."""
        if self.informs:
            return "information"
        return "accepted" if self.accepted else "pass" if self.passed else "fail"

    @property
    def key(self) -> str:
        """How `accept` in a configuration names it.

        >>> Finding("no value is known by leavers only", False, "plan", "...").key
        'no value is known by leavers only: plan'
        """
        return f"{self.gate}: {self.feature}"


def inform(gate: str, feature: str | None, detail: str) -> Finding:
    """A line that is no gate."""
    return Finding(gate, True, feature, detail, informs=True)


@dataclass(frozen=True)
class Audit:
    """What the gates found. Add two audits to have both."""

    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate was passed."""
        return all(finding.passed for finding in self.findings)

    def __add__(self, other: Audit) -> Audit:
        return Audit(self.findings + other.findings)

    def accepting(self, accept: Collection[str]) -> Audit:
        """The audit with the failures that `accept` names counted as passed, and marked."""
        return Audit(
            tuple(
                replace(each, passed=True, accepted=True) if not each.passed and each.key in accept else each
                for each in self.findings
            )
        )

    def frame(self) -> pd.DataFrame:
        """One row per finding: `gate`, `verdict`, `feature`, `detail`, and `passed` as true or false."""
        columns = ["gate", "verdict", "feature", "detail", "passed"]
        return pd.DataFrame(
            [(each.gate, each.verdict, each.feature, each.detail, each.passed) for each in self.findings],
            columns=columns,
        )
