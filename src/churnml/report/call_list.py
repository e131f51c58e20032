"""The call list that the page holds to be saved, and how a conversation may begin.

An opener is a suggestion in plain words, chosen by what probably drives the customer out, or where nothing stands out,
by the sign that pushes most. It asks; it never tells the customer what the company has watched, and no opener has been
tested.
"""

from __future__ import annotations

import base64
import csv
import io

import pandas as pd

from churnml.explanation.sides import SIGNS
from churnml.scoring.exports import defused

OPENERS = {
    "going quiet": "We have not heard from you for a while. How have things been going with us?",
    "unanswered outreach": "Are the messages we send you of any use? What would you rather hear, and how often?",
    "waiting": "You have had to wait for us. Is the matter settled, or shall I see to it now?",
    "unresolved problems": "Something you asked us for may still be open. May I take it on until it is done?",
    "impersonal service": "You now have a person on the line, with time. What should we know?",
    "unheard feedback": "We have asked you little and listened less. What would you change about us first?",
    "broken promises": "We did not keep to what we had said. May I first put that right?",
    "inconsistent experience": "You may have had different answers in different places. Which one shall I clear up?",
    "product quality": "Something may not have worked as it should. What happened, and is it still so?",
    "pressure and privacy": "You decide what we keep and how often we write. What would you like changed?",
    "channel mismatch": "Which way would you like to reach us, and to be reached?",
    "rough start": "How did the beginning with us go, and what is still missing?",
    "value and contract": "Does what you have with us still fit what you need?",
}
"""By theme; a theme that is not here (what the customer is, a theme of one's own) suggests none."""
OTHERWISE = "How have things been going with us lately?"
LONGEST = 500
"""The page holds a list of so many at most; all are in the table of scores."""
HEADS = ("customer", "chance", "value_at_risk", "persona", "channel", "likely_reason")
WORTH = ("saveability", "expected_net_value")
"""What a list that follows the actions of a night says besides."""


def opener(likely_reason: object, theme: object = None) -> str:
    """How to begin with a customer of this likely reason, or else of this theme that pushes most, if it is a sign.

    Of what the company did nothing is said that the customer may not have met.

    >>> opener("waiting", "going quiet")
    'You have had to wait for us. Is the matter settled, or shall I see to it now?'
    >>> opener(None, "going quiet")
    'We have not heard from you for a while. How have things been going with us?'
    >>> opener(None, "waiting")
    'How have things been going with us lately?'
    """
    sign = str(theme) if theme in SIGNS else ""
    return OPENERS.get(str(likely_reason)) or OPENERS.get(sign) or OTHERWISE


def call_list(people: pd.DataFrame) -> str:
    """The list as CSV, formulas defused.

    Parameters
    ----------
    people : customer, p_silent, value_at_risk, persona, channel, likely_reason, theme_1, reason_1 .. of those who may
        be contacted, the riskiest first; or of those to contact, with saveability and expected_net_value, the most
        worthwhile first
    """
    reasons = sorted(str(name) for name in people if str(name).startswith("reason_"))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    worth = WORTH if all(name in people and people[name].notna().all() for name in WORTH) else ()
    writer.writerow([*HEADS[:3], *worth, *HEADS[3:], *reasons, "opener"])
    for row in people.head(LONGEST).to_dict("records"):
        chance, value = f"{row['p_silent']:.4f}", row["value_at_risk"]
        plain = [row["customer"], chance, "" if pd.isna(value) else f"{value:.2f}"]
        plain += [*(f"{row[name]:.4f}" if name == WORTH[0] else f"{row[name]:.2f}" for name in worth)]
        plain += [*(row[name] for name in HEADS[3:])]
        plain += [*(row[name] for name in reasons), opener(row["likely_reason"], row["theme_1"])]
        writer.writerow(["" if pd.isna(cell) else defused(str(cell)) for cell in plain])
    return lines.getvalue()


def as_link(text: str) -> str:
    """The list as an address that holds it: no file beside the page, and no network."""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
