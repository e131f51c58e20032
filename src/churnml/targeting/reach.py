"""The channel through which an action would reach each customer, and what a contact costs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.config import plain_channel
from churnml.features.registry import safe
from churnml.insights.personas import preferred_channel


@dataclass(frozen=True)
class Reach:
    """For each customer (n,): `channel`, None where none is known, and `cost`, of a contact there."""

    channel: NDArray[np.object_]
    cost: NDArray[np.float64]


def reach(X: pd.DataFrame, channels: Mapping[str, float], otherwise: float) -> Reach:
    """Where each customer would be contacted: on the preferred channel, as far as contacts go out there.

    Parameters
    ----------
    X : (n, f) features; those of the family `channels` tell who uses which
    channels : the channels that contacts go out on, with the cost of one. Who prefers none of them is reached where
        they have been most in the last 90 days, or else where it is cheapest. Without any, the preferred channel it is
    otherwise : the cost of a contact without `channels`

    >>> X = pd.DataFrame({"prefers_channel_app": [1.0, 0.0], "prefers_channel_web": [0.0, 0.0]})
    >>> reach(X, {"App": 0.1, "letter": 1.0}, 2.0).channel.tolist(), reach(X, {}, 2.0).cost.tolist()
    (['App', 'App'], [2.0, 2.0])
    """
    preferred = preferred_channel(X)
    if not channels:
        return Reach(preferred, np.full(len(X), float(otherwise)))
    cheapest_first = sorted(channels, key=lambda name: (channels[name], name))
    place = _most_used(X, cheapest_first)
    known = {plain_channel(name): number for number, name in enumerate(cheapest_first)}
    for row, name in enumerate(preferred):
        if name is not None and (found := known.get(plain_channel(name))) is not None:
            place[row] = found
    names, costs = np.array(cheapest_first, dtype=object), np.array([channels[name] for name in cheapest_first])
    return Reach(names[place], costs[place].astype(np.float64))


def _most_used(X: pd.DataFrame, names: list[str]) -> NDArray[np.intp]:
    """Which of the channels each customer (n,) has used most lately; the first of them where that is not known."""
    place = np.zeros(len(X), dtype=np.intp)
    best = [_shares(X, names[0], days) for days in (90, 30)]
    for number, name in enumerate(names[1:], start=1):
        shares = [_shares(X, name, days) for days in (90, 30)]
        more = (shares[0] > best[0]) | ((shares[0] == best[0]) & (shares[1] > best[1]))
        place[more] = number
        best = [np.where(more, new, old) for new, old in zip(shares, best, strict=True)]
    return place


def _shares(X: pd.DataFrame, channel: str, days: int) -> NDArray[np.float64]:
    """The share (n,) of each customer's events of so many days that is on a channel; 0 where that is not known."""
    name = f"channel_share_{safe(plain_channel(channel))}_{days}d"
    shares: NDArray[np.float64] = np.zeros(len(X))
    if name in X:
        shares = np.nan_to_num(X[name].to_numpy(dtype=np.float64))
    return shares
