"""The life of simulated customers, day by day: satisfaction, engagement, and the competing hazards of leaving.

Satisfaction is the personal level, plus a drift, plus what good service gave, less what each theme of annoyance took;
everything felt fades at one rate, so that on any day the log of the hazard is a sum of themes. Use follows
satisfaction some days behind. Each day three hazards compete: to leave silently, to leave aloud (a trait decides which
of these two), and to leave for reasons of one's own. `docs/simulator.md` has the equations and their sources.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churnml.datasets.simulator.log import DAY, NEVER, Bools, Floats, Ints, Log, moments
from churnml.datasets.simulator.population import Population, taken
from churnml.datasets.simulator.presets import Preset

THEMES = (
    "product quality",
    "waiting",
    "impersonal service",
    "unresolved problems",
    "broken promises",
    "value and contract",
    "pressure and privacy",
    "rough start",
)
"""What annoys customers, in the words in which reports name the drivers."""
PRODUCT, WAITING, IMPERSONAL, UNRESOLVED, PROMISES, VALUE, PRESSURE, START = range(len(THEMES))

STAYS, SILENT, VOCAL, OWN = range(4)
"""What a customer is doing: staying, or leaving silently, aloud, or for reasons of one's own."""
MOVED, NEED_ENDED = range(2)
FAR = 10**6
"""A day that never comes."""
NOTICEABLE = 0.05
"""An annoyance below this is no reason to leave."""


@dataclass
class State:
    """What changes about each customer; the last axis of every array is the customer."""

    hurt: Floats
    """Themes x customers: how much of each annoyance is still felt."""
    good: Floats
    drift: Floats
    engagement: Floats
    rhythm: Floats
    pressure: Floats
    """Recent advertising: about the messages of the last three weeks."""
    recovery: Floats
    """Log of the hazard ratio that the handling of complaints left behind."""
    treated_until: Ints
    treatment: Floats
    """Log of the hazard ratio of the last treatment."""
    manner: Ints
    decided: Ints
    quiet_on: Ints
    """The first day without use."""
    complain_on: Ints
    again_on: Ints
    cancel_on: Ints
    close_on: Ints
    announced: Bools
    """Asked to cancel."""
    why: Ints
    """Of those who leave for reasons of their own: which."""
    last_voice: Ints
    """The last day of a complaint or a request to cancel."""
    price: Ints
    plan: Ints
    region: Ints
    retry_on: Ints
    delivery_due: Ints
    unsubscribed: Bools
    stalled: Bools


def first_state(people: Population, preset: Preset, rng: np.random.Generator) -> State:
    """The state on the first day."""
    size = len(people)
    far = [np.full(size, FAR) for _ in range(8)]
    steady = preset.drift_sd / np.sqrt(2 * preset.forgetting)
    return State(
        hurt=rng.exponential(0.04, (len(THEMES), size)) * (people.joined < 0),
        good=np.where(people.joined >= 0, 0.15, 0.05),
        drift=rng.normal(0, steady, size),
        engagement=np.ones(size),
        rhythm=rng.normal(0, 0.35, size),
        pressure=np.zeros(size),
        recovery=np.zeros(size),
        treated_until=np.full(size, NEVER),
        treatment=np.zeros(size),
        manner=np.full(size, STAYS),
        decided=far[0], quiet_on=far[1], complain_on=far[2], again_on=far[3], cancel_on=far[4], close_on=far[5],
        announced=np.zeros(size, dtype=bool),
        why=np.full(size, NEVER),
        last_voice=np.full(size, NEVER),
        price=np.array(preset.prices)[people.plan],
        plan=people.plan.copy(),
        region=people.region.copy(),
        retry_on=far[6],
        delivery_due=np.where((people.joined >= 0) & (preset.bills_every > 0), people.joined, far[7]),
        unsubscribed=np.zeros(size, dtype=bool),
        stalled=np.any(people.onboarding < 0, axis=0),
    )  # fmt: skip


class Life:
    """Some customers, their state and the rows they leave behind.

    Others annoy them (`hurt`), serve them well (`please`), and log what happened; `pass_judgement` ends each day.
    """

    def __init__(
        self, people: Population, state: State, preset: Preset, weekday: int, log: Log, rng: np.random.Generator
    ) -> None:
        self.people, self.state, self.preset = people, state, preset
        self.weekday, self.log, self.rng = weekday, log, rng
        self._to_come: dict[int, list[tuple[Ints, int, Floats]]] = defaultdict(list)
        self.outages: Bools | None = None
        """Days x regions: the outages of the company; without them every customer meets outages of his or her own."""
        self.known: list[tuple[Bools, NDArray[Any], NDArray[Any]]] = []
        """Of each day: who could still decide to leave, satisfaction, hazard of leaving unhappy."""
        self.felt: list[tuple[Ints, Floats]] = []
        """Who decided to leave, and how much of each annoyance they felt then (themes x customers)."""

    def __len__(self) -> int:
        return len(self.people)

    def copies(self, who: Ints, times: int, rng: np.random.Generator, log: Log) -> Life:
        """A new life of `times` copies of each of `who`, side by side."""
        index = np.repeat(who, times)
        life = Life(self.people.take(index), taken(self.state, index), self.preset, self.weekday, log, rng)
        place = np.full(len(self), NEVER)
        place[who] = np.arange(len(who)) * times
        for day, pieces in self._to_come.items():
            for whom, theme, size in pieces:
                kept = place[whom] >= 0
                copied = (place[whom[kept], None] + np.arange(times)).ravel()
                life._to_come[day].append((copied, theme, np.repeat(size[kept], times)))
        return life

    def hurt(self, who: Ints, theme: int, size: float | Floats, on: int | None = None) -> None:
        """Annoy each of `who` once; `on` a later day, if given."""
        sizes = np.broadcast_to(np.asarray(size, dtype=float), who.shape)
        if on is None:
            np.add.at(self.state.hurt[theme], who, sizes)
        elif len(who):
            self._to_come[on].append((who, theme, sizes))

    def due(self, day: int, theme: int) -> Ints:
        """Whom that annoyance will reach on that day."""
        return np.concatenate(
            [np.full(0, NEVER), *(who for who, about, _ in self._to_come.get(day, ()) if about == theme)]
        )

    def please(self, who: Ints, size: float | Floats) -> None:
        """Raise satisfaction."""
        np.add.at(self.state.good, who, size)

    @property
    def satisfaction(self) -> Floats:
        """Of each customer, today."""
        state = self.state
        total: Floats = self.people.level + state.drift + state.good - state.hurt.sum(axis=0)
        return total

    def wanted(self, satisfaction: Floats) -> Floats:
        """The engagement that goes with a satisfaction: those who would speak up show their displeasure in words."""
        depth = np.where(self.people.speaks, 0.25, 0.62)
        level: Floats = 1 + depth * np.tanh((satisfaction - 0.1) / 0.6) * np.where(satisfaction > 0.1, 0.25, 1.0)
        return level

    def unhappy_hazard(self, day: int, satisfaction: Floats) -> Floats:
        """The hazard of leaving unhappy on that day, silently or aloud, per day."""
        people, state, preset = self.people, self.state, self.preset
        slope, base = preset.hazard_slope, preset.unhappy_hazard
        if preset.regime_change and day >= preset.launch_day:
            slope, base = 0.3 * slope, 2.0 * base
        treated = np.where(state.treated_until >= day, state.treatment, 0.0)
        hazard: Floats = base * np.exp(-slope * satisfaction + state.recovery + treated)
        hazard *= np.where((people.joined >= 0) & (day - people.joined < 90), preset.early_factor, 1.0)
        if preset.renewal_days:
            near = (people.bill_day - day) % preset.renewal_days < 7
            rest = (preset.renewal_days - 7 * preset.renewal_factor) / (preset.renewal_days - 7)
            hazard *= np.where(near, preset.renewal_factor, rest)
        return hazard

    def pass_judgement(self, day: int, using: Bools) -> None:
        """Feel what the day brought, forget a little, and decide whether to leave."""
        state, preset, rng = self.state, self.preset, self.rng
        for who, theme, sizes in self._to_come.pop(day, ()):
            self.hurt(who, theme, sizes)
        keep = 1 - preset.forgetting
        state.hurt *= keep
        state.good *= keep
        state.drift *= keep
        state.drift += preset.drift_sd * rng.standard_normal(len(self))
        satisfaction = self.satisfaction
        state.engagement += (self.wanted(satisfaction) - state.engagement) / preset.engagement_days
        hazard = self.unhappy_hazard(day, satisfaction)
        free = using & (state.manner == STAYS)
        self.known.append((free, satisfaction.astype(np.float32), hazard.astype(np.float32)))
        self._decide(day, free, hazard)

    def _decide(self, day: int, free: Bools, unhappy: Floats) -> None:
        state, preset, rng = self.state, self.preset, self.rng
        either = unhappy + preset.own_hazard
        draw = rng.random(len(self))
        who = np.flatnonzero(free & (draw < -np.expm1(-either)))
        size = len(who)
        cause = np.where(self.people.speaks[who], VOCAL, SILENT)
        cause[rng.random(size) < preset.own_hazard / either[who]] = OWN
        state.manner[who], state.decided[who] = cause, day
        self.felt.append((who, state.hurt[:, who]))
        chance = rng.random((4, size))
        wait = np.ceil(
            np.clip(rng.lognormal(0, 0.6, (3, size)), 0.2, 5.0)
            * [[preset.closes_after], [preset.vocal_patience], [preset.fading]]
        )
        later, patience, fading = wait.astype(np.int64)
        silent, vocal, own = cause == SILENT, cause == VOCAL, cause == OWN
        announced = own & (chance[0] < preset.own_announced)
        state.why[who] = np.where(own, np.where(chance[1] < 0.55, MOVED, NEED_ENDED), NEVER)
        state.complain_on[who] = np.where(vocal, day + 1, FAR)
        state.again_on[who] = np.where(vocal & (chance[1] < 0.5) & (patience > 4), day + 1 + patience // 2, FAR)
        state.cancel_on[who] = np.where(vocal, day + 1 + patience, np.where(announced, day + 1 + later // 2, FAR))
        goes = silent | (own & ~announced)
        last = day + 1 + fading * silent
        state.quiet_on[who] = np.where(goes, last, FAR)
        state.close_on[who] = np.where(goes & (chance[2] < preset.closes), last + later, FAR)

    def close(self, day: int) -> None:
        """Log the closures of today."""
        who = np.flatnonzero(self.state.close_on == day)
        asked = self.state.announced[who]
        closed = moments(day, len(who), self.rng, 14.0)
        booked = closed + 60 + np.where(self.rng.random(len(who)) < 0.3, self.rng.integers(DAY, 5 * DAY, len(who)), 0)
        self.log.add("closures", who, closed=closed, booked=booked, by=np.where(asked, 0, 1))
