"""The dark-matter census: customers whom service has never heard, what they are worth, and what they could still buy.

Dark matter is known by its weight only: these customers buy, and nobody has talked with them, as far as the books go
back; of whoever signed up before they begin, nobody knows what was said then. What they could
still buy is what they would spend more if they spent like the customers of the same tenure whom service knows; a
comparison, no promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.insights.ledger import tenure_bands
from churnml.metrics.shares import Z, clustered_error, clustered_ratio, clustered_share
from churnml.outcomes import SILENT

if TYPE_CHECKING:
    from churnml.insights.ledger import Ledger

UNHEARD, HEARD = "never heard", "heard"
COLUMNS = [
    *("who", "customers", "share", "low", "high", "value", "mean_value", "value_low", "value_high"),
    *("left_silently", "silent_low", "silent_high"),
]


@dataclass(frozen=True)
class DarkMatter:
    """Customers by whether service ever heard them.

    `table` has one row for the never heard and one for the heard, as they are at the last snapshot: who, customers,
    share (low, high), value (sum), mean_value (value_low, value_high), and of those at earlier snapshots
    left_silently (share, silent_low, silent_high). `by_tenure` has tenure, who, customers, mean_value. `could_buy`
    (could_low, could_high) is what the never heard would spend more in the same time like the heard of their tenure,
    tenures in which they spend more already left out; nan if no value is known. `since` is the day the books begin,
    where some of these customers signed up before it, or may have; else None. `why` says what is missing.
    """

    table: pd.DataFrame
    by_tenure: pd.DataFrame
    could_buy: float
    value_days: int
    why: str = ""
    could_low: float = float("nan")
    could_high: float = float("nan")
    since: date | None = None

    def frame(self) -> pd.DataFrame:
        """The never heard beside the heard."""
        return self.table


def census(ledger: Ledger, value_days: int, books_begin: date | None = None) -> DarkMatter:
    """Take the census on the customers as they are at the end of the ledger; None: the books hold all their lives."""
    empty = pd.DataFrame(columns=["tenure", "who", "customers", "mean_value"])
    if why := ledger.lacks("dark_matter"):
        return DarkMatter(pd.DataFrame(columns=COLUMNS), empty, float("nan"), value_days, why)
    today, past = ledger.today, ledger.rows
    if not ((today["dark_matter"] == 1).any() or (past["dark_matter"] == 1).any()):
        why = "every customer looked at has contacted service"
        return DarkMatter(pd.DataFrame(columns=COLUMNS), empty, float("nan"), value_days, why)
    rows = []
    for who, dark in ((UNHEARD, 1), (HEARD, 0)):
        these, then = today["dark_matter"] == dark, past[past["dark_matter"] == dark]
        share = clustered_share(these, today["group_id"])
        known = today[these & today["value"].notna()]
        mean = clustered_ratio(known["value"], [1.0] * len(known), known["group_id"])
        silent = clustered_share(then["outcome"] == SILENT, then["group_id"])
        value = float(known["value"].sum()) if len(known) else float("nan")
        rows.append(
            (
                who,
                share.hits,
                share.share,
                share.low,
                share.high,
                value,
                mean.ratio,
                mean.low,
                mean.high,
                silent.share,
                silent.low,
                silent.high,
            )
        )
    by_tenure, (could_buy, low, high) = _potential(today)
    table = pd.DataFrame(rows, columns=COLUMNS)
    since = books_begin if _older_than(books_begin, today[today["dark_matter"] == 1]) else None
    return DarkMatter(table, by_tenure, could_buy, value_days, could_low=low, could_high=high, since=since)


def _older_than(books_begin: date | None, people: pd.DataFrame) -> bool:
    """Whether some of these people signed up before that day, or on a day that nobody knows."""
    if books_begin is None or people.empty:
        return False
    if "tenure_days" not in people:
        return True
    signed_up = people["as_of"] - pd.to_timedelta(people["tenure_days"], unit="D")
    return bool((signed_up.isna() | (signed_up < pd.Timestamp(books_begin))).any())


def _potential(today: pd.DataFrame) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """Mean value by tenure; by how much the never heard fall short of the heard of their tenure, with its interval."""
    tenure = tenure_bands(today["tenure_days"]) if "tenure_days" in today else pd.Series("everyone", index=today.index)
    who = today["dark_matter"].map({1: UNHEARD, 0: HEARD})
    people = today.assign(tenure=tenure, who=who)
    table = people.groupby(["tenure", "who"], sort=True).agg(
        customers=("customer_id", "size"), mean_value=("value", "mean")
    )
    table = table.reset_index()
    means = table.pivot(index="tenure", columns="who", values="mean_value")
    if table["mean_value"].isna().all() or table["who"].nunique() < 2:
        return table, (float("nan"),) * 3
    short = (means[HEARD] - means[UNHEARD]).clip(lower=0)
    unheard = people["who"] == UNHEARD
    many = people["tenure"].map(people[unheard].groupby("tenure").size()).fillna(0).to_numpy()
    known = people["value"].notna()
    told = people[known].groupby(["tenure", "who"])["customer_id"].transform("size").reindex(people.index)
    apart = (people["value"] - people.groupby(["tenure", "who"])["value"].transform("mean")) / told
    pull = (apart * many * np.where(unheard, -1, 1)).where(people["tenure"].map(short) > 0).fillna(0.0)
    could = float((short * people[unheard].groupby("tenure").size()).sum())
    spread = Z * clustered_error(pull, people["group_id"])
    return table, (could, max(0.0, could - spread), could + spread)
