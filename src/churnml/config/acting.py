"""What a night recommends: whom to contact, through which channel, within which limits, and whom to leave alone."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from churnml.config.values import PositiveDays, Settings, Share

Cost = Annotated[float, Field(ge=0)]


def plain_channel(name: str) -> str:
    """A channel's name as names are compared: small letters, and one space for whatever parts two words.

    >>> plain_channel("In-App_chat "), plain_channel("in app chat")
    ('in app chat', 'in app chat')
    """
    return " ".join(re.split(r"[\W_]+", name.strip().lower())).strip()


class Fatigue(Settings):
    """Who has `at_most` events of these kinds within so many days is left in peace."""

    kinds: Annotated[tuple[str, ...], Field(min_length=1)] = ("treatment", "treatment_withheld")
    days: PositiveDays = 30
    at_most: Annotated[int, Field(ge=1)] = 1


class Actions(Settings):
    """Whom to contact each night.

    Of the leavers who are contacted, the share `save_rate` is assumed to stay (default: the mean acceptance of
    `economics.campaign`). `channels` are those through which customers can be contacted, with the cost of a contact
    there; without any, it is the one that a customer prefers, at `economics.campaign.contact_cost`. A night stays
    within `contacts_per_night` and within `budget_per_night`, in the currency. Who meets a rule of `fatigue` is left
    in peace. A share `control_share` of customers, drawn anew every `control_days`, is never contacted.
    """

    save_rate: Share | None = None
    channels: dict[str, Cost] = {}
    contacts_per_night: Annotated[int, Field(ge=0)] | None = None
    budget_per_night: Annotated[float, Field(ge=0)] | None = None
    fatigue: tuple[Fatigue, ...] = (Fatigue(),)
    control_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    control_days: PositiveDays = 182

    @field_validator("channels")
    @classmethod
    def _told_apart(cls, channels: dict[str, float]) -> dict[str, float]:
        names = [plain_channel(name) for name in channels]
        if "" in names:
            raise ValueError("a channel has no name; call it as the events do")
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"channels named twice, as capitals and underscores do not count: {', '.join(repeated)}; keep one"
            )
        return channels
