"""Who the simulated customers are: what stays the same about each of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from churnml.datasets.simulator.log import Bools, Floats, Ints
from churnml.datasets.simulator.presets import Preset

T = TypeVar("T")

REGIONS, AGES, ACQUIRED, PLANS, STEPS = 5, 4, 4, 3, 5
"""How many regions, age bands, ways of being acquired, plans and onboarding steps there are."""
PARTNER, ISLANDS = 3, 4


def taken(item: T, index: Ints) -> T:
    """A dataclass of arrays, whose last axis is the customer, for some of the customers (again, for repeated ones)."""
    arrays = {f.name: getattr(item, f.name) for f in fields(item)}  # type: ignore[arg-type]
    return replace(  # type: ignore[type-var]
        item, **{name: np.take(a, index, axis=-1) for name, a in arrays.items() if isinstance(a, np.ndarray)}
    )


@dataclass(frozen=True)
class Population:
    """One chunk of customers; the last axis of every array is the customer. Days count from the simulation's start."""

    number: Ints
    """0, 1, 2, ... over all chunks."""
    joined: Ints
    """Day of signing up; negative for those who were there before."""
    household: Ints
    plan: Ints
    region: Ints
    age: Ints
    acquired: Ints
    cadence: Floats
    """Sessions a day."""
    weekend: Floats
    app_share: Floats
    session_s: Floats
    level: Floats
    """The satisfaction to which the customer returns."""
    speaks: Bools
    """Whether the customer would ever complain."""
    voice: Floats
    """Chance that trouble leads to a complaint."""
    contact: Floats
    """Chance that trouble leads to a contact."""
    dark_matter: Bools
    """Never contacts service (but for a new channel, perhaps)."""
    adopts: Bools
    """Takes up the new channel."""
    posts: Floats
    opens: Floats
    error_prone: Floats
    support: Ints
    """Preferred support channel."""
    bill_day: Ints
    credit: Ints
    """Score at the day of signing up, 300 to 850; the lower, the more payments fail."""
    onboarding: Ints
    """STEPS x customers: days from signing up to each step; -1 for a step never done."""
    away_from: Ints
    away_to: Ints

    def __len__(self) -> int:
        return len(self.joined)

    def take(self, index: Ints) -> Population:
        """Some of the customers, in that order."""
        return taken(self, index)


def draw_population(first: int, size: int, days: int, preset: Preset, rng: np.random.Generator) -> Population:
    """Draw `size` customers, the first of them number `first`, for a simulation of so many days."""
    number = first + np.arange(size)
    age = rng.choice(AGES, size, p=[0.22, 0.31, 0.27, 0.20])
    new = rng.random(size) < 0.42
    joined = np.where(new, rng.integers(0, max(days - 14, 1), size), -rng.integers(1, 1500, size))
    # Steps finish after some days each. A fifth of the customers stalls somewhere on the way.
    pace = rng.lognormal(0.4, 0.7, size)
    onboarding = np.cumsum(rng.exponential(1.0, (STEPS, size)) * pace, axis=0).astype(np.int64)
    reached = np.where(rng.random(size) < 0.22, rng.integers(1, STEPS, size), STEPS)
    onboarding[np.arange(STEPS)[:, None] >= reached] = -1
    # The share of would-be speakers at which `silent_share` of the unhappy leavers are others.
    vocal = 1 - preset.silent_share
    speaks = rng.random(size) < vocal / (vocal + preset.silent_share * preset.speaker_ratio)
    dark = (rng.random(size) < preset.dark_matter) & ~speaks
    app_share = np.clip(rng.beta(2.5, 1.8, size) - 0.1 * (age == 3), 0.02, 0.98)
    support = np.where(app_share > 0.65, 1, np.where(age < 2, 2, 0))
    away_from = rng.integers(0, days, (3, size))
    away = np.where(rng.random((3, size)) < 0.6, rng.integers(5, 20, (3, size)), 0)
    region = rng.choice(REGIONS, size, p=[0.27, 0.22, 0.21, 0.24, 0.06])
    acquired = rng.choice(ACQUIRED, size, p=[0.44, 0.27, 0.12, 0.17])
    error_prone = rng.lognormal(0, 0.5, size) * np.where(region == ISLANDS, 1.6, 1.0)
    credit = 620 + 90 * rng.standard_normal(size) - 60 * (error_prone > 1.5)
    own = np.where(rng.random(size) < 0.85, np.arange(size), 0)
    return Population(
        number=number,
        joined=joined,
        household=first + np.maximum.accumulate(own),
        plan=rng.choice(PLANS, size, p=[0.45, 0.38, 0.17]),
        region=region,
        age=age,
        acquired=acquired,
        cadence=preset.sessions_per_day * np.clip(rng.lognormal(0, preset.sessions_spread, size), 0.3, 5.0),
        weekend=preset.weekend * rng.lognormal(0, 0.35, size),
        app_share=app_share,
        session_s=rng.lognormal(np.log(preset.session_s), 0.5, size),
        level=rng.normal(0.0, preset.level_sd, size) - 0.15 * (acquired == PARTNER),
        speaks=speaks,
        voice=speaks * rng.beta(2, 2 / preset.complaint_given_trouble - 2, size),
        contact=~dark * rng.beta(1.2, 1.2 / preset.contact_given_trouble - 1.2, size),
        dark_matter=dark,
        adopts=rng.random(size) < preset.adopters * np.where(app_share > 0.5, 1.3, 0.6),
        posts=rng.gamma(0.5, 2.0, size) * (1 + (age == 0)),
        opens=rng.normal(-0.9, 0.8, size),
        error_prone=error_prone,
        support=np.where(rng.random(size) < 0.15, rng.integers(0, 3, size), support),
        bill_day=rng.integers(1, 29, size),
        credit=np.clip(np.rint(credit), 300, 850).astype(np.int64),
        onboarding=onboarding,
        away_from=away_from,
        away_to=away_from + away,
    )  # fmt: skip
