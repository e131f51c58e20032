"""What a search for parameters looks for: one figure of out-of-time chances, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from churnml.errors import ModelError
from churnml.metrics import scores
from churnml.outcomes import OUTCOMES, SILENT

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.intp], NDArray[np.intp], Floats], float]
"""Numbers of the judged rows in the training table (m,), of their outcomes (m,), and chances (m, 3) -> the figure.

The numbers of the rows are there for figures that depend on more than the outcome, such as what a customer is worth.
A figure that cannot be computed on these rows is `nan`.
"""


@dataclass(frozen=True)
class Objective:
    """A figure by name, and whether a search makes it small or large."""

    name: str
    direction: Literal["minimize", "maximize"]
    score: Score

    def gain(self, value: float, over: float) -> float:
        """By how much `value` is better than `over`; negative when it is worse."""
        return over - value if self.direction == "minimize" else value - over

    def can_judge(self, rows: NDArray[np.intp], code: NDArray[np.intp]) -> bool:
        """Whether the figure can be computed on rows with these outcomes."""
        even = np.full((len(code), len(OUTCOMES)), 1 / len(OUTCOMES))
        return bool(np.isfinite(self.score(rows, code, even)))


def _average_precision(rows: NDArray[np.intp], code: NDArray[np.intp], chances: Floats) -> float:
    column = OUTCOMES.index(SILENT)
    return scores.average_precision(code == column, chances[:, column])


LOG_LOSS = Objective("log_loss", "minimize", lambda rows, code, chances: scores.log_loss(code, chances))
AVERAGE_PRECISION = Objective("average_precision", "maximize", _average_precision)

OBJECTIVES = {each.name: each for each in (LOG_LOSS, AVERAGE_PRECISION)}
"""What can be named under `model.tuning.objective`: log loss of the three outcomes, average precision of silent."""


def objective(name: str) -> Objective:
    """The objective of that name.

    >>> objective("average_precision").gain(0.41, over=0.40).__round__(2)
    0.01

    Raises
    ------
    ModelError
        There is none.
    """
    if name not in OBJECTIVES:
        raise ModelError(f"no objective is called {name!r}", f"use one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
