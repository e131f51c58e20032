"""Of which moment a feature tells: two sentences about one moment say nearly the same.

Features of different themes may rest on one fact. Whoever has been silent for 27 days has not used the preferred
channel for 27 days either, and the last mail opened was the last event on the channel of mails. Such features name
the same number of days, and that is how they are recognised here, whatever the data call their channels and kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churnml.features.registry import FeatureCard

SINCE = "days_since_"
ENGAGEMENT = "days_since_engagement"
OF_THE_SILENCE = ("overdue_ratio", "silence_", "probability_", "quiet_streak_weeks")
"""How the names of features begin that tell of the current silence without naming its days."""
OWN_DAYS = ("oldest_open_case_days",)
NEARLY = 0.05
"""Moments closer than this share of the later one are taken for the same."""


def moments_of(
    cards: Sequence[FeatureCard], columns: Sequence[NDArray[Any]], usual: Sequence[float | None]
) -> NDArray[np.float64]:
    """How many days ago it was that each feature tells of (rows, features), nan where it tells of none.

    The days of a silence (as long as is usual, or longer) are positive, those of something that happened lately are
    negative: that nothing was bought for 27 days is not the same as that a complaint came 27 days ago.
    """
    names = [card.name for card in cards]
    rows = len(columns[0]) if columns else 0
    found = np.full((rows, len(names)), np.nan)
    for place, name in enumerate(names):
        if name.startswith(OF_THE_SILENCE) and ENGAGEMENT in names:
            found[:, place] = columns[names.index(ENGAGEMENT)]
        elif name in OWN_DAYS or name.startswith(SINCE):
            middle = usual[place]
            lately = np.zeros(rows, dtype=bool) if middle is None else ~(columns[place] >= middle)
            found[:, place] = np.where(lately, -columns[place], columns[place])
    return found


def same(moments: NDArray[np.float64], told: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the moments (rows, features) are nearly one of those told of (rows, m) in the same row.

    >>> same(np.array([[27.0, 60.0, -27.0]]), np.array([[26.0, np.nan]])).tolist()
    [[True, False, False]]
    """
    near = np.zeros(moments.shape, dtype=bool)
    for one in told.T:
        apart = np.abs(moments - one[:, None])
        near |= apart <= NEARLY * np.maximum(np.abs(moments), np.abs(one[:, None]))
    return near
