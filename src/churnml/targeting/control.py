"""The control group: customers drawn by lot who are never contacted, so that one day the difference can be seen."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

EPOCH = date(2000, 1, 1)
"""The first day of the first period."""


def period_of(as_of: date, control_days: int) -> int:
    """The number of the period that a day lies in: all periods are `control_days` long, and the first began in 2000.

    >>> period_of(date(2000, 1, 7), 7), period_of(date(2000, 1, 8), 7)
    (0, 1)
    """
    return (as_of - EPOCH).days // control_days


def begins(as_of: date, control_days: int) -> date:
    """The first day of the period that a day lies in.

    >>> begins(date(2024, 7, 1), 182).isoformat()
    '2024-06-01'
    """
    return EPOCH + timedelta(days=period_of(as_of, control_days) * control_days)


def campaign_id(project: str, as_of: date, control_days: int) -> str:
    """The name of what the customers of one control period are assigned to.

    >>> campaign_id("shop", date(2024, 7, 1), 182)
    'shop-2024-06-01'
    """
    return f"{project}-{begins(as_of, control_days)}"


def control_group(group_ids: ArrayLike, *, project: str, seed: int, period: int, share: float) -> NDArray[np.bool_]:
    """Who (n,) is in the control group: `share` of all persons or households, by a hash of their ids.

    A household is in it together. The same night gives the same group again, and so does every night of a period;
    the next period has another one. Nothing else is known of those who are drawn, so the group is like all others.

    >>> control_group(["a", "b", "a"], project="shop", seed=2, period=1, share=0.5).tolist()
    [False, True, False]
    """
    codes, groups = pd.factorize(np.asarray(group_ids, dtype=object))
    limit = int(share * 2**64)
    drawn = np.array([_lot(project, seed, period, str(group)) < limit for group in groups], dtype=bool)
    return drawn[codes] if len(groups) else np.zeros(len(codes), dtype=bool)


def _lot(project: str, seed: int, period: int, group: str) -> int:
    """A number below 2^64 that depends on all of these, and on nothing else."""
    text = json.dumps([project, seed, period, group], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
