"""Who the simulated customers are: what stays the same about each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PLANS = ("basic", "plus", "family")
PRICES = np.array([1490, 2490, 3990])
"""Monthly prices of the plans, in cents."""
REGIONS = ("north", "east", "south", "west", "islands")
AGE_BANDS = ("18-29", "30-44", "45-59", "60 and over")
ACQUIRED = ("web", "shop", "phone", "partner")
SUPPORT_CHANNELS = ("call", "chat", "email")
STEPS = ("sim_activated", "app_installed", "first_login", "payment_set_up", "router_connected")


@dataclass(frozen=True)
class Parameters:
    """The numbers behind the simulation; rates are per customer and day."""

    silent_share: float = 0.85
    """Of the customers who leave unhappy, about this share never complains and never asks to cancel."""
    unhappy_hazard: float = 0.00028
    """Chance of starting to leave, at average satisfaction."""
    hazard_slope: float = 2.3
    """How steeply that chance rises as satisfaction falls (log scale)."""
    own_hazard: float = 0.00018
    """Chance of leaving for reasons that have nothing to do with the company."""
    recovered: float = 0.25
    """Of the unhappy who complain before cancelling, the share that stays after all."""
    contact_rate: float = 0.0022
    """Ordinary questions to support."""
    error_rate: float = 0.03
    """Errors per session."""
    late_share: float = 0.22
    """Deliveries that come after the promised day."""


@dataclass(frozen=True)
class Population:
    """One chunk of customers; every array has one entry per customer. Days count from the simulation's start."""

    first: int
    joined: Ints
    household: Ints
    plan: Ints
    region: Ints
    age: Ints
    acquired: Ints
    cadence: Floats
    weekend: Floats
    app_share: Floats
    session_s: Floats
    voice: Floats
    contact: Floats
    dark: Floats
    opens: Floats
    base: Floats
    trouble: Floats
    support: Ints
    bill_day: Ints
    onboarding: Ints
    away_from: Ints
    away_to: Ints

    def __len__(self) -> int:
        return len(self.joined)


def draw_population(first: int, size: int, days: int, parameters: Parameters, rng: np.random.Generator) -> Population:
    """Draw `size` customers, the first of them number `first`, for a simulation of so many days."""
    age = rng.choice(4, size, p=[0.22, 0.31, 0.27, 0.20])
    new = rng.random(size) < 0.42
    joined = np.where(new, rng.integers(0, max(days - 14, 1), size), -rng.integers(1, 1500, size))
    # Steps finish after some days each; -1 stands for a step never finished. A fifth stalls somewhere on the way.
    pace = rng.lognormal(0.4, 0.7, (size, 1))
    onboarding = np.cumsum(rng.exponential(1.0, (size, len(STEPS))) * pace, axis=1).astype(np.int64)
    stalled = rng.random(size) < 0.22
    reached = np.where(stalled, rng.integers(1, len(STEPS), size), len(STEPS))
    onboarding[np.arange(len(STEPS)) >= reached[:, None]] = -1
    # The Beta distribution's mean is the share of leavers who speak up; its spread says that speaking up is a trait.
    vocal = 1 - parameters.silent_share
    voice = rng.beta(1.2 * vocal, 1.2 * (1 - vocal), size)
    app_share = np.clip(rng.beta(2.5, 1.8, size) - 0.1 * (age == 3), 0.02, 0.98)
    away_from = rng.integers(0, days, (size, 3))
    away = np.where(rng.random((size, 3)) < 0.7, rng.integers(6, 27, (size, 3)), 0)
    support = np.where(app_share > 0.65, 1, np.where(age < 2, 2, 0))
    return Population(
        first=first,
        joined=joined,
        household=first + np.maximum.accumulate(np.where(rng.random(size) < 0.85, np.arange(size), 0)),
        plan=rng.choice(3, size, p=[0.45, 0.38, 0.17]),
        region=rng.choice(5, size, p=[0.27, 0.22, 0.21, 0.24, 0.06]),
        age=age,
        acquired=rng.choice(4, size, p=[0.44, 0.27, 0.12, 0.17]),
        cadence=np.clip(rng.lognormal(np.log(0.5), 0.6, size), 0.15, 2.5),
        weekend=rng.lognormal(0, 0.35, size),
        app_share=app_share,
        session_s=rng.lognormal(np.log(260), 0.5, size),
        voice=voice,
        contact=np.clip(0.04 + 0.5 * voice + rng.beta(1, 6, size), 0, 0.8),
        dark=rng.beta(0.6, 6, size) * (1 + (age == 0)),
        opens=rng.normal(-0.9, 0.8, size),
        base=rng.normal(0.6, 0.25, size) - 0.35 * stalled * new,
        trouble=rng.lognormal(0, 0.5, size),
        support=np.where(rng.random(size) < 0.15, rng.integers(0, 3, size), support),
        bill_day=rng.integers(1, 29, size),
        onboarding=onboarding,
        away_from=away_from,
        away_to=away_from + away,
    )
