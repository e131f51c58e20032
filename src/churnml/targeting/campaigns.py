"""What earlier campaigns have changed, and whether saveability can be estimated from that.

It can if customers were drawn by lot, if enough of them left, and if what was seen can be told from nothing. Until then
the assumption stands, and it is said why. Where the effect differs between customers beyond noise each has a
saveability of their own; else the same share of all leavers is taken to be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.metrics.uplift import Change, Qini, balance, change, fifths, qini
from churnml.targeting.effects import ThemeEffects, chances, cross_fit, folds
from churnml.targeting.value import ASSUMED, ESTIMATED

ARMS = ["campaign", "first", "last", "treated", "control", "left_treated", "left_control", "difference", "low", "high"]
FOLLOWED = ["days", *ARMS[3:]]
THEMES = ["theme", "change"]
LEFT_OUT = ["reason", "assignments"]
FOLDS = 5
ENOUGH_LEAVERS = 50
"""So many must have left in each arm: below, an interval tells little and the arms' shares are not normal."""
NO_LOT = 0.001
"""A lot parts what was known before so far in one of a thousand cases."""


@dataclass(frozen=True)
class Drawn:
    """Assignments by lot (n rows), and what became of the customers.

    Attributes
    ----------
    rows : customer_id, group_id, as_of, campaign, stratum, treated, left
    usable : of all assigned whose outcome could be known by now: treated, stratum, group_id, usable (is in `rows`)
    explain : gives `Explained`; asked for only where enough have left
    """

    rows: pd.DataFrame
    usable: pd.DataFrame
    explain: Callable[[], Explained]


@dataclass(frozen=True)
class Explained:
    """What was known on the day of the assignment.

    Attributes
    ----------
    pushes : (n, themes) what each theme adds to the margin of a model that the customer's group did not teach
    margin : (n,) of that model, in log-odds of leaving
    """

    pushes: pd.DataFrame
    margin: NDArray[np.float64]


@dataclass(frozen=True)
class Campaigns:
    """What campaigns with a control group have changed.

    Attributes
    ----------
    basis : `assumed` or `estimated`, of the saveability that follows; why : the reason, in words
    overall : of all campaigns; None where there is nothing to compare
    by_campaign : columns `ARMS`; follow_up : columns `FOLLOWED`, who had left by so many days after the assignment
    groups : see `metrics.uplift.fifths`; themes : columns `THEMES`, how the effect on the log-odds of leaving changes
        where a theme pushes one standard deviation more; None where they were not learnt
    qini : None where it was not computed
    left_out : columns `LEFT_OUT`
    rate : the share of leavers that a contact keeps, where saveability is estimated to be the same share for all
    effects : where it is estimated for each customer
    """

    basis: str
    why: str
    overall: Change | None = None
    by_campaign: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ARMS))
    follow_up: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=FOLLOWED))
    groups: pd.DataFrame | None = None
    themes: pd.DataFrame | None = None
    qini: Qini | None = None
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LEFT_OUT))
    rate: float | None = None
    effects: ThemeEffects | None = None

    def frame(self) -> pd.DataFrame:
        """What each campaign has changed."""
        return self.by_campaign

    def summary(self) -> dict[str, Any]:
        """Plain values."""
        seen = self.overall
        values: dict[str, Any] = {"saveability": self.basis, "why": self.why}
        if seen is not None:
            values |= {
                "treated": seen.treated,
                "control": seen.control,
                "difference": f"{seen.difference:+.4f} [{seen.low:+.4f}, {seen.high:+.4f}]",
            }
        if self.qini is not None:
            values["qini"] = f"{self.qini.value:+.3f} [{self.qini.low:+.3f}, {self.qini.high:+.3f}]"
            values["qini_by_risk"] = f"{self.qini.by_risk:+.3f}"
        return values

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables that hold something, by name."""
        found = {
            "campaigns": self.by_campaign,
            "campaigns_followed": self.follow_up,
            "campaigns_by_fifth": self.groups,
            "campaigns_by_theme": self.themes,
            "campaigns_qini": None if self.qini is None else self.qini.curve,
            "campaigns_left_out": self.left_out,
        }
        return {name: table for name, table in found.items() if table is not None and len(table)}


def measure(drawn: Drawn, assumed: float, *, horizon_days: int, seed: int = 0, draws: int = 200) -> Campaigns:
    """Compare the treated with the control group, and learn whom a contact keeps.

    Parameters
    ----------
    assumed : the share of contacted leavers who stay that is assumed until something is known
    horizon_days : how long after the assignment leaving counts
    draws : bootstrap samples for the Qini curve
    """
    rows = drawn.rows
    if rows.empty:
        return Campaigns(ASSUMED, "no outcome of a customer drawn by lot is known yet")
    arms = (rows["left"], rows["treated"], rows["stratum"], rows["group_id"])
    overall, by_campaign = change(*arms), _by_campaign(rows)
    left = rows.groupby("treated")["left"].sum()
    found = Campaigns(ASSUMED, "", overall, by_campaign)
    if min(left.get(True, 0), left.get(False, 0)) < ENOUGH_LEAVERS:
        why = (
            f"of those drawn by lot only {int(left.get(True, 0))} treated and "
            f"{int(left.get(False, 0))} others have left within {horizon_days} days, where {ENOUGH_LEAVERS} of each "
            "are needed"
        )
        return replace(found, why=why)
    before = drawn.explain()
    risk = chances(before.margin, rows["left"])
    if why_not := _no_lot(drawn, before, risk):
        return replace(found, why=why_not)
    learnt = cross_fit(before.pushes, before.margin, *arms, folds(rows["group_id"].to_numpy(), FOLDS, seed))
    found = replace(
        found,
        groups=fifths(*arms, learnt.differences, learnt.order),
        themes=_themes(learnt.effects),
        qini=qini(*arms, learnt.order, risk, draws=draws, seed=seed),
    )
    seen = (
        f"of {overall.control:,} customers in control groups {overall.left_control:.1%} left within {horizon_days} "
        f"days, of {overall.treated:,} contacted ones {overall.left_treated:.1%}: contacting keeps "
        f"{overall.saved_share:.0%} of leavers [{overall.saved_low:.0%}, {overall.saved_high:.0%}]"
    )
    if learnt.line.slope_low > 0:
        why = f"{seen}, and whom it keeps differs by what drives them, beyond noise"
        return replace(found, basis=ESTIMATED, why=why, effects=learnt.effects)
    if not overall.saved_low <= 0 <= overall.saved_high:
        why = f"{seen}; that it keeps some rather than others cannot be told yet"
        return replace(found, basis=ESTIMATED, why=why, rate=overall.saved_share)
    why = f"{seen}, which cannot be told from nothing"
    if not overall.saved_low <= assumed <= overall.saved_high:
        why += f"; the {assumed:.0%} assumed would not have given it, so believe less and set actions.save_rate"
    return replace(found, why=why)


def _no_lot(drawn: Drawn, before: Explained, risk: NDArray[np.float64]) -> str | None:
    """Why it cannot have been a lot that decided who was treated; None where it can."""
    rows, usable = drawn.rows, drawn.usable
    known = usable["usable"].to_numpy(dtype=float)[:, None]
    if balance(known, usable["treated"], usable["stratum"], usable["group_id"]) < NO_LOT:
        shares = usable.groupby("treated")["usable"].mean()
        return (
            f"no lot has parted the treated from the control group: of the treated {shares[True]:.1%} were customers "
            f"on the day of the assignment with an outcome that is known, of the others {shares[False]:.1%}"
        )
    columns = np.column_stack([before.pushes.to_numpy(dtype=float), before.margin])
    if balance(columns, rows["treated"], rows["stratum"], rows["group_id"]) < NO_LOT:
        treated = rows["treated"].to_numpy(dtype=bool)
        return (
            "no lot has parted the treated from the control group: they differed before the assignment, with a mean "
            f"chance of leaving of {risk[treated].mean():.1%} and {risk[~treated].mean():.1%}"
        )
    return None


def _by_campaign(rows: pd.DataFrame) -> pd.DataFrame:
    found = []
    for name, part in rows.groupby("campaign", sort=True):
        seen = change(part["left"], part["treated"], part["stratum"], part["group_id"])
        days = pd.DatetimeIndex(part["as_of"])
        found.append((name, f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}", *_arms(seen)))
    return pd.DataFrame(found, columns=ARMS).sort_values(["first", "campaign"], ignore_index=True)


def followed(days: int, left: ArrayLike, treated: ArrayLike, stratum: ArrayLike, group: ArrayLike) -> pd.DataFrame:
    """One row of `follow_up`: who had left by so many days after the assignment."""
    return pd.DataFrame([(days, *_arms(change(left, treated, stratum, group)))], columns=FOLLOWED)


def _arms(seen: Change) -> tuple[float, ...]:
    return (
        *(seen.treated, seen.control, seen.left_treated, seen.left_control),
        *(seen.difference, seen.low, seen.high),
    )


def _themes(effects: ThemeEffects) -> pd.DataFrame:
    """By how much a theme changes the effect, those that contacts help most first."""
    named = pd.DataFrame({"theme": effects.themes, "change": effects.weights}, columns=THEMES)
    return named.sort_values(["change", "theme"], ignore_index=True)
