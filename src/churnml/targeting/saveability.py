"""Saveability as campaigns have taught it; what is assumed until then is in `churnml.targeting.value`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from churnml.targeting.effects import ThemeEffects
from churnml.targeting.value import ESTIMATED, Floats


@dataclass(frozen=True)
class Estimated:
    """The same share of leavers kept for all (`rate`), or by what drives each customer (`effects`).

    `why` says what it was estimated from; `pushes` gives, for features (n, f), what each theme pushes (n, themes).
    """

    why: str
    rate: float | None
    effects: ThemeEffects | None
    pushes: Callable[[pd.DataFrame], pd.DataFrame]

    @property
    def basis(self) -> str:
        """`estimated`."""
        return ESTIMATED

    def of(self, X: pd.DataFrame, p_leave: ArrayLike) -> Floats:
        """The saveability (n,) of customers with features `X` (n, f) and these chances (n,) of leaving at all."""
        if self.effects is None:
            return np.asarray(p_leave, dtype=np.float64) * (self.rate or 0.0)  # below 0 where contacts drive out
        return self.effects.saveability(self.pushes(X), np.asarray(p_leave, dtype=np.float64))
