"""The words of the simulated customers: complaints, reviews and private messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOPICS = ("app", "billing", "delivery", "network", "price", "service")
"""What trouble can be about, in the order of the topic codes."""

_OPENERS = (
    "Hello, ",
    "Good morning. ",
    "I am writing because I am not happy. ",
    "This is not the first time. ",
    "I have been with you for a long while, but ",
    "Please look into this. ",
    "",
)
_TROUBLE = (
    (  # app
        "the app closes by itself whenever I open my bill.",
        "I cannot log in since the last update of the app.",
        "your website shows an error at the last step, every single time.",
        "the app says my data are used up, and they are not.",
    ),
    (  # billing
        "you charged me twice this month.",
        "my payment was refused although there is enough money in the account.",
        "there is a fee on my bill that nobody can explain to me.",
        "I was sent a reminder for a bill that I have paid.",
    ),
    (  # delivery
        "the router was promised for last week and has still not come.",
        "nobody came to the appointment, and nobody told me why.",
        "my new SIM card has been on its way for ten days.",
        "I took a day off for the technician, who never appeared.",
    ),
    (  # network
        "the connection drops every evening.",
        "I pay for fast internet and get a fraction of it.",
        "I have had no reception at home since Monday.",
        "calls break off after a minute or two.",
    ),
    (  # price
        "the price went up again and nothing got better.",
        "new customers pay half of what I pay.",
        "I was never told that the discount would end.",
        "your letter about the new prices came after the first higher bill.",
    ),
    (  # service
        "I waited forty minutes on the phone and then the line went dead.",
        "I have explained my problem to four different people now.",
        "all I get are answers that somebody copied from a list.",
        "my question has been open for two weeks without a reply.",
    ),
)
_CLOSERS = (
    " Please put it right.",
    " When will this be solved?",
    " I expect an answer this week.",
    " If this goes on I will look for another provider.",
    " I would like my money back for this month.",
    " Could somebody call me, please?",
    " This is really tiring.",
)
_REVIEWS = (
    "Never again. Nobody answers and nothing gets fixed.",
    "Not worth the money. Friends of mine have already changed.",
    "It works on most days. I expected more for the price.",
    "Solid network, fair price. No complaints from me.",
    "Very happy, everything worked from the first day.",
)
_MESSAGES = (
    "Does anybody here know a better provider? I have had enough of mine.",
    "My internet is down again. I no longer bother to call them.",
    "Is yours slow too this week?",
    "They sorted my router out in a day, I was surprised.",
    "I can recommend them, honestly.",
)


def complaint_texts(topic: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """One complaint for each topic code.

    >>> complaint_texts(np.array([4]), np.random.default_rng(11))
    ['Hello, the price went up again and nothing got better. Could somebody call me, please?']
    """
    picks = rng.integers(0, (len(_OPENERS), 4, len(_CLOSERS)), size=(len(topic), 3))
    texts = []
    for code, (opener, trouble, closer) in zip(topic.tolist(), picks.tolist(), strict=True):
        text = _TROUBLE[code][trouble]
        begin = _OPENERS[opener]
        if not begin or begin.endswith(". "):
            text = text[0].upper() + text[1:]
        texts.append(begin + text + _CLOSERS[closer])
    return texts


def post_texts(stars: NDArray[np.int64], message: NDArray[np.bool_]) -> list[str]:
    """What is written with so many stars (1 to 5), in a review or in a private message or post."""
    return [
        (_MESSAGES if private else _REVIEWS)[star - 1]
        for star, private in zip(stars.tolist(), message.tolist(), strict=True)
    ]
