"""The iceberg: for each friction, how many met it, how many of them said so, and how many of each left.

Below the water are those who met what would annoy anyone and said nothing. Met and said refer to the time before the
snapshot, leaving to the outcome window after it, so that what is compared was known when it began. A difference between
those who spoke and those who did not is no effect of speaking: they are different people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.insights.silent_share import COMMON_FIGURE
from churnml.metrics.shares import clustered_share
from churnml.outcomes import SILENT

if TYPE_CHECKING:
    from churnml.insights.ledger import Ledger

ANY = "any friction"
NONE = "no friction"
SAID_NOTHING, RECOVERED, NOT_RECOVERED = "said nothing", "spoke, and was helped", "spoke, and was not helped"
SPOKE = "spoke"
"""Where the data do not say what became of what was said."""

HELPED_WITHIN_S = 86_400
"""Helped is whose latest case got a reply within a day, no bot's, and who has no open case."""


@dataclass(frozen=True)
class Iceberg:
    """Who met friction, said so, and left.

    `table` has one row per friction (`any friction` first, `no friction` last) and what they said: friction, said,
    customers (customer-snapshots), share (of those who met it; nan for no friction) with low and high, left (share of
    them who left) with left_low and left_high, leavers, and of the leavers silent (their share who left without a word)
    with silent_low and silent_high. `why` says what is missing, if the data know of no friction.
    """

    table: pd.DataFrame
    why: str = ""

    def frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    @property
    def below(self) -> float:
        """The share of those who met any friction that said nothing."""
        return self._quiet("share")

    @property
    def verdict(self) -> str:
        """The other reading of the common 96% in one sentence: of those who met friction, whether they left or not."""
        if np.isnan(self.below):
            return ""
        low, high = self._quiet("low"), self._quiet("high")
        stands = "below" if high < COMMON_FIGURE else "above" if low > COMMON_FIGURE else "compatible with"
        return (
            f"Of all who met friction, whether they left or not, {low:.1%} to {high:.1%} said nothing in the time "
            f"looked at: {stands} the common {COMMON_FIGURE:.0%}."
        )

    def _quiet(self, column: str) -> float:
        seen = self.table[(self.table["friction"] == ANY) & (self.table["said"] == SAID_NOTHING)]
        return float(seen[column].iloc[0]) if len(seen) else float("nan")


def iceberg(ledger: Ledger) -> Iceberg:
    """Measure the iceberg on the labelled rows.

    Each customer counts at every snapshot; intervals are Wilson's with groups as the independent units.
    """
    rows, met = ledger.rows, ledger.met
    columns = ["friction", "said", "customers", "share", "low", "high", "left", "left_low", "left_high", "leavers"]
    columns += ["silent", "silent_low", "silent_high"]
    if met.empty or not met.columns.size:
        why = "the data have no friction besides what counts as a word (features.friction, promises, waits)"
        return Iceberg(pd.DataFrame(columns=columns), why)
    said = what_they_said(rows)
    told = [state for state in (SAID_NOTHING, RECOVERED, NOT_RECOVERED, SPOKE) if (said == state).any()]
    anything = met.any(axis=1)
    found = []
    for friction, who in [(ANY, anything), *met.items(), (NONE, ~anything)]:
        for state in told if friction != NONE else [NONE]:
            within = who & (said == state) if friction != NONE else who
            found.append({"friction": friction, "said": state, **_cell(ledger, who, within)})
    return Iceberg(pd.DataFrame(found, columns=columns))


def what_they_said(rows: pd.DataFrame) -> pd.Series:
    """For each row, whether the customer spoke in the lookback, and whether that helped."""
    if "open_cases" not in rows or "first_response_last_s" not in rows:
        return pd.Series(np.where(rows["voiced"], SPOKE, SAID_NOTHING), index=rows.index)
    helped = (rows["open_cases"] == 0) & (rows["first_response_last_s"] <= HELPED_WITHIN_S)
    spoke = np.where(helped, RECOVERED, NOT_RECOVERED)
    return pd.Series(np.where(rows["voiced"], spoke, SAID_NOTHING), index=rows.index)


def _cell(ledger: Ledger, met: pd.Series, within: pd.Series) -> dict[str, object]:
    group, left = ledger.rows["group_id"].to_numpy(), ledger.left
    share = clustered_share(within[met], group[met])
    gone = clustered_share(left[within], group[within])
    leavers = within & left
    silent = clustered_share(ledger.rows.loc[leavers, "outcome"] == SILENT, group[leavers])
    whole = bool((met == within).all())
    return {
        "customers": int(within.sum()),
        "share": float("nan") if whole else share.share,
        "low": float("nan") if whole else share.low,
        "high": float("nan") if whole else share.high,
        "left": gone.share,
        "left_low": gone.low,
        "left_high": gone.high,
        "leavers": gone.hits,
        "silent": silent.share,
        "silent_low": silent.low,
        "silent_high": silent.high,
    }
