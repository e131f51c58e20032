"""For which side a feature may speak at all: for leaving, for staying, for both or for neither.

What a customer wrote down at sign-up and nobody else should read speaks for neither (`FeatureCard.personal`). Nor does
how long ago the company did something, or something happened that tells neither way: that a promise was made 69 days
ago is no reason for anything. That something bad is long ago, or still lasts, keeps nobody; only that it never happened
may. Nor does any other number keep somebody who has none of it.
"""

from __future__ import annotations

from churnml.explanation.moments import OWN_DAYS, SINCE
from churnml.features.registry import COMPANY_KINDS, CUSTOM, FeatureCard, safe

SIGNS = ("going quiet", "unanswered outreach", "unheard feedback", "channel mismatch", "about the customer")
"""Themes of what customers do or are: they tell that somebody leaves, and how, but not what the company did."""

BAD_DAYS = (SINCE, "days_to_first_")
"""How the names of features begin that count days from or to a thing; it is bad where few of them are worse."""

BY_THE_COMPANY = frozenset(SINCE + safe(kind) for kind in COMPANY_KINDS)


def value_speaks(card: FeatureCard) -> tuple[bool, bool]:
    """Whether a value of the feature may speak for leaving, and whether for staying."""
    return _tells(card), _tells(card) and not _of_something_bad(card)


def worse_sides(card: FeatureCard) -> tuple[float, float]:
    """Which side of the usual value is the worse one, as one speaks for leaving, and for staying.

    It is 1 for higher values, -1 for lower ones, 0 where neither is. No silence keeps anybody, be it of a channel or of
    the customer as a whole; only what happened lately may.
    """
    worse = {"higher": 1.0, "lower": -1.0, None: 0.0}[card.worse]
    return worse, 1.0 if card.worse is None and card.name.startswith(SINCE) and card.family != CUSTOM else worse


def none_speaks(card: FeatureCard) -> tuple[bool, bool]:
    """Whether having none may speak for leaving, and whether for staying."""
    said = card.type != "category" and card.sentence_empty is not None and _tells(card)
    bad = _of_something_bad(card)
    return said and not bad, said and bad


def _tells(card: FeatureCard) -> bool:
    since = card.name.startswith(SINCE) and card.family != CUSTOM and card.worse is None
    return not card.personal and not (since and (card.theme not in SIGNS or card.name in BY_THE_COMPANY))


def _of_something_bad(card: FeatureCard) -> bool:
    """Whether the feature counts the days from, to or of something that nobody wants."""
    return card.name in OWN_DAYS or (card.name.startswith(BAD_DAYS) and card.worse == "lower")
