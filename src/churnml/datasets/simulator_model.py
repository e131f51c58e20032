"""The life of simulated customers, day by day: satisfaction, friction, voice and leaving.

Every customer has a latent satisfaction that is drawn back to a personal level, drifts, falls with friction and rises
with good service. Three hazards compete each day: to begin leaving silently, to begin leaving aloud (both rise as
satisfaction falls; a personal propensity decides between them), and to leave for reasons of one's own. A silent leaver
uses the service less and less, no longer answers, and then stops, with or without a closure. A vocal one complains, may
be won back, and otherwise asks to cancel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from churnml.datasets.simulator_log import DAY, NEVER, Log, moments
from churnml.datasets.simulator_population import PRICES, STEPS, Bools, Floats, Ints, Parameters, Population
from churnml.datasets.simulator_service import SERVICE_TOPIC, open_tickets, send_campaigns, send_surveys
from churnml.datasets.simulator_texts import TOPICS, complaint_texts, post_texts

APP, BILLING, DELIVERY, NETWORK, PRICE = range(5)
STAYS, SILENT, VOCAL, OWN = range(4)
"""What a customer is doing: staying, leaving silently, leaving aloud, leaving for reasons of one's own."""
FAR = 10**6
DELAY = 8


class Chunk:
    """One chunk of customers and the rows they leave behind; `live` runs all days, `truth` tells the rest."""

    def __init__(
        self, population: Population, days: int, weekday: int, parameters: Parameters, rng: np.random.Generator
    ) -> None:
        size = len(population)
        self.population, self.days, self.weekday, self.p, self.rng = population, days, weekday, parameters, rng
        self.log = Log()
        self.satisfaction = population.base + rng.normal(0, 0.25, size) + 0.25 * (population.joined >= 0)
        self.manner = np.full(size, STAYS)
        self.decided, self.fade_days = np.full(size, FAR), np.ones(size)
        self.quiet_on, self.complain_on, self.again_on = (np.full(size, FAR) for _ in range(3))
        self.cancel_on, self.close_on = np.full(size, FAR), np.full(size, FAR)
        self.requested, self.about = np.full(size, NEVER), np.full(size, NEVER)
        self.price = PRICES[population.plan].copy()
        self.retry_on = np.full(size, FAR)
        self.rhythm = rng.normal(0, 0.35, size)
        self.unsubscribed = np.zeros(size, dtype=bool)
        self.pressure = np.zeros(size)
        self.hurt = np.zeros((size, len(TOPICS)))
        self.coming = np.zeros((DELAY, size))  # effects on satisfaction felt in the days to come
        self.delivery_due = np.where(population.joined >= 0, population.joined, FAR)
        self.outage = rng.random((days, 5)) < 0.012

    def live(self) -> Log:
        """Run every day of the simulation and return the rows."""
        for day in range(self.days):
            self._live(day)
        self._onboard()
        gone = np.flatnonzero(self.close_on < self.days)
        gone = np.flatnonzero((self.close_on < self.days) | (self.requested >= 0))
        asked = self.requested[gone] >= 0
        way = np.where(asked, self.rng.choice(4, len(gone), p=[0.4, 0.1, 0.2, 0.3]), NEVER)
        self.log.add("closures", gone, closed=moments(0, len(gone), self.rng, 16.0) + self.close_on[gone] * DAY,
                     requested=self.requested[gone], channel=way)  # fmt: skip
        return self.log

    def truth(self) -> dict[str, NDArray[Any]]:
        """What no company knows about each customer: the manner of leaving, when it began, and what it was about."""
        left = np.minimum(self.quiet_on, self.close_on)
        return {
            "satisfaction_level": self.population.base,
            "voice_propensity": self.population.voice,
            "sessions_per_day": self.population.cadence,
            "manner": self.manner,
            "decided": np.where(self.manner == STAYS, NEVER, self.decided),
            "left": np.where((self.manner == STAYS) | (left >= FAR), NEVER, left),
            "trouble": np.where(np.isin(self.manner, (SILENT, VOCAL)), self.about, NEVER),
        }  # fmt: skip

    def _onboard(self) -> None:
        new = np.flatnonzero(self.population.joined >= 0)
        for step in range(len(STEPS)):
            after = self.population.onboarding[new, step]
            who = new[after >= 0]
            day = self.population.joined[who] + after[after >= 0]
            still = day < np.minimum(self.close_on, self.quiet_on)[who]
            who, day = who[still], day[still]
            hour = self.rng.uniform(8.5, 21.5, len(who)) + 0.4 * step
            self.log.add("onboarding", who, at=day * DAY + (hour * 3600).astype(np.int64), step=step)

    def _live(self, day: int) -> None:
        population, rng = self.population, self.rng
        customer = (population.joined <= day) & (self.close_on > day)
        using = customer & (self.quiet_on > day)
        trouble = np.full(len(population), NEVER)
        draw = rng.random((8, len(population)))

        self._use(day, using, draw[0], trouble)
        self._pay(day, customer, draw[1], trouble)
        self._change_contract(day, customer, draw[2], trouble)
        self._deliver(day, using, draw[3], trouble)
        self._contact(day, using, draw[4:6], trouble)
        self._hear(day, customer, using)
        self._post(day, using, draw[6])
        self._complain_and_cancel(day, customer)

        self.satisfaction += 0.014 * (population.base - self.satisfaction) + rng.normal(0, 0.02, len(population))
        self.satisfaction += self.coming[day % DELAY]
        self.coming[day % DELAY] = 0
        self.hurt *= 0.985
        self._decide(day, using, draw[7])

    def _hurts(self, who: Ints, topic: int, size: float | Floats, trouble: Ints) -> None:
        self.satisfaction[who] -= size
        self.hurt[who, topic] += size
        trouble[who] = topic

    def _level(self, day: int) -> Floats:
        """How much of the usual use is left."""
        gone = np.clip((day - self.decided) / self.fade_days, 0, 1)
        level = np.where(self.manner == SILENT, 1 - 0.88 * gone**0.9, 1.0)
        level = np.where(self.manner == VOCAL, np.where(day > self.cancel_on, 0.4, 1.15), level)
        away = (self.population.away_from <= day) & (day < self.population.away_to)
        return np.where(np.any(away, axis=1), 0.03, level)

    def _use(self, day: int, using: Bools, draw: Floats, trouble: Ints) -> None:
        population, rng = self.population, self.rng
        season = 1 + 0.1 * np.cos(2 * np.pi * day / 365.25)
        week = np.where((day + self.weekday) % 7 >= 5, population.weekend, 1.0)
        level = self._level(day)
        self.rhythm += -0.05 * self.rhythm + rng.normal(0, 0.11, len(population))
        sessions = rng.poisson(population.cadence * np.exp(self.rhythm - 0.06) * season * week * level * using)
        who = np.repeat(np.arange(len(population)), sessions)
        fading = np.where(self.manner == SILENT, level, 1.0)[who]
        app = rng.random(len(who)) < population.app_share[who] * (0.5 + 0.5 * fading)
        length = np.rint(population.session_s[who] * (0.55 + 0.45 * fading) * rng.lognormal(0, 0.6, len(who)))
        at = moments(day, len(who), rng, 17.0)
        self.log.add("usage", who, at=at, channel=np.where(app, 0, 1), duration=np.maximum(length, 5).astype(np.int64))
        rate = self.p.error_rate * population.trouble * np.where(self.outage[day][population.region], 7, 1)
        failed = rng.random(len(who)) < rate[who]
        self.log.add("app_events", who[failed], at=at[failed] + 30, type=0, channel=np.where(app, 0, 1)[failed],
                     detail=rng.integers(0, 3, failed.sum()))  # fmt: skip
        hit, number = np.unique(who[failed], return_counts=True)
        topic = NETWORK if day % 2 else APP
        self._hurts(hit, topic, 0.18 * np.minimum(number, 3), trouble)
        browsing = np.flatnonzero((sessions > 0) & (draw < 0.02 + 0.35 * (trouble >= 0)))
        kind = 1 + (rng.random(len(browsing)) < np.where(trouble[browsing] >= 0, 0.15, 0.4))
        self.log.add("app_events", browsing, at=moments(day, len(browsing), rng, 18.0), type=kind, channel=1,
                     detail=3 + np.maximum(trouble[browsing], 0))  # fmt: skip

    def _pay(self, day: int, customer: Bools, draw: Floats, trouble: Ints) -> None:
        due = customer & (((day + 3 - self.population.bill_day) % 30 == 0) | (self.retry_on == day))
        who = np.flatnonzero(due & (self.population.joined < day))
        failed = draw[who] < np.clip(0.018 * self.population.trouble[who], 0, 0.12)
        extra = (self.rng.random(len(who)) < 0.2) * self.rng.integers(100, 1500, len(who))
        self.log.add("payments", who, at=moments(day, len(who), self.rng, 9.0), cents=self.price[who] + extra,
                     failed=failed, method=(self.population.acquired[who] == 1) * 1)  # fmt: skip
        self.retry_on[who] = np.where(failed, day + 4, FAR)
        self._hurts(who[failed], BILLING, 0.40, trouble)

    def _change_contract(self, day: int, customer: Bools, draw: Floats, trouble: Ints) -> None:
        # Prices rise once a year for each plan, in the fourth, seventh and tenth month.
        plan = {95: 0, 187: 1, 278: 2}.get(day % 365)
        if plan is not None:
            who = np.flatnonzero(customer & (self.population.plan == plan))
            self.price[who] = (self.price[who] * 1.07).astype(np.int64)
            self.log.add("contract_changes", who, at=moments(day, len(who), self.rng, 9.0), type=1, detail=0,
                         cents=self.price[who])  # fmt: skip
            self._hurts(who, PRICE, 0.6 * self.rng.random(len(who)), trouble)
        who = np.flatnonzero(customer & (draw < 0.0006) & (self.manner == STAYS))
        up = self.satisfaction[who] > self.rng.normal(0.2, 0.4, len(who))
        self.price[who] = (self.price[who] * np.where(up, 1.3, 0.8)).astype(np.int64)
        self.log.add("contract_changes", who, at=moments(day, len(who), self.rng), type=0, detail=np.where(up, 1, 2),
                     cents=self.price[who])  # fmt: skip
        self.delivery_due[who[up]] = day

    def _deliver(self, day: int, using: Bools, draw: Floats, trouble: Ints) -> None:
        rng = self.rng
        who = np.flatnonzero(using & (self.delivery_due == day))
        self.delivery_due[who] = FAR
        promised = day + rng.integers(2, 7, len(who))
        late = draw[who] < self.p.late_share
        arrives = promised + np.where(late, rng.integers(1, 12, len(who)), -rng.integers(0, 2, len(who)))
        self.log.add(
            "deliveries", who, order=(self.population.first + who) * 10_000 + day,
            ordered=moments(day, len(who), rng, 12),
            promised=promised * DAY + 64_800, delivered=arrives * DAY + rng.integers(32_400, 64_000, len(who)),
            item=rng.integers(0, 3, len(who)),
        )  # fmt: skip
        # Felt some days later; the row buffer is short, so a very late delivery is felt within a week.
        self.coming[(day + DELAY - 1) % DELAY, who[late]] -= 0.30 + 0.04 * (arrives - promised)[late]
        self.hurt[who[late], DELIVERY] += 0.45
        trouble[who[late]] = DELIVERY

    def _contact(self, day: int, using: Bools, draw: Floats, trouble: Ints) -> None:
        population, rng = self.population, self.rng
        leaving = np.where(self.manner == SILENT, 0.25, 1.0)
        question = self.p.contact_rate * (1 + (population.joined > day - 30))
        chance = (question + (trouble >= 0) * population.contact) * leaving
        who = np.flatnonzero(using & (draw[0] < chance))
        topic = np.where(trouble[who] >= 0, trouble[who], rng.integers(0, len(TOPICS), len(who)))
        effect, number, _ = open_tickets(self.log, population, who, topic, day, rng)
        self._felt(day, who, effect)
        # Some complain and stay: most of those who are unhappy and speak up are not on their way out.
        unhappy = (self.satisfaction < 0.45) & (self.manner == STAYS)
        upset = np.flatnonzero(using & (trouble >= 0) & unhappy & (draw[1] < 0.12 * population.voice))
        self._complain(day, upset, trouble[upset])
        asked = who[(number >= 0) & (rng.random(len(who)) < 0.3)]
        send_surveys(self.log, self.satisfaction, asked, self._patience(asked), 1, day, rng)

    def _felt(self, day: int, who: Ints, effect: Floats) -> None:
        self.coming[(day + 3) % DELAY, who] += effect
        self.hurt[who, SERVICE_TOPIC] += np.maximum(-effect, 0)

    def _patience(self, who: Ints) -> Floats:
        return np.where(self.manner[who] == SILENT, 0.3, 1.0)

    def _complain(self, day: int, who: Ints, topic: Ints) -> None:
        rng = self.rng
        way = rng.choice(5, len(who), p=[0.25, 0.15, 0.35, 0.17, 0.08])  # call, chat, email, form, letter
        effect, number, opened = open_tickets(self.log, self.population, who, topic, day, rng, np.minimum(way, 2), True)
        entered = opened + np.where(way == 4, rng.integers(DAY, 5 * DAY, len(who)), 60)
        words = np.array(complaint_texts(topic, rng), dtype=object)
        self.log.add("complaints", who, at=opened, entered=entered, channel=way, topic=topic, ticket=number, text=words)
        self._felt(day, who, 1.3 * effect)

    def _hear(self, day: int, customer: Bools, using: Bools) -> None:
        self.pressure *= 0.95
        if (day + self.weekday) % 7 in (1, 3):
            sent, leaves = send_campaigns(
                self.log, self.population, self._openness(), customer & ~self.unsubscribed, day, self.rng
            )
            self.unsubscribed[leaves] = True
            self.pressure[sent] += 1
            self.satisfaction[sent] -= 0.04 * (self.pressure[sent] > 3.5)
        asked = np.flatnonzero(customer & ((day + self.population.bill_day * 3) % 91 == 0))
        send_surveys(self.log, self.satisfaction, asked, self._patience(asked), 0, day, self.rng)

    def _openness(self) -> Floats:
        """How ready a customer is to open a message."""
        openness: Floats = self.satisfaction - 1.2 * (self.manner == SILENT)
        return openness

    def _post(self, day: int, using: Bools, draw: Floats) -> None:
        rng = self.rng
        feeling = np.abs(self.satisfaction - 0.4) * np.where(self.satisfaction < 0.4, 1.6, 0.7)
        who = np.flatnonzero(using & (draw < 0.02 * self.population.dark * feeling))
        mood = 3 + 1.9 * (self.satisfaction[who] - 0.3) + rng.normal(0, 0.7, len(who))
        stars = np.clip(np.rint(mood), 1, 5).astype(np.int64)
        kind = rng.choice(3, len(who), p=[0.45, 0.35, 0.20])  # review, private message, mention
        words = np.array(post_texts(stars, kind > 0), dtype=object)
        at = moments(day, len(who), rng, 19.0)
        self.log.add("dark", who, at=at, found=at + rng.integers(3600, 6 * DAY, len(who)), kind=kind, stars=stars,
                     text=words, channel=np.where(kind == 0, rng.integers(0, 2, len(who)), 1 + kind))  # fmt: skip

    def _complain_and_cancel(self, day: int, customer: Bools) -> None:
        """Those who leave aloud: complain, perhaps again, perhaps are won back, or ask to cancel."""
        rng = self.rng
        due = np.flatnonzero(customer & ((self.complain_on == day) | (self.again_on == day)))
        worst = self.hurt[due].argmax(1)
        self._complain(day, due, np.where(self.hurt[due].max(1) > 0.05, worst, rng.integers(0, len(TOPICS), len(due))))
        who = np.flatnonzero(customer & (self.cancel_on == day))
        tried = (self.manner[who] == VOCAL) & (self.complain_on[who] < day)
        won_back = tried & (rng.random(len(who)) < self.p.recovered)
        stays, goes = who[won_back], who[~won_back]
        self.manner[stays], self.satisfaction[stays] = STAYS, np.maximum(self.satisfaction[stays], 0.7)
        self.decided[stays], self.cancel_on[stays], self.again_on[stays] = FAR, FAR, FAR
        at = moments(day, len(goes), rng, 13.0)
        self.requested[goes] = at
        self.close_on[goes] = day + rng.integers(1, 31, len(goes))

    def _decide(self, day: int, using: Bools, draw: Floats) -> None:
        """The competing hazards; whoever begins to leave gets the days on which it happens."""
        population, rng = self.population, self.rng
        free = using & (self.manner == STAYS)
        early = 1 + 0.8 * ((population.joined >= 0) & (day - population.joined < 90))
        unhappy = self.p.unhappy_hazard * early * np.exp(-self.p.hazard_slope * (self.satisfaction - 0.4))
        aloud = unhappy * population.voice
        if day % 7 == 0:
            seen = np.flatnonzero(free)
            self.log.add("hazards", seen, day=day, satisfaction=self.satisfaction[seen], silent=(unhappy - aloud)[seen],
                         vocal=aloud[seen], own=self.p.own_hazard)  # fmt: skip
        leaving = np.flatnonzero(free & (draw < unhappy + self.p.own_hazard))
        if len(leaving) == 0:
            return
        drawn = draw[leaving]
        cause = np.select([drawn < (unhappy - aloud)[leaving], drawn < unhappy[leaving]], [SILENT, VOCAL], OWN)
        self.manner[leaving], self.decided[leaving] = cause, day
        self.about[leaving] = np.where(self.hurt[leaving].max(1) > 0.05, self.hurt[leaving].argmax(1), NEVER)
        size = len(leaving)
        fade = np.where(rng.random(size) < 0.12, 5, np.clip(rng.lognormal(np.log(55), 0.45, size), 12, 130))
        self.fade_days[leaving] = fade
        ends = day + np.ceil(fade).astype(np.int64)
        closes = rng.random(size)
        # Silent: half let another provider take the number over, some close later, the rest never bother.
        soon, later = ends + rng.integers(0, 8, size), ends + rng.integers(20, 80, size)
        quietly = np.where(closes < 0.5, soon, np.where(closes < 0.65, later, FAR))
        own_ends = day + rng.integers(1, 20, size)
        asks = (cause == OWN) & (rng.random(size) < 0.5)
        moves = (cause == OWN) & ~asks
        first = day + rng.integers(0, 4, size)
        speaks = (cause == VOCAL) & (rng.random(size) < 0.85)
        patience = np.clip(rng.lognormal(np.log(18), 0.6, size), 4, 60).astype(np.int64)
        self.complain_on[leaving] = np.where(speaks, first + 1, FAR)
        self.again_on[leaving] = np.where(speaks & (rng.random(size) < 0.5), first + 1 + patience // 2, FAR)
        self.cancel_on[leaving] = np.where(cause == VOCAL, first + 1 + patience, np.where(asks, own_ends, FAR))
        self.quiet_on[leaving] = np.where(cause == SILENT, ends, np.where(moves, own_ends, FAR))
        self.close_on[leaving] = np.where(cause == SILENT, quietly, np.where(moves & (closes < 0.6), own_ends + 5, FAR))
