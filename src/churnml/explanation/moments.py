"""Of which moment a feature tells, or of what text: two sentences about one of them say nearly the same.

Features of different themes may rest on one fact. Whoever has been silent for 27 days has not used the preferred
channel for 27 days either, and the last mail opened was the last event on the channel of mails. Such features name
the same number of days, and that is how they are recognised here, whatever the data call their channels and kinds.
In the same way two lengths that are nearly the same are those of the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from churnml.features.registry import FeatureCard

SINCE = "days_since_"
ENGAGEMENT = "days_since_engagement"
OF_THE_SILENCE = ("overdue_ratio", "silence_", "probability_", "quiet_streak_weeks")
"""How the names of features begin that tell of the current silence without naming its days."""
OWN_DAYS = ("oldest_open_case_days",)
CHARACTERS, APART = "characters", 1e6
"""Lengths of a text are counted on a scale so far apart that they are not taken for days."""
NEARLY = 0.05
"""Moments closer than this share of the later one are taken for the same."""


def moment_rules(cards: Sequence[FeatureCard], usual: Sequence[float | None]) -> dict[str, Any]:
    """Of which moment each feature tells: `source`, `since` and `scale` (features,).

    `source` is the place of the feature that counts the days ago, -1 where none does. From `since` days on it is a
    silence (as long as is usual, or longer), and before it something that happened lately: that nothing was bought for
    27 days is not the same as that a complaint came 27 days ago. Where most have no value everything is lately. The
    moment of a text is its length, times `scale`.
    """
    names = [card.name for card in cards]
    source = np.full(len(names), -1)
    since = np.full(len(names), -np.inf)
    scale = np.ones(len(names))
    for place, (name, card, middle) in enumerate(zip(names, cards, usual, strict=True)):
        if card.unit == CHARACTERS:
            source[place], scale[place] = place, APART
        elif name.startswith(OF_THE_SILENCE) and ENGAGEMENT in names:
            source[place] = names.index(ENGAGEMENT)
        elif name in OWN_DAYS or name.startswith(SINCE):
            source[place] = place
            since[place] = -np.inf if middle is None else middle
    return {"source": source, "since": since, "scale": scale}
