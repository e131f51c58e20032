"""What a night's scores say at a glance, and beside earlier nights: frames in, plain values out.

A night is a frame of one row per customer with customer_id, p_silent, risk_band, value_at_risk (nan = unknown),
persona, theme_1, likely_reason and excluded_because (null = may be contacted).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from churnml.report.data import headline

HIGH, MEDIUM = "high", "medium"
TENTH = 0.1
TREND = ["as_of", "customers", "expected", "low", "high", "model_version"]
PERSONAS = [
    *("persona", "customers", "share", "expected", "expected_share", "value_at_risk", "high"),
    *("theme", "theme_share", "likely_reason", "likely_share", "came", "went"),
]


@dataclass(frozen=True)
class Focus:
    """The customers to look at first: those of the higher risk bands, or the riskiest tenth where these are empty.

    Attributes
    ----------
    name : in words, "at high or medium risk"
    customers, share : how many, and of all who are scored
    expected_share : their part in the expected silent leavers; nan where none is expected
    value_at_risk : nan where no value is known
    contactable : how many of them may be contacted
    themes, likely, personas : theme that comes first, likely reason or persona, and share of these customers; the most
        common first
    """

    name: str
    customers: int
    share: float
    expected_share: float
    value_at_risk: float
    contactable: int
    themes: pd.DataFrame
    likely: pd.DataFrame
    personas: pd.DataFrame


@dataclass(frozen=True)
class Changes:
    """What is different from the night before: customers newly at high or medium risk, and no longer; come and gone.

    `other_model` tells that another version of the model scored then, so that part of the difference may be its.
    """

    since: date
    expected_before: float
    expected_now: float
    newly: int
    no_longer: int
    came: int
    gone: int
    other_model: bool


def chosen(night: pd.DataFrame) -> tuple[pd.Series, str]:
    """Which rows are to be looked at first, and what they are called."""
    raised = night["risk_band"].isin([HIGH, MEDIUM])
    if raised.any():
        bands = [band for band in (HIGH, MEDIUM) if night["risk_band"].eq(band).any()]
        return raised, f"at {' or '.join(bands)} risk"
    first = night["p_silent"].rank(ascending=False, method="first") <= np.ceil(TENTH * len(night))
    return first, "among the tenth at highest risk"


def focus(night: pd.DataFrame) -> Focus:
    """Who is at risk, why, and what that puts at risk."""
    rows, name = chosen(night)
    here, expected = night[rows], float(night["p_silent"].sum())
    return Focus(
        name=name,
        customers=len(here),
        share=len(here) / max(1, len(night)),
        expected_share=float(here["p_silent"].sum()) / expected if expected else float("nan"),
        value_at_risk=_total(here["value_at_risk"]),
        contactable=int(here["excluded_because"].isna().sum()),
        themes=_shares(here["theme_1"], "theme"),
        likely=_shares(here["likely_reason"], "likely_reason"),
        personas=_shares(here["persona"], "persona"),
    )


def changes(night: pd.DataFrame, before: pd.DataFrame, since: date, *, other_model: bool) -> Changes:
    """The night beside the one before: `before` needs customer_id, p_silent and risk_band only."""
    now_raised = set(night.loc[night["risk_band"].isin([HIGH, MEDIUM]), "customer_id"])
    then_raised = set(before.loc[before["risk_band"].isin([HIGH, MEDIUM]), "customer_id"])
    now, then = set(night["customer_id"]), set(before["customer_id"])
    return Changes(
        since=since,
        expected_before=float(before["p_silent"].sum()),
        expected_now=float(night["p_silent"].sum()),
        newly=len(now_raised - then_raised),
        no_longer=len((then_raised & now) - now_raised),
        came=len(now - then),
        gone=len(then - now),
        other_model=other_model,
    )


def trend(nights: Iterable[tuple[date, str, ArrayLike]]) -> pd.DataFrame:
    """Expected silent leavers of each night, with the 95% interval that chance alone gives: columns `TREND`.

    Parameters
    ----------
    nights : day, version of the model, and the chances (n,) of leaving silently; oldest first

    >>> round(trend([(date(2026, 3, 1), "7", [0.5] * 100)])["low"].item(), 1)
    40.2
    """
    rows = []
    for as_of, version, chances in nights:
        head = headline(chances, np.full(len(np.asarray(chances)), np.nan))
        rows.append((pd.Timestamp(as_of), head.customers, head.expected, head.low, head.high, version))
    return pd.DataFrame(rows, columns=TREND)


def personas(night: pd.DataFrame, order: Sequence[str], before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each persona of a night, in the order of the rules: columns `PERSONAS`.

    `high` counts those at high or medium risk; `theme` and `likely_reason` are the most common first theme and likely
    reason among those to look at first, and of how many of them; `came` and `went` count those who were another persona
    the night before, and are now.
    """
    known = night[night["persona"].notna()]
    raised, _ = chosen(night)
    expected = float(night["p_silent"].sum())
    moved = pd.DataFrame(columns=["persona_before", "persona"])
    if before is not None and "persona" in before and before["persona"].notna().any():
        both = before[["customer_id", "persona"]].merge(
            known[["customer_id", "persona"]], on="customer_id", suffixes=("_before", "")
        )
        moved = both[both["persona_before"].notna() & both["persona_before"].ne(both["persona"])]
    rows = []
    for name in order:
        here = known[known["persona"] == name]
        if here.empty:
            continue
        first = here[raised.loc[here.index]]
        rows.append(
            (
                name,
                len(here),
                len(here) / len(night),
                float(here["p_silent"].sum()),
                float(here["p_silent"].sum()) / expected if expected else float("nan"),
                _total(here["value_at_risk"]),
                int(here["risk_band"].isin([HIGH, MEDIUM]).sum()),
                *_commonest(first["theme_1"]),
                *_commonest(first["likely_reason"]),
                int((moved["persona"] == name).sum()) if before is not None else None,
                int((moved["persona_before"] == name).sum()) if before is not None else None,
            )
        )
    return pd.DataFrame(rows, columns=PERSONAS)


def _shares(column: pd.Series, name: str) -> pd.DataFrame:
    known = column.dropna().astype(str)
    counts = known.value_counts().rename("n").rename_axis(name).reset_index()
    counts = counts.sort_values(["n", name], ascending=[False, True], ignore_index=True)
    return pd.DataFrame({name: counts[name], "share": counts["n"] / max(1, len(column))})


def _commonest(column: pd.Series) -> tuple[str | None, float]:
    shares = _shares(column, "value")
    return (None, float("nan")) if shares.empty else (str(shares["value"].iloc[0]), float(shares["share"].iloc[0]))


def _total(values: pd.Series) -> float:
    return float(values.sum()) if values.notna().any() else float("nan")
