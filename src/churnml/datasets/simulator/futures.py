"""The oracle: what could be known on a day by somebody who knows everything about that day, and nothing of the next.

Each customer's life is copied many times as it stands on the morning of a snapshot, and every copy lives on through the
outcome window by chance of its own. The shares of the outcomes among the copies are the chances that no model can beat:
the state of a copy is all that its future depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from churnml.datasets.simulator.life import FAR, Life
from churnml.datasets.simulator.log import Floats, Ints, Log
from churnml.datasets.simulator.run import CHUNK, Plan, begin, live
from churnml.datasets.simulator.tables import customer_ids

OUTCOMES = ("retained", "silent", "vocal")
_AT_A_TIME = 40_000
"""Copies that live side by side."""


@dataclass(frozen=True)
class Window:
    """The definition of the outcome: days of the window and days before it in which voice counts."""

    horizon_days: int
    lookback_days: int
    lead_days: int = 0


class _Deaf(Log):
    """Nobody reads what the copies leave behind."""

    def add(self, table: str, who: Ints, **columns: Any) -> None:
        """Forget it."""


def oracle(
    plan: Plan,
    customers: int,
    snapshots: Sequence[date],
    window: Window,
    *,
    copies: int = 200,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """The chance of each outcome for every customer who has not closed by the snapshot.

    Returns the columns `customer_id`, `snapshot` and `p_retained`, `p_silent`, `p_vocal`: shares among the copies,
    drawn towards the snapshot's mean by as much as one copy, so that none is 0 or 1. Their standard error is at most
    `0.5 / sqrt(copies)`.
    """
    ordered = sorted({(day - plan.start).days for day in snapshots})
    parts = []
    for first in range(0, customers, CHUNK):
        life = begin(plan, first, min(CHUNK, customers - first))
        ids = customer_ids(first, len(life)).to_numpy(zero_copy_only=False)
        for day in range(ordered[-1] + 1):
            if day in ordered:
                there = np.flatnonzero((life.people.joined < day) & (life.state.close_on >= day))
                chances = _chances(life, there, day, window, copies, plan.stream(first, 4, day))
                told = {f"p_{outcome}": chance for outcome, chance in zip(OUTCOMES, chances, strict=True)}
                snapshot = pd.Timestamp(plan.start) + pd.Timedelta(days=day)
                parts.append(pd.DataFrame({"customer_id": ids[there], "snapshot": snapshot} | told))
            life.close(day)
            live(life, day)
        if progress:
            progress(first + len(life), customers)
    return pd.concat(parts, ignore_index=True)


def _chances(life: Life, who: Ints, day: int, window: Window, copies: int, rng: np.random.Generator) -> Floats:
    """Outcomes x customers: the share of each outcome among a customer's copies."""
    size = max(1, _AT_A_TIME // copies)
    counts = [
        _counts(life.copies(who[at : at + size], copies, rng, _Deaf()), day, window).reshape(3, -1, copies).sum(axis=2)
        for at in range(0, len(who), size)
    ]
    counted = np.concatenate([np.zeros((3, 0)), *counts], axis=1)
    mean = (counted.sum(axis=1, keepdims=True) + 1) / (counted.sum() + 3)
    chances: Floats = (counted + mean) / (copies + 1)
    return chances


def _counts(life: Life, day: int, window: Window) -> np.ndarray:
    """Outcomes x copies: which one it was."""
    state = life.state
    opens, ends = day + window.lead_days, day + window.lead_days + window.horizon_days
    used = np.zeros(len(life), dtype=bool)
    closed = np.full(len(life), FAR)
    spoke = np.where(state.last_voice >= max(day - window.lookback_days, 0), state.last_voice, FAR)
    for now in range(day, ends):
        closed[state.close_on == now] = now
        today = live(life, now)
        used |= (today.sessions > 0) & (now >= opens)
        spoke = np.minimum(spoke, np.where(state.last_voice == now, now, FAR))
    gone = (closed < ends) | ~used
    vocal = gone & (spoke <= np.minimum(closed, ends - 1))
    return np.stack([~gone, gone & ~vocal, vocal])
