"""Who may leave, what leaving and voice mean, what is looked at, what customers are worth, and their kinds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from churnml.config.values import Days, PositiveDays, Settings


class Channels(Settings):
    """What the names of channels mean. A dark channel is one the company does not monitor as service."""

    digital: tuple[str, ...] = ()
    dark: tuple[str, ...] = ()


class Eligible(Settings):
    """Who is on the spine: customers with an event of `of` (default: the defection's) within so many days."""

    active_within_days: PositiveDays
    of: tuple[str, ...] = ()


class Defection(Settings):
    """What leaving means: an explicit closure, inactivity through the whole outcome window, or either.

    Engagement up to `trailing_days` after a closure trails it, as a last bill does; later it brings the customer back.
    """

    by: Literal["closure", "inactivity", "either"]
    of: Annotated[tuple[str, ...], Field(min_length=1)] = ("activity", "purchase")
    trailing_days: Days = 31


class Voice(Settings):
    """What counts as telling the company: these kinds of event, on any channel that is not dark."""

    kinds: Annotated[tuple[str, ...], Field(min_length=1)] = ("complaint", "cancel_requested")
    lookback_days: PositiveDays = 90


class Snapshots(Settings):
    """The dates at which we look, and the outcome window [t + lead, t + lead + horizon) of each."""

    every: PositiveDays = 28
    first: date | None = None
    last: date | None = None
    lead_days: Days = 0
    horizon_days: PositiveDays
    settle_days: Days = 0

    @model_validator(mode="after")
    def _first_before_last(self) -> Self:
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"first, {self.first}, is after last, {self.last}")
        return self

    @property
    def matures_after(self) -> timedelta:
        """The time from a snapshot until its outcomes are known."""
        return timedelta(days=self.lead_days + self.horizon_days + self.settle_days)


class Features(Settings):
    """Which feature families to build, features to leave out by name, and Python files that declare more of them."""

    families: tuple[str, ...] = (
        *("recency", "channels", "complaints", "onboarding", "outreach", "feedback", "experience", "value", "text"),
    )
    friction: tuple[str, ...] = ("error", "payment_failed", "return", "contact_abandoned")
    onboarding_days: PositiveDays = 30
    exclude: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()


class Campaign(Settings):
    """What it costs to keep customers, for actions and the expected maximum profit; see `churnml.metrics.profit`.

    `customer_value` is what a customer is worth where amounts are not known. Without it nights speak of no money for
    such customers, and the expected profit of one value for all takes that of the literature.
    """

    contact_cost: Annotated[float, Field(ge=0)] = 1.0
    incentive_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    alpha: Annotated[float, Field(gt=0)] = 6.0
    beta: Annotated[float, Field(gt=0)] = 14.0
    customer_value: Annotated[float, Field(gt=0)] | None = None


class Economics(Settings):
    """What a customer is worth: the sum of `amount` over these kinds in so many days before the snapshot.

    `acquisition_cost` is what it costs to win a new customer, to compare with.
    """

    currency: str = "EUR"
    value_kinds: tuple[str, ...] = ("purchase",)
    value_days: PositiveDays = 365
    campaign: Campaign = Campaign()
    acquisition_cost: Annotated[float, Field(gt=0)] | None = None


_CONDITION = r"^\s*\w+\s*(<=|>=|<|>|=)\s*-?\d+(\.\d+)?\s*$"


class Persona(Settings):
    """A kind of customer: those for whom all of `when` holds, each a feature beside a number; nothing holds for all."""

    name: Annotated[str, Field(min_length=1)]
    when: tuple[Annotated[str, Field(pattern=_CONDITION)], ...] = ()


PERSONAS = (
    Persona(name="disconnected but vocal", when=("voice_events_90d >= 1", "active_days_trend_30d < 0.6")),
    Persona(name="stressed but vocal", when=("voice_events_90d >= 1",)),
    Persona(name="disengaged and silent", when=("active_days_trend_30d < 0.6",)),
    Persona(name="dark matter", when=("dark_matter = 1",)),
    Persona(name="content"),
)
"""The personas unless the configuration has its own; the first that fits names the customer."""
