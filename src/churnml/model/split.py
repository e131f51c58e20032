"""Splits by time: train on snapshots whose outcomes were known when the test snapshot began."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.model_selection._split import GroupsConsumerMixin

from churnml.errors import ModelError

Rows = NDArray[np.intp]
Fold = Callable[[Rows, Rows], tuple[pd.DataFrame, pd.DataFrame]]
"""Row numbers of training and test rows -> X of each, with what is fitted being fitted on the training rows alone."""


def rows_of(X: pd.DataFrame) -> Fold:
    """The fold of a table of which nothing is fitted: its own rows."""
    return lambda train, test: (X.iloc[train], X.iloc[test])


class RollingOriginSplit(GroupsConsumerMixin, BaseCrossValidator):  # type: ignore[misc]
    """Rolling origin with embargo (Tashman 2000), usable wherever scikit-learn takes `cv`.

    Each of the last `n_splits` usable snapshots is a test set; its training set is every row of a snapshot s whose
    outcome window has ended by then: s + lead_days + horizon_days <= test snapshot.

    Parameters
    ----------
    n_splits : how many test snapshots at most; fewer when history is short
    horizon_days, lead_days : length of the outcome window, and days between the snapshot and its beginning

    >>> as_of = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"])
    >>> splitter = RollingOriginSplit(n_splits=2, horizon_days=60)
    >>> [(train.tolist(), test.tolist()) for train, test in splitter.split(as_of, groups=as_of)]
    [([0], [2]), ([0, 1], [3])]
    """

    def __init__(self, n_splits: int = 3, *, horizon_days: int, lead_days: int = 0) -> None:
        self.n_splits = n_splits
        self.horizon_days = horizon_days
        self.lead_days = lead_days

    def origins(self, groups: Any) -> list[pd.Timestamp]:
        """The test snapshots, earliest first; empty when no snapshot has a finished one before it."""
        snapshots = sorted(pd.Timestamp(value) for value in np.unique(_days(groups)))
        window = pd.Timedelta(days=self.lead_days + self.horizon_days)
        usable = [origin for origin in snapshots if snapshots[0] + window <= origin]
        return usable[-self.n_splits :]

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Row numbers of training and test rows per fold; `groups` holds each row's snapshot date (n,).

        Raises
        ------
        ModelError
            `groups` is missing, or history is too short for even one fold.
        """
        origins = self.origins(groups)
        if not origins:
            raise ModelError(
                f"no snapshot lies {self.lead_days + self.horizon_days} days or more after the first one",
                "more history is needed to test by time",
            )
        as_of = _days(groups)
        window = np.timedelta64(self.lead_days + self.horizon_days, "D")
        for origin in origins:
            day = origin.to_datetime64()
            yield np.flatnonzero(as_of + window <= day), np.flatnonzero(as_of == day)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds `split` gives for these snapshots (`n_splits` when they are not given)."""
        return self.n_splits if groups is None else len(self.origins(groups))


def _days(groups: Any) -> NDArray[np.datetime64]:
    if groups is None:
        raise ModelError("the split needs each row's snapshot date", "pass groups=as_of")
    days: NDArray[np.datetime64] = pd.DatetimeIndex(np.asarray(groups)).to_numpy().astype("datetime64[s]")
    return days
