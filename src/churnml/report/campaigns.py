"""What earlier campaigns have changed, as the page is given it: measured at the training, on customers parted by lot.

Every effect is a difference in the share that left, of those contacted less those not: below 0 where fewer left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

NONE = (
    "no earlier contact was given to some customers and withheld from others by lot, or the model was trained before "
    "that was looked at"
)
"""Why nothing is known where a training run says nothing of campaigns."""


@dataclass(frozen=True)
class Effect:
    """What contacting has changed on average: shares that left, their difference, and the share of leavers kept.

    `assignments` are the cases in which a lot decided; a customer may be in more than one campaign.
    """

    assignments: float
    treated: float
    control: float
    left_treated: float
    left_control: float
    difference: float
    low: float
    high: float
    saved_share: float
    saved_low: float
    saved_high: float

    @property
    def sure(self) -> bool:
        """Whether chance alone seldom gives such a difference."""
        return self.high < 0 or self.low > 0


@dataclass(frozen=True)
class Ranking:
    """How many customers per 100 the order of expected gain keeps beyond a list drawn by lot, over all lengths."""

    value: float
    low: float
    high: float
    by_risk: float


@dataclass(frozen=True)
class Campaigns:
    """Everything known of earlier campaigns.

    Attributes
    ----------
    basis, why : whether the saveability of customers is "assumed" or "estimated", and in a sentence why or from what
    overall : None where too little is known
    by_campaign : campaign, first, last, treated, control, left_treated, left_control, difference, low, high
    follow_up : days, and the same numbers
    groups : fifth (1 has most to gain), customers, expected, difference, low, high
    themes : theme, change: of the effect on the log-odds of leaving where the theme pushes one standard deviation more
    ranking, curve : None and empty where not measured; share (contacted), kept, low, high, by_risk, at_random
    left_out : reason, assignments
    """

    basis: str
    why: str
    overall: Effect | None
    by_campaign: pd.DataFrame
    follow_up: pd.DataFrame
    groups: pd.DataFrame
    themes: pd.DataFrame
    ranking: Ranking | None
    curve: pd.DataFrame
    left_out: pd.DataFrame


FRAMES = {
    "by_campaign": (
        *("campaign", "first", "last", "treated", "control", "left_treated", "left_control"),
        *("difference", "low", "high"),
    ),
    "follow_up": ("days", "treated", "control", "left_treated", "left_control", "difference", "low", "high"),
    "groups": ("fifth", "customers", "expected", "difference", "low", "high"),
    "themes": ("theme", "change"),
    "qini_curve": ("share", "kept", "low", "high", "by_risk", "at_random"),
    "left_out": ("reason", "assignments"),
}
_WORDS = {"campaign", "first", "last", "theme", "reason"}


def campaigns(notes: Mapping[str, Any] | None, unpack: Callable[[dict[str, Any]], pd.DataFrame]) -> Campaigns | None:
    """What a training run says of campaigns; None where it says nothing. `unpack` makes frames of what it packed."""
    if notes is None:
        return None
    frames = {name: _frame(notes.get(name), columns, unpack) for name, columns in FRAMES.items()}
    overall, ranking = notes.get("overall"), notes.get("qini")
    return Campaigns(
        basis=str(notes.get("basis") or "assumed"),
        why=str(notes.get("why") or ""),
        overall=None if overall is None else Effect(**_numbers(overall, Effect)),
        ranking=None if ranking is None else Ranking(**_numbers(ranking, Ranking)),
        curve=frames.pop("qini_curve"),
        **frames,
    )


def _frame(
    packed: dict[str, Any] | None, columns: tuple[str, ...], unpack: Callable[[dict[str, Any]], pd.DataFrame]
) -> pd.DataFrame:
    frame = pd.DataFrame(columns=list(columns)) if packed is None else unpack(packed)[list(columns)]
    return frame.astype({name: float for name in columns if name not in _WORDS})


def _numbers(values: Mapping[str, Any], kind: type[Any]) -> dict[str, float]:
    given = {field.name: values.get(field.name) for field in fields(kind)}
    return {name: float("nan") if value is None else float(value) for name, value in given.items()}
