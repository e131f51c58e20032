"""The survey's blind spot: what the satisfaction score cannot see.

Who is not asked, who does not answer, and who scores high and leaves all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.metrics.shares import clustered_share
from churnml.outcomes import SILENT

if TYPE_CHECKING:
    from churnml.insights.ledger import Ledger

HIGH, LOW = 0.85, 0.65
"""From 0.85 on a rating is high (9 or 10 of 10), below 0.65 low (6 or less of 10)."""

NOT_ASKED, NO_ANSWER = "not asked", "did not answer"
ANSWERED_LOW, ANSWERED_MIDDLE, ANSWERED_HIGH = "scored low", "scored in between", "scored high"
STATES = (NOT_ASKED, NO_ANSWER, ANSWERED_LOW, ANSWERED_MIDDLE, ANSWERED_HIGH)
COLUMNS = ["answer", "customers", "share", "left", "left_low", "left_high", "silent", "of_silent", "low", "high"]


@dataclass(frozen=True)
class BlindSpot:
    """Customers by what the surveys of the last year say of them.

    `table` has one row per answer: answer, customers (customer-snapshots), share, left (share who left within the
    horizon, left_low, left_high), silent (who left silently) and of_silent (their share of all silent leavers, low,
    high). `unseen` is the share of silent leavers of whom the score warned nobody: not asked, no answer, or scored
    high. `why` says what is missing.
    """

    table: pd.DataFrame
    unseen: float
    unseen_low: float
    unseen_high: float
    why: str = ""

    def frame(self) -> pd.DataFrame:
        """Customers by their answer."""
        return self.table


def blind_spot(ledger: Ledger) -> BlindSpot:
    """Measure the blind spot on the labelled rows."""
    nan = float("nan")
    if why := ledger.lacks("surveys_sent_365d", "surveys_answered_share_365d", "rating_last"):
        return BlindSpot(pd.DataFrame(columns=COLUMNS), nan, nan, nan, why)
    rows, left = ledger.rows, ledger.left
    group, silent = rows["group_id"].to_numpy(), (rows["outcome"] == SILENT).to_numpy()
    answer = answers(rows)
    found = []
    for state in STATES:
        these = answer == state
        if not these.any():
            continue
        gone = clustered_share(left[these], group[these])
        part = clustered_share(these[silent], group[silent])
        found.append(
            (
                state,
                int(these.sum()),
                float(these.mean()),
                gone.share,
                gone.low,
                gone.high,
                int((these & silent).sum()),
                part.share,
                part.low,
                part.high,
            )
        )
    blind = clustered_share(np.isin(answer[silent], [NOT_ASKED, NO_ANSWER, ANSWERED_HIGH]), group[silent])
    return BlindSpot(pd.DataFrame(found, columns=COLUMNS), blind.share, blind.low, blind.high)


def answers(rows: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """What each row's customer last answered; a rating given elsewhere counts for who has answered a survey."""
    asked, answered = rows["surveys_sent_365d"] > 0, rows["surveys_answered_share_365d"] > 0
    rating = rows["rating_last"].astype(float).round(4)
    states = np.select(
        [~asked, ~answered | rating.isna(), rating >= HIGH, rating < LOW],
        [NOT_ASKED, NO_ANSWER, ANSWERED_HIGH, ANSWERED_LOW],
        ANSWERED_MIDDLE,
    )
    return states.astype(object)
