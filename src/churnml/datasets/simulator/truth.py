"""What no company knows: the tables of the folder `truth/`, which no pipeline reads."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churnml.datasets.simulator.life import NOTICEABLE, OWN, THEMES, Life
from churnml.datasets.simulator.log import NEVER, Floats, Ints
from churnml.datasets.simulator.tables import Clock

MANNERS = ("stays", "silent", "vocal", "own reasons")
REASONS = ("unhappy", "moved away", "need ended")
TRUTHS = ("customers", "departures", "hazards", "treatments")
"""The tables of the truth."""
WINDOW = 42
"""Days for which the effect of a treatment is told."""


def truth_tables(life: Life, ids: pa.Array, clock: Clock, days: int) -> dict[str, pa.Table]:
    """Customers as they are, departures and their themes, the hazard of each customer-day, effects of treatments."""
    return {
        "customers": _customers(life, ids),
        "departures": _departures(life, ids, clock, days),
        "hazards": _hazards(life, ids, clock),
        "treatments": _treatments(life, ids, clock),
    }


def _customers(life: Life, ids: pa.Array) -> pa.Table:
    people = life.people
    return pa.table(
        {
            "customer_id": ids,
            "manner": pa.array(MANNERS).take(pa.array(life.state.manner)),
            "satisfaction_level": people.level,
            "speaks": people.speaks,
            "voice_propensity": people.voice,
            "contact_propensity": people.contact,
            "dark_matter": people.dark_matter,
            "adopts_new_channel": people.adopts,
            "preferred_support": people.support,
            "sessions_per_day": people.cadence,
        }
    )


def _departures(life: Life, ids: pa.Array, clock: Clock, days: int) -> pa.Table:
    """One row per departure that was decided, in the order of customers."""
    state = life.state
    who = np.concatenate([np.full(0, NEVER), *(whom for whom, _ in life.felt)])
    felt = np.concatenate([np.zeros((len(THEMES), 0)), *(felt for _, felt in life.felt)], axis=1)
    order = np.argsort(who)
    who, felt = who[order], felt[:, order]
    manner = state.manner[who]
    theme = np.where((felt.max(axis=0, initial=0) > NOTICEABLE) & (manner != OWN), felt.argmax(axis=0), NEVER)
    left = np.minimum(state.quiet_on[who], state.close_on[who])
    reason = np.where(manner == OWN, 1 + state.why[who], 0)

    def within(day: Ints) -> pa.Array:
        return clock.days(np.where(day < days, day, NEVER))

    return pa.table(
        {
            "customer_id": ids.take(pa.array(who)),
            "manner": pa.array(MANNERS).take(pa.array(manner)),
            "reason": pa.array(REASONS).take(pa.array(reason)),
            "theme": pa.array(THEMES).take(pa.array(theme, mask=theme < 0)),
            "decided_on": clock.days(state.decided[who]),
            "left_on": within(left),
            "closed_on": within(state.close_on[who]),
            **{name.replace(" ", "_"): size for name, size in zip(THEMES, felt, strict=True)},
        }
    )


def _hazards(life: Life, ids: pa.Array, clock: Clock) -> pa.Table:
    """One row per customer and day on which the customer could have decided to leave."""
    free, satisfaction, unhappy = (np.stack(daily) for daily in zip(*life.known, strict=True))
    who, day = np.nonzero(free.T)
    speaks = life.people.speaks[who]
    hazard = unhappy.T[who, day]
    zero = np.float32(0)
    return pa.table(
        {
            "customer_id": pa.DictionaryArray.from_arrays(pa.array(who.astype(np.int32)), ids),
            "day": clock.days(day),
            "satisfaction": satisfaction.T[who, day],
            "hazard_silent": np.where(speaks, zero, hazard),
            "hazard_vocal": np.where(speaks, hazard, zero),
            "hazard_own": np.full(len(who), life.preset.own_hazard, dtype=np.float32),
        }
    )


def _treatments(life: Life, ids: pa.Array, clock: Clock) -> pa.Table:
    fields = ("who", "at", "treated", "effect", "usual")
    rows = life.log.table("treatments") or dict.fromkeys(fields, np.zeros(0, dtype=np.int64))
    order = np.lexsort((rows["who"], rows["at"]))
    who, at, treated, effect, usual = (rows[name][order] for name in fields)

    def leaves(hazard: Floats) -> Floats:
        share: Floats = -np.expm1(-WINDOW * hazard)
        return share

    return pa.table(
        {
            "customer_id": ids.take(pa.array(who)),
            "assigned_at": clock.times(at),
            "arm": pa.array(("control", "treated")).take(pa.array(treated.astype(np.int64))),
            "log_hazard_ratio": effect.astype(float),
            "hazard_untreated": usual.astype(float),
            f"effect_{WINDOW}d": leaves(usual * np.exp(effect)) - leaves(usual),
        }
    )
