"""What a search for parameters looks for: one figure of out-of-time chances, and which way is better."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from churnml.errors import ModelError
from churnml.metrics import scores
from churnml.metrics.profit import Campaign, ProfitRanking
from churnml.outcomes import OUTCOMES, SILENT

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.intp], NDArray[np.intp], Floats], float]
"""Numbers of the judged rows in the training table (m,), of their outcomes (m,), and chances (m, 3) -> the figure.

The numbers of the rows are there for figures that depend on more than the outcome, such as what a customer is worth.
A figure that cannot be computed on these rows is `nan`.
"""


@dataclass(frozen=True)
class Objective:
    """A figure by name, and whether a search makes it small or large; `inputs` tells figures of one name apart."""

    name: str
    direction: Literal["minimize", "maximize"]
    score: Score
    inputs: str = ""

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


def expected_profit(value: ArrayLike | None = None, campaign: Campaign | None = None) -> Objective:
    """What a campaign that keeps silent leavers earns: `churnml.metrics.profit.expected_maximum_profit`.

    Parameters
    ----------
    value : (n,) what each customer of the training table is worth, nan where unknown; None: one value for all
    campaign : costs and acceptance
    """
    worth = None if value is None else np.asarray(value, dtype=np.float64)

    def score(rows: NDArray[np.intp], code: NDArray[np.intp], chances: Floats) -> float:
        silent = OUTCOMES.index(SILENT)
        ranking = ProfitRanking(code == silent, chances[:, silent], None if worth is None else worth[rows], campaign)
        return ranking.expected_maximum()

    digest = hashlib.sha256(b"" if worth is None else worth.tobytes())
    digest.update(repr(campaign or Campaign()).encode())
    return Objective("expected_profit", "maximize", score, digest.hexdigest())


NAMES = ("log_loss", "average_precision", "expected_profit")
"""What can be named under `model.tuning.objective`: log loss of the three outcomes, or a figure of the silent one."""


def objective(name: str, value: ArrayLike | None = None, campaign: Campaign | None = None) -> Objective:
    """The objective of that name; `value` and `campaign` are those of `expected_profit`.

    >>> objective("average_precision").gain(0.41, over=0.40).__round__(2)
    0.01

    Raises
    ------
    ModelError
        There is none.
    """
    if name == "expected_profit":
        return expected_profit(value, campaign)
    for each in (LOG_LOSS, AVERAGE_PRECISION):
        if each.name == name:
            return each
    raise ModelError(f"no objective is called {name!r}", f"use one of {', '.join(NAMES)}")
