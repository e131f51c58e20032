"""Gathers the rows of the raw tables while the days go by."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAY = 86_400
NEVER = np.int64(-1)
"""Stands for a time that does not exist; written as null."""


class Log:
    """Rows of every raw table, appended in pieces and joined once at the end.

    >>> log = Log()
    >>> log.add("payments", who=np.array([3, 5]), at=7, status=0)
    >>> log.table("payments")["at"].tolist()
    [7, 7]
    """

    def __init__(self) -> None:
        self._pieces: dict[str, dict[str, list[NDArray[Any]]]] = defaultdict(lambda: defaultdict(list))

    def add(self, table: str, who: NDArray[np.int64], **columns: Any) -> None:
        """Append one row per entry of `who`; a plain number is given to all of them."""
        if len(who) == 0:
            return
        pieces = self._pieces[table]
        pieces["who"].append(who)
        for name, values in columns.items():
            pieces[name].append(np.broadcast_to(np.asarray(values), who.shape))

    def table(self, name: str) -> dict[str, NDArray[Any]]:
        """The rows of one table as columns; empty if there are none."""
        return {column: np.concatenate(pieces) for column, pieces in self._pieces[name].items()}


def moments(day: int, size: int, rng: np.random.Generator, hour: float = 15.0) -> NDArray[np.int64]:
    """Times of one day, in seconds since the simulation's start, between eight and midnight and around `hour`."""
    share = (hour - 8.0) / 16.0
    hours = 8.0 + 16.0 * rng.beta(5 * share, 5 * (1 - share), size)
    return day * DAY + np.minimum(hours * 3600, DAY - 60).astype(np.int64)
