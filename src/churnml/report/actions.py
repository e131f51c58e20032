"""What a night recommends: whom to contact, what that is worth, who is better left alone. Frames in, plain values out.

A night is a frame of one row per customer with the columns `COLUMNS` of the table of scores. Kept is the sum of
saveability: of how many customers less than without a contact it is expected that they leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.report.nights import chosen
from churnml.targeting.policy import ACTIONS, CONTACT, HOLD_OUT, LEAVE_ALONE, WAIT

EXCLUDED, UNDECIDED = "excluded", "undecided"
"""May not be contacted; and of unknown value, so that nothing is recommended."""
NAMES = {
    CONTACT: "Contact",
    HOLD_OUT: "Hold out",
    WAIT: "Wait",
    LEAVE_ALONE: "Leave alone",
    EXCLUDED: "Not to be contacted",
    UNDECIDED: "Nothing recommended",
}
"""The actions as the page calls them."""
COLUMNS = (
    *("customer_id", "p_silent", "p_vocal", "risk_band", "persona", "theme_1", "value_at_risk", "saveability"),
    *("expected_net_value", "action", "action_channel", "held_out", "excluded_because"),
)
CHANNELS = ["channel", "customers", "kept", "cost", "net_value"]
SPARED = ["by", "part", "customers", "useless", "dear"]
WORTH = ["customers", "best", "by_risk"]
POINTS = 20
FEWEST = 5
"""Where fewer customers are worth a contact, there is no curve to draw."""
AS_TOLD = 0.01
"""The cost of each channel is shown where their sum is that of the night, but for such a share of it."""
EARLIER = "This night was scored by an earlier version, which recommended nothing."


@dataclass(frozen=True)
class Group:
    """Some customers, were they all contacted: how many are kept, the net value of that, and whom it does not help."""

    customers: int
    kept: float
    net_value: float
    useless: int


@dataclass(frozen=True)
class Actions:
    """What to do tonight.

    Attributes
    ----------
    basis, why : "assumed" or "estimated", and in a sentence why or from what
    save_rate, control_share, cost, acquisition_cost : of all contacts of the night; nan where not told
    limited : whether contacts or budget of the night were; if not, who waits does so for another of the household
    customers : scored
    groups : by action, and those who may not be contacted or of whom nothing is known
    by_band : risk_band, customers, and a column for each group with its share of the band; the riskiest first
    channels : `CHANNELS`, of those to contact, the most used first; cost nan where it cannot be told apart
    by_risk : as many contacts as tonight's, given to those with the highest chance of leaving
    worth : `WORTH`: net value of so many contacts, the most worthwhile first or the riskiest first
    at_risk : whom `left_at_risk`, `useless_at_risk` and `spared` are of, in words
    left_at_risk, useless_at_risk : those at risk who are better left alone; of them, whom a contact does not help
    spared : `SPARED`: the same by persona and by first theme, and for how many a contact costs more than it saves
    control : members of the control group, whether worth a contact or not
    excluded : reason, customers; the most common first
    """

    basis: str
    why: str
    save_rate: float
    control_share: float
    cost: float
    acquisition_cost: float
    limited: bool
    customers: int
    groups: dict[str, Group]
    by_band: pd.DataFrame
    channels: pd.DataFrame
    by_risk: Group
    worth: pd.DataFrame
    at_risk: str
    left_at_risk: int
    useless_at_risk: int
    spared: pd.DataFrame
    control: int
    excluded: pd.DataFrame

    @property
    def contacts(self) -> Group:
        """Those to contact."""
        return self.groups[CONTACT]

    @property
    def assumed(self) -> bool:
        """Whether no experiment stands behind the figures."""
        return self.basis != "estimated"


def actions(night: pd.DataFrame, facts: Mapping[str, Any] | None) -> Actions | None:
    """What to do with the customers of a night; None where it recommends nothing for anybody (see `why_none`).

    `facts` are those of the night: basis, why, save_rate, control_share, cost.
    """
    if not night["action"].notna().any():
        return None
    told = facts or {}
    night = night.reset_index(drop=True)
    which = np.where(night["action"].notna(), night["action"], np.where(_free(night), UNDECIDED, EXCLUDED))
    names = (*ACTIONS, EXCLUDED, UNDECIDED)
    groups = {name: _group(night[which == name]) for name in names}
    held_out = night["held_out"].fillna(False).astype(bool)
    limited = bool(told.get("limited", True))
    reached = night[night["action"].notna() & ~held_out & (limited | (which != WAIT))]
    by_risk = _ranked(reached, (reached["p_silent"] + reached["p_vocal"]).to_numpy(dtype=float))
    reasons = night["excluded_because"].value_counts().rename_axis("reason").reset_index(name="customers")
    raised, at_risk = chosen(night)
    spared = night[raised & (which == LEAVE_ALONE)]
    return Actions(
        basis=str(told.get("basis") or _basis(night)),
        why=str(told.get("why") or ""),
        save_rate=_number(told.get("save_rate")),
        control_share=_number(told.get("control_share")),
        cost=_number(told.get("cost")),
        acquisition_cost=_number(told.get("acquisition_cost")),
        limited=limited,
        customers=len(night),
        groups=groups,
        by_band=_by_band(night["risk_band"], which, names),
        channels=_channels(night[which == CONTACT], _number(told.get("cost"))),
        by_risk=_group(by_risk.head(groups[CONTACT].customers)),
        worth=_worth(reached, by_risk),
        at_risk=at_risk,
        left_at_risk=len(spared),
        useless_at_risk=int((spared["saveability"] <= 0).sum()),
        spared=_spared(spared),
        control=int(held_out.sum()),
        excluded=reasons.sort_values(["customers", "reason"], ascending=[False, True], ignore_index=True),
    )


def why_none(night: pd.DataFrame, facts: Mapping[str, Any] | None) -> str:
    """Why a night recommends nothing, in one sentence."""
    if night.empty:
        return "Nobody was scored, so there is nobody to contact."
    if facts is None:
        return EARLIER
    if not _free(night).any():
        return "None of the customers scored may be contacted, so nothing is recommended."
    return (
        "Nothing is recommended, because it is not known what a customer is worth, so that no contact can be held "
        "against its cost."
    )


def _free(night: pd.DataFrame) -> pd.Series:
    return night["excluded_because"].isna()


def _group(rows: pd.DataFrame) -> Group:
    saved = rows["saveability"]
    return Group(len(rows), float(saved.sum()), float(rows["expected_net_value"].sum()), int((saved <= 0).sum()))


def _ranked(rows: pd.DataFrame, by: NDArray[np.float64]) -> pd.DataFrame:
    """The rows by a falling number; ties go by customer, so that the order of rows changes nothing."""
    return rows.assign(_by=by).sort_values(["_by", "customer_id"], ascending=[False, True]).drop(columns="_by")


def _by_band(bands: pd.Series, which: NDArray[Any], names: tuple[str, ...]) -> pd.DataFrame:
    counts = pd.crosstab(bands.to_numpy(), which).reindex(columns=list(names), fill_value=0)
    order = [band for band in ("high", "medium", "low") if band in counts.index]
    counts = counts.reindex([*order, *(band for band in counts.index if band not in order)])
    whole = counts.sum(axis=1)
    shares = counts.div(whole, axis=0)
    shares.insert(0, "customers", whole)
    return shares.rename_axis("risk_band").reset_index().rename_axis(columns=None)


def _channels(rows: pd.DataFrame, cost: float) -> pd.DataFrame:
    """The channels of the contacts. The cost of each is what is saved less what is left of it, where value is known."""
    at_risk, chances = (rows[name].to_numpy(dtype=float) for name in ("value_at_risk", "p_silent"))
    value = np.divide(at_risk, chances, out=np.full(len(rows), np.nan), where=chances > 0).clip(min=0)
    spent = rows["saveability"].to_numpy(dtype=float) * value - rows["expected_net_value"].to_numpy(dtype=float)
    if not abs(float(spent.sum()) - cost) <= AS_TOLD * abs(cost):
        spent = np.full(len(rows), np.nan)
    named = rows.assign(channel=rows["action_channel"], spent=spent)
    summed = named.groupby("channel", dropna=False).agg(
        customers=("customer_id", "size"),
        kept=("saveability", "sum"),
        cost=("spent", lambda each: each.sum(skipna=False)),
        net_value=("expected_net_value", "sum"),
    )
    ordered = summed.reset_index().sort_values(["customers", "channel"], ascending=[False, True], ignore_index=True)
    return ordered[CHANNELS]


def _worth(rows: pd.DataFrame, by_risk: pd.DataFrame) -> pd.DataFrame:
    """Net value by number of contacts, up to twice as many as are worth one."""
    net = np.sort(rows["expected_net_value"].to_numpy(dtype=float))[::-1]
    worth = int((net > 0).sum())
    if worth < FEWEST:
        return pd.DataFrame(columns=WORTH)
    last = min(len(net), 2 * worth)
    places = np.unique(np.round(np.linspace(0, last, POINTS + 1)).astype(int))
    sums = [np.concatenate([[0.0], np.cumsum(each)])[places] for each in (net, by_risk["expected_net_value"])]
    return pd.DataFrame(dict(zip(WORTH, (places, *sums), strict=True)))


def _spared(rows: pd.DataFrame) -> pd.DataFrame:
    useless = rows["saveability"] <= 0
    found = []
    for by, column in (("persona", "persona"), ("theme", "theme_1")):
        parts = rows[column].groupby(rows[column]).agg("size").rename("customers").to_frame()
        parts["useless"] = useless.groupby(rows[column]).sum()
        parts["dear"] = parts["customers"] - parts["useless"]
        parts = parts.rename_axis("part").reset_index().assign(by=by)
        found.append(parts.sort_values(["customers", "part"], ascending=[False, True])[SPARED])
    return pd.concat(found, ignore_index=True)


def _basis(night: pd.DataFrame) -> str:
    """What the scores themselves say, where the facts do not."""
    known = night["saveability_basis"].dropna() if "saveability_basis" in night else pd.Series(dtype=object)
    return str(known.iloc[0]) if len(known) else "assumed"


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
