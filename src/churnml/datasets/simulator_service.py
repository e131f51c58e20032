"""How the simulated company deals with its customers: tickets, campaigns, surveys."""

from __future__ import annotations

import numpy as np

from churnml.datasets.simulator_log import DAY, NEVER, Log, moments
from churnml.datasets.simulator_population import Bools, Floats, Ints, Population

SERVICE_TOPIC = 5
LONG_WAIT_S = 600
CAMPAIGN_PURPOSES = ("offer", "newsletter", "usage tip", "service notice")
CAMPAIGN_CHANNELS = ("email", "sms", "push")


def open_tickets(
    log: Log,
    population: Population,
    who: Ints,
    topic: Ints,
    day: int,
    rng: np.random.Generator,
    channel: Ints | None = None,
    complaint: bool = False,
) -> tuple[Floats, Ints, Ints]:
    """Open a ticket for each of `who`; returns its effect on satisfaction, its number and the time.

    A ticket handled well (a fast answer, solved at once) leaves a customer happier than before; a long wait, a scripted
    answer, a slow or missing solution does the opposite. An abandoned call has no ticket number (-1).
    """
    size = len(who)
    draw = rng.random((8, size))
    if channel is None:
        channel = np.where(draw[0] < 0.75, population.support[who], rng.integers(0, 3, size))
    opened = moments(day, size, rng, 13.0)
    busy = 1.6 if day % 7 == 1 else 1.0
    wait = np.where(channel == 2, 0, rng.lognormal(np.log(np.where(channel == 0, 190, 70)), 0.9, size) * busy)
    abandoned = (channel != 2) & ~np.bool_(complaint) & (draw[1] > np.exp(-wait / 2400))
    automated = (channel == 1) & (draw[2] < 0.45)
    agent = day // 20 + rng.integers(0, 45, size)
    skill = ((agent * 7919) % 13) / 13.0
    scripted = ~automated & (draw[3] < 0.45 - 0.4 * skill)
    # Letters are answered within hours or days, calls and chats at once; a complaint goes to the back of another queue.
    answer = np.where(channel == 2, rng.lognormal(np.log(8 * 3600), 0.9, size), wait)
    answer = (answer + (rng.lognormal(np.log(20 * 3600), 0.8, size) if complaint else 0)).astype(np.int64)
    at_once = draw[4] < 0.34 + 0.3 * skill - 0.12 * complaint
    solved = draw[5] < 0.80 + 0.16 * skill
    work = np.where(at_once, 900, rng.lognormal(np.log(2.2 * DAY), 0.8, size)).astype(np.int64)
    resolved = np.where(solved, opened + answer + work, NEVER)
    again = resolved + DAY + (draw[6] * 40 * DAY).astype(np.int64)
    reopened = np.where(solved & (draw[6] < 0.13 - 0.08 * skill), again, NEVER)
    escalated = np.where(~at_once & (draw[7] < 0.12), opened + answer + DAY, NEVER)
    number = np.where(abandoned, NEVER, (population.first + who) * 10_000 + 2 * day + complaint)
    log.add(
        "support", who, opened=opened, number=number, channel=channel, topic=topic, wait=wait.astype(np.int64),
        abandoned=abandoned, agent=np.where(automated, NEVER, agent), automated=automated, scripted=scripted,
        handling=(120 + 700 * draw[7] + 400 * ~at_once).astype(np.int64) * (channel != 2),
        response=np.where(abandoned, NEVER, opened + answer), resolved=np.where(abandoned, NEVER, resolved),
        reopened=np.where(abandoned, NEVER, reopened), escalated=np.where(abandoned, NEVER, escalated),
    )  # fmt: skip
    slow = answer > (2 * DAY if complaint else DAY)
    bad = (
        0.35 * (wait > LONG_WAIT_S) + 0.30 * abandoned + 0.15 * scripted + 0.10 * automated + 0.30 * slow
        + 0.70 * ~solved + 0.30 * (reopened > 0) + 0.15 * (solved & (work > 3 * DAY))
    )  # fmt: skip
    good = 0.40 * (at_once & solved & ~slow & ~abandoned & ~scripted)
    return good - bad, number, opened


def send_campaigns(
    log: Log, population: Population, satisfaction: Floats, receives: Bools, day: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Send one campaign to some of those who still accept advertising; returns who got it and who unsubscribed."""
    intensity = 0.35 + 0.3 * (population.plan == 0)
    who = np.flatnonzero(receives & (rng.random(len(population)) < intensity))
    draw = rng.random((5, len(who)))
    sent = moments(day, len(who), rng, 11.0)
    purpose = np.full(len(who), (day // 7) % 3)
    opened = draw[0] < 1 / (1 + np.exp(-(population.opens[who] + 0.9 * satisfaction[who])))
    clicked = opened & (draw[1] < 0.16)
    leaves = draw[2] < np.where(satisfaction[who] < 0, 0.02, 0.004)
    seen = sent + (draw[3] * 1.5 * DAY).astype(np.int64)
    log.add(
        "outreach", who, campaign=day // 7, purpose=purpose, channel=np.digitize(draw[4], [0.6, 0.8]), sent=sent,
        opened=np.where(opened, seen, NEVER), clicked=np.where(clicked, seen + 60, NEVER),
        unsubscribed=np.where(leaves & opened, seen + 90, NEVER),
    )  # fmt: skip
    return who, who[leaves & opened]


def send_surveys(
    log: Log, satisfaction: Floats, who: Ints, patience: Floats, kind: int, day: int, rng: np.random.Generator
) -> None:
    """Ask each of `who` for a score from 0 to 10. The unhappy answer less often, and so do those on their way out."""
    draw = rng.random((2, len(who)))
    sent = moments(day, len(who), rng, 10.0)
    answers = draw[0] < patience * 0.45 / (1 + np.exp(-(0.4 + 0.8 * satisfaction[who])))
    score = np.clip(np.rint(7.2 + 2.4 * (satisfaction[who] - 0.4) + rng.normal(0, 1.4, len(who))), 0, 10)
    log.add(
        "surveys", who, kind=kind, sent=sent, score=np.where(answers, score, NEVER).astype(np.int64),
        answered=np.where(answers, sent + 600 + (draw[1] * 3 * DAY).astype(np.int64), NEVER),
    )  # fmt: skip
