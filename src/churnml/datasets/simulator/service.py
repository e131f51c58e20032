"""Customer service: contacts and how they are handled, complaints, and requests to cancel."""

from __future__ import annotations

import numpy as np

from churnml.datasets.simulator.days import APP, BILLING, DELIVERY, PRICE, QUALITY, SERVICE, Today
from churnml.datasets.simulator.life import (
    IMPERSONAL,
    NOTICEABLE,
    STAYS,
    UNRESOLVED,
    VALUE,
    WAITING,
    Life,
)
from churnml.datasets.simulator.log import DAY, NEVER, Floats, Ints, moments
from churnml.datasets.simulator.words import TOPICS, WORDS, complaint_texts

CALL, CHAT, EMAIL, LAUNCHED = range(4)
"""Channels of support; the last opens on the launch day."""
FORM, LETTER = 4, 5
"""Two more ways in, for complaints."""
LONG_WAIT_S = 600
AGENTS = 45
"""Agents at work at a time; one leaves and one comes every twenty days."""
SPOKEN_ABOUT = np.array([QUALITY, SERVICE, SERVICE, SERVICE, DELIVERY, PRICE, SERVICE, APP])
"""The topic under which each theme of annoyance is complained about."""


def contact(life: Life, today: Today) -> None:
    """Questions, and trouble that some bring to service; both are handled well or badly, which is felt."""
    people, state, preset, rng, day = life.people, life.state, life.preset, life.rng, today.day
    draw = rng.random((2, len(people)))
    open_now = day >= preset.launch_day
    asks = preset.questions * (1 + (people.joined > day - 30)) * ~people.dark_matter
    if open_now:
        asks = asks + preset.questions * preset.revealed * (people.dark_matter & people.adopts)
        if preset.regime_change:
            asks = 3 * asks
    chance = asks + (today.trouble >= 0) * people.contact
    who = np.flatnonzero(today.using & (draw[0] < chance * np.clip(state.engagement, 0.3, 1)))
    moved = open_now & people.adopts[who] & ((rng.random(len(who)) < preset.displaced) | people.dark_matter[who])
    channel = np.where(rng.random(len(who)) < 0.75, people.support[who], rng.integers(0, 3, len(who)))
    topic = np.where(today.trouble[who] >= 0, today.trouble[who], rng.integers(0, len(TOPICS), len(who)))
    today.served[_open_tickets(life, who, np.where(moved, LAUNCHED, channel), topic, day)] = True
    # An error alone is half as good a reason to write as a failed payment or a late delivery.
    reason = np.where(today.trouble == APP, 0.5, 1.0) * (today.trouble >= 0)
    upset = today.using & (state.manner == STAYS) & (draw[1] < people.voice * reason)
    due = today.customer & ((state.complain_on == day) | (state.again_on == day))
    _complain(life, np.flatnonzero(upset | due), today)
    _cancel(life, np.flatnonzero(today.customer & (state.cancel_on == day)), day)


def _open_tickets(life: Life, who: Ints, channel: Ints, topic: Ints, day: int) -> Ints:
    """One ticket for each of `who`, as a good or a bad agent would handle it; returns those who did not give up."""
    preset, rng, shocks = life.preset, life.rng, life.preset.shocks
    size = len(who)
    draw = rng.random((8, size))
    opened = moments(day, size, rng, 13.0)
    spoken = np.isin(channel, (CALL, CHAT))
    busy = 1.6 if (day + life.weekday) % 7 == 0 else 1.0
    wait = np.where(spoken, rng.lognormal(np.log(np.where(channel == CALL, 190, 70)), 0.9, size) * busy, 0)
    abandoned = spoken & (draw[1] > np.exp(-wait / 2400))
    robots = 0.8 if preset.regime_change and day >= preset.launch_day else 0.45
    automated = ((channel == CHAT) | (channel == LAUNCHED)) & (draw[2] < robots) & ~abandoned
    agent, skill = _agents(day, rng.integers(0, AGENTS, size))
    scripted = ~automated & ~abandoned & (draw[3] < 0.42 - 0.4 * skill)
    answer = np.where(spoken, wait, rng.lognormal(np.log(7 * 3600), 0.9, size)).astype(np.int64)
    at_once = draw[4] < 0.36 + 0.3 * skill
    solved = draw[5] < 0.80 + 0.16 * skill
    work = np.where(at_once, 900, rng.lognormal(np.log(2.2 * DAY), 0.8, size)).astype(np.int64)
    resolved = np.where(solved, opened + answer + work, NEVER)
    again = resolved + DAY + (draw[6] * 30 * DAY).astype(np.int64)
    reopened = np.where(solved & (draw[6] < 0.13 - 0.08 * skill), again, NEVER)
    escalated = np.where(~at_once & (draw[7] < 0.12) & (~solved | (work > DAY)), opened + answer + DAY, NEVER)
    second, _ = _agents(day, rng.integers(0, AGENTS, size))
    handed_on = ~at_once & (draw[7] < 0.3)
    handling = np.where(spoken & ~abandoned, (120 + 700 * draw[7] + 400 * ~at_once).astype(np.int64), NEVER)
    life.log.add(
        "support", who, opened=opened, number=np.where(abandoned, NEVER, life.people.number[who] * 10_000 + 2 * day),
        channel=channel, topic=topic, wait=np.where(spoken, wait.astype(np.int64), NEVER), abandoned=abandoned,
        agent=np.where(automated | abandoned, NEVER, agent),
        second=np.where(handed_on, second, np.where(automated, NEVER, agent)),
        automated=automated, scripted=scripted, handling=handling,
        response=np.where(abandoned, NEVER, opened + answer), resolved=np.where(abandoned, NEVER, resolved),
        reopened=np.where(abandoned, NEVER, reopened), escalated=np.where(abandoned, NEVER, escalated),
    )  # fmt: skip
    slow = ~abandoned & (answer > DAY)
    _felt(life, who, WAITING, shocks.long_wait * (wait > LONG_WAIT_S) + shocks.abandoned * abandoned, day)
    _felt(life, who, WAITING, shocks.slow_answer * slow, day + 1)
    _felt(life, who, IMPERSONAL, shocks.scripted * scripted + shocks.automated * automated, day)
    _felt(life, who, UNRESOLVED, shocks.unsolved * (~solved & ~abandoned), day + 5)
    back = np.flatnonzero((reopened > 0) & ~abandoned)
    for on in np.unique(reopened[back] // DAY):
        _felt(life, who[back], UNRESOLVED, shocks.reopened * (reopened[back] // DAY == on), int(on))
    well = at_once & solved & ~slow & ~abandoned & ~scripted & ~automated
    life.please(who[well], shocks.good_service)
    answered: Ints = who[~abandoned]
    return answered


def _felt(life: Life, who: Ints, theme: int, size: Floats, day: int) -> None:
    hit = np.flatnonzero(size > 0)
    life.hurt(who[hit], theme, size[hit], on=day)


def _agents(day: int, pick: Ints) -> tuple[Ints, Floats]:
    """The agents picked among those at work on that day, and their skill (0 to 1)."""
    agent = day // 20 + pick
    return agent, ((agent * 7919) % 13) / 13.0


def _complain(life: Life, who: Ints, today: Today) -> None:
    """Complaints, of leavers and of customers who stay; how they are handled changes the hazard of those who stay."""
    state, preset, rng, day = life.state, life.preset, life.rng, today.day
    size = len(who)
    stays = state.manner[who] == STAYS
    worst = state.hurt[:, who].argmax(axis=0)
    about = np.where(state.hurt[:, who].max(axis=0) > NOTICEABLE, SPOKEN_ABOUT[worst], rng.integers(0, 6, size))
    about = np.where((worst == VALUE) & (rng.random(size) < 0.5), BILLING, about)
    topic = np.where(today.trouble[who] >= 0, today.trouble[who], about)
    channel = rng.choice(6, size, p=[0.25, 0.13, 0.34, 0.03, 0.18, 0.07])
    channel = np.where((channel == LAUNCHED) & (day < preset.launch_day), CHAT, channel)
    draw = rng.random((4, size))
    opened = moments(day, size, rng, 13.0)
    entered = opened + np.where(channel == LETTER, rng.integers(DAY, 5 * DAY, size), 60)
    # A complaint that is handled well is answered within hours and settled within days.
    recovered = draw[0] < np.where(stays, preset.recovered, 0.1)
    answer = rng.lognormal(np.log(np.where(recovered, 7 * 3600, 40 * 3600)), 0.7, size).astype(np.int64)
    work = rng.lognormal(np.log(np.where(recovered, 1.2 * DAY, 7 * DAY)), 0.6, size).astype(np.int64)
    wait = (60 + 600 * draw[2]).astype(np.int64)
    answer = np.where(channel <= CHAT, wait, answer)
    solved = recovered | (draw[1] < 0.55)
    agent, _ = _agents(day, rng.integers(0, AGENTS, size))
    second, _ = _agents(day, rng.integers(0, AGENTS, size))
    number = life.people.number[who] * 10_000 + 2 * day + 1
    support = np.select([channel == FORM, channel == LETTER], [EMAIL, EMAIL], channel)
    life.log.add(
        "support", who, opened=entered, number=number, channel=support, topic=topic,
        wait=np.where(channel <= CHAT, wait, NEVER), abandoned=False, agent=agent,
        second=np.where(~recovered & (draw[3] < 0.5), second, agent), automated=False,
        scripted=~recovered & (draw[2] < 0.4), response=entered + answer,
        handling=np.where(channel <= CHAT, (200 + 900 * draw[3]).astype(np.int64), NEVER),
        resolved=np.where(solved, entered + answer + work, NEVER), reopened=NEVER,
        escalated=np.where(~recovered & (draw[3] < 0.3) & (~solved | (work > DAY)), entered + answer + DAY, NEVER),
    )  # fmt: skip
    text = np.array(complaint_texts(WORDS[preset.name], topic, rng), dtype=object)
    life.log.add("complaints", who, at=opened, entered=entered, channel=channel, topic=topic, ticket=number, text=text)
    worse = (1 - preset.recovered * preset.recovered_ratio) / (1 - preset.recovered)
    change = np.log(np.where(recovered, preset.recovered_ratio, worse))
    state.recovery[who] = np.clip(state.recovery[who] + change * stays, -2.5, 2.5)
    state.last_voice[who] = day


def _cancel(life: Life, who: Ints, day: int) -> None:
    """Requests to cancel. Where there is no contract, there is nothing to cancel: the customer only stays away."""
    state, preset, rng = life.state, life.preset, life.rng
    if not preset.bills_every:
        asks = rng.random(len(who)) < 0.3
        state.quiet_on[who[~asks]] = day + 1
        who = who[asks]
    state.announced[who] = True
    state.last_voice[who] = day
    state.close_on[who] = day + rng.integers(1, 31, len(who))
    moving = state.why[who]
    way = rng.choice([CALL, CHAT, EMAIL, FORM], len(who), p=[0.4, 0.1, 0.2, 0.3])
    life.log.add("cancellations", who, at=moments(day, len(who), rng, 13.0), channel=way, reason=1 + moving)
