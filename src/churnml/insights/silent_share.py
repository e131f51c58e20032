"""How many of those who left never said a word, and whether the common 96% holds here.

A customer whose outcome windows overlap is seen leaving at several snapshots; over all of them each one is counted
once, at the first. Intervals are Wilson's, with the number of leavers reduced to the effective number where
several belong to one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from churnml.errors import DataError
from churnml.metrics.shares import ClusteredShare, clustered_share

COMMON_FIGURE = 0.96
"""The common saying: of 100 unhappy customers, 96 never complain."""

TOO_FEW = 30
"""Fewer independent leavers than this say nothing about a share."""

BY_PART = ["part", "value", "leavers", "silent", "share", "low", "high"]

Verdict = Literal["below", "compatible", "above", "too few to say", "nobody spoke"]
"""`nobody spoke`: no word of any customer is on record, whether they left or stayed. Then silence says nothing."""


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
        if self.verdict == "nobody spoke":
            return (
                f"Whether the common {figure} holds here is not known: the data has no word of any customer, gone or "
                "still there, so that whoever leaves looks silent."
            )
        if self.verdict == "too few to say":
            seen = f"there are {self.leavers:,}" if self.leavers != 1 else "there is 1"
            return f"Too few of {who} to say whether the common {figure} holds here: {seen}."
        digits = 0 if f"{self.low:.0%}" != f"{self.high:.0%}" else 1
        here = f"of {who}, {self.low:.{digits}%} to {self.high:.{digits}%} never said a word"
        return {
            "below": f"Below the common {figure}: {here}, so more speak up than the saying has it.",
            "compatible": f"Compatible with the common {figure}: {here}.",
            "above": f"Above the common {figure}: {here}, so even fewer speak up.",
        }[self.verdict]


@dataclass(frozen=True)
class Unlinked:
    """Voice in the time of the leavers that names no customer, and voice that does: numbers of events.

    The leavers are of one in `one_in` customers.
    """

    without_customer: int
    with_customer: int
    one_in: int = 1


@dataclass(frozen=True)
class Bounds:
    """Between what the silent share lies, given that some of the voice names no customer.

    `low` is the lower end if every such event came from another of the leavers taken for silent, `likely` the share
    if it came from the same sort of customers as the other voice does (nan where there is no other), and `high` the
    upper end if none came from a leaver.
    """

    low: float
    likely: float
    high: float
    without_customer: int

    def say(self) -> str:
        """The bounds in one sentence."""
        if not self.without_customer:
            return "Every complaint in the books names its customer."
        about = f", and at about {self.likely:.0%} if these come from the same sort of customers as the others"
        return (
            f"{self.without_customer:,} complaints or the like name no customer, so some of those taken for silent may "
            f"have spoken: the share lies between {self.low:.0%} and {self.high:.0%}"
            f"{about if self.likely == self.likely else ''}."
        )

    def allows(self) -> str:
        """How far the share might be lower, in one sentence that follows a verdict; empty if it cannot be."""
        if not self.without_customer:
            return ""
        return (
            f" But {self.without_customer:,} complaints or the like name no customer: were they theirs, it could be as "
            f"few as {self.low:.0%}."
        )


@dataclass(frozen=True)
class SilentShare:
    """The silent share of all who left, of those who left after friction, and by snapshot.

    `after_friction` is None when the data cannot say who met friction. `by_snapshot` has the columns as_of,
    customers, retained, silent, vocal, leavers, share, low, high; there each snapshot stands for itself, so that a
    customer may be counted at several. `by_part` has part, value, leavers, silent, share, low, high: segments,
    channels, tenure. `bounds` allows for complaints without a customer, where the sources were asked for them, and
    `friction_bounds` does so for `after_friction`.
    `elsewhere` is the share of the silent leavers who did speak where the company does not listen; None if the data
    know of no such place.
    """

    overall: Share
    after_friction: Share | None
    by_snapshot: pd.DataFrame
    by_part: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=BY_PART))
    bounds: Bounds | None = None
    friction_bounds: Bounds | None = None
    elsewhere: ClusteredShare | None = None

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
        """The plain-language verdict on the 96%, on those who left after friction where they are known.

        Complaints that name no customer could only lower the share: where that may change the verdict, it says so.
        """
        if self.after_friction is not None:
            share, bounds = self.after_friction, self.friction_bounds
            said = share.compared("those who left after friction")
        else:
            share, bounds = self.overall, self.bounds
            said = share.compared()
        unsure = bounds is not None and share.verdict in ("compatible", "above") and bounds.low < COMMON_FIGURE
        return said + bounds.allows() if bounds is not None and unsure else said

    def frame(self) -> pd.DataFrame:
        """One row per population: population, share, low, high, silent, leavers, verdict."""
        rows = [("everyone who left", self.overall)]
        if self.after_friction is not None:
            rows.append(("those who left after friction", self.after_friction))
        return pd.DataFrame([{"population": name, **vars(share)} for name, share in rows])


def silent_share(outcomes: pd.DataFrame, *, parts: Sequence[str] = (), unlinked: Unlinked | None = None) -> SilentShare:
    """Measure the silent share.

    Parameters
    ----------
    outcomes:
        One row per labelled customer and snapshot: customer_id, group_id, as_of, outcome (retained, silent or vocal),
        and optionally friction (did the customer meet friction before leaving; null where that is not known),
        elsewhere (did the customer speak on a channel that the company does not monitor) and voiced (did the customer
        speak in the lookback): where nobody did, and no leaver while leaving, there is no verdict.
    parts:
        Columns of `outcomes` by whose values the share is given, too.
    unlinked:
        How much of the voice names no customer.

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
    heard = "voiced" not in outcomes.columns or bool(outcomes["voiced"].any() or (outcomes["outcome"] == "vocal").any())
    return SilentShare(
        overall=_share(first, heard),
        after_friction=None if after is None else _share(after, heard),
        by_snapshot=_by_snapshot(outcomes),
        by_part=_by_part(first, parts),
        bounds=None if unlinked is None else _bounds(first, unlinked),
        friction_bounds=None if unlinked is None or after is None else _bounds(after, unlinked),
        elsewhere=_elsewhere(first) if "elsewhere" in first.columns else None,
    )


def _elsewhere(left: pd.DataFrame) -> ClusteredShare:
    silent = left[left["outcome"] == "silent"]
    return clustered_share(silent["elsewhere"], silent["group_id"])


def _by_part(left: pd.DataFrame, parts: Sequence[str]) -> pd.DataFrame:
    rows = []
    for name in parts:
        for value, part in left.groupby(name, sort=True, observed=True):
            share = _share(part)
            rows.append((name, str(value), share.leavers, share.silent, share.share, share.low, share.high))
    return pd.DataFrame(rows, columns=BY_PART)


def _bounds(left: pd.DataFrame, unlinked: Unlinked) -> Bounds:
    """The silent share if voice without a customer came from leavers taken for silent: all of it, some, or none."""
    lost, known = unlinked.without_customer, unlinked.with_customer
    groups, silent = left["group_id"].to_numpy(), (left["outcome"] == "silent").to_numpy()
    number, count = int(silent.sum()), len(left)
    if not count:
        return Bounds(float("nan"), float("nan"), float("nan"), lost)
    fewest = silent.copy()
    fewest[silent.nonzero()[0][: min(round(lost / unlinked.one_in), number)]] = False
    spoke = (count - number) * lost / known if known else float("nan") if lost else 0.0
    return Bounds(
        low=clustered_share(fewest, groups).low,
        likely=float(np.maximum(0.0, number - spoke)) / count,
        high=clustered_share(silent, groups).high,
        without_customer=lost,
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


def _share(left: pd.DataFrame, heard: bool = True) -> Share:
    """Wilson's interval for the share of silent rows, with groups as the independent units."""
    leavers, silent = len(left), int((left["outcome"] == "silent").sum())
    if not leavers:
        return Share(float("nan"), float("nan"), float("nan"), 0, 0, "too few to say")
    found = clustered_share(left["outcome"] == "silent", left["group_id"])
    verdict: Verdict = "compatible"
    if not heard:
        verdict = "nobody spoke"
    elif found.independent < TOO_FEW:
        verdict = "too few to say"
    elif found.high < COMMON_FIGURE:
        verdict = "below"
    elif found.low > COMMON_FIGURE:
        verdict = "above"
    return Share(found.share, found.low, found.high, silent, leavers, verdict)
