"""How many of those who left never said a word, and whether the common 96% holds here.

A customer whose outcome windows overlap is seen leaving at several snapshots; over all of them each one is counted
once, at the first. Intervals are Wilson's, with the number of leavers reduced to the effective number where
several belong to one group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from churnml.errors import DataError
from churnml.metrics.shares import clustered_share

COMMON_FIGURE = 0.96
"""The common saying: of 100 unhappy customers, 96 never complain."""

TOO_FEW = 30
"""Fewer independent leavers than this say nothing about a share."""

Verdict = Literal["below", "compatible", "above", "too few to say"]


@dataclass(frozen=True)
class Share:
    """A share of leavers who were silent, with its 95% interval. All nan where nobody left."""

    share: float
    low: float
    high: float
    silent: int
    leavers: int
    verdict: Verdict

    def compared(self, who: str = "those who left") -> str:
        """How the share stands beside the common 96%, in one sentence."""
        figure = f"{COMMON_FIGURE:.0%}"
        if self.verdict == "too few to say":
            seen = f"there are {self.leavers:,}" if self.leavers != 1 else "there is 1"
            return f"Too few of {who} to say whether the common {figure} holds here: {seen}."
        here = f"of {who}, {self.low:.0%} to {self.high:.0%} never said a word"
        return {
            "below": f"Below the common {figure}: {here}, so more speak up than the saying has it.",
            "compatible": f"Compatible with the common {figure}: {here}.",
            "above": f"Above the common {figure}: {here}, so even fewer speak up.",
        }[self.verdict]


@dataclass(frozen=True)
class SilentShare:
    """The silent share of all who left, of those who left after friction, and by snapshot.

    `after_friction` is None when the data cannot say who met friction. `by_snapshot` has the columns as_of, customers,
    retained, silent, vocal, leavers, share, low, high; there each snapshot stands for itself, so that a customer may
    be counted at several.
    """

    overall: Share
    after_friction: Share | None
    by_snapshot: pd.DataFrame

    @property
    def share(self) -> float:
        """Of all who left, the share who were silent."""
        return self.overall.share

    @property
    def low(self) -> float:
        """Lower end of the interval of `share`."""
        return self.overall.low

    @property
    def high(self) -> float:
        """Upper end of the interval of `share`."""
        return self.overall.high

    @property
    def verdict(self) -> str:
        """The plain-language verdict on the 96%, on those who left after friction where they are known."""
        if self.after_friction is not None:
            return self.after_friction.compared("those who left after friction")
        return self.overall.compared()

    def frame(self) -> pd.DataFrame:
        """One row per population: population, share, low, high, silent, leavers, verdict."""
        rows = [("everyone who left", self.overall)]
        if self.after_friction is not None:
            rows.append(("those who left after friction", self.after_friction))
        return pd.DataFrame([{"population": name, **vars(share)} for name, share in rows])


def silent_share(outcomes: pd.DataFrame) -> SilentShare:
    """Measure the silent share.

    Parameters
    ----------
    outcomes:
        One row per labelled customer and snapshot: customer_id, group_id, as_of, outcome (retained, silent or vocal)
        and optionally friction (did the customer meet friction before leaving; null where that is not known).

    Raises
    ------
    DataError
        A column is missing, or a customer stands twice at one snapshot.

    >>> left = pd.DataFrame({"customer_id": list("aabc"), "group_id": list("aabc"), "as_of": [1, 2, 1, 1],
    ...                      "outcome": ["silent", "silent", "vocal", "retained"]})
    >>> result = silent_share(left)
    >>> result.share, result.overall.leavers, result.overall.verdict
    (0.5, 2, 'too few to say')
    """
    needed = ["customer_id", "group_id", "as_of", "outcome"]
    if missing := [name for name in needed if name not in outcomes.columns]:
        raise DataError(f"silent share: the outcomes lack the columns {', '.join(missing)}")
    if outcomes.duplicated(["customer_id", "as_of"]).any():
        raise DataError("silent share: a customer stands twice at one snapshot")
    left = outcomes[outcomes["outcome"] != "retained"].sort_values(["as_of", "customer_id"])
    first = left.drop_duplicates("customer_id")
    known = first["friction"].notna() if "friction" in first.columns else pd.Series(False, index=first.index)
    after = first[known & first["friction"].eq(True)] if known.any() else None
    return SilentShare(
        overall=_share(first),
        after_friction=None if after is None else _share(after),
        by_snapshot=_by_snapshot(outcomes),
    )


def _by_snapshot(outcomes: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for as_of, part in outcomes.groupby("as_of", sort=True):
        counts = part["outcome"].value_counts()
        share = _share(part[part["outcome"] != "retained"])
        rows.append(
            {
                "as_of": as_of,
                "customers": len(part),
                **{outcome: int(counts.get(outcome, 0)) for outcome in ("retained", "silent", "vocal")},
                "leavers": share.leavers,
                "share": share.share,
                "low": share.low,
                "high": share.high,
            }
        )
    columns = ["as_of", "customers", "retained", "silent", "vocal", "leavers", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _share(left: pd.DataFrame) -> Share:
    """Wilson's interval for the share of silent rows, with groups as the independent units."""
    leavers, silent = len(left), int((left["outcome"] == "silent").sum())
    if not leavers:
        return Share(float("nan"), float("nan"), float("nan"), 0, 0, "too few to say")
    found = clustered_share(left["outcome"] == "silent", left["group_id"].astype(str))
    verdict: Verdict = "compatible"
    if found.independent < TOO_FEW:
        verdict = "too few to say"
    elif found.high < COMMON_FIGURE:
        verdict = "below"
    elif found.low > COMMON_FIGURE:
        verdict = "above"
    return Share(found.share, found.low, found.high, silent, leavers, verdict)
