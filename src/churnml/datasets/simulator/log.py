"""Gathers the rows of the raw tables while the days go by."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

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

    def add(self, table: str, who: Ints, **columns: Any) -> None:
        """Append one row per entry of `who`; a plain number is given to all of them."""
        if len(who) == 0:
            return
        pieces = self._pieces[table]
        pieces["who"].append(who)
        for name, values in columns.items():
            pieces[name].append(values if isinstance(values, np.ndarray) else np.full(len(who), values))

    def table(self, name: str) -> dict[str, NDArray[Any]]:
        """The rows of one table as columns; empty if there are none."""
        return {column: np.concatenate(pieces) for column, pieces in self._pieces[name].items()}


def moments(day: int | Ints, size: int, rng: np.random.Generator, hour: float = 15.0) -> Ints:
    """Times of a day, in seconds since the simulation's start, between eight and midnight and around `hour`.

    The sum of three uniform numbers, bent so that its mean lies at `hour`.
    """
    first, second, third = rng.random((3, size))
    share = (first + second + third) / 3
    hours = 8.0 + 16.0 * share ** (np.log((hour - 8.0) / 16.0) / np.log(0.5))
    seconds: Ints = np.minimum(hours * 3600, DAY - 60).astype(np.int64)
    return day * DAY + seconds
