"""What a day brings: use and its errors, bills and orders, deliveries, changes of contract and of place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnml.datasets.simulator.life import FAR, PRODUCT, PROMISES, SILENT, START, STAYS, VALUE, VOCAL, Life
from churnml.datasets.simulator.log import DAY, NEVER, Bools, Floats, Ints, moments
from churnml.datasets.simulator.population import REGIONS, STEPS
from churnml.datasets.simulator.words import TOPICS

APP, BILLING, DELIVERY, QUALITY, PRICE, SERVICE = range(len(TOPICS))
BLOCK = 28
"""Days whose sessions are logged together."""
PEAK_DAY = 343
"""Day of the year on which the December peak is at its height."""


@dataclass
class Today:
    """One day: its number, who is a customer, who still uses the service, and what each one's trouble is about."""

    day: int
    customer: Bools
    using: Bools
    trouble: Ints
    sessions: Ints
    placed: Ints
    """When the customer ordered something today."""
    cents: Ints
    """For how much."""
    served: Bools
    """Whose contact was answered today."""

    @classmethod
    def of(cls, life: Life, day: int) -> Today:
        """The beginning of a day."""
        customer = (life.people.joined <= day) & (life.state.close_on > day)
        using = customer & (life.state.quiet_on > day)
        trouble, sessions, placed, cents = (np.full(len(life), NEVER) for _ in range(4))
        return cls(day, customer, using, trouble, sessions, placed, cents, np.zeros(len(life), dtype=bool))

    def troubles(self, who: Ints, topic: int) -> None:
        """Note that each of `who` has a reason to be annoyed today."""
        self.trouble[who] = topic


def season(day: int, life: Life) -> float:
    """Use on that day of the year, over the yearly mean or so."""
    preset = life.preset
    away = (day % 365 - PEAK_DAY + 182) % 365 - 182
    swing = preset.season * np.cos(2 * np.pi * day / 365.25)
    return float(1 + swing + preset.peak * np.exp(-((away / 14) ** 2) / 2))


def use(life: Life, today: Today) -> None:
    """Sessions, and what goes wrong in them."""
    people, state, preset, rng, day = life.people, life.state, life.preset, life.rng, today.day
    size = len(people)
    weekend = (day + life.weekday) % 7 >= 5
    state.rhythm += -0.05 * state.rhythm + rng.normal(0, 0.10, size)
    level = np.where(state.manner == VOCAL, 1.2, 1.0) * state.engagement
    level = np.where(day > state.cancel_on, 0.4, level)
    fades = np.flatnonzero((state.manner == SILENT) & (day < state.quiet_on))
    level[fades] *= (state.quiet_on[fades] - day) / (state.quiet_on[fades] - state.decided[fades])
    level = np.where(np.any((people.away_from <= day) & (day < people.away_to), axis=0), 0.03, level)
    mean = people.cadence * np.exp(state.rhythm - 0.06) * level * season(day, life)
    today.sessions = sessions = rng.poisson(mean * (people.weekend if weekend else 1.0) * today.using)

    failing = preset.error_rate * people.error_prone
    errors = rng.poisson(np.minimum(failing * sessions, 3.0))
    who = np.flatnonzero(errors > 0)
    number = np.minimum(errors[who], 4)
    _app_events(life, np.repeat(who, number), day, 0, rng.integers(0, 3, int(number.sum())))
    life.hurt(who, PRODUCT, preset.shocks.error * number)
    today.troubles(who, APP)
    out = rng.random(size) < preset.outage_rate if life.outages is None else life.outages[day, state.region]
    hit = np.flatnonzero(out & (sessions > 0))
    _app_events(life, hit, day, 0, 3)
    life.hurt(hit, PRODUCT, preset.shocks.outage)
    today.troubles(hit, QUALITY)
    browsing = np.flatnonzero((sessions > 0) & (rng.random(size) < 0.02 + 0.3 * (today.trouble >= 0)))
    looks = rng.random(len(browsing)) < np.where(today.trouble[browsing] >= 0, 0.85, 0.6)
    topic = np.where(today.trouble[browsing] >= 0, today.trouble[browsing], rng.integers(0, len(TOPICS), len(browsing)))
    _app_events(life, browsing[looks], day, 1, 4 + topic[looks])
    _app_events(life, browsing[~looks], day, 2, 4 + len(TOPICS))


def _app_events(life: Life, who: Ints, day: int, kind: int, detail: int | Ints) -> None:
    rng = life.rng
    web = rng.random(len(who)) > life.people.app_share[who]
    life.log.add("app_events", who, at=moments(day, len(who), rng, 18.0), type=kind, channel=web, detail=detail)


def log_sessions(life: Life, counts: list[tuple[int, Ints]], rng: np.random.Generator) -> None:
    """Log the sessions of some days, given their numbers per customer."""
    people = life.people
    who = np.concatenate([np.repeat(np.arange(len(people)), numbers) for _, numbers in counts])
    day = np.repeat([day for day, _ in counts], [int(numbers.sum()) for _, numbers in counts])
    size = len(who)
    in_app = rng.random(size) < people.app_share[who]
    started = moments(day, size, rng, 17.5)
    lasts = people.session_s[who] * rng.lognormal(0, 0.6, size) * np.where(in_app, 1.0, 1.4)
    late = in_app & (rng.random(size) < life.preset.offline_share)
    received = started + lasts.astype(np.int64) + np.where(late, rng.integers(DAY, 5 * DAY, size), 1)
    life.log.add("usage", who, at=started, channel=~in_app, duration=lasts.astype(np.int64), received=received)


def pay(life: Life, today: Today) -> None:
    """Bills where there is a subscription, orders where there is none; payments that fail are tried again."""
    people, state, preset, rng, day = life.people, life.state, life.preset, life.rng, today.day
    again = state.retry_on == day
    if preset.bills_every:
        due = (day + 3 - people.bill_day) % preset.bills_every == 0
        who = np.flatnonzero(today.customer & (due | again) & (people.joined < day))
        cents = state.price[who] + (rng.random(len(who)) < 0.2) * rng.integers(100, 1500, len(who))
    else:
        orders = today.using & (rng.random(len(people)) < preset.orders_per_session * today.sessions)
        who = np.flatnonzero(orders | (again & today.using))
        cents = (state.price[who] * rng.lognormal(0, 0.45, len(who))).astype(np.int64)
    failed = rng.random(len(who)) < np.clip(preset.payment_failures * people.error_prone[who], 0, 0.12)
    card = (people.acquired[who] == 1) | (people.number[who] % 7 == 0)
    order = people.number[who] * 10_000 + day
    at = moments(day, len(who), rng, 9.0 if preset.bills_every else 18.0)
    life.log.add("payments", who, at=at, order=order, cents=cents, failed=failed, method=card)
    state.retry_on[who] = np.where(failed & (rng.random(len(who)) < 0.8), day + 4, FAR)
    life.hurt(who[failed], VALUE, preset.shocks.payment_failed)
    today.troubles(who[failed], BILLING)
    if not preset.bills_every:
        today.placed[who[~failed]], today.cents[who[~failed]] = at[~failed], cents[~failed]
        state.delivery_due[who[~failed]] = day


def deliver(life: Life, today: Today) -> None:
    """Promise a date for what was ordered, and keep it or not."""
    preset, rng, day = life.preset, life.rng, today.day
    today.troubles(life.due(day, PROMISES), DELIVERY)
    who = np.flatnonzero(today.customer & (life.state.delivery_due == day))
    life.state.delivery_due[who] = FAR
    promised = day + rng.integers(2, 7, len(who))
    late = rng.random(len(who)) < preset.late_share
    over = rng.integers(1, 12, len(who))
    arrives = promised + np.where(late, over, -rng.integers(0, 2, len(who)))
    life.log.add(
        "deliveries", who, order=life.people.number[who] * 10_000 + day,
        ordered=np.where(today.placed[who] >= 0, today.placed[who], moments(day, len(who), rng, 20.0)),
        promised=promised * DAY + 18 * 3600, delivered=arrives * DAY + rng.integers(9 * 3600, 18 * 3600, len(who)),
        item=rng.integers(0, 3, len(who)),
    )  # fmt: skip
    # The annoyance begins when the promised day has gone by, and is worse the longer the wait.
    for days in np.unique(promised[late]):
        missed = late & (promised == days)
        size = preset.shocks.late + preset.shocks.late_per_day * over[missed]
        life.hurt(who[missed], PROMISES, size, on=int(days) + 1)
    back = (today.cents[who] >= 0) & (rng.random(len(who)) < preset.returned_share * life.people.error_prone[who])
    _send_back(life, who[back], arrives[back], today.cents[who[back]], day)


def _send_back(life: Life, who: Ints, arrived: Ints, cents: Ints, day: int) -> None:
    rng = life.rng
    after = arrived + rng.integers(1, 12, len(who))
    order = life.people.number[who] * 10_000 + day
    at = moments(after, len(who), rng, 15.0)
    life.log.add("returns", who, at=at, order=order, cents=cents, reason=rng.integers(0, 4, len(who)))
    for days in np.unique(arrived):
        life.hurt(who[arrived == days], PRODUCT, life.preset.shocks.returned, on=int(days))


def change(life: Life, today: Today) -> None:
    """Price rises, changes of plan, moves within the country, onboarding steps and where they end."""
    people, state, preset, rng, day = life.people, life.state, life.preset, life.rng, today.day
    # Prices rise once a year for each plan, in the fourth, seventh and tenth month.
    plan = {95: 0, 187: 1, 278: 2}.get(day % 365) if preset.price_rise else None
    if plan is not None:
        who = np.flatnonzero(today.customer & (state.plan == plan))
        state.price[who] = (state.price[who] * (1 + preset.price_rise)).astype(np.int64)
        life.log.add(
            "contract_changes", who, at=moments(day, len(who), rng, 9.0), type=1, detail=0, cents=state.price[who]
        )
        life.hurt(who, VALUE, preset.shocks.price_rise * 2 * rng.random(len(who)))
        today.troubles(who[rng.random(len(who)) < 0.6], PRICE)
    draw = rng.random((2, len(people)))
    who = np.flatnonzero(today.using & (draw[0] < 0.0005) & (state.manner == STAYS))
    up = life.satisfaction[who] > rng.normal(-0.1, 0.4, len(who))
    plan_now = np.clip(state.plan[who] + np.where(up, 1, -1), 0, 2)
    who, plan_now = who[plan_now != state.plan[who]], plan_now[plan_now != state.plan[who]]
    detail = np.where(plan_now > state.plan[who], 1, 2)
    prices = np.array(preset.prices)
    state.price[who] = state.price[who] * prices[plan_now] // prices[state.plan[who]]
    state.plan[who] = plan_now
    life.log.add("contract_changes", who, at=moments(day, len(who), rng), type=0, detail=detail, cents=state.price[who])
    if preset.bills_every:
        state.delivery_due[who[detail == 1]] = day
    who = np.flatnonzero(today.using & (draw[1] < 0.00012))
    state.region[who] = (state.region[who] + rng.integers(1, REGIONS, len(who))) % REGIONS
    life.log.add("moves", who, at=moments(day, len(who), rng), region=state.region[who])
    _onboard(life, today)


def _onboard(life: Life, today: Today) -> None:
    people, rng, day = life.people, life.rng, today.day
    for step in range(STEPS):
        after = people.onboarding[step]
        who = np.flatnonzero((people.joined >= 0) & (after >= 0) & (people.joined + after == day) & today.using)
        at = day * DAY + ((8.5 + 0.4 * step + 12 * rng.random(len(who))) * 3600).astype(np.int64)
        life.log.add("onboarding", who, at=at, step=step, channel=np.digitize(rng.random(len(who)), [0.55, 0.80]))
    # Who is stuck grows tired of it in the fourth week.
    stuck = np.flatnonzero((people.joined + 21 == day) & (people.joined >= 0) & life.state.stalled)
    sizes: Floats = life.preset.shocks.stalled * (0.5 + rng.random(len(stuck)))
    life.hurt(stuck, START, sizes)
