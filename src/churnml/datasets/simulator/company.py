"""What the company sends and asks, and what customers tell others: campaigns, treatments, surveys, posts, referrals."""

from __future__ import annotations

import numpy as np

from churnml.datasets.simulator.days import Today
from churnml.datasets.simulator.life import OWN, PRESSURE, SILENT, STAYS, Life
from churnml.datasets.simulator.log import DAY, NEVER, Bools, Floats, Ints, moments
from churnml.datasets.simulator.words import WORDS, post_texts

CAMPAIGN_DAYS = (1, 3, 5)
"""Days of the week on which campaigns go out, Monday being 0."""
PATIENCE = 5.0
"""Messages of the last three weeks after which the next one annoys."""


def reach_out(life: Life, today: Today) -> None:
    """Campaigns, the retention programme, surveys after contact and each quarter."""
    life.state.pressure *= 0.95
    weekday = (today.day + life.weekday) % 7
    if weekday in CAMPAIGN_DAYS[: life.preset.campaigns_a_week]:
        _campaign(life, today)
    _treat(life, today)
    people = life.people
    asked = np.flatnonzero(today.customer & ((today.day + people.bill_day * 3) % 91 == 0))
    _survey(life, asked, 0, today.day)
    served = np.flatnonzero(today.served)
    _survey(life, served[life.rng.random(len(served)) < 0.15], 1, today.day)


def _campaign(life: Life, today: Today) -> None:
    people, state, rng, day = life.people, life.state, life.rng, today.day
    draw = rng.random((6, len(people)))
    reached = today.customer & ~state.unsubscribed & (draw[0] < 0.30 + 0.3 * (people.plan == 0))
    who = np.flatnonzero(reached)
    draw = draw[:, who]
    sent = moments(day, len(who), rng, 11.0)
    feeling = life.satisfaction[who]
    ready = people.opens[who] + 0.9 * feeling + 1.5 * (state.engagement[who] - 1) - 2.0 * (state.manner[who] != STAYS)
    opened = draw[1] < 1 / (1 + np.exp(-ready))
    clicked = opened & (draw[2] < 0.16)
    leaves = opened & (draw[3] < np.where(feeling < -0.4, 0.02, 0.004))
    seen = sent + (draw[4] * 1.5 * DAY).astype(np.int64)
    life.log.add(
        "outreach", who, campaign=3 * (day // 7) + (day + life.weekday) % 7 // 2, purpose=(day // 7) % 3,
        channel=np.digitize(draw[5], [0.6, 0.8]), sent=sent, opened=np.where(opened, seen, NEVER),
        clicked=np.where(clicked, seen + 60, NEVER), unsubscribed=np.where(leaves, seen + 90, NEVER),
    )  # fmt: skip
    state.pressure[who] += 1
    life.hurt(who[state.pressure[who] > PATIENCE], PRESSURE, life.preset.shocks.over_contact)
    gone = who[leaves]
    state.unsubscribed[gone] = True
    life.log.add("requests", gone, at=seen[leaves] + 100, kind=1, channel=np.where(rng.random(len(gone)) < 0.8, 2, 4))


def effects(life: Life) -> Floats:
    """The log of the hazard ratio that a treatment would have for each customer today.

    An offer mends what annoys; it also reminds those who hardly think of the company that they could leave, and tires
    those who hear too much already.
    """
    state = life.state
    annoyed = state.hurt.sum(axis=0)
    dormant = np.clip((0.85 - state.engagement) / 0.4, 0, 1) * (annoyed < 0.35)
    effect: Floats = -0.9 * np.tanh(annoyed / 0.5) + 0.9 * dormant + 0.08 * state.pressure - 0.15
    return effect


def _treat(life: Life, today: Today) -> None:
    """Draw customers for the retention programme; treat a random half, leave the other half alone."""
    preset, state, rng, day = life.preset, life.state, life.rng, today.day
    if day < preset.treatments_from or (day - preset.treatments_from) % 28:
        return
    draw = rng.random((3, len(life)))
    # Nobody is drawn while an earlier treatment still has an effect.
    who = np.flatnonzero(today.using & (state.treated_until < day) & (draw[0] < preset.treated_share))
    treated = draw[1, who] < 0.5
    effect = effects(life)[who]
    usual = life.unhappy_hazard(day, life.satisfaction)[who]
    able = state.manner[who] == STAYS
    at = moments(day, len(who), rng, 12.0)
    life.log.add(
        "treatments", who, at=at, campaign=day // 28, treated=treated, action=np.where(draw[2, who] < 0.5, 0, 1),
        effect=np.where(able, effect, 0.0), usual=np.where(able, usual, 0.0),
    )  # fmt: skip
    chosen = who[treated]
    state.treatment[chosen], state.treated_until[chosen] = effect[treated], day + preset.treatment_days - 1


def _survey(life: Life, who: Ints, kind: int, day: int) -> None:
    """Ask for a score from 0 to 10. The unhappy answer less often, and so do those on their way out."""
    rng = life.rng
    draw = rng.random((2, len(who)))
    sent = moments(day, len(who), rng, 10.0)
    feeling = life.satisfaction[who]
    willing = np.clip(life.state.engagement[who], 0.2, 1) * (life.state.manner[who] != SILENT)
    willing *= life.state.quiet_on[who] > day
    answers = draw[0] < willing * 0.5 / (1 + np.exp(-(0.6 + 1.2 * feeling)))
    score = np.clip(np.rint(8.6 + 2.8 * feeling + rng.normal(0, 1.6, len(who))), 0, 10).astype(np.int64)
    answered = sent + 600 + (draw[1] * 3 * DAY).astype(np.int64)
    life.log.add("surveys", who, kind=kind, sent=sent, score=np.where(answers, score, NEVER),
                 answered=np.where(answers, answered, NEVER))  # fmt: skip


def spread_the_word(life: Life, today: Today) -> None:
    """Reviews, private messages and mentions, referrals, and requests for one's data."""
    people, state, preset, rng, day = life.people, life.state, life.preset, life.rng, today.day
    feeling = life.satisfaction
    draw = rng.random((3, len(people)))
    mood = np.abs(feeling + 0.1) * np.where(feeling < -0.1, 1.6, 0.7)
    speaking: Bools = today.customer & (state.manner != OWN)
    who = np.flatnonzero(speaking & (draw[0] < preset.posts * people.posts * mood))
    stars = np.clip(np.rint(4.0 + 3.6 * feeling[who] + rng.normal(0, 0.9, len(who))), 1, 5).astype(np.int64)
    kind = rng.choice(3, len(who), p=[0.45, 0.35, 0.20])
    words = np.array(post_texts(WORDS[preset.name], stars, kind > 0, rng), dtype=object)
    at = moments(day, len(who), rng, 19.0)
    life.log.add("dark", who, at=at, found=at + rng.integers(3600, 6 * DAY, len(who)), kind=kind, stars=stars,
                 text=words, channel=np.where(kind == 0, rng.integers(0, 2, len(who)), 1 + kind))  # fmt: skip
    who = np.flatnonzero(today.using & (state.manner == STAYS) & (draw[1] < preset.referrals * np.exp(1.5 * feeling)))
    life.log.add("referrals", who, at=moments(day, len(who), rng, 18.0), channel=rng.integers(0, 3, len(who)))
    who = np.flatnonzero(today.customer & (draw[2] < preset.data_requests * np.exp(-1.5 * feeling)))
    life.log.add("requests", who, at=moments(day, len(who), rng, 12.0), kind=0, channel=rng.choice([2, 4], len(who)))
